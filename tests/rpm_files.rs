//! Tests of file lists of packages, compared with the real rpm: a stored listing of packages from
//! several distributions, and the installed rpm for `AlmaLinux`'s packages.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells why it was skipped")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rootstrap::package::{Content, write_listing};
use rootstrap::rpm::inventory;

/// Returns the directory with real data; prints a notice and returns `None` if it is missing.
fn data() -> Option<PathBuf> {
    let root =
        std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if root.join("rpms").is_dir() {
        return Some(root);
    }
    println!("skipped: no real data");
    None
}

/// Reports whether rpm is installed. Fails if it is not while peers are required.
fn has_rpm() -> bool {
    let found = Command::new("rpm").arg("--version").output().is_ok_and(|output| output.status.success());
    let required = std::env::var("ROOTSTRAP_PEERS").is_ok_and(|value| value == "required");
    assert!(found || !required, "rpm is required, and is not here");
    if !found {
        println!("skipped: no rpm");
    }
    found
}

fn listing(path: &Path) -> String {
    let content = Content::from_file(std::fs::File::open(path).unwrap()).unwrap();
    let files = inventory::of_package(&content).unwrap().files;
    let mut out = Vec::new();
    write_listing(&files, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn equal_to_what_rpm_said_of_packages_of_many_kinds() {
    let Some(data) = data() else { return };
    let expected = std::fs::read_to_string(data.join("rpms/expected-files.tsv")).unwrap();
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    let mut name = "";
    for line in expected.lines() {
        if let Some(next) = line.strip_prefix("# ") {
            name = next;
            sections.entry(name).or_default();
        } else {
            sections.entry(name).or_default().extend([line, "\n"]);
        }
    }
    let packages = std::fs::read_dir(data.join("rpms"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "rpm"));
    assert_eq!(packages.count(), sections.len());
    for (name, expected) in sections {
        assert_eq!(listing(&data.join("rpms").join(name)), expected, "{name}");
    }
}

#[test]
fn equal_to_what_rpm_says_of_almalinux() {
    let Some(data) = data() else { return };
    if !has_rpm() {
        return;
    }
    let packages = data.join("almalinux/9/BaseOS/aarch64/os/Packages");
    let format = "[%{FILENAMES}\t%{FILEMODES:octal}\t%{FILEUSERNAME}\t%{FILEGROUPNAME}\t%{FILEMTIMES}\t%{FILESIZES}\t\
                  %{FILEDIGESTS}\t%{FILELINKTOS}\t%{FILECAPS}\t%{FILEFLAGS:fflags}\n]";
    let mut lines = 0;
    for entry in std::fs::read_dir(packages).unwrap() {
        let path = entry.unwrap().path();
        let output = Command::new("rpm").args(["-qp", "--nosignature", "--qf", format]).arg(&path).output().unwrap();
        assert!(output.status.success());
        let expected = String::from_utf8(output.stdout).unwrap();
        // A package without files is one line that says so.
        let expected = if expected.starts_with("(none)\t") { String::new() } else { expected };
        assert_eq!(listing(&path), expected, "{}", path.display());
        lines += expected.lines().count();
    }
    assert!(lines > 2000, "{lines} files");
}
