//! Creation of a bill from a subject: the facts of its packages, completed from the pool, and the
//! digests of its files.

use std::borrow::Cow;
use std::io;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Bill, Distribution, FileItem, Item, Whole};
use crate::audit::completed::completed;
use crate::audit::needs::Need;
use crate::audit::{Subject, SubjectKind};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::package::{Content, Fate, PackageFacts};
use crate::tree::{NodeId, Tree};

/// The error of a file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {error}")]
pub struct UnreadableFile {
    /// Path of the file within the root.
    pub path: String,
    /// The error of the system.
    pub error: io::Error,
}

impl<'a> Bill<'a> {
    /// Creates the bill of a subject with the `needs` of its packages. With `files`, the bill also
    /// lists the files, if the subject has any.
    pub fn of(subject: &'a Subject, needs: &'a [Vec<Need>], files: bool) -> Result<Self, UnreadableFile> {
        let distribution = subject.release.as_ref().map(|release| Distribution {
            id: &release.id,
            version: release.version.as_deref(),
            name: release.pretty.as_deref(),
        });
        let item = |(place, facts): (usize, &'a PackageFacts)| {
            let origin = subject.origins.get(&facts.id);
            Item {
                facts: completed(subject, place),
                needs: needs.get(place).map(Vec::as_slice).unwrap_or_default(),
                checksum: origin.and_then(|origin| origin.checksum.clone()),
                download: origin.map(|origin| Cow::Borrowed(origin.location.as_str())),
            }
        };
        let packages: Vec<Item<'a>> = subject.packages.iter().enumerate().map(item).collect();
        let place = |id: &String| subject.packages.binary_search_by(|known| known.id.cmp(id)).ok();
        let requested = subject.requested.as_ref().map(|ids| ids.iter().filter_map(place).collect());
        let times = packages.iter().flat_map(|item| [item.facts.install_time, item.facts.build_time]);
        let time = times.flatten().max().unwrap_or(0);
        let whole = match subject.kind {
            SubjectKind::Image | SubjectKind::Docker => Whole::Image,
            _ => Whole::Root,
        };
        let tree = subject.tree.as_deref().filter(|_| files);
        let files = tree.map(|tree| digests(tree, &subject.packages)).transpose()?;
        Ok(Self { name: &subject.name, whole, distribution, kind: subject.packaging.name(), packages, requested, files, time })
    }
}

/// Returns the regular files of a tree in path order, with the packages that own them.
fn digests<'a>(tree: &'a Tree, packages: &[PackageFacts]) -> Result<Vec<FileItem<'a>>, UnreadableFile> {
    let mut owners: FxHashMap<NodeId, usize> = FxHashMap::default();
    for (place, package) in packages.iter().enumerate() {
        // A file that was left out or replaced by another package does not belong to this package.
        let there = package.files.iter().filter(|file| file.fate.is_none_or(|fate| fate == Fate::Installed));
        owners.extend(there.filter_map(|file| Some((tree.lookup(&file.path)?, place))));
    }
    let mut found: Vec<(String, NodeId, &Content)> = Vec::new();
    tree.walk(|path, id| {
        if let Some(content) = tree.node(id).content() {
            found.push((format!("/{}", String::from_utf8_lossy(path)), id, content));
        }
    });
    let digested: Vec<Result<FileItem<'a>, UnreadableFile>> = found
        .into_par_iter()
        .map(|(path, id, content)| match both(content) {
            Ok((sha1, sha256)) => Ok(FileItem { path: path.into(), package: owners.get(&id).copied(), sha1, sha256 }),
            Err(error) => Err(UnreadableFile { path, error }),
        })
        .collect();
    digested.into_iter().collect()
}

fn both(content: &Content) -> io::Result<(Digest, Digest)> {
    let mut hashers = [Algorithm::Sha1, Algorithm::Sha256].map(Hasher::new);
    let mut reader = content.reader();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = io::Read::read(&mut reader, &mut buffer)?;
        if count == 0 {
            break;
        }
        for hasher in &mut hashers {
            hasher.update(&buffer[..count]);
        }
    }
    let [sha1, sha256] = hashers.map(Hasher::finish);
    Ok((sha1, sha256))
}
