//! Repositories whose indexes promise just what is there, however much that is.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rootstrap::digest::{Algorithm, Digest};

use crate::pack::Packed;

fn hex(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

/// Writes `repodata/` of these documents: kind, file's ending, and what it holds.
pub(crate) fn write(directory: &Path, documents: &[(&str, &str, Packed)]) {
    let repodata = directory.join("repodata");
    fs::create_dir_all(&repodata).unwrap();
    let mut repomd = "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>".to_owned();
    for (kind, ending, packed) in documents {
        let name = format!("repodata/{kind}.{ending}");
        fs::write(directory.join(&name), &packed.bytes).unwrap();
        write!(
            repomd,
            "<data type=\"{kind}\"><checksum type=\"sha256\">{}</checksum><location href=\"{name}\"/><size>{}</size>\
             <open-size>{}</open-size></data>",
            hex(&packed.bytes),
            packed.bytes.len(),
            packed.open
        )
        .unwrap();
    }
    fs::write(repodata.join("repomd.xml"), repomd + "</repomd>").unwrap();
}

/// The element of a package in `primary.xml`.
pub(crate) fn package(name: &str, file: &[u8], relations: &str) -> String {
    format!(
        "<package type=\"rpm\"><name>{name}</name><arch>noarch</arch><version epoch=\"0\" ver=\"1\" rel=\"1\"/>\
         <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum><size package=\"{}\" installed=\"1\"/><location href=\"{name}.rpm\"/>\
         <format><rpm:provides><rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"1\" rel=\"1\"/></rpm:provides>{relations}</format></package>",
        hex(file),
        file.len()
    )
}

/// A whole `primary.xml`.
pub(crate) fn primary(packages: &str) -> String {
    let head = "<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">";
    format!("{head}{packages}</metadata>")
}

/// A repository of one package, which is this file.
pub(crate) fn of_package(directory: &Path, name: &str, file: &[u8]) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(format!("{name}.rpm")), file).unwrap();
    let index = primary(&package(name, file, ""));
    write(directory, &[("primary", "xml.gz", Packed::new("gz", &[index.as_bytes()], 0))]);
}
