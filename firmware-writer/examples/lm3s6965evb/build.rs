//! Tells the linker of cortex-m-rt where the board has its memory, and which interrupts.

use std::path::PathBuf;
use std::{env, fs};

const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 256K RAM : ORIGIN = 0x20000000, LENGTH = 64K }\n";

/// The board's own interrupts, where nobody handles them.
const HANDLERS: &str = "PROVIDE(TIMER0A = DefaultHandler); PROVIDE(TIMER1A = DefaultHandler);\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(folder.join("memory.x"), MEMORY)?;
    fs::write(folder.join("device.x"), HANDLERS)?;
    println!("cargo::rustc-link-search={}", folder.display());
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
