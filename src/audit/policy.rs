//! Audit policies: the findings that the user accepts or refuses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, FindingKind};
use super::severity::Severity;
use crate::finish::glob;
use crate::size;

/// A policy. An empty policy changes no finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Findings of at least this severity are failures.
    #[serde(deserialize_with = "level")]
    pub fail_on: Option<Severity>,
    /// Kinds that are not checked.
    #[serde(deserialize_with = "kinds")]
    pub skip: Vec<FindingKind>,
    /// Severity of each kind, where it differs from the default.
    #[serde(deserialize_with = "levels")]
    pub severity: BTreeMap<FindingKind, Severity>,
    /// Accepted and refused licenses.
    pub licenses: Licenses,
    /// Maximum size of the set.
    pub size: Budget,
    /// Known findings that are accepted.
    pub ignore: Vec<Ignored>,
}

/// The licenses that are accepted, as shell patterns for names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Licenses {
    /// The only accepted licenses; if empty, all are accepted.
    pub allow: Vec<String>,
    /// Refused licenses.
    pub refuse: Vec<String>,
}

/// The maximum size of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Maximum installed size of the packages, in bytes.
    #[serde(deserialize_with = "bytes")]
    pub installed: Option<u64>,
    /// Maximum number of packages.
    pub packages: Option<u64>,
}

/// A known finding. All conditions that are given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ignored {
    /// Kind of finding.
    #[serde(deserialize_with = "kind")]
    pub kind: Option<FindingKind>,
    /// Identifier or CVE: a shell pattern.
    pub id: Option<String>,
    /// Package: a shell pattern.
    pub package: Option<String>,
    /// Path: a shell pattern.
    pub path: Option<String>,
    /// Last day on which the entry is valid: `2026-12-31`.
    pub until: Option<String>,
    /// Reason, for readers of the file.
    pub reason: Option<String>,
}

/// The reason why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The file is not TOML, or has an unknown key or value.
    #[error("{0}")]
    Form(String),
    /// An entry of `ignore` has no condition and would match everything.
    #[error("entry {0} of `ignore` says neither kind, id, package nor path")]
    Everything(usize),
    /// A date is malformed.
    #[error("`{0}` is no day: write it as 2026-12-31")]
    Day(String),
}

impl Policy {
    /// Parses a policy file.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text).map_err(|error| PolicyError::Form(error.to_string()))?;
        for (place, ignored) in policy.ignore.iter().enumerate() {
            let Ignored { kind, id, package, path, until, .. } = ignored;
            if kind.is_none() && id.is_none() && package.is_none() && path.is_none() {
                return Err(PolicyError::Everything(place + 1));
            }
            if let Some(day) = until.as_ref().filter(|day| !is_day(day)) {
                return Err(PolicyError::Day(day.clone()));
            }
        }
        Ok(policy)
    }

    /// Sets the severity of a finding that the policy states for its kind.
    pub fn judged(&self, mut finding: Finding) -> Finding {
        if let Some(&severity) = self.severity.get(&finding.kind) {
            finding.severity = severity;
        }
        finding
    }

    /// Reports whether the policy ignores a finding today.
    pub fn ignores(&self, finding: &Finding, today: &str) -> bool {
        self.ignore.iter().any(|ignored| !ignored.is_expired(today) && ignored.fits(finding))
    }

    /// Returns the entries of `ignore` that expired, and those that match no finding. An entry that
    /// only matches kinds that were not checked may still have an effect.
    pub fn stale_ignores(&self, findings: &[Finding], looked_for: &[FindingKind], today: &str) -> Vec<StaleIgnore> {
        let stale = |(place, ignored): (usize, &Ignored)| {
            let state = if ignored.is_expired(today) {
                Staleness::Expired
            } else if ignored.kinds().any(|kind| looked_for.contains(&kind))
                && !findings.iter().any(|finding| ignored.fits(finding))
            {
                Staleness::Unused
            } else {
                return None;
            };
            Some(StaleIgnore { entry: place + 1, state, matches: ignored.to_string(), until: ignored.until.clone() })
        };
        self.ignore.iter().enumerate().filter_map(stale).collect()
    }
}

impl Ignored {
    fn is_expired(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }

    fn fits(&self, finding: &Finding) -> bool {
        let fits = |pattern: &Option<String>, texts: &[&str]| {
            pattern.as_ref().is_none_or(|pattern| texts.iter().any(|text| glob::matches(pattern.as_bytes(), text.as_bytes())))
        };
        let mut ids: Vec<&str> = finding.id.iter().map(String::as_str).collect();
        ids.extend(finding.cves.iter().map(String::as_str));
        self.kind.is_none_or(|kind| kind == finding.kind)
            && fits(&self.id, &ids)
            && fits(&self.package, finding.package.as_deref().as_slice())
            && fits(&self.path, finding.path.as_deref().as_slice())
    }

    /// Returns the kinds of findings that the entry can match: only some have an id or a path.
    fn kinds(&self) -> impl Iterator<Item = FindingKind> {
        use FindingKind::{Advisory, Capabilities, ChangedFile, License, Setuid, UnknownKey};
        FindingKind::ALL.into_iter().filter(|kind| {
            self.kind.is_none_or(|wanted| wanted == *kind)
                && (self.id.is_none() || matches!(kind, Advisory | License | UnknownKey))
                && (self.path.is_none() || matches!(kind, Capabilities | ChangedFile | Setuid))
        })
    }
}

/// The conditions of the entry: `id CVE-2023-4813, package glibc*`.
impl std::fmt::Display for Ignored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("kind", self.kind.map(FindingKind::name)),
            ("id", self.id.as_deref()),
            ("package", self.package.as_deref()),
            ("path", self.path.as_deref()),
        ];
        let parts: Vec<String> = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
        f.write_str(&parts.join(", "))
    }
}

/// An entry of `ignore` that has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StaleIgnore {
    /// Number of the entry, starting at 1.
    pub entry: usize,
    /// The reason why the entry has no effect.
    pub state: Staleness,
    /// Conditions of the entry: `id CVE-2023-4813, package glibc*`.
    pub matches: String,
    /// Last day on which the entry was valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The reason why an entry of `ignore` has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Staleness {
    /// The entry matches no finding.
    Unused,
    /// The entry expired.
    Expired,
}

impl std::fmt::Display for StaleIgnore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { entry, state, matches, until } = self;
        match (state, until) {
            (Staleness::Expired, Some(until)) => {
                write!(f, "entry {entry} of `ignore` ({matches}) expired: it was valid until {until}")
            }
            (Staleness::Expired, None) => write!(f, "entry {entry} of `ignore` ({matches}) expired"),
            (Staleness::Unused, _) => write!(f, "entry {entry} of `ignore` ({matches}) is unused: no finding matches it"),
        }
    }
}

/// Reports whether a text is a date such as `2026-12-31`. Such dates can be compared as texts.
pub fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10 && bytes.iter().enumerate().all(|(at, c)| if at == 4 || at == 7 { *c == b'-' } else { c.is_ascii_digit() })
}

fn severity_of<E: serde::de::Error>(word: &str) -> Result<Severity, E> {
    Severity::of_word(word)
        .ok_or_else(|| E::custom(format!("`{word}` is no severity: there are info, low, moderate, important, critical")))
}

fn kind_of<E: serde::de::Error>(word: &str) -> Result<FindingKind, E> {
    FindingKind::of_name(word).ok_or_else(|| {
        let known: Vec<&str> = FindingKind::ALL.map(FindingKind::name).to_vec();
        E::custom(format!("`{word}` is no kind of finding: there are {}", known.join(", ")))
    })
}

fn level<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Severity>, D::Error> {
    severity_of(&String::deserialize(deserializer)?).map(Some)
}

fn levels<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<FindingKind, Severity>, D::Error> {
    let words: BTreeMap<String, String> = BTreeMap::deserialize(deserializer)?;
    words.iter().map(|(kind, word)| Ok((kind_of(kind)?, severity_of(word)?))).collect()
}

fn kinds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<FindingKind>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|word| kind_of(word)).collect()
}

fn kind<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<FindingKind>, D::Error> {
    kind_of(&String::deserialize(deserializer)?).map(Some)
}

/// Reads a number of bytes, or a text such as `100M`.
fn bytes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Number(u64),
        Text(String),
    }
    let text = match Size::deserialize(deserializer)? {
        Size::Number(number) => return Ok(Some(number)),
        Size::Text(text) => text,
    };
    size::parse(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::Staleness::{Expired, Unused};
    use super::*;

    #[test]
    fn a_whole_policy() {
        let policy = Policy::parse(
            "fail_on = \"high\"\nskip = [\"capabilities\"]\n[severity]\nsetuid = \"low\"\n[licenses]\nallow = [\"MIT\"]\n\
             [size]\ninstalled = \"2 MiB\"\n[[ignore]]\nid = \"CVE-2024-*\"\npackage = \"glibc*\"\nuntil = \"2026-12-31\"\n",
        )
        .unwrap();
        assert_eq!((policy.fail_on, policy.size.installed), (Some(Severity::Important), Some(2 << 20)));
        let mut finding = Finding::new(FindingKind::Advisory, Severity::Moderate, "m", "a");
        finding.package = Some("glibc-common".into());
        finding.cves = vec!["CVE-2024-1".into()];
        assert!(policy.ignores(&finding, "2026-12-31") && !policy.ignores(&finding, "2027-01-01"));
        finding.package = Some("bash".into());
        assert!(!policy.ignores(&finding, "2026-01-01"));
        let setuid = policy.judged(Finding::new(FindingKind::Setuid, Severity::Info, "m", "a"));
        assert_eq!(setuid.severity, Severity::Low);
    }

    #[test]
    fn an_ignore_that_expired_or_matches_nothing_is_stale() {
        let policy = Policy::parse(
            "[[ignore]]\nid = \"CVE-1\"\n[[ignore]]\nid = \"CVE-2\"\npackage = \"b*\"\n[[ignore]]\nkind = \"setuid\"\n\
             [[ignore]]\nid = \"CVE-1\"\nuntil = \"2026-01-01\"\n[[ignore]]\npath = \"/a\"\n",
        )
        .unwrap();
        let mut finding = Finding::new(FindingKind::Advisory, Severity::Low, "m", "a");
        finding.cves = vec!["CVE-1".into(), "CVE-2".into()];
        finding.package = Some("glibc".into());
        let stale = |looked_for: &[FindingKind], today: &str| {
            let stale = policy.stale_ignores(std::slice::from_ref(&finding), looked_for, today);
            stale.into_iter().map(|stale| (stale.entry, stale.state)).collect::<Vec<_>>()
        };
        assert_eq!(stale(&FindingKind::ALL, "2026-01-01"), [(2, Unused), (3, Unused), (5, Unused)]);
        assert_eq!(stale(&[FindingKind::Advisory], "2026-01-02"), [(2, Unused), (4, Expired)]);
        assert_eq!(
            policy.stale_ignores(&[], &[FindingKind::Advisory], "2026-01-02")[1].to_string(),
            "entry 2 of `ignore` (id CVE-2, package b*) is unused: no finding matches it"
        );
    }

    #[test]
    fn what_is_no_policy_is_told() {
        for (text, told) in [
            ("fail_on = \"dire\"", "is no severity"),
            ("skip = [\"x\"]", "is no kind of finding"),
            ("[size]\ninstalled = \"1X\"", "is not a size"),
            ("[[ignore]]\nreason = \"x\"", "entry 1"),
            ("[[ignore]]\nid = \"x\"\nuntil = \"soon\"", "is no day"),
            ("unknown = 1", "unknown field"),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
