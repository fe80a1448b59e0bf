//! Outputs of many files: each is a temporary one beside its place until all are whole.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail};
use tempfile::TempPath;
use tlog_convert::tables::{Reopened, Sink};

use crate::exit::usage;
use crate::interrupt;
use crate::output::{folder_of, refuse_existing, sync_folder_of, temporary_for};

/// So many files are synchronized at once: the system then writes them together.
const SYNCING: usize = 8;

/// Files that are being written.
#[derive(Debug, Default)]
pub struct Outputs {
    files: Vec<Output>,
}

#[derive(Debug)]
struct Output {
    /// Until it is in its place.
    temporary: Option<TempPath>,
    path: PathBuf,
    place: PathBuf,
    force: bool,
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(self.temporary.take());
        interrupt::finished(&self.path);
    }
}

impl Outputs {
    /// Begins the file that is to be at `place`; folders are made as needed. Refuses what exists unless `force`, and one
    /// of the `inputs`.
    pub fn create(&mut self, place: &Path, force: bool, inputs: &[PathBuf]) -> anyhow::Result<Reopened> {
        let shown = || place.display().to_string();
        make_folder(folder_of(place))?;
        let inputs: Vec<&Path> = inputs.iter().map(AsRef::as_ref).collect();
        refuse_existing(place, force, &inputs)?;
        if self.files.iter().rev().take(1).any(|file| file.place == place) {
            bail!("{}: two outputs of one name", shown());
        }
        let temporary = temporary_for(place).with_context(shown)?.into_temp_path();
        let path = temporary.to_path_buf();
        self.files.push(Output { temporary: Some(temporary), path: path.clone(), place: place.to_owned(), force });
        Ok(Reopened::new(path))
    }

    /// The places of all files.
    pub fn places(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.place.as_path())
    }

    /// Puts all files, which are whole now, in their places, and makes that last.
    pub fn commit(self) -> anyhow::Result<()> {
        self.sync()?;
        let mut folders = BTreeSet::new();
        for mut file in self.files {
            let Some(temporary) = file.temporary.take() else { continue };
            let renamed = match file.force {
                true => temporary.persist(&file.place),
                false => temporary.persist_noclobber(&file.place),
            };
            renamed.map_err(|e| e.error).with_context(|| file.place.display().to_string())?;
            folders.insert(folder_of(&file.place).to_owned());
        }
        folders
            .iter()
            .try_for_each(|folder| sync_folder_of(&folder.join("-")).with_context(|| folder.display().to_string()))
    }

    fn sync(&self) -> anyhow::Result<()> {
        let next = AtomicUsize::new(0);
        let work = || -> anyhow::Result<()> {
            while let Some(file) = self.files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let synced = fs::File::open(&file.path).and_then(|file| file.sync_all());
                synced.with_context(|| file.place.display().to_string())?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..SYNCING.min(self.files.len())).map(|_| scope.spawn(work)).collect();
            let mine = work();
            others.into_iter().fold(mine, |done, other| done.and(other.join().unwrap_or(Ok(()))))
        })
    }
}

/// Standard output, for tables.
#[derive(Debug)]
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush()
    }
}

impl Sink for Stdout {
    fn rest(&mut self) -> io::Result<()> {
        self.flush()
    }
}

/// Makes the folder if it is not there.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    match fs::metadata(folder) {
        Ok(there) if !there.is_dir() => Err(usage(format!("{} is not a folder", folder.display()))),
        Ok(_) => Ok(()),
        Err(_) => fs::create_dir_all(folder).with_context(|| folder.display().to_string()),
    }
}
