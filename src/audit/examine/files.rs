//! Checks of files: changed files, and files that give more rights than their user has.

use rustc_hash::FxHashMap;

use super::packages::is_root;
use crate::audit::finding::{Finding, FindingKind};
use crate::audit::severity::Severity;
use crate::audit::subject::Subject;
use crate::catalog::Step;
use crate::ecosystem::{ChangedFile, Ecosystem, FileChange, InventoryError};
use crate::finish::expected::{self, Difference};
use crate::package::{Fate, FileAspect, PackageFacts};
use crate::tree::{NodeKind, display};

const SETUID: u16 = 0o4000;
const SETGID: u16 = 0o2000;

/// Returns findings for files that differ from their packages, except the files that the finishing
/// steps of one of the `images` change.
pub(super) fn changed<E: Ecosystem>(
    ecosystem: &E,
    subject: &Subject,
    images: &[Vec<Step>],
) -> Result<Option<Vec<Finding>>, InventoryError> {
    let Some(tree) = subject.tree.as_deref().filter(|_| is_root(subject)) else { return Ok(None) };
    let Some(files) = ecosystem.verify_files(tree)? else { return Ok(None) };
    let by_id: FxHashMap<&str, &PackageFacts> = subject.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let finding = |file: &ChangedFile| {
        let path = display(&file.path);
        let (what, changes) = match &file.change {
            FileChange::Missing => ("is missing".to_owned(), vec!["missing"]),
            FileChange::Changed(aspects) => {
                let names: Vec<&'static str> = aspects.iter().map(|aspect| name(*aspect)).collect();
                (format!("was changed ({})", names.join(", ")), names)
            }
        };
        // Changed times alone are harmless, and configuration is meant to be changed.
        let is_time = file.change == FileChange::Changed(vec![FileAspect::Mtime]);
        let severity = match (&file.change, file.config) {
            _ if is_time => Severity::Info,
            (_, true) => Severity::Info,
            (FileChange::Missing, _) => Severity::Low,
            (FileChange::Changed(_), _) => Severity::Moderate,
        };
        let action = if file.config { "nothing, if the change was meant" } else { "install the package again" };
        let mut finding = Finding::new(FindingKind::ChangedFile, severity, format!("{path} {what}"), action);
        if let Some(package) = by_id.get(file.package.as_str()) {
            finding = finding.of(package);
        }
        finding.path = Some(path);
        finding.changes = changes;
        finding
    };
    let is_known = |file: &ChangedFile| {
        let package = by_id.get(file.package.as_str());
        let packaged = package.and_then(|package| package.files.iter().find(|packaged| packaged.path == file.path));
        let difference = Difference {
            path: &file.path,
            aspects: match &file.change {
                FileChange::Missing => None,
                FileChange::Changed(aspects) => Some(aspects),
            },
            digest: packaged.and_then(|packaged| packaged.digest.as_ref()),
        };
        images.iter().any(|steps| expected::accounts_for(steps, tree, &difference))
    };
    Ok(Some(files.iter().filter(|file| !is_known(file)).map(finding).collect()))
}

fn name(aspect: FileAspect) -> &'static str {
    match aspect {
        FileAspect::Size => "size",
        FileAspect::Mode => "mode",
        FileAspect::Content => "content",
        FileAspect::Device => "device",
        FileAspect::Target => "target",
        FileAspect::User => "user",
        FileAspect::Group => "group",
        FileAspect::Mtime => "mtime",
        FileAspect::Capabilities => "capabilities",
    }
}

/// Returns the package that owns each path.
fn owners(subject: &Subject) -> FxHashMap<&[u8], &PackageFacts> {
    let files = subject.packages.iter().flat_map(|package| package.files.iter().map(move |file| (&*file.path, package)));
    files.collect()
}

/// Creates a finding for a file that gives rights; `package` is its owner.
fn told(kind: FindingKind, path: &[u8], what: &str, package: Option<&PackageFacts>) -> Finding {
    let path = display(path);
    // A file without a package gets no updates, so it is more severe.
    let (severity, of, action) = match package {
        Some(package) => {
            (Severity::Info, format!("of {}", package.id), "take the right away if nobody needs it, or remove the package")
        }
        None => (Severity::Moderate, "of no package".to_owned(), "find out where it comes from: no package brought it"),
    };
    let mut finding = Finding::new(kind, severity, format!("{path} {of} {what}"), action);
    if let Some(package) = package {
        finding = finding.of(package);
    }
    finding.path = Some(path);
    finding
}

pub(super) fn setuid(subject: &Subject) -> Option<Vec<Finding>> {
    let what = |mode: u16| match (mode & SETUID != 0, mode & SETGID != 0) {
        (true, true) => "runs as its owner and group",
        (true, false) => "runs as its owner",
        _ => "runs as its group",
    };
    let mut found = Vec::new();
    if let Some(tree) = &subject.tree {
        let owners = owners(subject);
        tree.walk(|path, id| {
            let node = tree.node(id);
            // Without the group's execute bit, setgid meant mandatory locking.
            let mode = node.metadata.mode;
            if matches!(node.kind, NodeKind::File(_)) && (mode & SETUID != 0 || mode & (SETGID | 0o010) == SETGID | 0o010) {
                let path = [b"/", path].concat();
                found.push(told(FindingKind::Setuid, &path, what(mode), owners.get(path.as_slice()).copied()));
            }
        });
        return Some(found);
    }
    if !is_root(subject) {
        return None;
    }
    for package in &subject.packages {
        let here = package.files.iter().filter(|file| file.mode & 0o170_000 == 0o100_000 && file.fate != Some(Fate::LeftOut));
        for file in here.filter(|file| file.mode & SETUID != 0 || file.mode & (SETGID | 0o010) == SETGID | 0o010) {
            found.push(told(FindingKind::Setuid, &file.path, what(file.mode), Some(package)));
        }
    }
    Some(found)
}

pub(super) fn capabilities(subject: &Subject) -> Option<Vec<Finding>> {
    let tree = subject.tree.as_ref()?;
    let owners = owners(subject);
    let mut found = Vec::new();
    tree.walk(|path, id| {
        if tree.node(id).metadata.xattrs.contains_key(&b"security.capability"[..]) {
            let path = [b"/", path].concat();
            let package = owners.get(path.as_slice()).copied();
            let said = package.and_then(|package| package.files.iter().find(|file| *file.path == *path));
            let said = said.and_then(|file| file.capabilities.as_deref()).filter(|text| !text.is_empty());
            let what = match said {
                Some(text) => format!("has the capabilities {}", display(text)),
                None => "has capabilities".to_owned(),
            };
            found.push(told(FindingKind::Capabilities, &path, &what, package));
        }
    });
    Some(found)
}
