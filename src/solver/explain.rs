//! Explanation of a request without solution: reduces the rules of the proof to a minimal set of
//! facts.

use super::engine::{BestOf, Solver};
use super::literal::Lit;
use super::request::Request;
use super::rich::{self, Normal};
use super::rules::RuleId;
use crate::pool::{DependencyId, Kind, Pool, SolvableId};

/// A fact that is part of a contradiction. Jobs are identified by their index in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The job requests one of its candidates.
    Asked {
        /// Index of the job in the request.
        job: usize,
    },
    /// The job accepts only its best candidate.
    OnlyBest {
        /// Index of the job in the request.
        job: usize,
    },
    /// The job has no candidate.
    NoCandidate {
        /// Index of the job in the request.
        job: usize,
    },
    /// A package requires something that other packages provide.
    Requires {
        /// The package that has the requirement.
        package: SolvableId,
        /// The requirement.
        dependency: DependencyId,
    },
    /// A package requires something that no package provides.
    NothingProvides {
        /// The package that has the requirement.
        package: SolvableId,
        /// The requirement.
        dependency: DependencyId,
    },
    /// A package conflicts with another.
    Conflicts {
        /// The package that declares the conflict.
        package: SolvableId,
        /// The conflicting dependency.
        dependency: DependencyId,
        /// The other package; `None` if a rich conflict excludes the package itself.
        other: Option<SolvableId>,
    },
    /// A package obsoletes another.
    Obsoletes {
        /// The package that declares the obsoletes.
        package: SolvableId,
        /// The obsoletes dependency.
        dependency: DependencyId,
        /// The obsoleted package.
        other: SolvableId,
    },
    /// Two packages of the same name cannot be installed together.
    SameName {
        /// The package with the lower id.
        package: SolvableId,
        /// The package with the higher id.
        other: SolvableId,
    },
    /// The package is excluded.
    Excluded {
        /// The excluded package.
        package: SolvableId,
    },
    /// The package is built for an incompatible architecture.
    ForeignArchitecture {
        /// The package of the foreign architecture.
        package: SolvableId,
    },
    /// A package of the same name is available for a better architecture.
    WorseArchitecture {
        /// The package of the worse architecture.
        package: SolvableId,
    },
    /// The package may only be installed together with the same version for a better architecture.
    LockStep {
        /// The package of the worse architecture.
        package: SolvableId,
    },
    /// The package is installed: it, or a package that may replace it, must stay installed.
    Kept {
        /// The installed package.
        package: SolvableId,
    },
    /// The package is installed, and only its best update is accepted.
    OnlyBestUpdate {
        /// The installed package.
        package: SolvableId,
    },
    /// The package is locked: it must stay installed, or must not be installed.
    Locked {
        /// The locked package.
        package: SolvableId,
    },
    /// The package is not in the repositories with which the system is to be synchronized.
    NotInRepositories {
        /// The package that is not in the repositories.
        package: SolvableId,
    },
    /// The package is one part of an installed package that was split: the other parts must be
    /// installed too.
    Split {
        /// The part that is to be installed.
        package: SolvableId,
        /// One of the other parts.
        other: SolvableId,
    },
}

impl Fact {
    /// Returns the index of the job that the fact is about.
    pub fn job(self) -> Option<usize> {
        match self {
            Self::Asked { job } | Self::OnlyBest { job } | Self::NoCandidate { job } => Some(job),
            _ => None,
        }
    }

    /// Returns the package that the fact is about; of two packages, the one that declares the
    /// dependency.
    pub fn package(self) -> Option<SolvableId> {
        match self {
            Self::Asked { .. } | Self::OnlyBest { .. } | Self::NoCandidate { .. } => None,
            Self::Requires { package, .. }
            | Self::NothingProvides { package, .. }
            | Self::Conflicts { package, .. }
            | Self::Obsoletes { package, .. }
            | Self::SameName { package, .. }
            | Self::Excluded { package }
            | Self::ForeignArchitecture { package }
            | Self::WorseArchitecture { package }
            | Self::LockStep { package }
            | Self::Kept { package }
            | Self::OnlyBestUpdate { package }
            | Self::Locked { package }
            | Self::NotInRepositories { package }
            | Self::Split { package, .. } => Some(package),
        }
    }
}

/// A minimal set of contradictory facts: without any one of them, the others do not contradict each
/// other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The facts: first those of the request, then each package's facts after those that pull the
    /// package in.
    pub facts: Vec<Fact>,
}

impl Problem {
    /// Returns the jobs that are part of the problem.
    pub fn jobs(&self) -> impl Iterator<Item = usize> + '_ {
        self.facts.iter().filter_map(|fact| fact.job())
    }
}

/// The error for a request without solution. It lists all independent problems.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("no set of packages satisfies this request")]
pub struct Unsolvable {
    /// The problems; at least one.
    pub problems: Vec<Problem>,
}

/// A fact with its clauses. A rich dependency has several.
type Claim = (Fact, Vec<Vec<Lit>>);

/// Maximum number of independent problems to report. Users fix the first ones and try again.
const MAX_PROBLEMS: usize = 32;

impl Solver<'_> {
    /// Explains a failed attempt from its proof. Then removes the jobs of each problem and tries
    /// the rest again, until the rest has a solution.
    pub(super) fn explain(&mut self, request: &Request, proof: &[RuleId]) -> Unsolvable {
        let mut problems = Vec::new();
        let mut left: Vec<usize> = (0..request.jobs.len()).collect();
        let mut claims = self.claims(proof, &left);
        loop {
            let facts = self.smallest(claims);
            let problem = Problem { facts: chain(self.pool, request, facts) };
            let before = left.len();
            left.retain(|job| !problem.jobs().any(|of| of == *job));
            problems.push(problem);
            if left.len() == before || left.is_empty() || problems.len() >= MAX_PROBLEMS {
                break;
            }
            let jobs = left.iter().map(|&job| request.jobs[job].clone()).collect();
            match self.attempt(&Request { jobs, ..request.clone() }) {
                Ok(()) => break,
                Err(proof) => claims = self.claims(&proof, &left),
            }
        }
        Unsolvable { problems }
    }

    /// Returns the facts and clauses of rules. `jobs` maps the attempt's jobs to indexes in the
    /// whole request.
    fn claims(&self, proof: &[RuleId], jobs: &[usize]) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::with_capacity(proof.len());
        for &id in proof {
            let fact = self.fact(id, jobs);
            let own: Vec<Lit> = self.rules.literals(id).collect();
            match claims.iter_mut().find(|(known, _)| *known == fact) {
                Some((_, clauses)) if clauses.contains(&own) => {}
                Some((_, clauses)) => clauses.push(own),
                None => {
                    let mut clauses = self.clauses(fact);
                    if !clauses.contains(&own) {
                        clauses.push(own);
                    }
                    claims.push((fact, clauses));
                }
            }
        }
        claims
    }

    /// Returns all clauses of a rich dependency, though the proof may need only some of them: the
    /// fact stands for the whole dependency.
    fn clauses(&self, fact: Fact) -> Vec<Vec<Lit>> {
        let (package, dependency, is_conflict) = match fact {
            Fact::Requires { package, dependency } | Fact::NothingProvides { package, dependency } => {
                (package, dependency, false)
            }
            Fact::Conflicts { package, dependency, .. } => (package, dependency, true),
            _ => return Vec::new(),
        };
        // Dependencies of installed packages that are already broken do not count.
        if !self.pool.is_complex(dependency) || self.pool.solvable(package).is_installed() {
            return Vec::new();
        }
        let normal =
            if is_conflict { rich::negated_clauses(self.pool, dependency) } else { rich::clauses(self.pool, dependency) };
        let Normal::Blocks(blocks) = normal else { return Vec::new() };
        let this = Lit::of(package);
        let counts = |block: &&Vec<Lit>| !(block.contains(&this) || is_conflict && block.as_slice() == [-this]);
        let whole = |block: &Vec<Lit>| {
            let mut whole = block.clone();
            if let Err(place) = whole.binary_search(&-this) {
                whole.insert(place, -this);
            }
            whole
        };
        blocks.iter().filter(counts).map(whole).collect()
    }

    fn fact(&self, id: RuleId, jobs: &[usize]) -> Fact {
        let classes = self.rules.classes;
        let first = self.rules.get(id).first;
        if let Some(job) = self.rules.job(id) {
            // Job numbers above the jobs' own belong to locks.
            let Some(&job) = jobs.get(job) else { return Fact::Locked { package: first.id() } };
            return if first == -Lit::SYSTEM { Fact::NoCandidate { job } } else { Fact::Asked { job } };
        }
        if id >= classes.choices {
            // Unreachable in a proof: such rules are given up before.
            return Fact::Kept { package: self.rules.literals(id).last().unwrap_or(first).id() };
        }
        if id >= classes.splits {
            return Fact::Split { package: first.id(), other: self.rules.literals(id).last().unwrap_or(first).id() };
        }
        if id >= classes.best {
            return match self.best_of[(id - classes.best) as usize] {
                BestOf::Job(job) => Fact::OnlyBest { job: jobs[job as usize] },
                BestOf::Update(package) => Fact::OnlyBestUpdate { package },
            };
        }
        if id >= classes.sync {
            return Fact::NotInRepositories { package: first.id() };
        }
        if id >= classes.architecture {
            let package = first.id();
            let alone = self.rules.get(id).is_assertion();
            return if alone { Fact::WorseArchitecture { package } } else { Fact::LockStep { package } };
        }
        if id >= classes.features {
            return Fact::Kept { package: first.id() };
        }
        let literals: Vec<Lit> = self.rules.literals(id).collect();
        self.package_fact(&literals)
    }

    /// Returns the fact that a package rule states. It is derived from the literals, so that the
    /// search needs no extra memory for it.
    fn package_fact(&self, literals: &[Lit]) -> Fact {
        let pool = self.pool;
        let packages = || literals.iter().filter(|literal| literal.is_negative()).map(|literal| literal.id());
        if let &[only] = literals {
            let package = only.id();
            if self.reach.is_excluded(package) {
                return Fact::Excluded { package };
            }
            if pool.solvable(package).arch_rank().is_none() {
                return Fact::ForeignArchitecture { package };
            }
        }
        if let &[a, b] = literals
            && b.is_negative()
            && let Some(fact) = pair_fact(pool, a.id(), b.id()).or_else(|| pair_fact(pool, b.id(), a.id()))
        {
            return fact;
        }
        for package in packages() {
            let requires = pool.solvable(package).requires();
            for &dependency in requires.iter().filter(|&&dependency| !pool.met_by_system(dependency)) {
                if states(pool, package, dependency, literals, false) {
                    let nothing = literals.len() == 1;
                    let fact = if nothing {
                        Fact::NothingProvides { package, dependency }
                    } else {
                        Fact::Requires { package, dependency }
                    };
                    return fact;
                }
            }
            for &dependency in pool.solvable(package).dependencies(Kind::Conflicts) {
                if pool.is_complex(dependency) && states(pool, package, dependency, literals, true) {
                    let other = packages().find(|&other| other != package);
                    return Fact::Conflicts { package, dependency, other };
                }
            }
        }
        let mut both = packages();
        let package = both.next().unwrap_or_default();
        Fact::SameName { package, other: both.next().unwrap_or(package) }
    }

    /// Drops each fact without which the others still contradict each other.
    fn smallest(&mut self, mut claims: Vec<Claim>) -> Vec<Fact> {
        let mut needed = 0;
        while needed < claims.len() {
            // The facts known to be necessary are in front; try the last of the others.
            let Some(tried) = claims.pop() else { break };
            if let Some(core) = self.refute(&claims) {
                let mut place = 0;
                claims.retain(|_| {
                    place += 1;
                    core.contains(&(place - 1))
                });
            } else {
                claims.insert(0, tried);
                needed += 1;
            }
        }
        claims.into_iter().map(|(fact, _)| fact).collect()
    }

    /// Returns the indexes of claims that contradict each other, if there are any.
    fn refute(&mut self, claims: &[Claim]) -> Option<Vec<usize>> {
        self.clear();
        // Rule ids start at 1.
        let mut claim_of = vec![usize::MAX];
        for (place, (_, clauses)) in claims.iter().enumerate() {
            for literals in clauses {
                let tail = self.rules.keep(&literals[1..]);
                self.rules.add(literals[0], tail);
                claim_of.push(place);
            }
        }
        let end = self.rules.len() as RuleId;
        self.rules.classes = super::rules::Classes::all_at(end);
        self.start();
        let core = self.search(false).err()?;
        Some(core.into_iter().filter_map(|rule| claim_of.get(rule as usize).copied()).collect())
    }
}

/// Orders facts as a chain of reasons: what the request asks for, what those packages require, and
/// so on.
fn chain(pool: &Pool, request: &Request, facts: Vec<Fact>) -> Vec<Fact> {
    let (mut ordered, mut rest): (Vec<Fact>, Vec<Fact>) = facts.into_iter().partition(|fact| fact.package().is_none());
    ordered.sort_by_key(|fact| fact.job());
    ordered.dedup();
    let jobs: Vec<usize> = ordered.iter().filter_map(|fact| fact.job()).collect();
    let mut reached: Vec<SolvableId> = jobs.iter().flat_map(|&job| request.jobs[job].candidates.iter().copied()).collect();
    rest.sort_by_key(|fact| fact.package());
    while !rest.is_empty() {
        let (mut now, mut later): (Vec<Fact>, Vec<Fact>) =
            rest.into_iter().partition(|fact| fact.package().is_some_and(|package| reached.contains(&package)));
        if now.is_empty() {
            // No earlier fact pulls these packages in: the first of them begins a chain of its own.
            now.push(later.remove(0));
        }
        for fact in &now {
            if let Fact::Requires { dependency, .. } = *fact {
                rich::positive_candidates(pool, dependency, false, &mut |found| reached.push(found.id()));
            }
        }
        ordered.extend(now);
        rest = later;
    }
    ordered
}

/// Returns true if the dependency of the package generates exactly this rule.
fn states(pool: &Pool, package: SolvableId, dependency: DependencyId, literals: &[Lit], is_conflict: bool) -> bool {
    let this = Lit::of(package);
    let others = || literals.iter().copied().filter(|&literal| literal != -this);
    if !pool.is_complex(dependency) {
        return others().eq(pool.candidates(dependency).iter().map(|&id| Lit::of(id)));
    }
    let normal = if is_conflict { rich::negated_clauses(pool, dependency) } else { rich::clauses(pool, dependency) };
    match normal {
        Normal::Always => false,
        Normal::Never => literals.len() == 1,
        Normal::Blocks(blocks) => {
            blocks.iter().any(|block| others().eq(block.iter().copied().filter(|&literal| literal != -this)))
        }
    }
}

/// Returns the reason in the first package's metadata why two packages cannot be installed
/// together.
fn pair_fact(pool: &Pool, package: SolvableId, other: SolvableId) -> Option<Fact> {
    let this = pool.solvable(package);
    if this.name_id() == pool.solvable(other).name_id() {
        return Some(Fact::SameName { package: package.min(other), other: package.max(other) });
    }
    let mut conflicts = this.dependencies(Kind::Conflicts).iter().copied();
    if let Some(dependency) =
        conflicts.find(|&dependency| !pool.is_complex(dependency) && pool.candidates(dependency).binary_search(&other).is_ok())
    {
        return Some(Fact::Conflicts { package, dependency, other: Some(other) });
    }
    let mut obsoletes = this.dependencies(Kind::Obsoletes).iter().copied();
    let dependency = obsoletes.find(|&dependency| pool.obsoleted(dependency).binary_search(&other).is_ok())?;
    Some(Fact::Obsoletes { package, dependency, other })
}
