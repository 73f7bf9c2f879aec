//! Conversion of dnf's commands to solver requests.
//!
//! Errors about missing packages are up to the caller, which gets [`Unmatched`].

use super::selection;
use super::spec::{self, Among};
use crate::pool::{Pool, SolvableId};
use crate::solver::{Job, Pinned, Request, Solver, is_identical};

/// The action of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Install the newest possible packages.
    Install,
    /// Update installed packages; without specs, all.
    Upgrade,
    /// Replace installed packages by older ones.
    Downgrade,
    /// Install installed packages again.
    Reinstall,
    /// Remove installed packages.
    Remove,
    /// Synchronize installed packages with the repositories; without specs, all.
    DistroSync,
    /// Remove packages that the user did not request and no package needs; takes no specs.
    Autoremove,
}

/// The reason why a spec cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmatched {
    /// The spec matches no package.
    #[error("no package matches `{spec}`")]
    Nothing {
        /// The spec as the user wrote it.
        spec: String,
    },
    /// The spec matches packages, but none of them is installed.
    #[error("`{spec}` is not installed")]
    NotInstalled {
        /// The spec as the user wrote it.
        spec: String,
    },
    /// The repositories contain no older version of the installed package (for a downgrade), or not
    /// the same one (for a reinstallation).
    #[error("the repositories hold no package to replace the installed `{spec}` by")]
    NoReplacement {
        /// The spec as the user wrote it.
        spec: String,
    },
}

/// Options of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// True if only the best candidates are accepted.
    pub best: bool,
    /// True if removing a package also removes packages that only served it
    /// (`clean_requirements_on_remove`).
    pub clean: bool,
    /// Packages that the user requested; only used with `clean` and [`Verb::Autoremove`].
    pub user_installed: Vec<SolvableId>,
    /// Packages that specs cannot match, sorted by id.
    pub hidden: Vec<SolvableId>,
    /// True if packages that obsolete a requested package may replace it.
    pub obsoletes: bool,
}

/// Adds a command to a request. As in dnf, removing a package also removes the packages that need
/// it.
///
/// ```
/// use rootstrap::rpm::request::{self, Options, Verb};
/// use rootstrap::rpm::{architecture, universe};
/// use rootstrap::solver::{Request, Solver};
///
/// let pool = universe::parse(
///     "repo system installed
///      bash 5.1.8-6.el9
///      repo base
///      bash 5.1.8-6.el9
///      bash 5.1.8-9.el9",
///     &architecture::compatible("x86_64"),
/// )?;
/// let mut upgrade = Request::default();
/// request::add(&pool, &mut upgrade, Verb::Upgrade, &["bash"], &Options::default())?;
/// let solution = Solver::new(&pool).solve(&upgrade).unwrap();
/// assert_eq!(pool.solvable(solution.packages[0]).version(), "5.1.8-9.el9");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn add<S: AsRef<str>>(
    pool: &Pool,
    request: &mut Request,
    verb: Verb,
    specs: &[S],
    options: &Options,
) -> Result<(), Unmatched> {
    let removes = matches!(verb, Verb::Remove | Verb::Autoremove);
    request.allow_erasing |= removes;
    for &id in &options.user_installed {
        if !request.user_installed.contains(&id) {
            request.user_installed.push(id);
        }
    }
    match verb {
        Verb::Upgrade if specs.is_empty() => request.jobs.push(Job::update_all().best(options.best)),
        Verb::DistroSync if specs.is_empty() => request.jobs.push(Job::sync_all().best(options.best)),
        Verb::Autoremove if specs.is_empty() => {
            for id in Solver::new(pool).unneeded(&options.user_installed) {
                request.jobs.push(remove(pool.solvable(id).name(), id, options));
            }
        }
        _ => {
            for spec in specs {
                request.jobs.extend(jobs(pool, verb, spec.as_ref(), options)?);
            }
        }
    }
    Ok(())
}

fn remove(spec: &str, id: SolvableId, options: &Options) -> Job {
    Job::erase(spec, vec![id]).pinned(Pinned::EXACT).clean(options.clean)
}

/// Returns the jobs of a command for a spec.
pub fn jobs(pool: &Pool, verb: Verb, spec: &str, options: &Options) -> Result<Vec<Job>, Unmatched> {
    let obsoleters = (options.obsoletes && verb == Verb::Install).then(|| spec::Obsoleters::new(pool));
    let groups = spec::select_each(pool, spec, Among { hidden: &options.hidden, obsoleters: obsoleters.as_ref() });
    if groups.is_empty() {
        return Err(Unmatched::Nothing { spec: spec.to_owned() });
    }
    let is_installed = |id: &SolvableId| pool.solvable(*id).is_installed();
    let runs = |group: &&Vec<SolvableId>| group.iter().any(|&id| spec::runs(pool, id) || is_installed(&id));
    // Commands on installed packages ignore groups without installed packages.
    let installed: Vec<Vec<SolvableId>> =
        groups.iter().filter(runs).filter(|group| same_name_installed(pool, group)).cloned().collect();
    if verb != Verb::Install && installed.is_empty() {
        return Err(Unmatched::NotInstalled { spec: spec.to_owned() });
    }
    let best = options.best;
    let mut jobs: Vec<Job> = Vec::new();
    match verb {
        Verb::Install => {
            jobs.extend(groups.into_iter().map(|group| selection::install_job(spec, group, best, options.obsoletes)));
        }
        Verb::Upgrade => jobs.extend(installed.into_iter().map(|group| Job::update(spec, group).best(best))),
        Verb::DistroSync => jobs.extend(installed.into_iter().map(|group| Job::sync(spec, group).best(best))),
        Verb::Remove | Verb::Autoremove => {
            jobs.extend(installed.iter().flatten().copied().filter(is_installed).map(|id| remove(spec, id, options)));
        }
        Verb::Downgrade => {
            for group in &installed {
                let older = older_than_installed(pool, group);
                if !older.is_empty() {
                    jobs.push(Job::install(spec, older).best(best).pinned(Pinned::NAME | Pinned::ARCH | Pinned::VERSION));
                }
            }
        }
        Verb::Reinstall => {
            for &old in installed.iter().flatten().filter(|id| is_installed(id)) {
                let package = pool.solvable(old);
                let same = |id: &&SolvableId| {
                    let other = pool.solvable(**id);
                    !is_installed(id) && other.version_id() == package.version_id() && other.arch_id() == package.arch_id()
                };
                let mut found: Vec<SolvableId> = pool.named(package.name_id()).iter().filter(same).copied().collect();
                if found.iter().any(|&id| is_identical(pool, old, id)) {
                    found.retain(|&id| is_identical(pool, old, id));
                }
                if !found.is_empty() {
                    jobs.push(Job::install(spec, found).pinned(Pinned::EXACT));
                }
            }
        }
    }
    if jobs.is_empty() {
        let spec = spec.to_owned();
        return Err(if matches!(verb, Verb::Downgrade | Verb::Reinstall) {
            Unmatched::NoReplacement { spec }
        } else {
            Unmatched::NotInstalled { spec }
        });
    }
    Ok(jobs)
}

/// Reports whether a package with the name of one of these is installed.
fn same_name_installed(pool: &Pool, group: &[SolvableId]) -> bool {
    let named = |id: &SolvableId| pool.named(pool.solvable(*id).name_id()).iter();
    group.iter().flat_map(named).any(|&id| pool.solvable(id).is_installed())
}

/// Returns those of a spec's packages that are older than an installed one of the same name. If a
/// package of the same architecture is installed, only that one counts.
fn older_than_installed(pool: &Pool, group: &[SolvableId]) -> Vec<SolvableId> {
    let is_older = |&id: &SolvableId| {
        let package = pool.solvable(id);
        let installed = || pool.named(package.name_id()).iter().map(|&old| pool.solvable(old)).filter(|old| old.is_installed());
        let same_arch = |old: &crate::pool::Solvable<'_>| old.arch_id() == package.arch_id() || old.arch_rank() == Some(0);
        let newer = |old: crate::pool::Solvable<'_>| old.version_rank() > package.version_rank();
        !package.is_installed() && package.takes_part() && installed().filter(same_arch).any(newer)
    };
    group.iter().copied().filter(is_older).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::{architecture, universe};

    const UNIVERSE: &str = "
        repo system installed
        app 2 requires lib
        lib 2
        tool 1
        kernel 1
        orphan 1
        repo base
        app 1 requires lib
        app 2 requires lib
        app 3 requires lib >= 3
        lib 1
        lib 2
        lib 3
        tool 1
        kernel 2
        new 1 requires tool
    ";

    fn after(verb: Verb, specs: &[&str], options: impl Fn(&Pool) -> Options) -> Vec<String> {
        let pool = universe::parse(UNIVERSE, &architecture::compatible("x86_64")).unwrap();
        let mut request = Request::default();
        let kernels = pool.find("kernel").map(|name| pool.named(name).to_vec()).unwrap_or_default();
        request.install_only = kernels;
        if let Err(unmatched) = add(&pool, &mut request, verb, specs, &options(&pool)) {
            return vec![unmatched.to_string()];
        }
        let Ok(solution) = Solver::new(&pool).solve(&request) else { return vec!["no solution".to_owned()] };
        let shown = |&id: &SolvableId| {
            let package = pool.solvable(id);
            format!("{}-{}{}", package.name(), package.version(), if package.is_installed() { "" } else { "+" })
        };
        let mut all: Vec<String> = solution.packages.iter().map(shown).collect();
        all.sort();
        all
    }

    fn plainly(verb: Verb, specs: &[&str]) -> Vec<String> {
        after(verb, specs, |_| Options::default())
    }

    #[test]
    fn installing_keeps_the_rest() {
        assert_eq!(plainly(Verb::Install, &["new"]), ["app-2", "kernel-1", "lib-2", "new-1+", "orphan-1", "tool-1"]);
        assert_eq!(plainly(Verb::Install, &["nothing"]), ["no package matches `nothing`"]);
    }

    #[test]
    fn upgrading_one_or_all() {
        assert_eq!(plainly(Verb::Upgrade, &["lib"]), ["app-2", "kernel-1", "lib-3+", "orphan-1", "tool-1"]);
        let all = ["app-3+", "kernel-1", "kernel-2+", "lib-3+", "orphan-1", "tool-1"];
        assert_eq!(plainly(Verb::Upgrade, &[]), all);
        assert_eq!(plainly(Verb::Upgrade, &["new"]), ["`new` is not installed"]);
    }

    #[test]
    fn downgrading_to_the_next_older() {
        assert_eq!(plainly(Verb::Downgrade, &["lib"]), ["app-2", "kernel-1", "lib-1+", "orphan-1", "tool-1"]);
        let none = "the repositories hold no package to replace the installed `tool` by";
        assert_eq!(plainly(Verb::Downgrade, &["tool"]), [none]);
    }

    #[test]
    fn reinstalling_the_same() {
        assert_eq!(plainly(Verb::Reinstall, &["tool"]), ["app-2", "kernel-1", "lib-2", "orphan-1", "tool-1+"]);
        let none = "the repositories hold no package to replace the installed `orphan` by";
        assert_eq!(plainly(Verb::Reinstall, &["orphan"]), [none]);
    }

    #[test]
    fn removing_what_needs_it_and_what_it_needed() {
        assert_eq!(plainly(Verb::Remove, &["lib"]), ["kernel-1", "orphan-1", "tool-1"]);
        assert_eq!(plainly(Verb::Remove, &["app"]), ["kernel-1", "lib-2", "orphan-1", "tool-1"]);
        let clean = |_: &Pool| Options { clean: true, ..Options::default() };
        assert_eq!(after(Verb::Remove, &["app"], clean), ["kernel-1", "orphan-1", "tool-1"]);
        let asked = |pool: &Pool| Options { clean: true, user_installed: spec::select(pool, "lib"), ..Options::default() };
        assert_eq!(after(Verb::Remove, &["app"], asked), ["kernel-1", "lib-2", "orphan-1", "tool-1"]);
    }

    #[test]
    fn removing_what_nobody_asked_for() {
        let asked = |pool: &Pool| Options {
            user_installed: [spec::select(pool, "app"), spec::select(pool, "kernel")].concat(),
            ..Options::default()
        };
        assert_eq!(after(Verb::Autoremove, &[], asked), ["app-2", "kernel-1", "lib-2"]);
    }

    #[test]
    fn synchronizing_goes_back_too() {
        let pool =
            universe::parse("repo system installed\na 3\nb 1\nrepo base\na 2", &architecture::compatible("x86_64")).unwrap();
        let mut request = Request::default();
        add(&pool, &mut request, Verb::DistroSync, &[""; 0], &Options::default()).unwrap();
        let solution = Solver::new(&pool).solve(&request).unwrap();
        let versions: Vec<&str> = solution.packages.iter().map(|&id| pool.solvable(id).version()).collect();
        assert_eq!(versions, ["1", "2"]);
    }
}
