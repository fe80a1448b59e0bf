//! Damage of every kind, seeded: what it did not touch is kept, and nothing is invented.
//!
//! Per kind so many cases are run as the variable `TLOG_CAMPAIGN_CASES` says; `cargo xtask campaign`, a step of
//! `cargo xtask test`, says 20,000, in an optimised build that still checks arithmetic. Another `TLOG_CAMPAIGN_SEED`
//! makes other cases. A failure names its case; to replay it alone, with what recovery reported:
//!
//! ```text
//! TLOG_CAMPAIGN_CASE=4711 cargo test -p tlog-index --test campaign truncate
//! ```

mod damage;
mod logs;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use damage::{Damage, Damaged, Rng};
use logs::{Block, Original, originals};
use memchr::memmem;
use tlog::Micros;
use tlog::read::{Event, ReadOptions, SliceReader};
use tlog_index::recover::{RecoverOptions, recover};
use tlog_index::verify::{Kind, Severity, VerifyOptions, verify};

/// Cases of each kind where nothing else is said: what an unoptimised build does in seconds.
const QUICK: u64 = 150;

/// What every case is derived from, with its kind and number.
const SEED: u64 = 0x7106_0003;

/// An instance as it must come back: record, time, payload.
type Instance = (String, Option<Micros>, Vec<u8>);

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

fn run(kind: Damage) {
    let logs = originals();
    let seed = variable("TLOG_CAMPAIGN_SEED").unwrap_or(SEED);
    if let Some(case) = variable("TLOG_CAMPAIGN_CASE") {
        check(&logs, kind, seed, case, true).unwrap();
        return;
    }
    let cases = variable("TLOG_CAMPAIGN_CASES").unwrap_or(QUICK);
    println!("{kind:?}: {cases} cases, seed {seed}");
    let failed: Vec<String> = (0..cases)
        .filter_map(|case| {
            let outcome = catch_unwind(AssertUnwindSafe(|| check(&logs, kind, seed, case, false)));
            let why = outcome.unwrap_or_else(|_| Err("it panicked".to_owned())).err()?;
            Some(format!("case {case}: {why}"))
        })
        .collect();
    let some = failed.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    let how = format!("replay one with TLOG_CAMPAIGN_SEED={seed} TLOG_CAMPAIGN_CASE=…");
    assert!(failed.is_empty(), "{} of {cases} cases failed; {how}\n{some}", failed.len());
}

fn instances(bytes: &[u8]) -> Vec<Instance> {
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    let mut instances = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let Event::Data(data) = event {
            instances.push((data.record.name.clone(), data.time, data.payload.to_vec()));
        }
    }
    instances
}

fn check(logs: &[Original], kind: Damage, seed: u64, case: u64, is_replay: bool) -> Result<(), String> {
    let mut rng = Rng::new(seed ^ ((kind as u64) << 48) ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let original = &logs[rng.below(logs.len() as u64) as usize];
    let damaged = kind.apply(&original.bytes, &mut rng);
    // A schema has no checksum: which of two valid ones is right, only a sibling can say.
    let options = RecoverOptions { known: original.records.clone(), known_wins: true, ..RecoverOptions::default() };
    let (recovered, output) = recover(&damaged.bytes, &options, Vec::new()).map_err(|e| format!("recover: {e}"))?;
    if is_replay {
        println!("{}: {:#?}", original.name, recovered.report);
    }
    recovered.verify(&output).map_err(|e| format!("verify: {e}"))?;
    let found = instances(&output);
    if found.len() as u64 != recovered.report.kept {
        return Err(format!("{} reported as kept, {} are there", recovered.report.kept, found.len()));
    }
    compare(original, &damaged, &found)?;
    is_clean(&output)
}

/// Every untouched instance is kept, none is invented, none is more often than in the damaged file.
fn compare(original: &Original, damaged: &Damaged, found: &[Instance]) -> Result<(), String> {
    let mut counts: HashMap<&Instance, u64> = HashMap::new();
    for instance in found {
        *counts.entry(instance).or_default() += 1;
    }
    let must_keep = damaged.must_keep(original.bytes.len(), original.blocks.iter().map(|block| &block.range));
    for (block, must) in original.blocks.iter().zip(must_keep) {
        let kept = counts.remove(&block.instance).unwrap_or(0);
        let wrong = |what: &str| {
            let Block { range, instance } = block;
            Err(format!("{} at {range:?} in {}: kept {kept} times, but {what}", instance.0, original.name))
        };
        if kept == 0 && must {
            return wrong("it is there");
        }
        // By its bytes: the end of a block may come again by chance.
        if kept > u64::from(must) {
            let there = memmem::find_iter(&damaged.bytes, &original.bytes[block.range.clone()]).count() as u64;
            if kept > there {
                return wrong(&format!("it is there {there} times"));
            }
        }
    }
    match counts.keys().next() {
        Some((name, time, payload)) => Err(format!("invented in {}: {name} {time:?} {payload:x?}", original.name)),
        None => Ok(()),
    }
}

/// Nothing is wrong with the new log but what was so in the old one: the order of times.
fn is_clean(output: &[u8]) -> Result<(), String> {
    let mut defects = Vec::new();
    let summary = verify(output, &VerifyOptions::default(), |finding| {
        let is_order = matches!(finding.kind, Kind::TimeStepsBack | Kind::MarkerOrder);
        if finding.severity > Severity::Note && !is_order {
            defects.push(finding.message);
        }
    });
    match (summary, defects.first()) {
        (Ok(_), None) => Ok(()),
        (Ok(summary), Some(defect)) => Err(format!("the output does not verify: {defect} {summary:?}")),
        (Err(e), _) => Err(e.to_string()),
    }
}

#[test]
fn truncate() {
    run(Damage::Truncate);
}

#[test]
fn flip_bits() {
    run(Damage::FlipBits);
}

#[test]
fn zero_a_sector() {
    run(Damage::ZeroSector);
}

#[test]
fn swap_two_sectors() {
    run(Damage::SwapSectors);
}

#[test]
fn repeat_a_sector() {
    run(Damage::RepeatSector);
}

#[test]
fn drop_a_sector() {
    run(Damage::DropSector);
}

#[test]
fn insert_garbage() {
    run(Damage::InsertGarbage);
}

#[test]
fn overwrite_the_header() {
    run(Damage::OverwriteHeader);
}
