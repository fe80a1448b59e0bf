//! The command `tlog`: shows, searches and writes TLOG0003 logs.
//!
//! This crate knows arguments, terminals and exit codes; the bytes of the format are the business
//! of the crate `tlog`. Each command is an adapter in [`cmd`], what they share has a module here.

mod args;
mod cmd;
mod exit;
mod input;
mod interrupt;
mod lines;
mod new_log;
mod ordering;
mod output;
mod outputs;
mod planning;
mod progress;
mod project;
mod selected;
mod sizes;
mod sniff;
mod source;
mod terminal;
mod times;
mod whole;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(e) => return exit::on_parse(&e),
    };
    let terminal = terminal::Terminal::new(&args.common);
    exit::on_result(cmd::run(&args, &terminal), &terminal)
}
