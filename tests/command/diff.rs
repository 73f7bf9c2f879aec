//! Tests of `diff`: between all forms of a set, and between two sets, as data, as text and for pull
//! requests.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::place::{MICRO, Place};
use crate::subjects::{FORMS, forms};

const RPM: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
const MINIROOTFS: [&str; 8] = ["--distro", "alpine", "--release", "3.20", "--variant", "minirootfs", "--arch", "aarch64"];
const APK: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.rsa.pub"];

fn told(place: &Place, words: &[&str]) -> Value {
    serde_json::from_str(&place.run(&[&["diff"], words, &["--format", "json"]].concat()).success().stdout).unwrap()
}

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap()).collect()
}

#[test]
fn one_set_in_all_forms_is_the_same() {
    for (asked, repositories) in [(&MICRO[..], &RPM[..]), (&MINIROOTFS[..], &APK[..])] {
        let place = Place::new();
        forms(&place, asked, repositories);
        for form in FORMS.into_iter().chain(["rootstrap.lock"]) {
            let found = told(&place, &["out.tar", form]);
            let is_tree = !["plan.json", "rootstrap.lock"].contains(&form);
            assert_eq!(found["files"].is_object(), is_tree, "{form}");
            assert_eq!(found["packages"]["added"].as_array().unwrap().len(), 0, "{form}");
            // A database has data of a build that a plan lacks; only common data are compared.
            assert_eq!(found["same"], true, "{form}: {found:#}");
        }
        let request = told(&place, &[&["plan.json"], asked, repositories].concat());
        assert_eq!((&request["same"], request["capabilities"].is_object()), (&true.into(), true));
    }
    let place = Place::new();
    place.run(&[&MICRO[..], &RPM, &["--tar", "a.tar"]].concat()).success();
    place.run(&[&MINIROOTFS[..], &APK, &["--tar", "b.tar"]].concat()).success();
    assert_eq!(place.run(&["diff", "a.tar", "b.tar"]).code, Some(2));
}

#[test]
fn what_is_new_and_what_is_risky() {
    let place = Place::new();
    let make = |words: &[&str]| drop(place.run(&[&MINIROOTFS[..], &APK, words].concat()).success());
    make(&["old"]);
    make(&["--with", "dash", "new"]);
    fs::write(place.path("new/etc/motd"), "changed").unwrap();
    fs::write(place.path("new/etc/extra"), "1").unwrap();
    fs::write(place.path("new/usr/bin/rootme"), "1").unwrap();
    fs::set_permissions(place.path("new/usr/bin/rootme"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::set_permissions(place.path("new/etc/extra"), fs::Permissions::from_mode(0o666)).unwrap();
    let found = told(&place, &["old", "new"]);
    assert_eq!(texts(&found["packages"]["added"], "name"), ["dash"]);
    let risks = &found["files"]["new_risks"];
    assert_eq!(
        (texts(risks, "path"), texts(risks, "risk")),
        (vec!["/etc/extra", "/usr/bin/rootme"], vec!["world-writable", "setuid"])
    );
    assert!(texts(&found["files"]["added"], "path").contains(&"/etc/extra"));
    assert!(!found["capabilities"]["added"].as_array().unwrap().is_empty(), "{found:#}");
    let back = told(&place, &["new", "old"]);
    assert_eq!(back["files"]["gone_risks"], *risks);
    assert_eq!(back["packages"]["removed"], found["packages"]["added"]);
    let text = place.run(&["diff", "old", "new"]).success().stdout;
    assert!(text.contains("Packages added (1)\n  dash-") && text.contains("4755 /usr/bin/rootme  setuid"), "{text}");
    let page = place.run(&["diff", "old", "new", "--format", "markdown"]).success().stdout;
    assert!(page.starts_with("## old → new\n") && page.contains("| `/usr/bin/rootme` | 4755 | setuid |"), "{page}");
}

#[test]
fn advisories_that_one_set_is_rid_of() {
    let place = Place::new();
    let plan = |version: &str, file: &str| {
        let text = place.run(&[&["resolve"], &MICRO[..], &RPM, &["--format", "json"]].concat()).success().stdout;
        let mut plan: Value = serde_json::from_str(&text).unwrap();
        for package in plan["install"].as_array_mut().unwrap() {
            if package["name"] == "bash" {
                package["version"] = version.into();
                package["id"] = format!("bash-0:{version}-6.el9.aarch64").into();
            }
        }
        fs::write(place.path(file), plan.to_string()).unwrap();
    };
    plan("5.1.7", "old.json");
    plan("5.1.8", "new.json");
    let fixed = r#"{"id": "A-1", "summary": "old", "affected": [{"package": {"name": "bash", "ecosystem": "AlmaLinux:9"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.1.8-6.el9"}]}]}]}"#;
    let always = fixed.replace("A-1", "A-2").replace("5.1.8-6", "9-1");
    fs::write(place.path("advisories.json"), format!("[{fixed},{always}]")).unwrap();
    let found = told(&place, &["old.json", "new.json", "--advisories", "advisories.json"]);
    assert_eq!(texts(&found["advisories"]["fixed"], "id"), ["A-1"], "{found:#}");
    assert_eq!(found["advisories"]["introduced"].as_array().unwrap().len(), 0);
    assert_eq!(texts(&found["packages"]["upgraded"], "to"), ["5.1.8-6.el9"]);
    let back = told(&place, &["new.json", "old.json", "--advisories", "advisories.json"]);
    assert_eq!(texts(&back["advisories"]["introduced"], "id"), ["A-1"]);
    assert_eq!(texts(&back["packages"]["downgraded"], "to"), ["5.1.7-6.el9"]);
}
