//! The index saved beside its log, `FILE.tlogx`: opening a log of any size and finding a place in it then costs no scan.
//!
//! ```text
//!            header │ types │ index: front, place, tail │ ranges of fields: front, tail
//!            │        each record   as a scan gives it     read only when they are asked for
//!            │        once
//!            └ version, which log, a checksum of itself and of each section
//! ```
//!
//! `docs/sidecar.md` says what each byte means. What is needed for a seek comes first, and everything is small:
//! ascending numbers are kept as steps.
//!
//! A sidecar is never believed unchecked. It holds for its log as long as that has the same size, time of
//! modification and samples of content ([`Freshness`]); if the log is longer and the samples of what it was are the
//! same, the index grows ([`scan::grow`]); otherwise it is made anew. What is in it is checked as a log is: no
//! number leads outside of the log or to more memory than a small multiple of the sidecar's size.

pub(crate) mod bytes;
mod damage;
mod file;
mod log_index;
mod place;
mod record;
mod stamp;
mod types;

use std::fs::File;
use std::path::{Path, PathBuf};

use tlog::{Error, Log, Result};

use crate::index::LogIndex;
use crate::scan::{self, Progress, ScanOptions, Scanned};
use bytes::{In, Out, Taken, check};
use file::{Contents, Opened, Section};
pub use stamp::LogState;
use types::{Types, TypesOut};

/// The version that is written and read.
const VERSION: u32 = 1;

/// Why a sidecar cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// There is none.
    #[error("there is no sidecar")]
    Absent,
    /// The system does not let it be read.
    #[error("the sidecar cannot be read")]
    Unreadable,
    /// A file of that name is there, which is something else.
    #[error("it is no sidecar")]
    Foreign,
    /// It was written by another version of this software.
    #[error("it has version {0}, not {VERSION}")]
    Version(u32),
    /// Its checksum is wrong, or what is in it cannot be.
    #[error("it is damaged")]
    Damaged,
    /// The log has become shorter.
    #[error("the log was {was} bytes long and is {is}")]
    Shorter {
        /// How long the log was, in bytes.
        was: u64,
        /// How long it is.
        is: u64,
    },
    /// The log has the same size and another time of modification.
    #[error("the log was modified")]
    Modified,
    /// What was sampled of the log is not the same.
    #[error("the log's content is another")]
    Content,
    /// The log has grown, and was damaged or very short: what is made of that can depend on how it goes on.
    #[error("the log has grown, and was damaged or very short")]
    NoFront,
    /// It has no ranges of fields, which are asked for.
    #[error("it has no ranges of fields")]
    NoFields,
    /// The log's checksums were not verified, which is asked for.
    #[error("it was made without verifying checksums")]
    Unverified,
}

/// How a sidecar stands to its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The log is as it was.
    Fresh,
    /// The log was this long, in bytes, has grown, and is in front of that as it was.
    Grown(u64),
    /// The sidecar tells nothing of the log as it is.
    Stale(Unusable),
}

/// What was found beside a log.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// The index of the log as it is.
    Fresh(Scanned),
    /// The index of the log as it was when it was shorter, from which [`scan::grow`] goes on.
    Grown(Scanned),
    /// Nothing that can be used.
    None(Unusable),
}

/// How an index was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was saved.
    Loaded,
    /// It was saved and has grown with the log, which had so many bytes.
    Grown(u64),
    /// It was made anew, as the saved one cannot be used.
    Built(Unusable),
    /// It was made anew, as was asked for.
    Rebuilt,
}

/// What [`refresh`] and [`rebuild`] give.
#[derive(Debug)]
pub struct Refreshed {
    /// The index of the whole log.
    pub index: LogIndex,
    /// How it was come by.
    pub how: How,
    /// Why it could not be saved: the folder may be read-only. The index is none the worse for it.
    pub unsaved: Option<Error>,
}

/// Where the sidecar of a log is: `flight.tlogx` for `flight.tlog`, and `flight.bin.tlogx` for `flight.bin`.
pub fn path_of(log: &Path) -> PathBuf {
    if log.extension().is_some_and(|extension| extension == "tlog") {
        return log.with_extension("tlogx");
    }
    let mut name = log.as_os_str().to_owned();
    name.push(".tlogx");
    name.into()
}

/// How the sidecar of a log stands to it, from its header and a few samples of the log. What else is in it may
/// still turn out to be damaged when it is loaded.
///
/// # Errors
/// [`Error::Io`].
pub fn freshness(log: &Path) -> Result<Freshness> {
    match Opened::open(&path_of(log))? {
        Ok(sidecar) => freshness_of(&sidecar, log),
        Err(why) => Ok(Freshness::Stale(why)),
    }
}

fn freshness_of(sidecar: &Opened, log: &Path) -> Result<Freshness> {
    let header = sidecar.header;
    let now = LogState::now(log)?;
    let (was, is) = (header.log.size, now.size);
    if is < was {
        return Ok(Freshness::Stale(Unusable::Shorter { was, is }));
    }
    if is == was && !header.log.is_untouched(&now) {
        return Ok(Freshness::Stale(Unusable::Modified));
    }
    let stamp = File::open(log).and_then(|file| stamp::stamp(&file, was)).map_err(|e| Error::io_at(log, e))?;
    Ok(match stamp == header.stamp {
        false => Freshness::Stale(Unusable::Content),
        true if is == was => Freshness::Fresh,
        true => Freshness::Grown(was),
    })
}

/// Loads the index that is saved beside a log: one at least as good as `options` would give. Ranges of fields are
/// left out where they are not asked for.
///
/// # Errors
/// [`Error::Io`]. That there is no sidecar, or a wrong one, is [`Loaded::None`].
pub fn load(log: &Path, options: &ScanOptions) -> Result<Loaded> {
    match Opened::open(&path_of(log))? {
        Ok(sidecar) => load_from(&sidecar, log, options),
        Err(why) => Ok(Loaded::None(why)),
    }
}

fn load_from(sidecar: &Opened, log: &Path, options: &ScanOptions) -> Result<Loaded> {
    let lacks = match sidecar.header {
        header if options.verify && !header.is_verified => Some(Unusable::Unverified),
        header if options.fields && !header.has_fields => Some(Unusable::NoFields),
        _ => None,
    };
    let freshness = freshness_of(sidecar, log)?;
    if let Freshness::Stale(why) = freshness {
        return Ok(Loaded::None(why));
    }
    if let Some(why) = lacks {
        return Ok(Loaded::None(why));
    }
    let loaded = read(sidecar, options.fields).map_err(|e| Error::io_at(path_of(log), e))?;
    Ok(match (loaded, freshness) {
        (Ok(scanned), Freshness::Fresh) => Loaded::Fresh(scanned),
        (Ok(scanned), _) => Loaded::Grown(scanned),
        (Err(_), _) => Loaded::None(Unusable::Damaged),
    })
}

fn read(sidecar: &Opened, with_fields: bool) -> std::io::Result<Taken<Scanned>> {
    let (types, index) = (sidecar.section(Section::Types)?, sidecar.section(Section::Index)?);
    let fields = if with_fields { Some(sidecar.section(Section::Fields)?) } else { None };
    let size = sidecar.header.log.size;
    Ok(types.and_then(|types| decode(&types, &index?, fields.transpose()?.as_deref(), size)))
}

fn decode(types: &[u8], index: &[u8], fields: Option<&[u8]>, size: u64) -> Taken<Scanned> {
    let types = Types::take(types)?;
    let mut bytes = In::new(index);
    let mut front = log_index::take(&types, 0, size, &mut bytes)?;
    let place = place::take(&types, size, &mut bytes)?;
    check(front.size == 0 || front.size == place.offset)?;
    let mut tail = log_index::take(&types, place.offset, size, &mut bytes)?;
    check(tail.size == size)?;
    bytes.end()?;
    if let Some(fields) = fields {
        let mut bytes = In::new(fields);
        log_index::take_fields(&mut front, &mut bytes)?;
        log_index::take_fields(&mut tail, &mut bytes)?;
        bytes.end()?;
    }
    Ok(Scanned { front, place, tail })
}

/// Saves the index of a log beside it, and says where: it replaces the one that is there when it is whole on the disk.
/// `bytes` are the log that was scanned with these options, `state` the one in which its file was before.
///
/// # Errors
/// [`Error::Io`], and [`Error::Usage`] when the index is not of these bytes.
pub fn save(log: &Path, bytes: &[u8], state: LogState, scanned: &Scanned, options: &ScanOptions) -> Result<PathBuf> {
    if scanned.tail.size != bytes.len() as u64 || state.size != bytes.len() as u64 {
        return Err(Error::Usage("the index to be saved is of another log".to_owned()));
    }
    let path = path_of(log);
    let mut types = TypesOut::default();
    let (mut index, mut fields) = (Out::default(), Out::default());
    log_index::put(&scanned.front, &mut types, &mut index);
    place::put(&scanned.place, &mut types, &mut index);
    log_index::put(&scanned.tail, &mut types, &mut index);
    if options.fields {
        log_index::put_fields(&scanned.front, &mut fields);
        log_index::put_fields(&scanned.tail, &mut fields);
    }
    let contents = Contents {
        log: state,
        stamp: stamp::stamp(bytes, state.size)?,
        has_fields: options.fields,
        is_verified: options.verify,
        sections: [types.finish(), index.0, fields.0],
    };
    contents.write(&path).map_err(|e| Error::io_at(&path, e))?;
    Ok(path)
}

/// The index of a log: loaded where it is saved, grown where the log has, else made anew; and saved.
/// An index that was saved with the ranges of fields grows with them, even if they are not asked for.
///
/// # Errors
/// As [`Log::open`] and [`scan::scan`]. That it cannot be saved is no error: [`Refreshed::unsaved`].
pub fn refresh(log: &Path, options: &ScanOptions, progress: &Progress) -> Result<Refreshed> {
    let mut options = options.clone();
    let load = |options: &_| load(log, options).unwrap_or(Loaded::None(Unusable::Unreadable));
    let mut loaded = load(&options);
    if matches!(loaded, Loaded::Grown(_)) && has_fields(log) && !options.fields {
        options.fields = true;
        loaded = load(&options);
    }
    let (known, how) = match loaded {
        Loaded::Fresh(scanned) => {
            return Ok(Refreshed { index: scanned.into_index(), how: How::Loaded, unsaved: None });
        }
        Loaded::Grown(scanned) if scanned.front.size == 0 => (Scanned::default(), How::Built(Unusable::NoFront)),
        Loaded::Grown(scanned) => {
            let was = scanned.tail.size;
            (scanned, How::Grown(was))
        }
        Loaded::None(why) => (Scanned::default(), How::Built(why)),
    };
    make(log, &options, progress, known, how)
}

/// Makes the index of a log anew, whatever is saved, and saves it.
///
/// # Errors
/// As [`refresh`].
pub fn rebuild(log: &Path, options: &ScanOptions, progress: &Progress) -> Result<Refreshed> {
    make(log, options, progress, Scanned::default(), How::Rebuilt)
}

fn make(log: &Path, options: &ScanOptions, progress: &Progress, known: Scanned, how: How) -> Result<Refreshed> {
    let opened = Log::open(log)?;
    let state = LogState::of(log, opened.bytes())?;
    let scanned = scan::grow(opened.bytes(), options, progress, known)?;
    let unsaved = save(log, opened.bytes(), state, &scanned, options).err();
    Ok(Refreshed { index: scanned.into_index(), how, unsaved })
}

fn has_fields(log: &Path) -> bool {
    Opened::open(&path_of(log)).is_ok_and(|sidecar| sidecar.is_ok_and(|sidecar| sidecar.header.has_fields))
}
