//! Errors of writing a tree.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// An error of writing a tree. OUT is unchanged, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// OUT is a directory that is not empty.
    #[error("{}: not empty (it holds {found:?}); choose another directory, or empty this one", out.display())]
    NotEmpty {
        /// OUT.
        out: PathBuf,
        /// One of the names in OUT.
        found: String,
    },
    /// OUT exists and is not a directory.
    #[error("{}: exists and is not a directory; choose another name", out.display())]
    NotADirectory {
        /// OUT.
        out: PathBuf,
    },
    /// OUT is a dangling symbolic link.
    #[error("{}: a symbolic link to nothing; remove it, or create what it points to", out.display())]
    DanglingLink {
        /// OUT.
        out: PathBuf,
    },
    /// The directory in which OUT should appear does not exist.
    #[error("{}: {} does not exist; create it first: mkdir -p {}", out.display(), parent.display(), quoted(parent))]
    NoParent {
        /// OUT.
        out: PathBuf,
        /// The directory that is missing.
        parent: PathBuf,
    },
    /// A parent of OUT is a file.
    #[error("{}: {} is not a directory; choose another place", out.display(), file.display())]
    BelowAFile {
        /// OUT.
        out: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// A parent of OUT is a dangling symbolic link.
    #[error("{}: {} is a symbolic link to nothing; remove it, or create what it points to", out.display(), link.display())]
    BelowADanglingLink {
        /// OUT.
        out: PathBuf,
        /// The link.
        link: PathBuf,
    },
    /// OUT is a URL.
    #[error("{}: a URL, where a path of this machine is expected", out.display())]
    Url {
        /// OUT.
        out: PathBuf,
    },
    /// OUT cannot be created at the given path.
    #[error("{}: cannot {action}: {error}; choose a directory that you can write to", out.display())]
    Place {
        /// OUT.
        out: PathBuf,
        /// The attempted action, as a verb.
        action: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// The file system is full, or a quota is exhausted.
    #[error("{path}: {action}: {error}; the tree needs about {needed} bytes, {available} were free when writing began")]
    NoSpace {
        /// The path inside the tree.
        path: String,
        /// The attempted action.
        action: &'static str,
        /// The size of the whole tree, in bytes.
        needed: u64,
        /// The free space when writing began, in bytes.
        available: u64,
        /// The system's answer.
        error: io::Error,
    },
    /// The file system has no free inodes, although it has space.
    #[error(
        "{path}: {action}: no more files fit the file system; the tree needs {needed} inodes, {available} were free when writing began"
    )]
    NoInodes {
        /// The path inside the tree.
        path: String,
        /// The attempted action.
        action: &'static str,
        /// The number of inodes of the whole tree.
        needed: u64,
        /// The number of free inodes when writing began.
        available: u64,
    },
    /// A path of the tree could not be written.
    #[error("{path}: {action}: {error}")]
    Write {
        /// The path inside the tree.
        path: String,
        /// The attempted action.
        action: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// A path of the tree could not be written into an archive.
    #[error("cannot write {path} into the archive: {error}")]
    Archive {
        /// The path inside the tree.
        path: String,
        /// The error.
        error: io::Error,
    },
    /// A directory that is neither empty nor an image layout, where a layout is to be written or
    /// read.
    #[error("{}: not an OCI image layout ({problem}); choose another directory", out.display())]
    NotALayout {
        /// The directory.
        out: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A blob of an image could not be read.
    #[error("cannot read {}: {error}", path.display())]
    Blob {
        /// The path of the blob's file.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// A blob of an image does not match its digest.
    #[error("{} is damaged: expected {expected}, found {found}", path.display())]
    DamagedBlob {
        /// The path of the blob's file.
        path: PathBuf,
        /// The expected value.
        expected: String,
        /// The actual value.
        found: String,
    },
    /// A document of an image could not be created.
    #[error("cannot make a document of the image: {0}")]
    Document(String),
    /// Two images of one index are for the same platform.
    #[error("two images for {0} cannot be told apart in one index")]
    SamePlatform(String),
    /// A file that the user requested cannot be written.
    #[error("{}: cannot {action}: {error}", path.display())]
    File {
        /// The file, as the user named it.
        path: PathBuf,
        /// The step that failed, as a verb.
        action: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// A directory exists where a file is to be written.
    #[error("{}: a directory, where a file is to be made; choose another name", out.display())]
    NotAFile {
        /// The path.
        out: PathBuf,
    },
    /// A content could not be read back from the spool.
    #[error("{path}: its content cannot be read back: {error}")]
    Content {
        /// The path inside the tree.
        path: String,
        /// The system's answer.
        error: io::Error,
    },
    /// An owner is still a name, or an invalid number: the tree is not finished.
    #[error("{path}: the owner {owner} has no number")]
    Owner {
        /// The path inside the tree.
        path: String,
        /// The owner.
        owner: String,
    },
    /// A root that is to be changed cannot be used.
    #[error("{}: cannot {action}: {error}", root.display())]
    Root {
        /// The root.
        root: PathBuf,
        /// The attempted action, as a verb.
        action: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// Another process is changing the root.
    #[error("{}: another process is changing it (it holds the lock {lock}); try again when it is done", root.display())]
    Busy {
        /// The root.
        root: PathBuf,
        /// The file that is locked, within the root.
        lock: String,
    },
    /// A path of a root that is to be changed could not be read.
    #[error("{path}: cannot {action}: {error}")]
    Read {
        /// The path inside the root.
        path: String,
        /// The attempted action, as a verb.
        action: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// A change of the root was interrupted and can be neither finished nor rolled back yet.
    #[error(
        "{}: a change of it is half done: {path}: cannot {action}: {error}; the next run on it ends the change, once this can be done",
        root.display()
    )]
    Unfinished {
        /// The root.
        root: PathBuf,
        /// The path inside the root.
        path: String,
        /// The attempted action, as a verb.
        action: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// The journal of an interrupted change cannot be read.
    #[error("{}: a change of it was broken off, and its journal {journal} cannot be read: {problem}", root.display())]
    Journal {
        /// The root.
        root: PathBuf,
        /// The journal's name in the root.
        journal: &'static str,
        /// The problem.
        problem: String,
    },
    /// The user canceled.
    #[error("stopped")]
    Cancelled,
    /// No threads could be started.
    #[error("no threads for writing: {0}")]
    Threads(String),
}

impl OutputError {
    /// Reports whether OUT is not usable as given (exit code 2), as opposed to a failure while
    /// writing.
    pub fn is_usage(&self) -> bool {
        if let Self::Root { error, .. } = self {
            return matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        }
        matches!(
            self,
            Self::NotEmpty { .. }
                | Self::NotADirectory { .. }
                | Self::NotAFile { .. }
                | Self::NotALayout { .. }
                | Self::SamePlatform(_)
                | Self::DanglingLink { .. }
                | Self::NoParent { .. }
                | Self::BelowAFile { .. }
                | Self::BelowADanglingLink { .. }
                | Self::Url { .. }
        )
    }

    /// Returns the reason why nothing can be created at `out`, whose parent directory is not
    /// reachable.
    pub(super) fn unreachable(out: &Path, parent: &Path) -> Self {
        let out = out.to_owned();
        // Nearest to the root first: `mkdir -p` stops there.
        let mut ancestors: Vec<&Path> = parent.ancestors().filter(|path| !path.as_os_str().is_empty()).collect();
        ancestors.reverse();
        for ancestor in ancestors {
            match (ancestor.symlink_metadata(), ancestor.metadata()) {
                (Ok(_), Ok(found)) if !found.is_dir() => return Self::BelowAFile { out, file: ancestor.to_owned() },
                (Ok(_), Err(_)) => return Self::BelowADanglingLink { out, link: ancestor.to_owned() },
                _ => {}
            }
        }
        let text = out.to_string_lossy();
        let is_scheme = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        };
        if text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) {
            return Self::Url { out };
        }
        Self::NoParent { parent: parent.to_owned(), out }
    }

    pub(super) fn write(path: &[u8], action: &'static str, error: Errno) -> Self {
        Self::Write { path: crate::tree::display(path), action, error: error.into() }
    }
}

/// Returns a path quoted for a shell, as one argument of a command.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._+:,@%=-".contains(c);
    let text = if text.starts_with('-') { format!("./{text}") } else { text.into_owned() };
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_argument_of_a_shell() {
        let quoted = |text| quoted(Path::new(text));
        assert_eq!(quoted("a/b-1.2"), "a/b-1.2");
        assert_eq!(quoted("-p/x"), "./-p/x");
        assert_eq!(quoted("my dir/it's"), "'my dir/it'\\''s'");
    }
}
