//! Properties of ticks, and what they look like.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;

fn labels(ticks: &[Tick]) -> Vec<&str> {
    ticks.iter().map(|tick| tick.label.as_str()).collect()
}

fn check(span: Span, most: usize, ticks: &[Tick]) {
    assert!(ticks.len() >= 2 && ticks.len() <= most.max(2), "{span:?} {most} {ticks:?}");
    assert!(ticks.iter().all(|tick| span.contains(tick.at)), "{span:?} {ticks:?}");
    assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at), "{span:?} {ticks:?}");
    assert!(ticks.windows(2).all(|pair| pair[0].label != pair[1].label), "{span:?} {ticks:?}");
}

#[test]
fn numbers_are_round() {
    for (lo, hi, expected) in [
        (0.0, 1.0, &["0", "0.2", "0.4", "0.6", "0.8", "1.0"][..]),
        (-9.9, 9.9, &["-5", "0", "5"]),
        (0.0, 10.0, &["0", "2", "4", "6", "8", "10"]),
        (1e6, 1.25e6, &["1000000", "1050000", "1100000", "1150000", "1200000", "1250000"]),
        (0.0, 3e9, &["0", "1e9", "2e9", "3e9"]),
        (0.0, 2.5e-7, &["0", "5e-8", "1e-7", "1.5e-7", "2e-7", "2.5e-7"]),
        (
            1549900112574000.0,
            1549900112584000.0,
            &[
                "1.549900112574e15",
                "1.549900112576e15",
                "1.549900112578e15",
                "1.54990011258e15",
                "1.549900112582e15",
                "1.549900112584e15",
            ],
        ),
        (5.0, 5.0, &["4.6", "4.8", "5.0", "5.2", "5.4"]),
        (0.0, 0.0, &["-1.0", "-0.5", "0", "0.5", "1.0"]),
        (-1e308, 1e308, &["-5e307", "0", "5e307"]),
    ] {
        assert_eq!(labels(&number_ticks(Span::new(lo, hi), 6)), expected, "{lo} {hi}");
    }
}

#[test]
fn elapsed_time_has_the_unit_that_one_would_say() {
    for (lo, hi, unit, expected) in [
        (0.0, 500.0, "µs", &["0", "100", "200", "300", "400", "500"][..]),
        (0.0, 68e6, "s", &["0", "20", "40", "60"]),
        (0.0, 25e3, "ms", &["0", "5", "10", "15", "20", "25"]),
        (0.0, 10.0 * 60e6, "min", &["0", "2", "4", "6", "8", "10"]),
        (0.0, 90.0 * 60e6, "min", &["0", "20", "40", "60", "80"]),
        (0.0, 24.0 * 3600e6, "h", &["0", "6", "12", "18", "24"]),
        (0.0, 5.0 * 86400e6, "d", &["0", "1", "2", "3", "4", "5"]),
        (3600e6, 3600.002e6, "s", &["3600.0000", "3600.0005", "3600.0010", "3600.0015", "3600.0020"]),
    ] {
        let (ticks, of) = elapsed_ticks(Span::new(lo, hi), 6);
        assert_eq!((labels(&ticks), of), (expected.to_vec(), unit), "{lo} {hi}");
    }
}

#[test]
fn the_clock_tells_the_date_once() {
    // 2019-02-11T15:48:32.574307Z
    const ORIGIN: i64 = 1_549_900_112_574_307;
    let shown = |micros: f64, most| -> Vec<String> {
        let ticks = clock_ticks(ORIGIN, Span::new(0.0, micros), most);
        ticks.into_iter().map(|tick| format!("{}|{}", tick.label, tick.below.unwrap_or_default())).collect()
    };
    assert_eq!(shown(68e6, 5), ["15:48:45|2019-02-11", "15:49:00|", "15:49:15|", "15:49:30|"]);
    assert_eq!(shown(300e3, 4), ["15:48:32.6|2019-02-11", "15:48:32.7|", "15:48:32.8|"]);
    assert_eq!(shown(24.0 * 3600e6, 4), ["18:00|2019-02-11", "00:00|2019-02-12", "06:00|", "12:00|"]);
    assert_eq!(shown(5.0 * 86400e6, 6), ["Feb 12|2019", "Feb 13|", "Feb 14|", "Feb 15|", "Feb 16|"]);
    assert_eq!(shown(120.0 * 86400e6, 6), ["Mar|2019", "Apr|", "May|", "Jun|"]);
    assert_eq!(shown(1500.0 * 86400e6, 6), ["2020|", "2021|", "2022|", "2023|"]);
}

#[test]
fn times_beyond_the_calendar_are_numbers() {
    let all = Span::new(-1e300, 1e300);
    check(all, 5, &clock_ticks(-1, all, 5));
    for (origin, hi) in [(i64::MAX, 1e6), (i64::MIN, 1e6), (0, 1e300), (i64::MAX - 1, 1e18)] {
        check(Span::new(0.0, hi), 5, &clock_ticks(origin, Span::new(0.0, hi), 5));
    }
}

fn any_finite() -> impl Strategy<Value = f64> {
    use proptest::num::f64;
    let special = prop::sample::select(vec![0.0, -0.0, 1.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e300]);
    prop_oneof![f64::NORMAL | f64::ZERO | f64::SUBNORMAL, -1e6..1e6, special]
}

proptest! {
    #![proptest_config(Config { cases: 2_000, rng_seed: RngSeed::Fixed(4), failure_persistence: None, ..Config::default() })]

    #[test]
    fn ticks_of_numbers_are_few_sorted_and_in_range(a in any_finite(), b in any_finite(), most in 0usize..40) {
        let span = Span::new(a, b);
        check(span, most, &number_ticks(span, most));
        check(span, most, &elapsed_ticks(span, most).0);
    }

    #[test]
    fn ticks_of_near_numbers_differ(a in any_finite(), part in 1e-17..1e-3, most in 2usize..12) {
        let span = Span::new(a, a * (1.0 + part));
        check(span, most, &number_ticks(span, most));
    }

    #[test]
    fn ticks_of_the_clock_are_few_sorted_and_in_range(
        origin in any::<i64>(),
        lo in -1e18..1e18,
        exponent in 0.0..18.0,
        most in 0usize..40,
    ) {
        let span = Span::new(lo, lo + 10_f64.powf(exponent));
        let ticks = clock_ticks(origin, span, most);
        prop_assert!(ticks.len() >= 2 && ticks.len() <= most.max(2), "{:?}", ticks);
        prop_assert!(ticks.iter().all(|tick| span.contains(tick.at)));
        prop_assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
    }

    #[test]
    fn places_in_a_range_are_between_0_and_1(a in any_finite(), b in any_finite()) {
        let span = Span::new(a, b);
        for value in [span.lo(), span.hi(), a, b] {
            prop_assert!((0.0..=1.0).contains(&span.position(value)), "{:?} {value}", span);
        }
    }
}
