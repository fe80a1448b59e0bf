//! Tables as logs: what columns become, and rows that are broken.

mod import_support;

use std::io::Cursor;

use import_support::{Imported, import};
use proptest::prelude::*;
use tlog_convert::Error;
use tlog_convert::import::TimeUnit;
use tlog_convert::import::csv::{self, Options, type_named};

fn with(text: &str, options: &Options) -> Imported {
    import(|out| csv::read(Cursor::new(text), out, options))
}

fn read(text: &str) -> Imported {
    with(text, &Options::default())
}

fn refused(text: &[u8], options: &Options) -> Error {
    csv::read(Cursor::new(text), &mut tlog::Writer::new(Vec::new()), options).unwrap_err()
}

fn schema(imported: &Imported) -> &str {
    &imported.schemas[0].1
}

#[test]
fn types_are_what_all_cells_can_be() {
    let imported = read(concat!(
        "time,i,u,f,big,b,when,zeros,hole,nan,mixed,a.b[2],none\n",
        "2024-06-10T06:13:20Z,-1,18446744073709551615,1,9007199254740993,true,2024-06-10T06:13:20.5Z,007,,NaN,1,x,\n",
        ",9,0,2.5,0.5,False,2024-06-10T06:13:21Z,1,3,1,true,\"y\n\"\"z\"\"\",\n",
    ));
    assert_eq!(imported.summary.skipped, 0);
    assert_eq!(
        imported.lines,
        [
            concat!(
                r#"2024-06-10T06:13:20Z table {"i":-1,"u":18446744073709551615,"f":1.0,"big":"9007199254740993","b":true,"#,
                r#""when":"2024-06-10T06:13:20.5Z","zeros":"007","hole":null,"nan":"NaN","mixed":"1","a_b_2":"x","none":null}"#
            ),
            concat!(
                r#"- table {"i":9,"u":0,"f":2.5,"big":"0.5","b":false,"#,
                r#""when":"2024-06-10T06:13:21Z","zeros":"1","hole":3,"nan":1.0,"mixed":"true","a_b_2":"y\n\"z\"","none":null}"#
            ),
        ]
    );
    assert_eq!(imported.summary.notes, [r#"1 columns have other names in the log: "a.b[2]" is a_b_2"#]);
}

#[test]
fn types_can_be_given() {
    let types = [("a", "float32"), ("b", "uint8"), ("c", "bytes"), ("d", "duration"), ("e", "string")];
    let types = types.map(|(name, ty)| (name.to_owned(), type_named(ty).unwrap())).to_vec();
    let options = Options { types, record: "imu.left".into(), ..Options::default() };
    let imported = with("a,b,c,d,e\n0.1,255,AQI=,-5,1\n0.1,256,AQI=,-5,1\n", &options);
    assert_eq!(imported.lines, [r#"- imu.left {"a":0.1,"b":255,"c":"AQI=","d":-5,"e":"1"}"#]);
    assert!(schema(&imported).contains("float32"), "{}", schema(&imported));
    assert_eq!(imported.summary.first[0].cause, r#"line 3: column "b": "256" is no fixeduint8"#);
    let options = Options { types: vec![("nowhere".into(), tlog::schema::Type::String)], ..Options::default() };
    assert!(refused(b"a\n1\n", &options).to_string().contains("there are: a"));
}

#[test]
fn the_time_is_found_by_name_and_told_by_size() {
    for (text, time) in [
        ("t;x\n1718000000.25;1\n", "2024-06-10T06:13:20.25Z"),
        ("x\tTimestamp\n1\t1718000000250\n", "2024-06-10T06:13:20.25Z"),
        ("x,time_ns\n1,1718000000250000000\n", "2024-06-10T06:13:20.25Z"),
        ("x,Time [ms]\n1,250\n", "1970-01-01T00:00:00.25Z"),
        ("x,time\n1,2024-06-10 08:13:20.25+02:00\n", "2024-06-10T06:13:20.25Z"),
    ] {
        let imported = read(text);
        assert_eq!(imported.lines, [format!(r#"{time} table {{"x":1}}"#)], "{text}");
    }
    let small = read("time,x\n0.5,1\n");
    assert_eq!(small.lines, [r#"- table {"time":0.5,"x":1}"#]);
    assert!(small.summary.notes[0].contains("time of day"), "{:?}", small.summary.notes);
    let naive = read("time,x\n2024-06-10 06:13:20,1\n");
    assert_eq!((naive.lines[0].split(' ').next(), naive.summary.notes.len()), (Some("2024-06-10T06:13:20Z"), 1));

    let unit = |unit| Options { time_column: Some("x".into()), time_unit: unit, ..Options::default() };
    assert_eq!(with("x,y\n5,1\n", &unit(Some(TimeUnit::Seconds))).lines, [r#"1970-01-01T00:00:05Z table {"y":1}"#]);
    assert!(matches!(refused(b"x,y\n5,1\n", &unit(None)), Error::Usage(_)));
    assert!(matches!(refused(b"y\n5\n", &unit(None)), Error::Usage(_)));
}

#[test]
fn broken_rows_are_skipped_and_told() {
    let text = "a,b\n1,2\n3\n4,5,\n6,7,8\n\n9,10\n";
    let imported = read(text);
    assert_eq!(imported.lines.len(), 3);
    let told: Vec<_> = imported.summary.first.iter().map(|part| (part.range.clone(), part.cause.as_str())).collect();
    assert_eq!(
        told,
        [(8..10, "line 3: 1 cells where there are 2 columns"), (15..21, "line 5: 3 cells where there are 2 columns")]
    );
    let strict = refused(text.as_bytes(), &Options { strict: true, ..Options::default() });
    assert_eq!(strict.to_string(), "CSV at line 3: 1 cells where there are 2 columns");
}

#[test]
fn a_table_can_be_without_header_or_rows() {
    let bare = with("1,x\n2,y\n", &Options { header: false, ..Options::default() });
    assert_eq!(bare.lines, [r#"- table {"column_1":1,"column_2":"x"}"#, r#"- table {"column_1":2,"column_2":"y"}"#]);
    assert_eq!(read("\u{feff}a,b\n").lines.len(), 0);
    assert!(matches!(refused(b"", &Options::default()), Error::Input { .. }));
}

#[test]
fn hostile_tables_end() {
    let mut unclosed = b"a,b\n1,\"".to_vec();
    unclosed.resize(17 << 20, b'x');
    assert!(matches!(refused(&unclosed, &Options::default()), Error::Input { .. }));
    let wide = vec![b','; 70_000];
    assert!(matches!(refused(&wide, &Options::default()), Error::Limit { .. }));
    let same = [&b"a,".repeat(30_000)[..], b"a\n", &b"1,".repeat(30_000), b"1\n"].concat();
    assert_eq!(import(|out| csv::read(Cursor::new(&same), out, &Options::default())).lines.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..Default::default() })]

    /// Numbers keep their values, whatever else is in their column.
    #[test]
    fn values_stay(rows in proptest::collection::vec((any::<i64>(), any::<f64>(), any::<Option<u64>>(), "[ -~]{0,12}"), 1..20)) {
        let mut table = ::csv::WriterBuilder::new().from_writer(b"i,f,u,s\n".to_vec());
        for (i, f, u, s) in &rows {
            table.serialize((i, f, u, s)).unwrap();
        }
        let text = table.into_inner().unwrap();
        let imported = import(|out| csv::read(Cursor::new(&text), out, &Options::default()));
        prop_assert_eq!(imported.lines.len(), rows.len());
        for (line, (i, f, u, s)) in imported.lines.iter().zip(&rows) {
            let json: serde_json::Value = serde_json::from_str(line.splitn(3, ' ').nth(2).unwrap()).unwrap();
            prop_assert_eq!(json["i"].as_i64(), Some(*i));
            prop_assert!(json["f"].as_f64().is_none_or(|read| read == *f));
            prop_assert_eq!(json["u"].as_u64(), *u);
            let text = json["s"].as_str().map_or_else(|| json["s"].to_string(), str::to_owned);
            let same = text == *s || text == "null" && s.trim().is_empty();
            prop_assert!(same || text.parse::<f64>().ok() == s.trim().parse().ok() || text.eq_ignore_ascii_case(s), "{} {}", text, s);
        }
    }

    #[test]
    fn any_text_is_survived(bytes in proptest::collection::vec(prop_oneof![Just(b','), Just(b'"'), Just(b'\n'), Just(b'1'), any::<u8>()], 0..300)) {
        let read = |out: &mut tlog::Writer<Vec<u8>>| csv::read(Cursor::new(&bytes), out, &Options::default());
        if read(&mut tlog::Writer::new(Vec::new())).is_ok() {
            import(read);
        }
    }
}
