//! One owned copy of each name of a schema.

use std::collections::HashMap;
use std::sync::Arc;

/// Names of a schema, each copied once however often it is asked for. Without it an array of objects, a
/// byte for each item, could make gigabytes out of one long name.
///
/// They are told apart by their address: all names must come from one schema that outlives this.
#[derive(Default)]
pub(super) struct SharedNames(HashMap<*const u8, Arc<str>>);

impl SharedNames {
    pub(super) fn get(&mut self, name: &str) -> Arc<str> {
        self.0.entry(name.as_ptr()).or_insert_with(|| name.into()).clone()
    }
}
