//! `cargo xtask campaign`: damages logs in very many ways and recovers them.

use anyhow::Result;
use clap::Args;

use crate::project::cargo;
use crate::runner::Runner;

/// How many cases of each kind of damage there must be at least.
pub const CASES: u64 = 20_000;

#[derive(Args)]
pub struct Options {
    /// How many cases of each kind of damage
    #[arg(long, default_value_t = CASES)]
    cases: u64,
    /// What the cases are derived from; the tests' own seed unless given
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the campaign alone.
///
/// # Errors
/// When a case fails.
pub fn run(options: &Options) -> Result<()> {
    let mut runner = Runner::new();
    step(&mut runner, options.cases, options.seed)?;
    runner.finish();
    Ok(())
}

/// Runs the campaign, optimised: in an ordinary test build it would take half an hour.
///
/// # Errors
/// When a case fails.
pub fn step(runner: &mut Runner, cases: u64, seed: Option<u64>) -> Result<()> {
    let mut tests = cargo("test --profile campaign -p tlog-index --test campaign");
    tests.env("TLOG_CAMPAIGN_CASES", cases.to_string());
    if let Some(seed) = seed {
        tests.env("TLOG_CAMPAIGN_SEED", seed.to_string());
    }
    runner.command("campaign of damage", &mut tests)
}
