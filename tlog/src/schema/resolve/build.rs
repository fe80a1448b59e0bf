//! From two types to a program.

use std::collections::{BTreeMap, HashMap};

use super::program::{EnumMap, Op, Program, push};
use super::{Problem, ResolveError};
use crate::schema::{Enum, IntegerType, Type, Width};

/// How many problems an error lists.
const MAX_PROBLEMS: usize = 32;

/// How many pairs of types are compared. Nested unions could otherwise take the product of the schemas' sizes.
const MAX_COMPARISONS: u32 = 1 << 20;

pub(super) fn build(writer: &Type, reader: &Type) -> Result<Option<Program>, ResolveError> {
    let mut builder = Builder { path: String::new(), problems: Vec::new(), left: MAX_COMPARISONS };
    match builder.value(writer, reader) {
        Ok(Plan::Same) => Ok(None),
        Ok(Plan::Run(program)) => Ok(Some(program)),
        Err(Refused) => Err(ResolveError { problems: builder.problems }),
    }
}

/// How one type becomes another.
pub(super) enum Plan {
    /// By the same bytes.
    Same,
    Run(Program),
}

impl Plan {
    /// Appends what makes a reader's value out of one of the type `writer`.
    pub(super) fn append_to(self, program: &mut Program, writer: &Type) {
        match self {
            Self::Same => match writer.fixed_len() {
                Some(len) => push(program, Op::Copy(len)),
                None => push(program, Op::CopyValue(writer.clone())),
            },
            Self::Run(ops) => ops.into_iter().for_each(|op| push(program, op)),
        }
    }

    fn after(self, prefix: Op, writer: &Type) -> Program {
        let mut program = vec![prefix];
        self.append_to(&mut program, writer);
        program
    }

    fn into_program(self, writer: &Type) -> Program {
        let mut program = Program::new();
        self.append_to(&mut program, writer);
        program
    }
}

/// There is no way; the builder knows why.
pub(super) struct Refused;

pub(super) struct Builder {
    pub(super) path: String,
    pub(super) problems: Vec<Problem>,
    left: u32,
}

impl Builder {
    pub(super) fn refuse<T>(&mut self, reason: impl FnOnce() -> String) -> Result<T, Refused> {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { path: self.path.clone(), reason: reason() });
        }
        Err(Refused)
    }

    /// Does something with the path extended by this.
    pub(super) fn within<T>(&mut self, step: &str, f: impl FnOnce(&mut Self) -> T) -> T {
        let outside = self.path.len();
        self.path.push_str(step);
        let result = f(self);
        self.path.truncate(outside);
        result
    }

    /// How a value of `writer` becomes one of `reader`. The depth is that of both types together.
    pub(super) fn value(&mut self, writer: &Type, reader: &Type) -> Result<Plan, Refused> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return self.refuse(|| "the schemas are too large to compare".to_owned()),
        }
        match (writer, reader) {
            _ if writer == reader => Ok(Plan::Same),
            (Type::Union(from), Type::Union(to)) => self.unions(from, to, reader),
            (Type::Union(from), _) => self.every_member(from, reader),
            (_, Type::Union(to)) => {
                let (index, plan) = self.member_for(writer, to, reader)?;
                Ok(Plan::Run(plan.after(union_index(index), writer)))
            }
            (Type::Object(from), Type::Object(to)) => self.objects(from, to),
            (Type::Enum(from), Type::Enum(to)) => self.enums(from, to),
            (Type::String, Type::Bytes) => Ok(Plan::Same),
            (Type::Float32, Type::Float64) => Ok(Plan::Run(vec![Op::Widen])),
            (Type::Map(from), Type::Map(to)) => self.within("{}", |this| match this.value(from, to)? {
                Plan::Same => Ok(Plan::Same),
                plan => Ok(Plan::Run(vec![Op::Map(plan.into_program(from))])),
            }),
            (Type::Array(_) | Type::FixedArray(_), Type::Array(_) | Type::FixedArray(_)) => self.arrays(writer, reader),
            _ => self.numbers(writer, reader),
        }
    }

    fn impossible<T>(&mut self, writer: &Type, reader: &Type) -> Result<T, Refused> {
        self.refuse(|| format!("{} cannot become {}", describe(writer), describe(reader)))
    }

    fn numbers(&mut self, writer: &Type, reader: &Type) -> Result<Plan, Refused> {
        let Some(from) = IntegerType::of(writer) else { return self.impossible(writer, reader) };
        let (low, high) = from.range();
        let op = match (reader, IntegerType::of(reader)) {
            (_, Some(to)) if to.holds(low) && to.holds(high) => Op::Integer(from, to),
            (Type::Float32, _) if is_exact(from, Width::W2) => Op::IntegerToFloat32(from),
            (Type::Float64, _) if is_exact(from, Width::W4) => Op::IntegerToFloat64(from),
            _ => return self.impossible(writer, reader),
        };
        Ok(Plan::Run(vec![op]))
    }

    fn arrays(&mut self, writer: &Type, reader: &Type) -> Result<Plan, Refused> {
        let (Some((from_len, from)), Some((to_len, to))) = (array(writer), array(reader)) else {
            return self.impossible(writer, reader);
        };
        if to_len.is_some() && from_len != to_len {
            return self.impossible(writer, reader);
        }
        let plan = self.within("[]", |this| this.value(from, to))?;
        Ok(match (from_len, to_len, plan) {
            (None, None, Plan::Same) | (Some(_), Some(_), Plan::Same) => Plan::Same,
            (Some(len), None, Plan::Same) => Plan::Run(Plan::Same.after(count(len), writer)),
            (Some(len), None, plan) => Plan::Run(vec![count(len), Op::Items(len, plan.into_program(from))]),
            (Some(len), Some(_), plan) => Plan::Run(vec![Op::Items(len, plan.into_program(from))]),
            (None, _, plan) => Plan::Run(vec![Op::Array(plan.into_program(from))]),
        })
    }

    fn unions(&mut self, from: &[Type], to: &[Type], reader: &Type) -> Result<Plan, Refused> {
        let mut programs = Vec::with_capacity(from.len());
        let mut same = from.len() == to.len();
        let mut refused = false;
        for (position, member) in from.iter().enumerate() {
            match self.member_for(member, to, reader) {
                Ok((index, plan)) => {
                    same &= index == position && matches!(plan, Plan::Same);
                    programs.push(plan.after(union_index(index), member));
                }
                Err(Refused) => refused = true,
            }
        }
        match (refused, same) {
            (true, _) => Err(Refused),
            (false, true) => Ok(Plan::Same),
            (false, false) => Ok(Plan::Run(vec![Op::Union(programs)])),
        }
    }

    fn every_member(&mut self, from: &[Type], reader: &Type) -> Result<Plan, Refused> {
        let programs = from.iter().map(|member| Ok(self.value(member, reader)?.into_program(member)));
        let programs = programs.collect::<Result<_, Refused>>()?;
        Ok(Plan::Run(vec![Op::Union(programs)]))
    }

    /// The reader's member that `writer` becomes: an equal one, else one of the same encoding, else the first possible.
    fn member_for(&mut self, writer: &Type, to: &[Type], reader: &Type) -> Result<(usize, Plan), Refused> {
        if let Some(index) = to.iter().position(|member| member == writer) {
            return Ok((index, Plan::Same));
        }
        let known = self.problems.len();
        let mut possible = None;
        for (index, member) in to.iter().enumerate().filter(|(_, member)| **member != Type::Null) {
            match self.value(writer, member) {
                Ok(Plan::Same) => {
                    possible = Some((index, Plan::Same));
                    break;
                }
                Ok(plan) => possible = possible.or(Some((index, plan))),
                Err(Refused) => {}
            }
        }
        // What is wrong with the only member in question says more than that there is none.
        if possible.is_none() && reader.as_optional().is_some() && *writer != Type::Null {
            return Err(Refused);
        }
        self.problems.truncate(known);
        possible.map_or_else(|| self.impossible(writer, reader), Ok)
    }

    fn enums(&mut self, from: &Enum, to: &Enum) -> Result<Plan, Refused> {
        // Of equal names the first counts: it comes last here.
        let known: HashMap<_, _> = to.symbols().iter().rev().map(|symbol| (&symbol.name, symbol.value)).collect();
        let mut numbers: BTreeMap<i128, Option<i128>> = BTreeMap::new();
        for symbol in from.symbols() {
            let number = numbers.entry(symbol.value).or_default();
            *number = number.or(known.get(&symbol.name).copied());
        }
        let mut changes = Vec::new();
        for (value, new) in numbers {
            match new {
                Some(new) if new == value => {}
                Some(new) => changes.push((value, new)),
                None => self.unknown_symbol(value, from, to)?,
            }
        }
        match from.underlying() == to.underlying() && changes.is_empty() {
            true => Ok(Plan::Same),
            false => {
                let map = EnumMap { from: from.underlying(), to: to.underlying(), changes };
                Ok(Plan::Run(vec![Op::Enum(Box::new(map))]))
            }
        }
    }

    /// Whether a number whose symbol the reader does not know can stay as it is.
    fn unknown_symbol(&mut self, value: i128, from: &Enum, to: &Enum) -> Result<(), Refused> {
        let symbol = from.name_of(value).unwrap_or_default();
        match to.name_of(value) {
            Some(other) => self.refuse(|| {
                format!("symbol {symbol:?} is unknown to the reader, whose symbol for its number {value} is {other:?}")
            }),
            None if !to.underlying().holds(value) => self.refuse(|| {
                let ty = to.underlying().name();
                format!("symbol {symbol:?} is unknown to the reader, and its number {value} does not fit into {ty}")
            }),
            None => Ok(()),
        }
    }
}

/// Whether all numbers of the type lie among those of this width, which the float in question holds exactly.
fn is_exact(from: IntegerType, width: Width) -> bool {
    from.fixed_len().is_some_and(|len| len <= width.bytes())
}

/// The length, if it is fixed, and the item type of an array.
fn array(ty: &Type) -> Option<(Option<u64>, &Type)> {
    match ty {
        Type::Array(item) => Some((None, item)),
        Type::FixedArray(array) => Some((Some(array.len()), array.item())),
        _ => None,
    }
}

fn count(len: u64) -> Op {
    let mut bytes = Vec::new();
    crate::value::put_varuint(len, &mut bytes);
    Op::Literal(bytes)
}

fn union_index(index: usize) -> Op {
    count(index as u64)
}

/// A type as messages name it.
fn describe(ty: &Type) -> String {
    match ty {
        Type::FixedArray(array) => format!("fixedarray of {}", array.len()),
        Type::Union(members) => {
            let names: Vec<_> = members.iter().take(8).map(Type::name).collect();
            let more = if members.len() > names.len() { ", …" } else { "" };
            format!("union of {}{more}", names.join(", "))
        }
        other => other.name().to_owned(),
    }
}
