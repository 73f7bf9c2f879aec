//! Tests of packages and metadata that do not match the expected digests: exit code 4.

use std::fs;

use super::{refused, refused_by_verification};
use crate::mirror::{flip, flip_bytes, regions, truncate, unsigned};
use crate::place::Place;

const PACKAGE: &str = "libcap-2.48-9.el9.aarch64.rpm";

#[test]
fn a_key_that_did_not_sign() {
    // Without --key, only AlmaLinux's own keys are trusted.
    refused(&Place::new(), 4, "wrong_key", &["--mirror", "mirror"]);
}

#[test]
fn a_package_without_a_signature() {
    let place = Place::new();
    place.mirror().replace_package(PACKAGE, unsigned);
    refused_by_verification(&place, "unsigned_package");
}

#[test]
fn a_package_without_a_signature_that_is_accepted_is_told_of() {
    let place = Place::new();
    place.mirror().replace_package(PACKAGE, unsigned);
    let outcome = place.bootstrap(&["--allow-unsigned", "--format", "json", "out"]).success();
    assert!(outcome.stderr.contains("packages without a signature are accepted"), "{}", outcome.stderr);
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["unsigned"], serde_json::json!(["libcap-0:2.48-9.el9.aarch64"]));
}

#[test]
fn a_flipped_byte_that_the_repository_did_not_promise() {
    let place = Place::new();
    flip(&place.mirror().package(PACKAGE), -20);
    refused_by_verification(&place, "package_other_than_promised");
}

#[test]
fn a_flipped_byte_in_the_header_of_a_package_that_the_repository_promised_so() {
    let place = Place::new();
    place.mirror().replace_package(PACKAGE, |file| {
        let mut file = file.to_vec();
        let (header, payload) = regions(&file);
        flip_bytes(&mut file, (header + payload).div_ceil(2) as isize);
        file
    });
    refused_by_verification(&place, "package_header_flipped");
}

#[test]
fn a_flipped_byte_in_the_payload_of_a_package_that_the_repository_promised_so() {
    let place = Place::new();
    place.mirror().replace_package(PACKAGE, |file| {
        let mut file = file.to_vec();
        flip_bytes(&mut file, -20);
        file
    });
    refused_by_verification(&place, "package_payload_flipped");
}

#[test]
fn a_package_cut_off() {
    let place = Place::new();
    truncate(&place.mirror().package(PACKAGE), 1000);
    refused_by_verification(&place, "package_shorter_than_promised");
}

#[test]
fn a_package_cut_off_that_the_repository_promised_so() {
    let place = Place::new();
    place.mirror().replace_package(PACKAGE, |file| {
        let (_, payload) = regions(file);
        file[..payload + 10].to_vec()
    });
    refused_by_verification(&place, "package_truncated");
}

#[test]
fn a_list_of_packages_cut_off() {
    let place = Place::new();
    truncate(&place.mirror().metadata("primary"), 1000);
    refused_by_verification(&place, "primary_truncated");
}

#[test]
fn a_flipped_byte_in_the_list_of_packages() {
    let place = Place::new();
    flip(&place.mirror().metadata("primary"), 500);
    refused_by_verification(&place, "primary_flipped");
}

#[test]
fn a_flipped_byte_in_a_checksum_of_repomd() {
    let place = Place::new();
    let repomd = place.mirror().repomd();
    let text = fs::read_to_string(&repomd).unwrap();
    // The first checksum is that of primary.
    let (before, after) = text.split_once("<checksum type=\"sha256\">").unwrap();
    let other = if after.starts_with('0') { "1" } else { "0" };
    fs::write(&repomd, format!("{before}<checksum type=\"sha256\">{other}{}", &after[1..])).unwrap();
    refused_by_verification(&place, "repomd_checksum_flipped");
}
