//! Lookup of names, known and unknown, and the URLs that result from them.

use std::fmt::Write;

use proptest::prelude::*;

use super::{every_image, image};
use crate::catalog::{ByteOrder, Catalog, CatalogError, DatabaseBackend, InstallAction, Langs, Release, Step, Variant};

#[test]
fn lists_in_the_order_of_people() {
    let catalog = Catalog::builtin();
    let almalinux = catalog.distro("almalinux").unwrap();
    let releases = almalinux.releases();
    let names: Vec<_> = releases.iter().map(Release::name).collect();
    assert_eq!(names, ["8", "9", "10", "10-kitten"]);
    for release in &releases {
        let variants = release.variants();
        let names: Vec<_> = variants.iter().map(Variant::name).collect();
        assert_eq!(names, ["micro", "minimal", "base", "init", "default", "toolbox"]);
        assert!(variants.iter().all(|variant| !variant.description().is_empty()));
    }
    assert_eq!(releases[3].title(), "AlmaLinux OS Kitten 10");
    assert!(!releases[3].has_minors());
}

#[test]
fn repositories_are_where_the_distribution_has_them() {
    let mut table = String::new();
    for (release, variant, arch) in [
        ("8", "toolbox", "x86_64"),
        ("8.10", "micro", "ppc64le"),
        ("9", "micro", "aarch64"),
        ("9", "base", "i686"),
        ("9.4", "toolbox", "s390x"),
        ("10", "micro", "x86_64_v2"),
        ("10.0", "micro", "x86_64"),
        ("10-kitten", "toolbox", "riscv64"),
        ("10-kitten", "micro", "i686"),
    ] {
        let image = image(release, variant, arch);
        writeln!(table, "{image}").unwrap();
        for repository in &image.repositories {
            let list = repository.mirrorlist.as_deref().unwrap_or("-");
            writeln!(table, "  {} {} {list}", repository.id, repository.url()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn another_mirror_has_the_same_layout() {
    let image = image("10-kitten", "micro", "aarch64");
    let appstream = image.repository("appstream").unwrap();
    assert_eq!(appstream.below("../shared/almalinux"), "../shared/almalinux/10-kitten/AppStream/aarch64/os/");
    assert_eq!(appstream.below("http://localhost/"), "http://localhost/10-kitten/AppStream/aarch64/os/");
    assert_eq!(appstream.layout, "10-kitten/AppStream/aarch64/os/");
}

#[test]
fn any_minor_release_belongs_to_its_series() {
    let of_minor = image("9.37", "micro", "aarch64");
    let of_series = image("9", "micro", "aarch64");
    assert_eq!((of_minor.release.as_str(), of_minor.series.as_str()), ("9.37", "9"));
    assert_eq!(of_minor.install, of_series.install);
    assert_eq!(of_minor.finishing, of_series.finishing);
    let catalog = Catalog::builtin();
    for name in ["11.0", "9.", ".4", "9.x", "9.04", "9.4.1", "10-kitten.0", "9 ", ""] {
        let found = catalog.find("almalinux", name, "micro", "aarch64");
        assert!(matches!(found, Err(CatalogError::UnknownRelease { .. })), "{name}");
    }
}

#[test]
fn understands_dockers_names() {
    for (said, meant) in [
        ("linux/amd64", "x86_64"),
        ("amd64", "x86_64"),
        ("linux/amd64/v2", "x86_64_v2"),
        ("x86_64_v2", "x86_64_v2"),
        ("arm64", "aarch64"),
        ("arm64v8", "aarch64"),
        ("linux/arm64/v8", "aarch64"),
        ("386", "i686"),
        ("linux/386", "i686"),
        ("i386", "i686"),
        ("ppc64le", "ppc64le"),
        ("linux/s390x", "s390x"),
        ("linux/riscv64", "riscv64"),
    ] {
        assert_eq!(image("10-kitten", "micro", said).arch.name, meant, "{said}");
    }
}

#[test]
fn databases_are_where_each_release_looks() {
    for image in every_image() {
        let (backend, path) = match image.series.as_str() {
            "8" => (DatabaseBackend::Bdb, "var/lib/rpm"),
            "9" => (DatabaseBackend::Sqlite, "var/lib/rpm"),
            _ => (DatabaseBackend::Sqlite, "usr/lib/sysimage/rpm"),
        };
        assert_eq!((image.database.backend, image.database.path.as_str()), (backend, path), "{image}");
        assert_eq!(image.database.dropped_by_distro, image.variant == "micro", "{image}");
        let order = if image.arch.name == "s390x" { ByteOrder::Big } else { ByteOrder::Little };
        assert_eq!(image.arch.byte_order, order, "{image}");
    }
}

#[test]
fn options_follow_the_builds() {
    for image in every_image() {
        let platform = format!("platform:el{}", image.series.trim_end_matches("-kitten"));
        assert_eq!(image.module_platform.as_deref(), Some(platform.as_str()), "{image}");
        for (index, step) in image.install.iter().enumerate() {
            let options = &step.options;
            assert!(options.best && !options.weak_deps, "{image} step {index}");
            // No step installs documentation; only the last step of toolbox may erase packages.
            let full = step.packages.iter().any(|package| package == "coreutils-full");
            assert_eq!((options.docs, options.allow_erasing), (false, full), "{image} step {index}");
            let langs = if full || step.packages.iter().any(|package| package == "epel-release") {
                Langs::All
            } else if step.action == InstallAction::Reinstall {
                Langs::Only(vec!["en_US.UTF-8".to_owned()])
            } else {
                Langs::Only(vec!["C.utf8".to_owned()])
            };
            assert_eq!(options.langs, langs, "{image} step {index}");
            let crb = step.repositories.iter().any(|id| id == "crb" || id == "powertools");
            assert_eq!(crb, full, "{image} step {index}");
            assert!(step.repositories.iter().all(|id| image.repository(id).is_some()));
            assert!(step.repositories.starts_with(&["baseos".to_owned(), "appstream".to_owned()]));
        }
    }
}

#[test]
fn i686_looks_in_the_vault() {
    for image in every_image() {
        let replaced: Vec<_> = image
            .finishing
            .iter()
            .filter_map(|step| match step {
                Step::Replace(replace) => Some((replace.from.as_str(), replace.to.as_str())),
                _ => None,
            })
            .collect();
        let expected: &[_] = match (image.arch.name.as_str(), image.series.as_str()) {
            ("i686", "8" | "9") => &[
                ("mirrorlist=", "# mirrorlist="),
                ("# baseurl=", "baseurl="),
                ("repo.almalinux.org/almalinux", "vault.almalinux.org"),
                ("$basearch", "i686"),
            ],
            // The definitions of 10 and Kitten do not change the repositories of i686.
            _ => &[],
        };
        assert_eq!(replaced, expected, "{image}");
        let vault = image.repositories.iter().all(|repository| repository.base.contains("vault."));
        assert_eq!(vault, image.arch.name == "i686", "{image}");
    }
}

#[test]
fn unknown_names_say_what_was_meant() {
    let catalog = Catalog::builtin();
    let error = |distro, release, variant, arch| catalog.find(distro, release, variant, arch).unwrap_err();
    match error("alma", "9", "micro", "aarch64") {
        CatalogError::UnknownDistro { known, suggestion, .. } => {
            assert!(known.contains(&"almalinux".to_owned()));
            assert_eq!(suggestion.as_deref(), Some("almalinux"));
        }
        other => panic!("{other:?}"),
    }
    match error("almalinux", "10-kiten", "micro", "aarch64") {
        CatalogError::UnknownRelease { distro, known, suggestion, .. } => {
            assert_eq!(distro, "almalinux");
            assert_eq!(known, ["8", "9", "10", "10-kitten"]);
            assert_eq!(suggestion.as_deref(), Some("10-kitten"));
        }
        other => panic!("{other:?}"),
    }
    match error("almalinux", "9.3", "mirco", "aarch64") {
        CatalogError::UnknownVariant { release, known, suggestion, .. } => {
            assert_eq!(release, "9.3");
            assert_eq!(known.len(), 6);
            assert_eq!(suggestion.as_deref(), Some("micro"));
        }
        other => panic!("{other:?}"),
    }
    match error("almalinux", "9", "micro", "aarch46") {
        CatalogError::UnknownArchitecture { known, suggestion, .. } => {
            assert_eq!(known, ["aarch64", "i686", "ppc64le", "s390x", "x86_64"]);
            assert_eq!(suggestion.as_deref(), Some("aarch64"));
        }
        other => panic!("{other:?}"),
    }
    // The architecture exists, but not in this release.
    assert!(matches!(error("almalinux", "9", "micro", "riscv64"), CatalogError::UnknownArchitecture { suggestion: None, .. }));
}

proptest! {
    #[test]
    fn no_name_is_too_strange(distro in ".*", release in "[0-9.]{0,6}|.*", variant in ".*", arch in "[a-z0-9/]{0,12}|.*") {
        let catalog = Catalog::builtin();
        prop_assert!(catalog.find(&distro, "9", "micro", "arm64").is_err() || distro == "almalinux");
        if let Ok(image) = catalog.find("almalinux", &release, "micro", "arm64") {
            let minor = release.strip_prefix(&image.series).is_some_and(|rest| rest.starts_with('.'));
            prop_assert!(release == image.series || minor);
        }
        let _ = catalog.find("almalinux", "9", &variant, "arm64");
        let _ = catalog.find("almalinux", "9", "micro", &arch);
    }
}
