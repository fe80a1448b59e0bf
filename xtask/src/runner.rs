//! Runs the steps of a long check one after the other, shows their times and counts their tests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The steps so far.
pub struct Runner {
    started: Instant,
    passed: u64,
}

impl Runner {
    /// No step yet.
    pub fn new() -> Self {
        Self { started: Instant::now(), passed: 0 }
    }

    /// Runs a step that is a command; the tests that its output reports as passed are counted.
    ///
    /// # Errors
    /// When it fails: with the command that repeats it.
    pub fn command(&mut self, what: &str, command: &mut Command) -> Result<()> {
        let line = command_line(command);
        self.step(what, &line, || {
            let (success, passed) = stream(command)?;
            if !success {
                bail!("{what} failed; to repeat it:\n  {line}");
            }
            Ok(passed)
        })
    }

    /// Runs a step that is a function; it returns how many tests passed in it.
    ///
    /// # Errors
    /// When the function fails.
    pub fn step(&mut self, what: &str, how: &str, run: impl FnOnce() -> Result<u64>) -> Result<()> {
        println!("── {what}: {how}");
        let started = Instant::now();
        self.passed += run()?;
        println!("   {what}: ok, {:.1} s", started.elapsed().as_secs_f64());
        Ok(())
    }

    /// The closing line.
    pub fn finish(self) {
        println!("── all done, {:.0} s", self.started.elapsed().as_secs_f64());
        println!("{} passed, 0 failed", self.passed);
    }
}

/// The command as one would type it, with the variables that it adds.
fn command_line(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter_map(|(key, value)| Some(format!("{}={}", key.to_string_lossy(), quoted(&value?.to_string_lossy()))));
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let args = command.get_args().map(|arg| quoted(&arg.to_string_lossy()));
    variables.chain([program]).chain(args).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// Shows both outputs of a command as they come: whether it succeeded, and how many tests it says passed.
fn stream(command: &mut Command) -> Result<(bool, u64)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let passed = thread::scope(|scope| {
        let errors = scope.spawn(|| show(stderr, io::stderr()));
        let shown = show(stdout, io::stdout());
        shown + errors.join().unwrap_or(0)
    });
    Ok((child.wait()?.success(), passed))
}

/// Copies lines from one to the other and adds up the tests that passed.
fn show(from: Option<impl Read>, mut to: impl Write) -> u64 {
    let Some(from) = from else { return 0 };
    let mut passed = 0;
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        // A reader that went away is no reason to stop the tests.
        let _ = to.write_all(&line);
        passed += passed_in(&String::from_utf8_lossy(&line)).unwrap_or(0);
        line.clear();
    }
    passed
}

/// The number of passed tests in a summary of libtest or nextest, or in a closing line like our own.
fn passed_in(line: &str) -> Option<u64> {
    let line = line.trim();
    let is_plain = line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(" passed, ");
    let is_summary = line.starts_with("test result:") || line.starts_with("Summary [");
    if !is_plain && !is_summary {
        return None;
    }
    let before = &line[..line.find(" passed")?];
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_summaries_of_test_runners() {
        for (line, passed) in [
            ("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out", Some(12)),
            ("     Summary [   0.123s] 34 tests run: 33 passed (1 slow), 1 failed, 2 skipped", Some(33)),
            ("7 passed, 0 failed", Some(7)),
            ("test fuzz_replay ... ok", None),
            ("the parcel passed, 3 times", None),
        ] {
            assert_eq!(passed_in(line), passed, "{line}");
        }
    }

    #[test]
    fn a_failing_command_fails_with_the_line_to_repeat_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]).env("WHY", "because not");
        let error = Runner::new().command("trial", &mut command).unwrap_err().to_string();
        assert!(error.contains("WHY='because not' sh -c 'exit 3'"), "{error}");
    }

    #[test]
    fn shows_every_line_and_adds_up_what_passed() {
        let text = "2 passed, 0 failed\nhello\ntest result: ok. 3 passed; 0 failed\nno line end";
        let mut shown = Vec::new();
        assert_eq!(show(Some(text.as_bytes()), &mut shown), 5);
        assert_eq!(shown, text.as_bytes());
    }
}
