//! What a declaration must be so that both references read the log.

use crate::error::{Error, Result};
use crate::schema::{IntegerType, Schema, Type};

/// Identifiers from here on make the reference writer abort when it copies the log, and serve nobody.
const FIRST_UNPORTABLE_ID: u64 = 1 << 56;

/// Checks what is to be declared. The one place where such rules are asked.
///
/// # Errors
/// [`Error::Usage`] with what to do instead.
pub(super) fn check(name: &str, schema: &Schema) -> Result<()> {
    check_record_name(name)?;
    check_type(name, schema.root())
}

/// # Errors
/// [`Error::Usage`] from 2⁵⁶ on.
pub(super) fn check_identifier(identifier: u64) -> Result<()> {
    if identifier < FIRST_UNPORTABLE_ID {
        return Ok(());
    }
    Err(Error::Usage(format!("identifier {identifier} is too large: the reference supports those below 2^56")))
}

pub(super) fn check_record_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::Usage("a record needs a name".to_owned()));
    }
    Ok(())
}

/// Schemas nest at most `MAX_DEPTH` deep, so this does too.
fn check_type(record: &str, ty: &Type) -> Result<()> {
    match ty {
        Type::Object(object) if object.version().is_some() => Err(Error::Usage(format!(
            "record {record:?}: an object with a version cannot be read by the reference; leave the version out"
        ))),
        Type::Object(object) => object.fields().iter().try_for_each(|field| check_type(record, field.ty())),
        Type::Enum(enumeration) => match enumeration.underlying() {
            IntegerType::FixedUint(_) | IntegerType::Varuint => Ok(()),
            signed => Err(Error::Usage(format!(
                "record {record:?}: the reference cannot read an enum over {}; use fixeduint or varuint",
                signed.name()
            ))),
        },
        Type::Array(item) | Type::Map(item) => check_type(record, item),
        Type::FixedArray(array) => check_type(record, array.item()),
        Type::Union(members) => members.iter().try_for_each(|member| check_type(record, member)),
        _ => Ok(()),
    }
}
