//! The result of a run as data, for `--report` and for `--format json` of the main command.

use serde::Serialize;

use crate::ecosystem::ScriptletRecord;
use crate::output::{NotApplied, Wanted, Written};
use crate::tree::display;

use crate::transaction::plan::Plan;

/// The result of a bootstrap.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The packages.
    #[serde(flatten)]
    pub plan: Plan,
    /// Number of names in the tree that are not directories.
    pub files: u64,
    /// Number of directories in the tree, including the root.
    pub directories: u64,
    /// Total size of the files' contents in bytes.
    pub bytes: u64,
    /// Timestamp of everything that this run creates, in seconds since 1970.
    pub epoch: i64,
    /// Every scriptlet of the packages and its outcome.
    pub scriptlets: Vec<ScriptletRecord>,
    /// User and group of the caller, if they own all other files on the disk that belong to root in
    /// the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_for_root: Option<(u32, u32)>,
    /// Properties of the tree that were not applied on the disk, sorted by path.
    pub not_applied: Vec<NotAppliedRecord>,
    /// Packages without a trusted signature that were accepted because the request allows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsigned: Vec<String>,
}

/// A property of a path that was not applied on the disk.
#[derive(Debug, Serialize)]
pub struct NotAppliedRecord {
    /// The path in the tree.
    pub path: String,
    /// The value that the tree specifies.
    pub wanted: String,
    /// The reason why it was not applied.
    pub why: &'static str,
}

impl Report {
    pub(super) fn new(
        plan: Plan,
        written: &Written,
        scriptlets: Vec<ScriptletRecord>,
        epoch: i64,
        unsigned: Vec<String>,
    ) -> Self {
        Self {
            plan,
            files: written.files,
            directories: written.directories,
            bytes: written.bytes,
            epoch,
            scriptlets,
            stands_for_root: written.stands_for_root,
            not_applied: records(&written.not_applied),
            unsigned,
        }
    }
}

pub(super) fn records(items: &[NotApplied]) -> Vec<NotAppliedRecord> {
    items.iter().map(record).collect()
}

fn record(item: &NotApplied) -> NotAppliedRecord {
    NotAppliedRecord { path: display(&item.path), wanted: wanted(&item.wanted), why: item.reason.text() }
}

fn wanted(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Owner { uid, gid } => format!("owner {uid}:{gid}"),
        Wanted::Device { block, major, minor, mode, uid, gid } => {
            let kind = if *block { "block" } else { "character" };
            format!("{kind} device {major}:{minor}, mode {mode:04o}, owner {uid}:{gid}")
        }
        Wanted::Xattr { name, .. } => format!("attribute {}", display(name)),
        Wanted::Mode(mode) => format!("mode {mode:04o}"),
        Wanted::Mtime(mtime) => format!("time {mtime}"),
        Wanted::Socket => "to be a socket".to_owned(),
    }
}
