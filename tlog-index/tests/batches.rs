//! Files in batches: what is kept after a cut of power, over stale files, and of damaged ones.

#[path = "support/batches.rs"]
mod firmware;

use std::sync::Arc;

use firmware::{Firmware, IMU, Write, apply, logged, records};
use tlog::read::{Event, ReadOptions, RecordType, SliceReader};
use tlog::wire::batch::SECTOR;
use tlog_index::batches::{BatchReport, Batches, LostCause, Piece};
use tlog_index::recover::{RecoverOptions, Report, recover};
use tlog_index::verify::{Severity, VerifyOptions, verify};

const SECTORS: usize = 80;

/// The sequence numbers of all imu records of a log, and the session in each.
fn imu(log: &[u8]) -> Vec<(u32, u32)> {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    let mut found = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let Event::Data(data) = event
            && data.record.identifier == IMU
        {
            let value = |at: usize| u32::from_le_bytes(data.payload[at..at + 4].try_into().unwrap());
            found.push((value(0), value(4)));
        }
    }
    found
}

fn recovered_with(file: &[u8], options: &RecoverOptions) -> (Report, Vec<(u32, u32)>) {
    let (recovered, log) = recover(file, options, Vec::new()).unwrap();
    recovered.verify(&log).unwrap();
    (recovered.report, imu(&log))
}

fn recovered(file: &[u8]) -> (Report, Vec<(u32, u32)>) {
    recovered_with(file, &RecoverOptions::default())
}

/// The records that a log declares.
fn declared(log: &[u8]) -> Vec<Arc<RecordType>> {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    while reader.next_event().unwrap().is_some() {}
    reader.records().cloned().collect()
}

/// Records from 0 on, of this session.
fn of(session: u32, count: u32) -> Vec<(u32, u32)> {
    (0..count).map(|seq| (seq, session)).collect()
}

fn report(file: &[u8]) -> BatchReport {
    Batches::recognise(file).expect("not recognised").report()
}

/// A card that was full of an earlier session.
fn stale() -> Vec<u8> {
    let mut file = vec![0; SECTORS * SECTOR];
    logged(&mut file, 3, 20, 40);
    file
}

#[test]
fn a_file_that_was_cut_between_batches_is_whole() {
    for mut file in [vec![0; SECTORS * SECTOR], vec![0xff; SECTORS * SECTOR], stale()] {
        let mut firmware = logged(&mut file, 7, 5, 100);
        let (kept, found) = recovered(&file);
        assert_eq!((kept.lost_stretches, kept.had_index, found), (0, false, of(7, 500)));
        let batches = kept.batches.unwrap();
        assert_eq!((batches.session, batches.whole, batches.closed, batches.ended), (Some(7), 5, false, true));
        assert_eq!(batches.counts.dropped, 4);
        assert_eq!(batches.bytes, firmware.position() as u64);
        // The raw file reads the same, without any complaint.
        assert_eq!(imu(&file), of(7, 500));
        let checked = verify(&file, &VerifyOptions::default(), |_| ()).unwrap();
        assert_eq!(checked.errors, 0);

        apply(&mut file, &firmware.close());
        let (kept, found) = recovered(&file);
        assert_eq!((kept.lost_stretches, kept.had_index, found), (0, true, of(7, 500)));
        assert!(report(&file).closed);
        let mut findings = Vec::new();
        verify(&file, &VerifyOptions::default(), |finding| findings.push(finding)).unwrap();
        findings.retain(|finding| finding.severity != Severity::Note);
        assert_eq!(findings, []);
    }
}

/// Every way in which one sector may be torn: new bytes up to some place, and behind it others.
fn tears(old: &[u8], new: &[u8]) -> Vec<Vec<u8>> {
    let noise: Vec<u8> = (0..SECTOR as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let behind = [old.to_vec(), vec![0xff; SECTOR], vec![0; SECTOR], noise];
    let cuts = (16..SECTOR).step_by(16);
    cuts.flat_map(|cut| behind.iter().map(move |behind| [&new[..cut], &behind[cut..]].concat())).collect()
}

/// A file, and what it holds after each cut while `writes` happen to it.
fn each_cut(file: &[u8], writes: &[Write], mut check: impl FnMut(&[u8], bool)) {
    let mut file = file.to_vec();
    for (sector, bytes) in writes {
        let old = file[sector * SECTOR..][..SECTOR].to_vec();
        for torn in tears(&old, bytes) {
            apply(&mut file, &[(*sector, torn)]);
            check(&file, false);
        }
        apply(&mut file, &[(*sector, bytes.clone())]);
        check(&file, std::ptr::eq(bytes, &writes.last().unwrap().1));
    }
}

#[test]
fn a_cut_in_a_batch_costs_that_batch_at_most() {
    for mut file in [vec![0; SECTORS * SECTOR], stale()] {
        let mut firmware = logged(&mut file, 7, 3, 30);
        let data = records(&firmware, 90, 30);
        let writes = firmware.batch(&data);
        each_cut(&file, &writes, |file, is_whole| {
            let (kept, found) = recovered(file);
            assert!(found == of(7, 90) || found == of(7, 120), "{:?}", kept.lost);
            assert!(!is_whole || kept.lost_stretches == 0 && found.len() == 120);
            // What is not whole may be had on request, as far as it goes.
            let options = RecoverOptions { unverified: true, ..RecoverOptions::default() };
            let (more, all) = recovered_with(file, &options);
            assert_eq!(all[..found.len()], found);
            assert_eq!(more.unverified_kept > 0, all.len() > found.len() || more.kept > kept.kept);
            assert_eq!(more.unverified.is_empty(), more.unverified_kept == 0);
        });
    }
}

#[test]
fn a_cut_in_the_first_batch_shows_nothing_of_earlier_uses() {
    for (file, session) in [(vec![0; SECTORS * SECTOR], None), (stale(), Some(3))] {
        let mut firmware = Firmware::new(7, SECTORS);
        let data = records(&firmware, 0, 40);
        let writes = firmware.batch(&data);
        let old = recovered(&file).1;
        each_cut(&file, &writes, |file, is_whole| {
            let (kept, found) = recovered(file);
            // Either all of the old file, which is whole, or nothing of it.
            assert!(found.is_empty() || found == of(7, 40) || session.is_some() && found == old, "{:?}", kept.batches);
            assert!(!is_whole || found == of(7, 40));
        });
    }
}

#[test]
fn a_cut_while_the_log_is_closed_costs_nothing() {
    let mut file = stale();
    let mut firmware = logged(&mut file, 7, 5, 100);
    let writes = firmware.close();
    each_cut(&file, &writes, |file, is_whole| {
        let (kept, found) = recovered(file);
        assert_eq!((kept.lost_stretches, found), (0, of(7, 500)));
        assert!(!is_whole || kept.had_index);
    });
}

#[test]
fn damage_costs_its_own_batch() {
    let mut file = stale();
    let mut firmware = logged(&mut file, 7, 10, 100);
    let first = Batches::recognise(&file).unwrap().nth(4);
    let Some(Piece::Batch { range, .. }) = first else { panic!("{first:?}") };
    apply(&mut file, &firmware.close());
    for at in [range.start + 3, range.start + 90, (range.start + range.end) / 2] {
        let mut damaged = file.clone();
        damaged[at as usize] ^= 4;
        let (kept, found) = recovered(&damaged);
        let expected: Vec<_> = of(7, 1000).into_iter().filter(|(seq, _)| !(400..500).contains(seq)).collect();
        assert_eq!(found, expected, "byte {at}");
        assert_eq!(kept.lost[0].range, range);
        assert_eq!(kept.lost[0].cause, "batch 4 is damaged");
        let batches = kept.batches.unwrap();
        assert_eq!((batches.whole, batches.missing, batches.closed), (9, 1, true));
        // All but the block that is hit.
        let options = RecoverOptions { unverified: true, ..RecoverOptions::default() };
        let (kept, found) = recovered_with(&damaged, &options);
        assert!(found.len() >= 999, "{}", found.len());
        assert_eq!(kept.unverified, std::slice::from_ref(&range));
    }
}

#[test]
fn a_first_batch_that_is_damaged_still_gives_the_schemas() {
    let mut file = vec![0; SECTORS * SECTOR];
    logged(&mut file, 7, 4, 100);
    file[1500] ^= 1;
    let (kept, found) = recovered(&file);
    assert_eq!(found, of(7, 400)[100..]);
    assert!(kept.records.iter().any(|record| record.name == "imu" && record.schema_was_lost));
}

#[test]
fn a_start_that_is_lost_proves_nothing() {
    for lost in [0, 100, 200] {
        let mut file = stale();
        logged(&mut file, 7, 4, 100);
        file[lost..512].fill(0xff);
        let (kept, found) = recovered(&file);
        assert_eq!(found, []);
        assert!(kept.lost[0].cause.starts_with("the first batch is not whole"), "{:?}", kept.lost);
        let known = declared(&stale());
        let options = RecoverOptions { unverified: true, known, ..RecoverOptions::default() };
        let (kept, found) = recovered_with(&file, &options);
        assert!(found.iter().all(|(_, session)| *session == 7) && found.len() == 300, "{}", found.len());
        assert_eq!(kept.batches.unwrap().session, None);
    }
}

#[test]
fn batches_that_are_missing_are_told_of() {
    let mut file = vec![0; SECTORS * SECTOR];
    let mut firmware = logged(&mut file, 7, 2, 10);
    firmware.next.sequence = 5;
    let data = records(&firmware, 50, 10);
    apply(&mut file, &firmware.batch(&data));
    let pieces: Vec<Piece> = Batches::recognise(&file).unwrap().collect();
    assert!(
        matches!(pieces[2], Piece::Lost { cause: LostCause::DamagedBatches { first: 2, last: 4 }, .. }),
        "{pieces:?}"
    );
    assert_eq!(report(&file).missing, 3);
}

/// As a card may have them whose sectors are in the wrong place.
#[test]
fn a_batch_that_is_there_again_does_not_count() {
    let mut file = vec![0; SECTORS * SECTOR];
    logged(&mut file, 7, 5, 10);
    let batch = |file: &[u8], at: usize| match Batches::recognise(file).unwrap().nth(at) {
        Some(Piece::Batch { range, .. }) => range.start as usize..range.end as usize,
        other => panic!("{other:?}"),
    };
    let (first, third) = (batch(&file, 1), batch(&file, 3));
    file.copy_within(first, third.start);
    let (kept, found) = recovered(&file);
    let expected: Vec<_> = of(7, 50).into_iter().filter(|(seq, _)| !(30..40).contains(seq)).collect();
    assert_eq!((found, kept.batches.unwrap().missing), (expected, 1));
}

#[test]
fn what_was_recovered_is_an_ordinary_log() {
    let mut file = stale();
    logged(&mut file, 7, 5, 100);
    let (_, log) = recover(&file, &RecoverOptions::default(), Vec::new()).unwrap();
    assert!(Batches::recognise(&log).is_none());
    let (kept, found) = recovered(&log);
    assert_eq!((kept.batches, found), (None, of(7, 500)));
    assert!(Batches::recognise(&log[..log.len() - 100]).is_none());
    assert!(Batches::recognise(b"").is_none() && Batches::recognise(b"TLOG0003\0").is_none());
}

#[test]
fn times_become_those_of_the_world_on_request() {
    let mut file = vec![0; SECTORS * SECTOR];
    let mut firmware = Firmware::new(1, SECTORS);
    let utc = 1_700_000_000_000_000;
    let data = [firmware.imu(1_000, 0), Firmware::clock(2_000, utc), firmware.imu(3_000, 1)];
    apply(&mut file, &firmware.batch(&data));
    let options = RecoverOptions { rebase: true, ..RecoverOptions::default() };
    let (kept, _) = recovered_with(&file, &options);
    let times: Vec<_> = kept.records.iter().filter(|r| r.name == "imu").map(|r| (r.first_time, r.last_time)).collect();
    assert_eq!(times, [(Some(utc - 1_000), Some(utc + 1_000))]);
    assert_eq!(kept.clock.unwrap().records, 1);
    assert_eq!(recovered(&file).0.records[0].first_time, Some(1_000));
}

#[test]
fn hostile_files_end() {
    // A head on each sector that claims all that follows.
    let mut file = Vec::new();
    for at in 0..400_u32 {
        let mut firmware = Firmware::new(7, 400);
        firmware.next.sequence = at;
        let data = records(&firmware, 0, 1);
        let writes = firmware.batch(&data);
        let mut sector = writes[0].1.clone();
        if at > 0 {
            let mut claims = Firmware::new(7, 400);
            claims.next.sequence = at;
            let many = records(&claims, 0, 2000);
            sector = claims.batch(&many)[0].1.clone();
        }
        file.extend(sector);
    }
    let pieces: Vec<Piece> = Batches::recognise(&file).unwrap().collect();
    assert!(pieces.len() < 10, "{}", pieces.len());
    for seed in 0..80_u32 {
        let mut file = stale();
        let mut state = seed;
        for _ in 0..=seed % 40 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (state >> 8) as usize % file.len();
            file[at] = state as u8;
        }
        file.truncate(file.len() - seed as usize * 7);
        let pieces: Vec<Piece> = Batches::of_card(&file).collect();
        for pair in pieces.windows(2) {
            let (Piece::Batch { range: a, .. } | Piece::Lost { range: a, .. }) = &pair[0] else { panic!("{pair:?}") };
            let next = match &pair[1] {
                Piece::Batch { range, .. } | Piece::Lost { range, .. } => range.start,
                Piece::End { at, .. } => *at,
            };
            assert_eq!(a.end, next, "seed {seed}");
        }
        recovered(&file);
    }
}
