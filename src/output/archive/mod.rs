//! A tree as a tar archive: POSIX's pax format, the same bytes for the same tree.
//!
//! In: a finished [`Tree`] with numeric owners, and a writer. Out: the archive, its names sorted,
//! and the parts of the tree that it cannot hold. The archive does not depend on the host: it
//! contains no user names, no current time, and no device or inode numbers of the host.

mod entry;
mod file;
#[cfg(test)]
mod tests;

use std::io::Write;

pub(super) use entry::Archive;
pub use file::ArchiveFile;

use super::directory::Written;
use super::error::OutputError;
use super::plan::Plan;
use crate::cancel::Cancel;
use crate::reporter::{Phase, Reporter};
use crate::tree::Tree;

/// The treatment of times in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The time that replaces [`Metadata::NOW`](crate::tree::Metadata::NOW), in seconds since 1970.
    pub epoch: i64,
    /// True if no time may be later than `epoch`.
    pub clamp: bool,
}

/// Writes a whole tree, the root itself as `./`. Returns the writer, after everything is written to
/// it.
pub(super) fn write<W: Write>(
    tree: &Tree,
    times: Times,
    out: W,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<(W, Written), OutputError> {
    let plan = Plan::of(tree)?;
    reporter.begin(Phase::Write, Some(plan.files + plan.directories), Some(plan.bytes));
    let mut archive = Archive::new(out, times);
    archive.add(b"", Tree::ROOT, tree.node(Tree::ROOT))?;
    let mut paths = Vec::new();
    tree.walk(|path, id| paths.push((path.to_vec(), id)));
    for (path, id) in &paths {
        if cancel.is_raised() {
            return Err(OutputError::Cancelled);
        }
        archive.add(path, *id, tree.node(*id))?;
        reporter.advance(Phase::Write, 1, 0);
    }
    let (out, not_applied) = archive.finish()?;
    let written =
        Written { files: plan.files, directories: plan.directories, bytes: plan.bytes, stands_for_root: None, not_applied };
    reporter.finish(Phase::Write, &format!("{} files, {} bytes", written.files, written.bytes));
    Ok((out, written))
}
