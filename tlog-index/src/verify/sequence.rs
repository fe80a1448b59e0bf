//! The order of data: times, previous offsets, and that what has checksums has them throughout.

use tlog::Micros;
use tlog::read::Data;

use super::finding::{Finding, Kind};
use super::verifier::{Findings, Source};
use crate::recover::Losses;

/// What came so far.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The time of the latest data block that has one.
    previous: Option<Micros>,
    /// The latest time of all.
    latest: Option<Micros>,
    step_back: u64,
    delay: u64,
    checksums_seen: bool,
}

impl Sequence {
    pub fn check<F: FnMut(Finding)>(
        &mut self,
        data: &Data<'_>,
        source: &mut Source,
        losses: &Losses,
        findings: &mut Findings<F>,
    ) {
        if let Some(distance) = data.previous_offset {
            check_previous(data, distance, source, losses, findings);
        }
        match data.time {
            Some(time) => self.time(data, time, findings),
            None if source.is_untimed => {}
            None => {
                source.is_untimed = true;
                findings.add(Kind::NoTime, range(data), Some(data.record), || {
                    format!("record {:?} has data without a time", data.record.name)
                });
            }
        }
        match data.checksum {
            Some(_) => self.checksums_seen = true,
            None if self.checksums_seen => findings.add(Kind::ChecksumMissing, range(data), Some(data.record), || {
                format!("a block of {:?} without a checksum, where others have one", data.record.name)
            }),
            None => {}
        }
    }

    fn time<F: FnMut(Finding)>(&mut self, data: &Data<'_>, time: Micros, findings: &mut Findings<F>) {
        if [Micros::NEG_INFINITY, Micros::NOT_A_TIME, Micros::INFINITY].contains(&time) {
            return;
        }
        if let Some(previous) = self.previous.replace(time).filter(|&previous| time < previous) {
            let step = previous.0.abs_diff(time.0);
            self.step_back = self.step_back.max(step);
            findings.add(Kind::TimeStepsBack, range(data), Some(data.record), || {
                format!("the time steps back by {step} microseconds, from {previous} to {time}")
            });
        }
        match self.latest {
            Some(latest) if time < latest => self.delay = self.delay.max(latest.0.abs_diff(time.0)),
            _ => self.latest = Some(time),
        }
    }

    pub fn largest_step_back(&self) -> Option<u64> {
        Some(self.step_back).filter(|&step| step > 0)
    }

    pub fn largest_delay(&self) -> Option<u64> {
        Some(self.delay).filter(|&delay| delay > 0)
    }
}

fn check_previous<F: FnMut(Finding)>(
    data: &Data<'_>,
    distance: u64,
    source: &Source,
    losses: &Losses,
    findings: &mut Findings<F>,
) {
    let leads_to = if distance == 0 { None } else { data.offset.checked_sub(distance) };
    let is_right = match (distance, leads_to) {
        (0, _) => source.latest.is_none(),
        (_, Some(at)) => {
            let expected = source.latest.or(source.before);
            Some(at) == expected || losses.may_contain(at)
        }
        (_, None) => false,
    };
    if !is_right {
        findings.add(Kind::PreviousOffset, range(data), Some(data.record), || {
            let said = leads_to.map_or("is none".to_owned(), |at| format!("is at {at}"));
            let latest = source.latest.map_or("there is none".to_owned(), |at| format!("it is at {at}"));
            format!("a block of {:?} says that the one before it {said}, but {latest}", data.record.name)
        });
    }
}

const fn range(data: &Data<'_>) -> std::ops::Range<u64> {
    data.offset..data.offset.saturating_add(data.block_len)
}
