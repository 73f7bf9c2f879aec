//! The order in which the search tries the remaining candidates (libsolv's `policy.c`).

use super::engine::Solver;
use super::literal::Lit;
use crate::pool::{Dependency, Kind, Op, Pool, StringId};

/// Orders candidates by these rules, the last one being the strongest:
/// - Outdated packages go to the end.
/// - Of packages that provide different versions of the same capability, the newest is first.
/// - Packages of whose name one is installed go to the front.
/// - Suggested or installed packages go to the front.
/// - Favored packages go to the front.
pub(super) fn sort(solver: &mut Solver<'_>, candidates: &mut Vec<Lit>) {
    let pool = solver.pool;
    // Each step is stable.
    to_back(candidates, |literal| is_outdated(solver, literal));
    sort_by_common_provides(pool, candidates);
    installed_names_first(pool, candidates);
    solver.update_wishes();
    to_back(candidates, |literal| !pool.solvable(literal.id()).is_installed() && !solver.is_suggested(literal));
    prefer_favored(solver, candidates);
}

/// Moves favored packages to the front, the most favored first, and disfavored ones to the end
/// (`policy_prefer_favored`).
pub(super) fn prefer_favored(solver: &Solver<'_>, candidates: &mut [Lit]) {
    if !solver.favor.is_empty() {
        candidates.sort_by_key(|literal| -solver.favor.get(&literal.id()).copied().unwrap_or(0));
    }
}

pub(super) fn to_back(candidates: &mut Vec<Lit>, goes: impl Fn(Lit) -> bool) {
    let (front, back): (Vec<Lit>, Vec<Lit>) = candidates.iter().partition(|&&literal| !goes(literal));
    candidates.clear();
    candidates.extend(front);
    candidates.extend(back);
}

/// Moves packages to the front if a package of the same name is installed
/// (`move_installed_to_front`).
pub(super) fn installed_names_first(pool: &Pool, candidates: &mut Vec<Lit>) {
    if pool.installed().is_some() {
        let named = |literal: Lit| pool.named(pool.solvable(literal.id()).name_id()).iter();
        to_back(candidates, |literal| !named(literal).any(|&id| pool.solvable(id).is_installed()));
    }
}

/// Returns true if a newer package of the same name and architecture exists, or one in a repository
/// of higher priority. Installed packages are never outdated.
fn is_outdated(solver: &Solver<'_>, literal: Lit) -> bool {
    let pool = solver.pool;
    let this = pool.solvable(literal.id());
    !this.is_installed()
        && pool.named(this.name_id()).iter().map(|&id| pool.solvable(id)).any(|other| {
            other.id() != this.id()
                && other.arch_id() == this.arch_id()
                && !solver.reach.is_excluded(other.id())
                && (other.repo().priority < this.repo().priority
                    || other.repo().priority == this.repo().priority && other.version_rank() > this.version_rank())
        })
}

/// A version that a candidate provides: index of the candidate, name, version rank, and `below` if
/// the candidate provides all versions below it.
struct Provided {
    candidate: usize,
    name: StringId,
    rank: u32,
    below: bool,
}

fn sort_by_common_provides(pool: &Pool, candidates: &mut [Lit]) {
    let mut all = Vec::new();
    for (candidate, literal) in candidates.iter().enumerate() {
        for &dependency in pool.solvable(literal.id()).dependencies(Kind::Provides) {
            let Dependency::Plain { name, op, version } = pool.dependency(dependency) else { continue };
            let wanted = op == Op::EQUAL && !is_hash(pool.text(version)) || op == Op::LESS || op == Op::LESS_EQUAL;
            if wanted {
                all.push(Provided { candidate, name, rank: pool.provided_rank(dependency), below: op == Op::LESS });
            }
        }
    }
    // Sort each name newest first; "below 2" follows "2".
    all.sort_by_key(|provided| (provided.name, u32::MAX - provided.rank, provided.below));
    let mut badness = vec![0_u32; candidates.len()];
    let mut bad = 0;
    for place in 0..all.len() {
        let this = &all[place];
        match place.checked_sub(1).map(|before| &all[before]).filter(|before| before.name == this.name) {
            None => bad = 0,
            Some(before) => {
                let is_worse = (before.rank, !before.below) > (this.rank, !this.below);
                bad += u32::from(before.candidate != this.candidate && is_worse);
            }
        }
        badness[this.candidate] += bad;
    }
    let mut order: Vec<(u32, Lit)> = badness.into_iter().zip(candidates.iter().copied()).collect();
    order.sort_by_key(|&(badness, _)| badness);
    for (place, (_, literal)) in order.into_iter().enumerate() {
        candidates[place] = literal;
    }
}

/// Returns true if a version is a digest (`debuginfo(build-id) = 0f3a…`). libsolv ignores these,
/// as they have no order.
fn is_hash(version: &str) -> bool {
    version.len() >= 4 && version.bytes().all(|byte| matches!(byte, b'a'..=b'f' | b'0'..=b'9'))
}
