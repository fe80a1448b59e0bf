//! Logs of the reference writer, taken apart and written again: every byte must come back.
//!
//! Needs the vectors of the reference, in the folder that `TLOG_SHARED` names, by
//! default `shared` beside this repository. Hence the feature.

mod support;

use support::shared;
use tlog::Micros;
use tlog::wire::{BlockHeader, BlockType, DataFlags, DataHeader, IndexBlock, SchemaBlock, SeekMarker, block};
use tlog::write::{Overrides, RecordId, WriterOptions};

/// Each log and whether its writer attempted compression; `None`: block by block as its flags say.
const LOGS: [(&str, Option<bool>); 17] = [
    ("empty_with_index", Some(true)),
    ("empty_no_index", Some(true)),
    ("schema_only", Some(true)),
    ("schema_only_no_index", Some(true)),
    ("primitives", Some(false)),
    ("compound", Some(false)),
    ("archive_alltypes", Some(false)),
    ("snappy", Some(true)),
    ("seek_large", Some(true)),
    ("seek_large_no_index", Some(true)),
    ("flags_prev", None),
    ("schema_repeat_same", Some(true)),
    ("redef_new_id_no_index", Some(true)),
    ("redef_same_id", Some(true)),
    ("enum_varint", Some(true)),
    ("payload_trailing_bytes", Some(true)),
    ("trunc_no_index", None),
];

/// The blocks behind the file header: each one's header and all its bytes.
fn blocks(log: &[u8]) -> impl Iterator<Item = (BlockHeader, &[u8])> {
    let mut rest = &log[block::check_file_header(log).unwrap()..];
    std::iter::from_fn(move || {
        let header = BlockHeader::parse(rest).ok()?;
        let (block, after) = rest.split_at(header.block_len().unwrap() as usize);
        rest = after;
        Some((header, block))
    })
}

/// Writes the schemas and data of `log` again, and lets the writer find offsets, checksums, markers and index by itself.
fn rebuilt(log: &[u8], compression: Option<bool>) -> Vec<u8> {
    let options = WriterOptions::new().index(IndexBlock::trailer(log).is_some());
    let mut writer = options.open(Vec::new());
    for (header, block) in blocks(log) {
        let body = &block[header.header_len..];
        match header.block_type {
            BlockType::Schema => {
                let schema = SchemaBlock::parse(body).unwrap();
                writer.declare_raw(RecordId(schema.identifier), schema.name, schema.schema).unwrap();
            }
            BlockType::Data => {
                let data = DataHeader::parse(body).unwrap();
                let snappy = data.flags.contains(DataFlags::SNAPPY);
                let stored = &body[data.len..];
                let payload =
                    if snappy { snap::raw::Decoder::new().decompress_vec(stored).unwrap() } else { stored.to_vec() };
                let overrides = Overrides {
                    compression: Some(compression.unwrap_or(snappy)),
                    checksum: Some(data.checksum.is_some()),
                    previous_offset: Some(data.previous_offset.is_some()),
                    timestamps: None,
                };
                writer.write_data(RecordId(data.identifier), data.timestamp.map(Micros), &payload, overrides).unwrap();
            }
            _ => {}
        }
    }
    writer.finish().unwrap()
}

#[test]
fn every_byte_of_the_reference_writer_comes_back() {
    let mut failed = Vec::new();
    for (name, compression) in LOGS {
        let log = shared(&format!("vectors/tlog/{name}.tlog"));
        let again = rebuilt(&log, compression);
        if log != again {
            let at = log.iter().zip(&again).position(|(a, b)| a != b);
            failed.push(format!("{name}: {} and {} bytes, differ at {at:?}", log.len(), again.len()));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// What does not depend on how well two snappy encoders compress: the order of blocks, their records and times.
fn skeleton(log: &[u8]) -> Vec<(BlockType, u64, Option<i64>)> {
    let of_block = |(header, block): (BlockHeader, &[u8])| {
        let body = &block[header.header_len..];
        match header.block_type {
            BlockType::Data => {
                let data = DataHeader::parse(body).unwrap();
                (header.block_type, data.identifier, data.timestamp)
            }
            BlockType::SeekMarker => {
                let marker = SeekMarker::parse(block).unwrap().unwrap();
                (header.block_type, marker.count, Some(marker.timestamp))
            }
            other => (other, 0, None),
        }
    };
    blocks(log).map(of_block).collect()
}

#[test]
fn a_real_flight_gets_its_markers_in_the_same_places() {
    let log = shared("testdata/px4-flight.tlog");
    let (theirs, ours) = (skeleton(&log), skeleton(&rebuilt(&log, Some(true))));
    assert!(theirs.iter().filter(|block| block.0 == BlockType::SeekMarker).count() > 60);
    assert_eq!(theirs.iter().zip(&ours).position(|(a, b)| a != b), None);
    assert_eq!(theirs.len(), ours.len());
}
