//! Resampled tables: equal to what a join does that knows all data at once, and within their limits.

use proptest::prelude::*;
use tlog::read::{ReadOptions, SliceReader};
use tlog::schema::Schema;
use tlog::write::WriterOptions;
use tlog::{Micros, RecordId};
use tlog_convert::Error;
use tlog_convert::text::{Estimate, Grid, Projection, ResampleOptions, Resampled, Resampler};

/// Record `a` has a field that may be null, record `b` is a number.
const A: &str =
    r#"{"type":"object","fields":[{"name":"x","type":"fixeduint8"},{"name":"y","type":["null","fixeduint8"]}]}"#;
const B: &str = "\"fixeduint8\"";

/// An instance: of `a` or `b`, when, and its value.
type Instance = (bool, Option<i64>, u8);

fn log(data: &[Instance]) -> Vec<u8> {
    let mut writer = WriterOptions::new().open(Vec::new());
    for (id, name, schema) in [(1, "a", A), (2, "b", B)] {
        writer.declare_raw(RecordId(id), name, &Schema::from_json(schema).unwrap().to_bytes()).unwrap();
    }
    for (is_a, time, value) in data {
        let optional = if value % 3 == 0 { vec![0] } else { vec![1, *value] };
        let (id, payload) = if *is_a { (1, [vec![*value], optional].concat()) } else { (2, vec![*value]) };
        writer.write(RecordId(id), time.map(Micros), &payload).unwrap();
    }
    writer.finish().unwrap()
}

fn resample(log: &[u8], options: &ResampleOptions) -> Result<(String, Resampled), Error> {
    let mut scan = SliceReader::new(log, ReadOptions::default());
    while scan.next_data()?.is_some() {}
    let mut out = Resampler::new(Vec::new(), Projection::default(), options.clone());
    for record in scan.records() {
        out.declare(record)?;
    }
    let mut reader = SliceReader::new(log, ReadOptions::default());
    while let Some(data) = reader.next_data()? {
        out.put(&data)?.unwrap();
    }
    let (text, done) = out.finish()?;
    Ok((String::from_utf8(text).unwrap(), done))
}

/// The same by knowing all data at once.
fn naive(data: &[Instance], options: &ResampleOptions) -> String {
    let mut timed: Vec<(i64, bool, u8)> =
        data.iter().filter_map(|(is_a, time, value)| Some(((*time)?, *is_a, *value))).collect();
    timed.sort_by_key(|(time, ..)| *time);
    let mut text = "time,a.x,a.y,b\n".to_owned();
    let (Some(first), Some(last)) = (timed.first(), timed.last()) else { return text };
    let grid = options.grid;
    for k in grid.at_or_after(Micros(first.0))..=grid.at_or_after(Micros(last.0)) {
        let at = grid.time(k);
        let latest = |wanted: bool| {
            let found = timed.iter().rev().find(|(time, is_a, _)| *is_a == wanted && *time <= at.0);
            found.filter(|(time, ..)| options.max_age.is_none_or(|age| at.0 - time <= age as i64)).map(|found| found.2)
        };
        let shown = |value: Option<u8>| value.map_or(String::new(), |value| value.to_string());
        let (a, b) = (latest(true), latest(false));
        text += &format!("{at},{},{},{}\n", shown(a), shown(a.filter(|a| a % 3 != 0)), shown(b));
    }
    text
}

fn options(points: u64, micros: u64) -> ResampleOptions {
    ResampleOptions::new(Grid::new(points, micros).unwrap())
}

fn instances(times: impl Strategy<Value = i64>) -> impl Strategy<Value = Vec<Instance>> {
    prop::collection::vec((any::<bool>(), prop::option::weighted(0.9, times), any::<u8>()), 0..60)
}

fn grid() -> impl Strategy<Value = ResampleOptions> {
    let max_age = prop::option::of(0..300u64);
    (1..5u64, 20..400u64, max_age)
        .prop_map(|(points, micros, max_age)| ResampleOptions { max_age, ..options(points, micros) })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn equals_a_naive_join(data in instances(-2000..2000i64), options in grid()) {
        // Everything is within the window.
        let (text, done) = resample(&log(&data), &options).unwrap();
        prop_assert_eq!(&text, &naive(&data, &options));
        prop_assert_eq!(done.rows, text.lines().count() as u64 - 1);
        prop_assert_eq!((done.columns, done.late), (3, 0));
        prop_assert_eq!(done.untimed, data.iter().filter(|(_, time, _)| time.is_none()).count() as u64);
    }

    #[test]
    fn equals_it_without_a_window_when_times_do_not_step_back(data in instances(0..100i64), options in grid()) {
        let mut time = 0;
        let in_order = |(is_a, step, value): &Instance| (*is_a, step.map(|step| { time += step; time }), *value);
        let data: Vec<Instance> = data.iter().map(in_order).collect();
        let (text, done) = resample(&log(&data), &ResampleOptions { window: 0, ..options.clone() }).unwrap();
        prop_assert_eq!(text, naive(&data, &options));
        prop_assert_eq!(done.late, 0);
    }

    #[test]
    fn a_window_is_enough_for_what_steps_back_no_further(data in instances(0..100i64), options in grid(), window in 1..500u64) {
        // Times go on by their steps, and each is back by up to the window.
        let mut latest = 0;
        let data: Vec<Instance> = data.iter().map(|(is_a, step, value)| {
            let time = step.map(|step| {
                let time = latest + 60 - (step * 7919) % (window as i64 + 1);
                let time = time.max(latest - window as i64);
                latest = latest.max(time);
                time
            });
            (*is_a, time, *value)
        }).collect();
        let (text, done) = resample(&log(&data), &ResampleOptions { window, ..options.clone() }).unwrap();
        prop_assert_eq!(text, naive(&data, &options));
        prop_assert_eq!(done.late, 0);
    }

    #[test]
    fn what_is_late_is_counted_and_changes_no_row_before(data in instances(0..2000i64), options in grid(), window in 0..300u64) {
        let (text, done) = resample(&log(&data), &ResampleOptions { window, max_age: None, ..options.clone() }).unwrap();
        let expected = naive(&data, &ResampleOptions { max_age: None, ..options });
        // All is the same if nothing was late; and the end is the same in any case, as the latest of all is.
        prop_assert!(done.late > 0 || text == expected);
        prop_assert_eq!(text.lines().last(), expected.lines().last());
    }
}

#[test]
fn a_table_is_exact() {
    let data = [(true, Some(0), 1), (false, Some(25), 2), (true, Some(99), 3), (false, None, 9), (true, Some(101), 5)];
    let (text, done) = resample(&log(&data), &ResampleOptions { max_age: Some(50), ..options(1, 50) }).unwrap();
    let expected = "time,a.x,a.y,b\n\
        1970-01-01T00:00:00Z,1,1,\n\
        1970-01-01T00:00:00.00005Z,1,1,2\n\
        1970-01-01T00:00:00.0001Z,3,,\n\
        1970-01-01T00:00:00.00015Z,5,5,\n";
    assert_eq!(text, expected);
    assert_eq!(done, Resampled { rows: 4, columns: 3, bytes: expected.len() as u64, untimed: 1, late: 0 });
}

#[test]
fn late_data_counts_for_rows_to_come() {
    let data =
        [(true, Some(0), 1), (true, Some(200), 2), (false, Some(50), 4), (true, Some(60), 5), (true, Some(250), 7)];
    let (text, done) = resample(&log(&data), &ResampleOptions { window: 0, ..options(1, 100) }).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert_eq!((rows, done.late), (vec!["1,1,", "1,1,", "2,2,4", "7,7,4"], 2));
}

#[test]
fn times_that_are_none_are_left_out() {
    let data = [i64::MIN, i64::MIN + 1, i64::MAX, 7].map(|time| (false, Some(time), 1));
    let (text, done) = resample(&log(&data), &options(1, 1)).unwrap();
    assert_eq!((text.lines().count(), done.untimed), (2, 3));
    let (text, done) = resample(&log(&[]), &options(1, 1)).unwrap();
    assert_eq!((text.as_str(), done.rows, done.columns), ("time,a.x,a.y,b\n", 0, 3));
}

#[test]
fn what_would_explode_is_refused() {
    // One time is wrong by fifty years.
    let data = [(true, Some(0), 1), (true, Some(1_600_000_000_000_000), 1), (true, Some(1_600_000_000_100_000), 1)];
    let options = options(100, 1_000_000);
    let refused = resample(&log(&data), &options);
    assert!(matches!(refused, Err(Error::Limit { size: 5_000_000_000.., limit: 4_000_000_000, .. })), "{refused:?}");
    // What was refused is not finished after all.
    let bytes = log(&data);
    let mut out = Resampler::new(Vec::new(), Projection::default(), ResampleOptions { window: 0, ..options.clone() });
    let mut reader = SliceReader::new(&bytes, ReadOptions::default());
    let mut refusals = 0;
    while let Some(data) = reader.next_data().unwrap() {
        let _ = out.declare(data.record);
        refusals += u32::from(out.put(&data).is_err());
    }
    assert!(refusals > 0 && out.finish().is_err());
    let small = ResampleOptions { max_bytes: 10_000, ..options.clone() };
    let data: Vec<Instance> = (0..1000).map(|n| (true, Some(n * 10_000), 1)).collect();
    assert!(matches!(resample(&log(&data), &small), Err(Error::Limit { .. })));
    assert!(resample(&log(&data), &options).is_ok());

    let mut out = Resampler::new(Vec::new(), Projection::default(), options);
    let log = log(&data);
    let mut reader = SliceReader::new(&log, ReadOptions::default());
    while reader.next_data().unwrap().is_some() {}
    reader.records().for_each(|record| out.declare(record).unwrap());
    let estimate = out.estimate(Micros(1), Micros(3_600_000_000));
    assert_eq!(estimate, Estimate { rows: 360_000, columns: 3, bytes: 360_000 * (28 + 27) });
    assert_eq!(estimate.to_string(), "360000 rows × 3 columns, about 0.0 GB");
    assert_eq!(out.estimate(Micros(i64::MIN), Micros(i64::MAX)).rows, 1_844_674_407_370_956);
}

#[test]
fn what_is_held_is_bounded() {
    // Ten thousand instances at one time, of a kilobyte each, in a window that holds them all.
    let schema = Schema::from_json("\"string\"").unwrap();
    let mut writer = WriterOptions::new().open(Vec::new());
    let id = writer.declare("s", &schema).unwrap();
    let payload = [vec![0xe8, 0x07], vec![b'x'; 1000]].concat();
    for n in 0..10_000 {
        writer.write(id, Some(Micros(n)), &payload).unwrap();
    }
    let log = writer.finish().unwrap();
    let tight = ResampleOptions { max_memory: 100_000, ..options(1, 1_000) };
    let (text, done) = resample(&log, &tight).unwrap();
    assert_eq!((text.lines().count(), done.late), (12, 0));
    let too_tight = ResampleOptions { max_memory: 1_500, ..options(1, 1_000) };
    assert!(matches!(resample(&log, &too_tight), Err(Error::Limit { .. })));
}

#[test]
fn a_record_declared_anew_has_all_its_columns() {
    let declare = |fields: &str| format!(r#"{{"type":"object","fields":[{fields}]}}"#);
    let field = |name: &str| format!(r#"{{"name":"{name}","type":"fixeduint8"}}"#);
    let mut writer = WriterOptions::new().open(Vec::new());
    let shapes = [declare(&[field("x"), field("y")].join(",")), declare(&[field("z"), field("x")].join(","))];
    for (id, shape) in [(1, &shapes[0]), (2, &shapes[1])] {
        let id = RecordId(id);
        writer.declare_raw(id, "r", &Schema::from_json(shape).unwrap().to_bytes()).unwrap();
        writer.write(id, Some(Micros(id.0 as i64 * 10)), &[1, 2]).unwrap();
    }
    let (text, _) = resample(&writer.finish().unwrap(), &options(1, 10)).unwrap();
    let rows: Vec<&str> = text.lines().map(|line| line.split_once(',').unwrap().1).collect();
    assert_eq!(rows, ["r.x,r.y,r.z", "1,2,", "2,,1"]);
}

#[test]
fn columns_are_known_before_rows() {
    let log = log(&[(true, Some(0), 1), (false, Some(0), 1)]);
    let mut out = Resampler::new(Vec::new(), Projection::default(), options(1, 1));
    let mut reader = SliceReader::new(&log, ReadOptions::default());
    let mut results = Vec::new();
    while let Some(data) = reader.next_data().unwrap() {
        if data.record.name == "a" {
            out.declare(data.record).unwrap();
        }
        results.push(out.put(&data).map(drop).map_err(|e| e.to_string()));
        results.push(out.declare(data.record).map_err(|e| e.to_string()));
    }
    let refusals = ["record b was not declared before the table", "record b is declared after the table has begun"];
    assert_eq!(results, [Ok(()), Ok(()), Err(refusals[0].to_owned()), Err(refusals[1].to_owned())]);
}
