//! Damage costs only what it touches: a log cut at every byte, and with every single bit flipped.

mod support;

use std::time::Duration;

use support::Dribble;
use tlog::read::{Cause, Damage, Event, ReadOptions, SliceReader, StreamReader};
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::wire::{BlockHeader, BlockType};
use tlog::write::WriterOptions;
use tlog::{Error, Micros, Result};

/// What makes two deliveries the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivered {
    offset: u64,
    record: String,
    time: Option<Micros>,
    payload: Vec<u8>,
}

/// A log with everything: three records, one compressed, one without times, markers, index.
fn golden() -> Vec<u8> {
    log(WriterOptions::new())
}

fn log(options: WriterOptions) -> Vec<u8> {
    let mode = [("idle", 0), ("trot", 1)].map(|(name, value)| Symbol { value, name: name.to_owned() });
    let imu = Object::new([
        Field::new("seq", Type::FixedUint(Width::W4)),
        Field::new("accel", Type::fixed_array(3, Type::Float32)),
        Field::new("mode", Enum::new(IntegerType::FixedUint(Width::W1), mode).into()),
    ]);
    let mut log = options.seek_period(Some(Duration::from_millis(10))).open(Vec::new());
    let imu = log.declare("imu", &Schema::new(imu.into()).unwrap()).unwrap();
    let text = log.declare("text", &Schema::new(Type::String).unwrap()).unwrap();
    let counter = log.declare("counter", &Schema::new(Type::Varuint).unwrap()).unwrap();
    for i in 0..40_u32 {
        let time = Micros(1_600_000_000_000_000 + i64::from(i) * 3_000);
        let mut payload = i.to_le_bytes().to_vec();
        (0..3).for_each(|axis| payload.extend((i as f32 * 0.5 + axis as f32).to_le_bytes()));
        payload.push((i % 2) as u8);
        log.write(imu, time, &payload).unwrap();
        if i % 5 == 0 {
            let mut payload = vec![120];
            payload.extend([b'a' + (i % 26) as u8; 120]);
            log.write(text, time, &payload).unwrap();
        }
        if i % 7 == 0 {
            log.write(counter, None, &[i as u8]).unwrap();
        }
    }
    log.finish().unwrap()
}

/// The blocks of an intact log: type, start, end.
fn blocks(bytes: &[u8]) -> Vec<(BlockType, usize, usize)> {
    let mut blocks = Vec::new();
    let mut at = 9;
    while at < bytes.len() {
        let header = BlockHeader::parse(&bytes[at..]).unwrap();
        let end = at + header.block_len().unwrap() as usize;
        blocks.push((header.block_type, at, end));
        at = end;
    }
    blocks
}

fn deliver(event: &Event<'_>, delivered: &mut Vec<Delivered>) {
    if let Event::Data(data) = event {
        delivered.push(Delivered {
            offset: data.offset,
            record: data.record.name.clone(),
            time: data.time,
            payload: data.payload.to_vec(),
        });
    }
}

fn read(bytes: &[u8]) -> Result<(Vec<Delivered>, Damage)> {
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    let mut delivered = Vec::new();
    while let Some(event) = reader.next_event()? {
        deliver(&event, &mut delivered);
    }
    Ok((delivered, reader.damage().clone()))
}

fn read_stream(bytes: &[u8]) -> Result<(Vec<Delivered>, Damage)> {
    let mut reader = StreamReader::new(Dribble::new(bytes, 61), ReadOptions::default());
    let mut delivered = Vec::new();
    while let Some(event) = reader.next_event()? {
        deliver(&event, &mut delivered);
    }
    Ok((delivered, reader.damage().clone()))
}

#[test]
fn the_golden_log_has_everything() {
    let bytes = golden();
    support::judge::check_reference_readable(&bytes);
    let (delivered, damage) = read(&bytes).unwrap();
    assert_eq!(delivered.len(), 40 + 8 + 6);
    assert!(damage.is_none());
    let count = |wanted| blocks(&bytes).iter().filter(|(kind, ..)| *kind == wanted).count();
    assert_eq!((count(BlockType::Schema), count(BlockType::Index)), (3, 1));
    assert!(count(BlockType::SeekMarker) > 5);
    let texts = delivered.iter().filter(|d| d.record == "text");
    assert!(texts.clone().count() > 0 && texts.map(|d| d.payload.len()).all(|len| len == 121));
}

#[test]
fn a_cut_anywhere_keeps_all_before_it() {
    let bytes = golden();
    let (all, _) = read(&bytes).unwrap();
    let blocks = blocks(&bytes);
    let end_of = |offset: u64| blocks.iter().find(|(_, start, _)| *start as u64 == offset).unwrap().2;
    for cut in 0..bytes.len() {
        let told = read(&bytes[..cut]);
        if cut < 9 {
            assert!(matches!(told, Err(Error::Format { offset: 0, cause: Cause::FileHeader(_) })), "cut at {cut}");
            continue;
        }
        let (delivered, damage) = told.unwrap();
        let expected: Vec<Delivered> = all.iter().filter(|d| end_of(d.offset) <= cut).cloned().collect();
        assert_eq!(delivered, expected, "cut at {cut}");
        let is_clean = cut == 9 || blocks.iter().any(|(.., end)| *end == cut);
        assert_eq!(damage.is_none(), is_clean, "cut at {cut}");
        if let Some(tail) = damage.first.first() {
            assert_eq!(
                (damage.stretches, tail.range.end, &tail.cause),
                (1, cut as u64, &Cause::Truncated),
                "cut at {cut}"
            );
        }
        assert_eq!(read_stream(&bytes[..cut]).unwrap().0, expected, "cut at {cut}, as a stream");
    }
}

#[test]
fn a_flipped_bit_costs_one_block() {
    let bytes = golden();
    let (all, _) = read(&bytes).unwrap();
    let blocks = blocks(&bytes);
    for bit in 0..bytes.len() * 8 {
        let at = bit / 8;
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (bit % 8);
        let told = read(&flipped);
        if at < 9 {
            assert!(matches!(told, Err(Error::Format { offset: 0, cause: Cause::FileHeader(_) })), "bit {bit}");
            continue;
        }
        let (delivered, damage) = told.unwrap();
        let (kind, start, end) = *blocks.iter().find(|(_, start, end)| (*start..*end).contains(&at)).unwrap();
        if kind == BlockType::Schema {
            // No checksum covers a schema. Its own record's data may change its name; all other data stays.
            check_after_schema_flip(&bytes[start..end], &all, &delivered, bit);
            continue;
        }
        let expected: Vec<&Delivered> = all.iter().filter(|d| d.offset != start as u64).collect();
        assert_eq!(delivered.iter().collect::<Vec<_>>(), expected, "bit {bit} of a {kind:?} block at {start}");
        assert_eq!(damage.stretches, 1, "bit {bit} of a {kind:?} block at {start}: {damage:?}");
        assert_eq!(damage.first[0].range, start as u64..end as u64, "bit {bit}: {damage:?}");
        if bit % 5 == 0 {
            let (streamed, stream_damage) = read_stream(&flipped).unwrap();
            assert_eq!((streamed, stream_damage.first), (delivered, damage.first), "bit {bit}, as a stream");
        }
    }
}

fn check_after_schema_flip(block: &[u8], all: &[Delivered], delivered: &[Delivered], bit: usize) {
    let name_at = 5;
    let name = std::str::from_utf8(&block[name_at..name_at + block[name_at - 1] as usize]).unwrap();
    for original in all.iter().filter(|d| d.record != name) {
        let kept = delivered.iter().find(|d| d.offset == original.offset);
        assert!(kept.is_some_and(|kept| kept.payload == original.payload), "bit {bit} in the schema of {name}");
    }
    assert!(delivered.iter().all(|d| all.iter().any(|original| original.offset == d.offset)), "bit {bit}: invented");
}

#[test]
fn strict_reading_stops_at_the_damaged_block() {
    let bytes = golden();
    let (kind, start, _) = blocks(&bytes)[20];
    assert_eq!(kind, BlockType::Data);
    let mut damaged = bytes.clone();
    damaged[start + 15] ^= 0x40;
    let mut reader = SliceReader::new(&damaged, ReadOptions { strict: true, ..ReadOptions::default() });
    let error = loop {
        match reader.next_event() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the damage went unnoticed"),
            Err(e) => break e,
        }
    };
    assert!(
        matches!(error, Error::Format { offset, cause: Cause::Checksum { .. } } if offset == start as u64),
        "{error}"
    );
}

#[test]
fn zeros_and_garbage_between_blocks_cost_nothing_else() {
    let bytes = golden();
    let (all, _) = read(&bytes).unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    for (_, start, _) in blocks(&bytes).into_iter().skip(3) {
        for filler in [vec![0; 700], (0..700).map(|_| random()).collect(), vec![0xff; 513]] {
            let mut damaged = bytes[..start].to_vec();
            damaged.extend(&filler);
            damaged.extend(&bytes[start..]);
            let (delivered, damage) = read(&damaged).unwrap();
            let payloads = |list: &[Delivered]| list.iter().map(|d| d.payload.clone()).collect::<Vec<_>>();
            assert_eq!(payloads(&delivered), payloads(&all), "garbage at {start}");
            assert!(!damage.is_none());
        }
    }
}

#[test]
fn without_checksums_a_flipped_bit_costs_one_block_too() {
    let bytes = log(WriterOptions::new().checksums(false));
    let (all, _) = read(&bytes).unwrap();
    let blocks = blocks(&bytes);
    let mut costs = Vec::new();
    for bit in 9 * 8..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (delivered, _) = read(&flipped).unwrap();
        let (kind, start, _) = *blocks.iter().find(|(_, start, end)| (*start..*end).contains(&(bit / 8))).unwrap();
        if kind == BlockType::Schema {
            continue;
        }
        // What is delivered lies where it lay; what the bit does not touch says what it said.
        let is_original =
            |d: &Delivered| all.iter().any(|o| o == d || (o.offset == d.offset && d.offset == start as u64));
        assert!(delivered.iter().all(is_original), "bit {bit} of a {kind:?} block at {start}");
        costs.push(all.len() - delivered.len());
    }
    // A size that leads to a place that looks like a block costs what lies between.
    let more_than_one = costs.iter().filter(|&&cost| cost > 1).count();
    assert!(more_than_one < 10 && costs.iter().all(|&cost| cost <= 6), "{more_than_one}: {:?}", costs.iter().max());
}
