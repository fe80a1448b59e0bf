//! The readers themselves: Python packages, fetched once.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Python;
use crate::project::{output_of, root};

/// Which packages a folder holds.
const HELD: &str = "held.txt";

/// Python with the packages in this folder. They are fetched if they are not those that are asked for.
///
/// # Errors
/// When there is no Python, or the packages cannot be had.
pub fn installed(folder: &Path) -> Result<Python> {
    let requirements = root().join("xtask/readers/requirements.txt");
    // Wheels are for one version of Python.
    let version = output_of(Command::new("python3").arg("--version")).context("python3")?;
    let wanted = version + &fs::read_to_string(&requirements)?;
    let held = folder.join(HELD);
    if fs::read_to_string(&held).is_ok_and(|held| held == wanted) {
        return Ok(Python { packages: folder.to_owned() });
    }
    println!("   fetching the readers, about 250 MB");
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut pip = Command::new("python3");
    // A folder of their own: no virtual environment is needed, and no system's packages are touched.
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target"]).arg(folder);
    // Of this one alone there is only the source, which is Python.
    pip.args(["--only-binary", ":all:", "--no-binary", "pyspark-client"]);
    output_of(pip.arg("--requirement").arg(requirements)).context("cannot fetch the readers")?;
    fs::write(held, wanted)?;
    Ok(Python { packages: folder.to_owned() })
}
