//! Why a picture cannot be made.

/// The result of whatever can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a picture cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no room for what has to be in it, or it would be too large to be held in memory.
    #[error("a picture of {width} x {height} pixels is too {problem}")]
    Size {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// `small for its panels`, or `large`.
        problem: &'static str,
    },
    /// The renderer refused the picture, which would be a defect of this library.
    #[error("drawing: {0}")]
    Render(String),
}
