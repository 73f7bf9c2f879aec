//! A path of a hostile package, independent of the ecosystem.

/// The type of a path.
#[derive(Clone, Debug)]
pub(crate) enum What {
    File(Vec<u8>),
    /// A hard link to the file at this path.
    HardLink(Vec<u8>),
    Directory,
    Symlink(Vec<u8>),
    CharacterDevice(u32, u32),
    BlockDevice(u32, u32),
    Fifo,
    Socket,
    /// An unknown type.
    Unknown,
}

/// A path and its properties.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The path as it is in the package, with or without a leading slash.
    pub(crate) path: Vec<u8>,
    pub(crate) what: What,
    pub(crate) mode: u32,
    pub(crate) owner: Vec<u8>,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The stated size, if it is wrong.
    pub(crate) size: Option<u64>,
    /// The stated modification time.
    pub(crate) mtime: u64,
    /// Set if only the header, or only the archive, contains it.
    pub(crate) only: Option<Only>,
}

/// The only part that contains a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Only {
    Header,
    Archive,
}

impl Item {
    pub(crate) fn new(path: impl Into<Vec<u8>>, what: What) -> Self {
        let mode = match what {
            What::Directory => 0o755,
            What::Symlink(_) => 0o777,
            _ => 0o644,
        };
        let path = path.into();
        Self { path, what, mode, owner: b"root".to_vec(), xattrs: Vec::new(), size: None, mtime: 1_700_000_000, only: None }
    }

    pub(crate) fn file(path: impl Into<Vec<u8>>, content: &[u8]) -> Self {
        Self::new(path, What::File(content.to_vec()))
    }

    pub(crate) fn directory(path: impl Into<Vec<u8>>) -> Self {
        Self::new(path, What::Directory)
    }

    pub(crate) fn symlink(path: impl Into<Vec<u8>>, target: impl Into<Vec<u8>>) -> Self {
        Self::new(path, What::Symlink(target.into()))
    }

    pub(crate) fn hard_link(path: impl Into<Vec<u8>>, target: impl Into<Vec<u8>>) -> Self {
        Self::new(path, What::HardLink(target.into()))
    }

    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) fn xattr(mut self, name: &[u8], value: &[u8]) -> Self {
        self.xattrs.push((name.to_vec(), value.to_vec()));
        self
    }

    pub(crate) fn only(mut self, only: Only) -> Self {
        self.only = Some(only);
        self
    }

    /// Returns the content, or the link target.
    pub(crate) fn data(&self) -> &[u8] {
        match &self.what {
            What::File(data) | What::Symlink(data) => data,
            _ => b"",
        }
    }
}
