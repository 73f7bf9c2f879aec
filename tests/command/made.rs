//! RPM packages made for a test, an empty repository, and installation with the real rpm.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use rootstrap::digest::{Algorithm, Digest};
use rootstrap::rpm::tag::Tag;

use crate::builder::{Parts, TestFile, member, trailer};
use crate::disk::{Rows, walk, without_inodes};
use crate::place::{Outcome, Place, is_root, peer};

/// `%config`.
pub(crate) const CONFIG: u32 = 1;
/// `%doc`.
pub(crate) const DOC: u32 = 1 << 1;
/// `%config(missingok)`.
pub(crate) const MISSING_OK: u32 = 1 << 3;
/// `%config(noreplace)`.
pub(crate) const NO_REPLACE: u32 = 1 << 4;
/// `%ghost`.
pub(crate) const GHOST: u32 = 1 << 6;
/// `%license`.
pub(crate) const LICENSE: u32 = 1 << 7;

/// A file of a made package.
#[derive(Clone)]
pub(crate) struct Item {
    file: TestFile,
    languages: &'static str,
    color: u32,
    owner: &'static str,
}

impl Item {
    fn new(file: TestFile) -> Self {
        Self { file, languages: "", color: 0, owner: "root" }
    }

    pub(crate) fn file(path: &str, content: &str) -> Self {
        Self::new(TestFile::regular(path, 0, content.as_bytes()))
    }

    pub(crate) fn directory(path: &str) -> Self {
        Self::new(TestFile::directory(path, 0))
    }

    pub(crate) fn link(path: &str, target: &str) -> Self {
        Self::new(TestFile::symlink(path, 0, target))
    }

    pub(crate) fn flags(mut self, flags: u32) -> Self {
        self.file.flags |= flags;
        self
    }

    /// Sets the permissions.
    pub(crate) fn mode(mut self, mode: u16) -> Self {
        self.file.mode = self.file.mode & 0o170_000 | mode;
        self
    }

    /// Sets the inode; files with the same inode are hard links of each other.
    pub(crate) fn inode(mut self, inode: u32) -> Self {
        self.file.inode = inode;
        self
    }

    /// Sets `%lang`.
    pub(crate) fn languages(mut self, languages: &'static str) -> Self {
        self.languages = languages;
        self
    }

    /// Sets the color: 1 for a 32-bit ELF file, 2 for a 64-bit one.
    pub(crate) fn color(mut self, color: u32) -> Self {
        self.color = color;
        self
    }

    /// Sets user and group.
    pub(crate) fn owner(mut self, owner: &'static str) -> Self {
        self.owner = owner;
        self
    }
}

/// A package to be made.
#[derive(Clone)]
pub(crate) struct Made {
    name: &'static str,
    items: Vec<Item>,
    requires: Vec<&'static str>,
    scriptlets: Vec<(Tag, Tag, &'static str)>,
}

impl Made {
    pub(crate) fn new(name: &'static str, items: impl IntoIterator<Item = Item>) -> Self {
        Self { name, items: items.into_iter().collect(), requires: Vec::new(), scriptlets: Vec::new() }
    }

    /// Adds a package that must be installed first.
    pub(crate) fn after(mut self, name: &'static str) -> Self {
        self.requires.push(name);
        self
    }

    /// Adds a `%pretrans -p <lua>`.
    pub(crate) fn pretrans(mut self, lua: &'static str) -> Self {
        self.scriptlets.push((Tag::PRETRANS, Tag::PRETRANS_PROG, lua));
        self
    }

    /// Adds a `%pre -p <lua>`.
    pub(crate) fn pre(mut self, lua: &'static str) -> Self {
        self.scriptlets.push((Tag::PREIN, Tag::PREIN_PROG, lua));
        self
    }

    /// Adds a `%post -p <lua>`.
    pub(crate) fn post(mut self, lua: &'static str) -> Self {
        self.scriptlets.push((Tag::POSTIN, Tag::POSTIN_PROG, lua));
        self
    }

    /// Returns the parts of the package.
    pub(crate) fn parts(&self) -> Parts {
        let mut items = self.items.clone();
        items.sort_by(|a, b| a.file.path.cmp(&b.file.path));
        for (number, item) in items.iter_mut().enumerate() {
            if item.file.inode == 0 {
                item.file.inode = 1000 + number as u32;
            }
        }
        let split = |item: &Item| item.file.path.rfind('/').unwrap() + 1;
        let mut directories: Vec<String> = Vec::new();
        let mut indexes = Vec::new();
        for item in &items {
            let directory = &item.file.path[..split(item)];
            let known = directories.iter().position(|known| known == directory);
            indexes.push(known.unwrap_or(directories.len()) as u32);
            if known.is_none() {
                directories.push(directory.to_owned());
            }
        }
        let files: Vec<TestFile> = items.iter().map(|item| item.file.clone()).collect();
        let mut parts = Parts::new(&files, &archive(&files), "gzip");
        let header = &mut parts.header;
        header
            .string(Tag::NAME, self.name)
            .string(Tag::VERSION, "1")
            .string(Tag::RELEASE, "1")
            .string(Tag::SOURCE_RPM, format!("{}-1-1.src.rpm", self.name))
            .string(Tag::OS, "linux")
            .string(Tag::LICENSE, "x")
            .u32(Tag::SIZE, 1)
            .strings(Tag::PROVIDE_NAME, [self.name])
            .u32s(Tag::PROVIDE_FLAGS, [8])
            .strings(Tag::PROVIDE_VERSION, ["1-1"])
            .strings(Tag::REQUIRE_NAME, &self.requires)
            .u32s(Tag::REQUIRE_FLAGS, self.requires.iter().map(|_| 0))
            .strings(Tag::REQUIRE_VERSION, self.requires.iter().map(|_| ""))
            .strings(Tag::BASENAMES, items.iter().map(|item| &item.file.path[split(item)..]))
            .strings(Tag::DIRNAMES, &directories)
            .u32s(Tag::DIR_INDEXES, indexes)
            .u32s(Tag::FILE_MTIMES, items.iter().map(|_| 1_600_000_000))
            .u32s(Tag::FILE_COLORS, items.iter().map(|item| item.color))
            .u32s(Tag::FILE_VERIFY_FLAGS, items.iter().map(|_| u32::MAX))
            .u16s(Tag::FILE_RDEVS, items.iter().map(|_| 0))
            .strings(Tag::FILE_LANGS, items.iter().map(|item| item.languages))
            .strings(Tag::FILE_USERNAME, items.iter().map(|item| item.owner))
            .strings(Tag::FILE_GROUPNAME, items.iter().map(|item| item.owner));
        for (text, program, lua) in &self.scriptlets {
            header.string(*text, lua).strings(*program, ["<lua>"]);
        }
        parts.with_digests()
    }
}

/// Returns the archive that rpm would make: the last of several hard links has the content.
fn archive(files: &[TestFile]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, file) in files.iter().enumerate().filter(|(_, file)| file.flags & GHOST == 0) {
        let has_content = files[number + 1..].iter().all(|later| later.inode != file.inode || later.flags & GHOST != 0);
        let content: &[u8] = match file.mode >> 12 {
            0o12 => file.link.as_bytes(),
            0o10 if has_content => &file.content,
            _ => b"",
        };
        bytes.extend(member(&format!(".{}", file.path), content));
    }
    [bytes, trailer()].concat()
}

/// Writes package files in the place of a test, and returns their paths.
pub(crate) fn write(place: &Place, packages: &[Made]) -> Vec<String> {
    let file = |package: &Made| {
        let name = format!("{}-1-1.noarch.rpm", package.name);
        fs::write(place.path(&name), package.parts().file()).unwrap();
        name
    };
    packages.iter().map(file).collect()
}

/// Writes a repository without packages to the directory `empty`.
pub(crate) fn empty_repository(place: &Place) {
    let primary = r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" packages="0"></metadata>
"#;
    let digest = Digest::of(Algorithm::Sha256, primary.as_bytes()).hex();
    let repomd = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary">
<checksum type="sha256">{digest}</checksum><location href="repodata/primary.xml"/><size>{}</size></data></repomd>
"#,
        primary.len()
    );
    let directory = place.path("empty/repodata");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("primary.xml"), primary).unwrap();
    fs::write(directory.join("repomd.xml"), repomd).unwrap();
}

/// Builds a root of the packages in `out`.
pub(crate) fn build(place: &Place, files: &[String], options: &[&str]) -> Outcome {
    empty_repository(place);
    let mut arguments = vec!["--type", "rpm", "--arch", "x86_64", "--allow-unsigned", "--repo", "empty=empty"];
    let files: Vec<String> = files.iter().map(|file| format!("./{file}")).collect();
    for file in &files {
        arguments.extend(["--with", file]);
    }
    arguments.extend(options);
    arguments.extend(["--report", "report.json", "--cache-dir", "cache", "out"]);
    place.run(&arguments)
}

/// Reports whether the real rpm can install packages here.
pub(crate) fn has_rpm() -> bool {
    peer("rpm") && is_root()
}

/// Installs the packages with the real rpm in `reference`. Returns whether it succeeded, and its
/// output.
pub(crate) fn rpm(place: &Place, files: &[String], options: &[&str]) -> (bool, String) {
    let root = place.path("reference");
    fs::create_dir_all(root.join("var/lib/rpm")).unwrap();
    let mut command = rpm_command(&root);
    command.args(["-i", "--nosignature", "--ignorearch", "--define", "_transaction_color 3"]);
    let output = command.args(options).args(files).current_dir(place.root()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.success(), text)
}

fn rpm_command(root: &Path) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite"]).env("LC_ALL", "C");
    command
}

/// Returns the files of a root, without the database and without the times of directories, which
/// rpm does not set.
pub(crate) fn files(root: &Path) -> Rows {
    let mut rows = without_inodes(walk(root));
    rows.retain(|path, _| !path.starts_with("var/lib/rpm") && !matches!(&**path, "var" | "var/lib" | "var/tmp"));
    rows.values_mut().filter(|row| row.kind == 'd').for_each(|row| row.mtime = 0);
    // Files made by scriptlets have the time of the run.
    rows.values_mut().filter(|row| row.mtime != 1_600_000_000).for_each(|row| row.mtime = 0);
    rows
}

/// Returns the state of each package's files according to the root's database, as the real rpm
/// prints it.
pub(crate) fn states(root: &Path) -> BTreeMap<String, String> {
    let output =
        rpm_command(root).args(["-qa", "--qf", "[%{=NAME} %{FILENAMES}\t%{FILESTATES}\n]"]).current_dir("/").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_once('\t')).map(|(file, state)| (file.to_owned(), state.to_owned())).collect()
}

/// Returns the file signatures in the root's database, as the real rpm prints them.
pub(crate) fn file_signatures(root: &Path) -> String {
    let output = rpm_command(root).args(["-qa", "--qf", "[%{FILENAMES} %{FILESIGNATURES}\n]"]).current_dir("/").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
