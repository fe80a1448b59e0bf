//! The first look: which records does the log declare only behind their data, and which have checksums?

use std::collections::HashSet;
use std::sync::Arc;

use tlog::Result;
use tlog::read::{Cause, Data, Event, RecordType, SliceReader};

use super::RecoverOptions;
use super::rebase::Clock;
use super::stretches::{self, Part, Parts};
use crate::by_id::ById;

/// So many identifiers are remembered at most.
const MAX_IDENTIFIERS: usize = 1 << 16;

/// How long the schemas of late declarations may be together, in bytes.
const MAX_SCHEMAS: usize = 64 << 20;

/// How often progress is told of, in records.
pub(super) const TELL_EVERY: u64 = 1 << 12;

/// A record has checksums if so many times more of its blocks have one than have none.
const MOSTLY: u64 = 4;

/// The search for late declarations.
struct Search {
    missed: HashSet<u64>,
    found: HashSet<u64>,
    /// For schemas, in bytes.
    room: usize,
}

impl Search {
    fn skipped(&mut self, cause: &Cause) {
        if let Cause::Undeclared(identifier) = cause
            && self.missed.len() + self.found.len() < MAX_IDENTIFIERS
        {
            self.missed.insert(*identifier);
        }
    }

    /// The record, if it is one whose data came first.
    fn declared(&mut self, record: &Arc<RecordType>) -> Option<Arc<RecordType>> {
        let size = record.name.len() + record.schema_bytes.len();
        let is_late = self.missed.remove(&record.identifier) && self.found.insert(record.identifier);
        self.room = self.room.checked_sub(if is_late { size } else { return None })?;
        Some(Arc::clone(record))
    }
}

/// What the second look must know from the start.
#[derive(Default)]
pub(super) struct Survey {
    /// The records whose data begins before their only declarations.
    pub late: Vec<Arc<RecordType>>,
    /// What the log says of the time of the world, if that is wanted.
    pub clock: Clock,
    rebase: bool,
    /// How many data blocks of each identifier have a checksum, and how many have none.
    checksums: ById<[u64; 2]>,
    /// How many identifiers these are.
    identifiers: usize,
}

impl Survey {
    /// # Errors
    /// None that a log can cause: reading skips what is broken.
    pub fn of(bytes: &[u8], parts: &Parts, known: &[Arc<RecordType>], options: &RecoverOptions) -> Result<Self> {
        let mut survey = Self { rebase: options.rebase, ..Self::default() };
        let mut search = Search { missed: HashSet::new(), found: HashSet::new(), room: MAX_SCHEMAS };
        let mut place = None;
        for part in &parts.list {
            let Part::Read { range, .. } = part else { continue };
            let mut reader = stretches::reader(bytes, range, options.read_options(known.to_vec()), place)?;
            survey.read(&mut reader, &mut search, options)?;
            place = reader.place();
        }
        survey.clock.ready();
        Ok(survey)
    }

    fn read(&mut self, reader: &mut SliceReader<'_>, search: &mut Search, options: &RecoverOptions) -> Result<()> {
        let mut turns = 0_u64;
        loop {
            turns += 1;
            if turns.is_multiple_of(TELL_EVERY) {
                options.tell(reader.offset());
            }
            if let Some(data) = reader.next_intact() {
                self.data(&data);
                continue;
            }
            match reader.next_event()? {
                Some(Event::Data(data)) => self.data(&data),
                Some(Event::Skipped(skipped)) => search.skipped(&skipped.cause),
                Some(Event::Schema(record)) => self.late.extend(search.declared(record)),
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }

    fn data(&mut self, data: &Data<'_>) {
        if self.rebase {
            self.clock.note(data);
        }
        let at = usize::from(data.checksum.is_none());
        match self.checksums.get_mut(data.record.identifier) {
            Some(counts) => counts[at] += 1,
            None if self.identifiers < MAX_IDENTIFIERS => {
                let mut counts = [0; 2];
                counts[at] = 1;
                self.identifiers += 1;
                self.checksums.insert(data.record.identifier, counts);
            }
            None => {}
        }
    }

    /// Whether a block without a checksum cannot be believed, as nearly all others of its record have one. Its flags
    /// are damaged then, and something else too: one wrong bit alone the reader sees. A record that *is* written now and
    /// then without a checksum loses those blocks here; whoever writes so says that damage to them may go unnoticed.
    pub fn must_have_checksum(&self, identifier: u64) -> bool {
        let [with, without] = self.checksums.get(identifier).copied().unwrap_or_default();
        with >= without.saturating_mul(MOSTLY)
    }
}
