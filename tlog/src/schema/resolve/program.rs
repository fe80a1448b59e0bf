//! What is left to do at the records.

use super::TranscodeError;
use crate::schema::{IntegerType, Type};
use crate::value::{Cursor, put_integer, put_varuint, read_integer, skip};

/// Operations in the order of their execution.
pub(super) type Program = Vec<Op>;

#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Writes these bytes.
    Literal(Vec<u8>),
    /// Copies so many bytes.
    Copy(usize),
    /// Copies a value of this type, which varies in size.
    CopyValue(Type),
    /// Drops so many bytes.
    Drop(usize),
    /// Drops a value of this type, which varies in size.
    DropValue(Type),
    /// An integer in another encoding.
    Integer(IntegerType, IntegerType),
    /// An integer as a float32.
    IntegerToFloat32(IntegerType),
    /// An integer as a float64.
    IntegerToFloat64(IntegerType),
    /// A float32 as a float64.
    Widen,
    /// An enum.
    Enum(Box<EnumMap>),
    /// As many items as follow, and their number.
    Array(Program),
    /// So many items.
    Items(u64, Program),
    /// Pairs of a key and a value.
    Map(Program),
    /// The program of the union's member. It writes the reader's index itself.
    Union(Vec<Program>),
    /// Notes the position.
    Mark,
    /// Back to the mark with so many marks after it.
    Goto(usize),
    /// Forgets so many marks.
    Unmark(usize),
}

/// How the numbers of an enum change.
#[derive(Clone, Debug)]
pub(super) struct EnumMap {
    pub from: IntegerType,
    pub to: IntegerType,
    /// Numbers that change and what they become, ascending. All others stay.
    pub changes: Vec<(i128, i128)>,
}

/// Appends an operation, as part of the one before it where that is possible.
pub(super) fn push(program: &mut Program, op: Op) {
    match (program.last_mut(), op) {
        (_, Op::Copy(0) | Op::Drop(0)) => {}
        (Some(Op::Copy(len)), Op::Copy(more)) | (Some(Op::Drop(len)), Op::Drop(more)) => {
            *len = len.saturating_add(more); // past the end of any payload
        }
        (Some(Op::Literal(bytes)), Op::Literal(more)) => bytes.extend(more),
        (_, op) => program.push(op),
    }
}

pub(super) fn run(program: &Program, payload: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), TranscodeError> {
    Machine { cursor: Cursor::new(payload), out, limit, marks: Vec::new() }.run(program)
}

struct Machine<'a, 'o> {
    cursor: Cursor<'a>,
    out: &'o mut Vec<u8>,
    limit: usize,
    marks: Vec<Cursor<'a>>,
}

type Done = Result<(), TranscodeError>;

impl<'a> Machine<'a, '_> {
    fn run(&mut self, program: &Program) -> Done {
        program.iter().try_for_each(|op| self.step(op))
    }

    fn step(&mut self, op: &Op) -> Done {
        match op {
            Op::Literal(bytes) => self.write(bytes)?,
            Op::Copy(len) => self.copy(*len as u64)?,
            Op::CopyValue(ty) => self.copy_value(ty)?,
            Op::Drop(len) => drop(self.cursor.bytes(*len as u64)?),
            Op::DropValue(ty) => skip(ty, &mut self.cursor)?,
            Op::Integer(from, to) => put_integer(*to, read_integer(*from, &mut self.cursor)?, self.out),
            Op::IntegerToFloat32(from) => {
                let value = read_integer(*from, &mut self.cursor)?;
                self.out.extend((value as f32).to_le_bytes());
            }
            Op::IntegerToFloat64(from) => {
                let value = read_integer(*from, &mut self.cursor)?;
                self.out.extend((value as f64).to_le_bytes());
            }
            Op::Widen => {
                let value = f32::from_le_bytes(self.cursor.array()?);
                self.out.extend(f64::from(value).to_le_bytes());
            }
            Op::Enum(map) => self.enumeration(map)?,
            Op::Array(item) => {
                let count = self.cursor.varuint()?;
                put_varuint(count, self.out);
                self.items(count, item)?;
            }
            Op::Items(count, item) => self.items(*count, item)?,
            Op::Map(value) => self.map(value)?,
            Op::Union(members) => self.union(members)?,
            Op::Mark => self.marks.push(self.cursor),
            Op::Goto(after) => self.goto(*after),
            Op::Unmark(count) => self.marks.truncate(self.marks.len().saturating_sub(*count)),
        }
        Ok(())
    }

    /// What is written here can be more than was read; everything else stays within a small factor of it.
    fn write(&mut self, bytes: &[u8]) -> Done {
        self.check_room(bytes.len())?;
        self.out.extend(bytes);
        Ok(())
    }

    fn check_room(&self, more: usize) -> Done {
        match self.out.len().saturating_add(more) > self.limit {
            true => Err(TranscodeError::TooLarge { limit: self.limit }),
            false => Ok(()),
        }
    }

    fn copy(&mut self, len: u64) -> Done {
        let bytes = self.cursor.bytes(len)?;
        self.write(bytes)
    }

    fn copy_value(&mut self, ty: &Type) -> Done {
        let from = self.cursor.rest();
        skip(ty, &mut self.cursor)?;
        self.write(&from[..from.len() - self.cursor.rest().len()])
    }

    fn enumeration(&mut self, map: &EnumMap) -> Done {
        let offset = self.cursor.position();
        let value = read_integer(map.from, &mut self.cursor)?;
        let new = match map.changes.binary_search_by_key(&value, |(from, _)| *from) {
            Ok(found) => map.changes[found].1,
            Err(_) if map.to.holds(value) => value,
            Err(_) => return Err(TranscodeError::EnumValue { offset, value }),
        };
        put_integer(map.to, new, self.out);
        Ok(())
    }

    /// The count is only a claim: each item takes bytes, or counts as one that takes none.
    fn items(&mut self, count: u64, item: &Program) -> Done {
        for _ in 0..count {
            let before = self.cursor.position();
            self.run(item)?;
            if self.cursor.position() == before {
                self.cursor.zero_width()?;
            }
            self.check_room(0)?;
        }
        Ok(())
    }

    fn map(&mut self, value: &Program) -> Done {
        let count = self.cursor.varuint()?;
        put_varuint(count, self.out);
        for _ in 0..count {
            let key = self.cursor.sized_bytes()?;
            put_varuint(key.len() as u64, self.out);
            self.write(key)?;
            self.run(value)?;
        }
        Ok(())
    }

    fn union(&mut self, members: &[Program]) -> Done {
        let before = self.cursor;
        let index = self.cursor.varuint()?;
        let member = usize::try_from(index).ok().and_then(|index| members.get(index));
        let member = member.ok_or_else(|| before.union_index(index, members.len()))?;
        self.run(member)
    }

    fn goto(&mut self, after: usize) {
        let mark = self.marks.len().checked_sub(after + 1).and_then(|at| self.marks.get(at));
        self.cursor = mark.copied().unwrap_or(self.cursor);
    }
}
