//! The words, numbers, strings and paths of a condition's text.

use tlog::value::{Path, PathError};

use super::PredicateError;
use super::syntax::{Literal, Op, Placed, WORDS};

/// A place in the text, moving on.
pub(super) struct Scanner<'t> {
    text: &'t str,
    /// In bytes, always between two characters.
    at: usize,
}

/// What may stand on one side of a comparison.
pub(super) enum Side {
    Path(Placed<Path>),
    Literal(Placed<Literal>),
}

impl Side {
    pub const fn at(&self) -> usize {
        match self {
            Self::Path(path) => path.at,
            Self::Literal(literal) => literal.at,
        }
    }
}

impl<'t> Scanner<'t> {
    pub const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub const fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, good: fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = rest.get(..rest.find(|c| !good(c)).unwrap_or(rest.len())).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    /// Takes this punctuation, if it comes next.
    pub fn take(&mut self, wanted: &str) -> bool {
        let there = self.rest().starts_with(wanted);
        self.at += if there { wanted.len() } else { 0 };
        there
    }

    /// Takes this word, if it comes next and ends there.
    pub fn take_word(&mut self, wanted: &str) -> bool {
        self.word() == wanted && self.take(wanted)
    }

    /// What of the rest may be a word, taking nothing.
    fn word(&self) -> &'t str {
        let rest = self.rest();
        rest.get(..rest.find(|c| !is_word_char(c)).unwrap_or(rest.len())).unwrap_or_default()
    }

    /// Takes a `!` that does not begin `!=`.
    pub fn take_bang(&mut self) -> bool {
        !self.rest().starts_with("!=") && self.take("!")
    }

    pub fn operator(&mut self) -> Result<Option<Op>, PredicateError> {
        let found = Op::ALL.iter().find(|(text, _)| self.take(text)).map(|(_, op)| *op);
        match found {
            None if self.rest().starts_with('=') => self.fail("equality is asked by `==`"),
            _ => Ok(found),
        }
    }

    pub fn fail<T>(&self, problem: impl Into<String>) -> Result<T, PredicateError> {
        self.fail_at(self.at, problem)
    }

    pub fn fail_at<T>(&self, at: usize, problem: impl Into<String>) -> Result<T, PredicateError> {
        Err(PredicateError::at(self.text, at, problem))
    }

    pub fn side(&mut self) -> Result<Side, PredicateError> {
        if let Some(literal) = self.literal()? {
            return Ok(Side::Literal(literal));
        }
        match self.peek() {
            Some(c) if c == '[' || (is_word_char(c) && !WORDS.contains(&self.word())) => self.path().map(Side::Path),
            _ => self.fail("a path, a literal, `not` or `(` is expected"),
        }
    }

    fn path(&mut self) -> Result<Placed<Path>, PredicateError> {
        let at = self.at;
        let (part, len) = match Path::parse_prefix(self.rest()) {
            Ok(parsed) => parsed,
            Err(PathError::Syntax { column, problem, .. }) => {
                let before = self.rest().chars().take(column.saturating_sub(1)).map(char::len_utf8);
                return self.fail_at(at + before.sum::<usize>(), problem);
            }
            Err(other) => return self.fail(other.to_string()),
        };
        self.at += len;
        Ok(Placed { part, at })
    }

    /// Takes a literal, if one comes next.
    pub fn literal(&mut self) -> Result<Option<Placed<Literal>>, PredicateError> {
        let at = self.at;
        let part = match self.peek() {
            Some('"' | '\'') => self.string()?,
            Some('0'..='9' | '-' | '+' | '.') => self.number()?,
            _ => match self.word() {
                "null" => Literal::Null,
                "true" => Literal::Boolean(true),
                "false" => Literal::Boolean(false),
                "nan" => Literal::Float(f64::NAN),
                "inf" => Literal::Float(f64::INFINITY),
                _ => return Ok(None),
            },
        };
        if self.at == at {
            self.at += self.word().len();
        }
        Ok(Some(Placed { part, at }))
    }

    fn number(&mut self) -> Result<Literal, PredicateError> {
        let start = self.at;
        let negative = self.take("-");
        let _ = negative || self.take("+");
        let digits_at = self.at;
        if self.take_word("inf") {
            return Ok(Literal::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        if self.take("0x") || self.take("0X") {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            return self.integer(start, negative, digits, 16);
        }
        let whole = self.take_while(|c| c.is_ascii_digit());
        let is_float = self.fraction() | self.exponent();
        match is_float {
            false => self.integer(start, negative, whole, 10),
            true => self.float(start, negative, digits_at),
        }
    }

    fn fraction(&mut self) -> bool {
        let there = self.take(".");
        if there {
            self.take_while(|c| c.is_ascii_digit());
        }
        there
    }

    fn exponent(&mut self) -> bool {
        let there = self.take("e") || self.take("E");
        if there {
            let _ = self.take("-") || self.take("+");
            self.take_while(|c| c.is_ascii_digit());
        }
        there
    }

    fn integer(&self, start: usize, negative: bool, digits: &str, radix: u32) -> Result<Literal, PredicateError> {
        if digits.is_empty() || self.is_glued() {
            return self.not_a_number(start);
        }
        let magnitude = i128::from_str_radix(digits, radix).unwrap_or(i128::MAX);
        let value = if negative { -magnitude } else { magnitude };
        if value < i128::from(i64::MIN) || value > i128::from(u64::MAX) {
            return self.fail_at(start, "the integer does not fit into 64 bits; with a point it would be a float");
        }
        Ok(Literal::Int(value))
    }

    fn float(&self, start: usize, negative: bool, digits_at: usize) -> Result<Literal, PredicateError> {
        let text = self.text.get(digits_at..self.at).unwrap_or_default();
        match text.parse::<f64>() {
            _ if self.is_glued() => self.not_a_number(start),
            Err(_) => self.not_a_number(start),
            Ok(value) if value.is_infinite() => self.fail_at(start, "the number is too large for a float; see `inf`"),
            Ok(value) => Ok(Literal::Float(if negative { -value } else { value })),
        }
    }

    /// Whether the number goes on with what does not belong to it.
    fn is_glued(&self) -> bool {
        self.peek().is_some_and(|c| is_word_char(c) || c == '.')
    }

    fn not_a_number<T>(&self, start: usize) -> Result<T, PredicateError> {
        self.fail_at(start, "this is not a number; names that begin like one stand in quotes, as in [\"3d\"]")
    }

    fn string(&mut self) -> Result<Literal, PredicateError> {
        let start = self.at;
        let quote = if self.take("'") { '\'' } else { '"' };
        self.take("\"");
        let mut bytes = Vec::new();
        loop {
            let rest = self.rest();
            let plain = rest.find([quote, '\\']).unwrap_or(rest.len());
            bytes.extend(rest.bytes().take(plain));
            self.at += plain;
            match self.peek() {
                None => return self.fail_at(start, "the closing quote of this string is missing"),
                Some('\\') => self.escape(&mut bytes)?,
                Some(quote) => {
                    self.at += quote.len_utf8();
                    return Ok(Literal::String(bytes.into()));
                }
            }
        }
    }

    /// Takes a backslash and what it makes of what follows.
    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), PredicateError> {
        const KNOWN: &str = "an escape is one of \\\" \\' \\\\ \\n \\r \\t \\0 \\u{2192} \\xff";
        let start = self.at;
        self.take("\\");
        let c = self.peek();
        self.at += c.map_or(0, char::len_utf8);
        let c = match c {
            Some(c @ ('"' | '\'' | '\\')) => Some(c),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('0') => Some('\0'),
            Some('u') => self.code_point(),
            Some('x') => {
                match self.rest().get(..2).filter(|digits| is_hex(digits)).map(|d| u8::from_str_radix(d, 16)) {
                    Some(Ok(byte)) => {
                        self.at += 2;
                        out.push(byte);
                        return Ok(());
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        let Some(c) = c else { return self.fail_at(start, KNOWN) };
        out.extend(c.encode_utf8(&mut [0; 4]).bytes());
        Ok(())
    }

    fn code_point(&mut self) -> Option<char> {
        let digits = if self.take("{") { self.take_while(|c| c.is_ascii_hexdigit()) } else { "" };
        let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        c.filter(|_| self.take("}"))
    }
}

fn is_hex(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The characters of words and of names that need no quotes.
fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}
