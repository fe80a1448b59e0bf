//! The columns of a flat table that a record makes.

use super::compile::unwrap_optional;
use super::read::{Gap, Move};
use super::{FieldPath, Path, Segment};
use crate::Error;
use crate::schema::{Object, Schema, Type};
use crate::value::shared_names::SharedNames;

/// A number of columns that [`leaf_paths`] may be limited to when nothing speaks for another.
pub const MAX_COLUMNS: usize = 65_536;

/// All values without parts that a record has, in the order of their bytes: the columns of a table, named
/// `a.b[2]` by their [`path`](FieldPath::path).
///
/// Objects, fixed arrays and optional values are taken apart, unless there is nothing in them. Arrays, maps
/// and other unions, whose parts differ from record to record, are one leaf each.
///
/// # Errors
/// [`Error::Limit`], when there are more than `limit`.
pub fn leaf_paths(schema: &Schema, limit: usize) -> Result<Vec<FieldPath>, Error> {
    let count = count(schema.root());
    if count > limit as u64 {
        return Err(Error::Limit { what: "the number of columns", size: count, limit: limit as u64 });
    }
    let mut collector = Collector {
        schema,
        names: SharedNames::default(),
        path: Path::default(),
        moves: Vec::new(),
        found: Vec::new(),
    };
    collector.collect(schema.root());
    Ok(collector.found)
}

/// How many leaves a type has.
fn count(ty: &Type) -> u64 {
    match ty.as_optional().unwrap_or(ty) {
        Type::Object(object) => {
            object.fields().iter().fold(0u64, |sum, field| sum.saturating_add(count(field.ty()))).max(1)
        }
        Type::FixedArray(array) => array.len().saturating_mul(count(array.item())).max(1),
        _ => 1,
    }
}

struct Collector<'s> {
    schema: &'s Schema,
    names: SharedNames,
    path: Path,
    moves: Vec<Move>,
    found: Vec<FieldPath>,
}

impl Collector<'_> {
    fn collect(&mut self, ty: &Type) {
        let outside = self.moves.len();
        match unwrap_optional(ty, &mut self.moves) {
            Type::Object(object) if !object.fields().is_empty() => self.fields(object),
            Type::FixedArray(array) if array.len() > 0 => {
                (0..array.len()).for_each(|at| self.inside(Segment::Index(at), Move::Item(at), array.item()));
            }
            _ => self.found.push(FieldPath::new(self.schema.clone(), self.path.clone(), &self.moves)),
        }
        self.moves.truncate(outside);
    }

    fn fields(&mut self, object: &Object) {
        let mut gap = Gap::default();
        for (index, field) in object.fields().iter().enumerate() {
            let name = self.names.get(field.name());
            self.inside(Segment::Name(name), Move::Field(index, gap), field.ty());
            gap = gap.and(index, field.ty());
        }
    }

    fn inside(&mut self, segment: Segment, step: Move, ty: &Type) {
        self.path.segments.push(segment);
        self.moves.push(step);
        self.collect(ty);
        self.moves.pop();
        self.path.segments.pop();
    }
}
