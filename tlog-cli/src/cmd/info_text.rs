//! The summary of a log for reading.

use super::info_summary::{CardSummary, RecordSummary, State, Summary, Trailing};
use super::recover_text;
use crate::terminal::{Terminal, count, printable};

/// The summary as text.
pub fn render(summary: &Summary, terminal: &Terminal) -> String {
    let mut out = format!("{}\n", terminal.bold(&summary.file));
    let mut line = |name: &str, value: String| out.push_str(&format!("  {name:<12}{value}\n"));
    let segments = |count| if count == 1 { "1 segment".to_owned() } else { format!("{count} segments") };
    let in_segments = summary.store.as_ref().map(|store| format!(" in {}", segments(store.segments)));
    line("size", bytes(summary.size) + &in_segments.unwrap_or_default());
    line("state", state(summary));
    if let (Some(first), Some(last)) = (&summary.first_time, &summary.last_time) {
        let length =
            summary.duration_us.map(|micros| format!("  ({})", duration(micros.unsigned_abs()))).unwrap_or_default();
        line("time", format!("{first} to {last}{length}"));
    } else if let Some(last) = &summary.last_time {
        line("last time", last.clone());
    }
    if let Some(steps @ 1..) = summary.time_steps_back {
        let plural = if steps == 1 { "step" } else { "steps" };
        let largest = summary.largest_step_back_us.map(|micros| format!(", the largest {}", duration(micros)));
        line("time order", format!("{steps} {plural} back{}", largest.unwrap_or_default()));
    }
    if let Some(blocks) = summary.data_blocks {
        line("data", data(blocks, summary));
    }
    if let Some(markers) = summary.seek_markers {
        line("markers", markers.to_string());
    }
    let index = match summary.index {
        Trailing::Present => "present",
        Trailing::Absent => "absent",
        Trailing::Wrong => "wrong",
    };
    line("index", index.to_owned());
    if let Some(card) = &summary.card {
        line("card", of_card(card));
    }
    let wrong_links: u64 = summary.records.iter().filter_map(|record| record.wrong_previous_offsets).sum();
    if wrong_links > 0 {
        let are = if wrong_links == 1 { "previous offset is" } else { "previous offsets are" };
        line("links", format!("{wrong_links} {are} wrong"));
    }
    if summary.saved {
        line("from", "the index saved beside it (quick look)".to_owned());
    }
    if !summary.left_out.is_empty() {
        line("left out", format!("{} (quick look)", summary.left_out.join(", ")));
    }
    out.push('\n');
    out.push_str(&table(summary, terminal));
    out
}

fn state(summary: &Summary) -> String {
    let skipped = summary.damage.as_ref().map_or(0, |damage| damage.bytes);
    let stretches = summary.damage.as_ref().map_or(0, |damage| damage.stretches);
    let growing = summary.store.as_ref().and_then(|store| store.growing.as_deref());
    match summary.state {
        State::Complete => "complete".to_owned(),
        State::Growing => format!("growing: {} is being written", growing.unwrap_or("its last segment")),
        State::NoIndex => "no index: not closed by its writer, or written without".to_owned(),
        State::WrongIndex => "wrong index: the log is whole, but not as its writer closed it".to_owned(),
        State::Truncated => format!("truncated: ends inside a block, {skipped} bytes skipped"),
        State::Damaged if stretches == 1 => format!("damaged: 1 stretch, {skipped} bytes skipped"),
        State::Damaged => format!("damaged: {stretches} stretches, {skipped} bytes skipped"),
    }
}

fn of_card(card: &CardSummary) -> String {
    let batches = match card.batches < card.batches_written {
        true => format!("{} of {}", card.batches, count(card.batches_written, "batch")),
        false => count(card.batches, "batch"),
    };
    format!("session {}, {batches}{}", card.session, recover_text::of_counts(&card.counts))
}

fn data(blocks: u64, summary: &Summary) -> String {
    let share = |part: Option<u64>| match (part.unwrap_or(0), blocks) {
        (0, _) => "none".to_owned(),
        (part, blocks) if part == blocks => "all".to_owned(),
        (part, blocks) => format!("{:.0} %", 100.0 * part as f64 / blocks as f64),
    };
    let ratio = match (summary.payload_bytes, summary.stored_payload_bytes) {
        (Some(unpacked), Some(stored)) if stored > 0 && stored != unpacked => {
            format!(", {} to {}", bytes(unpacked), bytes(stored))
        }
        _ => String::new(),
    };
    let compressed = share(summary.compressed_blocks);
    format!("{blocks} blocks, {} checksummed, {compressed} compressed{ratio}", share(summary.checksummed_blocks))
}

fn table(summary: &Summary, terminal: &Terminal) -> String {
    let has_counts = summary.data_blocks.is_some();
    let width = summary.records.iter().map(|record| printable(&record.name).chars().count()).max().unwrap_or(0).max(6);
    let heading = if has_counts {
        format!("  {:<width$} {:>9} {:>10} {:>10}  {:<27} last", "record", "count", "rate", "bytes", "first")
    } else {
        format!("  {:<width$} last", "record")
    };
    let mut out = format!("{}\n", terminal.bold(heading.trim_end()));
    for record in &summary.records {
        let row = if has_counts { counted_row(record, width) } else { quick_row(record, width) };
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

fn counted_row(record: &RecordSummary, width: usize) -> String {
    let rate = record.rate_hz.map(|hz| format!("{hz:.1} Hz")).unwrap_or_default();
    let text = |time: &Option<String>| time.clone().unwrap_or_default();
    format!(
        "  {:<width$} {:>9} {rate:>10} {:>10}  {:<27} {}",
        printable(&record.name),
        record.count.unwrap_or(0),
        bytes(record.bytes.unwrap_or(0)),
        text(&record.first_time),
        text(&record.last_time)
    )
}

fn quick_row(record: &RecordSummary, width: usize) -> String {
    let otherwise = if record.has_data { "no time" } else { "no data" };
    format!("  {:<width$} {}", printable(&record.name), record.last_time.as_deref().unwrap_or(otherwise))
}

/// A size as people read it.
pub(super) fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (count as f64, "B");
    for next in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") }
}

/// A duration as people read it.
fn duration(micros: u64) -> String {
    let seconds = micros as f64 / 1e6;
    let whole = micros / 1_000_000;
    match whole {
        0..60 => format!("{seconds:.3} s"),
        60..3600 => format!("{} min {:.1} s", whole / 60, seconds % 60.0),
        _ => format!("{} h {} min {} s", whole / 3600, whole / 60 % 60, whole % 60),
    }
}
