//! Which signatures count: what a release's own package manager takes and what it refuses.

use super::form::SignaturesForm;

/// The weakest signatures that count. MD5 never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignaturePolicy {
    /// Whether signatures over SHA-1 do.
    pub sha1: bool,
    /// The fewest bits of an RSA key.
    pub rsa: u32,
    /// The fewest bits of a DSA key.
    pub dsa: u32,
    /// Whether older signatures of a package do not count where it has one of OpenPGP version 6, as in rpm 6 (rpmvs.cc, `rpmvsAppend`).
    pub v6_over_v4: bool,
}

/// What today's systems agree on where no release says otherwise: crypto-policies' DEFAULT of EL9 and EL10 (`min_rsa_size`, `min_dsa_size`, no
/// `SHA1` among the hashes).
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
