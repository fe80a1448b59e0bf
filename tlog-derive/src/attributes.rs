//! What stands in `#[tlog(…)]` and `#[repr(…)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, DeriveInput, Error, Lit, LitStr, Result, Token};

use crate::names::{Name, snake_case};

/// Attributes of the struct or enum.
pub struct Container {
    pub name: String,
    /// Where `plain` stands.
    pub plain: Option<Span>,
    pub encode_only: bool,
    pub repr: Vec<Ident>,
}

impl Container {
    pub fn parse(input: &DeriveInput) -> Result<Self> {
        let (mut name, mut plain, mut encode_only) = (None, None, None);
        each_meta(&input.attrs, "tlog", |meta| {
            let span = meta.path_span();
            match meta.key().as_str() {
                "name" => set(&mut name, span, record_name(&meta)?),
                "plain" => set(&mut plain, span, span),
                "encode_only" => set(&mut encode_only, span, ()),
                _ => Err(meta.error("not an attribute of a record: name, plain, encode_only")),
            }
        })?;
        Ok(Self {
            name: name.unwrap_or_else(|| snake_case(&Name::of(&input.ident).text)),
            plain,
            encode_only: encode_only.is_some(),
            repr: parse_repr(&input.attrs)?,
        })
    }

    /// Whether `#[repr(name)]` is there.
    pub fn has_repr(&self, name: &str) -> bool {
        self.repr.iter().any(|repr| repr == name)
    }
}

fn record_name(meta: &ParseNestedMeta<'_>) -> Result<String> {
    let name: LitStr = meta.value()?.parse()?;
    let text = name.value();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Error::new(name.span(), "a record needs a name that can be shown"));
    }
    Ok(text)
}

/// Attributes of a field.
pub struct Field {
    pub name: Name,
    pub aliases: Vec<Name>,
    /// The argument of `FieldShape::default`, with the span of the literal.
    pub default: Option<(Span, TokenStream)>,
    /// The type that stands for the form of the encoding.
    pub form: TokenStream,
}

impl Field {
    pub fn parse(attrs: &[Attribute], ident: &Ident) -> Result<Self> {
        let (mut rename, mut aliases, mut default, mut form) = (None, Vec::new(), None, None);
        each_meta(attrs, "tlog", |meta| {
            let span = meta.path_span();
            match meta.key().as_str() {
                "rename" => set(&mut rename, span, string(&meta)?),
                "alias" => {
                    aliases.push(string(&meta)?);
                    Ok(())
                }
                "default" => set(&mut default, span, parse_default(&meta)?),
                "varint" => set(&mut form, span, quote!(::tlog::record::Varint)),
                "bytes" => set(&mut form, span, quote!(::tlog::record::Bytes)),
                _ => Err(meta.error("not an attribute of a field: rename, alias, default, varint, bytes")),
            }
        })?;
        Ok(Self {
            name: rename.unwrap_or_else(|| Name::of(ident)),
            aliases,
            default,
            form: form.unwrap_or_else(|| quote!(::tlog::record::Natural)),
        })
    }
}

/// The symbol of a variant.
pub fn parse_symbol(attrs: &[Attribute], ident: &Ident) -> Result<Name> {
    let mut rename = None;
    each_meta(attrs, "tlog", |meta| match meta.key().as_str() {
        "rename" => set(&mut rename, meta.path_span(), string(&meta)?),
        _ => Err(meta.error("not an attribute of a variant: rename")),
    })?;
    Ok(rename.unwrap_or_else(|| Name::of(ident)))
}

fn string(meta: &ParseNestedMeta<'_>) -> Result<Name> {
    let text: LitStr = meta.value()?.parse()?;
    Ok(Name { text: text.value(), span: text.span() })
}

fn parse_default(meta: &ParseNestedMeta<'_>) -> Result<(Span, TokenStream)> {
    if !meta.input.peek(Token![=]) {
        return Ok((meta.path_span(), quote!(::tlog::record::DefaultValue::Zero)));
    }
    parse_literal(meta.value()?)
}

fn parse_literal(input: ParseStream<'_>) -> Result<(Span, TokenStream)> {
    let minus = if input.parse::<Option<Token![-]>>()?.is_some() { "-" } else { "" };
    let literal: Lit = input.parse()?;
    let span = literal.span();
    let value = match &literal {
        Lit::Bool(value) if minus.is_empty() => quote!(Boolean(#value)),
        Lit::Str(text) if minus.is_empty() => quote!(Text(#text)),
        Lit::Int(digits) => {
            let value: i128 = parse_number(span, minus, digits.base10_digits())?;
            quote!(Integer(#value))
        }
        Lit::Float(digits) => {
            // Rounded once to each width; as bits, because what is infinite as f32 may be meant as f64.
            let narrow = parse_number::<f32>(span, minus, digits.base10_digits())?.to_bits();
            let wide = parse_number::<f64>(span, minus, digits.base10_digits())?.to_bits();
            quote!(Float(f32::from_bits(#narrow), f64::from_bits(#wide)))
        }
        _ => return Err(Error::new(span, "a default is a boolean, a number or a string")),
    };
    Ok((span, quote_spanned!(span=> ::tlog::record::DefaultValue::#value)))
}

fn parse_number<T: std::str::FromStr>(span: Span, minus: &str, digits: &str) -> Result<T> {
    format!("{minus}{digits}").parse().map_err(|_| Error::new(span, "the number is out of every range"))
}

/// The names in all `#[repr(…)]`, without their arguments.
fn parse_repr(attrs: &[Attribute]) -> Result<Vec<Ident>> {
    let mut names = Vec::new();
    each_meta(attrs, "repr", |meta| {
        names.extend(meta.path.get_ident().cloned());
        if meta.input.peek(syn::token::Paren) {
            let arguments;
            syn::parenthesized!(arguments in meta.input);
            arguments.parse::<TokenStream>()?;
        }
        Ok(())
    })?;
    Ok(names)
}

fn each_meta(attrs: &[Attribute], name: &str, mut each: impl FnMut(ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    attrs.iter().filter(|attr| attr.path().is_ident(name)).try_for_each(|attr| attr.parse_nested_meta(&mut each))
}

fn set<T>(slot: &mut Option<T>, span: Span, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(span, "this contradicts or repeats an earlier attribute")),
    }
}

trait MetaExt {
    fn key(&self) -> String;
    fn path_span(&self) -> Span;
}

impl MetaExt for ParseNestedMeta<'_> {
    fn key(&self) -> String {
        self.path.get_ident().map(Ident::to_string).unwrap_or_default()
    }

    fn path_span(&self) -> Span {
        self.path.get_ident().map_or_else(Span::call_site, Ident::span)
    }
}
