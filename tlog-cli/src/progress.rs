//! Progress bars: on standard error, after about a second, only where somebody sees them.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Terminal;

/// Work that finishes sooner shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many steps pass between two looks at the clock.
const STRIDE: u32 = 4096;

/// How often work that is watched is asked how far it has come.
const POLL: Duration = Duration::from_millis(100);

/// Works while a bar shows how far that has come: `done` tells how many bytes, of `total` if that is known.
pub fn watch<T>(
    terminal: &Terminal,
    name: &str,
    total: Option<u64>,
    done: impl Fn() -> u64 + Send,
    work: impl FnOnce() -> T,
) -> T {
    if !terminal.show_progress {
        return work();
    }
    let mut progress = Progress::new(terminal, name, total);
    std::thread::scope(|scope| {
        // Its end is the end of the work, also if that panics.
        let (_working, works) = mpsc::channel::<()>();
        scope.spawn(move || {
            while works.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
                progress.show(&done);
            }
        });
        work()
    })
}

/// Progress through so many bytes.
pub struct Progress {
    wanted: bool,
    total: Option<u64>,
    name: String,
    started: Instant,
    steps: u32,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress through `total` bytes of `name`; without a total the bar shows only what is done.
    pub fn new(terminal: &Terminal, name: &str, total: Option<u64>) -> Self {
        let name = name.to_owned();
        Self { wanted: terminal.show_progress, total, name, started: Instant::now(), steps: 0, bar: None }
    }

    /// The same for a command that prints all the while: a terminal that shows its output shows no bar in between.
    pub fn beside_output(terminal: &Terminal, name: &str, total: Option<u64>) -> Self {
        let mut progress = Self::new(terminal, name, total);
        progress.wanted &= !std::io::stdout().is_terminal();
        progress
    }

    /// So many bytes are done. Cheap enough to be called for each record.
    pub fn at(&mut self, bytes: impl FnOnce() -> u64) {
        if !self.wanted {
            return;
        }
        self.steps += 1;
        if self.steps.is_multiple_of(STRIDE) {
            self.show(bytes);
        }
    }

    fn show(&mut self, bytes: impl FnOnce() -> u64) {
        if self.started.elapsed() > PATIENCE {
            let (total, name) = (self.total, &self.name);
            self.bar.get_or_insert_with(|| bar(total, name)).set_position(bytes());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>, name: &str) -> ProgressBar {
    let template = match total {
        Some(_) => "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        None => "{msg} {bytes} {bytes_per_sec}",
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    // A template that does not parse leaves the default style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(name.to_owned())
}
