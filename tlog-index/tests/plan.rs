//! What a plan has read is what a look at everything finds, and little more is read.

mod support;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use support::logs::{Recipe, Step, damage, recipe};
use tlog::Micros;
use tlog::read::{ReadOptions, Selection, SliceReader};
use tlog::write::WriterOptions;
use tlog_index::index::LogIndex;
use tlog_index::plan::{By, Filter, Part, Plan, PlanReader, Request};
use tlog_index::predicate::Predicate;
use tlog_index::scan::{ScanOptions, scan};

fn options(selection: &Selection) -> ReadOptions {
    ReadOptions { selection: selection.clone(), ..ReadOptions::default() }
}

/// Offsets of all wanted data, by reading the whole log.
fn naive(log: &[u8], selection: &Selection, predicate: Option<&Predicate>) -> Vec<u64> {
    let mut filter = predicate.map(Filter::new);
    let mut reader = SliceReader::new(log, options(selection));
    let mut found = Vec::new();
    while let Some(data) = reader.next_data().unwrap() {
        if filter.as_mut().is_none_or(|filter| filter.matches(&data).unwrap_or(false)) {
            found.push(data.offset);
        }
    }
    found
}

/// Offsets of all wanted data, by the plan; and how many bytes were read.
fn planned(log: &[u8], plan: Plan, selection: &Selection, predicate: Option<&Predicate>) -> (Vec<u64>, u64) {
    let mut filter = predicate.map(Filter::new);
    let bytes = plan.bytes();
    let mut reader = PlanReader::new(log, options(selection), plan);
    let mut found = Vec::new();
    while let Some(data) = reader.next_data().unwrap() {
        if filter.as_mut().is_none_or(|filter| filter.matches(&data).unwrap_or(false)) {
            found.push(data.offset);
        }
    }
    assert!(reader.bytes_read() <= bytes);
    (found, reader.bytes_read())
}

fn index(log: &[u8]) -> Option<LogIndex> {
    scan(log, &ScanOptions { fields: true, ..ScanOptions::default() }).ok()
}

fn check(log: &[u8], selection: &Selection, predicate: Option<&Predicate>) {
    let Some(index) = index(log) else { return };
    let request = Request { selection, predicate };
    let expected = naive(log, selection, predicate);
    assert_eq!(planned(log, Plan::by_index(&index, &request), selection, predicate).0, expected);
    if index.order.is_monotonic() && index.damage.is_none() {
        let plan = Plan::by_markers(log, &request).unwrap();
        assert_eq!(planned(log, plan, selection, predicate).0, expected);
    }
}

fn selection() -> impl Strategy<Value = Selection> {
    let time = || prop::option::weighted(0.6, (-2_000i64..6_000).prop_map(|late| Micros(1_700_000_000_000_000 + late)));
    let records = prop_oneof![
        Just(vec![]),
        Just(vec!["record1".to_owned()]),
        Just(vec!["record[02]".to_owned(), "record?".to_owned()])
    ];
    (records, time(), time()).prop_map(|(records, start, end)| Selection { records, start, end })
}

fn predicate() -> impl Strategy<Value = Option<Predicate>> {
    let texts = prop_oneof![
        Just("sequence > 20".to_owned()),
        (0u32..80).prop_map(|n| format!("sequence == {n}")),
        (0u32..80).prop_map(|n| format!("record1.sequence < {n} and not sequence == 3")),
        Just("more".to_owned()),
        Just("not (sequence >= 10) or more".to_owned()),
    ];
    prop::option::of(texts.prop_map(|text| Predicate::parse(&text).unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn small_logs(recipe in recipe(60), damage in vec(damage(), 0..3), selection in selection(), predicate in predicate()) {
        let mut log = recipe.build();
        damage.iter().for_each(|damage| damage.apply(&mut log));
        check(&log, &selection, predicate.as_ref());
    }
}

/// Each span read on its own, from what the index knows of its start.
fn span_by_span(log: &[u8], index: &LogIndex) -> Vec<u64> {
    let part = |at: usize| Part { place: index.place(at), range: index.spans[at].start..index.span_end(at) };
    let parts = (0..index.spans.len()).map(part).collect();
    let plan = Plan { parts, ..Plan::whole(log.len() as u64) };
    planned(log, plan, &Selection::default(), None).0
}

#[test]
fn what_lies_across_the_end_of_a_part_is_no_other_than_in_the_whole_log() {
    // In each payload there is a block of a log, which points at something in front of the block that it is in.
    let inner = Recipe {
        compression: false,
        checksums: true,
        previous_offsets: true,
        index: false,
        seek_period: 0,
        steps: [500, 10].map(|len| Step::Data { record: 1, later: 1, timed: true, len, fill: 7 }).into(),
    };
    let inner = inner.build();
    let last = *naive(&inner, &Selection::default(), None).last().unwrap();
    let mut log = WriterOptions::new().compression(false).open(Vec::new());
    let id = tlog::write::RecordId(2);
    log.declare_as(id, "record1", &support::logs::schema(false)).unwrap();
    for number in 0..400u32 {
        let mut payload = number.to_le_bytes().to_vec();
        tlog::value::put_varuint(1_000, &mut payload);
        payload.extend(&inner[last as usize..]);
        payload.resize(1_006, 9);
        log.write(id, Micros(i64::from(number)), &payload).unwrap();
    }
    let log = log.finish().unwrap();
    let whole = index(&log).unwrap();
    assert!(whole.spans.len() > 5);
    for next in &whole.spans[1..] {
        let mut damaged = log.clone();
        damaged[next.start as usize - 300] ^= 1;
        let index = index(&damaged).unwrap();
        let found = span_by_span(&damaged, &index);
        assert_eq!(found.len(), 399);
        assert_eq!(found, naive(&damaged, &Selection::default(), None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn spans_of_broken_logs(recipe in recipe(200), damage in vec((1usize..4, -3_000i32..1_000, damage()), 1..6)) {
        let mut recipe = recipe;
        for step in &mut recipe.steps {
            if let Step::Data { len, .. } = step {
                *len *= 16;
            }
        }
        let mut log = recipe.build();
        // Near the ends of spans.
        for (span, near, damage) in &damage {
            let at = (span << 16).saturating_add_signed(*near as isize).min(log.len());
            let mut rest = log.split_off(at);
            let mut close = rest.split_off(rest.len().min(2_000));
            damage.apply(&mut rest);
            log.append(&mut rest);
            log.append(&mut close);
        }
        if let Some(index) = index(&log) {
            prop_assert_eq!(span_by_span(&log, &index), naive(&log, &Selection::default(), None));
        }
    }
}

fn with_markers() -> WriterOptions {
    WriterOptions::new().compression(false).seek_period(Some(Duration::from_millis(1)))
}

/// A sequence number and 400 bytes.
fn payload(number: u32) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    tlog::value::put_varuint(400, &mut payload);
    payload.resize(payload.len() + 400, 7);
    payload
}

/// A log without index, of a record each 10 µs and markers each 1,000 µs; and another that is declared early and comes late.
fn with_late_record(late_at: u32) -> Vec<u8> {
    let mut log = with_markers().index(false).open(Vec::new());
    let schema = support::logs::schema(false);
    let often = log.declare("often", &schema).unwrap();
    let mut late = None;
    for number in 0..3_000u32 {
        let time = Micros(i64::from(number) * 10);
        if number == 200 {
            late = Some(log.declare("late", &schema).unwrap());
        }
        let record = late.filter(|_| number == late_at).unwrap_or(often);
        log.write(record, time, &payload(number)).unwrap();
    }
    log.finish().unwrap()
}

#[test]
fn a_record_that_was_declared_between_is_found_by_markers_too() {
    let log = with_late_record(2_200);
    let at = |micros| Some(Micros(micros));
    for selection in [
        Selection { start: at(21_000), ..Selection::default() },
        Selection { records: vec!["late".to_owned()], start: at(21_000), end: at(25_000) },
    ] {
        let plan = Plan::by_markers(&log, &Request { selection: &selection, predicate: None }).unwrap();
        assert_eq!(plan.by, By::Markers);
        let mut reader = PlanReader::new(&log, options(&selection), plan);
        let mut found = Vec::new();
        while let Some(data) = reader.next_data().unwrap() {
            found.push(data.offset);
        }
        assert_eq!(found, naive(&log, &selection, None));
        assert!(reader.damage().is_none());
    }
}

#[test]
fn markers_are_no_help_where_the_declarations_are_broken() {
    let mut log = with_late_record(5_000);
    let name = log.windows(5).position(|name| name == b"often").unwrap();
    // The first byte of the type.
    log[name + 5] = 0xff;
    let selection = Selection { start: Some(Micros(21_000)), ..Selection::default() };
    let plan = Plan::by_markers(&log, &Request { selection: &selection, predicate: None }).unwrap();
    assert_eq!(planned(&log, plan, &selection, None).0, naive(&log, &selection, None));
}

#[test]
fn damage_that_an_index_knows_is_told_of_wherever_it_is() {
    let mut log = long(|_| 10);
    let far = log.len() / 2;
    log[far..far + 5_000].fill(0);
    let index = index(&log).unwrap();
    let end = Some(Micros(1_700_000_000_000_100));
    let selection = Selection { end, ..Selection::default() };
    let plan = Plan::by_index(&index, &Request { selection: &selection, predicate: None });
    assert!(plan.bytes() < 200_000);
    let mut reader = PlanReader::new(&log, options(&selection), plan);
    assert!(reader.next_data().unwrap().is_some());
    assert!(reader.damage().is_none());
    while reader.next_data().unwrap().is_some() {}
    assert_eq!(reader.damage(), index.damage);
    assert!(!index.damage.is_none());
}

/// Two megabytes: 2,000 records of 1,000 bytes, one each 10 µs; some are declared late and again.
fn long(later: impl Fn(u32) -> i16) -> Vec<u8> {
    long_with(later, 500)
}

/// A record is declared again every so many steps.
fn long_with(later: impl Fn(u32) -> i16, every: u32) -> Vec<u8> {
    let data = |i: u32| Step::Data { record: (i % 4) as u8, later: later(i), timed: true, len: 999, fill: i as u8 | 1 };
    let declare = |i: u32| Step::Declare { record: (i / every % 4) as u8, other_schema: i % (2 * every) == every - 1 };
    let steps = (0..2_000).map(|i| if i % every == every - 1 { declare(i) } else { data(i) }).collect();
    Recipe { compression: false, checksums: true, previous_offsets: true, index: true, seek_period: 100, steps }.build()
}

#[test]
fn long_logs() {
    for later in [|_| 10, |i: u32| if i % 300 == 299 { -2_000 } else { 10 }] {
        let log = long(later);
        for start in (0..20_000).step_by(700) {
            let at = |late: i64| Some(Micros(1_700_000_000_000_000 + late));
            let selection = Selection { start: at(start), end: at(start + 450), ..Selection::default() };
            check(&log, &selection, None);
            check(&log, &selection, Some(&Predicate::parse("record2.sequence > 500").unwrap()));
        }
    }
}

#[test]
fn a_condition_that_holds_in_one_span_reads_little() {
    let log = long(|_| 10);
    let index = index(&log).unwrap();
    let predicate = Predicate::parse("sequence == 1000").unwrap();
    let selection = Selection::default();
    let plan = Plan::by_index(&index, &Request { selection: &selection, predicate: Some(&predicate) });
    assert_eq!(plan.by, By::Index);
    let (found, read) = planned(&log, plan, &selection, Some(&predicate));
    assert_eq!(found, naive(&log, &selection, Some(&predicate)));
    assert_eq!(found.len(), 1);
    assert!(read * 20 < log.len() as u64, "{read} of {} bytes", log.len());
}

#[test]
fn a_range_of_time_reads_little_by_index_and_by_markers() {
    let log = long_with(|_| 10, 10_000);
    let index = index(&log).unwrap();
    let start = Micros(1_700_000_000_010_000);
    let selection = Selection { start: Some(start), end: Some(Micros(start.0 + 100)), ..Selection::default() };
    let request = Request { selection: &selection, predicate: None };
    for plan in [Plan::by_index(&index, &request), Plan::by_markers(&log, &request).unwrap()] {
        let by = plan.by;
        let (found, read) = planned(&log, plan, &selection, None);
        assert_eq!(found.len(), 10);
        assert!(by != By::Nothing && read * 10 < log.len() as u64, "{by:?}: {read} of {} bytes", log.len());
    }
}
