//! Tests of `resolve --minimize`: the smallest set compared with the ordinary one, as data for
//! scripts.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::place::{MICRO, Place};

fn smallest(place: &Place, arguments: &[&str]) -> Value {
    serde_json::from_str(&place.run(&[&["resolve", "--format", "json"], arguments].concat()).success().stdout).unwrap()
}

#[test]
fn of_the_fixtures() {
    let place = Place::new();
    let trusted = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc", "--minimize"];
    for by in ["size", "count"] {
        let plan = smallest(&place, &[&MICRO[..], &trusted, &[by]].concat());
        let told = &plan["minimize"];
        assert_eq!((&told["proved"], &told["by"]), (&true.into(), &by.into()), "{told}");
        assert_eq!(told["measure"], told["at_least"]);
        let packages = plan["install"].as_array().unwrap().len();
        assert_eq!(told["ordinary"]["packages"].as_u64(), Some(packages as u64 + told["saved"]["packages"].as_u64().unwrap()));
    }
    let told = place.run(&[&["resolve"], &MICRO[..], &trusted, &["count"]].concat()).success().stdout;
    assert!(told.contains("proved: no set is smaller than"), "{told}");
    let apk = ["resolve", "--distro", "alpine", "--release", "3.20", "--arch", "x86_64", "--mirror", "mirror", "musl"];
    let refused = place.run(&[&apk[..], &["--key=mirror/keys/rootstrap-fixtures.rsa.pub", "--minimize", "size"]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

#[test]
fn of_a_real_distribution() {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let Some(data) = fs::canonicalize(data.join("repodata")).ok() else { return println!("skipped: no real data") };
    let place = Place::new();
    let repositories: Vec<String> =
        ["cs9-appstream", "cs9-baseos"].iter().map(|name| format!("{name}={}", data.join(name).display())).collect();
    let from = ["--arch", "x86_64", "--repo", &repositories[0], "--repo", &repositories[1]];
    for (spec, saves_packages) in [("httpd", 5), ("java-11-openjdk", 177)] {
        let plan = smallest(&place, &[&from[..], &["--minimize", "count", spec]].concat());
        let told = &plan["minimize"];
        assert_eq!((&told["proved"], &told["saved"]["packages"]), (&true.into(), &saves_packages.into()), "{told}");
        let size =
            |more: &[&str]| smallest(&place, &[&from[..], &["--minimize", "size", spec], more].concat())["minimize"].take();
        let (any, newest) = (size(&[]), size(&["--newest"]));
        assert!(any["proved"] == true && newest["proved"] == true);
        assert!(any["measure"].as_u64() <= newest["measure"].as_u64());
    }
}
