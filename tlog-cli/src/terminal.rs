//! Standard error: messages, colors, and whether anybody sees them.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use tlog::read::{Damage, Skipped};

use crate::args::{Common, When};

/// What may be said on standard error, and how.
#[derive(Clone, Debug)]
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

    /// One that says only what went wrong: for what is read twice.
    pub fn silent(&self) -> Self {
        Self { quiet: true, verbose: false, show_progress: false, ..self.clone() }
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

    /// What only somebody who asks for more wants to know.
    pub fn note(&self, message: &str) {
        if self.verbose {
            self.say("note", "36", message);
        }
    }

    /// What a command that runs for long has to tell while all is well.
    pub fn tell(&self, message: &str) {
        if !self.quiet {
            // Nothing can be done about a closed standard error.
            let _ = writeln!(std::io::stderr().lock(), "tlog: {message}");
        }
    }

    /// Whether everything is to be told in full.
    pub const fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether only what went wrong is to be told.
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether colors are wanted on standard output.
    pub const fn has_color(&self) -> bool {
        self.stdout_color
    }

    fn say(&self, level: &str, color: &str, message: &str) {
        let level = if self.stderr_color { format!("\x1b[1;{color}m{level}\x1b[0m") } else { level.to_owned() };
        // Nothing can be done about a closed standard error.
        let _ = writeln!(std::io::stderr().lock(), "tlog: {level}: {message}");
    }

    /// What a reader skipped, in one line; when verbose, what is known of every stretch in lines before it.
    pub fn report_damage(&self, name: &str, damage: &Damage) {
        let Some(first) = damage.first.first() else { return };
        if damage.stretches == 1 {
            return self.warn(&format!("{name}: skipped {}", describe(first)));
        }
        if self.verbose {
            damage.first.iter().for_each(|skipped| self.warn(&format!("{name}: skipped {}", describe(skipped))));
        }
        let summary = format!("{name}: skipped {} damaged stretches, {} bytes in all", damage.stretches, damage.bytes);
        let unlisted = damage.stretches - damage.first.len() as u64;
        match (self.verbose, unlisted) {
            (true, 0) => self.warn(&summary),
            (true, _) => self.warn(&format!("{summary}; the last {unlisted} are not listed")),
            (false, _) => self.warn(&format!("{summary}; first {}; --verbose lists them", describe(first))),
        }
    }

    /// What a reader has skipped since `told` stretches were reported; how many there are now.
    pub fn report_skipped(&self, name: &str, damage: &Damage, told: usize) -> usize {
        for skipped in damage.first.get(told..).unwrap_or(&[]) {
            self.warn(&format!("{name}: skipped {}", describe(skipped)));
        }
        damage.first.len()
    }

    /// Bold on standard output, where colors are wanted.
    pub fn bold(&self, text: &str) -> String {
        if self.stdout_color { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn describe(skipped: &Skipped) -> String {
    format!("bytes {}..{}: {}", skipped.range.start, skipped.range.end, skipped.cause)
}

/// A name out of a log as it may be shown: without characters that control terminals or end lines.
pub fn printable(name: &str) -> Cow<'_, str> {
    if !name.contains(char::is_control) {
        return Cow::Borrowed(name);
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(name.chars().map(escape).collect())
}

/// A number of things.
pub fn count(number: u64, thing: &str) -> String {
    match (number, thing.ends_with("ch")) {
        (1, _) => format!("1 {thing}"),
        (_, true) => format!("{number} {thing}es"),
        (_, false) => format!("{number} {thing}s"),
    }
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
