//! Writes a tree of hostile packages in every output form, and checks each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rootstrap::apk::archive::{MemberKind, read_tar};
use rootstrap::cancel::Cancel;
use rootstrap::output::oci::{Image, Layout, read_found, read_layout};
use rootstrap::output::{ArchiveFile, Directory, Ownership, Packing, Times, WriteOptions, differences};
use rootstrap::package::Spool;
use rootstrap::reporter::Silent;
use rootstrap::tree::Tree;

use crate::case::Kind;
use crate::install::IMAGES;

const TIMES: Times = Times { epoch: 1_700_000_000, clamp: false };

/// The output forms that refused the tree, and the reasons.
pub(crate) type Refused = BTreeMap<&'static str, String>;

/// Writes the tree in every form below `place` and reads each back. Fails if a check fails.
pub(crate) fn check(tree: &Tree, kind: Kind, place: &Path, foreign: &[u64]) -> Result<Refused, String> {
    let mut refused = Refused::new();
    for (form, ownership) in [("directory", Ownership::detect()), ("directory without owners", Ownership::Record)] {
        let out = place.join(form);
        let options = WriteOptions { ownership, epoch: TIMES.epoch, jobs: None, sync: false };
        let written = Directory::prepare(&out).and_then(|directory| directory.write(tree, &options, &Silent, &Cancel::new()));
        match written {
            Ok(_) => directory(&out, foreign)?,
            Err(error) => drop(refused.insert(form, error.to_string())),
        }
        if refused.contains_key(form) && out.exists() {
            return Err(format!("{form} was refused, and is there"));
        }
    }
    let spool = Spool::new(1 << 20, place);
    let archive = place.join("out.tar");
    let written = ArchiveFile::prepare(&archive).and_then(|file| file.write(tree, TIMES, Packing::NONE, &Silent, &Cancel::new()));
    match written {
        Ok(written) => {
            members(&fs::read(&archive).unwrap()).map_err(|problem| format!("archive: {problem}"))?;
            let again = read_found(&archive, None, None, &spool).map_err(|error| format!("archive: {error}"))?;
            let mut different = differences(tree, &again.tree, TIMES).unwrap();
            // These names mean to those who read layers that something is gone.
            different.retain(|path| !path.path.contains("/.wh."));
            if written.not_applied.is_empty() && !different.is_empty() {
                return Err(format!("archive: {different:?}"));
            }
        }
        Err(error) => drop(refused.insert("archive", error.to_string())),
    }
    let layout = place.join("layout");
    match image(tree, kind, &layout) {
        Ok(()) => {
            let reference = layout.to_str().unwrap().parse().unwrap();
            let again = read_layout(&reference, None, &spool).map_err(|error| format!("layout: {error}"))?;
            let different = differences(tree, &again.tree, TIMES).unwrap();
            // Sockets, and attributes with odd names, are in no archive: the list of what is missed
            // says so.
            if !different.iter().all(|path| path.what != "extra") {
                return Err(format!("layout: {different:?}"));
            }
        }
        Err(error) => drop(refused.insert("layout", error)),
    }
    Ok(refused)
}

fn image(tree: &Tree, kind: Kind, layout: &Path) -> Result<(), String> {
    let known = &IMAGES[usize::from(kind == Kind::Apk)];
    let image = Image {
        tree,
        origins: &[],
        times: TIMES,
        platform: &known.arch.platform,
        config: &known.config,
        labels: &BTreeMap::new(),
        layers: 3,
        packing: Packing::GZIP,
        base: None,
    };
    let mut made = Layout::prepare(layout).map_err(|error| error.to_string())?;
    made.add(&image, &Silent, &Cancel::new()).map_err(|error| error.to_string())?;
    made.finish(&["latest".into()], &BTreeMap::new(), &Silent, &Cancel::new()).map(drop).map_err(|error| error.to_string())
}

/// Fails if a file in a directory is a hard link to a file outside.
fn directory(out: &Path, foreign: &[u64]) -> Result<(), String> {
    let mut pending = vec![out.to_owned()];
    while let Some(path) = pending.pop() {
        // The place of the test is before it, so the longest paths of the root are too long to be
        // asked for at once.
        if path.as_os_str().as_bytes().len() > 4000 {
            continue;
        }
        let found = fs::symlink_metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if foreign.contains(&found.ino()) {
            return Err(format!("{} is a file outside of OUT", path.display()));
        }
        if found.is_dir() {
            let entries = fs::read_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            pending.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    Ok(())
}

/// Fails if a member of an archive is outside of the root, is below a path that is not a directory
/// of the archive, or occurs twice.
fn members(archive: &[u8]) -> Result<(), String> {
    let mut seen: BTreeMap<Vec<u8>, bool> = BTreeMap::from([(Vec::new(), true)]);
    let mut files: BTreeSet<Vec<u8>> = BTreeSet::new();
    read_tar::<std::io::Error>(&mut &archive[..], |member, _| {
        let wrong = |what: &str| Err(std::io::Error::other(format!("{what}: {:?}", member.path.escape_ascii().to_string())));
        let path = member.path.strip_suffix(b"/").unwrap_or(&member.path);
        if path == b"." {
            return Ok(());
        }
        if path.split(|&c| c == b'/').any(|part| matches!(part, b"" | b"." | b"..") || part.contains(&0)) {
            return wrong("a path that leads elsewhere");
        }
        let parent = path.iter().rposition(|&c| c == b'/').map_or(&b""[..], |at| &path[..at]);
        if seen.get(parent) != Some(&true) {
            return wrong("not below a directory of the archive");
        }
        if member.kind == MemberKind::HardLink && !files.contains(&member.link_target) {
            return wrong("a hard link to what does not come before it");
        }
        if seen.insert(path.to_vec(), member.kind == MemberKind::Directory).is_some() {
            return wrong("there twice");
        }
        files.insert(path.to_vec());
        Ok(())
    })
    .map_err(|error| error.to_string())
}
