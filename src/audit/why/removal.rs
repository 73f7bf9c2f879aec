//! The effect of removing packages from a set.

use super::Graph;
use crate::pool::{DependencyId, SolvableId};
use crate::solver::holds;

/// The effect of a removal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// The packages that would lose a requirement, by place, each with its first lost requirement.
    /// They are in the order in which they break.
    pub broken: Vec<(usize, DependencyId)>,
    /// The packages that nothing would need any more, by place.
    pub unneeded: Vec<usize>,
    /// The size of the removed, broken and unneeded packages together, in bytes.
    pub freed: u64,
}

impl Graph<'_> {
    /// Returns the effect of removing these packages (by place).
    pub fn without(&self, removed: &[usize]) -> Removal {
        let mut there: Vec<bool> = self.members.iter().map(Option::is_some).collect();
        for &place in removed {
            there[place] = false;
        }
        let mut removal = Removal::default();
        // Requirements that are not met before the removal do not count.
        let held: Vec<(usize, DependencyId)> = self
            .members
            .iter()
            .enumerate()
            .filter_map(|(place, id)| Some((place, (*id)?)))
            .flat_map(|(place, id)| self.pool.solvable(id).requires().iter().map(move |&dependency| (place, dependency)))
            .filter(|&(_, dependency)| self.holds(dependency, |place| self.members[place].is_some()))
            .collect();
        loop {
            let before = removal.broken.len();
            for &(place, dependency) in &held {
                if there[place] && !self.holds(dependency, |place| there[place]) {
                    there[place] = false;
                    removal.broken.push((place, dependency));
                }
            }
            if removal.broken.len() == before {
                break;
            }
        }
        let needed = self.reached(self.roots().iter().copied(), |place| there[place]);
        let all = self.reached(self.roots().iter().copied(), |_| true);
        removal.unneeded = (0..there.len()).filter(|&place| there[place] && all[place] && !needed[place]).collect();
        let gone = removed.iter().chain(removal.broken.iter().map(|(place, _)| place)).chain(&removal.unneeded);
        removal.freed = gone.filter_map(|&place| self.member(place)).fold(0, |sum, id| sum + self.size(id));
        removal
    }

    pub(super) fn size(&self, id: SolvableId) -> u64 {
        self.pool.solvable(id).installed_size()
    }

    /// Reports whether a dependency holds if only the packages for which `is_there` holds are
    /// installed.
    fn holds(&self, dependency: DependencyId, is_there: impl Fn(usize) -> bool) -> bool {
        let installed = |id: SolvableId| self.places.get(&id).is_some_and(|&place| is_there(place));
        self.pool.met_by_system(dependency) || holds(self.pool, dependency, &installed)
    }
}
