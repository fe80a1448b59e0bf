//! Files as firmware writes them in batches, written as simply as can be.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;

use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::wire::batch::{Batch, Checksum, NAME, SECTOR};
use tlog::wire::block::FILLER_MAGIC;
use tlog::wire::data::MAX_FRONT_LEN;
use tlog::wire::{BlockHeader, BlockType, DataFlags, DataHeader, FILE_HEADER, IndexBlock, IndexEntry, SeekMarker, crc};

/// The identifiers of the records.
pub const IMU: u64 = 1;
pub const GPS: u64 = 2;
pub const BATCH: u64 = 3;
pub const CLOCK: u64 = 4;

/// A sector that is written: which, and its bytes.
pub type Write = (usize, Vec<u8>);

/// A record: time in microseconds, identifier, payload.
pub type Datum = (i64, u64, Vec<u8>);

/// The writer of one file.
#[derive(Clone)]
pub struct Firmware {
    sectors: usize,
    /// The next sector.
    at: usize,
    /// What the next head says, its checksum and sectors aside.
    pub next: Batch,
    schemas: BTreeMap<u64, usize>,
    latest: BTreeMap<u64, usize>,
    /// That of the latest data.
    time: Option<i64>,
}

fn object(fields: &[(&str, Type)]) -> Vec<u8> {
    let fields = fields.iter().map(|(name, ty)| Field::new(*name, ty.clone()));
    Schema::new(Object::new(fields).into()).unwrap().to_bytes()
}

fn kinds() -> Vec<(u64, &'static str, Vec<u8>)> {
    let uint = Type::FixedUint(Width::W4);
    vec![
        (IMU, "imu", object(&[("seq", uint.clone()), ("session", uint.clone())])),
        (GPS, "gps", object(&[("lat", Type::Float64)])),
        (CLOCK, "tlog.clock", {
            let time = Type::FixedInt(Width::W8);
            object(&[("mono_us", time.clone()), ("utc_us", time), ("source", Type::FixedUint(Width::W1))])
        }),
    ]
}

impl Firmware {
    pub fn new(session: u32, sectors: usize) -> Self {
        let next = Batch { session, ..Batch::default() };
        Self { sectors, at: 0, next, schemas: BTreeMap::new(), latest: BTreeMap::new(), time: None }
    }

    /// An imu record that tells of its session.
    pub fn imu(&self, time: i64, seq: u32) -> Datum {
        (time, IMU, [seq.to_le_bytes(), self.next.session.to_le_bytes()].concat())
    }

    pub fn clock(time: i64, utc: i64) -> Datum {
        (time, CLOCK, [&time.to_le_bytes()[..], &utc.to_le_bytes(), &[1]].concat())
    }

    /// Where the next batch starts, in bytes.
    pub fn position(&self) -> usize {
        self.at * SECTOR
    }

    /// What is written for a batch of these: its sectors, and the one of the filler behind it.
    pub fn batch(&mut self, data: &[Datum]) -> Vec<Write> {
        let start = self.position();
        let mut head = Vec::new();
        if self.next.sequence == 0 {
            head.extend(FILE_HEADER);
            self.schema(&mut head, BATCH, NAME, Batch::SCHEMA);
        }
        let marker_at = start + head.len();
        let time = self.time.or(data.first().map(|(time, ..)| *time)).unwrap_or(0);
        let before = self.latest.clone();
        let elements = before.iter().map(|(&id, &at)| (id, (marker_at - at) as u64));
        let mut marker = vec![0; 512];
        let len = SeekMarker::encode(time, elements, &mut marker).unwrap();
        head.extend(&marker[..len]);
        // The head's room; the data block of `tlog.batch` is put in at the end.
        let batch_at = head.len();
        let room = (batch_at + 100).next_multiple_of(32);
        let mut body: Vec<u8> = Vec::new();
        let mut checksum = Checksum::new();
        if self.next.sequence == 0 {
            for (id, name, schema) in kinds() {
                let from = body.len();
                self.schemas.insert(id, start + room + from);
                put_schema(&mut body, id, name, &schema);
                checksum.block(&body[from..]);
            }
        }
        let mut in_batch: BTreeMap<u64, usize> = BTreeMap::from([(BATCH, start + batch_at)]);
        for (time, id, payload) in data {
            let at = start + room + body.len();
            let previous = in_batch.insert(*id, at).map(|before| (at - before) as u64);
            let (block, sum) = data_block(*id, *time, previous, payload);
            body.extend(block);
            checksum.data(sum);
        }
        let end = (room + body.len() + 2).next_multiple_of(SECTOR);
        let left = end - room - body.len();
        put_filler(&mut body, left);
        self.next.sectors = (end / SECTOR) as u32;
        self.next.checksum = checksum.finish();
        let (block, _) = data_block(BATCH, time, None, &self.next.encode());
        head.extend(block);
        let left = room - head.len();
        put_filler(&mut head, left);
        self.latest.extend(in_batch);
        self.time = data.last().map(|(time, ..)| *time).or(self.time);
        self.next.sequence += 1;
        self.at += end / SECTOR;
        let mut bytes = [head, body].concat();
        let mut filler = Vec::new();
        put_filler(&mut filler, self.sectors * SECTOR - self.position());
        bytes.extend(filler.iter().chain(&[0xee; SECTOR]).take(if filler.is_empty() { 0 } else { SECTOR }));
        bytes.chunks(SECTOR).enumerate().map(|(i, sector)| (start / SECTOR + i, sector.to_vec())).collect()
    }

    fn schema(&mut self, out: &mut Vec<u8>, id: u64, name: &str, schema: &[u8]) {
        self.schemas.insert(id, out.len());
        put_schema(out, id, name, schema);
    }

    /// What is written to close the log: the index at the end, then the filler in front of it.
    pub fn close(&mut self) -> Vec<Write> {
        let entries = self.schemas.iter().map(|(&identifier, &at)| IndexEntry {
            identifier,
            schema_location: at as u64,
            final_record: self.latest.get(&identifier).map(|&at| at as u64),
        });
        let mut index = vec![0; 512];
        let len = IndexBlock::encode(entries, &mut index).unwrap();
        let mut last = vec![0xee; SECTOR - len];
        last.extend(&index[..len]);
        let mut filler = Vec::new();
        put_filler(&mut filler, self.sectors * SECTOR - len - self.position());
        filler.resize(SECTOR, 0xee);
        vec![(self.sectors - 1, last), (self.at, filler)]
    }
}

fn put_schema(out: &mut Vec<u8>, id: u64, name: &str, schema: &[u8]) {
    let body = [&[id as u8, 0, name.len() as u8], name.as_bytes(), schema].concat();
    let (header, len) = BlockHeader::encode(BlockType::Schema, body.len() as u64);
    out.extend(&header[..len]);
    out.extend(body);
}

fn data_block(identifier: u64, time: i64, previous: Option<u64>, payload: &[u8]) -> (Vec<u8>, u32) {
    let flags = DataFlags::TIMESTAMP.with(DataFlags::CHECKSUM);
    let flags = if previous.is_some() { flags.with(DataFlags::PREVIOUS_OFFSET) } else { flags };
    let header =
        DataHeader { identifier, flags, previous_offset: previous, timestamp: Some(time), ..DataHeader::default() };
    let mut front = [0; MAX_FRONT_LEN];
    let len = header.encode(payload.len(), &mut front);
    let mut block = [&front[..len], payload].concat();
    let sum = crc::block_crc(&block, len - crc::LEN);
    block[len - crc::LEN..len].copy_from_slice(&sum.to_le_bytes());
    (block, sum)
}

/// Filler of this length, only its first bytes if it is long.
fn put_filler(out: &mut Vec<u8>, len: usize) {
    if len == 0 {
        return;
    }
    let body = (0..=9).filter_map(|header| len.checked_sub(header)).find(|&body| {
        let (_, header) = BlockHeader::encode(BlockType::Dictionary, body as u64);
        header + body == len
    });
    let Some(body) = body else {
        out.extend([4, 0]);
        return put_filler(out, len - 2);
    };
    let (header, header_len) = BlockHeader::encode(BlockType::Dictionary, body as u64);
    out.extend(&header[..header_len]);
    out.extend(FILLER_MAGIC.iter().chain([0xff; SECTOR].iter()).take(body.min(SECTOR)));
    // A long one goes on with whatever is on the card.
    let from = out.len() - header_len - body.min(SECTOR);
    if len <= SECTOR {
        out.resize(from + len, 0xff);
    } else {
        out.truncate(from + 24);
    }
}

/// Writes sectors into a file.
pub fn apply(file: &mut [u8], writes: &[Write]) {
    for (sector, bytes) in writes {
        file[sector * SECTOR..][..SECTOR].copy_from_slice(bytes);
    }
}

/// A file of `sectors` with `batches` batches of this many imu records each, over whatever `file` had.
pub fn logged(file: &mut [u8], session: u32, batches: u32, each: u32) -> Firmware {
    let mut firmware = Firmware::new(session, file.len() / SECTOR);
    for batch in 0..batches {
        let data = records(&firmware, batch * each, each);
        firmware.next.dropped = batch;
        let writes = firmware.batch(&data);
        apply(file, &writes);
    }
    firmware
}

/// So many imu records from `first` on, each a millisecond after the other.
pub fn records(firmware: &Firmware, first: u32, count: u32) -> Vec<Datum> {
    (first..first + count).map(|seq| firmware.imu(1_000 * i64::from(seq) + 5_000_000, seq)).collect()
}
