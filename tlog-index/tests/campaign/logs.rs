//! The logs that the campaign damages: small, and different in what matters to damage.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tlog::Micros;
use tlog::read::{Event, ReadOptions, RecordType, SliceReader};
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::write::{Writer, WriterOptions};

/// A whole log, and what is in it.
pub struct Original {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub records: Vec<Arc<RecordType>>,
    pub blocks: Vec<Block>,
}

/// A data block: which bytes it is, and what it says.
pub struct Block {
    pub range: Range<usize>,
    pub instance: super::Instance,
}

impl Original {
    fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        let mut reader = SliceReader::new(&bytes, ReadOptions::default());
        let mut blocks = Vec::new();
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                Event::Data(data) => blocks.push(Block {
                    range: data.offset as usize..(data.offset + data.block_len) as usize,
                    instance: (data.record.name.clone(), data.time, data.payload.to_vec()),
                }),
                Event::Skipped(skipped) => panic!("{name} is not whole: {skipped:?}"),
                _ => {}
            }
        }
        let records = reader.records().map(Arc::clone).collect();
        let mut instances: Vec<_> = blocks.iter().map(|block| &block.instance).collect();
        instances.sort();
        instances.dedup();
        assert_eq!(instances.len(), blocks.len(), "{name}: every instance must be unique");
        Self { name, records, blocks, bytes }
    }
}

/// All logs of the campaign.
pub fn originals() -> Vec<Original> {
    vec![
        Original::new("mixed", mixed(&options())),
        Original::new("mixed, plain", mixed(&options().compression(false))),
        Original::new("no markers", mixed(&options().seek_period(None).index(false))),
        Original::new("regular", regular()),
        Original::new("images", images(false)),
        Original::new("images, compressed", images(true)),
        Original::new("many small records", many()),
    ]
}

fn options() -> WriterOptions {
    WriterOptions::new().seek_period(Some(Duration::from_millis(20)))
}

fn schema(ty: impl Into<Type>) -> Schema {
    Schema::new(ty.into()).unwrap()
}

fn imu() -> Schema {
    let mode = [("idle", 0), ("trot", 1)].map(|(name, value)| Symbol { value, name: name.to_owned() });
    schema(Object::new([
        Field::new("seq", Type::FixedUint(Width::W4)),
        Field::new("accel", Type::fixed_array(3, Type::Float32)),
        Field::new("mode", Enum::new(IntegerType::FixedUint(Width::W1), mode).into()),
        Field::new("note", Type::optional(Type::String)),
    ]))
}

fn imu_payload(i: u32) -> Vec<u8> {
    let mut payload = i.to_le_bytes().to_vec();
    (0..3).for_each(|axis| payload.extend((i as f32 * 0.5 + axis as f32).to_le_bytes()));
    payload.push((i % 2) as u8);
    match i % 4 {
        0 => payload.extend([1, 3, b'a', b'b', b'0' + (i % 10) as u8]),
        _ => payload.push(0),
    }
    payload
}

fn bytes_payload(seed: u32, len: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    tlog::value::put_varuint(len as u64 + 4, &mut payload);
    payload.extend(seed.to_le_bytes());
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    payload.extend((0..len).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    }));
    payload
}

/// Several records of several sizes, one without times, one longer than a sector.
fn mixed(options: &WriterOptions) -> Vec<u8> {
    let mut log = options.open(Vec::new());
    let imu_id = log.declare("imu", &imu()).unwrap();
    let text = log.declare("text", &schema(Type::String)).unwrap();
    let counter = log.declare("counter", &schema(Type::Varuint)).unwrap();
    let scan = log.declare("scan", &schema(Type::Bytes)).unwrap();
    for i in 0..120_u32 {
        let time = Micros(1_600_000_000_000_000 + i64::from(i) * 3_000);
        log.write(imu_id, time, &imu_payload(i)).unwrap();
        if i % 5 == 0 {
            let line = format!("{i:03} {}", "steady ".repeat(1 + i as usize % 23));
            let mut payload = Vec::new();
            tlog::value::put_varuint(line.len() as u64, &mut payload);
            payload.extend(line.bytes());
            log.write(text, time, &payload).unwrap();
        }
        if i % 3 == 0 {
            let mut payload = Vec::new();
            tlog::value::put_varuint(u64::from(i) * 77, &mut payload);
            log.write(counter, None, &payload).unwrap();
        }
        if i % 24 == 7 {
            log.write(scan, time, &bytes_payload(i, 700)).unwrap();
        }
    }
    log.finish().unwrap()
}

/// Blocks of one length that divides a sector: damage by sectors leads from block to block.
fn regular() -> Vec<u8> {
    let mut log = WriterOptions::new().compression(false).seek_period(None).open(Vec::new());
    let a = log.declare("a", &schema(Type::fixed_array(12, Type::FixedUint(Width::W1)))).unwrap();
    let b = log.declare("b", &schema(Type::fixed_array(12, Type::FixedUint(Width::W1)))).unwrap();
    for i in 0..250_u32 {
        let payload: Vec<u8> = i.to_le_bytes().into_iter().chain([2, 17, 1, 7, 32, 0, 4, 0]).collect();
        log.write(if i % 3 == 0 { a } else { b }, Micros(i64::from(i) * 1000), &payload).unwrap();
    }
    log.finish().unwrap()
}

/// Payloads of several sectors with small blocks between.
fn images(compression: bool) -> Vec<u8> {
    let options = WriterOptions::new().compression(compression).seek_period(Some(Duration::from_millis(5)));
    let mut log = options.open(Vec::new());
    let image = log.declare("image", &schema(Type::Bytes)).unwrap();
    let counter = log.declare("counter", &schema(Type::Varuint)).unwrap();
    for i in 0..8_u32 {
        let time = |micros: u32| Micros(i64::from(i * 10_000 + micros));
        let mut payload = bytes_payload(i, 400 + 190 * i as usize);
        if compression {
            // Half of it repeats, so that it becomes shorter.
            let half = payload.len() / 2;
            payload[half..].fill(2);
        }
        log.write(image, time(0), &payload).unwrap();
        for k in 0..12_u32 {
            let mut payload = Vec::new();
            tlog::value::put_varuint(u64::from(i * 100 + k), &mut payload);
            log.write(counter, time(k * 700), &payload).unwrap();
        }
    }
    log.finish().unwrap()
}

/// Thirty records, declared when their first data comes, identifiers of one and two bytes.
fn many() -> Vec<u8> {
    let mut log = Writer::new(Vec::new());
    let mut ids = Vec::new();
    for i in 0..300_u32 {
        let which = i as usize % 30;
        if which == ids.len() {
            let id = tlog::RecordId(which as u64 * 11 + 1);
            log.declare_as(id, &format!("servo{which}.state"), &imu()).unwrap();
            ids.push(id);
        }
        log.write(ids[which], Micros(i64::from(i) * 40_000), &imu_payload(i)).unwrap();
    }
    log.finish().unwrap()
}
