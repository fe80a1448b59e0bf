//! `tlog schema show` and `tlog schema diff`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde_json::value::RawValue;
use tlog::read::{RecordType, Selection};
use tlog::schema::Resolver;

use super::schema_tree::{self, Change};
use crate::args::{ReportFormat, SchemaDiff, SchemaFormat, SchemaShow};
use crate::exit::{Outcome, usage};
use crate::input::{self, Input};
use crate::output;
use crate::source::{Part, Source};
use crate::terminal::{Terminal, printable};

pub fn show(args: &SchemaShow, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let (mut records, outcome) = load(&args.file, terminal)?;
    let selection = Selection { records: args.records.clone(), ..Selection::default() };
    let names: Vec<String> = records.iter().map(|record| record.name.clone()).collect();
    records.retain(|record| selection.wants_record(&record.name));
    if records.is_empty() && !args.records.is_empty() {
        let wanted = args.records.join(", ");
        return Err(usage(format!("there is no record {wanted}; there are: {}", names.join(", "))));
    }
    let text = match args.format {
        SchemaFormat::Tree => records.iter().map(|record| schema_tree::render(record, terminal)).collect(),
        SchemaFormat::Json => to_json(&records)?,
    };
    output::print(&text)?;
    Ok(outcome)
}

/// All records of a log or store: through the indexes where they can be believed, else by reading everything.
pub fn load(path: &Path, terminal: &Terminal) -> anyhow::Result<(Vec<Arc<RecordType>>, Outcome)> {
    let source = Source::of(path)?;
    let (mut records, mut outcome) = (Vec::<Arc<RecordType>>::new(), Outcome::Complete);
    for part in &source.parts {
        let Some(input) = part.open(&source)? else { continue };
        let (more, came) = load_part(part, input, terminal)?;
        outcome = outcome.and(came);
        // Each segment of a store declares its records again.
        more.into_iter().for_each(|record| {
            if !source.is_store || !records.iter().any(|known| is_same(known, &record)) {
                records.push(record);
            }
        });
    }
    Ok((records, outcome))
}

fn is_same(a: &RecordType, b: &RecordType) -> bool {
    (a.identifier, &a.name, &a.schema_bytes) == (b.identifier, &b.name, &b.schema_bytes)
}

fn load_part(part: &Part, mut input: Input, terminal: &Terminal) -> anyhow::Result<(Vec<Arc<RecordType>>, Outcome)> {
    if let Input::Mapped(log) = &input
        && let Some(index) = log.index()
    {
        return Ok((index.records.into_iter().map(|indexed| indexed.record).collect(), Outcome::Complete));
    }
    let mut reader = input.reader(part.read_options());
    while reader.next_data().with_context(|| part.name.clone())?.is_some() {}
    terminal.report_damage(&part.name, &reader.damage());
    let outcome = if reader.damage().is_none() { Outcome::Complete } else { Outcome::Damaged };
    Ok((reader.records(), outcome))
}

/// The form that `tlog write --schema` reads.
fn to_json(records: &[Arc<RecordType>]) -> anyhow::Result<String> {
    let describe = |record: &Arc<RecordType>| -> anyhow::Result<serde_json::Value> {
        let schema = RawValue::from_string(record.schema.to_json())?;
        Ok(serde_json::json!({
            "name": record.name,
            "identifier": record.identifier,
            "schema": serde_json::from_str::<serde_json::Value>(schema.get())?,
        }))
    };
    let records: Vec<_> = records.iter().map(describe).collect::<anyhow::Result<_>>()?;
    let document = serde_json::json!({ "records": records });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

pub fn diff(args: &SchemaDiff, terminal: &Terminal) -> anyhow::Result<Outcome> {
    input::refuse_stdin_twice([args.a.as_path(), args.b.as_path()])?;
    let (a, outcome_a) = load(&args.a, terminal)?;
    let (b, outcome_b) = load(&args.b, terminal)?;
    let differences = differences(&a, &b);
    let text = match args.format {
        ReportFormat::Text => render(&differences, terminal),
        ReportFormat::Json => {
            let document = serde_json::json!({ "version": 1, "differences": differences });
            format!("{}\n", serde_json::to_string_pretty(&document)?)
        }
    };
    output::print(&text)?;
    let outcome = outcome_a.and(outcome_b);
    Ok(if args.exit_code && !differences.is_empty() { Outcome::Differs } else { outcome })
}

/// How one record differs.
#[derive(Debug, serde::Serialize)]
struct Difference {
    record: String,
    /// `added`, `removed`, `changed`.
    change: &'static str,
    fields: Vec<Change>,
    /// Why data of A cannot be read as B; `None` if it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

fn differences(a: &[Arc<RecordType>], b: &[Arc<RecordType>]) -> Vec<Difference> {
    let find = |records: &[Arc<RecordType>], name: &str| records.iter().rfind(|record| record.name == name).cloned();
    let alone = |record: &Arc<RecordType>, change| Difference {
        record: record.name.clone(),
        change,
        fields: Vec::new(),
        unreadable: None,
    };
    let mut differences = Vec::new();
    for old in a {
        match find(b, &old.name) {
            None => differences.push(alone(old, "removed")),
            Some(new) if new.schema != old.schema => differences.push(Difference {
                fields: schema_tree::changes(old.schema.root(), new.schema.root()),
                unreadable: Resolver::new(&old.schema, &new.schema).err().map(|e| e.to_string()),
                ..alone(old, "changed")
            }),
            Some(_) => {}
        }
    }
    differences.extend(b.iter().filter(|new| find(a, &new.name).is_none()).map(|new| alone(new, "added")));
    differences
}

fn render(differences: &[Difference], terminal: &Terminal) -> String {
    if differences.is_empty() {
        return "no difference\n".to_owned();
    }
    let mut out = String::new();
    for difference in differences {
        let sign = schema_tree::sign(difference.change);
        out.push_str(&format!("{sign} {}\n", terminal.bold(&printable(&difference.record))));
        difference.fields.iter().for_each(|field| out.push_str(&format!("    {field}\n")));
        match (&difference.unreadable, difference.change) {
            (Some(why), _) => out.push_str(&format!("    A cannot be read as B: {why}\n")),
            (None, "changed") => out.push_str("    A can be read as B\n"),
            (None, _) => {}
        }
    }
    out
}
