//! The validity of keys by their certificate, and whether a signature of a certain time is
//! accepted.
//!
//! A certificate is evaluated at the time of the signature, as in rpm since 4.19 (rpm-sequoia,
//! `pgp_verify_signature`). Signatures made before a key expired or was retired remain valid; all
//! signatures of a compromised key are invalid. The rpm of EL8 and EL9 checks neither.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, PublicParams, Tag};
use rsa::traits::PublicKeyParts as _;

use crate::catalog::SignaturePolicy;

/// The reason why a correct signature by a trusted key is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// The key had expired when the signature was made.
    #[error("it was made at {made}, after the key expired at {expired} (seconds since 1970)")]
    Expired {
        /// Time of the signature.
        made: u32,
        /// Expiration time of the key.
        expired: u32,
    },
    /// The signature has expired.
    #[error("it was to count until {0} (seconds since 1970)")]
    Lapsed(u32),
    /// The key was revoked.
    #[error("the key is revoked{}", if *.compromised { "" } else { ", and was when it was made" })]
    Revoked {
        /// True if all signatures of the key are invalid. False only for superseded and retired
        /// keys.
        compromised: bool,
    },
    /// The certificate does not allow the key to sign: no valid binding, or none with that flag.
    #[error("its certificate does not let the key sign")]
    NotForSigning,
    /// The digest algorithm is too weak.
    #[error("it is over {0}, which is too weak")]
    Digest(String),
    /// The key is too short.
    #[error("the key has {bits} bits of {algorithm}, {least} would be enough")]
    Short {
        /// The algorithm of the key.
        algorithm: &'static str,
        /// Length of the key in bits.
        bits: u32,
        /// Minimum length in bits.
        least: u32,
    },
}

/// The validity of a key according to its certificate.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// The bindings by self-signatures, oldest first.
    bindings: Vec<Binding>,
    revocations: Vec<Revocation>,
}

#[derive(Clone, Copy, Debug)]
struct Binding {
    created: u32,
    /// The expiration time of the key by this binding.
    expires: Option<u32>,
    signs: bool,
}

#[derive(Clone, Copy, Debug)]
struct Revocation {
    created: u32,
    compromised: bool,
}

impl Standing {
    /// Returns the validity of the certificate's primary key, from self-signatures over user ids or
    /// over the key itself.
    pub(super) fn of_primary(certificate: &SignedPublicKey) -> Self {
        let key = &certificate.primary_key;
        let details = &certificate.details;
        let over_users = details.users.iter().flat_map(|user| user.signatures.iter().map(move |signature| (user, signature)));
        let mut standing = Self::default();
        let self_signed = over_users
            .filter(|(user, signature)| {
                is_certification(signature)
                    && is_by(signature, key)
                    && is_strong(signature)
                    && signature.verify_certification(key, Tag::UserId, &user.id).is_ok()
            })
            .map(|(_, signature)| signature);
        let direct = details.direct_signatures.iter().filter(|signature| {
            signature.typ() == Some(SignatureType::Key) && is_strong(signature) && signature.verify_key(key).is_ok()
        });
        for signature in self_signed.chain(direct) {
            // A key without flags may sign (RFC 9580, 5.2.3.29: the primary key certifies; gpg and
            // rpm let it sign).
            standing.bind(signature, key, flags_allow(signature).unwrap_or(true));
        }
        let revoked = details.revocation_signatures.iter();
        standing.revoke(
            revoked
                .filter(|signature| signature.typ() == Some(SignatureType::KeyRevocation) && signature.verify_key(key).is_ok()),
        );
        standing.finish()
    }

    /// Returns the validity of a subkey, from its bindings. A signing subkey must itself have
    /// signed the binding (RFC 9580, 10.1.5). Otherwise, anybody could add another person's subkey
    /// to a certificate.
    pub(super) fn of_subkey(certificate: &SignedPublicKey, subkey: &SignedPublicSubKey) -> Self {
        let key = &certificate.primary_key;
        let mut standing = Self::default();
        if !subkey.signatures.iter().any(|binding| flags_allow(binding) == Some(true)) {
            // The subkey is not for signing; do not spend time on verification.
            return standing;
        }
        for binding in &subkey.signatures {
            if binding.typ() == Some(SignatureType::SubkeyBinding)
                && is_strong(binding)
                && binding.verify_subkey_binding(key, &subkey.key).is_ok()
            {
                let agrees = |back: &Signature| is_strong(back) && back.verify_primary_key_binding(&subkey.key, key).is_ok();
                let signs = flags_allow(binding).unwrap_or(false) && binding.embedded_signature().is_some_and(agrees);
                standing.bind(binding, &subkey.key, signs);
            }
        }
        standing.revoke(subkey.signatures.iter().filter(|signature| {
            signature.typ() == Some(SignatureType::SubkeyRevocation) && signature.verify_subkey_binding(key, &subkey.key).is_ok()
        }));
        standing.finish()
    }

    fn bind(&mut self, signature: &Signature, key: &impl KeyDetails, signs: bool) {
        let Some(created) = signature.created().map(pgp::types::Timestamp::as_secs) else { return };
        let lifetime = signature.key_expiration_time().map(pgp::types::Duration::as_secs).filter(|&seconds| seconds > 0);
        let expires = lifetime.map(|seconds| key.created_at().as_secs().saturating_add(seconds));
        self.bindings.push(Binding { created, expires, signs });
    }

    fn revoke<'s>(&mut self, signatures: impl Iterator<Item = &'s Signature>) {
        self.revocations.extend(signatures.map(|signature| Revocation {
            created: signature.created().map_or(0, pgp::types::Timestamp::as_secs),
            // Only with these two reasons do earlier signatures remain valid; no reason counts as
            // compromised (RFC 9580, 5.2.3.31).
            compromised: !matches!(
                signature.revocation_reason_code(),
                Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
            ),
        }));
    }

    fn finish(mut self) -> Self {
        self.bindings.sort_by_key(|binding| binding.created);
        self
    }

    /// Returns the binding in force at a time: the newest one before it. Old bindings are often
    /// stripped from certificates. If there is none before the time, returns the first one after
    /// it.
    fn binding_at(&self, time: u32) -> Option<&Binding> {
        self.bindings.iter().rfind(|binding| binding.created <= time).or(self.bindings.first())
    }

    /// Reports whether any valid signature binds the key to the certificate.
    pub(super) fn is_bound(&self) -> bool {
        !self.bindings.is_empty()
    }

    /// Reports whether any binding allows the key to sign.
    pub(super) fn ever_signs(&self) -> bool {
        self.bindings.iter().any(|binding| binding.signs)
    }

    /// Fails if the key was expired or revoked at a time.
    pub(super) fn check_alive(&self, time: u32) -> Result<(), Distrust> {
        for revocation in &self.revocations {
            if revocation.compromised || revocation.created <= time {
                return Err(Distrust::Revoked { compromised: revocation.compromised });
            }
        }
        match self.binding_at(time) {
            None => Err(Distrust::NotForSigning),
            Some(Binding { expires: Some(expired), .. }) if *expired <= time => {
                Err(Distrust::Expired { made: time, expired: *expired })
            }
            Some(_) => Ok(()),
        }
    }

    /// Fails if the key was not allowed to sign at a time.
    pub(super) fn check_signs(&self, time: u32) -> Result<(), Distrust> {
        if self.binding_at(time).is_some_and(|binding| binding.signs) { Ok(()) } else { Err(Distrust::NotForSigning) }
    }
}

/// Fails if the digest or the key of a signature is weaker than a policy requires.
pub(super) fn check_strength(signature: &Signature, key: &PublicParams, policy: &SignaturePolicy) -> Result<(), Distrust> {
    use pgp::crypto::hash::HashAlgorithm as Hash;
    match signature.hash_alg() {
        Some(Hash::Sha1) if policy.sha1 => {}
        Some(Hash::Sha224 | Hash::Sha256 | Hash::Sha384 | Hash::Sha512 | Hash::Sha3_256 | Hash::Sha3_512) => {}
        hash => {
            return Err(Distrust::Digest(hash.map_or_else(|| "a digest that nobody knows".to_owned(), |hash| hash.to_string())));
        }
    }
    let (algorithm, bits, least) = match key {
        PublicParams::RSA(params) => ("RSA", params.key.n().bits(), policy.rsa),
        PublicParams::DSA(params) => ("DSA", params.key.components().p().bits(), policy.dsa),
        _ => return Ok(()),
    };
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    if bits < least { Err(Distrust::Short { algorithm, bits, least }) } else { Ok(()) }
}

/// Fails if a signature has expired.
pub(super) fn check_lapse(signature: &Signature, made: u32, now: u32) -> Result<(), Distrust> {
    let lifetime = signature.signature_expiration_time().map(pgp::types::Duration::as_secs).filter(|&seconds| seconds > 0);
    match lifetime.map(|seconds| made.saturating_add(seconds)) {
        Some(end) if end <= now => Err(Distrust::Lapsed(end)),
        _ => Ok(()),
    }
}

fn is_certification(signature: &Signature) -> bool {
    use SignatureType::{CertCasual, CertGeneric, CertPersona, CertPositive};
    matches!(signature.typ(), Some(CertGeneric | CertPersona | CertCasual | CertPositive))
}

/// Reports whether a signature over a certificate uses an acceptable digest. SHA-1 is acceptable in
/// all releases: the provider of the certificate vouches for it, and nobody can yet make a second
/// certificate with the same digest. rpm-sequoia also detects collision attacks.
fn is_strong(signature: &Signature) -> bool {
    !matches!(signature.hash_alg(), None | Some(pgp::crypto::hash::HashAlgorithm::Md5))
}

/// Reports whether the key itself is named as the signer. Others also certify user ids, and
/// verifying each would take time.
fn is_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    (ids.is_empty() && fingerprints.is_empty())
        || ids.contains(&&key.legacy_key_id())
        || fingerprints.contains(&&key.fingerprint())
}

/// Reports whether the flags of a binding allow the key to sign; `None` if it has no flags.
fn flags_allow(signature: &Signature) -> Option<bool> {
    let mut hashed = signature.config()?.hashed_subpackets();
    hashed.find_map(|subpacket| match &subpacket.data {
        SubpacketData::KeyFlags(flags) => Some(flags.sign()),
        _ => None,
    })
}
