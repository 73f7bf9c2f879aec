//! An Alpine package of the fixtures, and its `.apk` file: three gzip streams, signed.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// The build time of all fixtures, in seconds since 1970.
pub const BUILD_TIME: u64 = 1_704_067_200;

/// The digest algorithm of a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// `.SIGN.RSA.`, as in Alpine's own packages.
    Sha1,
    /// `.SIGN.RSA256.`.
    Sha256,
}

/// A test key.
pub struct Signer {
    name: String,
    key: RsaPrivateKey,
}

impl Signer {
    /// Creates a signer from the secret key in PEM. `name` is the file name of the public key.
    pub fn new(name: &str, pem: &str) -> Self {
        Self { name: name.to_owned(), key: RsaPrivateKey::from_pkcs8_pem(pem).expect("the test key reads") }
    }

    /// Returns the signature stream for `signed`.
    pub fn stream(&self, signed: &[u8], hash: Hash) -> Vec<u8> {
        // The DER encoding of the digest algorithms (RFC 8017, 9.2).
        let (kind, digest, prefix): (_, _, &[u8]) = match hash {
            Hash::Sha1 => ("RSA", Sha1::digest(signed).to_vec(), b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"),
            Hash::Sha256 => (
                "RSA256",
                Sha256::digest(signed).to_vec(),
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
            ),
        };
        let scheme = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: prefix.into() };
        let signature = self.key.sign(scheme, &digest).expect("the test key signs");
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = header(0o644, "root");
        header.set_size(signature.len() as u64);
        tar.append_data(&mut header, format!(".SIGN.{kind}.{}", self.name), &signature[..]).expect("writing to memory");
        gzip(&cut(tar))
    }
}

/// The kinds of paths in a package.
#[derive(Clone)]
pub enum What {
    Directory,
    File(Vec<u8>),
    /// A hard link to an earlier file.
    HardLink(&'static str),
    Symlink(&'static str),
    CharacterDevice(u32, u32),
}

/// A path of a package.
#[derive(Clone)]
pub struct Member {
    pub path: String,
    pub what: What,
    pub mode: u32,
    pub group: &'static str,
    pub xattr: Option<(&'static str, &'static [u8])>,
    /// A wrong checksum for the archive; `None` for the right one.
    pub checksum: Option<String>,
}

impl Member {
    fn new(path: &str, what: What, mode: u32) -> Self {
        Self { path: path.to_owned(), what, mode, group: "root", xattr: None, checksum: None }
    }

    pub fn directory(path: &str) -> Self {
        Self::new(path, What::Directory, 0o755)
    }

    pub fn file(path: &str, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path, What::File(content.into()), 0o644)
    }

    pub fn program(path: &str, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path, What::File(content.into()), 0o755)
    }

    pub fn symlink(path: &str, target: &'static str) -> Self {
        Self::new(path, What::Symlink(target), 0o777)
    }

    pub fn hard_link(path: &str, target: &'static str) -> Self {
        Self::new(path, What::HardLink(target), 0o755)
    }

    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    pub fn group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }
}

/// A package.
#[derive(Clone)]
pub struct Apk {
    pub name: &'static str,
    pub version: &'static str,
    pub arch: &'static str,
    /// Further lines of `.PKGINFO`, in their order.
    pub info: Vec<(&'static str, String)>,
    /// Scripts by kind, in the order of the control stream.
    pub scripts: Vec<(&'static str, &'static str)>,
    pub files: Vec<Member>,
}

/// The three streams of a package.
pub struct Streams {
    pub signature: Vec<u8>,
    pub control: Vec<u8>,
    pub data: Vec<u8>,
}

impl Streams {
    /// Returns the package file.
    pub fn bytes(&self) -> Vec<u8> {
        [&self.signature[..], &self.control, &self.data].concat()
    }
}

impl Apk {
    pub fn new(name: &'static str, version: &'static str, arch: &'static str) -> Self {
        Self { name, version, arch, info: Vec::new(), scripts: Vec::new(), files: Vec::new() }
    }

    pub fn info(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.info.push((key, value.into()));
        self
    }

    /// Returns the values of a key, in their order.
    pub fn values(&self, key: &str) -> Vec<&str> {
        self.info.iter().filter(|(known, _)| *known == key).map(|(_, value)| value.as_str()).collect()
    }

    pub fn script(mut self, kind: &'static str, text: &'static str) -> Self {
        self.scripts.push((kind, text));
        self
    }

    pub fn files(mut self, files: impl IntoIterator<Item = Member>) -> Self {
        self.files.extend(files);
        self
    }

    /// Returns the size of the files in bytes, in blocks as abuild counts them.
    pub fn installed_size(&self) -> u64 {
        let size = |path: &Member| match &path.what {
            What::File(content) => (content.len() as u64).next_multiple_of(4096),
            _ => 0,
        };
        self.files.iter().map(size).sum::<u64>().max(4096)
    }

    /// Builds the signed package with the right digests.
    pub fn build(&self, signer: &Signer, hash: Hash) -> Streams {
        let data = gzip(&self.data());
        let control = gzip(&self.control(&hex(&Sha256::digest(&data))));
        Streams { signature: signer.stream(&control, hash), control, data }
    }

    /// Returns the archive of the control stream.
    pub fn control(&self, data_hash: &str) -> Vec<u8> {
        let mut info = format!(
            "# Made by make-fixtures\npkgname = {}\npkgver = {}\nbuilddate = {BUILD_TIME}\nsize = {}\narch = {}\n",
            self.name,
            self.version,
            self.installed_size(),
            self.arch
        );
        for (key, value) in &self.info {
            info.push_str(&format!("{key} = {value}\n"));
        }
        info.push_str(&format!("datahash = {data_hash}\n"));
        let mut tar = tar::Builder::new(Vec::new());
        let mut append = |name: String, mode, text: &str| {
            let mut header = header(mode, "root");
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, name, text.as_bytes()).expect("writing to memory");
        };
        append(".PKGINFO".to_owned(), 0o644, &info);
        for (kind, text) in &self.scripts {
            append(format!(".{kind}"), 0o755, text);
        }
        cut(tar)
    }

    /// Returns the archive of the data stream.
    pub fn data(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for path in &self.files {
            append(&mut tar, path);
        }
        tar.into_inner().expect("writing to memory")
    }
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &Member) {
    let checksum = match (&path.checksum, &path.what) {
        (Some(checksum), _) => Some(checksum.clone()),
        (None, What::File(content)) => Some(hex(&Sha1::digest(content))),
        (None, What::Symlink(target)) => Some(hex(&Sha1::digest(target.as_bytes()))),
        _ => None,
    };
    let mut records: Vec<(String, Vec<u8>)> = Vec::new();
    records.extend(checksum.map(|checksum| ("APK-TOOLS.checksum.SHA1".to_owned(), checksum.into_bytes())));
    records.extend(path.xattr.map(|(name, value)| (format!("SCHILY.xattr.{name}"), value.to_vec())));
    if !records.is_empty() {
        // The header needs a name: to apk a member without a name is the end of the archive.
        let data: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        let mut header = header(0o644, "root");
        header.set_entry_type(tar::EntryType::XHeader);
        header.set_size(data.len() as u64);
        tar.append_data(&mut header, "PaxHeaders/record", &data[..]).expect("writing to memory");
    }
    let mut header = header(path.mode, path.group);
    match &path.what {
        What::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            tar.append_data(&mut header, format!("{}/", path.path), std::io::empty())
        }
        What::File(content) => {
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, &path.path, &content[..])
        }
        What::HardLink(target) => {
            header.set_entry_type(tar::EntryType::Link);
            tar.append_link(&mut header, &path.path, target)
        }
        What::Symlink(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, &path.path, target)
        }
        What::CharacterDevice(major, minor) => {
            header.set_entry_type(tar::EntryType::Char);
            header.set_device_major(*major).and_then(|()| header.set_device_minor(*minor)).expect("a GNU header has devices");
            tar.append_data(&mut header, &path.path, std::io::empty())
        }
    }
    .expect("writing to memory");
}

/// Formats a record of an extended header, which begins with its own length in decimal.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let digits = |length: usize| length.to_string().len();
    let length = (1..=4).map(|n| rest.len() + n).find(|&length| length == rest.len() + digits(length));
    [length.expect("a short record").to_string().as_bytes(), &rest].concat()
}

/// Returns the header of a member. apk skips members whose type is not set.
pub fn header(mode: u32, group: &str) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(mode);
    header.set_mtime(BUILD_TIME);
    header.set_uid(0);
    // The ids of Alpine's build machine. A root without group file takes them from the archive.
    header.set_gid(match group {
        "mail" => 12,
        "shadow" => 42,
        _ => 0,
    });
    header.set_size(0);
    header.set_username("root").and_then(|()| header.set_groupname(group)).expect("short names");
    header
}

/// Removes the end-of-archive blocks, because another archive follows.
pub fn cut(tar: tar::Builder<Vec<u8>>) -> Vec<u8> {
    let mut bytes = tar.into_inner().expect("writing to memory");
    bytes.truncate(bytes.len() - 1024);
    bytes
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

fn hex(digest: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
