//! The chores of the project, each a subcommand of `cargo xtask`.

mod c_api;
mod campaign;
mod firmware;
mod fuzz;
mod generate;
mod moteus;
mod mutants;
mod power_cut;
mod project;
mod quadruped;
mod readers;
mod runner;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of the project")]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Pass all tests and checks: what CI runs
    Test,
    /// Check the rules that no compiler checks
    Tidy,
    /// Build the fuzz targets and run them for a while
    Fuzz(fuzz::Options),
    /// Damage logs in very many ways and recover them
    Campaign(campaign::Options),
    /// Cut the power of a simulated card at every sector that is written
    PowerCut(power_cut::Options),
    /// Run the firmware for QEMU's board, count what it costs, and cut its power
    Firmware(firmware::Options),
    /// Run the rings of the firmware writer in every order that the memory model allows
    Loom(mutants::LoomOptions),
    /// Spoil the rings of the firmware writer in many ways, each of which loom must notice
    Mutants(mutants::Options),
    /// Build and run the C API with compilers of C and C++, and link it for Arm
    CApi,
    /// Compare the logs in testdata/ with what mjbots' own Python reader makes of them
    Moteus,
    /// Convert logs and have the files read by pyarrow, DuckDB, polars, Spark and others
    Readers,
    /// Write the generated files in testdata/ anew, or the big log of the benchmarks
    Generate(generate::Options),
}

fn main() -> ExitCode {
    match run(&Args::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> Result<()> {
    match chore {
        Chore::Test => test::run(),
        Chore::Tidy => tidy::run(),
        Chore::Fuzz(options) => fuzz::run(options),
        Chore::Campaign(options) => campaign::run(options),
        Chore::PowerCut(options) => power_cut::run(options),
        Chore::Firmware(options) => firmware::run(options),
        Chore::Loom(options) => mutants::loom(options),
        Chore::Mutants(options) => mutants::run(options),
        Chore::CApi => c_api::check().map(|good| println!("{good} passed, 0 failed")),
        Chore::Moteus => moteus::run(),
        Chore::Readers => readers::run(),
        Chore::Generate(options) => generate::run(options),
    }
}
