//! `tlog card`: memory cards that firmware logs to. Here is what its commands share.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, bail};
use tlog_index::card::{self, Card, CardError};

use crate::exit::usage;

/// From here on a time is one of the world: 2001-01-01. Before it, it counts from when a device began to run.
const WORLD: i64 = 978_307_200_000_000;

/// Opens a card.
pub fn open(path: &Path) -> anyhow::Result<Card> {
    let shown = || path.display().to_string();
    let kind = path.metadata().with_context(shown)?.file_type();
    if kind.is_dir() {
        return card::open_folder(path).with_context(shown);
    }
    if !kind.is_file() && !is_block_device(kind) {
        return Err(usage(format!("{} is neither a device of a card, nor an image of one, nor a folder", shown())));
    }
    let file = File::open(path).with_context(shown)?;
    match card::open(file) {
        Err(CardError::NotACard(_)) if is_log(path) => {
            bail!("{}: it is not a card but a log of one: `tlog recover` makes a whole log of it", shown())
        }
        other => other.with_context(shown),
    }
}

fn is_log(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; tlog::wire::MAGIC.len()];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut head).is_ok() && head == tlog::wire::MAGIC)
}

#[cfg(unix)]
pub fn is_block_device(kind: std::fs::FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&kind)
}

#[cfg(not(unix))]
pub fn is_block_device(_: std::fs::FileType) -> bool {
    false
}

/// A time of a device for reading.
pub fn time(micros: i64) -> String {
    match micros >= WORLD {
        true => tlog::Micros(micros).to_string(),
        false => format!("{}.{:03} s", micros / 1_000_000, (micros % 1_000_000).abs() / 1000),
    }
}
