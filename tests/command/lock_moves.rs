//! Tests of lock files that change: moved to other directories, with another catalog, newer
//! packages or other architectures.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rootstrap::digest::{Algorithm, Digest};
use serde_json::Value;

use crate::mirror;
use crate::place::{Outcome, Place, names};

const ASKED: [&str; 8] = ["lock", "--distro", "almalinux", "--release", "9", "--variant", "micro", "--key"];
const KEY: &str = "mirror/keys/rootstrap-fixtures.asc";
const MIRROR: [&str; 2] = ["--mirror", "mirror"];

fn lock(place: &Place, arguments: &[&str]) -> Outcome {
    place.run(&[&ASKED[..], &[KEY], &MIRROR, arguments].concat())
}

fn text(place: &Place, name: &str) -> String {
    fs::read_to_string(place.path(name)).unwrap()
}

/// Writes a repository of packages without files: each with its version and requirements.
fn repository(directory: &Path, packages: &[(&str, &str, &[&str])]) {
    let mut list = String::from(
        "<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n",
    );
    for (name, version, requires) in packages {
        let mut entries = String::new();
        for requirement in *requires {
            let (on, version) = requirement.split_once(" >= ").unwrap();
            writeln!(entries, "<rpm:entry name=\"{on}\" flags=\"GE\" epoch=\"0\" ver=\"{version}\"/>").unwrap();
        }
        let digest = Digest::of(Algorithm::Sha256, format!("{name}-{version}").as_bytes()).to_string();
        let digest = digest.split_once(':').unwrap().1;
        writeln!(
            list,
            "<package type=\"rpm\"><name>{name}</name><arch>noarch</arch><version epoch=\"0\" ver=\"{version}\" rel=\"1\"/>\
             <checksum type=\"sha256\" pkgid=\"YES\">{digest}</checksum><size package=\"1\" installed=\"1\" archive=\"1\"/>\
             <time file=\"1\" build=\"1\"/><location href=\"{name}-{version}.rpm\"/><format><rpm:provides>\
             <rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"{version}\" rel=\"1\"/></rpm:provides>\
             <rpm:requires>{entries}</rpm:requires></format></package>"
        )
        .unwrap();
    }
    list += "</metadata>\n";
    let digest = Digest::of(Algorithm::Sha256, list.as_bytes()).to_string();
    let digest = digest.split_once(':').unwrap().1;
    fs::create_dir_all(directory.join("repodata")).unwrap();
    fs::write(directory.join("repodata/primary.xml"), &list).unwrap();
    let repomd = format!(
        "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>{}</revision><data type=\"primary\">\
         <checksum type=\"sha256\">{digest}</checksum><location href=\"repodata/primary.xml\"/></data></repomd>\n",
        packages.len()
    );
    fs::write(directory.join("repodata/repomd.xml"), repomd).unwrap();
}

#[test]
fn an_architecture_that_is_not_named_is_kept() {
    let place = Place::new();
    lock(&place, &["--arch", "x86_64,aarch64"]).success();
    let both = text(&place, "rootstrap.lock");
    // By the lock's own request, and by the same request on the command line.
    let bare = place.run(&["lock", "--arch", "x86_64"]).success();
    assert!(bare.stderr.contains("aarch64"), "{}", bare.stderr);
    assert_eq!(text(&place, "rootstrap.lock"), both);
    let whole = lock(&place, &["--arch", "x86_64"]).success();
    assert!(whole.stderr.contains("aarch64"), "{}", whole.stderr);
    assert_eq!(text(&place, "rootstrap.lock"), both);
}

#[test]
fn another_request_leaves_architectures_out_with_a_warning() {
    let place = Place::new();
    lock(&place, &["--arch", "x86_64,aarch64"]).success();
    let other = lock(&place, &["--arch", "x86_64", "--with", "rootfiles"]).success();
    assert!(other.stderr.contains("warning: aarch64 is left out of rootstrap.lock"), "{}", other.stderr);
    assert!(!text(&place, "rootstrap.lock").contains("name = \"aarch64\""));
}

#[test]
fn a_named_package_that_others_hold_back_exits_with_3() {
    let place = Place::new();
    let old: [(&str, &str, &[&str]); 4] =
        [("app", "1", &["lib >= 1"]), ("lib", "1", &[]), ("other", "1", &[]), ("tool", "1", &["lib >= 1"])];
    repository(&place.path("repo"), &old);
    let options = ["--repo", "mine=repo", "--arch", "x86_64", "--no-fetch"];
    place.run(&[&["lock", "--with", "app", "--with", "other", "--with", "tool"], &options[..]].concat()).success();
    let locked = text(&place, "rootstrap.lock");
    let new: [(&str, &str, &[&str]); 3] = [("app", "2", &["lib >= 2"]), ("lib", "2", &[]), ("other", "2", &[])];
    repository(&place.path("repo"), &[&old[..], &new].concat());
    for word in ["app", "a*"] {
        let held = place.run(&["lock", "--no-fetch", "--upgrade", word]);
        assert_eq!(held.code, Some(3), "{}", held.stderr);
        assert!(held.stderr.contains("app cannot move") && held.stderr.contains("--upgrade app lib"), "{}", held.stderr);
        assert_eq!(text(&place, "rootstrap.lock"), locked);
    }
    let json = place.run(&["lock", "--no-fetch", "--format", "json", "--upgrade", "app"]);
    let told: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &told["problems"][0]["facts"][0]["needs"][0]["name"]), (Some(3), &"lib".into()));
    // Packages that are not held back are upgraded alone; the others together with those that the
    // hint names.
    place.run(&["lock", "--no-fetch", "--upgrade", "other"]).success();
    let moved = place.run(&["lock", "--no-fetch", "--upgrade", "app", "lib"]).success();
    assert!(moved.stdout.contains("~ app 1-1 -> 2-1") && moved.stdout.contains("~ lib 1-1 -> 2-1"), "{}", moved.stdout);
    // A package without a newer version stays, and the run succeeds.
    place.run(&["lock", "--no-fetch", "--upgrade", "tool"]).success();
}

#[test]
fn a_lock_made_in_one_checkout_builds_in_another_directory() {
    let place = Place::new();
    let checkout = place.path("checkout/locks");
    fs::create_dir_all(&checkout).unwrap();
    fs::rename(place.path("mirror"), place.path("checkout/mirror")).unwrap();
    let inside = |words: &[&str]| place.outcome(place.command(words).current_dir(place.path("checkout")));
    let absolute = place.path("checkout/mirror").to_str().unwrap().to_owned();
    for mirror in ["mirror", "./mirror", &absolute] {
        let options = ["--mirror", mirror, "--arch", "aarch64", "-o", "locks/image.lock"];
        inside(&[&ASKED[..], &[KEY], &options].concat()).success();
        assert!(text(&place, "checkout/locks/image.lock").contains("\n    \"../mirror\",\n"), "{mirror}");
    }
    mirror::copy(&place.path("checkout"), &place.path("elsewhere/copy"));
    fs::remove_dir_all(place.path("checkout")).unwrap();
    place.run(&["--lock", "elsewhere/copy/locks/image.lock", "out"]).success();
    place.run(&["verify", "out", "--lock", "elsewhere/copy/locks/image.lock"]).success();
    // Locking again at the new location changes nothing.
    let before = text(&place, "elsewhere/copy/locks/image.lock");
    place.run(&["lock", "-o", "elsewhere/copy/locks/image.lock"]).success();
    assert_eq!(text(&place, "elsewhere/copy/locks/image.lock"), before);
    place.run(&["lock", "--check", "-o", "elsewhere/copy/locks/image.lock"]).success();
}

#[test]
fn a_package_file_and_a_catalog_are_found_beside_the_lock() {
    let place = Place::new();
    fs::create_dir(place.path("co")).unwrap();
    fs::copy(place.mirror().package("libcap-2.48-9.el9.aarch64.rpm"), place.path("co/mine.rpm")).unwrap();
    fs::write(place.path("co/my.toml"), "distro = \"almalinux\"\n").unwrap();
    let options = ["--arch", "aarch64", "--with", "co/mine.rpm", "--catalog", "co/my.toml", "-o", "co/image.lock"];
    lock(&place, &options).success();
    let written = text(&place, "co/image.lock");
    assert!(written.contains("\"mine.rpm\"") && written.contains("\"my.toml\""), "{written}");
    let mirror = place.path("mirror");
    let elsewhere = |words: &[&str]| place.outcome(place.command(words).current_dir(place.path("co")));
    elsewhere(&["--lock", "image.lock", "--mirror", mirror.to_str().unwrap(), "out"]).success();
    assert!(names(&place.path("co/out")).contains(&"usr".to_owned()));
}

#[test]
fn a_symlinked_lock_file_is_written_through() {
    let place = Place::new();
    fs::create_dir(place.path("locks")).unwrap();
    symlink("locks/image.lock", place.path("rootstrap.lock")).unwrap();
    lock(&place, &["--arch", "aarch64"]).success();
    assert!(fs::symlink_metadata(place.path("rootstrap.lock")).unwrap().is_symlink());
    // Its paths are relative to the file, whatever link leads to it.
    assert!(text(&place, "locks/image.lock").contains("\"../mirror\""));
    for (name, out) in [("rootstrap.lock", "one"), ("locks/image.lock", "two")] {
        place.run(&["--lock", name, out]).success();
    }
    place.run(&["lock", "--arch", "aarch64"]).success();
    assert!(fs::symlink_metadata(place.path("rootstrap.lock")).unwrap().is_symlink());
}

#[test]
fn the_image_of_a_lock_is_made_whatever_the_catalog_says_now() {
    let place = Place::new();
    let catalog = |cmd: &str, note: &str| {
        let text = format!(
            "distro = \"almalinux\"\n[variants.micro]\nfinishing = [\"files\", \"mine\"]\nconfig.cmd = [\"{cmd}\"]\n\
             [steps]\nmine = [{{ write = {{ path = \"etc/note\", content = \"{note}\", mode = 0o640 }} }}]\n"
        );
        fs::write(place.path("my.toml"), text).unwrap();
    };
    catalog("/bin/one", "first\\n");
    lock(&place, &["--arch", "aarch64", "--catalog", "my.toml"]).success();
    let written = text(&place, "rootstrap.lock");
    assert!(written.contains("{ write = { content = \"first\\n\""), "{written}");
    let same = place.run(&["--lock", "rootstrap.lock", "same"]).success();
    assert!(!same.stderr.contains("catalog"), "{}", same.stderr);

    catalog("/bin/two", "second\\n");
    let pinned = place.run(&["--lock", "rootstrap.lock", "out"]).success();
    assert!(pinned.stderr.contains("the configuration of the image, the finishing steps"), "{}", pinned.stderr);
    assert_eq!(fs::read_to_string(place.path("out/etc/note")).unwrap(), "first\n");
    place.run(&["verify", "same", "--lock", "rootstrap.lock"]).success();
    place.run(&["--lock", "rootstrap.lock", "--oci", "image:1"]).success();
    let configs = fs::read_dir(place.path("image/blobs/sha256")).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let commands: Vec<Value> = configs
        .filter_map(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .map(|config| config["config"]["Cmd"].clone())
        .filter(|command| !command.is_null())
        .collect();
    assert_eq!(commands, [Value::from(vec!["/bin/one"])]);

    let check = place.run(&["lock", "--check"]);
    assert_eq!(check.code, Some(6), "{}", check.stderr);
    assert!(check.stdout.contains("the finishing steps"), "{}", check.stdout);
    place.run(&["lock"]).success();
    place.run(&["lock", "--check"]).success();
    place.run(&["--lock", "rootstrap.lock", "new"]).success();
    assert_eq!(fs::read_to_string(place.path("new/etc/note")).unwrap(), "second\n");
}

#[test]
fn a_lock_of_version_1_is_still_built_from() {
    let place = Place::new();
    lock(&place, &["--arch", "aarch64"]).success();
    let new = text(&place, "rootstrap.lock");
    let begin = new.find("[architecture.image]").unwrap();
    let end = begin + new[begin..].find("[[architecture.repository]]").unwrap();
    let old = format!("{}{}", &new[..begin], &new[end..]).replace("version = 2\n", "version = 1\n");
    // Its paths are relative to the directory in which it was written.
    fs::create_dir(place.path("sub")).unwrap();
    fs::write(place.path("sub/old.lock"), &old).unwrap();
    place.run(&["--lock", "sub/old.lock", "out"]).success();
    place.run(&["lock", "--check", "-o", "sub/old.lock"]).success();
    place.run(&["lock", "-o", "sub/old.lock"]).success();
    let renewed = text(&place, "sub/old.lock");
    assert!(renewed.contains("version = 2\n") && renewed.contains("\"../mirror\""), "{renewed}");
    place.run(&["--lock", "sub/old.lock", "again"]).success();
}
