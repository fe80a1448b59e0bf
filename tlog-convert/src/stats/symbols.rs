//! How often each symbol occurs.

use std::collections::HashMap;

/// So many symbols are told apart; an enum may have values without a symbol, each of which counts as one.
pub const MAX_SYMBOLS: usize = 256;

/// How often each of some texts occurs, in the order in which they came first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    counts: Vec<(String, u64)>,
    at: HashMap<String, usize>,
    /// How often others occur than the [`MAX_SYMBOLS`] that came first.
    pub others: u64,
}

impl Symbols {
    /// Counts a text so many times.
    pub fn add(&mut self, text: &str, count: u64) {
        if let Some((_, known)) = self.at.get(text).and_then(|&at| self.counts.get_mut(at)) {
            *known += count;
        } else if self.counts.len() < MAX_SYMBOLS {
            self.at.insert(text.to_owned(), self.counts.len());
            self.counts.push((text.to_owned(), count));
        } else {
            self.others += count;
        }
    }

    /// Adds those of a part behind this one.
    pub fn merge(&mut self, later: &Self) {
        later.counts.iter().for_each(|(text, count)| self.add(text, *count));
        self.others += later.others;
    }

    /// Texts and how often each occurs, the most frequent first; of equal ones what came first.
    pub fn sorted(&self) -> Vec<(&str, u64)> {
        let mut sorted: Vec<(&str, u64)> = self.counts.iter().map(|(text, count)| (text.as_str(), *count)).collect();
        sorted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        sorted
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.others + self.counts.iter().map(|(_, count)| count).sum::<u64>()
    }
}
