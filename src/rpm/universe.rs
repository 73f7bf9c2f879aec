//! Universes as readable text with one package on each line, for tests, examples and experiments.
//!
//! ```text
//! repo base priority=50
//! bash 5.1.8-6.el9  provides /bin/sh requires libc.so.6()(64bit), (filesystem if setup)
//! glibc 2.34-83.el9 i686 provides libc.so.6 recommends glibc-langpack files /usr/bin/ldd
//! ```
//!
//! `repo NAME installed` begins the installed packages.
//!
//! An architecture may follow name and version (default `noarch`). Then come lists, each of which
//! begins with its keyword and has commas between its elements: `provides`, `requires`,
//! `prerequires`, `conflicts`, `obsoletes`, `recommends`, `suggests`, `supplements`, `enhances`,
//! `files`. `#` begins a comment.

use super::dependency::{self, DependencyError};
use super::version::RpmVersions;
use crate::pool::{Architectures, Kind, Package, Pool, PoolBuilder, PoolError, RepoId};

/// An error in the text of a universe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UniverseError {
    /// A line is neither a package nor a repository.
    #[error("line {line}: {what}")]
    Line {
        /// Line number, counted from 1.
        line: usize,
        /// The expected syntax.
        what: &'static str,
    },
    /// A dependency cannot be parsed.
    #[error("line {line}: {error}")]
    Dependency {
        /// Line number, counted from 1.
        line: usize,
        /// The error.
        error: DependencyError,
    },
    /// There are more packages than a pool can contain.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Returns the pool of a text, for a machine with these architectures.
pub fn parse(text: &str, architectures: &Architectures) -> Result<Pool, UniverseError> {
    Ok(read(text)?.build(&RpmVersions, architectures)?)
}

/// Reads the packages of a text into a builder.
pub(super) fn read(text: &str) -> Result<PoolBuilder, UniverseError> {
    let mut builder = PoolBuilder::new();
    let mut repo = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if let Some(rest) = line.strip_prefix("repo ") {
            repo = Some(read_repo(&mut builder, rest, index + 1)?);
        } else {
            let repo = *repo.get_or_insert_with(|| builder.add_repo("universe", 99, None));
            read_package(&mut builder, repo, line, index + 1)?;
        }
    }
    Ok(builder)
}

fn read_repo(builder: &mut PoolBuilder, text: &str, line: usize) -> Result<RepoId, UniverseError> {
    let mut words = text.split_whitespace();
    let name = words.next().ok_or(UniverseError::Line { line, what: "expected the repository's name" })?;
    let priority = match words.next() {
        Some("installed") => return Ok(builder.add_installed_repo(name)),
        Some(word) => (word.strip_prefix("priority=").and_then(|number| number.parse().ok()))
            .ok_or(UniverseError::Line { line, what: "expected priority=NUMBER or installed" })?,
        None => 99,
    };
    Ok(builder.add_repo(name, priority, None))
}

/// The contents of a list in a package's line.
#[derive(Clone, Copy)]
enum List {
    Dependencies(Kind),
    Files,
}

fn list_of(word: &str) -> Option<List> {
    Some(List::Dependencies(match word {
        "provides" => Kind::Provides,
        "requires" => Kind::Requires,
        "prerequires" => Kind::PreRequires,
        "conflicts" => Kind::Conflicts,
        "obsoletes" => Kind::Obsoletes,
        "recommends" => Kind::Recommends,
        "suggests" => Kind::Suggests,
        "supplements" => Kind::Supplements,
        "enhances" => Kind::Enhances,
        "files" => return Some(List::Files),
        _ => return None,
    }))
}

fn read_package(builder: &mut PoolBuilder, repo: RepoId, text: &str, line: usize) -> Result<(), UniverseError> {
    let mut words = text.split_whitespace().peekable();
    let name = words.next().unwrap_or_default();
    let version = words.next().ok_or(UniverseError::Line { line, what: "expected the package's version" })?;
    let arch = words.next_if(|word| list_of(word).is_none()).unwrap_or("noarch");
    while let Some(word) = words.next() {
        let kind = list_of(word).ok_or(UniverseError::Line { line, what: "expected provides, requires, … or files" })?;
        let mut list = Vec::new();
        while let Some(word) = words.next_if(|word| list_of(word).is_none()) {
            list.push(word);
        }
        for item in list.join(" ").split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match kind {
                List::Dependencies(kind) => {
                    let id = dependency::intern(builder, item).map_err(|error| UniverseError::Dependency { line, error })?;
                    builder.add_dependency(kind, id);
                }
                List::Files => {
                    let path = builder.intern(item);
                    builder.add_file(path);
                }
            }
        }
    }
    let package = Package {
        name: builder.intern(name),
        version: builder.intern(version),
        arch: builder.intern(arch),
        ..Package::default()
    };
    builder.finish_package(repo, package);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Op;

    #[test]
    fn lines_become_packages() {
        let pool = parse(
            "repo base priority=50
             bash 5.1.8-6.el9 x86_64 provides /bin/sh requires libc.so.6()(64bit), foo >= 2   # a comment
             glibc 2.34 provides libc.so.6()(64bit) files /usr/bin/ldd, /usr/bin/iconv",
            &Architectures::any(),
        )
        .unwrap();
        let bash = pool.solvables().next().unwrap();
        assert_eq!((bash.name(), bash.version(), bash.arch(), bash.repo().priority), ("bash", "5.1.8-6.el9", "x86_64", 50));
        assert_eq!(bash.requires().len(), 2);
        assert_eq!(pool.solvables().nth(1).unwrap().files().len(), 2);
        assert!(pool.find_dependency("foo", Op::GREATER_EQUAL, "2").is_some());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let line = |text| match parse(text, &Architectures::any()) {
            Err(UniverseError::Line { line, .. } | UniverseError::Dependency { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line("a 1\nb"), 2);
        assert_eq!(line("a 1 x86_64 what"), 1);
        assert_eq!(line("\n\na 1 requires (b and"), 3);
        assert_eq!(line("repo x first"), 1);
    }
}
