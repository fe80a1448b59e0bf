//! Enums without data: integers with names.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DataEnum, DeriveInput, Error, Fields, Result, Variant};

use crate::attributes::{Container, parse_symbol};
use crate::names::{self, Name};
use crate::record::Body;

/// How the integer is stored.
enum Integer<'a> {
    /// As this type, with its width as a variant of `Width`.
    Fixed(&'a Ident, &'static str),
    Varuint,
}

pub fn expand(input: &DeriveInput, data: &DataEnum, container: &Container) -> Result<Body> {
    if let Some(span) = container.plain {
        return Err(Error::new(
            span,
            "`plain` is for structs; an enum with #[repr(u8)] … #[repr(u64)] is plain by itself",
        ));
    }
    let variants = data.variants.iter().map(check_variant).collect::<Result<Vec<_>>>()?;
    if variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an enum without variants has no values to record"));
    }
    let symbols: Vec<Name> = variants.iter().map(|v| parse_symbol(&v.attrs, &v.ident)).collect::<Result<_>>()?;
    names::check_all(&symbols)?;
    let integer = integer(container)?;
    Ok(Body {
        shape: shape(&integer, &variants, &symbols),
        plain: plain(&integer),
        encode: encode(&integer, &variants),
        decode: decode(&integer, &variants),
    })
}

fn check_variant(variant: &Variant) -> Result<&Variant> {
    match variant.fields {
        Fields::Unit => Ok(variant),
        _ => Err(Error::new(
            variant.fields.span(),
            "an enum with data has no type in TLOG: variants are names of numbers",
        )),
    }
}

fn integer(container: &Container) -> Result<Integer<'_>> {
    for repr in &container.repr {
        let width = match repr.to_string().as_str() {
            "u8" => "W1",
            "u16" => "W2",
            "u32" => "W4",
            "u64" => "W8",
            signed if signed.starts_with('i') => {
                let message = "enums over signed integers are refused: the reference reader aborts on them; use u8, u16, u32 or u64";
                return Err(Error::new(repr.span(), message));
            }
            "usize" | "u128" => return Err(Error::new(repr.span(), "not a width of TLOG: use u8, u16, u32 or u64")),
            _ => continue,
        };
        return Ok(Integer::Fixed(repr, width));
    }
    Ok(Integer::Varuint)
}

fn shape(integer: &Integer<'_>, variants: &[&Variant], symbols: &[Name]) -> TokenStream {
    let width = match integer {
        Integer::Fixed(_, width) => {
            let width = Ident::new(width, Span::call_site());
            quote!(::core::option::Option::Some(::tlog::record::Width::#width))
        }
        Integer::Varuint => quote!(::core::option::Option::None),
    };
    let symbols = variants.iter().zip(symbols).map(|(variant, symbol)| {
        let (ident, name) = (&variant.ident, &symbol.text);
        // Errors point at the variant; lints take it for what it is, generated.
        let span = Span::call_site().located_at(ident.span());
        quote_spanned!(span=> ::tlog::record::SymbolShape::new(Self::#ident as i128, #name))
    });
    quote!(&::tlog::record::Shape::Enum(#width, &[#(#symbols),*]))
}

fn plain(integer: &Integer<'_>) -> TokenStream {
    match integer {
        // SAFETY of what is generated: `integer` has seen the representation, `check_variant` that there is no data.
        Integer::Fixed(..) => quote!(unsafe { ::tlog::record::Plain::of_enum() }),
        Integer::Varuint => quote!(::core::option::Option::None),
    }
}

fn encode(integer: &Integer<'_>, variants: &[&Variant]) -> TokenStream {
    let idents = variants.iter().map(|variant| &variant.ident);
    let (ty, form) = storage(integer);
    quote! {
        let value = match self {
            #(Self::#idents => Self::#idents as #ty,)*
        };
        <#ty as ::tlog::record::Encode<#form>>::encode(&value, sink)
    }
}

fn decode(integer: &Integer<'_>, variants: &[&Variant]) -> TokenStream {
    let idents = variants.iter().map(|variant| &variant.ident);
    let (ty, form) = storage(integer);
    quote! {
        let start = *cursor;
        let value = <#ty as ::tlog::record::Decode<'tlog_de, #form>>::decode(cursor)?;
        #(if value == Self::#idents as #ty {
            return ::core::result::Result::Ok(Self::#idents);
        })*
        ::core::result::Result::Err(start.fail(::tlog::record::ValueErrorKind::EnumValue(value as u64)))
    }
}

/// The integer that is stored, and its form.
fn storage(integer: &Integer<'_>) -> (TokenStream, TokenStream) {
    match integer {
        Integer::Fixed(ty, _) => (quote!(#ty), quote!(::tlog::record::Natural)),
        Integer::Varuint => (quote!(u64), quote!(::tlog::record::Varint)),
    }
}
