//! The package page: one HTML file to view, search and share a set of packages.
//!
//! Input: a [`Page`], the data of the set. Output: [`html`], a self-contained file with its style
//! sheet and program. Its content security policy blocks external resources. It also blocks code in
//! the texts of packages. Those texts are embedded as data, and the program inserts them as text,
//! never as elements.

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use super::needs::Need;
use crate::digest::{Algorithm, Digest};
use crate::package::PackageFacts;

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// The program: its parts are concatenated and share one scope.
const SCRIPT: &str = concat!(
    "'use strict';\n(() => {\n",
    include_str!("script/set.js"),
    include_str!("script/elements.js"),
    include_str!("script/search.js"),
    include_str!("script/table.js"),
    include_str!("script/treemap.js"),
    include_str!("script/graph.js"),
    include_str!("script/detail.js"),
    include_str!("script/findings.js"),
    include_str!("script/changes.js"),
    include_str!("script/page.js"),
    "})();\n"
);

/// The content of a page.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Name of the set.
    pub name: &'a str,
    /// Source of the set, in words: `a root file system`.
    pub kind: &'a str,
    /// Architecture.
    pub arch: Option<&'a str>,
    /// Distribution and release, for display.
    pub release: Option<&'a str>,
    /// Packages.
    pub packages: &'a [PackageFacts],
    /// The packages that each package needs, if known.
    pub needs: &'a [Vec<Need>],
    /// Ids of the requested packages, if known.
    pub requested: Option<&'a [String]>,
    /// Findings of the audit: `{"findings": […], …}`.
    pub findings: Option<&'a Value>,
    /// The name of another set and the differences from it. The page shows every list of the
    /// differences.
    pub difference: Option<(&'a str, &'a Value)>,
    /// Creation time of the page, in seconds since 1970.
    pub time: i64,
}

/// The data that the program reads.
#[derive(Serialize)]
struct Data<'a> {
    schema: u32,
    title: &'a str,
    time: i64,
    subject: About<'a>,
    asked_known: bool,
    packages: Vec<Entry<'a>>,
    findings: Option<&'a Value>,
    diff: Option<&'a Value>,
    other: Option<&'a str>,
}

#[derive(Serialize)]
struct About<'a> {
    name: &'a str,
    kind: &'a str,
    arch: Option<&'a str>,
    release: Option<&'a str>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    name: &'a str,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    built: Option<i64>,
    size: u64,
    files: usize,
    needs: Vec<(usize, String)>,
    asked: bool,
}

/// Returns the page as one file.
pub fn html(page: &Page<'_>) -> String {
    let title = format!("{} \u{2013} packages", page.name);
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        source_hash(SCRIPT),
        source_hash(STYLE)
    );
    // Texts and numbers can always be serialized.
    let data = serde_json::to_string(&data(page, &title)).unwrap_or_default();
    let values = [
        ("policy", policy),
        ("generator", concat!("rootstrap ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("title", escaped(&title)),
        ("style", STYLE.to_owned()),
        // A data block ends at the first `</script`, even inside a JSON text.
        ("data", data.replace('<', "\\u003c")),
        ("script", SCRIPT.to_owned()),
    ];
    fill(FRAME, &values)
}

/// Replaces the placeholders of the frame. The inserted values are not expanded again.
fn fill(frame: &str, values: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(frame.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut rest = frame;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        text.push_str(before);
        text.extend(values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()));
        rest = after;
    }
    text + rest
}

/// Returns the hash expression that allows a text in a content security policy (CSP 3,
/// "hash-source").
fn source_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Digest::of(Algorithm::Sha256, text.as_bytes()).bytes()))
}

/// Escapes a text for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn data<'a>(page: &Page<'a>, title: &'a str) -> Data<'a> {
    let entry = |(place, facts): (usize, &'a PackageFacts)| {
        let epoch = facts.epoch.filter(|&epoch| epoch > 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
        let release = facts.release.as_ref().map(|release| format!("-{release}")).unwrap_or_default();
        let needs = page.needs.get(place).map(Vec::as_slice).unwrap_or_default();
        Entry {
            id: &facts.id,
            name: &facts.name,
            version: epoch + &facts.version + &release,
            arch: facts.arch.as_deref(),
            summary: facts.summary.as_deref(),
            description: facts.description.as_deref(),
            license: facts.license.as_deref(),
            vendor: facts.vendor.as_deref(),
            url: facts.url.as_deref(),
            source: facts.source.as_deref(),
            signer: facts.signatures.iter().find_map(|signature| signature.key.as_deref()),
            built: facts.build_time.filter(|&time| time > 0),
            size: facts.installed_size,
            files: facts.files.len(),
            needs: needs
                .iter()
                .filter(|need| need.package < page.packages.len())
                .map(|need| (need.package, need.capabilities.join(", ")))
                .collect(),
            asked: page.requested.is_some_and(|requested| requested.contains(&facts.id)),
        }
    };
    Data {
        schema: 1,
        title,
        time: page.time,
        subject: About { name: page.name, kind: page.kind, arch: page.arch, release: page.release },
        asked_known: page.requested.is_some(),
        packages: page.packages.iter().enumerate().map(entry).collect(),
        findings: page.findings,
        diff: page.difference.map(|(_, difference)| difference),
        other: page.difference.map(|(name, _)| name),
    }
}
