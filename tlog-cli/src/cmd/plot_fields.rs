//! Which fields of which records `tlog plot` was asked for, and what of them is drawn.
//!
//! | type | drawn as |
//! |---|---|
//! | integers, floats | the nearest float64 |
//! | boolean | steps between 0 and 1, which the axis calls false and true |
//! | enum | steps between its numbers, which the axis calls by their symbols |
//! | duration | seconds |
//! | optional | its value; null interrupts the line |
//! | an item of an array, a value of a map, a member of a union | its value; the line is interrupted where it is not there |
//! | object, fixed array, a whole record | all of these in it |
//! | timestamp | nothing; as `--x` it is time |
//! | string, bytes, and an array, map or union as a whole | refused |

use std::collections::BTreeSet;

use tlog::read::{RecordType, Selection};
use tlog::schema::Type;
use tlog::value::{FieldPath, MAX_COLUMNS, Path, Segment, did_you_mean, leaf_paths};

use crate::exit::usage;
use crate::terminal::printable;
use tlog_convert::text::Fit;

/// One of the fields that were asked for, or a pattern for several.
#[derive(Debug)]
pub struct Request {
    /// In which panel.
    pub panel: usize,
    text: String,
    /// The names of the records that have it, by whether the request names the record.
    by_name: BTreeSet<String>,
    bare: BTreeSet<String>,
    fit: Fit,
}

/// A field that was found.
#[derive(Debug)]
pub struct Found {
    pub path: FieldPath,
    /// Whether the request begins with the name of the record.
    pub is_by_name: bool,
}

impl Request {
    /// The requests of all panels.
    pub fn all(panels: &[String]) -> anyhow::Result<Vec<Self>> {
        let mut requests = Vec::new();
        for (panel, texts) in panels.iter().enumerate() {
            for text in split(texts) {
                if text.is_empty() {
                    return Err(usage("a field without a name: fields are separated by single commas"));
                }
                let (by_name, bare) = (BTreeSet::new(), BTreeSet::new());
                requests.push(Self { panel, text: text.to_owned(), by_name, bare, fit: Fit::Unknown });
            }
        }
        Ok(requests)
    }

    /// Whether any record has it.
    pub fn is_found(&self) -> bool {
        !self.by_name.is_empty() || !self.bare.is_empty()
    }

    /// Whether a record that the request names has it, so that what was found without its name does not count.
    pub fn is_named(&self) -> bool {
        !self.by_name.is_empty()
    }

    /// The records that have it.
    pub fn records(&self) -> impl Iterator<Item = &String> {
        if self.is_named() { self.by_name.iter() } else { self.bare.iter() }
    }

    /// What of this record is asked for.
    pub fn resolve(&mut self, record: &RecordType) -> anyhow::Result<Vec<Found>> {
        let named = self.with_name(record)?;
        if !named.is_empty() {
            self.by_name.insert(record.name.clone());
            return Ok(found(named, true));
        }
        if self.is_named() {
            return Ok(Vec::new());
        }
        let bare = self.fields(&self.text.clone(), record, false)?;
        if bare.is_empty() {
            return Ok(Vec::new());
        }
        self.bare.insert(record.name.clone());
        Ok(found(bare, false))
    }

    /// Refuses what is in none of the records, or in several.
    pub fn check(&self, records: &BTreeSet<String>) -> anyhow::Result<()> {
        if !self.is_found() {
            return Err(self.missing(records));
        }
        if !self.is_named() && self.bare.len() > 1 && !is_pattern(&self.text) {
            let names: Vec<String> = self.bare.iter().map(|name| printable(name).into_owned()).collect();
            let first = names.first().map_or("", String::as_str);
            let join = if self.text.starts_with('[') { "" } else { "." };
            let why =
                format!("{} is in several records: {}; write {first}{join}{}", self.text, names.join(", "), self.text);
            return Err(usage(why));
        }
        Ok(())
    }

    fn missing(&self, records: &BTreeSet<String>) -> anyhow::Error {
        let text = &self.text;
        if let Fit::Nearly(_, why) = &self.fit {
            return usage(format!("{text}: {why}"));
        }
        let head = text.split(['.', '[']).next().unwrap_or(text);
        let meant = did_you_mean(head, records.iter().map(String::as_str));
        if !meant.is_empty() {
            return usage(format!("{text}: there is no record {head}{meant}"));
        }
        let names: Vec<String> = records.iter().map(|name| printable(name).into_owned()).collect();
        usage(match (&self.fit, records.len()) {
            (_, 0) => format!("{text}: there are no records"),
            (Fit::Nowhere(why), 1) => format!("{text}: {why}"),
            _ => {
                let names = names.join(", ");
                format!("{text}: none of these records has it: {names} (`tlog schema show` lists their fields)")
            }
        })
    }

    /// The fields, if the request begins with the name of the record.
    fn with_name(&mut self, record: &RecordType) -> anyhow::Result<Vec<FieldPath>> {
        let text = self.text.clone();
        if let Some(rest) = text.strip_prefix(&record.name) {
            return match rest.strip_prefix('.') {
                _ if rest.is_empty() => self.fields("", record, true),
                Some(field) if !field.is_empty() => self.fields(field, record, true),
                _ if rest.starts_with('[') => self.fields(rest, record, true),
                _ => Ok(Vec::new()),
            };
        }
        let head = text.find(['.', '[']).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(head).unwrap_or((&text, ""));
        let pattern = Selection { records: vec![name.to_owned()], ..Selection::default() };
        if is_pattern(name) && pattern.wants_record(&record.name) {
            return matching(rest.strip_prefix('.').unwrap_or(rest), record);
        }
        Ok(Vec::new())
    }

    /// The fields of the record at this path or pattern. What a record that the request names does not have is what the
    /// user must be told of; another record may just not be meant.
    fn fields(&mut self, text: &str, record: &RecordType, is_named: bool) -> anyhow::Result<Vec<FieldPath>> {
        if is_pattern(text) {
            // A record with too many fields for a table may just not be meant.
            return if is_named { matching(text, record) } else { Ok(matching(text, record).unwrap_or_default()) };
        }
        let path = match Path::parse(text) {
            Ok(path) => path,
            Err(e) if is_named => return Err(usage(format!("{}: {e}", self.text))),
            Err(e) => return Ok(self.fits(Fit::Nowhere(e.to_string()))),
        };
        match path.compile(&record.schema) {
            Err(error) if is_named => {
                Ok(self.fits(Fit::Nearly(usize::MAX, format!("record {}: {error}", printable(&record.name)))))
            }
            Err(error) => Ok(self.fits(Fit::of(&path, record, &error))),
            Ok(found) if is_number(found.ty()) => Ok(vec![found]),
            Ok(found) => match inside(&found, record)? {
                fields if !fields.is_empty() => Ok(fields),
                _ if is_named => Err(usage(format!("{} {}", self.text, no_number(&found)))),
                _ => Ok(self.fits(Fit::Nearly(
                    usize::MAX,
                    format!("record {} has it, but it {}", printable(&record.name), no_number(&found)),
                ))),
            },
        }
    }

    /// Notes how well the request fits a record that does not have it.
    fn fits(&mut self, fit: Fit) -> Vec<FieldPath> {
        self.fit = std::mem::take(&mut self.fit).max(fit);
        Vec::new()
    }
}

/// What data of this type is drawn: numbers, and what has an order like numbers.
pub fn is_number(ty: &Type) -> bool {
    match ty {
        Type::Boolean | Type::Enum(_) | Type::Duration | Type::Float32 | Type::Float64 => true,
        Type::FixedInt(_) | Type::FixedUint(_) | Type::Varint | Type::Varuint => true,
        Type::Null | Type::Bytes | Type::String | Type::Timestamp => false,
        Type::Object(_) | Type::Array(_) | Type::FixedArray(_) | Type::Map(_) | Type::Union(_) => false,
    }
}

/// Why this is not drawn.
fn no_number(found: &FieldPath) -> String {
    let advice = match found.ty() {
        Type::Array(_) => "; take one item of it, as in [0]",
        Type::Map(_) => "; take one value of it, as in [\"key\"]",
        Type::Union(_) => "; take one member of it by its type, as in .float64",
        Type::Object(_) | Type::FixedArray(_) => " without a number in it",
        Type::Timestamp => "; --x draws over it",
        _ => "",
    };
    format!("cannot be drawn: it is no number but of type {}{advice}", found.ty().name())
}

fn found(paths: Vec<FieldPath>, is_by_name: bool) -> Vec<Found> {
    paths.into_iter().map(|path| Found { path, is_by_name }).collect()
}

/// The numbers inside what a path leads to.
fn inside(outer: &FieldPath, record: &RecordType) -> anyhow::Result<Vec<FieldPath>> {
    if !matches!(outer.ty(), Type::Object(_) | Type::FixedArray(_)) {
        return Ok(Vec::new());
    }
    let outer = outer.path().segments();
    let mut leaves = leaf_paths(&record.schema, MAX_COLUMNS)?;
    leaves.retain(|leaf| leaf.path().segments().starts_with(outer) && is_number(leaf.ty()));
    Ok(leaves)
}

/// The numbers that match a pattern, or are inside what matches it.
fn matching(pattern: &str, record: &RecordType) -> anyhow::Result<Vec<FieldPath>> {
    let parts: Vec<&str> = pattern.split(['.', '[']).map(|part| part.trim_end_matches(']')).collect();
    let parts = if pattern.is_empty() { &[][..] } else { &parts };
    // A pattern that begins with an index has nothing before it.
    let parts = if pattern.starts_with('[') { parts.get(1..).unwrap_or(&[]) } else { parts };
    let matches = |leaf: &FieldPath| {
        let segments = leaf.path().segments();
        segments.len() >= parts.len() && segments.iter().zip(parts).all(|(segment, part)| is_match(part, segment))
    };
    let mut leaves = leaf_paths(&record.schema, MAX_COLUMNS)?;
    leaves.retain(|leaf| is_number(leaf.ty()) && matches(leaf));
    Ok(leaves)
}

fn is_match(pattern: &str, segment: &Segment) -> bool {
    let pattern = Selection { records: vec![pattern.to_owned()], ..Selection::default() };
    match segment {
        Segment::Name(name) => pattern.wants_record(name),
        Segment::Index(index) => pattern.wants_record(&index.to_string()),
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?']) && !text.contains('"')
}

/// The parts of a text between commas that are not in quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut from, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '\\' if is_quoted && !is_escaped => {
                is_escaped = true;
                continue;
            }
            '"' if !is_escaped => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                parts.push(text.get(from..at).unwrap_or("").trim());
                from = at + 1;
            }
            _ => {}
        }
        is_escaped = false;
    }
    parts.push(text.get(from..).unwrap_or("").trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn commas_in_quotes_separate_nothing() {
        for (text, parts) in [
            ("a", &["a"][..]),
            ("a, b[0]", &["a", "b[0]"]),
            (r#"tags["a,b"],c"#, &[r#"tags["a,b"]"#, "c"]),
            (r#"t["a\",b"],c"#, &[r#"t["a\",b"]"#, "c"]),
            ("a,,b", &["a", "", "b"]),
            ("", &[""]),
        ] {
            assert_eq!(split(text), parts, "{text}");
        }
    }
}
