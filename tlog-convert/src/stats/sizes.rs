//! What takes the space in a log, from its index; and how payloads divide up into fields, from their types.

use tlog::read::{Data, RecordType};
use tlog::schema::{Field, Type};
use tlog::value::{Cursor, Path, Segment, ValueError, skip};
use tlog::wire::{BlockHeader, BlockType, FILE_HEADER, IndexBlock};
use tlog_index::index::LogIndex;

/// Types are looked into so deep; what is deeper counts for what it is in.
const MAX_DEPTH: usize = 16;

/// A record is divided into so many fields; further ones count for what they are in.
const MAX_FIELDS: usize = 1 << 12;

/// How many blocks of a kind there are, and how many bytes they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// In bytes.
    pub bytes: u64,
}

/// What is in a log beside the data of its records, in bytes of the file. All of it and the data blocks make the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Headers of the file, and of others that were joined to it.
    pub headers: Share,
    /// Schema blocks.
    pub schemas: Share,
    /// Seek markers, and filler that firmware leaves in preallocated files.
    pub markers: Share,
    /// The index at the end.
    pub index: Share,
    /// What was skipped.
    pub damaged: Share,
}

impl Overhead {
    /// That of a log, all of whose bytes these are.
    pub fn of(bytes: &[u8], index: &LogIndex) -> Self {
        let header = FILE_HEADER.len() as u64;
        let further = index.further_logs.len() as u64;
        let mut overhead = Self {
            headers: Share { count: 1 + further, bytes: (1 + further) * header },
            schemas: Share { count: index.declarations.len() as u64, bytes: 0 },
            markers: Share { count: index.markers, bytes: 0 },
            index: index_of(bytes, index),
            // The header of another log is told of as skipped.
            damaged: Share {
                count: index.damage.stretches.saturating_sub(further),
                bytes: index.damage.bytes.saturating_sub(further * header),
            },
        };
        let len = |offset: u64| {
            let block = bytes.get(usize::try_from(offset).ok()?..)?;
            BlockHeader::parse(block).ok()?.block_len().filter(|&len| len <= block.len() as u64)
        };
        overhead.schemas.bytes = index.declarations.iter().filter_map(|declared| len(declared.offset)).sum();
        let data: u64 = index.records.iter().map(|record| record.bytes).sum();
        let known = overhead.parts().iter().fold(data, |sum, part| sum.saturating_add(part.bytes));
        overhead.markers.bytes = (bytes.len() as u64).saturating_sub(known);
        overhead
    }

    /// All of it.
    pub const fn parts(&self) -> [Share; 5] {
        [self.headers, self.schemas, self.markers, self.index, self.damaged]
    }

    /// Adds that of another log.
    pub fn add(&mut self, other: &Self) {
        let all = [&mut self.headers, &mut self.schemas, &mut self.markers, &mut self.index, &mut self.damaged];
        for (part, other) in all.into_iter().zip(other.parts()) {
            part.count += other.count;
            part.bytes += other.bytes;
        }
    }
}

/// The index block at the end.
fn index_of(bytes: &[u8], index: &LogIndex) -> Share {
    let len = IndexBlock::trailer(bytes).filter(|_| index.ends_with_index).map_or(0, u64::from);
    let at = (bytes.len() as u64).checked_sub(len).and_then(|at| usize::try_from(at).ok());
    let block = at.and_then(|at| bytes.get(at..)).and_then(|block| BlockHeader::parse(block).ok());
    match block.is_some_and(|block| block.block_type == BlockType::Index) {
        true => Share { count: 1, bytes: len },
        false => Share::default(),
    }
}

/// How the payloads of a record divide up into fields.
///
/// Objects are divided into their fields, arrays of anything but scalars into those of their items (`a[].b`); the lengths
/// of arrays count for the arrays themselves. Whatever else there is, is one field.
#[derive(Clone, Debug)]
pub struct FieldSizes {
    record: RecordType,
    root: Node,
    /// Bytes of each field, in the order of the schema.
    bytes: Vec<u64>,
    names: Vec<String>,
}

/// A type as it is divided.
#[derive(Clone, Debug)]
struct Node {
    field: usize,
    inside: Inside,
}

#[derive(Clone, Debug)]
enum Inside {
    Nothing,
    Fields(Vec<Node>),
    Items(Box<Node>),
}

impl FieldSizes {
    /// Of a record, none yet.
    pub fn new(record: &RecordType) -> Self {
        let mut names = Vec::new();
        let root = Node::of(record.schema.root(), String::new(), 0, &mut names);
        Self { record: record.clone(), root, bytes: vec![0; names.len()], names }
    }

    /// Whether all payloads divide up alike: then [`add_fixed`](Self::add_fixed) needs only their number.
    pub fn is_fixed(&self) -> bool {
        self.record.schema.root().fixed_len().is_some()
    }

    /// Adds so many payloads that all divide up alike.
    pub fn add_fixed(&mut self, count: u64) {
        self.root.add_fixed(self.record.schema.root(), count, &mut self.bytes);
    }

    /// Adds a payload.
    ///
    /// # Errors
    /// When it does not decode. What was divided of it until then is added all the same.
    pub fn add(&mut self, data: &Data<'_>) -> Result<(), ValueError> {
        self.root.add(self.record.schema.root(), &mut Cursor::new(data.payload), &mut self.bytes)
    }

    /// The fields that take bytes and how many, in the order of the schema.
    pub fn fields(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(String::as_str).zip(self.bytes.iter().copied()).filter(|(_, bytes)| *bytes > 0)
    }
}

impl Node {
    fn of(ty: &Type, name: String, depth: usize, names: &mut Vec<String>) -> Self {
        let field = names.len();
        let has_room = |more: usize| depth < MAX_DEPTH && names.len().saturating_add(more) <= MAX_FIELDS;
        match ty {
            Type::Object(object) if !object.fields().is_empty() && has_room(object.fields().len()) => {
                names.push(named(&name));
                let of = |field: &Field| Self::of(field.ty(), joined(&name, field.name()), depth + 1, names);
                Self { field, inside: Inside::Fields(object.fields().iter().map(of).collect()) }
            }
            Type::Array(item) if is_divided(item) && has_room(1) => Self::of_items(item, name, depth, names),
            Type::FixedArray(array) if is_divided(array.item()) && has_room(1) => {
                Self::of_items(array.item(), name, depth, names)
            }
            _ => {
                names.push(named(&name));
                Self { field, inside: Inside::Nothing }
            }
        }
    }

    fn of_items(item: &Type, name: String, depth: usize, names: &mut Vec<String>) -> Self {
        let field = names.len();
        names.push(named(&name));
        let item = Self::of(item, format!("{name}[]"), depth + 1, names);
        Self { field, inside: Inside::Items(Box::new(item)) }
    }

    fn put(&self, more: u64, bytes: &mut [u64]) {
        if let Some(bytes) = bytes.get_mut(self.field) {
            *bytes = bytes.saturating_add(more);
        }
    }

    fn add_fixed(&self, ty: &Type, count: u64, bytes: &mut [u64]) {
        match (&self.inside, ty) {
            (Inside::Fields(nodes), Type::Object(object)) => {
                let fields = nodes.iter().zip(object.fields());
                fields.for_each(|(node, field)| node.add_fixed(field.ty(), count, bytes));
            }
            (Inside::Items(node), Type::FixedArray(array)) => {
                node.add_fixed(array.item(), count.saturating_mul(array.len()), bytes);
            }
            _ => self.put(count.saturating_mul(ty.fixed_len().unwrap_or(0) as u64), bytes),
        }
    }

    fn add(&self, ty: &Type, cursor: &mut Cursor<'_>, bytes: &mut [u64]) -> Result<(), ValueError> {
        let from = cursor.position();
        match (&self.inside, ty) {
            (Inside::Fields(nodes), Type::Object(object)) => {
                let mut fields = nodes.iter().zip(object.fields());
                fields.try_for_each(|(node, field)| node.add(field.ty(), cursor, bytes))
            }
            (Inside::Items(node), Type::FixedArray(array)) => node.add_items(array.item(), array.len(), cursor, bytes),
            (Inside::Items(node), Type::Array(item)) => {
                let len = cursor.varuint()?;
                self.put((cursor.position() - from) as u64, bytes);
                node.add_items(item, len, cursor, bytes)
            }
            _ => {
                skip(ty, cursor)?;
                self.put((cursor.position() - from) as u64, bytes);
                Ok(())
            }
        }
    }

    fn add_items(&self, item: &Type, len: u64, cursor: &mut Cursor<'_>, bytes: &mut [u64]) -> Result<(), ValueError> {
        let Some(width) = item.fixed_len() else {
            return (0..len).try_for_each(|_| self.add(item, cursor, bytes));
        };
        // Items without bytes are passed over at once, and those that are not there are found so.
        cursor.bytes(len.saturating_mul(width as u64))?;
        self.add_fixed(item, len, bytes);
        Ok(())
    }
}

/// Whether items of this type are divided.
fn is_divided(item: &Type) -> bool {
    matches!(item, Type::Object(_) | Type::Array(_) | Type::FixedArray(_))
}

/// A record that is no object has no names.
fn named(name: &str) -> String {
    if name.is_empty() { "value".to_owned() } else { name.to_owned() }
}

fn joined(name: &str, field: &str) -> String {
    let written: Path = [Segment::Name(field.into())].into_iter().collect();
    let written = written.to_string();
    if name.is_empty() || written.starts_with('[') { format!("{name}{written}") } else { format!("{name}.{written}") }
}
