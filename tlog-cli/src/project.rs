//! `--field`: what of each record is shown.

use tlog::value::Path;
use tlog_convert::text::{Missing, Projection};

use crate::exit::usage;

/// The projection to the fields of these paths.
pub fn projection(fields: &[String]) -> anyhow::Result<Projection> {
    Ok(Projection::new(fields.iter().map(|text| parse(text)).collect::<anyhow::Result<_>>()?))
}

fn parse(text: &str) -> anyhow::Result<Path> {
    match Path::parse(text) {
        Ok(path) if path.segments().is_empty() => Err(usage("--field needs the path of a field")),
        Ok(path) => Ok(path),
        Err(e) => Err(usage(format!("--field: {e}"))),
    }
}

/// Refuses fields that no record has.
pub fn check(projection: &Projection) -> anyhow::Result<()> {
    projection.check().map_err(|missing| match &missing {
        Missing::Here { .. } => usage(format!("--field {missing}")),
        Missing::Everywhere { .. } => usage(format!("--field {missing} (`tlog schema show` lists their fields)")),
    })
}
