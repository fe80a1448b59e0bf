//! The big log as Arrow batches and as Parquet files, with one worker and with two; the size beside that of an MCAP.
#![allow(missing_docs, reason = "a program")]

use std::collections::HashMap;
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tlog::read::{Damage, ReadOptions, SliceReader};
use tlog_bench::big_log::{self, Payloads};
use tlog_bench::rivals::write_mcap_with;
use tlog_bench::runner::{Case, compare};
use tlog_convert::columns::{Builder, Columns, Options};
use tlog_convert::parquet::Parquet;
use tlog_convert::rows::Rows;
use tlog_convert::tables::{Sink, Table, TableOptions, Tables};

/// Files in memory.
type Files = Arc<Mutex<Vec<Vec<u8>>>>;

struct Memory(Files, usize);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panics")[self.1].extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Memory {
    fn rest(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log as Parquet files, one for each record.
fn parquet(log: &[u8], jobs: usize) -> Vec<Vec<u8>> {
    let files = Files::default();
    let made = Arc::clone(&files);
    let places = Box::new(move |_: usize, _: usize| {
        let mut files = made.lock().expect("no panics");
        files.push(Vec::new());
        Ok(Box::new(Memory(Arc::clone(&made), files.len() - 1)) as Box<dyn Sink>)
    });
    let options = TableOptions { jobs, ..TableOptions::default() };
    let mut tables = Tables::new(Parquet::default(), places, options).expect("threads");
    let mut known = HashMap::new();
    let mut reader = SliceReader::new(log, ReadOptions::default());
    while let Some(data) = reader.next_data().expect("a whole log") {
        let table = *known.entry(data.record.identifier).or_insert_with(|| {
            let (record, name) = (Arc::clone(data.record), data.record.name.clone());
            tables.add(Table { record, name, source: "big".into(), selected: Arc::new([]) })
        });
        tables.push(table, data.time, data.offset, data.payload).expect("memory");
    }
    let summary = tables.finish(&Damage::default()).expect("memory");
    assert_eq!((summary.rows, summary.refused), (big_log::RECORDS as u64, 0));
    std::mem::take(&mut files.lock().expect("no panics"))
}

fn size(files: &[Vec<u8>]) -> u64 {
    files.iter().map(|file| file.len() as u64).sum()
}

/// Times, and bits of the floats of fixed arrays, of all rows: from batches.
fn sum_of(batch: &arrow_array::RecordBatch) -> u64 {
    let mut sum = batch.num_rows() as u64;
    for column in batch.columns() {
        if let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>() {
            sum = times.values().iter().fold(sum, |sum, &time| sum.wrapping_add(time as u64));
        }
        if let Some(list) = column.as_fixed_size_list_opt()
            && let Some(items) = list.values().as_primitive_opt::<Float32Type>()
        {
            sum = items.values().iter().fold(sum, |sum, item| sum.wrapping_add(u64::from(item.to_bits())));
        }
    }
    sum
}

/// All batches of the log, without encoding them.
fn batches(log: &[u8], mut take: impl FnMut(&arrow_array::RecordBatch) -> u64) -> u64 {
    let mut tables: HashMap<u64, (Builder, Rows)> = HashMap::new();
    let mut sum = 0u64;
    let mut flush = |builder: &mut Builder, rows: &mut Rows| {
        let mut at = 0;
        while at < rows.len() {
            let (batch, next) = builder.batch(rows, at, &mut |_, why| panic!("{why}")).expect("a whole log");
            sum = sum.wrapping_add(take(&batch));
            at = next;
        }
        rows.clear();
    };
    let mut reader = SliceReader::new(log, ReadOptions::default());
    while let Some(data) = reader.next_data().expect("a whole log") {
        let (builder, rows) = tables.entry(data.record.identifier).or_insert_with(|| {
            let columns = Columns::new(data.record, &Options::default()).expect("few columns");
            (columns.builder(), Rows::default())
        });
        rows.push(&data);
        if rows.size() > 4 << 20 {
            flush(builder, rows);
        }
    }
    tables.values_mut().for_each(|(builder, rows)| flush(builder, rows));
    sum
}

fn sum_of_file(bytes: &[u8]) -> u64 {
    let mut file = tempfile::tempfile().expect("a disk");
    file.write_all(bytes).expect("a disk");
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file").build().expect("a Parquet file");
    reader.map(|batch| sum_of(&batch.expect("a Parquet file"))).fold(0, u64::wrapping_add)
}

/// How long all threads of this process have worked.
fn worked() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks =
        |at| stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(at)?.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn main() {
    let log = big_log::log();
    let files = parquet(&log, 2);
    let expected = batches(&log, sum_of);
    let found = files.iter().map(|file| sum_of_file(file)).fold(0, u64::wrapping_add);
    assert_eq!(found, expected, "what is read back differs");

    let payloads = Payloads::generate(big_log::RECORDS);
    let mcap = write_mcap_with(&payloads, Some(mcap::Compression::Zstd), Cursor::new(Vec::new())).into_inner();
    let (parquet_size, mcap_size) = (size(&files), mcap.len() as u64);
    println!("{} bytes of log, {parquet_size} of Parquet, {mcap_size} of MCAP with zstd", log.len());
    assert!(parquet_size < mcap_size, "Parquet must be smaller");

    for jobs in [1, 2] {
        let before = worked();
        (0..3).for_each(|_| drop(parquet(&log, jobs)));
        let each = (worked() - before) / 3;
        println!(
            "{jobs} workers: {} ms of all threads, {:.0} MB/s",
            each.as_millis(),
            log.len() as f64 / each.as_secs_f64() / 1e6
        );
    }
    compare(
        "Parquet, zstd level 1",
        vec![
            Case::new("1 worker", log.len(), || size(&parquet(&log, 1))),
            Case::new("2 workers", log.len(), || size(&parquet(&log, 2))),
        ],
    );
    let rows = |batch: &arrow_array::RecordBatch| batch.num_rows() as u64;
    compare("Arrow batches, not encoded", vec![Case::new("1 worker", log.len(), || batches(&log, rows))]);
}
