//! Any bytes as a file that firmware wrote in batches: nothing counts that its checksums do not prove, nothing that they
//! prove is left out, and what is recovered is what counts.
//!
//! The first byte of an input says what is made right before: 1 for the checksums of blocks, 2 for those of batches. So
//! chance gets past them.

use std::ops::Range;

use tlog::read::{ReadOptions, SliceReader};
use tlog::wire::batch::{Batch, Checksum, NAME, SECTOR};
use tlog::wire::data::MAX_FRONT_LEN;
use tlog::wire::marker::MARKER;
use tlog::wire::{BlockHeader, BlockType, DataFlags, DataHeader, IndexBlock, SchemaBlock, SeekMarker, block};
use tlog_index::batches::{BatchReport, Batches, Piece, first_head};
use tlog_index::recover::{RecoverOptions, recover};
use tlog_index::verify::{VerifyOptions, verify};

/// Longer markers are not looked at, in bytes.
const MAX_MARKER: usize = 4096;

/// A data block: its time, whether it is compressed, its payload as stored.
type Stored = (Option<i64>, bool, Vec<u8>);

/// What a file in batches is taken for is what it is.
pub fn batches(data: &[u8]) {
    let Some((&right, file)) = data.split_first() else { return };
    let mut file = file.to_vec();
    if right & 3 != 0 {
        make_right(&mut file, right & 2 != 0);
    }
    check(&file);
}

/// The same without making anything right; what the file is taken for.
pub(super) fn check(file: &[u8]) -> Vec<Piece> {
    let pieces: Vec<Piece> = Batches::of_card(file).collect();
    assert_eq!(Batches::of_card(file).collect::<Vec<_>>(), pieces, "the same twice");
    if let Some(walk) = Batches::recognise(file) {
        assert_eq!(walk.clone().collect::<Vec<_>>(), pieces, "however it is known");
        check_report(walk.report(), &pieces);
    }
    check_order(file, &pieces);
    let proved = check_proofs(file, &pieces);
    check_recovered(file, proved);
    let _ = verify(file, &VerifyOptions::default(), |_| {});
    pieces
}

fn check_report(report: BatchReport, pieces: &[Piece]) {
    let batches = pieces.iter().filter(|piece| matches!(piece, Piece::Batch { .. })).count();
    let end = matches!(pieces.last(), Some(Piece::End { .. }));
    assert_eq!((report.whole, report.ended), (batches as u64, end));
}

fn range_of(piece: &Piece, len: u64) -> Range<u64> {
    match piece {
        Piece::Batch { range, .. } | Piece::Lost { range, .. } => range.clone(),
        Piece::End { at, .. } => *at..len,
    }
}

/// The pieces follow each other from the first byte on, and there are no more than the sectors can give.
fn check_order(file: &[u8], pieces: &[Piece]) {
    let len = file.len() as u64;
    let mut at = 0;
    for piece in pieces {
        let range = range_of(piece, len);
        assert!(range.start == at && range.end >= at && range.end <= len, "{piece:?} follows {at} of {len}");
        at = range.end;
        match piece {
            Piece::Lost { range, intact, .. } => assert!(*intact <= range.end - range.start, "{piece:?}"),
            Piece::End { at, index } => check_end(file, *at as usize, index.clone()),
            Piece::Batch { .. } => {}
        }
    }
    assert!(pieces.len() <= 2 + 2 * file.len().div_ceil(SECTOR), "{} pieces of {len} bytes", pieces.len());
    let ends = pieces.iter().filter(|piece| matches!(piece, Piece::End { .. })).count();
    assert!(ends == 0 || (ends == 1 && matches!(pieces.last(), Some(Piece::End { .. }))));
}

/// Filler up to the end of the file or behind it, or to an index that is the last in the file.
fn check_end(file: &[u8], mut at: usize, index: Option<Range<u64>>) {
    let end = index.as_ref().map_or(file.len(), |index| index.start as usize);
    while at < end {
        let header = BlockHeader::parse(&file[at..]).expect("filler has a header");
        assert_eq!(header.is_filler(&file[at + header.header_len..]), Some(true), "at {at}");
        at = at.saturating_add(usize::try_from(header.block_len().expect("it has an end")).unwrap_or(usize::MAX));
    }
    let Some(index) = index else { return };
    assert_eq!((at, index.end), (end, file.len() as u64));
    assert!(IndexBlock::parse(&file[end..]).is_ok());
}

/// A batch that is whole by the layout's rules, read as plainly as can be.
struct Whole {
    batch: Batch,
    end: usize,
    data: Vec<Stored>,
}

/// The block at this place that ends at `limit` at the latest.
fn block_at(file: &[u8], at: usize, limit: usize) -> Option<(BlockHeader, &[u8])> {
    let rest = file.get(at..limit.min(file.len()))?;
    let header = BlockHeader::parse(rest).ok()?;
    Some((header, rest.get(..usize::try_from(header.block_len()?).ok()?)?))
}

/// A data block whose checksum is right: what it says, its checksum, and where its payload starts.
fn data_of(header: &BlockHeader, block: &[u8]) -> Option<(DataHeader, u32, usize)> {
    let data = DataHeader::parse(&block[header.header_len..]).ok()?;
    let at = header.header_len + data.checksum_at()?;
    let mut cleared = block.to_vec();
    cleared[at..at + 4].fill(0);
    let is_right = header.block_type == BlockType::Data && data.checksum == Some(crc32fast::hash(&cleared));
    is_right.then_some((data, data.checksum?, header.header_len + data.len))
}

fn stored(data: &DataHeader, payload: &[u8]) -> Stored {
    (data.timestamp, data.flags.contains(DataFlags::SNAPPY), payload.to_vec())
}

/// The batch that starts at `start`, its marker at `at`.
fn whole(file: &[u8], start: usize, at: usize, identifier: Option<u64>) -> Option<Whole> {
    let (header, marker) = block_at(file, at, at + MAX_MARKER)?;
    SeekMarker::parse(marker).ok()??;
    let at = at + marker.len();
    let (head_header, head) = block_at(file, at, at + Batch::LEN + MAX_FRONT_LEN)?;
    let (data, _, payload) = data_of(&head_header, head)?;
    let batch = Batch::parse(&head[payload..]).filter(|_| head.len() - payload == Batch::LEN)?;
    let is_one = header.header_len <= 3 && data.timestamp.is_some();
    (is_one && identifier.is_none_or(|known| known == data.identifier)).then_some(())?;
    let end = start.checked_add(usize::try_from(batch.sectors).ok()?.checked_mul(SECTOR)?)?;
    let mut whole = Whole { batch, end, data: vec![stored(&data, &head[payload..])] };
    let (mut at, mut sum) = (at + head.len(), Checksum::new());
    (end <= file.len() && at <= end).then_some(())?;
    while at < end {
        let (header, block) = block_at(file, at, end)?;
        match header.block_type {
            BlockType::Data => {
                let (data, checksum, payload) = data_of(&header, block)?;
                sum.data(checksum);
                whole.data.push(stored(&data, &block[payload..]));
            }
            BlockType::Schema => sum.block(block),
            BlockType::Dictionary => header.is_filler(&block[header.header_len..])?.then_some(())?,
            _ => return None,
        }
        at += block.len();
    }
    (sum.finish() == batch.checksum).then_some(whole)
}

/// Where the first head is, and the identifier of `tlog.batch`.
fn front(file: &[u8]) -> Option<(usize, u64)> {
    let at = block::check_file_header(file).ok()?;
    let (header, block) = block_at(file, at, file.len())?;
    let schema = SchemaBlock::parse(&block[header.header_len..]).ok()?;
    let is_one = header.block_type == BlockType::Schema;
    let is_batch = schema.name == NAME.as_bytes() && schema.schema == Batch::SCHEMA;
    (is_one && is_batch).then_some((at + block.len(), schema.identifier))
}

/// Whole batches are whole, of one session, in ascending order; those that simply follow each other are all there. What
/// is in the proved ones.
fn check_proofs(file: &[u8], pieces: &[Piece]) -> Vec<Stored> {
    let front = front(file);
    let (mut data, mut last) = (Vec::new(), None);
    for piece in pieces {
        let Piece::Batch { range, batch, proved, .. } = piece else { continue };
        let start = range.start as usize;
        let (at, identifier) = match front {
            Some((at, identifier)) if *proved => (if start == 0 { at } else { start }, Some(identifier)),
            _ => (start, None),
        };
        let found = whole(file, start, at, identifier).expect("what is told to be whole is");
        assert_eq!((found.batch, found.end as u64), (*batch, range.end));
        if let Some((session, sequence, of_proof)) = last.replace((batch.session, batch.sequence, *proved)) {
            assert!(batch.session == session && batch.sequence > sequence && *proved == of_proof, "{piece:?}");
        }
        if *proved {
            assert_eq!(first_head(file).map(|head| head.batch.session), Some(batch.session));
            data.extend(found.data);
        }
    }
    let mut start = 0;
    for (sequence, piece) in (0..).zip(pieces) {
        let Some((at, identifier)) = front else { break };
        let found = whole(file, start, if start == 0 { at } else { start }, Some(identifier));
        let session = first_head(file).map(|head| head.batch.session);
        let Some(found) =
            found.filter(|found| (Some(found.batch.session), found.batch.sequence) == (session, sequence))
        else {
            break;
        };
        assert!(matches!(piece, Piece::Batch { batch, .. } if *batch == found.batch), "a whole batch is {piece:?}");
        start = found.end;
    }
    data
}

/// All data of a log, which is whole.
fn all(log: &[u8]) -> Vec<Stored> {
    let mut reader = SliceReader::new(log, ReadOptions { strict: true, raw_payloads: true, ..ReadOptions::default() });
    let mut all = Vec::new();
    while let Some(data) = reader.next_data().expect("what is recovered is whole") {
        let is_compressed = data.flags.contains(DataFlags::SNAPPY);
        all.push((data.time.map(|time| time.0), is_compressed, data.payload.to_vec()));
    }
    all
}

/// Only what is proved is recovered, and all of it that has a schema and can be unpacked; on request what is intact besides.
fn check_recovered(file: &[u8], proved: Vec<Stored>) {
    let options = RecoverOptions { card: true, ..RecoverOptions::default() };
    let (recovered, log) = recover(file, &options, Vec::new()).expect("nothing in a file is an error");
    recovered.verify(&log).expect("what was written is there");
    let kept = all(&log);
    let report = recovered.report;
    let undeclared = report.undeclared.iter().map(|undeclared| undeclared.blocks).sum::<u64>();
    let told = kept.len() as u64 + undeclared + report.undeclared_unlisted + report.duplicate_blocks;
    let is_packed = proved.iter().any(|(_, is_compressed, _)| *is_compressed);
    assert!(
        told == proved.len() as u64 || is_packed && told < proved.len() as u64,
        "{} proved: {report:?}",
        proved.len()
    );
    let mut rest = proved.iter();
    assert!(kept.iter().all(|kept| rest.any(|proved| proved == kept)), "in another order, or invented");
    let options = RecoverOptions { unverified: true, ..options };
    let (recovered, log) = recover(file, &options, Vec::new()).expect("nothing in a file is an error");
    recovered.verify(&log).expect("what was written is there");
    let unverified = recovered.report.unverified_kept;
    assert!(unverified == 0 || !recovered.report.unverified.is_empty());
    let intact = intact(file);
    assert!(all(&log).iter().all(|kept| intact.binary_search(kept).is_ok()), "invented");
}

/// Every data block with a right checksum, wherever it starts, sorted.
fn intact(file: &[u8]) -> Vec<Stored> {
    let mut intact = Vec::new();
    for (at, _) in file.iter().enumerate().filter(|(_, byte)| **byte == BlockType::Data.code() as u8) {
        if let Some((header, block)) = block_at(file, at, file.len())
            && let Some((data, _, payload)) = data_of(&header, block)
        {
            intact.push(stored(&data, &block[payload..]));
        }
    }
    intact.sort();
    intact
}

/// Makes checksums right: of heads and of the blocks behind them, on request of batches.
fn make_right(file: &mut [u8], batches: bool) {
    let mut start = 0;
    while start < file.len() {
        let at = if start == 0 { front(file).map_or(0, |(at, _)| at) } else { start };
        let done = make_batch_right(file, start, at, batches).filter(|&done| done > start);
        start = done.unwrap_or(start + SECTOR);
    }
}

/// Where the batch ends that starts at `start`, if that is one but for its checksums.
fn make_batch_right(file: &mut [u8], start: usize, at: usize, batches: bool) -> Option<usize> {
    let (header, marker) = block_at(file, at, at + MAX_MARKER)?;
    let (crc_at, len) = (header.header_len + MARKER.len(), marker.len());
    (header.block_type == BlockType::SeekMarker && marker.get(header.header_len..)?.starts_with(&MARKER))
        .then_some(())?;
    put_crc(file, at, len, crc_at)?;
    let head_at = at + len;
    let (head_header, head) = block_at(file, head_at, head_at + Batch::LEN + MAX_FRONT_LEN)?;
    let data = DataHeader::parse(&head[head_header.header_len..]).ok()?;
    let (head_len, head_crc) = (head.len(), head_header.header_len + data.checksum_at()?);
    let batch = Batch::parse(head.get(head_len.checked_sub(Batch::LEN)?..)?)?;
    put_crc(file, head_at, head_len, head_crc)?;
    let end = start.checked_add(usize::try_from(batch.sectors).ok()?.checked_mul(SECTOR)?)?;
    let (mut at, mut sum) = (head_at + head_len, Checksum::new());
    while at < end {
        let (header, block) = block_at(file, at, end)?;
        let len = block.len();
        if header.block_type == BlockType::Data {
            let data = DataHeader::parse(&block[header.header_len..]).ok()?;
            sum.data(put_crc(file, at, len, header.header_len + data.checksum_at()?)?);
        } else if header.block_type == BlockType::Schema {
            sum.block(block);
        }
        at += len;
    }
    if batches {
        let checksum = head_at + head_len - 4;
        file[checksum..checksum + 4].copy_from_slice(&sum.finish().to_le_bytes());
        put_crc(file, head_at, head_len, head_crc)?;
    }
    Some(end)
}

/// Makes the checksum of a block right, which lies at `crc_at` in it.
fn put_crc(file: &mut [u8], at: usize, len: usize, crc_at: usize) -> Option<u32> {
    let block = file.get_mut(at..at + len)?;
    block.get_mut(crc_at..crc_at + 4)?.fill(0);
    let crc = crc32fast::hash(block);
    block[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
    Some(crc)
}
