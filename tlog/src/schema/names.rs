//! What a schema must keep to, so that both reference readers can read what is written with it.
//! Read is anything; these checks are for writing.

use std::collections::HashSet;
use std::fmt;

use super::Schema;
use super::types::{Enum, Field, IntegerType, Object, Type};

/// Why a schema or a name is not good for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortabilityError {
    /// The part of the schema concerned, as in `servos[].torque`: items of arrays are `[]`, values
    /// of maps `{}`, members of unions `#1`. Empty for the root.
    pub path: String,
    /// What is wrong there.
    pub kind: PortabilityErrorKind,
}

impl std::error::Error for PortabilityError {}

impl fmt::Display for PortabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => self.kind.fmt(f),
            false => write!(f, "{}: {}", self.path, self.kind),
        }
    }
}

/// What can be wrong with a schema for writing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortabilityErrorKind {
    /// A field's name or alias is not an identifier.
    #[error("`{0}` is not a name: use a letter, then letters, digits and `_`")]
    FieldName(String),
    /// A record's name is not identifiers with dots between them.
    #[error(
        "`{0}` is not a record's name: use identifiers (a letter, then letters, digits and `_`) with dots between them"
    )]
    RecordName(String),
    /// Two fields of an object share a name or alias.
    #[error("the name `{0}` is taken by another field of the object: rename one, or drop the alias")]
    RepeatedName(String),
    /// A symbol without a name.
    #[error("the symbol of value {0} has no name: give it one, or leave it out")]
    EmptySymbol(i128),
    /// Two symbols with one name.
    #[error("two symbols are called `{0}`: rename one")]
    RepeatedSymbol(String),
    /// Two symbols with one value.
    #[error("two symbols have the value {0}: keep one, readers show only the first")]
    RepeatedValue(i128),
    /// An object with a version, which both reference readers misread.
    #[error("an object must not have a version: neither reference reader can read it")]
    Version,
    /// Field flags, of which none is defined.
    #[error("field flags {0:#x} are not defined by the format: use 0")]
    FieldFlags(u64),
    /// An enum over a signed integer, which the reference C++ reader aborts at.
    #[error("an enum over {} stops the reference reader: use varuint or a fixeduint", .0.name())]
    SignedEnum(IntegerType),
    /// A union without members.
    #[error("a union must have members")]
    EmptyUnion,
    /// A union in a union.
    #[error("a union must not be a member of a union: make its members those of the outer one")]
    NestedUnion,
    /// Two members of a union with the same type, neither objects nor enums.
    #[error("a union must not have two members of type {0}: wrap one into an object")]
    RepeatedMember(&'static str),
}

impl Schema {
    /// Checks the names in the schema: fields and their aliases are identifiers
    /// (`[A-Za-z][A-Za-z0-9_]*`) and unique in their object; symbols of enums are not empty, and
    /// they and their values are unique in their enum.
    ///
    /// # Errors
    /// [`PortabilityError`] for the first that is not.
    pub fn check_names(&self) -> Result<(), PortabilityError> {
        check_all(self.root(), &|part| match part {
            Part::Type(Type::Object(object)) => unique_names(object),
            Part::Type(Type::Enum(enumeration)) => unique_symbols(enumeration),
            Part::Type(_) => Ok(()),
            Part::Field(field) => identifiers(field),
        })
    }

    /// Checks what else either reference reader cannot read, or the format forbids:
    /// versions of objects, field flags, enums over signed integers, unions that have no members, a
    /// union as a member, or two members of a type other than object and enum.
    ///
    /// Varints pass, although the reference's Python reader lacks them.
    ///
    /// # Errors
    /// [`PortabilityError`] for the first that is found.
    pub fn check_reference_readable(&self) -> Result<(), PortabilityError> {
        check_all(self.root(), &|part| match part {
            Part::Type(Type::Object(object)) => object.version().map_or(Ok(()), |_| Err(PortabilityErrorKind::Version)),
            Part::Type(Type::Enum(enumeration)) => unsigned(enumeration.underlying()),
            Part::Type(Type::Union(members)) => plain_members(members),
            Part::Type(_) => Ok(()),
            Part::Field(field) if field.flags() != 0 => Err(PortabilityErrorKind::FieldFlags(field.flags())),
            Part::Field(_) => Ok(()),
        })
    }
}

/// Checks the name of a record: identifiers (`[A-Za-z][A-Za-z0-9_]*`) with dots between them,
/// as in `tlog.drops`.
///
/// # Errors
/// [`PortabilityErrorKind::RecordName`].
pub fn check_record_name(name: &str) -> Result<(), PortabilityError> {
    match name.split('.').all(is_identifier) {
        true => Ok(()),
        false => Err(PortabilityError { path: String::new(), kind: PortabilityErrorKind::RecordName(name.to_owned()) }),
    }
}

/// What is checked of a schema.
enum Part<'s> {
    Type(&'s Type),
    Field(&'s Field),
}

type Checked = Result<(), PortabilityErrorKind>;

struct Checker<'c> {
    /// The way to the part at hand; after an error, to the part concerned.
    path: String,
    check: &'c dyn Fn(Part<'_>) -> Checked,
}

/// Checks a type and all that it is made of.
fn check_all(root: &Type, check: &dyn Fn(Part<'_>) -> Checked) -> Result<(), PortabilityError> {
    let mut checker = Checker { path: String::new(), check };
    checker.ty(root).map_err(|kind| PortabilityError { path: checker.path, kind })
}

impl Checker<'_> {
    fn ty(&mut self, ty: &Type) -> Checked {
        (self.check)(Part::Type(ty))?;
        match ty {
            Type::Object(object) => object.fields().iter().try_for_each(|field| self.field(field)),
            Type::Array(item) => self.child("[]", item),
            Type::FixedArray(array) => self.child("[]", array.item()),
            Type::Map(value) => self.child("{}", value),
            Type::Union(members) => {
                members.iter().enumerate().try_for_each(|(index, member)| self.child(&format!("#{index}"), member))
            }
            _ => Ok(()),
        }
    }

    fn field(&mut self, field: &Field) -> Checked {
        let len = self.path.len();
        if len > 0 {
            self.path.push('.');
        }
        self.path.push_str(field.name());
        (self.check)(Part::Field(field))?;
        self.ty(field.ty())?;
        self.path.truncate(len);
        Ok(())
    }

    fn child(&mut self, step: &str, ty: &Type) -> Checked {
        let len = self.path.len();
        self.path.push_str(step);
        self.ty(ty)?;
        self.path.truncate(len);
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_inner)
}

fn identifiers(field: &Field) -> Checked {
    match names_of(field).find(|name| !is_identifier(name)) {
        Some(name) => Err(PortabilityErrorKind::FieldName(name.to_owned())),
        None => Ok(()),
    }
}

fn names_of(field: &Field) -> impl Iterator<Item = &str> {
    field.aliases().iter().map(String::as_str).chain([field.name()])
}

fn unique_names(object: &Object) -> Checked {
    let mut seen = HashSet::new();
    match object.fields().iter().flat_map(names_of).find(|name| !seen.insert(*name)) {
        Some(name) => Err(PortabilityErrorKind::RepeatedName(name.to_owned())),
        None => Ok(()),
    }
}

fn unique_symbols(enumeration: &Enum) -> Checked {
    let (mut names, mut values) = (HashSet::new(), HashSet::new());
    enumeration.symbols().iter().try_for_each(|symbol| {
        if symbol.name.is_empty() {
            return Err(PortabilityErrorKind::EmptySymbol(symbol.value));
        }
        if !names.insert(&symbol.name) {
            return Err(PortabilityErrorKind::RepeatedSymbol(symbol.name.clone()));
        }
        match values.insert(symbol.value) {
            true => Ok(()),
            false => Err(PortabilityErrorKind::RepeatedValue(symbol.value)),
        }
    })
}

const fn unsigned(underlying: IntegerType) -> Checked {
    match underlying {
        IntegerType::FixedUint(_) | IntegerType::Varuint => Ok(()),
        IntegerType::FixedInt(_) | IntegerType::Varint => Err(PortabilityErrorKind::SignedEnum(underlying)),
    }
}

fn plain_members(members: &[Type]) -> Checked {
    let mut seen = HashSet::new();
    if members.is_empty() {
        return Err(PortabilityErrorKind::EmptyUnion);
    }
    members.iter().try_for_each(|member| match member {
        Type::Union(_) => Err(PortabilityErrorKind::NestedUnion),
        Type::Object(_) | Type::Enum(_) => Ok(()),
        other if seen.insert(other.name()) => Ok(()),
        other => Err(PortabilityErrorKind::RepeatedMember(other.name())),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Symbol;
    use super::super::Width::W1;
    use super::PortabilityErrorKind as Kind;
    use super::*;

    fn names(ty: impl Into<Type>) -> Result<(), (String, Kind)> {
        Schema::new(ty.into()).unwrap().check_names().map_err(|e| (e.path, e.kind))
    }

    fn readable(ty: impl Into<Type>) -> Result<(), (String, Kind)> {
        Schema::new(ty.into()).unwrap().check_reference_readable().map_err(|e| (e.path, e.kind))
    }

    fn symbols(pairs: &[(i128, &str)]) -> Enum {
        let symbol = |&(value, name): &(i128, &str)| Symbol { value, name: name.to_owned() };
        Enum::new(IntegerType::Varuint, pairs.iter().map(symbol))
    }

    #[test]
    fn names_of_fields_are_identifiers() {
        for good in ["a", "Z9", "motor_current_", "class"] {
            assert_eq!(names(Object::new([Field::new(good, Type::Null)])), Ok(()));
        }
        for bad in ["", "_a", "9", "a-b", "a.b", "é", "a b"] {
            let error = Err((bad.to_owned(), Kind::FieldName(bad.to_owned())));
            assert_eq!(names(Object::new([Field::new(bad, Type::Null)])), error);
            let aliased = Object::new([Field::new("good", Type::Null).alias(bad)]);
            assert_eq!(names(aliased), Err(("good".to_owned(), Kind::FieldName(bad.to_owned()))));
        }
    }

    #[test]
    fn names_and_aliases_are_unique() {
        let repeated = |name: &str| Err((String::new(), Kind::RepeatedName(name.to_owned())));
        let (a, b) = (Field::new("a", Type::Null), Field::new("b", Type::Null));
        assert_eq!(names(Object::new([a.clone(), b.clone(), a.clone()])), repeated("a"));
        assert_eq!(names(Object::new([a.clone(), b.clone().alias("a")])), repeated("a"));
        assert_eq!(names(Object::new([a.clone().alias("c"), b.clone().alias("c")])), repeated("c"));
        assert_eq!(names(Object::new([a.alias("d"), b.alias("c")])), Ok(()));
    }

    #[test]
    fn symbols_are_unique_and_have_names() {
        assert_eq!(names(symbols(&[(0, "idle"), (1, "walk now")])), Ok(()));
        assert_eq!(names(symbols(&[(3, "")])), Err((String::new(), Kind::EmptySymbol(3))));
        assert_eq!(names(symbols(&[(0, "a"), (1, "a")])), Err((String::new(), Kind::RepeatedSymbol("a".to_owned()))));
        assert_eq!(names(symbols(&[(2, "a"), (2, "b")])), Err((String::new(), Kind::RepeatedValue(2))));
    }

    #[test]
    fn the_path_leads_to_the_part_concerned() {
        let bad = Object::new([Field::new("good", Type::Null), Field::new("not good", Type::Null)]);
        let row = Object::new([Field::new("x", Type::map(Type::fixed_array(2, Type::optional(bad.into()))))]);
        let outer = Object::new([Field::new("first", Type::Null), Field::new("rows", Type::array(row.into()))]);
        let error = Schema::new(outer.into()).unwrap().check_names().unwrap_err();
        assert_eq!(error.path, "rows[].x{}[]#1.not good");
        assert!(error.to_string().starts_with("rows[].x{}[]#1.not good: `not good` is not a name"));
    }

    #[test]
    fn what_a_reference_reader_cannot_read_is_found() {
        let root = |kind| Err((String::new(), kind));
        assert_eq!(readable(Object::new([]).with_version(Some(0))), root(Kind::Version));
        let flagged = Object::new([Field::new("a", Type::Null).with_flags(4)]);
        assert_eq!(readable(flagged), Err(("a".to_owned(), Kind::FieldFlags(4))));
        for signed in [IntegerType::Varint, IntegerType::FixedInt(W1)] {
            assert_eq!(readable(Enum::new(signed, [])), root(Kind::SignedEnum(signed)));
        }
        assert_eq!(readable(Enum::new(IntegerType::FixedUint(W1), [])), Ok(()));
        assert_eq!(readable(Type::Varint), Ok(()));
    }

    #[test]
    fn unions_obey_the_rules_of_the_format() {
        let root = |kind| Err((String::new(), kind));
        let empty = || Type::from(Object::new([]));
        assert_eq!(readable(Type::Union(vec![])), root(Kind::EmptyUnion));
        assert_eq!(readable(Type::Union(vec![Type::optional(Type::Null)])), root(Kind::NestedUnion));
        let arrays = Type::Union(vec![Type::array(Type::Null), Type::Null, Type::array(Type::Float32)]);
        assert_eq!(readable(arrays), root(Kind::RepeatedMember("array")));
        assert_eq!(readable(Type::Union(vec![empty(), empty(), symbols(&[]).into(), symbols(&[]).into()])), Ok(()));
        assert_eq!(readable(Type::Union(vec![Type::FixedInt(W1), Type::FixedUint(W1), Type::Varint])), Ok(()));
    }

    #[test]
    fn names_of_records() {
        for good in ["imu", "tlog.drops", "a.b2.C_"] {
            assert_eq!(check_record_name(good), Ok(()));
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a/b", "_a", "a.2", "a b"] {
            assert!(check_record_name(bad).is_err(), "{bad:?}");
        }
    }
}
