//! Converts.
use parquet::arrow::ArrowWriter;
use std::collections::HashMap;
use std::fs::File;
use tlog::read::{Event, ReadOptions, SliceReader};
use tlog_convert::columns::{Columns, Options};
use tlog_convert::rows::Rows;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let bytes = std::fs::read(&args[1]).unwrap();
    let out = &args[2];
    std::fs::create_dir_all(out).unwrap();
    let options =
        Options { flatten: args.iter().any(|a| a == "--flatten"), raw_enums: args.iter().any(|a| a == "--raw") };
    let mut reader = SliceReader::new(&bytes, ReadOptions::default());
    let (mut records, mut rows): (HashMap<String, Columns>, HashMap<String, Rows>) = Default::default();
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Schema(record) => {
                records.insert(record.name.to_string(), Columns::new(&record, &options).unwrap());
                rows.insert(record.name.to_string(), Rows::default());
            }
            Event::Data(data) => rows.get_mut(&*data.record.name.to_string()).unwrap().push(&data),
            _ => {}
        }
    }
    for (name, columns) in records {
        let rows = &rows[&name];
        let plain = args.iter().any(|a| a == "--plain");
        let o = parquet::arrow::arrow_writer::ArrowWriterOptions::new().with_skip_arrow_metadata(plain);
        let mut w = ArrowWriter::try_new_with_options(
            File::create(format!("{out}/{name}.parquet")).unwrap(),
            columns.schema().clone(),
            o,
        )
        .unwrap();
        let mut ipc = arrow_ipc::writer::FileWriter::try_new(
            File::create(format!("{out}/{name}.arrow")).unwrap(),
            columns.schema(),
        )
        .unwrap();
        let mut builder = columns.builder();
        let mut from = 0;
        while from < rows.len() {
            let (batch, end) = builder.batch(rows, from, &mut |at, why| panic!("{name} {at} {why}")).unwrap();
            if let Err(e) = w.write(&batch) {
                println!("{name}: parquet {e}");
            }
            if let Err(e) = ipc.write(&batch) {
                println!("{name}: ipc {e}");
            }
            from = end;
        }
        if let Err(e) = w.close() {
            println!("{name}: parquet {e}");
        }
        ipc.finish().unwrap();
    }
}
