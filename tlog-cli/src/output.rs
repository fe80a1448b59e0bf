//! Where results go: standard output, or a file that appears only when it is whole.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::exit::usage;
use crate::input::is_dash;

/// Standard output without line buffering.
pub fn stdout() -> io::BufWriter<io::StdoutLock<'static>> {
    io::BufWriter::with_capacity(256 << 10, io::stdout().lock())
}

/// Writes a finished text to standard output.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// A binary result: a temporary file beside its place, or standard output.
pub enum Binary {
    Temporary { file: NamedTempFile, place: PathBuf, force: bool },
    Stdout(io::Stdout),
}

impl Binary {
    /// Prepares the output; refuses what exists unless `force`, one of the `inputs`, and a terminal.
    pub fn create(place: &Path, force: bool, inputs: &[&Path]) -> anyhow::Result<Self> {
        if is_dash(place) {
            let stdout = io::stdout();
            return match stdout.is_terminal() {
                true => Err(usage("refusing to write a log to a terminal; redirect it or use -o FILE")),
                false => Ok(Self::Stdout(stdout)),
            };
        }
        let shown = || place.display().to_string();
        if place.exists() && inputs.iter().any(|input| is_same_file(input, place)) {
            return Err(usage(format!("{}: input and output are the same file", shown())));
        }
        if place.exists() && !force {
            return Err(usage(format!("{} exists; use --force to overwrite it", shown())));
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(".tlog-").suffix(".tmp").tempfile_in(folder).with_context(shown)?;
        Ok(Self::Temporary { file, place: place.to_owned(), force })
    }

    /// Puts the whole result in its place and makes that last.
    pub fn commit(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(mut stdout) => Ok(stdout.flush()?),
            Self::Temporary { file, place, force } => {
                let shown = || place.display().to_string();
                set_usual_permissions(file.as_file()).with_context(shown)?;
                file.as_file().sync_all().with_context(shown)?;
                let persisted = if force { file.persist(&place) } else { file.persist_noclobber(&place) };
                persisted.map_err(|e| e.error).with_context(shown)?;
                sync_folder_of(&place).with_context(shown)
            }
        }
    }
}

impl Write for Binary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Temporary { file, .. } => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Temporary { file, .. } => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Temporary files are private; results are readable as any new file is.
#[cfg(unix)]
fn set_usual_permissions(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // The mask of the process cannot be read without setting it; 644 is what nearly all masks leave.
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_usual_permissions(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder_of(place: &Path) -> io::Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder_of(_: &Path) -> io::Result<()> {
    Ok(())
}
