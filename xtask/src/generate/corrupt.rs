//! Broken logs: each a small good log with one thing done to it, and what reading must make of it.

use anyhow::Result;
use tlog::Micros;
use tlog::read::{ReadOptions, SliceReader, StreamReader};
use tlog::schema::{Schema, Type};
use tlog::wire::{DataFlags, crc};
use tlog::write::WriterOptions;

/// A broken log.
pub struct Broken {
    pub name: &'static str,
    what: &'static str,
    pub bytes: Vec<u8>,
}

/// Ten texts, a tenth of a second apart, without compression.
fn good() -> Result<Vec<u8>> {
    let mut log = WriterOptions::new().compression(false).open(Vec::new());
    let text = log.declare("text", &Schema::new(Type::String)?)?;
    for number in 0..10 {
        let payload = [b"\x06text ".as_slice(), &[b'0' + number]].concat();
        log.write(text, Micros(1_583_798_400_000_000 + i64::from(number) * 100_000), &payload)?;
    }
    Ok(log.finish()?)
}

/// Where the `number`-th data block starts, and where it ends.
fn data_block(log: &[u8], number: usize) -> Result<(usize, usize)> {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    for _ in 0..number {
        reader.next_data()?;
    }
    let data = reader.next_data()?.ok_or_else(|| anyhow::anyhow!("there is no block {number}"))?;
    Ok((data.offset as usize, (data.offset + data.block_len) as usize))
}

/// The good log with `bytes` in place of those from `start` to `end`.
fn replaced(good: &[u8], start: usize, end: usize, bytes: &[u8]) -> Vec<u8> {
    [&good[..start], bytes, &good[end..]].concat()
}

/// A data block of record 1 with a right checksum and this payload as stored.
fn block(flags: DataFlags, payload: &[u8]) -> Vec<u8> {
    let body = [&[1, flags.with(DataFlags::CHECKSUM).bits() as u8, 0, 0, 0, 0], payload].concat();
    let mut block = [&[2, body.len() as u8], body.as_slice()].concat();
    let checksum = crc::block_crc(&block, 4);
    block[4..8].copy_from_slice(&checksum.to_le_bytes());
    block
}

/// All of them.
///
/// # Errors
/// None that memory does not give.
pub fn all() -> Result<Vec<Broken>> {
    let good = good()?;
    let (start, end) = data_block(&good, 4)?;
    let (last, _) = data_block(&good, 9)?;
    let flipped = |at: usize, bit: u8| replaced(&good, at, at + 1, &[good[at] ^ bit]);
    let inserted = |bytes: &[u8]| replaced(&good, start, start, bytes);
    let broken = |name, what, bytes| Broken { name, what, bytes };
    Ok(vec![
        broken("empty", "nothing at all", Vec::new()),
        broken("magic_only", "the file ends before the header flags", good[..8].to_vec()),
        broken("older_format", "TLOG0002 instead of TLOG0003", replaced(&good, 7, 8, b"2")),
        broken("header_flags", "a header flag that is not defined", replaced(&good, 8, 9, &[4])),
        broken("cut_in_header", "the file ends in the fifth block's header", good[..start + 6].to_vec()),
        broken("cut_in_payload", "the file ends in the fifth block's payload", good[..end - 3].to_vec()),
        broken("flipped_payload", "one bit of the fifth payload is flipped", flipped(end - 1, 1)),
        broken("flipped_time", "one bit of the fifth time is flipped", flipped(start + 8, 0x40)),
        broken("flipped_size", "the fifth block says it is 8 bytes longer", flipped(start + 1, 8)),
        broken("huge_size", "the fifth block says it is 1.6 GB long", {
            replaced(&good, start + 1, start + 2, &[0x80, 0x90, 0xfc, 0xfa, 0x05])
        }),
        broken("overlong_size", "the fifth size has more than 64 bits", {
            replaced(&good, start + 1, start + 2, &[0xff; 11])
        }),
        broken("hole", "the fifth block is overwritten with zeros", {
            replaced(&good, start, end, &vec![0; end - start])
        }),
        broken("unknown_block", "a block of type 9 stands before the fifth", inserted(&[9, 3, 1, 2, 3])),
        broken("undeclared", "data of record 7, which is not declared", inserted(&[2, 3, 7, 0, 1])),
        broken("data_flags", "data with flag 0x08, which is not defined", inserted(&[2, 4, 1, 8, 0, 0])),
        broken("bad_schema", "a schema with type code 11", inserted(&[1, 6, 2, 0, 2, b'x', b'y', 11])),
        broken("snappy_garbage", "a payload that says it is snappy and is not", {
            inserted(&block(DataFlags::SNAPPY, &[5, 0xff, 0xff, 0xff]))
        }),
        broken("snappy_bomb", "a payload of 8 bytes that says it becomes 4 GiB", {
            inserted(&block(DataFlags::SNAPPY, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0]))
        }),
        broken("index_flags", "an index flag that is not defined", flipped(last + (end - start) + 2, 1)),
        broken("index_wrong", "the index says the schema is one byte later", flipped(last + (end - start) + 5, 1)),
        broken("after_index", "one zero byte follows the index", [good.as_slice(), &[0]].concat()),
    ])
}

/// What reading must make of each, as the table in `expected.txt`.
///
/// # Errors
/// As [`all`].
pub fn expectations() -> Result<String> {
    let mut text = String::from(
        "# What reading makes of the logs in this folder: how many of the ten texts are delivered, which bytes\n\
         # are skipped, and the error with which strict reading stops. Written by `cargo xtask generate`.\n",
    );
    for Broken { name, what, bytes } in all()? {
        let outcome = outcome(&bytes);
        text += &format!("\n{name}: {what}\n{outcome}");
    }
    Ok(text)
}

fn outcome(bytes: &[u8]) -> String {
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    let mut texts = 0;
    let error = loop {
        match reader.next_data() {
            Ok(Some(_)) => texts += 1,
            Ok(None) => break None,
            Err(e) => break Some(e),
        }
    };
    let mut outcome = match error {
        Some(e) => format!("  refused: {e}\n"),
        None => format!("  delivered: {texts}\n"),
    };
    for skipped in &reader.damage().first {
        outcome += &format!("  skipped: bytes {} to {}: {}\n", skipped.range.start, skipped.range.end, skipped.cause);
    }
    let index = tlog::read::Blocks::open(bytes).and_then(|blocks| blocks.index());
    outcome += &match index {
        Ok(index) => format!("  index: {}\n", if index.is_some() { "usable" } else { "none" }),
        Err(e) => format!("  index: {e}\n"),
    };
    outcome + &strict_outcome(bytes)
}

/// Strict reading, through a pipe for a change.
fn strict_outcome(bytes: &[u8]) -> String {
    let mut reader = StreamReader::new(bytes, ReadOptions { strict: true, ..ReadOptions::default() });
    loop {
        match reader.next_data() {
            Ok(Some(_)) => {}
            Ok(None) => return "  strict: no defect\n".to_owned(),
            Err(e) => return format!("  strict: {e}\n"),
        }
    }
}
