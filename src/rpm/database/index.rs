//! The keys of a header in each index (rpmdb.c: `tag2index`, `td2key`).

use std::borrow::Cow;

use super::{ByteOrder, rich};
use crate::rpm::header::Header;
use crate::rpm::tag::Tag;

/// An index of the database, which finds headers by the values of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Index {
    name: &'static str,
    tag: Tag,
    kind: KeyKind,
    list: bool,
}

/// The type of an index's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// Strings.
    Text,
    /// Bytes, or numbers in the byte order of the target machine.
    Blob,
}

/// A key of a header in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key<'a> {
    /// The key.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Index of the element within the tag.
    pub(super) item: u32,
}

/// The keys of one header, by index in the order of [`Index::ALL`].
#[derive(Debug)]
pub(super) struct Keys<'a>([Vec<Key<'a>>; Index::ALL.len()]);

const fn text(name: &'static str, tag: Tag) -> Index {
    Index { name, tag, kind: KeyKind::Text, list: false }
}

const fn list(name: &'static str, tag: Tag) -> Index {
    Index { name, tag, kind: KeyKind::Text, list: true }
}

const fn blob(name: &'static str, tag: Tag) -> Index {
    Index { name, tag, kind: KeyKind::Blob, list: false }
}

impl Index {
    /// All indexes in rpm's order (rpmdb.c, `dbiTags`); the same in rpm 4.14 to 4.19.
    pub(super) const ALL: [Self; 18] = [
        text("Name", Tag::NAME),
        list("Basenames", Tag::BASENAMES),
        text("Group", Tag::GROUP),
        list("Requirename", Tag::REQUIRE_NAME),
        list("Providename", Tag::PROVIDE_NAME),
        list("Conflictname", Tag::CONFLICT_NAME),
        list("Obsoletename", Tag::OBSOLETE_NAME),
        list("Triggername", Tag::TRIGGER_NAME),
        list("Dirnames", Tag::DIRNAMES),
        blob("Installtid", Tag::INSTALL_TID),
        blob("Sigmd5", Tag::SIG_MD5),
        text("Sha1header", Tag::SHA1_HEADER),
        list("Filetriggername", Tag::FILE_TRIGGER_NAME),
        list("Transfiletriggername", Tag::TRANS_FILE_TRIGGER_NAME),
        list("Recommendname", Tag::RECOMMEND_NAME),
        list("Suggestname", Tag::SUGGEST_NAME),
        list("Supplementname", Tag::SUPPLEMENT_NAME),
        list("Enhancename", Tag::ENHANCE_NAME),
    ];

    /// Returns the name of the index's table.
    pub(super) fn name(self) -> &'static str {
        self.name
    }

    /// Returns the type of the keys.
    pub(super) fn kind(self) -> KeyKind {
        self.kind
    }

    /// Reports whether a header may have many keys in the index, so that rpm also indexes the rows
    /// by header number.
    pub(super) fn is_list(self) -> bool {
        self.list
    }

    fn keys(self, header: &Header, order: ByteOrder) -> Vec<Key<'_>> {
        match self.tag {
            Tag::GROUP => {
                // rpm assigns this group to a package without a group ("XXX preserve legacy
                // behavior").
                vec![Key::new(header.string(Tag::GROUP).unwrap_or(b"Unknown"), 0)]
            }
            Tag::INSTALL_TID => {
                let number = |(tid, item)| Key { bytes: Cow::Owned(order.u32_bytes(tid).to_vec()), item };
                header.u32s(self.tag).zip(0..).map(number).collect()
            }
            Tag::SIG_MD5 => header.bytes(self.tag).map(|bytes| Key { bytes: bytes.into(), item: 0 }).into_iter().collect(),
            Tag::REQUIRE_NAME => {
                let mut flags = header.u32s(Tag::REQUIRE_FLAGS);
                let requirements = header.strings(self.tag).zip(0..);
                let kept = requirements.filter(|_| !flags.next().is_some_and(is_transient));
                with_rich_names(kept)
            }
            Tag::CONFLICT_NAME | Tag::SUGGEST_NAME | Tag::SUPPLEMENT_NAME | Tag::RECOMMEND_NAME | Tag::ENHANCE_NAME => {
                with_rich_names(header.strings(self.tag).zip(0..))
            }
            Tag::TRIGGER_NAME => {
                let mut seen = std::collections::HashSet::new();
                header
                    .strings(self.tag)
                    .zip(0..)
                    .filter(|(name, _)| seen.insert(*name))
                    .map(|(name, i)| Key::new(name, i))
                    .collect()
            }
            // For file triggers the index stores the number of the script, not that of the name.
            Tag::FILE_TRIGGER_NAME => self.scripts(header, Tag::FILE_TRIGGER_INDEX),
            Tag::TRANS_FILE_TRIGGER_NAME => self.scripts(header, Tag::TRANS_FILE_TRIGGER_INDEX),
            tag => header.strings(tag).zip(0..).map(|(string, item)| Key::new(string, item)).collect(),
        }
    }

    fn scripts(self, header: &Header, numbers: Tag) -> Vec<Key<'_>> {
        header.strings(self.tag).zip(header.u32s(numbers)).map(|(name, script)| Key::new(name, script)).collect()
    }
}

impl<'a> Keys<'a> {
    /// Returns the keys of an installed header. Numeric keys are in the byte order of the target
    /// machine.
    pub(super) fn new(header: &'a Header, order: ByteOrder) -> Self {
        Self(Index::ALL.map(|index| index.keys(header, order)))
    }

    /// Creates keys in one index only, for tests.
    #[cfg(test)]
    pub(super) fn only(name: &str, keys: &[(Vec<u8>, u32)]) -> Self {
        let keys = keys.iter().map(|(bytes, item)| Key { bytes: Cow::Owned(bytes.clone()), item: *item });
        let mut keys = Some(keys.collect());
        Self(Index::ALL.map(|index| if index.name() == name { keys.take().unwrap_or_default() } else { Vec::new() }))
    }

    /// Returns the keys in one index, by its position in [`Index::ALL`].
    pub(super) fn of(&self, place: usize) -> &[Key<'a>] {
        self.0.get(place).map_or(&[], Vec::as_slice)
    }
}

impl<'a> Key<'a> {
    fn new(string: &'a [u8], item: u32) -> Self {
        Self { bytes: Cow::Borrowed(string), item }
    }
}

/// Returns the names, and after each rich dependency the names within it.
fn with_rich_names<'a>(names: impl Iterator<Item = (&'a [u8], u32)>) -> Vec<Key<'a>> {
    let mut keys = Vec::with_capacity(names.size_hint().0);
    for (name, item) in names {
        keys.push(Key::new(name, item));
        if name.starts_with(b"(") {
            keys.extend(rich::names(name).into_iter().map(|name| Key { bytes: Cow::Owned(name), item }));
        }
    }
    keys
}

/// Reports whether a requirement applies only to the installation, so that it is not indexed
/// (rpmds.h, `isTransientReq`).
fn is_transient(flags: u32) -> bool {
    const POST_TRANS: u32 = 1 << 5;
    const PRE_TRANS: u32 = 1 << 7;
    const SCRIPT_PRE: u32 = 1 << 9;
    const SCRIPT_POST: u32 = 1 << 10;
    const SCRIPT_PRE_UN: u32 = 1 << 11;
    const SCRIPT_POST_UN: u32 = 1 << 12;
    const RPMLIB: u32 = 1 << 24;
    const KEYRING: u32 = 1 << 26;
    const META: u32 = 1 << 29;
    const INSTALL_ONLY: u32 = SCRIPT_PRE | SCRIPT_POST | RPMLIB | KEYRING | PRE_TRANS | POST_TRANS;
    const ERASE_ONLY: u32 = SCRIPT_PRE_UN | SCRIPT_POST_UN;
    flags & INSTALL_ONLY != 0 && flags & (ERASE_ONLY | META) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::header::{HeaderBuilder, Place};

    fn keys_of(name: &str, order: ByteOrder, build: impl Fn(&mut HeaderBuilder)) -> Vec<(String, u32)> {
        let mut builder = HeaderBuilder::new();
        builder.string(Tag::NAME, "a");
        build(&mut builder);
        let header = Header::parse(builder.build(Place::Package).unwrap(), Place::Package).unwrap();
        let keys = Keys::new(&header, order);
        let place = Index::ALL.iter().position(|index| index.name() == name).unwrap();
        keys.of(place).iter().map(|key| (key.bytes.escape_ascii().to_string(), key.item)).collect()
    }

    fn keys(name: &str, build: impl Fn(&mut HeaderBuilder)) -> Vec<(String, u32)> {
        keys_of(name, ByteOrder::Little, build)
    }

    fn pairs(expected: &[(&str, u32)]) -> Vec<(String, u32)> {
        expected.iter().map(|&(key, item)| (key.to_owned(), item)).collect()
    }

    #[test]
    fn requirements_of_the_installation_are_forgotten() {
        let (pre, pre_un, rpmlib, meta) = (1 << 9, 1 << 11, 1 << 24, 1 << 29);
        let found = keys("Requirename", |builder| {
            builder.strings(Tag::REQUIRE_NAME, ["always", "before", "both", "rpmlib(X)", "meta"]);
            builder.u32s(Tag::REQUIRE_FLAGS, [0, pre, pre | pre_un, rpmlib, pre | meta]);
        });
        assert_eq!(found, pairs(&[("always", 0), ("both", 2), ("meta", 4)]));
        let without_flags = keys("Requirename", |builder| {
            builder.strings(Tag::REQUIRE_NAME, ["always"]);
        });
        assert_eq!(without_flags, pairs(&[("always", 0)]));
    }

    #[test]
    fn rich_dependencies_are_found_by_their_names() {
        let build = |tag| {
            move |builder: &mut HeaderBuilder| {
                builder.strings(tag, ["x", "(b or a)"]);
            }
        };
        let rich = pairs(&[("x", 0), ("(b or a)", 1), ("a", 1), ("b", 1)]);
        assert_eq!(keys("Requirename", build(Tag::REQUIRE_NAME)), rich);
        assert_eq!(keys("Enhancename", build(Tag::ENHANCE_NAME)), rich);
        // Provided and obsoleted names are never rich.
        assert_eq!(keys("Providename", build(Tag::PROVIDE_NAME)), pairs(&[("x", 0), ("(b or a)", 1)]));
    }

    #[test]
    fn triggers_are_found_once_and_file_triggers_by_script() {
        let names = |tag| {
            move |builder: &mut HeaderBuilder| {
                builder.strings(tag, ["a", "b", "a", "c"]);
            }
        };
        assert_eq!(keys("Triggername", names(Tag::TRIGGER_NAME)), pairs(&[("a", 0), ("b", 1), ("c", 3)]));
        let found = keys("Filetriggername", |builder| {
            builder.strings(Tag::FILE_TRIGGER_NAME, ["/usr/lib", "/usr/lib64", "/etc"]);
            builder.u32s(Tag::FILE_TRIGGER_INDEX, [0, 0, 1]);
        });
        assert_eq!(found, pairs(&[("/usr/lib", 0), ("/usr/lib64", 0), ("/etc", 1)]));
    }

    #[test]
    fn a_group_is_always_there_and_numbers_have_the_machines_order() {
        assert_eq!(keys("Group", |_| ()), pairs(&[("Unknown", 0)]));
        assert_eq!(
            keys("Group", |builder| {
                builder.i18n(Tag::GROUP, ["System", "Systeme"]);
            }),
            pairs(&[("System", 0)])
        );
        let tid = |builder: &mut HeaderBuilder| {
            builder.u32(Tag::INSTALL_TID, 0x6162_6364);
        };
        assert_eq!(keys_of("Installtid", ByteOrder::Little, tid), pairs(&[("dcba", 0)]));
        assert_eq!(keys_of("Installtid", ByteOrder::Big, tid), pairs(&[("abcd", 0)]));
    }
}
