//! Files that were added, removed or changed, and files with a new or a removed security risk.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use super::super::subject::Subject;
use crate::output::{Times, differences};
use crate::tree::{NodeKind, Tree, display};

/// Changes of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// Paths in the second tree only.
    pub added: Vec<ListedFile>,
    /// Paths in the first tree only.
    pub removed: Vec<ListedFile>,
    /// Paths with differences.
    pub changed: Vec<ChangedFile>,
    /// Risks in the second tree only.
    pub new_risks: Vec<RiskyFile>,
    /// Risks in the first tree only.
    pub gone_risks: Vec<RiskyFile>,
}

/// A path in one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedFile {
    /// Absolute path.
    pub path: String,
    /// The package that owns the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Size of a regular file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// A path that differs between the trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedFile {
    /// Absolute path.
    pub path: String,
    /// The package that owns the path, in the second set or else in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The aspects that differ.
    pub changes: Vec<Change>,
}

/// A difference in one aspect of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `type`, `mode`, `owner`, `size`, `content`, `target`, `device` or the name of an extended
    /// attribute.
    pub what: String,
    /// Value in the first tree.
    pub from: String,
    /// Value in the second tree.
    pub to: String,
}

/// A security risk of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// The program runs with the rights of its owner.
    Setuid,
    /// The program runs with the rights of its group.
    Setgid,
    /// The program runs with capabilities.
    Capabilities,
    /// All users may write to the file, or create and remove files in the directory.
    WorldWritable,
}

impl Risk {
    /// Returns the name of the risk.
    pub fn text(self) -> &'static str {
        match self {
            Self::Setuid => "setuid",
            Self::Setgid => "setgid",
            Self::Capabilities => "capabilities",
            Self::WorldWritable => "world-writable",
        }
    }
}

/// A file with a security risk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RiskyFile {
    /// Absolute path.
    pub path: String,
    /// The risk.
    pub risk: Risk,
    /// Permissions, in octal.
    pub mode: String,
    /// The package that owns the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

/// Aspects that are ignored: times and hard links differ between builds without meaning.
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

    /// Reports whether there is no difference.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The id of the owning package of each path.
type Owners<'s> = BTreeMap<String, &'s str>;

fn owners(subject: &Subject) -> Owners<'_> {
    let files = subject.packages.iter().flat_map(|package| package.files.iter().map(move |file| (package, file)));
    files.map(|(package, file)| (absolute(&file.path), package.id.as_str())).collect()
}

/// Returns the path with a leading slash, which some ecosystems omit.
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

/// Returns the size of all regular files in bytes; hard links count once.
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
        // In a sticky directory, users cannot remove the files of others.
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
