//! A map by identifiers of records, which mostly are small numbers.

use std::collections::HashMap;

/// Identifiers below this are looked up without hashing.
const DENSE: u64 = 1024;

/// Values by identifier.
#[derive(Debug)]
pub(crate) struct ById<T> {
    dense: Vec<Option<T>>,
    sparse: HashMap<u64, T>,
    len: usize,
}

impl<T> Default for ById<T> {
    fn default() -> Self {
        Self { dense: Vec::new(), sparse: HashMap::new(), len: 0 }
    }
}

impl<T> ById<T> {
    #[inline] // once per record: `benches/index`, `benches/recover`
    pub fn get(&self, identifier: u64) -> Option<&T> {
        match identifier < DENSE {
            true => self.dense.get(identifier as usize)?.as_ref(),
            false => self.sparse.get(&identifier),
        }
    }

    #[inline] // once per record: `benches/recover`
    pub fn get_mut(&mut self, identifier: u64) -> Option<&mut T> {
        match identifier < DENSE {
            true => self.dense.get_mut(identifier as usize)?.as_mut(),
            false => self.sparse.get_mut(&identifier),
        }
    }

    pub fn insert(&mut self, identifier: u64, value: T) -> Option<T> {
        let replaced = match identifier < DENSE {
            true => place(&mut self.dense, identifier).replace(value),
            false => self.sparse.insert(identifier, value),
        };
        self.len += usize::from(replaced.is_none());
        replaced
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let dense = self.dense.iter().zip(0..).filter_map(|(value, identifier)| Some((identifier, value.as_ref()?)));
        dense.chain(self.sparse.iter().map(|(identifier, value)| (*identifier, value)))
    }

    pub const fn len(&self) -> usize {
        self.len
    }
}

impl<T: Default> ById<T> {
    /// The value of this identifier, made if there is none yet.
    #[inline] // once per block walked over: `benches/seek`
    pub fn or_default(&mut self, identifier: u64) -> &mut T {
        let len = &mut self.len;
        let make = || {
            *len += 1;
            T::default()
        };
        match identifier < DENSE {
            true => place(&mut self.dense, identifier).get_or_insert_with(make),
            false => self.sparse.entry(identifier).or_insert_with(make),
        }
    }
}

/// The place of an identifier below [`DENSE`].
#[inline]
fn place<T>(dense: &mut Vec<Option<T>>, identifier: u64) -> &mut Option<T> {
    let at = identifier as usize;
    if dense.len() <= at {
        dense.resize_with((at + 1).next_power_of_two(), || None);
    }
    &mut dense[at]
}
