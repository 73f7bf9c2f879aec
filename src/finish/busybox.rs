//! The links of busybox: one for each applet name.
//!
//! In: the tree with a busybox in it, and the lists of names that its package contains. Out: the
//! links, like `busybox --install -s`. An old package has no list; then the names are read from the
//! program itself. The program stores them in two tables (busybox, `include/applet_tables.h`): all
//! names in order, and one half byte per name that identifies the directory.

use super::binary::find;
use super::steps::insert;
use crate::package::Content;
use crate::tree::{Node, NodeKind, Tree, TreeError, display};

/// The directory in which Alpine's packages list the names.
pub const LISTS: &str = "etc/busybox-paths.d";

/// The directories of `enum bb_install_loc_t`.
const DIRECTORIES: [&str; 5] = ["", "bin", "sbin", "usr/bin", "usr/sbin"];
/// The directories of some common names. They identify the second table among other bytes.
const KNOWN: [(&str, u8); 12] = [
    ("cat", 1),
    ("cp", 1),
    ("ls", 1),
    ("mkdir", 1),
    ("mv", 1),
    ("rm", 1),
    ("sh", 1),
    ("[", 3),
    ("cut", 3),
    ("head", 3),
    ("tail", 3),
    ("chroot", 4),
];
/// Minimum number of names in a table.
const FEWEST: usize = 8;
/// Minimum number of the known names that a table must contain to be valid.
const FEWEST_KNOWN: usize = 4;
/// Maximum size of a busybox in bytes.
const LONGEST: u64 = 64 << 20;

/// Creates the links to `program` (relative to the root) whose paths are free. `lists` is a
/// directory of files with one path per line.
///
/// Returns `None` if the program does not exist, and `false` if its names are neither listed nor
/// found in the program.
pub fn links(tree: &mut Tree, program: &str, lists: Option<&str>) -> Result<Option<bool>, TreeError> {
    let target = format!("/{program}");
    let Some(busybox) = tree.resolve(target.as_bytes()) else { return Ok(None) };
    let mut names = lists.map(|lists| listed(tree, lists)).unwrap_or_default();
    if names.is_empty() {
        names = tree.node(busybox).content().and_then(built_in).unwrap_or_default();
    }
    for path in &names {
        let path = [b"/", path.as_slice()].concat();
        if path != target.as_bytes() && is_free(tree, &path) {
            insert(tree, &path, Node::symlink(target.as_bytes()))?;
        }
    }
    Ok(Some(!names.is_empty()))
}

/// Reports whether the path is free. A dangling link also occupies it (`ln -s` would fail).
fn is_free(tree: &Tree, path: &[u8]) -> bool {
    tree.lookup(path).is_none()
}

/// Returns the paths listed in the files of a directory, relative to the root, in the order of the
/// file names.
fn listed(tree: &Tree, directory: &str) -> Vec<Vec<u8>> {
    let directory = format!("/{directory}");
    let Some(id) = tree.resolve(directory.as_bytes()) else { return Vec::new() };
    let NodeKind::Directory(entries) = &tree.node(id).kind else { return Vec::new() };
    let mut paths = Vec::new();
    for (name, _) in entries.entries() {
        let text = tree.read_text(format!("{directory}/{}", display(name)).as_bytes());
        let lines = text.lines().map(|line| line.trim().trim_start_matches('/'));
        paths.extend(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| line.as_bytes().to_vec()));
    }
    paths
}

/// Returns the paths that are built into a busybox, relative to the root, or `None` if its tables
/// are not found.
pub fn built_in(program: &Content) -> Option<Vec<Vec<u8>>> {
    if program.len() > LONGEST {
        return None;
    }
    let bytes = program.bytes().ok()?;
    let names = names(&bytes)?;
    let places = places(&bytes, &names)?;
    let path = |(name, place): (&&[u8], u8)| match DIRECTORIES[usize::from(place)] {
        "" => name.to_vec(),
        directory => [directory.as_bytes(), b"/", name].concat(),
    };
    Some(names.iter().zip(places).map(path).collect())
}

/// Finds the table of names: each name ends with a NUL, and the names are sorted.
fn names(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    // In byte order, `[` and `[[` come before everything except digits and capitals, and no name
    // begins with one of those.
    let start = find(bytes, b"\0[\0[[\0").map(|at| at + 1).or_else(|| find(bytes, b"[\0[[\0"))?;
    let mut names: Vec<&[u8]> = Vec::new();
    for name in bytes[start..].split(|&c| c == 0) {
        let plausible = |c: &u8| c.is_ascii_graphic() && *c != b'/';
        if name.is_empty() || name.len() > 32 || !name.iter().all(plausible) || names.last().is_some_and(|last| *last >= name) {
            break;
        }
        names.push(name);
    }
    (names.len() >= FEWEST).then_some(names)
}

/// Finds the table of directories. The first of two names is in the lower half of the byte.
fn places(bytes: &[u8], names: &[&[u8]]) -> Option<Vec<u8>> {
    let known: Vec<(usize, u8)> =
        KNOWN.iter().filter_map(|&(name, place)| Some((names.binary_search(&name.as_bytes()).ok()?, place))).collect();
    if known.len() < FEWEST_KNOWN {
        return None;
    }
    let length = names.len().div_ceil(2);
    let place = |table: &[u8], index: usize| if index.is_multiple_of(2) { table[index / 2] & 15 } else { table[index / 2] >> 4 };
    let last = DIRECTORIES.len() as u8 - 1;
    let fits = |table: &&[u8]| {
        known.iter().all(|&(index, wanted)| place(table, index) == wanted)
            && table.iter().all(|byte| byte & 15 <= last && byte >> 4 <= last)
            && (names.len().is_multiple_of(2) || place(table, names.len()) == 0)
    };
    let mut found = bytes.windows(length).filter(fits);
    let table = found.next()?;
    // Two different tables fit, so the right one is unknown.
    if found.next().is_some_and(|other| other != table) {
        return None;
    }
    Some((0..names.len()).map(|index| place(table, index)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a program that contains the two tables.
    fn program(names: &[(&str, u8)], before: &[u8]) -> Vec<u8> {
        let mut bytes = before.to_vec();
        bytes.extend(b"some text\0");
        for (name, _) in names {
            bytes.extend(name.as_bytes());
            bytes.push(0);
        }
        bytes.extend(b"\xff\xff\xff");
        for pair in names.chunks(2) {
            bytes.push(pair[0].1 | pair.get(1).map_or(0, |second| second.1 << 4));
        }
        bytes.extend(b"\xff\xff");
        bytes
    }

    const NAMES: [(&str, u8); 9] =
        [("[", 3), ("[[", 3), ("cat", 1), ("chroot", 4), ("cp", 1), ("init", 2), ("linuxrc", 0), ("ls", 1), ("sh", 1)];

    #[test]
    fn names_are_read_out_of_the_program() {
        let paths = built_in(&program(&NAMES, b"\x7fELF").into()).unwrap();
        let paths: Vec<String> = paths.iter().map(|path| display(path)).collect();
        assert_eq!(
            paths,
            ["usr/bin/[", "usr/bin/[[", "bin/cat", "usr/sbin/chroot", "bin/cp", "sbin/init", "linuxrc", "bin/ls", "bin/sh"]
        );
        // A second table that fits as well: the function must not guess.
        let mut other = NAMES;
        other[5].1 = 4;
        let two = [program(&NAMES, b""), program(&other, b"").split_off(10)].concat();
        assert_eq!(built_in(&two.into()), None);
        for no in [&b""[..], b"\0[\0[[\0cat\0", b"\0[\0[[\0cat\0chroot\0cp\0init\0linuxrc\0ls\0sh\0"] {
            assert_eq!(built_in(&no.into()), None);
        }
    }

    #[test]
    fn only_free_paths_get_links_and_lists_go_before_tables() {
        let mut tree = Tree::new();
        assert_eq!(links(&mut tree, "bin/busybox", Some("etc/busybox-paths.d")).unwrap(), None);
        tree.write(b"/bin/busybox", program(&NAMES, b"").into(), 0o755).unwrap();
        tree.write(b"/bin/ls", Content::empty(), 0o755).unwrap();
        insert(&mut tree, b"/bin/sh", Node::symlink(b"nowhere")).unwrap();
        assert_eq!(links(&mut tree, "bin/busybox", Some("etc/busybox-paths.d")).unwrap(), Some(true));
        let target = |tree: &Tree, path: &str| match tree.lookup(path.as_bytes()).map(|id| tree.node(id).kind.clone()) {
            Some(NodeKind::Symlink(target)) => display(&target),
            _ => "-".to_owned(),
        };
        assert_eq!(target(&tree, "/usr/sbin/chroot"), "/bin/busybox");
        assert_eq!((target(&tree, "/bin/ls"), target(&tree, "/bin/sh")), ("-".into(), "nowhere".into()));
        tree.write(b"/etc/busybox-paths.d/busybox", Content::from(&b"bin/busybox\n/bin/new\n"[..]), 0o644).unwrap();
        tree.remove(b"/usr");
        assert_eq!(links(&mut tree, "bin/busybox", Some("etc/busybox-paths.d")).unwrap(), Some(true));
        assert_eq!((target(&tree, "/bin/new"), target(&tree, "/usr/sbin/chroot")), ("/bin/busybox".into(), "-".into()));
        tree.write(b"/bin/busybox", Content::from(&b"no busybox"[..]), 0o755).unwrap();
        assert_eq!(links(&mut tree, "bin/busybox", None).unwrap(), Some(false));
    }
}
