//! RSA signatures of indexes and packages, and the trusted keys.
//!
//! In: members of the signature stream (`.SIGN.RSA.NAME`), and the signed bytes. Out: the name of
//! the key that made the signature, or an error. Only its file name identifies a key
//! (`apk_crypto.h`, `apk_sign_ctx_process_file`).

#[cfg(test)]
mod tests;

use ring::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, RsaPublicKeyComponents,
};
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;

/// The prefix of the names of signature members.
const PREFIX: &[u8] = b".SIGN.";
/// The maximum size of a signature in bytes: a key of 8,192 bits makes 1,024 bytes.
pub const MAX_SIGNATURE: u64 = 1024;

/// The trusted keys.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<(String, PublicKey)>,
}

/// Modulus and exponent, most significant byte first.
type PublicKey = RsaPublicKeyComponents<Vec<u8>>;

impl Keyring {
    /// Creates a keyring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a public key (PEM, `BEGIN PUBLIC KEY`). `name` is the name of the key file, to which
    /// signatures refer.
    pub fn add(&mut self, name: &str, pem: &[u8]) -> Result<(), BadKey> {
        let text = std::str::from_utf8(pem).map_err(|_| BadKey("it is not text".into()))?;
        let key = RsaPublicKey::from_public_key_pem(text.trim()).map_err(|error| BadKey(error.to_string()))?;
        let key = RsaPublicKeyComponents { n: key.n().to_bytes_be(), e: key.e().to_bytes_be() };
        // Several keys may have the same name. A signature by any of them is valid for that name.
        if !self.keys.iter().any(|(known, other)| known == name && (&other.n, &other.e) == (&key.n, &key.e)) {
            self.keys.push((name.to_owned(), key));
        }
        Ok(())
    }

    /// Returns the names of the keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(name, _)| name.as_str())
    }

    fn called<'k>(&'k self, name: &'k str) -> impl Iterator<Item = &'k PublicKey> {
        self.keys.iter().filter(move |(known, _)| known == name).map(|(_, key)| key)
    }

    /// Returns the name of the key that signed these bytes. The first signature with a known scheme
    /// and key decides, as in apk.
    pub fn verify(&self, signatures: &[Signature], signed: &[u8]) -> Result<String, SignatureError> {
        if signatures.is_empty() {
            return Err(SignatureError::Unsigned);
        }
        for signature in signatures {
            let (Some(scheme), Some(_)) = (signature.scheme, self.called(&signature.key).next()) else { continue };
            let is_by = |key: &PublicKey| key.verify(scheme.parameters(), signed, &signature.bytes).is_ok();
            let key = signature.key.clone();
            return if self.called(&signature.key).any(is_by) { Ok(key) } else { Err(SignatureError::Bad { key }) };
        }
        Err(SignatureError::UnknownKey {
            signers: signatures.iter().map(Signature::display).collect(),
            trusted: self.names().map(str::to_owned).collect(),
        })
    }
}

/// A public key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("not an RSA public key in PEM: {0}")]
pub struct BadKey(String);

/// A signature, as a member of the signature stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The signature scheme. `None` for obsolete (`DSA`) and unknown schemes.
    scheme: Option<Scheme>,
    /// The scheme in the member's name.
    kind: String,
    /// The name of the key.
    key: String,
    bytes: Vec<u8>,
}

/// A signature scheme: PKCS#1 v1.5 with this digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Sha1,
    Sha256,
    Sha512,
}

impl Scheme {
    /// Returns the parameters for `ring`. Keys of 1,024 bits are accepted, as in apk.
    fn parameters(self) -> &'static RsaParameters {
        match self {
            Self::Sha1 => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            Self::Sha512 => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        }
    }
}

impl Signature {
    /// Creates the signature of a member with this name and content. Returns `None` if the name is
    /// not one of a signature.
    pub fn new(name: &[u8], content: &[u8]) -> Option<Self> {
        let rest = std::str::from_utf8(name.strip_prefix(PREFIX)?).ok()?;
        let (kind, key) = rest.split_once('.')?;
        let scheme = match kind {
            "RSA" => Some(Scheme::Sha1),
            "RSA256" => Some(Scheme::Sha256),
            "RSA512" => Some(Scheme::Sha512),
            _ => None,
        };
        Some(Self { scheme, kind: kind.to_owned(), key: key.to_owned(), bytes: content.to_vec() })
    }

    /// Returns the name of the key that the signature refers to.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the scheme in the member's name: `RSA`, `RSA256`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    fn display(&self) -> String {
        if self.scheme.is_some() { self.key.clone() } else { format!("{} ({}, which is not accepted)", self.key, self.kind) }
    }
}

/// A failed signature verification.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("it is not signed")]
    Unsigned,
    /// No signature is by a trusted key.
    #[error("it is signed by {}, trusted are {}", .signers.join(", "), if .trusted.is_empty() { "no keys".to_owned() } else { .trusted.join(", ") })]
    UnknownKey {
        /// The names of the keys that the signatures refer to.
        signers: Vec<String>,
        /// The names of the trusted keys.
        trusted: Vec<String>,
    },
    /// The signature by a trusted key does not match the data.
    #[error("the signature by {key} is wrong")]
    Bad {
        /// The name of the key.
        key: String,
    },
}
