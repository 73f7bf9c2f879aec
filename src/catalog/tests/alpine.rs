//! Alpine: its releases, the differences between them, and an added release.

use std::fmt::Write;

use crate::catalog::{Architecture, Catalog, Content, DatabaseBackend, Image, Packaging, Release, Step, Variant};

fn image(release: &str, variant: &str, arch: &str) -> Image {
    Catalog::builtin().find("alpine", release, variant, arch).unwrap()
}

#[test]
fn releases_and_variants() {
    let catalog = Catalog::builtin();
    let alpine = catalog.distro("alpine").unwrap();
    assert_eq!((alpine.title(), alpine.packaging()), ("Alpine Linux", Packaging::Apk));
    let releases = alpine.releases();
    let names: Vec<_> = releases.iter().map(Release::name).collect();
    assert_eq!(names, ["3.13", "3.14", "3.15", "3.16", "3.17", "3.18", "3.19", "3.20", "3.21", "3.22", "3.23", "3.24", "edge"]);
    for release in &releases {
        let variants = release.variants();
        assert_eq!(variants.iter().map(Variant::name).collect::<Vec<_>>(), ["minirootfs", "base", "scratch"]);
        let count = release.architectures().len();
        let expected = match release.name() {
            "3.13" | "3.14" | "3.15" | "3.16" | "3.17" | "3.18" | "3.19" => 7,
            "3.20" => 8,
            _ => 9,
        };
        assert_eq!(count, expected, "{}", release.name());
        for variant in &variants {
            assert!(!variant.description().is_empty());
            for Architecture { name, .. } in variant.architectures() {
                let image = variant.image(&name).unwrap();
                assert!(!image.keys.is_empty() && image.keys.iter().all(|key| key.name.ends_with(".rsa.pub")), "{image}");
            }
        }
    }
    assert_eq!((releases[7].title().as_str(), releases[12].title().as_str()), ("Alpine Linux 3.20", "Alpine Linux edge"));
    assert!(alpine.release("3.12").is_err() && alpine.release("3.20.3").is_err());
    for alias in ["latest", "3"] {
        assert_eq!(alpine.release(alias).unwrap().name(), "3.24");
    }
}

#[test]
fn what_releases_are_made_of() {
    let mut table = String::new();
    for (release, arch) in
        [("3.16", "x86"), ("3.20", "arm64v8"), ("3.21", "linux/loong64"), ("latest", "386"), ("edge", "arm32v6")]
    {
        let image = image(release, "minirootfs", arch);
        writeln!(table, "{image}").unwrap();
        for repository in &image.repositories {
            writeln!(table, "  {} {}", repository.id, repository.url()).unwrap();
        }
        writeln!(table, "  {}", image.install[0].packages.join(" ")).unwrap();
        writeln!(table, "  {:?} {}", image.database.backend, image.database.path).unwrap();
        for key in &image.keys {
            writeln!(table, "  {}", key.name).unwrap();
        }
        let written = image.finishing.iter().find_map(|step| match step {
            Step::Write(write) => Some(&write.content),
            _ => None,
        });
        if let Some(Content::Text(text)) = written {
            table.push_str(text);
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn docker_s_architectures() {
    for (asked, name) in [
        ("amd64", "x86_64"),
        ("386", "x86"),
        ("i386", "x86"),
        ("arm64v8", "aarch64"),
        ("arm32v6", "armhf"),
        ("arm32v7", "armv7"),
        ("linux/arm/v7", "armv7"),
        ("ppc64le", "ppc64le"),
        ("linux/s390x", "s390x"),
        ("riscv64", "riscv64"),
        ("loong64", "loongarch64"),
        ("loongarch64", "loongarch64"),
    ] {
        assert_eq!(image("edge", "minirootfs", asked).arch.name, name, "{asked}");
    }
}

/// Adds a release with one line. All its images then resolve without further changes.
#[test]
fn a_new_release_is_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("more.toml");
    std::fs::write(&path, "distro = \"alpine\"\nreleases.\"3.25\" = {}\n").unwrap();
    let catalog = Catalog::with_file(&path).unwrap();
    let image = catalog.find("alpine", "latest", "minirootfs", "arm64").unwrap();
    assert_eq!(image.to_string(), "alpine 3.25 minirootfs aarch64");
    assert_eq!(image.repositories[0].url(), "https://dl-cdn.alpinelinux.org/alpine/v3.25/main/aarch64/");
    let scratch = catalog.find("alpine", "3.25", "scratch", "arm64").unwrap();
    assert_eq!(scratch.repositories[1].below("/mirror"), "/mirror/v3.25/community/aarch64/");
    assert!(scratch.repositories[1].optional && !scratch.repositories[0].optional);
    assert_eq!(image.database.backend, DatabaseBackend::Apk3);
    assert_eq!(catalog.find("alpine", "3.24", "base", "arm64").unwrap().install[0].packages, ["alpine-base"]);
    assert!(catalog.distro("alpine").unwrap().release("3.24").unwrap().aliases().is_empty());

    std::fs::write(&path, "distro = \"alpine\"\nreleases.\"3.25\".without_architectures = [\"vax\"]\n").unwrap();
    let error = Catalog::with_file(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: releases.3.25", path.display()));
    let wrong = "distro = \"alpine\"\nsteps.repositories = [{ write = { path = \"x\", template = \"{brach}\" } }]\n";
    std::fs::write(&path, wrong).unwrap();
    assert!(Catalog::with_file(&path).is_err());
}
