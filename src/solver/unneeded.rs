//! Search for installed packages that only serve other packages which are erased (libsolv's
//! `cleandeps.c`).
//!
//! The first pass removes everything that the erased packages may have pulled in. The second pass
//! restores what the remaining packages require, recommend, or are supplemented by. Packages that
//! the user requested are never removed.

use std::collections::VecDeque;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::engine::Solver;
use super::literal::Lit;
use super::request::{Action, Request};
use super::rich::{self, Normal};
use super::upkeep::Marks;
use crate::pool::{Dependency, DependencyId, Kind, Pool, RichOp, SolvableId};

/// The state of the two passes.
struct Sweep<'a> {
    pool: &'a Pool,
    installed: &'a [SolvableId],
    /// True for packages that are present, or restored; indexed by package id.
    there: Vec<bool>,
    /// First pass: packages that must not be removed. Second pass: packages that must not be
    /// restored.
    fixed: Vec<bool>,
    queue: VecDeque<SolvableId>,
}

impl Solver<'_> {
    /// Returns the installed packages that the user did not request and that no needed package
    /// requires, recommends, or is supplemented by.
    pub fn unneeded(&mut self, user_installed: &[SolvableId]) -> Vec<SolvableId> {
        let pool = self.pool;
        let mut sweep = Sweep::new(pool, &self.upkeep.packages);
        for &id in user_installed.iter().filter(|id| pool.solvable(**id).is_installed()) {
            sweep.there[id.index()] = true;
            sweep.queue.push_back(id);
        }
        sweep.bring_back();
        self.upkeep.packages.iter().copied().filter(|id| !sweep.there[id.index()]).collect()
    }

    /// Finds the unneeded packages if a job requests it.
    pub(super) fn prepare_clean(&mut self, request: &Request) {
        let asked = |action| matches!(action, Action::Install | Action::Erase);
        let is_asked = request.jobs.iter().any(|job| job.clean && asked(job.action));
        if self.upkeep.active && (is_asked || !self.upkeep.changed.is_empty()) {
            self.find_unneeded();
        }
    }

    /// Finds the packages that become unneeded when others are erased
    /// (`solver_createcleandepsmap`).
    pub(super) fn find_unneeded(&mut self) {
        let pool = self.pool;
        let mut sweep = Sweep::new(pool, &self.upkeep.packages);
        for id in &self.upkeep.wanted {
            sweep.fixed[id.index()] = true;
        }
        let jobs: Vec<(Vec<Lit>, bool)> = (self.rules.jobs().filter(|&id| !self.rules.get(id).disabled))
            .map(|id| {
                let is_clean = self.rules.job(id).is_some_and(|job| self.upkeep.is_clean_job(job));
                (self.rules.literals(id).filter(|literal| literal.package().is_some()).collect(), is_clean)
            })
            .collect();
        for literal in jobs.iter().filter(|(_, is_clean)| !is_clean).flat_map(|(literals, _)| literals) {
            sweep.fixed[literal.id().index()] |= literal.is_positive() && self.is_installed(*literal);
        }
        let erased: Vec<SolvableId> = (jobs.iter())
            .filter_map(|(literals, _)| if let &[only] = literals.as_slice() { Some(only) } else { None })
            .filter(|literal| literal.is_negative())
            .map(Lit::id)
            .collect();
        let mut going: Vec<SolvableId> = Vec::new();
        for (literals, is_clean) in &jobs {
            match literals.as_slice() {
                &[only] if only.is_negative() => {
                    sweep.fixed[only.id().index()] = false;
                    going.extend(Some(only.id()).filter(|_| *is_clean && self.is_installed(only)));
                }
                literals if *is_clean => going.extend(self.replaced_by_job(literals)),
                _ => {}
            }
        }
        let changed = &self.upkeep.changed;
        for id in going.iter().chain(changed) {
            sweep.fixed[id.index()] = false;
        }
        for id in &self.upkeep.packages {
            sweep.there[id.index()] = true;
        }
        let seeds = if changed.is_empty() { Vec::new() } else { sweep.seeds(changed) };
        sweep.queue.extend(going.iter().chain(changed));
        sweep.take_away();
        // From here on, `fixed` marks packages that must not be restored.
        sweep.fixed.fill(false);
        for &id in erased.iter().chain(changed) {
            sweep.fixed[id.index()] = pool.solvable(id).is_installed();
        }
        for id in &erased {
            sweep.there[id.index()] = false;
        }
        sweep.queue.extend(self.upkeep.packages.iter().filter(|id| sweep.there[id.index()]));
        for literal in jobs.iter().flat_map(|(literals, _)| literals).filter(|literal| literal.is_positive()) {
            sweep.queue.push_back(literal.id());
        }
        sweep.bring_back();
        for id in seeds.iter().chain(&self.upkeep.mistakes).chain(&going).chain(&self.upkeep.wanted) {
            sweep.there[id.index()] |= !erased.contains(id) || going.contains(id);
        }
        let mut unneeded = Marks::default();
        unneeded.clear(self.upkeep.packages.len());
        for (place, id) in self.upkeep.packages.iter().enumerate() {
            unneeded.set(place, !sweep.there[id.index()]);
        }
        self.upkeep.unneeded = Some(unneeded);
    }

    /// Returns the installed packages that each of a job's candidates is or replaces.
    fn replaced_by_job(&self, literals: &[Lit]) -> Vec<SolvableId> {
        let pool = self.pool;
        if literals.iter().any(|literal| literal.is_negative()) || literals.len() == 1 && self.is_installed(literals[0]) {
            return Vec::new();
        }
        let mut common: Option<Vec<SolvableId>> = None;
        for literal in literals {
            let mut replaced = Vec::new();
            if self.is_installed(*literal) {
                replaced.push(literal.id());
            } else {
                self.upkeep.replaced_by(pool, &self.reach, literal.id(), &mut replaced);
            }
            match &mut common {
                None => common = Some(replaced),
                Some(common) => common.retain(|old| replaced.contains(old)),
            }
        }
        common.unwrap_or_default()
    }
}

impl<'a> Sweep<'a> {
    fn new(pool: &'a Pool, installed: &'a [SolvableId]) -> Self {
        let none = vec![false; pool.len()];
        Self { pool, installed, there: none.clone(), fixed: none, queue: VecDeque::new() }
    }

    fn is_installed(&self, id: SolvableId) -> bool {
        self.pool.solvable(id).is_installed()
    }

    fn supplements(&self, id: SolvableId) -> &'a [DependencyId] {
        self.pool.solvable(id).dependencies(Kind::Supplements)
    }

    fn is_possible(&self, dependency: DependencyId, among: impl Fn(SolvableId) -> bool) -> bool {
        rich::is_possible(self.pool, dependency, &|literal: Lit| among(literal.id()))
    }

    /// Removes the packages in the queue, those that they require or recommend, and those that
    /// supplemented only removed packages.
    fn take_away(&mut self) {
        loop {
            let Some(id) = self.queue.pop_front() else {
                self.queue_no_longer_supplementing();
                if self.queue.is_empty() {
                    return;
                }
                continue;
            };
            if !self.there[id.index()] || !self.is_installed(id) || self.fixed[id.index()] {
                continue;
            }
            self.there[id.index()] = false;
            let package = self.pool.solvable(id);
            for &dependency in package.requires().iter().chain(package.dependencies(Kind::Recommends)) {
                let mut found = Vec::new();
                if self.pool.is_complex(dependency) {
                    if let Normal::Blocks(blocks) = rich::clauses(self.pool, dependency) {
                        found.extend(blocks.iter().flat_map(|block| self.opened(block)));
                    }
                } else {
                    found.extend_from_slice(self.pool.candidates(dependency));
                }
                self.queue.extend(found.into_iter().filter(|id| self.there[id.index()]));
            }
        }
    }

    /// Returns the packages that a clause of a rich dependency asks for, if installed packages
    /// fulfill its conditions.
    fn opened<'b>(&self, block: &'b [Lit]) -> impl Iterator<Item = SolvableId> + use<'b> {
        let conditions = block.iter().take_while(|literal| literal.is_negative()).count();
        let holds = block[..conditions].iter().all(|literal| self.is_installed(literal.id()));
        block[conditions..].iter().filter(move |_| holds).map(|literal| literal.id())
    }

    fn queue_no_longer_supplementing(&mut self) {
        for &id in self.installed {
            let supplements = self.supplements(id);
            if supplements.is_empty() || !self.there[id.index()] || self.fixed[id.index()] {
                continue;
            }
            if supplements.iter().any(|&dependency| self.is_possible(dependency, |id| self.there[id.index()])) {
                continue;
            }
            for &dependency in supplements {
                if self.is_possible(dependency, |id| self.is_installed(id)) {
                    // Keep the other packages that the dependency names: restoring this package
                    // would not restore them.
                    let mut named = Vec::new();
                    looked_at(self.pool, dependency, &mut named);
                    named.retain(|&id| self.there[id.index()] && self.is_installed(id));
                    for other in named {
                        self.fixed[other.index()] = true;
                    }
                    self.queue.push_back(id);
                }
            }
        }
    }

    /// Restores the packages that those in the queue require or recommend, and packages that
    /// supplement present ones.
    fn bring_back(&mut self) {
        loop {
            let Some(id) = self.queue.pop_front() else {
                for &id in self.installed {
                    let supplements = self.supplements(id);
                    if self.fixed[id.index()] || self.there[id.index()] || supplements.is_empty() {
                        continue;
                    }
                    if supplements.iter().any(|&dependency| self.is_possible(dependency, |id| self.there[id.index()])) {
                        self.there[id.index()] = true;
                        self.queue.push_back(id);
                    }
                }
                if self.queue.is_empty() {
                    return;
                }
                continue;
            };
            let package = self.pool.solvable(id);
            for &dependency in package.requires().iter().chain(package.dependencies(Kind::Recommends)) {
                let mut found: Vec<SolvableId> = Vec::new();
                if self.pool.is_complex(dependency) {
                    if let Normal::Blocks(blocks) = rich::clauses(self.pool, dependency) {
                        let others = blocks.iter().filter(|block| !block.contains(&Lit::of(id)));
                        found.extend(others.flat_map(|block| self.opened(block)));
                    }
                } else if self.pool.candidates(dependency).binary_search(&id).is_err() {
                    found.extend_from_slice(self.pool.candidates(dependency));
                }
                for other in found {
                    if !self.there[other.index()] && self.is_installed(other) && !self.fixed[other.index()] && other != id {
                        self.there[other.index()] = true;
                        self.queue.push_back(other);
                    }
                }
            }
        }
    }

    /// Returns the changed packages that none of the others pulled in, and those that the user
    /// requested (`find_update_seeds`).
    fn seeds(&self, changed: &[SolvableId]) -> Vec<SolvableId> {
        let mut seeds = if changed.len() < 2 { changed.to_vec() } else { self.not_brought(changed) };
        seeds.retain(|id| !self.fixed[id.index()]);
        seeds.extend(changed.iter().filter(|id| self.fixed[id.index()]));
        seeds
    }

    /// Returns those packages that are not pulled in by another of them (`filter_unneeded`). A
    /// package is pulled in if it is the only installed one that meets a requirement, a
    /// recommendation or a supplement.
    fn not_brought(&self, packages: &[SolvableId]) -> Vec<SolvableId> {
        let place = |id: SolvableId| packages.iter().position(|&other| other == id);
        let mut required: Vec<(usize, usize)> = Vec::new();
        let mut wished: Vec<(usize, usize)> = Vec::new();
        for (from, &id) in packages.iter().enumerate() {
            let package = self.pool.solvable(id);
            let add = |dependencies: &[DependencyId], edges: &mut Vec<(usize, usize)>| {
                for &dependency in dependencies {
                    edges.extend(self.only_installed(id, dependency).into_iter().filter_map(place).map(|to| (from, to)));
                }
            };
            add(package.requires(), &mut required);
            add(package.dependencies(Kind::Recommends), &mut wished);
            for &dependency in self.supplements(id) {
                if self.is_possible(dependency, |id| self.is_installed(id)) {
                    let mut named = Vec::new();
                    looked_at(self.pool, dependency, &mut named);
                    if let &[only] = named.as_slice() {
                        wished.extend(place(only).filter(|_| only != id).map(|by| (by, from)));
                    }
                }
            }
        }
        let all: Vec<(usize, usize)> = required.iter().chain(&wished).copied().collect();
        let mut kept = vec![true; packages.len()];
        // First with all edges, then without requirements, to drop packages that are only
        // recommended from within a cycle.
        for edges in [&all, &wished] {
            let dropped = not_first(packages.len(), edges.iter().copied().filter(|&(from, to)| kept[from] && kept[to]));
            kept.iter_mut().zip(dropped).for_each(|(kept, dropped)| *kept &= !dropped);
        }
        packages.iter().zip(kept).filter(|(_, kept)| *kept).map(|(&id, _)| id).collect()
    }

    /// Returns the installed package that meets a dependency of `id`, if it is the only one. For a
    /// rich dependency, returns all of them.
    fn only_installed(&self, id: SolvableId, dependency: DependencyId) -> Vec<SolvableId> {
        let installed = |&other: &SolvableId| other != id && self.is_installed(other);
        if self.pool.is_complex(dependency) {
            let Normal::Blocks(blocks) = rich::clauses(self.pool, dependency) else { return Vec::new() };
            return blocks.iter().flat_map(|block| self.opened(block)).filter(installed).collect();
        }
        let found: Vec<SolvableId> = self.pool.candidates(dependency).iter().copied().filter(installed).collect();
        if found.len() == 1 { found } else { Vec::new() }
    }
}

/// Returns true for each node of a graph whose cycle (strongly connected component) has an edge
/// from another.
fn not_first(nodes: usize, edges: impl Iterator<Item = (usize, usize)>) -> Vec<bool> {
    let mut graph = DiGraph::<(), ()>::new();
    for _ in 0..nodes {
        graph.add_node(());
    }
    for (from, to) in edges {
        graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
    }
    let mut circle = vec![0; nodes];
    for (number, members) in kosaraju_scc(&graph).into_iter().enumerate() {
        for node in members {
            circle[node.index()] = number;
        }
    }
    let mut reached = vec![false; nodes];
    for edge in graph.raw_edges() {
        let (from, to) = (circle[edge.source().index()], circle[edge.target().index()]);
        reached[to] |= from != to;
    }
    (0..nodes).map(|node| reached[circle[node]]).collect()
}

/// Collects the packages that a check of the dependency looks at.
fn looked_at(pool: &Pool, dependency: DependencyId, found: &mut Vec<SolvableId>) {
    match pool.dependency(dependency) {
        Dependency::Rich { op: RichOp::And, left, right } => {
            looked_at(pool, left, found);
            looked_at(pool, right, found);
        }
        Dependency::Rich { op: RichOp::If | RichOp::Unless, left, right } => {
            looked_at(pool, left, found);
            if let Dependency::Rich { op: RichOp::Else, right: other, .. } = pool.dependency(right) {
                looked_at(pool, other, found);
            }
        }
        _ => found.extend_from_slice(pool.candidates(dependency)),
    }
}
