//! The requirements of a pool in the terms of resolvo and pubgrub.

use std::cmp::Reverse;
use std::convert::Infallible;
use std::fmt::{self, Display};

use pubgrub::{PackageResolutionStatistics, Ranges};
use resolvo::{
    Candidates, Condition, ConditionId, DenseIndex, KnownDependencies, NameId, StringId, VersionSetId, VersionSetUnionId,
};
use rootstrap::pool::{Pool, SolvableId};

/// The packages of a pool, their required capabilities and the providers of these.
pub(crate) struct Requirements<'a> {
    pool: &'a Pool,
    /// The packages of each name, oldest first.
    pub(crate) names: Vec<Vec<SolvableId>>,
    /// The name of each package, and its index among the packages of that name.
    place: Vec<(u32, u32)>,
    /// The capabilities that each package requires and does not provide itself, as indexes into
    /// `capabilities`.
    requires: Vec<Vec<u32>>,
    /// The providers of each capability: one set of versions for each name.
    capabilities: Vec<Vec<u32>>,
    /// Sets of packages of one name, each sorted.
    sets: Vec<(u32, Vec<SolvableId>)>,
}

impl<'a> Requirements<'a> {
    pub(crate) fn of(pool: &'a Pool) -> Self {
        let mut names: Vec<Vec<SolvableId>> = Vec::new();
        let mut place = vec![(0, 0); pool.len()];
        for package in pool.solvables().filter(|package| package.takes_part()) {
            let all = pool.named(package.name_id());
            if all.iter().copied().find(|&id| pool.solvable(id).takes_part()) != Some(package.id()) {
                continue;
            }
            let mut all: Vec<SolvableId> = all.iter().copied().filter(|&id| pool.solvable(id).takes_part()).collect();
            all.sort_by_key(|&id| (pool.solvable(id).version_rank(), id));
            for (at, id) in all.iter().enumerate() {
                place[id.index()] = (names.len() as u32, at as u32);
            }
            names.push(all);
        }
        let mut this =
            Self { pool, names, place, requires: vec![Vec::new(); pool.len()], capabilities: Vec::new(), sets: Vec::new() };
        let mut known = vec![None; pool.dependency_count()];
        for package in pool.solvables() {
            for &dependency in package.requires() {
                let candidates = pool.candidates(dependency);
                if pool.is_complex(dependency) || pool.met_by_system(dependency) || candidates.contains(&package.id()) {
                    continue;
                }
                let capability = *known[dependency.index()].get_or_insert_with(|| this.add_capability(candidates));
                this.requires[package.id().index()].push(capability);
            }
        }
        this
    }

    fn add_capability(&mut self, candidates: &[SolvableId]) -> u32 {
        let mut sorted: Vec<(u32, SolvableId)> = candidates.iter().map(|&id| (self.place[id.index()].0, id)).collect();
        sorted.sort_unstable();
        let mut sets = Vec::new();
        for of_a_name in sorted.chunk_by(|a, b| a.0 == b.0) {
            sets.push(self.sets.len() as u32);
            self.sets.push((of_a_name[0].0, of_a_name.iter().map(|&(_, id)| id).collect()));
        }
        self.capabilities.push(sets);
        self.capabilities.len() as u32 - 1
    }

    /// Returns the text of a name.
    pub(crate) fn text(&self, name: u32) -> &str {
        self.pool.solvable(self.names[name as usize][0]).name()
    }

    /// Returns the number of packages that a name needs; `None` if it cannot be installed.
    pub(crate) fn solve_with_resolvo(&self, name: u32) -> Option<usize> {
        // The set of all packages of the name follows all other sets.
        let provider = Asked { requirements: self, name };
        let wish = resolvo::Requirement::Single(VersionSetId::from_index(self.sets.len()));
        let problem = resolvo::Problem::new().requirements(vec![wish.into()]);
        resolvo::Solver::new(provider).solve(problem).ok().map(|solution| solution.len())
    }

    /// Returns the same number, computed with pubgrub.
    pub(crate) fn solve_with_pubgrub(&self, name: u32) -> Option<usize> {
        let found = pubgrub::resolve(self, Package::Asked(name), 0u32).ok()?;
        Some(found.iter().filter(|(package, _)| matches!(package, Package::Name(_))).count())
    }

    fn set(&self, id: VersionSetId) -> Option<&(u32, Vec<SolvableId>)> {
        self.sets.get(id.to_index())
    }

    fn range(&self, set: u32) -> Ranges<u32> {
        let places = self.sets[set as usize].1.iter().map(|id| self.place[id.index()].1);
        places.fold(Ranges::empty(), |range, place| range.union(&Ranges::singleton(place)))
    }
}

/// The requirements, and the requested name.
struct Asked<'a> {
    requirements: &'a Requirements<'a>,
    name: u32,
}

fn own(id: resolvo::SolvableId) -> SolvableId {
    SolvableId::from_index(id.into_raw() as usize)
}

fn theirs(id: SolvableId) -> resolvo::SolvableId {
    resolvo::SolvableId::from_raw(id.index() as u32)
}

impl resolvo::Interner for Asked<'_> {
    type NameId = NameId;
    type SolvableId = resolvo::SolvableId;

    fn display_solvable(&self, solvable: Self::SolvableId) -> impl Display + '_ {
        self.requirements.pool.solvable(own(solvable)).name()
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        self.requirements.text(name.into_raw())
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        version_set.to_index()
    }

    fn display_string(&self, _: StringId) -> impl Display + '_ {
        ""
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        NameId::from_raw(self.requirements.set(version_set).map_or(self.name, |set| set.0))
    }

    fn solvable_name(&self, solvable: Self::SolvableId) -> NameId {
        NameId::from_raw(self.requirements.place[own(solvable).index()].0)
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.requirements.capabilities[union.to_index()].iter().map(|&set| VersionSetId(set))
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        unreachable!("nothing has conditions")
    }
}

impl resolvo::DependencyProvider for Asked<'_> {
    async fn filter_candidates(
        &self,
        candidates: &[resolvo::SolvableId],
        version_set: VersionSetId,
        inverse: bool,
    ) -> Vec<resolvo::SolvableId> {
        let set = self.requirements.set(version_set);
        let has = |id: SolvableId| set.is_none_or(|(_, set)| set.binary_search(&id).is_ok());
        candidates.iter().copied().filter(|&id| has(own(id)) != inverse).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let candidates = self.requirements.names[name.into_raw() as usize].iter().map(|&id| theirs(id)).collect();
        Some(Candidates {
            candidates,
            hint_dependencies_available: resolvo::HintDependenciesAvailable::All,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &resolvo::SolverCache<Self>, solvables: &mut [resolvo::SolvableId]) {
        solvables.sort_by_key(|&id| Reverse(self.requirements.place[own(id).index()].1));
    }

    async fn get_dependencies(&self, solvable: resolvo::SolvableId) -> resolvo::Dependencies {
        let requires = &self.requirements.requires[own(solvable).index()];
        if requires.iter().any(|&capability| self.requirements.capabilities[capability as usize].is_empty()) {
            return resolvo::Dependencies::Unknown(StringId(0));
        }
        let requirement = |&capability: &u32| match *self.requirements.capabilities[capability as usize] {
            [set] => resolvo::Requirement::Single(VersionSetId(set)).into(),
            _ => resolvo::Requirement::Union(VersionSetUnionId(capability)).into(),
        };
        let requirements = requires.iter().map(requirement).collect();
        resolvo::Dependencies::Known(KnownDependencies { requirements, constrains: Vec::new() })
    }
}

/// A package in pubgrub's terms. pubgrub has no capabilities with several providers, so each such
/// capability is a package with the providers as its versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Package {
    /// The request for a name.
    Asked(u32),
    /// The packages of a name.
    Name(u32),
    /// The providers of a capability.
    Capability(u32),
}

impl Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Requirements<'_> {
    /// Returns the number of versions of a pubgrub package.
    fn versions(&self, package: &Package) -> u32 {
        match *package {
            Package::Asked(_) => 1,
            Package::Name(name) => self.names[name as usize].len() as u32,
            Package::Capability(capability) => self.capabilities[capability as usize].len() as u32,
        }
    }
}

impl pubgrub::DependencyProvider for Requirements<'_> {
    type P = Package;
    type V = u32;
    type VS = Ranges<u32>;
    type Priority = (u32, Reverse<usize>);
    type M = String;
    type Err = Infallible;

    fn prioritize(&self, package: &Package, range: &Ranges<u32>, statistics: &PackageResolutionStatistics) -> Self::Priority {
        match (0..self.versions(package)).filter(|version| range.contains(version)).count() {
            0 => (u32::MAX, Reverse(0)),
            count => (statistics.conflict_count(), Reverse(count)),
        }
    }

    fn choose_version(&self, package: &Package, range: &Ranges<u32>) -> Result<Option<u32>, Infallible> {
        Ok((0..self.versions(package)).rev().find(|version| range.contains(version)))
    }

    fn get_dependencies(
        &self,
        package: &Package,
        version: &u32,
    ) -> Result<pubgrub::Dependencies<Package, Ranges<u32>, String>, Infallible> {
        let wanted: Vec<(Package, Ranges<u32>)> = match *package {
            Package::Asked(name) => vec![(Package::Name(name), Ranges::full())],
            Package::Capability(capability) => {
                let set = self.capabilities[capability as usize][*version as usize];
                vec![(Package::Name(self.sets[set as usize].0), self.range(set))]
            }
            Package::Name(name) => {
                let id = self.names[name as usize][*version as usize];
                let mut wanted: Vec<(Package, Ranges<u32>)> = Vec::new();
                for &capability in &self.requires[id.index()] {
                    let (package, range) = match *self.capabilities[capability as usize] {
                        [] => return Ok(pubgrub::Dependencies::Unavailable("nothing provides what it requires".to_owned())),
                        [set] => (Package::Name(self.sets[set as usize].0), self.range(set)),
                        _ => (Package::Capability(capability), Ranges::full()),
                    };
                    match wanted.iter_mut().find(|(known, _)| *known == package) {
                        Some((_, known)) => *known = known.intersection(&range),
                        None => wanted.push((package, range)),
                    }
                }
                wanted
            }
        };
        Ok(pubgrub::Dependencies::Available(wanted.into_iter().collect()))
    }
}
