//! `tlog completion` and `tlog man`: both from the definitions in [`crate::args`].

use std::fs;

use anyhow::Context;
use clap::CommandFactory;

use crate::args::{Args, Completion, Man};
use crate::exit::Outcome;
use crate::output;

pub fn completion(args: &Completion) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "tlog", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Complete)
}

pub fn man(args: &Man) -> anyhow::Result<Outcome> {
    let mut command = Args::command();
    command.build();
    match &args.dir {
        Some(dir) => {
            fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
            clap_mangen::generate_to(command, dir).with_context(|| dir.display().to_string())?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            output::print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Outcome::Complete)
}
