//! Types whose name alone says that the format has nothing for them. The compiler would
//! refuse them too, but could not say what to use instead.

use syn::{Error, GenericArgument, PathArguments, PathSegment, Result, Type};

/// Looks through references, arrays and the arguments of generic types.
///
/// # Errors
/// One that points at the name, and says what to use.
pub fn check(ty: &Type) -> Result<()> {
    match ty {
        Type::Path(path) => path.path.segments.last().map_or(Ok(()), check_segment),
        Type::Reference(reference) => check(&reference.elem),
        Type::Array(array) => check(&array.elem),
        Type::Slice(slice) => check(&slice.elem),
        Type::Paren(inner) => check(&inner.elem),
        Type::Group(inner) => check(&inner.elem),
        _ => Ok(()),
    }
}

fn check_segment(segment: &PathSegment) -> Result<()> {
    let advice = match segment.ident.to_string().as_str() {
        "usize" => "`usize` is as wide as the machine: use u32 or u64",
        "isize" => "`isize` is as wide as the machine: use i32 or i64",
        "u128" | "i128" => "TLOG's integers have at most 64 bits",
        "char" => "TLOG has no characters: use a u32 or a string",
        _ => return check_arguments(&segment.arguments),
    };
    Err(Error::new(segment.ident.span(), advice))
}

fn check_arguments(arguments: &PathArguments) -> Result<()> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return Ok(()) };
    arguments.args.iter().try_for_each(|argument| match argument {
        GenericArgument::Type(ty) => check(ty),
        _ => Ok(()),
    })
}
