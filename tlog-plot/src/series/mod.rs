//! Points as they come, in bounded memory.
//!
//! Up to a number of points all are kept. From then on they are put into buckets, along x or along their order, of
//! which each keeps its extremes (the aggregation known as M4). When points leave the range of the buckets, that is
//! doubled: buckets are joined in pairs. So nothing needs to be known beforehand, and the points always range over at
//! least a quarter of the buckets; over half of them when x never steps back.
//!
//! What is promised of a series along x, whatever comes in whatever order:
//! - every point that is kept is a point that came;
//! - the least and the greatest y of every bucket are kept, where they are;
//! - a bucket is at most four parts in `buckets` of the range of x wide, two when x never steps back, unless that range
//!   is so small beside x itself that float64 cannot divide it.

mod bucket;
mod buckets;
mod intervals;

use bucket::{AlongOrder, AlongX, Sample};
use buckets::Buckets;
use intervals::Intervals;

/// A point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Where it is along the x axis.
    pub x: f64,
    /// Its value.
    pub y: f64,
}

/// How the points of a series are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By their x: time, even where it steps back.
    ByX,
    /// As they come: one quantity over another, such as a track on a map.
    AsGiven,
}

/// Where a line is interrupted besides at what is no number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gap {
    /// Where the distance in x is more than five times what nine of ten distances stay below.
    Auto,
    /// Where the distance in x is greater than this.
    Longer(f64),
    /// Nowhere.
    None,
}

/// An x beyond this is taken for no number, so that differences of two stay finite.
const FARTHEST: f64 = 1e300;

/// How many times longer than the usual distance a gap is.
const USUAL_TIMES: f64 = 5.0;

/// A series in the making.
#[derive(Debug)]
pub struct Series {
    kept: Kept,
    intervals: Intervals,
    previous_x: f64,
    /// Whether the line does not come from the point before.
    starts: bool,
    count: u64,
    undrawable: u64,
}

#[derive(Debug)]
enum Kept {
    ByX(Buckets<AlongX>),
    AsGiven(Buckets<AlongOrder>),
}

impl Series {
    /// A series that is kept in at most so many buckets, of which there are at least 16: of up to four points each
    /// by x, and of up to six as given.
    pub fn new(order: Order, buckets: usize) -> Self {
        let kept = match order {
            Order::ByX => Kept::ByX(Buckets::new(buckets)),
            Order::AsGiven => Kept::AsGiven(Buckets::new(buckets)),
        };
        let (intervals, previous_x) = (Intervals::default(), f64::NAN);
        Self { kept, intervals, previous_x, starts: true, count: 0, undrawable: 0 }
    }

    /// Adds a point. A y that is no finite number interrupts the line, as does an x that is none or beyond ±1e300.
    pub fn push(&mut self, x: f64, y: f64) {
        if !y.is_finite() || x.is_nan() || x.abs() > FARTHEST {
            self.undrawable += 1;
            return self.interrupt();
        }
        self.count += 1;
        self.intervals.add(x - self.previous_x);
        self.previous_x = x;
        let starts = std::mem::take(&mut self.starts);
        let sample = Sample { x, y, along: self.count };
        match &mut self.kept {
            Kept::ByX(buckets) => buckets.add(sample, starts),
            Kept::AsGiven(buckets) => buckets.add(sample, starts),
        }
    }

    /// Interrupts the line: the next point is not joined to the last.
    pub fn interrupt(&mut self) {
        self.starts = true;
    }

    /// How many points are held at present. It never exceeds what the number of buckets allows.
    pub fn held(&self) -> usize {
        match &self.kept {
            Kept::ByX(buckets) => buckets.held(),
            Kept::AsGiven(buckets) => buckets.held(),
        }
    }

    /// The series as it is drawn.
    pub fn finish(self, gap: Gap) -> Trace {
        let along = match &self.kept {
            Kept::ByX(_) => Order::ByX,
            Kept::AsGiven(_) => Order::AsGiven,
        };
        let longest = match (gap, along) {
            (Gap::Longer(longest), _) => longest,
            (Gap::Auto, Order::ByX) => self.intervals.usual().map_or(f64::INFINITY, |usual| usual * USUAL_TIMES),
            (Gap::None, _) | (Gap::Auto, Order::AsGiven) => f64::INFINITY,
        };
        let mut tracer = Tracer { longest, pieces: Vec::new() };
        match self.kept {
            Kept::ByX(buckets) => buckets.visit(|sample, link| tracer.take(sample, link)),
            Kept::AsGiven(buckets) => buckets.visit(|sample, link| tracer.take(sample, link)),
        }
        Trace { pieces: tracer.pieces, order: along, count: self.count, undrawable: self.undrawable }
    }
}

/// How a kept point follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Not at all.
    Starts,
    /// In the same bucket, with others in between that are not kept.
    Within,
    /// Directly.
    Follows,
}

struct Tracer {
    longest: f64,
    pieces: Vec<Vec<Point>>,
}

impl Tracer {
    fn take(&mut self, sample: Sample, link: Link) {
        let point = Point { x: sample.x, y: sample.y };
        let is_near = |piece: &&mut Vec<Point>| match link {
            Link::Starts => false,
            Link::Within => true,
            Link::Follows => piece.last().is_some_and(|last| (point.x - last.x).abs() <= self.longest),
        };
        match self.pieces.last_mut().filter(is_near) {
            Some(piece) => piece.push(point),
            None => self.pieces.push(vec![point]),
        }
    }
}

/// A series as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    pieces: Vec<Vec<Point>>,
    order: Order,
    count: u64,
    undrawable: u64,
}

impl Trace {
    /// The lines that it consists of, each of at least one point.
    pub fn pieces(&self) -> &[Vec<Point>] {
        &self.pieces
    }

    /// How its points are joined.
    pub const fn order(&self) -> Order {
        self.order
    }

    /// How many points there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// How many there were besides, of which x or y is no number that can be drawn.
    pub const fn undrawable(&self) -> u64 {
        self.undrawable
    }

    /// All points that are kept.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        self.pieces.iter().flatten().copied()
    }
}
