//! The numbers in the header are those of the code: `TLOG_UPDATE_HEADER=1 cargo test -p firmware-writer --features c-api`
//! writes them anew.
#![cfg(feature = "c-api")]

use std::fmt::Write;
use std::{env, fs};

use firmware_writer::c_api::OUTCOMES;
use firmware_writer::c_api::card::ANSWERS;
use firmware_writer::c_api::rings::{LANE_BYTES, SEGMENT_BYTES, SEGMENTS};
use firmware_writer::c_api::sizes::{NUMBERS, SIZES};

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/tlog_firmware.h");
const BEGIN: &str = "/* generated: begin */\n";
const END: &str = "/* generated: end */\n";

fn generated() -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    for (name, number) in NUMBERS {
        writeln!(out, "#define {name} {number}")?;
    }
    for (condition, wide) in [("#if UINTPTR_MAX > 0xffffffff", true), ("#else", false)] {
        writeln!(out, "{condition}")?;
        for size in SIZES {
            writeln!(out, "#define {} {}", size.name, if wide { size.wide } else { size.narrow })?;
        }
    }
    writeln!(out, "#endif\n\nenum {{")?;
    for (outcome, name, text) in OUTCOMES {
        writeln!(out, "    {} = {}, /* {} */", name.to_string_lossy(), outcome as i32, text.to_string_lossy())?;
    }
    writeln!(out, "}};\n\n/* What the functions of a card return. */\nenum {{")?;
    for (name, number) in ANSWERS {
        writeln!(out, "    {name} = {number},")?;
    }
    writeln!(out, "}};\n\n/* The rings that there are. */")?;
    for policy in ["1", "2", "o"] {
        for (segments, bytes) in SEGMENTS.iter().flat_map(|segments| SEGMENT_BYTES.map(|bytes| (segments, bytes))) {
            writeln!(out, "extern const tlog_ring_ops tlog_ops_shared_{segments}x{bytes}_{policy};")?;
        }
        for bytes in LANE_BYTES {
            writeln!(out, "extern const tlog_ring_ops tlog_ops_lane_{bytes}_{policy};")?;
        }
    }
    Ok(out)
}

#[test]
fn the_header_is_up_to_date() {
    let header = fs::read_to_string(HEADER).unwrap();
    let (front, rest) = header.split_once(BEGIN).unwrap();
    let (old, back) = rest.split_once(END).unwrap();
    let new = generated().unwrap();
    if env::var_os("TLOG_UPDATE_HEADER").is_some() {
        fs::write(HEADER, format!("{front}{BEGIN}{new}{END}{back}")).unwrap();
        return;
    }
    assert_eq!(old, new, "TLOG_UPDATE_HEADER=1 cargo test -p firmware-writer --features c-api writes it anew");
}
