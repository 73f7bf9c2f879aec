//! Reports in SARIF 2.1.0, which code hosts display next to the code.

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::examine::Report;
use super::finding::{Finding, FindingKind};
use super::severity::Severity;

/// Returns the document. `uri` is the subject, as a path relative to the place where the document
/// is shown. Each kind of finding is a rule, and so is each advisory.
pub fn sarif(report: &Report, uri: &str) -> Value {
    let mut rules: Vec<Value> =
        FindingKind::ALL.iter().map(|kind| json!({"id": kind.name(), "shortDescription": {"text": kind.meaning()}})).collect();
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    for (place, kind) in FindingKind::ALL.iter().enumerate() {
        places.insert(kind.name(), place);
    }
    for finding in report.findings.iter().filter(|finding| finding.kind == FindingKind::Advisory) {
        let Some(id) = finding.id.as_deref() else { continue };
        let of_rule = || report.findings.iter().filter(|other| other.kind == finding.kind && other.id == finding.id);
        places.entry(id).or_insert_with(|| {
            rules.push(advisory(id, finding, of_rule().map(|finding| finding.severity).max().unwrap_or(finding.severity)));
            rules.len() - 1
        });
    }
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, uri, &places)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "rootstrap", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
}

/// Returns the rule of an advisory.
fn advisory(id: &str, finding: &Finding, severity: Severity) -> Value {
    // The title follows the id: `ALSA-2024:3339: glibc security update`.
    let title = finding.message.strip_prefix(id).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&finding.message);
    let cves = if finding.cves.is_empty() { String::new() } else { format!(" ({})", finding.cves.join(", ")) };
    let tags: Vec<&str> = ["security"].into_iter().chain(finding.cves.iter().map(String::as_str)).collect();
    let mut rule = json!({
        "id": id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": format!("{}{cves}", finding.message)},
        "help": {"text": format!("{}{cves}", finding.message)},
        "defaultConfiguration": {"level": level(severity)},
        "properties": {"security-severity": score(severity), "tags": tags, "cves": finding.cves},
    });
    if let Some(url) = &finding.url {
        rule["helpUri"] = Value::from(url.as_str());
    }
    rule
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::Important => "error",
        Severity::Moderate => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// Returns the score that GitHub sorts by. Each severity stands for a range of scores.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::Important => "8.0",
        Severity::Moderate => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

fn result(finding: &Finding, uri: &str, places: &FxHashMap<&str, usize>) -> Value {
    let place = finding.path.as_ref().map_or_else(|| uri.to_owned(), |path| format!("{uri}{path}"));
    let named = [&finding.id, &finding.package, &finding.path].map(|part| part.as_deref().unwrap_or_default());
    let rule = finding.id.as_deref().filter(|_| finding.kind == FindingKind::Advisory).unwrap_or(finding.kind.name());
    json!({
        "ruleId": rule,
        "ruleIndex": places.get(rule),
        "level": level(finding.severity),
        "message": {"text": format!("{}: {}", finding.message, finding.action)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": encoded(&place)}}}],
        "partialFingerprints": {"finding/v1": format!("{}:{}", finding.kind.name(), named.join(":"))},
        "properties": {"kind": finding.kind.name(), "security-severity": score(finding.severity), "package": finding.package,
            "packages": finding.packages, "installed": finding.installed, "fixed": finding.fixed, "cves": finding.cves, "url": finding.url},
    })
}

/// Encodes a path as a relative reference (RFC 3986).
fn encoded(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
