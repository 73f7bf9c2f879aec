//! The signature of an index: a gzip stream before the index, which covers everything after itself.

use std::io::{self, Read};

use crate::apk::archive::{GzipStreams, read_tar};
use crate::apk::signature::{Keyring, MAX_SIGNATURE, Signature, SignatureError};
use crate::compression::Bounded;

/// The maximum size of a signature stream in bytes. It holds a few signatures of about 1 KiB each.
const LONGEST: u64 = 1 << 20;

/// A failed verification of an index.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The signature stream cannot be read.
    #[error("damaged index: {0}")]
    Damaged(io::Error),
    /// No trusted key signed the index.
    #[error("the index: {0}")]
    Signature(#[source] SignatureError),
}

/// The reason why reading the first stream stopped.
enum Ended {
    Read(io::Error),
    /// The stream has no signatures, so it is the index.
    NoSignature,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Verifies the signature of an index. Returns the name of the key among `keys` that signed it.
pub fn verify(index: &[u8], keys: &Keyring) -> Result<String, VerifyError> {
    let mut signatures = Vec::new();
    let first = GzipStreams::new(index).next(|input| {
        read_tar(&mut Bounded::new(input, LONGEST), |member, content| {
            if !member.path.starts_with(b".SIGN.") {
                return Err(Ended::NoSignature);
            }
            let mut bytes = Vec::new();
            content.take(MAX_SIGNATURE + 1).read_to_end(&mut bytes)?;
            signatures.extend(Signature::new(&member.path, &bytes));
            Ok(())
        })
    });
    let signed = match first {
        Ok(Some((range, ()))) => usize::try_from(range.end).ok().and_then(|end| index.get(end..)).unwrap_or_default(),
        Ok(None) | Err(Ended::NoSignature) => {
            signatures.clear();
            index
        }
        Err(Ended::Read(error)) => return Err(VerifyError::Damaged(error)),
    };
    keys.verify(&signatures, signed).map_err(VerifyError::Signature)
}
