//! Tests of requests on installed systems: removals with unneeded packages, downgrades, locks,
//! exclusions, favored packages, priorities. The library's answers are compared with libsolv's, by
//! `libsolv.py`, case by case.
//!
//! Other seeds and more cases: `ROOTSTRAP_SEED=7 ROOTSTRAP_CASES=5000 cargo test --test oracles
//! requests -- --nocapture`.

use std::collections::BTreeMap;
use std::process::Command;

use rootstrap::pool::SolvableId;
use rootstrap::rpm::{architecture, universe};
use rootstrap::solver::{Job, Pinned, Request, Solver};
use serde_json::Value;

fn variable(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

fn packages(list: &Value) -> Vec<SolvableId> {
    list.as_array().unwrap().iter().map(|number| SolvableId::from_index(number.as_u64().unwrap() as usize)).collect()
}

fn job(told: &Value) -> Job {
    let is = |what: &str| told[what] == true;
    let candidates = packages(&told["packages"]);
    let job = match (told["action"].as_str().unwrap(), is("all")) {
        ("install", _) => Job::install("", candidates),
        ("update", true) => Job::update_all(),
        ("update", false) => Job::update("", candidates),
        ("sync", true) => Job::sync_all(),
        ("sync", false) => Job::sync("", candidates),
        ("erase", _) => Job::erase("", candidates),
        (other, _) => panic!("an action {other}"),
    };
    let pinned = if is("exact") { Pinned::EXACT } else { job.pinned };
    job.best(is("best")).clean(is("clean")).pinned(pinned)
}

fn request(told: &Value) -> Request {
    Request {
        jobs: told["jobs"].as_array().unwrap().iter().map(job).collect(),
        excluded: packages(&told["excluded"]),
        locked: packages(&told["locked"]),
        favored: packages(&told["favored"]),
        disfavored: packages(&told["disfavored"]),
        install_only: packages(&told["install_only"]),
        user_installed: packages(&told["user_installed"]),
        weak_dependencies: told["weak"] == true,
        allow_erasing: told["allow_uninstall"] == true,
        allow_downgrade: told["allow_downgrade"] == true,
        allow_arch_change: told["allow_archchange"] == true,
        ..Request::default()
    }
}

/// Returns the packages installed afterwards; `None` if there is no solution.
fn answer(told: &Value) -> Option<Vec<u64>> {
    let pool = universe::parse(told["universe"].as_str().unwrap(), &architecture::compatible("x86_64")).unwrap();
    let solution = Solver::new(&pool).solve(&request(told)).ok()?;
    Some(solution.packages.iter().map(|id| id.index() as u64).collect())
}

#[test]
fn requests_of_all_kinds_as_libsolv() {
    let Some(python) = super::python_with_solv() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/libsolv.py");
    let (seed, cases) = (variable("ROOTSTRAP_SEED", "1"), variable("ROOTSTRAP_CASES", "400"));
    let mut wrong = Vec::new();
    let (mut verdicts, mut all) = (0, 0);
    let mut tried: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for modes in [&[][..], &["rich"], &["weak"], &["rich", "weak"]] {
        let output = Command::new(python).arg(script).args([&cases, &seed]).args(modes).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let told: Value = serde_json::from_str(line).unwrap();
            let expected: Option<Vec<u64>> = serde_json::from_value(told["expected"].clone()).unwrap();
            let operation = told["operation"].as_str().unwrap();
            let counts = tried.entry(operation.to_owned()).or_default();
            counts.0 += 1;
            all += 1;
            counts.1 += usize::from(expected.is_some());
            let found = answer(&told);
            verdicts += usize::from(found.is_some() != expected.is_some());
            if found != expected {
                wrong.push(format!("{} {modes:?} {operation}: found {found:?}, libsolv {expected:?}", told["seed"]));
            }
        }
    }
    println!("cases and how many of them can be done: {tried:?}");
    for wrong in &wrong {
        println!("{wrong}");
    }
    println!("{all} in all, other than libsolv: {}, of them verdicts: {verdicts}", wrong.len());
    // One case in a thousand may differ, where the solvers break ties differently.
    assert!(
        wrong.len() * 1000 <= all,
        "{} of {all} other than libsolv:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}
