//! More than a thousand packages, made by seed: `ROOTSTRAP_CASES=100000 cargo test --test hostile
//! generated` tries more, `ROOTSTRAP_SEED=N` one.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use rayon::prelude::*;

use crate::canary::Canary;
use crate::case::{Case, Kind};
use crate::threats::Place;
use crate::{apk, install, outputs, rpm};

/// Default number of cases.
const CASES: u64 = 1200;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The outcome of a case.
enum Outcome {
    /// The packages were refused, for this reason.
    Refused(String),
    /// They were installed, and these forms of output were refused.
    Installed(outputs::Refused),
}

fn run(seed: u64) -> Result<(Case, Outcome), String> {
    let place = tempfile::tempdir().unwrap();
    let canary = Canary::new(place.path());
    let case = Case::of(seed, &Place::new(canary.path()));
    let build = match case.kind {
        Kind::Rpm => rpm::build,
        Kind::Apk => apk::build,
    };
    let files: Vec<Vec<u8>> = case.packages.iter().map(build).collect();
    let work = place.path().join("work");
    fs::create_dir(&work).unwrap();
    let all = || -> Result<Outcome, String> {
        let tree = match install::install(case.kind, &files, &work) {
            Ok(tree) => tree,
            Err(reason) => return Ok(Outcome::Refused(reason)),
        };
        let refused = outputs::check(&tree, case.kind, &work, &canary.inodes())?;
        Ok(Outcome::Installed(refused))
    };
    let outcome = catch_unwind(AssertUnwindSafe(all)).unwrap_or_else(|_| Err("it panicked".into()))?;
    if let Some(harm) = canary.harm() {
        return Err(harm);
    }
    let mut names: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    if names != ["canary", "work"] {
        return Err(format!("beside OUT there is {names:?}"));
    }
    if let Outcome::Refused(reason) = &outcome
        && (reason.is_empty() || reason.len() > 20_000)
    {
        return Err(format!("a reason of {} bytes", reason.len()));
    }
    Ok((case, outcome))
}

#[test]
fn generated_packages_are_refused_or_harmless() {
    let seeds = match number("ROOTSTRAP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ROOTSTRAP_CASES").unwrap_or(CASES),
    };
    let one = seeds.end - seeds.start == 1;
    let counts: Mutex<BTreeMap<(&str, String), [usize; 2]>> = Mutex::default();
    let wrong: Vec<String> = seeds
        .into_par_iter()
        .filter_map(|seed| match run(seed) {
            Ok((case, outcome)) => {
                if one {
                    match &outcome {
                        Outcome::Refused(reason) => println!("{:?} refused: {reason}", case.threats),
                        Outcome::Installed(forms) => println!("{:?} installed, forms refused: {forms:?}", case.threats),
                    }
                }
                let mut counts = counts.lock().unwrap();
                for threat in &case.threats {
                    counts.entry((threat, format!("{:?}", case.kind))).or_default()
                        [usize::from(matches!(outcome, Outcome::Installed(_)))] += 1;
                }
                None
            }
            Err(problem) => {
                let place = tempfile::tempdir().unwrap();
                let threats = Case::of(seed, &Place::new(place.path())).threats;
                Some(format!("ROOTSTRAP_SEED={seed} {threats:?}: {problem}"))
            }
        })
        .collect();
    println!("{:<60} {:>8} {:>10}", "threat", "refused", "harmless");
    for ((threat, kind), [refused, harmless]) in counts.into_inner().unwrap() {
        println!("{:<60} {refused:>8} {harmless:>10}", format!("{threat} ({kind})"));
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}
