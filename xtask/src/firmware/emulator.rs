//! QEMU with the firmware in it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::build::{Profile, program};

/// No run takes as long as this.
const LIMIT: Duration = Duration::from_secs(100);

/// Time by instructions: 64 ns each, and each run is like every other.
pub const BY_INSTRUCTIONS: &str = "shift=6,align=off,sleep=off";

/// A run of the firmware.
pub struct Emulator {
    child: Child,
    lines: Receiver<String>,
    /// All that it has said.
    said: String,
    started: Instant,
}

/// How it is run.
pub struct Setup<'a> {
    /// Words for the firmware.
    pub words: &'a [&'a str],
    /// What `-drive` is told; no card without it.
    pub drive: Option<String>,
    /// What `-icount` is told; real time without it.
    pub icount: Option<&'a str>,
    pub profile: Profile,
}

impl Setup<'_> {
    /// The program that runs.
    pub fn program(&self) -> PathBuf {
        program("lm3s6965evb", self.profile)
    }

    /// What starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new("qemu-system-arm");
        command.args(["-M", "lm3s6965evb", "-display", "none", "-serial", "none", "-monitor", "stdio"]);
        if let Some(processor) = self.profile.processor() {
            command.args(["-cpu", processor]);
        }
        let words: String = self.words.iter().map(|word| format!(",arg={word}")).collect();
        command.arg("-semihosting-config").arg(format!("enable=on,target=native,arg=firmware{words}"));
        command.arg("-kernel").arg(self.program());
        if let Some(drive) = &self.drive {
            command.arg("-drive").arg(drive);
        }
        if let Some(icount) = self.icount {
            command.args(["-icount", icount]);
        }
        command
    }

    /// Starts it.
    ///
    /// # Errors
    /// When QEMU cannot be started.
    pub fn start(&self) -> Result<Emulator> {
        let mut command = self.command();
        // Its words about timers and such are of no use, unless it fails.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("qemu-system-arm")?;
        let stdout = child.stdout.take().context("no output")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Emulator { child, lines, said: String::new(), started: Instant::now() })
    }

    /// Runs it to its end: what it said, as pairs of words.
    ///
    /// # Errors
    /// When it does not end, panics, or says that it failed although it should not.
    pub fn run(&self) -> Result<Words> {
        let (words, success) = self.start()?.end()?;
        ensure!(success, "the firmware failed: {words:?}");
        Ok(words)
    }
}

/// A raw image as the card.
pub fn raw(image: &Path) -> Option<String> {
    Some(format!("file={},if=sd,format=raw", image.display()))
}

/// What the firmware said, of the form `key=value`; of several with one key the last.
pub type Words = BTreeMap<String, String>;

/// A number that the firmware said.
///
/// # Errors
/// When it did not.
pub fn number(words: &Words, key: &str) -> Result<u32> {
    let value = words.get(key).with_context(|| format!("the firmware said nothing of {key}: {words:?}"))?;
    value.parse().with_context(|| format!("{key}={value}"))
}

impl Emulator {
    /// Waits until it has said `words`.
    ///
    /// # Errors
    /// When it ends before, or takes too long.
    pub fn wait_for(&mut self, words: &str) -> Result<()> {
        loop {
            match self.lines.recv_timeout(LIMIT.saturating_sub(self.started.elapsed())) {
                Ok(line) => {
                    self.said.push_str(&line);
                    self.said.push('\n');
                    if line.contains(words) {
                        return Ok(());
                    }
                }
                Err(_) => bail!("the firmware did not say {words:?}, but:\n{}", self.said),
            }
        }
    }

    /// Tells the monitor something.
    ///
    /// # Errors
    /// When it is not there any more.
    pub fn monitor(&mut self, line: &str) -> Result<()> {
        let stdin = self.child.stdin.as_mut().context("no monitor")?;
        writeln!(stdin, "{line}")?;
        Ok(stdin.flush()?)
    }

    /// Kills it, as if the power went.
    ///
    /// # Errors
    /// Those of the system.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for its end: what it said, and whether it says that all went well.
    ///
    /// # Errors
    /// When it does not end, or panics.
    pub fn end(mut self) -> Result<(Words, bool)> {
        loop {
            match self.lines.recv_timeout(LIMIT.saturating_sub(self.started.elapsed())) {
                Ok(line) => {
                    self.said.push_str(&line);
                    self.said.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.child.kill()?;
                    self.child.wait()?;
                    bail!("the firmware does not end; it said:\n{}", self.said);
                }
            }
        }
        let success = self.child.wait()?.success();
        ensure!(!self.said.contains("panicked"), "the firmware panicked:\n{}", self.said);
        let pairs = self.said.split_whitespace().filter_map(|word| word.split_once('='));
        Ok((pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(), success))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // After an error: nothing may be left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
