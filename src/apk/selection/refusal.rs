//! Errors of the resolver, as data and as text.

use std::fmt;

use crate::pool::SolvableId;

/// An error of the resolver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The constraints have no solution.
    #[error(transparent)]
    Unsatisfiable(Box<Unsatisfiable>),
    /// No package has or provides these names.
    #[error("there is no package {}", .names.join(", "))]
    NoSuchPackage {
        /// The names.
        names: Vec<String>,
    },
    /// Constraints of the world name a tag that no repository has.
    #[error("no repository has the tag that the world asks for by {}", .constraints.join(", "))]
    NoSuchTag {
        /// The constraints.
        constraints: Vec<String>,
    },
    /// The number of repositories or tags exceeds a limit.
    #[error("more than {limit} {what}")]
    TooMany {
        /// The kind of item.
        what: &'static str,
        /// The maximum number.
        limit: usize,
    },
}

/// The problems of an unsatisfiable request, in the order in which apk prints them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsatisfiable {
    /// The problems, each about one name or package.
    pub problems: Vec<Problem>,
}

/// The origin of a constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirer {
    /// The package, as `name-version`; `None` for the world.
    pub package: Option<String>,
    /// The constraint.
    pub constraint: String,
}

/// A malformed dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The text of the dependency.
    pub text: String,
}

/// A problem with a name or a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No package has or provides the name.
    Missing {
        /// The name.
        name: String,
        /// The origins of the constraints on it.
        required_by: Vec<Requirer>,
        /// Similar names.
        nearest: Vec<String>,
    },
    /// Packages provide the name without a version, so the user must select one of them.
    Ambiguous {
        /// The name.
        name: String,
        /// The packages.
        provided_by: Vec<String>,
        /// The origins of the constraints on it.
        required_by: Vec<Requirer>,
    },
    /// A package that the solution needs but that has an error.
    Package {
        /// The package, as `name-version`.
        id: String,
        /// The package in the pool.
        solvable: SolvableId,
        /// The architecture of the package, if it is incompatible.
        foreign_arch: Option<String>,
        /// The malformed dependencies of the package.
        broken: Vec<Broken>,
        /// The places that the package may not come from: tags with their `@`, `--no-network`, or
        /// `--exclude`.
        masked_in: Vec<String>,
        /// Other chosen packages with the same name, each with that name.
        conflicts: Vec<String>,
        /// The origins of constraints that the package violates.
        breaks: Vec<Requirer>,
        /// The origins of constraints that the package satisfies.
        satisfies: Vec<Requirer>,
    },
}

/// The place that apk names for a package that only the network has.
pub const NO_NETWORK: &str = "--no-network";

/// The place of a package that the user excluded.
pub const EXCLUDED: &str = "--exclude";

impl fmt::Display for Requirer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.package.as_deref().unwrap_or("world"), self.constraint)
    }
}

impl Requirer {
    fn sentence(&self) -> String {
        match &self.package {
            Some(package) => format!("{package} (which depends on {})", self.constraint),
            None => format!("the world (by {})", self.constraint),
        }
    }
}

fn list(of: &[Requirer]) -> String {
    of.iter().map(Requirer::sentence).collect::<Vec<_>>().join(", ")
}

fn words(of: &[String]) -> String {
    of.join(", ")
}

impl Unsatisfiable {
    /// Returns the lines that apk itself prints, with its indentation.
    pub fn apk_lines(&self) -> Vec<String> {
        let mut lines = vec!["unable to select packages:".to_owned()];
        for problem in &self.problems {
            problem.apk_lines(&mut lines);
        }
        lines
    }
}

impl Problem {
    /// Returns the subject of the problem: a name or a package.
    pub fn subject(&self) -> &str {
        match self {
            Self::Missing { name, .. } | Self::Ambiguous { name, .. } => name,
            Self::Package { id, .. } => id,
        }
    }

    fn apk_lines(&self, lines: &mut Vec<String>) {
        let texts = |of: &[Requirer]| of.iter().map(ToString::to_string).collect::<Vec<_>>();
        match self {
            Self::Missing { name, required_by, .. } => {
                lines.push(format!("  {name} (no such package):"));
                lines.push(format!("    required by: {}", texts(required_by).join(" ")));
            }
            Self::Ambiguous { name, provided_by, required_by } => {
                lines.push(format!("  {name} (virtual):"));
                lines.push("    note: please select one of the 'provided by' packages explicitly".to_owned());
                lines.push(format!("    provided by: {}", provided_by.join(" ")));
                lines.push(format!("    required by: {}", texts(required_by).join(" ")));
            }
            Self::Package { id, foreign_arch, broken, masked_in, conflicts, breaks, satisfies, .. } => {
                lines.push(format!("  {id}:"));
                let is_uninstallable = foreign_arch.is_some() || !broken.is_empty();
                let parts: [(&str, Vec<String>); 7] = [
                    ("error", is_uninstallable.then(|| "uninstallable".to_owned()).into_iter().collect()),
                    ("arch", foreign_arch.iter().cloned().collect()),
                    ("depends", broken.iter().map(|broken| broken.text.clone()).collect()),
                    ("masked in", masked_in.clone()),
                    ("conflicts", conflicts.clone()),
                    ("breaks", texts(breaks)),
                    ("satisfies", texts(satisfies)),
                ];
                for (text, values) in parts {
                    if !values.is_empty() {
                        lines.push(format!("    {text}: {}", values.join(" ")));
                    }
                }
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, required_by, nearest } => {
                write!(f, "nothing is called {name} or provides it, and {} needs it", list(required_by))?;
                if !nearest.is_empty() {
                    write!(f, "; there is {}", words(nearest))?;
                }
                Ok(())
            }
            Self::Ambiguous { name, provided_by, required_by } => write!(
                f,
                "{name} is provided by {}, none of which is taken unless it is named; {} needs it",
                words(provided_by),
                list(required_by)
            ),
            Self::Package { id, foreign_arch, broken, masked_in, conflicts, breaks, satisfies, .. } => {
                let mut parts = Vec::new();
                if let Some(arch) = foreign_arch {
                    parts.push(format!("is built for {arch}"));
                }
                if !broken.is_empty() {
                    let texts: Vec<&str> = broken.iter().map(|broken| broken.text.as_str()).collect();
                    parts.push(format!("has dependencies that make no sense ({})", texts.join(", ")));
                }
                if !masked_in.is_empty() {
                    parts.push(if masked_in.iter().any(|place| place == EXCLUDED) {
                        "is excluded (--exclude, or from its repository)".to_owned()
                    } else if masked_in.iter().any(|place| place == NO_NETWORK) {
                        "is on the network alone, which may not be used (--no-network)".to_owned()
                    } else {
                        format!("is only in {}", words(masked_in))
                    });
                }
                if !conflicts.is_empty() {
                    parts.push(format!("cannot be beside {}", words(conflicts)));
                }
                if !breaks.is_empty() {
                    parts.push(format!("is not what is wanted by {}", list(breaks)));
                }
                write!(f, "{id} {}", parts.join(", and "))?;
                if !satisfies.is_empty() {
                    write!(f, "; it is there for {}", list(satisfies))?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Unsatisfiable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no packages can be selected")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Unsatisfiable {}
