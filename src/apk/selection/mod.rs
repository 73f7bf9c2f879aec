//! apk's choice of packages: the world, and what an operation does to it, become a change set.
//!
//! In: a pool with the packages of the root and of the repositories, and a [`Request`]. Out: a [`ChangeSet`], in the order in which apk
//! carries it out, or why there is none. Deterministic; nothing is read or written.
//!
//! apk does not search: it passes down what follows from the world, decides about one name after the other, and what was decided stays.
//! So whether there is a solution depends on the order of its decisions, and the rules here are those of its own solver (apk-tools'
//! solver.c and commit.c), not those of [`crate::solver`]. They changed with version 3; [`Rules`] says whose are followed.
//!
//! ```
//! use rootstrap::apk::dependency::read_world;
//! use rootstrap::apk::selection::{Request, select};
//! use rootstrap::apk::universe;
//!
//! let pool = universe::parse("musl 1.2.5-r0\nbusybox 1.36-r2 requires musl provides cmd:sh=1.36-r2", "x86_64")?;
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

/// Chooses packages as apk does.
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
            return Ok(change_set::make(&solver, &steps, &reasons, intent.world.clone(), broken));
        }
        let newly_broken = if request.force_broken_world { solver.mark_broken(&mut world) } else { 0 };
        if newly_broken == 0 {
            if intent.keeps_installed {
                // What cannot be had before the rest is upgraded comes with the rest.
                let warnings = vec![Warning::PreupgradeFailed];
                return Ok(ChangeSet { world: intent.world.clone(), warnings, ..ChangeSet::default() });
            }
            return Err(SelectionError::Unsatisfiable(Box::new(explain::explain(&solver, &world, &steps))));
        }
        solver.reset();
    }
}

impl Solver<'_, '_> {
    /// Passes over what of the world cannot be had. How much that is, and was not before.
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

/// The order in which apk lists names: whatever their case, then with it.
pub(crate) fn display_order(a: &str, b: &str) -> Ordering {
    let lower = |text: &str| text.bytes().map(|byte| byte.to_ascii_lowercase()).collect::<Vec<u8>>();
    lower(a).cmp(&lower(b)).then_with(|| a.cmp(b))
}
