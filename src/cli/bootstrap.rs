//! The main command: builds a root file system.

use std::path::Path;

use serde_json::json;

use super::arguments::{BootstrapArguments, Format, ScriptletMode};
use super::failure::{Code, Failure, code_of, fetch_failure, hint_of};
use super::image;
use super::kept;
use super::locked::Locked;
use super::outputs;
use super::packaging::{Job, run_with};
use super::product;
use super::progress::{bytes, count, packages};
use super::request::{Prepared, prepare, prepare_asked};
use super::resolve::resolve_failure;
use super::run::Run;
use crate::bootstrap::{BootstrapError, BuildOptions, Report, Tools, archive, bootstrap};
use crate::ecosystem::{COMMAND_LINE, Ecosystem, InstallError, ScriptletOutcome};
use crate::fetch::FetchError;
use crate::output::{ArchiveFile, OutputError, OutputFile, Ownership};
use crate::reporter::Phase::{self, Fetch, Install, Metadata, Resolve, Write};
use crate::reporter::Reporter;

/// Builds the tree. Returns the report with `--format json`, and an empty text otherwise.
pub(super) fn run(arguments: &BootstrapArguments) -> Result<String, Failure> {
    let place = arguments.out.as_deref().or(arguments.product.place());
    let out = place.ok_or_else(|| Failure::usage("say where: rootstrap [OPTIONS] OUT"))?;
    product::check(arguments)?;
    if arguments.product.is_image() {
        return image::run(arguments, out);
    }
    let locked = arguments.lock.as_deref().map(|path| Locked::open(path, &arguments.request)).transpose()?;
    let request = locked.as_ref().map_or(&arguments.request, |locked| &locked.arguments);
    if request.distro.is_some() && request.variant.is_none() && locked.is_none() {
        return Err(Failure::usage("say which variant with --variant").hint("`rootstrap variants` lists them"));
    }
    let mut prepared = if locked.is_some() { prepare(request, &[])? } else { prepare_asked(request, &[])? };
    if let Some(locked) = &locked {
        locked.lend(&mut prepared)?;
    }
    let files = Files::prepare(arguments)?;
    let run = Run::new(&arguments.output)?;
    if prepared.request.allow_unsigned {
        run.progress.warn("packages without a signature are accepted (--allow-unsigned)");
    }
    prepared.notes.iter().for_each(|note| run.progress.warn(note));
    let build = build_options(&prepared, arguments.drop_database, arguments.scriptlets)?;
    let spool = run.spool_beside(out);
    let tools = Tools { fetcher: &run.fetcher, spool: &spool, reporter: &*run.progress, cancel: &run.cancel };
    run_with(
        prepared.packaging,
        Bootstrap { arguments, prepared: &prepared, build: &build, out, files, run: &run, tools: &tools },
    )
}

/// The result file, and the files that are written in addition to the result.
#[derive(Default)]
pub(super) struct Files {
    pub report: Option<OutputFile>,
    /// The file of `--tar` or `--docker-archive`.
    pub archive: Option<OutputFile>,
}

impl Files {
    /// Checks all output files.
    pub(super) fn prepare(arguments: &BootstrapArguments) -> Result<Self, Failure> {
        let (report, tar) = (arguments.report.as_deref(), arguments.product.tar.as_deref());
        let docker = arguments.product.docker_archive.as_deref();
        let stats = arguments.output.stats.as_deref();
        let outputs = [("--stats", stats), ("--report", report), ("--tar", tar), ("--docker-archive", docker)];
        outputs::distinct(&outputs, &[("--lock", arguments.lock.as_deref())])?;
        let archive = tar.or(docker).map(outputs::product).transpose()?;
        Ok(Self { report: report.map(outputs::prepare).transpose()?, archive })
    }
}

/// Returns the options for building the tree from the command line.
pub(super) fn build_options(
    prepared: &Prepared,
    drop_database: bool,
    scriptlets: Option<ScriptletMode>,
) -> Result<BuildOptions, Failure> {
    Ok(BuildOptions {
        arch: prepared.arch.clone(),
        finishing: prepared.finishing.clone(),
        database: prepared.database.clone().filter(|_| !drop_database),
        epoch: source_date_epoch()?,
        ownership: Ownership::detect(),
        scriptlets: scriptlets.map(ScriptletMode::of),
    })
}

struct Bootstrap<'a> {
    arguments: &'a BootstrapArguments,
    prepared: &'a Prepared,
    build: &'a BuildOptions,
    out: &'a Path,
    files: Files,
    run: &'a Run,
    tools: &'a Tools<'a>,
}

impl Job for Bootstrap<'_> {
    type Output = Result<String, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Result<String, Failure> {
        let Self { arguments, prepared, build, out, files, run, tools } = self;
        let made = match files.archive {
            None => bootstrap(ecosystem, &prepared.request, build, out, tools),
            Some(file) => {
                let how = (arguments.product.packing(), arguments.product.clamp_mtime);
                archive(ecosystem, &prepared.request, build, ArchiveFile::from(file), how, tools)
            }
        };
        let report = made.map_err(|error| {
            let failure = run.or_stopped(failure(error, prepared));
            if failure.code == Code::Usage {
                failure
            } else {
                failure.detail(format!("Nothing was written to {}", out.display()))
            }
        })?;
        let done = tell(&report, prepared, run, out);
        if let Some(file) = files.report {
            run.write(file, run.report(&report).as_bytes())?;
        }
        run.stats(&json!({"packages": report.plan.install.len(), "files": report.files, "directories": report.directories}))?;
        let answer = match arguments.output.format {
            Format::Human => String::new(),
            Format::Json => run.report(&report),
        };
        run.finished(&answer, &done)
    }
}

/// Prints the resolved, fetched and installed packages. Returns the text of the closing line.
fn tell(report: &Report, prepared: &Prepared, run: &Run, out: &Path) -> String {
    let totals = run.progress.totals();
    let wall = |phases: &[Phase]| Some(phases.iter().filter_map(|phase| totals.get(phase)).map(|totals| totals.wall).sum());
    let packages = packages(report.plan.install.len() as u64);
    run.progress.line("Resolved", &format!("{packages} for {}", prepared.title), wall(&[Metadata, Resolve]));
    run.list_packages(&report.plan);
    let traffic = run.fetcher.traffic();
    let mut sources = Vec::new();
    for (n, from) in [(traffic.downloaded, "downloaded"), (traffic.stored, "from the cache"), (traffic.local, "from directories")]
    {
        if n > 0 {
            sources.push(format!("{} {from}", bytes(n)));
        }
    }
    run.progress.line("Fetched", &format!("{packages}, {}", sources.join(", ")), wall(&[Fetch]));
    let files = format!("{} files, {}", count(report.files), bytes(report.bytes));
    run.progress.line("Installed", &files, wall(&[Install, Write]));
    run.list_not_run(&report.scriptlets);
    let mut notes = Vec::new();
    let not_run =
        report.scriptlets.iter().filter(|scriptlet| matches!(scriptlet.outcome, ScriptletOutcome::NotRun { .. })).count();
    if not_run > 0 {
        notes.push(format!("{not_run} scriptlets not run"));
    }
    if !report.not_applied.is_empty() {
        notes.push(format!("{} attributes not applied", count(report.not_applied.len() as u64)));
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({}: see --report)", notes.join(", ")) };
    format!(
        "{}: {packages}, {} files, {} in {:.2} s{notes}",
        out.display(),
        count(report.files),
        bytes(report.bytes),
        run.begin.elapsed().as_secs_f64()
    )
}

/// Returns the value of `SOURCE_DATE_EPOCH`, if it is set.
pub(super) fn source_date_epoch() -> Result<Option<i64>, Failure> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) else { return Ok(None) };
    let parsed =
        value.to_str().and_then(|text| text.parse().ok()).filter(|&epoch: &i64| (0..=i64::from(u32::MAX)).contains(&epoch));
    parsed
        .map(Some)
        .ok_or_else(|| Failure::usage(format!("SOURCE_DATE_EPOCH is {}: expected seconds since 1970", value.display())))
}

/// Converts an error about the output location into a failure.
pub(super) fn output_failure(error: OutputError) -> Failure {
    match error {
        error if error.is_usage() => Failure::usage(error.to_string()),
        error @ OutputError::DamagedBlob { .. } => Failure::from_error(Code::Verification, &error),
        error => Failure::from_error(Code::Failed, &error),
    }
}

pub(super) fn failure(error: BootstrapError, prepared: &Prepared) -> Failure {
    match error {
        BootstrapError::Resolve(error) => resolve_failure(error, prepared),
        BootstrapError::Held(error) => kept::held(&error, prepared),
        BootstrapError::Fetch(error) => {
            let place = match &error {
                FetchError::Failed { attempts, .. } => attempts.first().map(|attempt| &attempt.location),
                FetchError::Store { .. } | FetchError::Interrupted => None,
            };
            let mut failure = fetch_failure(&error, &prepared.alternatives_at(place));
            if let (FetchError::Failed { name, .. }, Some(_), Code::Verification) =
                (&error, &prepared.request.locked, failure.code)
            {
                failure.message = format!("{name} is not what the lock file says");
            }
            failure
        }
        BootstrapError::Package { file, from, repo, source } => {
            let mut failure = Failure::new(code_of(&source), format!("{file} is not used: {source}"))
                .detail(format!("from      {from}"))
                .detail(format!("for       repository {repo}"))
                .hint(hint_of(&source, (repo != COMMAND_LINE).then(|| prepared.alternatives(&repo)).as_ref()));
            if failure.code == Code::NoSolution {
                let fact = json!({"kind": "not-installable", "file": file, "repository": repo, "text": failure.message});
                failure.problems = Some(json!({"schema": 1, "problems": [{"facts": [fact]}], "hints": failure.hints}));
            }
            failure
        }
        BootstrapError::Output(error) => output_failure(error),
        BootstrapError::Install(InstallError::FileConflict(conflict)) => {
            let hint = if conflict.is_within_one_package() {
                "leave the package out: do not ask for it, or --exclude NAME"
            } else {
                "leave one of the two out: do not ask for it, or --exclude NAME"
            };
            Failure::from_error(Code::Failed, &InstallError::from(conflict)).hint(hint)
        }
        BootstrapError::Install(InstallError::Unsupported(_)) => {
            Failure::usage(error.to_string()).hint("--simulate tells what would be done")
        }
        error => Failure::from_error(Code::Failed, &error),
    }
}
