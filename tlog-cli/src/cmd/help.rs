//! `tlog help`: commands and topics.

use clap::CommandFactory;

use crate::args::{Args, Help};
use crate::exit::{self, Outcome, usage};
use crate::{output, planning, times};

pub fn run(args: &Help) -> anyhow::Result<Outcome> {
    let mut command = Args::command();
    command.build();
    let topic: Vec<&str> = args.topic.iter().map(String::as_str).collect();
    let text = match topic.as_slice() {
        ["exit-codes"] => exit::HELP.to_owned(),
        ["times"] => times::HELP.to_owned(),
        ["conditions"] => planning::CONDITIONS.to_owned(),
        path => {
            let mut found = &mut command;
            for name in path {
                found = found.find_subcommand_mut(name).ok_or_else(|| {
                    usage(format!(
                        "no command or topic `{}`; the topics are conditions, exit-codes and times",
                        path.join(" ")
                    ))
                })?;
            }
            found.render_long_help().to_string()
        }
    };
    output::print(&text)?;
    Ok(Outcome::Complete)
}
