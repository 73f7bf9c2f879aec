//! RPM packages with hostile paths: the digests are right, and a trusted key signed them.

use std::io::Write;
use std::sync::LazyLock;

use pgp::composed::{Deserializable, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PacketTrait, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, Password, Timestamp};
use rootstrap::digest::{Algorithm, Digest};
use rootstrap::rpm::header::{HeaderBuilder, MAGIC, Place};
use rootstrap::rpm::tag::Tag;

use crate::case::Package;
use crate::item::{Item, Only, What};

const SECRET: &str = include_str!("../rpm_packages/keys/ed25519-v4.secret.asc");
static KEY: LazyLock<SignedSecretKey> = LazyLock::new(|| SignedSecretKey::from_string(SECRET).unwrap().0);

/// Returns the trusted certificate.
pub(crate) fn certificate() -> Vec<u8> {
    pgp::ser::Serialize::to_bytes(&KEY.to_public_key()).unwrap()
}

/// Returns the package file.
pub(crate) fn build(package: &Package) -> Vec<u8> {
    let archive = archive(package);
    of_archive(package, &gzip(&archive), &|_| {})
}

/// Returns a package of these paths with a given payload, compressed by gzip unless `change` sets
/// another method.
pub(crate) fn of_archive(package: &Package, payload: &[u8], change: &dyn Fn(&mut HeaderBuilder)) -> Vec<u8> {
    let mut header = header(package, payload);
    change(&mut header);
    let mut header = header.build(Place::Package).unwrap();
    spoil(&mut header, &package.numbers);
    sealed(&header, payload)
}

/// Returns lead, signature header, header and payload, with valid digests and signature.
pub(crate) fn sealed(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let signed = [&MAGIC[..], header].concat();
    let mut signature = HeaderBuilder::new();
    signature
        .string(Tag::SHA1_HEADER, Digest::of(Algorithm::Sha1, &signed).hex())
        .string(Tag::SHA256_HEADER, Digest::of(Algorithm::Sha256, &signed).hex())
        .bytes(Tag::DSA_HEADER, &sign(&signed));
    let mut file = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 0];
    file.resize(78, 0);
    file.extend([0, 5]);
    file.resize(96, 0);
    file.extend(MAGIC);
    file.extend(signature.build(Place::Signature).unwrap());
    file.resize(file.len().next_multiple_of(8), 0);
    [&file[..], &signed, payload].concat()
}

fn sign(data: &[u8]) -> Vec<u8> {
    let key = &KEY.primary_key;
    let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), HashAlgorithm::Sha256);
    let subpacket = |data| Subpacket::regular(data).unwrap();
    config.hashed_subpackets = vec![
        subpacket(SubpacketData::IssuerFingerprint(key.fingerprint())),
        subpacket(SubpacketData::SignatureCreationTime(Timestamp::from_secs(1_700_000_000))),
    ];
    let mut bytes = Vec::new();
    config.sign(key, &Password::empty(), data).unwrap().to_writer_with_header(&mut bytes).unwrap();
    bytes
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Returns a header with the mandatory tags.
pub(crate) fn identity(name: &str) -> HeaderBuilder {
    let mut header = HeaderBuilder::new();
    header
        .string(Tag::NAME, name)
        .string(Tag::VERSION, "1")
        .string(Tag::RELEASE, "1")
        .string(Tag::ARCH, "noarch")
        .string(Tag::SOURCE_RPM, format!("{name}-1-1.src.rpm"))
        .string(Tag::LICENSE, "MIT")
        .u32(Tag::BUILD_TIME, 1_700_000_000)
        .strings(Tag::PROVIDE_NAME, [name])
        .u32s(Tag::PROVIDE_FLAGS, [8])
        .strings(Tag::PROVIDE_VERSION, ["1-1"])
        .string(Tag::PAYLOAD_FORMAT, "cpio");
    header
}

fn header(package: &Package, payload: &[u8]) -> HeaderBuilder {
    let items: Vec<&Item> = package.items.iter().filter(|item| item.only != Some(Only::Archive)).collect();
    let mut header = identity(package.name);
    let split = |item: &Item| item.path.iter().rposition(|&c| c == b'/').map_or(0, |at| at + 1);
    let inode = |item: &Item| match &item.what {
        What::HardLink(target) => items.iter().position(|other| other.path == *target),
        _ => items.iter().position(|other| other.path == item.path),
    };
    let target = |item: &Item| -> Vec<u8> { if let What::Symlink(target) = &item.what { target.clone() } else { Vec::new() } };
    let digest = |item: &Item| match &item.what {
        What::File(_) | What::HardLink(_) => Digest::of(Algorithm::Sha256, content(item, &package.items)).hex(),
        _ => String::new(),
    };
    header
        .string(Tag::PAYLOAD_COMPRESSOR, "gzip")
        .strings(Tag::PAYLOAD_DIGEST, [Digest::of(Algorithm::Sha256, payload).hex()])
        .u32(Tag::PAYLOAD_DIGEST_ALGO, 8)
        .strings(Tag::BASENAMES, items.iter().map(|item| &item.path[split(item)..]))
        .strings(Tag::DIRNAMES, items.iter().map(|item| &item.path[..split(item)]))
        .u32s(Tag::DIR_INDEXES, 0..items.len() as u32)
        .u64s(Tag::LONG_FILE_SIZES, items.iter().map(|item| size(item, &package.items)))
        .u16s(Tag::FILE_MODES, items.iter().map(|item| mode(item)))
        .u32s(Tag::FILE_MTIMES, items.iter().map(|item| item.mtime as u32))
        .u32s(Tag::FILE_INODES, items.iter().enumerate().map(|(at, item)| inode(item).unwrap_or(at) as u32 + 1))
        .u32s(Tag::FILE_DEVICES, items.iter().map(|_| 1))
        .u16s(Tag::FILE_RDEVS, items.iter().map(|item| rdev(item)))
        .strings(Tag::FILE_USERNAME, items.iter().map(|item| &item.owner))
        .strings(Tag::FILE_GROUPNAME, items.iter().map(|item| &item.owner))
        .strings(Tag::FILE_LINKTOS, items.iter().map(|item| target(item)))
        .u32(Tag::FILE_DIGEST_ALGO, 8)
        .strings(Tag::FILE_DIGESTS, items.iter().map(|item| digest(item)));
    if items.iter().any(|item| !item.xattrs.is_empty()) {
        let words = |item: &&Item| match item.xattrs.first() {
            Some((name, _)) if name.starts_with(b"security.cap") => "=ep".to_owned(),
            Some((name, value)) => String::from_utf8_lossy(&[&name[..], value].concat()).into_owned(),
            None => String::new(),
        };
        header.strings(Tag::FILE_CAPS, items.iter().map(words));
    }
    header
}

/// Returns the content of a file, or of the target of a hard link.
fn content<'a>(item: &'a Item, items: &'a [Item]) -> &'a [u8] {
    match &item.what {
        What::File(content) => content,
        What::HardLink(target) => match items.iter().find(|other| other.path == *target).map(|other| &other.what) {
            Some(What::File(content)) => content,
            _ => b"",
        },
        _ => b"",
    }
}

fn size(item: &Item, items: &[Item]) -> u64 {
    item.size.unwrap_or(match &item.what {
        What::Symlink(target) => target.len() as u64,
        What::File(_) | What::HardLink(_) => content(item, items).len() as u64,
        _ => 0,
    })
}

fn mode(item: &Item) -> u16 {
    let kind = match item.what {
        What::File(_) | What::HardLink(_) => 0o100_000,
        What::Directory => 0o040_000,
        What::Symlink(_) => 0o120_000,
        What::CharacterDevice(..) => 0o020_000,
        What::BlockDevice(..) => 0o060_000,
        What::Fifo => 0o010_000,
        What::Socket => 0o140_000,
        What::Unknown => 0o150_000,
    };
    if item.mode > 0o7777 { item.mode as u16 } else { kind | item.mode as u16 }
}

fn rdev(item: &Item) -> u16 {
    match item.what {
        What::CharacterDevice(major, minor) | What::BlockDevice(major, minor) => (major << 8 | minor & 0xff) as u16,
        _ => 0,
    }
}

/// Returns the archive in the payload.
pub(crate) fn archive(package: &Package) -> Vec<u8> {
    let mut bytes = Vec::new();
    let last = |item: &Item| {
        package.items.iter().rposition(|other| matches!(&other.what, What::HardLink(target) if *target == item.path))
    };
    for (at, item) in package.items.iter().enumerate().filter(|(_, item)| item.only != Some(Only::Header)) {
        // Of hard links the last has the data.
        let data = match &item.what {
            What::File(_) | What::HardLink(_) if last(item).is_some_and(|last| last > at) => b"",
            What::HardLink(_) => content(item, &package.items),
            _ => item.data(),
        };
        let name = if item.path.starts_with(b"/") { [b".", &item.path[..]].concat() } else { item.path.clone() };
        let spoiled = package.numbers.first().filter(|_| at == 0).map(|&(which, number)| (which, number as u32));
        member(&mut bytes, &name, u32::from(mode(item)), data, spoiled);
    }
    if !package.endless {
        member(&mut bytes, b"TRAILER!!!", 0, b"", None);
    }
    bytes.extend(&package.trailing);
    bytes
}

/// Appends a member in the `newc` form.
pub(crate) fn member(bytes: &mut Vec<u8>, name: &[u8], mode: u32, data: &[u8], spoiled: Option<(usize, u32)>) {
    let mut numbers = [1, mode, 0, 0, 1, 0, data.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
    if let Some((which, number)) = spoiled.filter(|(which, _)| *which >= 16) {
        numbers[which % 13] = number;
    }
    bytes.extend(b"070701");
    for number in numbers {
        write!(bytes, "{number:08x}").unwrap();
    }
    bytes.extend(name);
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Changes numbers in the index of a finished header (types, offsets, counts), or its data.
fn spoil(header: &mut [u8], numbers: &[(usize, u64)]) {
    let entries = u32::from_be_bytes(*header.first_chunk().unwrap()) as usize;
    for &(which, number) in numbers.iter().filter(|(which, _)| *which < 16) {
        // Not the region itself: nothing would be read of a header without it.
        let at = if which < 12 {
            8 + 16 * (1 + (number as usize).wrapping_add(which) % (entries - 1)) + 4 * (1 + which % 3)
        } else {
            8 + 16 * entries + which * 40
        };
        if let Some(place) = header.get_mut(at..at + 4) {
            place.copy_from_slice(&(number as u32).to_be_bytes());
        }
    }
}
