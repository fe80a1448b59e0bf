//! The extremes of the points that fall together.

use std::cmp::Ordering;

/// A point as it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub x: f64,
    pub y: f64,
    /// As which point of the series it came.
    pub along: u64,
}

/// What is kept of some points.
pub trait Along: Copy {
    /// How many points that are at most.
    const MOST: usize;

    fn of(sample: Sample) -> Self;

    fn add(&mut self, sample: Sample);

    /// Adds what lies behind.
    fn append(&mut self, later: &Self);

    /// The points in the order in which they are joined; some may be there more than once.
    fn samples(&self) -> impl Iterator<Item = Sample>;

    /// The order in which points are joined.
    fn compare(a: &Sample, b: &Sample) -> Ordering;

    /// Where a point is among the buckets.
    fn key(sample: &Sample) -> f64;
}

/// Points that are joined by their x: the first and last, the least and greatest.
#[derive(Clone, Copy, Debug)]
pub struct AlongX {
    first: Sample,
    last: Sample,
    least: Sample,
    greatest: Sample,
}

impl Along for AlongX {
    const MOST: usize = 4;

    fn of(sample: Sample) -> Self {
        Self { first: sample, last: sample, least: sample, greatest: sample }
    }

    fn add(&mut self, sample: Sample) {
        if sample.x >= self.last.x {
            self.last = sample;
        }
        if sample.x < self.first.x {
            self.first = sample;
        }
        if sample.y < self.least.y {
            self.least = sample;
        }
        if sample.y > self.greatest.y {
            self.greatest = sample;
        }
    }

    fn append(&mut self, later: &Self) {
        self.last = later.last;
        if later.least.y < self.least.y {
            self.least = later.least;
        }
        if later.greatest.y > self.greatest.y {
            self.greatest = later.greatest;
        }
    }

    fn samples(&self) -> impl Iterator<Item = Sample> {
        let mut samples = [self.first, self.least, self.greatest, self.last];
        samples.sort_by(Self::compare);
        samples.into_iter()
    }

    fn compare(a: &Sample, b: &Sample) -> Ordering {
        a.x.total_cmp(&b.x).then(a.along.cmp(&b.along))
    }

    fn key(sample: &Sample) -> f64 {
        sample.x
    }
}

/// Points that are joined as they came: the first and last, and the extremes in x and y.
#[derive(Clone, Copy, Debug)]
pub struct AlongOrder {
    first: Sample,
    last: Sample,
    leftmost: Sample,
    rightmost: Sample,
    least: Sample,
    greatest: Sample,
}

impl Along for AlongOrder {
    const MOST: usize = 6;

    fn of(sample: Sample) -> Self {
        Self { first: sample, last: sample, leftmost: sample, rightmost: sample, least: sample, greatest: sample }
    }

    fn add(&mut self, sample: Sample) {
        self.append(&Self::of(sample));
    }

    fn append(&mut self, later: &Self) {
        self.last = later.last;
        if later.leftmost.x < self.leftmost.x {
            self.leftmost = later.leftmost;
        }
        if later.rightmost.x > self.rightmost.x {
            self.rightmost = later.rightmost;
        }
        if later.least.y < self.least.y {
            self.least = later.least;
        }
        if later.greatest.y > self.greatest.y {
            self.greatest = later.greatest;
        }
    }

    fn samples(&self) -> impl Iterator<Item = Sample> {
        let mut samples = [self.first, self.leftmost, self.rightmost, self.least, self.greatest, self.last];
        samples.sort_by(Self::compare);
        samples.into_iter()
    }

    fn compare(a: &Sample, b: &Sample) -> Ordering {
        a.along.cmp(&b.along)
    }

    fn key(sample: &Sample) -> f64 {
        sample.along as f64
    }
}
