//! The findings of an audit.

use serde::Serialize;

use super::severity::Severity;

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// An advisory applies to a package.
    Advisory,
    /// The repositories have a newer version.
    Update,
    /// No repository has a package of this name.
    Foreign,
    /// The package has no signature.
    Unsigned,
    /// The package is signed by an unknown key.
    UnknownKey,
    /// A file differs from its package.
    ChangedFile,
    /// No package of the set meets a requirement.
    MissingRequirement,
    /// A package is installed in several versions.
    Duplicate,
    /// A program runs with the rights of its owner or group.
    Setuid,
    /// A program has capabilities.
    Capabilities,
    /// No requested package needs the package.
    Unneeded,
    /// The policy does not accept a license.
    License,
    /// The release is no longer supported.
    EndOfLife,
    /// The set is larger than the policy allows.
    Size,
}

impl FindingKind {
    /// All kinds, in the order of reports.
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

    /// Returns the name in reports and policies.
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

    /// Returns a short description of the data that the check needs.
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

    /// Returns the kind with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the description, in one line.
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

/// A problem that an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Kind of finding.
    pub kind: FindingKind,
    /// External identifier: that of the advisory or the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name of the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Names of the packages, if the finding is about several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Installed version; for rpm `EPOCH:VERSION-RELEASE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// First version without the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// Path of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Severity.
    pub severity: Severity,
    /// Description, in one line.
    pub message: String,
    /// Recommended action, in one line.
    pub action: String,
    /// Aspects in which a file differs: `missing`, or `size`, `mode`, `content`, `device`,
    /// `target`, `user`, `group`, `mtime`, `capabilities`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<&'static str>,
    /// The CVEs that the finding is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cves: Vec<String>,
    /// URL with more information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Finding {
    /// Creates a finding that names no package yet.
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

    /// Sets the package of the finding.
    #[must_use]
    pub fn of(mut self, package: &crate::package::PackageFacts) -> Self {
        self.package = Some(package.name.clone());
        self.installed = Some(installed(package));
        self
    }
}

/// Returns the installed version, with its epoch if the ecosystem has epochs.
fn installed(package: &crate::package::PackageFacts) -> String {
    let epoch = package.epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let release = package.release.as_ref().map(|release| format!("-{release}")).unwrap_or_default();
    format!("{epoch}{}{release}", package.version)
}
