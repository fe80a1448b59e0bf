//! Which identifiers and names are taken, by which schema.

use std::collections::{BTreeMap, HashMap};

use super::portable;
use crate::error::{Error, Result};
use crate::schema::Schema;

/// All records of a log, declared or only reserved.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    entries: BTreeMap<u64, Entry>,
    by_name: HashMap<Box<[u8]>, u64>,
    /// Identifiers up to this one have been allocated.
    allocated: u64,
}

/// One record. Its name is bytes because a log that is copied may have any.
#[derive(Clone, Debug)]
struct Entry {
    name: Box<[u8]>,
    /// `None` while the identifier is only reserved.
    schema: Option<Box<[u8]>>,
}

/// What came of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    /// It is new: its schema block is to be written.
    Now(u64),
    /// The same was declared before.
    Before(u64),
}

impl Declared {
    pub(super) const fn identifier(self) -> u64 {
        match self {
            Self::Now(identifier) | Self::Before(identifier) => identifier,
        }
    }
}

impl Catalogue {
    /// The identifier that this name has or will have.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that cannot be declared.
    pub(super) fn reserve(&mut self, name: &str) -> Result<u64> {
        portable::check_record_name(name)?;
        match self.by_name.get(name.as_bytes()) {
            Some(&identifier) => Ok(identifier),
            None => {
                let identifier = self.allocate()?;
                self.insert(identifier, name.as_bytes(), None);
                Ok(identifier)
            }
        }
    }

    /// Enters a declaration, under `wanted` or else the identifier reserved for its name or else a new one.
    ///
    /// # Errors
    /// [`Error::Usage`], when a reference could not read a log with it: see [`portable`]; and one name or identifier
    /// must not mean two things.
    pub(super) fn declare(&mut self, wanted: Option<u64>, name: &str, schema: &Schema) -> Result<Declared> {
        portable::check(name, schema)?;
        let bytes = schema.to_bytes();
        let Some(&identifier) = self.by_name.get(name.as_bytes()) else {
            let identifier = match wanted {
                Some(wanted) => self.check_free(wanted)?,
                None => self.allocate()?,
            };
            self.insert(identifier, name.as_bytes(), Some(&bytes));
            return Ok(Declared::Now(identifier));
        };
        if wanted.is_some_and(|wanted| wanted != identifier) {
            return Err(Error::Usage(format!(
                "record {name:?} has identifier {identifier} already; choose another name"
            )));
        }
        match self.schema(identifier) {
            None => {
                self.insert(identifier, name.as_bytes(), Some(&bytes));
                Ok(Declared::Now(identifier))
            }
            Some(known) if known == bytes => Ok(Declared::Before(identifier)),
            Some(_) => Err(Error::Usage(format!(
                "record {name:?} is declared already with another schema; declare this one under a new name"
            ))),
        }
    }

    /// Enters a declaration as it is, in place of what the identifier and the name meant before.
    pub(super) fn declare_raw(&mut self, identifier: u64, name: &[u8], schema: &[u8]) {
        self.insert(identifier, name, Some(schema));
    }

    /// The records that have a schema: identifier, name, schema bytes. Ascending by identifier.
    pub(super) fn declared(&self) -> impl Iterator<Item = (u64, &[u8], &[u8])> {
        self.entries
            .iter()
            .filter_map(|(&identifier, entry)| Some((identifier, &*entry.name, entry.schema.as_deref()?)))
    }

    pub(super) fn name(&self, identifier: u64) -> Option<&[u8]> {
        self.entries.get(&identifier).map(|entry| &*entry.name)
    }

    fn schema(&self, identifier: u64) -> Option<&[u8]> {
        self.entries.get(&identifier)?.schema.as_deref()
    }

    fn insert(&mut self, identifier: u64, name: &[u8], schema: Option<&[u8]>) {
        let old = self.entries.insert(identifier, Entry { name: name.into(), schema: schema.map(Into::into) });
        if let Some(old) = old.filter(|old| self.by_name.get(&old.name) == Some(&identifier)) {
            self.by_name.remove(&old.name);
        }
        self.by_name.insert(name.into(), identifier);
    }

    fn allocate(&mut self) -> Result<u64> {
        let mut identifier = self.allocated + 1;
        while self.entries.contains_key(&identifier) {
            identifier += 1;
        }
        portable::check_identifier(identifier)?;
        self.allocated = identifier;
        Ok(identifier)
    }

    fn check_free(&self, identifier: u64) -> Result<u64> {
        portable::check_identifier(identifier)?;
        match self.name(identifier) {
            None => Ok(identifier),
            Some(name) => Err(Error::Usage(format!(
                "identifier {identifier} belongs to record {:?} already; choose another",
                String::from_utf8_lossy(name)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Type;

    fn schema(ty: Type) -> Schema {
        Schema::new(ty).unwrap()
    }

    #[test]
    fn allocates_around_what_is_taken() {
        let mut catalogue = Catalogue::default();
        let declare = |catalogue: &mut Catalogue, wanted, name| {
            catalogue.declare(wanted, name, &schema(Type::Null)).unwrap().identifier()
        };
        assert_eq!(declare(&mut catalogue, Some(2), "b"), 2);
        assert_eq!(declare(&mut catalogue, None, "a"), 1);
        assert_eq!(declare(&mut catalogue, None, "c"), 3);
        assert_eq!(catalogue.reserve("d").unwrap(), 4);
        assert_eq!(catalogue.reserve("d").unwrap(), 4);
        assert_eq!(declare(&mut catalogue, None, "e"), 5);
        assert_eq!(catalogue.declare(None, "d", &schema(Type::Null)).unwrap(), Declared::Now(4));
        assert_eq!(catalogue.declare(Some(4), "d", &schema(Type::Null)).unwrap(), Declared::Before(4));
        assert_eq!(catalogue.declared().map(|(id, ..)| id).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_raw_declaration_takes_over_names_and_identifiers() {
        let mut catalogue = Catalogue::default();
        catalogue.declare_raw(1, b"old", &[1]);
        catalogue.declare_raw(1, b"new", &[2]);
        assert_eq!(catalogue.reserve("old").unwrap(), 2);
        assert_eq!(catalogue.reserve("new").unwrap(), 1);
        catalogue.declare_raw(7, b"new", &[2]);
        catalogue.declare_raw(1, b"newer", &[2]);
        assert_eq!(catalogue.reserve("new").unwrap(), 7);
    }
}
