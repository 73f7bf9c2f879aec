//! RSA signatures of indexes and packages, and the keys that are trusted.
//!
//! In: members of the signature stream (`.SIGN.RSA.NAME`), and what they sign. Out: which key signed, or what is wrong. A
//! key is known by the name of its file, and by nothing else (`apk_crypto.h`, `apk_sign_ctx_process_file`).

#[cfg(test)]
mod tests;

use ring::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, RsaPublicKeyComponents,
};
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;

/// What a signature's member begins with.
const PREFIX: &[u8] = b".SIGN.";
/// Longer members are no signatures: a key of 8,192 bits makes 1,024 bytes.
pub const MAX_SIGNATURE: u64 = 1024;

/// The keys whose signatures are believed.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<(String, PublicKey)>,
}

/// Modulus and exponent, the highest byte first.
type PublicKey = RsaPublicKeyComponents<Vec<u8>>;

impl Keyring {
    /// A keyring that believes nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the public key of a file (PEM, `BEGIN PUBLIC KEY`). `name` is the file's name: signatures refer to it.
    pub fn add(&mut self, name: &str, pem: &[u8]) -> Result<(), BadKey> {
        let text = std::str::from_utf8(pem).map_err(|_| BadKey("it is not text".into()))?;
        let key = RsaPublicKey::from_public_key_pem(text.trim()).map_err(|error| BadKey(error.to_string()))?;
        let key = RsaPublicKeyComponents { n: key.n().to_bytes_be(), e: key.e().to_bytes_be() };
        // Two keys may have one name: a signature by either is one by that name.
        if !self.keys.iter().any(|(known, other)| known == name && (&other.n, &other.e) == (&key.n, &key.e)) {
            self.keys.push((name.to_owned(), key));
        }
        Ok(())
    }

    /// The names of the keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(name, _)| name.as_str())
    }

    fn called<'k>(&'k self, name: &'k str) -> impl Iterator<Item = &'k PublicKey> {
        self.keys.iter().filter(move |(known, _)| known == name).map(|(_, key)| key)
    }

    /// The name of the key that signed these bytes. As apk does: the first signature whose kind and key are known decides.
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

/// A signature, as its member of the signature stream has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// How it was made; `None` for a kind that nobody believes any more (`DSA`) or that is not known yet.
    scheme: Option<Scheme>,
    /// What the member's name calls the kind.
    kind: String,
    /// The key's name.
    key: String,
    bytes: Vec<u8>,
}

/// How a signature is made: PKCS#1 v1.5 over a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Sha1,
    Sha256,
    Sha512,
}

impl Scheme {
    /// Keys of 1,024 bits are let in, as apk lets them in.
    fn parameters(self) -> &'static RsaParameters {
        match self {
            Self::Sha1 => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            Self::Sha512 => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        }
    }
}

impl Signature {
    /// The signature of a member with this name and content; `None` when the name is no signature's.
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

    /// The name of the key that it says to be made with.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The kind, as the member's name has it: `RSA`, `RSA256`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    fn display(&self) -> String {
        if self.scheme.is_some() { self.key.clone() } else { format!("{} ({}, which is not accepted)", self.key, self.kind) }
    }
}

/// Why nobody trusted signed something.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Nobody signed it.
    #[error("it is not signed")]
    Unsigned,
    /// None of those who signed is trusted.
    #[error("it is signed by {}, trusted are {}", .signers.join(", "), if .trusted.is_empty() { "no keys".to_owned() } else { .trusted.join(", ") })]
    UnknownKey {
        /// The names of the keys that signed it.
        signers: Vec<String>,
        /// The names of those that are trusted.
        trusted: Vec<String>,
    },
    /// A trusted key did not sign this.
    #[error("the signature by {key} is wrong")]
    Bad {
        /// The name of the key.
        key: String,
    },
}
