//! A reader of what may inflate without bound: it ends where more comes than may.

use std::io::{self, Read};

/// Something inflates to more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it inflates to more than {most} bytes")]
pub struct Bomb {
    /// As much as it may.
    pub most: u64,
}

impl Bomb {
    /// Whether this is what stopped a reader.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

/// Gives what a reader gives, and a [`Bomb`] in place of the first byte too many.
#[derive(Debug)]
pub struct Bounded<R> {
    inner: R,
    left: u64,
    most: u64,
}

impl<R: Read> Bounded<R> {
    /// At most so many bytes of `inner`.
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
