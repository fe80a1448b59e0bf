//! The range of one field in one stretch of the log.

/// What the values of one field are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stat {
    /// The least value that is a number, or less; infinity when there is none.
    pub min: f64,
    /// The greatest value that is a number, or more; minus infinity when there is none.
    pub max: f64,
    /// How many values are not a number.
    pub nans: u32,
    /// How many values there are, those that are not a number among them.
    pub values: u32,
}

/// Numbers up to this are the same as float64.
const EXACT: u64 = 1 << 53;

impl Stat {
    /// No values.
    pub const NONE: Self = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, nans: 0, values: 0 };

    #[inline] // once per field and record: `benches/index`
    pub fn float(&mut self, value: f64) {
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        self.nans = self.nans.saturating_add(u32::from(value.is_nan()));
        self.values = self.values.saturating_add(1);
    }

    #[inline] // as `float`
    pub fn int(&mut self, value: i64) {
        match value.unsigned_abs() <= EXACT {
            true => self.float(value as f64),
            false => self.wide(i128::from(value)),
        }
    }

    #[inline] // as `float`
    pub fn uint(&mut self, value: u64) {
        match value <= EXACT {
            true => self.float(value as f64),
            false => self.wide(i128::from(value)),
        }
    }

    /// A number that float64 may not hold: the range goes as far as the next one that it does.
    fn wide(&mut self, value: i128) {
        let near = value as f64;
        let (below, above) = (near as i128 > value, (near as i128) < value);
        let least = if below { near.next_down() } else { near };
        let most = if above { near.next_up() } else { near };
        self.min = if least < self.min { least } else { self.min };
        self.max = if most > self.max { most } else { self.max };
        self.values = self.values.saturating_add(1);
    }

    /// Takes the values of what follows into account. Of equal numbers the first counts, as it does in
    /// [`float`](Self::float): 0 and −0 are equal.
    pub fn append(&mut self, later: &Self) {
        self.min = if later.min < self.min { later.min } else { self.min };
        self.max = if later.max > self.max { later.max } else { self.max };
        self.nans = self.nans.saturating_add(later.nans);
        self.values = self.values.saturating_add(later.values);
    }
}

/// How a number of fixed size is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Float32,
    Float64,
}

impl Kind {
    /// Takes the number at the front of `bytes` into account.
    #[inline] // once per field and record: `benches/index`
    pub fn add(self, bytes: &[u8], stat: &mut Stat) {
        match self {
            Self::Boolean => stat.float(f64::from(u8::from(front::<1>(bytes) != [0]))),
            Self::Int8 => stat.float(f64::from(i8::from_le_bytes(front(bytes)))),
            Self::Int16 => stat.float(f64::from(i16::from_le_bytes(front(bytes)))),
            Self::Int32 => stat.float(f64::from(i32::from_le_bytes(front(bytes)))),
            Self::Int64 => stat.int(i64::from_le_bytes(front(bytes))),
            Self::Uint8 => stat.float(f64::from(u8::from_le_bytes(front(bytes)))),
            Self::Uint16 => stat.float(f64::from(u16::from_le_bytes(front(bytes)))),
            Self::Uint32 => stat.float(f64::from(u32::from_le_bytes(front(bytes)))),
            Self::Uint64 => stat.uint(u64::from_le_bytes(front(bytes))),
            Self::Float32 => stat.float(f64::from(f32::from_le_bytes(front(bytes)))),
            Self::Float64 => stat.float(f64::from_le_bytes(front(bytes))),
        }
    }
}

/// The first bytes. The caller has checked that there are so many.
#[inline] // as above
fn front<const N: usize>(bytes: &[u8]) -> [u8; N] {
    debug_assert!(bytes.len() >= N);
    bytes.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: i128) -> Stat {
        let mut stat = Stat::NONE;
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => stat.int(value),
            (_, value) => stat.uint(value.unwrap()),
        }
        stat
    }

    #[test]
    fn numbers_that_do_not_fit_are_between_the_next_that_do() {
        let edges = [EXACT as i128, 1 << 60, i128::from(i64::MAX), i128::from(u64::MAX), i128::from(i64::MIN)];
        for value in edges.into_iter().flat_map(|edge| (-3..=3).map(move |by| edge + by)) {
            if value < i128::from(i64::MIN) || value > i128::from(u64::MAX) {
                continue;
            }
            let Stat { min, max, nans, values } = of(value);
            assert!(min as i128 <= value && max as i128 >= value, "{value}: {min} {max}");
            assert!(min == max || min.next_up() == max, "{value}: {min} {max}");
            assert_eq!((nans, values), (0, 1));
        }
    }

    #[test]
    fn what_is_not_a_number_is_counted_and_bounds_nothing() {
        let mut stat = Stat::NONE;
        [f64::NAN, 2.0, -1.0].into_iter().for_each(|value| stat.float(value));
        assert_eq!(stat, Stat { min: -1.0, max: 2.0, nans: 1, values: 3 });
        stat.float(f64::INFINITY);
        assert_eq!(stat.max, f64::INFINITY);
    }
}
