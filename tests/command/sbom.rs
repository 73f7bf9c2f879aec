//! Tests of SBOMs: every package is in the document, from whatever form the set is read, and the
//! formats' own validators accept it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::place::{MICRO, Outcome, Place, real_data};
use crate::subjects::{FORMS, forms};

const KEY: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
const MINIROOTFS: [&str; 8] = ["--distro", "alpine", "--release", "3.20", "--variant", "minirootfs", "--arch", "x86_64"];

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.success().stdout).unwrap()
}

/// Returns the package URLs of a document in either format, sorted.
fn purls(document: &Value) -> Vec<String> {
    let mut found: Vec<String> = match document["packages"].as_array() {
        Some(packages) => {
            let references = packages.iter().flat_map(|package| package["externalRefs"].as_array().into_iter().flatten());
            references.map(|reference| reference["referenceLocator"].as_str().unwrap().to_owned()).collect()
        }
        None => document["components"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|component| component["purl"].as_str().map(str::to_owned))
            .collect(),
    };
    found.sort();
    found
}

/// Returns the names of the packages of a set.
fn names(place: &Place, subject: &str) -> Vec<String> {
    let list = json(place.run(&["list", subject, "--format", "json"]));
    list["packages"].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn whatever_a_set_was_read_from_it_has_the_same_packages() {
    let place = Place::new();
    forms(&place, &MICRO, &KEY);
    let of = |subject: &str, format: &str| {
        let options = if subject == "rootstrap.lock" { &KEY[..] } else { &[] };
        json(place.run(&[&["sbom", subject, "--format", format], options].concat()))
    };
    for format in ["spdx", "cyclonedx"] {
        let expected = purls(&of("out", format));
        assert_eq!(expected.len(), names(&place, "out").len());
        for form in FORMS.into_iter().filter(|form| *form != "plan.json") {
            assert_eq!(purls(&of(form, format)), expected, "{form}");
        }
        // A lock and a plan identify packages by name and version; only packages and repositories
        // know the source package.
        for form in ["plan.json", "rootstrap.lock"] {
            let bare = |purls: Vec<String>| {
                purls
                    .into_iter()
                    .map(|purl| purl.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned())
                    .collect::<Vec<_>>()
            };
            assert_eq!(bare(purls(&of(form, format))), bare(expected.clone()), "{form}");
        }
    }
    let lock = of("rootstrap.lock", "cyclonedx");
    let packages = || lock["components"].as_array().unwrap().iter().filter(|component| component["purl"].is_string());
    assert!(packages().all(|package| package["hashes"][0]["alg"] == "SHA-256"), "a lock knows the digest of each file");
    assert!(lock["dependencies"].as_array().unwrap().iter().skip(1).any(|needs| needs["dependsOn"].is_array()));
}

#[test]
fn a_document_is_the_same_each_time_and_bears_the_time_of_the_set() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    for format in ["spdx", "cyclonedx"] {
        let first = place.run(&["sbom", "out", "--format", format, "--files"]).success().stdout;
        assert_eq!(place.run(&["sbom", "out", "--format", format, "--files", "--jobs", "1"]).success().stdout, first);
        let epoch =
            place.outcome(place.command(&["sbom", "out", "--format", format]).env("SOURCE_DATE_EPOCH", "86400")).success().stdout;
        assert!(epoch.contains("1970-01-02T00:00:00Z"));
        let told =
            place.run(&["sbom", "out", "--format", format, "--output", "bill.json", "--name", "registry/micro:9"]).success();
        assert_eq!(told.stdout, "");
        assert!(std::fs::read_to_string(place.path("bill.json")).unwrap().contains("registry/micro:9"));
    }
    assert_eq!(place.run(&["sbom", "nowhere"]).code, Some(1));
    assert_eq!(place.run(&["sbom"]).code, Some(2));
}

#[test]
fn files_are_told_with_the_digests_that_they_have() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    std::fs::write(place.path("out/etc/mine"), "abc").unwrap();
    let document = json(place.run(&["sbom", "out", "--files"]));
    let mine = document["files"].as_array().unwrap().iter().find(|file| file["fileName"] == "./etc/mine").unwrap();
    assert_eq!(mine["checksums"][0]["checksumValue"], "a9993e364706816aba3e25717850c26c9cd0d89d");
    let holder = |id: &Value| {
        let relationships = document["relationships"].as_array().unwrap().iter();
        let found = relationships.filter(|relationship| &relationship["relatedSpdxElement"] == id).collect::<Vec<_>>();
        assert_eq!(found.len(), 1);
        found[0]["spdxElementId"].as_str().unwrap().to_owned()
    };
    assert!(holder(&mine["SPDXID"]).starts_with("SPDXRef-Whole"), "it is no package's");
    let release = document["files"].as_array().unwrap().iter().find(|file| file["fileName"] == "./usr/lib/os-release").unwrap();
    assert!(holder(&release["SPDXID"]).starts_with("SPDXRef-Package-rpm-almalinux-release"));
    let lock = place.run(&[&["lock"], &MICRO[..], &KEY].concat());
    lock.success();
    let told = place.run(&[&["sbom", "rootstrap.lock", "--files"], &KEY[..]].concat()).success();
    assert!(told.stderr.contains("has no files of its own"), "{}", told.stderr);
}

/// Returns a Python that has the validators: the one that CI installs below `target`, or the
/// machine's own.
fn python() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("papers/bin/python3");
    let has = |python: &Path| {
        let import = ["-c", "import spdx_tools, cyclonedx.validation.json, jsonschema"];
        Command::new(python).args(import).output().is_ok_and(|output| output.status.success())
    };
    let found = [made, PathBuf::from("python3")].into_iter().find(|python| has(python));
    let required = std::env::var_os("ROOTSTRAP_PEERS").is_some_and(|value| value == "required");
    assert!(found.is_some() || !required, "spdx-tools and cyclonedx-python-lib[validation] are required (.ci/run installs them)");
    if found.is_none() {
        println!("skipped: no spdx-tools or cyclonedx-python-lib");
    }
    found
}

/// Writes the documents of a set in all forms, for a root also with its files, and appends their
/// names. Fails unless every package is in each document.
fn write_all(place: &Place, subject: &str, name: &str, options: &[&str], documents: &mut Vec<String>) {
    let files: &[&[&str]] = if options.is_empty() && !subject.contains(':') { &[&[], &["--files"]] } else { &[&[]] };
    let expected: BTreeSet<String> = names(place, subject).into_iter().collect();
    for format in ["spdx", "cyclonedx"] {
        for &files in files {
            let file = format!("{name}{}.{format}.json", files.concat());
            place.run(&[&["sbom", subject, "--format", format, "-o", &file], files, options].concat()).success();
            let document: Value = serde_json::from_slice(&std::fs::read(place.path(&file)).unwrap()).unwrap();
            let key = if format == "spdx" { "packages" } else { "components" };
            let told: BTreeSet<String> =
                document[key].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect();
            assert!(expected.is_subset(&told), "{file}: {:?}", expected.difference(&told));
            documents.push(file);
        }
    }
}

#[test]
fn the_formats_own_validators_agree() {
    let (Some(python), Some(data)) = (python(), real_data("almalinux").and_then(|_| real_data("alpine"))) else { return };
    let place = Place::new();
    let mut documents = Vec::new();
    let almalinux = data.parent().unwrap().join("almalinux");
    let key = almalinux.join("keys/rootstrap-test.asc");
    let from = ["--mirror", almalinux.to_str().unwrap(), "--key", key.to_str().unwrap()];
    place.run(&[&MICRO[..], &from, &["out"]].concat()).success();
    place.run(&[&MICRO[..], &from, &["--oci", "images:micro"]].concat()).success();
    place.run(&[&["lock"], &MICRO[..], &from].concat()).success();
    write_all(&place, "out", "micro", &[], &mut documents);
    write_all(&place, "images:micro", "image", &[], &mut documents);
    write_all(&place, "rootstrap.lock", "lock", &from, &mut documents);
    let key = data.join("keys/rootstrap-test.rsa.pub");
    place
        .run(&[&MINIROOTFS[..], &["--mirror", data.to_str().unwrap(), "--key", key.to_str().unwrap(), "alpine"]].concat())
        .success();
    write_all(&place, "alpine", "alpine", &[], &mut documents);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command/papers.py");
    let output = Command::new(python).arg(script).args(&documents).current_dir(place.root()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.lines().count() == 2 * documents.len(), "{told}");
}

#[test]
fn a_subject_is_one_document_however_its_place_is_spelled() {
    let place = Place::new();
    forms(&place, &MICRO, &KEY);
    std::os::unix::fs::symlink("out", place.path("link")).unwrap();
    std::fs::create_dir(place.path("other")).unwrap();
    let absolute = place.path("out").to_str().unwrap().to_owned();
    for format in ["spdx", "cyclonedx"] {
        let of = |directory: &str, subject: &str| {
            let words = ["sbom", subject, "--format", format];
            place.outcome(place.command(&words).current_dir(place.path(directory))).success().stdout
        };
        let expected = of("", "out");
        for spelled in ["./out", "out/", "other/../out", "link", "link/", &absolute] {
            assert_eq!(of("", spelled), expected, "{spelled}");
        }
        assert_eq!(of("other", "../out"), expected);
        assert_eq!(of("out", "."), expected);
        for (one, other) in [("oci:tag", "./oci:tag"), ("out.tar", "./out.tar"), ("plan.json", "./plan.json")] {
            assert_eq!(of("", one), of("", other), "{one}");
            assert_eq!(of("other", &format!("../{one}")), of("", one), "{one}");
        }
    }
}
