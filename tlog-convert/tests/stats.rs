//! Statistics against naive ones, and parts joined in any way against the whole.

use proptest::prelude::*;
use tlog::Micros;
use tlog_convert::stats::Spot;
use tlog_convert::stats::numbers::{Extremes, Numbers};
use tlog_convert::stats::quantiles::Quantiles;
use tlog_convert::stats::sequence::Sequence;
use tlog_convert::stats::timing::{GAPS, Timing};

const QUANTILES: [f64; 6] = [0.0, 0.01, 0.5, 0.9, 0.99, 1.0];

/// Where to cut so many values, at the given shares of their number.
fn cuts(len: usize, at: &[f64]) -> Vec<usize> {
    let mut cuts: Vec<usize> = at.iter().map(|share| (share * len as f64) as usize).collect();
    cuts.extend([0, len]);
    cuts.sort_unstable();
    cuts
}

fn parts<'a, T>(values: &'a [T], cuts: &'a [usize]) -> impl Iterator<Item = &'a [T]> {
    cuts.windows(2).map(|cut| &values[cut[0]..cut[1]])
}

/// Some of everything: few values that come again, many that are close, all sizes, and what is no number.
fn floats() -> impl Strategy<Value = Vec<f64>> {
    let one = prop_oneof![
        4 => (-50_i32..50).prop_map(f64::from),
        4 => -1.0..1.0,
        2 => any::<f64>(),
        1 => proptest::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN,
            f64::MIN_POSITIVE, 5e-324, 1.0 - f64::EPSILON]),
    ];
    proptest::collection::vec(one, 0..400)
}

/// The value of this rank.
fn nearest_rank(sorted: &[f64], quantile: f64) -> f64 {
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn numbers(values: &[f64], cuts: &[usize], limit: usize) -> Numbers {
    let mut all = Numbers::new(limit);
    for part in parts(values, cuts) {
        // Each begins where the ones before it got to, as the chunks of a log do.
        let mut numbers = all.fresh(part.len());
        numbers.add_floats(part.iter().copied(), &mut Vec::new());
        all.merge(&numbers);
    }
    all
}

fn is_near(a: f64, b: f64, scale: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * scale || !scale.is_finite()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn numbers_are_what_they_are(values in floats(), at in proptest::collection::vec(0.0..1.0, 0..4), limit in 8_usize..600) {
        let whole = numbers(&values, &[0, values.len()], limit);
        let joined = numbers(&values, &cuts(values.len(), &at), limit);
        let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        for found in [&whole, &joined] {
            prop_assert_eq!(found.nan, values.iter().filter(|value| value.is_nan()).count() as u64);
            prop_assert_eq!(found.infinite, values.iter().filter(|value| value.is_infinite()).count() as u64);
            prop_assert_eq!(found.moments.count, finite.len() as u64);
            let (Some(&min), Some(&max)) = (finite.first(), finite.last()) else {
                prop_assert!(found.extremes.is_none() && found.at(QUANTILES).is_none());
                continue;
            };
            let extremes = found.extremes.unwrap();
            prop_assert!(extremes.min() == min && extremes.max() == max);
            let count = finite.len() as f64;
            let mean = finite.iter().map(|value| value / count).sum::<f64>();
            let std = finite.iter().map(|value| (value - mean).powi(2) / count).sum::<f64>().sqrt();
            let scale = min.abs().max(max.abs());
            // The squares of larger ones are beyond floats.
            if scale < 1e150 {
                prop_assert!(is_near(found.moments.mean, mean, scale), "{} {mean}", found.moments.mean);
                prop_assert!((found.moments.std().unwrap() - std).abs() <= 1e-7 * scale, "{:?} {std}", found.moments);
            }
            let error = found.quantiles.error();
            for (quantile, value) in QUANTILES.into_iter().zip(found.at(QUANTILES).unwrap()) {
                let expected = nearest_rank(&finite, quantile);
                let most = error * expected.abs() * (1.0 + 1e-9) + if error > 0.0 { 2.3e-308 } else { 0.0 };
                prop_assert!((value - expected).abs() <= most, "{quantile}: {value} {expected} {error}");
            }
        }
        // Quantiles do not know about parts.
        prop_assert_eq!(whole.at(QUANTILES), joined.at(QUANTILES));
        prop_assert_eq!(whole.quantiles.error(), joined.quantiles.error());
    }

    #[test]
    fn quantiles_do_not_depend_on_order(mut values in floats(), limit in 8_usize..100) {
        values.retain(|value| value.is_finite());
        let mut forward = Quantiles::new(limit);
        forward.add(&values);
        values.reverse();
        let (front, back) = values.split_at(values.len() / 3);
        let (mut backward, mut rest) = (Quantiles::new(limit), Quantiles::new(limit));
        backward.add(back);
        rest.add(front);
        backward.merge(&rest);
        prop_assert_eq!(forward.at(QUANTILES), backward.at(QUANTILES));
        prop_assert_eq!((forward.error(), forward.count()), (backward.error(), values.len() as u64));
        prop_assert_eq!(forward.distance_at(1.0, 0.99), backward.distance_at(1.0, 0.99));
        // A limit that comes late is as one from the start.
        let mut late = Quantiles::new(1000);
        late.add(front);
        late.set_limit(limit);
        late.add(back);
        prop_assert_eq!(late.at(QUANTILES), forward.at(QUANTILES));
    }

    #[test]
    fn counters(
        steps in proptest::collection::vec(prop_oneof![8 => Just(1_u64), 1 => 0..5_u64, 1 => any::<u64>()], 1..200),
        at in proptest::collection::vec(0.0..1.0, 0..4),
        bits in proptest::sample::select(vec![8, 16, 32, 64]),
    ) {
        let mut last = 0_u64;
        let values: Vec<u64> = steps.iter().map(|step| { last = last.wrapping_add(*step); last }).collect();
        let spots: Vec<(u64, Spot)> = values.iter().enumerate()
            .map(|(at, &value)| (value, Spot { time: Some(Micros(at as i64)), offset: at as u64 * 10 })).collect();
        let mut all = Sequence::new(bits);
        for part in parts(&spots, &cuts(spots.len(), &at)) {
            let mut sequence = Sequence::new(bits);
            sequence.add(part.iter().map(|(value, _)| *value), |at| part[at].1);
            all.merge(&sequence);
        }
        let mut expected = Naive::default();
        for (at, pair) in values.windows(2).enumerate() {
            let width = 1_u128 << bits;
            let step = (u128::from(pair[1]) % width + width - u128::from(pair[0]) % width) % width;
            match step {
                0 => expected.repeats += 1,
                1 => expected.ones += 1,
                step if step < width / 2 => {
                    expected.drops += 1;
                    expected.lost += step - 1;
                    if expected.largest.is_none_or(|(lost, _)| lost < step - 1) {
                        expected.largest = Some((step - 1, at as i64 + 1));
                    }
                }
                _ => expected.back += 1,
            }
        }
        let found = Naive {
            ones: all.ones, repeats: all.repeats, drops: all.drops, back: all.back, lost: all.lost.into(),
            largest: all.largest.map(|drop| (drop.lost.into(), drop.spot.time.unwrap().0)),
        };
        // What is lost in all is at most what 64 bits hold.
        expected.lost = expected.lost.min(u64::MAX.into());
        prop_assert_eq!(found, expected);
        prop_assert_eq!(all.steps, values.len() as u64 - 1);
    }

    #[test]
    fn times(
        steps in proptest::collection::vec(prop_oneof![9 => (-20_i64..200).prop_map(Some), 1 => Just(None)], 0..200),
        at in proptest::collection::vec(0.0..1.0, 0..4),
    ) {
        let mut now = 1_000_000;
        let spots: Vec<Spot> = steps.iter().enumerate().map(|(at, step)| {
            now += step.unwrap_or(0);
            Spot { time: step.map(|_| Micros(now)), offset: at as u64 }
        }).collect();
        let mut all = Timing::default();
        for part in parts(&spots, &cuts(spots.len(), &at)) {
            let mut timing = all.fresh(part.len());
            timing.add(part.iter().copied(), &mut Vec::new());
            all.merge(&timing);
        }
        let timed: Vec<(i64, u64)> = spots.iter().filter_map(|spot| Some((spot.time?.0, spot.offset))).collect();
        let steps: Vec<(i64, u64)> = timed.windows(2).map(|pair| (pair[1].0 - pair[0].0, pair[1].1)).collect();
        prop_assert_eq!((all.count, all.timed), (spots.len() as u64, timed.len() as u64));
        let (first, last) = (timed.iter().map(|(time, _)| *time).min(), timed.iter().map(|(time, _)| *time).max());
        prop_assert_eq!(all.range, first.zip(last).map(|(first, last)| (Micros(first), Micros(last))));
        let back: Vec<i64> = steps.iter().map(|(step, _)| *step).filter(|step| *step < 0).collect();
        prop_assert_eq!(all.steps_back, back.len() as u64);
        let largest = all.largest_step_back.map(|gap| -(gap.micros as i64));
        prop_assert_eq!(largest, back.iter().min().copied());
        let mut gaps: Vec<(i64, u64)> = steps.iter().copied().filter(|(step, _)| *step > 0).collect();
        gaps.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
        gaps.truncate(GAPS);
        let found: Vec<(i64, u64)> = all.gaps.iter().map(|gap| (gap.micros as i64, gap.spot.offset)).collect();
        prop_assert_eq!(found, gaps);
        let mut intervals: Vec<f64> = steps.iter().map(|(step, _)| *step as f64).filter(|step| *step >= 0.0).collect();
        intervals.sort_by(f64::total_cmp);
        prop_assert_eq!(all.interval_moments().map_or(0, |moments| moments.count), intervals.len() as u64);
        if let Some([median]) = all.intervals.at([0.5]) {
            prop_assert_eq!(median, nearest_rank(&intervals, 0.5));
            let mut distances: Vec<f64> = intervals.iter().map(|interval| (interval - median).abs()).collect();
            distances.sort_by(f64::total_cmp);
            prop_assert_eq!(all.jitter_p99(), Some(nearest_rank(&distances, 0.99)));
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Naive {
    ones: u64,
    repeats: u64,
    drops: u64,
    back: u64,
    lost: u128,
    largest: Option<(u128, i64)>,
}

#[test]
fn many_values_keep_within_the_stated_error_and_memory() {
    // All sizes from 1e-9 to 1e9, both signs.
    let values: Vec<f64> = (0..60_000_u32)
        .map(|i| 10_f64.powf(f64::from(i % 18_001) / 1000.0 - 9.0) * if i % 3 == 0 { -1.0 } else { 1.0 })
        .collect();
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    for (limit, least_error) in [(4096, 0.016), (1024, 0.06), (256, 0.2)] {
        let mut quantiles = Quantiles::new(limit);
        quantiles.add(&values);
        assert!(quantiles.error() <= least_error, "{limit}: {}", quantiles.error());
        for quantile in QUANTILES {
            let ([found], expected) = (quantiles.at([quantile]).unwrap(), nearest_rank(&sorted, quantile));
            assert!((found - expected).abs() <= quantiles.error() * expected.abs(), "{quantile}: {found} {expected}");
        }
    }
}

#[test]
fn a_mean_far_from_zero_keeps_its_spread() {
    // 1e15 and a spread of 1: lost when squares are summed up.
    let values: Vec<f64> = (0..10_000).map(|i| 1e15 + f64::from(i % 2) * 2.0).collect();
    let found = numbers(&values, &cuts(values.len(), &[0.1, 0.5, 0.7]), 100);
    assert!((found.moments.mean - (1e15 + 1.0)).abs() < 0.2, "{:?}", found.moments);
    assert!((found.moments.std().unwrap() - 1.0).abs() < 1e-3, "{:?}", found.moments);
}

#[test]
fn large_integers_are_exact_at_their_ends() {
    let mut numbers = Numbers::new(16);
    numbers.add_integers(&[u64::MAX, u64::MAX - 1], |value| value as f64, &mut Vec::new());
    assert_eq!(numbers.extremes, Some(Extremes::Integers((u64::MAX - 1).into(), u64::MAX.into())));
}

#[test]
fn which_fields_are_counters() {
    let counter = |values: &[u64]| {
        let mut sequence = Sequence::new(16);
        sequence.add(values.iter().copied(), |_| Spot { time: None, offset: 0 });
        sequence
    };
    let up: Vec<u64> = (65_530..65_560).collect();
    for (path, values, expected) in [
        ("seq", &[1, 2, 3][..], true),
        ("header.Sequence", &[1, 2, 5, 6, 7], true),
        ("rx_count", &[7, 8, 9], true),
        ("discount", &[7, 8, 9], false),
        ("seq", &[1, 1, 1], false),
        ("seq", &[1], false),
        ("count", &[1, 5, 9, 10], false),
        ("whatever", &up, true),
        ("whatever", &up[..15], false),
    ] {
        assert_eq!(counter(values).is_counter(path), expected, "{path} {values:?}");
    }
}
