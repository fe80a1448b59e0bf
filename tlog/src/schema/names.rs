//! (to come)
/// Why a name is not good for writing.
#[derive(Debug)]
pub struct NameError;
