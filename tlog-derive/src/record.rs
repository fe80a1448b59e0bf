//! What structs and enums have in common: the four impls around their bodies.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, GenericParam, Generics, Lifetime, LifetimeParam, Result, parse_quote};

use crate::attributes::Container;

/// The parts that differ.
pub struct Body {
    /// A `&'static Shape`.
    pub shape: TokenStream,
    /// An `Option<Plain<Self>>`.
    pub plain: TokenStream,
    /// Statements that encode `self` into `sink`, and a result.
    pub encode: TokenStream,
    /// Statements that decode from `cursor`, and a result.
    pub decode: TokenStream,
}

/// Types may borrow, no more: a constant of exactly the size of the schema cannot depend on parameters.
pub fn check_generics(generics: &Generics) -> Result<()> {
    for parameter in &generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            let message = "a record cannot be generic over types or numbers: its schema is a constant";
            return Err(Error::new_spanned(parameter, message));
        }
    }
    Ok(())
}

pub fn expand(input: &DeriveInput, container: &Container, body: &Body) -> TokenStream {
    let encode = encode_impl(input, body);
    let decode = (!container.encode_only).then(|| decode_impl(input, &body.decode));
    let record = record_impl(input, container);
    quote! {
        const _: () = {
            #encode
            #decode
            #record
        };
    }
}

fn encode_impl(input: &DeriveInput, body: &Body) -> TokenStream {
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let Body { shape, plain, encode, .. } = body;
    quote! {
        #[automatically_derived]
        impl #impl_generics ::tlog::record::Encode for #ident #ty_generics #where_clause {
            const SHAPE: &'static ::tlog::record::Shape = #shape;
            const PLAIN: ::core::option::Option<::tlog::record::Plain<Self>> = #plain;

            fn encode<S: ::tlog::record::Sink>(&self, sink: &mut S) -> ::core::result::Result<(), S::Error> {
                if let ::core::option::Option::Some(plain) = <Self as ::tlog::record::Encode>::PLAIN {
                    return ::tlog::record::Sink::put(sink, plain.bytes(self));
                }
                #encode
            }
        }
    }
}

fn decode_impl(input: &DeriveInput, decode: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    let (_, ty_generics, where_clause) = input.generics.split_for_impl();
    let mut generics = input.generics.clone();
    let mut payload: LifetimeParam = parse_quote!('tlog_de);
    payload.bounds.extend(input.generics.lifetimes().map(|borrowed| borrowed.lifetime.clone()));
    generics.params.insert(0, GenericParam::Lifetime(payload));
    let (impl_generics, ..) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics ::tlog::record::Decode<'tlog_de> for #ident #ty_generics #where_clause {
            fn decode(
                cursor: &mut ::tlog::record::Cursor<'tlog_de>,
            ) -> ::core::result::Result<Self, ::tlog::record::ValueError> {
                #decode
            }
        }
    }
}

fn record_impl(input: &DeriveInput, container: &Container) -> TokenStream {
    let (ident, name) = (&input.ident, &container.name);
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let anywhere = input.generics.lifetimes().map(|_| Lifetime::new("'static", ident.span()));
    let anywhere = quote!(#ident<#(#anywhere),*>);
    // A constant that nobody uses is not worked out; the two at the end see to it that errors come to light.
    let check_plain = container
        .plain
        .map(|span| quote_spanned!(span=> const _: bool = <#anywhere as ::tlog::record::Encode>::PLAIN.is_some();));
    quote! {
        #[automatically_derived]
        impl #impl_generics ::tlog::record::Record for #ident #ty_generics #where_clause {
            const NAME: &'static str = #name;
            const SCHEMA: &'static [u8] = {
                const SHAPE: &::tlog::record::Shape = <#anywhere as ::tlog::record::Encode>::SHAPE;
                const BYTES: [u8; SHAPE.schema_len()] = SHAPE.schema_bytes();
                &BYTES
            };
        }
        const _: &[u8] = <#anywhere as ::tlog::record::Record>::SCHEMA;
        #check_plain
    }
}
