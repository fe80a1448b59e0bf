//! Runs rivals in turns, so that a noisy machine disturbs all alike, and prints ratios.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// One way of doing the work. Its result is checked against that of the others.
pub struct Case<'a> {
    /// What the table calls it.
    pub name: &'a str,
    /// How many bytes it works through, for the rate.
    pub bytes: usize,
    /// Does the work once; whatever it returns must be the same for all cases.
    pub run: Box<dyn FnMut() -> u64 + 'a>,
}

impl<'a> Case<'a> {
    /// A case.
    pub fn new(name: &'a str, bytes: usize, run: impl FnMut() -> u64 + 'a) -> Self {
        Self { name, bytes, run: Box::new(run) }
    }
}

/// How often each case runs; the best time counts, as noise only ever adds.
const ROUNDS: usize = 7;

/// Runs all cases in turns and prints their best times; ratios are those of the first case's time to each.
///
/// # Panics
/// When the answers differ: a fast wrong answer is worth nothing.
pub fn compare(title: &str, mut cases: Vec<Case<'_>>) {
    let mut best = vec![Duration::MAX; cases.len()];
    let mut answers = vec![0; cases.len()];
    for _ in 0..ROUNDS {
        for (at, case) in cases.iter_mut().enumerate() {
            let start = Instant::now();
            answers[at] = black_box((case.run)());
            best[at] = best[at].min(start.elapsed());
        }
    }
    println!("\n{title}");
    for ((case, time), answer) in cases.iter().zip(&best).zip(&answers) {
        assert_eq!(*answer, answers[0], "{}: the answer differs", case.name);
        let rate = case.bytes as f64 / time.as_secs_f64() / 1e6;
        let ratio = time.as_secs_f64() / best[0].as_secs_f64();
        println!("  {:<44} {:>9.1} ms {rate:>9.0} MB/s   {ratio:>6.2} ×", case.name, time.as_secs_f64() * 1e3);
    }
}
