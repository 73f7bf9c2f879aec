//! The audit: a search for problems in a set of packages.
//!
//! Input: a [`Subject`], advisories, a policy and further data. Output: a [`Report`]. Checks that
//! need data which the subject lacks (a lock has no files) are skipped, and the report says so.

mod files;
mod packages;
mod set;

use std::cmp::Reverse;

use serde::Serialize;

use super::advisory::{self, Advisory};
use super::finding::{Finding, FindingKind};
use super::policy::{Policy, StaleIgnore};
use super::release::Release;
use super::severity::Severity;
use super::subject::Subject;
use crate::catalog::Step;
use crate::ecosystem::{Ecosystem, InventoryError};
use crate::package::PackageFacts;
use rustc_hash::FxHashMap;

/// The input of an audit, besides the subject.
#[derive(Debug)]
pub struct Given<'a> {
    /// The advisories to match; `None` if no advisories about the release of the subject were read.
    pub advisories: Option<&'a [Advisory]>,
    /// The policy to apply.
    pub policy: &'a Policy,
    /// Date of the audit, `2026-11-21`; expiry dates are compared with it.
    pub today: String,
    /// Last day of support for the release, if known.
    pub end_of_life: Option<String>,
    /// Names of the known keys, in capitals; empty if there are none.
    pub keys: Vec<String>,
    /// The finishing steps of the images that the subject may be. Files that these steps change are
    /// not reported.
    pub finishing: Vec<Vec<Step>>,
    /// True if repositories are known. The subject's set then contains their packages too.
    pub has_repositories: bool,
    /// The kinds of findings to search for.
    pub kinds: Vec<FindingKind>,
}

/// The result of an audit.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of the report format.
    pub schema: u32,
    /// Name of the subject.
    pub subject: String,
    /// Findings, by kind, and the most severe first within each kind.
    pub findings: Vec<Finding>,
    /// Summary of the findings.
    pub summary: Summary,
}

/// The summary of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Number of packages.
    pub packages: usize,
    /// Number of findings.
    pub findings: usize,
    /// Number of findings per severity.
    pub by_severity: std::collections::BTreeMap<&'static str, usize>,
    /// Number of findings per kind.
    pub by_kind: std::collections::BTreeMap<&'static str, usize>,
    /// Number of findings that the policy ignores.
    pub ignored: usize,
    /// Entries of the policy's `ignore` that have no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale_ignores: Vec<StaleIgnore>,
    /// Number of advisories that were read about these packages.
    pub advisories: usize,
    /// The kinds that could not be checked, for lack of data.
    pub not_looked_for: Vec<&'static str>,
}

impl Report {
    /// Returns the highest severity of the findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Returns the number of findings with at least this severity.
    pub fn at_least(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity >= severity).count()
    }
}

/// Audits a subject.
pub fn audit<E: Ecosystem>(ecosystem: &E, subject: &Subject, given: &Given<'_>) -> Result<Report, InventoryError> {
    let mut found = Vec::new();
    let mut not_looked_for = Vec::new();
    for kind in FindingKind::ALL {
        if given.policy.skip.contains(&kind) || !given.kinds.contains(&kind) {
            continue;
        }
        let findings = match kind {
            FindingKind::Advisory => given.advisories.map(|known| advisories(ecosystem, subject, known)),
            FindingKind::EndOfLife => packages::end_of_life(subject, given),
            FindingKind::ChangedFile => files::changed(ecosystem, subject, &given.finishing)?,
            FindingKind::MissingRequirement => set::missing(subject),
            FindingKind::Duplicate => Some(packages::duplicates(subject)),
            FindingKind::Unsigned => packages::unsigned(ecosystem, subject),
            FindingKind::UnknownKey => packages::unknown_keys(ecosystem, subject, &given.keys),
            FindingKind::Foreign => set::foreign(subject, given),
            FindingKind::Update => set::updates(ecosystem, subject, given),
            FindingKind::Unneeded => set::unneeded(subject),
            FindingKind::License => packages::licenses(subject, given.policy),
            FindingKind::Size => packages::size(subject, given.policy),
            FindingKind::Setuid => files::setuid(subject),
            FindingKind::Capabilities => files::capabilities(subject),
        };
        match findings {
            Some(findings) => found.extend(findings),
            None => not_looked_for.push(kind.name()),
        }
    }
    let before = found.len();
    let found: Vec<Finding> = found.into_iter().map(|finding| given.policy.judged(finding)).collect();
    let looked_for: Vec<FindingKind> =
        FindingKind::ALL.into_iter().filter(|kind| given.kinds.contains(kind) && !given.policy.skip.contains(kind)).collect();
    let stale_ignores = given.policy.stale_ignores(&found, &looked_for, &given.today);
    let mut findings: Vec<Finding> = found.into_iter().filter(|finding| !given.policy.ignores(finding, &given.today)).collect();
    let ignored = before - findings.len();
    packages::merge_keys(&mut findings, subject);
    sort(&mut findings);
    let mut summary = Summary {
        packages: subject.packages.len(),
        findings: findings.len(),
        ignored,
        stale_ignores,
        advisories: given.advisories.map_or(0, <[Advisory]>::len),
        not_looked_for,
        ..Summary::default()
    };
    for finding in &findings {
        *summary.by_severity.entry(finding.severity.name()).or_default() += 1;
        *summary.by_kind.entry(finding.kind.name()).or_default() += 1;
    }
    Ok(Report { schema: 1, subject: subject.name.clone(), findings, summary })
}

/// Sorts findings by kind, and the most severe first within each kind. Advisories of one package
/// stay together; the package with the most severe one comes first.
fn sort(findings: &mut [Finding]) {
    let place = |kind: FindingKind| FindingKind::ALL.iter().position(|&other| other == kind);
    let group =
        |finding: &Finding| (finding.kind == FindingKind::Advisory).then(|| (finding.package.clone(), finding.installed.clone()));
    let mut worst: FxHashMap<_, Severity> = FxHashMap::default();
    for finding in &*findings {
        let worst = worst.entry((finding.kind, group(finding))).or_insert(finding.severity);
        *worst = (*worst).max(finding.severity);
    }
    findings.sort_by_cached_key(|finding| {
        let group = (finding.kind, group(finding));
        let severity = group.1.is_some().then(|| Reverse(worst.get(&group).copied()));
        let names = (finding.id.clone(), finding.package.clone(), finding.path.clone());
        (place(finding.kind), severity, group.1, Reverse(finding.severity), names)
    });
}

/// Returns the findings for the advisories that apply. The default severity is moderate for
/// security advisories and low for others.
pub fn advisories<E: Ecosystem>(ecosystem: &E, subject: &Subject, advisories: &[Advisory]) -> Vec<Finding> {
    about(ecosystem, subject.release.as_ref(), &subject.packages, advisories)
}

/// Returns the findings for the advisories that apply to any packages of a release.
pub fn about<E: Ecosystem>(
    ecosystem: &E,
    release: Option<&Release>,
    packages: &[PackageFacts],
    advisories: &[Advisory],
) -> Vec<Finding> {
    let mut by_name: FxHashMap<&str, Vec<&Advisory>> = FxHashMap::default();
    for advisory in advisories {
        for affected in &advisory.affected {
            let of_name = by_name.entry(affected.name.as_str()).or_default();
            // The entries of one advisory are consecutive, so comparing with the last one removes
            // duplicates.
            if !of_name.last().is_some_and(|last| std::ptr::eq(*last, advisory)) {
                of_name.push(advisory);
            }
        }
    }
    let mut found = Vec::new();
    for package in packages {
        let names = [package.name.as_str(), ecosystem.source_of(package)];
        let mut about: Vec<&Advisory> = names.iter().flat_map(|name| by_name.get(name).into_iter().flatten().copied()).collect();
        about.sort_by(|a, b| a.id.cmp(&b.id));
        about.dedup_by(|a, b| std::ptr::eq(*a, *b));
        let mut ids = rustc_hash::FxHashSet::default();
        for advisory in about {
            let Some(matched) = advisory::applies(ecosystem, release, advisory, package) else { continue };
            // Several repositories may list the same advisory.
            if !ids.insert((advisory.id.as_str(), matched.fixed)) {
                continue;
            }
            let is_security = matches!(advisory.kind.as_str(), "" | "security");
            let severity = advisory.severity.unwrap_or(if is_security { Severity::Moderate } else { Severity::Low });
            let message =
                if advisory.title.is_empty() { advisory.id.clone() } else { format!("{}: {}", advisory.id, advisory.title) };
            let action = match matched.fixed {
                Some(fixed) => format!("upgrade {} to {fixed} or later", package.name),
                None => format!("no version of {} is free of it yet: remove it, or see what the advisory says", package.name),
            };
            let mut finding = Finding::new(FindingKind::Advisory, severity, message, action).of(package);
            finding.id = Some(advisory.id.clone());
            finding.fixed = matched.fixed.map(str::to_owned);
            finding.cves.clone_from(&advisory.cves);
            finding.url.clone_from(&advisory.url);
            found.push(finding);
        }
    }
    found
}
