//! The signature policy: the signatures that a release's own package manager accepts and rejects.

use super::form::SignaturesForm;

/// The weakest accepted signatures. MD5 is never accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignaturePolicy {
    /// True if signatures over SHA-1 are accepted.
    pub sha1: bool,
    /// Minimum size of an RSA key in bits.
    pub rsa: u32,
    /// Minimum size of a DSA key in bits.
    pub dsa: u32,
    /// True if a package's older signatures are ignored when it has one of OpenPGP version 6, as in
    /// rpm 6 (rpmvs.cc, `rpmvsAppend`).
    pub v6_over_v4: bool,
}

/// The default for releases that set no policy: crypto-policies' DEFAULT of EL9 and EL10
/// (`min_rsa_size`, `min_dsa_size`, no `SHA1` among the hashes).
impl Default for SignaturePolicy {
    fn default() -> Self {
        Self { sha1: false, rsa: 2048, dsa: 2048, v6_over_v4: false }
    }
}

impl From<&SignaturesForm> for SignaturePolicy {
    fn from(form: &SignaturesForm) -> Self {
        let usual = Self::default();
        Self {
            sha1: form.sha1.unwrap_or(usual.sha1),
            rsa: form.rsa.unwrap_or(usual.rsa),
            dsa: form.dsa.unwrap_or(usual.dsa),
            v6_over_v4: form.v6_over_v4.unwrap_or(usual.v6_over_v4),
        }
    }
}
