//! Checks of single packages and of packages with the same name.

use std::collections::BTreeMap;

use super::Given;
use crate::audit::finding::{Finding, FindingKind};
use crate::audit::license::{License, fits};
use crate::audit::policy::Policy;
use crate::audit::severity::Severity;
use crate::audit::subject::{Subject, SubjectKind};
use crate::ecosystem::Ecosystem;
use crate::package::PackageFacts;

/// Reports whether the subject was read from a root, whose database contains all of its packages.
pub(super) fn is_root(subject: &Subject) -> bool {
    matches!(subject.kind, SubjectKind::Root | SubjectKind::Archive | SubjectKind::Image | SubjectKind::Docker)
}

/// Returns the packages without the imported keys, which some databases list as packages. Keys have
/// no architecture.
fn real(subject: &Subject) -> impl Iterator<Item = &PackageFacts> {
    subject.packages.iter().filter(|package| package.arch.is_some())
}

pub(super) fn duplicates(subject: &Subject) -> Vec<Finding> {
    let mut versions: BTreeMap<(&str, Option<&str>), Vec<&PackageFacts>> = BTreeMap::new();
    for package in real(subject) {
        versions.entry((&package.name, package.arch.as_deref())).or_default().push(package);
    }
    // Several versions of kernel packages may be installed together (dnf's installonlypkgs).
    let may_repeat = |name: &str| name == "kernel" || name.starts_with("kernel-");
    let several = versions.into_iter().filter(|((name, _), packages)| packages.len() > 1 && !may_repeat(name));
    several
        .map(|((name, _), packages)| {
            let ids: Vec<&str> = packages.iter().map(|package| package.id.as_str()).collect();
            let message = format!("{name} is there {} times: {}", packages.len(), ids.join(", "));
            let mut finding = Finding::new(
                FindingKind::Duplicate,
                Severity::Moderate,
                message,
                "remove all but the newest: an upgrade was interrupted",
            );
            finding.package = Some(name.to_owned());
            finding
        })
        .collect()
}

pub(super) fn unsigned<E: Ecosystem>(ecosystem: &E, subject: &Subject) -> Option<Vec<Finding>> {
    if !is_root(subject) || !ecosystem.keeps_signatures() {
        return None;
    }
    let bare = real(subject).filter(|package| package.signatures.is_empty());
    let finding = |package: &PackageFacts| {
        let message = format!("{} bears no signature", package.id);
        let action = "install it from a repository that signs its packages";
        Finding::new(FindingKind::Unsigned, Severity::Moderate, message, action).of(package)
    };
    Some(bare.map(finding).collect())
}

pub(super) fn unknown_keys<E: Ecosystem>(ecosystem: &E, subject: &Subject, keys: &[String]) -> Option<Vec<Finding>> {
    if !is_root(subject) || !ecosystem.keeps_signatures() || keys.is_empty() {
        return None;
    }
    // A signature contains a fingerprint, or the key id that the fingerprint ends with.
    let is_known = |key: &str| key.len() >= 16 && keys.iter().any(|known| known.ends_with(key) || key.ends_with(known.as_str()));
    let mut found = Vec::new();
    for package in real(subject).filter(|package| !package.signatures.is_empty()) {
        let signers: Vec<&str> = package.signatures.iter().filter_map(|signature| signature.key.as_deref()).collect();
        if signers.iter().any(|key| is_known(&key.to_ascii_uppercase())) {
            continue;
        }
        let key = signers.first().copied().unwrap_or("a key that it does not name");
        let message = format!("{} was signed by {}, which is no key that is known", package.id, signer(subject, key));
        let action = "if you trust who signed it, give the public key: --key FILE; otherwise replace the package";
        let mut finding = Finding::new(FindingKind::UnknownKey, Severity::Moderate, message, action).of(package);
        finding.id = Some(key.to_owned());
        found.push(finding);
    }
    Some(found)
}

/// Returns the name of a key and the algorithm of its signatures.
fn signer(subject: &Subject, key: &str) -> String {
    let mut signatures = subject.packages.iter().flat_map(|package| &package.signatures);
    let of_key = signatures.find(|signature| signature.key.as_deref() == Some(key));
    match of_key.and_then(|signature| signature.algorithm.as_deref()) {
        Some(algorithm) => format!("{key} ({algorithm})"),
        None => key.to_owned(),
    }
}

/// Merges the findings for packages that the same unknown key signed.
pub(super) fn merge_keys(findings: &mut Vec<Finding>, subject: &Subject) {
    let mut by_key: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    let is_of_key = |finding: &Finding| finding.kind == FindingKind::UnknownKey;
    for finding in findings.extract_if(.., |finding| is_of_key(finding)) {
        by_key.entry(finding.id.clone().unwrap_or_default()).or_default().push(finding);
    }
    for (key, mut of_key) in by_key {
        let first = of_key.swap_remove(0);
        if of_key.is_empty() {
            findings.push(first);
            continue;
        }
        let severity = of_key.iter().map(|finding| finding.severity).fold(first.severity, Severity::max);
        let mut packages: Vec<String> = of_key.into_iter().chain([first.clone()]).filter_map(|finding| finding.package).collect();
        packages.sort_unstable();
        let message = format!(
            "{} packages were signed by {}, which is no key that is known: {}",
            packages.len(),
            signer(subject, &key),
            some(&packages)
        );
        let mut finding = Finding::new(FindingKind::UnknownKey, severity, message, first.action);
        finding.id = first.id;
        finding.packages = packages;
        findings.push(finding);
    }
}

/// Returns the first names of a list and the number of the others.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 1 => format!("{} and {more} more", names[..SHOWN].join(", ")),
        _ => names.join(", "),
    }
}

pub(super) fn licenses(subject: &Subject, policy: &Policy) -> Option<Vec<Finding>> {
    let lists = &policy.licenses;
    if lists.allow.is_empty() && lists.refuse.is_empty() {
        return None;
    }
    if real(subject).all(|package| package.license.is_none()) {
        return None;
    }
    let is_taken = |name: &str| !fits(name, &lists.refuse) && (lists.allow.is_empty() || fits(name, &lists.allow));
    let mut found = Vec::new();
    for package in real(subject) {
        let (message, id) = match &package.license {
            None if lists.allow.is_empty() => continue,
            None => (format!("{} does not say under which licence it is", package.id), None),
            Some(text) => {
                let license = License::parse(text);
                let mut refused = license.refused(&is_taken);
                refused.sort_unstable();
                refused.dedup();
                if refused.is_empty() {
                    continue;
                }
                let names = refused.join(", ");
                (format!("{} is under {text}: the policy does not take {names}", package.id), Some(names))
            }
        };
        let mut finding = Finding::new(
            FindingKind::License,
            Severity::Moderate,
            message,
            "remove the package, or have the policy take the licence",
        )
        .of(package);
        finding.id = id;
        found.push(finding);
    }
    Some(found)
}

pub(super) fn size(subject: &Subject, policy: &Policy) -> Option<Vec<Finding>> {
    if policy.size.installed.is_none() && policy.size.packages.is_none() {
        return None;
    }
    let mut found = Vec::new();
    let installed = real(subject).fold(0u64, |sum, package| sum.saturating_add(package.installed_size));
    if let Some(limit) = policy.size.installed.filter(|&limit| installed > limit) {
        let mut largest: Vec<&PackageFacts> = real(subject).collect();
        largest.sort_by(|a, b| b.installed_size.cmp(&a.installed_size).then_with(|| a.id.cmp(&b.id)));
        let names: Vec<String> =
            largest.iter().take(3).map(|package| format!("{} ({} bytes)", package.name, package.installed_size)).collect();
        let message =
            format!("the packages take {installed} bytes, {} more than the {limit} that the policy lets them", installed - limit);
        let action = format!("the largest are {}: `rootstrap why` tells why they are here", names.join(", "));
        found.push(Finding::new(FindingKind::Size, Severity::Moderate, message, action));
    }
    let count = real(subject).count() as u64;
    if let Some(limit) = policy.size.packages.filter(|&limit| count > limit) {
        let message = format!("there are {count} packages, and the policy lets there be {limit}");
        let action = "`rootstrap why` tells why each is here";
        found.push(Finding::new(FindingKind::Size, Severity::Moderate, message, action));
    }
    Some(found)
}

pub(super) fn end_of_life(subject: &Subject, given: &Given<'_>) -> Option<Vec<Finding>> {
    let release = subject.release.as_ref()?;
    let end = given.end_of_life.as_ref().or(release.support_end.as_ref())?;
    let name = release.pretty.clone().unwrap_or_else(|| {
        let version = release.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        format!("{}{version}", release.id)
    });
    let mut found = Vec::new();
    if given.today.as_str() > end.as_str() {
        let message = format!("{name} is cared for no more since {end}");
        found.push(Finding::new(FindingKind::EndOfLife, Severity::Important, message, "move to a release that is cared for"));
    }
    Some(found)
}
