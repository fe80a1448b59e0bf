//! Read, write and evolve TLOG0003 telemetry logs.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod wire;

#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
mod mmap;
#[cfg(feature = "std")]
pub mod read;
#[cfg(feature = "std")]
pub mod schema;
#[cfg(feature = "std")]
mod time;
#[cfg(feature = "std")]
pub mod value;
#[cfg(feature = "std")]
pub mod write;

#[cfg(feature = "std")]
pub use error::{Error, Result};
#[cfg(feature = "std")]
pub use read::Log;
#[cfg(feature = "std")]
pub use time::Micros;
#[cfg(feature = "std")]
pub use write::{RecordId, Writer};
