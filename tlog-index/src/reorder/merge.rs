//! Merging sorted runs through a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::Path;

use tlog::Result;

use super::chunk::Entry;
use super::runs::{Run, RunReader, Runs, Spilled};

/// A run is read through a buffer of at least so many bytes, or in a further pass.
const LEAST_BUFFER: usize = 16 << 10;

/// And at most so many.
const MOST_BUFFER: usize = 1 << 20;

/// Several runs as one.
#[derive(Debug)]
pub(super) struct Merge {
    spilled: Spilled,
    /// Place of each log's input among the inputs.
    ranks: Vec<u32>,
    readers: Vec<RunReader>,
    heads: BinaryHeap<Reverse<Head>>,
}

/// The next entry of a run. Of one input, an earlier run has what came earlier.
#[derive(Debug)]
struct Head {
    rank: u32,
    run: usize,
    entry: Entry,
}

impl Head {
    const fn place(&self) -> (Option<i64>, u32, usize) {
        (self.entry.key, self.rank, self.run)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

/// All runs as one, with buffers of `memory` bytes together; and in how many passes.
pub(super) fn merge(runs: Runs, ranks: Vec<u32>, memory: usize, folder: &Path) -> Result<(Merge, u64)> {
    let fan_in = (memory / LEAST_BUFFER).max(2);
    let mut passes = 1;
    let (mut spilled, mut runs) = runs.seal()?;
    let mut ranks = ranks;
    while runs.len() > fan_in {
        let mut fewer = Runs::new(folder);
        for group in runs.chunks(fan_in) {
            let mut merge = Merge::new(spilled, ranks, group, memory)?;
            fewer.begin(None);
            while let Some(entry) = merge.next()? {
                fewer.push(&entry)?;
            }
            (spilled, ranks) = (merge.spilled, merge.ranks);
        }
        (spilled, runs) = fewer.seal()?;
        passes += 1;
    }
    Ok((Merge::new(spilled, ranks, &runs, memory)?, passes))
}

impl Merge {
    fn new(spilled: Spilled, ranks: Vec<u32>, runs: &[Run], memory: usize) -> Result<Self> {
        let buffer = (memory / runs.len().max(1)).min(MOST_BUFFER);
        let readers = runs.iter().map(|run| RunReader::new(run, buffer)).collect();
        let mut merge = Self { spilled, ranks, readers, heads: BinaryHeap::with_capacity(runs.len()) };
        for run in 0..merge.readers.len() {
            if let Some(head) = merge.head(run)? {
                merge.heads.push(Reverse(head));
            }
        }
        Ok(merge)
    }

    fn head(&mut self, run: usize) -> Result<Option<Head>> {
        let Some(reader) = self.readers.get_mut(run) else { return Ok(None) };
        let rank = |entry: &Entry| self.ranks.get(entry.log as usize).copied().unwrap_or_default();
        Ok(reader.next(&self.spilled)?.map(|entry| Head { rank: rank(&entry), run, entry }))
    }

    /// The least of the next entries.
    pub fn next(&mut self) -> Result<Option<Entry>> {
        let Some(Reverse(least)) = self.heads.peek() else { return Ok(None) };
        let (entry, run) = (least.entry, least.run);
        let following = self.head(run)?;
        let Some(mut least) = self.heads.peek_mut() else { return Ok(None) };
        match following {
            Some(head) => *least = Reverse(head),
            None => drop(PeekMut::pop(least)),
        }
        Ok(Some(entry))
    }
}
