//! `#[derive(Record)]` for the `tlog` crate, which re-exports it.
//!
//! The derive knows syntax only. What a field's type is, whether a default fits it and whether there
//! is padding, the compiler works out in constants of the code that is generated here.

mod attributes;
mod enums;
mod names;
mod record;
mod structs;
mod types;

use proc_macro::TokenStream;
use syn::{Data, DeriveInput, Error, Result, parse_macro_input};

/// Makes a struct with named fields, or an enum without data, a record of a TLOG log: `Record`,
/// `Encode` and `Decode`, with the schema worked out at compile time.
///
/// | on the struct or enum | |
/// |---|---|
/// | `#[tlog(name = "imu")]` | the record's name; without it, the type's name in snake_case |
/// | `#[tlog(plain)]` | an error unless the struct is `#[repr(C)]` and its memory is its encoding: no padding, all fields of fixed size |
/// | `#[tlog(encode_only)]` | no `Decode`: for structs that borrow what cannot be borrowed from a payload, such as `&[f32]` |
///
/// | on a field | |
/// |---|---|
/// | `#[tlog(rename = "x")]` | the name in the schema; without it, the field's |
/// | `#[tlog(alias = "old")]` | a name it had before; may be repeated |
/// | `#[tlog(default = LITERAL)]` | what stands for it in data that does not have it: `true`, `-5`, `0.5`, a string, or the symbol of an enum as a string; for an `Option`, the value inside |
/// | `#[tlog(default)]` | the same with the zero of its type: `false`, 0, empty, `None` |
/// | `#[tlog(varint)]` | integers take as many bytes as they need |
/// | `#[tlog(bytes)]` | `Vec<u8>` and `&[u8]` as bytes instead of an array |
///
/// On a variant of an enum, `#[tlog(rename = "x")]` sets the symbol; without it, that is the variant's
/// name as written. The default of a field is for readers that resolve schemas; a payload always has all fields.
///
/// Names must be `[A-Za-z][A-Za-z0-9_]*` and unique among the fields' names and aliases.
/// `tlog::record` has the table of types, and tells when a struct is encoded by one copy.
#[proc_macro_derive(Record, attributes(tlog))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<proc_macro2::TokenStream> {
    let container = attributes::Container::parse(input)?;
    record::check_generics(&input.generics)?;
    let body = match &input.data {
        Data::Struct(data) => structs::expand(input, data, &container)?,
        Data::Enum(data) => enums::expand(input, data, &container)?,
        Data::Union(data) => return Err(Error::new(data.union_token.span, "a Rust union does not say what it holds")),
    };
    Ok(record::expand(input, &container, &body))
}
