//! apk's resolver behind the `Chooser` trait that both ecosystems share.
//!
//! Translates requests into the terms of `apk::selection`, and change sets and errors back.

use serde_json::{Value, json};

use super::dependency::{Constraint, ConstraintError};
use super::installed::Installed;
use super::named::{self, NamedFileError};
use super::selection::{
    Add, ChangeSet, Delete, EXCLUDED, Fix, NO_NETWORK, Operation, Problem, RepositoryKind, Request, Requirer, SelectionError,
    Upgrade, VirtualPackage, VirtualPackageError, select,
};
use crate::catalog::{DateFormat, InstallAction, Langs, Options, nearest};
use crate::ecosystem::{
    self, Ask, COMMAND_LINE, Cause, Change, Changing, Choice, Chooser, Explanation, Fact, FileOptions, Refusal, RepositoryFilter,
    Verb,
};
use crate::finish::glob;
use crate::pool::{Pool, Solvable, SolvableId};

/// The name of the repository that holds virtual packages.
pub(super) const VIRTUAL: &str = "virtual";

/// The resolver for the packages of a pool, by apk's rules.
pub(super) struct Choosing<'p> {
    pub(super) pool: &'p Pool,
    pub(super) state: &'p Installed,
}

/// An error of apk's resolver.
#[derive(Debug, thiserror::Error)]
pub enum ChoosingError {
    /// The rules allow no solution.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A constraint of the request is malformed.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// A virtual package of the request is invalid.
    #[error(transparent)]
    Virtual(#[from] VirtualPackageError),
    /// A package file cannot be read.
    #[error(transparent)]
    File(#[from] NamedFileError),
    /// apk has no such verb.
    #[error("apk knows no `{verb}`")]
    Verb {
        /// The verb.
        verb: &'static str,
        /// The command to use instead.
        instead: &'static str,
    },
}

impl Chooser for Choosing<'_> {
    fn choose(&mut self, ask: &Ask) -> Result<Choice, Box<dyn Refusal>> {
        let chosen = self.selected(ask).map(|set| {
            let mut choice = choice(set);
            choice.warnings.extend(unheeded(ask));
            choice
        });
        chosen.map_err(|error| -> Box<dyn Refusal> { Box::new(error) })
    }

    fn excludes_any(&self, pattern: &str, repository: Option<&str>) -> bool {
        let is_in = |package: &Solvable<'_>| repository.is_none_or(|name| package.repo_name() == name);
        self.pool.solvables().filter(is_in).any(|package| is_meant_by(package, pattern))
    }
}

/// Returns the virtual package that a request creates, if any.
pub(super) fn virtual_package(ask: &Ask) -> Result<Option<VirtualPackage>, Box<dyn Refusal>> {
    made_up(ask).map_err(|error| -> Box<dyn Refusal> { Box::new(error) })
}

fn made_up(ask: &Ask) -> Result<Option<VirtualPackage>, ChoosingError> {
    let ecosystem::Operation::Change(Changing { verb: Verb::Install, specs, flags, time, .. }) = &ask.operation else {
        return Ok(None);
    };
    let Some(spec) = &flags.virtual_package else { return Ok(None) };
    let depends = constraints(specs)?;
    let depends: Vec<String> = depends.iter().map(ToString::to_string).collect();
    let depends: Vec<&str> = depends.iter().map(String::as_str).collect();
    Ok(Some(VirtualPackage::new(spec, &depends, &version_of(*time))?))
}

/// Returns the version of a virtual package created at `time` (seconds since 1970), for example
/// `20240131.235959`.
fn version_of(time: i64) -> String {
    let format = DateFormat::try_from("%Y%m%d.%H%M%S".to_owned());
    format.map(|format| format.render(time.unsigned_abs())).unwrap_or_default()
}

/// Reports whether one of the patterns matches a package, by its name or by name and version
/// (`musl-1.2*`).
fn is_meant(package: Solvable<'_>, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| is_meant_by(package, pattern))
}

fn is_meant_by(package: Solvable<'_>, pattern: &str) -> bool {
    let fits = |text: &str| glob::matches(pattern.as_bytes(), text.as_bytes());
    fits(package.name()) || fits(&format!("{}-{}", package.name(), package.version()))
}

impl Choosing<'_> {
    fn selected(&self, ask: &Ask) -> Result<ChangeSet, ChoosingError> {
        let operation = match &ask.operation {
            ecosystem::Operation::Fill(steps) => {
                let installs = steps.iter().filter(|step| step.action == InstallAction::Install);
                let constraints = constraints(installs.flat_map(|step| &step.packages))?;
                Operation::Add(Add { constraints, ..Add::default() })
            }
            ecosystem::Operation::Change(changing) => self.operation(ask, changing)?,
        };
        let kind = |id, name: &str| match name {
            VIRTUAL => Some(RepositoryKind::Virtual),
            COMMAND_LINE => Some(RepositoryKind::Files),
            _ => self.state.reach.remote.contains(&id).then_some(RepositoryKind::Unreachable),
        };
        let repositories = self.pool.repos().filter_map(|(id, repo)| Some((id, kind(id, self.pool.text(repo.name))?))).collect();
        let flags = match &ask.operation {
            ecosystem::Operation::Change(changing) => changing.flags.clone(),
            ecosystem::Operation::Fill(_) => ecosystem::ChangeFlags::default(),
        };
        let request = Request {
            world: self.state.world.clone(),
            operation,
            installed_tags: self.state.tags(),
            repositories,
            kept: self.state.reach.kept.clone(),
            hidden: self.hidden(ask),
            // apk's form of weak dependencies is `install_if`: a package that is installed
            // automatically beside other packages.
            no_install_if: options(ask).iter().any(|options| !options.weak_deps),
            force_broken_world: flags.force_broken_world,
            rules: None,
        };
        Ok(select(self.pool, &request)?)
    }

    /// Returns the packages that the resolver may not choose: those hidden by a pin to another
    /// package, and those excluded globally or from their repository. Installed packages may stay
    /// nevertheless.
    fn hidden(&self, ask: &Ask) -> Vec<SolvableId> {
        let named = |name: &String| self.pool.find(name).map(|name| self.pool.named(name)).unwrap_or_default();
        let is_hidden = |name: &str, id| {
            let package = self.pool.solvable(id);
            ask.is_pinned_away(name, || format!("{}-{}", package.name(), package.version()))
        };
        let mut hidden: Vec<SolvableId> =
            ask.pins.keys().flat_map(|name| named(name).iter().copied().filter(|&id| is_hidden(name, id))).collect();
        if !ask.exclude.is_empty() || !ask.filters.is_empty() {
            let is_left_out = |package: Solvable<'_>, filter: &RepositoryFilter| {
                filter.repository == package.repo_name()
                    && (is_meant(package, &filter.exclude) || (!filter.only.is_empty() && !is_meant(package, &filter.only)))
            };
            let is_excluded = |&package: &Solvable<'_>| {
                is_meant(package, &ask.exclude) || ask.filters.iter().any(|filter| is_left_out(package, filter))
            };
            hidden.extend(self.pool.solvables().filter(is_excluded).map(Solvable::id));
        }
        hidden.sort_unstable();
        hidden
    }

    fn operation(&self, ask: &Ask, changing: &Changing) -> Result<Operation, ChoosingError> {
        let Changing { verb, specs, flags, .. } = changing;
        let fix = |reinstall| Fix {
            names: specs.clone(),
            broken: self.state.broken(),
            depends: flags.depends,
            reinstall,
            upgrade: flags.upgrade,
        };
        Ok(match verb {
            Verb::Install => {
                let constraints = match made_up(ask)? {
                    Some(package) => vec![package.constraint()],
                    None => constraints(specs)?,
                };
                Operation::Add(Add { constraints, upgrade: flags.upgrade, latest: flags.latest })
            }
            Verb::Remove => Operation::Delete(Delete { names: specs.clone(), recursive: flags.rdepends }),
            Verb::Upgrade | Verb::DistroSync => Operation::Upgrade(Upgrade {
                names: specs.clone(),
                ignore: flags.ignore,
                available: flags.available || *verb == Verb::DistroSync,
                latest: flags.latest,
                prune: flags.prune,
                preupgrade_only: flags.preupgrade_only || flags.self_upgrade_only,
                preupgrade_depends: constraints(&flags.preupgrade_depends)?,
                package_manager: self.state.package_manager().filter(|_| !flags.no_self_upgrade).map(str::to_owned),
            }),
            Verb::Fix => Operation::Fix(fix(flags.reinstall)),
            Verb::Reinstall => Operation::Fix(fix(true)),
            // The resolver always removes packages that nothing requires.
            Verb::Autoremove => Operation::Nothing,
            Verb::Downgrade => {
                let instead = "`rootstrap install NAME=VERSION` takes a package to a version, `upgrade --available` all to the repositories'";
                return Err(ChoosingError::Verb { verb: "downgrade", instead });
            }
            Verb::Swap => {
                let instead = "`rootstrap install '!OLD' NEW` asks for both at once";
                return Err(ChoosingError::Verb { verb: "swap", instead });
            }
        })
    }
}

/// Returns the options of all steps of a request.
fn options(ask: &Ask) -> Vec<&Options> {
    match &ask.operation {
        ecosystem::Operation::Fill(steps) => steps.iter().map(|step| &step.options).collect(),
        ecosystem::Operation::Change(changing) => vec![&changing.options],
    }
}

/// Returns a warning if the request has options that do not apply to apk packages.
fn unheeded(ask: &Ask) -> Option<String> {
    let leaves_out = |options: &&Options| !options.docs || options.langs != Langs::All;
    options(ask).iter().any(leaves_out).then(|| {
        "--no-docs and --langs leave nothing out: Alpine's documentation and languages are packages of their own (NAME-doc, NAME-lang)".to_owned()
    })
}

fn constraints<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<Vec<Constraint>, ChoosingError> {
    let constraint = |text: &String| -> Result<Constraint, ChoosingError> {
        if named::is_file(text) { Ok(named::constraint(text)?) } else { Ok(Constraint::parse(text)?) }
    };
    texts.into_iter().map(constraint).collect()
}

fn choice(set: ChangeSet) -> Choice {
    let change = |change: super::selection::Change| {
        let files = FileOptions { docs: true, langs: Langs::All };
        Change { action: change.action, old: change.old, new: change.new, tag: change.tag, reason: change.reason, files }
    };
    Choice {
        changes: set.changes.into_iter().map(change).collect(),
        world: set.world.iter().map(ToString::to_string).collect(),
        warnings: set.warnings.iter().map(ToString::to_string).collect(),
        ..Choice::default()
    }
}

impl Refusal for ChoosingError {
    fn tell(&self, pool: &Pool, asked_by: &dyn Fn(&str) -> String) -> Explanation {
        let plain = |data: Value| ecosystem::Problem { facts: vec![Fact { text: self.to_string(), remarks: Vec::new(), data }] };
        match self {
            Self::Selection(SelectionError::Unsatisfiable(why)) => {
                let fact = |problem: &Problem| Fact {
                    text: problem.to_string(),
                    remarks: who_asks(problem, asked_by),
                    data: data(problem),
                };
                let problems = why.problems.iter().map(|problem| ecosystem::Problem { facts: vec![fact(problem)] }).collect();
                let hints = why.problems.iter().filter_map(hint).collect();
                Explanation { headline: headline(&why.problems), problems, hints, cause: Cause::NoSolution }
            }
            Self::Selection(SelectionError::NoSuchPackage { names }) => {
                let known = || pool.solvables().map(Solvable::name);
                let hints = names.iter().filter_map(|name| nearest(name, known()));
                Explanation {
                    headline: self.to_string(),
                    problems: vec![plain(json!({"kind": "no-such-package", "names": names}))],
                    hints: hints.map(|name| format!("did you mean {name}?")).collect(),
                    cause: Cause::NoSolution,
                }
            }
            Self::Verb { verb, instead } => Explanation {
                headline: self.to_string(),
                problems: vec![plain(json!({"kind": "no-such-verb", "verb": verb}))],
                hints: vec![(*instead).to_owned()],
                cause: Cause::Request,
            },
            Self::File(error) => Explanation {
                headline: self.to_string(),
                problems: vec![plain(json!({"kind": "package-file", "spec": error.path.to_string_lossy()}))],
                hints: Vec::new(),
                cause: error.cause(),
            },
            Self::Selection(error) => Explanation {
                headline: error.to_string(),
                problems: vec![plain(json!({"kind": "not-a-request"}))],
                hints: Vec::new(),
                cause: Cause::NoSolution,
            },
            Self::Constraint(_) | Self::Virtual(_) => Explanation {
                headline: "this cannot be asked for".to_owned(),
                problems: vec![plain(json!({"kind": "not-a-request"}))],
                hints: Vec::new(),
                cause: Cause::NoSolution,
            },
        }
    }
}

fn headline(problems: &[Problem]) -> String {
    match problems {
        [Problem::Missing { name, .. }] => format!("nothing provides `{name}`"),
        _ => "no set of packages satisfies this request".to_owned(),
    }
}

fn hint(problem: &Problem) -> Option<String> {
    match problem {
        Problem::Missing { nearest, .. } => nearest.first().map(|name| format!("did you mean {name}?")),
        Problem::Ambiguous { provided_by, .. } => {
            provided_by.first().map(|_| format!("ask for one of {} by its name", provided_by.join(", ")))
        }
        Problem::Package { masked_in, .. } if masked_in.iter().any(|place| place == NO_NETWORK) => {
            Some("run once without --no-network (--offline): what is fetched is kept".to_owned())
        }
        Problem::Package { masked_in, .. } if masked_in.iter().any(|place| place == EXCLUDED) => None,
        Problem::Package { masked_in, .. } if !masked_in.is_empty() => {
            Some(format!("NAME@TAG takes a package from a tagged repository ({})", masked_in.join(", ")))
        }
        Problem::Package { .. } => None,
    }
}

/// Returns who added each world constraint among the requirers. Constraints of packages are left
/// out.
fn who_asks(problem: &Problem, asked_by: &dyn Fn(&str) -> String) -> Vec<String> {
    let requirers: &[Requirer] = match problem {
        Problem::Missing { required_by, .. } | Problem::Ambiguous { required_by, .. } => required_by,
        Problem::Package { breaks, .. } => breaks,
    };
    requirers.iter().filter(|requirer| requirer.package.is_none()).map(|requirer| asked_by(&requirer.constraint)).collect()
}

/// Returns a problem as JSON for machine-readable output.
fn data(problem: &Problem) -> Value {
    let of = |requirers: &[Requirer]| {
        let one = |requirer: &Requirer| json!({"package": requirer.package, "constraint": requirer.constraint});
        requirers.iter().map(one).collect::<Vec<_>>()
    };
    match problem {
        Problem::Missing { name, required_by, nearest } => {
            json!({"kind": "no-such-package", "name": name, "required_by": of(required_by), "nearest": nearest})
        }
        Problem::Ambiguous { name, provided_by, required_by } => {
            json!({"kind": "ambiguous", "name": name, "provided_by": provided_by, "required_by": of(required_by)})
        }
        Problem::Package { id, foreign_arch, broken, masked_in, conflicts, breaks, satisfies, .. } => json!({
            "kind": "package",
            "package": id,
            "arch": foreign_arch,
            "broken": broken.iter().map(|broken| broken.text.as_str()).collect::<Vec<_>>(),
            "masked_in": masked_in,
            "conflicts": conflicts,
            "breaks": of(breaks),
            "satisfies": of(satisfies),
        }),
    }
}
