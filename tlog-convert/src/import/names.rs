//! Names of other formats as names that a log may have: identifiers, each once.

use std::collections::{HashMap, HashSet};

/// No name is made longer, in bytes.
const MAX_LEN: usize = 200;

/// Names given out so far, so that none is given out twice.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<String>,
    /// What the next copy of a name is numbered, so that many copies cost no search each.
    next: HashMap<String, u32>,
}

impl Names {
    /// The name itself where it is an identifier that is still free; else the nearest that is.
    pub fn take(&mut self, wanted: &str) -> String {
        self.free(identifier(wanted))
    }

    /// The same for a record, whose name may have parts with dots between them.
    pub fn take_record(&mut self, wanted: &str) -> String {
        self.free(wanted.split('.').map(identifier).collect::<Vec<_>>().join("."))
    }

    fn free(&mut self, name: String) -> String {
        if self.taken.insert(name.clone()) {
            return name;
        }
        let number = self.next.entry(name.clone()).or_insert(1);
        loop {
            *number = number.saturating_add(1);
            let numbered = format!("{name}_{number}");
            if *number == u32::MAX || self.taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

/// `[A-Za-z][A-Za-z0-9_]*`: what is neither letter nor digit becomes `_`, and `x` comes in front of what is no letter.
fn identifier(wanted: &str) -> String {
    let mut name: String =
        wanted.chars().take(MAX_LEN).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert(0, 'x');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_portable_and_stay_apart() {
        let mut names = Names::default();
        let taken = ["a", "a b", "a_b", "9", "", "größe", "a", "a_2", "a"].map(|name| names.take(name));
        assert_eq!(taken, ["a", "a_b", "a_b_2", "x9", "x", "gr__e", "a_2", "a_2_2", "a_3"]);
        assert_eq!(names.take_record("imu.left-1"), "imu.left_1");
        assert!(names.take(&"x".repeat(10_000)).len() <= MAX_LEN + 1);
    }
}
