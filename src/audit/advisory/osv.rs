//! OSV: records of `osv.dev` (schema 1.x), one per JSON document.

use serde::Deserialize;

use super::{Advisory, Affected, End, Range, Scope};
use crate::audit::severity::{Severity, base_score};

/// Distributions whose package names are, or may be, the names of source packages (OSV schema,
/// defined ecosystems).
const OF_SOURCES: [&str; 9] =
    ["Alpine", "Alpaquita", "Chainguard", "Mageia", "Rocky Linux", "SUSE", "Wolfi", "openEuler", "openSUSE"];

/// The fields of a record that are used.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Record {
    id: String,
    summary: String,
    withdrawn: Option<String>,
    aliases: Vec<String>,
    related: Vec<String>,
    upstream: Vec<String>,
    severity: Vec<Score>,
    affected: Vec<Part>,
    references: Vec<Reference>,
    database_specific: Specific,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    score: String,
}

#[derive(Deserialize)]
struct Part {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<Run>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    severity: Vec<Score>,
    #[serde(default)]
    ecosystem_specific: Specific,
    #[serde(default)]
    database_specific: Specific,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Run {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    url: String,
}

/// The fields that databases add to the schema.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Specific {
    #[serde(deserialize_with = "text_or_nothing")]
    severity: Option<String>,
}

/// Reads a severity. A value that is not text is ignored, so that the record remains usable.
fn text_or_nothing<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().map(str::to_owned))
}

impl Record {
    /// Returns the releases that the record is about, whatever packages it names.
    pub(super) fn scopes(&self) -> impl Iterator<Item = Option<Scope>> {
        let packages = self.affected.iter().filter_map(|part| part.package.as_ref());
        packages.map(|package| Some(package.scope()))
    }

    /// Converts the record, with its entries for `wanted` packages only. Returns `None` if the
    /// record was withdrawn or has no such entry.
    pub(super) fn advisory(self, wanted: &dyn Fn(&str) -> bool) -> Option<Advisory> {
        if self.withdrawn.is_some() {
            return None;
        }
        let modules = self.modules();
        let (severity, kind) = (self.severity(), self.kind());
        let parts = self.affected.into_iter().filter(|part| part.package.as_ref().is_some_and(|package| wanted(&package.name)));
        let affected: Vec<Affected> = parts.filter_map(|part| part.affected(&modules)).collect();
        if affected.is_empty() {
            return None;
        }
        let named = [std::slice::from_ref(&self.id), &self.aliases[..], &self.related, &self.upstream].concat();
        let mut cves: Vec<String> = named.into_iter().filter(|name| name.starts_with("CVE-")).collect();
        cves.sort_unstable();
        cves.dedup();
        // Prefer the record's own advisory, whose URL contains the id.
        let own = [self.id.clone(), self.id.replace(':', "-")];
        let is_own = |reference: &&Reference| own.iter().any(|id| reference.url.contains(id.as_str()));
        let is_advisory = |reference: &&Reference| reference.kind == "ADVISORY";
        let url = self.references.iter().find(|one| is_advisory(one) && is_own(one));
        let url = url.or_else(|| self.references.iter().find(is_advisory)).or(self.references.first());
        Some(Advisory {
            id: self.id,
            kind: kind.to_owned(),
            severity,
            title: self.summary,
            cves,
            url: url.map(|reference| reference.url.clone()).filter(|url| !url.is_empty()),
            affected,
        })
    }

    /// Returns the severity that the database states, or the word before the title (Red Hat's
    /// style: `Important: glibc security update`), or the highest score.
    fn severity(&self) -> Option<Severity> {
        let parts = self.affected.iter().flat_map(|part| [&part.database_specific, &part.ecosystem_specific]);
        let words = std::iter::once(&self.database_specific).chain(parts).filter_map(|specific| specific.severity.as_deref());
        let title = self.summary.split_once(':').map(|(word, _)| word);
        if let Some(severity) = words.chain(title).find_map(Severity::of_word) {
            return Some(severity);
        }
        let scores = self.severity.iter().chain(self.affected.iter().flat_map(|part| &part.severity));
        let scores = scores.filter_map(|one| base_score(&one.score).or_else(|| one.score.parse().ok()));
        scores.max_by(f64::total_cmp).map(Severity::of_score)
    }

    /// Returns the kind. In ids of Red Hat and its derivatives, the first word states it: security
    /// (`ALSA`), bugs (`ALBA`) or enhancements (`ALEA`).
    fn kind(&self) -> &'static str {
        let prefix = self.id.split('-').next().unwrap_or_default();
        match prefix.as_bytes() {
            [_, _, b'B', b'A'] => "bugfix",
            [_, _, b'E', b'A'] => "enhancement",
            _ => "security",
        }
    }

    /// Returns the module streams in the title: `Important: nodejs:20 security update`.
    fn modules(&self) -> Vec<String> {
        let is_stream = |word: &&str| {
            let allowed = |text: &str| {
                !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'+'))
            };
            word.split_once(':').is_some_and(|(name, stream)| allowed(name) && allowed(stream))
        };
        self.summary
            .split_ascii_whitespace()
            .map(|word| word.trim_matches([',', ';', '(', ')']))
            .filter(is_stream)
            .map(str::to_owned)
            .collect()
    }
}

impl Part {
    fn affected(self, modules: &[String]) -> Option<Affected> {
        let package = self.package?;
        let scope = package.scope();
        let ranges: Vec<Range> =
            self.ranges.iter().filter(|run| run.kind != "GIT").flat_map(|run| run.ranges().collect::<Vec<_>>()).collect();
        Some(Affected {
            of_source: OF_SOURCES.contains(&scope.distribution.as_str()),
            scope: Some(scope),
            name: package.name,
            arch: None,
            // A title with one stream applies to that stream. If it names several, only the
            // versions tell the streams apart.
            module: if let [one] = modules { Some(one.clone()) } else { None },
            ranges,
            versions: self.versions,
        })
    }
}

impl Package {
    /// Returns the release that the record is about: `AlmaLinux:9`.
    fn scope(&self) -> Scope {
        let (distribution, release) = match self.ecosystem.split_once(':') {
            Some((distribution, release)) => (distribution, Some(release.to_owned())),
            None => (self.ecosystem.as_str(), None),
        };
        Scope { distribution: distribution.to_owned(), release }
    }
}

impl Run {
    /// Converts the events, which are sorted by version. Each end belongs to the start before it.
    fn ranges(&self) -> impl Iterator<Item = Range> {
        let mut ranges: Vec<Range> = Vec::new();
        let mut open: Option<Option<String>> = None;
        for event in &self.events {
            if let Some(first) = &event.introduced {
                ranges.extend(open.take().map(|introduced| Range { introduced, end: End::Open }));
                open = Some((first != "0").then(|| first.clone()));
            }
            let end = match (&event.fixed, &event.last_affected) {
                (Some(fixed), _) => End::Fixed(fixed.clone()),
                (None, Some(last)) => End::Last(last.clone()),
                (None, None) => continue,
            };
            ranges.push(Range { introduced: open.take().unwrap_or_default(), end });
        }
        ranges.extend(open.map(|introduced| Range { introduced, end: End::Open }));
        ranges.into_iter()
    }
}
