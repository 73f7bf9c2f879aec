//! The facts of a problem contradict each other, and without any one of them they do not.
//!
//! The tests define the meaning of facts independently. For small universes they try all subsets;
//! for a real distribution a small separate solver decides.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::brute_force::{holds, package, without_rich_conflicts};
use super::*;
use crate::compression::decompress;
use crate::metadata::{MetadataFormat, MetadataKind};
use crate::pool::PoolBuilder;
use crate::rpm::index::RpmMd;
use crate::rpm::selection::install_jobs;
use crate::rpm::version::RpmVersions;

/// Returns true if a fact holds for a set of packages.
fn is_true(pool: &Pool, request: &Request, set: &[SolvableId], fact: &Fact) -> bool {
    let has = |id: &SolvableId| set.contains(id);
    match fact {
        Fact::Asked { job } => request.jobs[*job].candidates.iter().any(has),
        Fact::Requires { package, dependency } | Fact::NothingProvides { package, dependency } => {
            !has(package) || holds(pool, set, *dependency)
        }
        Fact::Conflicts { package, other: Some(other), .. }
        | Fact::Obsoletes { package, other, .. }
        | Fact::SameName { package, other } => !(has(package) && has(other)),
        Fact::Excluded { package } | Fact::ForeignArchitecture { package } | Fact::WorseArchitecture { package } => !has(package),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 200_000, ..ProptestConfig::default() })]

    #[test]
    fn of_small_universes(packages in proptest::collection::vec(package(), 1..8), excluded in 0_u8..5) {
        let pool = pool(&packages.join("\n"));
        prop_assume!(without_rich_conflicts(&pool));
        let mut request = request(&pool, &["p0", "p1", "p2"]);
        request.excluded = spec::select_by_name(&pool, &format!("p{excluded}"));
        let Err(unsolvable) = Solver::new(&pool).solve(&request) else { return Err(TestCaseError::reject("it has a solution")) };
        let subsets: Vec<Vec<SolvableId>> = (0_u32..1 << pool.len())
            .map(|bits| pool.solvables().map(crate::pool::Solvable::id).filter(|id| bits >> id.index() & 1 == 1).collect())
            .collect();
        for problem in &unsolvable.problems {
            let facts = &problem.facts;
            let possible = |without: Option<usize>| {
                let counts = |place: &usize| Some(*place) != without;
                let all = |set: &Vec<SolvableId>| {
                    (0..facts.len()).filter(counts).all(|place| is_true(&pool, &request, set, &facts[place]))
                };
                subsets.iter().any(all)
            };
            prop_assert!(!possible(None), "no contradiction: {facts:?}");
            for place in 0..facts.len() {
                prop_assert!(possible(Some(place)), "{:?} can be spared of {facts:?}", facts[place]);
            }
        }
    }
}

/// A package that is installed, or (negative) is not.
type Literal = i64;

/// Returns a fact as a clause; `None` if a clause cannot express it.
fn clause(pool: &Pool, request: &Request, fact: &Fact) -> Option<Vec<Literal>> {
    let literal = |id: &SolvableId| id.index() as Literal + 1;
    let either = |first: &SolvableId, rest: &[SolvableId]| {
        std::iter::once(-literal(first)).chain(rest.iter().map(literal)).collect::<Vec<_>>()
    };
    match fact {
        Fact::Asked { job } => Some(request.jobs[*job].candidates.iter().map(literal).collect()),
        Fact::NoCandidate { .. } => Some(Vec::new()),
        Fact::Requires { package, dependency } | Fact::NothingProvides { package, dependency } => {
            (!pool.is_complex(*dependency)).then(|| either(package, pool.candidates(*dependency)))
        }
        Fact::Conflicts { package, other: Some(other), .. }
        | Fact::Obsoletes { package, other, .. }
        | Fact::SameName { package, other } => Some(vec![-literal(package), -literal(other)]),
        Fact::Excluded { package } | Fact::ForeignArchitecture { package } | Fact::WorseArchitecture { package } => {
            Some(vec![-literal(package)])
        }
        _ => None,
    }
}

/// Reports whether clauses are satisfiable, by unit propagation and trial (Davis, Logemann and
/// Loveland).
fn satisfiable(clauses: &[Vec<Literal>], mut known: BTreeMap<Literal, bool>) -> bool {
    loop {
        let mut open: Option<Literal> = None;
        let mut forced: Option<Literal> = None;
        for clause in clauses {
            let value = |literal: &Literal| known.get(&literal.abs()).map(|&yes| yes == (*literal > 0));
            if clause.iter().any(|literal| value(literal) == Some(true)) {
                continue;
            }
            let mut left = clause.iter().filter(|literal| value(literal).is_none());
            match (left.next(), left.next()) {
                (None, _) => return false,
                (Some(&only), None) => forced = Some(only),
                (Some(&first), Some(_)) => open = Some(first),
            }
        }
        if let Some(literal) = forced {
            known.insert(literal.abs(), literal > 0);
            continue;
        }
        let Some(literal) = open else { return true };
        return [true, false].into_iter().any(|yes| {
            let mut known = known.clone();
            known.insert(literal.abs(), yes);
            satisfiable(clauses, known)
        });
    }
}

/// Loads two repositories of a distribution; `None` if the data is missing.
fn distribution() -> Option<Pool> {
    let data = PathBuf::from(std::env::var_os("ROOTSTRAP_DATA").unwrap_or_else(|| "../shared".into())).join("repodata");
    let mut builder = PoolBuilder::new();
    for name in ["cs9-appstream", "cs9-baseos"] {
        let directory = data.join(name);
        let Ok(root) = fs::read(directory.join(RpmMd.root_document())) else {
            println!("skipped: no real data");
            return None;
        };
        let files = RpmMd.files(&root).unwrap();
        let primary = files.iter().find(|file| file.kind == MetadataKind::Packages).unwrap();
        let compressed = fs::read(directory.join(primary.location.as_deref().unwrap())).unwrap();
        let repo = builder.add_repo(name, 99, None);
        let (_, mut input) = decompress(&compressed[..]).unwrap();
        RpmMd.read_packages(&mut input, &mut builder, repo).unwrap();
    }
    Some(builder.build(&RpmVersions, &architecture::compatible("x86_64")).unwrap())
}

#[test]
fn of_a_real_distribution() {
    let Some(pool) = distribution() else { return };
    let mut names: Vec<&str> = pool.solvables().map(crate::pool::Solvable::name).collect();
    names.sort_unstable();
    names.dedup();
    let mut solver = Solver::new(&pool);
    let (mut problems, mut told) = (0, 0);
    for name in names.iter().step_by(5) {
        let request = Request::new(install_jobs(&pool, name, spec::Among::default(), false));
        let Err(unsolvable) = solver.solve(&request) else { continue };
        for problem in &unsolvable.problems {
            problems += 1;
            let clauses: Option<Vec<_>> = problem.facts.iter().map(|fact| clause(&pool, &request, fact)).collect();
            let Some(clauses) = clauses else { continue };
            told += 1;
            assert!(!satisfiable(&clauses, BTreeMap::new()), "{name}: no contradiction: {:?}", problem.facts);
            for place in 0..clauses.len() {
                let mut others = clauses.clone();
                others.remove(place);
                assert!(satisfiable(&others, BTreeMap::new()), "{name}: {:?} can be spared", problem.facts[place]);
            }
        }
    }
    assert!(problems > 50 && told * 10 > problems * 9, "{told} of {problems}");
}
