//! Progress display: bars by phase on a terminal, one plain line for each phase elsewhere, or
//! nothing.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::arguments::{ProgressMode, RunArguments};
use super::terminal::shown_lines;
use crate::reporter::{Phase, Reporter};

/// Totals of a phase, for `--stats` and the closing line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PhaseTotals {
    /// Wall time from the first start to the last end.
    pub wall: Duration,
    /// Number of processed items.
    pub items: u64,
    /// Number of processed bytes.
    pub bytes: u64,
}

/// Receives progress, displays it in the requested mode, and records the totals of each phase.
pub(super) struct Progress {
    style: Style,
    color: bool,
    verbose: bool,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Bars,
    Plain,
    Quiet,
}

#[derive(Default)]
struct State {
    phases: BTreeMap<Phase, (Instant, PhaseTotals)>,
    bar: Option<(Phase, ProgressBar)>,
    /// Warnings that were printed, each once.
    warnings: Vec<String>,
}

impl Progress {
    /// Creates a display on standard error according to the options.
    pub(super) fn new(output: &RunArguments) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let style = match output.progress {
            _ if output.quiet => Style::Quiet,
            ProgressMode::None => Style::Quiet,
            ProgressMode::Auto if terminal => Style::Bars,
            ProgressMode::Auto | ProgressMode::Plain => Style::Plain,
        };
        let color = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { style, color, verbose: output.verbose, state: Mutex::default() }
    }

    /// Returns the totals of each phase.
    pub(super) fn totals(&self) -> BTreeMap<Phase, PhaseTotals> {
        self.state().phases.iter().map(|(&phase, (_, totals))| (phase, *totals)).collect()
    }

    /// Returns the warnings of the run so far in order, including those that were not displayed.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.state().warnings.clone()
    }

    /// Prints one line for the user: a verb in the left column, its object, and the duration.
    pub(super) fn line(&self, verb: &str, text: &str, wall: Option<Duration>) {
        if self.style == Style::Quiet {
            return;
        }
        let verb = if self.color { format!("\x1b[1;32m{verb:>10}\x1b[0m") } else { format!("{verb:>10}") };
        let time = wall.map(|wall| format!("{:.2} s", wall.as_secs_f64())).unwrap_or_default();
        self.above_the_bar(&format!("{verb}  {text:<52}  {time}"));
    }

    /// Prints one line of detail with `--verbose`, independently of the progress mode.
    pub(super) fn detail(&self, verb: &str, text: &str) {
        if self.verbose {
            self.above_the_bar(&format!("{verb:>10}  {}", shown_lines(text)));
        }
    }

    /// Prints a line while a bar may be visible; the bar is redrawn below the line.
    fn above_the_bar(&self, text: &str) {
        match &self.state().bar {
            Some((_, bar)) => bar.suspend(|| print_line(text)),
            None => print_line(text),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Prints a line on standard error. A closed standard error does not stop the run.
fn print_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}

fn running(phase: Phase) -> &'static str {
    match phase {
        Phase::Metadata => "Reading",
        Phase::Resolve => "Resolving",
        Phase::Fetch => "Fetching",
        Phase::Install => "Installing",
        Phase::Write => "Writing",
    }
}

impl Reporter for Progress {
    fn begin(&self, phase: Phase, items: Option<u64>, bytes: Option<u64>) {
        let mut state = self.state();
        state.phases.entry(phase).or_insert_with(|| (Instant::now(), PhaseTotals::default()));
        if self.style != Style::Bars {
            return;
        }
        // If the run fails, nothing finishes the bar; it disappears with the run and leaves no line
        // behind.
        let bar = ProgressBar::with_draw_target(bytes.or(items), ProgressDrawTarget::stderr_with_hz(20))
            .with_finish(ProgressFinish::AndClear);
        let template = match (bytes, items) {
            (Some(_), _) => "{msg:>10}  {wide_bar:.green/dim} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            (None, Some(_)) => "{msg:>10}  {wide_bar:.green/dim} {pos}/{len}",
            (None, None) => "{msg:>10}  {spinner}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(running(phase));
        if let Some((_, old)) = state.bar.replace((phase, bar)) {
            old.finish_and_clear();
        }
    }

    fn advance(&self, phase: Phase, items: u64, bytes: u64) {
        let mut state = self.state();
        if let Some((_, totals)) = state.phases.get_mut(&phase) {
            totals.items += items;
            totals.bytes += bytes;
        }
        if let Some((shown, bar)) = &state.bar
            && *shown == phase
        {
            bar.inc(if bytes > 0 { bytes } else { items });
        }
    }

    fn finish(&self, phase: Phase, summary: &str) {
        let mut state = self.state();
        if let Some((begin, totals)) = state.phases.get_mut(&phase) {
            totals.wall = begin.elapsed();
        }
        if let Some((_, bar)) = state.bar.take_if(|(shown, _)| *shown == phase) {
            bar.finish_and_clear();
        }
        drop(state);
        // The command prints its own summary; the summary of a phase is for `--verbose`.
        if self.verbose && !summary.is_empty() {
            self.line("", summary, None);
        }
    }

    fn wants_details(&self) -> bool {
        self.verbose
    }

    fn detail(&self, message: &str) {
        if self.verbose {
            let state = self.state();
            let message = format!("note: {}", shown_lines(message));
            match &state.bar {
                Some((_, bar)) => bar.suspend(|| print_line(&message)),
                None => print_line(&message),
            }
        }
    }

    fn warn(&self, message: &str) {
        let mut state = self.state();
        // A command may read the same keys or repositories several times.
        if state.warnings.iter().any(|known| known == message) {
            return;
        }
        state.warnings.push(message.to_owned());
        if self.style == Style::Quiet {
            return;
        }
        let message = shown_lines(message);
        let label = if self.color { "\x1b[1;33mwarning:\x1b[0m" } else { "warning:" };
        match &state.bar {
            Some((_, bar)) => bar.suspend(|| print_line(&format!("{label} {message}"))),
            None => print_line(&format!("{label} {message}")),
        }
    }
}

/// Formats a number of bytes for display: `7.9 MiB`.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Formats a number with separated thousands: `2,228`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number of packages: `1 package`, `2,228 packages`.
pub(super) fn packages(n: u64) -> String {
    format!("{} {}", count(n), if n == 1 { "package" } else { "packages" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1_000, 2_228, 1_234_567].map(count), ["0", "999", "1,000", "2,228", "1,234,567"]);
        assert_eq!([0, 1023, 1024, 8_283_750].map(bytes), ["0 B", "1023 B", "1.0 KiB", "7.9 MiB"]);
    }
}
