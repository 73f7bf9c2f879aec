//! `rootstrap outdated`: reports whether images need a rebuild.

use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use serde_json::{Value, json};

use super::arguments::{Format, OutdatedArguments, RequestArguments};
use super::audit::{advisories, release_names};
use super::bootstrap::source_date_epoch;
use super::failure::{Code, Failure};
use super::load_catalog;
use super::locked::Locked;
use super::packaging::{Job, run_with};
use super::progress::count;
use super::request::{Prepared, base, prepare};
use super::resolve::resolve_failure;
use super::run::{self, Run};
use super::subject::{self, Wanted};
use super::terminal::shown;
use crate::audit::{self, Outdated, Subject, SubjectKind};
use crate::bootstrap::{self, InstalledPackages, Keyrings};
use crate::ecosystem::{Action, ChangeFlags, Ecosystem, Verb};
use crate::package::PackageFacts;

/// Returns the state of each subject as text, or a failure if one is outdated.
pub(super) fn run(arguments: &OutdatedArguments) -> Result<Vec<u8>, Failure> {
    let run = Run::new(&arguments.output)?;
    let mut answers: Vec<(String, Result<Outdated, Failure>)> = Vec::new();
    for place in &arguments.subjects {
        answers.push((place.display().to_string(), one(arguments, place, &run)));
    }
    let due = |answer: &Outdated| answer.is_due(arguments.severity);
    let outdated = answers.iter().filter(|(_, answer)| answer.as_ref().is_ok_and(due)).count();
    run.stats(&json!({"outdated": {"subjects": answers.len(), "outdated": outdated}}))?;
    let text = match arguments.output.format {
        Format::Human => answers.iter().map(|(name, answer)| human(name, answer, arguments)).collect(),
        Format::Json => {
            let one = |(name, answer): &(String, Result<Outdated, Failure>)| match answer {
                Ok(answer) => {
                    json!({"subject": name, "outdated": due(answer), "changes": answer.changes, "fixes": answer.fixes})
                }
                Err(failure) => json!({"subject": name, "error": failure.message}),
            };
            format!("{:#}\n", json!({"schema": 1, "subjects": answers.iter().map(one).collect::<Vec<Value>>()}))
        }
    };
    let total = answers.len();
    // A subject with an error takes precedence over an outdated one.
    if let Some(place) = answers.iter().position(|(_, answer)| answer.is_err())
        && let (name, Err(mut failure)) = answers.swap_remove(place)
    {
        if total > 1 {
            failure.message = format!("{name}: {}", failure.message);
            failure.problems = Some(text.into());
        }
        return Err(failure);
    }
    if outdated == 0 {
        return Ok(text.into_bytes());
    }
    let what = match (outdated, total) {
        (_, 1) => format!("{} is outdated", answers[0].0),
        (1, total) => format!("1 of {} is outdated", count(total as u64)),
        (some, total) => format!("{} of {} are outdated", count(some as u64), count(total as u64)),
    };
    let mut failure = Failure::new(Code::OutOfDate, what);
    failure.problems = Some(text.into());
    Err(failure)
}

fn one(arguments: &OutdatedArguments, place: &Path, run: &Run) -> Result<Outdated, Failure> {
    // The options that describe a subject of their own are cleared: here the request only names the
    // repositories to compare with.
    let plain = RequestArguments { distro: None, release: None, variant: None, repo: Vec::new(), ..arguments.request.clone() };
    let is_lock = |subject: &Subject| subject.kind == SubjectKind::Lock;
    let subject = subject::open(Some(place), &plain, run, Wanted::default())?;
    let (request, prepared) = if is_lock(&subject) {
        let locked = Locked::open(place, &arguments.request)?;
        let mut prepared = prepare(&locked.arguments, &[])?;
        locked.furnish(&mut prepared)?;
        (locked.arguments.clone(), prepared)
    } else {
        let request = repositories(&arguments.request, &subject)?;
        let prepared = asked(&request, place, &subject)?;
        (request, prepared)
    };
    run_with(prepared.packaging, Compare { arguments, request: &request, prepared: &prepared, subject: &subject, run })
}

/// Returns the options, completed with the distribution, release and architecture of the subject.
fn repositories(given: &RequestArguments, subject: &Subject) -> Result<RequestArguments, Failure> {
    let mut request = given.clone();
    if request.arch.is_none() {
        request.arch.clone_from(&subject.arch);
    }
    if request.distro.is_some() || !request.repo.is_empty() {
        return Ok(request);
    }
    let catalog = load_catalog(&request.catalog)?;
    let own = subject.release.as_ref().and_then(|release| {
        let distro = catalog.distro(&release.id).ok()?;
        let listed = distro.releases();
        // A superseded minor release gets no more updates; the major release that it belongs to
        // does.
        let name = release_names(release.version.as_deref()?).find(|name| listed.iter().any(|known| known.name() == *name))?;
        Some((release.id.clone(), name.to_owned()))
    });
    let Some((distro, release)) = own else {
        return Err(Failure::usage(format!("{} does not say which repositories are today's", subject.name))
            .hint("--distro NAME --release RELEASE (`rootstrap variants` lists them), or --repo NAME=URL|DIR"));
    };
    (request.distro, request.release) = (Some(distro), Some(release));
    Ok(request)
}

/// Returns the request for the current state: an upgrade of all installed packages, or for a plan,
/// a new resolution of its request.
fn asked(request: &RequestArguments, place: &Path, subject: &Subject) -> Result<Prepared, Failure> {
    if subject.kind == SubjectKind::Report {
        let names = |ids: &[String]| -> Vec<String> {
            let named = subject.packages.iter().filter(|package| ids.contains(&package.id));
            named.map(|package| package.name.clone()).collect()
        };
        return prepare(request, &names(subject.requested.as_deref().unwrap_or_default()));
    }
    let bare = RequestArguments { variant: None, with: Vec::new(), without: Vec::new(), ..request.clone() };
    let (mut prepared, _) = base(&bare, None)?;
    let installed = match &subject.tree {
        Some(tree) => InstalledPackages::Tree(Arc::clone(tree)),
        None => InstalledPackages::Root(place.to_owned()),
    };
    let time = source_date_epoch()?.unwrap_or_else(run::now);
    prepared.change(Verb::Upgrade, Vec::new(), ChangeFlags::default(), time, installed);
    Ok(prepared)
}

struct Compare<'a> {
    arguments: &'a OutdatedArguments,
    request: &'a RequestArguments,
    prepared: &'a Prepared,
    subject: &'a Subject,
    run: &'a Run,
}

impl Job for Compare<'_> {
    type Output = Result<Outdated, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { arguments, request, prepared, subject, run } = self;
        let keyring = Keyrings::new(ecosystem, &prepared.request, &run.fetcher, &*run.progress)
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let resolved = bootstrap::resolve(ecosystem, &prepared.request, &keyring, &run.fetcher, &*run.progress)
            .map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?;
        let id = |id| ecosystem.identity(resolved.pool.solvable(id)).id;
        let new: Vec<PackageFacts> =
            resolved.choice.incoming().map(|(id, _)| audit::facts_of(ecosystem, resolved.pool.solvable(id))).collect();
        let stays = if prepared.request.installed.is_some() {
            let changes = resolved.choice.changes.iter().filter(|change| change.action != Action::Repin);
            let went: FxHashSet<String> = changes.filter_map(|change| change.old.map(id)).collect();
            subject.packages.iter().filter(|package| !went.contains(&package.id)).cloned().collect()
        } else {
            Vec::new()
        };
        let new = [stays, new].concat();
        let known = advisories(ecosystem, &arguments.advisories, request, subject, run)?;
        if known.is_none() && (arguments.severity.is_some() || !arguments.advisories.is_empty()) {
            return Err(Failure::not_looked_at(format!("no advisories about {} were read", subject.name))
                .detail("without advisories nothing tells how severe a change is")
                .hint("--advisories FILE|DIR: OSV, updateinfo.xml, or Alpine's secdb"));
        }
        let known = known.unwrap_or_default();
        Ok(audit::compare(ecosystem, subject.release.as_ref(), &subject.packages, &new, &known))
    }
}

fn human(name: &str, answer: &Result<Outdated, Failure>, arguments: &OutdatedArguments) -> String {
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return format!("{name}: {}\n", shown(failure.message.as_bytes())),
    };
    if answer.changes.is_empty() {
        return format!("{name} is up to date\n");
    }
    let changes = if answer.changes.len() == 1 {
        "1 package".to_owned()
    } else {
        format!("{} packages", count(answer.changes.len() as u64))
    };
    let fixes = match answer.fixes.len() {
        0 => String::new(),
        1 => ", which mends 1 advisory".to_owned(),
        several => format!(", which mends {} advisories", count(several as u64)),
    };
    let matters = match arguments.severity {
        Some(level) if !answer.is_due(Some(level)) => format!(" (none of severity {} or above)", level.name()),
        _ => String::new(),
    };
    let mut text = format!("{name}: {changes} would change{fixes}{matters}\n");
    for step in &answer.changes {
        text += &match (&step.from, &step.to) {
            (Some(from), Some(to)) => format!("  {} {from} -> {to}\n", step.name),
            (Some(from), None) => format!("  {} {from} goes\n", step.name),
            (None, to) => format!("  {} {} comes\n", step.name, to.as_deref().unwrap_or_default()),
        };
    }
    for finding in &answer.fixes {
        let id = finding.id.as_deref().unwrap_or_default();
        let package = finding.package.as_deref().unwrap_or_default();
        text += &format!("  {} {} {}\n", finding.severity.name(), shown(id.as_bytes()), shown(package.as_bytes()));
    }
    text
}
