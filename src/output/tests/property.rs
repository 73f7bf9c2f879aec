//! Every tree of the model is read back without a difference.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::tree::NodeId;

#[derive(Clone, Debug)]
enum Kind {
    File(usize),
    Directory,
    Symlink(Vec<u8>),
    Device(bool, u8),
    Fifo,
    Socket,
    HardLink(usize),
}

#[derive(Clone, Debug)]
struct Step {
    /// The index of the parent among the directories so far.
    parent: usize,
    name: Vec<u8>,
    kind: Kind,
    mode: u16,
    uid: u32,
    gid: u32,
    mtime: i64,
    attribute: Option<Vec<u8>>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let byte = prop_oneof![Just(b'a'), 1u8..=255].prop_map(|byte| if byte == b'/' { b'|' } else { byte });
    let name = prop_oneof![8 => prop::collection::vec(byte.clone(), 1..6), 1 => prop::collection::vec(byte.clone(), 255)];
    let target = prop_oneof![
        Just(b"/etc/passwd".to_vec()),
        Just(b"../../../../../../tmp".to_vec()),
        Just(b".".to_vec()),
        prop::collection::vec(1u8..=255, 1..300),
    ];
    let kind = prop_oneof![
        6 => (0usize..9000).prop_map(Kind::File),
        5 => Just(Kind::Directory),
        3 => target.prop_map(Kind::Symlink),
        1 => (any::<bool>(), any::<u8>()).prop_map(|(block, minor)| Kind::Device(block, minor)),
        1 => Just(Kind::Fifo),
        1 => Just(Kind::Socket),
        3 => any::<usize>().prop_map(Kind::HardLink),
    ];
    let mode = prop_oneof![Just(0u16), Just(0o755), Just(0o644), 0u16..0o10000];
    let id = || prop_oneof![3 => Just(0u32), 1 => Just(65534), 1 => 0u32..70_000];
    let mtime = prop_oneof![Just(0i64), Just(crate::tree::Metadata::NOW), 0i64..4_000_000_000, -1_000_000i64..0];
    let attribute = prop::option::weighted(0.1, prop::collection::vec(any::<u8>(), 0..50));
    // Few directories are chosen evenly and many from the end, so that trees grow deep too.
    let parent = prop_oneof![any::<usize>(), (usize::MAX - 3..=usize::MAX)];
    let step = (parent, name, kind, mode, id(), id(), mtime, attribute).prop_map(
        |(parent, name, kind, mode, uid, gid, mtime, attribute)| Step { parent, name, kind, mode, uid, gid, mtime, attribute },
    );
    prop::collection::vec(step, 0..150)
}

fn tree_of(steps: &[Step]) -> Tree {
    let mut tree = Tree::new();
    // A directory with the length of its path, so that the standard library can still read it back.
    let mut directories = vec![(Tree::ROOT, 0usize)];
    let mut others: Vec<NodeId> = Vec::new();
    for step in steps {
        let index = if step.parent >= usize::MAX - 3 {
            directories.len().saturating_sub(1 + (usize::MAX - step.parent))
        } else {
            step.parent % directories.len()
        };
        let (parent, length) = directories[index];
        if length + step.name.len() > 3000 {
            continue;
        }
        let kind = match &step.kind {
            Kind::File(length) => NodeKind::File(Content::from(vec![step.mode as u8; *length])),
            Kind::Directory => {
                if let Ok(id) = tree.insert(parent, &step.name, Node::directory(step.mode)) {
                    dress(&mut tree, id, step);
                    directories.push((id, length + step.name.len() + 1));
                }
                continue;
            }
            Kind::Symlink(target) => NodeKind::Symlink(target.as_slice().into()),
            &Kind::Device(block, minor) if block => NodeKind::BlockDevice { major: 8, minor: minor.into() },
            &Kind::Device(_, minor) => NodeKind::CharacterDevice { major: 4, minor: minor.into() },
            Kind::Fifo => NodeKind::Fifo,
            Kind::Socket => NodeKind::Socket,
            Kind::HardLink(_) if others.is_empty() => continue,
            Kind::HardLink(which) => {
                let _ = tree.link(parent, &step.name, others[which % others.len()]);
                continue;
            }
        };
        if let Ok(id) = tree.insert(parent, &step.name, Node::new(kind, step.mode)) {
            dress(&mut tree, id, step);
            others.push(id);
        }
    }
    tree
}

fn dress(tree: &mut Tree, id: NodeId, step: &Step) {
    let can_have_user_attributes = matches!(tree.node(id).kind, NodeKind::File(_) | NodeKind::Directory(_));
    let metadata = &mut tree.node_mut(id).metadata;
    metadata.user = Owner::Id(step.uid);
    metadata.group = Owner::Id(step.gid);
    metadata.mtime = step.mtime;
    if let Some(value) = &step.attribute
        && can_have_user_attributes
    {
        metadata.xattrs.insert(b"user.test".as_slice().into(), value.as_slice().into());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_reads_back_as_it_was(steps in steps()) {
        let tree = tree_of(&steps);
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        let written = write(&tree, &out).unwrap();
        let mut attributes = BTreeMap::new();
        let mut inodes = BTreeMap::new();
        tree.walk(|path, id| {
            let full = out.join(std::ffi::OsStr::from_bytes(path));
            let node = tree.node(id);
            if let Some(value) = node.metadata.xattrs.values().next()
                && is_root()
            {
                attributes.insert(full.clone(), (xattr(&full, "user.test"), value.to_vec()));
            }
            if is_root() && !node.is_directory() {
                let found = fs::symlink_metadata(&full).unwrap().ino();
                assert_eq!(*inodes.entry(id).or_insert(found), found, "names of one node share an inode");
            }
        });
        for (path, (found, wanted)) in attributes {
            prop_assert_eq!(found, Some(wanted), "{:?}", path);
        }
        let (found, _) = read_back(&out);
        prop_assert_eq!(found, expected(&tree));
        prop_assert_eq!(names(place.path()), ["out"]);
        if is_root() {
            prop_assert_eq!(written.not_applied, []);
        }
        // All of it can be removed again by the same user.
        let holder = fs::File::open(place.path()).unwrap();
        super::super::remove::remove_tree(std::os::fd::AsFd::as_fd(&holder), c"out").unwrap();
        prop_assert_eq!(names(place.path()), [""; 0]);
    }
}

#[test]
fn any_tree_of_an_ordinary_user_too() {
    as_ordinary_user("property::any_tree_reads_back_as_it_was");
}
