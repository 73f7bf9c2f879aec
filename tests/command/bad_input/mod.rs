//! Tests of bad input. Each kind has its exit code, the message names the problem and the remedy,
//! and nothing is changed.

mod damage;
mod missing;
mod usage;

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::place::{MICRO, Place, names};

/// Runs the main job in a place where it must fail, once with OUT absent and once with OUT empty.
/// Nothing may remain or change; the message is compared with the snapshot of this name.
#[track_caller]
fn refused(place: &Place, code: i32, snapshot: &str, arguments: &[&str]) {
    let mut message = None;
    for out_is_there in [false, true] {
        let out = place.path("out");
        if out_is_there {
            fs::create_dir(&out).unwrap();
        }
        let before = place.names();
        let identity = fs::metadata(&out).map(|found| (found.ino(), found.mode(), found.mtime_nsec())).ok();
        let outcome = place.run(&[&MICRO[..], arguments, &["--cache-dir", ".cache", "out"]].concat());
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
        let mut after = place.names();
        after.retain(|name| name != ".cache");
        assert_eq!(after, before.into_iter().filter(|name| name != ".cache").collect::<Vec<_>>());
        let identity_after = fs::metadata(&out).map(|found| (found.ino(), found.mode(), found.mtime_nsec())).ok();
        assert_eq!(identity_after, identity, "OUT is as it was");
        if out_is_there {
            assert!(names(&out).is_empty());
            fs::remove_dir(&out).unwrap();
        }
        let first = message.get_or_insert_with(|| outcome.stderr.clone());
        assert_eq!(*first, outcome.stderr, "the message does not depend on OUT");
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(snapshot, message.unwrap());
    });
}

/// The arguments that use the packages of the place's mirror and trust its key.
const TRUSTED: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];

#[track_caller]
fn refused_by_verification(place: &Place, snapshot: &str) {
    refused(place, 4, snapshot, &TRUSTED);
}
