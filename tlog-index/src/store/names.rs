//! What the files of a store are called, and which there are.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tlog::{Error, Result};

/// What a writer holds locked while it has the store open.
pub(super) const LOCK: &str = ".lock";

/// The largest number that a segment can have: names must sort as the numbers do.
pub(super) const MAX_NUMBER: u64 = 9_999_999_999;

/// The number of digits in a name.
const DIGITS: usize = 10;

/// What stands behind the digits in the name of a segment.
const EXTENSION: &str = ".tlog";

/// What a file of a store is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A segment.
    Segment(u64),
    /// Bytes of this segment that could not be used.
    Torn(u64),
    /// Something that was not completed.
    Unfinished,
}

/// What a file with this name is; `None` when it does not belong to the store.
pub(super) fn role(name: &OsStr) -> Option<Role> {
    let (digits, rest) = name.to_str()?.split_at_checked(DIGITS)?;
    let number = if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok()? } else { return None };
    match rest.strip_prefix(EXTENSION)? {
        "" => Some(Role::Segment(number)),
        rest if rest.ends_with(".tmp") => Some(Role::Unfinished),
        rest if rest.starts_with(".torn") => Some(Role::Torn(number)),
        _ => None,
    }
}

/// The segment with this number.
pub(super) fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:0DIGITS$}{EXTENSION}"))
}

/// A segment's file name with something behind it.
pub(super) fn beside(segment: &Path, suffix: &str) -> PathBuf {
    let mut name = segment.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Where the bytes of a segment that could not be used are kept: the first such place, the second, …
pub(super) fn torn(segment: &Path, attempt: u32) -> PathBuf {
    match attempt {
        0 | 1 => beside(segment, ".torn"),
        n => beside(segment, &format!(".torn.{n}")),
    }
}

/// The numbers of the segments that there are, ascending.
pub(super) fn numbers(dir: &Path) -> Result<Vec<u64>> {
    let io = |e: io::Error| Error::io_at(dir, e);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        if let Some(Role::Segment(number)) = role(&entry.map_err(io)?.file_name()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The segments of the store in the folder `dir`, in order of writing. Each is a log on its own; the last may be growing.
///
/// # Errors
/// [`Error::Io`], when the folder cannot be read.
pub fn segments(dir: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let dir = dir.as_ref();
    Ok(numbers(dir)?.into_iter().map(|number| segment(dir, number)).collect())
}

/// Whether there is a store at `path`: a folder with a segment in it, or with nothing but the lock of a store in which
/// nothing has been written yet.
pub fn is_store(path: impl AsRef<Path>) -> bool {
    let Ok(entries) = fs::read_dir(path) else { return false };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    let has_segment = names.iter().any(|name| matches!(role(name), Some(Role::Segment(_))));
    has_segment || names.as_slice() == [LOCK]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_files_are() {
        for (name, expected) in [
            ("0000000001.tlog", Some(Role::Segment(1))),
            ("9999999999.tlog", Some(Role::Segment(MAX_NUMBER))),
            ("0000000007.tlog.torn", Some(Role::Torn(7))),
            ("0000000007.tlog.torn.2", Some(Role::Torn(7))),
            ("0000000007.tlog.torn.tmp", Some(Role::Unfinished)),
            ("0000000007.tlog.tmp", Some(Role::Unfinished)),
            ("0000000007.tlogx", None),
            ("0000000007.tlog.tlogx", None),
            ("000000007.tlog", None),
            ("00000000017.tlog", None),
            ("+000000007.tlog", None),
            ("flight.tlog", None),
            (".lock", None),
            ("äöüäö.tlog", None),
        ] {
            assert_eq!(role(OsStr::new(name)), expected, "{name}");
        }
        let dir = Path::new("d");
        assert_eq!(segment(dir, 12), Path::new("d/0000000012.tlog"));
        assert!(segment(dir, 99) < segment(dir, 100));
        assert_eq!(torn(&segment(dir, 1), 1), Path::new("d/0000000001.tlog.torn"));
        assert_eq!(torn(&segment(dir, 1), 2), Path::new("d/0000000001.tlog.torn.2"));
    }
}
