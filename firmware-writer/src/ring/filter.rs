//! Which kinds of records a reader wants.

/// A set of identifiers. Those of 128 and more, and 0, share one place: a filter has all of them or none.
///
/// ```
/// use firmware_writer::ring::Filter;
///
/// let slow = Filter::NONE.with(3).with(4);
/// assert!(slow.has(3) && !slow.has(5));
/// assert!(Filter::ALL.without(3).has(500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter([u32; 4]);

impl Filter {
    /// Every kind.
    pub const ALL: Self = Self([u32::MAX; 4]);

    /// No kind.
    pub const NONE: Self = Self([0; 4]);

    /// With this kind too.
    #[must_use]
    pub const fn with(self, id: u16) -> Self {
        Self(self.map(id, true))
    }

    /// Without this kind.
    #[must_use]
    pub const fn without(self, id: u16) -> Self {
        Self(self.map(id, false))
    }

    /// Whether this kind is wanted.
    pub const fn has(&self, id: u16) -> bool {
        let (word, bit) = place(id);
        self.0[word] & bit != 0
    }

    const fn map(self, id: u16, on: bool) -> [u32; 4] {
        let (word, bit) = place(id);
        let mut words = self.0;
        words[word] = if on { words[word] | bit } else { words[word] & !bit };
        words
    }
}

const fn place(id: u16) -> (usize, u32) {
    let id = if id < 128 { id } else { 0 };
    (id as usize / 32 % 4, 1 << (id % 32))
}
