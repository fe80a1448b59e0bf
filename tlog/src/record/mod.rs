//! Rust types as records: [`Record`] and what it stands on. No heap and no `std` needed.
//!
//! | Rust | TLOG |
//! |---|---|
//! | `bool` | boolean |
//! | `u8` `u16` `u32` `u64`, `i8` `i16` `i32` `i64` | fixeduint, fixedint of that width |
//! | the same with `#[tlog(varint)]` | varuint, varint (the reference's Python reader cannot read varint) |
//! | `f32`, `f64` | float32, float64 |
//! | [`Micros`](crate::Micros), [`DurationMicros`](crate::DurationMicros) | timestamp, duration |
//! | `String`, `&str` | string |
//! | `Vec<T>`, `&[T]` | array |
//! | `Vec<u8>`, `&[u8]` with `#[tlog(bytes)]` | bytes (without it they are arrays of fixeduint8) |
//! | `[T; N]` | fixedarray |
//! | `Option<T>` | union of null and `T` |
//! | `BTreeMap<String, T>`, `HashMap<String, T>` | map |
//! | a struct with `#[derive(Record)]` | object |
//! | an enum with `#[derive(Record)]` and `#[repr(u8)]` … `#[repr(u64)]` | enum over that fixeduint |
//! | an enum with `#[derive(Record)]` without them | enum over varuint |
//!
//! `varint` and `bytes` reach through `Option`, arrays, vectors and maps.
//!
//! ```
//! use tlog::{Micros, Record};
//!
//! #[derive(Record, Clone, Copy, Debug, PartialEq)]
//! #[repr(u8)]
//! enum Mode {
//!     Stopped,
//!     Running = 5,
//! }
//!
//! #[derive(Record, Debug, PartialEq)]
//! #[tlog(name = "leg.servo")]
//! struct Servo<'a> {
//!     since: Micros,
//!     #[tlog(alias = "torque_nm", default = 0.0)]
//!     torque: f32,
//!     mode: Mode,
//!     #[tlog(varint)]
//!     fault: Option<u32>,
//!     label: &'a str,
//! }
//!
//! let servo = Servo { since: Micros(0), torque: 1.0, mode: Mode::Running, fault: None, label: "hip" };
//! let payload = servo.to_payload();
//! assert_eq!(payload, b"\0\0\0\0\0\0\0\0\0\0\x80\x3f\x05\x00\x03hip");
//! assert_eq!(Servo::decode_payload(&payload)?, servo);
//! # Ok::<(), tlog::record::ValueError>(())
//! ```
//!
//! # One copy
//! A struct with `#[repr(C)]` is *plain* when all its fields are plain and there is no padding
//! between or after them. Plain are also numbers, `bool`, `Micros`, `DurationMicros`, arrays of
//! plain items, and enums with `#[repr(u8)]` … `#[repr(u64)]`. On a little-endian machine the
//! memory of a plain value is its encoding, and [`encode`](Encode::encode) hands it to the sink in a
//! single piece; so do slices and arrays with plain items. Everything else goes field by field, to the same bytes.
//! `#[tlog(plain)]` makes it an error of the compiler when a struct is not plain, and says why.
//! To remove padding, put wide fields before narrow ones and fill the end with a named field.
//!
//! # Limits
//! Types may borrow, but not be generic over types or numbers. Enums carry no data and no negative
//! values. Types that contain themselves do not compile: the format has no recursive types.
//! Strings of more than 16 MiB are valid, but the reference's C++ reader aborts on them. A dependency on
//! this crate must be called `tlog`, since derived code names it.

mod decode;
mod encode;
mod plain;
mod schema_bytes;
mod shape;
mod sink;

#[cfg(feature = "std")]
mod collections;

pub use decode::Decode;
pub use encode::{Bytes, Encode, Natural, Varint};
pub use plain::Plain;
#[doc(hidden)]
pub use plain::PlainField;
pub use shape::{DefaultValue, FieldShape, Shape, SymbolShape};
pub use sink::{Full, Sink, SliceSink};

pub use crate::wire::Width;
pub use crate::wire::cursor::{Cursor, ValueError, ValueErrorKind};

/// A Rust type that is a record: with a name and a schema besides its encoding.
/// Derived: see [the derive](macro@crate::Record) for its attributes, and [the module](self) for
/// the types, for when a struct is encoded by one copy of its memory, and for the limits.
///
/// ```
/// use tlog::Record;
///
/// #[derive(Record)]
/// struct Imu {
///     temperature: f32,
///     samples: [i16; 3],
/// }
///
/// let imu = Imu { temperature: 20.5, samples: [1, 2, 3] };
/// let mut buffer = [0; 16];
/// let len = imu.encode_to_slice(&mut buffer)?;
/// assert_eq!(Imu::decode_payload(&buffer[..len])?.samples, [1, 2, 3]);
/// assert_eq!((Imu::NAME, Imu::FIXED_LEN), ("imu", Some(len)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Record: Encode {
    /// The name under which a log has it.
    const NAME: &'static str;

    /// The binary type encoding.
    const SCHEMA: &'static [u8];

    /// How many bytes every payload has, if all have the same.
    const FIXED_LEN: Option<usize> = <Self as Encode>::SHAPE.fixed_len();

    /// How many bytes this payload has.
    fn encoded_len(&self) -> usize {
        let mut counter = sink::Counter(0);
        let Ok(()) = self.encode(&mut counter);
        counter.0
    }

    /// Writes the payload to the front of `out`; how many bytes that took.
    ///
    /// # Errors
    /// [`Full`], when `out` is shorter than [`encoded_len`](Self::encoded_len).
    fn encode_to_slice(&self, out: &mut [u8]) -> Result<usize, Full> {
        let mut sink = SliceSink::new(out);
        self.encode(&mut sink)?;
        Ok(sink.len())
    }

    /// The payload.
    #[cfg(feature = "std")]
    fn to_payload(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::FIXED_LEN.unwrap_or(0));
        let Ok(()) = self.encode(&mut out);
        out
    }

    /// Reads a payload that has exactly this type. Bytes after it are ignored, as both reference
    /// readers do. For a payload of another version of the type, resolve its schema first.
    ///
    /// # Errors
    /// [`ValueError`] with the offset into the payload.
    fn decode_payload<'de>(payload: &'de [u8]) -> Result<Self, ValueError>
    where
        Self: Decode<'de>,
    {
        Self::decode(&mut Cursor::new(payload))
    }
}

#[cfg(feature = "std")]
impl crate::schema::Schema {
    /// The schema of a Rust type.
    ///
    /// # Errors
    /// [`SchemaError`](crate::schema::SchemaError), when it nests deeper or is larger than
    /// [the limits](crate::schema::MAX_DEPTH).
    pub fn of<T: Record>() -> Result<Self, crate::schema::SchemaError> {
        Self::from_bytes(T::SCHEMA)
    }
}
