//! Sine and cosine that are the same on every machine.

pub use std::f64::consts::TAU;

/// The sine of `turns` turns, to about seven digits.
pub fn sin_turns(turns: f64) -> f64 {
    let turn = turns - turns.floor();
    // Folded to the quarter around zero, where the series is short.
    let folded = match turn {
        t if t < 0.25 => t,
        t if t < 0.75 => 0.5 - t,
        t => t - 1.0,
    };
    let x = folded * TAU;
    let square = x * x;
    let mut sum = 0.0;
    for divisor in [110.0, 72.0, 42.0, 20.0, 6.0] {
        sum = (1.0 - sum) * square / divisor;
    }
    x * (1.0 - sum)
}

/// The cosine of `turns` turns.
pub fn cos_turns(turns: f64) -> f64 {
    sin_turns(turns + 0.25)
}

/// Sine and cosine of an angle in radians.
pub fn sin_cos(radians: f64) -> (f64, f64) {
    (sin_turns(radians / TAU), cos_turns(radians / TAU))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_system() {
        for step in -2000..2000 {
            let turns = f64::from(step) / 333.0;
            assert!((sin_turns(turns) - (turns * TAU).sin()).abs() < 1e-6, "{turns}");
            assert!((cos_turns(turns) - (turns * TAU).cos()).abs() < 1e-6, "{turns}");
        }
    }
}
