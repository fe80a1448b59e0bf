//! Writes the big log that the benchmarks work on to a file: `big-log PATH RECORDS`.

use std::process::ExitCode;

use tlog::write::WriterOptions;
use tlog_bench::big_log::Payloads;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(Ok(records))) = (args.next(), args.next().map(|count| count.parse())) else {
        eprintln!("usage: big-log PATH RECORDS");
        return ExitCode::from(2);
    };
    let log = Payloads::generate(records).log(&WriterOptions::new().compression(false), Vec::new());
    match std::fs::write(&path, &log) {
        Ok(()) => {
            println!("{path}: {records} records, {} bytes", log.len());
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{path}: {e}");
            ExitCode::FAILURE
        }
    }
}
