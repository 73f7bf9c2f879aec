//! Tests of the hints of failed runs, and of their exit codes: each hint must help in the situation
//! where it is printed.

use std::fs;
use std::os::unix::fs::symlink;

use crate::place::{MICRO, Place};

#[test]
fn a_url_as_out_is_refused_without_mkdir() {
    let place = Place::new();
    for out in ["https://host/x/out", "docker://host/x:1", "oci://host/x"] {
        for words in [vec![out], vec!["--tar", out], vec!["--docker-archive", out], vec!["--oci", out]] {
            let refused = place.bootstrap(&words);
            assert_eq!(refused.code, Some(2), "{words:?}: {}", refused.stderr);
            assert!(refused.stderr.contains("a URL") && !refused.stderr.contains("mkdir"), "{}", refused.stderr);
        }
    }
}

#[test]
fn a_place_below_a_file_names_the_file() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    symlink("nowhere", place.path("dangling")).unwrap();
    for (words, told) in [
        (&["file/out"][..], "file is not a directory"),
        (&["file/a/out"], "file is not a directory"),
        (&["--tar", "file/out.tar"], "file is not a directory"),
        (&["--oci", "file/out:1"], "file is not a directory"),
        (&["dangling/out"], "dangling is a symbolic link to nothing"),
    ] {
        let refused = place.bootstrap(words);
        assert_eq!(refused.code, Some(2), "{words:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(told) && !refused.stderr.contains("mkdir"), "{}", refused.stderr);
    }
    // The hint helps here, also as shell input.
    let refused = place.bootstrap(&["my dir/out"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("mkdir -p 'my dir'"), "{}", refused.stderr);
    let refused = place.bootstrap(&["--tar", "none/out.tar"]);
    assert!(refused.code == Some(2) && refused.stderr.ends_with("mkdir -p none\n"), "{}", refused.stderr);
}

#[test]
fn a_package_file_that_cannot_be_read_exits_with_1() {
    let place = Place::new();
    fs::write(place.path("text.rpm"), "no package ".repeat(20)).unwrap();
    fs::write(place.path("text.apk"), "no package").unwrap();
    for name in ["./none.rpm", "./text.rpm"] {
        let refused = place.bootstrap(&["--with", name, "out"]);
        assert_eq!(refused.code, Some(1), "{name}: {}", refused.stderr);
        assert!(refused.stderr.starts_with(&format!("error: {name}: ")), "{}", refused.stderr);
    }
    let apk = ["resolve", "--repo", "a=mirror/v3.20/main/aarch64", "--arch", "aarch64", "--allow-unsigned"];
    for name in ["./none.apk", "./text.apk"] {
        let refused = place.run(&[&apk[..], &[name]].concat());
        assert_eq!(refused.code, Some(1), "{name}: {}", refused.stderr);
        assert!(refused.stderr.contains(name), "{}", refused.stderr);
    }
}

#[test]
fn what_apk_has_no_word_for_is_wrong_usage() {
    let place = Place::new();
    let key = ["--key", "mirror/keys/rootstrap-fixtures.rsa.pub"];
    let asked = ["--distro", "alpine", "--release", "3.20", "--mirror", "mirror", "--arch", "aarch64"];
    place.run(&[&asked[..], &key, &["--variant", "minirootfs", "root"]].concat()).success();
    for verb in ["downgrade", "swap"] {
        let refused = place.run(&[&[verb, "--root", "root", "--simulate"], &asked[..], &key, &["musl", "busybox"]].concat());
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(&format!("apk knows no `{verb}`")), "{}", refused.stderr);
    }
}

#[test]
fn broken_files_of_the_user_exit_alike() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    fs::write(place.path("broken.toml"), "nonsense = 1").unwrap();
    fs::write(place.path("broken.repo"), "[a\n").unwrap();
    let runs: [&[&str]; 6] = [
        &["audit", "out", "--policy", "broken.toml"],
        &["audit", "out", "--policy", "none.toml"],
        &["variants", "--catalog", "broken.toml"],
        &["variants", "--catalog", "none.toml"],
        &["--lock", "broken.toml", "other"],
        &["resolve", "--repo", "broken.repo", "bash"],
    ];
    for words in runs {
        let refused = place.run(words);
        assert_eq!(refused.code, Some(1), "{words:?}: {}", refused.stderr);
    }
}

#[test]
fn another_place_is_named_by_the_option_that_takes_it() {
    let place = Place::new();
    let of_repo = place.run(&["resolve", "--repo", "mine=none", "bash"]);
    assert!(of_repo.code == Some(1) && of_repo.stderr.contains("--repo mine=URL|DIR"), "{}", of_repo.stderr);
    assert!(!of_repo.stderr.contains("--mirror"), "{}", of_repo.stderr);
    let of_distro = place.run(&[&["resolve"], &MICRO[..], &["--mirror", "none"]].concat());
    assert!(of_distro.code == Some(1) && of_distro.stderr.contains("--mirror URL|DIR"), "{}", of_distro.stderr);
    // A package of a repository that the user named.
    let repository = "mine=mirror/9/BaseOS/aarch64/os";
    crate::mirror::truncate(&place.mirror().package("libcap-2.48-9.el9.aarch64.rpm"), 2000);
    let key = "mirror/keys/rootstrap-fixtures.asc";
    let changed =
        place.run(&["--repo", repository, "--arch", "aarch64", "--key", key, "--with", "libcap", "--no-weak-deps", "out"]);
    if changed.code == Some(4) {
        assert!(changed.stderr.contains("--repo mine=URL") && !changed.stderr.contains("--mirror"), "{}", changed.stderr);
    } else {
        assert_eq!(changed.code, Some(3), "its requirements may be elsewhere: {}", changed.stderr);
    }
}

#[test]
fn only_a_lock_is_to_be_written_anew() {
    let place = Place::new();
    fs::write(place.path("notes.txt"), "hello").unwrap();
    let refused = place.run(&["--lock", "notes.txt", "out"]);
    assert!(refused.code == Some(1) && !refused.stderr.contains("anew"), "{}", refused.stderr);
    fs::write(place.path("my.lock"), "version = 2\n[request]\nnonsense = 1\n").unwrap();
    let refused = place.run(&["--lock", "my.lock", "out"]);
    // A bare `rootstrap lock` would read the same file.
    let told = "`rootstrap lock -o my.lock` with all the options of the request";
    assert!(refused.code == Some(1) && refused.stderr.contains(told), "{}", refused.stderr);
    let again = Place::usual(&["-o", "my.lock"]);
    place.run(&[&["lock"], &again.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat()).success();
    place.run(&["--lock", "my.lock", "out"]).success();
}
