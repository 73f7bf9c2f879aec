//! `rootstrap info ROOT --who-owns PATH`: prints the packages of a root that own paths.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use super::arguments::Format;
use super::failure::{Code, Failure};
use super::subject;
use super::terminal::shown;
use crate::package::PackageFacts;

/// Maximum number of symbolic links to follow, as in Linux (`path_resolution(7)`).
const LINKS: usize = 40;

/// A path and its owner.
struct Owned<'a> {
    path: String,
    /// The path in the package, if it differs because of a symbolic link.
    through: Option<String>,
    packages: Vec<&'a str>,
}

/// Returns the answer as text. Fails if no package owns a path.
pub(super) fn run(root: &Path, paths: &[PathBuf], format: Format) -> Result<Vec<u8>, Failure> {
    let packages = subject::installed(root)?;
    let owned: Vec<Owned<'_>> = paths.iter().map(|path| owner(root, path, &packages)).collect();
    let text = match format {
        Format::Human => owned.iter().map(human).collect(),
        Format::Json => {
            let one = |owned: &Owned<'_>| json!({"path": owned.path, "through": owned.through, "packages": owned.packages});
            format!("{:#}\n", json!({"schema": 1, "owners": owned.iter().map(one).collect::<Vec<Value>>()}))
        }
    };
    let nobodys: Vec<&Owned<'_>> = owned.iter().filter(|owned| owned.packages.is_empty()).collect();
    match nobodys.as_slice() {
        [] => Ok(text.into_bytes()),
        [one] => Err(Failure::new(Code::NoSolution, format!("no installed package has {}", one.path))),
        several => {
            let failure = Failure::new(Code::NoSolution, "no installed package has some of these paths");
            Err(several.iter().fold(failure, |failure, owned| failure.detail(owned.path.clone())))
        }
    }
}

fn human(owned: &Owned<'_>) -> String {
    let through = owned.through.as_ref().map(|path| format!(" (by way of {path})")).unwrap_or_default();
    let line = |package: &&str| format!("{}{through} is owned by {package}\n", owned.path);
    owned.packages.iter().map(line).collect::<Vec<String>>().concat()
}

/// Returns the owner of a path. The path is looked up as written, then with its symbolic links
/// resolved, and then as the target of the link that it is itself.
fn owner<'a>(root: &Path, path: &Path, packages: &'a [PackageFacts]) -> Owned<'a> {
    let written = normal(path);
    let parent = written.parent().map(|parent| resolve(root, parent));
    let named = parent.and_then(|parent| Some(parent?.join(written.file_name()?)));
    let target = resolve(root, &written);
    let mut found = Owned { path: text(&written), through: None, packages: Vec::new() };
    for place in [Some(written.clone()), named, target].into_iter().flatten() {
        let has = |package: &&PackageFacts| package.files.iter().any(|file| *file.path == *place.as_os_str().as_bytes());
        let owners: Vec<&str> = packages.iter().filter(has).map(|package| package.id.as_str()).collect();
        if !owners.is_empty() {
            found.through = Some(text(&place)).filter(|_| place != written);
            found.packages = owners;
            break;
        }
    }
    found
}

fn text(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

/// Returns the path relative to the root, without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => drop(normal.pop()),
            _ => {}
        }
    }
    normal
}

/// Resolves a path with every symbolic link relative to the root. Returns `None` if nothing is
/// there.
fn resolve(root: &Path, path: &Path) -> Option<PathBuf> {
    let within = |path: &Path| path.strip_prefix("/").map(|rest| root.join(rest)).unwrap_or_default();
    let mut todo: Vec<Vec<u8>> = names(path);
    let (mut done, mut links) = (PathBuf::from("/"), 0);
    while let Some(name) = todo.pop() {
        if name == b".." {
            done.pop();
            continue;
        }
        let next = done.join(OsStr::from_bytes(&name));
        let metadata = fs::symlink_metadata(within(&next)).ok()?;
        if !metadata.is_symlink() {
            done = next;
            continue;
        }
        links += 1;
        if links > LINKS {
            return None;
        }
        let target = fs::read_link(within(&next)).ok()?;
        if target.is_absolute() {
            done = PathBuf::from("/");
        }
        todo.extend(names(&target));
    }
    Some(done)
}

/// Returns the components of a path, the first one last.
fn names(path: &Path) -> Vec<Vec<u8>> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned().into_vec()),
        Component::ParentDir => Some(b"..".to_vec()),
        _ => None,
    };
    let mut names: Vec<Vec<u8>> = path.components().filter_map(name).collect();
    names.reverse();
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_to_places_within_the_root() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        fs::write(root.path().join("usr/bin/busybox"), "").unwrap();
        symlink("usr/bin", root.path().join("bin")).unwrap();
        symlink("/bin/busybox", root.path().join("usr/bin/sh")).unwrap();
        symlink("../../../../usr/bin/sh", root.path().join("usr/bin/up")).unwrap();
        symlink("loop", root.path().join("loop")).unwrap();
        let place = |path: &str| resolve(root.path(), Path::new(path));
        for path in ["/bin/sh", "/bin/up", "/usr/bin/busybox", "/usr/../bin/sh"] {
            assert_eq!(place(path).as_deref(), Some(Path::new("/usr/bin/busybox")), "{path}");
        }
        assert_eq!((place("/loop"), place("/bin/none"), place("/")), (None, None, Some(PathBuf::from("/"))));
        assert_eq!(normal(Path::new("bin/../etc/./passwd")), Path::new("/etc/passwd"));
    }
}
