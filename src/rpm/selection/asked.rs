//! Conversion of specs to jobs: packages, groups and modules, as `@core`, `@core/optional`,
//! `@^server-environment`, `@nodejs:20/development`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Settled;
use crate::ecosystem::{Ask, RepositoryFilter};
use crate::pool::{Pool, Solvable, SolvableId};
use crate::rpm::ecosystem::identity;
use crate::rpm::groups::Member;
use crate::rpm::installed::State;
use crate::rpm::modules::{Build, Hider, ModuleError, ModuleSpec};
use crate::rpm::package_files;
use crate::rpm::spec::{self, Among};
use crate::solver::Job;

/// The packages that a request may choose from.
pub(super) struct Scope<'p> {
    pub(super) pool: &'p Pool,
    pub(super) state: &'p State,
    pub(super) settled: Cow<'p, Settled>,
    /// Packages that exclusions, filters and modules hide, sorted by id.
    pub(super) excluded: Vec<SolvableId>,
    /// Packages that repository filters hide, sorted by id.
    left_out: Vec<SolvableId>,
}

/// The jobs of specs.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Unconditional jobs.
    pub(super) jobs: Vec<Job>,
    /// Jobs that apply only if a package with this name or provide is installed.
    pub(super) conditional: Vec<(String, Job)>,
    /// Warnings to the user.
    pub(super) warnings: Vec<String>,
}

impl Asked {
    /// Appends the jobs of another spec.
    pub(super) fn add(&mut self, other: Self) {
        self.jobs.extend(other.jobs);
        self.conditional.extend(other.conditional);
        self.warnings.extend(other.warnings);
    }
}

/// Returns the packages that a repository filter hides. Patterns work as those of [`Ask::exclude`]
/// (dnf's `_setup_excludes_includes`).
fn left_out(pool: &Pool, filter: &RepositoryFilter) -> Vec<SolvableId> {
    let is_in = |id: &SolvableId| pool.solvable(*id).repo_name() == filter.repository;
    let named = |patterns: &[String]| -> Vec<SolvableId> {
        patterns.iter().flat_map(|pattern| spec::select_by_name(pool, pattern)).filter(is_in).collect()
    };
    let mut found = named(&filter.exclude);
    if !filter.only.is_empty() {
        let only: BTreeSet<SolvableId> = named(&filter.only).into_iter().collect();
        found.extend(pool.solvables().map(Solvable::id).filter(|id| is_in(id) && !only.contains(id)));
    }
    found
}

impl<'p> Scope<'p> {
    /// Creates the scope of a request. As in dnf, a module whose packages are requested is also
    /// enabled.
    pub(super) fn new(pool: &'p Pool, state: &'p State, ask: &Ask) -> Result<Self, ModuleError> {
        let more: Vec<String> = ask.specs().filter_map(|spec| module_of(state, spec.strip_prefix('@')?)).collect();
        let settled = if ask.modules == state.settled.options && (ask.modules.ignore || more.is_empty()) {
            Cow::Borrowed(&state.settled)
        } else {
            Cow::Owned(Settled::new(state, &ask.modules, &more, pool)?)
        };
        let named = ask.exclude.iter().flat_map(|pattern| spec::select_by_name(pool, pattern));
        let mut left_out: Vec<SolvableId> = ask.filters.iter().flat_map(|filter| left_out(pool, filter)).collect();
        left_out.sort_unstable();
        let hidden = settled.hidden.packages().iter().chain(&left_out).copied();
        let mut excluded: Vec<SolvableId> = named.chain(hidden).collect();
        for name in ask.pins.keys() {
            let named = pool.find(name).map(|name| pool.named(name)).unwrap_or_default();
            let others = named.iter().copied().filter(|&id| ask.is_pinned_away(name, || identity(pool.solvable(id)).id));
            excluded.extend(others);
        }
        excluded.sort_unstable();
        excluded.dedup();
        Ok(Self { pool, state, settled, excluded, left_out })
    }

    /// Returns the reason why a package is hidden, other than an exclusion.
    pub(super) fn hider(&self, package: SolvableId) -> Option<Hider> {
        let left_out = || self.left_out.binary_search(&package).is_ok().then_some(Hider::Repository);
        self.settled.hidden.by(package).cloned().or_else(left_out)
    }

    fn among(&self) -> Among<'_> {
        Among { hidden: &self.excluded, obsoleters: self.settled.obsoleters.as_ref() }
    }

    fn job(&self, text: impl Into<String>, candidates: Vec<SolvableId>, best: bool) -> Job {
        super::install_job(text, candidates, best, self.settled.obsoleters.is_some())
    }

    /// Returns the jobs of a spec.
    pub(super) fn asked(&self, spec: &str, best: bool) -> Asked {
        if package_files::is_file(spec) {
            let found = package_files::find(self.pool, spec).into_iter().collect();
            return Asked { jobs: vec![self.job(spec, found, best)], ..Asked::default() };
        }
        let Some(rest) = spec.strip_prefix('@') else {
            let jobs = super::install_jobs(self.pool, spec, self.among(), best);
            return Asked { jobs, ..Asked::default() };
        };
        if !self.settled.active.builds.is_empty() && module_of(self.state, rest).is_some() {
            return self.module(spec, &ModuleSpec::parse(rest), best);
        }
        match self.state.groups.members(rest, &self.state.arch) {
            Some(members) => self.group(spec, members, best),
            None => Asked { jobs: vec![Job::install(spec, Vec::new())], ..Asked::default() },
        }
    }

    /// Returns the jobs of a group, for those packages that exist (dnf's `_finalize_comps_trans`).
    fn group(&self, spec: &str, members: BTreeSet<&Member>, best: bool) -> Asked {
        let mut asked = Asked::default();
        for member in members {
            let mut found = self.named(&member.name);
            found.retain(|&id| !member.basearch_only || self.pool.solvable(id).arch() == self.state.arch);
            if found.is_empty() {
                asked.warnings.push(format!("{spec}: there is no package {}", member.name));
                continue;
            }
            if let Some(requires) = &member.requires {
                let job = self.job(format!("{spec} ({} if {requires})", member.name), found, best);
                asked.conditional.push((requires.clone(), job));
                continue;
            }
            if let Some(obsoleters) = &self.settled.obsoleters {
                obsoleters.add(&mut found);
                found.retain(|id| self.excluded.binary_search(id).is_err());
            }
            asked.jobs.push(self.job(format!("{spec} ({})", member.name), found, best));
        }
        asked
    }

    /// Returns the jobs of a module's profiles (dnf's `ModuleBase.install`).
    fn module(&self, spec: &str, module: &ModuleSpec<'_>, best: bool) -> Asked {
        let modules = &self.state.modules;
        let active: Vec<&Build> = (modules.builds.iter().zip(&self.settled.active.builds))
            .filter(|&(build, &active)| active && module.means(build))
            .map(|(build, _)| build)
            .collect();
        let mut asked = Asked::default();
        let streams: BTreeSet<(&str, &str)> = active.iter().map(|build| (build.name.as_str(), build.stream.as_str())).collect();
        if streams.is_empty() {
            asked.jobs.push(Job::install(spec, Vec::new()));
        }
        for (name, stream) in streams {
            let builds = || active.iter().filter(|build| build.name == name && build.stream == stream);
            let Some(newest) = builds().max_by_key(|build| build.version) else { continue };
            let mut packages: BTreeSet<&str> = BTreeSet::new();
            let mut known = false;
            let mut take = |pattern: &str| {
                for (_, names) in newest.profiles.iter().filter(|(profile, _)| matches_profile(pattern, profile)) {
                    known = true;
                    packages.extend(names.iter().map(String::as_str));
                }
            };
            match module.profile {
                Some(profile) => take(profile),
                None => modules.default_profiles(name, stream).iter().for_each(|profile| take(profile)),
            }
            if !known {
                match module.profile {
                    Some(_) => asked.jobs.push(Job::install(spec, Vec::new())),
                    None => asked.warnings.push(format!("{spec}: the stream {name}:{stream} has no default profile")),
                }
            }
            let own: BTreeSet<SolvableId> = builds().flat_map(|build| build.packages(self.pool)).collect();
            for package in packages {
                let mut found = self.named(package);
                if found.iter().any(|id| own.contains(id)) {
                    found.retain(|id| own.contains(id));
                }
                asked.jobs.push(self.job(format!("{spec} ({package})"), found, best));
            }
        }
        asked
    }

    /// Returns the visible packages with a name: those that the machine can run, or if there are
    /// none, those of other architectures.
    fn named(&self, name: &str) -> Vec<SolvableId> {
        let named = self.pool.find(name).map_or(&[][..], |name| self.pool.named(name));
        let is_seen = |id: &SolvableId| self.excluded.binary_search(id).is_err();
        let mut found: Vec<SolvableId> = named.iter().copied().filter(is_seen).collect();
        spec::keep_running(self.pool, &mut found);
        found
    }

    /// Reports whether a package with this name or provide is in a list sorted by id.
    pub(super) fn has(&self, packages: &[SolvableId], name: &str) -> bool {
        self.pool.find(name).is_some_and(|name| self.pool.providers(name).any(|(id, _)| packages.binary_search(&id).is_ok()))
    }
}

fn matches_profile(pattern: &str, profile: &str) -> bool {
    pattern == profile || crate::finish::glob::matches(pattern.as_bytes(), profile.as_bytes())
}

/// Returns the module that a spec (without its `@`) names, in the form for enabling it; `None` if
/// the spec names a group.
fn module_of(state: &State, spec: &str) -> Option<String> {
    let module = ModuleSpec::parse(spec);
    let meant = state.modules.builds.iter().any(|build| module.means(build));
    meant.then(|| spec.split_once('/').map_or(spec, |(module, _)| module).to_owned())
}
