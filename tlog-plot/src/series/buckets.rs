//! Buckets of equal width over a range that doubles when it is left.

use super::Link;
use super::bucket::{Along, Sample};

/// The narrowest bucket, so that its inverse is finite.
const NARROWEST: f64 = 1e-290;

/// The points, all of them while they are few, or what is kept of them in each bucket.
#[derive(Debug)]
pub struct Buckets<B> {
    /// How many buckets there may be: even.
    most: usize,
    /// The points before there are buckets, and whether the line starts at each.
    few: Vec<(Sample, bool)>,
    /// What is kept in each bucket, and whether the line starts there; empty while the points are few.
    slots: Vec<Option<(B, bool)>>,
    /// How many slots are filled.
    filled: usize,
    /// Where the first bucket begins.
    start: f64,
    /// How wide a bucket is.
    width: f64,
    /// One over the width.
    per_width: f64,
}

impl<B: Along> Buckets<B> {
    pub fn new(most: usize) -> Self {
        let most = most.clamp(16, 1 << 24) & !1;
        Self { most, few: Vec::new(), slots: Vec::new(), filled: 0, start: 0.0, width: 1.0, per_width: 1.0 }
    }

    /// Adds a point, at which a line starts or not.
    pub fn add(&mut self, sample: Sample, starts: bool) {
        let key = B::key(&sample);
        if self.slots.is_empty() {
            self.few.push((sample, starts));
            if self.few.len() > self.most {
                self.begin();
            }
            return;
        }
        let mut position = (key - self.start) * self.per_width;
        while !(position >= 0.0 && position < self.most as f64) {
            self.double_towards(key);
            position = (key - self.start) * self.per_width;
        }
        match self.slots.get_mut(position as usize) {
            Some(Some((bucket, _))) => bucket.add(sample),
            Some(slot) => {
                *slot = Some((B::of(sample), starts));
                self.filled += 1;
            }
            None => {}
        }
    }

    /// How many points are held.
    pub fn held(&self) -> usize {
        self.few.len() + self.filled * B::MOST
    }

    /// Passes on all that is kept, in the order in which it is joined.
    pub fn visit(mut self, mut take: impl FnMut(Sample, Link)) {
        // What is sorted is cut where it was cut as it came.
        self.few.sort_by(|a, b| B::compare(&a.0, &b.0));
        for (sample, starts) in &self.few {
            take(*sample, if *starts { Link::Starts } else { Link::Follows });
        }
        for (bucket, starts) in self.slots.iter().flatten() {
            let mut link = if *starts { Link::Starts } else { Link::Follows };
            let mut previous = None;
            for sample in bucket.samples() {
                if previous != Some(sample.along) {
                    take(sample, link);
                }
                (link, previous) = (Link::Within, Some(sample.along));
            }
        }
    }

    /// Puts the points that there are into buckets, half of which they fill.
    fn begin(&mut self) {
        let few = std::mem::take(&mut self.few);
        let keys = few.iter().map(|(sample, _)| B::key(sample));
        let (lo, hi) = keys.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), key| (lo.min(key), hi.max(key)));
        // Not so narrow that the sums of start and widths are lost in rounding.
        let finest = lo.abs().max(hi.abs()) * (4.0 * f64::EPSILON);
        self.width = ((hi - lo) / (self.most / 2) as f64).max(finest).max(NARROWEST);
        self.per_width = self.width.recip();
        self.start = lo;
        self.slots = vec![None; self.most];
        for (sample, starts) in few {
            self.add(sample, starts);
        }
    }

    /// Makes the range twice as wide, to the side where `key` is. That ends, as keys are bounded and widths grow.
    fn double_towards(&mut self, key: f64) {
        let offset = if key < self.start { self.most } else { 0 };
        if offset > 0 {
            self.start -= self.width * self.most as f64;
        }
        self.width *= 2.0;
        self.per_width = self.width.recip();
        let old = std::mem::replace(&mut self.slots, vec![None; self.most]);
        self.filled = 0;
        for (index, moved) in old.into_iter().enumerate() {
            let Some((moved, starts)) = moved else { continue };
            match self.slots.get_mut((index + offset) / 2) {
                Some(Some((bucket, _))) => bucket.append(&moved),
                Some(slot) => {
                    *slot = Some((moved, starts));
                    self.filled += 1;
                }
                None => {}
            }
        }
    }
}
