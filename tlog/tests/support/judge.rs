//! A strict judge of written logs: whatever passes is readable by both reference readers.
//!
//! It walks the bytes block by block on its own, with its own checksum, and
//! knows nothing of the writer.

use std::collections::{BTreeMap, HashSet};

use tlog::schema::{IntegerType, Schema, Type};
use tlog::wire::block::FILE_HEADER;
use tlog::wire::{BlockHeader, BlockType, DataFlags, DataHeader, IndexBlock, SchemaBlock, SeekMarker};

/// What a log that passed contains.
#[derive(Debug, Default)]
pub struct Contents {
    pub schemas: Vec<Declared>,
    pub data: Vec<Data>,
    pub markers: Vec<Marker>,
    pub indexed: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Declared {
    pub id: u64,
    pub name: String,
    pub schema: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Data {
    pub offset: u64,
    pub id: u64,
    pub time: Option<i64>,
    pub flags: DataFlags,
    /// Uncompressed.
    pub payload: Vec<u8>,
    pub stored_len: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Marker {
    pub offset: u64,
    pub time: i64,
    pub elements: Vec<(u64, u64)>,
}

impl Contents {
    pub fn id(&self, name: &str) -> Option<u64> {
        self.schemas.iter().find(|schema| schema.name == name).map(|schema| schema.id)
    }

    pub fn payloads(&self, id: u64) -> impl Iterator<Item = &[u8]> {
        self.data.iter().filter(move |data| data.id == id).map(|data| data.payload.as_slice())
    }
}

/// What the walk remembers of a record.
struct Seen {
    schema_location: u64,
    last: Option<u64>,
}

#[derive(Default)]
struct Walk {
    seen: BTreeMap<u64, Seen>,
    names: HashSet<Vec<u8>>,
    contents: Contents,
}

/// Panics unless both references can read this log and everything redundant in it is exact:
/// previous offsets, checksums, markers, index.
#[track_caller]
pub fn check_reference_readable(bytes: &[u8]) -> Contents {
    assert!(bytes.starts_with(&FILE_HEADER), "file header with flags 0");
    let mut walk = Walk::default();
    let mut at = FILE_HEADER.len();
    while at < bytes.len() {
        assert!(!walk.contents.indexed, "nothing after the index");
        let header = BlockHeader::parse(&bytes[at..]).expect("a block header");
        let end = at + usize::try_from(header.block_len().unwrap()).unwrap();
        let block = bytes.get(at..end).expect("no torn block at the end");
        let shortest = BlockHeader::encode(header.block_type, header.body_len);
        assert_eq!(block[..header.header_len], shortest.0[..shortest.1], "shortest varuints");
        walk.block(at as u64, header, block);
        at = end;
    }
    walk.contents
}

impl Walk {
    fn block(&mut self, at: u64, header: BlockHeader, block: &[u8]) {
        let body = &block[header.header_len..];
        match header.block_type {
            BlockType::Schema => self.schema(at, body),
            BlockType::Data => self.data(at, header.header_len, block),
            BlockType::SeekMarker => self.marker(at, block),
            BlockType::Index => self.index(block),
            BlockType::Dictionary => assert_eq!(header.is_filler(body), Some(true), "block type 4 only as filler"),
            BlockType::Unknown(code) => panic!("block type {code} at {at}"),
        }
    }

    fn schema(&mut self, at: u64, body: &[u8]) {
        let block = SchemaBlock::parse(body).expect("a schema block with flags 0");
        let new = self.seen.insert(block.identifier, Seen { schema_location: at, last: None }).is_none();
        assert!(new, "identifier {} is declared once", block.identifier);
        assert!(self.names.insert(block.name.to_vec()), "each name is declared once");
        let schema = Schema::from_bytes(block.schema).expect("a schema");
        assert_eq!(schema.to_bytes(), block.schema, "a canonical schema");
        check_type(schema.root());
        self.contents.schemas.push(Declared {
            id: block.identifier,
            name: String::from_utf8(block.name.to_vec()).expect("a name in UTF-8"),
            schema: block.schema.to_vec(),
        });
    }

    fn data(&mut self, at: u64, header_len: usize, block: &[u8]) {
        let body = &block[header_len..];
        let header = DataHeader::parse(body).expect("a data header with defined flags");
        let seen = self.seen.get_mut(&header.identifier).expect("declared before its data");
        if let Some(distance) = header.previous_offset {
            assert_eq!(distance, seen.last.map_or(0, |last| at - last), "previous offset at {at}");
        }
        if let Some(stored) = header.checksum {
            assert_eq!(stored, crc(block, header_len + header.checksum_at().unwrap()), "checksum at {at}");
        }
        seen.last = Some(at);
        let stored = &body[header.len..];
        let payload = if header.flags.contains(DataFlags::SNAPPY) {
            let payload = snap::raw::Decoder::new().decompress_vec(stored).expect("snappy");
            assert!(stored.len() < payload.len(), "compressed only where that is shorter");
            payload
        } else {
            stored.to_vec()
        };
        self.contents.data.push(Data {
            offset: at,
            id: header.identifier,
            time: header.timestamp,
            flags: header.flags,
            payload,
            stored_len: stored.len(),
        });
    }

    fn marker(&mut self, at: u64, block: &[u8]) {
        let marker = SeekMarker::parse(block).expect("a marker").expect("a marker's checksum");
        let header_len = BlockHeader::parse(block).unwrap().header_len;
        let crc_at = header_len + 8;
        assert_eq!(block[crc_at..crc_at + 4], crc(block, crc_at).to_le_bytes());
        // That of firmware stands at the front too, where it says that there is nothing before it.
        let time = self.contents.data.last().map_or(Some(marker.timestamp), |before| before.time);
        assert_eq!(Some(marker.timestamp), time, "the time of the block just before");
        let elements: Vec<_> = marker.elements().collect();
        let expected = self.seen.iter().filter_map(|(&id, seen)| Some((id, at - seen.last?)));
        assert!(elements.iter().copied().eq(expected), "the marker's elements at {at}: {elements:?}");
        self.contents.markers.push(Marker { offset: at, time: marker.timestamp, elements });
    }

    fn index(&mut self, block: &[u8]) {
        let index = IndexBlock::parse(block).expect("an index");
        let entries = index.entries().map(|entry| (entry.identifier, entry.schema_location, entry.final_record));
        let expected = self.seen.iter().map(|(&id, seen)| (id, seen.schema_location, seen.last));
        assert!(entries.eq(expected), "the index's entries");
        self.contents.indexed = true;
    }
}

fn check_type(ty: &Type) {
    match ty {
        Type::Object(object) => {
            assert_eq!(object.version(), None, "no object version");
            let mut names = HashSet::new();
            for field in object.fields() {
                assert!(is_identifier(field.name()) && names.insert(field.name()), "field name {:?}", field.name());
                check_type(field.ty());
            }
        }
        Type::Enum(enumeration) => {
            assert!(matches!(enumeration.underlying(), IntegerType::FixedUint(_) | IntegerType::Varuint), "enum type");
        }
        Type::Array(item) | Type::Map(item) => check_type(item),
        Type::FixedArray(array) => check_type(array.item()),
        Type::Union(members) => members.iter().for_each(check_type),
        _ => {}
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// CRC-32/ISO-HDLC bit by bit, with four zeros at `at`.
fn crc(block: &[u8], at: usize) -> u32 {
    !block.iter().enumerate().fold(!0, |crc, (i, &byte)| {
        let byte = if (at..at + 4).contains(&i) { 0 } else { byte };
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
