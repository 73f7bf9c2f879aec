//! Consistency checks of repositories: packages that cannot be installed, obsoletes cycles, and
//! versions that decrease.

mod file_conflicts;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashMap;

pub use file_conflicts::{FileConflict, SharedPaths};

use crate::pool::{Dependency, DependencyId, Kind, Pool, RepoId, RichOp, Solvable, SolvableId, StringId};

/// A package with requirements that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The package.
    pub package: SolvableId,
    /// The requirements that cannot be met, in the order of the package.
    pub requires: Vec<Unmet>,
}

/// A requirement that no set of packages meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The requirement.
    pub dependency: DependencyId,
    /// The parts that nothing meets, and why. If the requirement is not rich, it is its own only
    /// part.
    pub lacking: Vec<(DependencyId, Lack)>,
    /// True if the requirement holds as long as its condition is not installed: `(gone if other)`.
    pub conditional: bool,
}

/// The reason why nothing meets a dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// No package provides the name.
    Nothing,
    /// These packages provide the name in other versions.
    OtherVersions(Vec<SolvableId>),
    /// These packages have the name, but only for other architectures.
    OtherArchitectures(Vec<SolvableId>),
}

/// A package whose versions in a later repository are all older than in an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backwards {
    /// The newest version in the earlier repositories.
    pub from: SolvableId,
    /// The newest version in the later repository.
    pub to: SolvableId,
}

/// Returns the packages with unmet requirements, by id, among those that `asked` selects. As in
/// libsolv (`pool_whatprovides`) and so in `dnf repoclosure`, a conditional requirement counts as
/// unmet if only its condition makes it hold. In addition, both sides of `and` must be met.
pub fn broken(pool: &Pool, asked: impl Fn(Solvable<'_>) -> bool) -> Vec<Broken> {
    let mut known: Vec<Option<bool>> = vec![None; pool.dependency_count()];
    let mut can_hold = |dependency: DependencyId| {
        *known[dependency.index()].get_or_insert_with(|| {
            may_hold(pool, dependency) && (pool.met_by_system(dependency) || !pool.candidates(dependency).is_empty())
        })
    };
    let packages = pool.solvables().filter(|package| package.takes_part() && asked(*package));
    packages
        .filter_map(|package| {
            let mut unmet: Vec<DependencyId> = Vec::new();
            for &dependency in package.requires() {
                if !can_hold(dependency) && !unmet.contains(&dependency) {
                    unmet.push(dependency);
                }
            }
            let told =
                |dependency| Unmet { dependency, lacking: lacking(pool, dependency), conditional: may_hold(pool, dependency) };
            (!unmet.is_empty()).then(|| Broken { package: package.id(), requires: unmet.into_iter().map(told).collect() })
        })
        .collect()
}

/// Reports whether some set of packages meets a dependency, regardless of their relations to each
/// other. A conditional dependency holds if its condition does not.
fn may_hold(pool: &Pool, dependency: DependencyId) -> bool {
    match pool.dependency(dependency) {
        Dependency::Rich { op: RichOp::If, .. } => true,
        Dependency::Rich { op: RichOp::Unless, left, right } => match pool.dependency(right) {
            Dependency::Rich { op: RichOp::Else, right: other, .. } => may_hold(pool, left) || may_hold(pool, other),
            _ => may_hold(pool, left),
        },
        Dependency::Rich { op: RichOp::And, left, right } => may_hold(pool, left) && may_hold(pool, right),
        Dependency::Rich { op: RichOp::Or, left, right } => may_hold(pool, left) || may_hold(pool, right),
        _ => pool.met_by_system(dependency) || !pool.candidates(dependency).is_empty(),
    }
}

/// Returns the parts of an unmet dependency that nothing meets.
fn lacking(pool: &Pool, dependency: DependencyId) -> Vec<(DependencyId, Lack)> {
    let mut found = Vec::new();
    let mut parts = vec![dependency];
    while let Some(part) = parts.pop() {
        match pool.dependency(part) {
            Dependency::Rich { op: RichOp::With | RichOp::Without, left, .. } if may_hold(pool, left) => {
                found.push((part, Lack::OtherVersions(pool.candidates(left).to_vec())));
            }
            Dependency::Rich { left, right, .. } => parts.extend([right, left]),
            Dependency::Plain { name, .. } if !may_hold(pool, part) => found.push((part, lack(pool, name))),
            Dependency::Plain { .. } => {}
        }
    }
    found
}

fn lack(pool: &Pool, name: StringId) -> Lack {
    let mut providers: Vec<SolvableId> = pool.providers(name).map(|(id, _)| id).collect();
    providers.dedup();
    if !providers.is_empty() {
        return Lack::OtherVersions(providers);
    }
    let foreign = pool.named(name);
    if foreign.is_empty() { Lack::Nothing } else { Lack::OtherArchitectures(foreign.to_vec()) }
}

/// Returns the cycles of packages that obsolete each other, by id. No package of a cycle can
/// replace the others permanently.
pub fn obsoletes_loops(pool: &Pool) -> Vec<Vec<SolvableId>> {
    let mut graph: DiGraph<SolvableId, ()> = DiGraph::new();
    let mut nodes: FxHashMap<SolvableId, NodeIndex> = FxHashMap::default();
    for package in pool.solvables().filter(|package| package.takes_part()) {
        for &dependency in package.dependencies(Kind::Obsoletes) {
            for &other in pool.obsoleted(dependency) {
                // A package that obsoletes older versions of itself repeats what its version
                // already implies.
                if pool.solvable(other).name_id() != package.name_id() {
                    let ends = [package.id(), other].map(|id| *nodes.entry(id).or_insert_with(|| graph.add_node(id)));
                    graph.add_edge(ends[0], ends[1], ());
                }
            }
        }
    }
    let loops = tarjan_scc(&graph).into_iter().filter(|members| members.len() > 1);
    let ids = |members: Vec<NodeIndex>| members.into_iter().map(|node| graph[node]).collect();
    let mut loops: Vec<Vec<SolvableId>> = loops.map(ids).collect();
    for members in &mut loops {
        members.sort_unstable();
    }
    loops.sort_unstable();
    loops
}

/// Returns the packages whose version decreases from one repository to the next, in the order in
/// which the repositories are named.
pub fn backwards(pool: &Pool) -> Vec<Backwards> {
    let mut newest: FxHashMap<(StringId, StringId), Vec<(RepoId, SolvableId)>> = FxHashMap::default();
    for package in pool.solvables().filter(|package| package.arch_rank().is_some()) {
        let known = newest.entry((package.name_id(), package.arch_id())).or_default();
        match known.iter_mut().find(|(repo, _)| *repo == package.repo_id()) {
            Some((_, id)) if pool.solvable(*id).version_rank() < package.version_rank() => *id = package.id(),
            Some(_) => {}
            None => known.push((package.repo_id(), package.id())),
        }
    }
    let rank = |id| pool.solvable(id).version_rank();
    let mut found = Vec::new();
    for mut known in newest.into_values().filter(|known| known.len() > 1) {
        known.sort_unstable();
        let mut best = known[0].1;
        for &(_, id) in &known[1..] {
            if rank(id) < rank(best) {
                found.push(Backwards { from: best, to: id });
            } else {
                best = id;
            }
        }
    }
    found.sort_unstable_by_key(|found| (found.from, found.to));
    found
}

/// Reports whether a package is the newest of its name and architecture.
pub fn is_newest(pool: &Pool, package: Solvable<'_>) -> bool {
    let mut others = pool.named(package.name_id()).iter().map(|&id| pool.solvable(id));
    !others.any(|other| other.arch_id() == package.arch_id() && other.version_rank() > package.version_rank())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::{architecture, universe};

    fn pool(text: &str) -> Pool {
        universe::parse(text, &architecture::compatible("x86_64")).unwrap()
    }

    /// Returns one line per package: its name and its unmet requirements.
    fn told(text: &str) -> Vec<String> {
        let pool = pool(text);
        let unmet = |broken: &Broken| {
            let texts: Vec<String> = broken
                .requires
                .iter()
                .flat_map(|unmet| &unmet.lacking)
                .map(|(part, lack)| {
                    let why = match lack {
                        Lack::Nothing => "nothing".to_owned(),
                        Lack::OtherVersions(others) => format!("{} others", others.len()),
                        Lack::OtherArchitectures(others) => format!("{} foreign", others.len()),
                    };
                    format!("{}: {why}", pool.display(*part))
                })
                .collect();
            format!("{} {}", pool.solvable(broken.package).name(), texts.join(", "))
        };
        broken(&pool, |_| true).iter().map(unmet).collect()
    }

    #[test]
    fn what_cannot_be_met_and_why() {
        let found = told(
            "a 1 requires b, rpmlib(CompressedFileNames), gone
             b 1 requires c >= 2, /bin/sh
             c 1 provides /bin/sh
             d 1 requires (c if gone), (c or gone), (c and lost), (c with lost)
             e 1 requires foreign
             f 1 requires (gone if b)
             foreign 1 s390x requires never",
        );
        assert_eq!(
            found,
            [
                "a gone: nothing",
                "b c >= 2: 1 others",
                "d lost: nothing, (c with lost): 1 others",
                "e foreign: 1 foreign",
                "f gone: nothing"
            ]
        );
    }

    #[test]
    fn circles_of_obsoletes() {
        let pool = pool("a 1 obsoletes b\nb 1 obsoletes c\nc 1 obsoletes a\nd 2 obsoletes d < 2, a\nd 1");
        let names = |ids: &Vec<SolvableId>| ids.iter().map(|&id| pool.solvable(id).name()).collect::<Vec<_>>().join(" ");
        assert_eq!(obsoletes_loops(&pool).iter().map(names).collect::<Vec<_>>(), ["a b c"]);
    }

    #[test]
    fn versions_that_go_backwards() {
        let pool = pool("repo old\na 2\na 1\nb 1\nc 3\nrepo new\na 1\nb 2\nc 3\nrepo newest\nb 1\na 3");
        let told = |found: &Backwards| {
            let (from, to) = (pool.solvable(found.from), pool.solvable(found.to));
            format!("{} {} {} -> {} {}", from.name(), from.repo_name(), from.version(), to.repo_name(), to.version())
        };
        assert_eq!(backwards(&pool).iter().map(told).collect::<Vec<_>>(), ["a old 2 -> new 1", "b new 2 -> newest 1"]);
    }
}
