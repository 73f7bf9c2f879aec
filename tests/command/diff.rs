//! `diff`: between all forms of a set, and of two sets, as data, as text and for pull requests.

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
            // What a database says of a build a plan does not, so only what both tell is compared.
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
