//! Subjects of `list`, `info` and `files`: the packages of a root, or package files.

mod open;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::arguments::Format;
use super::failure::{Code, Failure};
use super::packaging::{ALL, Job, run_with};
use super::progress::{self, count};
use super::terminal::{hex, shown};
use crate::catalog::nearest;
use crate::ecosystem::{Ecosystem, InventoryError, RootDirectory};
use crate::finish::glob;
use crate::output::oci::{Reference, is_archive};
use crate::package::{Content, PackageFacts};

use open::is_document;
pub(super) use open::is_lock;
pub(super) use open::{Wanted, open};

/// A package, and its label in the output.
pub(super) struct Described {
    /// The name of the package file, or the id of an installed package.
    pub label: OsString,
    /// The known facts about the package.
    pub facts: PackageFacts,
    /// True if the package is installed in a root.
    pub installed: bool,
}

/// Returns the packages that `subject` and the words after it select. For a root, these are all
/// packages or the named ones, sorted by id. For package files, they are in the order of the
/// command line. `open` opens other places, as audits do.
pub(super) fn packages(
    subject: &Path,
    words: &[OsString],
    format: Format,
    open: &dyn Fn(&Path) -> Result<Vec<PackageFacts>, Failure>,
) -> Result<Vec<Described>, Failure> {
    let of_set = |packages| {
        let packages = select(packages, words).map_err(|unknown| unknown.failure(subject, format))?;
        let described = |facts: PackageFacts| Described { label: facts.id.clone().into(), facts, installed: true };
        Ok(packages.into_iter().map(described).collect())
    };
    let is_layout = subject.join("oci-layout").is_file();
    // `DIR:TAG` is not a path.
    let tagged =
        subject.to_string_lossy().parse::<Reference>().is_ok_and(|place| place.tag.is_some() && place.directory.exists());
    if is_layout || (tagged && !subject.exists()) {
        return of_set(open(subject)?);
    }
    if metadata(subject)?.is_dir() {
        return of_set(installed(subject)?);
    }
    if is_set(subject) {
        return of_set(open(subject)?);
    }
    let files: Vec<&Path> = std::iter::once(subject).chain(words.iter().map(Path::new)).collect();
    // All files are read before the first failure is reported, so that it is always the same one.
    let described: Vec<Result<Described, Failure>> = files.par_iter().map(|path| package_file(path)).collect();
    described.into_iter().collect()
}

/// Description of a valid root, for error messages.
pub(super) const EXPECTED_ROOT: &str =
    "expected  a root file system: rpm's database below usr/lib/sysimage/rpm or var/lib/rpm, or apk's below lib/apk/db";

/// Returns the packages of a root, sorted by id.
pub(super) fn installed(root: &Path) -> Result<Vec<PackageFacts>, Failure> {
    if !metadata(root)?.is_dir() {
        let failure =
            Failure::failed(format!("{} is not a directory", name(root))).detail("expected  the directory of a root file system");
        return Err(of_package_files(failure, root));
    }
    let found = ALL.into_iter().find_map(|packaging| run_with(packaging, Inventory(root)).transpose());
    let mut packages =
        found.ok_or_else(|| Failure::failed(format!("no package database in {}", name(root))).detail(EXPECTED_ROOT))?.map_err(
            |error| Failure::failed(format!("cannot read the package database of {}", name(root))).detail(error.to_string()),
        )?;
    packages.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(packages)
}

fn metadata(path: &Path) -> Result<fs::Metadata, Failure> {
    fs::metadata(path).map_err(|error| {
        Failure::failed(format!("cannot read {}: {}", name(path), reason(&error)))
            .detail("expected  the directory of a root file system, or a package file")
    })
}

/// Reports whether a file that is not a package contains a set of packages: an archive of a root or
/// an image, a plan, or a lock.
fn is_set(path: &Path) -> bool {
    let Ok(content) = File::open(path).and_then(Content::from_file) else { return false };
    let is_package = ALL.into_iter().any(|packaging| !matches!(run_with(packaging, Facts(&content)), Ok(None)));
    !is_package && (is_archive(path) || is_document(path))
}

/// Adds a hint about the commands that read package files, if the path is one.
fn of_package_files(failure: Failure, path: &Path) -> Failure {
    let content = File::open(path).and_then(Content::from_file);
    let is_package =
        |content: &Content| ALL.into_iter().any(|packaging| matches!(run_with(packaging, Facts(content)), Ok(Some(_))));
    if content.is_ok_and(|content| is_package(&content)) {
        failure.hint("`rootstrap info FILE` and `rootstrap files FILE` tell of package files")
    } else {
        failure
    }
}

fn package_file(path: &Path) -> Result<Described, Failure> {
    let found = metadata(path)?;
    // Opening a pipe would block until another process writes to it.
    if !found.is_file() {
        let what = if found.is_dir() { "a directory" } else { "not a regular file" };
        return Err(Failure::failed(format!("{} is {what}", name(path))).detail("expected  a package file"));
    }
    let content = File::open(path).and_then(Content::from_file);
    let content = content.map_err(|error| Failure::failed(format!("cannot read {}: {}", name(path), reason(&error))))?;
    let found = ALL.into_iter().find_map(|packaging| run_with(packaging, Facts(&content)).transpose());
    let facts = found.ok_or_else(|| no_package(path, &content))?.map_err(|error| of_file(path, &error))?;
    Ok(Described { label: path.file_name().unwrap_or(path.as_os_str()).to_owned(), facts, installed: false })
}

/// The operation that reads the installed packages of a root.
struct Inventory<'a>(&'a Path);

impl Job for Inventory<'_> {
    type Output = Result<Option<Vec<PackageFacts>>, InventoryError>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        ecosystem.inventory(&RootDirectory::open(self.0).map_err(InventoryError::Read)?)
    }
}

/// The operation that reads the facts of a package file.
struct Facts<'a>(&'a Content);

impl Job for Facts<'_> {
    type Output = Result<Option<PackageFacts>, InventoryError>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        ecosystem.facts(self.0)
    }
}

fn no_package(path: &Path, content: &Content) -> Failure {
    let start = content.slice(0, content.len().min(4)).and_then(|start| start.bytes().ok().map(|bytes| bytes.to_vec()));
    Failure::failed(format!("{} is not a package", name(path)))
        .detail("expected  an RPM or apk package, or the directory of a root file system")
        .detail(format!("found     a file that begins with {}", hex(&start.unwrap_or_default(), " ")))
}

fn of_file(path: &Path, error: &InventoryError) -> Failure {
    match error {
        InventoryError::Read(error) => Failure::failed(format!("cannot read {}: {}", name(path), reason(error))),
        InventoryError::Changed { covered, expected, found } => {
            Failure::new(Code::Verification, format!("{} is not what it was when it was made", name(path)))
                .detail(format!("expected  {expected} ({covered})"))
                .detail(format!("found     {found}"))
                .hint("get it again from where it came")
        }
        InventoryError::Damaged(error) => Failure::new(Code::Verification, format!("{} is damaged", name(path)))
            .detail(error.to_string())
            .hint("get it again from where it came"),
        InventoryError::Broken(error) => Failure::failed(format!("{} is broken: {error}", name(path))),
    }
}

fn name(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

/// Returns the message of the system without the error number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Words that match no package.
struct Unknown {
    words: Vec<String>,
    /// The existing packages.
    packages: Vec<PackageFacts>,
}

/// Returns the packages that the words match, in the order of `packages`. Without words, returns
/// all of them.
fn select(mut packages: Vec<PackageFacts>, words: &[OsString]) -> Result<Vec<PackageFacts>, Unknown> {
    if words.is_empty() {
        return Ok(packages);
    }
    let is_unknown = |word: &&OsString| !packages.iter().any(|package| means(word, package));
    let unknown: Vec<String> = words.iter().filter(is_unknown).map(|word| shown(word.as_bytes())).collect();
    if !unknown.is_empty() {
        return Err(Unknown { words: unknown, packages });
    }
    packages.retain(|package| words.iter().any(|word| means(word, package)));
    Ok(packages)
}

/// Reports whether a place exists that may be a subject: a path, or the layout or archive of
/// `PATH:TAG`.
pub(super) fn is_there(place: &Path) -> bool {
    place.exists() || place.to_string_lossy().parse::<Reference>().is_ok_and(|reference| reference.directory.exists())
}

/// Returns the failure for words that match no package of a subject.
pub(super) fn unknown_packages(subject: &Path, words: &[&OsStr], packages: &[PackageFacts], format: Format) -> Failure {
    let words = words.iter().map(|word| shown(word.as_bytes())).collect();
    Unknown { words, packages: packages.to_vec() }.failure(subject, format)
}

/// Reports whether a word matches this package: its file, or one of its names, with or without
/// wildcards.
pub(super) fn means(word: &OsStr, package: &PackageFacts) -> bool {
    let word = word.as_bytes();
    if word.starts_with(b"/") {
        return package.files.iter().any(|file| *file.path == *word);
    }
    let pattern = glob::is_pattern(word);
    names(package).iter().any(|name| name.as_bytes() == word || (pattern && glob::matches(word, name.as_bytes())))
}

/// Returns all forms in which dnf and apk accept a package's name. An architecture follows the name
/// or a complete version, never a version without its release.
fn names(package: &PackageFacts) -> Vec<String> {
    let PackageFacts { name, epoch, version, release, arch, .. } = package;
    let mut names = vec![];
    let mut whole = vec![name.clone()];
    for epoch in [Some(String::new()), epoch.map(|epoch| format!("{epoch}:"))].into_iter().flatten() {
        let short = format!("{name}-{epoch}{version}");
        match release {
            Some(release) => {
                whole.push(format!("{short}-{release}"));
                names.push(short);
            }
            None => whole.push(short),
        }
    }
    names.extend(arch.iter().flat_map(|arch| whole.iter().map(move |form| format!("{form}.{arch}"))));
    names.append(&mut whole);
    names
}

impl Unknown {
    fn failure(&self, root: &Path, format: Format) -> Failure {
        let sentence = |word: &String| {
            if word.starts_with('/') {
                format!("no installed package has the file `{word}`")
            } else {
                format!("no installed package is called `{word}`")
            }
        };
        let message = match self.words.as_slice() {
            [word] => sentence(word),
            words => format!("{} of what you ask for is not installed", count(words.len() as u64)),
        };
        let mut failure = Failure::new(Code::NoSolution, message);
        if self.words.len() > 1 {
            failure = self.words.iter().map(sentence).fold(failure, Failure::detail);
        }
        failure = failure.detail(format!("looked in {} ({})", name(root), progress::packages(self.packages.len() as u64)));
        for word in &self.words {
            if let Some(meant) = nearest(word, self.packages.iter().map(|package| package.name.as_str())) {
                failure = failure.hint(format!("did you mean {meant}?"));
            }
        }
        if format == Format::Json {
            let problem = |word| json!({"facts": [{"kind": "no-candidate", "spec": word, "text": sentence(word)}]});
            let problems: Vec<Value> = self.words.iter().map(problem).collect();
            failure.problems = Some(json!({"schema": 1, "problems": problems}));
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, epoch: u32) -> PackageFacts {
        let (version, release, arch) = ("5.1".to_owned(), "6.el9".to_owned(), "aarch64".to_owned());
        PackageFacts {
            id: format!("{name}-{epoch}:{version}-{release}.{arch}"),
            name: name.to_owned(),
            epoch: Some(epoch),
            version,
            release: Some(release),
            arch: Some(arch),
            ..PackageFacts::default()
        }
    }

    #[test]
    fn a_package_is_known_by_all_its_names() {
        let bash = package("bash", 0);
        let known = [
            "bash",
            "bash.aarch64",
            "bash-5.1",
            "bash-5.1-6.el9",
            "bash-5.1-6.el9.aarch64",
            "bash-0:5.1-6.el9.aarch64",
            "bash-0:5.1",
            "b?s*",
            "*.aarch64",
        ];
        for word in known {
            assert!(means(OsStr::new(word), &bash), "{word}");
        }
        for word in ["bas", "bash-5", "bash-5.1.aarch64", "bash.x86_64", "bash-1:5.1", "", "/bin/bash", "z*"] {
            assert!(!means(OsStr::new(word), &bash), "{word}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_was_meant() {
        let packages = || vec![package("bash", 0), package("glibc", 0), package("libcurl-minimal", 0)];
        let chosen = select(packages(), &["glibc".into(), "bash".into(), "ba*".into()]).ok().unwrap();
        assert_eq!(chosen.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(), ["bash", "glibc"]);
        let unknown = select(packages(), &["bash".into(), "libcur-minimal".into()]).err().unwrap();
        let failure = unknown.failure(Path::new("out"), Format::Json);
        assert_eq!(failure.code, Code::NoSolution);
        assert_eq!(
            failure.render(false),
            "error: no installed package is called `libcur-minimal`\n  looked in out (3 packages)\nhint: did you mean libcurl-minimal?"
        );
        assert_eq!(failure.problems.unwrap()["problems"][0]["facts"][0]["spec"], "libcur-minimal");
        let unknown = select(packages(), &["x".into(), "/y".into()]).err().unwrap();
        let failure = unknown.failure(Path::new("out"), Format::Human);
        assert_eq!(
            failure.details,
            ["no installed package is called `x`", "no installed package has the file `/y`", "looked in out (3 packages)"]
        );
        assert!(failure.problems.is_none());
    }
}
