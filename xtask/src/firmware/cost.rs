//! What logging costs, counted: the same in each run.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::build::{Profile, program};
use super::emulator::{Setup, Words, number};
use super::masked;
use crate::project::output_of;

/// Each instruction takes 1,024 ns: the firmware counts by its own clock.
const COUNTING: &str = "shift=10,align=off,sleep=off";

/// The most instructions on a Cortex-M3, optimised for speed. `drain` is for each record of 16 bytes, `batch` for all
/// else that a batch of 8 sectors takes.
const INSTRUCTIONS: [(&str, u32); 8] = [
    ("lane_16", 45),
    ("lane_16_most", 100),
    ("shared_16", 50),
    ("shared_16_most", 150),
    ("full_16", 95),
    ("drain_lane_16", 490),
    ("drain_shared_16", 500),
    ("drain_lane_16_batch", 10_000),
];

/// The same on a Cortex-M0.
const INSTRUCTIONS_M0: [(&str, u32); 5] =
    [("lane_16", 48), ("lane_16_most", 110), ("shared_16", 64), ("shared_16_most", 180), ("full_16", 100)];

/// The most instructions with interrupts masked, on a Cortex-M0; on others there are none.
const MASKED: u32 = 12;

/// The most bytes of flash for ring, framing and writer, optimised for size: with two lanes of 4 KiB, and with the shared
/// ring; with the quick checksum and with the small one. What statics begin with is a part of it, where that is not zeros.
const FLASH: [(&str, Profile, u32); 4] = [
    ("size-lane", Profile::Size, 13_300),
    ("size-shared", Profile::Size, 13_000),
    ("size-lane", Profile::Least, 12 * 1024),
    ("size-shared", Profile::Least, 12 * 1024),
];

/// The most bytes of RAM beyond the buffers.
const RAM: [(&str, u32); 3] = [("ram_lane", 40), ("ram_shared", 92), ("ram_writer", 352)];

/// Checks everything; how many numbers.
///
/// # Errors
/// For a number that is too large, and for a panic that is linked in.
pub fn check() -> Result<u64> {
    let setup = Setup { words: &["mode=bench"], drive: None, icount: Some(COUNTING), profile: Profile::Speed };
    let words = setup.run()?;
    ensure!(setup.run()? == words, "two runs do not count the same");
    for (what, most) in INSTRUCTIONS.iter().chain(&RAM) {
        within(&words, what, *most)?;
    }
    let small = small()?;
    let base = flash("size-base", Profile::Size)?;
    for (name, profile, most) in FLASH {
        let flash = flash(name, profile)? - base;
        println!("   {name}, {}: {flash} bytes of flash (at most {most})", profile.name());
        ensure!(flash <= most, "{name}: {flash} bytes of flash, more than {most}");
        no_panics(name, profile)?;
        masked::never(&program(name, profile))?;
    }
    Ok((INSTRUCTIONS.len() + RAM.len() + 3 * FLASH.len()) as u64 + small)
}

/// Checks what logging costs on a Cortex-M0; how many numbers.
fn small() -> Result<u64> {
    println!("   on a Cortex-M0:");
    let setup = Setup { words: &["mode=bench"], drive: None, icount: Some(COUNTING), profile: Profile::Small };
    let words = setup.run()?;
    for (what, most) in INSTRUCTIONS_M0 {
        within(&words, what, most)?;
    }
    // What comes before the first record happens once: the processor's peripherals are taken, producers and readers.
    let masked = masked::longest(&setup, "by_lane")?;
    println!("   interrupts masked: {masked} instructions (at most {MASKED})");
    ensure!(masked <= MASKED, "interrupts masked for {masked} instructions, more than {MASKED}");
    Ok(INSTRUCTIONS_M0.len() as u64 + 1)
}

fn within(words: &Words, what: &str, most: u32) -> Result<()> {
    let counted = number(words, what)?;
    println!("   {what}: {counted} (at most {most})");
    ensure!(counted <= most, "{what}: {counted}, more than {most}");
    Ok(())
}

/// What a program takes in flash: code, constants, and what statics begin with.
fn flash(name: &str, profile: Profile) -> Result<u32> {
    let output = output_of(Command::new("arm-none-eabi-size").arg(program(name, profile)))?;
    let line = output.lines().nth(1).context("no sizes")?;
    let mut numbers = line.split_whitespace().map(str::parse::<u32>);
    let mut next = || numbers.next().context("no sizes");
    Ok(next()?? + next()??)
}

/// No panic is linked in: nothing that can panic was left by the compiler.
fn no_panics(name: &str, profile: Profile) -> Result<()> {
    let symbols = output_of(Command::new("arm-none-eabi-nm").arg("-C").arg(program(name, profile)))?;
    let panics: Vec<&str> = symbols.lines().filter(|line| line.contains("core::panicking")).collect();
    ensure!(panics.is_empty(), "{name} can panic:\n{}", panics.join("\n"));
    Ok(())
}
