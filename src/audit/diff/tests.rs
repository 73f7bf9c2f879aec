use std::sync::Arc;

use super::*;
use crate::audit::subject::{Set, SubjectKind, of_plan};
use crate::catalog::Packaging;
use crate::package::Content;
use crate::pool::Solvable;
use crate::rpm::{Rpm, architecture, universe};
use crate::transaction::plan::{Plan, PlannedChange, PlannedPackage, Reason};
use crate::tree::{Node, Tree};

fn package(text: &str) -> PlannedPackage {
    let (name, version) = text.split_once(' ').unwrap();
    PlannedPackage {
        id: format!("{name}-0:{version}-1.noarch"),
        name: name.to_owned(),
        epoch: Some(0),
        version: version.to_owned(),
        release: Some("1".to_owned()),
        arch: "noarch".to_owned(),
        repo: "base".to_owned(),
        location: format!("{name}.rpm"),
        checksum: None,
        size: 10,
        installed_size: 100,
        reason: Reason::Requested,
    }
}

fn subject(packages: &[&str]) -> Subject {
    let changes = packages.iter().map(|text| PlannedChange::Install(package(text))).collect();
    of_plan(Packaging::Rpm, SubjectKind::Report, "a set", &Plan::new("noarch", changes, Vec::new()))
}

#[test]
fn packages_come_go_and_move() {
    let (mut from, to) =
        (subject(&["a 1", "b 1.10", "c 1", "k 1", "k 2"]), subject(&["b 1.9", "c 1", "d 1", "a 1~rc", "k 2", "k 3"]));
    from.packages[2].build_time = Some(1);
    let mut to = to;
    let at = to.packages.iter().position(|package| package.name == "c").unwrap();
    to.packages[at].build_time = Some(2);
    let found = Diff::of(&Rpm, &from, &to).unwrap();
    let moves =
        |moved: &[Moved]| moved.iter().map(|moved| format!("{} {} {}", moved.name, moved.from, moved.to)).collect::<Vec<_>>();
    assert_eq!(moves(&found.packages.upgraded), ["k 1-1 3-1"]);
    assert_eq!(moves(&found.packages.downgraded), ["a 1-1 1~rc-1", "b 1.10-1 1.9-1"]);
    assert_eq!(found.packages.added.iter().map(|package| package.id.as_str()).collect::<Vec<_>>(), ["d-0:1-1.noarch"]);
    assert_eq!((found.packages.removed.len(), found.packages.rebuilt.as_slice()), (0, &["c-0:1-1.noarch".to_owned()][..]));
    assert_eq!(found.sizes.download, Some(Both { from: 50, to: 60 }));
    assert!(found.files.is_none() && found.capabilities.is_none());
    assert!(Diff::of(&Rpm, &from, &from).unwrap().is_empty());
}

#[test]
fn capabilities_are_names_without_versions() {
    let with = |text: &str| {
        let pool = universe::parse(text, &architecture::compatible("x86_64")).unwrap();
        let members = pool.solvables().map(Solvable::id).map(Some).collect();
        Subject { set: Some(Set { pool, members }), ..subject(&[]) }
    };
    let found = capabilities(&with("a 1 provides x = 1, old"), &with("a 2 provides x = 2, new, new")).unwrap();
    assert_eq!((found.added, found.removed), (vec!["new".to_owned()], vec!["old".to_owned()]));
}

#[test]
fn files_and_what_is_risky_of_them() {
    let tree = |add: &dyn Fn(&mut Tree)| {
        let mut tree = Tree::new();
        tree.write(b"/bin/su", Content::from(&b"su"[..]), 0o4755).unwrap();
        tree.write(b"/etc/motd", Content::from(&b"hello"[..]), 0o644).unwrap();
        add(&mut tree);
        Subject { tree: Some(Arc::new(tree)), ..subject(&[]) }
    };
    let old = tree(&|tree| {
        tree.write(b"/gone", Content::from(&b""[..]), 0o644).unwrap();
    });
    let new = tree(&|tree| {
        tree.write(b"/etc/motd", Content::from(&b"other"[..]), 0o644).unwrap();
        tree.write(b"/bin/ping", Content::from(&b"ping"[..]), 0o2755).unwrap();
        let ping = tree.resolve(b"/bin/ping").unwrap();
        tree.node_mut(ping).metadata.xattrs.insert((*b"security.capability").into(), (*b"\x01").into());
        let mut shared = Node::directory(0o777);
        tree.insert(Tree::ROOT, b"drop", shared.clone()).unwrap();
        shared.metadata.mode = 0o1777;
        tree.insert(Tree::ROOT, b"tmp", shared).unwrap();
    });
    let files = Diff::of(&Rpm, &old, &new).unwrap().files.unwrap();
    assert_eq!(files.added.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["/bin/ping", "/drop", "/tmp"]);
    assert_eq!(files.removed.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["/gone"]);
    let changes = |file: &ChangedFile| file.changes.iter().map(|change| change.what.clone()).collect::<Vec<_>>();
    assert_eq!(
        files.changed.iter().map(|file| (file.path.as_str(), changes(file))).collect::<Vec<_>>(),
        [("/etc/motd", vec!["content".to_owned()])]
    );
    let risks: Vec<(&str, &str)> = files.new_risks.iter().map(|file| (file.path.as_str(), file.risk.text())).collect();
    assert_eq!(risks, [("/bin/ping", "setgid"), ("/bin/ping", "capabilities"), ("/drop", "world-writable")]);
    assert!(files.gone_risks.is_empty());
}
