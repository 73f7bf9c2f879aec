//! A report as SARIF 2.1.0, which code hosts show beside the code.

use serde_json::{Value, json};

use super::examine::Report;
use super::finding::{Finding, FindingKind};
use super::severity::Severity;

/// The document. `uri` is what was looked at, as a path from where it is shown.
pub fn sarif(report: &Report, uri: &str) -> Value {
    let rules: Vec<Value> =
        FindingKind::ALL.iter().map(|kind| json!({"id": kind.name(), "shortDescription": {"text": kind.meaning()}})).collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, uri)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "rootstrap", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
}

fn result(finding: &Finding, uri: &str) -> Value {
    let level = match finding.severity {
        Severity::Critical | Severity::Important => "error",
        Severity::Moderate => "warning",
        Severity::Low | Severity::Info => "note",
    };
    // What GitHub sorts by: the scores that the words stand for.
    let score = match finding.severity {
        Severity::Critical => "9.5",
        Severity::Important => "8.0",
        Severity::Moderate => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    };
    let place = finding.path.as_ref().map_or_else(|| uri.to_owned(), |path| format!("{uri}{path}"));
    let named = [&finding.id, &finding.package, &finding.path].map(|part| part.as_deref().unwrap_or_default());
    let rule = FindingKind::ALL.iter().position(|&kind| kind == finding.kind);
    json!({
        "ruleId": finding.kind.name(),
        "ruleIndex": rule,
        "level": level,
        "message": {"text": format!("{}: {}", finding.message, finding.action)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": encoded(&place)}}}],
        "partialFingerprints": {"finding/v1": format!("{}:{}", finding.kind.name(), named.join(":"))},
        "properties": {"security-severity": score, "package": finding.package, "installed": finding.installed,
            "fixed": finding.fixed, "cves": finding.cves, "url": finding.url},
    })
}

/// A path as a relative reference (RFC 3986).
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
