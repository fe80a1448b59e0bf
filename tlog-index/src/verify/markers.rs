//! Whether seek markers tell the truth.

use tlog::Micros;
use tlog::wire::SeekMarker;

use super::finding::{Finding, Kind};
use super::verifier::{Findings, Source};
use crate::by_id::ById;
use crate::recover::Losses;

/// What a marker must agree with.
#[derive(Debug, Default)]
pub(super) struct Markers {
    /// The time of the data block before, `None` where something was lost since: it was perhaps another one.
    before: Option<Option<Micros>>,
    /// The time of the latest marker.
    latest: Option<i64>,
    /// How many records have data since their declaration.
    with_data: u64,
    is_damaged: bool,
}

impl Markers {
    /// A data block came, perhaps the first one of its record.
    #[inline] // once per record
    pub const fn data(&mut self, time: Option<Micros>, is_first: bool) {
        self.before = Some(time);
        self.with_data += is_first as u64;
    }

    /// A record is declared; one that had data has none since then.
    pub const fn declared(&mut self, had_data: bool) {
        self.with_data -= had_data as u64;
    }

    /// Something was lost.
    pub const fn lost(&mut self) {
        self.before = None;
        self.is_damaged = true;
    }

    pub fn check<F: FnMut(Finding)>(
        &mut self,
        offset: u64,
        marker: &SeekMarker<'_>,
        sources: &ById<Source>,
        losses: &Losses,
        findings: &mut Findings<F>,
    ) {
        let at = offset..offset;
        let time = Micros(marker.timestamp);
        if let Some(before) = self.before.filter(|&before| before != Some(time)) {
            findings.add(Kind::MarkerTime, at.clone(), None, || match before {
                Some(before) => format!("a seek marker says {time}, but the data before it is of {before}"),
                None => format!("a seek marker says {time}, but the data before it has no time"),
            });
        }
        if let Some(latest) = self.latest.replace(marker.timestamp).filter(|&latest| marker.timestamp < latest) {
            findings.add(Kind::MarkerOrder, at.clone(), None, || {
                format!("a seek marker of {time} follows one of {}", Micros(latest))
            });
        }
        for (identifier, distance) in marker.elements() {
            let target = offset.checked_sub(distance);
            let source = sources.get(identifier);
            let latest = source.and_then(|source| source.latest);
            let is_right = target.is_some() && target == latest;
            if !is_right && !target.is_some_and(|target| losses.may_contain(target)) {
                let record = source.map(|source| &*source.record);
                findings.add(Kind::MarkerElement, at.clone(), record, || {
                    let name = record.map_or(format!("undeclared record {identifier}"), |r| format!("{:?}", r.name));
                    let there = latest.map_or("there is none".to_owned(), |at| format!("it is at {at}"));
                    let said = target.map_or("before the file".to_owned(), |at| format!("at {at}"));
                    format!("a seek marker says that the latest data of {name} is {said}, but {there}")
                });
            }
        }
        if marker.count < self.with_data && !self.is_damaged {
            findings.add(Kind::MarkerElement, at, None, || {
                format!("a seek marker knows {} records of {} that have data", marker.count, self.with_data)
            });
        }
    }
}
