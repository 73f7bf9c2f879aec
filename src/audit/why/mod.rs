//! Why a package is in a set: the chains of requirements that lead to it, what would go with it, who could take its place.
//!
//! In: a pool and the packages of it that are the set. Out: places in the set, capabilities and numbers, which the command line words.

mod alternatives;
mod chains;
mod removal;
#[cfg(test)]
mod tests;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};

pub use alternatives::{Alternative, Alternatives};
pub use chains::{Chain, Chains};
pub use removal::Removal;

use crate::pool::{Dependency, DependencyId, Kind, Pool, SolvableId};

/// How a package leads to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// It requires what the other gives.
    Requires,
    /// It recommends it.
    Recommends,
    /// The other is there for it: it supplements it (RPM), or is installed with it (apk's `install_if`).
    BringsAlong,
}

impl Link {
    /// In words: `requires`.
    pub fn text(self) -> &'static str {
        match self {
            Self::Requires => "requires",
            Self::Recommends => "recommends",
            Self::BringsAlong => "brings along",
        }
    }
}

/// That one package leads to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The other, by its place in the set.
    pub to: usize,
    /// How.
    pub link: Link,
    /// By which dependencies, in the order in which they are written.
    pub by: Vec<DependencyId>,
}

/// A set of packages and who in it leads to whom.
#[derive(Debug)]
pub struct Graph<'p> {
    pool: &'p Pool,
    /// What each package is in the pool; `None` for one that the pool does not have.
    members: Vec<Option<SolvableId>>,
    places: FxHashMap<SolvableId, usize>,
    /// Of each package, by its place.
    edges: Vec<Vec<Edge>>,
    /// Where the chains begin: what was asked for, or what nothing requires.
    roots: Vec<usize>,
    /// Whether it was told what was asked for.
    is_told: bool,
}

impl<'p> Graph<'p> {
    /// The graph of a set. Without `requested` (by places) chains begin at what nothing else requires.
    pub fn new(pool: &'p Pool, members: &[Option<SolvableId>], requested: Option<Vec<usize>>) -> Self {
        let places = members.iter().enumerate().filter_map(|(place, id)| Some(((*id)?, place))).collect();
        let is_told = requested.is_some();
        let mut graph = Self { pool, members: members.to_vec(), places, edges: Vec::new(), roots: Vec::new(), is_told };
        graph.edges = graph.find_edges();
        graph.roots = requested.unwrap_or_else(|| graph.not_required());
        graph.roots.sort_unstable();
        graph.roots.dedup();
        graph
    }

    /// Where the chains begin, by place.
    pub fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// Whether it was told what was asked for; otherwise the roots are what nothing requires.
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// The pool.
    pub fn pool(&self) -> &'p Pool {
        self.pool
    }

    /// What a package is in the pool.
    pub fn member(&self, place: usize) -> Option<SolvableId> {
        self.members.get(place).copied().flatten()
    }

    /// Where a package leads.
    pub fn edges(&self, place: usize) -> &[Edge] {
        &self.edges[place]
    }

    /// The packages that neither were asked for nor are led to by any that was, by place. Without a word on what was asked for there are none.
    pub fn unneeded(&self) -> Vec<usize> {
        let reached = self.reached(self.roots.iter().copied(), |_| true);
        (0..self.members.len()).filter(|&place| !reached[place] && self.members[place].is_some()).collect()
    }

    /// What is led to from some packages, through those that are there.
    fn reached(&self, from: impl Iterator<Item = usize>, is_there: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.members.len()];
        let mut open: Vec<usize> = from.filter(|&place| is_there(place)).collect();
        while let Some(place) = open.pop() {
            if !std::mem::replace(&mut reached[place], true) {
                open.extend(self.edges[place].iter().map(|edge| edge.to).filter(|&to| is_there(to)));
            }
        }
        reached
    }

    fn find_edges(&self) -> Vec<Vec<Edge>> {
        let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); self.members.len()];
        for (place, id) in self.members.iter().enumerate().filter_map(|(place, id)| Some((place, (*id)?))) {
            let package = self.pool.solvable(id);
            let of = [(Link::Requires, package.requires()), (Link::Recommends, package.dependencies(Kind::Recommends))];
            for (link, dependencies) in of {
                for &dependency in dependencies {
                    let given = self.givers(dependency);
                    // What a package has itself it needs of nobody.
                    if !given.contains(&place) {
                        for to in given {
                            add(&mut edges[place], to, link, dependency);
                        }
                    }
                }
            }
            for kind in [Kind::Supplements, Kind::InstallIf] {
                for &dependency in package.dependencies(kind) {
                    for from in self.givers(dependency).into_iter().filter(|&from| from != place) {
                        add(&mut edges[from], place, Link::BringsAlong, dependency);
                    }
                }
            }
        }
        edges
    }

    /// The packages of the set that give what a dependency asks for, or what a part of it does, by place.
    fn givers(&self, dependency: DependencyId) -> Vec<usize> {
        let mut given = FxHashSet::default();
        let mut parts = vec![dependency];
        while let Some(part) = parts.pop() {
            given.extend(self.pool.candidates(part).iter().filter_map(|id| self.places.get(id)).copied());
            if let (true, Dependency::Rich { left, right, .. }) = (self.pool.is_complex(part), self.pool.dependency(part)) {
                parts.extend([left, right]);
            }
        }
        let mut given: Vec<usize> = given.into_iter().collect();
        given.sort_unstable();
        given
    }

    /// What nothing else leads to; of packages that lead to each other in a circle, all, where nothing leads to the circle.
    fn not_required(&self) -> Vec<usize> {
        let mut graph: DiGraph<usize, ()> = DiGraph::new();
        for place in 0..self.members.len() {
            graph.add_node(place);
        }
        for (place, edges) in self.edges.iter().enumerate() {
            for edge in edges {
                graph.add_edge(NodeIndex::new(place), NodeIndex::new(edge.to), ());
            }
        }
        let circles = tarjan_scc(&graph);
        let mut circle_of = vec![0; self.members.len()];
        for (number, members) in circles.iter().enumerate() {
            for member in members {
                circle_of[member.index()] = number;
            }
        }
        let mut is_led_to = vec![false; circles.len()];
        for (place, edges) in self.edges.iter().enumerate() {
            for edge in edges.iter().filter(|edge| circle_of[edge.to] != circle_of[place]) {
                is_led_to[circle_of[edge.to]] = true;
            }
        }
        (0..self.members.len()).filter(|&place| !is_led_to[circle_of[place]] && self.members[place].is_some()).collect()
    }
}

fn add(edges: &mut Vec<Edge>, to: usize, link: Link, dependency: DependencyId) {
    match edges.iter_mut().find(|edge| edge.to == to && edge.link == link) {
        Some(edge) if edge.by.contains(&dependency) => {}
        Some(edge) => edge.by.push(dependency),
        None => edges.push(Edge { to, link, by: vec![dependency] }),
    }
}
