use super::*;

fn tree() -> Tree {
    let mut tree = Tree::new();
    tree.create_directories(b"/usr/bin").unwrap();
    tree.insert(Tree::ROOT, b"bin", Node::symlink(b"usr/bin")).unwrap();
    tree.insert(Tree::ROOT, b"abs", Node::symlink(b"/usr/bin/")).unwrap();
    tree.write(b"/usr/bin/true", Content::from(&b"!"[..]), 0o755).unwrap();
    tree
}

fn paths(tree: &Tree) -> Vec<String> {
    let mut list = Vec::new();
    tree.walk(|path, _| list.push(display(path)));
    list
}

#[test]
fn links_and_dots_stay_inside() {
    let mut tree = tree();
    let target = tree.lookup(b"/usr/bin/true");
    assert!(target.is_some());
    for path in [&b"/bin/true"[..], b"bin/true", b"/../../bin/./true", b"/abs/true", b"/bin/../bin/true", b"//usr//bin/true"] {
        assert_eq!(tree.resolve(path), target, "{}", display(path));
    }
    tree.insert(Tree::ROOT, b"out", Node::symlink(b"../../../../usr")).unwrap();
    assert_eq!(tree.resolve(b"/out/bin/true"), target);
    assert_eq!(tree.resolve(b"/bin/.."), tree.resolve(b"/usr"), ".. is the parent of where the link leads");
}

#[test]
fn the_last_link_is_followed_only_when_asked() {
    let tree = tree();
    assert!(matches!(tree.node(tree.lookup(b"/bin").unwrap()).kind, NodeKind::Symlink(_)));
    assert!(tree.node(tree.resolve(b"/bin").unwrap()).is_directory());
    assert!(tree.node(tree.lookup(b"/bin/").unwrap()).is_directory(), "a slash at the end follows, as lstat does");
}

#[test]
fn errors_say_what_is_wrong() {
    let mut tree = tree();
    tree.insert(Tree::ROOT, b"loop", Node::symlink(b"loop")).unwrap();
    assert!(matches!(tree.locate(b"/loop/x"), Err(TreeError::TooManyLinks(_))));
    assert!(matches!(tree.locate(b"/none/x"), Err(TreeError::NotFound(_))));
    assert!(matches!(tree.locate(b"/bin/true/x"), Err(TreeError::NotADirectory(_))));
    assert!(matches!(tree.locate(b"/a\0b"), Err(TreeError::BadPath(_))));
    assert!(matches!(tree.locate(&[b'a'; 256]), Err(TreeError::BadPath(_))));
    assert!(matches!(tree.insert(Tree::ROOT, b"..", Node::directory(0o755)), Err(TreeError::BadPath(_))));
    assert!(matches!(tree.create_directories(b"/bin/true/x"), Err(TreeError::NotADirectory(_))));
    assert!(matches!(tree.create_directories(b"/loop/x"), Err(TreeError::TooManyLinks(_))));
}

#[test]
fn directories_are_made_through_links() {
    let mut tree = tree();
    tree.insert(Tree::ROOT, b"run", Node::symlink(b"var/run")).unwrap();
    tree.create_directories(b"/run/lock").unwrap();
    tree.create_directories(b"/bin/sub").unwrap();
    assert!(paths(&tree).contains(&"var/run/lock".to_owned()), "{:?}", paths(&tree));
    assert!(paths(&tree).contains(&"usr/bin/sub".to_owned()));
}

#[test]
fn hard_links_are_names_of_one_node() {
    let mut tree = tree();
    let id = tree.lookup(b"/usr/bin/true").unwrap();
    let bin = tree.lookup(b"/usr/bin").unwrap();
    tree.link(bin, b"also", id).unwrap();
    tree.write(b"/bin/also", Content::from(&b"??"[..]), 0o644).unwrap();
    assert_eq!(tree.read(b"/bin/true").unwrap().bytes().unwrap().as_ref(), b"??");
    assert!(tree.remove(b"/bin/true"));
    assert_eq!(tree.lookup(b"/usr/bin/also"), Some(id));
    assert!(!tree.remove(b"/bin/true"));
    assert!(tree.link(Tree::ROOT, b"d", bin).is_err());
    assert_eq!(paths(&tree), ["abs", "bin", "usr", "usr/bin", "usr/bin/also"]);
    assert_eq!(tree.directory_path(bin), b"/usr/bin");
}

#[test]
fn no_path_is_longer_than_one_may_be_however_it_was_reached() {
    let mut tree = Tree::new();
    let step = format!("/{}", vec!["d"; 1000].join("/"));
    tree.create_directories(step.as_bytes()).unwrap();
    tree.insert(Tree::ROOT, b"l", Node::symlink(step.as_bytes())).unwrap();
    tree.create_directories(format!("/l{step}").as_bytes()).unwrap();
    tree.insert(Tree::ROOT, b"m", Node::symlink(format!("/l{step}").as_bytes())).unwrap();
    assert!(matches!(tree.create_directories(format!("/m{step}").as_bytes()), Err(TreeError::BadPath(_))));
    let mut longest = 0;
    tree.walk(|path, _| longest = longest.max(path.len()));
    assert!((4000..=4095).contains(&longest), "{longest}");
    for target in [&b""[..], b"a\0b", &[b't'; 4096]] {
        assert!(matches!(tree.insert(Tree::ROOT, b"x", Node::symlink(target)), Err(TreeError::BadTarget(_))));
    }
}
