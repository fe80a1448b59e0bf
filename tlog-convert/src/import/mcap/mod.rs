//! MCAP into a log.

use std::io::{Read, Write};

use tlog::Writer;

use super::Summary;
use crate::{Error, Result};

/// How to read MCAP.
#[derive(Clone, Debug, Default)]
pub struct Options {}

/// Reads a whole MCAP file.
///
/// # Errors
/// [`Error::Io`] of the input, [`Error::Log`] of the output.
pub fn read<R: Read, W: Write>(_input: R, _out: &mut Writer<W>, _options: &Options) -> Result<Summary> {
    Err(Error::Usage("MCAP cannot be imported".to_owned()))
}
