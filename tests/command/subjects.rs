//! Tests that all forms of a set of packages give the same set.

use serde_json::Value;

use crate::place::{MICRO, Outcome, Place};

const KEY: [&str; 2] = ["--key", "mirror/keys/rootstrap-fixtures.asc"];
const APK: [&str; 7] = ["--distro", "alpine", "--release", "3.20", "--variant", "minirootfs", "--arch"];
const APK_MIRROR: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.rsa.pub"];

fn ids(outcome: Outcome) -> Vec<String> {
    let value: Value = serde_json::from_str(&outcome.success().stdout).unwrap();
    let packages = value["packages"].as_array().unwrap().iter();
    packages.map(|package| package["id"].as_str().unwrap().to_owned()).collect()
}

fn list(place: &Place, subject: &str) -> Vec<String> {
    ids(place.run(&["list", subject, "--format", "json"]))
}

/// All forms of a tree.
pub(crate) const FORMS: [&str; 8] =
    ["out", "out.tar", "out.tar.gz", "out.tar.zst", "oci:tag", "oci.tar", "docker.tar", "plan.json"];

/// Builds all forms, and a lock file.
pub(crate) fn forms(place: &Place, asked: &[&str], repositories: &[&str]) {
    let run = |words: &[&str]| place.run(&[asked, repositories, words].concat()).success();
    run(&["out"]);
    for file in ["out.tar", "out.tar.gz", "out.tar.zst"] {
        run(&["--tar", file]);
    }
    run(&["--oci", "oci:tag", "--layers", "3"]);
    let mut archive = tar::Builder::new(std::fs::File::create(place.path("oci.tar")).unwrap());
    archive.append_dir_all(".", place.path("oci")).unwrap();
    archive.finish().unwrap();
    run(&["--docker-archive", "docker.tar"]);
    let plan = place.run(&[&["resolve"], asked, repositories, &["--format", "json"]].concat()).success().stdout;
    std::fs::write(place.path("plan.json"), plan).unwrap();
    place.run(&[&["lock"], asked, repositories].concat()).success();
}

#[test]
fn every_form_has_the_same_packages() {
    for (asked, repositories) in
        [(MICRO.to_vec(), [&["--mirror", "mirror"], &KEY[..]].concat()), ([&APK[..], &["aarch64"]].concat(), APK_MIRROR.to_vec())]
    {
        let place = Place::new();
        forms(&place, &asked, &repositories);
        let expected = list(&place, "out");
        assert!(expected.len() > 3, "{expected:?}");
        for form in FORMS.into_iter().chain(["oci", "rootstrap.lock"]) {
            assert_eq!(list(&place, form), expected, "{form}");
        }
        assert_eq!(place.run(&["list", "oci:other"]).code, Some(1));
        assert!(!place.names().iter().any(|name| name.starts_with(".rootstrap")));
    }
}

#[test]
fn what_is_no_subject_is_told() {
    let place = Place::new();
    for (name, bytes) in [("empty", &b""[..]), ("noise", b"\xff\x00\x01"), ("{.json", b"{\"a\": 1}"), ("text", b"hello")] {
        std::fs::write(place.path(name), bytes).unwrap();
        let found = place.run(&["list", name]);
        assert_eq!(found.code, Some(1), "{name}: {}", found.stderr);
    }
    let mut archive = tar::Builder::new(std::fs::File::create(place.path("bare.tar")).unwrap());
    archive.append_dir_all("keys", place.path("mirror/keys")).unwrap();
    archive.finish().unwrap();
    let bare = place.run(&["list", "bare.tar"]);
    assert!(bare.code == Some(1) && bare.stderr.contains("no package database in bare.tar"), "{}", bare.stderr);
}

#[test]
fn many_subjects_are_one_list_and_one_table() {
    let place = Place::new();
    let repositories = [&["--mirror", "mirror"], &KEY[..]].concat();
    place.run(&[&MICRO[..], &repositories, &["out"]].concat()).success();
    place.run(&[&MICRO[..], &repositories, &["--tar", "out.tar"]].concat()).success();
    let value: Value =
        serde_json::from_str(&place.run(&["list", "out", "out.tar", "--format", "json"]).success().stdout).unwrap();
    let subjects = value["subjects"].as_array().unwrap();
    assert_eq!((&subjects[1]["subject"], &subjects[0]["packages"]), (&"out.tar".into(), &subjects[1]["packages"]));
    place.run(&["list", "out", "out.tar", "--format", "parquet", "-o", "fleet.parquet"]).success();
    let table = std::fs::read(place.path("fleet.parquet")).unwrap();
    assert!(table.starts_with(b"PAR1") && table.ends_with(b"PAR1"));
    let sizes = |words: &[&str]| -> Vec<u64> {
        let outcome = place.run(&[&["list", "out", "--format", "json"], words].concat()).success();
        let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
        value["packages"].as_array().unwrap().iter().map(|package| package["installed_size"].as_u64().unwrap()).collect()
    };
    let largest_first = sizes(&["--sort", "size"]);
    assert!(largest_first.is_sorted_by(|a, b| a >= b) && largest_first.len() > 3, "{largest_first:?}");
    let mut smallest_first = sizes(&["--sort", "size", "--reverse"]);
    smallest_first.reverse();
    assert_eq!(largest_first, smallest_first);
    for command in [&["info", "out.tar", "bash"][..], &["files", "out.tar", "bash"]] {
        let of_root = place.run(&[&command[..1], &["out"], &command[2..]].concat()).success().stdout;
        assert_eq!(place.run(command).success().stdout, of_root, "{command:?}");
    }
    assert_eq!(place.run(&["list", "--sort", "size"]).code, Some(2));
}

#[test]
fn a_package_is_listed_as_info_describes_it() {
    let place = Place::new();
    place.run(&[&MICRO[..], &["--mirror", "mirror"], &KEY, &["out"]].concat()).success();
    place.run(&[&MICRO[..], &["--mirror", "mirror"], &KEY, &["--tar", "out.tar"]].concat()).success();
    // A directory of the same name is not a subject.
    std::fs::create_dir(place.path("bash")).unwrap();
    for word in ["bash", "ba?h", "/usr/bin/bash", "bash.aarch64"] {
        for subject in ["./out", "out.tar"] {
            let info = ids(place.run(&["info", subject, word, "--format", "json"]));
            assert_eq!(ids(place.run(&["list", subject, word, "--format", "json"])), info, "{subject} {word}");
            assert_eq!(info.len(), 1, "{word}");
        }
    }
    let two = ids(place.run(&["list", "./out", "bash", "libcap", "--format", "json"]));
    assert_eq!(two.len(), 2, "{two:?}");
    let unknown = [place.run(&["list", "out", "bahs"]), place.run(&["info", "out", "bahs"])];
    assert_eq!(unknown[0].stderr, unknown[1].stderr);
    assert_eq!((unknown[0].code, unknown[1].code), (Some(3), Some(3)));
    let of_both = place.run(&["list", "out", "out.tar", "bash", "--format", "json"]).success();
    let value: Value = serde_json::from_str(&of_both.stdout).unwrap();
    for subject in value["subjects"].as_array().unwrap() {
        assert_eq!(subject["packages"].as_array().unwrap().len(), 1, "{}", subject["subject"]);
    }
}

#[test]
fn a_broken_subject_leaves_the_others_listed() {
    let place = Place::new();
    place.run(&[&MICRO[..], &["--mirror", "mirror"], &KEY, &["a"]].concat()).success();
    place.run(&[&MICRO[..], &["--mirror", "mirror"], &KEY, &["c"]].concat()).success();
    std::fs::write(place.path("text"), "hello").unwrap();
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::write(place.path("cut.json"), "{\"schema\":").unwrap();
    for broken in ["./missing", "missing", "text", "empty", "cut.json"] {
        for words in [["a", broken, "c"], [broken, "a", "c"], ["a", "c", broken]] {
            let outcome = place.run(&[&["list"], &words[..]].concat());
            assert_eq!(outcome.code, Some(1), "{words:?}: {}", outcome.stderr);
            for subject in ["a:\n", "c:\n"] {
                assert!(outcome.stdout.contains(subject), "{words:?}: {}", outcome.stdout);
            }
            assert!(outcome.stderr.contains(broken.trim_start_matches("./")), "{words:?}: {}", outcome.stderr);
        }
    }
    let outcome = place.run(&["list", "a", "text", "--format", "json"]);
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(outcome.code, Some(1));
    assert_eq!((&value["subjects"][0]["subject"], &value["subjects"][1]["subject"]), (&"a".into(), &"text".into()));
    assert!(value["subjects"][1]["error"].is_string());
}

#[test]
fn a_root_of_another_architecture_is_read_with_its_own() {
    let place = Place::new();
    let repositories = [&["--mirror", "mirror"], &KEY[..]].concat();
    let other = if cfg!(target_arch = "aarch64") { "x86_64" } else { "aarch64" };
    let asked = ["--distro", "almalinux", "--release", "9", "--variant", "micro", "--arch", other];
    place.run(&[&asked[..], &repositories, &["root"]].concat()).success();
    let without_arch = ["--distro", "almalinux", "--release", "9"];
    for installed in [["--root", "root", "--simulate"], ["--installed", "root", "--simulate"]] {
        let planned =
            place.run(&[&["upgrade"], &installed[..], &without_arch, &repositories, &["--format", "json"]].concat()).success();
        let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
        assert_eq!(plan["arch"], other);
    }
    let repository = format!("base=mirror/9/BaseOS/{other}/os");
    let planned = place.run(&[
        "install",
        "--root",
        "root",
        "--simulate",
        "--repo",
        &repository,
        "--format",
        "json",
        "libcap",
        "--allow-unsigned",
    ]);
    let plan: Value = serde_json::from_str(&planned.success().stdout).unwrap();
    assert_eq!(plan["arch"], other);
}
