//! The page: a set of packages as one HTML file, to look at, to search and to pass on.
//!
//! In: a [`Page`], what is known of the set as data. Out: [`html`], a file that needs nothing beside it: its style and its program are in it,
//! and its policy lets nothing else in, neither from outside nor from what packages say of themselves. Such texts reach the document as
//! data, and the program makes texts of them, never elements.

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
/// The program, one part after another; they share one scope.
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

/// What a page shows.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// What the set is called.
    pub name: &'a str,
    /// What it was read from, in words: `a root file system`.
    pub kind: &'a str,
    /// Its architecture.
    pub arch: Option<&'a str>,
    /// The distribution and release, for people.
    pub release: Option<&'a str>,
    /// The packages.
    pub packages: &'a [PackageFacts],
    /// What each of them needs of the others, where that is known.
    pub needs: &'a [Vec<Need>],
    /// The ids of those that were asked for, where anything says so.
    pub requested: Option<&'a [String]>,
    /// What the audit found: `{"findings": […], …}`.
    pub findings: Option<&'a Value>,
    /// What is different from another set, and what that is called. Every list in it is shown.
    pub difference: Option<(&'a str, &'a Value)>,
    /// When the page was made, in seconds since 1970.
    pub time: i64,
}

/// What the program reads.
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

/// The page as one file.
pub fn html(page: &Page<'_>) -> String {
    let title = format!("{} \u{2013} packages", page.name);
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        source_hash(SCRIPT),
        source_hash(STYLE)
    );
    // Texts and numbers always serialise.
    let data = serde_json::to_string(&data(page, &title)).unwrap_or_default();
    let values = [
        ("policy", policy),
        ("generator", concat!("rootstrap ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("title", escaped(&title)),
        ("style", STYLE.to_owned()),
        // A block of data ends where `</script` begins, whatever the data is.
        ("data", data.replace('<', "\\u003c")),
        ("script", SCRIPT.to_owned()),
    ];
    fill(FRAME, &values)
}

/// The frame with its values; what stands in a value stays as it is.
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

/// What a policy calls a text that it lets run (CSP 3, "hash-source").
fn source_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Digest::of(Algorithm::Sha256, text.as_bytes()).bytes()))
}

/// A text within HTML.
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
