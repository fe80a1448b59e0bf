//! The data of logs as the series of a plot.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tlog::Micros;
use tlog::read::{Data, RecordType};
use tlog::schema::Type;
use tlog::value::{FieldPath, Path, Scalar, ValueError};
use tlog_plot::{Gap, Line, Order, Panel, Series};

use super::plot_fields::{Request, is_number};
use crate::exit::usage;
use crate::terminal::printable;

/// More lines than this in one picture are an accident of a pattern.
const MOST_SERIES: usize = 1_000;

/// How many buckets the first series may have all together, of a hundred bytes each. Later ones have fewer.
const BUCKETS: usize = 1_000_000;

/// How many of the first series share these.
const FIRST: usize = 64;

/// What a plot shows, while it is read.
pub struct Curves {
    requests: Vec<Request>,
    /// The field to draw over, if not time.
    x: Option<Path>,
    /// Whether that is a time in all records so far.
    is_x_time: Option<bool>,
    /// How many columns the picture has.
    columns: usize,
    /// How many logs there are, and which is read.
    logs: usize,
    log: usize,
    /// How the logs are called.
    names: Vec<String>,
    /// Where time begins: in each log, or in the first for all.
    origins: Vec<Micros>,
    shares_origin: bool,
    curves: Vec<Curve>,
    places: HashMap<(usize, usize, String), usize>,
    /// The records of the log that is read.
    plans: Vec<Plan>,
    by_record: HashMap<u64, usize>,
    records: BTreeSet<String>,
}

/// One line of the picture.
struct Curve {
    request: usize,
    log: usize,
    is_by_name: bool,
    name: String,
    symbols: Vec<(f64, String)>,
    series: Series,
}

/// What of a record is drawn.
struct Plan {
    record: Arc<RecordType>,
    x: Option<FieldPath>,
    fields: Vec<(FieldPath, usize)>,
}

impl Curves {
    /// The series for these requests, over a field or time, in a picture of so many columns.
    pub fn new(requests: Vec<Request>, x: Option<&str>, columns: usize, names: Vec<String>) -> anyhow::Result<Self> {
        let x = x.map(Path::parse).transpose().map_err(|e| usage(format!("--x: {e}")))?;
        let logs = names.len();
        Ok(Self {
            requests,
            x,
            is_x_time: None,
            columns,
            logs,
            log: 0,
            names,
            origins: Vec::new(),
            shares_origin: false,
            curves: Vec::new(),
            places: HashMap::new(),
            plans: Vec::new(),
            by_record: HashMap::new(),
            records: BTreeSet::new(),
        })
    }

    /// Counts the time of all logs from the start of the first.
    pub fn share_origin(&mut self) {
        self.shares_origin = true;
    }

    /// The log number `log` is read from here on, whose time is counted from `origin`, if that is known.
    pub fn begin(&mut self, log: usize, origin: Option<Micros>) {
        self.log = log;
        self.origins.extend(origin.filter(|_| self.origins.len() == log));
        self.forget_records();
    }

    /// Identifiers of records mean something else from here on.
    pub fn forget_records(&mut self) {
        self.plans.clear();
        self.by_record.clear();
    }

    /// Whether x is time: that of the data, or a field of that type.
    pub fn is_over_time(&self) -> bool {
        self.x.is_none() || self.is_x_time == Some(true)
    }

    /// Where the time of the first log is counted from.
    pub fn origin(&self) -> Option<Micros> {
        self.origins.first().copied()
    }

    /// The records that the requests are about, if all of them were found.
    pub fn needed(&self) -> Option<Vec<String>> {
        let all: BTreeSet<&String> = self.requests.iter().flat_map(Request::records).collect();
        self.requests.iter().all(Request::is_found).then(|| all.into_iter().cloned().collect())
    }

    /// Refuses what none of the records has.
    pub fn check(&self) -> anyhow::Result<()> {
        self.requests.iter().try_for_each(|request| request.check(&self.records))
    }

    /// Finds out what of a record is drawn.
    pub fn meet(&mut self, record: &Arc<RecordType>) -> anyhow::Result<usize> {
        if let Some(index) = self.by_record.get(&record.identifier)
            && self.plans.get(*index).is_some_and(|plan| Arc::ptr_eq(&plan.record, record))
        {
            return Ok(*index);
        }
        self.records.insert(record.name.clone());
        let mut found = Vec::new();
        for (index, request) in self.requests.iter_mut().enumerate() {
            found.extend(request.resolve(record)?.into_iter().map(|found| (index, found)));
        }
        let x = if found.is_empty() { None } else { self.x_of(record)? };
        let mut fields = Vec::new();
        for (request, found) in found {
            let curve = self.place(request, record, &found.path, found.is_by_name)?;
            fields.push((found.path, curve));
        }
        let plan = Plan { record: Arc::clone(record), x, fields };
        let index = *self.by_record.entry(record.identifier).or_insert(self.plans.len());
        // A log that declares its records again and again takes no more memory for it.
        match self.plans.get_mut(index) {
            Some(old) => *old = plan,
            None => self.plans.push(plan),
        }
        Ok(index)
    }

    /// The field to draw over, in this record.
    fn x_of(&mut self, record: &RecordType) -> anyhow::Result<Option<FieldPath>> {
        let Some(x) = &self.x else { return Ok(None) };
        let text = x.to_string();
        // As the y, it may be written with the record in front.
        let short = text.strip_prefix(&record.name).and_then(|rest| rest.strip_prefix('.')).map(Path::parse);
        let short = short.and_then(Result::ok).and_then(|path| path.compile(&record.schema).ok());
        let found = short.map_or_else(|| x.compile(&record.schema), Ok);
        let found = found.map_err(|e| usage(format!("--x {x}: record {}: {e}", printable(&record.name))))?;
        let is_time = matches!(found.ty(), Type::Timestamp);
        if !is_time && !is_number(found.ty()) {
            return Err(usage(format!("--x {x} is no number but of type {}", found.ty().name())));
        }
        match self.is_x_time.replace(is_time) {
            Some(before) if before != is_time => Err(usage(format!("--x {x} is a time in some records only"))),
            _ => Ok(Some(found)),
        }
    }

    /// The curve for a field, which goes on where the record was declared before.
    fn place(
        &mut self,
        request: usize,
        record: &RecordType,
        path: &FieldPath,
        is_by_name: bool,
    ) -> anyhow::Result<usize> {
        let name = full_name(record, path);
        let key = (request, self.log, name.clone());
        if let Some(place) = self.places.get(&key) {
            return Ok(*place);
        }
        let count = self.curves.len();
        if count >= MOST_SERIES {
            return Err(usage(format!("more than {MOST_SERIES} lines; choose fewer fields")));
        }
        let buckets = (4 * self.columns).min(BUCKETS / (count + 1).next_power_of_two().max(FIRST));
        let order = if self.is_over_time() { Order::ByX } else { Order::AsGiven };
        let series = Series::new(order, buckets);
        let symbols = symbols(path.ty());
        self.curves.push(Curve { request, log: self.log, is_by_name, name, symbols, series });
        self.places.insert(key, count);
        Ok(count)
    }

    /// Adds the data of a record.
    pub fn take(&mut self, data: &Data<'_>) -> anyhow::Result<Result<(), ValueError>> {
        let plan = self.meet(data.record)?;
        if self.origins.len() <= self.log
            && let Some(time) = data.time.filter(|time| is_drawable(*time))
        {
            self.origins.push(time);
        }
        let origin = if self.shares_origin { self.origins.first() } else { self.origins.get(self.log) };
        let origin = origin.copied().unwrap_or_default();
        let Some(plan) = self.plans.get(plan).filter(|plan| !plan.fields.is_empty()) else { return Ok(Ok(())) };
        Ok(plan.add(data, origin, &mut self.curves))
    }

    /// The panels of the picture, and how many points there are and how many there are besides that cannot be drawn.
    pub fn finish(mut self, panels: usize, gap: Gap) -> (Vec<Panel>, u64, u64) {
        let mut finished: Vec<Panel> = (0..panels).map(|_| Panel::default()).collect();
        let mut symbols: Vec<Option<Vec<(f64, String)>>> = vec![None; panels];
        // In the order of the requests, not in that of the data.
        self.curves.sort_by_key(|curve| (curve.request, curve.log));
        let (mut count, mut undrawable) = (0, 0);
        for curve in self.curves {
            let Some(request) = self.requests.get(curve.request) else { continue };
            if request.is_named() && !curve.is_by_name {
                continue;
            }
            let is_step = !curve.symbols.is_empty();
            let trace = curve.series.finish(gap);
            count += trace.count();
            undrawable += trace.undrawable();
            let log = self.names.get(curve.log).filter(|_| self.logs > 1);
            let name = log.map_or(curve.name.clone(), |log| format!("{} ({log})", curve.name));
            let (Some(panel), Some(shared)) = (finished.get_mut(request.panel), symbols.get_mut(request.panel)) else {
                continue;
            };
            panel.lines.push(Line { name, trace, is_step });
            // Names stand at the axis only where they mean the same for all lines.
            *shared = match shared.take() {
                Some(before) if before != curve.symbols => Some(Vec::new()),
                _ => Some(curve.symbols),
            };
        }
        for (panel, symbols) in finished.iter_mut().zip(symbols) {
            panel.symbols = symbols.unwrap_or_default();
        }
        finished.retain(|panel| !panel.lines.is_empty());
        (finished, count, undrawable)
    }
}

impl Plan {
    fn add(&self, data: &Data<'_>, origin: Micros, curves: &mut [Curve]) -> Result<(), ValueError> {
        let x = match &self.x {
            None => data.time.map_or(f64::NAN, |time| since(origin, time)),
            Some(path) => match path.read(data.payload)? {
                Some(Scalar::Timestamp(time)) => since(origin, time),
                value => number(value),
            },
        };
        for (path, curve) in &self.fields {
            let y = number(path.read(data.payload)?);
            if let Some(curve) = curves.get_mut(*curve) {
                curve.series.push(x, y);
            }
        }
        Ok(())
    }
}

/// A point in time that is one: the reference keeps three values for what is none.
pub fn is_drawable(time: Micros) -> bool {
    ![Micros::NEG_INFINITY, Micros::NOT_A_TIME, Micros::INFINITY].contains(&time)
}

fn since(origin: Micros, time: Micros) -> f64 {
    if is_drawable(time) { (i128::from(time.0) - i128::from(origin.0)) as f64 } else { f64::NAN }
}

/// Durations are drawn in seconds; what is not there is no number.
fn number(value: Option<Scalar<'_>>) -> f64 {
    match value {
        Some(Scalar::Boolean(value)) => f64::from(u8::from(value)),
        Some(Scalar::Duration(micros)) => micros as f64 / 1e6,
        Some(value) => value.as_f64().unwrap_or(f64::NAN),
        None => f64::NAN,
    }
}

fn full_name(record: &RecordType, path: &FieldPath) -> String {
    let text = path.path().to_string();
    let join = if text.is_empty() || text.starts_with('[') { "" } else { "." };
    let unit = if matches!(path.ty(), Type::Duration) { " (s)" } else { "" };
    format!("{}{join}{text}{unit}", record.name)
}

/// The names of values.
fn symbols(ty: &Type) -> Vec<(f64, String)> {
    match ty {
        Type::Boolean => vec![(0.0, "false".to_owned()), (1.0, "true".to_owned())],
        Type::Enum(names) => names.symbols().iter().map(|symbol| (symbol.value as f64, symbol.name.clone())).collect(),
        _ => Vec::new(),
    }
}
