//! The scripts of a package.

use std::fmt;

use crate::package::Content;

/// The event that a script belongs to, in the order in which apk stores scripts (package.c,
/// `apk_script_types`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptKind {
    /// `pre-install`.
    PreInstall,
    /// `post-install`.
    PostInstall,
    /// `pre-deinstall`.
    PreDeinstall,
    /// `post-deinstall`.
    PostDeinstall,
    /// `pre-upgrade`.
    PreUpgrade,
    /// `post-upgrade`.
    PostUpgrade,
    /// `trigger`.
    Trigger,
}

impl ScriptKind {
    /// All kinds, in apk's order.
    pub const ALL: [Self; 7] = [
        Self::PreInstall,
        Self::PostInstall,
        Self::PreDeinstall,
        Self::PostDeinstall,
        Self::PreUpgrade,
        Self::PostUpgrade,
        Self::Trigger,
    ];

    /// Returns the name, for example `post-install`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDeinstall => "pre-deinstall",
            Self::PostDeinstall => "post-deinstall",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::Trigger => "trigger",
        }
    }

    /// Returns the kind with this name.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }

    /// Returns the kind of the script in a member of the control stream, for example
    /// `.post-install`.
    pub(super) fn of_member(path: &[u8]) -> Option<Self> {
        Self::of_name(path.strip_prefix(b".")?)
    }
}

impl fmt::Display for ScriptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A script: a program with its interpreter in the first line.
#[derive(Clone, Debug)]
pub struct Script {
    /// The event that the script belongs to.
    pub kind: ScriptKind,
    /// The program.
    pub text: Content,
}
