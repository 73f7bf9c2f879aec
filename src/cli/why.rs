//! `rootstrap why`: prints the dependency chains that lead to a package of a set, the packages that
//! would be removed with it, and possible replacements.
//!
//! With `--unneeded`, it prints the packages of a set that nothing needs.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::arguments::{Format, WhyArguments};
use super::failure::{Code, Failure};
use super::progress::{bytes, count, packages};
use super::repositories::matches;
use super::run::Run;
use super::subject::{Wanted, open};
use super::terminal::shown;
use crate::audit::Subject;
use crate::audit::why::{Alternatives, Chain, Graph};
use crate::catalog::nearest;
use crate::package::PackageFacts;
use crate::pool::{DependencyId, SolvableId};

/// Maximum number of chains in the text output, unless all are requested.
const FEW: usize = 10;

/// Maximum number of chains in any output.
const MOST: usize = 1_000;

/// Returns the answer as text.
pub(super) fn run(arguments: &WhyArguments) -> Result<String, Failure> {
    let (place, words) = subject_and_packages(arguments)?;
    let run = Run::new(&arguments.output)?;
    let subject = open(place.as_deref(), &arguments.request, &run, Wanted { tree: false, dependencies: true })?;
    let set = subject.set.as_ref().ok_or_else(|| {
        Failure::usage(format!("{} does not tell what its packages require", subject.name))
            .hint("name the repositories that they are from: --distro NAME --release RELEASE, or --repo NAME=URL|DIR")
    })?;
    let requested = requested(arguments, &subject)?;
    if arguments.unneeded && requested.is_none() {
        let failure = Failure::not_looked_at(format!("nothing tells which packages of {} were asked for", subject.name));
        return Err(failure.detail("so no package can be said to be unneeded").hint("--requested NAME says what was asked for"));
    }
    if arguments.alternatives && arguments.request.distro.is_none() && arguments.request.repo.is_empty() {
        return Err(Failure::usage("--alternatives looks for packages of repositories, and none is named")
            .hint("--distro NAME --release RELEASE (`rootstrap variants` lists them), or --repo NAME=URL|DIR"));
    }
    let graph = Graph::new(&set.pool, &set.members, requested);
    let view = View { arguments, subject: &subject, graph: &graph };
    let mut targets = Vec::new();
    for word in &words {
        targets.extend(meant(&subject, &graph, word)?);
    }
    targets.dedup();
    Ok(match arguments.output.format {
        Format::Json => format!("{:#}\n", view.json(&targets)),
        Format::Human => view.human(&targets),
    })
}

/// Splits the words of the command line into the subject, if one is named, and the packages.
fn subject_and_packages(arguments: &WhyArguments) -> Result<(Option<PathBuf>, Vec<String>), Failure> {
    let has_request = arguments.request.distro.is_some() || !arguments.request.repo.is_empty();
    let mut words = arguments.words.clone();
    let exists = |word: &str| Path::new(word).exists() || word.split_once(':').is_some_and(|(path, _)| Path::new(path).exists());
    // A single word is the package if a request defines the set. With `--unneeded`, it is the set.
    let alone = words.len() == 1 && has_request && !arguments.unneeded;
    let first_is_subject = words.first().is_some_and(|first| !alone && (exists(first) || !has_request));
    let subject = first_is_subject.then(|| PathBuf::from(words.remove(0)));
    if words.is_empty() && !arguments.unneeded {
        return Err(
            Failure::usage("why which package?").hint("rootstrap why SUBJECT PACKAGE, or rootstrap why SUBJECT --unneeded")
        );
    }
    Ok((subject, words))
}

/// Returns the indexes of the requested packages, from the options or else from the subject.
fn requested(arguments: &WhyArguments, subject: &Subject) -> Result<Option<Vec<usize>>, Failure> {
    let place = |id: &String| subject.packages.binary_search_by(|package| package.id.cmp(id)).ok();
    if arguments.requested.is_empty() {
        return Ok(subject.requested.as_ref().map(|ids| ids.iter().filter_map(place).collect()));
    }
    let mut found = Vec::new();
    for word in &arguments.requested {
        let before = found.len();
        found.extend(places(subject, word));
        if found.len() == before {
            return Err(unknown(subject, word));
        }
    }
    Ok(Some(found))
}

fn places(subject: &Subject, word: &str) -> Vec<usize> {
    let fits = |package: &PackageFacts| matches(word, &package.name) || matches(word, &package.id);
    (0..subject.packages.len()).filter(|&place| fits(&subject.packages[place])).collect()
}

fn unknown(subject: &Subject, word: &str) -> Failure {
    let failure = Failure::new(Code::NoSolution, format!("{} has no package `{word}`", subject.name));
    let near = nearest(word, subject.packages.iter().map(|package| package.name.as_str()));
    near.into_iter().fold(failure, |failure, near| failure.hint(format!("did you mean {near}?")))
}

/// Returns the indexes of the packages that a word matches by name, id or pattern, or by their
/// provides.
fn meant(subject: &Subject, graph: &Graph<'_>, word: &str) -> Result<Vec<usize>, Failure> {
    let mut found = places(subject, word);
    if found.is_empty()
        && let Some(name) = graph.pool().find(word)
    {
        let provide: Vec<SolvableId> = graph.pool().providers(name).map(|(id, _)| id).collect();
        found =
            (0..subject.packages.len()).filter(|&place| graph.member(place).is_some_and(|id| provide.contains(&id))).collect();
    }
    if found.is_empty() { Err(unknown(subject, word)) } else { Ok(found) }
}

struct View<'a> {
    arguments: &'a WhyArguments,
    subject: &'a Subject,
    graph: &'a Graph<'a>,
}

impl View<'_> {
    fn id(&self, place: usize) -> &str {
        &self.subject.packages[place].id
    }

    fn name(&self, place: usize) -> String {
        shown(self.subject.packages[place].name.as_bytes())
    }

    fn display(&self, dependency: DependencyId) -> String {
        shown(self.graph.pool().display(dependency).as_bytes())
    }

    /// Returns the name of a package that may not belong to the set.
    fn other(&self, id: SolvableId) -> String {
        let package = self.graph.pool().solvable(id);
        format!("{}-{}", package.name(), package.version())
    }

    fn json(&self, targets: &[usize]) -> Value {
        let mut value = json!({
            "schema": 1,
            "subject": self.subject.name,
            "roots": if self.graph.is_told() { "requested" } else { "not-required" },
            "packages": targets.iter().map(|&target| self.package_json(target)).collect::<Vec<_>>(),
        });
        if self.arguments.unneeded {
            let one =
                |&place: &usize| json!({"id": self.id(place), "installed_size": self.subject.packages[place].installed_size});
            value["unneeded"] = self.graph.unneeded().iter().map(one).collect();
        }
        value
    }

    fn package_json(&self, target: usize) -> Value {
        let facts = &self.subject.packages[target];
        let found = self.graph.chains(target, MOST);
        let chain = |chain: &Chain<'_>| {
            let step = |edge: &&crate::audit::why::Edge| {
                let by: Vec<String> = edge.by.iter().map(|&by| self.graph.pool().display(by)).collect();
                json!({"id": self.id(edge.to), "link": edge.link.text(), "capabilities": by})
            };
            json!({"from": self.id(chain.from), "steps": chain.steps.iter().map(step).collect::<Vec<_>>()})
        };
        let mut value = json!({
            "id": facts.id,
            "name": facts.name,
            "installed_size": facts.installed_size,
            "requested": self.graph.is_told() && self.graph.roots().contains(&target),
            "needed": found.total > 0,
            "chains": found.chains.iter().map(chain).collect::<Vec<_>>(),
            "chains_total": found.total,
        });
        if self.arguments.if_removed {
            let removal = self.graph.without(&[target]);
            let broken = |&(place, by): &(usize, DependencyId)| {
                let package = &self.subject.packages[place];
                json!({"id": package.id, "installed_size": package.installed_size, "requires": self.graph.pool().display(by)})
            };
            let unneeded =
                |&place: &usize| json!({"id": self.id(place), "installed_size": self.subject.packages[place].installed_size});
            value["if_removed"] = json!({
                "requires_it": removal.broken.iter().map(broken).collect::<Vec<_>>(),
                "unneeded": removal.unneeded.iter().map(unneeded).collect::<Vec<_>>(),
                "packages": 1 + removal.broken.len() + removal.unneeded.len(),
                "freed": removal.freed,
            });
        }
        if self.arguments.alternatives {
            let (had, weight) = self.whole();
            let one = |found: &Alternatives| {
                let candidates: Vec<Value> = found
                    .candidates
                    .iter()
                    .map(|candidate| {
                        let package = self.graph.pool().solvable(candidate.package);
                        let mut value = json!({
                            "name": package.name(), "version": package.version(), "arch": package.arch(), "repo": package.repo_name(),
                            "possible": candidate.set.is_some(),
                        });
                        if let Some((packages, size)) = candidate.set {
                            value["packages"] = json!(packages);
                            value["installed_size"] = json!(size);
                            value["saved"] = json!({"packages": had as i64 - packages as i64, "installed_size": weight as i64 - size as i64});
                        }
                        value
                    })
                    .collect();
                let by: Vec<&str> = found.by.iter().map(|&place| self.id(place)).collect();
                json!({"requires": self.graph.pool().display(found.dependency), "by": by, "candidates": candidates})
            };
            value["alternatives"] = self.graph.alternatives(target).iter().map(one).collect();
        }
        value
    }

    /// Returns the number of packages in the set, and their total size as far as the pool knows it.
    fn whole(&self) -> (usize, u64) {
        let ids = (0..self.subject.packages.len()).filter_map(|place| self.graph.member(place));
        ids.fold((0, 0), |(packages, size), id| (packages + 1, size + self.graph.pool().solvable(id).installed_size()))
    }

    fn human(&self, targets: &[usize]) -> String {
        let mut text = String::new();
        for &target in targets {
            text += &self.package(target);
            if self.arguments.if_removed {
                text += &self.if_removed(target);
            }
            if self.arguments.alternatives {
                text += &self.alternatives(target);
            }
        }
        if self.arguments.unneeded {
            text += &self.unneeded();
        }
        text
    }

    fn package(&self, target: usize) -> String {
        let facts = &self.subject.packages[target];
        let version =
            facts.release.as_ref().map_or_else(|| facts.version.clone(), |release| format!("{}-{release}", facts.version));
        let arch = facts.arch.as_deref().unwrap_or("noarch");
        let head = format!("{} {} ({arch}, {})", self.name(target), shown(version.as_bytes()), bytes(facts.installed_size));
        let most = if self.arguments.all { MOST } else { FEW };
        let found = self.graph.chains(target, most);
        if found.chains.first().is_some_and(|chain| chain.steps.is_empty()) {
            let why = if self.graph.is_told() { "was asked for" } else { "is here, and nothing else requires it" };
            return format!("{head} {why}\n");
        }
        if found.chains.is_empty() {
            return format!("{head} is here for nothing: nothing that was asked for leads to it\n");
        }
        let mut text = format!("{head} is here because\n");
        for chain in &found.chains {
            text += &self.chain(chain);
        }
        let left = found.total.saturating_sub(found.chains.len() as u64);
        if left > 0 {
            let hint = if self.arguments.all { "" } else { " (--all)" };
            text += &format!("  and {} more ways{hint}\n", count(left));
        }
        text
    }

    /// Formats a chain in two lines: the packages, and below each the requirement that leads to it.
    fn chain(&self, chain: &Chain<'_>) -> String {
        let (mut names, mut below) = (format!("  {}", self.name(chain.from)), String::new());
        for edge in &chain.steps {
            let width = (names.chars().count() + 3).max(below.chars().count() + usize::from(!below.is_empty()));
            names += &format!("{:>1$}", " → ", width - names.chars().count());
            below += &" ".repeat(width - below.chars().count());
            names += &self.name(edge.to);
            let word = match edge.link {
                crate::audit::why::Link::Requires => String::new(),
                other => format!("{}: ", other.text()),
            };
            below += &word;
            below += &edge.by.first().map(|&by| self.display(by)).unwrap_or_default();
            if edge.by.len() > 1 {
                below += &format!(" +{}", edge.by.len() - 1);
            }
        }
        format!("{names}\n{below}\n")
    }

    fn if_removed(&self, target: usize) -> String {
        let removal = self.graph.without(&[target]);
        let mut text = format!(
            "without {}: {} would go, {} would be free\n",
            self.name(target),
            packages(1 + (removal.broken.len() + removal.unneeded.len()) as u64),
            bytes(removal.freed)
        );
        for &(place, by) in &removal.broken {
            text += &format!("  {}, which requires {}\n", shown(self.id(place).as_bytes()), self.display(by));
        }
        for &place in &removal.unneeded {
            text += &format!("  {}, which nothing would need any more\n", shown(self.id(place).as_bytes()));
        }
        text
    }

    fn alternatives(&self, target: usize) -> String {
        let found = self.graph.alternatives(target);
        let (_, weight) = self.whole();
        let mut text = String::new();
        if found.is_empty() {
            text += &format!("nothing in the set requires {}\n", self.name(target));
        }
        for alternatives in &found {
            let by: Vec<String> = alternatives.by.iter().map(|&place| self.name(place)).collect();
            text += &format!("{} (for {})", self.display(alternatives.dependency), by.join(", "));
            text += match alternatives.candidates.len() {
                0 => ": nobody else provides it\n",
                _ => " could come from\n",
            };
            for candidate in &alternatives.candidates {
                text += &format!("  {}: ", shown(self.other(candidate.package).as_bytes()));
                text += &match candidate.set {
                    None => "not together with the rest of the set\n".to_owned(),
                    Some((number, size)) => {
                        let (by, word) = (size.abs_diff(weight), if size > weight { "more" } else { "less" });
                        format!("the set would be {}, {} ({} {word})\n", packages(number as u64), bytes(size), bytes(by))
                    }
                };
            }
        }
        text
    }

    fn unneeded(&self) -> String {
        let unneeded = self.graph.unneeded();
        let mut text = String::new();
        for &place in &unneeded {
            text += &format!("{}  {}\n", shown(self.id(place).as_bytes()), bytes(self.subject.packages[place].installed_size));
        }
        let size = unneeded.iter().map(|&place| self.subject.packages[place].installed_size).sum();
        text + &format!("{} that nothing needs which was asked for, {}\n", packages(unneeded.len() as u64), bytes(size))
    }
}
