//! Tests of packages that are intact but cannot be installed: they require features of rpm that are
//! missing, or belong to a module without metadata. Packages of builders other than rpmbuild can be
//! installed.

use rootstrap::rpm::tag::Tag;

use crate::builder::{Parts, TestFile, archive};
use crate::place::{Outcome, Place};
use crate::rpm_repository::{Listed, add_metadata, write_metadata};

/// `<=`, and the flag with which rpmbuild marks features.
const FEATURE: u32 = 1 << 24 | 1 << 3 | 1 << 1;

/// Returns a package file with a header that `change` completes, as an index by `createrepo_c`
/// lists it.
fn package(name: &str, version: &str, change: impl FnOnce(&mut Parts)) -> Listed {
    let files = [TestFile::regular(&format!("/opt/{name}"), 1, b"hello")];
    let mut parts = Parts::new(&files, &archive(&files), "gzip");
    parts.header.string(Tag::NAME, name).string(Tag::VERSION, version).string(Tag::RELEASE, "1");
    change(&mut parts);
    Listed { file: parts.with_digests().file(), ..Listed::new(name, &format!("{version}-1"), "noarch") }
}

fn requiring(name: &str, version: &str, features: &[(&str, &str)]) -> Listed {
    package(name, version, |parts| {
        parts
            .header
            .strings(Tag::REQUIRE_NAME, features.iter().map(|(feature, _)| format!("rpmlib({feature})")))
            .u32s(Tag::REQUIRE_FLAGS, features.iter().map(|_| FEATURE))
            .strings(Tag::REQUIRE_VERSION, features.iter().map(|(_, version)| *version));
    })
}

fn modular(name: &str) -> Listed {
    package(name, "1", |parts| {
        parts.header.string(Tag::MODULARITY_LABEL, "mod:rhel8:8010:abcd");
    })
}

/// Installs from the repository of a place; `options` are those of the repository.
fn install(place: &Place, options: &str, arguments: &[&str]) -> Outcome {
    let repo = format!("r=r{options}");
    let usual = ["--type", "rpm", "--arch", "x86_64", "--allow-unsigned", "--cache-dir", "cache", "--repo", &repo];
    place.run(&[&usual, arguments].concat())
}

/// Fails unless the run found no solution, printed these words and left nothing behind.
#[track_caller]
fn refused(place: &Place, outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    for word in words {
        assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
    }
    assert!(!place.path("out").exists());
}

#[test]
fn an_unknown_feature_in_the_header_alone_is_no_solution() {
    let place = Place::new();
    let known = [("CompressedFileNames", "3.0.4-1"), ("PayloadFilesHavePrefix", "4.0-1"), ("LargeFiles", "4.12.0-1")];
    write_metadata(
        &place.path("r"),
        &[
            requiring("good", "1", &known),
            requiring("short", "1", &[known[0], ("ShortCircuited", "4.9.0-1")]),
            requiring("tomorrow", "1", &[("PayloadOfTomorrow", "9.9-1")]),
            package("newer", "1", |parts| {
                let header = parts.header.strings(Tag::REQUIRE_NAME, ["rpmlib(LargeFiles)"]);
                header.u32(Tag::REQUIRE_FLAGS, 1 << 24 | 1 << 3 | 1 << 2).strings(Tag::REQUIRE_VERSION, ["9-1"]);
            }),
        ],
    );
    for (name, feature) in [
        ("short", "rpmlib(ShortCircuited) <= 4.9.0-1"),
        ("tomorrow", "rpmlib(PayloadOfTomorrow) <= 9.9-1"),
        ("newer", "rpmlib(LargeFiles) >= 9-1"),
    ] {
        refused(&place, &install(&place, "", &["--with", name, "out"]), &[&format!("{name}-1-1.noarch.rpm"), feature]);
        // The header of a package file is read before packages are chosen.
        let file = format!("r/{name}-1-1.noarch.rpm");
        refused(&place, &install(&place, "", &["--with", &file, "out"]), &[feature]);
    }
    let usual = ["lock", "--type", "rpm", "--arch", "x86_64", "--allow-unsigned", "--repo", "r=r", "-o", "x.lock", "--with"];
    refused(&place, &place.run(&[&usual[..], &["short"]].concat()), &["rpmlib(ShortCircuited)"]);
    let json = install(&place, "", &["--format", "json", "--with", "short", "out"]);
    let problems: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(problems["problems"][0]["facts"][0]["kind"], "not-installable");
    install(&place, "", &["--with", "good", "out"]).success();
    assert_eq!(std::fs::read(place.path("out/opt/good")).unwrap(), b"hello");
}

#[test]
fn an_unknown_feature_in_the_metadata_is_no_solution() {
    let place = Place::new();
    let listed = |version: &str, feature: &str| {
        let mut package = requiring("app", version, &[("CompressedFileNames", "3.0.4-1")]);
        package.requires = vec![feature.to_owned(), "rpmlib(CompressedFileNames) <= 3.0.4-1".to_owned()];
        package
    };
    write_metadata(
        &place.path("r"),
        &[listed("1", "rpmlib(FileDigests) <= 4.6.0-1"), listed("2", "rpmlib(FileDigests) > 4.6.0-1")],
    );
    refused(&place, &install(&place, "", &["--with", "app-2", "out"]), &["rpmlib(FileDigests) > 4.6.0-1, a feature of rpm"]);
    refused(&place, &install(&place, "", &["--best", "--with", "app", "out"]), &["rpmlib(FileDigests) > 4.6.0-1"]);
    install(&place, "", &["--no-best", "--with", "app-1", "out"]).success();
}

const MODULES: &str = "---
document: modulemd
version: 2
data:
  name: mod
  stream: rhel8
  version: 8010
  context: abcd
  arch: x86_64
  summary: x
  description: x
  license: {module: [MIT]}
  dependencies: [{requires: {platform: [el8]}}]
  artifacts: {rpms: [ARTIFACT]}
...
---
document: modulemd-defaults
version: 1
data: {module: mod, stream: rhel8, profiles: {rhel8: []}}
...
";

#[test]
fn a_modular_package_that_no_module_lists_is_not_installed() {
    let place = Place::new();
    let packages = [modular("mod"), requiring("plain", "1", &[])];
    write_metadata(&place.path("r"), &packages);
    let words = ["mod-1-1.noarch.rpm", "mod:rhel8:8010:abcd", "no active module"];
    refused(&place, &install(&place, "", &["--with", "mod", "out"]), &words);
    refused(
        &place,
        &install(&place, "", &["--module-platform", "platform:el8", "--with", "mod", "--with", "plain", "out"]),
        &words,
    );
    install(&place, ",module_hotfixes=1", &["--with", "mod", "hotfix"]).success();
    install(&place, "", &["--with", "r/mod-1-1.noarch.rpm", "file"]).success();
    install(&place, "", &["--no-modules", "--with", "mod", "ignored"]).success();
    install(&place, "", &["--with", "plain", "plain"]).success();

    // Modules that list another build of it do not help.
    let platform = ["--module-platform", "platform:el8", "--with", "mod"];
    let modules = |artifact: &str| {
        write_metadata(&place.path("r"), &packages);
        add_metadata(&place.path("r"), "modules", "modules.yaml", MODULES.replace("ARTIFACT", artifact).as_bytes());
    };
    modules("other-0:1-1.noarch");
    refused(&place, &install(&place, "", &[&platform[..], &["out"]].concat()), &words);
    modules("mod-0:1-1.noarch");
    install(&place, "", &[&platform[..], &["listed"]].concat()).success();
    let usual = ["lock", "--type", "rpm", "--arch", "x86_64", "--allow-unsigned", "--repo", "r=r", "-o", "mod.lock"];
    place.run(&[&usual[..], &platform].concat()).success();
    modules("other-0:1-1.noarch");
    refused(&place, &place.run(&[&usual[..9], &["other.lock"], &platform].concat()), &words);
}

#[test]
fn a_package_without_the_name_of_a_source_package_is_a_binary_package() {
    let place = Place::new();
    let without = |name: &str, change: &dyn Fn(&mut Parts)| {
        package(name, "1", |parts| {
            parts.header.remove(Tag::SOURCE_RPM);
            change(parts);
        })
    };
    let mut own = without("own", &|_| ());
    own.source = "(none)".into();
    let source = without("source", &|parts| {
        parts.header.u32(Tag::SOURCE_PACKAGE, 1);
    });
    write_metadata(&place.path("r"), &[own, source]);
    let report = install(&place, "", &["--format", "json", "--with", "own", "out"]).success().stdout;
    assert!(report.contains("\"own-0:1-1.noarch\""), "{report}");
    let outcome = install(&place, "", &["--with", "source", "not"]);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("src"), "{}", outcome.stderr);
}
