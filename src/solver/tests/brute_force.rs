//! Random small universes. The verdict is compared with all subsets, and the solution is checked by
//! an independent checker.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::pool::{Dependency, DependencyId, Kind, RichOp};

#[derive(Clone, Debug)]
enum Need {
    Plain(u8),
    Version(u8, &'static str, u8),
    Rich(u8, &'static str, u8),
    Else(u8, &'static str, u8, u8),
}

impl Need {
    fn text(&self) -> String {
        match self {
            Self::Plain(a) => capability(*a),
            Self::Version(a, op, version) => format!("{} {op} {version}", capability(*a)),
            Self::Rich(a, op, b) => format!("({} {op} {})", capability(*a), capability(*b)),
            Self::Else(a, op, b, c) => format!("({} {op} {} else {})", capability(*a), capability(*b), capability(*c)),
        }
    }
}

/// Returns the name of a package or, for higher numbers, a capability that several packages
/// provide.
fn capability(number: u8) -> String {
    match number {
        0..4 => format!("p{number}"),
        _ => format!("c{number}"),
    }
}

fn need() -> impl Strategy<Value = Need> {
    let op = proptest::sample::select(vec!["=", ">=", "<=", "<", ">"]);
    let rich = proptest::sample::select(vec!["and", "or", "if", "unless", "with", "without"]);
    let conditional = proptest::sample::select(vec!["if", "unless"]);
    prop_oneof![
        4 => (0_u8..7).prop_map(Need::Plain),
        3 => (0_u8..7, op, 1_u8..3).prop_map(|(a, op, version)| Need::Version(a, op, version)),
        2 => (0_u8..7, rich, 0_u8..7).prop_map(|(a, op, b)| Need::Rich(a, op, b)),
        1 => (0_u8..7, conditional, 0_u8..7, 0_u8..7).prop_map(|(a, op, b, c)| Need::Else(a, op, b, c)),
    ]
}

fn needs(most: usize) -> impl Strategy<Value = Vec<Need>> {
    proptest::collection::vec(need(), 0..=most)
}

prop_compose! {
    pub(super) fn package()(name in 0_u8..4, version in 1_u8..3, provides in proptest::collection::vec((4_u8..7, 0_u8..3), 0..2),
        requires in needs(2), conflicts in needs(1), obsoletes in proptest::collection::vec(0_u8..4, 0..1), recommends in needs(1)) -> String {
        let mut line = format!("p{name} {version}");
        for (word, list) in [("requires", &requires), ("conflicts", &conflicts), ("recommends", &recommends)] {
            if !list.is_empty() {
                let list: Vec<String> = list.iter().map(Need::text).collect();
                write!(line, " {word} {}", list.join(", ")).unwrap();
            }
        }
        for (capability, version) in provides {
            match version {
                0 => write!(line, " provides c{capability}"),
                _ => write!(line, " provides c{capability} = {version}"),
            }
            .unwrap();
        }
        for other in obsoletes {
            write!(line, " obsoletes p{other}").unwrap();
        }
        line
    }
}

/// Returns true if a dependency holds in a set. It follows rpm's manual, not the solver.
pub(super) fn holds(pool: &Pool, set: &[SolvableId], dependency: DependencyId) -> bool {
    let given = |id: DependencyId| holds(pool, set, id);
    let alternative = |id: DependencyId| match pool.dependency(id) {
        Dependency::Rich { op: RichOp::Else, left, right } => (left, Some(right)),
        _ => (id, None),
    };
    match pool.dependency(dependency) {
        Dependency::Plain { .. } => pool.candidates(dependency).iter().any(|id| set.contains(id)),
        Dependency::Rich { op, left, right } => match op {
            RichOp::And => given(left) && given(right),
            RichOp::Or => given(left) || given(right),
            RichOp::If => match alternative(right) {
                (condition, Some(other)) if !given(condition) => given(other),
                (condition, _) => given(left) || !given(condition),
            },
            RichOp::Unless => match alternative(right) {
                (condition, Some(other)) if given(condition) => given(other),
                (condition, _) => given(left) && !given(condition),
            },
            RichOp::With | RichOp::Without => pool.candidates(dependency).iter().any(|id| set.contains(id)),
            RichOp::Else => false,
        },
    }
}

/// Returns true if a set of packages may be installed.
pub(super) fn is_valid(pool: &Pool, set: &[SolvableId]) -> bool {
    set.iter().all(|&id| {
        let package = pool.solvable(id);
        let others: Vec<SolvableId> = set.iter().copied().filter(|&other| other != id).collect();
        let requires = package.requires().iter().all(|&dependency| holds(pool, set, dependency));
        let conflicts = package.dependencies(Kind::Conflicts).iter().any(|&dependency| match pool.dependency(dependency) {
            Dependency::Plain { .. } | Dependency::Rich { op: RichOp::With | RichOp::Without, .. } => {
                pool.candidates(dependency).iter().any(|other| others.contains(other))
            }
            Dependency::Rich { .. } => false,
        });
        let names = others.iter().any(|&other| pool.solvable(other).name_id() == package.name_id());
        let obsoletes = package
            .dependencies(Kind::Obsoletes)
            .iter()
            .any(|&dependency| pool.obsoleted(dependency).iter().any(|other| others.contains(other)));
        requires && !conflicts && !names && !obsoletes
    })
}

/// Returns true if no rich dependency of the universe is a conflict. libsolv alone defines what
/// such a conflict means for the package itself.
pub(super) fn without_rich_conflicts(pool: &Pool) -> bool {
    pool.solvables().flat_map(|package| package.dependencies(Kind::Conflicts)).all(|&dependency| {
        matches!(
            pool.dependency(dependency),
            Dependency::Plain { .. } | Dependency::Rich { op: RichOp::With | RichOp::Without, .. }
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn verdict_and_solution_are_right(packages in proptest::collection::vec(package(), 1..9), asked in proptest::sample::subsequence(vec!["p0", "p1", "p2", "p3"], 1..=2)) {
        let pool = pool(&packages.join("\n"));
        prop_assume!(without_rich_conflicts(&pool));
        let mut asked = request(&pool, &asked);
        prop_assume!(asked.jobs.iter().all(|job| !job.candidates.is_empty()));
        let fulfils = |set: &[SolvableId]| {
            is_valid(&pool, set) && asked.jobs.iter().all(|job| job.candidates.iter().any(|id| set.contains(id)))
        };
        let subsets = (0_u32..1 << pool.len()).map(|bits| {
            pool.solvables().map(crate::pool::Solvable::id).filter(|id| bits >> id.index() & 1 == 1).collect::<Vec<_>>()
        });
        let possible = subsets.into_iter().any(|set| fulfils(&set));
        match Solver::new(&pool).solve(&asked) {
            Ok(solution) => prop_assert!(possible && fulfils(&solution.packages), "{:?}", solution.packages),
            Err(unsolvable) => {
                prop_assert!(!possible);
                prop_assert!(unsolvable.problems.iter().all(|problem| problem.jobs().next().is_some()));
            }
        }
        asked.weak_dependencies = true;
        if let Ok(solution) = Solver::new(&pool).solve(&asked) {
            prop_assert!(possible && fulfils(&solution.packages));
        } else {
            prop_assert!(!possible);
        }
    }
}

/// Returns true if an installed package, or one that may replace it, is still in the set.
fn is_kept(pool: &Pool, set: &[SolvableId], old: SolvableId) -> bool {
    let name = pool.solvable(old).name_id();
    set.iter().any(|&id| {
        let mut obsoletes = pool.solvable(id).dependencies(Kind::Obsoletes).iter();
        pool.solvable(id).name_id() == name || obsoletes.any(|&dependency| pool.obsoleted(dependency).contains(&old))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_installed_is_respected(packages in proptest::collection::vec(package(), 2..7), mask in 1_u32..64, asked in 0_u8..4, erases in any::<bool>(), may_erase in any::<bool>()) {
        let installed: Vec<&str> =
            packages.iter().enumerate().filter(|(place, _)| mask >> place & 1 == 1).map(|(_, line)| line.as_str()).collect();
        let pool = pool(&format!("repo system installed\n{}\nrepo base\n{}", installed.join("\n"), packages.join("\n")));
        let before: Vec<SolvableId> = pool.installed_solvables().map(crate::pool::Solvable::id).collect();
        prop_assume!(!before.is_empty() && without_rich_conflicts(&pool) && is_valid(&pool, &before));
        let name = format!("p{asked}");
        let mut candidates = spec::select(&pool, &name);
        if erases {
            candidates.retain(|id| before.contains(id));
        }
        prop_assume!(!candidates.is_empty());
        let job = if erases { Job::erase(name, candidates.clone()).pinned(Pinned::EXACT) } else { Job::install(name, candidates.clone()) };
        let mut request = Request::new([job]);
        request.allow_erasing = may_erase;
        let erased: Vec<SolvableId> = candidates.iter().copied().filter(|_| erases).collect();
        let fulfils = |set: &[SolvableId]| candidates.iter().any(|id| set.contains(id)) != erases;
        for weak in [false, true] {
            request.weak_dependencies = weak;
            if let Ok(solution) = Solver::new(&pool).solve(&request) {
                let set = &solution.packages;
                prop_assert!(is_valid(&pool, set) && fulfils(set), "{:?}", set);
                let lost = before.iter().find(|&&old| !erased.contains(&old) && !is_kept(&pool, set, old));
                prop_assert!(may_erase || lost.is_none(), "lost {:?}", lost);
            } else {
                // As any package may be erased, only a contradiction among the jobs prevents a
                // solution.
                let all: Vec<SolvableId> = pool.solvables().map(crate::pool::Solvable::id).collect();
                let mut subsets = (0_u32..1 << all.len())
                    .map(|bits| all.iter().copied().filter(|id| bits >> id.index() & 1 == 1).collect::<Vec<_>>());
                prop_assert!(!may_erase || !subsets.any(|set| is_valid(&pool, &set) && fulfils(&set)));
            }
        }
    }
}
