//! (to come)
/// Why JSON is not a schema.
#[derive(Debug)]
pub struct SchemaJsonError;
