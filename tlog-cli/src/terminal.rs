//! Standard error: messages, colors, and whether anybody sees them.

use std::io::{IsTerminal, Write};

use tlog::read::{Damage, Skipped};

use crate::args::{Common, When};

/// What may be said on standard error, and how.
#[derive(Debug)]
pub struct Terminal {
    quiet: bool,
    verbose: bool,
    stderr_color: bool,
    stdout_color: bool,
    pub show_progress: bool,
}

impl Terminal {
    pub fn new(common: &Common) -> Self {
        let stderr = std::io::stderr().is_terminal();
        Self {
            quiet: common.quiet,
            verbose: common.verbose,
            stderr_color: wants_color(common.color, stderr),
            stdout_color: wants_color(common.color, std::io::stdout().is_terminal()),
            show_progress: !common.quiet && applies(common.progress, stderr),
        }
    }

    /// What went wrong; said even when quiet.
    pub fn error(&self, message: &str) {
        self.say("error", "31", message);
    }

    /// What the user should know.
    pub fn warn(&self, message: &str) {
        if !self.quiet {
            self.say("warning", "33", message);
        }
    }

    fn say(&self, level: &str, color: &str, message: &str) {
        let level = if self.stderr_color { format!("\x1b[1;{color}m{level}\x1b[0m") } else { level.to_owned() };
        // Nothing can be done about a closed standard error.
        let _ = writeln!(std::io::stderr().lock(), "tlog: {level}: {message}");
    }

    /// What a reader skipped, in one line; every stretch in a line of its own when verbose.
    pub fn report_damage(&self, name: &str, damage: &Damage) {
        let Some(first) = damage.first.first() else { return };
        if self.verbose {
            damage.first.iter().for_each(|skipped| self.warn(&format!("{name}: skipped {}", describe(skipped))));
        }
        let stretches = if damage.stretches == 1 { "stretch" } else { "stretches" };
        let summary = format!("{name}: {} damaged {stretches} skipped, {} bytes", damage.stretches, damage.bytes);
        let more = if self.verbose { String::new() } else { "; --verbose lists them".to_owned() };
        match damage.stretches {
            1 => self.warn(&format!("{summary}: {}", describe(first))),
            _ => self.warn(&format!("{summary}, first {}{more}", describe(first))),
        }
    }

    /// Bold on standard output, where colors are wanted.
    pub fn bold(&self, text: &str) -> String {
        if self.stdout_color { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn describe(skipped: &Skipped) -> String {
    format!("bytes {}..{}: {}", skipped.range.start, skipped.range.end, skipped.cause)
}

const fn applies(when: When, is_terminal: bool) -> bool {
    match when {
        When::Auto => is_terminal,
        When::Always => true,
        When::Never => false,
    }
}

/// The variables count only where the option leaves it open.
fn wants_color(when: When, is_terminal: bool) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match when {
        When::Auto if is_set("NO_COLOR") => false,
        When::Auto if is_set("CLICOLOR_FORCE") => true,
        _ => applies(when, is_terminal && !dumb),
    }
}
