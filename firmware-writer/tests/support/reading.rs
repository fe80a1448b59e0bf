//! What counts on a card, by the rules of `tlog::wire::batch` and nothing of the writer: a file is read from its start,
//! batch by batch, up to the first one that does not count.

use std::collections::BTreeMap;

use firmware_writer::card::Extent;
use tlog::read::{Event, ReadOptions, SliceReader};
use tlog::wire::batch::{self, Batch, Checksum};
use tlog::wire::index::IndexBlock;
use tlog::wire::{BlockHeader, BlockType, DataHeader, SchemaBlock, SeekMarker, block, crc};

use super::Logged;

/// A session, as far as it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    pub number: u32,
    pub batches: Vec<Batch>,
    /// Records of the firmware.
    pub records: Vec<Logged>,
    /// Records of the writer, with their names.
    pub own: Vec<(String, Vec<u8>)>,
    /// How many sectors the batches have.
    pub sectors: usize,
}

/// The bytes of an extent.
pub fn bytes(image: &[u8], extent: Extent) -> &[u8] {
    &image[extent.first as usize * 512..(extent.first + extent.sectors) as usize * 512]
}

/// The sessions in these extents, in their order.
pub fn sessions(image: &[u8], extents: &[Extent]) -> Vec<Session> {
    let mut found: Vec<Session> = extents.iter().filter_map(|&extent| session(bytes(image, extent))).collect();
    found.sort_by_key(|session| session.number);
    found
}

/// The session in a file, if its first batch counts.
pub fn session(file: &[u8]) -> Option<Session> {
    let mut session = Session::default();
    let mut names = Vec::new();
    let mut at = block::check_file_header(file).ok()?;
    let mut start = 0;
    // The schema in front of the first head.
    let header = BlockHeader::parse(&file[at..]).ok()?;
    let schema = body(file, at, &header).filter(|_| header.block_type == BlockType::Schema)?;
    declare(&mut names, schema)?;
    at += header.block_len()? as usize;
    while let Some(batch) = one(file, start, at, &mut names) {
        let is_next = batch.head.sequence as usize == session.batches.len();
        let is_same = session.batches.is_empty() || batch.head.session == session.number;
        if !is_next || !is_same {
            break;
        }
        session.number = batch.head.session;
        session.batches.push(batch.head);
        session.records.extend(batch.records);
        session.own.extend(batch.own);
        start += batch.head.sectors as usize * 512;
        at = start;
    }
    session.sectors = start / 512;
    (!session.batches.is_empty()).then_some(session)
}

struct One {
    head: Batch,
    records: Vec<Logged>,
    own: Vec<(String, Vec<u8>)>,
}

/// The batch that starts at `start`, its head at `at`.
fn one(file: &[u8], start: usize, mut at: usize, names: &mut Vec<(u64, String)>) -> Option<One> {
    let marker = BlockHeader::parse(file.get(at..)?).ok()?;
    let marker_len = marker.block_len()? as usize;
    SeekMarker::parse(file.get(at..at.checked_add(marker_len)?)?).ok()??;
    at += marker_len;
    let mut one = One { head: Batch::default(), records: Vec::new(), own: Vec::new() };
    let data = BlockHeader::parse(file.get(at..)?).ok()?;
    let head = record(file, at, &data)?;
    (name(names, head.0) == Some(batch::NAME)).then_some(())?;
    one.head = Batch::parse(&head.1.payload)?;
    at += data.block_len()? as usize;
    let end = start.checked_add((one.head.sectors as usize).checked_mul(512)?)?;
    let file = file.get(..end)?;
    let mut checksum = Checksum::new();
    let mut known = names.clone();
    while at < end {
        let header = BlockHeader::parse(&file[at..]).ok()?;
        let body = body(file, at, &header)?;
        let len = header.block_len()? as usize;
        match header.block_type {
            BlockType::Dictionary => header.is_filler(body)?.then_some(())?,
            BlockType::Data => {
                let (identifier, logged, crc) = record(file, at, &header)?;
                checksum.data(crc);
                match name(&known, identifier)? {
                    own if own.starts_with("tlog.") => one.own.push((own.to_owned(), logged.payload)),
                    _ => one.records.push(logged),
                }
            }
            BlockType::Schema => {
                checksum.block(&file[at..at + len]);
                declare(&mut known, body)?;
            }
            _ => return None,
        }
        at += len;
    }
    (at == end && checksum.finish() == one.head.checksum).then_some(())?;
    *names = known;
    Some(one)
}

fn body<'a>(file: &'a [u8], at: usize, header: &BlockHeader) -> Option<&'a [u8]> {
    let len = usize::try_from(header.block_len()?).ok()?;
    file.get(at + header.header_len..at.checked_add(len)?)
}

fn declare(names: &mut Vec<(u64, String)>, body: &[u8]) -> Option<()> {
    let schema = SchemaBlock::parse(body).ok()?;
    names.push((schema.identifier, String::from_utf8(schema.name.to_vec()).ok()?));
    Some(())
}

fn name(names: &[(u64, String)], identifier: u64) -> Option<&str> {
    names.iter().find(|(known, _)| *known == identifier).map(|(_, name)| name.as_str())
}

/// A data block with a checksum that is right: its identifier, what was logged, and the checksum.
fn record(file: &[u8], at: usize, header: &BlockHeader) -> Option<(u64, Logged, u32)> {
    (header.block_type == BlockType::Data).then_some(())?;
    let body = body(file, at, header)?;
    let data = DataHeader::parse(body).ok()?;
    let block = &file[at..at + header.block_len()? as usize];
    let crc = crc::block_crc(block, header.header_len + data.checksum_at()?);
    (data.checksum == Some(crc)).then_some(())?;
    let logged =
        Logged { id: data.identifier as u16, time: data.timestamp? as u64, payload: body[data.len..].to_vec() };
    Some((data.identifier, logged, crc))
}

/// Reads a raw file from its first to its last byte, as one that knows nothing of batches: everything is intact, and
/// previous offsets, seek markers and the index say where the data is. How many data blocks there are, and whether it
/// has an index.
pub fn whole(file: &[u8]) -> (usize, bool) {
    let mut reader = SliceReader::new(file, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut read = 0;
    while let Some(event) = reader.next_event().unwrap() {
        read += usize::from(matches!(event, Event::Data(_)));
    }
    let (mut schemas, mut last) = (BTreeMap::new(), BTreeMap::new());
    let mut at = block::check_file_header(file).unwrap();
    let (mut count, mut time) = (0, 0);
    while at < file.len() {
        let header = BlockHeader::parse(&file[at..]).unwrap();
        let body = body(file, at, &header).unwrap();
        let len = header.block_len().unwrap() as usize;
        match header.block_type {
            BlockType::Schema => _ = schemas.insert(SchemaBlock::parse(body).unwrap().identifier, at as u64),
            BlockType::Data => {
                let data = DataHeader::parse(body).unwrap();
                let previous = last.insert(data.identifier, at as u64);
                let told = data.previous_offset.map(|distance| at as u64 - distance);
                assert!(told.is_none() || told == previous, "at {at}: {told:?} is told, {previous:?} is so");
                assert!(data.timestamp.unwrap() >= time, "at {at}: time goes back");
                time = data.timestamp.unwrap();
                count += 1;
            }
            BlockType::SeekMarker => {
                let marker = SeekMarker::parse(&file[at..at + len]).unwrap().unwrap();
                assert!(marker.timestamp >= time, "at {at}: time goes back");
                let told: BTreeMap<u64, u64> = marker.elements().map(|(id, back)| (id, at as u64 - back)).collect();
                assert_eq!(told, last, "the marker at {at}");
            }
            _ => {}
        }
        at += len;
    }
    assert_eq!(read, count);
    let index = IndexBlock::trailer(file).map(|len| IndexBlock::parse(&file[file.len() - len as usize..]).unwrap());
    if let Some(index) = index {
        for entry in index.entries() {
            assert_eq!(Some(&entry.schema_location), schemas.get(&entry.identifier));
            assert_eq!(entry.final_record.as_ref(), last.get(&entry.identifier));
        }
        assert_eq!(index.count as usize, schemas.len());
    }
    (count, index.is_some())
}
