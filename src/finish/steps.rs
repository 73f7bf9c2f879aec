//! Application of the catalog's finishing steps to the tree, in order.
//!
//! In: [`Step`]s, the build time, and the files of packages that are not installed. Out: the
//! changed tree, and a list of the steps that found nothing to do.

use super::accounts::{self, NewGroup, NewUser};
use super::busybox;
use super::glob::{glob, matches};
use super::repositories;
use super::tmpfiles;
use crate::catalog::{BusyboxLinks, Copy, Directory, Existing, FilesFrom, Link, Replace, Step, Write};
use crate::package::{Content, Entry, EntryKind, Owner};
use crate::tree::{Metadata, Node, NodeId, NodeKind, Place, Tree, TreeError, join, split};

const UNITS: &str = "etc/systemd/system";
const UNIT_FILES: &str = "/usr/lib/systemd/system";

/// A function that returns the files of a package that is not installed, without ghosts, by the
/// package's name. It returns `None` if no repository has the package.
pub type PackageFiles<'a> = dyn Fn(&str) -> Option<Vec<Entry>> + 'a;

/// The reason why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The tree does not allow the change.
    #[error("finishing step on {path}")]
    Tree {
        /// The path of the step.
        path: String,
        /// The error of the tree.
        source: TreeError,
    },
    /// A tmpfiles.d line failed.
    #[error("tmpfiles")]
    Tmpfiles(#[from] tmpfiles::TmpfilesError),
}

/// A thing that a step did not find. This is not an error, but the report includes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// No repository has the package with the files.
    Package(String),
    /// No file of the package matches.
    Files {
        /// The package.
        package: String,
        /// The patterns.
        patterns: Vec<String>,
    },
    /// The applet names of this busybox are unknown.
    BusyboxNames(String),
    /// A tmpfiles.d line that is not supported, with the reason.
    Tmpfiles(String),
}

impl std::fmt::Display for Nothing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Package(package) => write!(f, "no repository has {package}: none of its files were taken"),
            Self::Files { package, patterns } => write!(f, "{package} has no file {}", patterns.join(" or ")),
            Self::BusyboxNames(program) => {
                write!(f, "{program} does not tell under which names it is called: no links to it were made")
            }
            Self::Tmpfiles(line) => write!(f, "tmpfiles.d: {line}"),
        }
    }
}

/// Applies the steps in order. `epoch` is the build time in seconds since 1970.
pub fn apply(tree: &mut Tree, steps: &[Step], epoch: i64, packages: &PackageFiles<'_>) -> Result<Vec<Nothing>, StepError> {
    let mut nothing = Vec::new();
    for step in steps {
        let at = |path: &str| {
            let path = path.to_owned();
            move |source| StepError::Tree { path, source }
        };
        match step {
            Step::Write(step) => write(tree, step, epoch).map_err(at(&step.path))?,
            Step::Remove(patterns) => {
                for path in patterns.iter().flat_map(|pattern| glob(tree, pattern.as_bytes())).collect::<Vec<_>>() {
                    tree.remove(&path);
                }
            }
            Step::Link(Link { path, target, if_dir, unless_dir }) => {
                let is_there =
                    |directory: &String| tree.resolve(&absolute(directory)).is_some_and(|id| tree.node(id).is_directory());
                if if_dir.as_ref().is_none_or(is_there) && !unless_dir.as_ref().is_some_and(is_there) {
                    link(tree, path, target).map_err(at(path))?;
                }
            }
            Step::EnableRepositories(step) => repositories::enable(tree, step).map_err(at(&step.files))?,
            Step::Directory(step) => directory(tree, step).map_err(at(&step.path))?,
            Step::Copy(Copy { from, to }) => copy(tree, from, to).map_err(at(to))?,
            Step::Group(group) => {
                let new = NewGroup { name: &group.name, gid: group.gid, password: &group.password };
                accounts::add_group(tree, new).map_err(at(accounts::GROUP))?;
            }
            Step::User(user) => {
                let new = NewUser {
                    name: &user.name,
                    uid: user.uid,
                    gid: user.gid,
                    gecos: &user.gecos,
                    home: &user.home,
                    shell: &user.shell,
                    password: &user.password,
                };
                accounts::add_user(tree, new, epoch).map_err(at(accounts::PASSWD))?;
            }
            Step::MaskUnits(_) | Step::DefaultTarget(_) => {
                for (path, target) in links(step) {
                    link(tree, &path, &target).map_err(at(&path))?;
                }
            }
            Step::FilesFrom(step) => nothing.extend(files_from(tree, step, packages)?),
            Step::Replace(step) => replace(tree, step).map_err(at(&step.files))?,
            Step::LockPasswords(users) => {
                for user in users {
                    accounts::lock_password(tree, user).map_err(at(accounts::SHADOW))?;
                }
            }
            Step::BusyboxLinks(BusyboxLinks { program, lists }) => {
                let made = busybox::links(tree, program, lists.as_deref()).map_err(at(program))?;
                if made == Some(false) {
                    nothing.push(Nothing::BusyboxNames(program.clone()));
                }
            }
            Step::Tmpfiles(path) => {
                let skipped = tmpfiles::apply(tree, path)?;
                nothing.extend(skipped.into_iter().map(Nothing::Tmpfiles));
            }
        }
    }
    Ok(nothing)
}

fn write(tree: &mut Tree, step: &Write, epoch: i64) -> Result<(), TreeError> {
    let path = absolute(&step.path);
    if let Some(directory) = &step.if_dir
        && !tree.resolve(&absolute(directory)).is_some_and(|id| tree.node(id).is_directory())
    {
        return Ok(());
    }
    let there = tree.resolve(&path);
    let id = match (step.existing, there) {
        (Existing::Keep, Some(id)) => id,
        (existing, there) => {
            let mut bytes = Vec::new();
            if let (Existing::Append, Some(_)) = (existing, there) {
                bytes = read(tree, &path)?;
            }
            bytes.extend(step.content.render(u64::try_from(epoch).unwrap_or(0)));
            tree.write(&path, Content::from(bytes), mode(step.mode, 0o644))?
        }
    };
    if step.mode.is_some() {
        tree.node_mut(id).metadata.mode = mode(step.mode, 0o644);
    }
    Ok(())
}

/// Returns the symbolic links that a step creates: path and target.
pub(super) fn links(step: &Step) -> Vec<(String, String)> {
    match step {
        Step::Link(Link { path, target, .. }) => vec![(path.clone(), target.clone())],
        Step::MaskUnits(units) => units.iter().map(|unit| (format!("{UNITS}/{unit}"), "/dev/null".to_owned())).collect(),
        Step::DefaultTarget(target) => vec![(format!("{UNITS}/default.target"), format!("{UNIT_FILES}/{target}"))],
        _ => Vec::new(),
    }
}

/// Creates a symbolic link, and replaces any existing node except a directory.
fn link(tree: &mut Tree, path: &str, target: &str) -> Result<(), TreeError> {
    insert(tree, &absolute(path), Node::symlink(target.as_bytes())).map(drop)
}

/// Inserts a node, and replaces any existing node except a directory. Creates missing parent
/// directories.
pub(super) fn insert(tree: &mut Tree, path: &[u8], node: Node) -> Result<NodeId, TreeError> {
    tree.create_directories(split(path).0)?;
    let Place { parent, name, node: there } = tree.locate(path)?;
    if let Some(id) = there {
        if tree.node(id).is_directory() {
            return Err(TreeError::IsADirectory(crate::tree::display(path)));
        }
        tree.unbind(parent, &name);
    }
    tree.insert(parent, &name, node)
}

fn directory(tree: &mut Tree, step: &Directory) -> Result<(), TreeError> {
    let id = tree.create_directories(&absolute(&step.path))?;
    let metadata = &mut tree.node_mut(id).metadata;
    metadata.mode = mode(step.mode, metadata.mode);
    if let Some(user) = &step.owner {
        metadata.user = Owner::named(user);
    }
    if let Some(group) = &step.group {
        metadata.group = Owner::named(group);
    }
    Ok(())
}

fn copy(tree: &mut Tree, from: &str, to: &str) -> Result<(), TreeError> {
    let Some(from) = tree.resolve(&absolute(from)) else { return Ok(()) };
    let Some(content) = tree.node(from).content().cloned() else { return Ok(()) };
    let metadata = Metadata { mtime: Metadata::NOW, ..tree.node(from).metadata.clone() };
    let to = tree.write(&absolute(to), content, metadata.mode)?;
    tree.node_mut(to).metadata = metadata;
    Ok(())
}

fn files_from(tree: &mut Tree, step: &FilesFrom, packages: &PackageFiles<'_>) -> Result<Option<Nothing>, StepError> {
    let Some(files) = packages(&step.package) else { return Ok(Some(Nothing::Package(step.package.clone()))) };
    let failed = |path: &str| {
        let path = path.to_owned();
        move |source| StepError::Tree { path, source }
    };
    let any = match &step.into {
        Some(into) => gather(tree, step, into, &files).map_err(failed(into))?,
        None => unpack(tree, step, &files).map_err(failed(&step.package))?,
    };
    Ok((!any).then(|| Nothing::Files { package: step.package.clone(), patterns: step.files.clone() }))
}

/// Puts the matching files into one directory. Returns `false` if none match.
fn gather(tree: &mut Tree, step: &FilesFrom, into: &str, files: &[Entry]) -> Result<bool, TreeError> {
    let mut taken: Vec<&[u8]> = Vec::new();
    for pattern in &step.files {
        for entry in files {
            let path = entry.path.strip_prefix(b"/").unwrap_or(&entry.path);
            let EntryKind::File(content) = &entry.kind else { continue };
            let name = split(path).1;
            if !path_matches(pattern.as_bytes(), path) || taken.contains(&name) {
                continue;
            }
            taken.push(name);
            let to = join(&absolute(into), name);
            let mut node = Node::file(content.clone(), mode(step.mode, entry.mode));
            // The copy preserves the modification time, like `cp -p` and `install -p`.
            node.metadata.mtime = entry.mtime;
            insert(tree, &to, node)?;
        }
    }
    Ok(!taken.is_empty())
}

/// Unpacks everything that matches, at its path in the package. Returns `false` if nothing matches.
fn unpack(tree: &mut Tree, step: &FilesFrom, files: &[Entry]) -> Result<bool, TreeError> {
    let mut any = false;
    for entry in files {
        let path = entry.path.strip_prefix(b"/").unwrap_or(&entry.path);
        if !step.files.iter().any(|pattern| path_matches(pattern.as_bytes(), path)) {
            continue;
        }
        any = true;
        let to = join(b"", &entry.path);
        let kind = match &entry.kind {
            EntryKind::Directory => {
                if tree.resolve(&to).is_none() {
                    let id = tree.create_directories(&to)?;
                    describe(&mut tree.node_mut(id).metadata, entry, step.mode);
                }
                continue;
            }
            EntryKind::HardLink(first) => {
                let Some(id) = tree.lookup(first) else { continue };
                tree.remove(&to);
                let parent = tree.create_directories(split(&to).0)?;
                tree.link(parent, split(&to).1, id)?;
                continue;
            }
            EntryKind::File(content) => NodeKind::File(content.clone()),
            EntryKind::Symlink(target) => NodeKind::Symlink((**target).into()),
            EntryKind::CharacterDevice { major, minor } => NodeKind::CharacterDevice { major: *major, minor: *minor },
            EntryKind::BlockDevice { major, minor } => NodeKind::BlockDevice { major: *major, minor: *minor },
            EntryKind::Fifo => NodeKind::Fifo,
            EntryKind::Socket => NodeKind::Socket,
        };
        let id = insert(tree, &to, Node::new(kind, entry.mode))?;
        describe(&mut tree.node_mut(id).metadata, entry, step.mode);
    }
    Ok(any)
}

fn describe(metadata: &mut Metadata, entry: &Entry, wanted: Option<u32>) {
    let Entry { mtime, user, group, xattrs, .. } = entry.clone();
    *metadata = Metadata { mode: mode(wanted, entry.mode), mtime, user, group, xattrs };
}

/// Matches a shell pattern with a path that is not in the tree, component by component.
pub(super) fn path_matches(pattern: &[u8], path: &[u8]) -> bool {
    let (mut patterns, mut names) = (pattern.split(|&c| c == b'/'), path.split(|&c| c == b'/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) => {
                let hidden = name.starts_with(b".") && !pattern.starts_with(b".") && !pattern.starts_with(b"\\.");
                if hidden || !matches(pattern, name) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

fn replace(tree: &mut Tree, step: &Replace) -> Result<(), TreeError> {
    for path in glob(tree, step.files.as_bytes()) {
        let is_file = tree.lookup(&path).is_some_and(|id| matches!(tree.node(id).kind, NodeKind::File(_)));
        if !is_file {
            continue;
        }
        let bytes = read(tree, &path)?;
        if let Some(changed) = replaced(&bytes, step.from.as_bytes(), step.to.as_bytes()) {
            tree.write(&path, Content::from(changed), 0o644)?;
        }
    }
    Ok(())
}

/// Returns `text` with every `from` replaced by `to`, or `None` if `from` does not occur.
pub(super) fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text;
    let find = |text: &[u8]| text.windows(from.len().max(1)).position(|window| window == from);
    while let Some(i) = find(rest) {
        out.extend_from_slice(&rest[..i]);
        out.extend_from_slice(to);
        rest = &rest[i + from.len()..];
    }
    (rest.len() < text.len()).then(|| [&out, rest].concat())
}

pub(super) fn read(tree: &Tree, path: &[u8]) -> Result<Vec<u8>, TreeError> {
    let content = tree.read(path)?;
    let bytes = content.bytes().map_err(|error| TreeError::Unreadable(crate::tree::display(path), error.to_string()))?;
    Ok(bytes.into_owned())
}

pub(super) fn absolute(path: &str) -> Vec<u8> {
    join(b"", path.as_bytes())
}

fn mode(wanted: Option<u32>, otherwise: u16) -> u16 {
    wanted.map_or(otherwise, |mode| (mode & 0o7777) as u16)
}

#[cfg(test)]
mod tests;
