//! From names to positions in a schema.

use super::read::{FieldPath, Gap, Move};
use super::{Path, PathError, Segment};
use crate::schema::{Object, Schema, Type};

/// How many names an error message lists.
const LISTED_NAMES: usize = 20;

impl Path {
    /// Finds the place in a schema.
    ///
    /// The value inside an [optional](Type::as_optional) union needs no segment of its own. A member of any
    /// other union is named by its type, as in data JSON (`u.float64`, `u["object#1"]`), or by its index (`u[1]`).
    ///
    /// # Errors
    /// [`PathError::Nothing`], which says where the path cannot go on and what could stand there.
    pub fn compile(&self, schema: &Schema) -> Result<FieldPath, PathError> {
        let mut moves = Vec::with_capacity(self.segments.len());
        let mut ty = unwrap_optional(schema.root(), &mut moves);
        for (depth, segment) in self.segments.iter().enumerate() {
            let (next, step) = enter(ty, segment).map_err(|problem| PathError::Nothing {
                at: Self { segments: self.segments[..depth].to_vec() }.or_whole("the record"),
                ty: ty.name(),
                problem,
            })?;
            moves.push(step);
            ty = unwrap_optional(next, &mut moves);
        }
        Ok(FieldPath::new(schema.clone(), self.clone(), &moves))
    }
}

/// Goes into an optional type.
pub(super) fn unwrap_optional<'s>(ty: &'s Type, moves: &mut Vec<Move>) -> &'s Type {
    match ty.as_optional() {
        Some(some) => {
            moves.push(Move::Member(1));
            some
        }
        None => ty,
    }
}

fn enter<'s>(ty: &'s Type, segment: &Segment) -> Result<(&'s Type, Move), String> {
    match (ty, segment) {
        (Type::Object(object), Segment::Name(name)) => enter_field(object, name),
        (Type::Array(item), Segment::Index(index)) => Ok((item, Move::Item(*index))),
        (Type::FixedArray(array), Segment::Index(index)) if *index < array.len() => {
            Ok((array.item(), Move::Item(*index)))
        }
        (Type::Map(value), Segment::Name(key)) => Ok((value, Move::Key(key.as_bytes().into()))),
        (Type::Union(members), Segment::Name(name)) => enter_member(members, name),
        (Type::Union(members), Segment::Index(index)) => {
            let index = usize::try_from(*index).unwrap_or(usize::MAX);
            let member = members.get(index).ok_or_else(|| format!("has {} members", members.len()))?;
            Ok((member, Move::Member(index)))
        }
        _ => Err(what_could_follow(ty)),
    }
}

fn what_could_follow(ty: &Type) -> String {
    match ty {
        Type::Object(object) => format!("takes the name of a field: {}", field_names(object)),
        Type::Array(_) => "takes an index, as in [0]".to_owned(),
        Type::FixedArray(array) => format!("takes an index below {}, as in [0]", array.len()),
        Type::Map(_) => "takes a key, as in [\"key\"]".to_owned(),
        _ => "has no parts".to_owned(),
    }
}

fn enter_field<'s>(object: &'s Object, name: &str) -> Result<(&'s Type, Move), String> {
    let fields = object.fields();
    let names = || fields.iter().map(|field| field.name());
    match fields.iter().position(|field| field.name() == name) {
        Some(index) => Ok((fields[index].ty(), Move::Field(index, Gap::over(&fields[..index])))),
        None => Err(format!("has no field {name:?}{}; it has {}", did_you_mean(name, names()), field_names(object))),
    }
}

fn enter_member<'s>(members: &'s [Type], name: &str) -> Result<(&'s Type, Move), String> {
    if let Some(index) = numbered(members, name) {
        return Ok((&members[index], Move::Member(index)));
    }
    let names = || members.iter().map(Type::name);
    let mut same = members.iter().enumerate().filter(|(_, member)| member.name() == name);
    match (same.next(), same.next()) {
        (Some((index, member)), None) => Ok((member, Move::Member(index))),
        (Some((index, _)), Some(_)) => Err(format!("has several members {name:?}; take one by index, as in [{index}]")),
        (None, _) => Err(format!("has no member {name:?}{}; it has {}", did_you_mean(name, names()), list(names()))),
    }
}

/// The member that data JSON calls `object#2` because there are other objects.
fn numbered(members: &[Type], name: &str) -> Option<usize> {
    let (ty, index) = name.split_once('#')?;
    let index: usize = index.parse().ok()?;
    members.get(index).is_some_and(|member| member.name() == ty).then_some(index)
}

fn field_names(object: &Object) -> String {
    list(object.fields().iter().map(|field| field.name()))
}

fn list<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(LISTED_NAMES);
    let mut listed: Vec<&str> = names.take(LISTED_NAMES).collect();
    let rest = format!("{more} more");
    if more > 0 {
        listed.push(&rest);
    }
    if listed.is_empty() { "none".to_owned() } else { listed.join(", ") }
}

/// For the end of a message about a name that does not exist: ` (did you mean "torque"?)` with the name that
/// differs least, or nothing if all differ much.
pub fn did_you_mean<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let near = names.take(1_000).map(|other| (distance(name, other), other)).min();
    match near.filter(|(distance, other)| *distance <= 1 + other.len().min(name.len()) / 4) {
        Some((_, other)) => format!(" (did you mean {other:?}?)"),
        None => String::new(),
    }
}

/// How many bytes must be put in, taken out or changed to make one of the other; letter case counts for nothing.
fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 64;
    if a.len().max(b.len()) > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
