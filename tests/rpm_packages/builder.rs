//! Packages made for a test: a header, an archive and signatures, put together from parts that a
//! test may spoil.

use std::io::Write;

use pgp::composed::{Deserializable, SignedPublicKey, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PacketTrait, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{KeyVersion, Password, SigningKey, Timestamp};
use rootstrap::digest::{Algorithm, Digest};
use rootstrap::package::Content;
use rootstrap::rpm::header::{Header, HeaderBuilder, MAGIC, Place};
use rootstrap::rpm::signature::Keyring;
use rootstrap::rpm::tag::Tag;

/// A file as the header describes it.
#[derive(Clone)]
pub(crate) struct TestFile {
    pub(crate) path: String,
    pub(crate) mode: u16,
    pub(crate) content: Vec<u8>,
    pub(crate) inode: u32,
    pub(crate) flags: u32,
    pub(crate) link: String,
}

impl TestFile {
    pub(crate) fn regular(path: &str, inode: u32, content: &[u8]) -> Self {
        Self { path: path.into(), mode: 0o100_644, content: content.into(), inode, flags: 0, link: String::new() }
    }

    pub(crate) fn directory(path: &str, inode: u32) -> Self {
        Self { mode: 0o40_755, ..Self::regular(path, inode, b"") }
    }

    pub(crate) fn symlink(path: &str, inode: u32, target: &str) -> Self {
        Self { mode: 0o120_777, link: target.into(), ..Self::regular(path, inode, b"") }
    }

    pub(crate) fn ghost(path: &str, inode: u32) -> Self {
        Self { flags: 64, ..Self::regular(path, inode, b"not there") }
    }

    fn size(&self) -> u32 {
        match self.mode >> 12 {
            0o12 => self.link.len() as u32,
            0o4 => 4096,
            _ => self.content.len() as u32,
        }
    }
}

/// Returns a member of a `newc` archive.
pub(crate) fn member(name: &str, data: &[u8]) -> Vec<u8> {
    let numbers = [1, 0o100_644, 0, 0, 1, 0, data.len(), 0, 0, 0, 0, name.len() + 1, 0];
    let mut bytes = b"070701".to_vec();
    for number in numbers {
        write!(bytes, "{number:08x}").unwrap();
    }
    bytes.extend(name.bytes().chain([0]));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Returns a member in rpm's short form.
pub(crate) fn short_member(index: usize, data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("07070X{index:08x}\0\0").into_bytes();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Returns the end of an archive.
pub(crate) fn trailer() -> Vec<u8> {
    member("TRAILER!!!", b"")
}

/// Returns the archive that rpm would make of these files, without hard links.
pub(crate) fn archive(files: &[TestFile]) -> Vec<u8> {
    let members = files.iter().filter(|file| file.flags & 64 == 0).map(|file| match file.mode >> 12 {
        0o12 => member(&format!(".{}", file.path), file.link.as_bytes()),
        _ => member(&format!(".{}", file.path), &file.content),
    });
    members.chain([trailer()]).collect::<Vec<_>>().concat()
}

pub(crate) fn compress(compressor: &str, data: &[u8]) -> Vec<u8> {
    use liblzma::stream::{LzmaOptions, Stream};
    match compressor {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        "bzip2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        "xz" | "lzma" => {
            let mut encoder = if compressor == "xz" {
                liblzma::write::XzEncoder::new(Vec::new(), 3)
            } else {
                let options = LzmaOptions::new_preset(3).unwrap();
                liblzma::write::XzEncoder::new_stream(Vec::new(), Stream::new_lzma_encoder(&options).unwrap())
            };
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => zstd::bulk::compress(data, 3).unwrap(),
        _ => data.to_vec(),
    }
}

/// A package before it is put together.
pub(crate) struct Parts {
    pub(crate) header: HeaderBuilder,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: HeaderBuilder,
}

impl Parts {
    /// Creates an unsigned package of these files with this archive, as rpm 4.14 and later do.
    pub(crate) fn new(files: &[TestFile], archive: &[u8], compressor: &str) -> Self {
        let payload = compress(compressor, archive);
        let hex = |data: &[u8]| Digest::of(Algorithm::Sha256, data).hex();
        let mut header = HeaderBuilder::new();
        let split = |file: &TestFile| file.path.rfind('/').unwrap() + 1;
        header
            .string(Tag::NAME, "test")
            .string(Tag::VERSION, "1")
            .string(Tag::RELEASE, "2")
            .string(Tag::ARCH, "noarch")
            .string(Tag::SOURCE_RPM, "test-1-2.src.rpm")
            .string(Tag::PAYLOAD_FORMAT, "cpio")
            .strings(Tag::PAYLOAD_DIGEST, [hex(&payload)])
            .strings(Tag::PAYLOAD_DIGEST_ALT, [hex(archive)])
            .u32(Tag::PAYLOAD_DIGEST_ALGO, 8)
            .strings(Tag::BASENAMES, files.iter().map(|file| &file.path[split(file)..]))
            .strings(Tag::DIRNAMES, files.iter().map(|file| &file.path[..split(file)]))
            .u32s(Tag::DIR_INDEXES, 0..files.len() as u32)
            .u32s(Tag::FILE_SIZES, files.iter().map(TestFile::size))
            .u16s(Tag::FILE_MODES, files.iter().map(|file| file.mode))
            .u32s(Tag::FILE_INODES, files.iter().map(|file| file.inode))
            .u32s(Tag::FILE_DEVICES, files.iter().map(|_| 1))
            .u32s(Tag::FILE_FLAGS, files.iter().map(|file| file.flags))
            .strings(Tag::FILE_LINKTOS, files.iter().map(|file| &file.link))
            .u32(Tag::FILE_DIGEST_ALGO, 8)
            .strings(
                Tag::FILE_DIGESTS,
                files.iter().map(|file| if file.mode >> 12 == 0o10 { hex(&file.content) } else { String::new() }),
            );
        if !compressor.is_empty() {
            header.string(Tag::PAYLOAD_COMPRESSOR, compressor);
        }
        Self { header, payload, signature: HeaderBuilder::new() }
    }

    /// Returns the header as it is hashed and signed.
    pub(crate) fn header_bytes(&self) -> Vec<u8> {
        [&MAGIC[..], &self.header.build(Place::Package).unwrap()].concat()
    }

    /// Puts the digests of the header, as rpm 4.14 and later do.
    pub(crate) fn with_digests(mut self) -> Self {
        let header = self.header_bytes();
        self.signature
            .string(Tag::SHA1_HEADER, Digest::of(Algorithm::Sha1, &header).hex())
            .string(Tag::SHA256_HEADER, Digest::of(Algorithm::Sha256, &header).hex())
            .u32(Tag::SIGTAG_SIZE, (header.len() + self.payload.len()) as u32);
        self
    }

    /// Returns the package file.
    pub(crate) fn file(&self) -> Vec<u8> {
        self.file_with(&self.signature.build(Place::Signature).unwrap())
    }

    /// Returns the package file with entries after the region of the signature header.
    pub(crate) fn file_with_added(&self, added: &HeaderBuilder) -> Vec<u8> {
        let signature = Header::parse(self.signature.build(Place::Signature).unwrap(), Place::Signature).unwrap();
        self.file_with(&added.added_to(&signature).unwrap())
    }

    fn file_with(&self, signature: &[u8]) -> Vec<u8> {
        let mut file = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 0];
        file.resize(78, 0);
        file.extend([0, 5]);
        file.resize(96, 0);
        file.extend(MAGIC);
        file.extend(signature);
        file.resize(file.len().next_multiple_of(8), 0);
        file.extend(self.header_bytes());
        file.extend(&self.payload);
        file
    }

    /// Returns the package file as content.
    pub(crate) fn content(&self) -> Content {
        Content::from(self.file())
    }
}

/// A signing key.
pub(crate) struct Key(SignedSecretKey);

impl From<SignedSecretKey> for Key {
    fn from(key: SignedSecretKey) -> Self {
        Self(key)
    }
}

impl Key {
    pub(crate) fn read(armored: &str) -> Self {
        Self(SignedSecretKey::from_string(armored).unwrap().0)
    }

    /// Returns the certificate of the key.
    pub(crate) fn certificate(&self) -> SignedPublicKey {
        self.0.to_public_key()
    }

    /// Signs with the certificate's own key, or with its first subkey.
    pub(crate) fn sign(&self, data: &[u8], subkey: bool) -> Vec<u8> {
        if subkey { sign(&self.0.secret_subkeys[0].key, data) } else { sign(&self.0.primary_key, data) }
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Returns a keyring of these certificates.
pub(crate) fn keyring(certificates: &[SignedPublicKey]) -> Keyring {
    let mut keyring = Keyring::new();
    for certificate in certificates {
        assert_eq!(keyring.add(&certificate.to_bytes().unwrap()).unwrap(), 1);
    }
    keyring
}

fn sign(key: &impl SigningKey, data: &[u8]) -> Vec<u8> {
    let hash = HashAlgorithm::Sha256;
    let mut config = if key.version() == KeyVersion::V6 {
        let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), hash);
        config.version_specific = pgp::packet::SignatureVersionSpecific::V6 { salt: vec![7; 16] };
        config
    } else {
        SignatureConfig::v4(SignatureType::Binary, key.algorithm(), hash)
    };
    let subpacket = |data| Subpacket::regular(data).unwrap();
    config.hashed_subpackets = vec![
        subpacket(SubpacketData::IssuerFingerprint(key.fingerprint())),
        subpacket(SubpacketData::SignatureCreationTime(Timestamp::from_secs(1_700_000_000))),
    ];
    let signature = config.sign(key, &Password::empty(), data).unwrap();
    let mut bytes = Vec::new();
    signature.to_writer_with_header(&mut bytes).unwrap();
    bytes
}
