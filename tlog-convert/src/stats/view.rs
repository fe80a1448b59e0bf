//! Some values of an array, evenly spaced: those of a field in the items of fixed arrays.

use std::borrow::Cow;

use arrow_buffer::{BooleanBuffer, NullBuffer};

/// The values at `start`, `start + stride`, … of an array, without those that are missing.
#[derive(Clone, Debug)]
pub struct View {
    start: usize,
    stride: usize,
    count: usize,
    /// Which of the values are there, if not all.
    is_there: Option<BooleanBuffer>,
}

impl View {
    /// All of so many values.
    pub const fn all(count: usize) -> Self {
        Self { start: 0, stride: 1, count, is_there: None }
    }

    /// Without those that are missing in the array.
    pub fn without(&self, nulls: Option<&NullBuffer>) -> Self {
        let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { return self.clone() };
        let is_there = self.at().map(|(row, at)| self.is_there(row) && nulls.is_valid(at)).collect();
        Self { is_there: Some(is_there), ..self.clone() }
    }

    /// Of fixed arrays of `len` items that are viewed, the items at this position.
    pub fn item(&self, position: usize, len: usize) -> Self {
        Self { start: self.start * len + position, stride: self.stride * len, ..self.clone() }
    }

    /// Rows and where their values are, missing ones too.
    fn at(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.count).map(|row| (row, self.start + row * self.stride))
    }

    fn is_there(&self, row: usize) -> bool {
        self.is_there.as_ref().is_none_or(|is_there| is_there.value(row))
    }

    /// Rows and where their values are.
    pub fn present(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.at().filter(|(row, _)| self.is_there(*row))
    }

    /// How many values are missing.
    pub fn missing(&self) -> usize {
        self.is_there.as_ref().map_or(0, |is_there| self.count - is_there.count_set_bits())
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.count - self.missing()
    }

    /// The rows that have values, if not all.
    pub fn rows(&self) -> Option<Vec<usize>> {
        self.is_there.as_ref().map(|_| self.present().map(|(row, _)| row).collect())
    }

    /// The values.
    pub fn of<'a, T: Copy>(&self, values: &'a [T]) -> Cow<'a, [T]> {
        if self.stride == 1 && self.is_there.is_none() {
            return Cow::Borrowed(values.get(self.start..self.start + self.count).unwrap_or_default());
        }
        if self.is_there.is_none() {
            let from = values.get(self.start..).unwrap_or_default();
            return Cow::Owned(from.iter().step_by(self.stride).take(self.count).copied().collect());
        }
        Cow::Owned(self.present().filter_map(|(_, at)| values.get(at).copied()).collect())
    }

    /// All items of lists that are viewed, if they stand together in one run.
    pub fn run(&self, offsets: &[i32]) -> Option<Self> {
        if self.stride != 1 || self.is_there.is_some() {
            return None;
        }
        let (first, last) = (offsets.get(self.start)?, offsets.get(self.start + self.count)?);
        let (start, end) = (*first as usize, *last as usize);
        Some(Self { start, stride: 1, count: end.saturating_sub(start), is_there: None })
    }

    /// Where the items are of lists that are viewed.
    pub fn places(&self, offsets: &[i32]) -> Vec<u64> {
        let range = |at: usize| {
            let (from, to) = (offsets.get(at).copied().unwrap_or(0), offsets.get(at + 1).copied().unwrap_or(0));
            from as u64..to as u64
        };
        self.present().flat_map(|(_, at)| range(at)).collect()
    }
}
