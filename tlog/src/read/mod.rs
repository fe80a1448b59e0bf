//! Reading logs.
mod cause;
pub use cause::Cause;
