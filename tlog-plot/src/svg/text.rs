//! Text in pictures: how wide it is about, and how hostile text becomes harmless.

/// Sizes of text, in pixels.
pub const TITLE: f64 = 18.0;
pub const LEGEND: f64 = 13.0;
pub const LABEL: f64 = 12.0;

/// Which part of a text stands where it is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// How wide a text is about, whatever font it will be shown in: rather too wide than too narrow.
pub fn width(text: &str, size: f64) -> f64 {
    let units = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | '[' | ']' | '(' | ')' | ' ' | 'f' | 't' | 'r' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.92,
        'A'..='Z' => 0.70,
        c if c.is_ascii() => 0.55,
        // Ideographs are square.
        c if (c as u32) >= 0x1100 => 1.05,
        _ => 0.66,
    };
    text.chars().map(units).sum::<f64>() * size
}

/// The text, or its beginning with an ellipsis when it has more characters than this.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The text, or its beginning with an ellipsis when it is wider than this.
pub fn fitted(text: &str, most: f64, size: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut short = String::from("…");
    for c in text.chars() {
        short.insert(short.len() - '…'.len_utf8(), c);
        if width(&short, size) > most {
            short.remove(short.len() - '…'.len_utf8() - c.len_utf8());
            break;
        }
    }
    short
}

/// The text as XML has it: what marks it up is escaped, and what XML or a reader cannot show becomes U+FFFD.
pub fn escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if is_unseen(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

/// What controls how text is shown in place of being shown: also the marks that reverse it.
pub fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
