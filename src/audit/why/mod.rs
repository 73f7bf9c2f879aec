//! The reasons why a package is in a set: the dependency chains to it, the effect of its removal,
//! and its alternatives.
//!
//! Input: a pool and the packages of the pool that form the set. Output: places in the set,
//! capabilities and numbers, which the command line formats.

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

/// The kind of an edge between packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The package requires a capability that the other provides.
    Requires,
    /// The package recommends the other.
    Recommends,
    /// The other is installed because of the package: it supplements the package (rpm) or has an
    /// `install_if` for it (apk).
    BringsAlong,
}

impl Link {
    /// Returns the verb for messages: `requires`.
    pub fn text(self) -> &'static str {
        match self {
            Self::Requires => "requires",
            Self::Recommends => "recommends",
            Self::BringsAlong => "brings along",
        }
    }
}

/// An edge from one package to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The target, by its place in the set.
    pub to: usize,
    /// Kind of edge.
    pub link: Link,
    /// The dependencies that cause the edge, in the order of the package.
    pub by: Vec<DependencyId>,
}

/// A set of packages and the edges between them.
#[derive(Debug)]
pub struct Graph<'p> {
    pool: &'p Pool,
    /// The id of each package in the pool; `None` for a package that the pool lacks.
    members: Vec<Option<SolvableId>>,
    places: FxHashMap<SolvableId, usize>,
    /// The edges of each package, by its place.
    edges: Vec<Vec<Edge>>,
    /// The roots of the chains: the requested packages or, if those are unknown, the packages that
    /// nothing requires.
    roots: Vec<usize>,
    /// True if the requested packages are known.
    is_told: bool,
}

impl<'p> Graph<'p> {
    /// Creates the graph of a set. `requested` are places. Without it, the roots are the packages
    /// that nothing else requires.
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

    /// Returns the places of the roots.
    pub fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// Reports whether the requested packages are known. Otherwise the roots are the packages that
    /// nothing requires.
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// Returns the pool.
    pub fn pool(&self) -> &'p Pool {
        self.pool
    }

    /// Returns the id of a package in the pool.
    pub fn member(&self, place: usize) -> Option<SolvableId> {
        self.members.get(place).copied().flatten()
    }

    /// Returns the edges from a package.
    pub fn edges(&self, place: usize) -> &[Edge] {
        &self.edges[place]
    }

    /// Returns the places of packages that are neither requested nor reachable from a requested
    /// package. The result is empty if the requested packages are unknown.
    pub fn unneeded(&self) -> Vec<usize> {
        let reached = self.reached(self.roots.iter().copied(), |_| true);
        (0..self.members.len()).filter(|&place| !reached[place] && self.members[place].is_some()).collect()
    }

    /// Reports for each package whether it is reachable from the given places, through packages for
    /// which `is_there` holds.
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
                    // A requirement that the package itself meets needs no other package.
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

    /// Returns the places of the packages that provide a dependency or a part of it.
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

    /// Returns the places of packages that no other package leads to. A cycle counts as one: all of
    /// its packages are returned if no edge leads into it.
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
