//! Exit codes, help, completions and man pages.

mod support;

use support::{Folder, small};

#[test]
fn each_exit_code_in_its_ways() {
    let folder = Folder::with("a.tlog", small());
    let mut broken = small();
    broken[200] ^= 1;
    folder.put("broken.tlog", &broken);
    folder.put("not.tlog", "hello, this is no log");
    for (args, code) in [
        (&["cat", "a.tlog"][..], 0),
        (&["--help"], 0),
        (&["-h"], 0),
        (&["--version"], 0),
        (&["cat", "--help"], 0),
        (&["schema", "diff", "a.tlog", "a.tlog", "--exit-code"], 0),
        (&["cat", "missing.tlog"], 1),
        (&["cat", "not.tlog"], 1),
        (&["cat", "broken.tlog", "--strict"], 1),
        (&["info", "a.tlog", "not.tlog"], 1),
        (&["man", "a.tlog"], 1),
        (&[], 2),
        (&["schema"], 2),
        (&["nonsense"], 2),
        (&["cat"], 2),
        (&["cat", "a.tlog", "--nonsense"], 2),
        (&["cat", "a.tlog", "--format", "xml"], 2),
        (&["cat", "a.tlog", "-q", "-v"], 2),
        (&["cat", "."], 2),
        (&["info", "--quick", "."], 2),
        (&["cat", "--follow", "."], 2),
        (&["cat", "-", "-"], 2),
        (&["cat", "--follow", "a.tlog", "a.tlog"], 2),
        (&["cat", "a.tlog", "--record", "nope"], 2),
        (&["cat", "a.tlog", "--field", "nope"], 2),
        (&["completion", "tcsh"], 2),
        (&["help", "nonsense"], 2),
        (&["cat", "broken.tlog"], 3),
        (&["info", "broken.tlog"], 3),
        (&["cat", "a.tlog", "broken.tlog", "a.tlog"], 3),
    ] {
        let run = folder.tlog(args);
        assert_eq!(run.code, code, "{args:?}: {}", run.err);
        assert_eq!(run.err.is_empty(), code == 0, "{args:?}: {}", run.err);
        assert!(code != 2 || run.out.is_empty(), "{args:?}: {}", run.out);
    }
}

#[test]
fn help_is_the_same_by_both_ways() {
    let folder = Folder::new();
    for command in ["info", "cat", "schema show", "schema diff", "write", "completion", "man", "help", "schema"] {
        let path: Vec<&str> = command.split(' ').collect();
        let asked = folder.tlog(&[&["help"], &path[..]].concat()).good();
        assert!(asked.contains(&format!("Usage: tlog {command}")), "{asked}");
        assert_eq!(asked, folder.tlog(&[&path[..], &["--help"]].concat()).good());
        let short = folder.tlog(&[&path[..], &["-h"]].concat()).good();
        assert!(short.len() <= asked.len() && short.contains("Usage: tlog"), "{short}");
    }
    assert_eq!(folder.tlog(&["help"]).good(), folder.tlog(&["--help"]).good());
}

#[test]
fn topics_of_help() {
    let folder = Folder::new();
    let codes = folder.tlog(&["help", "exit-codes"]).good();
    assert!(["  0  ", "  1  ", "  2  ", "  3  "].iter().all(|code| codes.contains(code)), "{codes}");
    let times = folder.tlog(&["help", "times"]).good();
    assert!(["RFC 3339", "1549900112s", "+30s", "-10s", "1h30m"].iter().all(|form| times.contains(form)), "{times}");
    let wrong = folder.tlog(&["help", "nonsense"]).refused(2);
    assert!(wrong.contains("exit-codes") && wrong.contains("times"), "{wrong}");
}

#[test]
fn version_is_that_of_the_crate() {
    assert_eq!(Folder::new().tlog(&["--version"]).good(), concat!("tlog ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn completions_know_the_options() {
    let folder = Folder::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = folder.tlog(&["completion", shell]).good();
        assert!(script.contains("schema-from") && script.contains("completion"), "{shell}");
    }
}

#[test]
fn man_pages_for_each_command() {
    let folder = Folder::new();
    assert!(folder.tlog(&["man", "pages/man1"]).good().is_empty());
    for page in ["tlog", "tlog-cat", "tlog-info", "tlog-schema-show", "tlog-schema-diff", "tlog-write"] {
        let page = String::from_utf8(folder.get(&format!("pages/man1/{page}.1"))).unwrap();
        assert!(page.contains(".TH tlog"), "{page}");
    }
    assert!(folder.tlog(&["man"]).good().contains(".TH tlog"));
}

#[test]
fn colors_only_where_they_are_wanted() {
    let folder = Folder::with("a.tlog", small());
    assert!(!folder.tlog(&["info", "a.tlog"]).good().contains('\x1b'));
    assert!(folder.tlog(&["info", "a.tlog", "--color", "always"]).good().contains('\x1b'));
}
