//! Dots in cells.

/// The dots of a cell by row and column, as bits of U+2800.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// The shortest distance of two letters on a line, in cells.
const LETTER_EVERY: usize = 24;

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// A blank, braille or a letter.
    pub character: char,
    /// The line of which most of it is.
    pub line: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// The dots of all lines.
    dots: u8,
    /// The dots of the line that is being drawn.
    fresh: u8,
    /// The line with the most dots here, and how many.
    owner: Option<(usize, u32)>,
    /// A letter in place of the dots.
    letter: Option<char>,
}

/// A rectangle of cells.
#[derive(Debug)]
pub struct Canvas {
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
    /// The cells that the line that is being drawn has dots in.
    touched: Vec<usize>,
}

impl Canvas {
    pub fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![Cell::default(); columns * rows], touched: Vec::new() }
    }

    /// Draws a straight line between two places, which are from 0 to 1 from the left and the top.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (from, to) = (self.dot(from), self.dot(to));
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs());
        for step in 0..=steps {
            // Rounded to the nearest dot.
            let along =
                |a: i64, b: i64| if steps == 0 { a } else { a + (2 * (b - a) * step + steps).div_euclid(2 * steps) };
            self.set(along(from.0, to.0), along(from.1, to.1));
        }
    }

    fn dot(&self, (x, y): (f64, f64)) -> (i64, i64) {
        let dots = |at: f64, count: usize| ((at * count as f64) as i64).clamp(0, count as i64 - 1);
        (dots(x, self.columns * 2), dots(y, self.rows * 4))
    }

    fn set(&mut self, x: i64, y: i64) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        let index = y / 4 * self.columns + x / 2;
        let dot = DOTS.get(y % 4).and_then(|row| row.get(x % 2)).copied().unwrap_or(0);
        if let Some(cell) = self.cells.get_mut(index) {
            if cell.fresh == 0 {
                self.touched.push(index);
            }
            cell.fresh |= dot;
        }
    }

    /// What was drawn since the last time is this line.
    pub fn settle(&mut self, line: usize) {
        for index in self.touched.drain(..) {
            let Some(cell) = self.cells.get_mut(index) else { continue };
            let count = cell.fresh.count_ones();
            if cell.owner.is_none_or(|(_, most)| count >= most) {
                cell.owner = Some((line, count));
            }
            cell.dots |= std::mem::take(&mut cell.fresh);
        }
    }

    /// Puts a letter on a line, of so many, here and there, where it is seen.
    pub fn mark(&mut self, line: usize, lines: usize, letter: char) {
        let every = LETTER_EVERY.max(2 * lines).min(self.columns.max(1));
        let shift = every * (2 * line + 1) / (2 * lines.max(1));
        for wanted in (shift..self.columns).step_by(every) {
            let reach = every / 2;
            let near = (0..reach).flat_map(|by| [wanted.checked_sub(by), Some(wanted + by)]).flatten();
            let found = near.filter(|column| *column < self.columns).find_map(|column| self.owned(line, column));
            if let Some(cell) = found.and_then(|index| self.cells.get_mut(index)) {
                cell.letter = Some(letter);
            }
        }
    }

    /// A cell in this column that belongs to the line and has no letter.
    fn owned(&self, line: usize, column: usize) -> Option<usize> {
        let indices = (0..self.rows).map(|row| row * self.columns + column);
        let is_owned = |cell: &Cell| cell.letter.is_none() && cell.owner.is_some_and(|(owner, _)| owner == line);
        indices.into_iter().find(|index| self.cells.get(*index).is_some_and(is_owned))
    }

    /// What stands in a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = Ink> {
        let cells = self.cells.iter().skip(row * self.columns).take(self.columns);
        cells.map(|cell| {
            let braille = char::from_u32(0x2800 + u32::from(cell.dots)).filter(|_| cell.dots > 0);
            Ink { character: cell.letter.or(braille).unwrap_or(' '), line: cell.owner.map(|(line, _)| line) }
        })
    }
}
