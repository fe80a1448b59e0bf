//! Any bytes as the sidecar of a log: believed when it is true, and never harmful.
//!
//! The first byte of an input says what the rest is: 0 for a whole sidecar; else three sections, each with its length
//! in two bytes in front, about which everything is made right: what checksums cannot keep out must do no harm.

use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use tlog::Micros;
use tlog::read::{ReadOptions, Selection};
use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::write::WriterOptions;
use tlog_index::index::LogIndex;
use tlog_index::plan::{Plan, PlanReader, Request};
use tlog_index::predicate::Predicate;
use tlog_index::scan::{Progress, ScanOptions, Scanned, grow, scan_with};
use tlog_index::sidecar::{self, Loaded, LogState, path_of};

/// Where the sections' lengths and checksums are, and how long the header is, in bytes: `docs/sidecar.md`.
const SECTIONS: usize = 36;
const HEADER: usize = 76;

/// A log of some hundred bytes, three records, of which one is declared again; always the same.
fn log() -> &'static [u8] {
    static LOG: OnceLock<Vec<u8>> = OnceLock::new();
    LOG.get_or_init(|| made_log().expect("nothing in a vector fails"))
}

fn schema(ty: Type) -> Schema {
    Schema::new(ty).expect("this is a schema")
}

fn made_log() -> tlog::Result<Vec<u8>> {
    let state = Object::new([
        Field::new("sequence", Type::FixedUint(Width::W4)),
        Field::new("torque", Type::Float32),
        Field::new("current", Type::optional(Type::Float64)),
    ]);
    let mut log =
        WriterOptions::new().compression(false).seek_period(Some(Duration::from_micros(3_000))).open(Vec::new());
    let state = log.declare("state", &schema(state.into()))?;
    let note = log.declare("note", &schema(Type::String))?;
    for row in 0..12_u8 {
        let payload = [&[row, 0, 0, 0][..], &f32::from(row).to_le_bytes(), &[0]].concat();
        let time = Micros(1_700_000_000_000_000 + i64::from(row) * 1_000);
        log.write(state, time, &payload)?;
        log.write(note, time, b"\x05hello")?;
    }
    log.finish()
}

fn options() -> ScanOptions {
    ScanOptions { workers: 1, min_part: 100, tail: 200, fields: true, ..ScanOptions::default() }
}

fn truth() -> &'static Scanned {
    static TRUTH: OnceLock<Scanned> = OnceLock::new();
    TRUTH.get_or_init(|| scan_with(log(), &options(), &Progress::default()).expect("this is a log"))
}

/// Writes the log into the folder, with a time of its own: so that its sidecar is always the same.
fn place_log(folder: &Path) -> std::io::Result<std::path::PathBuf> {
    let path = folder.join("log.tlog");
    std::fs::write(&path, log())?;
    File::options().append(true).open(&path)?.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000))?;
    Ok(path)
}

/// The log's true sidecar.
pub(super) fn true_sidecar() -> &'static [u8] {
    static SIDECAR: OnceLock<Vec<u8>> = OnceLock::new();
    SIDECAR.get_or_init(|| {
        let folder = tempfile::tempdir().expect("there is room");
        let path = place_log(folder.path()).expect("there is room");
        let state = LogState::of(&path, log()).expect("the log is there");
        let saved = sidecar::save(&path, log(), state, truth(), &options()).expect("there is room");
        std::fs::read(saved).expect("it was saved")
    })
}

/// The true sidecar with other sections, and everything about them right; `None` when the input has no three.
fn with_sections(mut input: &[u8]) -> Option<Vec<u8>> {
    let mut sidecar = true_sidecar().get(..HEADER)?.to_vec();
    for number in 0..3 {
        let (len, rest) = input.split_first_chunk::<2>()?;
        let (section, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        input = rest;
        let at = SECTIONS + 12 * number;
        sidecar[at..at + 8].copy_from_slice(&(section.len() as u64).to_le_bytes());
        sidecar[at + 8..at + 12].copy_from_slice(&crc32fast::hash(section).to_le_bytes());
        sidecar.extend_from_slice(section);
    }
    let sum = crc32fast::hash(&sidecar[..HEADER - 4]).to_le_bytes();
    sidecar[HEADER - 4..HEADER].copy_from_slice(&sum);
    Some(sidecar)
}

/// A sidecar that is believed is the true one, unless it was made to deceive; and then it does no harm.
pub fn sidecar(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    let (sidecar, is_deceit) = match kind {
        0 => (Some(rest.to_vec()), false),
        _ => (with_sections(rest), true),
    };
    let Some(sidecar) = sidecar else { return };
    let folder = tempfile::tempdir().expect("there is room");
    let path = place_log(folder.path()).expect("there is room");
    std::fs::write(path_of(&path), &sidecar).expect("there is room");
    let _ = sidecar::freshness(&path).expect("the log is there");
    for fields in [true, false] {
        let loaded = sidecar::load(&path, &ScanOptions { fields, ..options() }).expect("both can be read");
        let (Loaded::Fresh(scanned) | Loaded::Grown(scanned)) = loaded else {
            assert!(sidecar != true_sidecar(), "the true sidecar is believed");
            continue;
        };
        if fields && !is_deceit {
            let is =
                |a: &Scanned, b: &Scanned| a.front == b.front && a.tail == b.tail && a.place.offset == b.place.offset;
            assert!(is(&scanned, truth()), "what is believed is true");
        }
        use_it(scanned);
    }
}

/// Does with an index what others do with it.
fn use_it(scanned: Scanned) {
    everywhere(&scanned.front);
    everywhere(&scanned.tail);
    everywhere(&scanned.clone().into_index());
    let longer = [log(), log()].concat();
    if let Ok(grown) = grow(&longer, &options(), &Progress::default(), scanned) {
        everywhere(&grown.into_index());
    }
}

fn everywhere(index: &LogIndex) {
    let _ = (index.times(), index.count());
    (0..index.spans.len()).for_each(|at| drop((index.place(at), index.span_end(at))));
    for time in [i64::MIN, 1_700_000_000_005_500, i64::MAX] {
        let _ = index.seek(log(), Micros(time));
    }
    let selection = Selection { start: Some(Micros(1_700_000_000_005_500)), ..Selection::default() };
    let predicate = Predicate::parse("torque > 2.5 and current == null").expect("this is a condition");
    let plan = Plan::by_index(index, &Request { selection: &selection, predicate: Some(&predicate) });
    let _ = plan.bytes();
    let mut reader = PlanReader::new(log(), ReadOptions { selection, ..ReadOptions::default() }, plan);
    while let Ok(Some(_)) = reader.next_data() {}
}
