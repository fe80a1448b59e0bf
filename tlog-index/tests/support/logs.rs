//! Generated logs: with and without markers, checksums, compression, index, disorder, damage.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tlog::Micros;
use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::write::{RecordId, Writer, WriterOptions};

/// What is in a generated log.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub compression: bool,
    pub checksums: bool,
    pub previous_offsets: bool,
    pub index: bool,
    /// Microseconds between seek markers; 0 for none.
    pub seek_period: u64,
    pub steps: Vec<Step>,
}

/// One thing that a log's writer does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Declares another record, or with an old number the same again.
    Declare { record: u8, other_schema: bool },
    /// Writes data: of which record, so much later (or earlier) than before, with so long a payload.
    Data { record: u8, later: i16, timed: bool, len: u16, fill: u8 },
}

/// What happens to a log afterwards.
#[derive(Clone, Debug)]
pub enum Damage {
    Cut { at: u16 },
    Flip { at: u16, bit: u8 },
    Zero { at: u16, len: u8 },
    Insert { at: u16, bytes: Vec<u8> },
    Repeat { at: u16, len: u8 },
    Drop { at: u16, len: u8 },
}

pub fn recipe(max_steps: usize) -> impl Strategy<Value = Recipe> {
    let step = prop_oneof![
        1 => (0u8..4, prop::bool::weighted(0.3)).prop_map(|(record, other_schema)| Step::Declare { record, other_schema }),
        14 => (0u8..5, later(), prop::bool::weighted(0.95), 0u16..200, any::<u8>())
            .prop_map(|(record, later, timed, len, fill)| Step::Data { record, later, timed, len, fill }),
    ];
    let usually = || prop::bool::weighted(0.8);
    (
        any::<bool>(),
        usually(),
        usually(),
        any::<bool>(),
        prop_oneof![Just(0u64), Just(500), Just(5_000)],
        vec(step, 0..max_steps),
    )
        .prop_map(|(compression, checksums, previous_offsets, index, seek_period, steps)| Recipe {
            compression,
            checksums,
            previous_offsets,
            index,
            seek_period,
            steps,
        })
}

/// Mostly a little later; often at the same time; sometimes far back.
fn later() -> impl Strategy<Value = i16> {
    prop_oneof![6 => 0i16..100, 2 => Just(0i16), 1 => -50i16..0, 1 => any::<i16>()]
}

pub fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<u16>().prop_map(|at| Damage::Cut { at }),
        (any::<u16>(), 0u8..8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        (any::<u16>(), 1u8..).prop_map(|(at, len)| Damage::Zero { at, len }),
        (any::<u16>(), vec(any::<u8>(), 1..100)).prop_map(|(at, bytes)| Damage::Insert { at, bytes }),
        (any::<u16>(), 1u8..).prop_map(|(at, len)| Damage::Repeat { at, len }),
        (any::<u16>(), 1u8..).prop_map(|(at, len)| Damage::Drop { at, len }),
    ]
}

/// The payload type of every record: a sequence number and bytes, or with `other` one more field.
pub fn schema(other: bool) -> Schema {
    let mut fields = vec![Field::new("sequence", Type::FixedUint(Width::W4)), Field::new("bytes", Type::Bytes)];
    if other {
        fields.push(Field::new("more", Type::Boolean));
    }
    Schema::new(Object::new(fields).into()).unwrap()
}

impl Recipe {
    pub fn options(&self) -> WriterOptions {
        WriterOptions::new()
            .compression(self.compression)
            .checksums(self.checksums)
            .previous_offsets(self.previous_offsets)
            .index(self.index)
            .seek_period(Some(Duration::from_micros(self.seek_period)))
    }

    /// The log.
    pub fn build(&self) -> Vec<u8> {
        let mut log = self.options().open(Vec::new());
        let (mut time, mut sequence) = (1_700_000_000_000_000i64, 0u32);
        let mut kinds = [None; 256];
        for record in 0..3 {
            declare(&mut log, record, false, &mut kinds);
        }
        for step in &self.steps {
            match *step {
                Step::Declare { record, other_schema } => declare(&mut log, record, other_schema, &mut kinds),
                Step::Data { record, later, timed, len, fill } => {
                    let Some(other) = kinds[usize::from(record)] else { continue };
                    time += i64::from(later);
                    sequence += 1;
                    let mut payload = sequence.to_le_bytes().to_vec();
                    tlog::value::put_varuint(len.into(), &mut payload);
                    payload.extend((0..len).map(|i| if fill & 1 == 0 { fill } else { fill.wrapping_mul(i as u8) }));
                    payload.extend(other.then_some(1));
                    log.write(RecordId(u64::from(record) + 1), timed.then_some(Micros(time)), &payload).unwrap();
                }
            }
        }
        log.finish().unwrap()
    }
}

fn declare(log: &mut Writer<Vec<u8>>, record: u8, other: bool, kinds: &mut [Option<bool>; 256]) {
    kinds[usize::from(record)] = Some(other);
    let id = RecordId(u64::from(record) + 1);
    log.declare_raw(id, format!("record{record}"), &schema(other).to_bytes()).unwrap();
}

impl Damage {
    /// Positions are spread over the whole log.
    pub fn apply(&self, log: &mut Vec<u8>) {
        let place = |at: u16| usize::from(at) * log.len() / (usize::from(u16::MAX) + 1);
        let stretch = |at: u16, len: u8| place(at)..(place(at) + usize::from(len)).min(log.len());
        match self {
            Self::Cut { at } => log.truncate(place(*at)),
            Self::Flip { at, bit } => {
                let at = place(*at);
                if let Some(byte) = log.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Zero { at, len } => {
                let stretch = stretch(*at, *len);
                log[stretch].fill(0);
            }
            Self::Insert { at, bytes } => {
                let at = place(*at);
                log.splice(at..at, bytes.iter().copied());
            }
            Self::Repeat { at, len } => {
                let stretch = stretch(*at, *len);
                let copy = log[stretch.clone()].to_vec();
                log.splice(stretch.end..stretch.end, copy);
            }
            Self::Drop { at, len } => drop(log.drain(stretch(*at, *len))),
        }
    }
}
