//! The commands, one module each: what the flags mean, which part of the library does it, how it is shown.

mod card;
mod card_init;
mod card_ls;
mod card_pull;
mod cat;
mod cat_follow;
mod cat_format;
mod cat_known;
mod completion;
mod compress;
mod concat;
mod convert;
mod convert_lake;
mod convert_log;
mod convert_mcap;
mod convert_places;
mod convert_tables;
mod convert_text;
mod cut;
mod du;
mod du_text;
mod figures;
mod help;
mod import;
mod import_options;
mod index;
mod info;
mod info_summary;
mod info_text;
mod merge;
mod plot;
mod plot_curves;
mod plot_fields;
mod record;
mod record_end;
mod recover;
mod recover_text;
mod schema;
mod schema_tree;
mod seek;
mod sort;
mod split;
mod stats;
mod stats_report;
mod stats_text;
mod verify;
mod verify_text;
mod write;

use crate::args::{Args, Card, Command, Schema};
use crate::exit::Outcome;
use crate::terminal::Terminal;

pub use schema::load as load_schemas;

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Info(args) => info::run(args, terminal),
        Command::Cat(args) => cat::run(args, terminal),
        Command::Index(args) => index::run(args, terminal),
        Command::Seek(args) => seek::run(args, terminal),
        Command::Schema(Schema::Show(args)) => schema::show(args, terminal),
        Command::Schema(Schema::Diff(args)) => schema::diff(args, terminal),
        Command::Write(args) => write::run(args, terminal),
        Command::Record(args) => record::run(args, terminal),
        Command::Convert(args) => convert::run(args, terminal),
        Command::Cut(args) => cut::run(args, terminal),
        Command::Import(args) => import::run(args, terminal),
        Command::Plot(args) => plot::run(args, terminal),
        Command::Concat(args) => concat::run(args, terminal),
        Command::Merge(args) => merge::run(args, terminal),
        Command::Sort(args) => sort::run(args, terminal),
        Command::Split(args) => split::run(args, terminal),
        Command::Compress(args) => compress::compress(args, terminal),
        Command::Decompress(args) => compress::decompress(args, terminal),
        Command::Recover(args) => recover::run(args, terminal),
        Command::Card(Card::Init(args)) => card_init::run(args, terminal),
        Command::Card(Card::Ls(args)) => card_ls::run(args, terminal),
        Command::Card(Card::Pull(args)) => card_pull::run(args, terminal),
        Command::Verify(args) => verify::run(args, terminal),
        Command::Stats(args) => stats::run(args, terminal),
        Command::Du(args) => du::run(args, terminal),
        Command::Completion(args) => completion::completion(args),
        Command::Man(args) => completion::man(args),
        Command::Help(args) => help::run(args),
    }
}
