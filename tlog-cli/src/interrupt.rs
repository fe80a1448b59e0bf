//! Ctrl-C and termination while outputs are being written: they are removed before the process ends.
//!
//! Commands that write nothing keep the system's way: they end at once.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use tempfile::NamedTempFile;

/// What a shell reports of a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// The files that must not stay if the process ends now.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

static HANDLER: Once = Once::new();

/// Creates a temporary file that an interrupted process removes. The signal waits while it is created,
/// so that it never stays.
pub fn create_temporary(create: impl FnOnce() -> io::Result<NamedTempFile>) -> io::Result<NamedTempFile> {
    // Without a handler an interrupted process leaves its temporary file: untidy, and nothing else.
    HANDLER.call_once(|| drop(ctrlc::set_handler(remove_and_exit)));
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    let file = create()?;
    unfinished.insert(file.path().to_owned());
    Ok(file)
}

/// Creates what writes into a temporary folder, which an interrupted process removes with all that is in it.
pub fn create_temporary_folder<T, E>(
    create: impl FnOnce() -> Result<T, E>,
    folder: impl FnOnce(&T) -> Option<PathBuf>,
) -> Result<T, E> {
    HANDLER.call_once(|| drop(ctrlc::set_handler(remove_and_exit)));
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    let created = create()?;
    unfinished.extend(folder(&created));
    Ok(created)
}

/// The temporary file is in its place, or gone.
pub fn finished(temporary: &Path) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).remove(temporary);
}

fn remove_and_exit() {
    // Held to the end, so that no more are created.
    let unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    // Whether that works or not, this is the end.
    unfinished.iter().for_each(|temporary| remove(temporary));
    std::process::exit(INTERRUPTED);
}

fn remove(temporary: &Path) {
    match temporary.is_dir() {
        // Somebody may still be putting files into it.
        true => drop((0..3).find_map(|_| std::fs::remove_dir_all(temporary).ok())),
        false => drop(std::fs::remove_file(temporary)),
    }
}
