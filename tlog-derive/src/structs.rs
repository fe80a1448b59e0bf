//! Structs: objects.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DataStruct, DeriveInput, Error, Fields, Result, Type};

use crate::attributes::{self, Container};
use crate::names;
use crate::record::Body;
use crate::types;

struct Field<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    attributes: attributes::Field,
}

impl<'a> Field<'a> {
    fn parse(field: &'a syn::Field) -> Result<Self> {
        let Some(ident) = &field.ident else {
            return Err(Error::new(field.span(), "the fields of a record need names"));
        };
        types::check(&field.ty)?;
        let attributes = attributes::Field::parse(&field.attrs, ident)?;
        Ok(Self { ident, ty: &field.ty, attributes })
    }

    /// `<T as Encode<Form>>`, or another trait, with errors that point at the type.
    fn as_trait(&self, name: &str) -> TokenStream {
        let (ty, form, span) = (self.ty, &self.attributes.form, self.ty.span());
        let name = Ident::new(name, span);
        match name == "Decode" {
            true => quote_spanned!(span=> <#ty as ::tlog::record::#name<'tlog_de, #form>>),
            false => quote_spanned!(span=> <#ty as ::tlog::record::#name<#form>>),
        }
    }

    fn shape(&self) -> TokenStream {
        let name = &self.attributes.name.text;
        let aliases = self.attributes.aliases.iter().map(|alias| &alias.text);
        let encode = self.as_trait("Encode");
        let shape = quote!(::tlog::record::FieldShape::new(#name, #encode::SHAPE).aliases(&[#(#aliases),*]));
        match &self.attributes.default {
            Some((span, value)) => quote_spanned!(*span=> ::tlog::record::FieldShape::default(#shape, #value)),
            None => shape,
        }
    }
}

pub fn expand(input: &DeriveInput, data: &DataStruct, container: &Container) -> Result<Body> {
    let fields = parse_fields(data)?;
    let packed = container.repr.iter().find(|repr| *repr == "packed");
    if let Some(packed) = packed {
        let message =
            "a packed struct cannot lend its fields: use #[repr(C)], and #[tlog(plain)] to be told of padding";
        return Err(Error::new(packed.span(), message));
    }
    let shapes = fields.iter().map(Field::shape);
    Ok(Body {
        shape: quote!(&::tlog::record::Shape::Object(&[#(#shapes),*])),
        plain: plain(&input.ident, &fields, container)?,
        encode: encode(&fields),
        decode: decode(&fields),
    })
}

fn parse_fields(data: &DataStruct) -> Result<Vec<Field<'_>>> {
    let fields = match &data.fields {
        Fields::Named(fields) => fields.named.iter().map(Field::parse).collect::<Result<Vec<_>>>()?,
        Fields::Unit => Vec::new(),
        Fields::Unnamed(fields) => {
            return Err(Error::new(fields.span(), "the fields of a record need names: this is a tuple struct"));
        }
    };
    let names = fields.iter().flat_map(|field| [&field.attributes.name].into_iter().chain(&field.attributes.aliases));
    names::check_all(names)?;
    Ok(fields)
}

fn encode(fields: &[Field<'_>]) -> TokenStream {
    let each = fields.iter().map(|field| {
        let (ident, encode) = (field.ident, field.as_trait("Encode"));
        quote!(#encode::encode(&self.#ident, sink)?;)
    });
    quote! {
        #(#each)*
        ::core::result::Result::Ok(())
    }
}

fn decode(fields: &[Field<'_>]) -> TokenStream {
    let each = fields.iter().map(|field| {
        let (ident, decode) = (field.ident, field.as_trait("Decode"));
        quote!(#ident: #decode::decode(cursor)?)
    });
    // Objects without fields take no bytes, and are counted.
    let count = fields.is_empty().then(|| quote!(cursor.zero_width()?;));
    quote! {
        #count
        ::core::result::Result::Ok(Self { #(#each),* })
    }
}

fn plain(ident: &Ident, fields: &[Field<'_>], container: &Container) -> Result<TokenStream> {
    let is_c = container.has_repr("C");
    let checks = match container.plain {
        Some(span) if !is_c => {
            return Err(Error::new(
                span,
                "a plain record needs #[repr(C)]: without it, the compiler orders the fields",
            ));
        }
        Some(span) => plain_checks(ident, fields, span),
        None => TokenStream::new(),
    };
    if !is_c {
        return Ok(quote!(::core::option::Option::None));
    }
    let each = fields.iter().map(|field| {
        let encode = field.as_trait("Encode");
        quote!(::tlog::record::PlainField::of(#encode::PLAIN))
    });
    Ok(quote! {{
        #checks
        // SAFETY: the derive has seen `repr(C)`, and has listed every field of the struct.
        unsafe { ::tlog::record::Plain::of_struct(&[#(#each),*]) }
    }})
}

/// What `#[tlog(plain)]` asserts, one message for each place where it can fail.
fn plain_checks(ident: &Ident, fields: &[Field<'_>], span: Span) -> TokenStream {
    let mut checks: TokenStream = fields.iter().map(plain_check).collect();
    for (field, next) in fields.iter().zip(fields.iter().skip(1)) {
        let (end, next_ident) = (end_of(field), next.ident);
        let message = format!(
            "padding between `{}` and `{}`: reorder the fields or fill it with a named one",
            field.ident.unraw(),
            next_ident.unraw()
        );
        let check = quote!(#end == ::core::mem::offset_of!(Self, #next_ident));
        checks.extend(quote_spanned!(next_ident.span()=> ::core::assert!(#check, #message);));
    }
    if let Some(last) = fields.last() {
        let end = end_of(last);
        let message = format!("padding after `{}`: fill it with a named field", last.ident.unraw());
        let check = quote!(#end == ::core::mem::size_of::<Self>());
        checks.extend(quote_spanned!(last.ident.span()=> ::core::assert!(#check, #message);));
    } else {
        let message = format!("`{}` has no fields, so nothing to copy", ident.unraw());
        checks.extend(quote_spanned!(span=> ::core::assert!(false, #message);));
    }
    checks
}

fn plain_check(field: &Field<'_>) -> TokenStream {
    let encode = field.as_trait("Encode");
    let message = format!(
        "`{}` is not plain: its encoding is not its memory (on a big-endian machine, nothing is plain)",
        field.ident.unraw()
    );
    quote_spanned!(field.ty.span()=> ::core::assert!(#encode::PLAIN.is_some(), #message);)
}

fn end_of(field: &Field<'_>) -> TokenStream {
    let (ident, ty) = (field.ident, field.ty);
    quote!(::core::mem::offset_of!(Self, #ident) + ::core::mem::size_of::<#ty>())
}
