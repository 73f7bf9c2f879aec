//! The file `installed`: one paragraph for each package. A paragraph has the fields of the index,
//! then directories (`F:`, `M:`) and files (`R:`, `a:`, `Z:`).

use super::record::{Acl, DirectoryRecord, FileRecord, Record};
use super::{DatabaseError, checksum};
use crate::apk::package::PackageInfo;
use crate::digest::{Algorithm, Digest};

const FILE: &str = "installed";

/// Formats the file with the packages in this order (package.c, `apk_pkg_write_index_entry`;
/// database.c, `apk_db_write_fdb`).
pub(super) fn write(records: &[&Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        for (letter, value) in record.fields() {
            line(&mut out, letter, value.as_bytes());
        }
        for directory in &record.directories {
            line(&mut out, b'F', &directory.path);
            write_acl(&mut out, b'M', &directory.acl, 0o755);
            for file in &directory.files {
                line(&mut out, b'R', &file.name);
                write_acl(&mut out, b'a', &file.acl, 0o644);
                if let Some(digest) = &file.checksum {
                    line(&mut out, b'Z', checksum::text(digest).as_bytes());
                }
            }
        }
        out.push(b'\n');
    }
    out
}

impl Record {
    /// Returns the fields that describe the package, as letter and value, in the order of the file.
    pub fn fields(&self) -> Vec<(u8, String)> {
        let info = &self.info;
        let number = |value: u64| if value == 0 { String::new() } else { value.to_string() };
        let always = [
            (b'S', self.size.to_string()),
            (b'I', info.installed_size.to_string()),
            (b'T', info.description.clone()),
            (b'U', info.url.clone()),
            (b'L', info.license.clone()),
        ];
        let first = [
            (b'C', checksum::text(&self.checksum)),
            (b'P', info.name.clone()),
            (b'V', info.version.clone()),
            (b'A', info.arch.clone()),
        ];
        let last = [
            (b'o', info.origin.clone()),
            (b'm', info.maintainer.clone()),
            (b't', number(info.build_time)),
            (b'c', info.commit.clone()),
            (b'k', number(u64::from(info.provider_priority))),
            (b'D', info.depends.join(" ")),
            (b'p', info.provides.join(" ")),
            (b'i', info.install_if.join(" ")),
            (b'r', info.replaces.join(" ")),
            (b'q', number(u64::from(info.replaces_priority))),
            (b's', self.tag.clone().unwrap_or_default()),
            (b'f', self.broken.clone()),
        ];
        let is_told = |field: &(u8, String)| !field.1.is_empty();
        first.into_iter().filter(is_told).chain(always).chain(last.into_iter().filter(is_told)).collect()
    }
}

fn write_acl(out: &mut Vec<u8>, key: u8, acl: &Acl, usual: u16) {
    if *acl == Acl::root(usual) {
        return;
    }
    let Acl { uid, gid, mode, xattrs } = acl;
    let mut text = format!("{uid}:{gid}:{mode:o}");
    if let Some(digest) = xattrs {
        text.push(':');
        text.push_str(&checksum::text(digest));
    }
    line(out, key, text.as_bytes());
}

fn line(out: &mut Vec<u8>, key: u8, value: &[u8]) {
    out.extend([key, b':']);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Parses the file into records, in its order. Scripts and triggers are in other files.
pub fn read(bytes: &[u8]) -> Result<Vec<Record>, DatabaseError> {
    let mut records = Vec::new();
    let mut current: Option<Record> = None;
    for (index, line) in bytes.split(|&c| c == b'\n').enumerate() {
        let failed = |problem: &str| DatabaseError::Line { file: FILE, line: index + 1, problem: problem.to_owned() };
        if line.is_empty() {
            if let Some(record) = current.take() {
                records.push(finish(record).map_err(failed)?);
            }
            continue;
        }
        let [key, b':', value @ ..] = line else { return Err(failed("not a field: `X:value`")) };
        let record = current.get_or_insert_with(blank);
        read_field(record, *key, value).map_err(failed)?;
    }
    if let Some(record) = current {
        let failed = |problem: &str| DatabaseError::Line {
            file: FILE,
            line: bytes.split(|byte| *byte == b'\n').count(),
            problem: problem.to_owned(),
        };
        records.push(finish(record).map_err(failed)?);
    }
    Ok(records)
}

fn blank() -> Record {
    Record {
        info: PackageInfo::default(),
        // A placeholder for "no `C:` yet": no package has an MD5 checksum.
        checksum: Digest::of(Algorithm::Md5, b""),
        size: 0,
        tag: None,
        broken: String::new(),
        directories: Vec::new(),
        scripts: Vec::new(),
    }
}

fn finish(record: Record) -> Result<Record, &'static str> {
    if record.info.name.is_empty() || record.info.version.is_empty() {
        return Err("a package without `P:` or `V:`");
    }
    if record.checksum.algorithm() == Algorithm::Md5 {
        return Err("a package without `C:`");
    }
    Ok(record)
}

fn read_field(record: &mut Record, key: u8, value: &[u8]) -> Result<(), &'static str> {
    // Paths are bytes. All other values are text.
    match key {
        b'F' => {
            record.directories.push(DirectoryRecord { path: value.into(), acl: Acl::root(0o755), files: Vec::new() });
            return Ok(());
        }
        b'R' => {
            let directory = record.directories.last_mut().ok_or("a file before its directory")?;
            directory.files.push(FileRecord { name: value.into(), acl: Acl::root(0o644), checksum: None });
            return Ok(());
        }
        _ => {}
    }
    let value = std::str::from_utf8(value).map_err(|_| "not UTF-8")?;
    let number = || value.parse::<u64>().map_err(|_| "not a number");
    let small = || value.parse::<u32>().map_err(|_| "not a number that fits");
    let words = || value.split_ascii_whitespace().map(str::to_owned).collect();
    let info = &mut record.info;
    match key {
        b'C' => record.checksum = checksum::parse(value).ok_or("not a checksum")?,
        b'P' => value.clone_into(&mut info.name),
        b'V' => value.clone_into(&mut info.version),
        b'A' => value.clone_into(&mut info.arch),
        b'S' => record.size = number()?,
        b'I' => info.installed_size = number()?,
        b'T' => value.clone_into(&mut info.description),
        b'U' => value.clone_into(&mut info.url),
        b'L' => value.clone_into(&mut info.license),
        b'o' => value.clone_into(&mut info.origin),
        b'm' => value.clone_into(&mut info.maintainer),
        b't' => info.build_time = number()?,
        b'c' => value.clone_into(&mut info.commit),
        b'k' => info.provider_priority = small()?,
        b'D' => info.depends = words(),
        b'p' => info.provides = words(),
        b'i' => info.install_if = words(),
        b'r' => info.replaces = words(),
        b'q' => info.replaces_priority = small()?,
        b's' => record.tag = Some(value.to_owned()),
        b'f' => value.clone_into(&mut record.broken),
        b'M' => record.directories.last_mut().ok_or("permissions before their directory")?.acl = acl(value)?,
        b'a' => last_file(record)?.acl = acl(value)?,
        b'Z' => last_file(record)?.checksum = Some(checksum::parse(value).ok_or("not a checksum")?),
        // apk ignores unknown lower-case fields. An unknown upper-case field means that the reader
        // is too old.
        _ if key.is_ascii_lowercase() => {}
        _ => return Err("a field that is not known"),
    }
    Ok(())
}

fn last_file(record: &mut Record) -> Result<&mut FileRecord, &'static str> {
    record.directories.last_mut().and_then(|directory| directory.files.last_mut()).ok_or("a file's field before the file")
}

fn acl(value: &str) -> Result<Acl, &'static str> {
    let parse = || {
        let mut parts = value.splitn(4, ':');
        let uid = parts.next()?.parse().ok()?;
        let gid = parts.next()?.parse().ok()?;
        let mode = u16::from_str_radix(parts.next()?, 8).ok().filter(|&mode| mode <= 0o7777)?;
        let xattrs = parts.next().map(|text| checksum::parse(text).ok_or(())).transpose().ok()?;
        Some(Acl { uid, gid, mode, xattrs })
    };
    parse().ok_or("not `uid:gid:mode`")
}
