//! `cargo xtask test`: everything that must hold, in the order in which it fails fastest.

use anyhow::{Result, bail};

use crate::project::{cargo, is_ci, shared_dir};
use crate::runner::Runner;
use crate::{c_api, campaign, firmware, fuzz, moteus, mutants, power_cut, readers, tidy};

/// How long each fuzz target runs here. `cargo xtask fuzz` runs them for longer.
const FUZZ_SECONDS: u32 = 5;

/// The same inputs in each run: a test that finds something new in unchanged code would hold up who changed other code.
const FUZZ_SEED: u32 = 1;

/// The crates whose feature `reference-vectors` enables the tests that need the reference's files.
const WITH_VECTORS: &str = "tlog/reference-vectors,tlog-index/reference-vectors,tlog-convert/reference-vectors,\
     tlog-cli/reference-vectors";

/// Runs all of it.
///
/// # Errors
/// At the first step that fails.
pub fn run() -> Result<()> {
    let vectors = has_vectors()?;
    let mut runner = Runner::new();
    runner.step("tidy", "cargo xtask tidy", || tidy::run().map(|()| 0))?;
    check(&mut runner)?;
    tests(&mut runner, vectors)?;
    documentation(&mut runner)?;
    campaign::step(&mut runner, campaign::CASES, None)?;
    power_cut::step(&mut runner, power_cut::SHORT, None)?;
    firmware::steps(&mut runner, &firmware::Options::default())?;
    mutants::loom_step(&mut runner, false)?;
    let how = format!("cargo xtask mutants --sample {}", mutants::SAMPLE);
    runner.step("mutants", &how, || mutants::check(mutants::SAMPLE, 0))?;
    fuzz_shortly(&mut runner)?;
    runner.step("C API", "cargo xtask c-api", c_api::check)?;
    runner.step("moteus", "cargo xtask moteus", moteus::check)?;
    runner.step("readers", "cargo xtask readers", readers::check)?;
    // Once more, where it is seen.
    has_vectors()?;
    runner.finish();
    Ok(())
}

/// What needs no running code: format, lints, and the crate where there is no `std`.
fn check(runner: &mut Runner) -> Result<()> {
    runner.command("format", &mut cargo("fmt --all --check"))?;
    runner.command("format of fuzz/", &mut cargo("fmt --manifest-path fuzz/Cargo.toml --check"))?;
    let example = "fmt --manifest-path firmware-writer/examples/lm3s6965evb/Cargo.toml --check";
    runner.command("format of the firmware", &mut cargo(example))?;
    runner.command("clippy", &mut cargo("clippy --workspace --all-targets -- -D warnings"))?;
    runner.command("no_std", &mut cargo("clippy -p tlog --no-default-features -- -D warnings"))?;
    runner.command("no_std derive", &mut cargo("clippy -p tlog --no-default-features --features derive -- -D warnings"))
}

/// Unit, integration and documentation tests, with the reference's vectors where they are.
fn tests(runner: &mut Runner, vectors: bool) -> Result<()> {
    let with_features = |line: &str| {
        let mut command = cargo(line);
        if vectors {
            command.args(["--features", WITH_VECTORS]).env("TLOG_SHARED", shared_dir());
        }
        command
    };
    if has_nextest() {
        runner.command("tests", &mut with_features("nextest run --workspace"))?;
        runner.command("doc tests", &mut with_features("test --doc --workspace"))
    } else {
        println!("   cargo-nextest is not installed: cargo test runs the tests");
        runner.command("tests", &mut with_features("test --workspace"))
    }
}

/// Whether the reference's files are there. It is said loudly when they are not.
///
/// # Errors
/// When they are not there in CI, where no test may be left out.
fn has_vectors() -> Result<bool> {
    let vectors = shared_dir().join("vectors");
    if vectors.is_dir() {
        return Ok(true);
    }
    println!("!! reference vectors not found at {}: their tests did NOT run", vectors.display());
    match is_ci() {
        true => bail!("CI must have the reference vectors"),
        false => Ok(false),
    }
}

fn has_nextest() -> bool {
    let mut version = cargo("nextest --version");
    version.output().is_ok_and(|output| output.status.success())
}

/// The documentation, in which no link may be broken. Only libraries: the command has the name of one.
fn documentation(runner: &mut Runner) -> Result<()> {
    let mut doc = cargo("doc --workspace --lib --no-deps");
    runner.command("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))
}

fn fuzz_shortly(runner: &mut Runner) -> Result<()> {
    let options = fuzz::Options { target: None, seconds: FUZZ_SECONDS, jobs: 1, seed: Some(FUZZ_SEED) };
    let how = format!("cargo xtask fuzz --seconds {FUZZ_SECONDS} --jobs 1 --seed {FUZZ_SEED}");
    runner.step("fuzz", &how, || fuzz::run(&options).map(|()| 0))
}
