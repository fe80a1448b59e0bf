//! The kinds of records that a firmware logs: known at compile time, in flash.

use tlog::Record;

/// A kind of record, as its schema block tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The record's name.
    pub name: &'static str,
    /// Its binary type encoding.
    pub schema: &'static [u8],
}

impl Kind {
    /// The kind of a Rust type. Does not compile when the references could not read the record's name: identifiers with
    /// dots between them.
    pub const fn of<T: Record>() -> Self {
        const { assert!(is_record_name(T::NAME.as_bytes()), "a record's name is identifiers with dots between them") };
        Self { name: T::NAME, schema: T::SCHEMA }
    }
}

/// Whether both references take this for the name of a record: identifiers with dots between them.
pub(crate) const fn is_record_name(name: &[u8]) -> bool {
    let (mut at, mut starts) = (0, true);
    while at < name.len() {
        let fits = match name[at] {
            b'.' => !starts,
            byte if starts => byte.is_ascii_alphabetic(),
            byte => byte.is_ascii_alphanumeric() || byte == b'_',
        };
        if !fits {
            return false;
        }
        starts = name[at] == b'.';
        at += 1;
    }
    !starts
}

/// A record with its place in the table that [`kinds!`](crate::kinds!) makes.
pub trait Logged: Record {
    /// Its identifier: its place in the table, from 1 on.
    const ID: u16;
}

/// The most kinds a table can have: identifiers of one byte, with room for those of the writer itself, which follow.
pub const MAX_KINDS: usize = 100;

/// Makes the table of a firmware's kinds, and gives each its identifier: its place, from 1 on.
///
/// ```
/// use tlog::Record;
///
/// #[derive(Record)]
/// #[repr(C)]
/// struct Imu { accel: [f32; 3], gyro: [f32; 3] }
///
/// #[derive(Record)]
/// #[repr(C)]
/// struct Battery { volts: f32 }
///
/// firmware_writer::kinds! {
///     /// What this firmware logs.
///     pub static KINDS = [Imu, Battery];
/// }
///
/// assert_eq!(KINDS[1].name, "battery");
/// assert_eq!(<Battery as firmware_writer::kinds::Logged>::ID, 2);
/// ```
#[macro_export]
macro_rules! kinds {
    ($(#[$meta:meta])* $vis:vis static $name:ident = [$($record:ty),+ $(,)?];) => {
        $(#[$meta])*
        $vis static $name: [$crate::kinds::Kind; { [$(stringify!($record)),+].len() }] =
            [$($crate::kinds::Kind::of::<$record>()),+];
        const _: () = assert!([$(stringify!($record)),+].len() <= $crate::kinds::MAX_KINDS, "too many kinds of records");
        $crate::kinds!(@ids 1; $($record),+);
    };
    (@ids $id:expr; $first:ty $(, $rest:ty)*) => {
        impl $crate::kinds::Logged for $first {
            const ID: u16 = $id;
        }
        $crate::kinds!(@ids $id + 1; $($rest),*);
    };
    (@ids $id:expr;) => {};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_records() {
        for good in ["imu", "robot.status", "a1_.b"] {
            assert!(is_record_name(good.as_bytes()), "{good}");
        }
        for bad in ["", ".", "robot/status", "imu.", ".imu", "a..b", "1a", "a.1", "a b", "\u{e4}"] {
            assert!(!is_record_name(bad.as_bytes()), "{bad}");
        }
    }
}
