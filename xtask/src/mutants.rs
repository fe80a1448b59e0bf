//! `cargo xtask loom` and `cargo xtask mutants`: the rings in every order that the memory model allows, as they are, and
//! with one fence, ordering or check spoilt at a time, which loom must notice. With `--reader`, what the host believes of
//! files in batches, with one of its checks spoilt at a time, which its tests must notice.
//!
//! Not in the list is what loom cannot show, as it runs every load before the stores that come later: the orderings that
//! keep a reader's loads in front of the stores of the next lap (`Cursors::passed`, the fence in `Shared::enter`).

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::project::{cargo, files, root, target_dir};
use crate::runner::Runner;

/// How long the models may take on a mutant. Those that are noticed are so within seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many mutants are tried in each run of all tests.
pub const SAMPLE: usize = 4;

/// Where the rings are, and where the reader of batches is.
const RINGS: &str = "firmware-writer/src/ring";
const READER: &str = "tlog-index/src";

/// What the copy that is spoilt consists of.
const CRATES: [&str; 4] = ["tlog", "tlog-derive", "firmware-writer", "tlog-index"];

/// One thing done wrong: in this file, this once there, that instead.
struct Mutant {
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const fn mutant(name: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Mutant {
    Mutant { name, file, from, to }
}

const MUTANTS: [Mutant; 20] = [
    mutant(
        "the count of a segment is not acquired",
        "shared",
        "let ever = self.segment(at)?.load(Ordering::Acquire);",
        "let ever = self.segment(at)?.load(Ordering::Relaxed);",
    ),
    mutant(
        "a completed record is not released",
        "shared",
        "completed.fetch_add(words, Ordering::Release);",
        "completed.fetch_add(words, Ordering::Relaxed);",
    ),
    mutant(
        "a reservation is not released before its words",
        "shared",
        "fence(if P::OVERWRITES { Ordering::AcqRel } else { Ordering::Acquire });",
        "fence(Ordering::Acquire);",
    ),
    mutant(
        "a segment is entered while somebody writes to it",
        "shared",
        "let quiet = self.completed(at) == Some(0);",
        "let quiet = true;",
    ),
    mutant(
        "a segment is entered that has not been read",
        "shared",
        "quiet && (P::OVERWRITES || end.wrapping_sub(self.readers.0.oldest(head)) <= Self::WORDS)",
        "quiet && end != self.readers.0.oldest(head).wrapping_sub(1)",
    ),
    mutant(
        "the head is read before the count",
        "shared",
        "let Some(completed) = self.completed(at) else { return at };",
        "let head = self.reserved();\n        let Some(completed) = self.completed(at) else { return at };\n        \
         if completed < Self::SEGMENT {\n            \
         return if head.wrapping_sub(segment) == completed { head } else { at };\n        }",
    ),
    mutant(
        "what is reserved passes for complete",
        "shared",
        "if head.wrapping_sub(segment) == completed { head } else { at }",
        "if head.wrapping_sub(segment) <= Self::SEGMENT { head } else { at }",
    ),
    mutant("a ring that moved on passes for full", "shared", "if now == head {", "if now == now {"),
    mutant(
        "the time is read after the reservation",
        "shared",
        "        Ok(time)\n",
        "        let _ = time;\n        Ok(self.clock.now())\n",
    ),
    mutant(
        "a lane's head is not released",
        "lane",
        "ends.head.store(end, Ordering::Release);",
        "ends.head.store(end, Ordering::Relaxed);",
    ),
    mutant(
        "a lane's head is not acquired",
        "lane",
        "self.producer.0.head.load(Ordering::Acquire)",
        "self.producer.0.head.load(Ordering::Relaxed)",
    ),
    mutant(
        "a lane does not announce",
        "lane",
        "reserved.store(end, Ordering::Relaxed);",
        "reserved.load(Ordering::Relaxed);",
    ),
    mutant("an announcement comes after the words", "lane", "            fence(Ordering::Release);\n", ""),
    mutant(
        "a lane does not wait for its readers",
        "lane",
        "if end.wrapping_sub(oldest) > Self::WORDS {",
        "if end == oldest.wrapping_sub(1) {",
    ),
    mutant(
        "a lane counts what it has published",
        "lane",
        "        if written {\n            ends.stored",
        "        ends.head.store(end, Ordering::Release);\n        if written {\n            ends.stored",
    ),
    mutant(
        "what was read is checked before it is read",
        "reader",
        "        // reservation here.\n        fence(Ordering::Acquire);",
        "        // reservation here.",
    ),
    mutant(
        "what was read is not checked",
        "reader",
        "self.ring.reserved().wrapping_sub(self.at) <= R::WORDS",
        "self.ring.reserved() != self.at.wrapping_sub(1)",
    ),
    mutant(
        "a payload is not checked",
        "reader",
        "        if !self.is_intact() {\n            self.recover(0);\n            return false;",
        "        if false {\n            return false;",
    ),
    mutant(
        "counts are checked before they are read",
        "reader",
        "        // Pairs with the fence between a reservation and its count: whoever saw the count sees the reservation here.\n        \
         fence(Ordering::Acquire);\n",
        "",
    ),
    mutant("counts are not checked", "reader", "if self.ring.reserved() == self.at {", "if true {"),
];

/// What makes a batch count, check by check.
const READER_MUTANTS: [Mutant; 6] = [
    mutant(
        "the checksum of a batch is not compared",
        "batches/check",
        "walked.at != end || walked.checksum != head.batch.checksum",
        "walked.at != end",
    ),
    mutant(
        "checksums of data are not compared",
        "batches/check",
        "(is_data && Some(crc::block_crc(block, checksum_at)) == header.checksum).then_some(header)",
        "(is_data && checksum_at > 0).then_some(header)",
    ),
    mutant(
        "a batch of another session counts",
        "batches/mod",
        "self.session == Some(head.batch.session) && self.sequence",
        "self.sequence",
    ),
    mutant(
        "an earlier batch counts",
        "batches/mod",
        "self.sequence.is_some_and(|next| head.batch.sequence >= next)",
        "self.sequence.is_some()",
    ),
    mutant(
        "filler is not the end",
        "batches/mod",
        "if let Some(end) = self.end_at(start) {",
        "if let Some(end) = None {",
    ),
    mutant(
        "what nothing proves is kept",
        "recover/stretches",
        "if proved || unverified =>",
        "if proved || !unverified =>",
    ),
];

#[derive(Args)]
pub struct LoomOptions {
    /// Also the models that take minutes
    #[arg(long)]
    long: bool,
}

/// Runs the models on the rings as they are.
///
/// # Errors
/// When one fails.
pub fn loom(options: &LoomOptions) -> Result<()> {
    let mut runner = Runner::new();
    loom_step(&mut runner, options.long)?;
    runner.finish();
    Ok(())
}

/// The same as a step of a longer check.
///
/// # Errors
/// When a model fails.
pub fn loom_step(runner: &mut Runner, long: bool) -> Result<()> {
    let mut tests = cargo("test --profile campaign -p firmware-writer --test ring_loom");
    with_loom(&mut tests, &target_dir().join("loom"));
    if long {
        tests.args(["--", "--include-ignored"]);
    }
    runner.command("loom", &mut tests)
}

#[derive(Args)]
pub struct Options {
    /// Only so many of them, evenly out of the list
    #[arg(long)]
    sample: Option<usize>,
    /// The first of a sample
    #[arg(long, default_value_t = 0)]
    from: usize,
    /// Those of the host's reader of batches, not of the rings
    #[arg(long)]
    reader: bool,
}

/// Tries the mutants.
///
/// # Errors
/// With the names of those that no model or test noticed.
pub fn run(options: &Options) -> Result<()> {
    let spoils = if options.reader { Spoils::Reader } else { Spoils::Rings };
    spoils.check(options.sample.unwrap_or(usize::MAX), options.from).map(|_| ())
}

/// Tries `count` of those of the rings, from one on; how many were noticed.
///
/// # Errors
/// With the names of those that no model noticed, or when one cannot be made or built.
pub fn check(count: usize, from: usize) -> Result<u64> {
    Spoils::Rings.check(count, from)
}

/// What is spoilt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoils {
    Rings,
    Reader,
}

impl Spoils {
    const fn mutants(self) -> &'static [Mutant] {
        match self {
            Self::Rings => &MUTANTS,
            Self::Reader => &READER_MUTANTS,
        }
    }

    /// The file with these mutants' code.
    fn file(self, mutant: &Mutant) -> PathBuf {
        let folder = if self == Self::Rings { RINGS } else { READER };
        PathBuf::from(format!("{folder}/{}.rs", mutant.file))
    }

    fn check(self, count: usize, from: usize) -> Result<u64> {
        ensure!(count > 0, "no mutant is to be tried");
        let copy = Copy::make()?;
        ensure!(!copy.is_noticed(self)?, "the tests fail on what is to be spoilt as it is");
        let step = self.mutants().len().div_ceil(count);
        let chosen = self.mutants().iter().skip(from % step).step_by(step);
        let mut survivors = Vec::new();
        let mut noticed = 0;
        for mutant in chosen {
            let is_noticed = copy.with(self.file(mutant), mutant, |copy| copy.is_noticed(self))?;
            println!("   {}: {}", if is_noticed { "noticed" } else { "SURVIVED" }, mutant.name);
            match is_noticed {
                true => noticed += 1,
                false => survivors.push(mutant.name),
            }
        }
        if !survivors.is_empty() {
            bail!("nothing notices when\n  {}", survivors.join("\n  "));
        }
        Ok(noticed)
    }
}

/// A copy of the crates that may be spoilt.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn make() -> Result<Self> {
        let copy = Self { root: target_dir().join("mutants") };
        for file in files()?.iter().filter(|file| CRATES.iter().any(|name| file.starts_with(name))) {
            copy.write(file, &fs::read(root().join(file))?)?;
        }
        let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
        let members = format!("members = {CRATES:?}\n");
        let lines =
            manifest.lines().filter(|line| !line.starts_with("default-members") && !line.starts_with("exclude"));
        let line = |line: &str| if line.starts_with("members") { members.clone() } else { format!("{line}\n") };
        copy.write(Path::new("Cargo.toml"), lines.map(line).collect::<String>().as_bytes())?;
        copy.write(Path::new("Cargo.lock"), &fs::read(root().join("Cargo.lock"))?)?;
        Ok(copy)
    }

    /// Writes a file unless it is there already: what is older than its build is not built again.
    fn write(&self, file: &Path, bytes: &[u8]) -> Result<()> {
        let to = self.root.join(file);
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&to, bytes).with_context(|| format!("cannot write {}", to.display()))
    }

    /// Does something with one thing spoilt.
    fn with<T>(&self, file: PathBuf, mutant: &Mutant, run: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let text = fs::read_to_string(root().join(&file))?;
        let places = text.matches(mutant.from).count();
        ensure!(places == 1, "{}: {:?} is there {places} times in {}", mutant.name, mutant.from, file.display());
        self.write(&file, text.replacen(mutant.from, mutant.to, 1).as_bytes())?;
        let result = run(self);
        self.write(&file, text.as_bytes())?;
        result
    }

    /// Whether a model or a test fails.
    fn is_noticed(&self, spoils: Spoils) -> Result<bool> {
        let (line, has_loom) = match spoils {
            Spoils::Rings => ("test --quiet --profile campaign -p firmware-writer --test ring_loom --no-run", true),
            Spoils::Reader => (
                "test --quiet --profile campaign -p tlog-index --test batches --test batches_firmware \
                 --test card_campaign --no-run",
                false,
            ),
        };
        for tests in self.build(line, has_loom)? {
            if Self::fails(&tests)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether one of the tests in this program fails.
    fn fails(tests: &Path) -> Result<bool> {
        let mut models = Command::new(tests);
        let mut child = models.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (tell, told) = mpsc::channel();
        let stdout = child.stdout.take();
        thread::spawn(move || {
            let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()).map_while(Result::ok);
            // Nobody listens any more once a model has failed.
            let _ = lines.map(|line| line.ends_with("FAILED")).try_for_each(|failed| tell.send(failed));
        });
        let is_noticed = loop {
            match told.recv_timeout(PATIENCE) {
                Ok(true) => break true,
                Ok(false) => {}
                Err(RecvTimeoutError::Timeout) => break false,
                Err(RecvTimeoutError::Disconnected) => break !child.wait()?.success(),
            }
        };
        // It may have come to its end by itself.
        let _ = child.kill();
        child.wait()?;
        Ok(is_noticed)
    }

    /// Builds tests; the programs that run them.
    fn build(&self, line: &str, has_loom: bool) -> Result<Vec<PathBuf>> {
        let mut build = cargo(line);
        build.arg("--message-format=json").current_dir(&self.root).stderr(Stdio::inherit());
        match has_loom {
            true => with_loom(&mut build, &self.root.join("target")),
            false => _ = build.arg("--target-dir").arg(self.root.join("target-reader")),
        }
        let output = build.output()?;
        ensure!(output.status.success(), "a mutant does not build");
        let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
        let executables =
            messages.filter_map(|message| Some(PathBuf::from(message.ok()?.get("executable")?.as_str()?)));
        let executables: Vec<PathBuf> = executables.collect();
        ensure!(!executables.is_empty(), "cargo names no program");
        Ok(executables)
    }
}

fn with_loom(command: &mut Command, target_dir: &Path) {
    command.env("RUSTFLAGS", "--cfg loom").arg("--target-dir").arg(target_dir);
}
