//! Tests that compare answers with those of other tools: random universes with fixed seeds and the
//! tools' own cases, by the scripts in the real data.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells why it was skipped")]

mod closure;
mod requests;

use std::path::PathBuf;
use std::process::Command;

/// Returns the real data; prints a notice and returns `None` if they are missing.
fn data() -> Option<PathBuf> {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from).canonicalize().ok();
    let data = data.filter(|data| data.join("tools").is_dir());
    if data.is_none() {
        println!("skipped: no real data");
    }
    data
}

/// Returns Debian's Python, which has libsolv's binding.
fn python_with_solv() -> Option<&'static str> {
    python_with("solv")
}

/// Returns Debian's Python, if it has a module. Another Python that is first in the path may lack
/// it.
fn python_with(module: &str) -> Option<&'static str> {
    let python = "/usr/bin/python3";
    let import = format!("import {module}");
    let found = Command::new(python).args(["-c", &import]).status().is_ok_and(|status| status.success());
    assert!(found || std::env::var_os("ROOTSTRAP_PEERS").is_none_or(|value| value != "required"), "python3-{module} is required");
    if !found {
        println!("skipped: no python3-{module}");
    }
    found.then_some(python)
}

/// Runs a script; it succeeds if all answers are the same.
#[track_caller]
fn agrees(python: &str, script: &str, arguments: &[&str]) {
    let Some(data) = data() else { return };
    let mut command = Command::new(python);
    command.arg(data.join("tools").join(script)).arg(env!("CARGO_BIN_EXE_rootstrap")).args(arguments).current_dir(&data);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    print!("{told}");
    assert!(output.status.success(), "{script} {}: {told}", arguments.join(" "));
}

#[test]
fn fresh_installs_as_libsolv() {
    let Some(python) = python_with_solv() else { return };
    for modes in [&[][..], &["--rich"], &["--weak"], &["--rich", "--weak"]] {
        agrees(python, "fuzz_solver.py", &[&["-n", "120", "--seed", "3"], modes].concat());
    }
}

#[test]
fn changes_as_libsolv() {
    let Some(python) = python_with_solv() else { return };
    for modes in [&[][..], &["--rich", "--weak"]] {
        agrees(python, "fuzz_installed.py", &[&["-n", "150", "--seed", "3"], modes].concat());
    }
}

#[test]
fn owners_that_only_lists_of_files_name_as_libsolv() {
    let Some(python) = python_with_solv() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/filelists.py");
    let output = Command::new(python).args([script, env!("CARGO_BIN_EXE_rootstrap"), "40", "1"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    print!("{told}");
    assert!(output.status.success(), "{told}");
}

/// The repositories of a real distribution, as the scripts expect them.
const DISTRIBUTION: [&str; 2] = ["repodata/cs9-appstream", "repodata/cs9-baseos"];

#[test]
fn a_real_distribution_as_libsolv() {
    let Some(python) = python_with_solv() else { return };
    agrees(python, "sweep.py", &[&DISTRIBUTION[..], &["-n", "60", "--pairs", "30", "--seed", "5"]].concat());
}

#[test]
fn modules_groups_and_specs_as_dnf() {
    let Some(python) = python_with("dnf") else { return };
    agrees(python, "sweep_dnf.py", &[&DISTRIBUTION[..], &["-n", "60", "--seed", "5"]].concat());
    let enabled = ["-n", "40", "--seed", "5", "--enable", "nodejs:20", "--enable", "php:8.2"];
    agrees(python, "sweep_dnf.py", &[&DISTRIBUTION[..], &enabled].concat());
}

#[test]
fn apks_own_cases() {
    agrees("python3", "apk_cases.py", &["solver-cases/apk"]);
}

#[test]
fn worlds_of_a_real_index_as_apk() {
    let index = "alpine/index/3.17-main-aarch64";
    agrees("python3", "apk_worlds.py", &[index, "aarch64", &format!("{index}/solve.tsv")]);
}
