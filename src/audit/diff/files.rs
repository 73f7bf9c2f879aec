//! Files that came, went or changed, and those that may do more, or may be done more with, than before.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use super::super::subject::Subject;
use crate::output::{Times, differences};
use crate::tree::{NodeKind, Tree, display};

/// What became of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// Paths that only the second tree has.
    pub added: Vec<ListedFile>,
    /// Paths that only the first tree has.
    pub removed: Vec<ListedFile>,
    /// Paths that are not the same.
    pub changed: Vec<ChangedFile>,
    /// What is risky in the second tree and was not in the first.
    pub new_risks: Vec<RiskyFile>,
    /// What was risky in the first tree and is not in the second.
    pub gone_risks: Vec<RiskyFile>,
}

/// A path of one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedFile {
    /// The path, absolute.
    pub path: String,
    /// The package that it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Bytes of a regular file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// A path of both trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedFile {
    /// The path, absolute.
    pub path: String,
    /// The package that it is of, in the second set or else in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// What is not the same of it.
    pub changes: Vec<Change>,
}

/// One thing that is not the same of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `type`, `mode`, `owner`, `size`, `content`, `target`, `device` or the name of an extended attribute.
    pub what: String,
    /// In the first tree.
    pub from: String,
    /// In the second.
    pub to: String,
}

/// What is risky of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Whoever runs it does so as its owner.
    Setuid,
    /// Whoever runs it does so as its group.
    Setgid,
    /// It runs with capabilities.
    Capabilities,
    /// Everybody may write to it (or into it, and remove what others put there).
    WorldWritable,
}

impl Risk {
    /// In a word.
    pub fn text(self) -> &'static str {
        match self {
            Self::Setuid => "setuid",
            Self::Setgid => "setgid",
            Self::Capabilities => "capabilities",
            Self::WorldWritable => "world-writable",
        }
    }
}

/// A file with a risk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RiskyFile {
    /// The path, absolute.
    pub path: String,
    /// What is risky.
    pub risk: Risk,
    /// Its permissions, octal.
    pub mode: String,
    /// The package that it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

/// Times and hard links are no difference between two builds that anybody means.
const PASSED_OVER: [&str; 2] = ["mtime", "links"];

impl Files {
    pub(super) fn of((from, old): (&Subject, &Tree), (to, new): (&Subject, &Tree)) -> io::Result<Self> {
        let (old_owners, new_owners) = (owners(from), owners(to));
        let (old_sizes, new_sizes) = (sizes(old), sizes(new));
        let mut found = Self::default();
        for difference in differences(old, new, Times { epoch: 0, clamp: false })? {
            let path = difference.path;
            let listed = |owners: &Owners<'_>, sizes: &FxHashMap<String, u64>| ListedFile {
                package: owners.get(&path).map(|&id| id.to_owned()),
                size: sizes.get(&path).copied(),
                path: path.clone(),
            };
            match difference.what {
                "missing" => found.removed.push(listed(&old_owners, &old_sizes)),
                "extra" => found.added.push(listed(&new_owners, &new_sizes)),
                _ => {
                    let counts = difference.aspects.into_iter().filter(|aspect| !PASSED_OVER.contains(&aspect.name.as_str()));
                    let changes: Vec<Change> =
                        counts.map(|aspect| Change { what: aspect.name, from: aspect.expected, to: aspect.found }).collect();
                    if !changes.is_empty() {
                        let package = new_owners.get(&path).or_else(|| old_owners.get(&path)).map(|&id| id.to_owned());
                        found.changed.push(ChangedFile { path, package, changes });
                    }
                }
            }
        }
        let (old_risks, new_risks) = (risks(old, &old_owners), risks(new, &new_owners));
        let only = |a: &[RiskyFile], b: &[RiskyFile]| -> Vec<RiskyFile> {
            let known: FxHashSet<(&str, Risk)> = b.iter().map(|file| (file.path.as_str(), file.risk)).collect();
            a.iter().filter(|file| !known.contains(&(file.path.as_str(), file.risk))).cloned().collect()
        };
        (found.new_risks, found.gone_risks) = (only(&new_risks, &old_risks), only(&old_risks, &new_risks));
        Ok(found)
    }

    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Of each path the id of its package.
type Owners<'s> = BTreeMap<String, &'s str>;

fn owners(subject: &Subject) -> Owners<'_> {
    let files = subject.packages.iter().flat_map(|package| package.files.iter().map(move |file| (package, file)));
    files.map(|(package, file)| (absolute(&file.path), package.id.as_str())).collect()
}

/// Some ecosystems tell paths without the first slash.
fn absolute(path: &[u8]) -> String {
    format!("/{}", display(path.strip_prefix(b"/").unwrap_or(path)))
}

fn sizes(tree: &Tree) -> FxHashMap<String, u64> {
    let mut sizes = FxHashMap::default();
    tree.walk(|path, id| {
        if let Some(content) = tree.node(id).content() {
            sizes.insert(absolute(path), content.len());
        }
    });
    sizes
}

/// Bytes of all regular files, hard links once.
pub(super) fn bytes(tree: &Tree) -> u64 {
    let (mut seen, mut sum) = (FxHashSet::default(), 0);
    tree.walk(|_, id| {
        if seen.insert(id) {
            sum += tree.node(id).content().map_or(0, crate::package::Content::len);
        }
    });
    sum
}

const STICKY: u16 = 0o1000;

fn risks(tree: &Tree, owners: &Owners<'_>) -> Vec<RiskyFile> {
    let mut found = Vec::new();
    tree.walk(|path, id| {
        let node = tree.node(id);
        let mode = node.metadata.mode;
        let is_file = matches!(node.kind, NodeKind::File(_));
        let is_link = matches!(node.kind, NodeKind::Symlink(_));
        let is_device = matches!(node.kind, NodeKind::CharacterDevice { .. } | NodeKind::BlockDevice { .. });
        // In a sticky directory nobody removes what others put there.
        let is_shared = node.is_directory() && mode & STICKY != 0;
        let open = mode & 0o002 != 0 && !is_link && !is_device && !is_shared;
        let has = [
            (Risk::Setuid, is_file && mode & 0o4000 != 0),
            (Risk::Setgid, is_file && mode & 0o2000 != 0),
            (Risk::Capabilities, is_file && node.metadata.xattrs.contains_key(&b"security.capability"[..])),
            (Risk::WorldWritable, open),
        ];
        for (risk, _) in has.into_iter().filter(|&(_, has)| has) {
            let path = absolute(path);
            let package = owners.get(&path).map(|&id| id.to_owned());
            found.push(RiskyFile { mode: format!("{mode:04o}"), risk, package, path });
        }
    });
    found.sort();
    found
}
