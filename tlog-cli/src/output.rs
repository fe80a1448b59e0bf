//! Where results go: standard output, or a file that appears only when it is whole.

use std::io::{self, IsTerminal, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use crate::exit::usage;
use crate::input::is_dash;
use crate::interrupt;

/// How messages call standard output.
pub const STDOUT: &str = "standard output";

/// Standard output without line buffering.
pub fn stdout() -> io::BufWriter<io::StdoutLock<'static>> {
    io::BufWriter::with_capacity(256 << 10, io::stdout().lock())
}

/// Writes a finished text to standard output.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context(STDOUT)
}

/// A binary result: a temporary file beside its place, or standard output.
pub enum Binary {
    Temporary { file: NamedTempFile, place: PathBuf, force: bool },
    Stdout(io::Stdout),
}

impl Binary {
    /// How messages call this output.
    pub fn name(&self) -> String {
        match self {
            Self::Temporary { place, .. } => place.display().to_string(),
            Self::Stdout(_) => STDOUT.to_owned(),
        }
    }

    /// Prepares the output; refuses what exists unless `force`, one of the `inputs`, and a terminal.
    pub fn create(place: &Path, force: bool, inputs: &[&Path]) -> anyhow::Result<Self> {
        if is_dash(place) {
            let stdout = io::stdout();
            return match stdout.is_terminal() {
                true => Err(usage("refusing to write a log to a terminal; redirect it or use -o FILE")),
                false => Ok(Self::Stdout(stdout)),
            };
        }
        refuse_existing(place, force, inputs)?;
        // A link stays: what it points at is replaced.
        let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
        let folder = folder_of(&place);
        if !folder.is_dir() {
            bail!("{}: there is no such folder", folder.display());
        }
        let file = temporary_for(&place);
        let file = file.with_context(|| place.display().to_string())?;
        Ok(Self::Temporary { file, place, force })
    }

    /// Maps what has been written so far, as the system gives it back; `None` of standard output, which gives nothing back.
    pub fn read_back(&self) -> anyhow::Result<Option<tlog::Log>> {
        let Self::Temporary { file, place, .. } = self else { return Ok(None) };
        let log =
            file.as_file().sync_all().map_err(tlog::Error::from).and_then(|()| tlog::Log::map_any(file.as_file()));
        log.map(Some).with_context(|| place.display().to_string())
    }

    /// Puts the whole result in its place and makes that last.
    pub fn commit(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(mut stdout) => stdout.flush().context(STDOUT),
            Self::Temporary { file, place, force } => {
                let shown = || place.display().to_string();
                file.as_file().sync_all().with_context(shown)?;
                let temporary = file.path().to_owned();
                let persisted = if force { file.persist(&place) } else { file.persist_noclobber(&place) };
                persisted.map_err(|e| e.error).with_context(shown)?;
                interrupt::finished(&temporary);
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

/// A temporary file beside the place of an output; gone if the process is interrupted.
pub fn temporary_for(place: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    readable_as_any_new_file(builder.prefix(".tlog-").suffix(".tmp"));
    // The system's message would tell the name of the temporary file.
    interrupt::create_temporary(|| builder.tempfile_in(folder_of(place)).map_err(|e| io::Error::from(e.kind())))
}

impl Seek for Binary {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Temporary { file, .. } => file.seek(to),
            Self::Stdout(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Refuses what is there unless `force`, and one of the `inputs`.
pub fn refuse_existing(place: &Path, force: bool, inputs: &[&Path]) -> anyhow::Result<()> {
    let Ok(there) = place.metadata() else { return Ok(()) };
    let shown = place.display();
    if inputs.iter().any(|input| is_same_file(input, place)) {
        return Err(usage(format!("{shown}: input and output are the same file")));
    }
    if !there.is_file() {
        return Err(usage(format!("{shown} is not a regular file; to write into it use -o - and redirect")));
    }
    if !force {
        return Err(usage(format!("{shown} exists; use --force to overwrite it")));
    }
    Ok(())
}

/// The folder that a file is in.
pub fn folder_of(place: &Path) -> &Path {
    place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Temporary files are private by default; results are as readable as the process makes any new file.
#[cfg(unix)]
fn readable_as_any_new_file(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_as_any_new_file(_: &mut tempfile::Builder<'_, '_>) {}

/// Makes what was renamed in the folder of a file last.
#[cfg(unix)]
pub fn sync_folder_of(place: &Path) -> io::Result<()> {
    std::fs::File::open(folder_of(place))?.sync_all()
}

#[cfg(not(unix))]
pub fn sync_folder_of(_: &Path) -> io::Result<()> {
    Ok(())
}
