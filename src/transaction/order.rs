//! The order of installation: requirements first; cycles are broken at their weakest edges.
//!
//! As in rpm (`order.c`), there are three strengths of edges. Requirements of scriptlets
//! (`Requires(pre)`, `Requires(post)`) are stronger than runtime requirements, and these are
//! stronger than recommendations. The packages of a cycle (a strongly connected component) are
//! ordered again by the stronger edges alone, so that few of the weaker ones are broken. The next
//! package is the one with the largest difference between the packages that wait for it and those
//! that it waits for (Eades, Lin and Smyth).
//!
//! Packages that wait for nothing are ordered by the length of their chain of requirements,
//! shortest first. Then come those that more packages wait for, then the order is by name.

use std::cmp::Reverse;

use petgraph::Direction;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::pool::{Dependency, DependencyId, Kind, Pool, RichOp, SolvableId};

/// The strength of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bond {
    Recommended,
    Required,
    Prerequired,
}

impl Bond {
    fn stronger(self) -> Option<Self> {
        match self {
            Self::Recommended => Some(Self::Required),
            Self::Required => Some(Self::Prerequired),
            Self::Prerequired => None,
        }
    }
}

/// Edges lead from a requirement to the package that needs it.
type Needs = DiGraph<SolvableId, Bond>;

/// Returns the packages in the order of their installation.
pub fn order(pool: &Pool, packages: &[SolvableId]) -> Vec<SolvableId> {
    let mut sorted = packages.to_vec();
    let key = |id: SolvableId| (pool.solvable(id).name(), pool.solvable(id).version(), pool.solvable(id).arch(), id);
    sorted.sort_by(|&a, &b| key(a).cmp(&key(b)));
    sorted.dedup();
    let needs = graph(pool, &sorted);
    let mut ordered = Vec::with_capacity(sorted.len());
    place(&needs, &needs.node_indices().collect::<Vec<_>>(), Bond::Recommended, &mut ordered);
    ordered.into_iter().map(|node| needs[node]).collect()
}

fn graph(pool: &Pool, sorted: &[SolvableId]) -> Needs {
    let mut needs = Needs::new();
    let mut nodes: Vec<(SolvableId, NodeIndex)> = sorted.iter().map(|&id| (id, needs.add_node(id))).collect();
    nodes.sort_unstable();
    let node_of = |id: SolvableId| nodes.binary_search_by_key(&id, |&(id, _)| id).ok().map(|place| nodes[place].1);
    let bonds = [(Kind::PreRequires, Bond::Prerequired), (Kind::Requires, Bond::Required), (Kind::Recommends, Bond::Recommended)];
    let mut found = Vec::new();
    for &id in sorted {
        let Some(this) = node_of(id) else { continue };
        for (kind, bond) in bonds {
            for &dependency in pool.solvable(id).dependencies(kind) {
                found.clear();
                collect(pool, dependency, &mut found);
                if found.contains(&id) {
                    continue;
                }
                for other in found.iter().filter_map(|&other| node_of(other)) {
                    let known = needs.find_edge(other, this);
                    // `bonds` is sorted by strength, so an existing edge is at least as strong.
                    if known.is_none() {
                        needs.add_edge(other, this, bond);
                    }
                }
            }
        }
    }
    needs
}

/// Collects all packages that may satisfy a dependency.
fn collect(pool: &Pool, dependency: DependencyId, found: &mut Vec<SolvableId>) {
    match pool.dependency(dependency) {
        Dependency::Rich { op: RichOp::And | RichOp::Or, left, right } => {
            collect(pool, left, found);
            collect(pool, right, found);
        }
        _ => found.extend_from_slice(pool.candidates(dependency)),
    }
}

/// A strongly connected component that is not ordered yet.
struct Group {
    members: Vec<NodeIndex>,
    /// Number of groups that must precede this one and are not ordered yet.
    waiting: usize,
    /// Number of weaker edges from packages that are not ordered yet.
    weaker: usize,
    depth: usize,
    /// Number of edges to packages that wait for this group.
    dependents: usize,
}

/// Orders the packages of `nodes` by the edges that are at least as strong as `bond`.
fn place(needs: &Needs, nodes: &[NodeIndex], bond: Bond, ordered: &mut Vec<NodeIndex>) {
    let mut inside = vec![false; needs.node_count()];
    for node in nodes {
        inside[node.index()] = true;
    }
    let part = needs.filter_map(
        |node, _| inside[node.index()].then_some(node),
        |edge, &of| {
            let ends = needs.edge_endpoints(edge);
            ends.is_some_and(|(from, to)| of >= bond && inside[from.index()] && inside[to.index()]).then_some(())
        },
    );
    let mut group_of = vec![usize::MAX; needs.node_count()];
    let mut groups: Vec<Group> = Vec::new();
    for component in kosaraju_scc(&part) {
        let mut members: Vec<NodeIndex> = component.into_iter().map(|node| part[node]).collect();
        members.sort_unstable();
        for member in &members {
            group_of[member.index()] = groups.len();
        }
        groups.push(Group { members, waiting: 0, weaker: 0, depth: 0, dependents: 0 });
    }
    if let ([group], Some(stronger)) = (groups.as_slice(), bond.stronger())
        && group.members.len() > 1
    {
        return place(needs, nodes, stronger, ordered);
    }
    // A cycle of the strongest edges: each package becomes its own group, and all edges count as
    // weaker ones.
    let is_knot = groups.len() == 1 && groups[0].members.len() > 1;
    if is_knot {
        groups =
            nodes.iter().map(|&node| Group { members: vec![node], waiting: 0, weaker: 0, depth: 0, dependents: 0 }).collect();
        for (number, node) in nodes.iter().enumerate() {
            group_of[node.index()] = number;
        }
    }
    let bonds = |node: NodeIndex| {
        (needs.edges(node).filter(|edge| inside[edge.target().index()]))
            .map(|edge| (group_of[edge.target().index()], *edge.weight() >= bond && !is_knot))
            .collect::<Vec<_>>()
    };
    for number in 0..groups.len() {
        for member in groups[number].members.clone() {
            for (to, binds) in bonds(member).into_iter().filter(|&(to, _)| to != number) {
                let counter = if binds { &mut groups[to].waiting } else { &mut groups[to].weaker };
                *counter += 1;
                groups[number].dependents += 1;
            }
        }
    }
    let mut ready: Vec<usize> = (0..groups.len()).filter(|&number| groups[number].waiting == 0).collect();
    while !ready.is_empty() {
        let rank = |&number: &usize| {
            let group = &groups[number];
            let gain = group.dependents as i64 - group.weaker as i64;
            let broken = if group.weaker == 0 { None } else { Some(Reverse(gain)) };
            (broken, group.depth, Reverse(group.dependents), group.members[0])
        };
        let best = (0..ready.len()).min_by_key(|&place| rank(&ready[place])).unwrap_or(0);
        let number = ready.swap_remove(best);
        let members = std::mem::take(&mut groups[number].members);
        match bond.stronger() {
            Some(stronger) if members.len() > 1 => place(needs, &members, stronger, ordered),
            None if members.len() > 1 => place(needs, &members, bond, ordered),
            _ => ordered.extend(&members),
        }
        let depth = groups[number].depth + 1;
        for member in members {
            for needed in needs.neighbors_directed(member, Direction::Incoming).filter(|needed| inside[needed.index()]) {
                let group = &mut groups[group_of[needed.index()]];
                group.dependents = group.dependents.saturating_sub(1);
            }
            for (to, binds) in bonds(member).into_iter().filter(|&(to, _)| to != number) {
                if !binds {
                    groups[to].weaker = groups[to].weaker.saturating_sub(1);
                    continue;
                }
                groups[to].waiting -= 1;
                groups[to].depth = groups[to].depth.max(depth);
                if groups[to].waiting == 0 {
                    ready.push(to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rpm::{architecture, universe};

    fn ordered(text: &str) -> Vec<String> {
        let pool = universe::parse(text, &architecture::compatible("x86_64")).unwrap();
        let mut all: Vec<SolvableId> = pool.solvables().map(crate::pool::Solvable::id).collect();
        let forwards = order(&pool, &all);
        all.reverse();
        assert_eq!(forwards, order(&pool, &all));
        forwards.into_iter().map(|id| pool.solvable(id).name().to_owned()).collect()
    }

    #[test]
    fn what_is_required_comes_first() {
        assert_eq!(ordered("a 1 requires b\nb 1 requires c\nc 1"), ["c", "b", "a"]);
        assert_eq!(ordered("a 1 requires x\nb 1 provides x"), ["b", "a"]);
        assert_eq!(ordered("a 1 requires (b and c)\nb 1\nc 1"), ["b", "c", "a"]);
    }

    #[test]
    fn circles_are_broken_at_run_time_needs() {
        // glibc and its locales require each other; only one requires the other for its scriptlet.
        assert_eq!(ordered("a 1 requires b\nb 1 prerequires a"), ["a", "b"]);
        assert_eq!(ordered("a 1 prerequires b\nb 1 requires a"), ["b", "a"]);
        assert_eq!(ordered("a 1 recommends b\nb 1 requires a"), ["a", "b"]);
    }

    #[test]
    fn in_a_circle_the_fewest_needs_are_missed() {
        assert_eq!(ordered("a 1 requires b, c\nb 1 requires c\nc 1 requires a"), ["c", "b", "a"]);
    }

    #[test]
    fn a_circle_of_prerequirements_is_ordered_all_the_same() {
        let circle = ordered("a 1 prerequires b\nb 1 prerequires c\nc 1 prerequires a\nd 1 requires b");
        assert_eq!(circle.len(), 4);
        assert_eq!(circle[3], "d");
    }

    #[test]
    fn short_chains_and_much_needed_packages_come_first() {
        let text = "z 1\nlib 1\na 1 requires lib\nb 1 requires lib\nc 1 requires a";
        assert_eq!(ordered(text), ["lib", "z", "a", "b", "c"]);
    }

    proptest! {
        #[test]
        fn without_circles_every_need_is_met(needs in proptest::collection::vec((0_u8..12, 0_u8..12, any::<bool>()), 0..40)) {
            let mut text = String::new();
            for package in 0..12_u8 {
                use std::fmt::Write;
                write!(text, "p{package} 1").unwrap();
                for (from, to, pre) in needs.iter().filter(|(from, to, _)| *from == package && to < from) {
                    let _ = from;
                    write!(text, " {} p{to}", if *pre { "prerequires" } else { "requires" }).unwrap();
                }
                text.push('\n');
            }
            let order = ordered(&text);
            let place = |package: u8| order.iter().position(|name| *name == format!("p{package}"));
            prop_assert_eq!(order.len(), 12);
            for (from, to, _) in needs.into_iter().filter(|(from, to, _)| to < from) {
                prop_assert!(place(to) < place(from));
            }
        }
    }
}
