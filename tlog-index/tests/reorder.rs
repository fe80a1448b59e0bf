//! Ordering loses nothing and invents nothing, whatever comes in whatever order, in however little memory.

mod support;

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::logs::{self, Damage, Recipe};
use tlog::read::{Event, ReadOptions, SliceReader, StreamReader};
use tlog::schema::{Schema, Type};
use tlog::write::WriterOptions;
use tlog::{Log, Micros, RecordId};
use tlog_index::copy::Joined;
use tlog_index::reorder::{Form, Gather, Options, Ordered, Stats};
use tlog_index::verify::{Severity, VerifyOptions, verify};

/// Data as it counts: name and schema of its record, time, payload.
type Plain = (String, Vec<u8>, Option<i64>, Vec<u8>);

/// How inputs come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum As {
    Mapped,
    Stream,
}

fn read(bytes: &[u8], strict: bool) -> Vec<Plain> {
    let mut data = Vec::new();
    let mut reader = SliceReader::new(bytes, ReadOptions { strict, ..ReadOptions::default() });
    while let Some(found) = reader.next_data().unwrap() {
        let (name, schema) = (found.record.name.clone(), found.record.schema_bytes.clone());
        data.push((name, schema, found.time.map(|time| time.0), found.payload.to_vec()));
    }
    data
}

fn mapped(bytes: &[u8]) -> Arc<Log> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    Arc::new(Log::map_any(&file).unwrap())
}

fn gather(inputs: &[(&[u8], i64)], how: As, memory: usize) -> Ordered {
    let mut gather = Gather::new(Options { memory, ..Options::default() });
    let options = ReadOptions { raw_payloads: true, ..ReadOptions::default() };
    for (bytes, shift) in inputs {
        gather.next_input("", *shift);
        let log = (how == As::Mapped).then(|| mapped(bytes));
        gather.next_log(log.as_ref());
        let mut reader = StreamReader::new(*bytes, options.clone());
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                Event::Schema(record) => gather.declare(record).unwrap(),
                Event::Data(data) => gather.push(&data).unwrap(),
                _ => {}
            }
        }
    }
    gather.finish().unwrap()
}

/// A log of what was ordered.
fn write(mut ordered: Ordered) -> (Vec<u8>, Stats) {
    let mut log = WriterOptions::new().open(Vec::new());
    let mut joined = Joined::default();
    let mut targets = vec![RecordId(0); 4096];
    for records in ordered.records() {
        joined.next_log();
        for (number, record) in records {
            let target = joined.target(record).unwrap();
            if target.is_new {
                log.declare_raw(target.id, &*target.name, &record.schema_bytes).unwrap();
            }
            targets[number] = target.id;
        }
    }
    while let Some(item) = ordered.next_item().unwrap() {
        log.write_stored(targets[item.record], item.time, item.payload, item.form == Form::Snappy).unwrap();
    }
    let stats = ordered.stats();
    (log.finish().unwrap(), stats)
}

fn reordered(inputs: &[(&[u8], i64)], how: As, memory: usize) -> (Vec<u8>, Stats) {
    write(gather(inputs, how, memory))
}

/// The order as it is defined, the plain way.
fn ordered_plainly(inputs: &[Vec<Plain>]) -> Vec<Plain> {
    let mut all: Vec<(Option<i64>, Plain)> = Vec::new();
    for input in inputs {
        let mut key = None;
        for data in input {
            key = data.2.or(key);
            all.push((key, data.clone()));
        }
    }
    all.sort_by_key(|(key, _)| *key);
    all.into_iter().map(|(_, data)| data).collect()
}

/// Without the suffixes that tell records apart: names of generated logs have none of their own.
fn without_suffixes(mut data: Vec<Plain>) -> Vec<Plain> {
    data.iter_mut().for_each(|data| data.0 = data.0.split('_').next().unwrap().to_owned());
    data
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let insert =
        |shorter: Vec<usize>| (0..count).map(move |at| [&shorter[..at], &[count - 1], &shorter[at..]].concat());
    permutations(count - 1).into_iter().flat_map(insert).collect()
}

fn strictly_fine(log: &[u8]) -> Vec<Plain> {
    let mut reader = SliceReader::new(log, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut ends_with_index = false;
    while let Some(event) = reader.next_event().unwrap() {
        ends_with_index = matches!(event, Event::Index { .. });
    }
    assert!(ends_with_index);
    read(log, true)
}

fn nothing_is_found(log: &[u8]) {
    verify(log, &VerifyOptions::default(), |finding| assert_eq!(finding.severity, Severity::Note, "{finding:?}"))
        .unwrap();
}

fn built(recipe: &Recipe, damage: &[Damage]) -> Vec<u8> {
    let mut log = recipe.build();
    // What begins a log stays, or it is none.
    let header = log[..9].to_vec();
    damage.iter().for_each(|damage| damage.apply(&mut log));
    log.splice(..log.len().min(9), header);
    log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 100 } else { 3_000 }, rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sorted_log_has_the_same_data_in_order(
        recipe in logs::recipe(60),
        damage in prop_oneof![2 => Just(Vec::new()), 1 => vec(logs::damage(), 1..4)],
        memory in prop_oneof![Just(0), Just(2_000), Just(1 << 20)],
    ) {
        let log = built(&recipe, &damage);
        let expected = ordered_plainly(&[read(&log, false)]);
        let (sorted, stats) = reordered(&[(&log, 0)], As::Mapped, memory);
        let data = strictly_fine(&sorted);
        prop_assert_eq!(without_suffixes(data), expected);
        if memory != 2_000 {
            prop_assert_eq!(stats.runs > 0, memory == 0 && read(&log, false).len() > 2);
        }
        if damage.is_empty() {
            nothing_is_found(&sorted);
        }
        // However it comes, and in however little memory.
        prop_assert!(reordered(&[(&log, 0)], As::Stream, 1 << 20).0 == sorted);
        prop_assert!(reordered(&[(&log, 0)], As::Stream, 0).0 == sorted);
        // What is in order stays as it is.
        prop_assert!(reordered(&[(&sorted, 0)], As::Mapped, memory).0 == sorted);
    }

    #[test]
    fn merged_in_any_order_it_is_the_same_log(
        recipes in vec(logs::recipe(25), 1..4),
        shifts in vec(prop_oneof![Just(0i64), -200i64..200], 3),
        same in any::<bool>(),
        how in prop_oneof![Just(As::Mapped), Just(As::Stream)],
        memory in prop_oneof![Just(0), Just(1 << 20)],
    ) {
        let mut logs: Vec<Vec<u8>> = recipes.iter().map(Recipe::build).collect();
        if same {
            logs.push(logs[0].clone());
        }
        let shift = |at: usize| if at < shifts.len() { shifts[at] } else { shifts[0] };
        let moved = |at: usize| {
            let mut data = read(&logs[at], true);
            data.iter_mut().for_each(|data| data.2 = data.2.map(|time| time + shift(at)));
            data
        };
        let merged = |order: &[usize]| {
            let inputs: Vec<(&[u8], i64)> = order.iter().map(|&at| (&logs[at][..], shift(at))).collect();
            reordered(&inputs, how, memory).0
        };
        let orders = permutations(logs.len());
        let first = merged(&orders[0]);
        nothing_is_found(&first);
        let data = without_suffixes(strictly_fine(&first));
        for order in orders.iter().skip(1).step_by(if logs.len() > 3 { 5 } else { 1 }) {
            prop_assert!(merged(order) == first, "{order:?}");
        }
        // The order is the one that is defined, for some order of inputs.
        let fits = |order: &Vec<usize>| ordered_plainly(&order.iter().map(|&at| moved(at)).collect::<Vec<_>>()) == data;
        prop_assert!(orders.iter().any(fits));
    }
}

fn texts(name: &str, data: impl IntoIterator<Item = (Option<i64>, String)>) -> Vec<u8> {
    let mut log = tlog::Writer::new(Vec::new());
    let id = log.declare(name, &Schema::new(Type::String).unwrap()).unwrap();
    for (time, text) in data {
        let mut payload = vec![text.len() as u8];
        payload.extend(text.as_bytes());
        log.write(id, time.map(Micros), &payload).unwrap();
    }
    log.finish().unwrap()
}

fn shown(log: &[u8]) -> Vec<String> {
    read(log, true).into_iter().map(|data| String::from_utf8(data.3[1..].to_vec()).unwrap()).collect()
}

#[test]
fn data_without_a_time_stays_behind_the_data_that_it_stood_behind() {
    let a = texts(
        "a",
        [
            (None, "first".to_owned()),
            (Some(5), "5".to_owned()),
            (None, "behind 5".to_owned()),
            (None, "and this".to_owned()),
            (Some(2), "2".to_owned()),
            (None, "behind 2".to_owned()),
            (Some(5), "5 again".to_owned()),
        ],
    );
    let order = ["first", "2", "behind 2", "5", "behind 5", "and this", "5 again"];
    assert_eq!(shown(&reordered(&[(&a, 0)], As::Mapped, 0).0), order);
    let b = texts("b", [(None, "b's first".to_owned()), (Some(5), "b's 5".to_owned()), (None, "b's".to_owned())]);
    let order = ["first", "b's first", "2", "behind 2", "5", "behind 5", "and this", "5 again", "b's 5", "b's"];
    assert_eq!(shown(&reordered(&[(&a, 0), (&b, 0)], As::Stream, 0).0), order);
    assert_eq!(shown(&reordered(&[(&b, 0), (&a, 0)], As::Mapped, 1 << 20).0), order);
}

#[test]
fn where_names_clash_the_log_that_begins_first_keeps_its_own() {
    let a = texts("x", [(Some(3), "late".to_owned())]);
    let mut log = tlog::Writer::new(Vec::new());
    let id = log.declare("x", &Schema::new(Type::Varint).unwrap()).unwrap();
    log.write(id, Micros(1), &[2]).unwrap();
    let b = log.finish().unwrap();
    for inputs in [[(&a[..], 0), (&b[..], 0)], [(&b[..], 0), (&a[..], 0)]] {
        let data = read(&reordered(&inputs, As::Mapped, 0).0, true);
        assert_eq!(data.iter().map(|data| &*data.0).collect::<Vec<_>>(), ["x", "x_2"]);
    }
    // Of two that begin at the same time, their names decide.
    for names in [["1", "2"], ["2", "1"]] {
        let mut gather = Gather::new(Options::default());
        for (name, text) in names.iter().zip(["a", "b"]) {
            gather.next_input(name, 0);
            gather.next_log(None);
            let log = texts("x", [(Some(1), text.to_owned())]);
            let mut reader = SliceReader::new(&log, ReadOptions { raw_payloads: true, ..ReadOptions::default() });
            gather.push(&reader.next_data().unwrap().unwrap()).unwrap();
        }
        let order = if names[0] == "1" { ["a", "b"] } else { ["b", "a"] };
        assert_eq!(shown(&write(gather.finish().unwrap()).0), order);
    }
    // Moved, the other one is first.
    let data = read(&reordered(&[(&a, -5), (&b, 0)], As::Mapped, 0).0, true);
    assert_eq!(data.iter().map(|data| (&*data.0, data.2)).collect::<Vec<_>>(), [("x", Some(-2)), ("x_2", Some(1))]);
}

#[test]
fn runs_are_as_many_as_the_disorder_needs() {
    let backwards = texts("a", (0..10_000).rev().map(|i| (Some(i), i.to_string())));
    let forwards = texts("a", (0..10_000).map(|i| (Some(i), i.to_string())));
    let memory = 64 << 10;
    let (sorted, stats) = reordered(&[(&backwards, 0)], As::Mapped, memory);
    let most = memory / 2 / 3 / 48;
    assert_eq!(stats.runs, 10_000_usize.div_ceil(most) as u64);
    // Two buffers of 16 KiB fit: each pass halves the number of runs.
    assert_eq!(stats.passes, u64::from(stats.runs.next_power_of_two().trailing_zeros()));
    assert_eq!(sorted, forwards);
    assert_eq!(stats.stashed_bytes, 0);
    // What is in order is one run per input.
    let (merged, stats) = reordered(&[(&forwards, 0), (&forwards, 20_000)], As::Mapped, memory);
    assert_eq!((stats.runs, stats.passes), (2, 1));
    assert_eq!(read(&merged, true).len(), 20_000);
    let (_, stats) = reordered(&[(&forwards, 0)], As::Stream, 8 << 10);
    assert_eq!(stats.runs, 1);
    assert!(stats.stashed_bytes > 40_000);
    // All of it in memory by default.
    let (sorted, stats) = reordered(&[(&backwards, 0)], As::Mapped, Options::default().memory);
    assert_eq!((sorted, stats.runs, stats.passes), (forwards, 0, 0));
}

#[test]
fn times_that_cannot_be_moved_are_refused_and_reserved_ones_stay() {
    let text = |time: i64| (Some(time), String::new());
    let log = texts("a", [text(i64::MIN), text(i64::MIN + 1), text(7), text(i64::MAX)]);
    let data = read(&reordered(&[(&log, 10)], As::Mapped, 0).0, true);
    let times: Vec<i64> = data.iter().filter_map(|data| data.2).collect();
    assert_eq!(times, [i64::MIN, i64::MIN + 1, 17, i64::MAX]);
    for (time, shift) in [(i64::MAX - 1, 1), (i64::MAX - 1, 2), (i64::MIN + 3, -2), (i64::MIN + 2, i64::MIN)] {
        let log = texts("a", [text(time)]);
        let mut gather = Gather::new(Options::default());
        gather.next_input("", shift);
        gather.next_log(None);
        let mut reader = SliceReader::new(&log, ReadOptions::default());
        let data = reader.next_data().unwrap().unwrap();
        assert!(gather.push(&data).is_err());
    }
}
