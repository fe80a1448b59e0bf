//! Rows of characters, each of which may have a colour.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Cells;
use crate::svg::is_unseen;

/// One row. A character that takes two cells is followed by nothing in its second.
#[derive(Debug, Default)]
pub struct Row {
    cells: Vec<(char, Option<u8>)>,
    /// How many cells they take.
    len: usize,
}

impl Row {
    /// A row with a text after so many blanks.
    pub fn at(column: usize, text: &str) -> Self {
        let mut row = Self::default();
        row.fill(column);
        row.text_in(text, None);
        row
    }

    /// How many cells are taken.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, character: char, colour: Option<u8>) {
        let character = if is_unseen(character) { '\u{fffd}' } else { character };
        self.cells.push((character, colour));
        self.len += character.width().unwrap_or(0);
    }

    pub fn text_in(&mut self, text: &str, colour: Option<u8>) {
        text.chars().for_each(|character| self.push(character, colour));
    }

    fn fill(&mut self, column: usize) {
        while self.len < column {
            self.push(' ', None);
        }
    }

    /// Adds a text that ends at this column.
    pub fn right(&mut self, column: usize, text: &str) {
        self.fill(column.saturating_sub(width(text)));
        self.text_in(text, None);
        self.fill(column);
    }

    /// Adds a text around this column and before `end`, unless it would touch what is there.
    pub fn centred(&mut self, column: usize, text: &str, end: usize) {
        let width = width(text);
        let start = column.saturating_sub(width / 2).min(end.saturating_sub(width));
        let from = if self.len == 0 { 0 } else { self.len + 1 };
        if start >= from && start + width <= end {
            self.fill(start);
            self.text_in(text, None);
        }
    }

    /// The row as it is printed.
    pub fn text(&self, cells: Cells) -> String {
        let mut text = String::new();
        let mut current = None;
        for (character, colour) in &self.cells {
            let colour = colour.filter(|_| cells.has_colour && *character != ' ');
            if colour != current && *character != ' ' {
                text.push_str(&colour.map_or("\x1b[0m".to_owned(), |colour| format!("\x1b[38;5;{colour}m")));
                current = colour;
            }
            text.push(*character);
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push_str(if current.is_some() { "\x1b[0m\n" } else { "\n" });
        text
    }
}

/// How many cells a text takes.
pub fn width(text: &str) -> usize {
    let unseen = text.chars().filter(|c| c.width().is_none()).count();
    text.width().max(text.chars().filter_map(|c| c.width()).sum()) + unseen
}

/// The text, or its beginning with an ellipsis when it takes more cells than this.
pub fn shortened(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut len = 1;
    for character in text.chars() {
        len += character.width().unwrap_or(1);
        if len > most {
            break;
        }
        short.push(character);
    }
    if most > 0 {
        short.push('…');
    }
    short
}
