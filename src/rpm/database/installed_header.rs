//! The header that rpm stores for an installed package.
//!
//! It has the package's own header, the signatures and digests of the signature header under their
//! tags for installed headers, and the facts of the installation.

use super::DatabaseError;
use crate::rpm::header::{Entry, Header, HeaderBuilder, Kind};
use crate::rpm::tag::Tag;

/// The state of a package's file after installation (rpmfiles.h, `rpmfileState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FileState {
    /// The file is installed.
    Normal = 0,
    /// The file of another package replaced it.
    Replaced = 1,
    /// The file was left out as documentation or as another language.
    NotInstalled = 2,
    /// The path is shared over the network.
    NetShared = 3,
    /// The file was left out in favor of the same path in a package of another architecture.
    WrongColor = 4,
}

/// A package that was installed.
#[derive(Clone, Copy, Debug)]
pub struct InstalledPackage<'a> {
    /// The package's header.
    pub header: &'a Header,
    /// The package's signature header.
    pub signature: &'a Header,
    /// State of each file, in the header's order.
    pub file_states: &'a [FileState],
    /// Time of the installation, in seconds since 1970. With `SOURCE_DATE_EPOCH`, rpm 4.18 gives
    /// the first package that time and each later package one second more.
    pub install_time: u32,
    /// Number of the transaction: the time when it began, in seconds since 1970.
    pub install_tid: u32,
    /// Colors that the transaction accepted; see [`transaction_color`].
    pub install_color: u32,
}

/// Returns the colors of files that rpm installs on an architecture: 1 is 32-bit ELF, 2 is 64-bit
/// ELF, 0 disables colors (`%_transaction_color` in rpm's platform macros).
pub fn transaction_color(architecture: &str) -> u32 {
    match architecture {
        "ia64" => 2,
        "x86_64" | "x86_64_v2" | "x86_64_v3" | "x86_64_v4" | "amd64" | "ia32e" | "aarch64" | "loongarch64" | "ppc64"
        | "ppc64p7" | "ppc64le" | "riscv64" | "s390x" | "mips64" | "mips64el" | "mips64r6" | "mips64r6el" | "sparc64"
        | "sparc64v" => 3,
        _ => 0,
    }
}

/// A mapping from an entry of the signature header to a tag of the installed header (package.c,
/// `xlateTags`).
struct Translation {
    from: Tag,
    to: Tag,
    kind: Kind,
    /// Required number of elements; 0 means any.
    count: u32,
    /// True if the entry may be in the package's header instead.
    either: bool,
}

impl Translation {
    /// Reports whether the entry authenticates the package, as digests and signatures do.
    fn vouches(&self) -> bool {
        let tags =
            [Tag::SIG_PGP, Tag::SIG_MD5, Tag::SIG_GPG, Tag::SHA1_HEADER, Tag::SHA256_HEADER, Tag::DSA_HEADER, Tag::RSA_HEADER];
        tags.contains(&self.to)
    }

    /// Returns the entry of a signature header. Entries after its region were not verified with
    /// the package, so authenticating entries are not read from there; signatures of files are.
    fn entry<'a>(&self, signature: &'a Header) -> Option<Entry<'a>> {
        signature.entry(self.from).or_else(|| signature.added_entry(self.from).filter(|_| !self.vouches()))
    }
}

const fn translation(from: Tag, to: Tag, kind: Kind, count: u32, either: bool) -> Translation {
    Translation { from, to, kind, count, either }
}

const TRANSLATIONS: [Translation; 15] = [
    translation(Tag::SIGTAG_SIZE, Tag::SIG_SIZE, Kind::Int32, 1, false),
    translation(Tag::SIGTAG_PGP, Tag::SIG_PGP, Kind::Binary, 0, false),
    translation(Tag::SIGTAG_MD5, Tag::SIG_MD5, Kind::Binary, 16, false),
    translation(Tag::SIGTAG_GPG, Tag::SIG_GPG, Kind::Binary, 0, false),
    translation(Tag::SIGTAG_PAYLOAD_SIZE, Tag::ARCHIVE_SIZE, Kind::Int32, 1, true),
    translation(Tag::SIG_FILE_SIGNATURES, Tag::FILE_SIGNATURES, Kind::StringArray, 0, true),
    translation(Tag::SIG_FILE_SIGNATURE_LENGTH, Tag::FILE_SIGNATURE_LENGTH, Kind::Int32, 1, true),
    translation(Tag::VERITY_SIGNATURES, Tag::VERITY_SIGNATURES, Kind::StringArray, 0, false),
    translation(Tag::VERITY_SIGNATURE_ALGO, Tag::VERITY_SIGNATURE_ALGO, Kind::Int32, 1, false),
    translation(Tag::SHA1_HEADER, Tag::SHA1_HEADER, Kind::String, 1, false),
    translation(Tag::SHA256_HEADER, Tag::SHA256_HEADER, Kind::String, 1, false),
    translation(Tag::DSA_HEADER, Tag::DSA_HEADER, Kind::Binary, 0, false),
    translation(Tag::RSA_HEADER, Tag::RSA_HEADER, Kind::Binary, 0, false),
    translation(Tag::LONG_SIG_SIZE, Tag::LONG_SIG_SIZE, Kind::Int64, 1, false),
    translation(Tag::LONG_ARCHIVE_SIZE, Tag::LONG_ARCHIVE_SIZE, Kind::Int64, 1, false),
];

impl InstalledPackage<'_> {
    /// Returns the package's name, for errors.
    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(self.header.string(Tag::NAME).unwrap_or_default()).into_owned()
    }

    /// Returns the header as the database stores it, without its magic.
    pub fn installed_header(&self) -> Result<Vec<u8>, DatabaseError> {
        let mut builder = HeaderBuilder::new();
        for translation in TRANSLATIONS {
            let entry = translation.entry(self.signature);
            let Translation { to, kind, count, either, .. } = translation;
            // The package's header must not contain an entry that would be mistaken for one of the
            // signature header (package.c, `headerMergeLegacySigs`).
            if self.header.has(to) {
                if either && entry.is_none() {
                    continue;
                }
                return Err(DatabaseError::Signature { package: self.name(), tag: to });
            }
            let Some(entry) = entry else { continue };
            if entry.kind != kind || (count != 0 && entry.count != count) {
                return Err(DatabaseError::Signature { package: self.name(), tag: to });
            }
            builder.entry(to, &entry);
        }
        let files = self.header.strings(Tag::BASENAMES).len();
        if self.file_states.len() != files {
            return Err(DatabaseError::FileStates { package: self.name(), files, states: self.file_states.len() });
        }
        let states: Vec<u8> = self.file_states.iter().map(|&state| state as u8).collect();
        builder.chars(Tag::FILE_STATES, &states);
        builder.u32(Tag::INSTALL_TIME, self.install_time);
        builder.u32(Tag::INSTALL_COLOR, self.install_color);
        builder.u32(Tag::INSTALL_TID, self.install_tid);
        builder.added_to(self.header).map_err(|problem| DatabaseError::TooLargeHeader { package: self.name(), problem })
    }
}
