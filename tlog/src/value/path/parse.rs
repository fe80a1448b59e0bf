//! The text of a path.

use super::{PathError, Segment};

pub(super) fn parse(text: &str) -> Result<Vec<Segment>, PathError> {
    let mut parser = Parser { text, at: 0 };
    let mut segments = Vec::new();
    while parser.peek().is_some() {
        segments.push(parser.segment(segments.is_empty())?);
    }
    Ok(segments)
}

/// The longest path at the front of a text, and how many bytes it takes.
pub(super) fn parse_prefix(text: &str) -> Result<(Vec<Segment>, usize), PathError> {
    let mut parser = Parser { text, at: 0 };
    let mut segments = vec![parser.segment(true)?];
    while matches!(parser.peek(), Some('.' | '[')) {
        segments.push(parser.segment(false)?);
    }
    Ok((segments, parser.at))
}

/// Whether a name can stand in a path without quotes.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_plain_char)
}

fn is_plain_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

struct Parser<'t> {
    text: &'t str,
    /// In bytes, always between two characters.
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.rest().starts_with(wanted);
        self.at += if there { wanted.len_utf8() } else { 0 };
        there
    }

    /// Takes characters as long as they are `good`.
    fn take_while(&mut self, good: fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !good(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn fail<T>(&self, problem: &'static str) -> Result<T, PathError> {
        let column = self.text.get(..self.at).unwrap_or_default().chars().count() + 1;
        Err(PathError::Syntax { path: self.text.to_owned(), column, problem })
    }

    fn segment(&mut self, first: bool) -> Result<Segment, PathError> {
        if self.take('[') {
            return self.bracket();
        }
        if !first && !self.take('.') {
            return self.fail("a `.` or `[` is expected; other names stand in quotes, as in [\"any name\"]");
        }
        match self.take_while(is_plain_char) {
            "" => self.fail("a name is expected; unusual ones stand in quotes, as in [\"any name\"]"),
            name => Ok(Segment::Name(name.into())),
        }
    }

    fn bracket(&mut self) -> Result<Segment, PathError> {
        let segment = if self.take('"') { self.quoted()? } else { self.index()? };
        if !self.take(']') {
            return self.fail("a `]` is expected");
        }
        Ok(segment)
    }

    fn index(&mut self) -> Result<Segment, PathError> {
        let start = self.at;
        let digits = self.take_while(|c| c.is_ascii_digit());
        match digits.parse() {
            Ok(index) => Ok(Segment::Index(index)),
            Err(_) => {
                self.at = start;
                self.fail(if digits.is_empty() {
                    "an index or a quoted name is expected"
                } else {
                    "the index is too large"
                })
            }
        }
    }

    fn quoted(&mut self) -> Result<Segment, PathError> {
        let mut name = String::new();
        loop {
            name.push_str(self.take_while(|c| c != '"' && c != '\\'));
            if self.take('"') {
                return Ok(Segment::Name(name.into()));
            }
            if !self.take('\\') {
                return self.fail("the closing quote is missing");
            }
            match self.peek() {
                Some(c) if self.take('"') || self.take('\\') => name.push(c),
                _ => return self.fail("after `\\` only a quote or another `\\` can stand"),
            }
        }
    }
}
