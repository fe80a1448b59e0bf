//! `cargo xtask power-cut`: what cuts of power leave on a simulated card, in very many variants.

use anyhow::Result;
use clap::Args;

use crate::project::cargo;
use crate::runner::Runner;

/// How many variants there must be at least.
pub const VARIANTS: u64 = 1_000_000;

/// How many all the tests together look at.
pub const SHORT: u64 = 500_000;

#[derive(Args)]
pub struct Options {
    /// How many variants
    #[arg(long, default_value_t = VARIANTS)]
    variants: u64,
    /// What they are derived from; the tests' own seed unless given
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the cuts alone.
///
/// # Errors
/// When something acknowledged is lost, or something false is read.
pub fn run(options: &Options) -> Result<()> {
    let mut runner = Runner::new();
    step(&mut runner, options.variants, options.seed)?;
    runner.finish();
    Ok(())
}

/// Runs the cuts, optimised.
///
/// # Errors
/// When something acknowledged is lost, or something false is read.
pub fn step(runner: &mut Runner, variants: u64, seed: Option<u64>) -> Result<()> {
    let mut tests = cargo("test --profile campaign -p firmware-writer --test power_cut -- --nocapture");
    tests.env("TLOG_POWER_CUT_VARIANTS", variants.to_string());
    if let Some(seed) = seed {
        tests.env("TLOG_POWER_CUT_SEED", seed.to_string());
    }
    runner.command("cuts of power", &mut tests)
}
