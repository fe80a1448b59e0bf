//! `cargo xtask fuzz`: builds the targets in `fuzz/` with coverage instrumentation and runs them.
//!
//! This does what cargo-fuzz does, with a stable compiler and without a sanitizer: the code under
//! test forbids `unsafe`, what is sought are panics, hangs and hunger for memory. Memory is limited
//! twice: by libFuzzer, which looks once a second, and by the system, which refuses the allocation itself.
//!
//! New inputs gather in `fuzz/corpus/TARGET`; those in `fuzz/seeds/TARGET` are the committed start.
//! An input that fails is written to `fuzz/regressions/TARGET`: commit it with the fix, and
//! `fuzz_replay` keeps it fixed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::project::{cargo, output_of, root, target_dir};

/// What cargo-fuzz passes to the compiler, less the sanitizer.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How much memory a target may map before its allocations fail.
const ADDRESS_SPACE_KIB: u32 = 1 << 20;

/// How much of it a target may use.
const RESIDENT_MB: u32 = 512;

/// How long one input may take. By the clock on the wall: a busy machine may stand still for ten seconds.
const HANG_SECONDS: u32 = 30;

/// Which targets to run, and for how long.
#[derive(clap::Args)]
pub struct Options {
    /// Only this target
    #[arg(long)]
    pub target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    pub seconds: u32,
    /// How many targets run at a time
    #[arg(long, default_value_t = 2)]
    pub jobs: usize,
    /// Where its chances start from, to run the same again; another one each time unless given
    #[arg(long)]
    pub seed: Option<u32>,
}

/// Builds and runs the targets.
///
/// # Errors
/// When the build fails, or a target does: with the log that tells how.
pub fn run(options: &Options) -> Result<()> {
    let mut targets = targets()?;
    if let Some(wanted) = &options.target {
        targets.retain(|target| target == wanted);
        ensure!(!targets.is_empty(), "there is no fuzz target {wanted:?} in fuzz/targets");
    }
    let binaries = build()?;
    for batch in targets.chunks(options.jobs.max(1)) {
        let running: Vec<_> = batch.iter().map(|target| Run::start(target, &binaries, options)).collect();
        // All of a batch come to their end, also when one fails.
        let finished: Vec<_> = running.into_iter().map(|run| run?.finish()).collect();
        finished.into_iter().collect::<Result<()>>()?;
    }
    Ok(())
}

/// The names of the targets: their source files.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/targets"))? {
        names.extend(entry?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds all targets; the folder where they lie.
fn build() -> Result<PathBuf> {
    let host = output_of(Command::new("rustc").arg("--print").arg("host-tuple"))?.trim().to_owned();
    let target_dir = target_dir().join("fuzz");
    let mut build = cargo("build --quiet --release --manifest-path fuzz/Cargo.toml");
    // With a target given, the flags do not reach build scripts, whose C++ compiler must not see them.
    build.args(["--target", &host, "--target-dir"]).arg(&target_dir).env("RUSTFLAGS", RUSTFLAGS);
    ensure!(build.status()?.success(), "the fuzz targets do not build");
    Ok(target_dir.join(host).join("release"))
}

/// A target that is running.
struct Run {
    target: String,
    log: PathBuf,
    child: Child,
}

impl Run {
    fn start(target: &str, binaries: &Path, options: &Options) -> Result<Self> {
        let folder = |kind: &str| root().join("fuzz").join(kind).join(target);
        let (corpus, seeds, regressions) = (folder("corpus"), folder("seeds"), folder("regressions"));
        for dir in [&corpus, &seeds, &regressions] {
            fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        // Its own log: two runs may overlap.
        let log = binaries.join(format!("{target}-{}.log", std::process::id()));
        let output = fs::File::create(&log)?;
        let child = Command::new("sh")
            .args(["-c", &format!("ulimit -v {ADDRESS_SPACE_KIB}; exec \"$0\" \"$@\"")])
            .arg(binaries.join(target))
            .arg(format!("-artifact_prefix={}/", regressions.display()))
            .arg(format!("-rss_limit_mb={RESIDENT_MB}"))
            .arg(format!("-max_total_time={}", options.seconds))
            // 0 is libFuzzer's word for a seed of its own choice.
            .arg(format!("-seed={}", options.seed.unwrap_or(0)))
            // Slow units below the timeout are no regressions, and are not to be written among them.
            .arg(format!("-timeout={HANG_SECONDS}"))
            .arg(format!("-report_slow_units={HANG_SECONDS}"))
            .arg("-print_final_stats=1")
            .args([corpus, seeds, regressions])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self { target: target.to_owned(), log, child })
    }

    fn finish(mut self) -> Result<()> {
        let status = self.child.wait()?;
        let log = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        if !status.success() {
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            bail!("fuzz target {} failed; the end of its log:\n{}", self.target, tail.join("\n"));
        }
        println!("   {:<16} {}", self.target, summary(&log));
        Ok(())
    }
}

/// The figures of a log of libFuzzer that tell whether the run did anything.
fn summary(log: &str) -> String {
    let stat = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", |value| value.trim_start_matches(':').trim())
    };
    let coverage = log.lines().rev().find_map(|line| line.split("cov: ").nth(1)?.split(' ').next());
    format!(
        "{} inputs, {} a second, coverage {}, at most {} MB",
        stat("stat::number_of_executed_units"),
        stat("stat::average_exec_per_sec"),
        coverage.unwrap_or("?"),
        stat("stat::peak_rss_mb"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_figures_of_libfuzzer() {
        let log = "#2\tINITED cov: 51 ft: 52 corp: 1/1b\n#90\tDONE   cov: 240 ft: 800 corp: 9/90b\n\
            stat::number_of_executed_units: 90\nstat::average_exec_per_sec:     45\nstat::peak_rss_mb:              28\n";
        assert_eq!(summary(log), "90 inputs, 45 a second, coverage 240, at most 28 MB");
    }
}
