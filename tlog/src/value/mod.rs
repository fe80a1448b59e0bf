//! What is in a payload: walking it, holding it, picking from it, showing it as JSON.

mod cursor;
mod dynamic;
mod json_leaf;
mod json_read;
mod json_write;
mod path;
mod shared_names;
mod walk;

pub use cursor::{Cursor, MAX_ZERO_WIDTH, ValueError, ValueErrorKind, put_integer, put_varuint, read_integer};
pub use dynamic::{EncodeError, EncodeErrorKind, Value};
pub use json_read::{JsonError, read_json};
pub use json_write::{MAX_JSON, member_label, write_json, write_json_within};
pub use path::{FieldPath, MAX_COLUMNS, Path, PathError, Scalar, Segment, did_you_mean, leaf_paths};
pub use walk::{Visitor, check_exact, skip, skip_items, walk};

pub(crate) use json_read::{bare_message, read_json_within};
pub(crate) use json_write::append_json_string;
