//! Reading tables back.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

/// All rows of a Parquet file.
pub fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let rows = builder.metadata().file_metadata().num_rows() as usize;
    let schema = builder.schema().clone();
    let mut batches = builder.with_batch_size(rows.max(1)).build().unwrap().map(Result::unwrap);
    let batch = batches.next().unwrap_or_else(|| RecordBatch::new_empty(schema));
    assert!(batches.next().is_none());
    assert_eq!(batch.num_rows(), rows);
    batch
}

/// How many rows a file says it has, all of which are read.
pub fn rows(path: &Path) -> usize {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let rows = builder.metadata().file_metadata().num_rows() as usize;
    assert_eq!(builder.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), rows, "{path:?}");
    rows
}

/// What a file says of itself.
pub fn metadata(path: &Path) -> BTreeMap<String, String> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect()
}

/// All files below a folder, hidden ones too, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all.sort();
    all
}

/// The same as paths from the folder.
pub fn names(folder: &Path) -> Vec<String> {
    files(folder).iter().map(|path| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned()).collect()
}

/// How many rows a file says it has.
pub fn said_rows(path: &Path) -> i64 {
    SerializedFileReader::new(File::open(path).unwrap()).unwrap().metadata().file_metadata().num_rows()
}
