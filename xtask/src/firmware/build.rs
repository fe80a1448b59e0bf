//! Builds with Debian's compiler, which has what rustup's would have to fetch: the source of `core`, to be built for a
//! processor without an operating system.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::project::{root, target_dir};
use crate::runner::Runner;

/// Where the firmware is.
const FOLDER: &str = "firmware-writer/examples/lm3s6965evb";

/// What it runs on.
const TARGET: &str = "thumbv7m-none-eabi";

/// The same without compare-and-swap.
const SMALL_TARGET: &str = "thumbv6m-none-eabi";

/// The GNU linker: Debian's compiler comes without one of its own.
const LINK: &str = "-C linker=arm-none-eabi-ld -C linker-flavor=ld -C link-arg=-Tlink.x";

/// How it is optimised, for size or for speed, and for what.
#[derive(Clone, Copy)]
pub enum Profile {
    Size,
    /// For size, and with the small checksum.
    Least,
    Speed,
    /// For speed, on a Cortex-M0.
    Small,
}

impl Profile {
    /// What Cargo calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Size => "release",
            Self::Least => "least",
            Self::Speed | Self::Small => "speed",
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::Size | Self::Least | Self::Speed => TARGET,
            Self::Small => SMALL_TARGET,
        }
    }

    /// What QEMU's board has to be given instead of its own processor.
    pub const fn processor(self) -> Option<&'static str> {
        match self {
            Self::Size | Self::Least | Self::Speed => None,
            Self::Small => Some("cortex-m0"),
        }
    }
}

/// A program of the firmware, once it is built.
pub fn program(name: &str, profile: Profile) -> PathBuf {
    folder().join(profile.target()).join(profile.name()).join(name)
}

fn folder() -> PathBuf {
    target_dir().join("firmware")
}

/// Builds everything.
///
/// # Errors
/// When something does not build.
pub fn steps(runner: &mut Runner) -> Result<()> {
    runner.command("firmware", cargo("build --release", TARGET, LINK).current_dir(root().join(FOLDER)))?;
    let mut speed = cargo("build --profile speed --bin lm3s6965evb", TARGET, LINK);
    runner.command("firmware for speed", speed.current_dir(root().join(FOLDER)))?;
    let mut least = cargo("build --profile least --bin size-lane --bin size-shared --features small-crc", TARGET, LINK);
    runner.command("firmware for little flash", least.current_dir(root().join(FOLDER)))?;
    let line = "build --profile speed --bin lm3s6965evb --features no-cas";
    let mut small = cargo(line, SMALL_TARGET, &format!("{LINK} --cfg portable_atomic_unsafe_assume_single_core"));
    runner.command("firmware for the smallest", small.current_dir(root().join(FOLDER)))
}

/// A command of Debian's cargo, whatever toolchain runs us.
fn cargo(line: &str, target: &str, flags: &str) -> Command {
    let mut command = Command::new("/usr/bin/cargo");
    command.args(line.split(' ')).args(["-Zbuild-std=core", "--target", target]).current_dir(root());
    for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTDOC", "RUSTC_WRAPPER", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(variable);
    }
    command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags);
    command.env("CARGO_TARGET_DIR", folder());
    command
}
