//! What a declaration must be so that both references read the log.

use crate::error::{Error, Result};
use crate::schema::{self, PortabilityError, Schema};

/// Identifiers from here on make the reference writer abort when it copies the log, and serve nobody.
const FIRST_UNPORTABLE_ID: u64 = 1 << 56;

/// Checks what is to be declared. The one place where such rules are asked.
///
/// # Errors
/// [`Error::Usage`] with what to do instead.
pub(super) fn check(name: &str, schema: &Schema) -> Result<()> {
    let refuse = |e: PortabilityError| Error::Usage(format!("record {name:?}: {e}"));
    check_record_name(name)?;
    schema.check_names().and_then(|()| schema.check_reference_readable()).map_err(refuse)
}

/// # Errors
/// [`Error::Usage`] from 2⁵⁶ on.
pub(super) fn check_identifier(identifier: u64) -> Result<()> {
    if identifier < FIRST_UNPORTABLE_ID {
        return Ok(());
    }
    Err(Error::Usage(format!("identifier {identifier} is too large: the reference supports those below 2^56")))
}

/// # Errors
/// [`Error::Usage`], as [`schema::check_record_name`] says.
pub(super) fn check_record_name(name: &str) -> Result<()> {
    schema::check_record_name(name).map_err(|e| Error::Usage(e.to_string()))
}
