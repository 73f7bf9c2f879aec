//! Tests of unmet requirements in whole repositories, compared with libsolv's `whatprovides` and
//! `dnf repoclosure`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Lines `id<tab>requirement` of all unmet requirements.
type Unmet = BTreeSet<String>;

fn ours(arch: &str, directories: &[PathBuf]) -> Unmet {
    let cache = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootstrap"));
    command.args(["closure", "--format", "json", "--quiet", "--arch", arch, "--cache-dir"]).arg(cache.path());
    for (number, directory) in directories.iter().enumerate() {
        command.arg("--repo").arg(format!("r{number}={}", directory.display()));
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["schema"], 1);
    let one = |broken: &Value| {
        let id = broken["id"].as_str().unwrap().to_owned();
        let lines: Vec<String> = broken["requires"]
            .as_array()
            .unwrap()
            .iter()
            .map(|requires| format!("{id}\t{}", requires.as_str().unwrap()))
            .collect();
        lines
    };
    told["broken"].as_array().unwrap().iter().flat_map(one).collect()
}

fn libsolv(python: &str, arch: &str, directories: &[PathBuf]) -> Unmet {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/closure.py");
    let output = Command::new(python).arg(script).arg(arch).args(directories).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn repositories(data: &Path, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| data.join("repodata").join(name)).collect()
}

#[test]
fn what_nothing_provides_as_libsolv() {
    let (Some(data), Some(python)) = (super::data(), super::python_with_solv()) else { return };
    for (arch, names, at_least) in [("x86_64", &["cs9-appstream", "cs9-baseos"][..], 2_000), ("k1om", &["k1om"], 30)] {
        let directories = repositories(&data, names);
        let (ours, theirs) = (ours(arch, &directories), libsolv(python, arch, &directories));
        let only = |a: &Unmet, b: &Unmet| a.difference(b).take(5).cloned().collect::<Vec<_>>();
        assert_eq!((only(&ours, &theirs), only(&theirs, &ours)), (vec![], vec![]));
        assert!(ours.len() > at_least, "{}", ours.len());
    }
}

#[test]
fn broken_packages_as_dnf_repoclosure() {
    let Some(data) = super::data() else { return };
    let plugin = Command::new("dnf").args(["repoclosure", "--help"]).output().is_ok_and(|output| output.status.success());
    assert!(
        plugin || std::env::var_os("ROOTSTRAP_PEERS").is_none_or(|value| value != "required"),
        "dnf-plugins-core is required"
    );
    if !plugin {
        return println!("skipped: no dnf repoclosure");
    }
    let directories = repositories(&data, &["cs9-appstream", "cs9-baseos"]);
    let cache = tempfile::tempdir().unwrap();
    let mut command = Command::new("dnf");
    command.args(["repoclosure", "--quiet", "--forcearch", "x86_64", "--releasever", "9"]);
    command.arg(format!("--setopt=cachedir={}", cache.path().display()));
    for (number, directory) in directories.iter().enumerate() {
        let name = format!("r{number}");
        command.arg(format!("--repofrompath={name},{}", directory.display())).args(["--repo", &name]);
        // Modules would hide packages, and make the result depend on them.
        command.arg(format!("--setopt={name}.module_hotfixes=1"));
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let theirs: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("package: ")?.split_once(" from "))
        .map(|(package, _)| package)
        .collect();
    let ours = ours("x86_64", &directories);
    // dnf omits an epoch of 0.
    let ours: BTreeSet<String> =
        ours.iter().filter_map(|line| line.split_once('\t')).map(|(id, _)| id.replacen("-0:", "-", 1)).collect();
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    assert!(theirs.len() > 1_000, "{text} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(ours, theirs);
}
