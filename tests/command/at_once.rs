//! Tests of simultaneous builds into one image layout: all images are in it, even if some builds
//! are killed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::place::{Place, names, peer};

const COUNT: usize = 16;

fn start(place: &Place, tag: &str, more: &[&str]) -> Child {
    let reference = format!("layout:{tag}");
    let arguments = Place::usual(&[&["--cache-dir", "cache", "--compression", "none", "--oci", &reference], more].concat());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Returns the tags of a layout. Fails unless its blobs are exactly those of the images.
fn tags(layout: &Path) -> BTreeSet<String> {
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let index = read(&layout.join("index.json"));
    let mut needed = BTreeSet::new();
    let mut tags = BTreeSet::new();
    for entry in index["manifests"].as_array().unwrap() {
        tags.extend(entry["annotations"]["org.opencontainers.image.ref.name"].as_str().map(str::to_owned));
        let name = |value: &Value| value["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
        let manifest = read(&layout.join("blobs/sha256").join(name(entry)));
        needed.extend([name(entry), name(&manifest["config"])]);
        needed.extend(manifest["layers"].as_array().unwrap().iter().map(name));
    }
    let found: BTreeSet<String> = names(&layout.join("blobs/sha256")).into_iter().collect();
    assert_eq!(found, needed, "the blobs are those of the images");
    assert_eq!(names(layout), ["blobs", "index.json", "oci-layout"]);
    tags
}

#[test]
fn all_builds_that_end_at_once_are_in_the_layout() {
    let place = Place::new();
    // Fill the cache with a build outside the layout.
    place.bootstrap(&["--cache-dir", "cache", "out"]).success();
    let mut expected = BTreeSet::new();
    for round in ["new", "existing"] {
        let tags_of_round: Vec<String> = (0..COUNT).map(|n| format!("{round}-{n}")).collect();
        // Build different images, some of which share all blobs and some only a part.
        let more = |n: usize| if n.is_multiple_of(2) { &["--docs"][..] } else { &[] };
        let children: Vec<Child> = tags_of_round.iter().enumerate().map(|(n, tag)| start(&place, tag, more(n))).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        expected.extend(tags_of_round);
        assert_eq!(tags(&place.path("layout")), expected, "{round}");
    }
    let mut names = place.names();
    names.retain(|name| !["cache", "mirror", "out"].contains(&name.as_str()));
    assert_eq!(names, ["layout"], "nothing is left beside it");
    if peer("skopeo") {
        for tag in ["new-0", "existing-15"] {
            let mut skopeo = std::process::Command::new("skopeo");
            skopeo.args(["inspect", &format!("oci:layout:{tag}")]).current_dir(place.root()).stdout(Stdio::null());
            assert!(skopeo.status().unwrap().success(), "{tag}");
        }
    }
}

#[test]
fn builds_that_are_killed_hinder_nobody() {
    let place = Place::new();
    place.bootstrap(&["--cache-dir", "cache", "out"]).success();
    let mut expected = BTreeSet::new();
    for round in 0..3 {
        let mut children: Vec<(String, Child)> = (0..COUNT)
            .map(|n| format!("r{round}-{n}"))
            .map(|tag| {
                let child = start(&place, &tag, &[]);
                (tag, child)
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(150 * (round + 1)));
        for (_, child) in children.iter_mut().step_by(2) {
            let _ = child.kill();
        }
        for (n, (tag, child)) in children.into_iter().enumerate() {
            let output = child.wait_with_output().unwrap();
            assert!(n % 2 == 0 || output.status.success(), "{tag}: {}", String::from_utf8_lossy(&output.stderr));
            if output.status.success() {
                expected.insert(tag);
            }
        }
        let found = tags(&place.path("layout"));
        assert!(found.is_superset(&expected), "{found:?}");
        // A killed build may have finished just before.
        expected = found;
    }
    place.bootstrap(&["--cache-dir", "cache", "--oci", "layout:last"]).success();
    let mut names = place.names();
    names.retain(|name| !["cache", "mirror", "out"].contains(&name.as_str()));
    assert_eq!(names, ["layout"], "the next build removes what the killed ones left");
}

#[test]
fn a_build_that_waits_for_another_says_so_and_can_be_interrupted() {
    let place = Place::new();
    place.bootstrap(&["--cache-dir", "cache", "--oci", "layout:first"]).success();
    let before = fs::read(place.path("layout/index.json")).unwrap();
    let held = fs::File::open(place.path("layout")).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let mut child = start(&place, "second", &[]);
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("waiting for another build to finish with layout") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it did not wait");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(fs::read(place.path("layout/index.json")).unwrap() == before);
    let mut child = start(&place, "third", &[]);
    let mut told = BufReader::new(child.stderr.take().unwrap());
    while !line.contains("waiting for another build to finish with layout") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it did not wait");
    }
    drop(held);
    assert!(child.wait().unwrap().success());
    assert_eq!(tags(&place.path("layout")), ["first", "third"].map(str::to_owned).into());
}

#[test]
fn the_same_image_under_a_second_tag_keeps_the_first() {
    let place = Place::new();
    for tag in ["one", "two", "one"] {
        place.bootstrap(&["--cache-dir", "cache", "--oci", &format!("layout:{tag}")]).success();
    }
    assert_eq!(tags(&place.path("layout")), ["one", "two"].map(str::to_owned).into());
}

#[test]
fn the_current_directory_is_a_layout_that_builds_add_to() {
    let place = Place::new();
    fs::create_dir(place.path("layout")).unwrap();
    let build = |tag: &str| {
        let reference = format!(".:{tag}");
        let arguments = ["--mirror", "../mirror", "--key", "../mirror/keys/rootstrap-fixtures.asc", "--cache-dir", "../cache"];
        let arguments = [&crate::place::MICRO[..], &arguments, &["--oci", &reference]].concat();
        place.command(&arguments).current_dir(place.path("layout")).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut expected = BTreeSet::new();
    for round in ["new", "existing"] {
        let wanted: Vec<String> = (0..4).map(|n| format!("{round}-{n}")).collect();
        let children: Vec<Child> = wanted.iter().map(|tag| build(tag)).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        expected.extend(wanted);
        assert_eq!(tags(&place.path("layout")), expected, "{round}");
    }
}
