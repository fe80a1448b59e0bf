//! A map by identifiers of records, which mostly are small numbers.

use std::collections::HashMap;

/// Identifiers below this are looked up without hashing.
const DENSE: u64 = 1024;

/// Values by identifier.
#[derive(Debug)]
pub(crate) struct ById<T> {
    dense: Vec<Option<T>>,
    sparse: HashMap<u64, T>,
}

impl<T> Default for ById<T> {
    fn default() -> Self {
        Self { dense: Vec::new(), sparse: HashMap::new() }
    }
}

impl<T> ById<T> {
    #[inline] // once per record
    pub fn get(&self, identifier: u64) -> Option<&T> {
        match identifier < DENSE {
            true => self.dense.get(identifier as usize)?.as_ref(),
            false => self.sparse.get(&identifier),
        }
    }

    #[inline] // once per record
    pub fn get_mut(&mut self, identifier: u64) -> Option<&mut T> {
        match identifier < DENSE {
            true => self.dense.get_mut(identifier as usize)?.as_mut(),
            false => self.sparse.get_mut(&identifier),
        }
    }

    pub fn insert(&mut self, identifier: u64, value: T) -> Option<T> {
        if identifier >= DENSE {
            return self.sparse.insert(identifier, value);
        }
        let at = identifier as usize;
        if self.dense.len() <= at {
            self.dense.resize_with(at + 1, || None);
        }
        self.dense.get_mut(at).and_then(|place| place.replace(value))
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let dense = self.dense.iter().zip(0..).filter_map(|(value, identifier)| Some((identifier, value.as_ref()?)));
        dense.chain(self.sparse.iter().map(|(identifier, value)| (*identifier, value)))
    }

    pub fn len(&self) -> usize {
        self.dense.iter().flatten().count() + self.sparse.len()
    }
}
