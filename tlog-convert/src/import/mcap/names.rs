//! Topics as names of records: identifiers with dots between them, each topic its own.

use std::collections::{HashMap, HashSet};

use tlog::schema::check_record_name;

/// Longer names serve nobody, in bytes.
const MAX_NAME: usize = 200;

/// The names that topics have in the log.
#[derive(Debug, Default)]
pub struct Names {
    by_topic: HashMap<String, String>,
    taken: HashSet<String>,
}

impl Names {
    /// The name for a topic, the same each time; `as_it_is` for one that has been a record's name before.
    pub fn of(&mut self, topic: &str, as_it_is: bool) -> String {
        if let Some(name) = self.by_topic.get(topic) {
            return name.clone();
        }
        let wanted = if as_it_is { topic.to_owned() } else { portable(topic) };
        let name = self.free(wanted);
        self.taken.insert(name.clone());
        self.by_topic.insert(topic.to_owned(), name.clone());
        name
    }

    fn free(&self, wanted: String) -> String {
        if !self.taken.contains(&wanted) {
            return wanted;
        }
        let numbered = (2_u64..).map(|number| format!("{wanted}_{number}"));
        numbered.into_iter().find(|name| !self.taken.contains(name)).unwrap_or(wanted)
    }
}

/// The nearest name that a record may have.
fn portable(topic: &str) -> String {
    if check_record_name(topic).is_ok() && topic.len() <= MAX_NAME {
        return topic.to_owned();
    }
    let parts: Vec<String> = topic.split(['/', '.']).filter(|part| !part.is_empty()).map(identifier).collect();
    let mut name = if parts.is_empty() { "topic".to_owned() } else { parts.join(".") };
    name.truncate(MAX_NAME); // it is ASCII
    while name.ends_with('.') {
        name.pop();
    }
    name
}

fn identifier(part: &str) -> String {
    let mut name: String = part.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert(0, 'x');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_name_of_its_own() {
        let mut names = Names::default();
        for (topic, name) in [
            ("imu.data", "imu.data"),
            ("/imu/data", "imu.data_2"),
            ("/tf", "tf"),
            ("/tf", "tf"),
            ("/camera/2d/_raw-x", "camera.x2d.x_raw_x"),
            ("", "topic"),
            ("//", "topic_2"),
            ("höhe", "h_he"),
        ] {
            assert_eq!(names.of(topic, false), name);
            assert!(check_record_name(name).is_ok());
        }
        assert_eq!(names.of("odd/name", true), "odd/name");
        let long = names.of(&format!("{}/b", "a".repeat(MAX_NAME - 1)), false);
        assert!(check_record_name(&long).is_ok() && long.len() < MAX_NAME);
    }
}
