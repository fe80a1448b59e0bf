//! A real flight, imported from the original file, against the log that the reference writer made of it.
//!
//! The log lies beside the project, in `../shared` or where `TLOG_SHARED` says; the original is in the package of the
//! crate `ulog-rs`, which cargo downloads and unpacks when it is asked about it.

mod import_support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use import_support::{import, logged};
use tlog::Micros;
use tlog_convert::import::ulog::{self, Options, TimeBase};

const PACKAGE: &str = "ulog-rs-0.0.4";

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// The original, if its package is unpacked.
fn unpacked() -> Option<PathBuf> {
    let registries = fs::read_dir(cargo_home().join("registry/src")).ok()?;
    let inside = |registry: &Path| registry.join(PACKAGE).join("test_data/sample.ulg");
    registries.flatten().map(|registry| inside(&registry.path())).find(|path| path.is_file())
}

fn original() -> PathBuf {
    unpacked().unwrap_or_else(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let asked = Command::new(cargo).args(["info", "ulog-rs@0.0.4"]).current_dir(std::env::temp_dir()).output();
        unpacked().unwrap_or_else(|| panic!("{PACKAGE} is needed: {asked:?}"))
    })
}

#[test]
fn a_real_flight_is_what_the_reference_made_of_it() {
    let here = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    let shared = std::env::var_os("TLOG_SHARED").map_or_else(here, PathBuf::from);
    let expected = logged(&fs::read(shared.join("testdata/px4-flight.tlog")).unwrap());
    let options = Options { time_base: TimeBase::At(Micros(1_549_900_000_000_000)), strict: true };
    let imported = import(|out| ulog::read(File::open(original()).unwrap(), out, &options));
    assert_eq!(expected.schemas.len(), 15);
    for (record, schema) in &expected.schemas {
        assert!(imported.schemas.contains(&(record.clone(), schema.clone())), "{record}: {schema}");
        assert_eq!(imported.of(record), expected.of(record), "{record}");
    }
    let others: usize = ["ulog_header", "ulog_info", "ulog_parameter", "ulog_message", "ulog_dropout"]
        .map(|record| imported.of(record).len())
        .iter()
        .sum();
    assert_eq!(imported.lines.len(), expected.lines.len() + others);
    assert_eq!(others, 1 + 4 + 499 + 4 + 4);
}
