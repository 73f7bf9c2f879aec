//! Why a request has no solution, in words: what was asked, the chain, why each way is closed, one hint.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::failure::{Code, Failure};
use crate::catalog::nearest;
use crate::pool::{Pool, Solvable, SolvableId};
use crate::solver::{Fact, Job, Problem, Unsolvable};

/// A package's id in the ecosystem's own form.
type Naming<'a> = &'a dyn Fn(SolvableId) -> String;

/// Tells why a request has no solution.
pub(super) struct Teller<'a> {
    pub pool: &'a Pool,
    pub jobs: &'a [Job],
    pub unsolvable: &'a Unsolvable,
    pub id_of: Naming<'a>,
}

impl Teller<'_> {
    /// The failure; `asked_by` says who asks for a spec, as a sentence.
    pub(super) fn failure(&self, asked_by: &dyn Fn(&str) -> String) -> Failure {
        let mut failure = Failure::new(Code::NoSolution, self.headline());
        for (number, problem) in self.unsolvable.problems.iter().enumerate() {
            if number > 0 {
                failure = failure.detail("");
            }
            for fact in &problem.facts {
                failure = failure.detail(self.sentence(*fact, asked_by));
                for line in self.remarks(*fact) {
                    failure = failure.detail(format!("  {line}"));
                }
            }
        }
        for hint in self.hints() {
            failure = failure.hint(hint);
        }
        failure.problems = Some(json!({"schema": 1, "problems": self.problems()}));
        failure
    }

    fn headline(&self) -> String {
        let mut unknown = self.unknown();
        match (unknown.next(), unknown.next()) {
            (Some(name), None) if self.unsolvable.problems.len() == 1 => format!("nothing provides `{name}`"),
            _ => self.unsolvable.to_string(),
        }
    }

    /// What was asked for and does not exist.
    fn unknown(&self) -> impl Iterator<Item = &str> {
        let facts = self.unsolvable.problems.iter().flat_map(|problem| &problem.facts);
        facts.filter_map(|fact| if let Fact::NoCandidate { job } = fact { Some(self.asked(*job)) } else { None })
    }

    fn asked(&self, job: usize) -> &str {
        self.jobs.get(job).map_or("?", |job| &job.text)
    }

    fn sentence(&self, fact: Fact, asked_by: &dyn Fn(&str) -> String) -> String {
        let id = |id| format!("{} ({})", (self.id_of)(id), self.pool.solvable(id).repo_name());
        let dependency = |dependency| self.pool.display(dependency);
        match fact {
            Fact::Asked { job } => asked_by(self.asked(job)),
            Fact::OnlyBest { job } => format!("only the best candidate of {} will do (--best)", self.asked(job)),
            Fact::NoCandidate { job } => format!("{}, which nothing provides", asked_by(self.asked(job))),
            Fact::Requires { package, dependency: of } => format!("{} requires {}", id(package), dependency(of)),
            Fact::NothingProvides { package, dependency: of } => {
                format!("{} requires {}, which nothing provides", id(package), dependency(of))
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
            Fact::Excluded { package } => format!("{} is excluded (--exclude)", id(package)),
            Fact::ForeignArchitecture { package } => format!("{} is for another architecture", id(package)),
            Fact::WorseArchitecture { package } => format!("{} is there for a better architecture too", id(package)),
        }
    }

    /// What else helps to understand a fact.
    fn remarks(&self, fact: Fact) -> Vec<String> {
        match fact {
            Fact::NoCandidate { .. } => {
                let repos: Vec<String> = self
                    .pool
                    .repos()
                    .map(|(id, repo)| {
                        let packages = self.pool.solvables().filter(|package| package.repo_id() == id).count();
                        format!("{} ({} packages)", self.pool.text(repo.name), super::progress::count(packages as u64))
                    })
                    .collect();
                vec![format!("looked in {}", repos.join(" and "))]
            }
            _ => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        let names = || self.pool.solvables().map(Solvable::name);
        let mut hints: Vec<String> =
            self.unknown().filter_map(|name| nearest(name, names())).map(|name| format!("did you mean {name}?")).collect();
        if !hints.is_empty() {
            return hints;
        }
        let facts: Vec<&Fact> = self.unsolvable.problems.iter().flat_map(|problem| &problem.facts).collect();
        let excluded: BTreeSet<&str> = facts
            .iter()
            .filter_map(
                |fact| if let Fact::Excluded { package } = fact { Some(self.pool.solvable(*package).name()) } else { None },
            )
            .collect();
        if !excluded.is_empty() {
            hints.push(format!("lift --exclude of {}", excluded.into_iter().collect::<Vec<_>>().join(", ")));
        } else if facts.iter().any(|fact| matches!(fact, Fact::OnlyBest { .. })) {
            hints.push("--no-best takes an older candidate".to_owned());
        } else if let [a, b, ..] = facts
            .iter()
            .filter_map(|fact| if let Fact::Asked { job } = fact { Some(self.asked(*job)) } else { None })
            .collect::<Vec<_>>()[..]
        {
            hints.push(format!("ask for only one of {a} and {b}: --without leaves out what the variant asks for"));
        }
        hints
    }

    /// The problems as JSON.
    pub(super) fn problems(&self) -> Vec<Value> {
        let fact = |fact: Fact| {
            let package = |id: SolvableId| Value::from((self.id_of)(id));
            let of = |dependency| Value::from(self.pool.display(dependency));
            let mut value = match fact {
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
                Fact::Excluded { package: p } => json!({"kind": "excluded", "package": package(p)}),
                Fact::ForeignArchitecture { package: p } => json!({"kind": "foreign-architecture", "package": package(p)}),
                Fact::WorseArchitecture { package: p } => json!({"kind": "worse-architecture", "package": package(p)}),
            };
            value["text"] = Value::from(self.sentence(fact, &|spec| format!("{spec} is asked for")));
            value
        };
        let facts = |problem: &Problem| problem.facts.iter().map(|&each| fact(each)).collect::<Vec<_>>();
        self.unsolvable.problems.iter().map(|problem| json!({"facts": facts(problem)})).collect()
    }
}
