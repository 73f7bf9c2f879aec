//! Tests of missing, unreadable and unwritable files (exit code 1), and of requests without
//! solution (exit code 3).

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use super::{TRUSTED, refused};
use crate::place::{Place, is_root};

#[test]
fn a_package_that_is_not_there() {
    let place = Place::new();
    fs::remove_file(place.mirror().package("libcap-2.48-9.el9.aarch64.rpm")).unwrap();
    refused(&place, 1, "package_missing", &TRUSTED);
}

#[test]
fn no_repomd() {
    let place = Place::new();
    fs::remove_file(place.mirror().repomd()).unwrap();
    refused(&place, 1, "repomd_missing", &TRUSTED);
}

#[test]
fn an_empty_repomd() {
    let place = Place::new();
    fs::write(place.mirror().repomd(), "").unwrap();
    refused(&place, 1, "repomd_empty", &TRUSTED);
}

#[test]
fn a_repomd_that_is_something_else() {
    let place = Place::new();
    fs::write(place.mirror().repomd(), "<html><body>Welcome to the hotel's network</body></html>\n").unwrap();
    refused(&place, 1, "repomd_is_a_web_page", &TRUSTED);
}

#[test]
fn a_repomd_cut_off() {
    let place = Place::new();
    let repomd = place.mirror().repomd();
    let text = fs::read_to_string(&repomd).unwrap();
    fs::write(&repomd, &text[..text.len() / 3]).unwrap();
    refused(&place, 1, "repomd_truncated", &TRUSTED);
}

#[test]
fn a_repomd_that_may_not_be_read() {
    if is_root() {
        println!("skipped: root may read everything");
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.mirror().repomd(), fs::Permissions::from_mode(0o000)).unwrap();
    refused(&place, 1, "repomd_unreadable", &TRUSTED);
}

#[test]
fn a_repomd_that_is_a_directory() {
    let place = Place::new();
    fs::remove_file(place.mirror().repomd()).unwrap();
    fs::create_dir(place.mirror().repomd()).unwrap();
    refused(&place, 1, "repomd_is_a_directory", &TRUSTED);
}

#[test]
fn no_such_directory() {
    refused(&Place::new(), 1, "mirror_missing", &["--mirror", "nowhere"]);
}

#[test]
fn nobody_listens() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let outcome = place.bootstrap(&["--mirror", &format!("http://{address}/almalinux"), "out"]);
    // The first mirror works, so a bad second one does not matter.
    outcome.success();
    let outcome = place.run(&[&crate::place::MICRO[..], &["--mirror", &format!("http://{address}/almalinux"), "other"]].concat());
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    for words in ["repomd.xml", "cannot be had", &address.to_string(), "baseos", "Nothing was written to other", "--mirror"] {
        assert!(outcome.stderr.contains(words), "{words}: {}", outcome.stderr);
    }
    assert!(!place.path("other").exists());
}

#[test]
fn a_package_that_nobody_has() {
    refused(&Place::new(), 3, "unknown_package", &[&TRUSTED[..], &["--with", "nosuch"]].concat());
}

#[test]
fn a_package_whose_name_is_nearly_right() {
    refused(&Place::new(), 3, "unknown_package_near", &[&TRUSTED[..], &["--with", "bussybox"]].concat());
}

#[test]
fn packages_that_conflict() {
    refused(&Place::new(), 3, "conflict", &[&TRUSTED[..], &["--with", "coreutils"]].concat());
}

#[test]
fn problems_are_data_where_that_is_asked_for() {
    let place = Place::new();
    let outcome = place.bootstrap(&["--with", "coreutils", "--format", "json", "out"]);
    assert_eq!(outcome.code, Some(3));
    let problems: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(problems["schema"], 1);
    assert!(!problems["problems"].as_array().unwrap().is_empty());
    assert!(outcome.stderr.contains("conflicts with"), "{}", outcome.stderr);
}
