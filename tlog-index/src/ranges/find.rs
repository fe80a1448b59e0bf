//! From a path to the field that has a range.

use tlog::schema::Type;
use tlog::value::{Path, Segment};

use super::FieldRanges;
use super::layout::{Layout, is_number};

/// A field of a record, as its ranges number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub(super) number: usize,
    /// Whether the range is that of all items of an array or values of a map, of which the path names one.
    pub(super) is_one_of_many: bool,
}

impl FieldRanges {
    /// The field that this path leads to; `None` when there is none, it is not a number, or it has no ranges.
    pub fn field(&self, path: &Path) -> Option<Field> {
        let layout = self.layout.as_ref()?;
        let found = path.compile(&layout.schema).ok()?;
        let mut walk = Walk { layout, segments: path.segments().iter(), number: 0, is_one_of_many: false };
        let ty = found.route().iter().try_fold(layout.schema.root(), |ty, &child| walk.enter(ty, child))?;
        let number = usize::try_from(walk.number).ok()?;
        let is_known = is_number(ty) && number < layout.fields;
        is_known.then_some(Field { number, is_one_of_many: walk.is_one_of_many })
    }
}

/// On the way down a schema.
struct Walk<'a> {
    layout: &'a Layout,
    /// Those of the path that have not been followed.
    segments: std::slice::Iter<'a, Segment>,
    /// How many fields come before the place.
    number: u64,
    is_one_of_many: bool,
}

impl<'a> Walk<'a> {
    /// Goes on into a child of `ty`. Every step but that into an optional value takes a segment.
    fn enter(&mut self, ty: &'a Type, child: usize) -> Option<&'a Type> {
        let segment = match ty.as_optional() {
            Some(_) => None,
            None => Some(self.segments.next()?),
        };
        match ty {
            Type::Object(object) => {
                object.fields().get(..child)?.iter().for_each(|field| self.pass(1, field.ty()));
                Some(object.fields().get(child)?.ty())
            }
            Type::Union(members) => {
                members.get(..child)?.iter().for_each(|member| self.pass(1, member));
                members.get(child)
            }
            Type::FixedArray(array) if self.layout.is_apart(array) => match segment {
                Some(&Segment::Index(index)) => {
                    self.pass(index, array.item());
                    Some(array.item())
                }
                _ => None,
            },
            Type::FixedArray(array) => self.one_of(array.item()),
            Type::Array(item) | Type::Map(item) => self.one_of(item),
            _ => None,
        }
    }

    fn pass(&mut self, times: u64, ty: &Type) {
        self.number = self.number.saturating_add(times.saturating_mul(self.layout.fields_of(ty)));
    }

    const fn one_of(&mut self, item: &'a Type) -> Option<&'a Type> {
        self.is_one_of_many = true;
        Some(item)
    }
}
