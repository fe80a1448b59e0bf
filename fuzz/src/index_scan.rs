//! Any bytes as a log that is scanned: by several workers as by one, and what the index is asked agrees with a look
//! at everything.
//!
//! An input starts with eight bytes of parameters ([`Parameters`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use tlog::Micros;
use tlog::read::{Data, ReadOptions, RecordType, Selection, SliceReader};
use tlog::wire::block::FILLER_MAGIC;
use tlog_index::index::LogIndex;
use tlog_index::plan::{Plan, PlanReader, Request};
use tlog_index::scan::{Progress, ScanOptions, grow, scan, scan_with};

/// Spans are 64 KiB at least, and there are to be some.
const SEVERAL_SPANS: usize = 70_000;

/// How an input is made a log, and scanned.
struct Parameters {
    /// Bit 0: look at fields; bits 1 and 2: not [`Growth::None`].
    flags: u8,
    min_part: u64,
    tail: u64,
    /// Where filler goes, and where the log was cut off when it was scanned first, in 65536ths.
    place: u16,
    /// Which of the times in the log are asked for.
    time: u8,
}

/// How a short input makes a log of several spans.
enum Growth {
    /// Not at all.
    None,
    /// All behind the header comes again.
    Repeated,
    /// A long block of filler comes somewhere.
    Filler,
}

impl Parameters {
    fn take(data: &[u8]) -> Option<(Self, &[u8])> {
        let (&[flags, min_part, tail_low, tail_high, place_low, place_high, time, _], log) =
            data.split_first_chunk()?;
        let parameters = Self {
            flags,
            min_part: u64::from(min_part) * 16,
            tail: u16::from_le_bytes([tail_low, tail_high]).into(),
            place: u16::from_le_bytes([place_low, place_high]),
            time,
        };
        Some((parameters, log))
    }

    fn fields(&self) -> bool {
        self.flags & 1 != 0
    }

    fn growth(&self) -> Growth {
        match self.flags >> 1 & 3 {
            1 => Growth::Repeated,
            2 => Growth::Filler,
            _ => Growth::None,
        }
    }

    /// The place in something of this length.
    fn place(&self, len: usize) -> usize {
        usize::from(self.place) * (len + 1) / 65_536
    }

    fn log(&self, input: &[u8]) -> Vec<u8> {
        let mut log = input.to_vec();
        let body = input.get(9..).unwrap_or(&[]);
        match self.growth() {
            Growth::Repeated if !body.is_empty() => {
                (0..(SEVERAL_SPANS / body.len()).min(100)).for_each(|_| log.extend_from_slice(body));
            }
            Growth::Filler => {
                let mut filler = vec![4];
                tlog::value::put_varuint(SEVERAL_SPANS as u64, &mut filler);
                let len = filler.len() + SEVERAL_SPANS;
                filler.extend_from_slice(&FILLER_MAGIC);
                filler.resize(len, 0);
                let place = self.place(log.len());
                log.splice(place..place, filler);
            }
            _ => {}
        }
        log
    }

    fn options(&self, workers: usize) -> ScanOptions {
        let (min_part, tail) = if workers == 1 { (u64::MAX, u64::MAX) } else { (self.min_part, self.tail) };
        ScanOptions { workers, min_part, tail, fields: self.fields(), ..ScanOptions::default() }
    }

    /// What reads as the scan did.
    fn read_options(&self) -> ReadOptions {
        ReadOptions { raw_payloads: !self.fields(), ..ReadOptions::default() }
    }
}

/// Three workers find what one finds; the index grows to the same; seeking and plans by it agree with a look at everything.
pub fn index_scan(data: &[u8]) {
    let Some((parameters, input)) = Parameters::take(data) else { return };
    let log = parameters.log(input);
    let several = scan(&log, &parameters.options(3));
    let Ok(one) = scan(&log, &parameters.options(1)) else {
        assert!(several.is_err(), "one worker refuses what three accept");
        return;
    };
    assert!(several.expect("one worker could scan this") == one, "three workers find something else than one");
    check_growth(&parameters, &log, &one);
    let all = instances(&log, &parameters.read_options());
    assert_eq!(one.count(), all.len() as u64);
    let chosen = chosen_time(&parameters, &all);
    for time in [chosen, Micros(chosen.0.saturating_sub(1))] {
        check_seek(&log, &one, &all, time);
    }
    check_plan(&parameters, &log, &one, chosen);
}

fn check_growth(parameters: &Parameters, log: &[u8], one: &LogIndex) {
    let options = ScanOptions { workers: 1, ..parameters.options(3) };
    let shorter = &log[..parameters.place(log.len()).min(log.len())];
    let Ok(known) = scan_with(shorter, &options, &Progress::default()) else { return };
    let grown = grow(log, &options, &Progress::default(), known).expect("one worker could scan this");
    assert!(grown.into_index() == *one, "an index that has grown is another");
}

/// One instance: its record, time and place.
type Instance = (Arc<RecordType>, Option<Micros>, u64);

/// What makes a record another one.
fn key(record: &RecordType) -> (u64, &str, &[u8]) {
    (record.identifier, &record.name, &record.schema_bytes)
}

fn instances(log: &[u8], options: &ReadOptions) -> Vec<Instance> {
    let mut reader = SliceReader::new(log, options.clone());
    let mut all = Vec::new();
    while let Some(data) = reader.next_data().expect("one worker could scan this") {
        all.push((Arc::clone(data.record), data.time, data.offset));
    }
    all
}

/// One of the times in the log.
fn chosen_time(parameters: &Parameters, all: &[Instance]) -> Micros {
    let timed: Vec<Micros> = all.iter().filter_map(|instance| instance.1).collect();
    timed.get(usize::from(parameters.time) * timed.len() / 256).copied().unwrap_or(Micros(0))
}

fn check_seek(log: &[u8], index: &LogIndex, all: &[Instance], time: Micros) {
    let mut expected: BTreeMap<_, (Micros, u64)> = BTreeMap::new();
    for (record, at, offset) in all {
        let Some(at) = at.filter(|&at| at <= time) else { continue };
        let latest = expected.entry(key(record)).or_insert((at, *offset));
        *latest = (*latest).max((at, *offset));
    }
    let found = index.seek(log, time).expect("the index is of this log");
    let found = found
        .instances
        .iter()
        .map(|instance| (key(&index.records[instance.record as usize].record), (instance.time, instance.offset)));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected, "at {time:?}");
}

fn check_plan(parameters: &Parameters, log: &[u8], index: &LogIndex, start: Micros) {
    let end = Some(Micros(start.0.saturating_add(i64::from(parameters.time))));
    let selection = Selection { start: Some(start), end, ..Selection::default() };
    let options = ReadOptions { selection: selection.clone(), ..parameters.read_options() };
    let mut plain = SliceReader::new(log, options.clone());
    let plan = Plan::by_index(index, &Request { selection: &selection, predicate: None });
    let mut planned = PlanReader::new(log, options, plan);
    loop {
        let expected = plain.next_data().expect("one worker could scan this");
        let found = planned.next_data().expect("the plan is for this log");
        let told = |data: &Data<'_>| (data.offset, data.time, data.record.identifier, data.payload.len());
        assert_eq!(found.as_ref().map(told), expected.as_ref().map(told), "from {start:?}");
        if expected.is_none() {
            break;
        }
    }
}
