//! Where the blocks of a segment go: into a file that ends on a whole block, whatever happens.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tlog::wire::block::FILE_HEADER;
use tlog::wire::{BlockHeader, MAGIC};
use tlog::write::SyncData;

use super::locked;
use super::shelf::Shelf;
use super::system::Growing;

/// A segment's file while it is written.
#[derive(Debug)]
pub(super) struct SegmentFile {
    file: Arc<dyn Growing>,
    /// How long the file is, in bytes: whole blocks.
    len: AtomicU64,
    /// Set when the file must not be written to any more, and to what.
    broken: Mutex<Option<io::ErrorKind>>,
}

impl SegmentFile {
    pub(super) fn new(file: Arc<dyn Growing>) -> Self {
        Self { file, len: AtomicU64::new(0), broken: Mutex::new(None) }
    }

    pub(super) fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    /// Makes what was appended last.
    ///
    /// # Errors
    /// What the system says, again at each further call: the system itself tells of lost data only once.
    pub(super) fn sync(&self) -> io::Result<()> {
        let mut broken = locked(&self.broken);
        if let Some(kind) = *broken {
            return Err(kind.into());
        }
        self.file.sync().inspect_err(|e| *broken = Some(e.kind()))
    }

    /// Appends whole blocks. When that fails, the file ends behind the last block that fitted; how many
    /// bytes did, and the error.
    pub(super) fn append(&self, blocks: &[u8]) -> Result<(), (usize, io::Error)> {
        if locked(&self.broken).is_some() {
            // Not of the kind that making room helps against.
            return Err((0, io::Error::other("the file is not written to any more, after an earlier error")));
        }
        let start = self.len();
        let (appended, error) = self.append_bytes(blocks);
        let Some(error) = error else {
            self.len.store(start + blocks.len() as u64, Ordering::Relaxed);
            return Ok(());
        };
        let whole = whole_blocks(&blocks[..appended]);
        if whole < appended
            && let Err(e) = self.file.truncate(start + whole as u64)
        {
            *locked(&self.broken) = Some(e.kind());
        }
        self.len.store(start + whole as u64, Ordering::Relaxed);
        Err((whole, error))
    }

    fn append_bytes(&self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut appended = 0;
        while appended < bytes.len() {
            match self.file.append(&bytes[appended..]) {
                Ok(0) => return (appended, Some(io::ErrorKind::WriteZero.into())),
                Ok(more) => appended = (appended + more).min(bytes.len()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return (appended, Some(e)),
            }
        }
        (appended, None)
    }
}

/// How many bytes at the front of `bytes` are whole blocks. A file header counts as one: nothing else starts so.
fn whole_blocks(bytes: &[u8]) -> usize {
    let mut whole = if bytes.starts_with(&FILE_HEADER) { FILE_HEADER.len() } else { 0 };
    if whole == 0 && MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]) {
        return 0;
    }
    while let Some(len) = whole_block(&bytes[whole..]) {
        whole += len;
    }
    whole
}

fn whole_block(bytes: &[u8]) -> Option<usize> {
    let len = usize::try_from(BlockHeader::parse(bytes).ok()?.block_len()?).ok()?;
    (len <= bytes.len()).then_some(len)
}

/// What a segment's writer writes to.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) file: Arc<SegmentFile>,
    /// From where older segments can be deleted when the disk is full; `None` when that is not wanted.
    pub(super) make_room: Option<Arc<Shelf>>,
}

impl Write for Sink {
    /// Takes all of a batch of whole blocks, or fails with some of the first of them in the file.
    fn write(&mut self, batch: &[u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Err((more, error)) = self.file.append(&batch[done..]) {
            done += more;
            make_room(self.make_room.as_deref(), error)?;
        }
        Ok(batch.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SyncData for Sink {
    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

/// Deletes the oldest segment if the disk is full and that helps.
///
/// # Errors
/// The error, when it does not.
pub(super) fn make_room(shelf: Option<&Shelf>, error: io::Error) -> io::Result<()> {
    use io::ErrorKind::{QuotaExceeded, StorageFull, WriteZero};
    let Some(shelf) = shelf.filter(|_| matches!(error.kind(), StorageFull | QuotaExceeded | WriteZero)) else {
        return Err(error);
    };
    match shelf.delete_oldest() {
        Ok(true) => Ok(()),
        Ok(false) => Err(io::Error::new(error.kind(), format!("{error}; no older segment is left to make room"))),
        Err(e) => Err(io::Error::new(error.kind(), format!("{error}; making room failed: {e}"))),
    }
}
