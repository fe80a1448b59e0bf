//! The elements that a picture is made of.

use super::text::{self, Anchor};
use crate::figure::Size;

/// An SVG document in the making.
pub struct Writer {
    out: String,
}

impl Writer {
    pub fn new(Size { width, height }: Size) -> Self {
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Ubuntu, 'Helvetica Neue', Arial, sans-serif\">\n"
        );
        out.push_str("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        Self { out }
    }

    /// A thin straight line, which is put on whole pixels so that it is sharp.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(|at| number(at.floor() + 0.5));
        self.out.push_str(&format!("<path d=\"M{x1} {y1}L{x2} {y2}\" stroke=\"{colour}\" fill=\"none\"/>\n"));
    }

    /// A line of data.
    pub fn path(&mut self, path: &str, colour: &str, dash: &str) {
        if path.is_empty() {
            return;
        }
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        self.out.push_str(&format!(
            "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"1.5\" stroke-linejoin=\"round\" \
             stroke-linecap=\"round\" fill=\"none\"{dash}/>\n"
        ));
    }

    pub fn text(&mut self, at: (f64, f64), text: &str, anchor: Anchor, size: f64, colour: &str) {
        if text.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y) = (number(at.0), number(at.1));
        self.out.push_str(&format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\"{anchor}>"));
        text::escaped(text, &mut self.out);
        self.out.push_str("</text>\n");
    }

    pub fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }
}

/// A coordinate with one decimal at most.
pub fn number(value: f64) -> String {
    let mut text = format!("{value:.1}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    if text == "-0" { "0".to_owned() } else { text }
}
