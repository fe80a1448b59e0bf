//! `tlog du`
use crate::{args::Du, exit::Outcome, terminal::Terminal};
pub fn run(_args: &Du, _terminal: &Terminal) -> anyhow::Result<Outcome> {
    Ok(Outcome::Complete)
}
