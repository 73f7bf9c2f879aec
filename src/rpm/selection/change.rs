//! A root that has packages is changed: what each verb asks of the solver, as dnf asks libsolv, and what its answer does to the root.

use super::{Selection, reason};
use crate::ecosystem::{Action, Ask, Change, Changing, Choice, FileOptions, Reason, Verb};
use crate::pool::{Solvable, SolvableId};
use crate::rpm::explanation::Unresolved;
use crate::rpm::spec;
use crate::solver::{Job, Pinned, Request, Solution};
use crate::transaction;

impl Selection<'_> {
    /// Changes what is installed.
    pub(super) fn change(&mut self, ask: &Ask, changing: &Changing) -> Result<Choice, Unresolved> {
        let mut request = Request::new(self.jobs(changing));
        request.excluded = self.excluded(ask);
        request.weak_dependencies = changing.options.weak_deps;
        request.allow_erasing =
            changing.options.allow_erasing || matches!(changing.verb, Verb::Remove | Verb::Autoremove | Verb::Swap);
        request.allow_downgrade = changing.verb == Verb::Downgrade;
        request.user_installed = self.user_installed();
        let solved = self.solver.solve(&request);
        let solution = solved.map_err(|unsolvable| Unresolved { jobs: request.jobs.clone(), unsolvable })?;
        let files = FileOptions { docs: changing.options.docs, langs: changing.options.langs.clone() };
        Ok(Choice { changes: self.changes(&solution, &files), ..Choice::default() })
    }

    fn jobs(&mut self, changing: &Changing) -> Vec<Job> {
        let best = changing.options.best;
        let specs = &changing.specs;
        let of_each = |job: &dyn Fn(&str) -> Vec<Job>| specs.iter().flat_map(|spec| job(spec)).collect::<Vec<_>>();
        match changing.verb {
            Verb::Install => of_each(&|spec| self.install_jobs(spec, best)),
            Verb::Remove => of_each(&|spec| vec![self.erase_job(spec, changing.flags.autoremove)]),
            Verb::Upgrade if specs.is_empty() => vec![Job::update_all().best(best)],
            Verb::Upgrade => of_each(&|spec| vec![self.known(spec, |spec, found| Job::update(spec, found)).best(best)]),
            Verb::DistroSync if specs.is_empty() => vec![Job::sync_all().best(best)],
            Verb::DistroSync => of_each(&|spec| vec![self.known(spec, |spec, found| Job::sync(spec, found)).best(best)]),
            Verb::Downgrade => of_each(&|spec| self.older_jobs(spec)),
            Verb::Reinstall | Verb::Fix => of_each(&|spec| self.again_jobs(spec)),
            Verb::Swap => {
                let (old, new) = specs.split_first().map_or((None, specs.as_slice()), |(old, new)| (Some(old), new));
                let erased = old.map(|spec| self.erase_job(spec, changing.flags.autoremove));
                erased.into_iter().chain(new.iter().flat_map(|spec| self.install_jobs(spec, best))).collect()
            }
            Verb::Autoremove => {
                let user = self.user_installed();
                let unneeded = self.solver.unneeded(&user);
                let chosen: Vec<SolvableId> = specs.iter().flat_map(|spec| self.installed(spec)).collect();
                let mut meant = unneeded.into_iter().filter(|id| specs.is_empty() || chosen.contains(id)).peekable();
                if meant.peek().is_some() { vec![Job::erase("unneeded packages", meant.collect())] } else { Vec::new() }
            }
        }
    }

    /// The installed packages that the user asked for.
    fn user_installed(&self) -> Vec<SolvableId> {
        let known = self.state.user_installed.as_ref();
        let asked = |name: &str| known.is_none_or(|names| names.iter().any(|known| known == name));
        self.pool.installed_solvables().filter(|package| asked(package.name())).map(Solvable::id).collect()
    }

    /// The installed packages that a spec means.
    fn installed(&self, spec: &str) -> Vec<SolvableId> {
        let mut found = spec::select_by_name(self.pool, spec);
        if found.is_empty() {
            found = spec::select(self.pool, spec);
        }
        found.retain(|&id| self.pool.solvable(id).is_installed());
        found
    }

    /// The jobs that install what a spec means. What it says of the version or the architecture may replace what is installed.
    fn install_jobs(&self, spec: &str, best: bool) -> Vec<Job> {
        let is_name = |job: &Job| job.candidates.iter().all(|&id| self.pool.solvable(id).name() == spec);
        let pinned = |job: Job| {
            let says_more = !job.candidates.is_empty() && !is_name(&job);
            if says_more { job.pinned(Pinned::NAME | Pinned::ARCH | Pinned::VERSION) } else { job }
        };
        super::install_jobs(self.pool, spec, best).into_iter().map(pinned).collect()
    }

    /// A job about what a spec means; where it means nothing, one that nothing can do.
    fn known(&self, spec: &str, job: fn(&str, Vec<SolvableId>) -> Job) -> Job {
        let found = spec::select(self.pool, spec);
        if found.is_empty() { Job::install(spec, found) } else { job(spec, found) }
    }

    fn erase_job(&self, spec: &str, clean: bool) -> Job {
        let mut meant = self.installed(spec);
        if meant.is_empty() {
            return Job::install(spec, meant);
        }
        // Nor may another of its name come in its place (libsolv's solver_solve for SOLVER_ERASE).
        let installed: Vec<_> = meant.iter().map(|&id| self.pool.solvable(id).name_id()).collect();
        let others = installed.iter().flat_map(|&name| self.pool.named(name)).copied();
        meant.extend(others.filter(|&id| !self.pool.solvable(id).is_installed()));
        Job::erase(spec, meant).clean(clean)
    }

    /// Of each installed package that a spec means, the older ones that may take its place.
    fn older_jobs(&self, spec: &str) -> Vec<Job> {
        self.replacements(spec, |old, new| new.version_rank() < old.version_rank())
    }

    /// Of each installed package that a spec means, the same again.
    fn again_jobs(&self, spec: &str) -> Vec<Job> {
        self.replacements(spec, |old, new| new.version_rank() == old.version_rank())
    }

    fn replacements(&self, spec: &str, fits: impl Fn(Solvable<'_>, Solvable<'_>) -> bool) -> Vec<Job> {
        let installed = self.installed(spec);
        if installed.is_empty() {
            return vec![Job::install(spec, Vec::new())];
        }
        let of = |&id: &SolvableId| {
            let old = self.pool.solvable(id);
            let named = self.pool.named(old.name_id()).iter().copied();
            let fitting = named.filter(|&id| {
                let new = self.pool.solvable(id);
                !new.is_installed() && new.arch_id() == old.arch_id() && fits(old, new)
            });
            Job::install(spec, fitting.collect()).pinned(Pinned::EXACT)
        };
        installed.iter().map(of).collect()
    }

    /// What the solution does to what is installed: packages of a name take each other's places.
    fn changes(&self, solution: &Solution, files: &FileOptions) -> Vec<Change> {
        let pool = self.pool;
        let mut gone: Vec<SolvableId> =
            pool.installed_solvables().map(Solvable::id).filter(|&id| !solution.contains(id)).collect();
        let new: Vec<SolvableId> = solution.packages.iter().copied().filter(|&id| !pool.solvable(id).is_installed()).collect();
        let reasons = solution.reasons(pool);
        let mut changes = Vec::with_capacity(new.len() + gone.len());
        for id in transaction::order(pool, &new) {
            let package = pool.solvable(id);
            let same_name = |&old: &SolvableId| pool.solvable(old).name_id() == package.name_id();
            let same_arch = |&old: &SolvableId| pool.solvable(old).arch_id() == package.arch_id();
            let place = gone.iter().position(|old| same_name(old) && same_arch(old)).or_else(|| gone.iter().position(same_name));
            let old = place.map(|place| gone.remove(place));
            let action = old.map_or(Action::Install, |old| {
                let before = pool.solvable(old);
                match package.version_rank().cmp(&before.version_rank()) {
                    std::cmp::Ordering::Greater => Action::Upgrade,
                    std::cmp::Ordering::Less => Action::Downgrade,
                    std::cmp::Ordering::Equal if before.arch_id() == package.arch_id() => Action::Reinstall,
                    std::cmp::Ordering::Equal => Action::Replace,
                }
            });
            let place = solution.packages.binary_search(&id).ok();
            let reason = place.map_or(Reason::Dependency, |place| reason(reasons[place]));
            changes.push(Change { action, old, new: Some(id), reason, files: files.clone() });
        }
        // What others need goes after them.
        let mut erased = transaction::order(pool, &gone);
        erased.reverse();
        let erase =
            |old| Change { action: Action::Erase, old: Some(old), new: None, reason: Reason::Dependency, files: files.clone() };
        changes.extend(erased.into_iter().map(erase));
        changes
    }
}
