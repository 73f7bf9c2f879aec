//! Tests of the smallest set: compared with all subsets of small universes, and with brute force
//! for random ones.

use proptest::prelude::*;

use super::brute_force::{is_valid, package, without_rich_conflicts};
use super::*;

const NEVER: &dyn Fn() -> bool = &|| false;

fn minimum(pool: &Pool, asked: &[&str], weight: &dyn Fn(SolvableId) -> u64) -> (Vec<String>, u64) {
    let found = Solver::new(pool).minimize(&request(pool, asked), weight, NEVER).unwrap();
    assert!(found.is_proved());
    (found.solution.packages.iter().map(|&id| shown(pool, id)).collect(), found.weight)
}

const SHELLS: &str = "
    bash    5-1 provides sh requires glibc, ncurses
    busybox 1-1 provides sh
    glibc   2-1
    ncurses 6-1
    tool    1-1 requires sh";

#[test]
fn the_fewest_packages() {
    let pool = pool(SHELLS);
    assert_eq!(install(SHELLS, &["tool"]).len(), 4);
    assert_eq!(minimum(&pool, &["tool"], &|_| 1), (vec!["busybox-1-1".to_owned(), "tool-1-1".to_owned()], 2));
}

#[test]
fn the_lightest_packages() {
    let pool = pool(SHELLS);
    let weight = |id| if pool.solvable(id).name() == "busybox" { 100 } else { 7 };
    assert_eq!(minimum(&pool, &["tool"], &weight).1, 28);
}

#[test]
fn of_equals_the_ordinary_choice() {
    let pool = pool("lib 1-1\nlib 2-1\napp 1-1 requires lib");
    assert_eq!(minimum(&pool, &["app"], &|_| 1).0, ["lib-2-1", "app-1-1"]);
}

#[test]
fn a_solver_answers_afterwards_as_before() {
    let pool = pool(SHELLS);
    let (mut solver, asked) = (Solver::new(&pool), request(&pool, &["tool"]));
    let before = solver.solve(&asked);
    solver.minimize(&asked, &|_| 1, NEVER).unwrap();
    assert_eq!(solver.solve(&asked), before);
}

#[test]
fn without_time_nothing_is_claimed() {
    let lines: Vec<String> =
        (0..6).map(|n| format!("a{n} 1-1 provides c{n}, c{}\nr{n} 1-1 requires c{n}", (n + 1) % 6)).collect();
    let pool = pool(&lines.join("\n"));
    let asked: Vec<String> = (0..6).map(|n| format!("r{n}")).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let found = Solver::new(&pool).minimize(&request(&pool, &asked), &|_| 1, &|| true).unwrap();
    assert!(found.at_least <= 9 && found.weight >= 9);
    assert_eq!(minimum(&pool, &asked, &|_| 1).1, 9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn as_brute_force(packages in proptest::collection::vec(package(), 1..10), asked in proptest::sample::subsequence(vec!["p0", "p1", "p2", "p3"], 1..=3), weights in proptest::collection::vec(0_u64..40, 10)) {
        let pool = pool(&packages.join("\n"));
        prop_assume!(without_rich_conflicts(&pool));
        let request = request(&pool, &asked);
        prop_assume!(request.jobs.iter().all(|job| !job.candidates.is_empty()));
        let fulfils = |set: &[SolvableId]| {
            is_valid(&pool, set) && request.jobs.iter().all(|job| job.candidates.iter().any(|id| set.contains(id)))
        };
        let subsets: Vec<Vec<SolvableId>> = (0_u32..1 << pool.len())
            .map(|bits| pool.solvables().map(crate::pool::Solvable::id).filter(|id| bits >> id.index() & 1 == 1).collect::<Vec<_>>())
            .filter(|set| fulfils(set))
            .collect();
        let mut solver = Solver::new(&pool);
        let of: [&dyn Fn(SolvableId) -> u64; 2] = [&|_| 1, &|id: SolvableId| weights[id.index()]];
        for weight in of {
            let total = |set: &Vec<SolvableId>| set.iter().map(|&id| weight(id)).sum::<u64>();
            match (subsets.iter().map(total).min(), solver.minimize(&request, weight, NEVER)) {
                (Some(least), Ok(found)) => {
                    prop_assert!(found.is_proved() && fulfils(&found.solution.packages), "{found:?}");
                    prop_assert_eq!((found.weight, total(&found.solution.packages)), (least, least));
                }
                (None, Err(_)) => {}
                (least, found) => prop_assert!(false, "{least:?} {found:?}"),
            }
        }
    }
}
