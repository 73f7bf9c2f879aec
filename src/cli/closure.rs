//! `rootstrap closure`: finds broken dependencies in whole repositories.

use serde_json::{Value, json};

use super::arguments::{ClosureArguments, Format};
use super::failure::{Code, Failure};
use super::packaging::{Job, run_with};
use super::progress::{count, packages};
use super::request::{Prepared, base};
use super::resolve::resolve_failure;
use super::run::Run;
use super::terminal::shown;
use crate::audit::closure::{self, Backwards, Broken, FileConflict, Lack, SharedPaths, Unmet};
use crate::bootstrap::{self, Keyrings};
use crate::ecosystem::Ecosystem;
use crate::pool::{Pool, SolvableId};

/// Maximum number of packages that a line names.
const NAMED: usize = 5;

/// Returns the findings as text.
pub(super) fn run(arguments: &ClosureArguments) -> Result<String, Failure> {
    if arguments.request.distro.is_none() && arguments.request.repo.is_empty() {
        return Err(Failure::usage("nothing says which repositories")
            .hint("--distro NAME --release RELEASE (`rootstrap variants` lists them), or --repo NAME=URL|DIR"));
    }
    let run = Run::new(&arguments.output)?;
    let (prepared, _) = base(&arguments.request, None)?;
    run_with(prepared.packaging, Closure { arguments, prepared: &prepared, run: &run })
}

struct Closure<'a> {
    arguments: &'a ClosureArguments,
    prepared: &'a Prepared,
    run: &'a Run,
}

impl Job for Closure<'_> {
    type Output = Result<String, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { arguments, prepared, run } = self;
        let request = &prepared.request;
        let keyring = Keyrings::new(ecosystem, request, &run.fetcher, &*run.progress)
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let (source, pool) = bootstrap::whole(ecosystem, request, &keyring, &run.fetcher, &*run.progress)
            .map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?;
        if let Some(unknown) = arguments.check.iter().find(|name| !pool.repos().any(|(_, repo)| pool.text(repo.name) == **name)) {
            let names: Vec<&str> = pool.repos().map(|(_, repo)| pool.text(repo.name)).collect();
            return Err(
                Failure::usage(format!("no repository is called {unknown}")).detail(format!("there are: {}", names.join(", ")))
            );
        }
        let id = |package: SolvableId| ecosystem.identity(pool.solvable(package)).id;
        let mut found = Found::new(&pool, arguments);
        if found.checked == 0 {
            let names: Vec<&str> = pool.repos().map(|(_, repo)| pool.text(repo.name)).collect();
            return Err(Failure::not_looked_at(format!("{} has no packages for {}", names.join(", "), request.arch))
                .hint("--arch ARCH names another architecture"));
        }
        if arguments.file_conflicts {
            let mut shared = SharedPaths::default();
            let mut note = |id: SolvableId, path: &str| {
                let package = pool.solvable(id);
                if package.takes_part() && closure::is_newest(&pool, package) {
                    shared.note(id, path);
                }
            };
            let listed = source.contents(&pool, &mut note).map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?;
            if !listed {
                return Err(Failure::usage("no repository lists the files of its packages: conflicts of files cannot be told"));
            }
            found.file_conflicts = Some(shared.conflicts(&pool));
        }
        run.stats(&json!({"packages": pool.len()}))?;
        let text = match arguments.output.format {
            Format::Json => format!("{:#}\n", found.json(&pool, &id)),
            Format::Human => found.human(&pool, &id),
        };
        let is_clean = found.is_clean();
        // The process exits now; freeing the memory of a whole distribution piece by piece would
        // only take time.
        std::mem::forget(pool);
        if is_clean || !arguments.fail {
            return Ok(text);
        }
        let mut failure = Failure::new(Code::Findings, "the repositories are not whole");
        failure.problems = Some(Value::String(text));
        Err(failure)
    }
}

struct Found {
    /// Number of packages that were checked.
    checked: usize,
    broken: Vec<Broken>,
    loops: Vec<Vec<SolvableId>>,
    backwards: Vec<Backwards>,
    /// File conflicts, if they were requested.
    file_conflicts: Option<Vec<FileConflict>>,
}

impl Found {
    fn new(pool: &Pool, arguments: &ClosureArguments) -> Self {
        let checked = |repo: &str| arguments.check.is_empty() || arguments.check.iter().any(|name| name == repo);
        let repos: Vec<bool> = pool.repos().map(|(_, repo)| checked(pool.text(repo.name))).collect();
        let asked = |package: crate::pool::Solvable<'_>| {
            repos[package.repo_id().index()] && (!arguments.newest || closure::is_newest(pool, package))
        };
        Self {
            checked: pool.solvables().filter(|package| package.takes_part() && asked(*package)).count(),
            broken: closure::broken(pool, asked),
            loops: closure::obsoletes_loops(pool),
            backwards: closure::backwards(pool),
            file_conflicts: None,
        }
    }

    fn is_clean(&self) -> bool {
        let conflicts = self.file_conflicts.as_ref().is_none_or(Vec::is_empty);
        self.broken.is_empty() && self.loops.is_empty() && self.backwards.is_empty() && conflicts
    }

    /// Returns the findings as data. Packages are named by their ids.
    fn json(&self, pool: &Pool, id: &dyn Fn(SolvableId) -> String) -> Value {
        let lacking = |unmet: &Unmet| -> Vec<Value> {
            let told = unmet.lacking.iter().map(|(part, lack)| {
                let (reason, others) = match lack {
                    Lack::Nothing => ("nothing-provides", &[][..]),
                    Lack::OtherVersions(others) => ("other-versions", others.as_slice()),
                    Lack::OtherArchitectures(others) => ("other-architectures", others.as_slice()),
                };
                let others: Vec<String> = others.iter().map(|&other| id(other)).collect();
                json!({"requires": pool.display(unmet.dependency), "lacks": pool.display(*part), "reason": reason, "packages": others,
                    "conditional": unmet.conditional})
            });
            told.collect()
        };
        let mut broken: Vec<Value> = self
            .broken
            .iter()
            .map(|broken| {
                let requires: Vec<String> = broken.requires.iter().map(|unmet| pool.display(unmet.dependency)).collect();
                let reasons: Vec<Value> = broken.requires.iter().flat_map(lacking).collect();
                let repo = pool.solvable(broken.package).repo_name();
                json!({"id": id(broken.package), "repo": repo, "requires": requires, "reasons": reasons})
            })
            .collect();
        broken.sort_by(|a, b| (a["id"].as_str(), a["repo"].as_str()).cmp(&(b["id"].as_str(), b["repo"].as_str())));
        let loops: Vec<Vec<String>> =
            self.loops.iter().map(|members| members.iter().map(|&member| id(member)).collect()).collect();
        let side = |package: SolvableId| json!({"id": id(package), "repo": pool.solvable(package).repo_name()});
        let backwards = |found: &Backwards| {
            let package = pool.solvable(found.from);
            json!({"name": package.name(), "arch": package.arch(), "from": side(found.from), "to": side(found.to)})
        };
        let mut value = json!({
            "schema": 1,
            "packages": self.checked,
            "broken": broken,
            "obsoletes_loops": loops,
            "backwards": self.backwards.iter().map(backwards).collect::<Vec<_>>(),
        });
        if let Some(conflicts) = &self.file_conflicts {
            let told =
                |found: &FileConflict| json!({"packages": [id(found.packages.0), id(found.packages.1)], "paths": found.paths});
            value["file_conflicts"] = conflicts.iter().map(told).collect();
        }
        value
    }

    /// Formats the findings for display.
    fn human(&self, pool: &Pool, id: &dyn Fn(SolvableId) -> String) -> String {
        let mut text = String::new();
        let some = |ids: &[SolvableId]| {
            let mut names: Vec<String> = ids.iter().take(NAMED).map(|&other| id(other)).collect();
            if ids.len() > NAMED {
                names.push(format!("and {} more", count((ids.len() - NAMED) as u64)));
            }
            names.join(", ")
        };
        let mut broken: Vec<(String, &Broken)> = self.broken.iter().map(|broken| (id(broken.package), broken)).collect();
        broken.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, broken) in broken {
            text += &format!("{name} ({})\n", pool.solvable(broken.package).repo_name());
            for unmet in &broken.requires {
                let only = if unmet.conditional { ", which holds only where its condition does not" } else { "" };
                text += &format!("  requires {}{only}\n", pool.display(unmet.dependency));
                for (part, lack) in &unmet.lacking {
                    let of = if *part == unmet.dependency { String::new() } else { format!("{}: ", pool.display(*part)) };
                    text += &match lack {
                        Lack::Nothing => format!("    {of}nothing provides it\n"),
                        Lack::OtherVersions(others) => format!("    {of}provided only in other versions, by {}\n", some(others)),
                        Lack::OtherArchitectures(others) => format!("    {of}only for other machines: {}\n", some(others)),
                    };
                }
            }
        }
        for members in &self.loops {
            text += &format!("obsolete each other: {}\n", some(members));
        }
        for found in &self.backwards {
            let (from, to) = (pool.solvable(found.from), pool.solvable(found.to));
            text += &format!(
                "goes backwards: {} ({}) after {} ({})\n",
                id(found.to),
                to.repo_name(),
                id(found.from),
                from.repo_name()
            );
        }
        for found in self.file_conflicts.iter().flatten() {
            let rest = match found.paths.len() {
                1 => String::new(),
                more => format!(" and {} more", count(more as u64 - 1)),
            };
            let path = found.paths.first().map(|path| shown(path.as_bytes())).unwrap_or_default();
            text += &format!("both have {path}{rest}: {}, {}\n", id(found.packages.0), id(found.packages.1));
        }
        let requirements: usize = self.broken.iter().map(|broken| broken.requires.len()).sum();
        text + &match self.broken.len() {
            0 => format!("{} looked at: every requirement can be met\n", packages(self.checked as u64)),
            broken => format!(
                "{} looked at: {} with requirements that nothing meets ({} in all)\n",
                packages(self.checked as u64),
                packages(broken as u64),
                count(requirements as u64)
            ),
        }
    }
}
