//! Arrow batches of every record of the big log, not encoded.
#![allow(missing_docs, reason = "a program")]

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use tlog::read::{ReadOptions, SliceReader};
use tlog_bench::big_log;
use tlog_bench::runner::{Case, compare};
use tlog_convert::columns::{Builder, Columns, Options};
use tlog_convert::rows::Rows;

/// Rows are made into batches when they are so large.
const GATHERED: usize = 8 << 20;

/// The sum of all times, and how many rows there are.
#[derive(Default)]
struct Answer {
    rows: u64,
    times: u64,
}

impl Answer {
    fn take(&mut self, builder: &mut Builder, rows: &mut Rows) {
        let mut at = 0;
        while at < rows.len() {
            let (batch, next) = builder.batch(rows, at, &mut |_, why| panic!("{why}")).expect("columns that fit");
            let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
            self.rows += batch.num_rows() as u64;
            self.times = times.values().iter().fold(self.times, |sum, &time| sum.wrapping_add(time as u64));
            at = next;
        }
        rows.clear();
    }
}

fn batches(log: &[u8], options: &Options) -> u64 {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    let (mut tables, mut answer) = (HashMap::new(), Answer::default());
    while let Some(data) = reader.next_data().expect("a whole log") {
        let (builder, rows) = tables
            .entry(data.record.identifier)
            .or_insert_with(|| (Columns::new(data.record, options).expect("few columns").builder(), Rows::default()));
        rows.push(&data);
        if rows.size() > GATHERED {
            answer.take(builder, rows);
        }
    }
    tables.values_mut().for_each(|(builder, rows)| answer.take(builder, rows));
    answer.rows.wrapping_add(answer.times)
}

/// What the same is without columns.
fn reading(log: &[u8]) -> u64 {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    let mut answer = Answer::default();
    while let Some(data) = reader.next_data().expect("a whole log") {
        answer.rows += 1;
        answer.times = answer.times.wrapping_add(data.time.map_or(0, |time| time.0 as u64));
    }
    answer.rows.wrapping_add(answer.times)
}

fn main() {
    let log = big_log::log();
    let (nested, flat) = (Options::default(), Options { flatten: true, ..Options::default() });
    let cases = vec![
        Case::new("Arrow batches", log.len(), || batches(&log, &nested)),
        Case::new("Arrow batches, flattened", log.len(), || batches(&log, &flat)),
        Case::new("only reading, checksums verified", log.len(), || reading(&log)),
    ];
    compare("Arrow batches of every record", cases);
}
