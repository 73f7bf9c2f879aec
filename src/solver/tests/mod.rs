//! Tests of the solver: universes of a few lines, one rule each; explanations; random universes
//! compared with brute force.

mod brute_force;
mod choice;
mod colours;
mod explanation;
mod installed;
mod minimal;
mod minimum;
mod rules;
mod weak;

use super::*;
use crate::pool::{Pool, SolvableId};
use crate::rpm::{architecture, spec, universe};

fn pool(text: &str) -> Pool {
    universe::parse(text, &architecture::compatible("x86_64")).unwrap()
}

fn shown(pool: &Pool, id: SolvableId) -> String {
    let package = pool.solvable(id);
    match package.arch() {
        "noarch" => format!("{}-{}", package.name(), package.version()),
        arch => format!("{}-{}.{arch}", package.name(), package.version()),
    }
}

fn request(pool: &Pool, specs: &[&str]) -> Request {
    Request::new(specs.iter().map(|text| Job::install(*text, spec::select(pool, text))))
}

fn solve(pool: &Pool, request: &Request) -> Option<Vec<String>> {
    let solution = Solver::new(pool).solve(request).ok()?;
    let mut all: Vec<String> = solution.packages.iter().map(|&id| shown(pool, id)).collect();
    all.sort();
    Some(all)
}

/// Returns the packages installed for the specs: names with versions, sorted.
fn install(text: &str, specs: &[&str]) -> Vec<String> {
    let pool = pool(text);
    solve(&pool, &request(&pool, specs)).unwrap_or_else(|| vec!["no solution".to_owned()])
}
