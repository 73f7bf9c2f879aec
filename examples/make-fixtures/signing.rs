//! Signatures by the test key. Their time is fixed, so the output is reproducible.

use pgp::composed::{Deserializable, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, Password, Timestamp};

use crate::package::BUILD_TIME;

/// The test key.
pub struct Signer(SignedSecretKey);

impl Signer {
    /// Creates a signer from the armored secret key.
    pub fn new(armored: &str) -> Self {
        Self(SignedSecretKey::from_string(armored).expect("the test key reads").0)
    }

    /// Returns a detached RSA signature of `data` with SHA-256, as the packet that rpm stores.
    pub fn sign(&self, data: &[u8]) -> Vec<u8> {
        let key = &self.0.primary_key;
        let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), HashAlgorithm::Sha256);
        let subpacket = |data| Subpacket::regular(data).expect("a small subpacket");
        config.hashed_subpackets = vec![
            subpacket(SubpacketData::IssuerFingerprint(key.fingerprint())),
            subpacket(SubpacketData::SignatureCreationTime(Timestamp::from_secs(BUILD_TIME))),
        ];
        config.unhashed_subpackets = vec![subpacket(SubpacketData::IssuerKeyId(key.legacy_key_id()))];
        let signature = config.sign(key, &Password::empty(), data).expect("the test key signs");
        let mut bytes = Vec::new();
        pgp::packet::PacketTrait::to_writer_with_header(&signature, &mut bytes).expect("writing to memory");
        bytes
    }
}
