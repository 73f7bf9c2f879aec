//! Paths in a lock file. They are relative to the lock, so that a checkout with its lock can be
//! anywhere.

use std::path::{Component, Path, PathBuf};

use super::packaging::names_a_file;
use crate::ecosystem::COMMAND_LINE;
use crate::fetch::Location;
use crate::lock::{LockedArchitecture, LockedRequest};
use crate::output::names_standard_output;
use crate::repo::map_places;

/// The directory that the paths of a lock are relative to.
pub(super) struct LockPlace {
    /// The absolute path.
    directory: PathBuf,
    /// Prefix for the relative paths in the lock; empty if the lock is in the current directory.
    prefix: PathBuf,
    /// The current directory.
    current: PathBuf,
}

impl LockPlace {
    /// Returns the place of a lock file, which need not exist. Symbolic links are resolved, so the
    /// paths are the same whether the user names the file or a link to it.
    pub(super) fn of(lock: &Path) -> Self {
        let current = std::env::current_dir().unwrap_or_default();
        // A pipe has no directory: its paths are relative to the current directory.
        let is_stream = lock.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) || names_standard_output(lock);
        let real = if is_stream { PathBuf::from("-") } else { written_through(lock) };
        let prefix = real.parent().map(Path::to_owned).unwrap_or_default();
        let absolute = current.join(&prefix);
        let directory = normal(&absolute.canonicalize().unwrap_or(absolute));
        let prefix = if directory == current { PathBuf::new() } else { prefix };
        Self { directory, prefix, current }
    }

    /// Converts a path that the user gave to a path relative to the lock. An absolute path stays,
    /// unless it leads into the tree that contains the lock.
    pub(super) fn written(&self, path: &str) -> String {
        let given = Path::new(path);
        if given.is_relative() && self.prefix.as_os_str().is_empty() {
            return path.to_owned();
        }
        let place = normal(&self.current.join(given));
        let is_beside =
            place.starts_with(&self.directory) || (self.directory.starts_with(&self.current) && place.starts_with(&self.current));
        if given.is_absolute() && !is_beside { path.to_owned() } else { relative(&self.directory, &place) }
    }

    /// Returns a path of the lock for use from the current directory.
    pub(super) fn read(&self, path: &str) -> String {
        if self.prefix.as_os_str().is_empty() { path.to_owned() } else { self.prefix.join(path).to_string_lossy().into_owned() }
    }

    /// Converts the paths of a user's request to paths relative to the lock.
    pub(super) fn written_request(&self, request: &LockedRequest) -> LockedRequest {
        map_request(request, &|path| self.written(path))
    }

    /// Returns a request of the lock with usable paths. Paths in locks of version 1 are relative to
    /// the current directory.
    pub(super) fn read_request(&self, version: u32, request: &LockedRequest) -> LockedRequest {
        if version < 2 { request.clone() } else { map_request(request, &|path| self.read(path)) }
    }

    /// Converts a request of the lock to the current version of the format.
    pub(super) fn kept_request(&self, version: u32, request: &LockedRequest) -> LockedRequest {
        if version < 2 { self.written_request(request) } else { request.clone() }
    }

    /// Converts the locations of locked package files to paths relative to the lock. They are
    /// spelled like the user's `specs`.
    pub(super) fn written_architecture(&self, architecture: LockedArchitecture, specs: &[String]) -> LockedArchitecture {
        let place = |path: &str| normal(&self.current.join(path));
        map_files(architecture, &|path| {
            let spelled = specs.iter().find(|spec| names_a_file(spec) && place(spec) == place(path));
            self.written(spelled.map_or(path, String::as_str))
        })
    }

    /// Converts an architecture of the lock to the current version of the format.
    pub(super) fn kept_architecture(&self, version: u32, architecture: LockedArchitecture) -> LockedArchitecture {
        if version < 2 { self.written_architecture(architecture, &[]) } else { architecture }
    }

    /// Returns an architecture of the lock with usable paths of package files.
    pub(super) fn read_architecture(&self, version: u32, architecture: LockedArchitecture) -> LockedArchitecture {
        if version < 2 { architecture } else { map_files(architecture, &|path| self.read(path)) }
    }
}

/// Returns the file that a write to `path` changes: the target of a symbolic link.
fn written_through(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        // A regular file keeps the name that the user gave.
        return if path.is_symlink() { real } else { path.to_owned() };
    }
    match path.read_link() {
        Ok(target) => path.parent().unwrap_or(Path::new("")).join(target),
        Err(_) => path.to_owned(),
    }
}

fn map_request(request: &LockedRequest, map: &dyn Fn(&str) -> String) -> LockedRequest {
    let place = |text: &str| match Location::parse(text) {
        Ok(Location::Path(_)) if !text.starts_with("file:") => map(text),
        _ => text.to_owned(),
    };
    let spec = |spec: &String| if names_a_file(spec) { map(spec) } else { spec.clone() };
    LockedRequest {
        mirrors: request.mirrors.iter().map(|mirror| place(mirror)).collect(),
        repositories: request.repositories.iter().map(|text| map_places(text, &place)).collect(),
        catalogs: request.catalogs.iter().map(|path| map(path)).collect(),
        with: request.with.iter().map(spec).collect(),
        ..request.clone()
    }
}

fn map_files(mut architecture: LockedArchitecture, map: &dyn Fn(&str) -> String) -> LockedArchitecture {
    for package in architecture.packages.iter_mut().filter(|package| package.repository == COMMAND_LINE) {
        package.location = map(&package.location);
    }
    architecture
}

/// Removes `.` and `..` from a path without reading the file system.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}

/// Returns the relative path from an absolute directory to a path.
fn relative(from: &Path, to: &Path) -> String {
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.components().skip(shared)).collect();
    if way.as_os_str().is_empty() { ".".to_owned() } else { way.to_string_lossy().into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(directory: &str, prefix: &str, current: &str) -> LockPlace {
        LockPlace { directory: directory.into(), prefix: prefix.into(), current: current.into() }
    }

    #[test]
    fn paths_are_relative_to_the_lock() {
        let beside = place("/co", "", "/co");
        assert_eq!(beside.written("./mirror"), "./mirror");
        assert_eq!(beside.written("/co/mirror"), "mirror");
        assert_eq!(beside.written("/srv/mirror"), "/srv/mirror");
        let below = place("/co/locks", "locks", "/co");
        assert_eq!(below.written("mirror"), "../mirror");
        assert_eq!(below.written("/co/mirror"), "../mirror");
        assert_eq!(below.written("locks"), ".");
        assert_eq!(below.read("../mirror"), "locks/../mirror");
        assert_eq!(below.read("/srv/mirror"), "/srv/mirror");
        let elsewhere = place("/co", "/co", "/tmp");
        assert_eq!(elsewhere.written("../co/mirror"), "mirror");
        assert_eq!(elsewhere.written("repo"), "../tmp/repo");
        assert_eq!(elsewhere.written("/tmp/repo"), "/tmp/repo");
    }

    #[test]
    fn urls_stay_and_places_of_repositories_move() {
        let request = LockedRequest {
            mirrors: vec!["https://host/x".into(), "mirror".into(), "file:///srv".into()],
            repositories: vec!["a=repo,priority=3".into(), "b=http://h/x,base=dir".into(), "c=mirrorlist:list".into()],
            with: vec!["bash".into(), "./x.rpm".into(), "a.apk".into()],
            ..LockedRequest::default()
        };
        let written = place("/co/locks", "locks", "/co").written_request(&request);
        assert_eq!(written.mirrors, ["https://host/x", "../mirror", "file:///srv"]);
        assert_eq!(written.repositories, ["a=../repo,priority=3", "b=http://h/x,base=../dir", "c=mirrorlist:../list"]);
        assert_eq!(written.with, ["bash", "../x.rpm", "../a.apk"]);
    }
}
