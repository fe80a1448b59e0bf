//! `tlog merge`: the data of several logs in order of time in one.

use std::path::{Path, PathBuf};

use crate::args::Merge;
use crate::exit::{Outcome, usage};
use crate::ordering::Ordering;
use crate::source::Source;
use crate::terminal::Terminal;
use crate::times::duration_micros;

pub fn run(args: &Merge, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = Source::all(&args.files)?;
    let ordering = Ordering { memory: &args.ordering.memory, shifts: shifts(&args.files, &args.offsets)? };
    ordering.write(&sources, &args.into, terminal)
}

/// By how many microseconds the times of each file are moved.
fn shifts(files: &[PathBuf], offsets: &[String]) -> anyhow::Result<Vec<i64>> {
    let mut shifts = vec![None; files.len()];
    for text in offsets {
        let (name, shift) = offset(text).map_err(usage)?;
        let mut is_known = false;
        for (shifted, _) in shifts.iter_mut().zip(files).filter(|(_, file)| file.as_path() == Path::new(name)) {
            if shifted.replace(shift).is_some() {
                return Err(usage(format!("--offset {text}: {name} has an offset already")));
            }
            is_known = true;
        }
        if !is_known {
            return Err(usage(format!("--offset {text}: {name} is none of the inputs; write it as it is given there")));
        }
    }
    Ok(shifts.into_iter().map(Option::unwrap_or_default).collect())
}

/// `FILE=+1.5s`, at the last `=`: that may be part of a file's name.
fn offset(text: &str) -> Result<(&str, i64), String> {
    let Some((name, offset)) = text.rsplit_once('=') else {
        return Err(format!("--offset {text}: say of which input, as in --offset right.tlog={text}"));
    };
    let (duration, sign) = match offset.split_at_checked(1) {
        Some(("+", duration)) => (duration, 1),
        Some(("-", duration)) => (duration, -1),
        _ => return Err(format!("--offset {text}: expected + or - and a duration, such as +1.5s or -250ms")),
    };
    let micros = duration_micros(duration).map_err(|e| format!("--offset {text}: {e}"))?;
    Ok((name, sign * micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        assert_eq!(offset("a=b.tlog=+1.5s"), Ok(("a=b.tlog", 1_500_000)));
        assert_eq!(offset("-=-250ms"), Ok(("-", -250_000)));
        for text in
            ["+1.5s", "a.tlog=1s", "a.tlog=", "a.tlog=+", "a.tlog=é", "a.tlog=+-1s", "a.tlog=-99999999999999999h"]
        {
            assert!(offset(text).is_err(), "{text}");
        }
    }
}
