//! `cargo xtask firmware`: the firmware for QEMU's board, what it costs, and what it leaves on a card when the power goes.
//!
//! ```text
//!  build ─► cost      instructions, flash, RAM, nothing that panics, interrupts masked   cost.rs, masked.rs
//!    ├────► kill      QEMU is killed at any moment; what was acknowledged is there       power.rs
//!    ├────► cut       a journal of all sector writes, cut after each, the next one torn  power.rs, journal.rs
//!    └────► trouble   no card, one that is exchanged, full, garbage                      trouble.rs
//! ```
//!
//! All but the moments of the kills is the same in each run: QEMU counts instructions instead of time.

mod build;
mod card;
mod cost;
mod emulator;
mod journal;
mod masked;
mod power;
mod trouble;

use anyhow::Result;
use clap::Args;

use crate::runner::Runner;

#[derive(Args)]
pub struct Options {
    /// How many tears of each sector that is written, of the 124 that there are: at 31 places, four kinds of rest
    #[arg(long, default_value_t = 6)]
    tears: usize,
    /// How often QEMU is killed
    #[arg(long, default_value_t = 6)]
    kills: u32,
    /// What chance is derived from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { tears: 6, kills: 6, seed: 1 }
    }
}

/// Runs all of it.
///
/// # Errors
/// When something is not as it must be, or a program is missing.
pub fn run(options: &Options) -> Result<()> {
    let mut runner = Runner::new();
    steps(&mut runner, options)?;
    runner.finish();
    Ok(())
}

/// The steps of it.
///
/// # Errors
/// As [`run`].
pub fn steps(runner: &mut Runner, options: &Options) -> Result<()> {
    let how = "cargo xtask firmware";
    let seed = format!("{how} --seed {}", options.seed);
    build::steps(runner)?;
    runner.step("firmware: cost", how, cost::check)?;
    runner.step("firmware: kills", &seed, || power::kill(options.kills, options.seed))?;
    runner.step("firmware: cuts", &seed, || power::cut(options.tears, options.seed))?;
    runner.step("firmware: trouble", how, trouble::check)
}
