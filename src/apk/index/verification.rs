//! The signature of an index: a gzip stream of its own before the index, made over all that follows it.

use std::io::{self, Read};

use crate::apk::archive::{GzipStreams, read_tar};
use crate::apk::signature::{Keyring, MAX_SIGNATURE, Signature, SignatureError};
use crate::compression::Bounded;

/// A stream of signatures holds a few, of a kilobyte each.
const LONGEST: u64 = 1 << 20;

/// Why an index is not believed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The stream of signatures cannot be read.
    #[error("damaged index: {0}")]
    Damaged(io::Error),
    /// No trusted key signed it.
    #[error("the index: {0}")]
    Signature(#[source] SignatureError),
}

/// Why reading the first stream ended.
enum Ended {
    Read(io::Error),
    /// It holds no signatures, so it is the index.
    NoSignature,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// The name of the key among `keys` that signed an index.
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
