//! From a condition to what it asks of one record.

use std::slice::IterMut;

use tlog::Micros;
use tlog::schema::{Enum, Schema, Type};
use tlog::value::{FieldPath, Path, PathError, Segment, did_you_mean};

use super::compiled::{Field, Fields, Node, Test};
use super::fit::{Fit, Rank};
use super::number::{Number, as_float32, is_number};
use super::syntax::{Condition, Literal, Op, Placed, Shown};

/// Compiles a condition for one record, and notes how well each comparison fits it.
pub(super) struct Compiler<'c> {
    pub record: &'c str,
    pub schema: &'c Schema,
    /// Of the comparisons that are still to come.
    pub fits: IterMut<'c, Fit>,
}

/// A test that can be made, with what speaks against it if something does.
struct Made {
    test: Test,
    doubt: Option<String>,
}

impl Compiler<'_> {
    pub fn condition(&mut self, condition: &Condition) -> Node {
        match condition {
            Condition::And(parts) => Node::All(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Or(parts) => Node::Any(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Not(part) => Node::Not(Box::new(self.condition(part))),
            Condition::Compare { path, op, literal } => self.tests(path, *op, std::slice::from_ref(literal)),
            Condition::In { path, literals } => self.tests(path, Op::Eq, literals),
            Condition::ComparePaths { left, op, right } => self.pair(left, *op, right),
            Condition::Bare(path) => self.bare(path),
        }
    }

    /// Notes how well the next comparison fits, if it fitted no record better.
    fn note(&mut self, fit: Fit) {
        if let Some(best) = self.fits.next().filter(|best| best.rank < fit.rank) {
            *best = fit;
        }
    }

    /// The field is as one of these literals.
    fn tests(&mut self, path: &Placed<Path>, op: Op, literals: &[Placed<Literal>]) -> Node {
        let found = match self.find(path) {
            Ok(found) => found,
            Err(fit) => {
                (0..literals.len().max(1)).for_each(|_| self.note(fit.clone()));
                return Node::Unknown;
            }
        };
        if literals.is_empty() {
            self.note(Fit::FITS);
        }
        let mut tests = Vec::with_capacity(literals.len());
        for literal in literals {
            match make(found.ty(), op, &literal.part) {
                Ok(Made { test, doubt }) => {
                    self.note(doubt.map_or(Fit::FITS, |doubt| self.mismatch(path, literal.at, &doubt)));
                    tests.push(test);
                }
                Err(problem) => {
                    self.note(self.mismatch(path, literal.at, &problem));
                }
            }
        }
        // What cannot be compared here is unknown, and leaves the whole list unknown unless another is equal.
        let all_made = tests.len() == literals.len();
        let none_made = tests.is_empty();
        let field = Node::Field(Field { path: found, tests: tests.into() });
        match (all_made, none_made) {
            (true, _) => field,
            (false, false) => Node::Any([field, Node::Unknown].into()),
            (false, true) => Node::Unknown,
        }
    }

    fn bare(&mut self, path: &Placed<Path>) -> Node {
        match self.find(path) {
            Ok(found) if *found.ty() == Type::Boolean => {
                self.note(Fit::FITS);
                let is_true = Test::Number(Op::Eq, Number::Int(1));
                Node::Field(Field { path: found, tests: [is_true].into() })
            }
            Ok(found) => {
                let problem = format!("is {}, and only a boolean can stand alone", described(found.ty()));
                self.note(self.mismatch(path, path.at, &problem));
                Node::Unknown
            }
            Err(fit) => {
                self.note(fit);
                Node::Unknown
            }
        }
    }

    fn pair(&mut self, left: &Placed<Path>, op: Op, right: &Placed<Path>) -> Node {
        let (fit, node) = match (self.find(left), self.find(right)) {
            (Ok(a), Ok(b)) => match are_comparable(a.ty(), op, b.ty()) {
                true => (Fit::FITS, Some(Node::Fields(Fields { left: a, op, right: b }))),
                false => {
                    let other = described(b.ty());
                    let problem = format!("is {}, which `{op}` cannot compare with {other}", described(a.ty()));
                    (self.mismatch(left, right.at, &problem), None)
                }
            },
            (Err(a), Err(b)) => (if a.rank >= b.rank { a } else { b }, None),
            (Ok(_), Err(fit)) => (self.one_sided(left, right, fit), None),
            (Err(fit), Ok(_)) => (self.one_sided(right, left, fit), None),
        };
        self.note(fit);
        node.unwrap_or(Node::Unknown)
    }

    fn one_sided(&self, there: &Placed<Path>, missing: &Placed<Path>, fit: Fit) -> Fit {
        let (record, there, missing) = (self.record, Shown(&there.part), Shown(&missing.part));
        let problem =
            format!("record {record} has {there} but not {missing}, which must be in one record: {}", fit.problem);
        Fit { rank: Rank::OneSided, problem, ..fit }
    }

    fn mismatch(&self, path: &Placed<Path>, at: usize, problem: &str) -> Fit {
        Fit::mismatch(at, format!("in record {}, {} {problem}", self.record, Shown(&path.part)))
    }

    /// Looks for a path in the record, then, if it begins with the record's name, for the rest of it.
    fn find(&self, path: &Placed<Path>) -> Result<FieldPath, Fit> {
        let error = match path.part.compile(self.schema) {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        let segments = path.part.segments();
        match segments.split_first() {
            Some((Segment::Name(name), rest)) if **name == *self.record => {
                let rest: Path = rest.iter().cloned().collect();
                rest.compile(self.schema).map_err(|error| {
                    let depth = 1 + self.depth(rest.segments());
                    Fit::missing(path, depth, self.told(&error))
                })
            }
            _ => Err(Fit::missing(path, self.depth(segments), self.told(&error))),
        }
    }

    /// How many segments can be found, of a path that cannot.
    fn depth(&self, segments: &[Segment]) -> usize {
        let is_found = |len: &usize| {
            let part: Path = segments.iter().take(*len).cloned().collect();
            part.compile(self.schema).is_ok()
        };
        (1..segments.len()).take_while(is_found).count()
    }

    fn told(&self, error: &PathError) -> String {
        let record = self.record;
        match error {
            PathError::Nothing { at, problem, .. } if at == "the record" => format!("record {record} {problem}"),
            _ => format!("in record {record}, {error}"),
        }
    }
}

/// What asks whether a value of this type stands so to the literal.
fn make(ty: &Type, op: Op, literal: &Literal) -> Result<Made, String> {
    let test = match (ty, literal) {
        (_, Literal::Null) => Test::Null { wanted: op == Op::Eq },
        (Type::Enum(enumeration), Literal::String(symbol)) => return symbol_test(enumeration, op, symbol),
        (Type::Timestamp, Literal::String(text)) => Test::Number(op, Number::Int(micros(text)?)),
        (Type::String | Type::Bytes, Literal::String(bytes)) => Test::Bytes(op, bytes.clone()),
        (Type::Boolean, Literal::Boolean(value)) => Test::Number(op, Number::Int((*value).into())),
        (Type::Float32, Literal::Float(value)) if !value.is_nan() => {
            Test::Number(op, Number::Float(as_float32(*value)))
        }
        (ty, Literal::Float(value)) if is_number(ty) && value.is_nan() && op.is_equality() => {
            Test::Nan { wanted: op == Op::Eq }
        }
        (ty, Literal::Float(value)) if is_number(ty) => Test::Number(op, Number::Float(*value)),
        (ty, Literal::Int(value)) if is_number(ty) => Test::Number(op, Number::Int(*value)),
        _ => {
            return Err(format!("is {}, and is compared with {}, not {}", described(ty), partners(ty), literal.kind()));
        }
    };
    Ok(Made { test, doubt: None })
}

fn symbol_test(enumeration: &Enum, op: Op, symbol: &[u8]) -> Result<Made, String> {
    if !op.is_equality() {
        return Err(format!("is an enum, whose symbols have no order; compare it by `{op}` with a number"));
    }
    let symbol = String::from_utf8_lossy(symbol);
    if let Some(value) = enumeration.value_of(&symbol) {
        return Ok(Made { test: Test::Number(op, Number::Int(value)), doubt: None });
    }
    let names = || enumeration.symbols().iter().map(|symbol| symbol.name.as_str());
    let more = if names().count() > LISTED { ", …" } else { "" };
    let listed: Vec<&str> = names().take(LISTED).collect();
    let advice = did_you_mean(&symbol, names());
    let doubt = format!("is an enum without the symbol {symbol:?}{advice}; it has {}{more}", listed.join(", "));
    Ok(Made { test: Test::Constant(op == Op::Ne), doubt: Some(doubt) })
}

/// How many symbols a message lists.
const LISTED: usize = 20;

fn micros(text: &[u8]) -> Result<i128, String> {
    let text = String::from_utf8_lossy(text);
    match text.parse::<Micros>() {
        Ok(micros) => Ok(micros.0.into()),
        Err(_) => Err(format!("is a timestamp, and {text:?} is not RFC 3339, as \"2024-01-31T12:00:00Z\" is")),
    }
}

fn are_comparable(a: &Type, op: Op, b: &Type) -> bool {
    match (a, b) {
        (Type::Boolean, Type::Boolean) => op.is_equality(),
        (Type::String | Type::Bytes, Type::String | Type::Bytes) => true,
        _ => is_number(a) && is_number(b),
    }
}

/// The type with its article.
fn described(ty: &Type) -> String {
    let article = if ty.name().starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {}", ty.name())
}

/// What a value of this type is compared with.
const fn partners(ty: &Type) -> &'static str {
    match ty {
        Type::Boolean => "`true` or `false`",
        Type::String | Type::Bytes => "a string in quotes",
        Type::Enum(_) => "a symbol in quotes or a number",
        Type::Timestamp => "a time in quotes or a number of microseconds",
        Type::Duration => "a number of microseconds",
        Type::Object(_) | Type::Array(_) | Type::FixedArray(_) | Type::Map(_) | Type::Union(_) => {
            "`null` only, but its parts with more"
        }
        Type::Null => "`null` only",
        _ => "a number",
    }
}
