//! `cargo xtask generate`: writes the log in testdata/ that is made by rule.

use std::fs;

use anyhow::{Context, Result};

use crate::project::root;
use crate::quadruped;

/// The simulated run, from the root.
const QUADRUPED: &str = "testdata/quadruped.tlog";

/// Writes the log.
///
/// # Errors
/// When it cannot be written.
pub fn run() -> Result<()> {
    let log = quadruped::log()?;
    fs::write(root().join(QUADRUPED), &log).context(QUADRUPED)?;
    println!("{QUADRUPED}: {} bytes", log.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_run_is_the_generated_one() {
        let committed = fs::read(root().join(QUADRUPED)).unwrap();
        assert!(committed == quadruped::log().unwrap(), "run `cargo xtask generate`, and look at what changed");
    }
}
