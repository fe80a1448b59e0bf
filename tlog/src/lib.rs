//! Read, write and evolve TLOG0003 telemetry logs: flight recorders of robots, drones, vehicles.
//!
//! ```text
//!  write::Writer ──► header │ schema │ data │ data │ seek marker │ data │ … │ index ──► read::Log
//!       ▲                        │        │                                            │
//!  #[derive(Record)]        schema::Schema └─ value: walk, path, JSON ◄────────────────┘
//! ```
//!
//! One write:
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("run.tlog");
//! use tlog::{Micros, Record, Writer};
//!
//! #[derive(Record)]
//! #[repr(C)]
//! struct Imu { accel: [f32; 3], temperature: f32 }
//!
//! let mut log = Writer::create(&path)?;
//! let imu = log.record::<Imu>()?;
//! log.log(imu, Micros::now(), &Imu { accel: [0.0, 0.0, 9.81], temperature: 40.5 })?;
//! log.finish()?;
//!
//! // One read:
//! let log = tlog::Log::open(&path)?;
//! let mut reader = log.reader(Default::default());
//! while let Some(data) = reader.next_data()? {
//!     let imu = Imu::decode_payload(data.payload)?;
//!     assert_eq!((data.record.name.as_str(), imu.accel[2]), ("imu", 9.81));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is broken is skipped and reported, never silently: [`read::Event::Skipped`], [`read::Damage`].
//! Limits: schemas nest [`schema::MAX_DEPTH`] deep; lengths are bounded by the bytes at hand; see
//! [`read::ReadOptions`] for the rest. With `default-features = false` there is [`wire`] and [`record`], without
//! `std` and without an allocator.
//!
//! It is not an index, a converter or a command: those are crates of their own above this one.
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
