//! Tests of `list --advisories` for repositories and roots, with lists added by hand and by
//! `modifyrepo_c`.

use std::fs;
use std::io::Read as _;
use std::process::Command;

use flate2::read::GzDecoder;
use rootstrap::digest::{Algorithm, Digest};
use serde_json::Value;

use crate::place::{Place, peer, real_data};

const REPOSITORY: &str = "mirror/9/BaseOS/aarch64/os";

/// Returns an advisory about one package.
fn advisory(id: &str, kind: &str, severity: &str, cve: &str, package: &str) -> String {
    format!(
        "<update from=\"a@b\" status=\"final\" type=\"{kind}\" version=\"1\"><id>{id}</id><title>{id}</title>\
         <issued date=\"2024-01-01 00:00:00\"/><severity>{severity}</severity><description>{id}</description>\
         <references><reference type=\"cve\" id=\"{cve}\" title=\"{cve}\" href=\"https://x/{cve}\"/></references>\
         <pkglist><collection short=\"a\"><name>a</name>{package}</collection></pkglist></update>"
    )
}

fn package(name: &str, version: &str, release: &str) -> String {
    format!(
        "<package name=\"{name}\" epoch=\"0\" version=\"{version}\" release=\"{release}\" arch=\"aarch64\"><filename>f</filename></package>"
    )
}

/// Builds the fixtures' root in `out` and returns advisories about its packages.
fn prepare(place: &Place) -> String {
    place.bootstrap(&["out"]).success();
    let list = place.run(&["list", "out", "--only", "bash", "--format", "json"]).success().stdout;
    let bash: Value = serde_json::from_str::<Value>(&list).unwrap()["packages"][0].clone();
    let (version, release) = (bash["version"].as_str().unwrap(), bash["release"].as_str().unwrap());
    let all = [
        advisory("T-1", "security", "Important", "CVE-2024-1", &package("bash", version, &format!("{release}.1"))),
        advisory("T-2", "bugfix", "None", "", &package("bash", version, release)),
        advisory("T-3", "security", "Low", "CVE-2024-3", &package("bash", "0.1", "1")),
        advisory("T-4", "enhancement", "", "", &package("not-there", "9", "1")),
        advisory("T-5", "security", "Moderate", "", &package("bash", "99", "1").replace("aarch64", "s390x")),
    ];
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<updates>{}</updates>", all.concat())
}

/// Adds a document to repomd.xml as `modifyrepo_c` would.
fn add_by_hand(place: &Place, document: &str) {
    let directory = place.path(REPOSITORY).join("repodata");
    fs::write(directory.join("updateinfo.xml"), document).unwrap();
    let repomd = fs::read_to_string(directory.join("repomd.xml")).unwrap();
    let entry = format!(
        "<data type=\"updateinfo\"><checksum type=\"sha256\">{}</checksum><location href=\"repodata/updateinfo.xml\"/>\
         <size>{}</size></data></repomd>",
        Digest::of(Algorithm::Sha256, document.as_bytes()).hex(),
        document.len()
    );
    fs::write(directory.join("repomd.xml"), repomd.replace("</repomd>", &entry)).unwrap();
}

/// Returns the ids of the advisories, and the text output.
fn listed(place: &Place, words: &[&str]) -> (Vec<String>, String) {
    let repo = format!("base={REPOSITORY}");
    let all = [&["list"], words, &["--advisories", "--repo", &repo, "--arch", "aarch64", "--progress", "none"]].concat();
    let human = place.run(&all).success().stdout;
    let text = place.run(&[&all[..], &["--format", "json"]].concat()).success().stdout;
    let value: Value = serde_json::from_str(&text).unwrap();
    let ids = value["advisories"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    (ids, human)
}

fn check(place: &Place) {
    let of = |words: &[&str]| listed(place, words).0;
    assert_eq!(of(&["out"]), ["T-1"]);
    assert_eq!(of(&["out", "--installed"]), ["T-2", "T-3"]);
    assert_eq!(of(&["--available"]), ["T-1", "T-2", "T-3", "T-4"]);
    assert_eq!(of(&["--available", "--security"]), ["T-1", "T-3"]);
    assert_eq!(of(&["--available", "--bugfix", "--enhancement"]), ["T-2", "T-4"]);
    assert_eq!(of(&["--available", "--severity", "important", "--severity", "Low"]), ["T-1", "T-3"]);
    assert_eq!(of(&["--available", "--cve", "CVE-2024-3"]), ["T-3"]);
    assert_eq!(of(&["--available", "--only", "not*"]), ["T-4"]);
    let (_, human) = listed(place, &["--available", "--security", "--cve", "CVE-2024-3"]);
    assert_eq!(human, "T-3  security/Low  bash-0:0.1-1.aarch64\n1 advisory\n");
}

#[test]
fn what_a_root_lacks_and_has() {
    let place = Place::new();
    let document = prepare(&place);
    assert_eq!(listed(&place, &["out"]).0, [""; 0], "there are none yet");
    add_by_hand(&place, &document);
    check(&place);
    let wrong = place.run(&["list", "out", "--security"]);
    assert_eq!(wrong.code, Some(2));
    // The list is read only on request.
    fs::remove_file(place.path(REPOSITORY).join("repodata/updateinfo.xml")).unwrap();
    let repo = format!("base={REPOSITORY}");
    place.run(&["list", "--available", "--repo", &repo, "--arch", "aarch64"]).success();
    assert_eq!(place.run(&["list", "--available", "--advisories", "--repo", &repo, "--arch", "aarch64"]).code, Some(1));
}

/// Adds a document by `modifyrepo_c` itself. Returns false if it is not installed.
fn add_by_peer(place: &Place, document: &str, compression: &str) -> bool {
    if !peer("modifyrepo_c") {
        return false;
    }
    fs::write(place.path("updateinfo.xml"), document).unwrap();
    let mut command = Command::new("modifyrepo_c");
    command.arg(format!("--compress-type={compression}")).arg(place.path("updateinfo.xml"));
    command.arg(place.path(REPOSITORY).join("repodata"));
    assert!(command.output().unwrap().status.success());
    true
}

#[test]
fn as_modifyrepo_lists_them() {
    for compression in ["gz", "xz", "bz2"] {
        let place = Place::new();
        let document = prepare(&place);
        if !add_by_peer(&place, &document, compression) {
            return;
        }
        check(&place);
    }
}

#[test]
fn those_of_a_real_distribution() {
    let Some(real) = real_data("advisories/fedora-5-updateinfo.xml.gz") else { return };
    let mut document = String::new();
    GzDecoder::new(fs::File::open(real).unwrap()).read_to_string(&mut document).unwrap();
    let place = Place::new();
    if !add_by_peer(&place, &document, "gz") {
        return;
    }
    let repo = format!("base={REPOSITORY}");
    let words = ["list", "--available", "--advisories", "--repo", &repo, "--arch", "i686", "--format=json", "--progress=none"];
    let value: Value = serde_json::from_str(&place.run(&words).success().stdout).unwrap();
    let advisories = value["advisories"].as_array().unwrap();
    let count = |kind: &str| advisories.iter().filter(|one| one["type"] == kind).count();
    assert_eq!((advisories.len(), count("security"), count("bugfix")), (141, 69, 72));
    assert_eq!(advisories[0]["id"], "FEDORA-2007-78");
}
