//! Tests of `--tar`: the same tree as a directory, the same bytes for every user, and no partial
//! files.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::disk::{differences, walk, without_inodes};
use crate::place::{Place, USER, is_root, peer};

#[test]
fn unpacked_it_is_the_directory() {
    if !is_root() || !peer("tar") {
        println!("skipped: owners are applied by root only");
        return;
    }
    let place = Place::new();
    place.bootstrap(&["expected"]).success();
    for file in ["a.tar", "a.tar.gz", "a.tar.zst", "a.tar.xz"] {
        place.bootstrap(&["--tar", file]).success();
        let unpacked = place.path(&format!("{file}.d"));
        fs::create_dir(&unpacked).unwrap();
        let mut tar = Command::new("tar");
        tar.args(["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf"]).arg(place.path(file)).arg("-C").arg(&unpacked);
        assert!(tar.status().unwrap().success(), "{file}");
        let (expected, found) = (walk(&place.path("expected")), walk(&unpacked));
        assert_eq!(found["usr/bin/cat"].inode, found["usr/bin/coreutils"].inode, "hard links are one file");
        assert_eq!(differences(&without_inodes(expected), &without_inodes(found)), <[String; 0]>::default(), "{file}");
    }
    assert_eq!(fs::metadata(place.path("a.tar")).unwrap().permissions().mode() & 0o077, 0o044, "as the umask lets it");
}

#[test]
fn everybody_gets_the_same_bytes() {
    let place = Place::new();
    for (jobs, name) in [("1", "one"), ("7", "seven")] {
        for ending in ["tar", "tar.gz", "tar.zst", "tar.xz"] {
            place.bootstrap(&["--jobs", jobs, "--tar", &format!("{name}.{ending}")]).success();
        }
    }
    for ending in ["tar", "tar.gz", "tar.zst", "tar.xz"] {
        let read = |name: &str| fs::read(place.path(&format!("{name}.{ending}"))).unwrap();
        assert!(read("one") == read("seven"), "{ending}");
    }
    let standard = File::create(place.path("standard.tar.gz")).unwrap();
    let arguments = Place::usual(&["--compression", "gzip", "--tar", "-"]);
    let mut command = place.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(command.stdout(standard).stderr(Stdio::null()).status().unwrap().success());
    assert!(fs::read(place.path("standard.tar.gz")).unwrap() == fs::read(place.path("one.tar.gz")).unwrap());

    if !is_root() {
        println!("skipped: only root can be somebody else");
        return;
    }
    let (home, program) = place.for_somebody_else();
    let mut command = Command::new(program);
    let arguments = Place::usual(&["--cache-dir", "home/cache", "--tar", "home/user.tar"]);
    place.set(&mut command, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let outcome = place.outcome(command.uid(USER).gid(USER)).success();
    assert!(!outcome.stderr.contains("not applied"), "{}", outcome.stderr);
    assert!(fs::read(home.join("user.tar")).unwrap() == fs::read(place.path("one.tar")).unwrap());
}

#[test]
fn a_failure_leaves_what_was_there() {
    let place = Place::new();
    fs::write(place.path("old.tar"), "old").unwrap();
    crate::mirror::flip(&place.mirror().package("bash-5.1.8-6.el9.aarch64.rpm"), -20);
    let names = place.names();
    let outcome = place.bootstrap(&["--tar", "old.tar"]);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert_eq!(fs::read(place.path("old.tar")).unwrap(), b"old");
    let left: Vec<String> = place.names().into_iter().filter(|name| !names.contains(name) && name != ".cache").collect();
    assert_eq!(left, <[String; 0]>::default());
}

#[test]
fn a_name_of_another_format_is_refused_and_bzip2_is_written() {
    let place = Place::new();
    for name in ["a.tar.lz4", "a.cpio", "a.cpio.gz", "a.zip", "a.7z", "a.tar.Z", "a.tar.lz"] {
        for option in ["--tar", "--docker-archive"] {
            let outcome = place.bootstrap(&[option, name]);
            assert_eq!(outcome.code, Some(2), "{name}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(".tar.bz2") && outcome.stderr.contains(".tar.zst"), "{}", outcome.stderr);
            assert!(!place.path(name).exists());
        }
    }
    place.bootstrap(&["--tar", "a.tar"]).success();
    let plain = fs::read(place.path("a.tar")).unwrap();
    for (jobs, name) in [("1", "a.tar.bz2"), ("7", "b.tbz2")] {
        place.bootstrap(&["--jobs", jobs, "--tar", name]).success();
    }
    let packed = fs::read(place.path("a.tar.bz2")).unwrap();
    assert!(packed.starts_with(b"BZh9") && packed == fs::read(place.path("b.tbz2")).unwrap());
    let (_, mut reader) = rootstrap::compression::decompress(&packed[..]).unwrap();
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut unpacked).unwrap();
    assert!(unpacked == plain);
    // Names without an extension, or with a version, imply no compression.
    for name in ["root", "alma-9.3"] {
        place.bootstrap(&["--tar", name]).success();
        assert!(fs::read(place.path(name)).unwrap() == plain, "{name}");
    }
    // The option has priority over the name.
    place.bootstrap(&["--tar", "a.bin", "--compression", "none"]).success();
    assert!(fs::read(place.path("a.bin")).unwrap() == plain);
}

#[test]
fn wrong_usage() {
    let place = Place::new();
    fs::create_dir(place.path("directory")).unwrap();
    for (arguments, why) in [
        (&["--tar", "a.tar", "out"][..], "cannot be used with"),
        (&["--tar", "directory"], "a directory"),
        (&["--tar", "none/a.tar"], "mkdir"),
        (&["--tar", "a.tar", "--compression", "zip"], "expected gzip"),
        (&["--tar", "a.tar", "--compression", "xz:12"], "levels 0 to 9"),
        (&["--tar", "-", "--format", "json"], "both the archive and the report"),
        (&["--clamp-mtime", "out"], "--tar"),
        (&[], "<OUT>"),
    ] {
        let outcome = place.bootstrap(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(why), "{arguments:?}: {}", outcome.stderr);
    }
    assert!(!place.path("a.tar").exists());
}
