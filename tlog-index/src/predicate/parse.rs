//! From the text of a condition to its parts, by recursive descent.

use tlog::value::Path;

use super::PredicateError;
use super::scan::{Scanner, Side};
use super::syntax::{Condition, Literal, Op, Placed};

/// How deeply parentheses and `not` may nest: so that no text overflows the stack.
pub const MAX_NESTING: usize = 100;

pub(super) fn parse(text: &str) -> Result<Condition, PredicateError> {
    let mut parser = Parser { scanner: Scanner::new(text), depth: 0, open: 0 };
    let condition = parser.condition()?;
    match parser.scanner.peek() {
        None => Ok(condition),
        Some(')') => parser.scanner.fail("no `(` is open here"),
        Some(_) => parser.fail_after(&condition),
    }
}

struct Parser<'t> {
    scanner: Scanner<'t>,
    /// How many parentheses and `not` are around this place.
    depth: usize,
    /// How many of them are parentheses.
    open: usize,
}

impl Parser<'_> {
    fn condition(&mut self) -> Result<Condition, PredicateError> {
        self.chain(["or", "||"], Self::term, Condition::Or)
    }

    fn term(&mut self) -> Result<Condition, PredicateError> {
        self.chain(["and", "&&"], Self::factor, Condition::And)
    }

    /// One or more parts with a word or sign between; leaves the place after any space.
    fn chain(
        &mut self,
        [word, sign]: [&str; 2],
        part: fn(&mut Self) -> Result<Condition, PredicateError>,
        whole: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, PredicateError> {
        let first = part(self)?;
        let mut more = Vec::new();
        while self.scanner.take_word(word) || self.scanner.take(sign) {
            more.push(part(self)?);
        }
        if more.is_empty() {
            return Ok(first);
        }
        more.insert(0, first);
        Ok(whole(more))
    }

    fn factor(&mut self) -> Result<Condition, PredicateError> {
        self.scanner.skip_space();
        let at = self.scanner.at();
        let factor = if self.scanner.take_word("not") || self.scanner.take_bang() {
            let part = self.deeper(at, Self::factor)?;
            Condition::Not(Box::new(part))
        } else if self.scanner.take("(") {
            self.open += 1;
            let part = self.deeper(at, Self::condition)?;
            if !self.scanner.take(")") {
                return self.fail_unclosed(&part);
            }
            self.open -= 1;
            part
        } else {
            self.comparison()?
        };
        self.scanner.skip_space();
        Ok(factor)
    }

    fn deeper(
        &mut self,
        at: usize,
        inside: impl FnOnce(&mut Self) -> Result<Condition, PredicateError>,
    ) -> Result<Condition, PredicateError> {
        if self.depth >= MAX_NESTING {
            return self.scanner.fail_at(at, format!("parentheses and `not` nest more than {MAX_NESTING} deep"));
        }
        self.depth += 1;
        let condition = inside(self)?;
        self.depth -= 1;
        Ok(condition)
    }

    fn fail_unclosed(&self, last: &Condition) -> Result<Condition, PredicateError> {
        match self.scanner.peek() {
            None => self.scanner.fail("a `)` is missing"),
            Some(_) => self.fail_after(last),
        }
    }

    /// What could have followed a complete condition.
    fn fail_after(&self, last: &Condition) -> Result<Condition, PredicateError> {
        let end = if self.open > 0 { "`)`" } else { "the end" };
        match last.last() {
            Condition::Bare(_) => {
                self.scanner.fail(format!("a comparison (`==`, `<`, `in`, …), `and`, `or` or {end} is expected"))
            }
            _ => self.scanner.fail(format!("`and`, `or` or {end} is expected")),
        }
    }

    fn comparison(&mut self) -> Result<Condition, PredicateError> {
        let left = self.scanner.side()?;
        self.scanner.skip_space();
        let operator_at = self.scanner.at();
        let Some(op) = self.scanner.operator()? else { return self.without_operator(left) };
        self.scanner.skip_space();
        let right = self.scanner.side()?;
        self.scanner.skip_space();
        if self.scanner.operator()?.is_some() {
            return self.scanner.fail_at(
                operator_at,
                "comparisons do not chain; write `1 < x and x < 3` for a number between two others",
            );
        }
        match (left, right) {
            (Side::Path(path), Side::Literal(literal)) => self.compare(path, op, literal, operator_at),
            (Side::Literal(literal), Side::Path(path)) => self.compare(path, op.swapped(), literal, operator_at),
            (Side::Path(left), Side::Path(right)) => Ok(Condition::ComparePaths { left, op, right }),
            (left, Side::Literal(_)) => {
                self.scanner.fail_at(left.at(), "one of the two sides must be a path; paths stand without quotes")
            }
        }
    }

    fn compare(
        &self,
        path: Placed<Path>,
        op: Op,
        literal: Placed<Literal>,
        operator_at: usize,
    ) -> Result<Condition, PredicateError> {
        if !op.is_equality() && matches!(literal.part, Literal::Null | Literal::Boolean(_)) {
            let kind = literal.part.kind();
            return self.scanner.fail_at(operator_at, format!("with {kind}, only `==` and `!=` compare"));
        }
        Ok(Condition::Compare { path, op, literal })
    }

    /// What is no comparison by an operator: a list, or a boolean on its own.
    fn without_operator(&mut self, side: Side) -> Result<Condition, PredicateError> {
        let Side::Path(path) = side else {
            return self.scanner.fail("a comparison (`==`, `!=`, `<`, …) must follow a literal");
        };
        let at = self.scanner.at();
        if self.scanner.take_word("in") {
            return self.list(path);
        }
        if !self.scanner.take_word("not") {
            return Ok(Condition::Bare(path));
        }
        self.scanner.skip_space();
        if !self.scanner.take_word("in") {
            return self.scanner.fail("`in` is expected after a path and `not`");
        }
        // Written back, it is `not x in […]`, which nests.
        self.deeper(at, |parser| parser.list(path)).map(|list| Condition::Not(Box::new(list)))
    }

    fn list(&mut self, path: Placed<Path>) -> Result<Condition, PredicateError> {
        self.scanner.skip_space();
        if !self.scanner.take("[") {
            return self.scanner.fail("a list is expected, as in [1, 2]");
        }
        let mut literals = Vec::new();
        loop {
            self.scanner.skip_space();
            if literals.is_empty() && self.scanner.take("]") {
                break;
            }
            match self.scanner.literal()? {
                Some(literal) => literals.push(literal),
                None => return self.scanner.fail("a literal is expected"),
            }
            self.scanner.skip_space();
            if self.scanner.take("]") {
                break;
            }
            if !self.scanner.take(",") {
                return self.scanner.fail("a `,` or `]` is expected");
            }
        }
        Ok(Condition::In { path, literals })
    }
}

impl Condition {
    /// The part that was written last.
    fn last(&self) -> &Self {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.last().map_or(self, Self::last),
            Self::Not(part) => part.last(),
            other => other,
        }
    }
}
