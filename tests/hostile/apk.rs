//! apk packages with hostile paths: the digests are right, and a trusted key signed them.

use std::fmt::Write as _;
use std::sync::LazyLock;

use rootstrap::digest::{Algorithm, Digest};

use crate::case::Package;
use crate::item::{Item, Only, What};
use make::{Hash, Signer, cut, gzip};

#[path = "../../examples/make-fixtures/apk.rs"]
#[allow(dead_code, reason = "a module of an example")]
mod make;

pub(crate) const KEY_NAME: &str = "rootstrap-fixtures.rsa.pub";
pub(crate) const KEY: &[u8] = include_bytes!("../../repo-fixtures/keys/rootstrap-fixtures.rsa.pub");
static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::new(KEY_NAME, include_str!("../../repo-fixtures/keys/rootstrap-fixtures.secret.rsa")));

/// Returns the package file.
pub(crate) fn build(package: &Package) -> Vec<u8> {
    let mut info = String::new();
    for &(which, number) in package.numbers.iter().filter(|(which, _)| *which < 8) {
        let key =
            ["size", "builddate", "provider_priority", "replaces_priority", "size", "builddate", "triggers", "depend"][which];
        writeln!(info, "{key} = {}", number.cast_signed()).unwrap();
    }
    of_data(package.name, &info, &gzip(&tar(package)))
}

/// Returns a package with this data stream, and additional lines of `.PKGINFO`.
pub(crate) fn of_data(name: &str, info: &str, data: &[u8]) -> Vec<u8> {
    let hash = Digest::of(Algorithm::Sha256, data).hex();
    let text = format!("pkgname = {name}\npkgver = 1-r0\narch = noarch\nsize = 4096\nlicense = MIT\n{info}datahash = {hash}\n");
    let mut control = tar::Builder::new(Vec::new());
    let mut header = make::header(0o644, "root");
    header.set_size(text.len() as u64);
    control.append_data(&mut header, ".PKGINFO", text.as_bytes()).unwrap();
    of_control(&gzip(&cut(control)), data)
}

/// Returns a signed package of these two streams.
pub(crate) fn of_control(control: &[u8], data: &[u8]) -> Vec<u8> {
    [&signature(control)[..], control, data].concat()
}

/// Returns the stream with the signature.
pub(crate) fn signature(signed: &[u8]) -> Vec<u8> {
    SIGNER.stream(signed, Hash::Sha256)
}

/// Returns the archive of the data stream.
fn tar(package: &Package) -> Vec<u8> {
    let mut bytes = Vec::new();
    let items = package.items.iter().filter(|item| item.only != Some(Only::Header));
    for (at, item) in items.enumerate() {
        member(&mut bytes, item, package.numbers.first().copied().filter(|_| at == 0));
    }
    if !package.endless {
        bytes.extend([0; 1024]);
    }
    bytes.extend(&package.trailing);
    bytes
}

/// Appends a member: extended headers for what does not fit, the header, and the content.
fn member(bytes: &mut Vec<u8>, item: &Item, spoiled: Option<(usize, u64)>) {
    // apk's names have no slash before them; those that do not begin as others' do are left as they
    // are.
    let path = item.path.strip_prefix(b"/").filter(|_| item.path.get(1) != Some(&b'/')).unwrap_or(&item.path);
    let (kind, target, device): (u8, &[u8], (u32, u32)) = match &item.what {
        What::File(_) => (b'0', b"", (0, 0)),
        What::HardLink(target) => (b'1', target.strip_prefix(b"/").unwrap_or(target), (0, 0)),
        What::Symlink(target) => (b'2', target, (0, 0)),
        What::CharacterDevice(major, minor) => (b'3', b"", (*major, *minor)),
        What::BlockDevice(major, minor) => (b'4', b"", (*major, *minor)),
        What::Directory => (b'5', b"", (0, 0)),
        What::Fifo => (b'6', b"", (0, 0)),
        What::Socket => (b's', b"", (0, 0)),
        What::Unknown => (0xff, b"", (0, 0)),
    };
    let content: &[u8] = if let What::File(content) = &item.what { content } else { b"" };
    let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    if path.len() > 100 || path.contains(&0) {
        records.push((b"path".to_vec(), path.to_vec()));
    }
    if target.len() > 100 || target.contains(&0) {
        records.push((b"linkpath".to_vec(), target.to_vec()));
    }
    if matches!(item.what, What::File(_) | What::Symlink(_)) {
        records.push((b"APK-TOOLS.checksum.SHA1".to_vec(), Digest::of(Algorithm::Sha1, item.data()).hex().into_bytes()));
    }
    records.extend(item.xattrs.iter().map(|(name, value)| ([b"SCHILY.xattr.", &name[..]].concat(), value.clone())));
    if !records.is_empty() {
        let data: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        let mut header = [0; 512];
        fill(&mut header, b"PaxHeaders/x", b'x', data.len() as u64, b"", 0o644, 0, (0, 0), b"root");
        bytes.extend(header);
        bytes.extend(&data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    let mut header = [0; 512];
    let size = item.size.unwrap_or(content.len() as u64);
    fill(&mut header, path, kind, size, target, item.mode, item.mtime, device, &item.owner);
    if let Some((which, number)) = spoiled.filter(|(which, _)| *which >= 8) {
        // A number in base 256, which may be negative, in the place of one in octal.
        let at = [100, 108, 116, 124, 136, 329, 337, 257][which % 8];
        header[at] = 0x80 | (number >> 63) as u8;
        header[at + 1..at + 8].copy_from_slice(&number.to_be_bytes()[1..]);
        checksum(&mut header);
    }
    bytes.extend(header);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
}

#[allow(clippy::too_many_arguments, reason = "a header has as many fields")]
fn fill(
    header: &mut [u8; 512],
    path: &[u8],
    kind: u8,
    size: u64,
    target: &[u8],
    mode: u32,
    mtime: u64,
    device: (u32, u32),
    owner: &[u8],
) {
    let mut put = |at: usize, length: usize, value: &[u8]| {
        let kept = &value[..value.len().min(length)];
        header[at..at + kept.len()].copy_from_slice(kept);
    };
    put(0, 100, path);
    for (at, length, number) in [
        (100, 8, u64::from(mode)),
        (108, 8, 0),
        (116, 8, 0),
        (124, 12, size),
        (136, 12, mtime),
        (329, 8, device.0.into()),
        (337, 8, device.1.into()),
    ] {
        let octal = format!("{number:0width$o}", width = length - 1);
        if octal.len() < length {
            put(at, length, octal.as_bytes());
        } else {
            let mut wide = vec![0; length];
            wide[0] = 0x80;
            wide[length - 8 + usize::from(length == 8)..].copy_from_slice(&number.to_be_bytes()[usize::from(length == 8)..]);
            put(at, length, &wide);
        }
    }
    put(156, 1, &[kind]);
    put(157, 100, target);
    put(257, 8, b"ustar\x0000");
    put(265, 31, owner);
    put(297, 31, owner);
    checksum(header);
}

fn checksum(header: &mut [u8; 512]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Returns a record of an extended header, preceded by its own length in decimal.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key, b"=", value, b"\n"].concat();
    let digits = |length: usize| length.to_string().len();
    let length = (1..=9).map(|n| rest.len() + n).find(|&length| length == rest.len() + digits(length)).unwrap();
    [length.to_string().as_bytes(), &rest].concat()
}
