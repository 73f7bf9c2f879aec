//! What an audit finds, one by one.

use serde::Serialize;

use super::severity::Severity;

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// An advisory applies to a package.
    Advisory,
    /// The repositories have a newer version.
    Update,
    /// No repository has a package of this name.
    Foreign,
    /// Nobody signed the package.
    Unsigned,
    /// Somebody signed it whose key is not known.
    UnknownKey,
    /// A file is not as its package brought it.
    ChangedFile,
    /// Nothing in the set meets a requirement.
    MissingRequirement,
    /// A package is there in several versions.
    Duplicate,
    /// A file runs as its owner or group.
    Setuid,
    /// A file has capabilities.
    Capabilities,
    /// Nothing that was asked for needs the package.
    Unneeded,
    /// A licence is not one that the policy takes.
    License,
    /// The release is cared for no more.
    EndOfLife,
    /// It is larger than the policy lets it be.
    Size,
}

impl FindingKind {
    /// All that there are, in the order in which they are told.
    pub const ALL: [Self; 14] = [
        Self::Advisory,
        Self::EndOfLife,
        Self::ChangedFile,
        Self::MissingRequirement,
        Self::Duplicate,
        Self::Unsigned,
        Self::UnknownKey,
        Self::Foreign,
        Self::Update,
        Self::Unneeded,
        Self::License,
        Self::Size,
        Self::Setuid,
        Self::Capabilities,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
            Self::Update => "update",
            Self::Foreign => "foreign",
            Self::Unsigned => "unsigned",
            Self::UnknownKey => "unknown-key",
            Self::ChangedFile => "changed-file",
            Self::MissingRequirement => "missing-requirement",
            Self::Duplicate => "duplicate",
            Self::Setuid => "setuid",
            Self::Capabilities => "capabilities",
            Self::Unneeded => "unneeded",
            Self::License => "license",
            Self::EndOfLife => "end-of-life",
            Self::Size => "size",
        }
    }

    /// What has to be known for it to be looked for, in a few words.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Advisory => "advisories about the release of the set: --advisories, or repositories that have some",
            Self::Update | Self::Foreign => "repositories: --distro, or --repo",
            Self::Unsigned => "a database that keeps signatures, as rpm's does",
            Self::UnknownKey => "a database that keeps signatures, and a key: --key",
            Self::ChangedFile | Self::Setuid | Self::Capabilities => "the files of a root",
            Self::MissingRequirement => "the dependencies of the packages",
            Self::Duplicate => "packages",
            Self::Unneeded => "dependencies, and a record of what was asked for",
            Self::License => "a policy about licences (--policy), and packages that tell theirs",
            Self::EndOfLife => "a release whose end is known: os-release, and the catalog or SUPPORT_END",
            Self::Size => "a policy about sizes: --policy",
        }
    }

    /// The kind of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What it means, in a line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Advisory => "A published advisory applies to an installed version",
            Self::Update => "The repositories have a newer version",
            Self::Foreign => "No repository has a package of this name",
            Self::Unsigned => "A package bears no signature",
            Self::UnknownKey => "A package was signed by a key that is not known",
            Self::ChangedFile => "A file is not as its package brought it",
            Self::MissingRequirement => "Nothing in the set meets a requirement",
            Self::Duplicate => "A package is there in several versions",
            Self::Setuid => "A program runs as its owner or group, whoever starts it",
            Self::Capabilities => "A program has capabilities, whoever starts it",
            Self::Unneeded => "Nothing that was asked for needs a package",
            Self::License => "A licence is not one that the policy takes",
            Self::EndOfLife => "The release is cared for no more",
            Self::Size => "The set is larger than the policy lets it be",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// What it is called elsewhere: the advisory's id, the key's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The package's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The names of the packages, where it is about several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// The version that is there, `EPOCH:VERSION-RELEASE` of rpm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// The first version that is free of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What is found, in a line.
    pub message: String,
    /// What to do about it, in a line.
    pub action: String,
    /// What about a file is different: `missing`, or `size`, `mode`, `content`, `device`, `target`, `user`, `group`, `mtime`, `capabilities`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<&'static str>,
    /// The CVEs that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cves: Vec<String>,
    /// Where more is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Finding {
    /// One that is about no package yet.
    pub fn new(kind: FindingKind, severity: Severity, message: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            kind,
            id: None,
            package: None,
            packages: Vec::new(),
            installed: None,
            fixed: None,
            path: None,
            severity,
            message: message.into(),
            action: action.into(),
            changes: Vec::new(),
            cves: Vec::new(),
            url: None,
        }
    }

    /// About a package.
    #[must_use]
    pub fn of(mut self, package: &crate::package::PackageFacts) -> Self {
        self.package = Some(package.name.clone());
        self.installed = Some(installed(package));
        self
    }
}

/// The version that is there, with its epoch wherever the ecosystem has such a thing.
fn installed(package: &crate::package::PackageFacts) -> String {
    let epoch = package.epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let release = package.release.as_ref().map(|release| format!("-{release}")).unwrap_or_default();
    format!("{epoch}{}{release}", package.version)
}
