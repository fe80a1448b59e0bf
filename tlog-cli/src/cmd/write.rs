//! `tlog write`: NDJSON to a log.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tlog::write::{RecordId, Writer, WriterOptions};

use crate::args::Write;
use crate::exit::{Outcome, usage};
use crate::input;
use crate::lines::{self, Declaration, Encoder};
use crate::output::Binary;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::times::duration_micros;

pub fn run(args: &Write, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let Write { input, schemas, .. } = args;
    let inputs: Vec<&Path> = [Some(input.as_path()), schemas.schema.as_deref(), schemas.schema_from.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    input::refuse_stdin_twice(inputs.iter().copied())?;
    let options = options(args)?;
    let (declarations, outcome) = lines::declarations(schemas, terminal)?;
    let lines = lines::open(input)?;
    let output = Binary::create(&args.output, args.force, &inputs)?;
    let name = output.name();
    let shown = || name.clone();
    let mut writer = options.open(output);
    let mut encoder = Encoder::default();
    for declaration in declarations {
        let id = declare(&mut writer, &declaration, args.any_schema).with_context(shown)?;
        encoder.add(declaration, id);
    }
    let from = input::name(input);
    let progress = Progress::new(terminal, &from, None);
    encoder.each(lines, &from, progress, |id, time, payload| writer.write(id, time, payload).with_context(shown))?;
    writer.finish().with_context(shown)?.commit()?;
    Ok(outcome)
}

fn options(args: &Write) -> anyhow::Result<WriterOptions> {
    let micros = duration_micros(&args.seek_interval).map_err(usage)?;
    let period = Duration::from_micros(micros.unsigned_abs());
    Ok(WriterOptions::new()
        .compression(!args.no_compression)
        .checksums(!args.no_checksums)
        .index(!args.no_index)
        .seek_period(Some(period)))
}

fn declare(writer: &mut Writer<Binary>, declaration: &Declaration, any_schema: bool) -> anyhow::Result<RecordId> {
    let Declaration { name, identifier, schema } = declaration;
    let id = match identifier.map(RecordId) {
        Some(id) if any_schema => writer.declare_raw(id, name, &schema.to_bytes()).map(|()| id),
        Some(id) => writer.declare_as(id, name, schema).map(|()| id),
        None => writer.declare(name, schema),
    };
    let hint = if any_schema { "" } else { "; --any-schema writes it all the same" };
    id.map_err(|e| with_hint(e, hint).into())
}

/// What can be done about a refused schema, behind why it was.
fn with_hint(error: tlog::Error, hint: &str) -> tlog::Error {
    match error {
        tlog::Error::Usage(message) => tlog::Error::Usage(format!("{message}{hint}")),
        other => other,
    }
}
