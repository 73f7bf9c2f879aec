//! Tests of the packages that a request matches: patterns in requests and exclusions, and packages
//! for other architectures.

use crate::place::{Outcome, Place};
use crate::rpm_repository::{Listed, write_metadata};

/// Writes the repository `r` of a place with these packages: name, `version-release`, architecture.
fn repository(place: &Place, packages: &[(&str, &str, &str)]) {
    let listed: Vec<Listed> = packages.iter().map(|&(name, evr, arch)| Listed::new(name, evr, arch)).collect();
    write_metadata(&place.path("r"), &listed);
}

fn resolve(place: &Place, repo: &str, arguments: &[&str]) -> Outcome {
    let usual = ["resolve", "--type", "rpm", "--arch", "x86_64", "--allow-unsigned", "--cache-dir", "cache", "--repo", repo];
    place.run(&[&usual, arguments].concat())
}

/// Returns the ids of the installed packages.
#[track_caller]
fn ids(outcome: Outcome) -> Vec<String> {
    let text = outcome.success().stdout;
    let lines = text.lines().filter(|line| line.contains("requested"));
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

const SALT: [(&str, &str, &str); 3] =
    [("salt", "3006.9-1", "noarch"), ("salt", "3007.1-1", "noarch"), ("salt", "1:3008.0-1", "noarch")];

#[test]
fn a_pattern_without_a_name_of_its_own_excludes_by_the_whole_nevra() {
    let place = Place::new();
    repository(&place, &SALT);
    for (pattern, left) in [
        ("*3008*", "salt-0:3007.1-1.noarch"),
        ("*-1:*", "salt-0:3007.1-1.noarch"),
        ("sa*300[78]*", "salt-0:3006.9-1.noarch"),
        ("*3007*", "salt-1:3008.0-1.noarch"),
        ("*-3008*", "salt-0:3007.1-1.noarch"),
    ] {
        assert_eq!(ids(resolve(&place, "r=r", &["--exclude", pattern, "salt"])), [left], "--exclude {pattern}");
        assert_eq!(ids(resolve(&place, &format!("r=r,excludepkgs={pattern}"), &["salt"])), [left], "excludepkgs={pattern}");
    }
    assert_eq!(ids(resolve(&place, "r=r,includepkgs=*3006*", &["salt"])), ["salt-0:3006.9-1.noarch"]);
    assert_eq!(ids(resolve(&place, "r=r", &["s*t-3007.1*noarch"])), ["salt-0:3007.1-1.noarch"]);
}

#[test]
fn a_filter_that_matches_nothing_is_reported_only_with_verbose() {
    let place = Place::new();
    repository(&place, &SALT);
    let repo = "r=r,excludepkgs=nothing-*,includepkgs=*3007*,includepkgs=pepper";
    let exclusions = ["--exclude", "*3009*", "--exclude", "*3006*", "salt"];
    let quiet = resolve(&place, repo, &exclusions);
    assert_eq!(quiet.stderr, "");
    let told = resolve(&place, repo, &[&["-v"], &exclusions[..]].concat()).success();
    let notes: Vec<&str> = told.stderr.lines().filter(|line| line.starts_with("note: ")).collect();
    assert_eq!(
        notes,
        [
            "note: --exclude *3009* matches no package",
            "note: excludepkgs=nothing-* matches no package of the repository r",
            "note: includepkgs=pepper matches no package of the repository r",
        ]
    );
    // The filter may be the reason why nothing matches.
    let refused = resolve(&place, "r=r,includepkgs=pepper", &["-v", "salt"]);
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("note: includepkgs=pepper matches no package"), "{}", refused.stderr);
}

#[test]
fn a_package_for_another_architecture_alone_is_no_solution() {
    let place = Place::new();
    repository(
        &place,
        &[("there", "1-1", "ppc64le"), ("here", "1-1", "noarch"), ("both", "1-1", "x86_64"), ("both", "2-1", "ppc64le")],
    );
    let specs = ["there", "there.ppc64le", "there-1-1.ppc64le", "ther?", "*here", "*-1-1.ppc64le", "both.*"];
    for platform in [&[][..], &["--module-platform", "platform:el9"], &["--best"], &["--no-best"]] {
        for spec in specs {
            let outcome = resolve(&place, "r=r", &[platform, &["here", spec]].concat());
            assert_eq!(outcome.code, Some(3), "{platform:?} {spec}: {}", outcome.stdout);
            assert!(outcome.stderr.contains("is for ppc64le, which this machine does not run"), "{}", outcome.stderr);
        }
        // The newest package among those that the machine can run counts.
        assert_eq!(ids(resolve(&place, "r=r", &[platform, &["bot?"]].concat())), ["both-0:1-1.x86_64"]);
    }
    let each = resolve(&place, "r=r", &["--each", "--format", "json", "there", "here"]).success();
    let answers: Vec<serde_json::Value> = each.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!([&answers[0]["ok"], &answers[1]["ok"]], [false, true]);
    let with = ["--type", "rpm", "--arch", "x86_64", "--allow-unsigned", "--repo", "r=r", "--with", "there"];
    for (command, out) in [(&[][..], &["out"][..]), (&["lock", "-o", "there.lock"], &[])] {
        let outcome = place.run(&[command, &with, out].concat());
        assert_eq!(outcome.code, Some(3), "{command:?}: {}", outcome.stderr);
    }
    assert!(!place.path("out").exists() && !place.path("there.lock").exists());
}

#[test]
fn a_member_of_a_group_for_another_architecture_alone_is_no_solution() {
    let place = Place::new();
    repository(&place, &[("there", "1-1", "ppc64le"), ("here", "1-1", "noarch")]);
    let group = |name: &str, packages: &[&str]| {
        let members = packages.iter().map(|name| format!("<packagereq type=\"mandatory\">{name}</packagereq>"));
        let members = members.collect::<Vec<_>>().concat();
        format!("<group><id>{name}</id><name>{name}</name><packagelist>{members}</packagelist></group>")
    };
    let comps = format!("<comps>{}{}</comps>", group("whole", &["here", "missing"]), group("foreign", &["here", "there"]));
    crate::rpm_repository::add_metadata(&place.path("r"), "group", "comps.xml", comps.as_bytes());
    assert_eq!(ids(resolve(&place, "r=r", &["@whole"])), ["here-0:1-1.noarch"]);
    assert_eq!(resolve(&place, "r=r", &["@foreign"]).code, Some(3));
}
