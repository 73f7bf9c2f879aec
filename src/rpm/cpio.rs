//! The archive inside a payload: cpio in the `newc` format, and rpm's short form for files that
//! `newc` cannot represent.
//!
//! In: decompressed bytes. Out: the members, one after another. The caller knows the size limits
//! and reads the data of each member. This module does not use the header.

use std::io::{self, BufRead};

/// Name of the member that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";

/// Maximum length of a name, in bytes (`PATH_MAX`, and the dot that rpm writes before the path).
const NAME_MAX: u64 = 4096 + 1;

/// Length of a `newc` member's header, in bytes: the magic and thirteen numbers of eight
/// hexadecimal digits.
const NEWC_LENGTH: usize = 6 + 13 * 8;

/// An error in an archive.
#[derive(Debug, thiserror::Error)]
pub enum CpioError {
    /// The archive cannot be decompressed or read, or it is truncated.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A member does not begin with a known magic.
    #[error("no cpio member at byte {offset}: it begins with {found:02x?}")]
    Magic {
        /// Offset in the decompressed payload.
        offset: u64,
        /// The bytes at that offset.
        found: [u8; 6],
    },
    /// A field is not a hexadecimal number.
    #[error("bad cpio member at byte {offset}")]
    Number {
        /// Offset in the decompressed payload.
        offset: u64,
    },
    /// The length of a name is out of range.
    #[error("cpio member with a name of {length} bytes at byte {offset}")]
    Name {
        /// Offset in the decompressed payload.
        offset: u64,
        /// The length in the member's header.
        length: u64,
    },
}

/// A member of an archive, followed by its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A member with a name and a size (`070701`, `070702`).
    Named {
        /// The name in the archive, usually with a leading `./`.
        name: Vec<u8>,
        /// Size of the data, in bytes.
        size: u64,
    },
    /// A member with only the index of its file in the package header, which has all other metadata
    /// (`07070X`).
    Numbered(u32),
}

/// Reads an archive member by member.
pub struct Archive<R> {
    reader: R,
    offset: u64,
}

impl<R: BufRead> Archive<R> {
    /// Creates a reader of the archive in `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, offset: 0 }
    }

    /// Returns the number of bytes read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the underlying reader.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// Reads the next member, or returns `None` at the end of the archive. The caller must have
    /// read the data of the previous member.
    pub fn next_member(&mut self) -> Result<Option<Member>, CpioError> {
        self.align()?;
        let offset = self.offset;
        let magic: [u8; 6] = self.array()?;
        match &magic {
            b"070701" | b"070702" => {}
            b"07070X" => {
                let index = hex(self.array()?).ok_or(CpioError::Number { offset })?;
                self.align()?;
                return Ok(Some(Member::Numbered(index)));
            }
            _ => return Err(CpioError::Magic { offset, found: magic }),
        }
        let fields: [u8; NEWC_LENGTH - 6] = self.array()?;
        let field =
            |n: usize| fields.as_chunks::<8>().0.get(n).copied().and_then(hex).map(u64::from).ok_or(CpioError::Number { offset });
        let (size, length) = (field(6)?, field(11)?);
        if length == 0 || length > NAME_MAX {
            return Err(CpioError::Name { offset, length });
        }
        let mut name = vec![0; length as usize];
        self.fill(&mut name)?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(CpioError::Name { offset, length });
        }
        self.align()?;
        Ok((name != TRAILER).then_some(Member::Named { name, size }))
    }

    /// Passes `size` bytes of data to `take`, piece by piece. Fails if the archive ends earlier.
    pub fn data<E: From<io::Error>>(&mut self, size: u64, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut left = size;
        while left > 0 {
            let buffer = match self.reader.fill_buf() {
                Ok([]) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            take(&buffer[..n])?;
            self.reader.consume(n);
            self.offset += n as u64;
            left -= n as u64;
        }
        Ok(())
    }

    /// Skips the padding that aligns headers and data to a multiple of four bytes.
    fn align(&mut self) -> io::Result<()> {
        let padding = self.offset.wrapping_neg() as usize % 4;
        let mut skipped = [0; 3];
        self.fill(&mut skipped[..padding])
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.reader.read_exact(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// Parses eight hexadecimal digits.
fn hex(digits: [u8; 8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a member with these data, as `cpio -o -H newc` writes it.
    fn member(name: &str, data: &[u8]) -> Vec<u8> {
        let numbers = [1, 0o100_644, 0, 0, 1, 0, data.len(), 0, 0, 0, 0, name.len() + 1, 0];
        let mut bytes = b"070701".to_vec();
        for number in numbers {
            bytes.extend(format!("{number:08x}").bytes());
        }
        bytes.extend(name.bytes().chain([0]));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// Names and data of members.
    type Members = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(bytes: &[u8]) -> Result<Members, CpioError> {
        let mut archive = Archive::new(bytes);
        let mut members = Vec::new();
        while let Some(member) = archive.next_member()? {
            let (name, size) = match member {
                Member::Named { name, size } => (name, size),
                Member::Numbered(index) => (index.to_string().into_bytes(), 5),
            };
            let mut data = Vec::new();
            archive.data(size, |piece| -> io::Result<()> {
                data.extend_from_slice(piece);
                Ok(())
            })?;
            members.push((name, data));
        }
        Ok(members)
    }

    fn long_name() -> String {
        format!("./{}", "d/".repeat(2000))
    }

    fn sample() -> Vec<u8> {
        [member("./a", b"one"), member(&long_name(), b""), member("./b", b"three"), member("TRAILER!!!", b"")].concat()
    }

    #[test]
    fn members_one_after_the_other() {
        let members = read(&sample()).unwrap();
        let expected = [("./a", &b"one"[..]), (&long_name(), b""), ("./b", b"three")];
        assert!(
            members.iter().map(|(name, data)| (name.as_slice(), data.as_slice())).eq(expected.map(|(n, d)| (n.as_bytes(), d)))
        );
    }

    #[test]
    fn the_short_form_has_numbers() {
        let bytes =
            [&b"07070X0000000a\0\0hello\0\0\0"[..], b"07070X00000001\0\0world\0\0\0", &member("TRAILER!!!", b"")].concat();
        assert_eq!(read(&bytes).unwrap(), [(b"10".to_vec(), b"hello".to_vec()), (b"1".to_vec(), b"world".to_vec())]);
    }

    #[test]
    fn damage_is_an_error() {
        let good = sample();
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_err(), "{end}");
        }
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            read(&bytes)
        };
        assert!(matches!(with(5, b'9'), Err(CpioError::Magic { offset: 0, .. })));
        assert!(matches!(with(6 + 6 * 8, b'x'), Err(CpioError::Number { offset: 0 })));
        assert!(matches!(with(6 + 11 * 8, b'f'), Err(CpioError::Name { offset: 0, length: 0xf000_0004 })));
        assert!(matches!(with(NEWC_LENGTH, 0), Err(CpioError::Name { .. })));
    }
}
