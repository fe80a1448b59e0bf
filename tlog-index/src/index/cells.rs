//! Where along the log a record occurs.

use tlog::Micros;

use super::record::Times;

/// What one span has of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which span.
    pub span: u32,
    /// How many instances start in it.
    pub count: u32,
    /// From when to when; `None` when none of them has a time.
    pub times: Option<Times>,
    /// The block with the greatest time, of equal ones the last, in bytes from the start of the file; of
    /// instances without a time the last.
    pub best: u64,
    /// The last block, in bytes from the start of the file.
    pub last: u64,
}

impl Cell {
    /// A span's first instance.
    #[inline]
    pub(super) fn new(span: u32, offset: u64, time: Option<Micros>) -> Self {
        Self { span, count: 1, times: time.map(Times::at), best: offset, last: offset }
    }

    /// One more instance in the same span.
    #[inline]
    pub(super) fn add(&mut self, offset: u64, time: Option<Micros>) {
        self.count = self.count.saturating_add(1);
        self.last = offset;
        match (&mut self.times, time) {
            (Some(times), Some(time)) => {
                if time >= times.last {
                    self.best = offset;
                }
                *times = times.and(Times::at(time));
            }
            (None, time) => (self.times, self.best) = (time.map(Times::at), offset),
            (Some(_), None) => {}
        }
    }

    /// What follows in the same span.
    fn append(&mut self, later: &Self) {
        self.count = self.count.saturating_add(later.count);
        self.last = later.last;
        match (self.times, later.times) {
            (Some(times), Some(more)) => {
                if more.last >= times.last {
                    self.best = later.best;
                }
                self.times = Some(times.and(more));
            }
            (None, Some(_)) => (self.times, self.best) = (later.times, later.best),
            (None, None) => self.best = later.best,
            (Some(_), None) => {}
        }
    }
}

/// Adds a cell behind others, joining it with the last where both are of one span.
pub(super) fn push(cells: &mut Vec<Cell>, cell: Cell) {
    match cells.last_mut() {
        Some(last) if last.span == cell.span => last.append(&cell),
        _ => cells.push(cell),
    }
}

/// Makes spans longer by this power of two.
pub(super) fn coarsen(cells: &mut Vec<Cell>, shift: u32) {
    let mut coarse = Vec::with_capacity(cells.len() >> shift.min(4));
    for cell in cells.iter() {
        push(&mut coarse, Cell { span: cell.span >> shift, ..*cell });
    }
    *cells = coarse;
}
