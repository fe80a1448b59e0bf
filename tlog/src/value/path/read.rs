//! Reading at a compiled path.
//!
//! A path is compiled into steps over the payload. Everything that the schema fixes in size is folded
//! into single advances, so that a path without anything variable before it is one addition and one
//! check; nothing is allocated. Types are needed only to get past values of variable size: those steps
//! find theirs in the schema, which the path shares, by going down it.

use super::Path;
use crate::schema::{Field, Schema, Type};
use crate::time::Micros;
use crate::value::cursor::{read_int, read_uint};
use crate::value::{Cursor, ValueError, read_integer, skip};

/// A value without parts, or the bytes of one with parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// A null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A fixedint or varint.
    Int(i64),
    /// A fixeduint or varuint.
    Uint(u64),
    /// A float32.
    Float32(f32),
    /// A float64.
    Float64(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A string, not checked to be UTF-8.
    String(&'a [u8]),
    /// An enum.
    Enum {
        /// The number.
        value: i128,
        /// The symbol, if the number has one.
        name: Option<&'a str>,
    },
    /// A timestamp.
    Timestamp(Micros),
    /// A duration in microseconds.
    Duration(i64),
    /// The encoding of an object, array, map or union, whose type is [`FieldPath::ty`].
    Composite(&'a [u8]),
}

impl Scalar<'_> {
    /// The number that this is, rounded to the nearest float64.
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(value as f64),
            Self::Uint(value) => Some(value as f64),
            Self::Float32(value) => Some(f64::from(value)),
            Self::Float64(value) => Some(value),
            Self::Enum { value, .. } => Some(value as f64),
            _ => None,
        }
    }
}

/// A step by position from a type to a type inside it.
#[derive(Clone, Debug)]
pub(super) enum Move {
    Field(usize, Gap),
    Item(u64),
    Key(Box<[u8]>),
    Member(usize),
}

/// What lies between the start of an object and one of its fields.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gap {
    /// Bytes before the first field that varies in size, or before the field itself.
    before: usize,
    /// The fields from the first that varies in size to the last, exclusive: none when these are equal.
    from: usize,
    to: usize,
    /// Bytes after the last field that varies in size.
    after: usize,
}

impl Gap {
    /// The gap before the field that follows `fields`.
    pub(super) fn over(fields: &[Field]) -> Self {
        fields.iter().enumerate().fold(Self::default(), |gap, (index, field)| gap.and(index, field.ty()))
    }

    /// The gap before the field that follows field `index`, from the gap before that. Sums that overflow are past
    /// the end of any payload.
    pub(super) fn and(self, index: usize, ty: &Type) -> Self {
        match ty.fixed_len() {
            Some(len) if self.to == 0 => Self { before: self.before.saturating_add(len), ..self },
            Some(len) => Self { after: self.after.saturating_add(len), ..self },
            None if self.to == 0 => Self { from: index, to: index + 1, ..self },
            None => Self { to: index + 1, after: 0, ..self },
        }
    }
}

/// A step over the payload. "The type" is that of the value at hand; it changes only by [`Step::Down`].
#[derive(Clone, Debug)]
enum Step {
    /// Over so many bytes.
    Advance(usize),
    /// The type is now this child of the type.
    Down(usize),
    /// Over these fields of the type, an object.
    SkipFields(usize, usize),
    /// Over so many items of the type, a fixed array.
    SkipItems(u64),
    /// To the item with this index of the type, an array, if it has so many.
    Item(u64),
    /// To the value of this key of the type, a map, if it is there.
    Key(Box<[u8]>),
    /// To the value of this member of the type, a union, if it is the one there.
    Member(usize),
}

/// A path that has been found in a schema. Made by [`Path::compile`] and [`leaf_paths`](super::leaf_paths).
#[derive(Clone, Debug)]
pub struct FieldPath {
    path: Path,
    schema: Schema,
    /// From the root of the schema to the type of the value.
    route: Box<[usize]>,
    /// That type, if it is one without parts, to have it at hand.
    plain: Option<Type>,
    /// How many bytes come before the first step.
    start: usize,
    steps: Box<[Step]>,
}

impl FieldPath {
    pub(super) fn new(schema: Schema, path: Path, moves: &[Move]) -> Self {
        let mut compiler = Compiler { steps: Vec::new(), offset: 0, downs: Vec::new(), route: Vec::new() };
        let ty = moves.iter().fold(schema.root(), |ty, step| compiler.follow(ty, step));
        let plain = is_plain(ty).then(|| ty.clone());
        let route = std::mem::take(&mut compiler.route).into();
        let mut steps = compiler.finish();
        let start = match steps.first() {
            Some(Step::Advance(start)) => *start,
            _ => 0,
        };
        steps.drain(..usize::from(start > 0));
        Self { path, schema, route, plain, start, steps: steps.into() }
    }

    /// The path. The segments are names even where it was made by [`leaf_paths`](super::leaf_paths).
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// The type of the values there; that inside, if it is optional.
    pub fn ty(&self) -> &Type {
        let find = || self.route.iter().fold(self.schema.root(), |ty, index| child(ty, *index));
        self.plain.as_ref().unwrap_or_else(find)
    }

    /// The way to that type from the schema's root, by position: of a field in its object, of a member in its union, and
    /// 0 for the items of an array and the values of a map. Into an optional value it is a step too.
    pub fn route(&self) -> &[usize] {
        &self.route
    }

    /// Where in every payload the value is, if the schema fixes that.
    pub fn fixed_offset(&self) -> Option<usize> {
        self.steps.is_empty().then_some(self.start)
    }

    /// The value in this payload; `None` when an index is beyond the array, a key is not in the map, an optional
    /// value is null or a union holds another member. Of equal keys in a map the last one counts.
    ///
    /// # Errors
    /// [`ValueError`] for a payload that the schema does not describe, as far as it has to be looked at.
    pub fn read<'a>(&'a self, payload: &'a [u8]) -> Result<Option<Scalar<'a>>, ValueError> {
        match self.find(payload)? {
            Some(mut cursor) => scalar(self.ty(), &mut cursor).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of the value in the data encoding of [`ty`](Self::ty); `None` as in [`read`](Self::read).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn bytes<'a>(&self, payload: &'a [u8]) -> Result<Option<&'a [u8]>, ValueError> {
        match self.find(payload)? {
            Some(mut cursor) => encoded(self.ty(), &mut cursor).map(Some),
            None => Ok(None),
        }
    }

    fn find<'a>(&self, payload: &'a [u8]) -> Result<Option<Cursor<'a>>, ValueError> {
        let mut cursor = Cursor::new(payload);
        cursor.bytes(self.start as u64)?;
        let mut ty = self.schema.root();
        for step in &self.steps {
            let found = match step {
                Step::Advance(len) => cursor.bytes(*len as u64).map(|_| true),
                Step::Down(index) => {
                    ty = child(ty, *index);
                    Ok(true)
                }
                Step::SkipFields(from, to) => skip_fields(ty, *from, *to, &mut cursor),
                Step::SkipItems(count) => skip_items(child(ty, 0), *count, &mut cursor),
                Step::Item(index) => find_item(child(ty, 0), *index, &mut cursor),
                Step::Key(key) => find_key(child(ty, 0), key, &mut cursor),
                Step::Member(index) => find_member(ty, *index, &mut cursor),
            };
            if !found? {
                return Ok(None);
            }
        }
        Ok(Some(cursor))
    }
}

/// The type at this position inside `ty`. Compiled steps name only positions that exist.
fn child(ty: &Type, index: usize) -> &Type {
    match ty {
        Type::Object(object) => object.fields().get(index).map_or(ty, |field| field.ty()),
        Type::Array(item) | Type::Map(item) => item,
        Type::FixedArray(array) => array.item(),
        Type::Union(members) => members.get(index).unwrap_or(ty),
        _ => ty,
    }
}

const fn is_plain(ty: &Type) -> bool {
    !matches!(
        ty,
        Type::Object(_) | Type::Enum(_) | Type::Array(_) | Type::FixedArray(_) | Type::Map(_) | Type::Union(_)
    )
}

fn skip_fields(ty: &Type, from: usize, to: usize, cursor: &mut Cursor<'_>) -> Result<bool, ValueError> {
    for index in from..to {
        skip(child(ty, index), cursor)?;
    }
    Ok(true)
}

fn skip_items(item: &Type, count: u64, cursor: &mut Cursor<'_>) -> Result<bool, ValueError> {
    match item.fixed_len() {
        // Items without bytes go the long way, where they are counted.
        Some(len) if len > 0 => cursor.bytes(count.saturating_mul(len as u64)).map(|_| true),
        _ => (0..count).try_for_each(|_| skip(item, cursor)).map(|()| true),
    }
}

fn find_item(item: &Type, index: u64, cursor: &mut Cursor<'_>) -> Result<bool, ValueError> {
    let there = index < cursor.varuint()?;
    if there {
        skip_items(item, index, cursor)?;
    }
    Ok(there)
}

fn find_key(value: &Type, wanted: &[u8], cursor: &mut Cursor<'_>) -> Result<bool, ValueError> {
    let mut found = None;
    for _ in 0..cursor.varuint()? {
        if cursor.sized_bytes()? == wanted {
            found = Some(*cursor);
        }
        skip(value, cursor)?;
    }
    *cursor = found.unwrap_or(*cursor);
    Ok(found.is_some())
}

fn find_member(ty: &Type, wanted: usize, cursor: &mut Cursor<'_>) -> Result<bool, ValueError> {
    let members = match ty {
        Type::Union(members) => members.len(),
        _ => 0,
    };
    let before = *cursor;
    let index = cursor.varuint()?;
    if index >= members as u64 {
        return Err(before.union_index(index, members));
    }
    Ok(index == wanted as u64)
}

fn encoded<'a>(ty: &Type, cursor: &mut Cursor<'a>) -> Result<&'a [u8], ValueError> {
    let from = cursor.rest();
    skip(ty, cursor)?;
    Ok(&from[..from.len() - cursor.rest().len()])
}

fn scalar<'a>(ty: &'a Type, cursor: &mut Cursor<'a>) -> Result<Scalar<'a>, ValueError> {
    Ok(match ty {
        Type::Null => Scalar::Null,
        Type::Boolean => Scalar::Boolean(cursor.byte()? != 0),
        Type::FixedInt(width) => Scalar::Int(read_int(*width, cursor)?),
        Type::FixedUint(width) => Scalar::Uint(read_uint(*width, cursor)?),
        Type::Varint => Scalar::Int(cursor.varint()?),
        Type::Varuint => Scalar::Uint(cursor.varuint()?),
        Type::Float32 => Scalar::Float32(f32::from_le_bytes(cursor.array()?)),
        Type::Float64 => Scalar::Float64(f64::from_le_bytes(cursor.array()?)),
        Type::Bytes => Scalar::Bytes(cursor.sized_bytes()?),
        Type::String => Scalar::String(cursor.sized_bytes()?),
        Type::Enum(enumeration) => {
            let value = read_integer(enumeration.underlying(), cursor)?;
            Scalar::Enum { value, name: enumeration.name_of(value) }
        }
        Type::Timestamp => Scalar::Timestamp(Micros(i64::from_le_bytes(cursor.array()?))),
        Type::Duration => Scalar::Duration(i64::from_le_bytes(cursor.array()?)),
        Type::Object(_) | Type::Array(_) | Type::FixedArray(_) | Type::Map(_) | Type::Union(_) => {
            Scalar::Composite(encoded(ty, cursor)?)
        }
    })
}

/// Turns moves into steps.
struct Compiler {
    steps: Vec<Step>,
    /// Bytes to advance that no step says yet.
    offset: usize,
    /// Moves down the types that no step says yet: only steps that need a type need them.
    downs: Vec<usize>,
    route: Vec<usize>,
}

impl Compiler {
    fn follow<'s>(&mut self, ty: &'s Type, step: &Move) -> &'s Type {
        let down = match step {
            Move::Field(index, gap) => {
                self.gap(*gap);
                *index
            }
            Move::Item(index) => {
                self.item(ty, *index);
                0
            }
            Move::Key(key) => {
                self.push(Step::Key(key.clone()));
                0
            }
            Move::Member(index) => {
                self.push(Step::Member(*index));
                *index
            }
        };
        self.downs.push(down);
        self.route.push(down);
        child(ty, down)
    }

    fn gap(&mut self, gap: Gap) {
        self.advance(gap.before);
        if gap.from < gap.to {
            self.push(Step::SkipFields(gap.from, gap.to));
        }
        self.advance(gap.after);
    }

    fn item(&mut self, array: &Type, index: u64) {
        match (array, child(array, 0).fixed_len()) {
            (Type::FixedArray(_), Some(len)) => {
                self.advance(len.saturating_mul(usize::try_from(index).unwrap_or(usize::MAX)));
            }
            (Type::FixedArray(_), None) => self.push(Step::SkipItems(index)),
            _ => self.push(Step::Item(index)),
        }
    }

    fn advance(&mut self, len: usize) {
        self.offset = self.offset.saturating_add(len);
    }

    /// Adds a step that needs the type at hand.
    fn push(&mut self, step: Step) {
        self.say_offset();
        self.steps.extend(self.downs.drain(..).map(Step::Down));
        self.steps.push(step);
    }

    fn say_offset(&mut self) {
        let offset = std::mem::take(&mut self.offset);
        self.steps.extend((offset > 0).then_some(Step::Advance(offset)));
    }

    fn finish(mut self) -> Vec<Step> {
        self.say_offset();
        self.steps
    }
}
