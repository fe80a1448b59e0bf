//! Any bytes as a log that is recovered: the new log is whole, and nothing in it is invented.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tlog::Micros;
use tlog::read::{ReadOptions, RecordType, SliceReader};
use tlog::wire::DataFlags;
use tlog_index::recover::{RecoverOptions, recover as recover_log};

/// What must not be lost or invented: type encoding of the record, time, whether it is compressed, payload as stored.
type Instance = (Vec<u8>, Option<Micros>, bool, Vec<u8>);

/// All data in a log, and its records; `Err` where reading stops.
fn read(log: &[u8], options: ReadOptions) -> tlog::Result<(Vec<Instance>, Vec<Arc<RecordType>>)> {
    let mut reader = SliceReader::new(log, ReadOptions { raw_payloads: true, ..options });
    let mut all = Vec::new();
    let mut records: Vec<Arc<RecordType>> = Vec::new();
    while let Some(event) = reader.next_event()? {
        match event {
            tlog::read::Event::Data(data) => {
                let is_compressed = data.flags.contains(DataFlags::SNAPPY);
                all.push((data.record.schema_bytes.clone(), data.time, is_compressed, data.payload.to_vec()));
            }
            tlog::read::Event::Schema(record) => records.push(Arc::clone(record)),
            _ => {}
        }
    }
    Ok((all, records))
}

/// What the input has, with each record that it declares known from its start, for data that comes before.
fn salvaged(input: &[u8]) -> HashSet<Instance> {
    let salvage = |known| ReadOptions { salvage: true, known, ..ReadOptions::default() };
    let (mut all, records) = read(input, salvage(Vec::new())).expect("salvaging reads anything");
    let mut of_identifier: HashMap<u64, Vec<Arc<RecordType>>> = HashMap::new();
    records.into_iter().for_each(|record| of_identifier.entry(record.identifier).or_default().push(record));
    let rounds = of_identifier.values().map(Vec::len).max().unwrap_or(0).min(4);
    for round in 0..rounds {
        let known = of_identifier.values().filter_map(|records| records.get(round).cloned()).collect();
        all.extend(read(input, salvage(known)).expect("salvaging reads anything").0);
    }
    all.into_iter().collect()
}

/// What is recovered is whole, and was there.
pub fn recover(input: &[u8]) {
    let Ok((recovered, output)) = recover_log(input, &RecoverOptions::default(), Vec::new()) else { return };
    recovered.verify(&output).expect("what was written is there");
    let (all, _) = read(&output, ReadOptions { strict: true, ..ReadOptions::default() }).expect("the new log is whole");
    assert_eq!(all.len() as u64, recovered.report.kept);
    assert!(recovered.report.lost_bytes <= input.len() as u64);
    let salvaged = salvaged(input);
    let invented = all.iter().find(|instance| !salvaged.contains(*instance));
    assert_eq!(invented, None, "was not in the input");
}
