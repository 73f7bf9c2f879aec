//! The shortest dependency chains to a package.

use std::collections::VecDeque;

use super::{Edge, Graph, Link};

/// A chain from a root (a requested package, or one that nothing requires) to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'g> {
    /// The root, by place.
    pub from: usize,
    /// The edges from the root to the target; empty if the package is a root itself.
    pub steps: Vec<&'g Edge>,
}

/// All shortest chains to a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chains<'g> {
    /// The chains, the shortest first; at most as many as the caller wants.
    pub chains: Vec<Chain<'g>>,
    /// Number of all shortest chains.
    pub total: u64,
}

impl Graph<'_> {
    /// Returns the shortest chains to a package from each root that leads to it, at most `most`.
    /// Recommendations count only if no chain of requirements exists.
    pub fn chains(&self, target: usize, most: usize) -> Chains<'_> {
        let required = self.chains_by(target, most, |link| link == Link::Requires);
        if required.total > 0 { required } else { self.chains_by(target, most, |_| true) }
    }

    fn chains_by(&self, target: usize, most: usize, counts: impl Fn(Link) -> bool) -> Chains<'_> {
        let distances = self.distances(target, &counts);
        let mut roots: Vec<(u32, usize)> = self.roots().iter().filter_map(|&root| Some((distances[root]?, root))).collect();
        roots.sort_unstable();
        // The number of shortest chains from each package is the sum over its neighbors that are
        // closer to the target.
        let mut order: Vec<(u32, usize)> =
            distances.iter().enumerate().filter_map(|(place, distance)| Some(((*distance)?, place))).collect();
        order.sort_unstable();
        let mut counts_of = vec![0_u64; distances.len()];
        let nearer = |place: usize, edge: &&Edge| {
            counts(edge.link) && distances[edge.to].is_some_and(|distance| Some(distance + 1) == distances[place])
        };
        for &(distance, place) in &order {
            let further = self.edges(place).iter().filter(|edge| nearer(place, edge));
            counts_of[place] =
                if distance == 0 { 1 } else { further.fold(0, |sum, edge| counts_of[edge.to].saturating_add(sum)) };
        }
        let total = roots.iter().fold(0_u64, |sum, &(_, root)| sum.saturating_add(counts_of[root]));
        let mut chains = Vec::new();
        for (_, root) in roots {
            let mut open: Vec<(usize, Vec<&Edge>)> = vec![(root, Vec::new())];
            while let Some((place, steps)) = open.pop() {
                if chains.len() == most {
                    return Chains { chains, total };
                }
                if place == target {
                    chains.push(Chain { from: root, steps });
                    continue;
                }
                for edge in self.edges(place).iter().rev().filter(|edge| nearer(place, edge)) {
                    let mut steps = steps.clone();
                    steps.push(edge);
                    open.push((edge.to, steps));
                }
            }
        }
        Chains { chains, total }
    }

    /// Returns the number of steps from each package to the target.
    fn distances(&self, target: usize, counts: &impl Fn(Link) -> bool) -> Vec<Option<u32>> {
        let mut back: Vec<Vec<usize>> = vec![Vec::new(); self.edges.len()];
        for (place, edges) in self.edges.iter().enumerate() {
            for edge in edges.iter().filter(|edge| counts(edge.link)) {
                back[edge.to].push(place);
            }
        }
        let mut distances = vec![None; self.edges.len()];
        let mut queue = VecDeque::from([(target, 0)]);
        while let Some((place, distance)) = queue.pop_front() {
            if distances[place].is_none() {
                distances[place] = Some(distance);
                queue.extend(back[place].iter().map(|&from| (from, distance + 1)));
            }
        }
        distances
    }
}
