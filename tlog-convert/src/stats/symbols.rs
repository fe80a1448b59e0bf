//! How often each symbol occurs.

/// So many symbols are told apart; an enum may have values without a symbol, each of which counts as one.
pub const MAX_SYMBOLS: usize = 64;

/// How often each of some texts occurs, in the order in which they came first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    counts: Vec<(Box<str>, u64)>,
    /// How often others occur than the [`MAX_SYMBOLS`] that came first.
    pub others: u64,
}

impl Symbols {
    /// Counts a text so many times.
    pub fn add(&mut self, text: &str, count: u64) {
        if let Some((_, known)) = self.counts.iter_mut().find(|(known, _)| **known == *text) {
            *known += count;
        } else if self.counts.len() < MAX_SYMBOLS {
            self.counts.push((text.into(), count));
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
        let mut sorted: Vec<(&str, u64)> = self.counts.iter().map(|(text, count)| (&**text, *count)).collect();
        sorted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        sorted
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.others + self.counts.iter().map(|(_, count)| count).sum::<u64>()
    }
}
