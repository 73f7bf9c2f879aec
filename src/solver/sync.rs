//! Synchronization of installed packages with the repositories (libsolv's distribution upgrade,
//! dnf's `distro-sync`). Only packages that a repository contains may remain.

use super::engine::Solver;
use super::literal::Lit;
use super::request::{Action, Job, Request};
use super::upkeep::is_identical;
use crate::pool::{Kind, SolvableId};

/// The packages that take part in a synchronization, and those of them that may remain.
#[derive(Debug, Default)]
pub(super) struct Sync {
    pub(super) active: bool,
    /// True if all packages take part.
    pub(super) takes_all: bool,
    involved: Vec<bool>,
    good: Vec<bool>,
}

impl Sync {
    pub(super) fn clear(&mut self) {
        self.active = false;
        self.takes_all = false;
        self.involved.clear();
        self.good.clear();
    }

    /// Reports whether a package takes part.
    pub(super) fn involves(&self, id: SolvableId) -> bool {
        self.active && (self.takes_all || self.involved[id.index()])
    }

    /// Reports whether a package may be installed after the synchronization.
    pub(super) fn is_good(&self, id: SolvableId) -> bool {
        self.active && self.good[id.index()]
    }
}

impl Solver<'_> {
    /// Determines the packages that take part (`solver_createdupmaps`).
    pub(super) fn prepare_sync(&mut self, request: &Request) {
        let jobs = || request.jobs.iter().filter(|job| job.action == Action::Sync);
        if self.upkeep.is_empty() || jobs().next().is_none() {
            return;
        }
        let pool = self.pool;
        self.sync.active = true;
        self.sync.involved.resize(pool.len(), false);
        self.sync.good.resize(pool.len(), false);
        for job in jobs() {
            if job.all {
                self.sync.takes_all = true;
                for package in pool.solvables().filter(|package| !package.is_installed() && package.arch_rank().is_some()) {
                    self.sync.good[package.id().index()] |= !self.reach.is_excluded(package.id());
                }
                self.upkeep.best_all |= job.best;
                if job.clean {
                    for place in 0..self.upkeep.packages.len() {
                        self.upkeep.add_changed(self.upkeep.packages[place]);
                    }
                }
                continue;
            }
            let installed = |&id: &SolvableId| pool.solvable(id).is_installed();
            let targeted = job.targeted || !job.candidates.iter().any(installed);
            for id in job.candidates.iter().copied() {
                if installed(&id) || targeted && pool.solvable(id).arch_rank().is_some() {
                    self.involve(id, job, targeted);
                }
            }
        }
    }

    /// Adds a package, all packages of its name, and those that they obsolete or are obsoleted by
    /// (`solver_addtodupmaps`).
    fn involve(&mut self, id: SolvableId, job: &Job, targeted: bool) {
        let pool = self.pool;
        let package = pool.solvable(id);
        self.sync.involved[id.index()] = true;
        self.sync.good[id.index()] |= targeted;
        for &other in pool.named(package.name_id()) {
            if !pool.solvable(other).takes_part() {
                continue;
            }
            self.sync.involved[other.index()] = true;
            match self.upkeep.place(other) {
                Some(place) => {
                    if targeted {
                        self.involve_obsoleters(place, false);
                    }
                    self.upkeep.note(place, job);
                }
                None => self.sync.good[other.index()] |= !targeted,
            }
        }
        if let Some(place) = self.upkeep.place(id) {
            self.involve_obsoleters(place, !targeted);
        } else if targeted {
            for &dependency in package.dependencies(Kind::Obsoletes) {
                for &other in pool.obsoleted(dependency) {
                    self.sync.involved[other.index()] = true;
                    if let Some(place) = self.upkeep.place(other) {
                        self.involve_obsoleters(place, false);
                        self.upkeep.note(place, job);
                    }
                }
            }
        }
    }

    fn involve_obsoleters(&mut self, place: usize, good: bool) {
        for &id in self.upkeep.obsoleters(place) {
            if !self.pool.solvable(id).is_installed() && !self.reach.is_excluded(id) {
                self.sync.involved[id.index()] = true;
                self.sync.good[id.index()] |= good;
            }
        }
    }

    /// Reports whether an installed package may stay: it is the same build as a good one
    /// (`dup_maykeepinstalled`).
    pub(super) fn may_stay(&self, id: SolvableId) -> bool {
        self.sync.is_good(id) || self.is_same_as_good(id)
    }

    fn is_same_as_good(&self, id: SolvableId) -> bool {
        let mut named = self.pool.named(self.pool.solvable(id).name_id()).iter();
        named.any(|&other| self.sync.is_good(other) && is_identical(self.pool, id, other))
    }

    /// Adds rules against packages that must not remain (`solver_addduprules`).
    pub(super) fn add_sync_rules(&mut self) {
        if !self.sync.active {
            return;
        }
        self.upkeep.update_all |= self.sync.takes_all;
        for id in self.reached_by_name() {
            if !self.sync.involves(id) {
                continue;
            }
            let Some(place) = self.upkeep.place(id) else {
                if !self.sync.is_good(id) {
                    self.rules.add_short(-Lit::of(id), Lit::NONE);
                }
                continue;
            };
            if !self.upkeep.update_all {
                self.upkeep.update.set(place, true);
            }
            if self.sync.is_good(id) {
                continue;
            }
            if self.is_same_as_good(id) || self.is_orphan(place) || self.is_locked(id) {
                self.sync.good[id.index()] = true;
                continue;
            }
            let mut literals = vec![-Lit::of(id)];
            literals.extend(self.upkeep.beside[place].iter().map(|&id| Lit::of(id)));
            self.rules.add_all(&literals);
        }
    }

    /// Reports whether no package replaces an installed one.
    fn is_orphan(&self, place: usize) -> bool {
        let Some(narrow) = self.narrowest_rule(place) else { return true };
        if !self.upkeep.beside[place].is_empty() || !self.rules.get(narrow).is_assertion() {
            return false;
        }
        let feature = self.rules.get(self.feature_rule(place));
        feature.is_none() || feature.is_assertion()
    }

    /// Returns the reached packages that may be installed, grouped by name. Groups are in the order
    /// of their first packages; packages in a group are sorted by id.
    pub(super) fn reached_by_name(&self) -> Vec<SolvableId> {
        let pool = self.pool;
        let mut all = Vec::with_capacity(self.reach.packages.len());
        let mut sorted = self.reach.packages.clone();
        sorted.sort_unstable();
        for id in sorted {
            let counts =
                |id: SolvableId| self.reach.contains(id) && pool.solvable(id).takes_part() && !self.reach.is_excluded(id);
            let named = pool.named(pool.solvable(id).name_id());
            if named.iter().copied().find(|&id| counts(id)) == Some(id) {
                all.extend(named.iter().copied().filter(|&id| counts(id)));
            }
        }
        all
    }
}
