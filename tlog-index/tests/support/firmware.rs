//! What recovery makes of a file that firmware wrote, for the tests that write with the real writer.

use tlog::read::{Event, ReadOptions, SliceReader};
use tlog_index::recover::{RecoverOptions, Report, recover};

use crate::support::Logged;

/// What is recovered, and its records but those of the writer itself; `card`: it is known that firmware wrote it.
pub fn recovered(file: &[u8], card: bool) -> (Report, Vec<Logged>) {
    let options = RecoverOptions { card, ..RecoverOptions::default() };
    let (recovered, log) = recover(file, &options, Vec::new()).unwrap();
    recovered.verify(&log).unwrap();
    let mut reader = SliceReader::new(&log, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut records = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let Event::Data(data) = event
            && !data.record.name.starts_with("tlog.")
        {
            let time = data.time.unwrap().0 as u64;
            records.push(Logged { id: data.record.identifier as u16, time, payload: data.payload.to_vec() });
        }
    }
    (recovered.report, records)
}
