//! One condition, several records: which parts fit somewhere, and which are mistakes.

use std::collections::BTreeSet;

use tlog::schema::Schema;
use tlog::value::{Path, Segment, did_you_mean};

use super::compile::Compiler;
use super::syntax::{Condition, Placed, Shown};
use super::{Compiled, Predicate, PredicateError};

/// How many records a message lists.
const LISTED: usize = 20;

/// A condition on its way through the records of a log, as they are declared: it is compiled for each, and
/// [`check`](Self::check) tells in the end whether each of its comparisons fitted one of them.
#[derive(Clone, Debug)]
pub struct Fitting {
    predicate: Predicate,
    /// For each comparison, in the order of the text; each literal of a list is one.
    fits: Vec<Fit>,
    /// The records so far.
    records: BTreeSet<String>,
}

/// How well a comparison fits the records so far, and what is wrong with the one that it fits best.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    pub rank: Rank,
    /// What is wrong, in bytes from the start of the text.
    pub at: usize,
    pub problem: String,
    /// The path that was not found.
    pub missing: Option<Path>,
}

/// Better ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Not tried.
    Untried,
    /// A path is found only as far as this many segments, the record's name counted; what it has there may be similar.
    Missing {
        depth: usize,
        similar: bool,
    },
    /// Only one of two paths is found.
    OneSided,
    /// The field is there but cannot be compared so; what can may be similar.
    Mismatch {
        similar: bool,
    },
    Fits,
}

impl Fit {
    const UNTRIED: Self = Self { rank: Rank::Untried, at: 0, problem: String::new(), missing: None };
    pub const FITS: Self = Self { rank: Rank::Fits, at: 0, problem: String::new(), missing: None };

    pub fn mismatch(at: usize, problem: String) -> Self {
        Self { rank: Rank::Mismatch { similar: is_similar(&problem) }, at, problem, missing: None }
    }

    pub fn missing(path: &Placed<Path>, depth: usize, problem: String) -> Self {
        let rank = Rank::Missing { depth, similar: is_similar(&problem) };
        Self { rank, at: path.at, problem, missing: Some(path.part.clone()) }
    }
}

/// Whether a message has advice on a name.
fn is_similar(problem: &str) -> bool {
    problem.contains("did you mean")
}

impl Fitting {
    /// A condition that has met no record yet.
    pub fn new(predicate: &Predicate) -> Self {
        let fits = vec![Fit::UNTRIED; comparisons(&predicate.condition)];
        Self { predicate: predicate.clone(), fits, records: BTreeSet::new() }
    }

    /// What the condition asks of this record; `None` when it cannot be true there.
    pub fn compile(&mut self, record: &str, schema: &Schema) -> Option<Compiled> {
        self.records.insert(record.to_owned());
        let mut compiler = Compiler { record, schema, fits: self.fits.iter_mut() };
        Compiled::new(compiler.condition(&self.predicate.condition))
    }

    /// Refuses a condition with a comparison that fits none of the records so far; before any, nothing is refused.
    ///
    /// # Errors
    /// [`PredicateError`] about the first such comparison: it says what is wrong in the record that it fits best.
    pub fn check(&self) -> Result<(), PredicateError> {
        self.refuse(|rank| rank != Rank::Fits)
    }

    /// As [`check`](Self::check), but a path that is in no record is allowed.
    pub(super) fn check_types(&self) -> Result<(), PredicateError> {
        self.refuse(|rank| matches!(rank, Rank::Mismatch { .. }))
    }

    fn refuse(&self, is_wrong: fn(Rank) -> bool) -> Result<(), PredicateError> {
        let wrong = |fit: &&Fit| fit.rank != Rank::Untried && is_wrong(fit.rank);
        match self.fits.iter().find(wrong) {
            Some(fit) => Err(PredicateError::at(self.predicate.text(), fit.at, self.problem(fit))),
            None => Ok(()),
        }
    }

    fn problem(&self, fit: &Fit) -> String {
        match (&fit.missing, fit.rank) {
            (Some(path), Rank::Missing { depth: 0, similar: false }) if self.records.len() > 1 => self.nowhere(path),
            _ => fit.problem.clone(),
        }
    }

    /// About a path that is like nothing in any record.
    fn nowhere(&self, path: &Path) -> String {
        let names = || self.records.iter().map(String::as_str);
        let advice = match path.segments().first() {
            Some(Segment::Name(name)) => did_you_mean(name, names()),
            _ => String::new(),
        };
        let more = self.records.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(", {more} more") } else { String::new() };
        let listed: Vec<&str> = names().take(LISTED).collect();
        format!("none of the records has {}{advice}; they are {}{more}", Shown(path), listed.join(", "))
    }
}

fn comparisons(condition: &Condition) -> usize {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().map(comparisons).sum(),
        Condition::Not(part) => comparisons(part),
        Condition::In { literals, .. } => literals.len().max(1),
        Condition::Compare { .. } | Condition::ComparePaths { .. } | Condition::Bare(_) => 1,
    }
}
