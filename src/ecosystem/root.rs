//! Read access to the files of a root, in a directory on disk or in a model of the tree.
//!
//! Input: paths within the root, without a leading slash. Output: bytes. Links are resolved inside
//! the root, so none leads outside it. Nothing is written.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Dir, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::tree::{NodeKind, Tree};

/// A root to read from.
pub trait RootFiles: Sync {
    /// Returns the bytes of a regular file, or `None` if there is none.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// Returns the sorted names in a directory; there are none if there is no directory.
    fn names(&self, path: &str) -> io::Result<Vec<String>>;

    /// Returns the text of a file, lossily decoded, or an empty string if there is no file.
    fn read_text(&self, path: &str) -> io::Result<String> {
        Ok(self.read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    }
}

impl RootFiles for Tree {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let content = self.resolve(path.as_bytes()).and_then(|id| self.node(id).content());
        content.map(|content| content.bytes().map(std::borrow::Cow::into_owned)).transpose()
    }

    fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let directory = self.resolve(path.as_bytes()).map(|id| &self.node(id).kind);
        let Some(NodeKind::Directory(directory)) = directory else { return Ok(Vec::new()) };
        Ok(directory.entries().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect())
    }
}

/// A root in a directory on disk.
#[derive(Debug)]
pub struct RootDirectory(File);

impl RootDirectory {
    /// Opens the directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }
}

impl RootDirectory {
    /// Opens a file or directory; `None` where there is none.
    fn open_below(&self, path: &str) -> io::Result<Option<File>> {
        let opened = match open_in_root(&self.0, path) {
            Err(Errno::NOSYS | Errno::PERM) => open_without_links(&self.0, path),
            opened => opened,
        };
        match opened {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl RootFiles for RootDirectory {
    fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let Some(directory) = self.open_below(path)? else { return Ok(Vec::new()) };
        if !directory.metadata()?.is_dir() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in Dir::read_from(directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open_below(path)? else { return Ok(None) };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

/// Open flags. `NONBLOCK` prevents blocking if the path is a pipe.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Opens a file and resolves links inside the root. EL10's `/var/lib/rpm` is a link.
fn open_in_root(root: &File, path: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat2(root, path, FLAGS, Mode::empty(), ResolveFlags::IN_ROOT)
}

/// Opens a file without following any link. This is the fallback for kernels before 5.6 and for
/// containers whose seccomp filter blocks `openat2`.
fn open_without_links(root: &File, path: &str) -> Result<OwnedFd, Errno> {
    let mut directory = rustix::fs::openat(root, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let (parents, name) = path.rsplit_once('/').unwrap_or((".", path));
    for parent in parents.split('/') {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        directory = rustix::fs::openat(&directory, parent, flags, Mode::empty())?;
    }
    rustix::fs::openat(&directory, name, FLAGS | OFlags::NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::package::Content;
    use crate::tree::Node;

    #[test]
    fn without_openat2_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
        std::fs::write(directory.path().join("a/b/file"), "x").unwrap();
        symlink("b", directory.path().join("a/link")).unwrap();
        symlink("file", directory.path().join("a/b/link")).unwrap();
        let root = File::open(directory.path()).unwrap();
        for open in [open_in_root, open_without_links] {
            assert!(open(&root, "a/b/file").is_ok());
            assert_eq!(open(&root, "a/nothing/file").unwrap_err(), Errno::NOENT);
        }
        assert!(open_in_root(&root, "a/link/file").is_ok());
        assert_eq!(open_without_links(&root, "a/link/file").unwrap_err(), Errno::NOTDIR);
        assert_eq!(open_without_links(&root, "a/b/link").unwrap_err(), Errno::LOOP);
    }

    #[test]
    fn a_tree_and_a_directory_answer_alike() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("usr/lib")).unwrap();
        std::fs::write(directory.path().join("usr/lib/os-release"), "ID=x").unwrap();
        symlink("/usr/lib", directory.path().join("lib")).unwrap();
        let mut tree = Tree::new();
        tree.write(b"/usr/lib/os-release", Content::from(&b"ID=x"[..]), 0o644).unwrap();
        tree.insert(Tree::ROOT, b"lib", Node::symlink(b"/usr/lib")).unwrap();
        let disk = RootDirectory::open(directory.path()).unwrap();
        let roots: [&dyn RootFiles; 2] = [&tree, &disk];
        for root in roots {
            assert_eq!(root.read_text("lib/os-release").unwrap(), "ID=x");
            assert_eq!(root.read("usr/lib").unwrap(), None);
            assert_eq!(root.read("usr/lib/os-release/x").unwrap(), None);
            assert_eq!(root.read("none").unwrap(), None);
        }
    }

    #[test]
    fn names_of_a_directory_are_sorted_in_a_tree_and_on_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
        std::fs::write(directory.path().join("a/c"), "").unwrap();
        let mut tree = Tree::new();
        tree.write(b"/a/c", Content::from(Vec::new()), 0o644).unwrap();
        tree.write(b"/a/b/x", Content::from(Vec::new()), 0o644).unwrap();
        let roots: [&dyn RootFiles; 2] = [&RootDirectory::open(directory.path()).unwrap(), &tree];
        for root in roots {
            assert_eq!(root.names("a").unwrap(), ["b", "c"]);
            assert!(root.names("a/c").unwrap().is_empty() && root.names("none").unwrap().is_empty());
        }
    }
}
