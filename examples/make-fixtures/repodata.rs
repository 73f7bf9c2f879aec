//! Repository metadata in the format of `createrepo_c`: primary, filelists and repomd.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;

use flate2::{Compression, GzBuilder};
use rootstrap::digest::{Algorithm, Digest};

use crate::package::{BUILD_TIME, Dependency, Package};

/// A package with the index fields of its file.
pub struct Indexed<'a> {
    pub package: &'a Package,
    pub file: Vec<u8>,
    pub header: Range<usize>,
    pub archive_size: usize,
}

/// Returns names and contents of the files in `repodata/`.
pub fn write(packages: &[Indexed<'_>], arch: &str) -> Vec<(String, Vec<u8>)> {
    let head = |root: &str, namespace: &str, more: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://linux.duke.edu/metadata/{namespace}\"{more} packages=\"{}\">\n",
            packages.len()
        )
    };
    let mut primary = head("metadata", "common", " xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\"");
    let mut filelists = head("filelists", "filelists", "");
    for package in packages {
        primary += &primary_entry(package, arch);
        filelists += &filelists_entry(package, arch);
    }
    primary += "</metadata>\n";
    filelists += "</filelists>\n";

    let mut repomd = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n  <revision>{BUILD_TIME}</revision>\n"
    );
    let mut written = Vec::new();
    for (kind, text) in [("primary", primary), ("filelists", filelists)] {
        let packed = gzip(text.as_bytes());
        let sha256 = |data: &[u8]| Digest::of(Algorithm::Sha256, data).hex();
        let name = format!("{}-{kind}.xml.gz", sha256(&packed));
        let _ = write!(
            repomd,
            "  <data type=\"{kind}\">\n    <checksum type=\"sha256\">{}</checksum>\n    <open-checksum type=\"sha256\">{}</open-checksum>\n    <location href=\"repodata/{name}\"/>\n    <timestamp>{BUILD_TIME}</timestamp>\n    <size>{}</size>\n    <open-size>{}</open-size>\n  </data>\n",
            sha256(&packed),
            sha256(text.as_bytes()),
            packed.len(),
            text.len()
        );
        written.push((name, packed));
    }
    repomd += "</repomd>\n";
    written.push(("repomd.xml".into(), repomd.into_bytes()));
    written
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    writer.write_all(data).and_then(|()| writer.finish()).expect("compressing in memory")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn primary_entry(indexed: &Indexed<'_>, arch: &str) -> String {
    let package = indexed.package;
    let mut xml = format!(
        "<package type=\"rpm\">\n  <name>{}</name>\n  <arch>{}</arch>\n  <version epoch=\"0\" ver=\"{}\" rel=\"{}\"/>\n  <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>\n  <summary>{}</summary>\n  <description>{}</description>\n  <packager></packager>\n  <url></url>\n  <time file=\"{BUILD_TIME}\" build=\"{BUILD_TIME}\"/>\n  <size package=\"{}\" installed=\"{}\" archive=\"{}\"/>\n  <location href=\"Packages/{}\"/>\n  <format>\n    <rpm:license>MIT OR Apache-2.0</rpm:license>\n    <rpm:vendor/>\n    <rpm:group>Unspecified</rpm:group>\n    <rpm:buildhost>fixtures.rootstrap.invalid</rpm:buildhost>\n    <rpm:sourcerpm>{}</rpm:sourcerpm>\n    <rpm:header-range start=\"{}\" end=\"{}\"/>\n",
        package.name,
        package.arch(arch),
        package.version,
        package.release,
        Digest::of(Algorithm::Sha256, &indexed.file).hex(),
        escape(package.summary),
        escape(package.summary),
        indexed.file.len(),
        package.installed_size(),
        indexed.archive_size,
        package.file_name(arch),
        package.source(),
        indexed.header.start,
        indexed.header.end,
    );
    for (kind, list) in [("provides", &package.provides), ("requires", &package.requires), ("conflicts", &package.conflicts)] {
        xml += &dependencies(kind, list);
    }
    // `createrepo_c` lists in primary the files that requirements usually name (its
    // `cr_is_primary`).
    for file in package.files.iter().filter(|file| file.path.starts_with("/etc/") || file.path.contains("bin/")) {
        let kind = if file.is_directory() { " type=\"dir\"" } else { "" };
        let _ = writeln!(xml, "    <file{kind}>{}</file>", escape(file.path));
    }
    xml + "  </format>\n</package>\n"
}

fn dependencies(kind: &str, list: &[Dependency]) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut xml = format!("    <rpm:{kind}>\n");
    for dependency in list {
        let _ = write!(xml, "      <rpm:entry name=\"{}\"", escape(dependency.name));
        if let Some(flags) = dependency.flag_name() {
            let (version, release) = dependency.version.split_once('-').map_or((dependency.version, None), |(v, r)| (v, Some(r)));
            let _ = write!(xml, " flags=\"{flags}\" epoch=\"0\" ver=\"{version}\"");
            if let Some(release) = release {
                let _ = write!(xml, " rel=\"{release}\"");
            }
        }
        xml += if dependency.pre { " pre=\"1\"/>\n" } else { "/>\n" };
    }
    xml + &format!("    </rpm:{kind}>\n")
}

fn filelists_entry(indexed: &Indexed<'_>, arch: &str) -> String {
    let package = indexed.package;
    let mut xml = format!(
        "<package pkgid=\"{}\" name=\"{}\" arch=\"{}\">\n  <version epoch=\"0\" ver=\"{}\" rel=\"{}\"/>\n",
        Digest::of(Algorithm::Sha256, &indexed.file).hex(),
        package.name,
        package.arch(arch),
        package.version,
        package.release
    );
    for file in &package.files {
        let kind = match (file.is_directory(), file.flags & 64 != 0) {
            (true, _) => " type=\"dir\"",
            (_, true) => " type=\"ghost\"",
            _ => "",
        };
        let _ = writeln!(xml, "  <file{kind}>{}</file>", escape(file.path));
    }
    xml + "</package>\n"
}
