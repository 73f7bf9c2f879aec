//! A reader that limits the size of decompressed output and fails beyond the limit.

use std::io::{self, Read};

/// The error of output that is larger than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it inflates to more than {most} bytes")]
pub struct Bomb {
    /// The limit, in bytes.
    pub most: u64,
}

impl Bomb {
    /// Reports whether `error` is this error.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

/// A reader that returns the bytes of another, and a [`Bomb`] error in place of the first byte
/// beyond the limit.
#[derive(Debug)]
pub struct Bounded<R> {
    inner: R,
    left: u64,
    most: u64,
}

impl<R: Read> Bounded<R> {
    /// Limits `inner` to `most` bytes.
    pub fn new(inner: R, most: u64) -> Self {
        Self { inner, left: most, most }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| io::Error::other(Bomb { most: self.most }))?;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_too_many_is_an_error() {
        let mut all = Vec::new();
        assert_eq!(Bounded::new(&b"abc"[..], 3).read_to_end(&mut all).unwrap(), 3);
        let error = Bounded::new(&b"abcd"[..], 3).read_to_end(&mut all).unwrap_err();
        assert!(Bomb::is(&error) && !Bomb::is(&io::Error::other("else")), "{error}");
    }
}
