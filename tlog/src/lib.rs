//! Read, write and evolve TLOG0003 telemetry logs.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate self as tlog; // the path that derived code uses, here too

pub mod record;
pub mod wire;

mod time;

#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
mod mmap;
#[cfg(feature = "std")]
pub mod read;
#[cfg(feature = "std")]
pub mod schema;
#[cfg(feature = "std")]
pub mod value;
#[cfg(feature = "std")]
pub mod write;

#[cfg(feature = "std")]
pub use error::{Error, Result};
#[cfg(feature = "std")]
pub use read::Log;
pub use record::Record;
pub use time::{DurationMicros, Micros};
#[cfg(feature = "derive")]
pub use tlog_derive::Record;
#[cfg(feature = "std")]
pub use write::{RecordId, Writer};

/// The examples of the README, which must compile.
#[cfg(all(doctest, feature = "std", feature = "derive"))]
#[doc = include_str!("../../README.md")]
struct Readme;
