//! Pictures as PNG: the [`svg`] drawn, with fonts that come along, so that it is the same everywhere.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use crate::figure::{Figure, Size};
use crate::{Error, Result, svg};

/// How many pixels a picture may have: they take four bytes each.
const MOST_PIXELS: u64 = 100_000_000;

/// Draws a figure as PNG.
///
/// # Errors
/// [`Error::Size`] as for an SVG, or beyond 100 million pixels. [`Error::Render`] should never be.
pub fn render(figure: &Figure, size: Size) -> Result<Vec<u8>> {
    let Size { width, height } = size;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Error::Size { width, height, problem: "large" });
    }
    let picture = svg::render(figure, size)?;
    let tree = Tree::from_str(&picture, &options()).map_err(|e| Error::Render(e.to_string()))?;
    let mut pixels = Pixmap::new(width, height).ok_or_else(|| Error::Render("no such size".to_owned()))?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|e| Error::Render(e.to_string()))
}

/// With the fonts that come along and none of the system's. What the first one lacks is looked for in the second.
fn options() -> Options<'static> {
    let mut fonts = Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let family = fonts.faces().next().and_then(|face| face.families.first()).map(|(name, _)| name.clone());
    fonts.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
    if let Some(family) = &family {
        fonts.set_sans_serif_family(family);
    }
    Options { fontdb: Arc::new(fonts), font_family: family.unwrap_or_default(), ..Options::default() }
}
