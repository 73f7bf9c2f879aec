use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use super::*;
use crate::finish::testing::without_peer;

const CONFIGURATION: &str = "\
# a comment
d /srv/a 0711 - -
d /srv/a/b - 7 9
D /srv/a/c 1777
f /srv/file 0600 - - - with\\ttab \\x41\\101
f /srv/existing 0640 - - - not written
f+ /srv/over - - - - new
w /srv/w* - - - - written\\n
w+ /srv/app - - - - more
L /srv/link - - - - existing
L+ /srv/relinked - - - - existing
L /srv/existing
C /srv/copy - - - - /usr/share/tree
C /srv/copied-file 0604 3 4 - /usr/share/tree/one
C /srv/nothing - - - - /usr/share/missing
C /srv/full - - - - /usr/share/tree
z /srv/z* 0444 5 6
Z /srv/all ~0755 1 1
e /srv/a 0710
p /srv/pipe 0622
d /srv/boot! 0700
d! /srv/at-boot 0700
d /srv/with%%percent 0755
d /var/%m/x
r /srv/keep
d /srv/a 0700 - -
q \"/srv/with space\" 0750
";

/// Creates the initial files by hand, the same on both sides.
fn files(root: &Path, tree: &mut Tree) {
    let all = [
        "srv/existing",
        "srv/over",
        "srv/w1",
        "srv/w2",
        "srv/app",
        "srv/z1",
        "srv/all/x",
        "srv/all/y/x",
        "srv/full/x",
        "srv/keep",
    ];
    for (i, path) in all.into_iter().chain(["usr/share/tree/one", "usr/share/tree/sub/two"]).enumerate() {
        let bytes = format!("{path}\n").into_bytes();
        let mode = [0o644u16, 0o755, 0o600, 0o444][i % 4];
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), &bytes).unwrap();
        std::fs::set_permissions(root.join(path), PermissionsExt::from_mode(mode.into())).unwrap();
        tree.write(format!("/{path}").as_bytes(), Content::from(bytes), mode).unwrap();
    }
    for path in ["srv/relinked", "usr/share/tree/sub/link"] {
        std::os::unix::fs::symlink("one", root.join(path)).unwrap();
        insert(tree, format!("/{path}").as_bytes(), Node::symlink(b"one")).unwrap();
    }
}

fn listing(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    tree.walk(|path, id| {
        let node = tree.node(id);
        let what = match &node.kind {
            NodeKind::Directory(_) => "directory".to_owned(),
            NodeKind::File(content) => content.bytes().unwrap().escape_ascii().to_string(),
            NodeKind::Symlink(target) => format!("-> {}", target.escape_ascii()),
            _ => "other".to_owned(),
        };
        let number = |owner: &Owner| if let Owner::Id(id) = owner { *id } else { u32::MAX };
        let (user, group) = (number(&node.metadata.user), number(&node.metadata.group));
        let mode = if what.starts_with("->") { 0o777 } else { node.metadata.mode };
        lines.push(format!("{} {mode:o} {user} {group} {what}", crate::tree::display(path)));
    });
    lines
}

fn real_listing(root: &Path, directory: &Path, lines: &mut Vec<String>) {
    let mut entries: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort_by_key(|path| path.file_name().unwrap().to_owned());
    for path in entries {
        let metadata = path.symlink_metadata().unwrap();
        let what = if metadata.is_symlink() {
            format!("-> {}", std::fs::read_link(&path).unwrap().display())
        } else if metadata.is_dir() {
            "directory".to_owned()
        } else if metadata.is_file() {
            std::fs::read(&path).unwrap().escape_ascii().to_string()
        } else {
            "other".to_owned()
        };
        let name = path.strip_prefix(root).unwrap().display();
        lines.push(format!("{name} {:o} {} {} {what}", metadata.mode() & 0o7777, metadata.uid(), metadata.gid()));
        if metadata.is_dir() {
            real_listing(root, &path, lines);
        }
    }
}

#[test]
fn lines_do_what_systemd_does() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    if std::fs::metadata(root).unwrap().uid() != 0 || Command::new("systemd-tmpfiles").arg("--version").output().is_err() {
        return without_peer("systemd-tmpfiles as root");
    }
    let mut tree = Tree::new();
    files(root, &mut tree);
    // A warning is expected for values that depend on the machine; systemd would read them from the
    // running one.
    let told: Vec<&str> = CONFIGURATION.lines().filter(|line| line.contains("%m")).collect();
    let known: String = CONFIGURATION.lines().filter(|line| !told.contains(line)).flat_map(|line| [line, "\n"]).collect();
    std::fs::create_dir_all(root.join("usr/lib/tmpfiles.d")).unwrap();
    std::fs::write(root.join("usr/lib/tmpfiles.d/t.conf"), &known).unwrap();
    let output = Command::new("systemd-tmpfiles")
        .arg("--create")
        .arg(format!("--root={}", root.display()))
        .arg(root.join("usr/lib/tmpfiles.d/t.conf"))
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_dir_all(root.join("usr/lib/tmpfiles.d")).unwrap();
    let mut theirs = Vec::new();
    real_listing(root, root, &mut theirs);

    tree.write(b"/usr/lib/tmpfiles.d/t.conf", Content::from(CONFIGURATION.as_bytes()), 0o644).unwrap();
    let skipped = apply(&mut tree, "usr/lib/tmpfiles.d/t.conf").unwrap();
    assert_eq!(skipped, ["usr/lib/tmpfiles.d/t.conf, line 24: specifier `%m` is not known at build time"]);
    tree.remove(b"/usr/lib/tmpfiles.d");
    tree.remove(b"/usr/lib");
    let mut ours = listing(&tree);
    ours.sort();
    theirs.retain(|line| !line.starts_with("usr/lib "));
    theirs.sort();
    assert_eq!(ours, theirs);
}

#[test]
fn no_file_nothing_to_do_and_damage_is_told() {
    let mut tree = Tree::new();
    assert_eq!(apply(&mut tree, "usr/lib/tmpfiles.d/none.conf").unwrap(), Vec::<String>::new());
    let text = "d relative\nd\nd /x 99999\nd \"/open 0755\nb /dev/x 0600 - - - 1:2\nd^ /y\nf /z - - - - \\q\n";
    tree.write(b"/t.conf", Content::from(text.as_bytes()), 0o644).unwrap();
    assert_eq!(apply(&mut tree, "t.conf").unwrap().len(), 7);
    assert!(tree.lookup(b"/x").is_none());
}

#[test]
fn links_only_to_what_is_there() {
    // The peer of the other test does not support these lines yet.
    let mut tree = Tree::new();
    let text = "L? /a - - - - nothing\nL? /b - - - - t.conf\nL? /c - - - - /t.conf\n";
    tree.write(b"/t.conf", Content::from(text.as_bytes()), 0o644).unwrap();
    assert_eq!(apply(&mut tree, "t.conf").unwrap(), Vec::<String>::new());
    assert_eq!([b"/a", b"/b", b"/c"].map(|path| tree.lookup(path).is_some()), [false, true, true]);
}
