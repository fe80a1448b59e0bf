//! Names of columns that differ from one another.

use std::collections::HashSet;

/// Names that are taken, whatever their case: some engines tell no cases apart.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// The name, or `NAME_2`, `NAME_3`, … if it is taken.
    pub fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2_u64;
        while !self.taken.insert(unique.to_lowercase()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
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
