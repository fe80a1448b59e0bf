//! What is wrong with a condition, and where.

/// How many characters of the text are shown on either side of the column.
const SHOWN: usize = 60;

/// Why a condition cannot be used: its text is wrong, or it asks what no record can answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column} of the condition: {problem}")]
pub struct PredicateError {
    /// The condition.
    pub text: String,
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong there, and what would be right.
    pub problem: String,
}

impl PredicateError {
    /// An error at this byte of the text.
    pub(super) fn at(text: &str, at: usize, problem: impl Into<String>) -> Self {
        let before = text.char_indices().take_while(|&(position, _)| position < at).count();
        Self { text: text.to_owned(), column: before + 1, problem: problem.into() }
    }

    /// Two lines for a terminal: the text, and a caret under the column. Of a long text only the part around
    /// it is shown; tabs, line ends and other control characters are shown as spaces, to keep the caret in place.
    pub fn snippet(&self) -> String {
        let place = self.column.saturating_sub(1);
        let first = place.saturating_sub(SHOWN);
        let mut rest = self.text.chars().skip(first).map(|c| if c.is_control() { ' ' } else { c });
        let part: String = rest.by_ref().take(place - first + SHOWN).collect();
        let (before, after) = (if first > 0 { "…" } else { "" }, if rest.next().is_some() { "…" } else { "" });
        let indent = " ".repeat(place - first + before.chars().count());
        format!("{before}{part}{after}\n{indent}^")
    }
}

/// The message, and the [`snippet`](PredicateError::snippet) below it.
impl From<PredicateError> for tlog::Error {
    fn from(error: PredicateError) -> Self {
        Self::Usage(format!("{error}\n{}", error.snippet()))
    }
}
