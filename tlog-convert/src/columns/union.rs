//! Unions: a tag, and for each member a column in which the others are missing.

use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::Fields;
use tlog::schema::Type;
use tlog::value::{Cursor, ValueError, ValueErrorKind};

use super::column::Column;
use super::enumeration::Tags;
use crate::Result;

/// A column of unions so far.
#[derive(Clone, Debug)]
pub struct Union {
    pub tags: Tags,
    /// Null members need no column: the tag says it all.
    pub members: Vec<Option<Member>>,
    pub fields: Fields,
}

/// The column of a member. It is shorter than the union while others come, so that many members cost nothing then.
#[derive(Clone, Debug)]
pub struct Member {
    pub column: Column,
    pub is_there: Vec<bool>,
}

impl Union {
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    pub fn cells(&self) -> u64 {
        self.members.iter().flatten().fold(1, |sum, member| sum.saturating_add(member.column.cells()))
    }

    pub fn push(&mut self, members: &[Type], cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        let before = self.len();
        let index = usize::try_from(cursor.varuint()?).unwrap_or(usize::MAX);
        let (Some(ty), Some(member)) = (members.get(index), self.members.get_mut(index)) else {
            return Err(cursor.fail(ValueErrorKind::Truncated));
        };
        self.tags.push(index);
        match member {
            Some(member) => {
                member.pad_to(before);
                member.is_there.push(true);
                member.column.push(ty, cursor)
            }
            None => cursor.zero_width(),
        }
    }

    pub fn pad(&mut self, count: usize) {
        self.tags.pad(count);
    }

    pub fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let len = self.len();
        let mut arrays = vec![self.tags.finish(nulls.clone())?];
        for member in self.members.iter_mut().flatten() {
            member.pad_to(len);
            let is_there = std::mem::take(&mut member.is_there);
            arrays.push(member.column.finish(Some(NullBuffer::from(is_there)))?);
        }
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), arrays, nulls)?))
    }
}

impl Member {
    fn pad_to(&mut self, len: usize) {
        let missing = len.saturating_sub(self.is_there.len());
        self.is_there.resize(self.is_there.len() + missing, false);
        self.column.pad(missing);
    }
}
