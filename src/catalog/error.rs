//! Errors: an unknown name, or an invalid catalog file.

use std::path::PathBuf;

use super::finishing::StepProblem;

/// A name that the catalog does not know, or a catalog file that cannot be used.
///
/// The first five variants are errors of the caller (wrong usage). The others concern a file given
/// with `--catalog`.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The distribution does not exist.
    #[error("unknown distribution `{name}`")]
    UnknownDistro {
        /// The requested name.
        name: String,
        /// The existing names.
        known: Vec<String>,
        /// The most similar existing name, if one is similar enough.
        suggestion: Option<String>,
    },
    /// The distribution has no such release and no such minor release.
    #[error("{distro} has no release `{name}`")]
    UnknownRelease {
        /// The distribution that was searched.
        distro: String,
        /// The requested name.
        name: String,
        /// The existing names.
        known: Vec<String>,
        /// The most similar existing name, if one is similar enough.
        suggestion: Option<String>,
    },
    /// The release has no such variant.
    #[error("{distro} {release} has no variant `{name}`")]
    UnknownVariant {
        /// The distribution that was searched.
        distro: String,
        /// The release that was searched, as requested.
        release: String,
        /// The requested name.
        name: String,
        /// The existing names.
        known: Vec<String>,
        /// The most similar existing name, if one is similar enough.
        suggestion: Option<String>,
    },
    /// The release has no such architecture.
    #[error("{distro} {release} is not made for architecture `{name}`")]
    UnknownArchitecture {
        /// The distribution that was searched.
        distro: String,
        /// The release that was searched, as requested.
        release: String,
        /// The requested name.
        name: String,
        /// The existing names.
        known: Vec<String>,
        /// The most similar existing name, if one is similar enough.
        suggestion: Option<String>,
    },
    /// The variant and the architecture exist, but not in combination.
    #[error("{distro} {release} {variant} is not made for {arch}")]
    VariantNotForArchitecture {
        /// The distribution that was searched.
        distro: String,
        /// The release that was searched, as requested.
        release: String,
        /// The requested variant.
        variant: String,
        /// The requested architecture, by the distribution's own name.
        arch: String,
        /// The architectures that have the variant.
        known: Vec<String>,
    },
    /// A catalog file, or a key that it names, cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// A catalog file is not TOML in the catalog's format: invalid syntax, a wrong type or an
    /// unknown key.
    #[error("{}: not a catalog file", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// The parse error, with line, column and the text of the line.
        source: Box<toml::de::Error>,
    },
    /// A catalog file has the right format, but its content is inconsistent.
    #[error("{}: {place}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The dotted name of the table.
        place: String,
        /// The inconsistency.
        source: ContentProblem,
    },
}

/// An inconsistency in a catalog file that has the right format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentProblem {
    /// A required key is absent, both here and in the table that this one extends.
    #[error("`{key}` is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A name refers to a table that does not exist.
    #[error("no {kind} is named `{name}`")]
    Dangling {
        /// The kind of the reference: `repository`, `mirror`, `steps`, `architecture`, `variant`,
        /// `key`.
        kind: &'static str,
        /// The name in the reference.
        name: String,
    },
    /// A template uses a variable that is not defined there.
    #[error("`{template}`: unknown or unfinished variable `{variable}`")]
    Template {
        /// The whole template.
        template: String,
        /// The variable, without braces.
        variable: String,
    },
    /// A value is not one of the allowed values.
    #[error("`{key}`: `{value}` is not {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// The invalid value.
        value: String,
        /// A description of the allowed values.
        expected: &'static str,
    },
    /// A finishing step is invalid for every tree.
    #[error("finishing step {number}")]
    Step {
        /// The number of the step in its list, from 1.
        number: usize,
        /// The error in the step.
        source: StepProblem,
    },
}
