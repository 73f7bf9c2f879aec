//! `rootstrap audit`: finds problems in a set of packages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;
use serde_json::{Value, json};

use super::arguments::{AuditArguments, Format, RequestArguments};
use super::bootstrap::source_date_epoch;
use super::failure::{Code, Failure};
use super::keys::GivenKey;
use super::packaging::{Job, run_with};
use super::progress::{count, packages};
use super::request::base;
use super::resolve::resolve_failure;
use super::run::{self, Run};
use super::subject::{self, Wanted};
use super::terminal::{shown, time};
use super::{diff, load_catalog, outputs, page};
use crate::audit::advisory::{self, Advisory, AdvisoryError};
use crate::audit::{self, Finding, FindingKind, Given, Policy, Report, Severity, Staleness, Subject, SubjectKind};
use crate::bootstrap::{self, Keyrings};
use crate::catalog::{Catalog, Key, SignaturePolicy, Step};
use crate::ecosystem::Ecosystem;
use crate::reporter::Reporter;

/// Returns the findings as text. If a finding is severe enough, returns a failure that contains the
/// text.
pub(super) fn run(arguments: &AuditArguments) -> Result<Vec<u8>, Failure> {
    let outputs = [
        ("--stats", arguments.output.stats.as_deref()),
        ("--sarif", arguments.sarif.as_deref()),
        ("--html", arguments.html.as_deref()),
    ];
    outputs::distinct(&outputs, &[("SUBJECT", arguments.subject.as_deref()), ("--policy", arguments.policy.as_deref())])?;
    let sarif = arguments.sarif.as_deref().map(outputs::prepare).transpose()?;
    let page = arguments.html.as_deref().map(outputs::prepare).transpose()?;
    let run = Run::new(&arguments.output)?;
    let policy = policy(arguments.policy.as_deref())?;
    let (subject, report) = examined(arguments, &policy, &run)?;
    run.stats(&json!({"audit": report.summary}))?;
    if let Some(file) = sarif {
        run.write(file, format!("{:#}\n", audit::sarif(&report, &subject.name)).as_bytes())?;
    }
    if let Some(file) = page {
        let other = arguments.diff_to.as_deref().map(|place| other(arguments, place, &subject, &run)).transpose()?;
        let html = page::page(&subject, &report, other.as_ref().map(|(name, value)| (name.as_str(), value)))?;
        run.write(file, html.as_bytes())?;
    }
    let text = match arguments.output.format {
        Format::Human => human(&report, subject.packages.len()),
        Format::Json => serde_json::to_string_pretty(&report).map_err(|error| Failure::failed(error.to_string()))? + "\n",
    };
    let level = arguments.fail_on.or(policy.fail_on).unwrap_or(Severity::Low);
    let bad = report.at_least(level);
    if bad == 0 {
        return match not_looked_for(arguments, &report) {
            Some(mut failure) => {
                failure.problems = Some(text.into());
                Err(failure)
            }
            None => Ok(text.into_bytes()),
        };
    }
    let some = if bad == 1 { "1 finding is".to_owned() } else { format!("{} findings are", count(bad as u64)) };
    let mut failure = Failure::new(Code::Findings, format!("{some} of severity {} or above in {}", level.name(), subject.name))
        .hint("--fail-on LEVEL sets the severity that matters; --policy FILE tells what is known and taken");
    failure.problems = Some(text.into());
    Err(failure)
}

/// Returns a failure if a check that the user requested was not performed, because then an empty
/// result means nothing.
fn not_looked_for(arguments: &AuditArguments, report: &Report) -> Option<Failure> {
    let is_skipped = |kind: &FindingKind| report.summary.not_looked_for.contains(&kind.name());
    let mut unanswered: Vec<FindingKind> = arguments.only.iter().copied().filter(is_skipped).collect();
    let advisory = FindingKind::Advisory;
    if !arguments.advisories.is_empty() && is_skipped(&advisory) && !unanswered.contains(&advisory) {
        unanswered.push(advisory);
    }
    if unanswered.is_empty() {
        return None;
    }
    let names: Vec<&str> = unanswered.iter().map(|kind| kind.name()).collect();
    let failure = Failure::not_looked_at(format!("not looked for in {}: {}", report.subject, names.join(", ")));
    Some(unanswered.into_iter().fold(failure, |failure, kind| failure.detail(format!("{} needs {}", kind.name(), kind.needs()))))
}

/// Returns the name of another subject and the differences from it.
fn other(arguments: &AuditArguments, place: &Path, subject: &Subject, run: &Run) -> Result<(String, Value), Failure> {
    let wanted = Wanted { tree: true, dependencies: subject.set.is_some() };
    let other = subject::open(Some(place), &arguments.request, run, wanted)?;
    let found = diff::between(&other, subject, &arguments.advisories, &arguments.request, run)?;
    let told = diff::told(&other, subject, &found);
    Ok((other.name, told))
}

fn policy(path: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = path else { return Ok(Policy::default()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("cannot read the policy {}: {error}", path.display())))?;
    Policy::parse(&text)
        .map_err(|error| Failure::failed(format!("the policy {} cannot be used", path.display())).detail(error.to_string()))
}

/// Kinds that need the files of a root.
const OF_FILES: [FindingKind; 3] = [FindingKind::ChangedFile, FindingKind::Setuid, FindingKind::Capabilities];
/// Kinds of findings that need the requirements of packages, or the content of repositories.
/// Licenses are included because a lock does not record them.
const OF_SET: [FindingKind; 5] =
    [FindingKind::MissingRequirement, FindingKind::Unneeded, FindingKind::Foreign, FindingKind::Update, FindingKind::License];

/// Opens the subject and checks it.
fn examined(arguments: &AuditArguments, policy: &Policy, run: &Run) -> Result<(Subject, Report), Failure> {
    let asked: Vec<FindingKind> = if arguments.only.is_empty() { FindingKind::ALL.to_vec() } else { arguments.only.clone() };
    let kinds: Vec<FindingKind> =
        asked.into_iter().filter(|kind| !arguments.skip.contains(kind) && !policy.skip.contains(kind)).collect();
    let any = |of: &[FindingKind]| of.iter().any(|kind| kinds.contains(kind));
    let has_licences = !policy.licenses.allow.is_empty() || !policy.licenses.refuse.is_empty();
    let needs_set = OF_SET.iter().any(|kind| kinds.contains(kind) && (*kind != FindingKind::License || has_licences));
    let wanted =
        Wanted { tree: any(&OF_FILES) || arguments.diff_to.is_some(), dependencies: needs_set || arguments.html.is_some() };
    let subject = subject::open(arguments.subject.as_deref(), &arguments.request, run, wanted)?;
    let job = Examine { arguments, policy, kinds, subject: &subject, run };
    let report = run_with(subject.packaging, job)?;
    Ok((subject, report))
}

struct Examine<'a> {
    arguments: &'a AuditArguments,
    policy: &'a Policy,
    kinds: Vec<FindingKind>,
    subject: &'a Subject,
    run: &'a Run,
}

impl Job for Examine<'_> {
    type Output = Result<Report, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { arguments, policy, kinds, subject, run } = self;
        let catalog = load_catalog(&arguments.request.catalog)?;
        let keys = if kinds.contains(&FindingKind::UnknownKey) {
            known_keys(ecosystem, arguments, subject, &catalog, run)?
        } else {
            Vec::new()
        };
        let mut said = None;
        if kinds.contains(&FindingKind::Advisory) {
            said = advisories(ecosystem, &arguments.advisories, &arguments.request, subject, run)?;
        }
        let now = source_date_epoch()?.unwrap_or_else(run::now);
        let today = time(now).chars().take(10).collect();
        let has_repositories = arguments.request.distro.is_some()
            || !arguments.request.repo.is_empty()
            || matches!(subject.kind, SubjectKind::Lock | SubjectKind::Request);
        let end_of_life = end_of_life(&catalog, subject);
        let finishing =
            if kinds.contains(&FindingKind::ChangedFile) { finishing(&catalog, &arguments.request, subject) } else { Vec::new() };
        let given = Given { advisories: said.as_deref(), policy, today, end_of_life, keys, finishing, has_repositories, kinds };
        let report = audit::audit(ecosystem, subject, &given).map_err(|error| Failure::from_error(Code::Failed, &error))?;
        report.summary.stale_ignores.iter().for_each(|stale| run.progress.warn(&format!("policy: {stale}")));
        Ok(report)
    }
}

/// Returns the advisories for the packages of a subject from files, directories and the named
/// repositories. Returns `None` if none of them covers the release of the subject.
pub(super) fn advisories<E: Ecosystem>(
    ecosystem: &E,
    paths: &[PathBuf],
    request: &RequestArguments,
    subject: &Subject,
    run: &Run,
) -> Result<Option<Vec<Advisory>>, Failure> {
    let read = read(ecosystem, paths, subject, run)?;
    let told = of_repositories(ecosystem, request, subject, run)?;
    Ok(match (read, told) {
        (Some(read), Some(told)) => Some([read, told].concat()),
        (read, told) => read.or(told),
    })
}

/// Returns the advisories in files and directories for the packages of a subject.
fn read<E: Ecosystem>(ecosystem: &E, paths: &[PathBuf], subject: &Subject, run: &Run) -> Result<Option<Vec<Advisory>>, Failure> {
    let names = names(ecosystem, subject);
    let mut all = None;
    for path in paths {
        let documents = advisory::read(ecosystem, path, &|name: &str| names.contains(name)).map_err(|error| {
            let failure = Failure::failed(error.to_string());
            match error {
                AdvisoryError::Read { .. } => failure,
                AdvisoryError::Form { .. } => {
                    failure.detail("expected  OSV (JSON, or a zip of it), updateinfo.xml, or Alpine's secdb (YAML or JSON)")
                }
            }
        })?;
        // Advisories of another release do not apply to this one.
        if documents.count == 0 {
            run.progress.warn(&format!("{} holds no advisories for packages of this kind", path.display()));
        } else if !documents.is_about(ecosystem, subject.release.as_ref(), &subject.packages) {
            let about = documents.scopes.iter().flatten().next().map_or_else(String::new, |scope| {
                format!("{} {}", scope.distribution, scope.release.as_deref().unwrap_or_default())
            });
            run.progress.warn(&format!("{} is about {}: nothing of it applies here", path.display(), about.trim()));
        } else {
            all.get_or_insert_with(Vec::new).extend(documents.advisories);
        }
    }
    Ok(all)
}

/// Returns the names under which advisories may list packages of a subject.
fn names<'s, E: Ecosystem>(ecosystem: &E, subject: &'s Subject) -> FxHashSet<&'s str> {
    subject.packages.iter().flat_map(|package| [package.name.as_str(), ecosystem.source_of(package)]).collect()
}

/// Returns the advisories for the packages of a subject from the named repositories. Returns `None`
/// if no repository publishes advisories.
fn of_repositories<E: Ecosystem>(
    ecosystem: &E,
    request: &RequestArguments,
    subject: &Subject,
    run: &Run,
) -> Result<Option<Vec<Advisory>>, Failure> {
    if request.distro.is_none() && request.repo.is_empty() {
        return Ok(None);
    }
    let mut request = request.clone();
    if request.arch.is_none() {
        request.arch.clone_from(&subject.arch);
    }
    let (prepared, _) = base(&request, None)?;
    let names = names(ecosystem, subject);
    let keyring = Keyrings::new(ecosystem, &prepared.request, &run.fetcher, &*run.progress)
        .map_err(|error| Failure::from_error(Code::Failed, &error))?;
    let mut all = Vec::new();
    let mut found = |_: &str, mut update: crate::metadata::Advisory| {
        update.packages.retain(|package| names.contains(package.name.as_str()));
        if !update.packages.is_empty() {
            all.push(Advisory::of_update(update));
        }
    };
    let silent = bootstrap::advisories(ecosystem, &prepared.request, &keyring, &run.fetcher, &*run.progress, &mut found)
        .map_err(|error| run.or_stopped(resolve_failure(error, &prepared)))?;
    Ok((silent.len() < prepared.request.repositories.len()).then_some(all))
}

/// Returns the names of the release, the most exact first: `3.20.1`, `3.20`, `3`.
pub(super) fn release_names(version: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(version), |name| name.rsplit_once('.').map(|(shorter, _)| shorter))
}

fn end_of_life(catalog: &Catalog, subject: &Subject) -> Option<String> {
    let release = subject.release.as_ref()?;
    let distro = catalog.distro(&release.id).ok()?;
    let mut known = release_names(release.version.as_deref()?).filter_map(|name| distro.release(name).ok());
    known.find_map(|release| release.end_of_life().map(str::to_owned))
}

/// Returns the finishing steps of all images that a subject may be: the variants of its release. A
/// root does not record its variant, and Alpine's smallest roots do not even record the release. In
/// that case, returns the steps of all images with this kind of packages.
fn finishing(catalog: &Catalog, request: &RequestArguments, subject: &Subject) -> Vec<Vec<Step>> {
    let distros = catalog.distros().unwrap_or_default();
    let distro = request.distro.as_deref().or(subject.release.as_ref().map(|release| release.id.as_str()));
    let version = request.release.as_deref().or_else(|| subject.release.as_ref()?.version.as_deref());
    let distros = distros.into_iter().filter(|known| {
        known.packaging() == subject.packaging
            && distro.is_none_or(|name| catalog.distro(name).is_ok_and(|distro| distro.name() == known.name()))
    });
    let mut found: Vec<Vec<Step>> = Vec::new();
    for distro in distros {
        let release = version.into_iter().flat_map(release_names).find_map(|name| distro.release(name).ok());
        let variants =
            release.map_or_else(|| distro.releases(), |release| vec![release]).into_iter().flat_map(|release| release.variants());
        for variant in variants.filter(|variant| request.variant.as_deref().is_none_or(|name| name == variant.name())) {
            let images = variant.architectures().into_iter().filter_map(|arch| variant.image(&arch.name).ok());
            for image in images {
                if !found.contains(&image.finishing) {
                    found.push(image.finishing);
                }
            }
        }
    }
    found
}

/// Returns the names of the known keys: the given keys, the keys of the release, and the keys that
/// the root itself trusts.
fn known_keys<E: Ecosystem>(
    ecosystem: &E,
    arguments: &AuditArguments,
    subject: &Subject,
    catalog: &Catalog,
    run: &Run,
) -> Result<Vec<String>, Failure> {
    let mut keys: Vec<Key> =
        arguments.request.key.iter().map(|text| GivenKey::read(text).map(|given| given.key)).collect::<Result<_, _>>()?;
    if let Some(release) = &subject.release
        && let Ok(distro) = catalog.distro(&release.id)
    {
        let named = release.version.iter().flat_map(|version| release_names(version)).find_map(|name| distro.release(name).ok());
        let image = named
            .zip(subject.arch.as_ref())
            .and_then(|(release, arch)| release.variants().iter().find_map(|variant| variant.image(arch).ok()));
        keys.extend(image.into_iter().flat_map(|image| image.keys));
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    for key in &keys {
        let keyring = ecosystem
            .keyring(std::slice::from_ref(key), &SignaturePolicy::default())
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        ecosystem.unusable_keys(&keyring).iter().for_each(|key| run.progress.warn(&key.to_string()));
        names.extend(ecosystem.key_names(&keyring));
    }
    // Imported keys are listed among the packages, under the ids of the keys.
    let imported = subject.packages.iter().filter(|package| package.arch.is_none());
    names.extend(imported.map(|package| package.version.to_ascii_uppercase()));
    Ok(names.into_iter().collect())
}

fn human(report: &Report, of: usize) -> String {
    let (advisories, others): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.kind == FindingKind::Advisory);
    let mut text = grouped(&advisories);
    let rows: Vec<[String; 3]> = others.iter().map(|finding| row(finding)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    for ([severity, kind, message], finding) in rows.iter().zip(&others) {
        text += &format!("{severity:<first$}  {kind:<second$}  {message}\n");
        text += &format!("{:<first$}  {:<second$}    -> {}\n", "", "", shown(finding.action.as_bytes()));
    }
    let summary = &report.summary;
    let parts: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| summary.by_severity.get(severity.name()).map(|n| format!("{n} {}", severity.name())))
        .collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    let ignored = if summary.ignored > 0 { format!(" ({} that the policy takes)", summary.ignored) } else { String::new() };
    let noun = if summary.findings == 1 { "finding" } else { "findings" };
    text += &format!("{} {noun} in {}{parts}{ignored}\n", count(summary.findings as u64), packages(of as u64));
    let stale = |state: Staleness| summary.stale_ignores.iter().filter(|stale| stale.state == state).count();
    for (state, word) in [(Staleness::Unused, "unused"), (Staleness::Expired, "expired")] {
        match stale(state) {
            0 => {}
            1 => text += &format!("1 entry of the policy's `ignore` is {word}\n"),
            several => text += &format!("{several} entries of the policy's `ignore` are {word}\n"),
        }
    }
    if !summary.not_looked_for.is_empty() {
        text += &format!("not looked for, because nothing here tells: {}\n", summary.not_looked_for.join(", "));
    }
    text
}

/// Returns the advisories as text with a paragraph for each package: its name, then a line for each
/// advisory with its CVEs.
fn grouped(advisories: &[&Finding]) -> String {
    let mut text = String::new();
    for of_package in advisories.chunk_by(|a, b| (&a.package, &a.installed) == (&b.package, &b.installed)) {
        let [name, installed] =
            [&of_package[0].package, &of_package[0].installed].map(|part| shown(part.as_deref().unwrap_or_default().as_bytes()));
        let noun = if of_package.len() == 1 { "advisory" } else { "advisories" };
        text += &format!("{name} {installed}: {} {noun}\n", of_package.len());
        for finding in of_package {
            let cves = if finding.cves.is_empty() { String::new() } else { format!(" ({})", finding.cves.join(", ")) };
            let severity = finding.severity.name();
            text += &format!("  {severity:<9}  {}\n", shown(format!("{}{cves}", finding.message).as_bytes()));
            text += &format!("             -> {}\n", shown(finding.action.as_bytes()));
        }
    }
    text
}

fn row(finding: &Finding) -> [String; 3] {
    [finding.severity.name().to_owned(), finding.kind.name().to_owned(), shown(finding.message.as_bytes())]
}
