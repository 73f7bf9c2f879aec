//! `rootstrap files`: lists the files of packages in a root or in package files.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{FilesArguments, FilesFormat, Format};
use super::failure::Failure;
use super::progress::count;
use super::run::Run;
use super::subject::{self, Described, Wanted};
use super::terminal::shown;
use crate::package::{Fate, FileFacts, FileFlag, write_listing};

/// Returns the files as text.
pub(super) fn run(arguments: &FilesArguments) -> Result<Vec<u8>, Failure> {
    let format = if arguments.format == FilesFormat::Json { Format::Json } else { Format::Human };
    let open = |place: &Path| {
        let run = Run::new(&arguments.run)?;
        let subject = subject::open(Some(place), &arguments.request, &run, Wanted::default())?;
        if !subject.kind.lists_files() {
            return Err(Failure::not_looked_at(format!("{} does not list the files of its packages", subject.name))
                .hint("`rootstrap files` tells of root file systems, archives, images and package files"));
        }
        Ok(subject.packages)
    };
    let packages = subject::packages(&arguments.subject, &arguments.packages, format, &open)?;
    Ok(match arguments.format {
        FilesFormat::Human => human(&packages).into_bytes(),
        FilesFormat::Json => format!("{:#}\n", json(&packages)).into_bytes(),
        FilesFormat::Tsv => tsv(&packages)?,
    })
}

/// Formats a line `# NAME` for each package, and after it a line for each of its files.
fn tsv(packages: &[Described]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    for package in packages {
        out.extend([b"# ", package.label.as_bytes(), b"\n"].concat());
        write_listing(&package.facts.files, &mut out).map_err(|error| Failure::failed(error.to_string()))?;
    }
    Ok(out)
}

/// The type bits of a mode, the letter that `ls` prints for them, and a word.
const TYPES: [(u16, char, &str); 7] = [
    (0o100_000, '-', "file"),
    (0o040_000, 'd', "directory"),
    (0o120_000, 'l', "symlink"),
    (0o020_000, 'c', "character-device"),
    (0o060_000, 'b', "block-device"),
    (0o010_000, 'p', "fifo"),
    (0o140_000, 's', "socket"),
];

fn file_type(mode: u16) -> (char, &'static str) {
    let found = TYPES.iter().find(|(bits, ..)| mode & 0o170_000 == *bits);
    found.map_or(('?', "unknown"), |&(_, letter, word)| (letter, word))
}

/// Formats the mode like `ls -l`.
fn letters(mode: u16) -> String {
    let mut text = String::from(file_type(mode).0);
    for (class, special, with, without) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> class;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => with,
            (true, false) => without,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Formats a line for each file with the columns mode, owner, group, size, package and path. The
/// files of a root are sorted by path.
fn human(packages: &[Described]) -> String {
    let mut files: Vec<(&Described, &FileFacts)> =
        packages.iter().flat_map(|package| package.facts.files.iter().map(move |file| (package, file))).collect();
    if packages.iter().any(|package| package.installed) {
        files.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    }
    let rows: Vec<[String; 6]> = files.iter().map(|(package, file)| row(package, file)).collect();
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [users, groups, sizes, names] = [widest(1), widest(2), widest(3), widest(4)];
    let mut text = String::new();
    for [mode, user, group, size, name, path] in &rows {
        let _ = writeln!(text, "{mode}  {user:<users$} {group:<groups$}  {size:>sizes$}  {name:<names$}  {path}");
    }
    text
}

fn row(package: &Described, file: &FileFacts) -> [String; 6] {
    let target = if file.link_target.is_empty() { String::new() } else { format!(" → {}", shown(&file.link_target)) };
    let notes = notes(file);
    let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join(", ")) };
    // The size of a directory depends on the file system of the build.
    let size = file.size.filter(|_| file_type(file.mode).0 != 'd').map(count).unwrap_or_default();
    [
        letters(file.mode),
        shown(file.user.as_bytes()),
        shown(file.group.as_bytes()),
        size,
        shown(package.facts.name.as_bytes()),
        format!("{}{target}{notes}", shown(&file.path)),
    ]
}

/// Returns notes on other properties of a file.
fn notes(file: &FileFacts) -> Vec<String> {
    let mut notes: Vec<String> = file.flags.iter().map(|flag| word(*flag).to_owned()).collect();
    notes.extend(file.capabilities.as_deref().filter(|text| !text.is_empty()).map(shown));
    notes.extend(match file.fate {
        Some(Fate::Replaced) => Some("replaced by another package's".to_owned()),
        Some(Fate::LeftOut) => Some("not installed".to_owned()),
        Some(Fate::Installed) | None => None,
    });
    notes
}

fn word(flag: FileFlag) -> &'static str {
    match flag {
        FileFlag::Doc => "doc",
        FileFlag::Config => "config",
        FileFlag::Spec => "spec",
        FileFlag::MissingOk => "may be missing",
        FileFlag::NoReplace => "kept when changed",
        FileFlag::Ghost => "ghost",
        FileFlag::License => "license",
        FileFlag::Readme => "readme",
        FileFlag::Artifact => "artifact",
    }
}

fn json(packages: &[Described]) -> Value {
    let packages: Vec<Value> = packages
        .iter()
        .map(|package| {
            let files: Vec<Value> = package.facts.files.iter().map(file_json).collect();
            let mut value = json!({"id": package.facts.id, "name": package.facts.name, "files": files});
            if !package.installed {
                value["file"] = package.label.to_string_lossy().into();
            }
            value
        })
        .collect();
    json!({"schema": 1, "packages": packages})
}

fn file_json(file: &FileFacts) -> Value {
    let mut value = json!({
        "path": String::from_utf8_lossy(&file.path),
        "type": file_type(file.mode).1,
        "mode": format!("{:04o}", file.mode & 0o7777),
        "user": &*file.user,
        "group": &*file.group,
    });
    let optional = [
        ("mtime", file.mtime.map(Value::from)),
        ("size", file.size.map(Value::from)),
        ("digest", file.digest.as_ref().map(|digest| digest.to_string().into())),
        ("path_hex", hex(&file.path)),
        ("link_target", text(Some(&file.link_target))),
        ("link_target_hex", hex(&file.link_target)),
        ("capabilities", text(file.capabilities.as_deref())),
        ("flags", (!file.flags.is_empty()).then(|| json!(file.flags))),
        ("fate", file.fate.map(|fate| json!(fate))),
    ];
    for (key, found) in optional {
        if let Some(found) = found {
            value[key] = found;
        }
    }
    value
}

/// Returns bytes in hexadecimal if they are not valid UTF-8, because JSON cannot represent them
/// otherwise.
fn hex(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).is_err().then(|| super::terminal::hex(bytes, ""));
    text.map(Value::from)
}

fn text(bytes: Option<&[u8]>) -> Option<Value> {
    bytes.filter(|bytes| !bytes.is_empty()).map(|bytes| String::from_utf8_lossy(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn modes_are_written_as_ls_writes_them() {
        let shown = [
            0o100_644, 0o040_755, 0o120_777, 0o104_755, 0o102_644, 0o041_777, 0o041_776, 0o020_600, 0o060_660, 0o010_644,
            0o140_000,
        ]
        .map(letters);
        assert_eq!(
            shown.join(" "),
            "-rw-r--r-- drwxr-xr-x lrwxrwxrwx -rwsr-xr-x -rw-r-Sr-- drwxrwxrwt drwxrwxrwT crw------- brw-rw---- prw-r--r-- s---------"
        );
    }
}
