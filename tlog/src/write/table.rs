//! State per record, found by identifier without hashing.

/// Values by identifier, ascending.
///
/// Identifiers are normally allocated 1, 2, 3, …, so that a record's place is known from its
/// identifier alone; only where they are not is there a search.
#[derive(Debug)]
pub(super) struct Table<T>(Vec<(u64, T)>);

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Runs once per record written (`benches/write`).
    #[inline]
    pub(super) fn get_mut(&mut self, identifier: u64) -> Option<&mut T> {
        let at = self.position(identifier).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    pub(super) fn get(&self, identifier: u64) -> Option<&T> {
        let at = self.position(identifier).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// The value of this identifier, inserted when there is none yet.
    pub(super) fn get_or_insert(&mut self, identifier: u64, value: T) -> &mut T {
        let at = match self.position(identifier) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (identifier, value));
                at
            }
        };
        &mut self.0[at].1
    }

    pub(super) fn remove(&mut self, identifier: u64) {
        if let Ok(at) = self.position(identifier) {
            self.0.remove(at);
        }
    }

    /// Ascending by identifier.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> + Clone {
        self.0.iter().map(|(identifier, value)| (*identifier, value))
    }

    #[inline]
    fn position(&self, identifier: u64) -> Result<usize, usize> {
        let guess = identifier.wrapping_sub(1) as usize;
        match self.0.get(guess) {
            Some((found, _)) if *found == identifier => Ok(guess),
            _ => self.0.binary_search_by_key(&identifier, |(found, _)| *found),
        }
    }
}

impl<T: Clone> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    /// Keeps the memory that is there already.
    fn clone_from(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_dense_and_sparse_identifiers_and_stays_ascending() {
        let identifiers = [1, 2, 3, 900, 0, 5, u64::MAX, 4];
        let mut table = Table::new();
        for id in identifiers {
            *table.get_or_insert(id, id) += 0;
            assert_eq!(*table.get_or_insert(id, 77), id);
        }
        for id in identifiers {
            assert_eq!(table.get(id), Some(&id));
            assert_eq!(table.get_mut(id), Some(&mut id.clone()));
        }
        assert_eq!(table.get(6), None);
        assert!(table.iter().map(|(id, _)| id).is_sorted());
        table.remove(3);
        assert_eq!(table.get(3), None);
        assert_eq!(table.get(4), Some(&4));
    }
}
