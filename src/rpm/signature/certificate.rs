//! OpenPGP certificates, and the key files that contain them.
//!
//! Input: a key file, as text (armored blocks with anything between them) or binary. Output: the
//! usable certificates, and the reason why each other one is unusable. No error repeats bytes of
//! the file, as a key file may contain a secret by mistake.

use std::fmt;
use std::io::Read as _;

use pgp::armor::Dearmor;
use pgp::composed::{Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::PacketHeader;
use pgp::types::{KeyDetails, PacketLength, PublicParams, Tag};

use super::validity::Standing;

/// The line that begins any armored block of OpenPGP (RFC 9580, 6.2).
const ARMOR: &str = "-----BEGIN PGP ";
/// The rest of that line for a block with certificates.
const PUBLIC_KEY: &str = "PUBLIC KEY BLOCK-----";

/// The reason why a key file is unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file contains no certificate.
    #[error("no OpenPGP certificate found")]
    None,
    /// None of its certificates is usable; the text lists the reasons.
    #[error("unreadable OpenPGP certificate: {0}")]
    Malformed(String),
}

/// A certificate of a key file that is unusable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    /// The position in the file: `block 2`, `certificate 2 of block 1`.
    pub(super) place: String,
    /// The reason.
    pub(super) problem: Problem,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// The reason why a certificate is unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// The block contains something else: a signature or a private key.
    #[error("it is no public key block")]
    Kind,
    /// The armor is damaged.
    #[error("its armor is damaged")]
    Armor,
    /// A packet has no valid length.
    #[error("it is damaged: a packet has no valid length")]
    Framing,
    /// The packets cannot be parsed.
    #[error("it is damaged: its packets cannot be read")]
    Damaged,
    /// The key has a version other than 2, 3, 4 or 6.
    #[error("its key is of version {0}, which is not supported")]
    Version(u8),
    /// The algorithm of the key is not supported.
    #[error("the algorithm of its key ({0}) is not supported")]
    Algorithm(u8),
    /// No signature binds the key to the certificate.
    #[error("no signature of its own key is valid")]
    Unbound,
}

/// A certificate: a key, its user ids, and its signing subkeys.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub(super) key: SignedPublicKey,
    pub(super) standing: Standing,
    /// The subkeys that may sign.
    pub(super) signing: Vec<(SignedPublicSubKey, Standing)>,
}

impl Certificate {
    fn new(key: SignedPublicKey) -> Self {
        let subkeys = key.public_subkeys.iter().map(|subkey| (subkey.clone(), Standing::of_subkey(&key, subkey)));
        let signing = subkeys.filter(|(_, standing)| standing.ever_signs()).collect();
        let standing = Standing::of_primary(&key);
        Self { key, standing, signing }
    }

    /// Reads one certificate from its packets. rpm refuses the same ones (rpm-sequoia,
    /// `pgpPubKeyLint`). An expired or revoked certificate is usable, because signatures may be
    /// older.
    fn read(packets: &[u8]) -> Result<Self, Problem> {
        let (_, body, _) = split_packet(packets).ok_or(Problem::Framing)?;
        let version = *body.first().ok_or(Problem::Damaged)?;
        if !matches!(version, 2..=4 | 6) {
            return Err(Problem::Version(version));
        }
        let algorithm = *body.get(if version < 4 { 7 } else { 5 }).ok_or(Problem::Damaged)?;
        if matches!(PublicKeyAlgorithm::from(algorithm), PublicKeyAlgorithm::Unknown(_)) {
            return Err(Problem::Algorithm(algorithm));
        }
        let key = SignedPublicKey::from_bytes(packets).map_err(|_| Problem::Damaged)?;
        if matches!(key.primary_key.public_params(), PublicParams::Unknown { .. }) {
            return Err(Problem::Algorithm(algorithm));
        }
        let certificate = Self::new(key);
        if certificate.standing.is_bound() { Ok(certificate) } else { Err(Problem::Unbound) }
    }

    /// Returns the fingerprint in upper-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.key.fingerprint())
    }

    /// Returns the fingerprints of all keys that may sign: its own and its subkeys'.
    pub fn fingerprints(&self) -> Vec<String> {
        let subkeys = self.signing.iter().map(|(subkey, _)| format!("{:X}", subkey.fingerprint()));
        std::iter::once(self.fingerprint()).chain(subkeys).collect()
    }

    /// Returns the first user id.
    pub fn user(&self) -> String {
        let user = self.key.details.users.first().map(|user| String::from_utf8_lossy(user.id.id()).into_owned());
        user.unwrap_or_default()
    }

    /// Returns the certificate as OpenPGP packets.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail. An empty result would be a certificate that matches no
        // signature.
        let written = pgp::ser::Serialize::to_writer(&self.key, &mut bytes);
        written.map(|()| bytes).unwrap_or_default()
    }
}

/// The certificates of a key file.
#[derive(Default)]
pub(super) struct KeyFile {
    pub(super) certificates: Vec<Certificate>,
    pub(super) unusable: Vec<Unusable>,
}

impl KeyFile {
    /// Reads a key file. Each block, and each certificate in it, is read on its own, as in `rpm
    /// --import` (rpmchecksig.cc, `doImport`).
    pub(super) fn read(file: &[u8]) -> Self {
        let mut read = Self::default();
        let text = String::from_utf8_lossy(file);
        let starts: Vec<usize> = text.match_indices(ARMOR).map(|(start, _)| start).collect();
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        for (number, (&start, end)) in starts.iter().zip(ends).enumerate() {
            read.add_block(&text[start..end], &format!("block {}", number + 1));
        }
        // Do not parse a text file as packets: each packet begins with the high bit set.
        if starts.is_empty() && file.first().is_some_and(|byte| byte & 0x80 != 0) {
            read.add_packets(file, "");
        }
        read
    }

    fn add_block(&mut self, block: &str, place: &str) {
        let mut packets = Vec::new();
        let problem = if !block[ARMOR.len()..].starts_with(PUBLIC_KEY) {
            Problem::Kind
        } else if Dearmor::new(block.as_bytes()).read_to_end(&mut packets).is_err() || packets.is_empty() {
            Problem::Armor
        } else {
            return self.add_packets(&packets, place);
        };
        self.unusable.push(Unusable { place: place.to_owned(), problem });
    }

    fn add_packets(&mut self, packets: &[u8], block: &str) {
        let (certificates, whole) = split_certificates(packets);
        let several = certificates.len() + usize::from(!whole) > 1;
        let place = |number: usize| match (block, several) {
            ("", _) => format!("certificate {number}"),
            (block, true) => format!("certificate {number} of {block}"),
            (block, false) => block.to_owned(),
        };
        for (index, packets) in certificates.iter().enumerate() {
            match Certificate::read(packets) {
                Ok(certificate) => self.certificates.push(certificate),
                Err(problem) => self.unusable.push(Unusable { place: place(index + 1), problem }),
            }
        }
        if !whole {
            self.unusable.push(Unusable { place: place(certificates.len() + 1), problem: Problem::Framing });
        } else if certificates.is_empty() {
            self.unusable.push(Unusable { place: place(1), problem: Problem::Damaged });
        }
    }

    /// Returns the error of a file without a usable certificate.
    pub(super) fn error(&self) -> KeyError {
        if self.unusable.is_empty() {
            return KeyError::None;
        }
        let reasons: Vec<String> = self.unusable.iter().map(ToString::to_string).collect();
        KeyError::Malformed(reasons.join("; "))
    }
}

/// Splits packets into certificates, each of which begins with a public key packet. Also returns
/// true if all packets have valid lengths. The certificate with an invalid packet, and everything
/// after that packet, is omitted.
fn split_certificates(packets: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut certificates = Vec::new();
    let (mut rest, mut start) = (packets, None);
    while !rest.is_empty() {
        let at = packets.len() - rest.len();
        let Some((tag, _, behind)) = split_packet(rest) else { return (certificates, false) };
        if tag == Tag::PublicKey
            && let Some(start) = start.replace(at)
        {
            certificates.push(&packets[start..at]);
        }
        rest = behind;
    }
    certificates.extend(start.map(|start| &packets[start..]));
    (certificates, true)
}

/// Returns the tag and the body of the first packet, and the remaining packets. Keys, user ids and
/// signatures have a definite length (RFC 9580, 4.2.1.4).
fn split_packet(packets: &[u8]) -> Option<(Tag, &[u8], &[u8])> {
    let mut rest = packets;
    let header = PacketHeader::try_from_reader(&mut rest).ok()?;
    let PacketLength::Fixed(length) = header.packet_length() else { return None };
    let (body, behind) = rest.split_at_checked(length as usize)?;
    Some((header.tag(), body, behind))
}
