//! How long interrupts are masked, counted: in the trace of all instructions that a run executes.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::emulator::Setup;
use crate::project::output_of;

/// A run that executes more is none that ends.
const MOST_INSTRUCTIONS: usize = 20_000_000;

/// Where interrupts are masked and let in again.
struct Masks {
    on: BTreeSet<u32>,
    off: BTreeSet<u32>,
}

/// Ensures that no instruction of a program masks interrupts, neither all nor by priority.
///
/// # Errors
/// When one does.
pub fn never(program: &Path) -> Result<()> {
    let listing = listing(program)?;
    let masking: Vec<&str> = instructions(&listing).filter(|(_, what)| masks(what)).map(|(_, what)| what).collect();
    ensure!(masking.is_empty(), "{} masks interrupts: {masking:?}", program.display());
    Ok(())
}

/// The most instructions that are executed with interrupts masked, from the first time on that a function is in whose
/// name `first` is: the one that lets them in again is counted, the one that masks them is not.
///
/// # Errors
/// When the program does not run to its end, never masks interrupts, or never comes to `first`.
pub fn longest(setup: &Setup<'_>, first: &str) -> Result<u32> {
    let masks = Masks::of(&listing(&setup.program())?);
    ensure!(!masks.on.is_empty(), "nothing masks interrupts: nothing to count");
    let (mut depth, mut count, mut longest, mut has_begun) = (0u32, 0u32, 0, false);
    trace(setup, |address, function| {
        count += u32::from(depth > 0);
        if depth > 0 && masks.off.contains(&address) {
            depth -= 1;
        } else if masks.on.contains(&address) {
            count = if depth == 0 { 0 } else { count };
            depth += 1;
        }
        has_begun |= function.contains(first);
        longest = if has_begun { count.max(longest) } else { 0 };
    })?;
    ensure!(has_begun, "no function {first}");
    ensure!(longest > 0, "interrupts were never masked");
    Ok(longest)
}

impl Masks {
    fn of(listing: &str) -> Self {
        let of = |which: fn(&str) -> bool| {
            instructions(listing).filter(|(_, what)| which(what)).map(|(address, _)| address).collect()
        };
        Self { on: of(|what| what.starts_with("cpsid")), off: of(|what| masks(what) && !what.starts_with("cpsid")) }
    }
}

/// Whether an instruction masks interrupts, or lets them in again.
fn masks(what: &str) -> bool {
    let what = what.to_ascii_lowercase();
    let is_set = |register| what.starts_with("msr") && what.contains(register);
    what.starts_with("cps") || ["primask", "basepri", "faultmask"].into_iter().any(is_set)
}

/// The disassembly of a program.
fn listing(program: &Path) -> Result<String> {
    output_of(Command::new("arm-none-eabi-objdump").args(["-d", "--no-show-raw-insn"]).arg(program))
}

/// The instructions in a listing, with their addresses: `    3c64:\tcpsid\ti`.
fn instructions(listing: &str) -> impl Iterator<Item = (u32, &str)> {
    listing.lines().filter_map(|line| {
        let (address, what) = line.split_once(":\t")?;
        Some((u32::from_str_radix(address.trim(), 16).ok()?, what))
    })
}

/// Runs the firmware to its end; `visit` is told the address of each instruction, and the function that it is in.
fn trace(setup: &Setup<'_>, mut visit: impl FnMut(u32, &str)) -> Result<()> {
    let mut command = setup.command();
    command.args(["-singlestep", "-d", "nochain,exec"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("qemu-system-arm")?;
    let lines = BufReader::new(child.stderr.take().context("no output")?).lines();
    let mut executed = 0;
    for line in lines.map_while(Result::ok) {
        if let Some((address, function)) = executed_at(&line) {
            executed += 1;
            visit(address, function);
            if executed >= MOST_INSTRUCTIONS {
                break;
            }
        }
    }
    if executed >= MOST_INSTRUCTIONS {
        child.kill()?;
    }
    let status = child.wait()?;
    ensure!(executed > 0, "QEMU traced no instruction");
    ensure!(status.success(), "the firmware did not come to its end");
    Ok(())
}

/// Reads a line of the trace: `Trace 0: 0x7fcba0000240 [00800400/0000d47a/00000110/ff020201] DefaultPreInit`.
fn executed_at(line: &str) -> Option<(u32, &str)> {
    let (numbers, function) = line.strip_prefix("Trace ")?.split_once('[')?.1.split_once(']')?;
    let address = numbers.split('/').nth(1)?;
    Some((u32::from_str_radix(address, 16).ok()?, function.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_qemu_and_objdump_are_understood() {
        let line = "Trace 0: 0x7fcba0000240 [00800400/0000d47a/00000110/ff020201] DefaultPreInit";
        assert_eq!(executed_at(line), Some((0xd47a, "DefaultPreInit")));
        assert_eq!(executed_at("Timer with period zero, disabling"), None);
        let listing =
            "00000040 <main>:\n  40:\tmrs\tr1, PRIMASK\n  44:\tcpsid\ti\n  46:\tmsr\tPRIMASK, r1\n  4a:\tcpsie\ti\n";
        let masks = Masks::of(listing);
        assert_eq!((masks.on, masks.off), ([0x44].into(), [0x46, 0x4a].into()));
    }
}
