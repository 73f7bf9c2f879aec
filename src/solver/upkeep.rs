//! The installed packages, and what a request does with them.
//!
//! Installed packages are indexed in the order of their ids. A fresh installation has none, and
//! does not pay for this module.

use super::generate::Reach;
use super::literal::Lit;
use super::request::{Action, Job, Pinned, Request, colours_differ};
use crate::pool::{Kind, Pool, SolvableId};

/// The kinds of packages that may replace an installed package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) downgrade: bool,
    pub(super) arch_change: bool,
    pub(super) vendor_change: bool,
}

impl Allowed {
    /// Any package.
    pub(super) const ANY: Self = Self { downgrade: true, arch_change: true, vendor_change: true };
}

/// The installed packages, and their state in the current request. Lists and [`Marks`] are indexed
/// by installed package unless they contain ids.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// The installed packages, sorted by id.
    pub(super) packages: Vec<SolvableId>,
    /// Packages of other names that obsolete each installed package, sorted by id.
    obsoleters: Vec<Vec<SolvableId>>,
    /// True if the search must consider installed packages.
    pub(super) active: bool,
    /// The kinds of packages that may replace an installed package.
    pub(super) allowed: Allowed,
    /// True if all installed packages are to be updated.
    pub(super) update_all: bool,
    /// Packages that are to be updated.
    pub(super) update: Marks,
    /// True if only the best update counts for all packages.
    pub(super) best_all: bool,
    /// Packages for which only the best update counts.
    pub(super) best: Marks,
    /// Targets of each package: the packages that may replace it in an update.
    pub(super) targets: Vec<Vec<SolvableId>>,
    /// For packages of which several versions may be installed: the newer versions to install
    /// beside each.
    pub(super) beside: Vec<Vec<SolvableId>>,
    /// Packages that jobs erase or replace; no rule keeps them.
    pub(super) released: Marks,
    /// Packages that may be erased if they cause a conflict.
    pub(super) erasable: Marks,
    pub(super) erasable_all: bool,
    /// Packages that no package in the repositories could replace.
    pub(super) orphaned: Vec<SolvableId>,
    /// Packages that only serve erased packages. `None` if such packages stay installed.
    pub(super) unneeded: Option<Marks>,
    /// Packages that the user requested, or that must not be erased for another reason.
    pub(super) wanted: Vec<SolvableId>,
    /// True for each job (or lock) that also erases unneeded packages.
    clean_jobs: Vec<bool>,
    /// Packages that change; packages that only served them may be erased.
    pub(super) changed: Vec<SolvableId>,
    /// Packages that were wrongly marked as unneeded.
    pub(super) mistakes: Vec<SolvableId>,
    /// Index where the last search for packages to keep stopped.
    pub(super) start_at: usize,
}

/// A set of installed packages, by index.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    set: Vec<bool>,
    /// True if a mark was ever set.
    pub(super) any: bool,
}

impl Marks {
    pub(super) fn clear(&mut self, places: usize) {
        self.set.clear();
        self.set.resize(places, false);
        self.any = false;
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.set[place]
    }

    pub(super) fn set(&mut self, place: usize, value: bool) {
        self.set[place] = value;
        self.any |= value;
    }
}

impl Upkeep {
    pub(super) fn new(pool: &Pool) -> Self {
        let packages: Vec<SolvableId> = pool.installed_solvables().map(crate::pool::Solvable::id).collect();
        let mut all = Self { obsoleters: vec![Vec::new(); packages.len()], packages, ..Self::default() };
        if all.packages.is_empty() {
            return all;
        }
        for package in pool.solvables().filter(|package| package.takes_part()) {
            for &dependency in package.dependencies(Kind::Obsoletes) {
                for &other in pool.obsoleted(dependency) {
                    if let Some(place) = all.place(other)
                        && pool.solvable(other).name_id() != package.name_id()
                        && all.obsoleters[place].last() != Some(&package.id())
                    {
                        all.obsoleters[place].push(package.id());
                    }
                }
            }
        }
        all.clear();
        all
    }

    /// Clears the state of the last request.
    pub(super) fn clear(&mut self) {
        self.active = false;
        if self.packages.is_empty() {
            return;
        }
        let places = self.packages.len();
        self.update_all = false;
        self.best_all = false;
        self.erasable_all = false;
        for marks in [&mut self.update, &mut self.best, &mut self.released, &mut self.erasable] {
            marks.clear(places);
        }
        for lists in [&mut self.targets, &mut self.beside] {
            lists.clear();
            lists.resize(places, Vec::new());
        }
        self.orphaned.clear();
        self.unneeded = None;
        self.wanted.clear();
        self.clean_jobs.clear();
        self.changed.clear();
        self.mistakes.clear();
        self.start_at = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Returns the index of a package, if it is installed.
    pub(super) fn place(&self, id: SolvableId) -> Option<usize> {
        self.packages.binary_search(&id).ok()
    }

    /// Returns the packages of other names that obsolete the package at an index, sorted by id.
    pub(super) fn obsoleters(&self, place: usize) -> &[SolvableId] {
        &self.obsoleters[place]
    }

    /// Reports whether the package at an index is to be updated.
    pub(super) fn is_to_update(&self, place: usize) -> bool {
        self.update_all || self.update.has(place)
    }

    /// Reports whether the package at an index may be erased if it causes a conflict.
    pub(super) fn may_go(&self, place: usize) -> bool {
        self.erasable_all || self.erasable.has(place)
    }

    /// Reports whether a package only serves erased packages.
    pub(super) fn is_unneeded(&self, id: SolvableId) -> bool {
        match &self.unneeded {
            Some(unneeded) => self.place(id).is_some_and(|place| unneeded.has(place)),
            None => false,
        }
    }

    /// Reports whether a job also erases unneeded packages.
    pub(super) fn is_clean_job(&self, job: usize) -> bool {
        self.clean_jobs.get(job).is_some_and(|&clean| clean)
    }

    /// Records that a package changes, so that packages that only served it may be erased. Returns
    /// false if it was recorded before.
    pub(super) fn add_changed(&mut self, id: SolvableId) -> bool {
        let is_new = !self.changed.contains(&id);
        if is_new {
            self.changed.push(id);
        }
        is_new
    }

    /// Keeps only the candidates that are targets of the package at an index, if it has targets.
    pub(super) fn keep_targets(&self, place: usize, candidates: &mut Vec<Lit>) {
        let targets = &self.targets[place];
        if !targets.is_empty() {
            candidates.retain(|literal| targets.contains(&literal.id()));
        }
    }

    /// Records what a request says about installed packages, before any rule is generated
    /// (libsolv's first pass over the jobs).
    pub(super) fn prepare(&mut self, pool: &Pool, request: &Request, is_excluded: &dyn Fn(SolvableId) -> bool) {
        self.active = !self.packages.is_empty();
        self.allowed = Allowed {
            downgrade: request.allow_downgrade,
            arch_change: request.allow_arch_change,
            vendor_change: !request.keep_vendor,
        };
        if !self.active {
            return;
        }
        self.erasable_all = request.allow_erasing;
        // An excluded package cannot be erased as unneeded.
        let wanted = request.user_installed.iter().chain(&request.excluded).copied().filter(|&id| self.place(id).is_some());
        self.wanted = wanted.collect();
        self.clean_jobs.extend(request.jobs.iter().map(|job| job.clean));
        for &id in &request.erasable {
            if let Some(place) = self.place(id) {
                self.erasable.set(place, true);
            }
        }
        for job in request.jobs.iter().filter(|job| job.action == Action::Update) {
            self.prepare_update(pool, job, is_excluded);
        }
        for targets in &mut self.targets {
            targets.sort_unstable();
            targets.dedup();
        }
        for place in 0..self.packages.len() {
            if !self.targets[place].is_empty() {
                self.update.set(place, true);
            }
        }
    }

    fn prepare_update(&mut self, pool: &Pool, job: &Job, is_excluded: &dyn Fn(SolvableId) -> bool) {
        if job.all {
            self.update_all = true;
            self.best_all |= job.best;
            if job.clean {
                for place in 0..self.packages.len() {
                    self.add_changed(self.packages[place]);
                }
            }
            return;
        }
        let mut targeted = true;
        if !job.targeted {
            for place in job.candidates.iter().filter_map(|&id| self.place(id)).collect::<Vec<_>>() {
                self.update.set(place, true);
                self.note(place, job);
                targeted = false;
            }
        }
        if targeted {
            for &id in job.candidates.iter().filter(|&&id| !is_excluded(id)) {
                self.add_target(pool, id, job);
            }
        }
    }

    /// Records that a job changes the package at an index.
    pub(super) fn note(&mut self, place: usize, job: &Job) {
        if job.best {
            self.best.set(place, true);
        }
        if job.clean {
            self.add_changed(self.packages[place]);
        }
    }

    /// Makes a package a target of the installed packages that it would replace
    /// (`add_update_target`).
    fn add_target(&mut self, pool: &Pool, id: SolvableId, job: &Job) {
        if let Some(place) = self.place(id) {
            self.targets[place].push(id);
            return;
        }
        let package = pool.solvable(id);
        for &old in pool.named(package.name_id()) {
            let Some(place) = self.place(old) else { continue };
            self.note(place, job);
            self.targets[place].push(id);
            if is_identical(pool, id, old) {
                self.targets[place].push(old);
            }
        }
        for &dependency in package.dependencies(Kind::Obsoletes) {
            for &old in pool.obsoleted(dependency) {
                if let Some(place) = self.place(old).filter(|_| pool.solvable(old).name_id() != package.name_id()) {
                    self.note(place, job);
                    self.targets[place].push(id);
                }
            }
        }
    }

    /// Collects the installed packages that a new package would replace (`solver_add_obsoleted`).
    pub(super) fn replaced_by(&self, pool: &Pool, reach: &Reach, id: SolvableId, found: &mut Vec<SolvableId>) {
        let package = pool.solvable(id);
        if !reach.is_install_only(id) {
            let differ = |old: SolvableId| colours_differ(&reach.second_colour, package, pool.solvable(old));
            found.extend(pool.named(package.name_id()).iter().filter(|&&old| self.place(old).is_some() && !differ(old)));
        }
        for &dependency in package.dependencies(Kind::Obsoletes) {
            for &old in pool.obsoleted(dependency) {
                if self.place(old).is_some() && !found.contains(&old) {
                    found.push(old);
                }
            }
        }
    }
}

/// Reports whether the policy forbids replacing `old` by `new`. Differences in pinned properties
/// are allowed.
pub(super) fn is_forbidden(pool: &Pool, old: SolvableId, new: SolvableId, allowed: Allowed, pinned: Pinned) -> bool {
    let (old, new) = (pool.solvable(old), pool.solvable(new));
    let downgrade = old.name_id() == new.name_id() && old.version_rank() > new.version_rank();
    !allowed.downgrade && !pinned.contains(Pinned::VERSION) && downgrade
        || !allowed.arch_change && !pinned.contains(Pinned::ARCH) && is_arch_change(pool, old.id(), new.id())
        || !allowed.vendor_change && !pinned.contains(Pinned::VENDOR) && old.vendor() != new.vendor()
}

/// Reports whether two packages have different architectures; `noarch` matches every architecture.
pub(super) fn is_arch_change(pool: &Pool, a: SolvableId, b: SolvableId) -> bool {
    let (a, b) = (pool.solvable(a), pool.solvable(b));
    a.arch_id() != b.arch_id() && a.arch_rank() != Some(0) && b.arch_rank() != Some(0) && a.arch_rank() != b.arch_rank()
}

/// Reports whether two packages are the same build (`solvable_identical`).
pub fn is_identical(pool: &Pool, a: SolvableId, b: SolvableId) -> bool {
    let (a, b) = (pool.solvable(a), pool.solvable(b));
    if a.name_id() != b.name_id() || a.arch_id() != b.arch_id() || a.version_id() != b.version_id() || a.vendor() != b.vendor() {
        return false;
    }
    if a.build_time() != 0 && b.build_time() != 0 {
        return a.build_time() == b.build_time();
    }
    let sorted = |package: crate::pool::Solvable<'_>| {
        let mut requires = package.requires().to_vec();
        requires.sort_unstable();
        requires
    };
    sorted(a) == sorted(b)
}
