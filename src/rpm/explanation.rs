//! Explanation of a request without solution, as text: the request, the chain of requirements, the
//! conflicts and a hint.

use serde_json::{Value, json};

use super::ecosystem::identity;
use super::features;
use super::installed::State;
use super::modules::Hider;
use super::request::Unmatched;
use crate::catalog::nearest;
use crate::ecosystem::{self, Cause, Explanation, Refusal};
use crate::pool::{Pool, Solvable, SolvableId};
use crate::solver::{Fact, Job, Unsolvable};

/// A request without solution, with the data that its explanation needs.
#[derive(Debug)]
pub struct Unresolved {
    /// The jobs, in the order to which the facts refer.
    pub jobs: Vec<Job>,
    /// The reason why there is no solution.
    pub unsolvable: Unsolvable,
    /// The packages in the facts that modules hide, and the reason for each.
    pub hidden: Vec<(SolvableId, Hider)>,
    /// Names of all groups and modules; only set if the user requested one that does not exist.
    pub groups: Vec<String>,
}

impl Unresolved {
    /// Creates the explanation of a request without solution. `hider` returns the reason why a
    /// package is hidden.
    pub fn new(jobs: Vec<Job>, unsolvable: Unsolvable, hider: impl Fn(SolvableId) -> Option<Hider>, state: &State) -> Self {
        let facts = unsolvable.problems.iter().flat_map(|problem| &problem.facts);
        let hidden = facts
            .filter_map(|fact| match *fact {
                Fact::Excluded { package } => Some((package, hider(package)?)),
                _ => None,
            })
            .collect();
        let lacks_group = jobs.iter().any(|job| job.candidates.is_empty() && job.text.starts_with('@'));
        let groups = state.groups.ids().chain(state.modules.builds.iter().map(|build| build.name.as_str()));
        let groups = if lacks_group { groups.map(str::to_owned).collect() } else { Vec::new() };
        Self { jobs, unsolvable, hidden, groups }
    }
}

impl Refusal for Unresolved {
    fn tell(&self, pool: &Pool, asked_by: &dyn Fn(&str) -> String) -> Explanation {
        Teller { pool, jobs: &self.jobs, unsolvable: &self.unsolvable, hidden: &self.hidden, groups: &self.groups }
            .explanation(asked_by)
    }
}

impl Refusal for Unmatched {
    fn tell(&self, pool: &Pool, _asked_by: &dyn Fn(&str) -> String) -> Explanation {
        let (kind, spec) = match self {
            Self::Nothing { spec } => ("no-candidate", spec),
            Self::NotInstalled { spec } => ("not-installed", spec),
            Self::NoReplacement { spec } => ("no-replacement", spec),
        };
        let near = nearest(spec, pool.solvables().map(Solvable::name));
        let fact = ecosystem::Fact { text: self.to_string(), remarks: Vec::new(), data: json!({"kind": kind, "spec": spec}) };
        Explanation {
            headline: self.to_string(),
            problems: vec![ecosystem::Problem { facts: vec![fact] }],
            hints: near.filter(|near| near != spec).map(|near| format!("did you mean {near}?")).into_iter().collect(),
            cause: Cause::NoSolution,
        }
    }
}

/// A formatter of explanations.
struct Teller<'a> {
    pool: &'a Pool,
    jobs: &'a [Job],
    unsolvable: &'a Unsolvable,
    hidden: &'a [(SolvableId, Hider)],
    groups: &'a [String],
}

impl Teller<'_> {
    fn explanation(&self, asked_by: &dyn Fn(&str) -> String) -> Explanation {
        let problems = self.unsolvable.problems.iter();
        Explanation {
            headline: self.headline(),
            problems: problems.map(|problem| ecosystem::Problem { facts: self.facts(&problem.facts, asked_by) }).collect(),
            hints: self.hints(),
            cause: Cause::NoSolution,
        }
    }

    /// Returns the facts as text. Facts that hold for several versions of a package are merged.
    fn facts(&self, facts: &[Fact], asked_by: &dyn Fn(&str) -> String) -> Vec<ecosystem::Fact> {
        let mut told: Vec<(Option<String>, ecosystem::Fact, Vec<&str>)> = Vec::new();
        for &fact in facts {
            let text = self.sentence(fact, asked_by);
            let key = self.without_version(fact, &text);
            let mut data = self.data(fact);
            let same = told.iter_mut().find(|(known, ..)| key.is_some() && *known == key);
            let Some((_, first, versions)) = same else {
                told.push((key, ecosystem::Fact { text, remarks: self.remarks(fact), data }, Vec::new()));
                continue;
            };
            data["text"] = Value::from(text);
            match &mut first.data {
                Value::Array(several) => several.push(data),
                only => {
                    only["text"] = Value::from(first.text.as_str());
                    *only = Value::Array(vec![only.take(), data]);
                }
            }
            versions.extend(fact.package().map(|id| self.pool.solvable(id).version()));
        }
        let join = |(_, mut fact, versions): (Option<String>, ecosystem::Fact, Vec<&str>)| {
            if !versions.is_empty() {
                fact.remarks.push(format!("so it is with {}", versions.join(", ")));
            }
            fact
        };
        told.into_iter().map(join).collect()
    }

    /// Removes the version from a sentence about one package; `None` if the sentence is not about a
    /// package.
    fn without_version(&self, fact: Fact, text: &str) -> Option<String> {
        let id = fact.package()?;
        text.strip_prefix(&self.id(id)).map(|rest| {
            let package = self.pool.solvable(id);
            format!("{}.{}{rest}", package.name(), package.arch())
        })
    }

    fn id(&self, id: SolvableId) -> String {
        identity(self.pool.solvable(id)).id
    }

    fn hidden_by(&self, package: SolvableId) -> Option<&Hider> {
        self.hidden.iter().find(|(id, _)| *id == package).map(|(_, hider)| hider)
    }

    fn headline(&self) -> String {
        let mut unknown = self.unknown();
        match (unknown.next(), unknown.next()) {
            (Some(name), None) if self.unsolvable.problems.len() == 1 => match name.strip_prefix('@') {
                Some(_) => format!("there is no group or module `{name}`"),
                None => format!("nothing provides `{name}`"),
            },
            _ => self.unsolvable.to_string(),
        }
    }

    /// Returns the texts of jobs without candidates.
    fn unknown(&self) -> impl Iterator<Item = &str> {
        let facts = self.unsolvable.problems.iter().flat_map(|problem| &problem.facts);
        facts.filter_map(|fact| if let Fact::NoCandidate { job } = fact { Some(self.asked(*job)) } else { None })
    }

    fn asked(&self, job: usize) -> &str {
        self.jobs.get(job).map_or("?", |job| &job.text)
    }

    fn sentence(&self, fact: Fact, asked_by: &dyn Fn(&str) -> String) -> String {
        let id = |id| format!("{} ({})", self.id(id), self.pool.solvable(id).repo_name());
        let dependency = |dependency| self.pool.display(dependency);
        match fact {
            Fact::Asked { job } => asked_by(self.asked(job)),
            Fact::OnlyBest { job } => format!("{}, of which only the best candidate will do (--best)", asked_by(self.asked(job))),
            Fact::NoCandidate { job } if self.asked(job).starts_with('@') => {
                format!("{}, but there is no such group or module", asked_by(self.asked(job)))
            }
            Fact::NoCandidate { job } => format!("{}, which nothing provides", asked_by(self.asked(job))),
            Fact::Requires { package, dependency: of } => format!("{} requires {}", id(package), dependency(of)),
            Fact::NothingProvides { package, dependency: of } => {
                let required = dependency(of);
                let lack = if required.starts_with(features::PREFIX) {
                    "a feature of rpm that this program does not implement"
                } else {
                    "which nothing provides"
                };
                format!("{} requires {required}, {lack}", id(package))
            }
            Fact::Conflicts { package, dependency: of, other: Some(other) } => {
                format!("{} conflicts with {}: {}", id(package), dependency(of), id(other))
            }
            Fact::Conflicts { package, dependency: of, other: None } => {
                format!("{} conflicts with {}", id(package), dependency(of))
            }
            Fact::Obsoletes { package, dependency: of, other } => {
                format!("{} obsoletes {}: {}", id(package), dependency(of), id(other))
            }
            Fact::SameName { package, other } => format!("{} and {} cannot be installed together", id(package), id(other)),
            Fact::Excluded { package } => match self.hidden_by(package) {
                Some(Hider::NotActive(stream)) => format!("{} belongs to the module {stream}, which is not enabled", id(package)),
                Some(Hider::Masked(stream)) => format!("{} gives way to the packages of the module {stream}", id(package)),
                Some(Hider::Repository) => {
                    let repository = self.pool.solvable(package).repo_name();
                    format!("{} is left out of {repository} (excludepkgs, includepkgs)", id(package))
                }
                None => format!("{} is excluded (--exclude)", id(package)),
            },
            Fact::ForeignArchitecture { package } => match self.pool.solvable(package).arch() {
                "src" | "nosrc" => format!("{} is a source package", id(package)),
                arch => format!("{} is for {arch}, which this machine does not run", id(package)),
            },
            Fact::WorseArchitecture { package } => format!("{} is there for a better architecture too", id(package)),
            Fact::LockStep { package } => {
                format!("{} may only stand beside the same version for a better architecture", id(package))
            }
            Fact::Kept { package } => format!("{} is installed, and is to stay or be updated", id(package)),
            Fact::OnlyBestUpdate { package } => {
                format!("{} is installed, and only its best update will do (--best)", id(package))
            }
            Fact::Locked { package } => format!("{} is locked", id(package)),
            Fact::NotInRepositories { package } => format!("{} is not what the repositories hold", id(package)),
            Fact::Split { package, other } => {
                format!("{} replaces a part of what is installed, and needs {} for the rest", id(package), id(other))
            }
        }
    }

    /// Returns remarks that help to understand a fact.
    fn remarks(&self, fact: Fact) -> Vec<String> {
        match fact {
            Fact::NoCandidate { .. } => {
                let repos: Vec<String> = self
                    .pool
                    .repos()
                    .map(|(id, repo)| {
                        let packages = self.pool.solvables().filter(|package| package.repo_id() == id).count();
                        format!("{} ({} packages)", self.pool.text(repo.name), packages)
                    })
                    .collect();
                vec![format!("looked in {}", repos.join(" and "))]
            }
            _ => Vec::new(),
        }
    }

    /// Returns names that are similar to unknown ones.
    fn hints(&self) -> Vec<String> {
        let names = || self.pool.solvables().map(Solvable::name);
        let near = |name: &str| {
            let Some(group) = name.strip_prefix('@') else { return nearest(name, names()).map(str::to_owned) };
            let (sign, group) = if let Some(group) = group.strip_prefix('^') { ("@^", group) } else { ("@", group) };
            nearest(group, self.groups.iter().map(String::as_str)).map(|group| format!("{sign}{group}"))
        };
        self.unknown().filter_map(near).map(|name| format!("did you mean {name}?")).collect()
    }

    /// Returns a fact as JSON, for programs.
    fn data(&self, fact: Fact) -> Value {
        let package = |id: SolvableId| Value::from(self.id(id));
        let of = |dependency| Value::from(self.pool.display(dependency));
        match fact {
            Fact::Asked { job } => json!({"kind": "asked", "spec": self.asked(job)}),
            Fact::OnlyBest { job } => json!({"kind": "only-best", "spec": self.asked(job)}),
            Fact::NoCandidate { job } => json!({"kind": "no-candidate", "spec": self.asked(job)}),
            Fact::Requires { package: p, dependency } => {
                let providers = self.pool.candidates(dependency).iter().map(|&id| package(id)).collect::<Vec<_>>();
                json!({"kind": "requires", "package": package(p), "dependency": of(dependency), "candidates": providers})
            }
            Fact::NothingProvides { package: p, dependency } => {
                json!({"kind": "nothing-provides", "package": package(p), "dependency": of(dependency)})
            }
            Fact::Conflicts { package: p, dependency, other } => {
                json!({"kind": "conflicts", "package": package(p), "dependency": of(dependency), "other": other.map(package)})
            }
            Fact::Obsoletes { package: p, dependency, other } => {
                json!({"kind": "obsoletes", "package": package(p), "dependency": of(dependency), "other": package(other)})
            }
            Fact::SameName { package: p, other } => {
                json!({"kind": "same-name", "package": package(p), "other": package(other)})
            }
            Fact::Excluded { package: p } => match self.hidden_by(p) {
                Some(Hider::NotActive(stream)) => json!({"kind": "module-not-enabled", "package": package(p), "module": stream}),
                Some(Hider::Masked(stream)) => json!({"kind": "hidden-by-module", "package": package(p), "module": stream}),
                Some(Hider::Repository) => json!({"kind": "left-out-of-repository", "package": package(p)}),
                None => json!({"kind": "excluded", "package": package(p)}),
            },
            Fact::ForeignArchitecture { package: p } => json!({"kind": "foreign-architecture", "package": package(p)}),
            Fact::WorseArchitecture { package: p } => json!({"kind": "worse-architecture", "package": package(p)}),
            Fact::LockStep { package: p } => json!({"kind": "lock-step", "package": package(p)}),
            Fact::Kept { package: p } => json!({"kind": "kept", "package": package(p)}),
            Fact::OnlyBestUpdate { package: p } => json!({"kind": "only-best-update", "package": package(p)}),
            Fact::Locked { package: p } => json!({"kind": "locked", "package": package(p)}),
            Fact::NotInRepositories { package: p } => json!({"kind": "not-in-repositories", "package": package(p)}),
            Fact::Split { package: p, other } => {
                json!({"kind": "split", "package": package(p), "other": package(other)})
            }
        }
    }
}
