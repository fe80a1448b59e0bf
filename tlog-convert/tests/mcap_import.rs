//! MCAP of others into logs: what each kind of channel becomes, and what damage costs.

use std::collections::BTreeMap;
use std::io::Cursor;

use mcap::records::MessageHeader;
use mcap::{Attachment, Compression, WriteOptions};
use proptest::prelude::*;
use tlog::read::{ReadOptions, SliceReader};
use tlog::value::{Cursor as PayloadCursor, write_json};
use tlog::write::WriterOptions;
use tlog_convert::Error;
use tlog_convert::import::Summary;
use tlog_convert::import::mcap::{Options, read};

/// What a log holds: name, time, payload as JSON.
type Line = (String, Option<i64>, String);

fn try_import(bytes: &[u8], options: &Options) -> Result<(Vec<Line>, Summary), Error> {
    let mut log = WriterOptions::new().open(Vec::new());
    let summary = read(bytes, &mut log, options)?;
    let log = log.finish().unwrap();
    let mut reader = SliceReader::new(&log, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut lines = Vec::new();
    while let Some(data) = reader.next_data().unwrap() {
        let mut json = Vec::new();
        write_json(data.record.schema.root(), &mut PayloadCursor::new(data.payload), &mut json).unwrap();
        let json = String::from_utf8(json).unwrap();
        lines.push((data.record.name.clone(), data.time.map(|time| time.0), json));
    }
    Ok((lines, summary))
}

fn import(bytes: &[u8]) -> (Vec<Line>, Summary) {
    try_import(bytes, &Options::default()).unwrap()
}

/// Only what was messages.
fn messages(lines: &[Line]) -> Vec<(&str, Option<i64>, &str)> {
    let is_message = |line: &&Line| !line.0.starts_with("mcap.");
    lines.iter().filter(is_message).map(|(name, time, json)| (name.as_str(), *time, json.as_str())).collect()
}

fn of<'a>(lines: &'a [Line], record: &str) -> Vec<&'a str> {
    lines.iter().filter(|line| line.0 == record).map(|line| line.2.as_str()).collect()
}

/// A file in the making.
struct File(mcap::Writer<Cursor<Vec<u8>>>);

impl File {
    fn new(options: WriteOptions) -> Self {
        Self(options.library("test").create(Cursor::new(Vec::new())).unwrap())
    }

    fn channel(&mut self, topic: &str, encoding: &str, schema: Option<(&str, &[u8])>) -> u16 {
        let schema = schema.map_or(0, |(encoding, data)| self.0.add_schema("its.Schema", encoding, data).unwrap());
        self.0.add_channel(schema, topic, encoding, &BTreeMap::from([("qos".to_owned(), "best".to_owned())])).unwrap()
    }

    fn message(&mut self, channel_id: u16, sequence: u32, time: u64, data: &[u8]) {
        let header = MessageHeader { channel_id, sequence, log_time: time, publish_time: time };
        self.0.write_to_known_channel(&header, data).unwrap();
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.finish().unwrap();
        self.0.into_inner().into_inner()
    }
}

const POSE: &[u8] =
    br#"{"type":"object","required":["x"],"properties":{"x":{"type":"number"},"tag":{"type":"string"}}}"#;

#[test]
fn json_with_a_schema_is_typed() {
    let mut file = File::new(WriteOptions::new());
    let pose = file.channel("/robot/pose", "json", Some(("jsonschema", POSE)));
    file.message(pose, 7, 1_600_000_000_000_000_000, br#"{"x":1.5,"tag":"a"}"#);
    file.message(pose, 8, 1_600_000_000_000_001_999, br#" { "x" : -2 } "#);
    let (lines, summary) = import(&file.finish());
    let expected = [
        ("robot.pose", Some(1_600_000_000_000_000), r#"{"x":1.5,"tag":"a"}"#),
        ("robot.pose", Some(1_600_000_000_000_001), r#"{"x":-2.0,"tag":null}"#),
    ];
    assert_eq!(messages(&lines), expected);
    assert_eq!((summary.taken, summary.skipped), (2, 0));
    assert_eq!(
        summary.notes,
        ["topic /robot/pose is record robot.pose", "times of /robot/pose are rounded down to microseconds"]
    );
    assert_eq!(of(&lines, "mcap.header"), [r#"{"profile":"","library":"test"}"#]);
    let channel: serde_json::Value = serde_json::from_str(of(&lines, "mcap.channel")[0]).unwrap();
    assert_eq!(
        (&channel["topic"], &channel["record"], &channel["metadata"]["qos"]),
        (&"/robot/pose".into(), &"robot.pose".into(), &"best".into())
    );
}

#[test]
fn what_is_not_of_the_type_is_kept_as_text() {
    let mut file = File::new(WriteOptions::new());
    let pose = file.channel("pose", "json", Some(("jsonschema", POSE)));
    for (at, data) in [r#"{"x":1}"#, r#"{"x":"one"}"#, r#"{"y":1}"#, "{"].into_iter().enumerate() {
        file.message(pose, 0, 1000 * at as u64, data.as_bytes());
    }
    file.message(pose, 0, 9000, b"\xff");
    let open = file.channel("open", "json", Some(("jsonschema", b"{}")));
    file.message(open, 0, 10_000, b"[1, 2]");
    let (lines, summary) = import(&file.finish());
    let expected = [
        ("pose", Some(0), r#"{"x":1.0,"tag":null}"#),
        ("pose_json", Some(1), r#""{\"x\":\"one\"}""#),
        ("pose_json", Some(2), r#""{\"y\":1}""#),
        ("pose_json", Some(3), r#""{""#),
        ("open", Some(10), r#""[1, 2]""#),
    ];
    assert_eq!(messages(&lines), expected);
    assert_eq!((summary.taken, summary.skipped), (5, 1));
    assert!(summary.first[0].cause.contains("UTF-8") || summary.first[0].cause.contains("utf-8"), "{summary:?}");
    assert!(
        summary.notes[0].starts_with("what is not of the type of pose is kept as text, the first because x: "),
        "{summary:?}"
    );
    assert!(summary.notes[1].starts_with("topic open is kept as text"), "{summary:?}");
}

#[test]
fn other_encodings_are_kept_as_they_are() {
    let mut file = File::new(WriteOptions::new().profile("ros1"));
    let raw = file.channel("/tf", "ros1", Some(("ros1msg", b"float64 x")));
    let bare = file.channel("/tf_", "cdr", None);
    let header = MessageHeader { channel_id: raw, sequence: 7, log_time: 1_000_000_001, publish_time: 5 };
    file.0.write_to_known_channel(&header, b"\0\x01").unwrap();
    file.message(bare, 9, u64::MAX, b"");
    let attachment = Attachment {
        log_time: 3000,
        create_time: 4,
        name: "a".into(),
        media_type: "text/plain".into(),
        data: (&b"hi"[..]).into(),
    };
    file.0.attach(&attachment).unwrap();
    let metadata = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    file.0.write_metadata(&mcap::records::Metadata { name: "m".to_owned(), metadata }).unwrap();
    let (lines, summary) = import(&file.finish());
    let expected = [
        (
            "tf",
            Some(1_000_000),
            r#"{"channel":1,"sequence":7,"log_time_ns":1000000001,"publish_time_ns":5,"data":"AAE="}"#,
        ),
        (
            "tf_",
            Some(18_446_744_073_709_551),
            r#"{"channel":2,"sequence":9,"log_time_ns":18446744073709551615,"publish_time_ns":18446744073709551615,"data":""}"#,
        ),
    ];
    assert_eq!(messages(&lines), expected);
    assert_eq!((summary.taken, summary.skipped), (2, 0), "{summary:?}");
    let channels = of(&lines, "mcap.channel");
    assert_eq!(
        channels[0],
        r#"{"id":1,"topic":"/tf","record":"tf","encoding":"ros1","metadata":{"qos":"best"},"schema_id":1,"schema_name":"its.Schema","schema_encoding":"ros1msg","schema":"ZmxvYXQ2NCB4"}"#
    );
    assert!(channels[1].contains(r#""schema_id":0,"schema_name":"","schema_encoding":"","schema":"""#));
    assert_eq!(
        of(&lines, "mcap.attachment"),
        [r#"{"name":"a","media_type":"text/plain","log_time_ns":3000,"create_time_ns":4,"data":"aGk="}"#]
    );
    assert_eq!(of(&lines, "mcap.metadata"), [r#"{"name":"m","metadata":{"k":"v"}}"#]);
    assert_eq!(of(&lines, "mcap.header"), [r#"{"profile":"ros1","library":"test"}"#]);
}

#[test]
fn topics_that_are_alike_stay_apart() {
    let mut file = File::new(WriteOptions::new());
    for topic in ["/a/b", "a.b", "mcap.header", "/a/b"] {
        let channel = file.channel(topic, "cdr", None);
        file.message(channel, 0, 1, b"x");
    }
    let (lines, _) = import(&file.finish());
    let names: Vec<_> = lines.iter().map(|line| line.0.as_str()).filter(|name| *name != "mcap.channel").collect();
    assert_eq!(names, ["mcap.header", "a.b", "a.b_2", "mcap.header_2", "a.b"]);
}

/// Forty messages in chunks of ten or so, and what they become.
fn many(options: WriteOptions) -> (Vec<u8>, Vec<Line>) {
    some(40, options)
}

fn some(count: u32, options: WriteOptions) -> (Vec<u8>, Vec<Line>) {
    let mut file = File::new(options);
    let text = file.channel("text", "json", None);
    for i in 0..count {
        file.message(text, i, 1000 * u64::from(i), format!("\"message {i:08}\"").as_bytes());
    }
    let bytes = file.finish();
    let (lines, summary) = import(&bytes);
    assert_eq!((messages(&lines).len(), summary.skipped), (count as usize, 0));
    (bytes, lines)
}

fn kinds() -> Vec<WriteOptions> {
    let chunked = WriteOptions::new().chunk_size(Some(400));
    let of = |compression| chunked.clone().compression(compression);
    vec![of(None), of(Some(Compression::Zstd)), of(Some(Compression::Lz4)), WriteOptions::new().use_chunks(false)]
}

/// What is left is in order, and was there.
fn is_part(part: &[Line], whole: &[Line]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|line| whole.any(|other| other == line))
}

#[test]
fn a_file_that_is_cut_off_gives_what_was_before() {
    for options in kinds() {
        let (bytes, lines) = some(8, options.chunk_size(Some(150)));
        let mut before = 0;
        for len in 0..bytes.len() {
            let Ok((part, summary)) = try_import(&bytes[..len], &Options::default()) else {
                assert!(len < 8, "{len} bytes are enough to see what it is");
                continue;
            };
            assert!(is_part(&part, &lines), "{len}");
            let count = messages(&part).len();
            assert!(count >= before, "{len}: {count} messages, and {before} of less");
            // Behind the data only what repeats it may be missing.
            assert!(summary.skipped > 0 || count == 8, "{len}: {summary:?}");
            before = count;
        }
        assert_eq!(before, 8);
    }
}

#[test]
fn damage_in_a_chunk_costs_that_chunk() {
    for options in &kinds()[..3] {
        let (bytes, lines) = many(options.clone());
        let chunks: Vec<_> = mcap::Summary::read(&bytes).unwrap().unwrap().chunk_indexes;
        assert!(chunks.len() >= 3);
        for chunk in &chunks[1..] {
            // Lengths in its head included, but for its opcode and what nothing depends on, its times.
            for at in (chunk.chunk_start_offset..chunk.chunk_start_offset + chunk.chunk_length).step_by(3) {
                let mut broken = bytes.clone();
                broken[at as usize] ^= 0x10;
                let (part, summary) = import(&broken);
                assert!(is_part(&part, &lines), "{at}");
                let lost = 40 - messages(&part).len();
                let in_chunk = chunk.message_end_time / 1000 - chunk.message_start_time / 1000 + 1;
                assert!(lost == 0 || lost as u64 == in_chunk, "{at}: lost {lost} of {in_chunk}: {summary:?}");
                assert!(lost == 0 || summary.skipped > 0, "{at}");
            }
        }
    }
}

#[test]
fn damage_outside_of_chunks_costs_a_message_or_two() {
    let (bytes, _) = many(WriteOptions::new().use_chunks(false));
    let first = bytes.windows(7).position(|bytes| bytes == b"message").unwrap() - 32;
    let end = bytes.windows(8).rposition(|bytes| bytes == b"00000039").unwrap();
    for at in first..end {
        let mut broken = bytes.clone();
        broken[at] ^= 0x41;
        let (part, summary) = import(&broken);
        assert!(messages(&part).len() >= 37, "{at}: {summary:?}");
        // The data has a checksum of its own, which tells when nothing else does.
        assert!(summary.skipped > 0, "{at}");
    }
}

#[test]
fn lengths_are_not_believed() {
    let (bytes, lines) = many(WriteOptions::new().compression(None).chunk_size(Some(400)));
    let chunk = mcap::Summary::read(&bytes).unwrap().unwrap().chunk_indexes[1].clone();
    let start = chunk.chunk_start_offset as usize;
    for (at, claim) in
        [(1, u64::MAX), (1, u64::MAX - 8), (1, 1 << 40), (1, 0), (25, u64::MAX), (25, 1 << 27), (41, u64::MAX)]
    {
        let mut broken = bytes.clone();
        broken[start + at..start + at + 8].copy_from_slice(&claim.to_le_bytes());
        let (part, summary) = import(&broken);
        assert!(is_part(&part, &lines) && messages(&part).len() >= 27, "{at} {claim}");
        assert_eq!(summary.skipped, 1, "{at} {claim}: {summary:?}");
    }
    let head = [&b"\x89MCAP0\r\n"[..], &[9], &u64::MAX.to_le_bytes(), &[5], &u64::MAX.to_le_bytes()].concat();
    assert_eq!(import(&head).1.taken, 0);
}

#[test]
fn what_exceeds_the_limit_is_skipped() {
    let mut file = File::new(WriteOptions::new().chunk_size(Some(10)));
    let text = file.channel("text", "json", None);
    for len in [10, 100_000, 20] {
        file.message(text, 0, 1, &vec![b' '; len]);
    }
    let data = vec![1; 50_000];
    let attachment =
        Attachment { log_time: 0, create_time: 0, name: "a".into(), media_type: String::new(), data: data.into() };
    file.0.attach(&attachment).unwrap();
    file.message(text, 0, 1, b"30");
    let (lines, summary) = try_import(&file.finish(), &Options { max_record: 20_000, ..Options::default() }).unwrap();
    assert_eq!((messages(&lines).len(), summary.taken, summary.skipped), (3, 3, 2), "{summary:?}");
    assert!(summary.first[0].cause.contains("exceeds the limit of 20000"));
    assert!(summary.first[1].cause.starts_with("an attachment of 5"));
}

#[test]
fn small_schemas_of_large_types_do_not_fill_memory() {
    // Each definition is twice the one before it.
    let twice = |at: u32| {
        format!(
            r##""{at}":{{"type":"object","properties":{{"a":{{"$ref":"#/d/{0}"}},"b":{{"$ref":"#/d/{0}"}}}}}}"##,
            at - 1
        )
    };
    let levels: Vec<String> = (1..11).map(twice).collect();
    let schema = format!(r##"{{"$ref":"#/d/10","d":{{"0":{{"type":"null"}},{}}}}}"##, levels.join(","));
    let mut file = File::new(WriteOptions::new());
    for i in 0..200 {
        let channel = file.channel(&format!("topic{i}"), "json", Some(("jsonschema", schema.as_bytes())));
        file.message(channel, 0, 0, b"{}");
    }
    let options = Options { max_schemas: 10 << 20, ..Options::default() };
    let (_, summary) = try_import(&file.finish(), &options).unwrap();
    assert!((2..20).contains(&summary.taken), "{}", summary.taken);
    assert!(summary.first[0].cause.starts_with("schemas and channels exceed the limit"));
}

#[test]
fn what_is_no_mcap_is_refused() {
    for bytes in [&b""[..], b"hello", b"\x89MCAP1\r\n", b"TLOG0003\0"] {
        assert!(matches!(try_import(bytes, &Options::default()), Err(Error::Input { .. })), "{bytes:?}");
    }
}

#[test]
fn a_damaged_start_is_passed_over() {
    let (mut bytes, _) = many(WriteOptions::new().chunk_size(Some(400)));
    bytes[3] ^= 1;
    let (lines, summary) = import(&bytes);
    assert_eq!((messages(&lines).len(), summary.first[0].range.start), (40, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn any_damage_leaves_what_can_be_read(kind in 0..4_usize, flips in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..6)) {
        let (mut bytes, _) = many(kinds()[kind].clone());
        for (at, bits) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
        }
        // Whatever comes of it: no panic, and a log that reads.
        let _ = try_import(&bytes, &Options { max_record: 1 << 20, ..Options::default() });
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = try_import(&[&b"\x89MCAP0\r\n"[..], &bytes].concat(), &Options { max_record: 1 << 20, ..Options::default() });
    }
}
