//! Names of files for the tables of records, whatever the records are called.
//!
//! | in the name of a record | in the name of its file |
//! |---|---|
//! | ASCII letters and digits, `_`, `-`, `.`, `+` | as they are |
//! | every other byte of its UTF-8 | `%` and two digits, as in addresses: `a/b` is `a%2Fb` |
//! | `.`, `_`, `-` or `+` at its start, `.` at its end | likewise: readers of folders pass over hidden files |
//! | names that Windows keeps for devices, such as `con` or `aux.x` | their first letter likewise |
//! | no name at all | `%empty` |
//! | what would be longer than [`MAX_STEM`] | its beginning, `~`, and a hash of the whole name |
//!
//! Different names make different stems, but for hashes that are equal and for names that differ in case only. File
//! systems disagree about which of these are one file, and about which letters beyond ASCII are the same: so
//! [`FileNames`] takes equal names in another case for the same, and letters beyond ASCII never stand in a name.

use std::collections::HashMap;
use std::fmt::Write as _;

/// How long a stem can be, in bytes. Common file systems take 255, some 143; an extension, a number, or the dress of a
/// temporary file must find room too.
pub const MAX_STEM: usize = 120;

/// What stands for a record without a name; no other name makes it.
const EMPTY: &str = "%empty";

/// The names that Windows keeps for devices, with any extension and in any case. Four of them have a digit behind them.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// The stem of a file name for a record, as this module's table says: safe in any folder, without an extension.
///
/// ```
/// use tlog_convert::file_names::file_stem;
/// assert_eq!(file_stem("imu.left"), "imu.left");
/// assert_eq!(file_stem("../etc/passwd"), "%2E.%2Fetc%2Fpasswd");
/// ```
pub fn file_stem(record: &str) -> String {
    if record.is_empty() {
        return EMPTY.to_owned();
    }
    let last = record.len() - 1;
    let mut stem = String::new();
    // Where a stem that turns out to be too long is cut: never inside of a `%2F`.
    let mut cut = 0;
    for (at, &byte) in record.as_bytes().iter().enumerate() {
        let is_kept = match byte {
            b'0'..=b'9' => true,
            b'a'..=b'z' | b'A'..=b'Z' => at > 0 || !is_device(record),
            b'.' => at > 0 && at < last,
            b'_' | b'-' | b'+' => at > 0,
            _ => false,
        };
        match is_kept {
            true => stem.push(char::from(byte)),
            // Writing into a string cannot fail.
            false => write!(stem, "%{byte:02X}").unwrap_or_default(),
        }
        if stem.len() <= MAX_STEM - HASH_LEN {
            cut = stem.len();
        }
        if stem.len() > MAX_STEM {
            stem.truncate(cut);
            write!(stem, "~{:016x}", hash(record)).unwrap_or_default();
            break;
        }
    }
    stem
}

/// How long `~` and a hash are.
const HASH_LEN: usize = 17;

/// FNV-1a of 64 bits: names must stay the same from one version of the program to the next.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn is_device(record: &str) -> bool {
    let name = record.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_numbered = |device: &str| match name.strip_prefix(device).map(str::as_bytes) {
        Some([digit]) => digit.is_ascii_digit(),
        _ => false,
    };
    DEVICES.contains(&name.as_str()) || NUMBERED_DEVICES.into_iter().any(is_numbered)
}

/// Gives out names for one folder, each once, also where names that differ in case only are the same.
///
/// ```
/// let mut names = tlog_convert::file_names::FileNames::default();
/// let claimed = ["imu", "IMU", "gps", "imu"].map(|record| names.claim(record));
/// assert_eq!(claimed, ["imu", "IMU~2", "gps", "imu~3"]);
/// ```
#[derive(Debug, Default)]
pub struct FileNames {
    /// How often each stem was claimed, in lower case.
    claimed: HashMap<String, u64>,
}

impl FileNames {
    /// The [`file_stem`] for this record; with `~` and a number from 2 behind it, if it was given out before. Who
    /// asks for the same record again gets another name: for a table of other columns, say.
    pub fn claim(&mut self, record: &str) -> String {
        let stem = file_stem(record);
        let times = self.claimed.entry(stem.to_ascii_lowercase()).or_default();
        *times += 1;
        // No stem ends like this: the only `~` in one stands before a hash of 16 digits.
        if *times == 1 { stem } else { format!("{stem}~{times}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn names_as_the_table_says() {
        for (record, stem) in [
            ("imu", "imu"),
            ("a.b-c_d+E9", "a.b-c_d+E9"),
            ("", "%empty"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("a.", "a%2E"),
            ("_hidden", "%5Fhidden"),
            ("-rf", "%2Drf"),
            ("a/b\\c:d", "a%2Fb%5Cc%3Ad"),
            ("%2F", "%252F"),
            ("a b\n\0", "a%20b%0A%00"),
            ("é", "%C3%A9"),
            ("Con", "%43on"),
            ("lpt1.txt", "%6Cpt1.txt"),
            ("com", "com"),
            ("com12", "com12"),
            ("console", "console"),
            ("~2", "%7E2"),
        ] {
            assert_eq!(file_stem(record), stem, "{record:?}");
        }
    }

    #[test]
    fn long_names_keep_their_beginning_and_stay_different() {
        let stems: HashSet<String> = (0..1000).map(|n| file_stem(&format!("{}{n}", "long/".repeat(200)))).collect();
        assert_eq!(stems.len(), 1000);
        assert!(stems.iter().all(|stem| stem.len() <= MAX_STEM && stem.starts_with("long%2Flong%2F")));
        assert_eq!(file_stem(&"a".repeat(MAX_STEM)), "a".repeat(MAX_STEM));
        assert_eq!(file_stem(&"a".repeat(MAX_STEM + 1)).len(), MAX_STEM);
        // The same from version to version.
        assert_eq!(file_stem(&"é".repeat(100)), format!("{}~b1c912a8e533f4b5", "%C3%A9".repeat(17)));
    }

    fn hostile() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[aA./_~%2F-]{0,6}",
            "(con|CON|nul|lpt1|com9|aux)(\\.x)?",
            "[aA]{118,123}",
            "[é/]{38,42}(~2)?",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn names_are_safe_everywhere(record in hostile()) {
            let stem = file_stem(&record);
            prop_assert!(!stem.is_empty() && stem.len() <= MAX_STEM);
            prop_assert!(stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%._-+~".contains(&byte)), "{}", stem);
            prop_assert!(!stem.starts_with(['.', '_', '-', '+', '~']) && !stem.ends_with('.'), "{}", stem);
            prop_assert!(!is_device(&stem), "{}", stem);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

        #[test]
        fn names_are_given_out_once(records in prop::collection::vec(hostile(), 0..50)) {
            let mut names = FileNames::default();
            let claimed: HashSet<String> = records.iter().map(|record| names.claim(record).to_lowercase()).collect();
            prop_assert_eq!(claimed.len(), records.len());
        }

        #[test]
        fn other_names_make_other_stems(a in hostile(), b in hostile()) {
            prop_assert_eq!(a == b, file_stem(&a) == file_stem(&b));
        }
    }
}
