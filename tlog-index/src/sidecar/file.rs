//! The file: a header that says which log it belongs to, and sections that are read when they are needed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tlog::read::ReadAt;
use tlog::{Error, Result};

use super::bytes::{In, Malformed, Taken, check};
use super::stamp::LogState;
use super::{Unusable, VERSION};

/// What a sidecar starts with. The line ends show whether it was carried over as text.
const MAGIC: [u8; 8] = *b"TLOGX\r\n\x1a";

/// How many sections there are.
const SECTIONS: usize = 3;

/// How long the header is, in bytes: magic, version, flags, size, time, stamp, the sections, and its own checksum.
const HEADER: usize = MAGIC.len() + 4 + 4 + 8 + 8 + 4 + SECTIONS * (8 + 4) + 4;

/// Flags: the ranges of fields are there, and checksums were verified.
const FIELDS: u32 = 1;
const VERIFIED: u32 = 2;

/// A part of a sidecar, in the order of the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Section {
    /// The records that the others refer to.
    Types = 0,
    /// Front, place and tail of the index.
    Index = 1,
    /// The ranges of fields of front and tail.
    Fields = 2,
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub log: LogState,
    pub stamp: u32,
    pub has_fields: bool,
    pub is_verified: bool,
    sections: [(u64, u32); SECTIONS],
}

/// A sidecar that has been opened.
pub(super) struct Opened {
    file: File,
    pub header: Header,
}

impl Opened {
    /// Opens a sidecar and reads its header. `Ok(Err(…))` when there is none that can be used.
    pub fn open(path: &Path) -> Result<Result<Self, Unusable>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Err(Unusable::Absent)),
            Err(e) => return Err(Error::io_at(path, e)),
        };
        let header = read_header(&file).map_err(|e| Error::io_at(path, e))?;
        Ok(header.map(|header| Self { file, header }))
    }

    /// A section, its checksum right.
    pub fn section(&self, section: Section) -> io::Result<Taken<Vec<u8>>> {
        let sections = self.header.sections;
        let before = sections.iter().take(section as usize).map(|(len, _)| len).sum::<u64>();
        let Some(&(len, crc)) = sections.get(section as usize) else { return Ok(Err(Malformed)) };
        // Opening has checked that the sections are as long as the file.
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?];
        self.file.read_exact_at(HEADER as u64 + before, &mut bytes)?;
        Ok(check(crc32fast::hash(&bytes) == crc).map(|()| bytes))
    }
}

fn read_header(file: &File) -> io::Result<Result<Header, Unusable>> {
    let size = file.size()?;
    let mut bytes = [0; HEADER];
    let known = bytes.get_mut(..HEADER.min(usize::try_from(size).unwrap_or(HEADER))).unwrap_or_default();
    file.read_exact_at(0, known)?;
    Ok(parse(&bytes, size))
}

/// The header of a sidecar of `size` bytes.
fn parse(header: &[u8; HEADER], size: u64) -> Result<Header, Unusable> {
    let mut bytes = In::new(header);
    let version = match bytes.array() {
        Ok(MAGIC) => u32::from_le_bytes(bytes.array().map_err(|_| Unusable::Damaged)?),
        _ => return Err(Unusable::Foreign),
    };
    if version != VERSION {
        return Err(Unusable::Version(version));
    }
    parse_fields(bytes, header, size).map_err(|_| Unusable::Damaged)
}

fn parse_fields(mut bytes: In<'_>, header: &[u8; HEADER], size: u64) -> Taken<Header> {
    let flags = u32::from_le_bytes(bytes.array()?);
    let log = LogState { size: u64::from_le_bytes(bytes.array()?), modified: i64::from_le_bytes(bytes.array()?) };
    let stamp = u32::from_le_bytes(bytes.array()?);
    let mut sections = [(0, 0); SECTIONS];
    let mut len = HEADER as u64;
    for section in &mut sections {
        *section = (u64::from_le_bytes(bytes.array()?), u32::from_le_bytes(bytes.array()?));
        len = len.checked_add(section.0).ok_or(Malformed)?;
    }
    let crc = u32::from_le_bytes(bytes.array()?);
    let (front, _) = header.split_at(HEADER - 4);
    check(crc == crc32fast::hash(front) && len == size && flags & !(FIELDS | VERIFIED) == 0)?;
    let has = |flag| flags & flag != 0;
    Ok(Header { log, stamp, has_fields: has(FIELDS), is_verified: has(VERIFIED), sections })
}

/// What is to be written.
pub(super) struct Contents {
    pub log: LogState,
    pub stamp: u32,
    pub has_fields: bool,
    pub is_verified: bool,
    /// In the order of [`Section`].
    pub sections: [Vec<u8>; SECTIONS],
}

impl Contents {
    fn header(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((flag(self.has_fields, FIELDS) | flag(self.is_verified, VERIFIED)).to_le_bytes());
        bytes.extend(self.log.size.to_le_bytes());
        bytes.extend(self.log.modified.to_le_bytes());
        bytes.extend(self.stamp.to_le_bytes());
        for section in &self.sections {
            bytes.extend((section.len() as u64).to_le_bytes());
            bytes.extend(crc32fast::hash(section).to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Writes a temporary file beside `path` and puts it in its place when it is whole.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        readable_as_any_new_file(builder.prefix(".tlog-").suffix(".tmp"));
        // The system's message would tell the name of the temporary file.
        let mut file = builder.tempfile_in(folder).map_err(|e| io::Error::from(e.kind()))?;
        file.write_all(&self.header())?;
        self.sections.iter().try_for_each(|section| file.write_all(section))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        sync_folder(folder)
    }
}

/// Temporary files are private by default; a sidecar is as readable as the process makes any new file.
#[cfg(unix)]
fn readable_as_any_new_file(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_as_any_new_file(_: &mut tempfile::Builder<'_, '_>) {}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
