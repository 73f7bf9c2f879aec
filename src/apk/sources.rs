//! The package sources that a root configures: `etc/apk/repositories`, its trusted keys and its
//! architecture.
//!
//! In: a root. Out: [`RootSources`]. Nothing is downloaded, and the content of repositories is not
//! trusted before its signatures are verified.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::installed::ARCH;
use crate::catalog::Key;
use crate::ecosystem::{ConfiguredRepository, RootRepository, RootSources};

const REPOSITORIES: &str = "etc/apk/repositories";
/// Directory with further repository files, which end in `.list` (apk 3).
const MORE_REPOSITORIES: &str = "etc/apk/repositories.d";
/// Directories with the keys of the user and of the distribution (apk 3).
const KEYS: [&str; 2] = ["etc/apk/keys", "lib/apk/keys"];
const INDEX: &str = "/APKINDEX.tar.gz";

/// Reads the architecture, the repositories and the keys that a root configures.
pub(super) fn read(root: &Path) -> io::Result<RootSources> {
    let arch = optional(fs::read_to_string(root.join(ARCH)))?.and_then(|text| Some(text.split_whitespace().next()?.to_owned()));
    let mut repositories: Vec<RootRepository> = Vec::new();
    let mut files = vec![root.join(REPOSITORIES)];
    files.extend(names(&root.join(MORE_REPOSITORIES), "list")?.into_iter().map(|name| root.join(MORE_REPOSITORIES).join(name)));
    for file in files {
        let text = optional(fs::read_to_string(file))?.unwrap_or_default();
        for repository in text.lines().filter_map(|line| repository(line, root, arch.as_deref())) {
            // A repository that is listed twice counts once.
            if !repositories.contains(&repository) {
                repositories.push(repository);
            }
        }
    }
    let mut keys: Vec<Key> = Vec::new();
    for directory in KEYS.map(|directory| root.join(directory)) {
        for name in names(&directory, "pub")? {
            if let Some(data) = optional(fs::read(directory.join(&name)))?
                && !keys.iter().any(|key| key.name == name)
            {
                keys.push(Key { name, data: data.into() });
            }
        }
    }
    Ok(RootSources { arch, repositories, keys })
}

/// Parses the repositories of a file in the format of `etc/apk/repositories`. Directories are paths
/// on the host.
pub(super) fn configured(text: &str, arch: Option<&str>) -> Vec<ConfiguredRepository> {
    let mut found: Vec<ConfiguredRepository> = Vec::new();
    for RootRepository { name, location, tag } in text.lines().filter_map(|line| repository(line, Path::new("/"), arch)) {
        let repository =
            ConfiguredRepository { name, bases: vec![location], tag, optional: true, ..ConfiguredRepository::default() };
        if !found.contains(&repository) {
            found.push(repository);
        }
    }
    found
}

/// Parses a line of `repositories`: `[@tag] URL|DIRECTORY`. The packages lie below a directory
/// named after the architecture, or beside an index that the line names.
fn repository(line: &str, root: &Path, arch: Option<&str>) -> Option<RootRepository> {
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    let first = words.next()?;
    let (tag, place) = match first.strip_prefix('@') {
        Some(tag) => (Some(tag.to_owned()), words.next()?),
        None => (None, first),
    };
    let place = place.trim_end_matches('/');
    let base = match (place.strip_suffix(INDEX), arch) {
        (Some(base), _) => base.to_owned(),
        (None, Some(arch)) => format!("{place}/{arch}"),
        (None, None) => place.to_owned(),
    };
    // A place that is `/` alone is empty without its slash.
    let [name, base] = [place.to_owned(), base].map(|path| if path.is_empty() { "/".to_owned() } else { path });
    // A directory is a path within the root. If it does not exist there, it is a path of the host,
    // as with `apk --root`.
    let within = base.strip_prefix('/').map(|path| root.join(path)).filter(|path| path.is_dir());
    let location = within.map_or(base, |path| path.to_string_lossy().into_owned());
    Some(RootRepository { name, location, tag })
}

/// Returns the names of the files in a directory that have this extension, sorted.
fn names(directory: &Path, extension: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in optional(fs::read_dir(directory))?.into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|found| found == extension) {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_names_its_repositories_keys_and_architecture() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(read(root.path()).unwrap(), RootSources::default());
        write("etc/apk/arch", "x86_64\n");
        write(
            "etc/apk/repositories",
            "# a mirror\nhttps://mirror/v3.20/main/\n\n@edge /srv/edge # mine\n/mnt/main\n/mnt/main\n@broken\n",
        );
        write("etc/apk/repositories.d/more.list", "https://mirror/own/APKINDEX.tar.gz\n");
        write("etc/apk/repositories.d/no.save", "https://mirror/no\n");
        write("mnt/main/x86_64/APKINDEX.tar.gz", "");
        write("etc/apk/keys/b.rsa.pub", "b");
        write("etc/apk/keys/a.rsa.pub", "a");
        write("etc/apk/keys/a.rsa", "secret");
        write("lib/apk/keys/a.rsa.pub", "another");
        let found = read(root.path()).unwrap();
        let repository = |name: &str, location: &str, tag: Option<&str>| RootRepository {
            name: name.to_owned(),
            location: location.to_owned(),
            tag: tag.map(str::to_owned),
        };
        let mounted = root.path().join("mnt/main/x86_64");
        let expected = [
            repository("https://mirror/v3.20/main", "https://mirror/v3.20/main/x86_64", None),
            repository("/srv/edge", "/srv/edge/x86_64", Some("edge")),
            repository("/mnt/main", mounted.to_str().unwrap(), None),
            repository("https://mirror/own/APKINDEX.tar.gz", "https://mirror/own", None),
        ];
        assert_eq!(found.repositories, expected);
        assert_eq!(found.arch.as_deref(), Some("x86_64"));
        let keys: Vec<_> = found.keys.iter().map(|key| (key.name.as_str(), &*key.data)).collect();
        assert_eq!(keys, [("a.rsa.pub", &b"a"[..]), ("b.rsa.pub", b"b")]);
    }

    #[test]
    fn the_root_directory_is_a_repository_like_any_other() {
        let read = |text| configured(text, None).into_iter().map(|found| (found.name, found.bases)).collect::<Vec<_>>();
        assert_eq!(read("/\n"), [("/".to_owned(), vec!["/".to_owned()])]);
        assert_eq!(read("/APKINDEX.tar.gz\n"), [("/APKINDEX.tar.gz".to_owned(), vec!["/".to_owned()])]);
    }
}
