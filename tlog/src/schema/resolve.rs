//! (to come)
/// Why data of one schema cannot be read as another.
#[derive(Debug)]
pub struct ResolveError;
/// Reads data of one schema as another.
#[derive(Debug)]
pub struct Resolver;
