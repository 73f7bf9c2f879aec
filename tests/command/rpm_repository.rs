//! Small rpm-md repositories: metadata of packages without files, and package files made for a
//! test.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rootstrap::digest::{Algorithm, Digest};
use rootstrap::rpm::version::Evr;

/// A package as an index lists it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// `[epoch:]version-release`
    pub(crate) evr: String,
    pub(crate) arch: String,
    /// Capabilities, with operator and version if they have one: `rpmlib(X) <= 1-1`.
    pub(crate) requires: Vec<String>,
    /// The file name, and the contents if the file exists.
    pub(crate) location: String,
    pub(crate) file: Vec<u8>,
    pub(crate) source: String,
}

impl Listed {
    pub(crate) fn new(name: &str, evr: &str, arch: &str) -> Self {
        let nevra = format!("{name}-{evr}").replace(':', "_");
        Self {
            name: name.into(),
            evr: evr.into(),
            arch: arch.into(),
            requires: Vec::new(),
            location: format!("{nevra}.{arch}.rpm"),
            file: Vec::new(),
            source: format!("{nevra}.src.rpm"),
        }
    }

    fn xml(&self) -> String {
        let Self { name, arch, location, source, .. } = self;
        let evr = Evr::parse(&self.evr);
        let (epoch, version, release) = (evr.epoch_number(), evr.version, evr.release.unwrap_or_default());
        let checksum = Digest::of(Algorithm::Sha256, if self.file.is_empty() { self.location.as_bytes() } else { &self.file });
        let requires: String = self.requires.iter().map(|text| entry(text)).collect();
        format!(
            "<package type=\"rpm\"><name>{name}</name><arch>{arch}</arch><version epoch=\"{epoch}\" ver=\"{version}\" rel=\"{release}\"/>\
             <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum><summary/><description/><packager/><url/><time file=\"1\" build=\"1\"/>\
             <size package=\"{}\" installed=\"1\" archive=\"1\"/><location href=\"{location}\"/><format><rpm:license>x</rpm:license>\
             <rpm:sourcerpm>{source}</rpm:sourcerpm><rpm:provides>{}</rpm:provides><rpm:requires>{requires}</rpm:requires></format></package>\n",
            checksum.hex(),
            self.file.len(),
            entry(&format!("{name} = {}", self.evr)),
        )
    }
}

/// Returns a capability as an element of primary.xml.
fn entry(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let [name, op, version] = words[..] else { return format!("<rpm:entry name=\"{text}\"/>") };
    let flags = match op {
        "=" => "EQ",
        "<" => "LT",
        "<=" => "LE",
        ">" => "GT",
        _ => "GE",
    };
    let evr = Evr::parse(version);
    let release = evr.release.map(|release| format!(" rel=\"{release}\"")).unwrap_or_default();
    let (epoch, version) = (evr.epoch_number(), evr.version);
    format!("<rpm:entry name=\"{name}\" flags=\"{flags}\" epoch=\"{epoch}\" ver=\"{version}\"{release}/>")
}

/// Writes a repository of these packages.
pub(crate) fn write_metadata(directory: &Path, packages: &[Listed]) {
    fs::create_dir_all(directory.join("repodata")).unwrap();
    let mut primary = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{}\">\n",
        packages.len()
    );
    for package in packages {
        let _ = write!(primary, "{}", package.xml());
        if !package.file.is_empty() {
            fs::write(directory.join(&package.location), &package.file).unwrap();
        }
    }
    primary += "</metadata>\n";
    fs::write(
        directory.join("repodata/repomd.xml"),
        "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision></repomd>",
    )
    .unwrap();
    add_metadata(directory, "primary", "primary.xml", primary.as_bytes());
}

/// Adds a metadata file to a repository.
pub(crate) fn add_metadata(directory: &Path, kind: &str, name: &str, content: &[u8]) {
    fs::write(directory.join("repodata").join(name), content).unwrap();
    let path = directory.join("repodata/repomd.xml");
    let digest = Digest::of(Algorithm::Sha256, content).hex();
    let (length, end) = (content.len(), "</repomd>");
    let data = format!(
        "<data type=\"{kind}\"><checksum type=\"sha256\">{digest}</checksum><open-checksum type=\"sha256\">{digest}</open-checksum>\
         <location href=\"repodata/{name}\"/><timestamp>1</timestamp><size>{length}</size><open-size>{length}</open-size></data>{end}"
    );
    let text = fs::read_to_string(&path).unwrap().replace(end, &data);
    fs::write(path, text).unwrap();
}
