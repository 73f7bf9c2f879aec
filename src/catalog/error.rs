//! What can be wrong with a name asked for, or with a catalog file.

use std::path::PathBuf;

use super::finishing::StepProblem;

/// A name that the catalog does not know, or a catalog file that cannot be used.
///
/// The first five are mistakes of the caller (wrong usage); the others are about a file given with `--catalog`.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No such distribution.
    #[error("unknown distribution `{name}`")]
    UnknownDistro {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
        /// The known name nearest to it, when one is near.
        suggestion: Option<String>,
    },
    /// The distribution has no such release, nor is it a minor release of one.
    #[error("{distro} has no release `{name}`")]
    UnknownRelease {
        /// The distribution looked in.
        distro: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
        /// The known name nearest to it, when one is near.
        suggestion: Option<String>,
    },
    /// The release has no such variant.
    #[error("{distro} {release} has no variant `{name}`")]
    UnknownVariant {
        /// The distribution looked in.
        distro: String,
        /// The release looked in, as asked for.
        release: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
        /// The known name nearest to it, when one is near.
        suggestion: Option<String>,
    },
    /// The release is not made for such an architecture.
    #[error("{distro} {release} is not made for architecture `{name}`")]
    UnknownArchitecture {
        /// The distribution looked in.
        distro: String,
        /// The release looked in, as asked for.
        release: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
        /// The known name nearest to it, when one is near.
        suggestion: Option<String>,
    },
    /// The variant and the architecture exist, but not together.
    #[error("{distro} {release} {variant} is not made for {arch}")]
    VariantNotForArchitecture {
        /// The distribution looked in.
        distro: String,
        /// The release looked in, as asked for.
        release: String,
        /// The variant asked for.
        variant: String,
        /// The architecture asked for, by the distribution's own name.
        arch: String,
        /// The architectures that the variant is made for.
        known: Vec<String>,
    },
    /// A catalog file, or a key that it names, cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A catalog file is not TOML of the catalog's form: syntax, a wrong type, an unknown key.
    #[error("{}: not a catalog file", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What and where: line, column and the line itself.
        source: Box<toml::de::Error>,
    },
    /// A catalog file has the right form but what it says does not hold together.
    #[error("{}: {place}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where in it, as the dotted name of the table.
        place: String,
        /// What is wrong there.
        source: ContentProblem,
    },
}

/// What does not hold together in a catalog file of the right form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentProblem {
    /// A key that has to be there, here or in what is extended, is absent.
    #[error("`{key}` is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A name refers to a table that is not there.
    #[error("no {kind} is named `{name}`")]
    Dangling {
        /// What is referred to: `repository`, `mirror`, `steps`, `architecture`, `variant`, `key`.
        kind: &'static str,
        /// The name used.
        name: String,
    },
    /// A template uses a variable that has no meaning there.
    #[error("`{template}`: unknown or unfinished variable `{variable}`")]
    Template {
        /// The whole template.
        template: String,
        /// The variable, without braces.
        variable: String,
    },
    /// A value is not one of those allowed.
    #[error("`{key}`: `{value}` is not {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What could.
        expected: &'static str,
    },
    /// A finishing step cannot be carried out in any tree.
    #[error("finishing step {number}")]
    Step {
        /// Which one of its list, from 1.
        number: usize,
        /// What is wrong with it.
        source: StepProblem,
    },
}
