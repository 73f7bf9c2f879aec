//! Packages that a lock pins: those of the previous lock, of a root, or of a report.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::RequestArguments;
use super::failure::{Code, Failure};
use super::packaging::{ALL, Job, run_with};
use super::repositories::matches;
use super::request::Prepared;
use crate::bootstrap::{HeldError, HeldMove, Kept, KeptFile};
use crate::catalog::nearest;
use crate::digest::Digest;
use crate::ecosystem::{Ecosystem, InventoryError, RootDirectory};
use crate::lock::{Lock, LockedArchitecture, LockedReason};
use crate::package::PackageFacts;
use crate::transaction::plan::{Plan, PlannedPackage};

/// Returns the packages of an architecture that stay pinned: all except those that the words match.
/// Without words, all packages move, so the result is empty.
pub(super) fn all_but(words: &[String], locked: Option<&LockedArchitecture>) -> Vec<Kept> {
    let moves = |name: &str| words.is_empty() || words.iter().any(|word| matches(word, name));
    let packages = locked.into_iter().flat_map(|locked| &locked.packages);
    packages.filter(|package| !moves(&package.name)).map(Kept::locked).collect()
}

/// Fails if a word matches no package of a lock.
pub(super) fn known(words: &[String], lock: &Lock) -> Result<(), Failure> {
    let names = || lock.architectures.iter().flat_map(|locked| &locked.packages).map(|package| package.name.as_str());
    let Some(word) = words.iter().find(|word| !names().any(|name| matches(word, name))) else { return Ok(()) };
    let failure = Failure::usage(format!("the lock file has no package `{word}`"));
    Err(nearest(word, names()).into_iter().fold(failure, |failure, near| failure.hint(format!("did you mean {near}?"))))
}

/// Returns the names of the packages of a lock that the words match.
pub(super) fn moving(words: &[String], locked: Option<&LockedArchitecture>) -> Vec<String> {
    let packages = locked.into_iter().flat_map(|locked| &locked.packages);
    let installed = packages.filter(|package| package.reason != LockedReason::Files).map(|package| &package.name);
    let names: BTreeSet<&String> = installed.filter(|name| words.iter().any(|word| matches(word, name))).collect();
    names.into_iter().cloned().collect()
}

/// Converts the error about packages that cannot move to a failure.
pub(super) fn held(error: &HeldError, prepared: &Prepared) -> Failure {
    let step = |held: &HeldMove| match held.to.as_str() {
        "" => format!("{} goes", held.from),
        to => format!("{} -> {to}", held.from),
    };
    let names = |moves: &[HeldMove]| moves.iter().map(|held| held.name.as_str()).collect::<Vec<_>>().join(" ");
    let facts: Vec<Value> = error
        .moves
        .iter()
        .map(|held| {
            let needs: Vec<Value> =
                error.needs.iter().map(|need| json!({"name": need.name, "from": need.from, "to": need.to})).collect();
            json!({"kind": "held", "package": held.name, "from": held.from, "to": held.to, "needs": needs, "text": step(held)})
        })
        .collect();
    let mut failure = Failure::new(Code::NoSolution, error.to_string());
    for held in &error.moves {
        failure = failure.detail(format!("{} is to move: {}", held.name, step(held)));
    }
    if error.needs.is_empty() {
        let explanation = error.reasons.tell(&|spec| prepared.asked_by(spec));
        for fact in explanation.problems.iter().flat_map(|problem| &problem.facts) {
            failure = failure.detail(fact.text.clone());
        }
        failure = failure.hint("`rootstrap lock --upgrade` without a name moves all that can");
    } else {
        for need in &error.needs {
            failure = failure.detail(format!("{} would have to move too: {}", need.name, step(need)));
        }
        failure = failure.hint(format!("name them too: --upgrade {} {}", names(&error.moves), names(&error.needs)));
    }
    failure.problems = Some(json!({"schema": 1, "problems": [{"facts": facts}], "hints": failure.hints}));
    failure
}

/// The packages of a root or a report.
pub(super) struct From {
    pub packages: Vec<Kept>,
    /// The architecture, if a report states it.
    arch: Option<String>,
}

impl From {
    /// Completes the request with the architecture if none is given, and with the names of the
    /// packages if it names neither a variant nor packages.
    pub(super) fn complete(&self, given: &mut RequestArguments) {
        if given.arch.is_none() {
            given.arch.clone_from(&self.arch);
        }
        if given.variant.is_none() && given.with.is_empty() {
            let names: BTreeSet<&str> = self.packages.iter().map(|package| package.name.as_str()).collect();
            given.with = names.into_iter().map(str::to_owned).collect();
        }
    }
}

/// Reads the packages of a root, or of a report or plan in JSON.
pub(super) fn from(place: &Path, given: &RequestArguments) -> Result<From, Failure> {
    if !place.is_dir() {
        return from_report(place);
    }
    let broken = |error: InventoryError| Failure::from_error(Code::Failed, &error).detail(format!("in {}", place.display()));
    for packaging in
        ALL.into_iter().filter(|&packaging| given.kind.is_none_or(|kind| super::packaging::kind_of(packaging) == kind))
    {
        if let Some(facts) = run_with(packaging, Inventory(place)).map_err(broken)? {
            // Entries without an architecture were not installed from a package: they are keys that
            // the user trusts.
            let packages = facts.into_iter().filter(|facts| facts.arch.is_some());
            let packages = packages.map(|facts| Kept { name: facts.name, id: facts.id, file: None, must: true }).collect();
            return Ok(From { packages, arch: None });
        }
    }
    Err(Failure::failed(format!("{} has no package database", place.display()))
        .hint("--from takes a root file system, or what --report or `resolve --format json` wrote"))
}

struct Inventory<'a>(&'a Path);

impl Job for Inventory<'_> {
    type Output = Result<Option<Vec<PackageFacts>>, InventoryError>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        ecosystem.inventory(&RootDirectory::open(self.0).map_err(InventoryError::Read)?)
    }
}

fn from_report(path: &Path) -> Result<From, Failure> {
    let wrong = |error: String| {
        Failure::failed(format!("cannot read {}: {error}", path.display()))
            .hint("--from takes a root file system, or what --report or `resolve --format json` wrote")
    };
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let kept = |package: &PlannedPackage| {
        let file = KeptFile {
            repository: package.repo.clone(),
            location: package.location.clone(),
            arch: package.arch.clone(),
            size: package.size,
            digest: package.checksum.as_deref().and_then(Digest::parse),
        };
        Kept { name: package.name.clone(), id: package.id.clone(), file: Some(file), must: true }
    };
    Ok(From { packages: plan.install.iter().map(kept).collect(), arch: Some(plan.arch) })
}

/// Fails if the locked packages differ from the packages that were to be locked.
pub(super) fn same_packages(locked: &LockedArchitecture, from: &[Kept], prepared: &Prepared) -> Result<(), Failure> {
    let installed = locked.packages.iter().filter(|package| package.reason != LockedReason::Files);
    let has: BTreeSet<&str> = installed.map(|package| package.id.as_str()).collect();
    let wanted: BTreeSet<&str> = from.iter().map(|package| package.id.as_str()).collect();
    if has == wanted {
        return Ok(());
    }
    let mut failure = Failure::new(Code::NoSolution, format!("{} takes other packages", prepared.title));
    let missing: Vec<&Kept> = from.iter().filter(|package| !has.contains(package.id.as_str())).collect();
    for package in &missing {
        failure = failure.detail(format!("{} is there, and nothing asks for it", package.id));
    }
    for id in has.difference(&wanted) {
        failure = failure.detail(format!("{id} is needed, and is not there"));
    }
    if missing.is_empty() {
        return Err(failure);
    }
    let options: Vec<String> = missing.iter().map(|package| format!("--with {}", package.name)).collect();
    Err(failure.hint(format!("ask for them too: {}", options.join(" "))))
}
