//! Compares the results of other programs on a written tree.

use super::super::manifest;
use super::*;

/// Reports whether `program` is installed. Fails if it is missing and `ROOTSTRAP_PEERS=required`.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    assert!(found || std::env::var_os("ROOTSTRAP_PEERS").is_none_or(|value| value != "required"), "{program} is missing");
    if !found {
        println!("skipped: no {program}");
    }
    found
}

#[test]
fn the_manifest_tool_prints_the_same_rows() {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let tool = data.join("tools/tree_manifest.py");
    if !tool.exists() {
        return println!("skipped: no real data");
    }
    if !is_root() || !has("python3") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let mut tree = one_of_everything();
    tree.write(b"/t\tn\n\\", Content::empty(), 0o644).unwrap();
    write(&tree, &out).unwrap();
    let printed = Command::new("python3").arg(&tool).arg("--mtime").arg(&out).output().unwrap();
    let mut ours = Vec::new();
    manifest::write(&rows(&tree, EPOCH).unwrap(), true, &mut ours).unwrap();
    assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&printed.stdout));
}

#[test]
fn umoci_packs_the_recorded_owners() {
    if !has("umoci") || !has("tar") {
        return;
    }
    if is_root() {
        return as_ordinary_user("peers::umoci_packs_the_recorded_owners");
    }
    let place = tempfile::tempdir().unwrap();
    let umoci = |arguments: &[&str]| {
        let output = Command::new("umoci").args(arguments).current_dir(place.path()).env("HOME", place.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    umoci(&["init", "--layout", "layout"]);
    umoci(&["new", "--image", "layout:empty"]);
    umoci(&["unpack", "--rootless", "--image", "layout:empty", "bundle"]);
    let mut tree = Tree::new();
    let mail = tree.create_directories(b"/var/mail").unwrap();
    tree.node_mut(mail).metadata.group = Owner::Id(12);
    let id = tree.write(b"/var/mail/box", Content::from(&b"x"[..]), 0o660).unwrap();
    (tree.node_mut(id).metadata.user, tree.node_mut(id).metadata.group) = (Owner::Id(70_000), Owner::Id(12));
    tree.write(b"/etc/hostname", Content::from(&b"x"[..]), 0o644).unwrap();
    write(&tree, &place.path().join("bundle/rootfs")).unwrap();
    umoci(&["repack", "--image", "layout:full", "bundle"]);

    let mut owners = Vec::new();
    for blob in fs::read_dir(place.path().join("layout/blobs/sha256")).unwrap() {
        let listed = Command::new("tar").args(["--numeric-owner", "-tvzf"]).arg(blob.unwrap().path()).output().unwrap();
        if listed.status.success() {
            for line in String::from_utf8(listed.stdout).unwrap().lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                owners.push(format!("{} {}", words[1], words[5]));
            }
        }
    }
    owners.sort();
    assert_eq!(owners, ["0/0 .", "0/0 etc/", "0/0 etc/hostname", "0/0 var/", "0/12 var/mail/", "70000/12 var/mail/box"]);
}

#[test]
fn a_root_without_capabilities_records_what_he_cannot_apply() {
    if std::env::var_os(AGAIN).is_none() {
        if !is_root() || !has("setpriv") {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let inner = again("peers::a_root_without_capabilities_records_what_he_cannot_apply", place.path());
        let mut command = Command::new("setpriv");
        command.arg("--bounding-set=-chown,-mknod").arg(inner.get_program()).args(inner.get_args());
        command.env(AGAIN, place.path()).env("TMPDIR", place.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let tree = one_of_everything();
    let written = write(&tree, &out).unwrap();
    let missed: Vec<_> =
        written.not_applied.iter().map(|missed| (missed.path.as_slice(), missed.reason, missed.recorded)).collect();
    assert_eq!(
        missed,
        [
            (&b"/null"[..], Reason::NotPermitted, false),
            (b"/var/mail", Reason::NotPermitted, true),
            (b"/var/mail/box", Reason::NotPermitted, true)
        ]
    );
    let (found, _) = read_back(&out);
    assert!(found.iter().all(|row| (row.uid, row.gid) == (0, 0)));
    assert_eq!(found.len(), expected(&tree).len() - 1);
}
