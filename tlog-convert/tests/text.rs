//! Data as text: nothing is missing, nothing stands there twice, and each record has its table.

#[path = "../../tlog/tests/arbitrary/mod.rs"]
mod arbitrary;

use arbitrary::{Payloads, payload, ty};
use proptest::prelude::*;
use tlog::read::{Data, ReadOptions, SliceReader};
use tlog::schema::{Enum, Field, Schema, Type};
use tlog::value::{Cursor, Path, Segment, ValueError, Visitor, put_integer, read_json, walk, write_json};
use tlog::write::WriterOptions;
use tlog::{Micros, RecordId};
use tlog_convert::files::FilesOptions;
use tlog_convert::text::{CsvTables, CsvWriter, JsonWriter, LongCsv, NdjsonWriter, Projection};

/// A log of records that are declared one after the other, each with its payloads; times count up.
fn log(records: &[(&str, Schema, Vec<Vec<u8>>)]) -> Vec<u8> {
    let mut writer = WriterOptions::new().open(Vec::new());
    let mut time = 0;
    for (at, (name, schema, payloads)) in records.iter().enumerate() {
        let id = RecordId(at as u64 + 1);
        writer.declare_raw(id, name, &schema.to_bytes()).unwrap();
        for payload in payloads {
            time += 1;
            writer.write(id, Some(Micros(time)), payload).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn each(log: &[u8], mut take: impl FnMut(&Data<'_>)) {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    while let Some(data) = reader.next_data().unwrap() {
        take(&data);
    }
}

fn json(schema: &Schema, text: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    read_json(schema.root(), text, &mut payload).unwrap();
    payload
}

fn schema(text: &str) -> Schema {
    Schema::from_json(text).unwrap()
}

/// What a long table should have of a payload: paths and values, told by another walk.
#[derive(Default)]
struct Scalars {
    /// For each array, map or other union around the value, its segment; for each object its field's.
    path: Vec<Segment>,
    /// Whether each union around the value adds to the path.
    unions: Vec<bool>,
    rows: Vec<(String, String)>,
}

impl Scalars {
    fn put(&mut self, ty: &Type, bytes: &[u8]) -> Result<(), ValueError> {
        let mut json = Vec::new();
        write_json(ty, &mut Cursor::new(bytes), &mut json)?;
        let value = match serde_json::from_slice(&json).unwrap() {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text,
            _ => String::from_utf8(json).unwrap(),
        };
        let path: Path = self.path.iter().cloned().collect();
        self.rows.push((path.to_string(), value));
        Ok(())
    }

    fn step(&mut self, is_first: bool, segment: Segment) {
        if !is_first {
            self.path.pop();
        }
        self.path.push(segment);
    }
}

/// A place for the segment of what comes in something with parts; taken away at its end.
const NOTHING_YET: Segment = Segment::Index(u64::MAX);

impl<'s, 'a> Visitor<'s, 'a> for Scalars {
    type Error = ValueError;

    fn null(&mut self) -> Result<(), ValueError> {
        self.put(&Type::Null, &[])
    }
    fn boolean(&mut self, value: bool) -> Result<(), ValueError> {
        self.put(&Type::Boolean, &[value.into()])
    }
    fn int(&mut self, value: i64) -> Result<(), ValueError> {
        self.put(&Type::Duration, &value.to_le_bytes())
    }
    fn uint(&mut self, value: u64) -> Result<(), ValueError> {
        self.put(&Type::FixedUint(tlog::schema::Width::W8), &value.to_le_bytes())
    }
    fn float32(&mut self, value: f32) -> Result<(), ValueError> {
        self.put(&Type::Float32, &value.to_le_bytes())
    }
    fn float64(&mut self, value: f64) -> Result<(), ValueError> {
        self.put(&Type::Float64, &value.to_le_bytes())
    }
    fn bytes(&mut self, value: &'a [u8]) -> Result<(), ValueError> {
        self.put(&Type::Bytes, &arbitrary::sized(value))
    }
    fn string(&mut self, value: &'a [u8]) -> Result<(), ValueError> {
        self.put(&Type::String, &arbitrary::sized(value))
    }
    fn enumeration(&mut self, ty: &'s Enum, value: i128) -> Result<(), ValueError> {
        let mut bytes = Vec::new();
        put_integer(ty.underlying(), value, &mut bytes);
        self.put(&ty.clone().into(), &bytes)
    }
    fn timestamp(&mut self, value: Micros) -> Result<(), ValueError> {
        self.put(&Type::Timestamp, &value.0.to_le_bytes())
    }
    fn duration(&mut self, micros: i64) -> Result<(), ValueError> {
        self.int(micros)
    }
    fn begin_object(&mut self, _: &'s tlog::schema::Object) -> Result<(), ValueError> {
        self.path.push(NOTHING_YET);
        Ok(())
    }
    fn field(&mut self, _: usize, field: &'s Field) -> Result<(), ValueError> {
        self.step(false, Segment::Name(field.name().into()));
        Ok(())
    }
    fn end_object(&mut self) -> Result<(), ValueError> {
        self.path.pop();
        Ok(())
    }
    fn begin_array(&mut self, _: &'s Type, _: u64) -> Result<(), ValueError> {
        self.path.push(NOTHING_YET);
        Ok(())
    }
    fn element(&mut self, index: u64) -> Result<(), ValueError> {
        self.step(false, Segment::Index(index));
        Ok(())
    }
    fn end_array(&mut self) -> Result<(), ValueError> {
        self.path.pop();
        Ok(())
    }
    fn begin_map(&mut self, _: &'s Type, _: u64) -> Result<(), ValueError> {
        self.path.push(NOTHING_YET);
        Ok(())
    }
    fn key(&mut self, key: &'a [u8]) -> Result<(), ValueError> {
        self.step(false, Segment::Name(String::from_utf8_lossy(key).into()));
        Ok(())
    }
    fn end_map(&mut self) -> Result<(), ValueError> {
        self.path.pop();
        Ok(())
    }
    fn begin_union(&mut self, ty: &'s Type, index: usize) -> Result<(), ValueError> {
        let Type::Union(members) = ty else { panic!("{ty:?}") };
        let is_plain = ty.as_optional().is_some();
        self.unions.push(is_plain);
        if !is_plain {
            let name = members[index].name();
            let same = members.iter().filter(|member| member.name() == name).count();
            let label = if same > 1 { format!("{name}#{index}") } else { name.to_owned() };
            self.step(true, Segment::Name(label.into()));
        }
        Ok(())
    }
    fn end_union(&mut self) -> Result<(), ValueError> {
        if self.unions.pop() == Some(false) {
            self.path.pop();
        }
        Ok(())
    }
}

fn rows(csv: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn typed() -> impl Strategy<Value = (Type, Vec<Vec<u8>>)> {
    ty().prop_flat_map(|ty| {
        let payloads = prop::collection::vec(payload(&ty, Payloads::Any), 1..4);
        (Just(ty), payloads)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_long_table_has_each_scalar_once((ty, payloads) in typed()) {
        let Ok(schema) = Schema::new(ty) else { return Ok(()) };
        let log = log(&[("any", schema.clone(), payloads)]);
        let (mut out, mut expected) = (LongCsv::new(Vec::new(), Projection::default()), Vec::new());
        expected.push(["time", "record", "field", "value"].map(str::to_owned).to_vec());
        each(&log, |data| {
            out.put(data).unwrap().unwrap();
            let mut scalars = Scalars::default();
            walk(schema.root(), &mut Cursor::new(data.payload), &mut scalars).unwrap();
            let time = data.time.unwrap().to_string();
            let row = |(path, value)| vec![time.clone(), "any".to_owned(), path, value];
            expected.extend(scalars.rows.into_iter().map(row));
        });
        prop_assert_eq!(rows(&out.finish().unwrap()), expected);
    }

    #[test]
    fn a_table_reads_back_as_its_cells((ty, payloads) in typed()) {
        let Ok(schema) = Schema::new(ty) else { return Ok(()) };
        let count = payloads.len();
        let log = log(&[("any", schema.clone(), payloads)]);
        let mut out = CsvWriter::new(Vec::new(), Projection::default());
        each(&log, |data| out.put(data).unwrap().unwrap());
        let rows = rows(&out.finish().unwrap());
        let columns = tlog::value::leaf_paths(&schema, 1000).unwrap().len();
        prop_assert_eq!(rows.len(), count + 1);
        prop_assert!(rows.iter().all(|row| row.len() == columns + 1));
    }
}

#[test]
fn a_long_table_is_exact() {
    let shape = schema(
        r#"{"type":"object","fields":[{"name":"q","type":{"type":"array","items":"float32"}},
            {"name":"any key","type":["null","string"]},{"name":"tags","type":{"type":"map","values":"boolean"}},
            {"name":"u","type":["fixeduint8","string"]}]}"#,
    );
    let payloads = vec![
        json(&shape, r#"{"q":[0.5,"NaN"],"any key":"a,b","tags":{"x y":true,"z":false},"u":{"string":"say \"hi\""}}"#),
        json(&shape, r#"{"q":[],"any key":null,"tags":{},"u":{"fixeduint8":7}}"#),
    ];
    let log = log(&[("a,b", shape, payloads), ("n", schema("\"varint\""), vec![vec![1]])]);
    let mut out = LongCsv::new(Vec::new(), Projection::default());
    each(&log, |data| out.put(data).unwrap().unwrap());
    let expected = "time,record,field,value\n\
        1970-01-01T00:00:00.000001Z,\"a,b\",q[0],0.5\n\
        1970-01-01T00:00:00.000001Z,\"a,b\",q[1],NaN\n\
        1970-01-01T00:00:00.000001Z,\"a,b\",\"[\"\"any key\"\"]\",\"a,b\"\n\
        1970-01-01T00:00:00.000001Z,\"a,b\",\"tags[\"\"x y\"\"]\",true\n\
        1970-01-01T00:00:00.000001Z,\"a,b\",tags.z,false\n\
        1970-01-01T00:00:00.000001Z,\"a,b\",u.string,\"say \"\"hi\"\"\"\n\
        1970-01-01T00:00:00.000002Z,\"a,b\",\"[\"\"any key\"\"]\",\n\
        1970-01-01T00:00:00.000002Z,\"a,b\",u.fixeduint8,7\n\
        1970-01-01T00:00:00.000003Z,n,,-1\n";
    assert_eq!(String::from_utf8(out.finish().unwrap()).unwrap(), expected);

    let mut out = LongCsv::new(Vec::new(), Projection::new(vec!["q".parse().unwrap(), "u.string".parse().unwrap()]));
    each(&log, |data| out.put(data).unwrap().unwrap());
    let text = String::from_utf8(out.finish().unwrap()).unwrap();
    let fields: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').nth(3).unwrap()).collect();
    assert_eq!(fields, ["q[0]", "q[1]", "u.string"]);
}

/// A record whose second payload is cut short.
fn damaged() -> Vec<u8> {
    log(&[("n", schema("\"fixeduint16\""), vec![vec![1, 0], vec![2], vec![3, 0]])])
}

#[test]
fn of_what_does_not_decode_nothing_is_written() {
    let lines = ["1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000003Z"];
    let object = |at: usize| format!("{{\"time\":\"{}\",\"record\":\"n\",\"data\":{}}}", lines[at], 2 * at + 1);
    let all = Projection::default;
    let mut ndjson = NdjsonWriter::new(Vec::new(), all());
    let mut array = JsonWriter::new(Vec::new(), all());
    let mut table = CsvWriter::new(Vec::new(), all());
    let mut long = LongCsv::new(Vec::new(), all());
    let mut results = Vec::new();
    each(&damaged(), |data| {
        results.push(ndjson.put(data).unwrap().is_ok());
        assert_eq!(array.put(data).unwrap().is_ok(), *results.last().unwrap());
        assert_eq!(table.put(data).unwrap().is_ok(), *results.last().unwrap());
        assert_eq!(long.put(data).unwrap().is_ok(), *results.last().unwrap());
    });
    assert_eq!((results, ndjson.count()), (vec![true, false, true], 2));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert_eq!(text(ndjson.finish().unwrap()), format!("{}\n{}\n", object(0), object(1)));
    assert_eq!(text(array.finish().unwrap()), format!("[\n{},\n{}\n]\n", object(0), object(1)));
    assert_eq!(text(table.finish().unwrap()), format!("time,\n{},1\n{},3\n", lines[0], lines[1]));
    let long_rows = format!("{},n,,1\n{},n,,3\n", lines[0], lines[1]);
    assert_eq!(text(long.finish().unwrap()), format!("time,record,field,value\n{long_rows}"));
}

#[test]
fn one_table_is_of_one_record() {
    let log = log(&[("a", schema("\"null\""), vec![vec![]]), ("b", schema("\"null\""), vec![vec![]])]);
    let mut out = CsvWriter::new(Vec::new(), Projection::default());
    let mut results = Vec::new();
    each(&log, |data| results.push(out.put(data).map(drop).map_err(|e| e.to_string())));
    assert_eq!(results, [Ok(()), Err("a table shows one record, not both a and b".to_owned())]);
}

/// Takes some bytes, fails once, and takes all that come then.
struct Full(u32);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += 1;
        if self.0 == 2 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len().min(1000)) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_failed_stays_failed() {
    let text = [vec![0xff, 0xff, 0x0f], vec![b'x'; 0x3ffff]].concat();
    let log = log(&[("s", schema("\"string\""), vec![text, b"\x01a".to_vec()])]);
    let mut out = NdjsonWriter::new(Full(0), Projection::default());
    let mut results = Vec::new();
    each(&log, |data| results.push(out.put(data).is_ok()));
    assert_eq!(results, [false, false]);
    assert!(out.finish().is_err());
}

#[test]
fn each_record_has_its_table() {
    let (one, two) = (schema("\"fixeduint8\""), schema(r#"{"type":"object","fields":[{"name":"x","type":"varint"}]}"#));
    let log = log(&[
        ("imu", one.clone(), vec![vec![1]]),
        ("../imu", one.clone(), vec![vec![2], vec![]]),
        ("IMU", one.clone(), vec![vec![3]]),
        ("imu", two, vec![vec![8]]),
        ("imu", one, vec![vec![5]]),
        ("", schema("\"string\""), vec![b"\x01,".to_vec()]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let mut tables = CsvTables::new(folder.path(), Projection::default(), FilesOptions::default()).unwrap();
    let mut bad = 0;
    each(&log, |data| bad += u32::from(tables.put(data).unwrap().is_err()));
    assert_eq!(bad, 1);
    let told: Vec<_> =
        tables.finish().unwrap().into_iter().map(|table| (table.record, table.file, table.rows)).collect();
    let time = |micros: i64| Micros(micros).to_string();
    let expected = [
        ("imu", "imu.csv", 2, format!("time,\n{},1\n{},5\n", time(1), time(6))),
        ("../imu", "%2E.%2Fimu.csv", 1, format!("time,\n{},2\n", time(2))),
        ("IMU", "IMU~2.csv", 1, format!("time,\n{},3\n", time(4))),
        ("imu", "imu~3.csv", 1, format!("time,x\n{},4\n", time(5))),
        ("", "%empty.csv", 1, format!("time,\n{},\",\"\n", time(7))),
    ];
    assert_eq!(told.len(), expected.len());
    for ((record, file, rows), (name, place, count, text)) in told.iter().zip(expected) {
        assert_eq!((record.as_str(), file.as_str(), *rows), (name, place, count));
        assert_eq!(std::fs::read_to_string(folder.path().join(place)).unwrap(), text);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
}

#[test]
fn many_tables_are_few_files_at_a_time() {
    let one = schema("\"fixeduint32\"");
    let names: Vec<String> = (0..300).map(|n| format!("record/{n}")).collect();
    let records: Vec<_> = names.iter().map(|name| (name.as_str(), one.clone(), vec![vec![7, 0, 0, 0]; 3])).collect();
    let log = log(&records);
    let folder = tempfile::tempdir().unwrap();
    let options = FilesOptions { max_open: 10, max_buffered: 8_000, ..FilesOptions::default() };
    let mut tables = CsvTables::new(folder.path(), Projection::default(), options).unwrap();
    let mut most = 0;
    each(&log, |data| {
        tables.put(data).unwrap().unwrap();
        most = most.max(open_files(folder.path()));
    });
    assert!(most <= 10, "{most} files open");
    assert!(tables.most_held() <= 9_000, "{} bytes held", tables.most_held());
    assert_eq!(tables.finish().unwrap().len(), 300);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 300);
}

/// How many files below this folder this process has open, where the system tells.
fn open_files(folder: &std::path::Path) -> usize {
    let Ok(handles) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    handles
        .filter(|handle| std::fs::read_link(handle.as_ref().unwrap().path()).is_ok_and(|to| to.starts_with(folder)))
        .count()
}
