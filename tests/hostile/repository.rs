//! Repositories whose indexes have the right digests and sizes of their files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rootstrap::apk::archive::GzipStreams;
use rootstrap::apk::checksum;
use rootstrap::digest::{Algorithm, Digest};

use crate::apk;
use crate::pack::{Packed, pack};

fn hex(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

/// Writes `repodata/` with these documents: kind, file extension, and contents.
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

/// Returns the element of a package in `primary.xml`.
pub(crate) fn package(name: &str, file: &[u8], relations: &str) -> String {
    format!(
        "<package type=\"rpm\"><name>{name}</name><arch>noarch</arch><version epoch=\"0\" ver=\"1\" rel=\"1\"/>\
         <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum><size package=\"{}\" installed=\"1\"/><location href=\"{name}.rpm\"/>\
         <format><rpm:provides><rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"1\" rel=\"1\"/></rpm:provides>{relations}</format></package>",
        hex(file),
        file.len()
    )
}

/// Returns a complete `primary.xml`.
pub(crate) fn primary(packages: &str) -> String {
    let head = "<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">";
    format!("{head}{packages}</metadata>")
}

/// Writes a repository of these packages: names and files.
pub(crate) fn of_packages(directory: &Path, files: &[(&str, Vec<u8>)]) {
    fs::create_dir_all(directory).unwrap();
    let mut packages = String::new();
    for (name, file) in files {
        fs::write(directory.join(format!("{name}.rpm")), file).unwrap();
        packages += &package(name, file, "");
    }
    write(directory, &[("primary", "xml.gz", Packed::new("gz", &[primary(&packages).as_bytes()], 0))]);
}

/// Writes a signed repository of apk packages.
pub(crate) fn of_apks(directory: &Path, files: &[(&str, Vec<u8>)]) {
    fs::create_dir_all(directory).unwrap();
    let mut index = String::new();
    for (name, file) in files {
        fs::write(directory.join(format!("{name}-1-r0.apk")), file).unwrap();
        // The identity is that of the control stream, between the signature and the data.
        let mut streams = GzipStreams::new(&file[..]);
        let mut next = || streams.next(|_| Ok::<_, std::io::Error>(())).unwrap().unwrap().0;
        let _ = next();
        let control = next();
        let sum = Digest::of(Algorithm::Sha1, &file[control.start as usize..control.end as usize]);
        writeln!(index, "C:{}\nP:{name}\nV:1-r0\nA:x86_64\nS:{}\nI:4096\n", checksum::text(&sum), file.len()).unwrap();
    }
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(index.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "APKINDEX", index.as_bytes()).unwrap();
    let packed = pack("gz", &tar.into_inner().unwrap());
    fs::write(directory.join("APKINDEX.tar.gz"), [&apk::signature(&packed)[..], &packed].concat()).unwrap();
}
