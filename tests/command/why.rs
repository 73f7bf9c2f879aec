//! Tests of `why` and `closure`: the answers are the same for all forms of a set, as data and as
//! text.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::place::{MICRO, Place};
use crate::subjects::{FORMS, forms};

const RPM: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
const MINIROOTFS: [&str; 8] = ["--distro", "alpine", "--release", "3.20", "--variant", "minirootfs", "--arch", "aarch64"];
const APK: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.rsa.pub"];

fn told(place: &Place, words: &[&str]) -> Value {
    serde_json::from_str(&place.run(&[words, &["--format", "json"]].concat()).success().stdout).unwrap()
}

/// Returns the chains to the first package in question, as names and capabilities.
fn chains(answer: &Value) -> Vec<String> {
    let step = |step: &Value| format!(" {} {}", step["capabilities"][0].as_str().unwrap(), step["id"].as_str().unwrap());
    let chain = |chain: &Value| {
        let steps: String = chain["steps"].as_array().unwrap().iter().map(step).collect();
        chain["from"].as_str().unwrap().to_owned() + &steps
    };
    let mut chains: Vec<String> = answer["packages"][0]["chains"].as_array().unwrap().iter().map(chain).collect();
    chains.sort();
    chains
}

#[test]
fn every_form_has_the_same_chains() {
    for (asked, repositories, package) in [(&MICRO[..], &RPM[..], "glibc"), (&MINIROOTFS[..], &APK[..], "musl")] {
        let place = Place::new();
        forms(&place, asked, repositories);
        // rpm's database does not record the request. A plan, a lock and a request do, but need
        // repositories for the dependencies.
        let distro = &asked[..4];
        let from_request = told(&place, &[&["why", package], asked, repositories].concat());
        assert_eq!(from_request["roots"], "requested");
        assert!(!chains(&from_request).is_empty(), "{from_request}");
        let unknown = place.run(&["why", "plan.json", package]);
        assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
        let lock = told(&place, &["why", "rootstrap.lock", package]);
        assert_eq!(chains(&lock), chains(&from_request));
        let expected = told(&place, &["why", "out", package, "--if-removed"]);
        assert!(!chains(&expected).is_empty(), "{expected}");
        for form in FORMS.into_iter().filter(|form| *form != "plan.json") {
            let found = told(&place, &["why", form, package, "--if-removed"]);
            assert_eq!(found["packages"], expected["packages"], "{form}");
        }
        let plan = told(&place, &[&["why", "plan.json", package], distro, repositories].concat());
        assert_eq!(chains(&plan), chains(&from_request));
    }
}

#[test]
fn what_goes_who_else_and_what_for_nothing() {
    let place = Place::new();
    let asked = [&MINIROOTFS[..], &APK].concat();
    let answer = told(&place, &[&["why", "busybox-binsh", "--alternatives", "--if-removed"], &asked[..]].concat());
    let package = &answer["packages"][0];
    let candidates: Vec<&Value> =
        package["alternatives"].as_array().unwrap().iter().flat_map(|one| one["candidates"].as_array().unwrap()).collect();
    assert!(candidates.iter().any(|candidate| candidate["name"] == "dash-binsh"), "{package:#}");
    let gone = &package["if_removed"];
    let sizes =
        |list: &str| gone[list].as_array().unwrap().iter().map(|one| one["installed_size"].as_u64().unwrap()).sum::<u64>();
    let own = package["installed_size"].as_u64().unwrap();
    assert_eq!(gone["freed"].as_u64().unwrap(), own + sizes("requires_it") + sizes("unneeded"), "{gone}");
    let unneeded = |more: &[&str]| told(&place, &[&["why", "--unneeded"], more, &asked[..]].concat())["unneeded"].take();
    assert_eq!(unneeded(&[]), json!([]));
    let text = place.run(&[&["why", "musl"], &asked[..]].concat()).success().stdout;
    assert!(text.starts_with("musl 1.2.5-r0 (aarch64, 4.0 KiB) is here because\n  ") && text.contains(" → musl\n"), "{text}");
    let nobody = place.run(&[&["why", "musll"], &asked[..]].concat());
    assert_eq!(nobody.code, Some(3));
    assert!(nobody.stderr.contains("did you mean musl?"), "{}", nobody.stderr);
    assert_eq!(place.run(&["why"]).code, Some(2));
}

#[test]
fn what_is_broken_in_the_fixtures() {
    let place = Place::new();
    for asked in [[&MICRO[..4], &["--arch", "aarch64"], &RPM].concat(), [&MINIROOTFS[..4], &["--arch", "aarch64"], &APK].concat()]
    {
        let answer = told(&place, &[&["closure"], &asked[..]].concat());
        assert_eq!(answer["schema"], 1);
        assert!(answer["packages"].as_u64().unwrap() > 5);
        for list in ["broken", "obsoletes_loops", "backwards"] {
            assert!(answer[list].is_array(), "{answer}");
        }
        let broken = answer["broken"].as_array().unwrap().len();
        let code = place.run(&[&["closure", "--fail"], &asked[..]].concat()).code;
        let is_clean = broken + answer["backwards"].as_array().unwrap().len() == 0;
        assert_eq!(code, Some(if is_clean { 0 } else { 5 }));
    }
    assert_eq!(place.run(&["closure"]).code, Some(2));
    let apk = [&["closure", "--file-conflicts"], &MINIROOTFS[..4], &["--arch", "aarch64"], &APK].concat();
    assert_eq!(place.run(&apk).code, Some(2), "an index of apk lists no files");
    let unknown = place.run(&[&["closure", "--check", "other"], &MICRO[..4], &["--arch", "aarch64"], &RPM].concat());
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
}

#[test]
fn files_that_several_packages_have() {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let Some(data) = fs::canonicalize(data.join("repodata/k1om")).ok() else { return println!("skipped: no real data") };
    let place = Place::new();
    let found = told(&place, &["closure", "--arch", "k1om", "--file-conflicts", "--repo", &format!("k={}", data.display())]);
    let conflicts = found["file_conflicts"].as_array().unwrap();
    let is_pair = |one: &&Value| {
        let names: Vec<&str> = one["packages"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        names[0].starts_with("autoconf-doc-") && names[1].starts_with("binutils-doc-")
    };
    let pair = conflicts.iter().find(is_pair).unwrap();
    assert_eq!(pair["paths"], json!(["/usr/share/info/standards.info"]));
}
