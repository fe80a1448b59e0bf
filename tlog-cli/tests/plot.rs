//! `tlog plot`: what it finds, what it draws, what it refuses.

mod support;

use support::{Folder, GPS, IMU, START, TLOG, log, small};
use tlog::write::WriterOptions;

const MODE: &str = r#"{"type":"object","fields":[{"name":"mode","type":{"type":"enum","underlying":"fixeduint8",
    "symbols":[{"value":0,"name":"Sit"},{"value":1,"name":"Trot"}]}},{"name":"volts","type":"float64"},
    {"name":"seq","type":"varuint"},{"name":"note","type":"string"},{"name":"low","type":"boolean"}]}"#;

/// imu each 100 ms for 10 s, without the second after the third, and body each second.
fn with_gap() -> Vec<u8> {
    let mut data = Vec::new();
    for i in (0..100_i64).filter(|i| !(30..40).contains(i)) {
        let time = Some(START + i * 100_000);
        data.push(("imu", time, format!("{{\"seq\":{i},\"accel\":[{i}.5,0.0,-9.75]}}")));
        if i % 10 == 0 {
            let (mode, low) = (["\"Sit\"", "\"Trot\""][(i / 50) as usize], i > 80);
            let body = format!("{{\"mode\":{mode},\"volts\":{i},\"seq\":{i},\"note\":\"n\",\"low\":{low}}}");
            data.push(("body", time, body));
        }
    }
    let data: Vec<_> = data.iter().map(|(name, time, json)| (*name, *time, json.as_str())).collect();
    log(&WriterOptions::new(), &[("imu", IMU), ("body", MODE)], &data)
}

/// The picture as SVG.
fn svg(folder: &Folder, args: &str) -> String {
    let args: Vec<&str> = ["plot", "-o", "-", "--format", "svg"].into_iter().chain(args.split(' ')).collect();
    let picture = folder.tlog(&args).good();
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
    picture
}

/// What stands in it.
fn texts(picture: &str) -> Vec<&str> {
    let texts = picture.lines().filter(|line| line.starts_with("<text"));
    texts.filter_map(|line| line.strip_suffix("</text>")?.split_once('>').map(|(_, text)| text)).collect()
}

/// The paths of the data, without those of the legend.
fn paths(picture: &str) -> Vec<&str> {
    let data = picture.lines().filter(|line| line.contains("stroke-linejoin"));
    let paths = data.filter_map(|line| line.split('"').nth(1));
    paths.filter(|path| path.matches(['L', 'H', 'V']).count() > 0).collect()
}

fn refused(folder: &Folder, args: &str) -> String {
    folder.tlog(&args.split(' ').collect::<Vec<_>>()).refused(2)
}

#[test]
fn without_an_output_it_draws_in_the_terminal() {
    let folder = Folder::with("a.tlog", with_gap());
    let run = |columns: Option<&str>, args: &[&str]| {
        let mut command = assert_cmd::Command::new(TLOG);
        command.current_dir(folder.path("")).args(["plot", "a.tlog", "accel[0]"]).args(args).env_remove("COLUMNS");
        columns.map(|columns| command.env("COLUMNS", columns));
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        String::from_utf8(output.stdout).unwrap()
    };
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    let plain = run(None, &[]);
    assert_eq!(widest(&plain), 80, "{plain}");
    assert!(plain.contains("imu.accel[0]") && plain.contains("a.tlog"), "{plain}");
    assert!(plain.contains("time since 2020-09-13 12:26:40 UTC (s)"), "{plain}");
    assert!(plain.contains('⠉') || plain.contains('⡠'), "{plain}");
    assert_eq!(widest(&run(Some("50"), &[])), 50);
    let small = run(Some("50"), &["--width", "30", "--height", "7"]);
    assert_eq!((widest(&small), small.lines().count()), (30, 7), "{small}");
    assert!(!plain.contains('\x1b'));
    assert!(run(None, &["imu.accel,imu.seq", "--color", "always"]).contains("\x1b[38;5;"));
}

#[test]
fn pictures_are_files_that_are_whole_or_not_there() {
    let folder = Folder::with("a.tlog", small());
    let plot = |more: &str| folder.tlog(&["plot a.tlog seq", more].join(" ").split(' ').collect::<Vec<_>>());
    assert_eq!(plot("-o a.svg").good(), "");
    assert_eq!(plot("-o a.PNG --width 300 --height 200").good(), "");
    let png = folder.get("a.PNG");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!((&png[16..20], &png[20..24]), (&[0, 0, 1, 44][..], &[0, 0, 0, 200][..]));
    assert_eq!(svg(&folder, "a.tlog seq").as_bytes(), folder.get("a.svg"));
    assert!(plot("-o a.svg").refused(2).contains("--force"));
    assert_eq!(plot("-o a.svg --force --format text").good(), "");
    assert!(String::from_utf8(folder.get("a.svg")).unwrap().contains("imu.seq"));
    assert!(plot("-o a.tlog --force --format png").refused(2).contains("same file"));
    assert!(plot("-o a.jpg").refused(2).contains("--format"));
    assert!(plot("-o -").refused(2).contains("--format"));
    assert!(plot("--format png").refused(2).contains("-o"));
    assert!(plot("-o b.png --width 100 --height 20").refused(2).contains("too small"));
    assert!(plot("-o b.png --width 20000 --height 20000").refused(2).contains("too large"));
    assert_eq!(folder.names(), ["a.PNG", "a.svg", "a.tlog"]);
}

#[test]
fn fields_are_found_by_all_their_names() {
    let folder = Folder::with("a.tlog", with_gap());
    let names = |fields: &str| -> Vec<String> {
        let picture = svg(&folder, &format!("a.tlog {fields} --title T"));
        let is_name = |text: &&str| text.contains(|c: char| c.is_alphabetic() || c == '[') && !text.contains("since");
        let names = texts(&picture).into_iter().filter(is_name).map(str::to_owned);
        names.filter(|name| !["T", "Sit", "Trot", "false", "true"].contains(&name.as_str())).collect()
    };
    assert_eq!(names("imu.accel[0]"), ["imu.accel[0]"]);
    assert_eq!(names("accel[1] volts"), ["imu.accel[1]", "body.volts"]);
    assert_eq!(names("accel[1],volts"), ["imu.accel[1]", "body.volts"]);
    assert_eq!(names("imu.accel"), ["imu.accel", "[0]", "[1]", "[2]"]);
    assert_eq!(names("accel[*]"), names("accel"));
    assert_eq!(names("*.seq"), ["imu.seq", "body.seq"]);
    assert_eq!(names("im?.a*"), names("accel"));
    assert_eq!(names("body"), ["body", "mode", "volts", "seq", "low"]);
    assert_eq!(names("seq --record imu"), ["imu.seq"]);
    for (fields, expected) in [
        ("seq", "seq is in several records: body, imu; write body.seq"),
        ("accl[0]", "record imu has no field \"accl\" (did you mean \"accel\"?)"),
        ("imu.accl", "imu.accl: record imu: the record (object) has no field \"accl\" (did you mean \"accel\"?)"),
        ("imuu.seq", "there is no record imuu (did you mean \"imu\"?)"),
        ("imu.accel[3]", "takes an index below 3"),
        ("nothing", "none of these records has it: body, imu"),
        ("x*", "none of these records has it: body, imu"),
        ("body.note", "body.note cannot be drawn: it is no number but of type string"),
        ("note", "it cannot be drawn"),
        ("volts,,low", "without a name"),
        ("body.volts[", "column"),
        ("volts --record nobody", "there is no record nobody"),
        ("volts --gap soon", "--gap: `soon` is not a duration"),
        ("volts --gap 1s --x seq", "--gap is a time"),
        ("volts --x lon", "--x lon: record body: the record (object) has no field \"lon\""),
        ("volts --x note", "--x note is no number but of type string"),
    ] {
        let why = refused(&folder, &format!("plot a.tlog {fields}"));
        assert!(why.contains(expected), "{fields}: {why}");
    }
}

#[test]
fn gaps_are_gaps_and_steps_are_steps() {
    let folder = Folder::with("a.tlog", with_gap());
    let pieces = |args: &str| paths(&svg(&folder, &format!("a.tlog accel[0] {args}"))).join("").matches('M').count();
    // Few points have dots, each a piece of the path.
    let dots = pieces("--gap none --width 600") - 1;
    assert!(dots == 0, "{dots}");
    assert_eq!(pieces("--width 600"), 2);
    assert_eq!(pieces("--width 600 --gap 500ms"), 2);
    assert_eq!(pieces("--width 600 --gap 2s"), 1);
    let steps = svg(&folder, "a.tlog mode low");
    assert!(paths(&steps).iter().all(|path| path.contains('H') && path.contains('V')), "{steps}");
    for name in ["Sit", "Trot", "false", "true"] {
        assert!(texts(&steps).contains(&name), "{name} {steps}");
    }
}

#[test]
fn a_part_of_a_log_looks_like_that_part() {
    let folder = Folder::with("a.tlog", with_gap());
    for part in [
        &["--start", "+2s", "--duration", "5s"][..],
        &["--end", "-3s"],
        &["--where", "imu.seq >= 40 and imu.seq < 60"],
        &["--start", "+1s", "--read-all"],
    ] {
        folder.tlog(&[&["cut", "a.tlog", "-o", "b.tlog", "--force", "--record", "imu"], part].concat()).good();
        let picture = |log: &str, part: &[&str]| {
            let args = ["plot", log, "imu.accel", "--time", "utc", "--title", "t", "-o", "-", "--format", "svg"];
            // The places of the points are told from the start, which the cut moves: a hair of rounding aside.
            folder.tlog(&[&args, part].concat()).good()
        };
        assert_eq!(picture("a.tlog", part), picture("b.tlog", &[]), "{part:?}");
        assert!(picture("a.tlog", part) != picture("a.tlog", &[]), "{part:?}");
    }
    let explained = folder.tlog(&["plot", "a.tlog", "volts", "--explain"]).good();
    assert!(explained.starts_with("a.tlog"), "{explained}");
}

#[test]
fn streams_and_stores_are_logs_too() {
    let folder = Folder::with("a.tlog", with_gap());
    let whole = svg(&folder, "a.tlog accel mode --title t");
    let args = "plot - accel mode --title t -o - --format svg";
    assert_eq!(folder.tlog_with(&args.split(' ').collect::<Vec<_>>(), &folder.get("a.tlog")).good(), whole);
    folder.tlog(&["record", "-q", "a.tlog", "--store", "store", "--rotate-size", "2000"]).good();
    assert!(tlog_index::store::segments(folder.path("store")).unwrap().len() > 1);
    assert_eq!(svg(&folder, "store accel mode --title t"), whole);
}

#[test]
fn logs_are_laid_over_each_other() {
    let folder = Folder::with("a.tlog", with_gap());
    let data = [
        ("gps", Some(START + 86_400_000_000), r#"{"lat":1.5,"fix":3}"#),
        ("gps", Some(START), r#"{"lat":2.5,"fix":null}"#),
    ];
    folder.put("b.tlog", log(&WriterOptions::new(), &[("gps", GPS)], &data));
    folder.put("c.tlog", with_gap());
    let both = svg(&folder, "a.tlog --overlay c.tlog imu.seq");
    assert!(texts(&both).contains(&"(a.tlog)") && texts(&both).contains(&"(c.tlog)"), "{both}");
    assert!(
        texts(&both).contains(&"a.tlog, c.tlog") && texts(&both).iter().any(|text| text.contains("start of each log"))
    );
    let [first, second] = paths(&both)[..] else { panic!("{both}") };
    assert_eq!(first, second);
    // What one of them has is enough, and each finds its own.
    let mixed = svg(&folder, "a.tlog --overlay b.tlog lat,volts --time utc");
    assert_eq!(paths(&mixed).len(), 2, "{mixed}");
    assert!(texts(&mixed).contains(&"time (UTC)"));
}

#[test]
fn damage_is_told_in_the_picture() {
    let mut bytes = with_gap();
    let offsets = support::data_offsets(&bytes);
    bytes[offsets[20] + 12] ^= 0x55;
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["plot", "a.tlog", "imu.seq", "-o", "a.svg"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("skipped"), "{}", run.err);
    let picture = String::from_utf8(folder.get("a.svg")).unwrap();
    assert!(texts(&picture)[0].contains("incomplete"), "{picture}");
}

#[test]
fn a_field_without_data_is_an_empty_picture() {
    let folder = Folder::with("a.tlog", with_gap());
    let run = folder.tlog(&["plot", "a.tlog", "volts", "--start", "+1h"]);
    assert_eq!(run.code, 0);
    assert!(run.err.contains("nothing was selected") && run.out.contains("body.volts"), "{} {}", run.err, run.out);
    let unnumbered = [("gps", Some(START), r#"{"lat":"NaN","fix":null}"#)];
    folder.put("b.tlog", log(&WriterOptions::new(), &[("gps", GPS)], &unnumbered));
    let run = folder.tlog(&["plot", "-v", "b.tlog", "gps", "-o", "b.svg"]);
    assert!(run.code == 0 && run.err.contains("no data: 2 values are no number"), "{}", run.err);
    assert!(String::from_utf8(folder.get("b.svg")).unwrap().contains("no data"));
}

#[test]
fn one_field_is_drawn_over_another() {
    let folder = Folder::with("a.tlog", with_gap());
    let picture = svg(&folder, "a.tlog imu.accel[0] --x seq");
    assert!(texts(&picture).contains(&"seq"), "{picture}");
    assert_eq!(svg(&folder, "a.tlog imu.accel[0] --x imu.seq --title a.tlog").len(), picture.len() + "imu.".len());
}

#[test]
fn records_may_be_numbers_and_have_dots_in_their_names() {
    const TIMED: &str = r#"{"type":"object","fields":[{"name":"at","type":"timestamp"},{"name":"took","type":"duration"},
        {"name":"list","type":{"type":"array","items":"varint"}},{"name":"gains","type":{"type":"map","values":"float32"}}]}"#;
    let mut data = Vec::new();
    for i in 0..30_i64 {
        data.push(("robot.temp", Some(START + i * 1_000_000), format!("{i}.5")));
        let timed = format!(
            r#"{{"at":"{}","took":{},"list":[{i}],"gains":{{"k p":{i}}}}}"#,
            tlog::Micros(START + i * 60_000_000),
            i * 1_000
        );
        data.push(("timed", None, timed));
    }
    let data: Vec<_> = data.iter().map(|(name, time, json)| (*name, *time, json.as_str())).collect();
    let records = [("robot.temp", "\"float64\""), ("timed", TIMED)];
    let folder = Folder::with("a.tlog", log(&WriterOptions::new(), &records, &data));
    for (args, name) in [
        ("robot.temp", "robot.temp"),
        ("timed.took --x at", "timed.took (s)"),
        ("list[0] --x timed.at", "timed.list[0]"),
        (r#"gains["k_p"] --x at"#, r#"timed.gains[&quot;k p&quot;]"#),
        ("timed --x at", "timed.took (s)"),
    ] {
        let args: Vec<String> =
            format!("plot a.tlog {args} -o - --format svg").split(' ').map(|arg| arg.replace("k_p", "k p")).collect();
        let picture = folder.tlog(&args.iter().map(String::as_str).collect::<Vec<_>>()).good();
        assert!(texts(&picture).contains(&name), "{args:?} {picture}");
        assert_eq!(paths(&picture).len(), 1, "{args:?} {picture}");
    }
    let over = svg(&folder, "a.tlog timed.took --x at");
    assert!(texts(&over).contains(&"at since 2020-09-13 12:26:40 UTC (min)"), "{over}");
    let none = folder.tlog(&["plot", "a.tlog", "took"]);
    assert!(none.code == 0 && none.err.contains("no data: 30 values are no number or have no time"), "{}", none.err);
    assert!(refused(&folder, "plot a.tlog list").contains("take one item of it"));
    assert!(refused(&folder, "plot a.tlog timed.at").contains("--x draws over it"));
}

#[test]
fn an_accident_of_a_pattern_is_refused() {
    let many = r#"{"type":"fixedarray","size":2000,"items":"boolean"}"#;
    let data = format!("[{}]", vec!["true"; 2_000].join(","));
    let folder = Folder::with("a.tlog", log(&WriterOptions::new(), &[("many", many)], &[("many", Some(START), &data)]));
    assert!(refused(&folder, "plot a.tlog many").contains("more than 1000 lines"));
    let some = svg(&folder, "a.tlog many[19*]");
    assert!(texts(&some).iter().any(|text| text.ends_with(" more")), "{some}");
}
