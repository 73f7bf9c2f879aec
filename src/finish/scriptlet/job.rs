//! The work that is done natively for scriptlets. All of it looks at the whole tree, so it is done once, when all files are there.

use std::fmt;

use crate::finish::iconvconfig::{self, IconvconfigError};
use crate::finish::ldconfig::{self, LdconfigError};
use crate::tree::{Tree, display};

/// Work that scriptlets ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// `ldconfig`.
    Ldconfig,
    /// `iconvconfig`, with its arguments.
    Iconvconfig(iconvconfig::Request),
}

/// Why work could not be done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The linker's cache.
    #[error(transparent)]
    Ldconfig(#[from] LdconfigError),
    /// The character set cache.
    #[error(transparent)]
    Iconvconfig(#[from] IconvconfigError),
}

impl Job {
    /// Does the work, and tells what the user should know: a program that the tree does not have, a configuration that it would
    /// complain of.
    pub fn run(&self, tree: &mut Tree) -> Result<Vec<String>, JobError> {
        let missing = |program: &str| vec![format!("a scriptlet runs {program}, which the root does not have")];
        match self {
            Self::Ldconfig => Ok(if ldconfig::run(tree)?.is_some() { Vec::new() } else { missing("ldconfig") }),
            Self::Iconvconfig(request) => match iconvconfig::run_with(tree, request) {
                Ok(true) => Ok(Vec::new()),
                Ok(false) => Ok(missing("iconvconfig")),
                Err(error @ IconvconfigError::Tree(..)) => Err(error.into()),
                // The program fails too, and the scriptlet goes on.
                Err(error) => Ok(vec![format!("iconvconfig: {error}")]),
            },
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ldconfig => f.write_str("ldconfig"),
            Self::Iconvconfig(request) => {
                f.write_str("iconvconfig")?;
                if let Some(output) = &request.output {
                    write!(f, " -o {}", display(output))?;
                }
                if request.no_standard {
                    f.write_str(" --nostdlib")?;
                }
                request.directories.iter().try_for_each(|directory| write!(f, " {}", display(directory)))
            }
        }
    }
}
