//! Dispositions: the decision about each file of a transaction.
//!
//! In: the tree after all `%pretrans`, the packages in the order of the transaction, and the states
//! of their files. Out: a [`Disposition`] for each file, or the first conflict. This module places
//! no files. The rules are rpm's (`lib/transaction.c`: `rpmtsPrepare`, `handleOverlappedFiles`).

use rustc_hash::FxHashMap;

use super::Unpacked;
use super::places::Places;
use crate::digest::Digest;
use crate::ecosystem::{FileConflict, InstallError};
use crate::rpm::database::FileState;
use crate::rpm::files::{File, FileKind, Flags};
use crate::tree::{NodeKind, Tree, split};

/// The action for a file to be installed (rpmfiles.h: `rpmFileAction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    /// Create the file and replace an existing one.
    Create,
    /// Do nothing: an equal file of the transaction or a configuration file exists.
    Skip,
    /// Rename the existing file to `.rpmorig`, then create the file.
    Backup,
    /// Leave the existing file and create the new one as `.rpmnew`.
    AltName,
}

/// Decides the disposition of each file. In `states`, marks the files that are skipped in favor of
/// another architecture's.
///
/// `transaction_color` is 0 if colors are not used.
pub(super) fn decide(
    tree: &Tree,
    packages: &[Unpacked],
    states: &mut [Vec<FileState>],
    transaction_color: u32,
) -> Result<Vec<Vec<Disposition>>, InstallError> {
    let mut places = Places::new(tree, packages, states);
    let mut dispositions: Vec<Vec<Disposition>> =
        packages.iter().map(|package| vec![Disposition::Create; package.files.len()]).collect();
    // The last file of the transaction at each place.
    let mut last: FxHashMap<(u32, &[u8]), (usize, usize)> = FxHashMap::default();
    for (index, package) in packages.iter().enumerate() {
        for (number, file) in package.files.iter().enumerate() {
            if states[index][number] != FileState::Normal {
                continue;
            }
            let (directory, name) = split(&file.path);
            let previous = last.insert((places.directory(directory), name), (index, number));
            let decided = match previous {
                None => alone(tree, file),
                Some((other, other_number)) => {
                    let theirs = &packages[other].files[other_number];
                    let shared = Shared {
                        state: states[other][other_number],
                        created: dispositions[other][other_number] != Disposition::Skip && theirs.in_payload(),
                    };
                    match meet(theirs, file, shared, transaction_color) {
                        Meeting::Conflict(difference) => {
                            let (first, second) = (&packages[other], package);
                            return Err(conflict((first.id(), theirs), (second.id(), file), difference).into());
                        }
                        Meeting::GivesWay => {
                            states[index][number] = FileState::WrongColor;
                            continue;
                        }
                        Meeting::Wins => {
                            states[other][other_number] = FileState::WrongColor;
                            overlapped(tree, file)
                        }
                        Meeting::Same => Disposition::Skip,
                        Meeting::Again => overlapped(tree, file),
                    }
                }
            };
            dispositions[index][number] = decided;
        }
    }
    Ok(dispositions)
}

/// Returns the error for two files that cannot both be at one place.
pub(super) fn conflict(first: (&str, &File), second: (&str, &File), difference: &'static str) -> FileConflict {
    FileConflict {
        path: second.1.display_path(),
        other_path: (first.1.path != second.1.path).then(|| first.1.display_path()),
        first: first.0.to_owned(),
        second: second.0.to_owned(),
        difference,
    }
}

/// Returns the disposition of a file that shares its place with no other file of the transaction.
fn alone(tree: &Tree, file: &File) -> Disposition {
    match (meets_other_content(tree, file), file.flags.contains(Flags::NO_REPLACE)) {
        (false, _) => Disposition::Create,
        (true, false) => Disposition::Backup,
        (true, true) => Disposition::AltName,
    }
}

/// Returns the disposition of a file that shares its place with another file of the transaction and
/// is created nevertheless.
fn overlapped(tree: &Tree, file: &File) -> Disposition {
    match alone(tree, file) {
        Disposition::Backup => Disposition::Skip,
        other => other,
    }
}

/// The previous file at a place.
#[derive(Clone, Copy)]
struct Shared {
    state: FileState,
    /// True if the file is created there.
    created: bool,
}

/// The result of comparing two files of the transaction at one place.
enum Meeting {
    /// The existing file is the same as the new one.
    Same,
    /// The new file is created over the other one.
    Again,
    /// The new file replaces the other one, which has another color.
    Wins,
    /// The new file is skipped in favor of the other one, which has another color.
    GivesWay,
    /// The files differ.
    Conflict(&'static str),
}

fn meet(theirs: &File, mine: &File, shared: Shared, transaction_color: u32) -> Meeting {
    /// The color that rpm prefers (`%_prefer_color`): 64-bit.
    const PREFERRED: u32 = 2;
    if let Some(difference) = difference(theirs, mine) {
        let (their_color, my_color) = (theirs.color & transaction_color, mine.color & transaction_color);
        // If two ELF files have different colors, rpm installs the preferred one (transaction.c,
        // handleColorConflict).
        return match their_color != 0 && my_color != 0 && their_color != my_color {
            true if my_color & PREFERRED != 0 => Meeting::Wins,
            true if their_color & PREFERRED != 0 => Meeting::GivesWay,
            _ => Meeting::Conflict(difference),
        };
    }
    match shared {
        Shared { state: FileState::WrongColor, .. } => Meeting::GivesWay,
        Shared { created: true, .. } => Meeting::Same,
        Shared { created: false, .. } => Meeting::Again,
    }
}

/// Returns the difference between two entries for one place. Packages may share a place if there is
/// none (rpmfi.c, `rpmfilesCompare`). Modes and owners count for directories too, times do not.
pub(super) fn difference(a: &File, b: &File) -> Option<&'static str> {
    if a.flags.contains(Flags::GHOST) || b.flags.contains(Flags::GHOST) {
        return None;
    }
    if a.kind != b.kind {
        return Some("type");
    }
    if a.kind != FileKind::Symlink && a.mode != b.mode {
        return Some("mode");
    }
    if a.user != b.user || a.group != b.group {
        return Some("owner");
    }
    match a.kind {
        FileKind::Symlink => (a.link_target != b.link_target).then_some("target"),
        FileKind::Regular => (a.size != b.size || a.digest != b.digest).then_some("content"),
        FileKind::CharacterDevice | FileKind::BlockDevice => (a.rdev != b.rdev).then_some("device number"),
        _ => None,
    }
}

/// Reports whether a configuration file would replace different content (rpmfi.c,
/// `rpmfilesConfigConflict`).
fn meets_other_content(tree: &Tree, file: &File) -> bool {
    if !file.flags.contains(Flags::CONFIG) {
        return false;
    }
    let Some(there) = tree.lookup(&file.path).map(|id| tree.node(id)) else { return false };
    match (file.kind, &there.kind) {
        // An existing %ghost %config is never saved, but counts as changed.
        (FileKind::Regular | FileKind::Symlink, _) if !file.in_payload() => true,
        (FileKind::Regular, NodeKind::File(content)) => {
            let equal = |digest: &Digest| content.bytes().is_ok_and(|bytes| Digest::of(digest.algorithm(), &bytes) == *digest);
            content.len() != file.size || !file.digest.as_ref().is_some_and(equal)
        }
        (FileKind::Symlink, NodeKind::Symlink(target)) => **target != *file.link_target,
        (FileKind::Regular | FileKind::Symlink, _) => true,
        _ => false,
    }
}
