//! From any thread or interrupt of a microcontroller to an SD card, nothing acknowledged ever lost.
//!
//! ```text
//!  struct ─► ring ─► drain ─► batch ─► card        a batch: whole sectors, valid TLOG behind each one that is complete
//!  (any context)    (one task)   └───► live link
//! ```
//!
//! Without `std` and without an allocator. What is on the card is TLOG0003 (`tlog::wire`), laid out in batches
//! as `tlog::wire::batch` says; preallocated files, so that no file system is written to while logging.
//!
//! Functions marked `// flash` are kept out of line since the whole takes less so: `cargo xtask firmware` counts it.
#![no_std]

#[cfg(any(test, loom, feature = "std"))]
extern crate std;

#[cfg(feature = "embedded-sdmmc")]
pub mod adapter;
#[cfg(feature = "c-api")]
pub mod c_api;
pub mod card;
pub mod clock;
pub mod device;
pub mod drain;
#[cfg(feature = "embedded-sdmmc")]
pub mod fat_append;
pub mod kinds;
pub mod ring;
pub mod sd;
#[cfg(any(test, feature = "std"))]
pub mod sim;
pub mod source;
mod sync;

/// The code of the guide, which must compile and run.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../../docs/firmware.md")]
struct Guide;
