//! Names of columns that differ from one another.

use std::collections::{HashMap, HashSet};

/// Names that are taken, whatever their case: some engines tell no cases apart.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<String>,
    /// From which number on a name that was taken is tried: thousands of fields may have the same.
    next: HashMap<String, u64>,
}

impl Names {
    /// The name, or `NAME_2`, `NAME_3`, … if it is taken.
    pub fn unique(&mut self, name: &str) -> String {
        let lowercase = name.to_lowercase();
        if self.taken.insert(lowercase.clone()) {
            return name.to_owned();
        }
        let number = self.next.entry(lowercase).or_insert(2);
        loop {
            let unique = format!("{name}_{number}");
            *number += 1;
            if self.taken.insert(unique.to_lowercase()) {
                return unique;
            }
        }
    }
}

/// `time` with as many underscores in front as it takes to be none of these.
pub fn time_name<'a>(others: impl Iterator<Item = &'a str>) -> String {
    let taken: HashSet<String> = others.map(str::to_lowercase).collect();
    let mut name = "time".to_owned();
    while taken.contains(&name) {
        name.insert(0, '_');
    }
    name
}
