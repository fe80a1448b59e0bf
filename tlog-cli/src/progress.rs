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
    started: Instant,
    steps: u32,
    /// From the start on, so that it knows the rate; hidden until patience ends. `None` if nobody is to see it.
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress through `total` bytes of `name`; without a total the bar shows only what is done.
    pub fn new(terminal: &Terminal, name: &str, total: Option<u64>) -> Self {
        let bar = terminal.show_progress.then(|| bar(total, name));
        Self { started: Instant::now(), steps: 0, bar }
    }

    /// The same for a command that prints all the while: a terminal that shows its output shows no bar in between.
    pub fn beside_output(terminal: &Terminal, name: &str, total: Option<u64>) -> Self {
        let progress = Self::new(terminal, name, total);
        if std::io::stdout().is_terminal() { Self { bar: None, ..progress } } else { progress }
    }

    /// So many bytes are done. Cheap enough to be called for each record.
    pub fn at(&mut self, bytes: impl FnOnce() -> u64) {
        if self.bar.is_none() {
            return;
        }
        self.steps += 1;
        if self.steps.is_multiple_of(STRIDE) {
            self.show(bytes);
        }
    }

    fn show(&mut self, bytes: impl FnOnce() -> u64) {
        let Some(bar) = self.bar.as_ref().filter(|_| self.started.elapsed() > PATIENCE) else { return };
        if bar.is_hidden() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_position(bytes());
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
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    // A template that does not parse leaves the default style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(name.to_owned())
}
