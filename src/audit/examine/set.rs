//! Checks of the set as a whole, and of its relation to the repositories.

use rustc_hash::FxHashSet;

use super::Given;
use super::packages::is_root;
use crate::audit::finding::{Finding, FindingKind};
use crate::audit::severity::Severity;
use crate::audit::subject::Subject;
use crate::audit::why::Graph;
use crate::ecosystem::Ecosystem;
use crate::pool::{Dependency, DependencyId, Op, Pool, RichOp, Solvable, SolvableId};

/// Maximum depth of rich dependencies.
const DEEPEST: usize = 64;

/// Reports whether packages of a set meet a requirement.
pub(super) fn is_met(pool: &Pool, members: &FxHashSet<SolvableId>, dependency: DependencyId, depth: usize) -> bool {
    let any = |dependency| pool.candidates(dependency).iter().any(|id| members.contains(id));
    if depth > DEEPEST {
        return true;
    }
    let met = |dependency| is_met(pool, members, dependency, depth + 1);
    match pool.dependency(dependency) {
        Dependency::Plain { op, .. } if op.contains(Op::NOT) => true,
        Dependency::Plain { .. } => any(dependency) || pool.met_by_system(dependency),
        Dependency::Rich { op, left, right } => match op {
            RichOp::And => met(left) && met(right),
            RichOp::Or => met(left) || met(right),
            RichOp::If => match pool.dependency(right) {
                Dependency::Rich { op: RichOp::Else, left: condition, right: otherwise } => {
                    if met(condition) {
                        met(left)
                    } else {
                        met(otherwise)
                    }
                }
                _ => !met(right) || met(left),
            },
            RichOp::Unless => match pool.dependency(right) {
                Dependency::Rich { op: RichOp::Else, left: condition, right: otherwise } => {
                    if met(condition) {
                        met(otherwise)
                    } else {
                        met(left)
                    }
                }
                _ => met(right) || met(left),
            },
            RichOp::Else => true,
            RichOp::With | RichOp::Without => any(dependency),
        },
    }
}

pub(super) fn missing(subject: &Subject) -> Option<Vec<Finding>> {
    let set = subject.set.as_ref()?;
    let members: FxHashSet<SolvableId> = set.members.iter().flatten().copied().collect();
    // If no package is in the pool, nothing is known about requirements.
    if members.is_empty() && !subject.packages.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    for (package, id) in subject.members() {
        for &dependency in set.pool.solvable(id).requires() {
            if is_met(&set.pool, &members, dependency, 0) {
                continue;
            }
            let what = set.pool.display(dependency);
            let message = format!("{} requires {what}, which nothing here provides", package.id);
            let action = format!("install what provides `{what}`, or remove {}", package.name);
            let mut finding = Finding::new(FindingKind::MissingRequirement, Severity::Moderate, message, action).of(package);
            finding.id = Some(what);
            found.push(finding);
        }
    }
    Some(found)
}

/// Returns findings for packages that were not requested and that no requested package needs.
/// Returns `None` if the requested packages are unknown.
pub(super) fn unneeded(subject: &Subject) -> Option<Vec<Finding>> {
    let (set, requested) = (subject.set.as_ref()?, subject.requested.as_ref()?);
    let place = |id: &String| subject.packages.binary_search_by(|package| package.id.cmp(id)).ok();
    let graph = Graph::new(&set.pool, &set.members, Some(requested.iter().filter_map(place).collect()));
    let finding = |place: usize| {
        let package = subject.packages.get(place)?;
        let message = format!("nothing that was asked for needs {}", package.id);
        let action = format!("remove {}, or ask for it", package.name);
        Some(Finding::new(FindingKind::Unneeded, Severity::Low, message, action).of(package))
    };
    Some(graph.unneeded().into_iter().filter_map(finding).collect())
}

/// Returns the packages of this name in the repositories.
fn available(subject: &Subject, named: Solvable<'_>) -> Vec<SolvableId> {
    let Some(set) = &subject.set else { return Vec::new() };
    let of_name = set.pool.named(named.name_id()).iter().copied();
    of_name.filter(|&id| !set.pool.solvable(id).is_installed()).collect()
}

pub(super) fn foreign(subject: &Subject, given: &Given<'_>) -> Option<Vec<Finding>> {
    let set = subject.set.as_ref().filter(|_| given.has_repositories)?;
    let mut found = Vec::new();
    for (package, id) in subject.packages.iter().zip(&set.members) {
        let is_known = match id {
            Some(id) => !available(subject, set.pool.solvable(*id)).is_empty(),
            // Imported keys are not packages; all real packages of a root are in the pool.
            None if is_root(subject) => true,
            None => set.pool.find(&package.name).is_some_and(|name| !set.pool.named(name).is_empty()),
        };
        if !is_known {
            let message = format!("no repository has a package {}", package.name);
            let action = "find out where it comes from: nobody will mend it";
            found.push(Finding::new(FindingKind::Foreign, Severity::Low, message, action).of(package));
        }
    }
    Some(found)
}

pub(super) fn updates<E: Ecosystem>(ecosystem: &E, subject: &Subject, given: &Given<'_>) -> Option<Vec<Finding>> {
    let set = subject.set.as_ref().filter(|_| given.has_repositories)?;
    let mut found = Vec::new();
    for (package, id) in subject.members() {
        let old = set.pool.solvable(id);
        let newer = available(subject, old).into_iter().map(|id| set.pool.solvable(id)).filter(|new| {
            new.arch_rank().is_some()
                && new.repo_tag().is_none()
                && new.version_rank() > old.version_rank()
                && (new.arch_id() == old.arch_id() || new.arch_rank() == Some(0) || old.arch_rank() == Some(0))
        });
        if let Some(newest) = newer.max_by_key(|new| new.version_rank()) {
            let id = ecosystem.identity(newest).id;
            let message = format!("{id} is newer ({})", newest.repo_name());
            let action = format!("upgrade {}, or build the image again", package.name);
            let mut finding = Finding::new(FindingKind::Update, Severity::Low, message, action).of(package);
            finding.fixed = Some(newest.version().to_owned());
            finding.id = Some(id);
            found.push(finding);
        }
    }
    Some(found)
}
