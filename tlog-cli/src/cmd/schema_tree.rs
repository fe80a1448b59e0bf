//! Schemas as trees for reading, and what changed between two of them.

use std::fmt;

use tlog::read::RecordType;
use tlog::schema::{Enum, Field, Object, Type};
use tlog::value::{Cursor, write_json};

use crate::terminal::{Terminal, printable};

/// So many symbols of an enum are shown; the rest is counted.
const MAX_SYMBOLS: usize = 12;

/// A record and its type, one line a field.
pub fn render(record: &RecordType, terminal: &Terminal) -> String {
    let mut out = format!("{} (identifier {})", terminal.bold(&printable(&record.name)), record.identifier);
    out.push_str(&format!(": {}\n", describe(record.schema.root())));
    render_fields(record.schema.root(), 1, &mut out);
    out
}

fn render_fields(ty: &Type, depth: usize, out: &mut String) {
    for field in objects_in(ty).into_iter().flat_map(Object::fields) {
        out.push_str(&format!(
            "{:indent$}{}: {}",
            "",
            printable(field.name()),
            describe(field.ty()),
            indent = 2 * depth
        ));
        if !field.aliases().is_empty() {
            out.push_str(&format!(", once {}", printable(&field.aliases().join(", "))));
        }
        if let Some(default) = default(field) {
            out.push_str(&format!(", default {default}"));
        }
        out.push('\n');
        render_fields(field.ty(), depth + 1, out);
    }
}

/// The objects whose fields stand below a line that describes `ty`.
fn objects_in(ty: &Type) -> Vec<&Object> {
    match ty {
        Type::Object(object) => vec![object],
        Type::Array(item) | Type::Map(item) => objects_in(item),
        Type::FixedArray(array) => objects_in(array.item()),
        Type::Union(members) => members.iter().flat_map(objects_in).collect(),
        _ => Vec::new(),
    }
}

fn default(field: &Field) -> Option<String> {
    let mut json = Vec::new();
    write_json(field.ty(), &mut Cursor::new(field.default_bytes()?), &mut json).ok()?;
    String::from_utf8(json).ok()
}

/// A type in a few words: `fixedarray[3] of float32`, `float64 or null`.
pub fn describe(ty: &Type) -> String {
    if let Some(some) = ty.as_optional() {
        return format!("{} or null", describe(some));
    }
    match ty {
        Type::Array(item) => format!("array of {}", describe(item)),
        Type::FixedArray(array) => format!("fixedarray[{}] of {}", array.len(), describe(array.item())),
        Type::Map(value) => format!("map of {}", describe(value)),
        Type::Union(members) => format!("union of {}", members.iter().map(describe).collect::<Vec<_>>().join(" | ")),
        Type::Enum(enumeration) => describe_enum(enumeration),
        Type::Object(object) => match object.version() {
            Some(version) => format!("object version {version}"),
            None => "object".to_owned(),
        },
        scalar => scalar.name().to_owned(),
    }
}

fn describe_enum(enumeration: &Enum) -> String {
    let shown = enumeration.symbols().iter().take(MAX_SYMBOLS);
    let mut symbols: Vec<String> =
        shown.map(|symbol| format!("{}={}", printable(&symbol.name), symbol.value)).collect();
    if enumeration.symbols().len() > MAX_SYMBOLS {
        symbols.push(format!("… {} more", enumeration.symbols().len() - MAX_SYMBOLS));
    }
    format!("enum {} {{{}}}", enumeration.underlying().name(), symbols.join(", "))
}

/// One field that differs.
#[derive(Debug, serde::Serialize)]
pub struct Change {
    pub path: String,
    /// `added`, `removed`, `changed`.
    pub change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", sign(self.change), printable(&self.path))?;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, ": {from} → {to}"),
            (Some(only), None) | (None, Some(only)) => write!(f, ": {only}"),
            (None, None) => Ok(()),
        }
    }
}

/// How a change is marked.
pub fn sign(change: &str) -> char {
    match change {
        "added" => '+',
        "removed" => '-',
        _ => '~',
    }
}

/// The fields that differ between two types.
pub fn changes(a: &Type, b: &Type) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(a, b, "", &mut changes);
    changes
}

fn compare(a: &Type, b: &Type, path: &str, changes: &mut Vec<Change>) {
    match (a, b) {
        _ if a == b => {}
        (Type::Object(a), Type::Object(b)) => compare_objects(a, b, path, changes),
        (Type::Array(a), Type::Array(b)) => compare(a, b, &format!("{path}[]"), changes),
        (Type::FixedArray(a), Type::FixedArray(b)) if a.len() == b.len() => {
            compare(a.item(), b.item(), &format!("{path}[]"), changes);
        }
        (Type::Map(a), Type::Map(b)) => compare(a, b, &format!("{path}{{}}"), changes),
        _ => changes.push(changed(path, describe(a), describe(b))),
    }
}

fn compare_objects(a: &Object, b: &Object, path: &str, changes: &mut Vec<Change>) {
    let inside = |field: &Field| if path.is_empty() { field.name().into() } else { format!("{path}.{}", field.name()) };
    let before = changes.len();
    for old in a.fields() {
        match b.field(old.name()).or_else(|| renamed(old, a, b)) {
            None => {
                changes.push(Change { path: inside(old), change: "removed", from: Some(describe(old.ty())), to: None })
            }
            Some(new) if new.name() != old.name() => {
                changes.push(changed(&format!("{} (name)", inside(old)), old.name().into(), new.name().into()));
                compare(old.ty(), new.ty(), &inside(new), changes);
            }
            Some(new) => {
                compare(old.ty(), new.ty(), &inside(old), changes);
                compare_extras(old, new, &inside(old), changes);
            }
        }
    }
    let was_renamed = |new: &Field| a.fields().iter().any(|old| renamed(old, a, b).is_some_and(|found| found == new));
    for new in b.fields().iter().filter(|new| a.field(new.name()).is_none() && !was_renamed(new)) {
        changes.push(Change { path: inside(new), change: "added", from: None, to: Some(describe(new.ty())) });
    }
    if changes.len() == before {
        let names = |object: &Object| object.fields().iter().map(Field::name).collect::<Vec<_>>().join(", ");
        let whole = if path.is_empty() { "(order of fields)".to_owned() } else { format!("{path} (order of fields)") };
        changes.push(changed(&whole, names(a), names(b)));
    }
}

/// The field of `b` that says it was once called as `old` is, if neither object has both.
fn renamed<'b>(old: &Field, a: &Object, b: &'b Object) -> Option<&'b Field> {
    let is_it = |new: &&Field| a.field(new.name()).is_none() && new.aliases().iter().any(|alias| alias == old.name());
    if b.field(old.name()).is_some() { None } else { b.fields().iter().find(is_it) }
}

fn compare_extras(old: &Field, new: &Field, path: &str, changes: &mut Vec<Change>) {
    let or_none = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "none".to_owned());
    if old.default_bytes() != new.default_bytes() {
        changes.push(changed(&format!("{path} (default)"), or_none(default(old)), or_none(default(new))));
    }
    if old.aliases() != new.aliases() {
        let aliases = |field: &Field| or_none(Some(field.aliases().join(", ")));
        changes.push(changed(&format!("{path} (aliases)"), aliases(old), aliases(new)));
    }
}

fn changed(path: &str, from: String, to: String) -> Change {
    let path = if path.is_empty() { "(type)" } else { path };
    Change { path: path.to_owned(), change: "changed", from: Some(from), to: Some(to) }
}
