//! Path resolution inside the root: `..`, absolute targets and symbolic links never lead outside
//! it.

use super::{Node, NodeId, NodeKind, Tree, TreeError};

/// Maximum number of links in one path, as on Linux.
const MAX_LINKS: u32 = 40;
/// Maximum length of a name in bytes, as on every file system that rootstrap writes to
/// (`NAME_MAX`).
const MAX_NAME: usize = 255;
/// Maximum length of a path in bytes (`PATH_MAX` without the final NUL).
const MAX_PATH: usize = 4095;

/// The result of path resolution: the directory that contains the last name, and the node of that
/// name, if it exists.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory.
    pub parent: NodeId,
    /// The last name. It is empty if the path is the root itself (or ends in `..`), and then `node`
    /// is set.
    pub name: Box<[u8]>,
    /// The node of that name.
    pub node: Option<NodeId>,
}

impl Tree {
    /// Resolves `path`, following every link except one at the end (as `lstat`). All parent
    /// directories must exist.
    pub fn locate(&self, path: &[u8]) -> Result<Place, TreeError> {
        self.walk_path(path, false)
    }

    /// Resolves `path`, following every link (as `stat`).
    pub fn locate_following(&self, path: &[u8]) -> Result<Place, TreeError> {
        self.walk_path(path, true)
    }

    /// Returns the node at `path`, not following a link at the end.
    pub fn lookup(&self, path: &[u8]) -> Option<NodeId> {
        self.locate(path).ok()?.node
    }

    /// Returns the node at `path`, following a link at the end.
    pub fn resolve(&self, path: &[u8]) -> Option<NodeId> {
        self.locate_following(path).ok()?.node
    }

    /// Returns the directory at `path`, following links, including dangling ones. Missing
    /// directories are created with mode 0755, owned by root, without a package.
    pub fn create_directories(&mut self, path: &[u8]) -> Result<NodeId, TreeError> {
        check_path(path)?;
        let mut links = 0;
        let mut pending: Vec<Box<[u8]>> = Vec::new();
        push_names(&mut pending, path);
        let mut directory = Self::ROOT;
        while let Some(name) = pending.pop() {
            if &*name == b".." {
                directory = self.parent(directory);
                continue;
            }
            directory = match self.child(directory, &name).map(|id| (id, &self.node(id).kind)) {
                None => self.insert(directory, &name, Node::directory(0o755))?,
                Some((id, NodeKind::Directory(_))) => id,
                Some((_, NodeKind::Symlink(target))) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(TreeError::TooManyLinks(display(path)));
                    }
                    push_names(&mut pending, target);
                    if target.starts_with(b"/") { Self::ROOT } else { directory }
                }
                Some(_) => return Err(TreeError::NotADirectory(display(path))),
            };
        }
        Ok(directory)
    }

    fn walk_path(&self, path: &[u8], follow_last: bool) -> Result<Place, TreeError> {
        check_path(path)?;
        let error = |kind: fn(String) -> TreeError| kind(display(path));
        let mut links = 0;
        // Names that are not resolved yet; the next one is the last element.
        let mut pending: Vec<Box<[u8]>> = Vec::new();
        let must_be_directory = path.ends_with(b"/");
        push_names(&mut pending, path);
        let mut directory = Self::ROOT;
        let mut last = Place { parent: directory, name: Box::default(), node: Some(directory) };
        while let Some(name) = pending.pop() {
            if &*name == b".." {
                directory = self.parent(directory);
                last = Place { parent: directory, name: Box::default(), node: Some(directory) };
                continue;
            }
            let node = self.child(directory, &name);
            let at_end = pending.is_empty();
            match node.map(|id| (id, &self.node(id).kind)) {
                None if at_end => return Ok(Place { parent: directory, name, node: None }),
                None => return Err(error(TreeError::NotFound)),
                Some((_, NodeKind::Symlink(target))) if !at_end || follow_last || must_be_directory => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(error(TreeError::TooManyLinks));
                    }
                    if target.starts_with(b"/") {
                        directory = Self::ROOT;
                    }
                    push_names(&mut pending, target);
                    last = Place { parent: directory, name: Box::default(), node: Some(directory) };
                }
                Some((id, NodeKind::Directory(_))) => {
                    last = Place { parent: directory, name, node: Some(id) };
                    directory = id;
                }
                Some((id, _)) if at_end => return Ok(Place { parent: directory, name, node: Some(id) }),
                Some(_) => return Err(error(TreeError::NotADirectory)),
            }
        }
        Ok(last)
    }
}

/// Fails if no Linux file system accepts the path or one of its names.
pub(super) fn check_path(path: &[u8]) -> Result<(), TreeError> {
    if path.contains(&0) || path.len() > MAX_PATH || path.split(|&c| c == b'/').any(|name| name.len() > MAX_NAME) {
        return Err(TreeError::BadPath(display(&path[..path.len().min(MAX_NAME)])));
    }
    Ok(())
}

/// Fails if no symbolic link can have this target.
pub(super) fn check_target(target: &[u8]) -> Result<(), TreeError> {
    if target.is_empty() || target.len() > MAX_PATH || target.contains(&0) {
        return Err(TreeError::BadTarget(display(&target[..target.len().min(MAX_NAME)])));
    }
    Ok(())
}

/// Returns the length of a path after a name is appended. Fails if it exceeds the maximum.
pub(super) fn longer(length: u16, name: &[u8]) -> Result<u16, TreeError> {
    let sum = usize::from(length) + 1 + name.len();
    // The slash before the first name does not count: a path within a root has none.
    u16::try_from(sum).ok().filter(|_| sum <= MAX_PATH + 1).ok_or_else(|| TreeError::BadPath(display(name)))
}

/// Pushes the names of `path` so that the first is on top. Skips empty names and `.`.
fn push_names(pending: &mut Vec<Box<[u8]>>, path: &[u8]) {
    pending.extend(path.rsplit(|&c| c == b'/').filter(|name| !name.is_empty() && *name != b".").map(Box::from));
}

/// Formats a path for a message. Escapes control characters, and truncates text that is longer than
/// a path may be.
pub fn display(path: &[u8]) -> String {
    let shown = &path[..path.len().min(MAX_PATH + 1)];
    let mut text = String::with_capacity(shown.len());
    for character in String::from_utf8_lossy(shown).chars() {
        if character.is_control() { text.extend(character.escape_default()) } else { text.push(character) }
    }
    if shown.len() < path.len() {
        text.push_str(&format!("… ({} bytes)", path.len()));
    }
    text
}
