//! What is in a file of a card: at a glance, by a few of its heads; and all of it that is used.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use tlog::wire::batch::SECTOR;
use tlog::wire::{Batch, IndexBlock};

use super::Extent;
use crate::batches::{Counts, HeadOnly, filler_len, first_head, later_head};

/// How many sectors are searched for a head at once: no batch is larger.
const WINDOW: usize = 512;

/// How many bytes a head takes at most, and the start of a first batch.
const HEAD: usize = 8192;

/// So much is copied at once, in bytes.
const CHUNK: usize = 1 << 20;

/// How much of the end of a file may be its index, in bytes.
const END: u64 = 1 << 16;

/// How the log in a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// There is no log.
    Empty,
    /// Its writer closed it.
    Closed,
    /// Behind a batch: the power went, or it is still being written.
    Open,
    /// Inside a batch.
    Cut,
    /// Nobody can say: the start of the log is lost.
    Unknown,
}

/// What a few heads of a file tell. Nothing of it is verified but these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// How it ends.
    pub ending: Ending,
    /// Its session.
    pub session: Option<u32>,
    /// How many batches it has.
    pub batches: u64,
    /// How many bytes are used.
    pub bytes: u64,
    /// The time of the first batch, by the device's clock, in microseconds.
    pub first_time: Option<i64>,
    /// The time of the last batch.
    pub last_time: Option<i64>,
    /// What the writer had counted by then.
    pub counts: Counts,
}

/// Looks at a file, reading a few places of it.
///
/// # Errors
/// Those of the system.
pub fn glance(file: &Extent) -> io::Result<Glance> {
    let mut start = vec![0; HEAD];
    let read = file.read_at(0, &mut start)?;
    let start = start.get(..read).unwrap_or_default();
    let Some(first) = first_head(start) else {
        let is_empty = start.iter().take(SECTOR).all(|&byte| byte == 0);
        let ending = if is_empty { Ending::Empty } else { Ending::Unknown };
        let (counts, bytes) = (Counts::default(), 0);
        return Ok(Glance { ending, session: None, batches: 0, bytes, first_time: None, last_time: None, counts });
    };
    let (at, last) = last_head(file, first)?;
    let end = at.saturating_add(bytes_of(&last.batch));
    Ok(Glance {
        ending: ending(file, end)?,
        session: Some(first.batch.session),
        batches: u64::from(last.batch.sequence) + 1,
        bytes: end.min(file.len),
        first_time: Some(first.time),
        last_time: Some(last.time),
        counts: (&last.batch).into(),
    })
}

fn bytes_of(batch: &Batch) -> u64 {
    // One that has no sectors would not lead on.
    u64::from(batch.sectors.max(1)) * SECTOR as u64
}

/// The last head of the session that `first` begins, and where it is: found by halving, as batches are written in order.
fn last_head(file: &Extent, first: HeadOnly) -> io::Result<(u64, HeadOnly)> {
    let (mut at, mut last) = (0_u64, first);
    let mut end = file.len;
    loop {
        let next = at.saturating_add(bytes_of(&last.batch));
        if end.saturating_sub(next) <= (WINDOW * SECTOR) as u64 {
            break;
        }
        let middle = (next + (end - next) / 2) / SECTOR as u64 * SECTOR as u64;
        match find(file, middle, &last)? {
            Some(found) => (at, last) = found,
            None => end = middle,
        }
    }
    while let Some((there, head)) = head_at(file, at.saturating_add(bytes_of(&last.batch)), &last)? {
        (at, last) = (there, head);
    }
    Ok((at, last))
}

/// The first head that follows `last`, in a window from `from` on.
fn find(file: &Extent, from: u64, last: &HeadOnly) -> io::Result<Option<(u64, HeadOnly)>> {
    let mut window = vec![0; WINDOW * SECTOR + HEAD];
    let read = file.read_at(from, &mut window)?;
    let window = window.get(..read).unwrap_or_default();
    for start in (0..WINDOW * SECTOR).step_by(SECTOR) {
        let Some(rest) = window.get(start..) else { break };
        if let Some(head) = later_head(rest).filter(|head| follows(head, last)) {
            return Ok(Some((from + start as u64, head)));
        }
    }
    Ok(None)
}

fn head_at(file: &Extent, at: u64, last: &HeadOnly) -> io::Result<Option<(u64, HeadOnly)>> {
    let mut bytes = vec![0; HEAD];
    let read = file.read_at(at, &mut bytes)?;
    let head = bytes.get(..read).and_then(later_head);
    Ok(head.filter(|head| follows(head, last)).map(|head| (at, head)))
}

fn follows(head: &HeadOnly, last: &HeadOnly) -> bool {
    head.batch.session == last.batch.session && head.batch.sequence > last.batch.sequence
}

/// How a log ends whose last batch ends here.
fn ending(file: &Extent, at: u64) -> io::Result<Ending> {
    if at >= file.len {
        return Ok(if at == file.len { Ending::Open } else { Ending::Cut });
    }
    let mut sector = [0; SECTOR];
    let read = file.read_at(at, &mut sector)?;
    let Some(len) = sector.get(..read).and_then(filler_len) else { return Ok(Ending::Cut) };
    let end = at.saturating_add(len);
    let mut trailer = vec![0; usize::try_from(END).unwrap_or(0)];
    let from = file.len.saturating_sub(END);
    let read = file.read_at(from, &mut trailer)?;
    let size = trailer.get(..read).and_then(IndexBlock::trailer);
    let is_closed = size.is_some_and(|size| end.saturating_add(u64::from(size)) == file.len);
    Ok(if is_closed { Ending::Closed } else { Ending::Open })
}

/// Copies what is used of a file into `to`, which gets the length of the file: up to the filler behind the last batch,
/// and the end, where an index may be. Where that filler is not found it is all of the file. `copied` is told of bytes.
///
/// # Errors
/// Those of the system.
pub fn used(file: &Extent, to: &mut File, mut copied: impl FnMut(u64)) -> io::Result<()> {
    to.set_len(file.len)?;
    let mut chunk = vec![0; CHUNK];
    let mut place = Some(Next::Start);
    let mut at = 0;
    while at < file.len {
        let read = file.read_at(at, &mut chunk)?;
        let bytes = chunk.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        to.seek(SeekFrom::Start(at))?;
        to.write_all(bytes)?;
        at += read as u64;
        copied(at);
        // Heads may lie across the end of a chunk: they are read again.
        while let Some(next) = place.filter(|next| next.place().saturating_add(HEAD as u64) <= at) {
            place = match next.step(file)? {
                Step::Batch(next) => Some(next),
                Step::End => return copy_end(file, to),
                Step::Lost => None,
            };
        }
    }
    Ok(())
}

/// Where the next head is expected.
#[derive(Clone, Copy)]
enum Next {
    Start,
    Behind(u64, HeadOnly),
}

enum Step {
    Batch(Next),
    End,
    Lost,
}

impl Next {
    fn place(self) -> u64 {
        match self {
            Self::Start => 0,
            Self::Behind(at, _) => at,
        }
    }

    fn step(self, file: &Extent) -> io::Result<Step> {
        let mut bytes = vec![0; HEAD];
        let read = file.read_at(self.place(), &mut bytes)?;
        let bytes = bytes.get(..read).unwrap_or_default();
        let head = match self {
            Self::Start => first_head(bytes),
            Self::Behind(_, last) => later_head(bytes).filter(|head| follows(head, &last)),
        };
        Ok(match head {
            Some(head) => Step::Batch(Self::Behind(self.place().saturating_add(bytes_of(&head.batch)), head)),
            None if matches!(self, Self::Behind(..)) && filler_len(bytes).is_some() => Step::End,
            None => Step::Lost,
        })
    }
}

fn copy_end(file: &Extent, to: &mut File) -> io::Result<()> {
    let from = file.len.saturating_sub(END);
    let mut end = vec![0; usize::try_from(file.len - from).unwrap_or(0)];
    let read = file.read_at(from, &mut end)?;
    to.seek(SeekFrom::Start(from))?;
    to.write_all(end.get(..read).unwrap_or_default())
}
