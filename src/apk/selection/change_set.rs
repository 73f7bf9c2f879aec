//! The change set: the actions on each package.

use super::changes::Step;
use super::graph::PackageId;
use super::state::{Flags, Solver, WorldDep};
use crate::apk::dependency::Constraint;
use crate::apk::version;
use crate::ecosystem::{Action, Reason};
use crate::pool::SolvableId;

/// The result of the resolver.
#[derive(Clone, Debug, Default)]
pub struct ChangeSet {
    /// The changes, in the order in which they are applied.
    pub changes: Vec<Change>,
    /// The new world in apk's order: the content of `etc/apk/world`.
    pub world: Vec<Constraint>,
    /// The warnings for the user.
    pub warnings: Vec<Warning>,
}

impl ChangeSet {
    /// Returns the packages to install, in order.
    pub fn incoming(&self) -> impl Iterator<Item = SolvableId> {
        self.changes.iter().filter(|change| change.action != Action::Repin).filter_map(|change| change.new)
    }
}

/// A change of one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The kind of change.
    pub action: Action,
    /// The installed package that is removed or pinned to another tag.
    pub old: Option<SolvableId>,
    /// The package to install: from a repository, from a file, or virtual.
    pub new: Option<SolvableId>,
    /// The tag that the package is pinned to.
    pub tag: Option<String>,
    /// The reason for installing the package.
    pub reason: Reason,
}

/// A warning about a change set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A package should be reinstalled but is not available.
    #[error("{package} is not installed again: no repository that can be reached has it")]
    NotReinstalled {
        /// The package.
        package: String,
    },
    /// A constraint of the world is unsatisfiable and ignored.
    #[error("{constraint} is asked for and cannot be installed")]
    NotInstallable {
        /// The constraint.
        constraint: Constraint,
    },
    /// A package that is to be removed stays, because something needs it.
    #[error("{name} is not removed: {}", reasons(required_by, installed_for, asked_for))]
    NotRemoved {
        /// The name that is to be removed.
        name: String,
        /// The packages that require it.
        required_by: Vec<String>,
        /// The packages that it is installed for, without any of them requiring it (`install_if`).
        installed_for: Vec<String>,
        /// The names in the world that lead to it.
        asked_for: Vec<String>,
    },
    /// A name that is to be removed is that of no installed package.
    #[error("{name} is not installed, so there is nothing to remove")]
    NotInstalled {
        /// The name.
        name: String,
    },
    /// The packages to upgrade first can only be upgraded together with others.
    #[error("the package manager cannot be upgraded before the rest")]
    PreupgradeFailed,
}

/// Returns why a package stays, as the end of a sentence.
fn reasons(required_by: &[String], installed_for: &[String], asked_for: &[String]) -> String {
    let mut reasons = Vec::new();
    if !required_by.is_empty() {
        reasons.push(format!("required by {}", required_by.join(", ")));
    }
    if !installed_for.is_empty() {
        reasons.push(format!("installed for {}", installed_for.join(", ")));
    }
    if !asked_for.is_empty() {
        reasons.push(format!("the world asks for {}", asked_for.join(", ")));
    }
    reasons.join("; ")
}

impl Solver<'_, '_> {
    /// Returns the reason for each package. Call it before [`Self::changes`], which resets the
    /// counts of requirers.
    pub(super) fn reasons(&self, world: &[WorldDep<'_>]) -> Vec<Reason> {
        let mut reasons = vec![Reason::Dependency; self.packages.len()];
        for state in self.names.iter().filter(|state| state.requirers == 0) {
            if let Some(chosen) = state.chosen.filter(|chosen| self.packages[chosen.package as usize].triggered) {
                let node = self.graph.node(chosen.package);
                let names = std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0));
                if names.into_iter().all(|name| self.names[name as usize].requirers == 0) {
                    reasons[chosen.package as usize] = Reason::Weak;
                }
            }
        }
        for wanted in world.iter().filter(|wanted| !wanted.dep.is_conflict() && !wanted.broken) {
            if let Some(chosen) = self.names[wanted.dep.name as usize].chosen {
                reasons[chosen.package as usize] = Reason::Requested;
            }
        }
        reasons
    }

    /// Returns the first tag that the package may be chosen by and whose repositories have it.
    fn tag_of(&self, package: PackageId) -> u8 {
        let repos = self.graph.repos_of(package);
        let allowed = self.packages[package as usize].allowed;
        let lets_in = |(place, tag): &(usize, &(&str, u64))| allowed >> place & 1 == 1 && tag.1 & repos != 0;
        self.graph.tags.iter().enumerate().find(lets_in).map_or(0, |(place, _)| place as u8)
    }
}

pub(super) fn make(
    solver: &Solver<'_, '_>,
    steps: &[Step],
    reasons: &[Reason],
    world: Vec<Constraint>,
    mut warnings: Vec<Warning>,
) -> ChangeSet {
    let graph = &solver.graph;
    let mut changes = Vec::new();
    for &Step { old, new } in steps {
        let tag = new.map_or(0, |new| solver.tag_of(new));
        let action = match (old, new) {
            (None, Some(_)) => Action::Install,
            (Some(_), None) => Action::Erase,
            (Some(old), Some(new)) if old == new => {
                if solver.packages[new as usize].flags.any(Flags::REINSTALL) {
                    if !graph.is_available(new) && !graph.node(new).is_cached {
                        warnings.push(Warning::NotReinstalled { package: graph.id_text(new) });
                        continue;
                    }
                    Action::Reinstall
                } else if graph.node(new).tag == tag {
                    continue;
                } else {
                    Action::Repin
                }
            }
            (Some(old), Some(new)) => match version::compare(graph.node(new).version, graph.node(old).version) {
                std::cmp::Ordering::Less => Action::Downgrade,
                std::cmp::Ordering::Equal => Action::Replace,
                std::cmp::Ordering::Greater => Action::Upgrade,
            },
            (None, None) => continue,
        };
        changes.push(Change {
            action,
            old: old.and_then(|old| graph.node(old).installed),
            new: new.map(|new| graph.node(new).source.unwrap_or(graph.node(new).facts)),
            tag: Some(graph.tags[tag as usize].0).filter(|tag| !tag.is_empty()).map(str::to_owned),
            reason: new.map_or(Reason::Dependency, |new| reasons[new as usize]),
        });
    }
    ChangeSet { changes, world, warnings }
}
