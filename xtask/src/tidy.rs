//! `cargo xtask tidy`: the rules of the project that no compiler checks.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::project::{files, root};

/// How many lines of code a file may have, tests aside. One that passes this wants to be two.
const MAX_CODE_LINES: usize = 600;

/// What may lie at the root of the repository.
const ROOT: [&str; 25] = [
    ".cargo",
    ".ci",
    ".config",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "clippy.toml",
    "docs",
    "fuzz",
    "rustfmt.toml",
    "testdata",
    "tlog",
    "tlog-cli",
    "tlog-convert",
    "tlog-derive",
    "tlog-index",
    "tlog-plot",
    "firmware-writer",
    "xtask",
];

/// The walls behind which the dangerous keyword lives; each says itself what justifies it. The
/// derive is here because it writes promises of `Plain`, after checks that make them true.
const WALLS: [&str; 13] = [
    "tlog/src/mmap.rs",
    "tlog/src/record/plain.rs",
    "tlog-derive/src/enums.rs",
    "tlog-derive/src/structs.rs",
    "firmware-writer/src/ring/cells.rs",
    "firmware-writer/examples/lm3s6965evb/src/board.rs",
    "firmware-writer/src/c_api/card.rs",
    "firmware-writer/src/c_api/kinds.rs",
    "firmware-writer/src/c_api/packets.rs",
    "firmware-writer/src/c_api/readers.rs",
    "firmware-writer/src/c_api/rings.rs",
    "firmware-writer/src/c_api/writer.rs",
    "firmware-writer/tests/c_api.rs",
];

/// Folders whose code must not panic: libraries and the command, but not their tests.
const NO_PANIC: [&str; 7] = [
    "tlog/src/",
    "tlog-derive/src/",
    "tlog-index/src/",
    "tlog-convert/src/",
    "tlog-plot/src/",
    "tlog-cli/src/",
    "firmware-writer/src/",
];

// Spelt in two halves, so that the rules do not find themselves.
const UNSAFE: &str = concat!("un", "safe");
const UNFINISHED: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
];
const PANICS: [&str; 4] =
    [concat!(".unwrap", "()"), concat!(".expect", "("), concat!("panic", "!("), concat!("unreachable", "!(")];
const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// A text file of the project.
struct Source<'a> {
    /// From the root, with `/` between folders.
    path: &'a str,
    text: &'a str,
}

/// Checks every rule on every file.
///
/// # Errors
/// With all violations, one a line.
pub fn run() -> Result<()> {
    let mut found = Vec::new();
    for path in files()? {
        let bytes = fs::read(root().join(&path))?;
        let path = path.to_string_lossy().replace('\\', "/");
        found.extend(root_name(&path));
        if let Ok(text) = std::str::from_utf8(&bytes) {
            found.extend(violations(&Source { path: &path, text }));
        }
    }
    if !found.is_empty() {
        bail!("the rules are broken in {} places:\n{}", found.len(), found.join("\n"));
    }
    Ok(())
}

fn root_name(path: &str) -> Option<String> {
    let name = path.split('/').next()?;
    (!ROOT.contains(&name)).then(|| format!("{path}: nothing named {name:?} belongs at the root"))
}

fn violations(source: &Source<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if is_text(source.path) {
        found.extend(words(source, &UNFINISHED, "is unfinished: finish it, or file an issue"));
        found.extend(words(source, &MACHINE_PATHS, "is a path of one machine"));
    }
    if source.path.ends_with(".rs") && !source.path.contains("/tests/ui/") {
        found.extend(module_doc(source));
        found.extend(length(source));
        found.extend(wall(source));
        found.extend(panics(source));
    }
    found
}

/// Licences and locks are not ours to word.
fn is_text(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension != "lock")
}

/// The code of a Rust file in front of its unit tests: line numbers from 1, comments cut off.
fn code<'a>(source: &Source<'a>) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
    let is_test = source.path.ends_with("/tests.rs");
    let lines = source.text.lines().take_while(move |line| !is_test && !line.starts_with("#[cfg(test)]"));
    lines.enumerate().map(|(at, line)| (at + 1, without_comment(line))).filter(|(_, line)| !line.trim().is_empty())
}

/// A line up to its comment. A `//` inside a string cuts it too early, which lets a line through, not a file.
fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

fn module_doc(source: &Source<'_>) -> Option<String> {
    (!source.text.starts_with("//! ")).then(|| format!("{}:1: it must start with its module doc, //! …", source.path))
}

fn length(source: &Source<'_>) -> Option<String> {
    let lines = code(source).count();
    (lines > MAX_CODE_LINES).then(|| format!("{}: {lines} lines of code; {MAX_CODE_LINES} are the limit", source.path))
}

fn wall(source: &Source<'_>) -> Vec<String> {
    if WALLS.contains(&source.path) {
        return Vec::new();
    }
    let hits = code(source).filter(|(_, line)| has_word(line, UNSAFE));
    hits.map(|(at, _)| format!("{}:{at}: {UNSAFE} code belongs behind the walls {WALLS:?}", source.path)).collect()
}

/// Whether the word stands there on its own, not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(part) && !line[at + word.len()..].chars().next().is_some_and(part)
    })
}

fn panics(source: &Source<'_>) -> Vec<String> {
    if !NO_PANIC.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let found = code(source).filter_map(|(at, line)| Some((at, PANICS.iter().find(|panic| line.contains(**panic))?)));
    found.map(|(at, panic)| format!("{}:{at}: {panic} may panic: return an error", source.path)).collect()
}

fn words(source: &Source<'_>, words: &[&str], why: &str) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    let found = lines.filter_map(|(at, line)| Some((at + 1, words.iter().find(|word| line.contains(**word))?)));
    found.map(|(at, word)| format!("{}:{at}: {word} {why}", source.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        violations(&Source { path, text })
    }

    #[test]
    fn the_project_keeps_its_rules() {
        run().unwrap();
    }

    #[test]
    fn the_root_is_closed() {
        assert!(root_name("notes.txt").is_some());
        assert!(root_name("tlog/notes.txt").is_none());
    }

    #[test]
    fn a_file_needs_its_module_doc() {
        assert_eq!(found("tlog/src/a.rs", "//! What it is.\n"), Vec::<String>::new());
        assert_eq!(found("tlog/src/a.rs", "// What it is.\n").len(), 1);
        assert_eq!(found("tlog/src/a.rs", "use b;\n//! Late.\n").len(), 1);
    }

    #[test]
    fn a_file_may_be_long_in_comments_and_tests_only() {
        let long = "let a = 1;\n".repeat(MAX_CODE_LINES);
        let text = format!("//! Doc.\n\n// more\n{long}");
        assert!(found("tlog/src/a.rs", &format!("{text}#[cfg(test)]\nmod tests {{}}\n")).is_empty());
        assert_eq!(found("tlog/src/a.rs", &format!("{text}mod more {{}}\n")).len(), 1);
    }

    #[test]
    fn the_dangerous_keyword_stays_behind_its_walls() {
        let text = format!("//! Doc.\n{UNSAFE} {{ a() }}\n");
        assert_eq!(found("tlog/src/a.rs", &text).len(), 1);
        assert!(found(WALLS[0], &text).is_empty());
        assert!(found("tlog/src/a.rs", &format!("//! Doc.\n#![forbid({UNSAFE}_code)] // {UNSAFE}\n")).is_empty());
    }

    #[test]
    fn libraries_do_not_panic_but_their_tests_may() {
        for panic in PANICS {
            let text = format!("//! Doc.\na{panic});\n");
            assert_eq!(found("tlog/src/a.rs", &text).len(), 1, "{panic}");
            assert!(found("tlog/tests/a.rs", &text).is_empty());
            assert!(found("tlog/src/a.rs", &format!("//! Doc.\n#[cfg(test)]\na{panic});\n")).is_empty());
        }
    }

    #[test]
    fn unfinished_work_and_machine_paths_are_found_anywhere() {
        for word in UNFINISHED.iter().chain(&MACHINE_PATHS) {
            assert_eq!(found("docs/a.md", &format!("text\n{word}x\n")).len(), 1, "{word}");
            assert!(found("docs/a.lock", word).is_empty());
        }
    }
}
