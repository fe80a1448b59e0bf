//! `tlog schema show` and `tlog schema diff`.

mod support;

use serde_json::{Value, json};
use support::{Folder, log, small, small_with};
use tlog::write::WriterOptions;

/// A log that holds just this declaration.
fn declaring(name: &str, schema: &str) -> Vec<u8> {
    log(&WriterOptions::new(), &[(name, schema)], &[])
}

const RICH: &str = r#"{"type":"object","fields":[
    {"name":"id","type":"varuint","aliases":["key","no"],"default":5},
    {"name":"mode","type":{"type":"enum","underlying":"fixeduint8","symbols":[{"name":"idle","value":0},{"name":"run","value":7}]}},
    {"name":"legs","type":{"type":"array","items":{"type":"object","fields":[{"name":"force","type":"float32"}]}}},
    {"name":"pos","type":{"type":"fixedarray","size":3,"items":"float64"}},
    {"name":"tags","type":{"type":"map","values":["null","string"]}},
    {"name":"any","type":["string","boolean"]}]}"#;

#[test]
fn the_tree() {
    let folder = Folder::with("a.tlog", declaring("robot", RICH));
    let expected = "robot (identifier 1): object\n\
        \x20 id: varuint, once key, no, default 5\n\
        \x20 mode: enum fixeduint8 {idle=0, run=7}\n\
        \x20 legs: array of object\n\
        \x20   force: float32\n\
        \x20 pos: fixedarray[3] of float64\n\
        \x20 tags: map of string or null\n\
        \x20 any: union of string | boolean\n";
    assert_eq!(folder.tlog(&["schema", "show", "a.tlog"]).good(), expected);
}

#[test]
fn the_same_by_index_by_scan_and_from_a_pipe() {
    let folder = Folder::with("a.tlog", small());
    folder.put("unindexed.tlog", small_with(&WriterOptions::new().index(false)));
    for format in ["tree", "json"] {
        let shown = folder.tlog(&["schema", "show", "--format", format, "a.tlog"]).good();
        assert_eq!(folder.tlog(&["schema", "show", "--format", format, "unindexed.tlog"]).good(), shown);
        assert_eq!(folder.tlog_with(&["schema", "show", "--format", format, "-"], &small()).good(), shown);
    }
    let some = folder.tlog(&["schema", "show", "a.tlog", "--record", "n*", "--record", "gps"]).good();
    assert_eq!(
        some,
        "gps (identifier 2): object\n  lat: float64\n  fix: fixeduint8 or null\nnote (identifier 3): string\n"
    );
    let wrong = folder.tlog(&["schema", "show", "a.tlog", "--record", "nope"]).refused(2);
    assert!(wrong.contains("no record nope; there are: imu, gps, note"), "{wrong}");
}

#[test]
fn json_goes_back_into_write() {
    let folder = Folder::with("a.tlog", declaring("robot", RICH));
    let shown = folder.tlog(&["schema", "show", "a.tlog", "--format", "json"]).good();
    folder.put("schema.json", &shown);
    folder.tlog(&["write", "--schema", "schema.json", "-o", "b.tlog"]).good();
    assert_eq!(folder.get("b.tlog"), folder.get("a.tlog"));
    let document: Value = serde_json::from_str(&shown).unwrap();
    let schema: Value = serde_json::from_str(RICH).unwrap();
    assert_eq!(document, json!({"records": [{"name": "robot", "identifier": 1, "schema": schema}]}));
}

#[test]
fn logs_with_the_same_schemas_do_not_differ() {
    let folder = Folder::with("a.tlog", small());
    assert_eq!(folder.tlog(&["schema", "diff", "a.tlog", "a.tlog"]).good(), "no difference\n");
    let json = folder.tlog_with(&["schema", "diff", "a.tlog", "-", "--format", "json", "--exit-code"], &small()).good();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({"version": 1, "differences": []}));
}

/// What `schema diff` says of a record `r` that changes from one object to another, given by their fields.
fn difference(a: &str, b: &str) -> String {
    let object = |fields: &str| format!("{{\"type\":\"object\",\"fields\":[{fields}]}}");
    let folder = Folder::with("a.tlog", declaring("r", &object(a)));
    folder.put("b.tlog", declaring("r", &object(b)));
    let text = folder.tlog(&["schema", "diff", "a.tlog", "b.tlog"]).good();
    let code = folder.tlog(&["schema", "diff", "a.tlog", "b.tlog", "--exit-code"]);
    assert_eq!((code.code, code.err.as_str(), &code.out), (1, "", &text));
    text
}

fn field(name: &str, ty: &str) -> String {
    format!("{{\"name\":\"{name}\",\"type\":{ty}}}")
}

#[test]
fn fields_added_removed_changed_and_moved() {
    let (x, y) = (field("xx", "\"float32\""), field("yy", "\"fixeduint8\""));
    assert_eq!(
        difference(&x, &format!("{x},{y}")),
        "~ r\n    + yy: fixeduint8\n    A cannot be read as B: yy: the writer has no such field, and it has no default\n"
    );
    assert_eq!(difference(&format!("{x},{y}"), &x), "~ r\n    - yy: fixeduint8\n    A can be read as B\n");
    let wider = field("yy", "\"fixeduint32\"");
    assert_eq!(difference(&y, &wider), "~ r\n    ~ yy: fixeduint8 → fixeduint32\n    A can be read as B\n");
    assert!(difference(&wider, &y).contains("~ yy: fixeduint32 → fixeduint8\n    A cannot be read as B: yy"));
    let moved = difference(&format!("{x},{y}"), &format!("{y},{x}"));
    assert_eq!(moved, "~ r\n    ~ (order of fields): xx, yy → yy, xx\n    A can be read as B\n");
}

#[test]
fn defaults_aliases_and_inner_types() {
    let plain = field("xx", "\"fixeduint8\"");
    let with_default = r#"{"name":"xx","type":"fixeduint8","default":3}"#;
    let with_alias = r#"{"name":"xx","type":"fixeduint8","aliases":["old"]}"#;
    assert!(difference(&plain, with_default).contains("~ xx (default): none → 3\n"));
    assert!(difference(with_alias, &plain).contains("~ xx (aliases): old → none\n"));
    let inner = |ty: &str| format!("{{\"type\":\"object\",\"fields\":[{}]}}", field("zz", ty));
    let array = |ty: &str| field("list", &format!("{{\"type\":\"array\",\"items\":{}}}", inner(ty)));
    assert!(difference(&array("\"float32\""), &array("\"float64\"")).contains("~ list[].zz: float32 → float64\n"));
    let fixed = |size: u8| field("pos", &format!("{{\"type\":\"fixedarray\",\"size\":{size},\"items\":\"float32\"}}"));
    assert!(difference(&fixed(2), &fixed(3)).contains("~ pos: fixedarray[2] of float32 → fixedarray[3] of float32\n"));
    let map = |ty: &str| field("tags", &format!("{{\"type\":\"map\",\"values\":{ty}}}"));
    assert!(difference(&map("\"string\""), &map("\"bytes\"")).contains("~ tags{}: string → bytes\n"));
    let mode = |symbols: &str| {
        let symbols = format!("[{symbols}]");
        field("mode", &format!("{{\"type\":\"enum\",\"underlying\":\"varuint\",\"symbols\":{symbols}}}"))
    };
    let grown = difference(&mode(r#""idle""#), &mode(r#""idle","run""#));
    assert!(grown.contains("~ mode: enum varuint {idle=0} → enum varuint {idle=0, run=1}\n"), "{grown}");
    let optional = difference(&plain, &field("xx", "[\"null\",\"fixeduint8\"]"));
    assert!(optional.contains("~ xx: fixeduint8 → fixeduint8 or null\n    A can be read as B\n"), "{optional}");
    let renamed = r#"{"name":"new","type":"fixeduint8","aliases":["xx"]}"#;
    assert!(difference(&plain, renamed).ends_with("    ~ xx (name): xx → new\n    A can be read as B\n"));
    let wider = renamed.replace("fixeduint8", "fixeduint16");
    assert!(difference(&plain, &wider).contains("    ~ xx (name): xx → new\n    ~ new: fixeduint8 → fixeduint16\n"));
}

#[test]
fn records_added_removed_and_of_another_type() {
    let folder =
        Folder::with("a.tlog", log(&WriterOptions::new(), &[("old", "\"string\""), ("both", "\"float32\"")], &[]));
    folder.put("b.tlog", log(&WriterOptions::new(), &[("both", "\"string\""), ("new", "\"string\"")], &[]));
    let text = folder.tlog(&["schema", "diff", "a.tlog", "b.tlog"]).good();
    assert!(text.starts_with("- old\n~ both\n    ~ (type): float32 → string\n    A cannot be read as B: "), "{text}");
    assert!(text.ends_with("\n+ new\n"), "{text}");
    let json = folder.tlog(&["schema", "diff", "a.tlog", "b.tlog", "--format", "json"]).good();
    let document: Value = serde_json::from_str(&json).unwrap();
    let changes: Vec<_> =
        document["differences"].as_array().unwrap().iter().map(|d| (&d["record"], &d["change"])).collect();
    let expected = [("old", "removed"), ("both", "changed"), ("new", "added")].map(|(r, c)| (json!(r), json!(c)));
    assert_eq!(changes, expected.iter().map(|(r, c)| (r, c)).collect::<Vec<_>>());
    let both = &document["differences"][1];
    assert_eq!(both["fields"], json!([{"path": "(type)", "change": "changed", "from": "float32", "to": "string"}]));
    assert!(both["unreadable"].is_string(), "{both}");
}
