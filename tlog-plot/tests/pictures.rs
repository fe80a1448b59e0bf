//! What pictures look like, and that nothing that is put into them breaks them.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use resvg::tiny_skia::Pixmap;
use resvg::usvg::roxmltree::Document;
use tlog_plot::braille::{self, Cells};
use tlog_plot::{Error, Figure, Gap, Line, Order, Panel, Series, Size, XAxis, png, svg};

const SIZE: Size = Size { width: 400, height: 240 };

fn line(name: &str, points: &[(f64, f64)]) -> Line {
    let mut series = Series::new(Order::ByX, 1_000);
    points.iter().for_each(|(x, y)| series.push(*x, *y));
    Line { name: name.to_owned(), trace: series.finish(Gap::Auto), is_step: false }
}

fn elapsed() -> XAxis {
    XAxis::Elapsed { label: "time since start".to_owned() }
}

fn figure(title: &str, panels: Vec<Vec<Line>>) -> Figure {
    let panel = |lines| Panel { lines, symbols: Vec::new() };
    Figure { title: title.to_owned(), x: elapsed(), panels: panels.into_iter().map(panel).collect() }
}

/// Two lines in one panel, one of them with a gap, and steps with names in another.
fn example() -> Figure {
    let wave: Vec<(f64, f64)> = (0..=40).map(|i| (f64::from(i) * 1e5, (f64::from(i) / 5.0).sin())).collect();
    let mut broken = wave.iter().map(|(x, y)| (*x, -y / 2.0)).collect::<Vec<_>>();
    broken[20].1 = f64::NAN;
    let mode: Vec<(f64, f64)> = (0..=8).map(|i| (f64::from(i) * 5e5, f64::from(i / 3))).collect();
    let mut figure = figure("flight & test", vec![vec![line("imu.a[0]", &wave), line("imu.a[1]", &broken)]]);
    let symbols = [(0.0, "Sit"), (1.0, "Stand"), (2.0, "Trot")].map(|(at, name)| (at, name.to_owned()));
    let steps = Line { is_step: true, ..line("gait", &mode) };
    figure.panels.push(Panel { lines: vec![steps], symbols: symbols.into() });
    figure
}

/// A file beside this one that holds what is expected. With the variable set it is written anew, to be looked at.
fn check_snapshot(name: &str, is: &str) {
    let path = format!("{}/tests/snapshots/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("TLOG_PLOT_SNAPSHOTS").is_some() {
        std::fs::write(&path, is).unwrap();
    }
    assert_eq!(is, std::fs::read_to_string(&path).unwrap(), "{name} is another; TLOG_PLOT_SNAPSHOTS=1 writes it anew");
}

fn texts(picture: &str) -> Vec<String> {
    let document = Document::parse(picture).unwrap();
    document
        .descendants()
        .filter_map(|node| node.text().filter(|_| node.has_tag_name("text")))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_picture_is_as_it_was() {
    let size = Size { width: 480, height: 320 };
    check_snapshot("example.svg", &svg::render(&example(), size).unwrap());
    check_snapshot("example.txt", &braille::render(&example(), Cells { columns: 60, rows: 20, has_colour: false }));
    check_snapshot(
        "example-colour.txt",
        &braille::render(&example(), Cells { columns: 60, rows: 20, has_colour: true }),
    );
    let clock = Figure { x: XAxis::Clock { origin: 1_549_900_112_574_307 }, ..example() };
    check_snapshot("clock.svg", &svg::render(&clock, size).unwrap());
}

#[test]
fn a_picture_says_what_it_shows() {
    let shown = texts(&svg::render(&example(), Size { width: 480, height: 400 }).unwrap());
    for text in ["flight & test", "imu.a", "[0]", "[1]", "gait", "Sit", "Trot", "time since start (s)", "0", "4"] {
        assert!(shown.iter().any(|shown| shown == text), "{text}: {shown:?}");
    }
}

#[test]
fn a_png_has_its_size_and_text() {
    let bytes = png::render(&example(), SIZE).unwrap();
    let pixels = Pixmap::decode_png(&bytes).unwrap();
    assert_eq!((pixels.width(), pixels.height()), (400, 240));
    // In the row of the title nothing is dark but its text.
    let dark = |from: usize, to: usize| {
        let rows = pixels.pixels().chunks(400).skip(from).take(to - from).flatten();
        rows.filter(|pixel| pixel.red() < 100 && pixel.blue() < 100).count()
    };
    assert!(dark(12, 32) > 60, "{}", dark(12, 32));
    let untitled = png::render(&Figure { title: String::new(), ..example() }, SIZE).unwrap();
    assert_ne!(bytes, untitled);
    let blank = png::render(&figure("", vec![Vec::new()]), SIZE).unwrap();
    assert!(Pixmap::decode_png(&blank).is_ok());
}

#[test]
fn a_spike_reaches_its_pixel() {
    let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i) * 1e3, 0.0)).collect();
    points[50_000].1 = 1.0;
    let pixels = png::render(&figure("", vec![vec![line("a", &points)]]), Size { width: 600, height: 300 }).unwrap();
    let pixels = Pixmap::decode_png(&pixels).unwrap();
    let is_blue = |x: u32, y: u32| pixels.pixel(x, y).is_some_and(|pixel| pixel.red() < 60 && pixel.blue() > 120);
    let column = (0..600).filter(|x| is_blue(*x, 150)).collect::<Vec<_>>();
    assert!((1..=3).contains(&column.len()), "{column:?}");
    assert!((0..60).any(|y| is_blue(column[0], y) || is_blue(column[column.len() - 1], y)));
}

#[test]
fn what_has_no_room_is_refused() {
    for size in [Size { width: 50, height: 400 }, Size { width: 400, height: 60 }, Size { width: 0, height: 0 }] {
        assert!(matches!(svg::render(&example(), size), Err(Error::Size { .. })), "{size:?}");
        assert!(matches!(png::render(&example(), size), Err(Error::Size { .. })), "{size:?}");
    }
    let huge = Size { width: u32::MAX, height: u32::MAX };
    assert!(matches!(png::render(&example(), huge), Err(Error::Size { problem: "large", .. })));
}

#[test]
fn few_and_extreme_points_are_drawn() {
    let cases: [&[(f64, f64)]; 10] = [
        &[],
        &[(0.0, 0.0)],
        &[(1e18, 5.0)],
        &[(0.0, 3.0), (1.0, 3.0), (2.0, 3.0)],
        &[(0.0, -1e308), (1.0, 1e308)],
        &[(0.0, f64::MIN), (1.0, f64::MAX)],
        &[(i64::MIN as f64, i64::MIN as f64), (i64::MAX as f64, i64::MAX as f64)],
        &[(-1e300, 1.0), (1e300, 2.0)],
        &[(0.0, 5e-324), (5e-324, 0.0)],
        &[(0.0, f64::NAN), (f64::INFINITY, 1.0)],
    ];
    for points in cases {
        for x in [elapsed(), XAxis::Clock { origin: i64::MAX }, XAxis::Number { label: "x".to_owned() }] {
            let figure = Figure { x, ..figure("t", vec![vec![line("a", points)]]) };
            let picture = svg::render(&figure, SIZE).unwrap();
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{points:?}: {picture}");
            let has_data = points.iter().any(|(x, y)| x.abs() <= 1e300 && y.is_finite());
            assert_eq!(texts(&picture).contains(&"no data".to_owned()), !has_data, "{points:?}");
            braille::render(&figure, Cells { columns: 40, rows: 10, has_colour: true });
            if figure.x != elapsed() {
                continue;
            }
            let pixels = Pixmap::decode_png(&png::render(&figure, SIZE).unwrap()).unwrap();
            let is_data = |pixel: &&resvg::tiny_skia::PremultipliedColorU8| pixel.red() == 0 && pixel.blue() == 178;
            assert!(pixels.pixels().iter().any(|pixel| is_data(&pixel)), "{points:?}");
        }
    }
}

#[test]
fn ten_thousand_lines_are_drawn() {
    let lines: Vec<Line> = (0..10_000).map(|i| line(&format!("a[{i}]"), &[(0.0, 1.0), (1e6, f64::from(i))])).collect();
    let figure = figure("many", vec![lines]);
    let picture = svg::render(&figure, SIZE).unwrap();
    assert!(
        texts(&picture).iter().any(|text| text.starts_with("and ") && text.ends_with(" more")),
        "{:?}",
        texts(&picture)
    );
    let shown = braille::render(&figure, Cells { columns: 80, rows: 20, has_colour: false });
    assert!(shown.lines().count() <= 20 && shown.contains('+'), "{shown}");
}

#[test]
fn a_path_is_no_longer_than_the_picture_is_wide() {
    let points: Vec<(f64, f64)> = (0..200_000).map(|i| (f64::from(i), f64::from(i * 7_919 % 1_000))).collect();
    let picture = svg::render(&figure("", vec![vec![line("a", &points)]]), SIZE).unwrap();
    assert!(picture.len() < 400 * 4 * 14, "{}", picture.len());
}

#[test]
fn hostile_names_stay_names() {
    for name in [
        "</text><script>alert(1)</script>",
        "\"'&<>]]>",
        "\u{0}\u{1b}[31m\u{ffff}",
        "\u{202e}gpj",
        "a\nb",
        "日本語",
        "é́",
    ] {
        let mut figure = figure(name, vec![vec![line(name, &[(0.0, 1.0), (1.0, 2.0)]), line(name, &[])]]);
        figure.panels[0].symbols = vec![(1.0, name.to_owned()), (2.0, name.repeat(50))];
        figure.x = XAxis::Number { label: name.to_owned() };
        let picture = svg::render(&figure, SIZE).unwrap();
        let document = Document::parse(&picture).unwrap();
        let known = ["svg", "rect", "path", "text"];
        let names =
            document.descendants().filter(|node| node.is_element()).map(|node| node.tag_name().name().to_owned());
        assert!(names.into_iter().all(|name| known.contains(&name.as_str())), "{picture}");
        assert!(png::render(&figure, SIZE).is_ok());
        let shown = braille::render(&figure, Cells { columns: 40, rows: 12, has_colour: false });
        assert!(!shown.contains(|c: char| c != '\n' && c.is_control()) && shown.lines().count() <= 12, "{shown}");
    }
}

/// The points that the longest path of a picture goes through.
fn vertices(picture: &str) -> Vec<(f64, f64)> {
    let paths = picture.split('"').filter(|text| text.starts_with('M'));
    let path = paths.max_by_key(|path| path.len()).unwrap();
    let pairs = path.split(['M', 'L']).filter_map(|pair| pair.split_once(' '));
    pairs.map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
}

fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

proptest! {
    #![proptest_config(Config { cases: 25, rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..Config::default() })]

    #[test]
    fn each_column_shows_its_extremes(values in prop::collection::vec(-1e3..1e3, 2_000..8_000), spikes in prop::collection::vec((0usize..20_000, -1e4..1e4), 0..9)) {
        let mut values: Vec<f64> = values;
        for (at, value) in spikes {
            let at = at % values.len();
            values[at] = value;
        }
        let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, y)| (i as f64 * 1e3, *y)).collect();
        let mut series = Series::new(Order::ByX, 4 * 400);
        points.iter().for_each(|(x, y)| series.push(*x, *y));
        let line = Line { name: "a".to_owned(), trace: series.finish(Gap::None), is_step: false };
        let picture = svg::render(&figure("", vec![vec![line]]), SIZE).unwrap();
        let drawn = vertices(&picture);
        // The ends of the path are the ends of the data, which gives the scales of both axes.
        let ends = |values: &mut dyn Iterator<Item = f64>| values.fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        let (left, right) = ends(&mut drawn.iter().map(|at| at.0));
        let (top, bottom) = ends(&mut drawn.iter().map(|at| at.1));
        let (lo, hi) = ends(&mut points.iter().map(|point| point.1));
        let last = points[points.len() - 1].0;
        let pixel = |(x, y): (f64, f64)| (left + (right - left) * x / last, bottom - (bottom - top) * (y - lo) / (hi - lo));
        let mut columns: std::collections::BTreeMap<i64, [(f64, f64); 2]> = Default::default();
        for at in points.iter().map(|point| pixel(*point)) {
            let [highest, lowest] = columns.entry(at.0.floor() as i64).or_insert([at; 2]);
            if at.1 < highest.1 { *highest = at }
            if at.1 > lowest.1 { *lowest = at }
        }
        for [highest, lowest] in columns.values() {
            // A bucket is less than half a column wide, and may reach into the next one, which shows its own extreme.
            let near = |x: f64| drawn.iter().filter(move |at| (at.0 - x).abs() <= 1.6);
            prop_assert!(near(highest.0).any(|at| at.1 <= highest.1 + 0.2), "{highest:?}");
            prop_assert!(near(lowest.0).any(|at| at.1 >= lowest.1 - 0.2), "{lowest:?}");
        }
    }

    #[test]
    fn braille_fills_no_more_than_its_cells(columns in 0usize..200, rows in 0usize..60, has_colour: bool, lines in 1usize..60) {
        let mut figure = example();
        let more = (0..lines).map(|i| line(&format!("imu.b[{i}]"), &[(0.0, 1.0), (1e6, i as f64)]));
        figure.panels[0].lines.extend(more);
        let shown = braille::render(&figure, Cells { columns, rows, has_colour });
        prop_assert!(shown.lines().count() <= rows);
        prop_assert_eq!(shown.is_empty(), columns == 0 || rows == 0);
        let plain = braille::render(&figure, Cells { columns, rows, has_colour: false });
        prop_assert!(plain.lines().all(|line| width(line) <= columns), "{}", plain);
        prop_assert_eq!(plain.find('\u{1b}'), None);
    }

    #[test]
    fn any_size_gives_a_picture_or_a_refusal(width in 0u32..1_200, height in 0u32..1_200) {
        match svg::render(&example(), Size { width, height }) {
            Ok(picture) => prop_assert!(Document::parse(&picture).is_ok()),
            Err(e) => prop_assert!(matches!(e, Error::Size { .. }), "{}", e),
        }
    }
}
