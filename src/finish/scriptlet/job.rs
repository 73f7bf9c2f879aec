//! The work that rootstrap does natively for scriptlets. All of it depends on the whole tree, so it
//! is done once, after all files are in place.

use std::fmt;

use super::busybox::{AddGroup, AddUser};
use crate::finish::busybox;
use crate::finish::iconvconfig::{self, IconvconfigError};
use crate::finish::ldconfig::{self, LdconfigError};
use crate::tree::{Tree, TreeError, display};

/// The work that scriptlets request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// `ldconfig`.
    Ldconfig,
    /// `iconvconfig`, with its arguments.
    Iconvconfig(iconvconfig::Request),
    /// busybox's `addgroup`.
    AddGroup(AddGroup),
    /// busybox's `adduser`.
    AddUser(AddUser),
    /// busybox's `addgroup USER GROUP`.
    AddMember {
        /// The user.
        user: String,
        /// The group.
        group: String,
    },
    /// `busybox --install -s`, with the path of the busybox.
    BusyboxLinks(String),
    /// `mkdir -p`.
    Directories(Vec<String>),
}

/// The reason why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The linker's cache cannot be written.
    #[error(transparent)]
    Ldconfig(#[from] LdconfigError),
    /// The character set cache cannot be written.
    #[error(transparent)]
    Iconvconfig(#[from] IconvconfigError),
    /// A path of the tree cannot be changed.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Job {
    /// Does the work and returns warnings for the user: a program that the tree lacks, or a
    /// configuration that the program would reject.
    ///
    /// `epoch` is the build time in seconds since 1970.
    pub fn run(&self, tree: &mut Tree, epoch: i64) -> Result<Vec<String>, JobError> {
        let missing = |program: &str| vec![format!("a scriptlet runs {program}, which the root does not have")];
        match self {
            Self::AddGroup(group) => group.run(tree).map(|()| Vec::new()),
            Self::AddUser(user) => user.run(tree, epoch).map(|()| Vec::new()),
            Self::AddMember { user, group } => super::busybox::add_member(tree, user, group).map(|()| Vec::new()),
            Self::Directories(paths) => super::busybox::directories(tree, paths).map(|()| Vec::new()),
            Self::BusyboxLinks(program) => Ok(match busybox::links(tree, program, Some(busybox::LISTS))? {
                Some(true) => Vec::new(),
                Some(false) => vec![format!("{program} does not tell under which names it is called")],
                None => missing(program),
            }),
            Self::Ldconfig => Ok(if ldconfig::run(tree)?.is_some() { Vec::new() } else { missing("ldconfig") }),
            Self::Iconvconfig(request) => match iconvconfig::run_with(tree, request) {
                Ok(true) => Ok(Vec::new()),
                Ok(false) => Ok(missing("iconvconfig")),
                Err(error @ IconvconfigError::Tree(..)) => Err(error.into()),
                // The program fails as well, and the scriptlet continues.
                Err(error) => Ok(vec![format!("iconvconfig: {error}")]),
            },
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ldconfig => f.write_str("ldconfig"),
            Self::AddGroup(group) => group.fmt(f),
            Self::AddUser(user) => user.fmt(f),
            Self::AddMember { user, group } => write!(f, "addgroup {user} {group}"),
            Self::BusyboxLinks(program) => write!(f, "{program} --install -s"),
            Self::Directories(paths) => write!(f, "mkdir -p {}", paths.join(" ")),
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
