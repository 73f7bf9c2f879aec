//! The installed database of a root, `lib/apk/db/installed`: what is installed, and whose each file is.
//!
//! In: the bytes of the file. Out: [`Installed`], which goes into a pool and tells the facts of each package. Nothing is checked against
//! the root, and nothing written: that is `apk::database`'s.

mod facts;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};

use super::checksum;
use super::dependency::{Constraint, ConstraintError, read_world};
use super::index::{Fields, Place, for_each_line, split};
use crate::digest::Digest;
use crate::metadata::IndexError;
use crate::pool::{PoolBuilder, RepoId};

/// Where the database and the world are, within a root.
pub const DATABASE: &str = "lib/apk/db/installed";
/// Where the database is in roots whose `/lib` is a link (apk 3).
pub const MERGED_DATABASE: &str = "usr/lib/apk/db/installed";
/// What was asked for.
pub const WORLD: &str = "etc/apk/world";
/// The architectures of the root.
pub const ARCH: &str = "etc/apk/arch";

/// Why the database of a root cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InstalledError {
    /// It is not what it should be.
    #[error("{path}: {error}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: IndexError,
    },
    /// Its world is not what it should be.
    #[error("{path}: {error}")]
    World {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: ConstraintError,
    },
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// What is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// The packages, in the order of the database.
    pub packages: Vec<InstalledPackage>,
    /// What was asked for.
    pub world: Vec<Constraint>,
    /// The architectures that the root takes, the first its own; none where it does not say.
    pub arches: Vec<String>,
}

/// A package that is installed, as the database has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstalledPackage {
    /// The lines about the package itself, in their order, without the letters that tell of files.
    pub fields: Vec<(u8, String)>,
    /// The directories that it brings, in order.
    pub directories: Vec<Directory>,
}

/// A directory of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Its path, without a slash before it; empty for the root itself.
    pub path: String,
    /// Its mode and owner, where they are not the usual ones (root, 0755).
    pub acl: Option<Acl>,
    /// Its files, in order.
    pub files: Vec<File>,
}

/// A file of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Its name in its directory.
    pub name: String,
    /// Its mode and owner, where they are not the usual ones (root, 0644).
    pub acl: Option<Acl>,
    /// The digest of its content, or of a symbolic link's target.
    pub digest: Option<Digest>,
}

/// Mode, owner and the digest of extended attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// Owner, by number.
    pub uid: u32,
    /// Group, by number.
    pub gid: u32,
    /// Permissions.
    pub mode: u16,
    /// The digest of the extended attributes, if there are any.
    pub xattrs: Option<Digest>,
}

impl InstalledPackage {
    /// The value of a field; empty where there is none.
    pub fn field(&self, letter: u8) -> &str {
        self.fields.iter().find(|field| field.0 == letter).map_or("", |field| &field.1)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.field(b'P')
    }

    /// Its version.
    pub fn version(&self) -> &str {
        self.field(b'V')
    }

    /// The tag that it was installed by.
    pub fn tag(&self) -> Option<&str> {
        Some(self.field(b's')).filter(|tag| !tag.is_empty())
    }

    /// Whether something went wrong when it was installed: with its files or a script (`f` and `s` of `f:`), or with extended
    /// attributes (`x`).
    pub fn is_broken(&self) -> bool {
        self.field(b'f').contains(['f', 's'])
    }

    /// Whether it brings this path, given without a slash before it.
    pub fn has_file(&self, path: &str) -> bool {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let directories = self.directories.iter().filter(|known| known.path == directory);
        directories.flat_map(|directory| &directory.files).any(|file| file.name == name)
    }
}

impl Installed {
    /// Reads a database.
    pub fn read(input: &mut dyn Read) -> Result<Self, IndexError> {
        let mut packages = Vec::new();
        let mut package = InstalledPackage::default();
        for_each_line(input, |place, line| {
            let malformed =
                |what: String| IndexError::Malformed { offset: place.offset, what: format!("line {}: {what}", place.line) };
            if line.is_empty() {
                package.end(&mut packages).map_err(malformed)
            } else {
                let (letter, value) = split(line).map_err(malformed)?;
                let value = std::str::from_utf8(value).map_err(|_| malformed(format!("{}: is not UTF-8", letter as char)))?;
                package.take(letter, value, place).map_err(malformed)
            }
        })?;
        package.end(&mut packages).map_err(|what| IndexError::Malformed { offset: 0, what })?;
        Ok(Self { packages, ..Self::default() })
    }

    /// Reads what a root (a directory) or a database (a file) says. A root without a database has nothing installed.
    pub fn open(path: &Path) -> Result<Self, InstalledError> {
        if !path.is_dir() {
            return Self::open_database(path).map(Option::unwrap_or_default);
        }
        let mut installed = match Self::open_database(&path.join(DATABASE))? {
            Some(installed) => installed,
            None => Self::open_database(&path.join(MERGED_DATABASE))?.unwrap_or_default(),
        };
        let world = path.join(WORLD);
        let text = read_text(&world)?;
        installed.world = read_world(&text).map_err(|error| InstalledError::World { path: world, error })?;
        installed.arches = read_text(&path.join(ARCH))?.split_ascii_whitespace().map(str::to_owned).collect();
        Ok(installed)
    }

    /// Whether a root has a database.
    pub fn is_in(root: &Path) -> bool {
        [DATABASE, MERGED_DATABASE].iter().any(|path| root.join(path).is_file())
    }

    fn open_database(path: &Path) -> Result<Option<Self>, InstalledError> {
        let io = |error| InstalledError::Io { path: path.to_owned(), error };
        let mut file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        Self::read(&mut file).map(Some).map_err(|error| match error {
            IndexError::Read { error, .. } => io(error),
            error @ IndexError::Malformed { .. } => InstalledError::Malformed { path: path.to_owned(), error },
        })
    }

    /// Puts the packages into the pool that is being built, in a repository of what is installed.
    pub fn intern(&self, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
        let mut fields = Fields::default();
        for package in &self.packages {
            let malformed = |what| IndexError::Malformed { offset: 0, what: format!("{}: {what}", package.name()) };
            for (letter, value) in &package.fields {
                fields.take(*letter, value.as_bytes(), builder).map_err(malformed)?;
            }
            fields.finish(builder, repo).map_err(malformed)?;
        }
        Ok(())
    }

    /// Of each package that was installed by a tag its name and the tag, as a request wants them.
    pub fn tags(&self) -> std::collections::BTreeMap<String, String> {
        let tagged = self.packages.iter().filter_map(|package| Some((package.name().to_owned(), package.tag()?.to_owned())));
        tagged.collect()
    }

    /// The packages that the database calls broken.
    pub fn broken(&self) -> Vec<String> {
        self.packages.iter().filter(|package| package.is_broken()).map(|package| package.name().to_owned()).collect()
    }

    /// The package that the package manager belongs to: whose `/proc/self/exe` it would be, or else `/sbin/apk`.
    pub fn package_manager(&self) -> Option<&str> {
        let paths = ["proc/self/exe", "sbin/apk", "usr/sbin/apk", "usr/bin/apk"];
        let owner = |path: &&str| self.packages.iter().find(|package| package.has_file(path));
        let found = paths.iter().find_map(owner);
        found.or_else(|| self.packages.iter().find(|package| package.name() == "apk-tools")).map(InstalledPackage::name)
    }
}

fn read_text(path: &Path) -> Result<String, InstalledError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(InstalledError::Io { path: path.to_owned(), error }),
    }
}

impl InstalledPackage {
    fn end(&mut self, packages: &mut Vec<Self>) -> Result<(), String> {
        let package = std::mem::take(self);
        if package == Self::default() {
            return Ok(());
        }
        if package.name().is_empty() || package.version().is_empty() {
            return Err("the record before has no name (P:) or no version (V:)".to_owned());
        }
        packages.push(package);
        Ok(())
    }

    fn take(&mut self, letter: u8, value: &str, _place: Place) -> Result<(), String> {
        let digest =
            |text: &str| checksum::parse(text).ok_or_else(|| format!("{}: expected a checksum, found {text:?}", letter as char));
        let directory = self.directories.last_mut();
        match letter {
            b'F' => {
                self.directories.push(Directory { path: value.to_owned(), ..Directory::default() });
                return Ok(());
            }
            b'M' => directory.ok_or("M: stands before any F:")?.acl = Some(read_acl(value)?),
            b'R' => directory.ok_or("R: stands before any F:")?.files.push(File { name: value.to_owned(), ..File::default() }),
            b'a' | b'Z' => {
                let file = directory.and_then(|directory| directory.files.last_mut());
                let file = file.ok_or_else(|| format!("{}: stands before any R:", letter as char))?;
                if letter == b'Z' {
                    file.digest = Some(digest(value)?);
                } else {
                    file.acl = Some(read_acl(value)?);
                }
            }
            _ => self.fields.push((letter, value.to_owned())),
        }
        Ok(())
    }
}

/// `uid:gid:mode[:checksum]`
fn read_acl(text: &str) -> Result<Acl, String> {
    let read = || {
        let mut parts = text.splitn(4, ':');
        let uid = parts.next()?.parse().ok()?;
        let gid = parts.next()?.parse().ok()?;
        let mode = u16::from_str_radix(parts.next()?, 8).ok()?;
        let xattrs = match parts.next() {
            Some(text) => Some(checksum::parse(text)?),
            None => None,
        };
        Some(Acl { uid, gid, mode, xattrs })
    };
    read().ok_or_else(|| format!("expected uid:gid:mode, found {text:?}"))
}
