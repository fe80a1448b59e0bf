//! Logs all of whose bytes must be at hand, whatever is in them: for recovering and verifying.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use anyhow::Context;
use tlog::Log;

use crate::exit::usage;
use crate::input::{self, is_dash};
use crate::source::{Part, Source};

/// The bytes of a part of a log. A file is mapped. A stream, and a file that is being written, is copied into a
/// temporary file first, which has no name and is gone with the process.
///
/// `None` when it was deleted meanwhile, as happens to the oldest segments of a store that is written.
pub fn open(source: &Source, part: &Part) -> anyhow::Result<Option<Log>> {
    let shown = || part.name.clone();
    if is_dash(&part.path) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(usage("standard input is a terminal; give a log or pipe one in"));
        }
        return Ok(Some(copied(stdin.lock()).with_context(shown)?));
    }
    if source.is_store && !part.path.exists() {
        return Ok(None);
    }
    let file = input::open_file(&part.path)?;
    let is_stream = !file.metadata().with_context(shown)?.is_file();
    let log = if part.grows() || is_stream { copied(file) } else { Log::map_any(&file).map_err(Into::into) };
    Ok(Some(log.with_context(shown)?))
}

fn copied(mut from: impl Read) -> anyhow::Result<Log> {
    let folder = std::env::temp_dir();
    let mut copy = scratch(&folder)?;
    io::copy(&mut from, &mut copy)
        .with_context(|| format!("copying it into a temporary file in {}", folder.display()))?;
    Ok(Log::map_any(&copy)?)
}

/// A file without a name, which is gone with the process.
pub fn scratch(folder: &Path) -> anyhow::Result<File> {
    tempfile::tempfile_in(folder).with_context(|| format!("a temporary file in {}", folder.display()))
}
