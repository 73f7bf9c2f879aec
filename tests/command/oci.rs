//! Tests of `--oci` and `--docker-archive`: images are reproducible for every user and at any time,
//! and other tools can read them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::change::ALPINE;
use crate::disk::{differences, walk, without_inodes};
use crate::place::{Place, USER, is_root, peer};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Returns every file of a layout, with its bytes.
fn files(layout: &Path) -> Vec<(String, Vec<u8>)> {
    let rows = walk(layout);
    rows.into_iter()
        .filter(|(_, row)| row.kind == 'f')
        .map(|(path, _)| (path.clone(), fs::read(layout.join(path)).unwrap()))
        .collect()
}

fn run(program: &str, arguments: &[&str], at: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(at).env("HOME", at).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_image_of_an_architecture() {
    let place = Place::new();
    let outcome = place.bootstrap(&["--oci", "layout", "--tag", "mine", "--format", "json"]).success();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let tags: Vec<&str> = report["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    assert_eq!(tags[0], "9-micro");
    assert_eq!(tags[1], "9.3-micro", "the minor release is what the release package says");
    assert!(tags[2].starts_with("9.3-micro-20") && tags[3..] == ["mine"], "{tags:?}");
    let layout = place.path("layout");
    let index = json(&layout.join("index.json"));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 4);
    let entry = &index["manifests"][0];
    assert_eq!(entry["digest"], report["digest"]);
    assert_eq!(entry["platform"], serde_json::json!({"architecture": "arm64", "os": "linux"}));
    let blob = |digest: &Value| layout.join("blobs/sha256").join(digest.as_str().unwrap().trim_start_matches("sha256:"));
    let manifest = json(&blob(&entry["digest"]));
    let config = json(&blob(&manifest["config"]["digest"]));
    assert_eq!(config["config"]["Cmd"], serde_json::json!(["/bin/sh"]));
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], "9.3");
    assert_eq!(config["created"], config["config"]["Labels"]["org.opencontainers.image.created"]);
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    assert_eq!(fs::metadata(&layout).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn everybody_gets_the_same_image_every_day() {
    let place = Place::new();
    for compression in ["gzip", "zstd", "none"] {
        let arguments = ["--compression", compression, "--layers", "4", "--oci"];
        place.bootstrap(&[&arguments[..], &["one", "--jobs", "1"]].concat()).success();
        place.bootstrap(&[&arguments[..], &["seven", "--jobs", "7"]].concat()).success();
        assert!(files(&place.path("one")) == files(&place.path("seven")), "{compression}");
    }
    if !is_root() || !peer("faketime") {
        println!("skipped: only root can be somebody else");
        return;
    }
    let (home, program) = place.for_somebody_else();
    let mut command = Command::new("faketime");
    command.arg("2031-05-06 07:08:09").arg(program);
    let arguments =
        Place::usual(&["--cache-dir", "home/cache", "--compression", "none", "--layers", "4", "--oci", "home/layout"]);
    place.set(&mut command, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    place.outcome(command.uid(USER).gid(USER)).success();
    place.bootstrap(&["--compression", "none", "--layers", "4", "--oci", "again"]).success();
    assert!(files(&home.join("layout")) == files(&place.path("again")));
}

#[test]
fn several_architectures_are_one_index() {
    let place = Place::new();
    let several = ["--distro", "almalinux", "--release", "9", "--variant", "micro", "--arch", "x86_64,aarch64"];
    let trusted = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
    place.run(&[&several[..], &trusted, &["--oci", "layout:x"]].concat()).success();
    let layout = place.path("layout");
    let entry = json(&layout.join("index.json"))["manifests"][0].clone();
    assert_eq!(entry["mediaType"], "application/vnd.oci.image.index.v1+json");
    let digest = entry["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let inner = json(&layout.join("blobs/sha256").join(digest));
    let platforms: Vec<&str> =
        inner["manifests"].as_array().unwrap().iter().map(|entry| entry["platform"]["architecture"].as_str().unwrap()).collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    if !peer("skopeo") {
        return;
    }
    for arch in platforms {
        let text = run("skopeo", &["--override-arch", arch, "inspect", "oci:layout:x"], place.root());
        let facts: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(facts["Architecture"], arch);
        run("skopeo", &["--override-arch", arch, "copy", "oci:layout:x", &format!("oci:{arch}:x")], place.root());
    }
    run("skopeo", &["copy", "--all", "oci:layout:x", "oci:all:x"], place.root());
}

#[test]
fn from_a_lock_it_is_the_same() {
    let place = Place::new();
    let several = ["--distro", "almalinux", "--release", "9", "--variant", "micro", "--arch", "x86_64,aarch64"];
    let trusted = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
    place.run(&[&several[..], &trusted, &["--oci", "solved"]].concat()).success();
    place.run(&[&["lock"], &several[..], &trusted, &["-o", "image.lock"]].concat()).success();
    fs::remove_dir_all(place.path("mirror/9/BaseOS/aarch64/os/repodata")).unwrap();
    // Without `--arch`, all architectures of the lock.
    place.run(&[&trusted[..], &["--lock", "image.lock", "--oci", "locked"]].concat()).success();
    assert!(files(&place.path("locked")) == files(&place.path("solved")));
}

#[test]
fn unpacked_it_is_the_directory() {
    if !is_root() || !peer("umoci") {
        println!("skipped: owners are applied by root only");
        return;
    }
    let place = Place::new();
    place.bootstrap(&["expected"]).success();
    let expected = without_inodes(walk(&place.path("expected")));
    for layers in ["1", "2", "5", "60"] {
        let layout = format!("layout{layers}");
        place.bootstrap(&["--layers", layers, "--oci", &format!("{layout}:x")]).success();
        run("umoci", &["unpack", "--image", &format!("{layout}:x"), &format!("bundle{layers}")], place.root());
        let found = walk(&place.path(&format!("bundle{layers}/rootfs")));
        assert_eq!(found["usr/bin/cat"].inode, found["usr/bin/coreutils"].inode, "hard links are one file");
        assert_eq!(differences(&expected, &without_inodes(found)), <[String; 0]>::default(), "{layers} layers");
    }
}

#[test]
fn upon_another_image_one_layer_tells_the_difference() {
    let place = Place::new();
    place.bootstrap(&["--oci", "layout:base", "--docs"]).success();
    place.bootstrap(&["--base", "layout:base", "--langs", "all", "--no-docs", "--oci", "layout:above"]).success();
    let layout = place.path("layout");
    let index = json(&layout.join("index.json"));
    let blob = |digest: &Value| json(&layout.join("blobs/sha256").join(digest.as_str().unwrap().trim_start_matches("sha256:")));
    let manifests: Vec<Value> = (0..2).map(|i| blob(&index["manifests"][i]["digest"])).collect();
    assert_eq!(manifests[1]["layers"][0], manifests[0]["layers"][0], "the layer below is the same");
    assert_eq!(manifests[1]["layers"].as_array().unwrap().len(), 2);
    let size = |layer: usize| manifests[1]["layers"][layer]["size"].as_u64().unwrap();
    assert!(size(1) < size(0), "{} {}", size(1), size(0));
    assert_eq!(manifests[1]["annotations"]["org.opencontainers.image.base.name"], "base");
    let outcome = place.bootstrap(&["--base", "layout:none", "--oci", "other"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no image has the tag none; it has base, above"), "{}", outcome.stderr);
    if !is_root() || !peer("umoci") {
        println!("skipped: owners are applied by root only");
        return;
    }
    place.bootstrap(&["--langs", "all", "--no-docs", "expected"]).success();
    run("umoci", &["unpack", "--image", "layout:above", "bundle"], place.root());
    let found = without_inodes(walk(&place.path("bundle/rootfs")));
    let expected = without_inodes(walk(&place.path("expected")));
    assert_eq!(differences(&expected, &found), <[String; 0]>::default());
    assert!(!found.keys().any(|path| path.starts_with("usr/share/doc/")), "what went is hidden");
}

#[test]
fn what_is_attached_refers_to_the_image() {
    let place = Place::new();
    fs::write(place.path("a.spdx.json"), "{\"spdxVersion\":\"SPDX-2.3\"}").unwrap();
    place.bootstrap(&["--oci", "plain:x"]).success();
    place.bootstrap(&["--oci", "layout:x", "--attach", "a.spdx.json"]).success();
    let entries = |layout: &str| json(&place.path(layout).join("index.json"))["manifests"].as_array().unwrap().clone();
    let found = entries("layout");
    assert_eq!(found[0], entries("plain")[0], "the image is the same");
    assert_eq!(found[1]["artifactType"], "application/spdx+json");
    let blob = |digest: &Value| place.path("layout/blobs/sha256").join(digest.as_str().unwrap().trim_start_matches("sha256:"));
    let manifest = json(&blob(&found[1]["digest"]));
    assert_eq!(manifest["subject"]["digest"], found[0]["digest"]);
    assert_eq!(fs::read(blob(&manifest["layers"][0]["digest"])).unwrap(), fs::read(place.path("a.spdx.json")).unwrap());
    // Build the same image again, and then another one in its place: attachments of the old image
    // are removed with it.
    place.bootstrap(&["--oci", "layout:x", "--attach", "a.spdx.json"]).success();
    assert_eq!(entries("layout"), found);
    place.bootstrap(&["--oci", "layout:x", "--docs"]).success();
    assert_eq!(entries("layout").len(), 1);
    assert_eq!(crate::place::names(&place.path("layout/blobs/sha256")).len(), 3);
    if peer("skopeo") {
        place.bootstrap(&["--oci", "layout:x", "--attach", "a.spdx.json"]).success();
        run("skopeo", &["inspect", "oci:layout:x"], place.root());
    }
}

#[test]
fn what_an_image_has_installed_is_changed_in_one_layer() {
    let place = Place::new();
    let alpine = |arguments: &[&str]| place.run(&[&ALPINE[..], arguments].concat());
    let made = ["--variant", "scratch", "--with", "busybox"];
    alpine(&[&made[..], &["--oci", "layout:base"]].concat()).success();
    alpine(&["--base", "layout:base", "--with", "dash", "--oci", "layout:more"]).success();
    alpine(&["--base", "layout:more", "--without", "dash", "--oci", "layout:less"]).success();
    let index = json(&place.path("layout/index.json"));
    let blob = |digest: &Value| place.path("layout/blobs/sha256").join(digest.as_str().unwrap().trim_start_matches("sha256:"));
    let layers: Vec<Vec<Value>> =
        (0..3).map(|i| json(&blob(&index["manifests"][i]["digest"]))["layers"].as_array().unwrap().clone()).collect();
    assert_eq!(layers.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(layers[2].starts_with(&layers[1]) && layers[1].starts_with(&layers[0]));
    assert!(!place.names().iter().any(|name| name.contains("rootstrap-")), "{:?}", place.names());

    // The same without a layout.
    alpine(&[&made[..], &["root"]].concat()).success();
    let change = |verb: &str| place.run(&[&[verb], &ALPINE[..], &["--root", "root", "dash"]].concat()).success();
    if !is_root() || !peer("umoci") {
        println!("skipped: owners are applied by root only");
        return;
    }
    for (verb, tag) in [("install", "more"), ("remove", "less")] {
        change(verb);
        run("umoci", &["unpack", "--image", &format!("layout:{tag}"), tag], place.root());
        let mut found = crate::change::rows(&place.path(&format!("{tag}/rootfs")));
        let mut expected = crate::change::rows(&place.path("root"));
        // The installation time differs.
        for rows in [&mut found, &mut expected] {
            for row in rows.values_mut() {
                row.mtime = 0;
            }
        }
        assert_eq!(differences(&expected, &found), <[String; 0]>::default(), "{tag}");
    }
}

#[test]
fn what_cannot_be_changed_in_an_image_is_told() {
    let place = Place::new();
    place.bootstrap(&["--oci", "layout:rpm"]).success();
    let rpm = ["--distro", "almalinux", "--release", "9", "--arch", "aarch64"];
    let trusted = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
    for (arguments, why) in [
        (&["--base", "layout:rpm", "--with", "bash", "--oci", "layout"][..], "what the image is called"),
        (&["--base", "layout:rpm", "--with", "bash", "--without", "setup", "--oci", "layout:x"], "not both at once"),
        (&["--base", "layout:rpm", "--with", "libcap", "--oci", "layout:x"], "RPM"),
    ] {
        let outcome = place.run(&[&rpm[..], &trusted, arguments].concat());
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(why), "{arguments:?}: {}", outcome.stderr);
    }
    let manifests = json(&place.path("layout/index.json"))["manifests"].as_array().unwrap().len();
    assert_eq!(manifests, 1);
    let layer = fs::read_dir(place.path("layout/blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
    let layer = layer.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    crate::mirror::flip(&layer, 500);
    let outcome = place.bootstrap(&["--base", "layout:rpm", "--oci", "layout:x"]);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is damaged"), "{}", outcome.stderr);
}

#[test]
fn an_archive_for_docker() {
    let place = Place::new();
    place.bootstrap(&["--docker-archive", "image.tar", "--tag", "example.org/mine:1", "--layers", "3"]).success();
    place.bootstrap(&["--docker-archive", "again.tar", "--tag", "example.org/mine:1", "--layers", "3", "--jobs", "1"]).success();
    assert!(fs::read(place.path("image.tar")).unwrap() == fs::read(place.path("again.tar")).unwrap());
    if peer("skopeo") {
        run("skopeo", &["copy", "docker-archive:image.tar:almalinux:9.3-micro", "oci:copied:x"], place.root());
        run("skopeo", &["copy", "docker-archive:image.tar:example.org/mine:1", "oci:mine:x"], place.root());
    }
}

#[test]
fn what_is_no_layout_and_what_fails_stays_as_it_was() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/notes"), "of mine").unwrap();
    let outcome = place.bootstrap(&["--oci", "mine"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("not an OCI image layout"), "{}", outcome.stderr);
    assert_eq!(crate::place::names(&place.path("mine")), ["notes"]);

    place.bootstrap(&["--oci", "layout"]).success();
    let before = files(&place.path("layout"));
    let names = place.names();
    crate::mirror::flip(&place.mirror().package("bash-5.1.8-6.el9.aarch64.rpm"), -20);
    let outcome = place.bootstrap(&["--oci", "layout:other"]);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(files(&place.path("layout")) == before);
    assert_eq!(place.names(), names, "nothing half-written is left");
}

#[test]
fn wrong_usage() {
    let place = Place::new();
    for (arguments, why) in [
        (&["--oci", "layout", "out"][..], "cannot be used with"),
        (&["--oci", "layout", "--tar", "a.tar"], "cannot be used with"),
        (&["--oci", "layout:-x"], "not a possible tag"),
        (&["--oci", "layout", "--tag", "a b"], "not a possible tag"),
        (&["--oci", "layout", "--compression", "xz"], "cannot be compressed with xz"),
        (&["--oci", "layout", "--layers", "0"], "--layers"),
        (&["--oci", "layout", "--layers", "126"], "--layers"),
        (&["--layers", "2", "out"], "--oci"),
        (&["--oci", "layout", "--arch", "arm64,aarch64"], "cannot be used multiple times"),
    ] {
        let outcome = place.bootstrap(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(why), "{arguments:?}: {}", outcome.stderr);
    }
    let micro = ["--distro", "almalinux", "--release", "9", "--variant", "micro"];
    let trusted = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
    for (arguments, why) in [
        (&["--arch", "arm64,aarch64", "--oci", "layout"][..], "cannot be told apart"),
        (&["--arch", "x86_64,aarch64", "out"], "--oci DIR"),
        (&["--arch", "x86_64,vax", "--oci", "layout"], "vax"),
    ] {
        let outcome = place.run(&[&micro[..], &trusted, arguments].concat());
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(why), "{arguments:?}: {}", outcome.stderr);
    }
    assert!(!place.path("layout").exists());
}

#[test]
fn a_change_upon_a_base_image_warns_as_a_build_does_on_the_terminal_and_in_the_report() {
    let place = Place::new();
    let alpine = |arguments: &[&str]| {
        let told = place.run(&[&ALPINE[..], arguments, &["--report", "report.json"]].concat()).success();
        let warnings = told.stderr.lines().filter_map(|line| line.strip_prefix("warning: ")).map(str::to_owned).collect();
        let report = json(&place.path("report.json"));
        let of = |report: &Value| -> Vec<String> {
            report["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
        };
        let warnings: Vec<String> = warnings;
        assert_eq!(of(&report), warnings);
        assert_eq!(of(&report["images"][0]), warnings);
        warnings
    };
    let built = alpine(&["--variant", "scratch", "--with", "busybox", "--no-docs", "--allow-unsigned", "--oci", "layout:base"]);
    assert_eq!(built.len(), 2, "{built:?}");
    let changed = alpine(&["--base", "layout:base", "--with", "dash", "--no-docs", "--allow-unsigned", "--oci", "layout:more"]);
    assert_eq!(changed, built);
}

#[test]
fn the_tag_scheme_names_the_image() {
    let place = Place::new();
    let tags = |layout: &str| -> Vec<String> {
        let index: Value = serde_json::from_slice(&fs::read(place.path(layout).join("index.json")).unwrap()).unwrap();
        let names = index["manifests"].as_array().unwrap().iter();
        names
            .filter_map(|manifest| Some(manifest["annotations"]["org.opencontainers.image.ref.name"].as_str()?.to_owned()))
            .collect()
    };
    place.bootstrap(&["--oci", "one"]).success();
    place.bootstrap(&["--oci", "two", "--tag-scheme", "registry"]).success();
    let (library, registry) = (tags("one"), tags("two"));
    assert!(library.iter().all(|tag| tag.contains("-micro")) && library.contains(&"9-micro".to_owned()), "{library:?}");
    assert!(registry.contains(&"latest".to_owned()) && registry.contains(&"9".to_owned()), "{registry:?}");
    assert!(registry.iter().all(|tag| !tag.contains("micro")), "{registry:?}");
    place.bootstrap(&["--docker-archive", "three.tar", "--tag-scheme", "registry"]).success();
    let mut archive = tar::Archive::new(fs::File::open(place.path("three.tar")).unwrap());
    let manifest = archive.entries().unwrap().map(Result::unwrap).find(|entry| entry.path().unwrap().ends_with("manifest.json"));
    let manifest: Value = serde_json::from_reader(manifest.unwrap()).unwrap();
    assert_eq!(manifest[0]["RepoTags"][0], "9-micro:latest");
    let unknown = place.bootstrap(&["--oci", "four", "--tag-scheme", "mine"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("there are: library, registry"), "{}", unknown.stderr);
}
