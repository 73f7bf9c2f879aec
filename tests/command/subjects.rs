//! Whatever a set of packages was read from, it is the same set.

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

/// One tree in all forms that there are.
pub(crate) const FORMS: [&str; 8] =
    ["out", "out.tar", "out.tar.gz", "out.tar.zst", "oci:tag", "oci.tar", "docker.tar", "plan.json"];

/// Makes them, and a lock file.
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
