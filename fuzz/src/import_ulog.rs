//! Any bytes as a ULog: what comes of it is a whole log, told of as it is.

use std::io::Cursor;

use tlog::read::{ReadOptions, SliceReader};
use tlog::value::check_exact;
use tlog::write::Writer;
use tlog_convert::import::ulog::{self, HEADER, MAGIC, Options, TimeBase};

/// The input follows a header, so that it is messages from its first byte; its first byte chooses the time base.
pub fn import_ulog(input: &[u8]) {
    let Some((choice, messages)) = input.split_first() else { return };
    let mut file = MAGIC.to_vec();
    file.resize(HEADER, 1);
    file.extend_from_slice(messages);
    let time_base = [TimeBase::Told, TimeBase::Boot, TimeBase::At(tlog::Micros(1_718_000_000_000_000))];
    let time_base = time_base[usize::from(*choice) % time_base.len()];
    let mut writer = Writer::new(Vec::new());
    let strict = ulog::read(Cursor::new(&file), &mut Writer::new(Vec::new()), &Options { time_base, strict: true });
    let Ok(summary) = ulog::read(Cursor::new(&file), &mut writer, &Options { time_base, strict: false }) else {
        return;
    };
    assert_eq!(strict.is_ok(), summary.skipped == 0, "strict reading stops at what is skipped");
    let ordered = summary.first.is_sorted_by(|before, after| before.range.end <= after.range.start);
    assert!(ordered && summary.first.iter().all(|part| part.range.end <= file.len() as u64), "{:?}", summary.first);
    let log = writer.finish().expect("memory takes everything");
    let mut reader = SliceReader::new(&log, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut count = 0;
    while let Some(data) = reader.next_data().expect("what was written is read") {
        check_exact(data.record.schema.root(), data.payload).expect("what was written is of its schema");
        count += u64::from(data.record.name != "ulog_header");
    }
    assert_eq!(count, summary.taken);
}
