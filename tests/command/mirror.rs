//! A copy of the fixtures that tests can damage, with an index that matches the damage.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rootstrap::digest::{Algorithm, Digest};
use rootstrap::package::Content;
use rootstrap::rpm::header::{HeaderBuilder, MAGIC, Place};
use rootstrap::rpm::package::Package;
use rootstrap::rpm::tag::Tag;

/// Returns the mirror in the source tree.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures")
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A mirror in AlmaLinux's layout. Changes apply to `BaseOS` of aarch64.
pub(crate) struct Mirror {
    repository: PathBuf,
}

impl Mirror {
    pub(crate) fn new(root: &Path) -> Self {
        Self { repository: root.join("9/BaseOS/aarch64/os") }
    }

    pub(crate) fn package(&self, file: &str) -> PathBuf {
        self.repository.join("Packages").join(file)
    }

    pub(crate) fn repomd(&self) -> PathBuf {
        self.repository.join("repodata/repomd.xml")
    }

    /// Returns the other repository of the same architecture.
    pub(crate) fn appstream(root: &Path) -> Self {
        Self { repository: root.join("9/AppStream/aarch64/os") }
    }

    /// Returns the file of this kind: `primary` or `filelists`.
    pub(crate) fn metadata(&self, kind: &str) -> PathBuf {
        let files = fs::read_dir(self.repository.join("repodata")).unwrap().map(|entry| entry.unwrap().path());
        files.into_iter().find(|path| path.to_str().unwrap().contains(kind)).unwrap()
    }

    /// Changes a package file and its digest in the index, so that only the package itself reveals
    /// the change.
    pub(crate) fn replace_package(&self, file: &str, change: impl FnOnce(&[u8]) -> Vec<u8>) {
        let path = self.package(file);
        let old = fs::read(&path).unwrap();
        let new = change(&old);
        fs::write(&path, &new).unwrap();
        self.edit(|text| {
            text.replace(&hex(&old), &hex(&new))
                .replace(&format!("<size package=\"{}\" ", old.len()), &format!("<size package=\"{}\" ", new.len()))
        });
    }

    /// Sets the revision time of the root document.
    pub(crate) fn date(&self, revision: u64) {
        let text = fs::read_to_string(self.repomd()).unwrap();
        let old = text.split_once("<revision>").and_then(|(_, rest)| rest.split_once('<')).unwrap().0;
        fs::write(self.repomd(), text.replace(&format!(">{old}<"), &format!(">{revision}<"))).unwrap();
    }

    /// Changes the text of primary and filelists, and their digests in repomd.xml.
    pub(crate) fn edit(&self, change: impl Fn(&str) -> String) {
        // The revision becomes a second newer, as in a real repository.
        let old = fs::read_to_string(self.repomd()).unwrap();
        let revision = old.split_once("<revision>").and_then(|(_, rest)| rest.split_once('<')).unwrap().0;
        let revision = revision.parse::<u64>().unwrap() + 1;
        let mut repomd = format!("<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n  <revision>{revision}</revision>\n");
        for kind in ["primary", "filelists"] {
            let path = self.metadata(kind);
            let mut text = String::new();
            GzDecoder::new(&fs::read(&path).unwrap()[..]).read_to_string(&mut text).unwrap();
            let text = change(&text);
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(text.as_bytes()).unwrap();
            let packed = packed.finish().unwrap();
            fs::remove_file(path).unwrap();
            let name = format!("repodata/{}-{kind}.xml.gz", hex(&packed));
            fs::write(self.repository.join(&name), &packed).unwrap();
            writeln!(
                repomd,
                "<data type=\"{kind}\"><checksum type=\"sha256\">{}</checksum><open-checksum type=\"sha256\">{}</open-checksum>\
                 <location href=\"{name}\"/><timestamp>{revision}</timestamp><size>{}</size><open-size>{}</open-size></data>",
                hex(&packed),
                hex(text.as_bytes()),
                packed.len(),
                text.len()
            )
            .unwrap();
        }
        fs::write(self.repomd(), repomd + "</repomd>\n").unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

/// Changes one byte of a file, counted from its end if `at` is negative.
pub(crate) fn flip(path: &Path, at: isize) {
    let mut bytes = fs::read(path).unwrap();
    flip_bytes(&mut bytes, at);
    fs::write(path, bytes).unwrap();
}

pub(crate) fn flip_bytes(bytes: &mut [u8], at: isize) {
    let at = if at < 0 { bytes.len() - at.unsigned_abs() } else { at.unsigned_abs() };
    bytes[at] ^= 0x20;
}

pub(crate) fn truncate(path: &Path, len: usize) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..len]).unwrap();
}

/// Returns the offsets of the header and of the payload in a package file.
pub(crate) fn regions(file: &[u8]) -> (usize, usize) {
    let package = Package::inspect(&Content::from(file)).unwrap();
    let payload = file.len() - package.payload().len() as usize;
    (payload - package.header().blob().len() - MAGIC.len(), payload)
}

/// Returns the package without its signature; all digests are right.
pub(crate) fn unsigned(file: &[u8]) -> Vec<u8> {
    resigned(file, |_, _| ())
}

/// Returns the package with correct digests and the signatures that `sign` adds. `sign` gets the
/// bytes to be signed.
pub(crate) fn resigned(file: &[u8], sign: impl FnOnce(&mut HeaderBuilder, &[u8])) -> Vec<u8> {
    let (header, _) = regions(file);
    let package = Package::inspect(&Content::from(file)).unwrap();
    let mut signature = HeaderBuilder::new();
    for tag in [Tag::SHA1_HEADER, Tag::SHA256_HEADER, Tag::SIGTAG_SIZE, Tag::SIGTAG_MD5, Tag::SIGTAG_PAYLOAD_SIZE] {
        let entry = package.signature().entry(tag).unwrap();
        signature.entry(tag, &entry);
    }
    sign(&mut signature, &[&MAGIC[..], package.header().blob()].concat());
    let mut rpm = file[..96].to_vec();
    rpm.extend(MAGIC);
    rpm.extend(signature.build(Place::Signature).unwrap());
    rpm.resize(rpm.len().next_multiple_of(8), 0);
    rpm.extend(&file[header..]);
    rpm
}
