//! Tests of paths that only `filelists.xml` lists: which packages are chosen if another one
//! provides the path, or seems to own it.

use std::fs;
use std::path::Path;

use rootstrap::digest::{Algorithm, Digest};
use serde_json::Value;

use crate::place::Place;

/// A package of an index made for a test.
struct Package {
    name: &'static str,
    version: u8,
    /// The dependencies: the name and the content of each element.
    lists: &'static [(&'static str, &'static str)],
    /// The paths that the package owns.
    owns: &'static [&'static str],
}

const RUN: &[&str] = &["/opt/x/run"];

fn package(name: &'static str, lists: &'static [(&'static str, &'static str)]) -> Package {
    Package { name, version: 1, lists, owns: &[] }
}

fn owner(name: &'static str) -> Package {
    Package { name, version: 1, lists: &[], owns: RUN }
}

/// Writes a repository; if `indexed` is true, its `primary.xml` lists all files.
fn write(place: &Path, packages: &[Package], indexed: bool) {
    let (mut primary, mut lists) = (String::new(), String::new());
    for Package { name, version, lists: dependencies, owns } in packages {
        let id = Digest::of(Algorithm::Sha256, format!("{}{name}{version}", place.display()).as_bytes()).hex();
        let files = |listed: &dyn Fn(&str) -> bool| -> String {
            let files = owns.iter().filter(|path| listed(path)).map(|path| format!("<file>{path}</file>"));
            files.collect::<Vec<_>>().concat()
        };
        let dependencies = dependencies.iter().map(|(kind, what)| format!("<rpm:{kind}><rpm:entry name='{what}'/></rpm:{kind}>"));
        let dependencies = dependencies.collect::<Vec<_>>().concat();
        let listed = files(&|path| indexed || path.contains("bin/"));
        primary += &format!(
            "<package type='rpm'><name>{name}</name><arch>noarch</arch><version epoch='0' ver='{version}' rel='1'/>\
             <checksum type='sha256' pkgid='YES'>{id}</checksum><time file='0' build='0'/><size package='1' installed='1' archive='1'/>\
             <location href='{name}-{version}-1.noarch.rpm'/><format>{dependencies}{listed}</format></package>"
        );
        lists += &format!("<package pkgid='{id}' name='{name}'>{}</package>", files(&|_| true));
    }
    let spaces = "xmlns='http://linux.duke.edu/metadata/common' xmlns:rpm='http://linux.duke.edu/metadata/rpm'";
    let documents = [
        ("primary", format!("<metadata {spaces}>{primary}</metadata>")),
        ("filelists", format!("<filelists xmlns='http://linux.duke.edu/metadata/filelists'>{lists}</filelists>")),
    ];
    let repodata = place.join("repodata");
    fs::create_dir_all(&repodata).unwrap();
    let mut root = String::new();
    for (kind, text) in documents {
        fs::write(repodata.join(format!("{kind}.xml")), &text).unwrap();
        root += &format!(
            "<data type='{kind}'><checksum type='sha256'>{}</checksum><location href='repodata/{kind}.xml'/></data>",
            Digest::of(Algorithm::Sha256, text.as_bytes()).hex()
        );
    }
    fs::write(repodata.join("repomd.xml"), format!("<repomd xmlns='http://linux.duke.edu/metadata/repo'>{root}</repomd>"))
        .unwrap();
}

const OPTIONS: [&str; 8] = ["--type", "rpm", "--arch", "x86_64", "--allow-unsigned", "--cache-dir", "cache", "--progress=none"];

/// Returns the names and versions of the chosen packages; empty if there is no solution.
fn chosen(place: &Place, arguments: &[&str]) -> Vec<String> {
    let outcome = place.run(&[&["resolve", "--format", "json"], &OPTIONS[..], arguments].concat());
    if outcome.code == Some(3) {
        return Vec::new();
    }
    let plan: Value = serde_json::from_str(&outcome.success().stdout).unwrap();
    let text = |package: &Value| format!("{}-{}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
    plan["install"].as_array().unwrap().iter().map(text).collect()
}

/// Returns the choice from one repository of these packages, whose index follows `createrepo_c`'s
/// rule.
fn chosen_of(packages: &[Package], arguments: &[&str]) -> Vec<String> {
    let place = Place::new();
    write(&place.path("a"), packages, false);
    chosen(&place, &[&["--repo", "a=a"], arguments].concat())
}

const NEED: (&str, &str) = ("requires", "/opt/x/run");
const SAY: (&str, &str) = ("provides", "/opt/x/run");

#[test]
fn an_owner_is_found_where_the_provider_of_the_path_is_in_conflict() {
    let packages = [owner("aaa"), package("zzz", &[SAY]), package("need", &[NEED, ("conflicts", "zzz")])];
    assert_eq!(chosen_of(&packages, &["need"]), ["aaa-1", "need-1"]);
}

#[test]
fn an_owner_is_found_where_the_provider_of_the_path_is_excluded() {
    let packages = [owner("aaa"), package("zzz", &[SAY]), package("need", &[NEED])];
    assert_eq!(chosen_of(&packages, &["need", "--exclude", "zzz"]), ["aaa-1", "need-1"]);
    assert_eq!(chosen_of(&packages[..2], &["/opt/x/run", "--exclude", "zzz"]), ["aaa-1"]);
    assert_eq!(chosen_of(&packages[..2], &["/opt/*/run", "--exclude", "zzz"]), ["aaa-1"]);
}

#[test]
fn an_owner_is_found_where_the_provider_of_a_recommended_path_cannot_be_installed() {
    let packages = [
        owner("aaa"),
        package("zzz", &[SAY, ("requires", "nothing-has-this")]),
        package("need", &[("recommends", "/opt/x/run")]),
    ];
    assert_eq!(chosen_of(&packages, &["need"]), ["aaa-1", "need-1"]);
}

#[test]
fn an_older_version_is_not_chosen_for_a_path_that_the_lists_know() {
    let packages = [
        owner("aaa"),
        package("zzz", &[SAY]),
        package("foo", &[]),
        Package { version: 2, ..package("foo", &[NEED, ("conflicts", "zzz")]) },
        package("top", &[("requires", "foo")]),
    ];
    assert_eq!(chosen_of(&packages, &["top"]), ["aaa-1", "foo-2", "top-1"]);
}

#[test]
fn a_conflict_with_a_path_holds_for_owners_that_only_the_lists_know() {
    let packages = [owner("aaa"), package("zzz", &[SAY]), package("not", &[("conflicts", "/opt/x/run")])];
    assert_eq!(chosen_of(&packages, &["aaa", "not"]), [""; 0]);
}

#[test]
fn a_supplement_of_a_path_comes_with_an_owner_that_only_the_lists_know() {
    let packages = [owner("aaa"), package("zzz", &[SAY]), package("add", &[("supplements", "/opt/x/run")])];
    assert_eq!(chosen_of(&packages, &["aaa"]), ["aaa-1", "add-1"]);
}

#[test]
fn a_repository_of_lower_priority_does_not_win_by_what_its_index_lists() {
    let place = Place::new();
    write(&place.path("a"), &[owner("aaa"), package("need", &[NEED])], false);
    write(&place.path("b"), &[owner("zzz")], true);
    write(&place.path("c"), &[package("zzz", &[SAY])], false);
    for other in ["b=b,priority=90", "c=c,priority=90"] {
        let repositories = ["--repo", "a=a,priority=10", "--repo", other];
        assert_eq!(chosen(&place, &[&repositories[..], &["need"]].concat()), ["aaa-1", "need-1"], "{other}");
    }
    assert_eq!(chosen(&place, &["--repo", "a=a,priority=10", "--repo", "b=b,priority=90", "/opt/x/run"]), ["aaa-1"]);
}

#[test]
fn a_path_means_its_provider_unless_packages_depend_on_it() {
    // As in dnf: libsolv finds only owners of paths that packages depend on.
    let packages = [owner("aaa"), package("zzz", &[SAY]), package("need", &[NEED])];
    assert_eq!(chosen_of(&packages[..2], &["/opt/x/run"]), ["zzz-1"]);
    assert_eq!(chosen_of(&packages, &["/opt/x/run"]), ["aaa-1"]);
    assert_eq!(chosen_of(&packages, &["*/run"]), ["aaa-1"]);
}

#[test]
fn lists_that_cannot_change_the_answer_are_not_read() {
    let place = Place::new();
    let tool = Package { owns: &["/usr/bin/tool"], ..package("tool", &[]) };
    write(
        &place.path("a"),
        &[owner("aaa"), package("need", &[NEED]), tool, package("use", &[("requires", "/usr/bin/tool")])],
        true,
    );
    fs::write(place.path("a/repodata/filelists.xml"), "none").unwrap();
    assert_eq!(chosen(&place, &["--repo", "a=a", "use"]), ["tool-1", "use-1"]);
    let outcome = place.run(&[&["resolve", "need", "--repo", "a=a"], &OPTIONS[..]].concat());
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
}

#[test]
fn a_pool_with_the_lists_serves_requests_for_other_paths() {
    let place = Place::new();
    let other = Package { owns: &["/opt/y"], ..package("other", &[]) };
    write(&place.path("a"), &[owner("aaa"), package("need", &[NEED]), other, package("use", &[("requires", "/opt/y")])], false);
    assert_eq!(chosen(&place, &["--repo", "a=a", "need"]), ["aaa-1", "need-1"]);
    assert_eq!(chosen(&place, &["--repo", "a=a", "use", "--stats", "stats.json"]), ["other-1", "use-1"]);
    let stats: Value = serde_json::from_slice(&fs::read(place.path("stats.json")).unwrap()).unwrap();
    assert_eq!(stats["pool"]["cached"], true, "{stats}");
}

#[test]
fn provides_names_owners_first_then_providers_then_programs() {
    let place = Place::new();
    let tool = Package { owns: &["/usr/bin/tool"], ..package("kit", &[]) };
    write(&place.path("a"), &[owner("aaa"), package("zzz", &[SAY, ("provides", "/opt/said")]), tool], false);
    let named = |what: &str| place.run(&[&["provides", what, "--repo", "a=a"], &OPTIONS[..]].concat()).stdout;
    assert_eq!(named("/opt/x/run"), "aaa-0:1-1.noarch\n");
    assert_eq!(named("*/run"), "aaa-0:1-1.noarch\n");
    assert_eq!(named("/opt/said"), "zzz-0:1-1.noarch\n");
    assert_eq!(named("tool"), "kit-0:1-1.noarch\n");
    assert_eq!(named("zz*"), "zzz-0:1-1.noarch\n");
}
