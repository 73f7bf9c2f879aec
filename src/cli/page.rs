//! `rootstrap audit --html`: formats a set and its findings as a page.

use serde_json::Value;

use super::bootstrap::source_date_epoch;
use super::failure::Failure;
use crate::audit::needs::needs;
use crate::audit::page::{Page, html};
use crate::audit::{Report, Subject, SubjectKind, all_completed};

/// Returns the page of a subject, with the differences from another subject if one is given.
pub(super) fn page(subject: &Subject, report: &Report, other: Option<(&str, &Value)>) -> Result<String, Failure> {
    let findings = serde_json::to_value(report).map_err(|error| Failure::failed(error.to_string()))?;
    let needs = subject.set.as_ref().map(|set| needs(&set.pool, &set.members)).unwrap_or_default();
    let packages = all_completed(subject);
    let times = packages.iter().flat_map(|package| [package.install_time, package.build_time]);
    let release = subject.release.as_ref();
    let named = release.map(|release| match (&release.pretty, &release.version) {
        (Some(pretty), _) => pretty.clone(),
        (None, Some(version)) => format!("{} {version}", release.id),
        (None, None) => release.id.clone(),
    });
    let page = Page {
        name: &subject.name,
        kind: kind(subject.kind),
        arch: subject.arch.as_deref(),
        release: named.as_deref(),
        packages: &packages,
        needs: &needs,
        requested: subject.requested.as_deref(),
        findings: Some(&findings),
        difference: other,
        time: source_date_epoch()?.or(times.flatten().max()).unwrap_or(0),
    };
    Ok(html(&page))
}

/// Describes the source of a subject.
fn kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Root => "a root file system",
        SubjectKind::Archive => "an archive of a root file system",
        SubjectKind::Image => "an OCI image",
        SubjectKind::Docker => "an archive of docker save",
        SubjectKind::Lock => "a lock file",
        SubjectKind::Report => "a report or plan",
        SubjectKind::Request => "a request",
    }
}
