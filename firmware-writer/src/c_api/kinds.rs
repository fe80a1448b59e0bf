//! Kinds of records as C describes them: a table of fields in flash, of which the drain makes the schema.
#![allow(unsafe_code, reason = "tables and names that C hands over")]

use core::ffi::c_char;
use core::slice;

use tlog::wire::type_code as code;

use super::Outcome;
use super::sizes::{MAX_FIELDS, MAX_KINDS};
use crate::drain::number;
use crate::kinds::is_record_name;

/// `tlog_field`: one field of a record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Field {
    name: *const c_char,
    /// How many items an array has; 0: it is none.
    count: u16,
    name_len: u8,
    kind: u8,
}

/// `tlog_kind`: a kind of record. What is in it counts only once the table that it is in was checked.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    name: *const c_char,
    fields: *const Field,
    size: u32,
    id: u16,
    field_count: u8,
    name_len: u8,
}

/// Types of fields, with the numbers that the header gives them. Integers are [`SIGNED`] or [`UNSIGNED`] and their width.
pub const SIGNED: u8 = 0x30;
/// See [`SIGNED`].
pub const UNSIGNED: u8 = 0x40;

/// Kinds that were checked: their pointers are good.
#[derive(Clone, Copy)]
pub(crate) struct Kinds<'k>(&'k [&'k Kind]);

impl Field {
    /// Its width in bytes, each item's of an array; `None`: there is no such type.
    fn width(&self) -> Option<u32> {
        match u64::from(self.kind) {
            code::BOOLEAN => Some(1),
            code::FLOAT32 => Some(4),
            code::FLOAT64 | code::TIMESTAMP | code::DURATION => Some(8),
            _ => match (self.kind & 0xf0, self.kind & 0xf) {
                (SIGNED | UNSIGNED, width @ (1 | 2 | 4 | 8)) => Some(width.into()),
                _ => None,
            },
        }
    }

    fn size(&self) -> Option<u32> {
        Some(self.width()? * u32::from(self.count.max(1)))
    }

    fn name(&self) -> &[u8] {
        // SAFETY:
        // * the field is one of a kind that is being checked or was: its pointer is not null;
        // * it points to as many bytes, a string literal, by the contract of the header.
        unsafe { slice::from_raw_parts(self.name.cast(), self.name_len.into()) }
    }

    /// Its entry in the schema: flags, name, no aliases, type, no default.
    fn put(&self, put: &mut dyn FnMut(&[u8])) {
        put(&[0]);
        text(self.name(), put);
        put(&[0]);
        if self.count > 0 {
            put(&[code::FIXEDARRAY as u8]);
            number(self.count.into(), put);
        }
        match self.kind & 0xf0 {
            SIGNED => put(&[code::FIXEDINT as u8, self.kind & 0xf]),
            UNSIGNED => put(&[code::FIXEDUINT as u8, self.kind & 0xf]),
            _ => put(&[self.kind]),
        }
        put(&[0]);
    }
}

impl Kind {
    /// Its name, which was checked.
    pub(crate) fn name(&self) -> &[u8] {
        // SAFETY: as for the name of a field.
        unsafe { slice::from_raw_parts(self.name.cast(), self.name_len.into()) }
    }

    fn fields(&self) -> &[Field] {
        // SAFETY:
        // * the kind is being checked or was: its pointer is not null;
        // * it points to as many fields, by the contract of the header; they are constant.
        unsafe { slice::from_raw_parts(self.fields, self.field_count.into()) }
    }

    /// Hands its type encoding to `put`, piece by piece: an object, its fields, and the field that ends them.
    pub(crate) fn schema(&self, put: &mut dyn FnMut(&[u8])) {
        put(&[code::OBJECT as u8, 0]);
        self.fields().iter().for_each(|field| field.put(put));
        put(&[0; 5]);
    }

    fn check(&self, id: usize) -> Result<(), Outcome> {
        if self.name.is_null() || self.fields.is_null() {
            return Err(Outcome::Null);
        }
        if usize::from(self.id) != id {
            return Err(Outcome::Kinds);
        }
        let name = self.name();
        if !is_record_name(name) || name.starts_with(b"tlog.") {
            return Err(Outcome::Name);
        }
        let fields = self.fields();
        if fields.is_empty() || fields.len() > MAX_FIELDS {
            return Err(Outcome::Fields);
        }
        fields.iter().try_for_each(Field::check)?;
        is_unique(fields, Field::name)?;
        let size = fields.iter().try_fold(0u32, |sum, field| sum.checked_add(field.size()?));
        if size == Some(self.size) { Ok(()) } else { Err(Outcome::Fields) }
    }
}

impl Field {
    fn check(&self) -> Result<(), Outcome> {
        if self.name.is_null() {
            return Err(Outcome::Null);
        }
        let name = self.name();
        let starts = name.first().is_some_and(u8::is_ascii_alphabetic);
        let is_name = starts && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if is_name { Ok(()) } else { Err(Outcome::Name) }
    }
}

fn is_unique<T>(all: &[T], name: fn(&T) -> &[u8]) -> Result<(), Outcome> {
    let mut rest = all;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| name(other) == name(first)) {
            return Err(Outcome::Duplicate);
        }
        rest = others;
    }
    Ok(())
}

impl<'k> Kinds<'k> {
    /// Checks kinds that C hands over.
    ///
    /// # Safety
    /// `kinds` is null, or points to `count` pointers, each null or to a kind; kinds, their fields and all names are
    /// constant and live for `'k`; names have as many bytes as the tables say.
    pub(crate) unsafe fn new(kinds: *const *const Kind, count: usize) -> Result<Self, Outcome> {
        if kinds.is_null() {
            return Err(Outcome::Null);
        }
        if count == 0 || count > MAX_KINDS {
            return Err(Outcome::Kinds);
        }
        // SAFETY: not null, and `count` pointers by the contract.
        let pointers = unsafe { slice::from_raw_parts(kinds, count) };
        if pointers.iter().any(|kind| kind.is_null()) {
            return Err(Outcome::Null);
        }
        // SAFETY: as before, and none of them is null: a reference to what is alive has the bytes of its pointer.
        let kinds = unsafe { slice::from_raw_parts(kinds.cast::<&'k Kind>(), count) };
        for (id, kind) in (1..).zip(kinds) {
            kind.check(id)?;
        }
        is_unique(kinds, |kind| kind.name())?;
        Ok(Self(kinds))
    }

    /// How many.
    pub(crate) const fn len(self) -> usize {
        self.0.len()
    }

    /// The one at a place, from 0 on.
    pub(crate) fn get(self, at: usize) -> Option<&'k Kind> {
        self.0.get(at).copied()
    }
}

fn text(text: &[u8], put: &mut dyn FnMut(&[u8])) {
    number(text.len(), put);
    put(text);
}
