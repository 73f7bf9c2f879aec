//! Tests of `audit`: freshly built trees, grouped findings, unused policy entries, and rules in
//! SARIF.

use std::fs;

use serde_json::Value;

use crate::place::{MICRO, Outcome, Place, is_root, real_data};

const FILES: [&str; 4] = ["audit", "--only", "changed-file", "--format=json"];

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", outcome.stdout, outcome.stderr))
}

/// Returns the findings of an audit, as `path: message`.
fn findings(place: &Place, words: &[&str]) -> Vec<String> {
    let value = json(&place.run(words));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    value["findings"].as_array().unwrap().iter().map(|finding| text(finding, "message")).collect()
}

/// Builds an image as a directory, a tar and a layout.
fn build(place: &Place, asked: &[&str]) -> [&'static str; 3] {
    for output in [&["out"][..], &["--tar", "out.tar"], &["--oci", "oci:tag"]] {
        place.run(&[asked, output].concat()).success();
    }
    ["out", "out.tar", "oci:tag"]
}

#[test]
fn a_tree_that_was_just_made_has_no_findings_about_files_and_a_changed_one_has() {
    let place = Place::new();
    let mut images: Vec<(Vec<String>, &str)> = Vec::new();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    images.push((
        words(&[&MICRO[..], &["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"]].concat()),
        "usr/bin/bash",
    ));
    if let Some(data) = real_data("almalinux") {
        let key = data.join("keys/rootstrap-test.asc");
        let given = ["--mirror", data.to_str().unwrap(), "--key", key.to_str().unwrap()];
        images.push((words(&[&MICRO[..], &given].concat()), "usr/bin/bash"));
    }
    if let Some(data) = real_data("alpine") {
        let key = data.join("keys/rootstrap-test.rsa.pub");
        for arch in ["x86_64", "aarch64"] {
            let asked = ["--distro=alpine", "--release=3.20", "--variant=minirootfs", "--arch", arch];
            let given = ["--mirror", data.to_str().unwrap(), "--key", key.to_str().unwrap()];
            images.push((words(&[&asked[..], &given].concat()), "bin/busybox"));
        }
    }
    for (asked, program) in images {
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        for subject in build(&place, &asked) {
            let mut found = findings(&place, &[&FILES[..], &[subject]].concat());
            // A scriptlet of the fixtures appends shells to a file that its package marks as not
            // changeable; rpm -V reports it too.
            found.retain(|found| found != "/etc/shells was changed (size, content)");
            assert_eq!(found, [] as [&str; 0], "{asked:?} {subject}");
        }
        // Changes by others are found: a missing program, a file that the finishing steps do not
        // touch, and one that they change.
        fs::remove_file(place.path("out").join(program)).unwrap();
        let found = findings(&place, &[&FILES[..], &["out"]].concat());
        assert!(found.contains(&format!("/{program} is missing")), "{found:?}");
        if program == "bin/busybox" && is_root() {
            fs::write(place.path("out/etc/shadow"), "root::0:::::\n").unwrap();
            fs::set_permissions(place.path("out/proc"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
            let found = findings(&place, &[&FILES[..], &["out"]].concat());
            for message in ["/etc/shadow was changed (content)", "/proc was changed (mode)"] {
                assert!(found.iter().any(|found| found == message), "{message}: {found:?}");
            }
        }
        fs::remove_dir_all(place.path("out")).unwrap();
        fs::remove_file(place.path("out.tar")).unwrap();
        fs::remove_dir_all(place.path("oci")).unwrap();
    }
}

/// Returns a place with the fixtures' micro tree, and advisories of three severities for two of its
/// packages.
fn advised() -> Place {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    fs::create_dir(place.path("osv")).unwrap();
    for (id, severity, package, cve) in [
        ("T-1", "Low", "bash", "CVE-2024-1"),
        ("T-2", "Critical", "glibc", "CVE-2024-2"),
        ("T-3", "Important", "bash", "CVE-2024-3"),
        ("T-4", "Moderate", "glibc", "CVE-2024-4"),
    ] {
        let record = format!(
            r#"{{"id":"{id}","summary":"{severity}: {package}","related":["{cve}"],"references":[{{"type":"ADVISORY","url":"https://example.invalid/{id}"}}],
            "affected":[{{"package":{{"ecosystem":"AlmaLinux","name":"{package}"}},
            "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"99-1"}}]}}]}}]}}"#
        );
        fs::write(place.path(&format!("osv/{id}.json")), record).unwrap();
    }
    place
}

#[test]
fn advisories_are_grouped_by_package_and_sorted_by_severity_with_their_cves() {
    let place = advised();
    let audit = ["audit", "out", "--only", "advisory", "--advisories", "osv"];
    let value = json(&place.run(&[&audit[..], &["--format", "json"]].concat()));
    let order: Vec<&str> = value["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect();
    assert_eq!(order, ["T-2", "T-4", "T-3", "T-1"]);
    let text = place.run(&audit).stdout;
    let places: Vec<usize> = ["glibc ", "T-2", "(CVE-2024-2)", "T-4", "(CVE-2024-4)", "bash ", "T-3", "(CVE-2024-3)", "T-1"]
        .iter()
        .map(|word| text.find(word).unwrap_or_else(|| panic!("{word}: {text}")))
        .collect();
    assert!(places.is_sorted(), "{places:?}: {text}");
    assert_eq!(text.matches(": 2 advisories\n").count(), 2, "{text}");
}

#[test]
fn an_unknown_key_is_one_line_whatever_it_signed() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    let audit = ["audit", "out", "--only", "unknown-key"];
    let value = json(&place.run(&[&audit[..], &["--format", "json"]].concat()));
    let [finding] = &value["findings"].as_array().unwrap()[..] else { panic!("{value}") };
    let packages = value["summary"]["packages"].as_u64().unwrap();
    assert!(packages > 5 && finding["packages"].as_array().unwrap().len() as u64 == packages, "{value}");
    let text = place.run(&audit).stdout;
    assert_eq!(text.matches(finding["id"].as_str().unwrap()).count(), 1, "{text}");
    // A policy may also ignore the packages one by one.
    fs::write(place.path("policy.toml"), "[[ignore]]\nkind = \"unknown-key\"\npackage = \"g*\"\n").unwrap();
    let value = json(&place.run(&[&audit[..], &["--policy", "policy.toml", "--format", "json"]].concat()));
    let kept = value["findings"][0]["packages"].as_array().unwrap();
    assert!(kept.iter().all(|name| !name.as_str().unwrap().starts_with('g')), "{value}");
    assert_eq!(kept.len() as u64 + value["summary"]["ignored"].as_u64().unwrap(), packages);
}

#[test]
fn ignores_of_a_policy_that_are_unused_or_expired_are_told() {
    let place = advised();
    let policy = "[[ignore]]\nid = \"CVE-2024-2\"\n[[ignore]]\nid = \"CVE-1999-9\"\npackage = \"bash\"\n\
                  [[ignore]]\nid = \"CVE-2024-3\"\nuntil = \"2020-01-31\"\n";
    fs::write(place.path("policy.toml"), policy).unwrap();
    let audit = ["audit", "out", "--only", "advisory", "--advisories", "osv", "--policy", "policy.toml"];
    let outcome = place.run(&audit);
    for told in
        ["entry 2 of `ignore` (id CVE-1999-9, package bash) is unused", "(id CVE-2024-3) expired: it was valid until 2020-01-31"]
    {
        assert!(outcome.stderr.contains(told), "{told}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("entry 1"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("T-3") && !outcome.stdout.contains("T-2"), "{}", outcome.stdout);
    let value = json(&place.run(&[&audit[..], &["--format", "json"]].concat()));
    let states: Vec<(u64, &str)> = value["summary"]["stale_ignores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stale| (stale["entry"].as_u64().unwrap(), stale["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [(2, "unused"), (3, "expired")]);
    // The report does not mention entries for kinds that were not checked.
    fs::write(place.path("policy.toml"), "[[ignore]]\nkind = \"setuid\"\npath = \"/usr/bin/su\"\n").unwrap();
    let outcome = place.run(&audit);
    assert!(!outcome.stderr.contains("unused"), "{}", outcome.stderr);
}

#[test]
fn an_advisory_is_a_rule_of_sarif() {
    let place = advised();
    place.run(&["audit", "out", "--only", "advisory,unknown-key", "--advisories", "osv", "--sarif", "out.sarif"]);
    let sarif: Value = serde_json::from_slice(&fs::read(place.path("out.sarif")).unwrap()).unwrap();
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 5, "{sarif}");
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
    }
    let rule = rules.iter().find(|rule| rule["id"] == "T-2").unwrap();
    assert_eq!(rule["shortDescription"]["text"], "Critical: glibc");
    assert_eq!(
        (&rule["helpUri"], &rule["defaultConfiguration"]["level"]),
        (&"https://example.invalid/T-2".into(), &"error".into())
    );
    assert!(rule["fullDescription"]["text"].as_str().unwrap().contains("CVE-2024-2"), "{rule}");
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
}
