//! Names in the schema.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Error, Result};

/// A name of a field, alias or symbol, and where it stands.
pub struct Name {
    pub text: String,
    pub span: Span,
}

impl Name {
    /// A name that the user has written as an identifier.
    pub fn of(ident: &Ident) -> Self {
        Self { text: ident.unraw().to_string(), span: ident.span() }
    }

    /// Checks it against what the format allows to be written.
    pub fn check(&self) -> Result<()> {
        let mut chars = self.text.chars();
        let starts = chars.next().is_some_and(|first| first.is_ascii_alphabetic());
        if starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Ok(());
        }
        let text = &self.text;
        Err(Error::new(
            self.span,
            format!("`{text}` is not a name in TLOG: it must match [A-Za-z][A-Za-z0-9_]*; see #[tlog(rename = \"…\")]"),
        ))
    }
}

/// Checks that each is a name, and that no two are the same.
pub fn check_all<'a>(names: impl IntoIterator<Item = &'a Name>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        name.check()?;
        if !seen.insert(&name.text) {
            return Err(Error::new(name.span, format!("the name `{}` is there twice", name.text)));
        }
    }
    Ok(())
}

/// `VehicleState` → `vehicle_state`, `HTTPServer2` → `http_server2`.
pub fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let after = at.checked_sub(1).and_then(|before| chars.get(before));
        let starts_word = match after {
            None | Some('_') => false,
            Some(before) if before.is_uppercase() => chars.get(at + 1).is_some_and(|next| next.is_lowercase()),
            Some(_) => true,
        };
        if c.is_uppercase() && starts_word {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_become_record_names() {
        for (ty, name) in [
            ("Imu", "imu"),
            ("IMU", "imu"),
            ("VehicleState", "vehicle_state"),
            ("HTTPServer2", "http_server2"),
            ("Motor2State", "motor2_state"),
            ("Already_Snake", "already_snake"),
            ("X", "x"),
        ] {
            assert_eq!(snake_case(ty), name);
        }
    }

    #[test]
    fn names_of_the_format() {
        let is_good = |text: &str| Name { text: text.into(), span: Span::call_site() }.check().is_ok();
        assert!(["a", "A1", "type", "a_b_", "class"].into_iter().all(is_good));
        assert!(!["", "_a", "1a", "a-b", "a b", "größe"].into_iter().any(is_good));
    }
}
