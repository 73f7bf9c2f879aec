//! apk's resolver: turns the world and an operation on it into a change set.
//!
//! In: a pool with the packages of the root and of the repositories, and a [`Request`]. Out: a
//! [`ChangeSet`], in the order in which apk applies it, or the reasons why there is none. The
//! result is deterministic; nothing is read or written.
//!
//! apk does not backtrack. It propagates the consequences of the world, decides one name after
//! another, and never revises a decision. The order of its decisions therefore determines whether
//! it finds a solution. This module follows apk's own solver (solver.c and commit.c of apk-tools),
//! not [`crate::solver`]. The rules changed with version 3; [`Rules`] selects the version.
//!
//! ```
//! use rootstrap::apk::dependency::read_world;
//! use rootstrap::apk::selection::{Request, select};
//! use rootstrap::apk::universe;
//!
//! let text = "musl 1.2.5-r0\nbusybox 1.36-r2 requires musl provides cmd:sh=1.36-r2";
//! let pool = universe::parse(text, "x86_64")?;
//! let chosen = select(&pool, &Request::add(read_world("busybox")?))?;
//! let names: Vec<_> = chosen.incoming().map(|id| pool.solvable(id).name()).collect();
//! assert_eq!(names, ["musl", "busybox"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod change_set;
mod changes;
mod choose;
mod discover;
mod explain;
mod graph;
mod operation;

mod propagate;
mod refusal;
mod request;
mod state;
mod stays;
#[cfg(test)]
mod tests;
mod virtual_package;

use std::cmp::Ordering;

pub use change_set::{Change, ChangeSet, Warning};
pub use refusal::{Broken, EXCLUDED, NO_NETWORK, Problem, Requirer, SelectionError, Unsatisfiable};
pub use request::{Add, Delete, Fix, Operation, RepositoryKind, Request, Rules, Upgrade};
pub use virtual_package::{VirtualPackage, VirtualPackageError};

use crate::pool::{Op, Pool};
use graph::{Dep, Graph};
use state::{Solver, WorldDep};

/// Selects packages as apk does.
pub fn select(pool: &Pool, request: &Request) -> Result<ChangeSet, SelectionError> {
    let mut graph = Graph::new(pool, request)?;
    let mut intent = operation::intent(&mut graph, request)?;
    intent.world.sort_by(|a, b| display_order(&a.name, &b.name));
    if intent.is_empty {
        return Ok(ChangeSet { world: intent.world, ..ChangeSet::default() });
    }
    let mut world = Vec::with_capacity(intent.world.len());
    let mut missing_tags = Vec::new();
    for constraint in &intent.world {
        let tag = graph.find_tag(constraint.tag.as_deref().unwrap_or_default()).unwrap_or(0);
        if tag != 0 && graph.tags[tag as usize].1 == 0 {
            missing_tags.push(constraint.to_string());
        }
        let Some(name) = graph.find_name(&constraint.name) else { continue };
        let op = if constraint.conflict { constraint.op | Op::NOT } else { constraint.op };
        world.push(WorldDep { dep: Dep { name, op, version: &constraint.version }, tag, broken: false });
    }
    if !missing_tags.is_empty() && !request.force_broken_world {
        return Err(SelectionError::NoSuchTag { constraints: missing_tags });
    }
    let rules = graph.rules;
    let mut solver = Solver::new(&mut graph, &intent, rules);
    loop {
        solver.decide(&world, intent.flags);
        let reasons = solver.reasons(&world);
        let steps = solver.changes(&world);
        if solver.errors == 0 {
            let broken = world.iter().zip(&intent.world).filter(|(wanted, _)| wanted.broken);
            let broken = broken.map(|(_, constraint)| Warning::NotInstallable { constraint: constraint.clone() }).collect();
            let mut warnings: Vec<Warning> = broken;
            if let Operation::Delete(delete) = &request.operation {
                warnings.extend(stays::warnings(&solver, &world, &request.world, delete));
            }
            return Ok(change_set::make(&solver, &steps, &reasons, intent.world.clone(), warnings));
        }
        let newly_broken = if request.force_broken_world { solver.mark_broken(&mut world) } else { 0 };
        if newly_broken == 0 {
            if intent.keeps_installed {
                // A preupgrade without a solution is skipped. Its packages are upgraded with all
                // others.
                let warnings = vec![Warning::PreupgradeFailed];
                return Ok(ChangeSet { world: intent.world.clone(), warnings, ..ChangeSet::default() });
            }
            return Err(SelectionError::Unsatisfiable(Box::new(explain::explain(&solver, &world, &steps))));
        }
        solver.reset();
    }
}

impl Solver<'_, '_> {
    /// Marks unsatisfiable constraints of the world as broken, so that they are ignored. Returns
    /// the number of newly marked ones.
    fn mark_broken(&self, world: &mut [WorldDep<'_>]) -> usize {
        let mut count = 0;
        for wanted in world.iter_mut().filter(|wanted| !wanted.broken) {
            let chosen = self.names[wanted.dep.name as usize].chosen;
            if chosen.is_none_or(|chosen| self.packages[chosen.package as usize].error) {
                wanted.broken = true;
                count += 1;
            }
        }
        count
    }
}

/// Compares two names in the order of apk's lists: first without case, then with case.
pub(crate) fn display_order(a: &str, b: &str) -> Ordering {
    let lower = |text: &str| text.bytes().map(|byte| byte.to_ascii_lowercase()).collect::<Vec<u8>>();
    lower(a).cmp(&lower(b)).then_with(|| a.cmp(b))
}
