//! The choice among several candidates, as in libsolv's `policy.c`.
//!
//! The filters, in order:
//! 1. the most favored packages;
//! 2. repositories of the highest priority;
//! 3. during a synchronization, installed packages that the repositories contain;
//! 4. the best architecture;
//! 5. the best version of each name, without packages that other candidates obsolete;
//! 6. packages that are already recommended.
//!
//! Then the remaining candidates are ordered. The search tries the first, and keeps the others as
//! alternatives.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use super::engine::Solver;
use super::literal::Lit;
use super::order;
use super::upkeep::is_identical;
use crate::pool::{Kind, Pool, SolvableId};

/// The filter steps to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All steps.
    Choose,
    /// All steps except the order.
    ChooseUnordered,
    /// All steps except recommendations and the order.
    Recommend,
}

/// Filters the candidates, and orders them, as `mode` says.
pub(super) fn filter(solver: &mut Solver<'_>, candidates: &mut Vec<Lit>, mode: Mode) {
    let pool = solver.pool;
    if candidates.len() > 1 && !solver.favor.is_empty() {
        keep_most_favored(solver, candidates);
    }
    if candidates.len() > 1 {
        keep_highest_priority(pool, candidates);
    }
    if candidates.len() > 1 && solver.sync.active {
        drop_what_may_not_stay(solver, candidates);
    }
    if candidates.len() > 1 {
        keep_best_architecture(pool, candidates);
    }
    if candidates.len() > 1 {
        keep_best_versions(pool, candidates);
    }
    if candidates.len() > 1 && mode != Mode::Recommend {
        solver.keep_recommended(candidates);
    }
    if candidates.len() > 1 && mode == Mode::Choose {
        order::sort(solver, candidates);
    }
}

/// Keeps candidates of the highest priority, and installed ones whatever their repository.
fn keep_highest_priority(pool: &Pool, candidates: &mut Vec<Lit>) {
    let priority = |literal: &Lit| {
        let package = pool.solvable(literal.id());
        (!package.is_installed()).then_some(package.repo().priority)
    };
    if let Some(best) = candidates.iter().filter_map(priority).min() {
        candidates.retain(|literal| priority(literal).is_none_or(|priority| priority == best));
    }
}

/// During a synchronization with the repositories, drops installed packages unless a repository of
/// the highest priority contains the same build (`solver_prune_installed_dup_packages`).
fn drop_what_may_not_stay(solver: &Solver<'_>, candidates: &mut Vec<Lit>) {
    let pool = solver.pool;
    let package = |literal: &Lit| pool.solvable(literal.id());
    let Some(first) = candidates.iter().map(package).find(|package| !package.is_installed()) else { return };
    let mut best = first.repo().priority;
    let mut kept: Vec<Lit> = Vec::with_capacity(candidates.len());
    for &literal in candidates.iter() {
        let this = package(&literal);
        if !this.is_installed() && this.repo().priority > best {
            continue;
        }
        if this.is_installed() && solver.sync.involves(this.id()) {
            let mut is_same = false;
            for other in pool.named(this.name_id()).iter().map(|&id| pool.solvable(id)) {
                let counts = !other.is_installed() && other.takes_part();
                let priority = other.repo().priority;
                if !counts || priority > best || !is_identical(pool, this.id(), other.id()) {
                    continue;
                }
                is_same = true;
                if priority < best {
                    best = priority;
                    kept.clear();
                }
            }
            if !is_same {
                continue;
            }
        }
        kept.push(literal);
    }
    if !kept.is_empty() {
        *candidates = kept;
    }
}

/// Keeps the most favored candidates. Favored packages precede all others, even newer ones and
/// those of better repositories; disfavored packages follow all others.
fn keep_most_favored(solver: &Solver<'_>, candidates: &mut Vec<Lit>) {
    let favor = |literal: &Lit| solver.favor.get(&literal.id()).copied().unwrap_or(0);
    if let Some(best) = candidates.iter().map(favor).max() {
        candidates.retain(|literal| favor(literal) == best);
    }
}

fn keep_best_architecture(pool: &Pool, candidates: &mut Vec<Lit>) {
    let rank = |literal: &Lit| pool.solvable(literal.id()).arch_rank().unwrap_or(u16::MAX);
    if let Some(best) = candidates.iter().map(rank).filter(|&rank| rank != 0).min() {
        candidates.retain(|literal| rank(literal) == 0 || rank(literal) == best);
    }
}

/// Sorts candidates by name and keeps the best version of each; of equal versions, the installed
/// package. Then drops packages that other candidates obsolete.
pub(super) fn keep_best_versions(pool: &Pool, candidates: &mut Vec<Lit>) {
    if candidates.is_empty() {
        return;
    }
    candidates.sort_unstable_by(|a, b| {
        let (x, y) = (pool.solvable(a.id()), pool.solvable(b.id()));
        if x.name_id() == y.name_id() {
            y.is_installed().cmp(&x.is_installed()).then_with(|| a.cmp(b))
        } else {
            x.name().cmp(y.name())
        }
    });
    let mut kept = 0;
    for place in 1..candidates.len() {
        let (best, this) = (pool.solvable(candidates[kept].id()), pool.solvable(candidates[place].id()));
        if best.name_id() != this.name_id() {
            kept += 1;
            candidates[kept] = candidates[place];
        } else if best.version_rank() < this.version_rank() {
            candidates[kept] = candidates[place];
        }
    }
    candidates.truncate(kept + 1);
    if candidates.len() > 1 {
        drop_obsoleted(pool, candidates);
    }
    if candidates.len() > 1 {
        order::installed_names_first(pool, candidates);
    }
}

/// Returns true if a package obsoletes another of a different name.
fn obsoletes(pool: &Pool, id: SolvableId, other: SolvableId) -> bool {
    let package = pool.solvable(id);
    package.name_id() != pool.solvable(other).name_id()
        && (package.dependencies(Kind::Obsoletes).iter())
            .any(|&dependency| pool.obsoleted(dependency).binary_search(&other).is_ok())
}

/// Drops candidates that another candidate obsoletes, unless they obsolete each other in a cycle.
fn drop_obsoleted(pool: &Pool, candidates: &mut Vec<Lit>) {
    let has_any = |literal: &Lit| !pool.solvable(literal.id()).dependencies(Kind::Obsoletes).is_empty();
    if !candidates.iter().any(has_any) {
        return;
    }
    let mut graph = DiGraph::<Lit, ()>::new();
    let nodes: Vec<_> = candidates.iter().map(|&literal| graph.add_node(literal)).collect();
    for (&from, &literal) in nodes.iter().zip(candidates.iter()).filter(|(_, literal)| has_any(literal)) {
        for (&to, &other) in nodes.iter().zip(candidates.iter()) {
            if from != to && obsoletes(pool, literal.id(), other.id()) {
                graph.add_edge(from, to, ());
            }
        }
    }
    if graph.edge_count() == 0 {
        return;
    }
    let mut circle_of = vec![0; nodes.len()];
    for (number, circle) in kosaraju_scc(&graph).into_iter().enumerate() {
        for node in circle {
            circle_of[node.index()] = number;
        }
    }
    let mut obsoleted = vec![false; nodes.len()];
    for edge in graph.raw_edges() {
        let (from, to) = (circle_of[edge.source().index()], circle_of[edge.target().index()]);
        obsoleted[to] |= from != to;
    }
    let mut place = 0;
    candidates.retain(|_| {
        place += 1;
        !obsoleted[circle_of[place - 1]]
    });
}
