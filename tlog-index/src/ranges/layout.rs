//! Which fields of a record have ranges, and how to come to them in a payload.
//!
//! Every number has a field of its own, wherever it is: each item of a fixed array too, as long as the whole has
//! at most [`MAX_FIELDS`] parts. Above that the longest arrays are taken together, as variable arrays
//! always are.

use tlog::schema::{FixedArray, IntegerType, Schema, Type, Width};

use super::stat::Kind;

/// A record has at most so many ranges; fields behind that have none.
pub(super) const MAX_FIELDS: usize = 4096;

/// Fixed arrays with more parts than this have one range for all items: the first number here with which the whole
/// record has no more than [`MAX_FIELDS`] parts, or the last.
const MAX_ARRAYS: [u64; 4] = [MAX_FIELDS as u64, 256, 16, 0];

/// The way through the payloads of a record.
#[derive(Debug)]
pub(super) struct Layout {
    pub schema: Schema,
    pub root: Node,
    /// How many fields have ranges.
    pub fields: usize,
    /// The one of [`MAX_ARRAYS`] that holds.
    max_array: u64,
}

/// A part of a payload. Numbers are counted in the order of their bytes.
#[derive(Debug)]
pub(super) enum Node {
    /// Bytes of which the schema says where each number is.
    Fixed(Fixed),
    /// A varint or varuint, and which field that is.
    Integer { zigzag: bool, field: usize },
    /// Something without numbers.
    Skip(Type),
    /// One behind the other.
    Parts(Vec<Node>),
    /// Items that share their ranges: so many, or as many as the payload says.
    Items { len: Option<u64>, item: Box<Node> },
    /// Values of a map, which share their ranges.
    Values(Box<Node>),
    /// One of these.
    Union(Vec<Node>),
}

/// A run of bytes with numbers at fixed places.
#[derive(Debug, Default)]
pub(super) struct Fixed {
    /// How many bytes.
    pub len: usize,
    /// The field of the first number; the others follow.
    pub first: usize,
    /// Where each number is, and what it is like. All are inside `len`.
    pub numbers: Vec<(usize, Kind)>,
}

impl Layout {
    pub fn new(schema: &Schema) -> Self {
        let fits = |max_array: &u64| parts(schema.root(), *max_array) <= MAX_FIELDS as u64;
        let max_array = MAX_ARRAYS.into_iter().find(fits).unwrap_or(0);
        let mut builder = Builder { max_array, fields: 0 };
        let root = builder.node(schema.root());
        Self { schema: schema.clone(), root, fields: builder.fields, max_array }
    }

    /// How many fields this part of the schema would have if their number were not limited.
    pub fn fields_of(&self, ty: &Type) -> u64 {
        match ty {
            Type::Object(object) => sum(object.fields().iter().map(|field| self.fields_of(field.ty()))),
            Type::FixedArray(array) if self.is_apart(array) => array.len().saturating_mul(self.fields_of(array.item())),
            Type::FixedArray(array) if array.len() == 0 => 0,
            Type::FixedArray(array) => self.fields_of(array.item()),
            Type::Array(item) | Type::Map(item) => self.fields_of(item),
            Type::Union(members) => sum(members.iter().map(|member| self.fields_of(member))),
            scalar => u64::from(is_number(scalar)),
        }
    }

    /// Whether each item of this array has ranges of its own.
    pub fn is_apart(&self, array: &FixedArray) -> bool {
        is_apart(array, self.max_array)
    }
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn is_apart(array: &FixedArray, max_array: u64) -> bool {
    array.len().saturating_mul(parts(array.item(), u64::MAX)) <= max_array
}

/// How many parts a type has when fixed arrays of up to `max_array` parts are taken apart.
fn parts(ty: &Type, max_array: u64) -> u64 {
    match ty {
        Type::Object(object) => sum(object.fields().iter().map(|field| parts(field.ty(), max_array))).max(1),
        Type::FixedArray(array) if max_array == u64::MAX || is_apart(array, max_array) => {
            array.len().saturating_mul(parts(array.item(), max_array)).max(1)
        }
        Type::FixedArray(array) => parts(array.item(), max_array).saturating_add(1),
        Type::Array(item) | Type::Map(item) => parts(item, max_array).saturating_add(1),
        Type::Union(members) => sum(members.iter().map(|member| parts(member, max_array))).saturating_add(1),
        _ => 1,
    }
}

/// Whether values of this type are numbers.
pub(super) const fn is_number(ty: &Type) -> bool {
    match ty {
        Type::Boolean | Type::FixedInt(_) | Type::FixedUint(_) | Type::Varint | Type::Varuint => true,
        Type::Float32 | Type::Float64 | Type::Enum(_) | Type::Timestamp | Type::Duration => true,
        Type::Null | Type::Bytes | Type::String => false,
        Type::Object(_) | Type::Array(_) | Type::FixedArray(_) | Type::Map(_) | Type::Union(_) => false,
    }
}

/// Whether there is a number in values of this type.
fn has_numbers(ty: &Type) -> bool {
    match ty {
        Type::Object(object) => object.fields().iter().any(|field| has_numbers(field.ty())),
        Type::FixedArray(array) => array.len() > 0 && has_numbers(array.item()),
        Type::Array(item) | Type::Map(item) => has_numbers(item),
        Type::Union(members) => members.iter().any(has_numbers),
        scalar => is_number(scalar),
    }
}

struct Builder {
    max_array: u64,
    /// How many fields there are so far.
    fields: usize,
}

impl Builder {
    fn node(&mut self, ty: &Type) -> Node {
        if self.fields >= MAX_FIELDS || !has_numbers(ty) {
            return Node::Skip(ty.clone());
        }
        match ty {
            Type::Object(object) => self.parts(object.fields().iter().map(|field| field.ty())),
            Type::FixedArray(array) if is_apart(array, self.max_array) => {
                self.parts((0..array.len()).map(|_| array.item()))
            }
            Type::FixedArray(array) => Node::Items { len: Some(array.len()), item: Box::new(self.node(array.item())) },
            Type::Array(item) => Node::Items { len: None, item: Box::new(self.node(item)) },
            Type::Map(value) => Node::Values(Box::new(self.node(value))),
            Type::Union(members) => Node::Union(members.iter().map(|member| self.node(member)).collect()),
            Type::Boolean => self.number(Kind::Boolean),
            Type::Float32 => self.number(Kind::Float32),
            Type::Float64 => self.number(Kind::Float64),
            Type::Timestamp | Type::Duration => self.number(Kind::Int64),
            Type::Enum(enumeration) => self.integer(enumeration.underlying()),
            other => match IntegerType::of(other) {
                Some(integer) => self.integer(integer),
                None => Node::Skip(other.clone()),
            },
        }
    }

    fn integer(&mut self, ty: IntegerType) -> Node {
        match ty {
            IntegerType::FixedInt(Width::W1) => self.number(Kind::Int8),
            IntegerType::FixedInt(Width::W2) => self.number(Kind::Int16),
            IntegerType::FixedInt(Width::W4) => self.number(Kind::Int32),
            IntegerType::FixedInt(Width::W8) => self.number(Kind::Int64),
            IntegerType::FixedUint(Width::W1) => self.number(Kind::Uint8),
            IntegerType::FixedUint(Width::W2) => self.number(Kind::Uint16),
            IntegerType::FixedUint(Width::W4) => self.number(Kind::Uint32),
            IntegerType::FixedUint(Width::W8) => self.number(Kind::Uint64),
            IntegerType::Varint => Node::Integer { zigzag: true, field: self.next() },
            IntegerType::Varuint => Node::Integer { zigzag: false, field: self.next() },
        }
    }

    fn number(&mut self, kind: Kind) -> Node {
        let len = match kind {
            Kind::Boolean | Kind::Int8 | Kind::Uint8 => 1,
            Kind::Int16 | Kind::Uint16 => 2,
            Kind::Int32 | Kind::Uint32 | Kind::Float32 => 4,
            Kind::Int64 | Kind::Uint64 | Kind::Float64 => 8,
        };
        Node::Fixed(Fixed { len, first: self.next(), numbers: vec![(0, kind)] })
    }

    const fn next(&mut self) -> usize {
        self.fields += 1;
        self.fields - 1
    }

    /// One behind the other; runs of fixed length become one.
    fn parts<'t>(&mut self, types: impl Iterator<Item = &'t Type>) -> Node {
        let mut nodes: Vec<Node> = Vec::new();
        for ty in types {
            match (nodes.last_mut(), self.node(ty)) {
                (Some(Node::Fixed(before)), Node::Fixed(next)) if before.len.checked_add(next.len).is_some() => {
                    before.join(next);
                }
                (_, Node::Parts(mut more)) => nodes.append(&mut more),
                (_, node) => nodes.push(node),
            }
        }
        match (nodes.pop(), nodes.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                nodes.extend(last);
                Node::Parts(nodes)
            }
        }
    }
}

impl Fixed {
    /// Joins the run behind this, whose fields follow and whose length can be added.
    fn join(&mut self, next: Self) {
        self.numbers.extend(next.numbers.into_iter().map(|(offset, kind)| (self.len + offset, kind)));
        self.len += next.len;
    }
}
