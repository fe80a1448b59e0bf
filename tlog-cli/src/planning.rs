//! Which parts of a log a command reads: through the index beside it, its seek markers, or all of it.

use std::path::Path;

use tlog::Log;
use tlog::read::Selection;
use tlog_index::index::LogIndex;
use tlog_index::plan::{By, Filter, Plan, Request};
use tlog_index::predicate::{Predicate, PredicateError};
use tlog_index::scan::{Progress, ScanOptions, grow};
use tlog_index::sidecar::{self, Loaded, Unusable};

use crate::exit::usage;
use crate::terminal::printable;

/// The topic `conditions`.
pub const CONDITIONS: &str = "\
Conditions (--where):
  servo.servos[3].torque > 2.5 and mode == \"position\"
  not (fix == null) or lat in [0.0, 47.25]

Fields are written as in --field, with or without the record's name in front. Data matches when the whole
condition is true; a record that lacks a field, and a value that is null, make a comparison unknown, which is
not true, with `not` or without. What is null is found with == null.

  == != < <= > >=   and or not ( )   in [ , ]
  numbers           12  -3  0x1f  2.5  1e-3  nan  inf
  strings           \"position\" or 'position'; enums compare with their symbols, as strings, and with numbers
  booleans          armed   not armed   armed == true
  times             stamp >= \"2019-02-11T15:48:32Z\", durations in whole microseconds

An index beside the log (`tlog index`) lets a condition pass over what it cannot find; --explain tells.
";

/// A condition as an argument.
pub fn parse_condition(text: Option<&str>) -> anyhow::Result<Option<Predicate>> {
    text.map(Predicate::parse).transpose().map_err(|e| refused(&e))
}

/// A condition that does not fit, shown with a mark below the place.
pub fn refused(error: &PredicateError) -> anyhow::Error {
    let snippet: Vec<String> = error.snippet().lines().map(|line| printable(line).into_owned()).collect();
    usage(format!("{}\n{}", printable(&error.to_string()), snippet.join("\n")))
}

/// The plan for a log that lies in a file.
pub fn plan(path: &Path, log: &Log, request: &Request<'_>) -> anyhow::Result<Plan> {
    let Selection { records, .. } = request.selection;
    let narrows = request.selection.has_range() || request.predicate.is_some() || !records.is_empty();
    if !narrows {
        return Ok(Plan::whole(log.bytes().len() as u64));
    }
    if let Some(index) = saved_index(path, log, request.predicate.is_some())? {
        return Ok(Plan::by_index(&index, request));
    }
    Ok(Plan::by_markers(log.bytes(), request)?)
}

/// The index saved beside the log, grown if the log has; with ranges of values if they are there and wanted. One that cannot
/// be read is none: it only saves time.
pub fn saved_index(path: &Path, log: &Log, with_fields: bool) -> anyhow::Result<Option<LogIndex>> {
    let options = ScanOptions { fields: with_fields, ..ScanOptions::default() };
    let loaded = sidecar::load(path, &options).unwrap_or(Loaded::None(Unusable::Unreadable));
    let len = log.bytes().len() as u64;
    match loaded {
        Loaded::Fresh(scanned) => Ok(Some(scanned.into_index()).filter(|index| index.size == len)),
        Loaded::Grown(known) if known.tail.size <= len => {
            Ok(Some(grow(log.bytes(), &options, &Progress::default(), known)?.into_index()))
        }
        // The log has grown since it was mapped: what is known reaches beyond the mapping.
        Loaded::Grown(_) => Ok(None),
        // One without ranges still knows times and records.
        Loaded::None(_) if with_fields => saved_index(path, log, false),
        Loaded::None(_) => Ok(None),
    }
}

/// Makes the filter know the records of the plan, and refuses the condition if it fits none of them.
pub fn check_early(filter: Option<&mut Filter>, plan: &Plan) -> anyhow::Result<()> {
    let Some(filter) = filter else { return Ok(()) };
    plan.records.iter().for_each(|record| filter.meet(record));
    match plan.by {
        By::Index => filter.check().map_err(|e| refused(&e)),
        // Others may still be declared.
        By::Markers | By::Nothing => Ok(()),
    }
}

/// What `--explain` prints of a plan.
pub fn explain(name: &str, path: &Path, plan: &Plan) -> String {
    let percent = 100.0 * plan.bytes() as f64 / plan.size.max(1) as f64;
    let by = match plan.by {
        By::Nothing => "all of it".to_owned(),
        By::Markers => "by its seek markers".to_owned(),
        By::Index => format!("by the index {}", sidecar::path_of(path).display()),
    };
    let (bytes, size, count) = (plan.bytes(), plan.size, plan.parts.len());
    let parts = if count == 1 { "1 part".to_owned() } else { format!("{count} parts") };
    let mut text = format!("{name}: reads {bytes} of {size} bytes ({percent:.1} %) in {parts}, {by}\n");
    if let Some(reason) = plan.reason {
        text += &format!("  because {reason}\n");
    }
    for part in &plan.parts {
        text += &format!("  bytes {}..{}\n", part.range.start, part.range.end);
    }
    text
}
