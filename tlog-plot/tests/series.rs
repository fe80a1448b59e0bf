//! What a series keeps of its points: never less than is seen, never more than it may.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tlog_plot::{Gap, Order, Point, Series, Trace};

/// Each case compares everything with everything.
const CASES: u32 = if cfg!(debug_assertions) { 60 } else { 2_000 };

fn config() -> Config {
    Config { cases: CASES, rng_seed: RngSeed::Fixed(11), failure_persistence: None, ..Config::default() }
}

fn series(order: Order, buckets: usize, points: &[(f64, f64)], gap: Gap) -> Trace {
    let mut series = Series::new(order, buckets);
    for (x, y) in points {
        series.push(*x, *y);
    }
    series.finish(gap)
}

/// Times that mostly go on, but also step back, jump and repeat, with values of which a few are spikes or no numbers.
fn points() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let step = prop_oneof![
        8 => 0.0..2_000.0,
        1 => -50_000.0..0.0,
        1 => prop::sample::select(vec![0.0, 1e6, -1e6, 1e9]),
    ];
    let value = prop_oneof![
        20 => -1.0..1.0,
        1 => -1e6..1e6,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0]),
    ];
    prop::collection::vec((step, value), 1..500).prop_map(|steps| {
        let mut x = 1e12;
        let walk = steps.into_iter().map(move |(step, y)| {
            x += step;
            (x, y)
        });
        walk.collect()
    })
}

fn finite(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().copied().filter(|(_, y)| y.is_finite()).collect()
}

/// How wide a bucket may be.
fn widest(points: &[(f64, f64)], buckets: usize) -> f64 {
    let (lo, hi) = points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), (x, _)| (lo.min(*x), hi.max(*x)));
    ((hi - lo) * 4.0 / buckets as f64).max(lo.abs().max(hi.abs()) * 8.0 * f64::EPSILON)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_spike_is_lost(points in points(), buckets in 16usize..100) {
        let trace = series(Order::ByX, buckets, &points, Gap::None);
        let kept: Vec<Point> = trace.points().collect();
        let all = finite(&points);
        let (width, columns) = (widest(&all, buckets & !1), buckets / 4);
        let (lo, hi) = all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), (x, _)| (lo.min(*x), hi.max(*x)));
        let column = |x: f64| ((x - lo) / (hi - lo) * columns as f64) as usize;
        // What a picture of all points would show in each column: there is a kept point as far out, at most a bucket off.
        let mut extremes: std::collections::BTreeMap<usize, [(f64, f64); 2]> = Default::default();
        for (x, y) in all {
            let [least, greatest] = extremes.entry(column(x)).or_insert([(x, y); 2]);
            if y < least.1 { *least = (x, y) }
            if y > greatest.1 { *greatest = (x, y) }
        }
        for [least, greatest] in extremes.values() {
            let near = |at: f64| kept.iter().filter(move |point| (point.x - at).abs() <= width);
            prop_assert!(near(least.0).any(|point| point.y <= least.1), "{least:?}");
            prop_assert!(near(greatest.0).any(|point| point.y >= greatest.1), "{greatest:?}");
        }
    }

    #[test]
    fn what_is_kept_came_and_is_in_order(points in points(), buckets in 0usize..100) {
        let trace = series(Order::ByX, buckets, &points, Gap::Auto);
        let kept: Vec<Point> = trace.points().collect();
        let all = finite(&points);
        prop_assert_eq!(trace.count(), all.len() as u64);
        prop_assert_eq!(trace.undrawable(), (points.len() - all.len()) as u64);
        prop_assert!(kept.iter().all(|point| all.contains(&(point.x, point.y))));
        prop_assert!(kept.windows(2).all(|pair| pair[0].x <= pair[1].x));
        prop_assert!(trace.pieces().iter().all(|piece| !piece.is_empty()));
        // The ends of both axes are exactly those of the points.
        for axis in [|point: &(f64, f64)| point.0, |point: &(f64, f64)| point.1] {
            let ends = |points: &[(f64, f64)]| {
                points.iter().map(axis).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
            };
            let kept: Vec<(f64, f64)> = kept.iter().map(|point| (point.x, point.y)).collect();
            prop_assert_eq!(ends(&kept), ends(&all));
        }
    }

    #[test]
    fn memory_is_bounded_at_all_times(points in points(), buckets in 0usize..200) {
        for (order, most) in [(Order::ByX, 4), (Order::AsGiven, 6)] {
            let mut series = Series::new(order, buckets);
            for (x, y) in &points {
                series.push(*x, *y);
                prop_assert!(series.held() <= buckets.max(16) * most);
            }
        }
    }

    #[test]
    fn a_track_keeps_its_outline_and_order(points in points(), buckets in 16usize..100) {
        let trace = series(Order::AsGiven, buckets, &points, Gap::Auto);
        let all = finite(&points);
        let kept: Vec<Point> = trace.points().collect();
        // Each kept point stands in the order in which it came.
        let mut rest = all.iter();
        prop_assert!(kept.iter().all(|point| rest.any(|came| *came == (point.x, point.y))));
        for (a, b) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            let way = |(x, y): &(f64, f64)| a * x + b * y;
            let farthest = |points: &[(f64, f64)]| points.iter().map(way).fold(f64::NEG_INFINITY, f64::max);
            let kept: Vec<(f64, f64)> = kept.iter().map(|point| (point.x, point.y)).collect();
            prop_assert_eq!(farthest(&kept), farthest(&all));
        }
    }

    #[test]
    fn anything_may_come(points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..500), buckets in 0usize..64) {
        for order in [Order::ByX, Order::AsGiven] {
            let trace = series(order, buckets, &points, Gap::Auto);
            prop_assert_eq!(trace.count() + trace.undrawable(), points.len() as u64);
            prop_assert!(trace.points().all(|point| point.x.is_finite() && point.y.is_finite()));
        }
    }
}

#[test]
fn one_spike_among_many_is_kept() {
    let spike = |i: u32| if i == 154_321 { 99.0 } else { f64::from(i % 7) };
    let points: Vec<(f64, f64)> = (0..300_000).map(|i| (f64::from(i) * 1_000.0, spike(i))).collect();
    let trace = series(Order::ByX, 2_000, &points, Gap::Auto);
    assert!(trace.points().any(|point| point == Point { x: 154_321_000.0, y: 99.0 }));
    assert_eq!(trace.pieces().len(), 1);
    assert!(trace.points().count() <= 8_000);
}

#[test]
fn lines_are_interrupted_where_data_is_missing() {
    // 100 a second for 100 s, without those from 30 s to 31 s, and without a number from 60 s to 62 s.
    let at = |i: u32| (f64::from(i) * 10_000.0, if (6_000..6_200).contains(&i) { f64::NAN } else { 1.0 });
    let points: Vec<(f64, f64)> = (0..10_000).filter(|i| !(3_000..3_100).contains(i)).map(at).collect();
    for buckets in [1_000, 4_000, 20_000] {
        let ends = |gap: Gap| -> Vec<(f64, f64)> {
            let trace = series(Order::ByX, buckets, &points, gap);
            trace.pieces().iter().map(|piece| (piece[0].x / 1e6, piece[piece.len() - 1].x / 1e6)).collect()
        };
        assert_eq!(ends(Gap::Auto), [(0.0, 29.99), (31.0, 59.99), (62.0, 99.99)], "{buckets}");
        assert_eq!(ends(Gap::Longer(500_000.0)), ends(Gap::Auto), "{buckets}");
        assert_eq!(ends(Gap::Longer(5e6)), [(0.0, 59.99), (62.0, 99.99)], "{buckets}");
        assert_eq!(ends(Gap::None), [(0.0, 59.99), (62.0, 99.99)], "{buckets}");
    }
}

#[test]
fn a_few_lost_packets_are_no_gap() {
    let points: Vec<(f64, f64)> =
        (0..1_000).filter(|i| i % 13 != 0).map(|i| (f64::from(i) * 10_000.0, f64::from(i))).collect();
    assert_eq!(series(Order::ByX, 4_000, &points, Gap::Auto).pieces().len(), 1);
}
