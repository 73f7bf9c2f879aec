//! Resources of every command that reads repositories: threads, a fetcher, progress, `--stats`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::arguments::RunArguments;
use super::bootstrap::output_failure;
use super::failure::{Code, Failure};
use super::outputs;
use super::progress::Progress;
use crate::cancel::Cancel;
use crate::ecosystem::{ScriptletOutcome, ScriptletRecord};
use crate::fetch::{FetchOptions, Fetcher, default_cache_directory};
use crate::output::OutputFile;
use crate::package::Spool;
use crate::repo::Inflated;
use crate::reporter::Reporter;
use crate::transaction::plan::{Plan, PlannedPackage};

/// A run of a command.
pub(super) struct Run {
    pub fetcher: Fetcher,
    pub progress: Arc<Progress>,
    pub cancel: Cancel,
    pub begin: Instant,
    stats: Mutex<Option<OutputFile>>,
    unpack_limit: Option<u64>,
    inflate_again: bool,
}

/// Memory in bytes for decompressed payloads. Larger amounts go to unlinked temporary files.
const SPOOL_LIMIT: u64 = 128 << 20;

impl Run {
    /// Creates a run according to the options. Call it only once, because it sets the number of
    /// threads of the process.
    pub(super) fn new(output: &RunArguments) -> Result<Self, Failure> {
        let begin = Instant::now();
        let stats = output.stats.as_deref().map(outputs::prepare).transpose()?;
        if let Some(jobs) = output.jobs {
            let threads = rayon::ThreadPoolBuilder::new().num_threads(usize::from(jobs)).build_global();
            threads.map_err(|error| Failure::failed(format!("cannot start {jobs} threads: {error}")))?;
        }
        let cancel = Cancel::on_signals().map_err(|error| Failure::failed(format!("cannot listen to signals: {error}")))?;
        let cache = cache_directory(output.cache_dir.as_deref())?;
        let progress = Arc::new(Progress::new(output));
        for warning in &output.earlier_warnings {
            progress.warn(warning);
        }
        let mut options = FetchOptions::new(cache);
        options.store_below.clone_from(&output.store_below);
        output.network.apply(&mut options)?;
        options.reporter = progress.clone();
        options.cancel = cancel.clone();
        Ok(Self {
            fetcher: Fetcher::new(options),
            progress,
            cancel,
            begin,
            stats: Mutex::new(stats),
            unpack_limit: output.unpack_limit,
            inflate_again: output.inflate_again,
        })
    }

    /// Returns storage for unpacked contents. Contents that do not fit into memory go to
    /// `directory`.
    pub(super) fn spool(&self, directory: &Path) -> Spool {
        let spool = Spool::new(SPOOL_LIMIT, directory);
        self.unpack_limit.map_or(spool.clone(), |allowed| spool.allowing(allowed))
    }

    /// Returns the same storage for packages that are installed into a root. Decompressed packages
    /// are cached for later runs, unless the options disable that.
    pub(super) fn keeping_spool(&self, directory: &Path) -> Spool {
        let spool = self.spool(directory);
        if self.inflate_again { spool } else { spool.with_inflated(Arc::new(Inflated::new(self.fetcher.store().clone()))) }
    }

    /// Returns the same storage next to the output. The output's file system needs the space
    /// anyway, and a /tmp in memory may not have it.
    pub(super) fn spool_beside(&self, out: &Path) -> Spool {
        self.keeping_spool(out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }

    /// Returns a report as JSON text. Its `warnings` are the report's own and all of the run,
    /// whether or not a terminal displays them.
    pub(super) fn report(&self, report: impl Serialize) -> String {
        let mut report = json!(report);
        let own = report.get("warnings").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let own: Vec<String> = own.map(str::to_owned).collect();
        report["warnings"] = json!(unique(self.progress.warnings().into_iter().chain(own)));
        format!("{report:#}\n")
    }

    /// Returns the failure to report. If a signal stopped the run, that is the reason, whatever
    /// failed as a consequence.
    pub(super) fn or_stopped(&self, failure: Failure) -> Failure {
        let (code, why) = match self.cancel.signal() {
            Some(SIGINT) => (Code::Interrupted, "interrupted"),
            Some(SIGTERM) => (Code::Terminated, "asked to end"),
            Some(SIGHUP) => (Code::HungUp, "the terminal went away"),
            _ => return failure,
        };
        Failure::new(code, why)
    }

    /// Ends a run that created something: prints the answer and then the closing line. The returned
    /// text is empty, because nothing is left to print.
    pub(super) fn finished(&self, answer: &str, done: &str) -> Result<String, Failure> {
        super::print(answer.as_bytes())?;
        self.progress.line("Finished", done, None);
        Ok(String::new())
    }

    /// Prints with `--verbose` a line for each new package: its repository and the reason.
    pub(super) fn list_packages(&self, plan: &Plan) {
        for PlannedPackage { id, repo, reason, .. } in &plan.install {
            self.progress.detail("", &format!("{id} ({repo}, {})", reason.name()));
        }
    }

    /// Prints with `--verbose` a line for each scriptlet that did not run, and the reason.
    pub(super) fn list_not_run(&self, scriptlets: &[ScriptletRecord]) {
        for ScriptletRecord { package, scriptlet, outcome } in scriptlets {
            if let ScriptletOutcome::NotRun { reason } = outcome {
                self.progress.detail("Not run", &format!("{package} {scriptlet}: {reason}"));
            }
        }
    }

    /// Writes `--stats` if requested: each phase, the whole run, and the command's own data.
    pub(super) fn stats(&self, more: &Value) -> Result<(), Failure> {
        let file = self.stats.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(file) = file else { return Ok(()) };
        let mut stats = Map::new();
        stats.insert("schema".into(), json!(1));
        stats.insert("wall_ms".into(), json!(milliseconds(self.begin.elapsed())));
        for (phase, totals) in self.progress.totals() {
            let entry = json!({"ms": milliseconds(totals.wall), "items": totals.items, "bytes": totals.bytes});
            stats.insert(phase.name().into(), entry);
        }
        let traffic = self.fetcher.traffic();
        stats.insert(
            "traffic".into(),
            json!({"downloaded": traffic.downloaded, "stored": traffic.stored, "local": traffic.local}),
        );
        stats.insert("peak_memory".into(), json!(peak_memory()));
        for (key, value) in more.as_object().into_iter().flatten() {
            match (stats.get_mut(key).and_then(Value::as_object_mut), value.as_object()) {
                (Some(there), Some(added)) => there.extend(added.clone()),
                _ => drop(stats.insert(key.clone(), value.clone())),
            }
        }
        self.write(file, format!("{:#}\n", Value::Object(stats)).as_bytes())
    }

    /// Writes a file that an option named.
    pub(super) fn write(&self, file: OutputFile, data: &[u8]) -> Result<(), Failure> {
        file.write(data, &*self.progress, &self.cancel).map_err(|error| self.or_stopped(output_failure(error)))
    }
}

/// Returns each text once, in the order of their first appearance.
pub(super) fn unique(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

/// Returns the cache directory for downloads and metadata.
pub(super) fn cache_directory(given: Option<&Path>) -> Result<PathBuf, Failure> {
    given.map(Path::to_owned).or_else(default_cache_directory).ok_or_else(|| {
        Failure::usage("nowhere to keep downloads: neither XDG_CACHE_HOME nor HOME is set").hint("--cache-dir DIR")
    })
}

/// Returns a duration in milliseconds, rounded to the microsecond.
pub(super) fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Returns the peak memory of the process in bytes as reported by the kernel, or `None` if the
/// kernel does not report it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Returns the current time in seconds since 1970.
pub(super) fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed())
}
