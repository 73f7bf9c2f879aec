use proptest::prelude::*;

use super::*;

fn sample() -> HeaderBuilder {
    let mut builder = HeaderBuilder::new();
    builder
        .strings(Tag::HEADER_I18N_TABLE, ["C", "de"])
        .string(Tag::NAME, "bash")
        .i18n(Tag::SUMMARY, ["A shell", "Eine Shell"])
        .u32(Tag::BUILD_TIME, 1_700_000_000)
        .u16s(Tag::FILE_MODES, [0o100_755, 0o120_777, 0o40_755])
        .u64s(Tag::LONG_FILE_SIZES, [1 << 40])
        .bytes(Tag::SIG_MD5, &[7; 16]);
    builder
}

#[test]
fn what_is_built_is_read() {
    for place in [Place::Package, Place::Signature, Place::Installed] {
        let header = Header::parse(sample().build(place).unwrap(), place).unwrap();
        assert!(header.has_region());
        assert_eq!(header.string(Tag::NAME), Some(&b"bash"[..]));
        assert_eq!(header.text(Tag::SUMMARY), Some("A shell"));
        assert_eq!(header.strings(Tag::SUMMARY).collect::<Vec<_>>(), [&b"A shell"[..], b"Eine Shell"]);
        assert_eq!(header.u32(Tag::BUILD_TIME), Some(1_700_000_000));
        assert_eq!(header.u16s(Tag::FILE_MODES).collect::<Vec<_>>(), [0o100_755, 0o120_777, 0o40_755]);
        assert_eq!(header.size(Tag::FILE_SIZES, Tag::LONG_FILE_SIZES), Some(1 << 40));
        assert_eq!(header.bytes(Tag::SIG_MD5), Some(&[7; 16][..]));
        assert_eq!(header.entries().len(), 7);
        // Nothing, if the tag is absent or of another type.
        assert_eq!(header.string(Tag::VERSION), None);
        assert_eq!(header.string(Tag::BUILD_TIME), None);
        assert_eq!(header.u32(Tag::NAME), None);
        assert_eq!(header.u32s(Tag::FILE_MODES).len(), 0);
    }
}

#[test]
fn a_region_must_be_the_right_one_and_whole_in_a_package() {
    let blob = sample().build(Place::Package).unwrap();
    let header = Header::parse(blob, Place::Package).unwrap();
    let mut added = HeaderBuilder::new();
    added.u32(Tag::INSTALL_TIME, 1);
    let installed = added.added_to(&header).unwrap();
    assert!(matches!(Header::parse(installed, Place::Package), Err(HeaderError::Region { .. })));
    // The region of a signature header is an invalid entry in a package's header.
    let signature = sample().build(Place::Signature).unwrap();
    assert!(matches!(Header::parse(signature, Place::Package), Err(HeaderError::Entry { position: 0, .. })));
}

#[test]
fn entries_added_leave_the_signed_region_as_it_was() {
    let blob = sample().build(Place::Package).unwrap();
    let package = Header::parse(blob.clone(), Place::Package).unwrap();
    let mut added = HeaderBuilder::new();
    added.chars(Tag::FILE_STATES, &[0, 0, 3]).u32(Tag::INSTALL_TIME, 5).u32(Tag::INSTALL_TID, 6);
    let installed = Header::parse(added.added_to(&package).unwrap(), Place::Installed).unwrap();

    let entries = package.entries.len() + 1;
    assert_eq!(&installed.blob()[8..8 + 16 * entries], &blob[8..8 + 16 * entries]);
    let data = &blob[8 + 16 * entries..];
    assert_eq!(&installed.blob()[8 + 16 * (entries + 3)..][..data.len()], data);
    let tags: Vec<Tag> = installed.entries().skip(entries - 1).map(|entry| entry.tag).collect();
    assert_eq!(tags, [Tag::INSTALL_TIME, Tag::FILE_STATES, Tag::INSTALL_TID]);
    assert_eq!(installed.u32(Tag::INSTALL_TID), Some(6));
    assert_eq!(installed.string(Tag::NAME), Some(&b"bash"[..]));

    // Entries are added once more: earlier additions stay, except for the same tag.
    let mut again = HeaderBuilder::new();
    again.u32(Tag::INSTALL_TIME, 9);
    let again = Header::parse(again.added_to(&installed).unwrap(), Place::Installed).unwrap();
    assert_eq!((again.u32(Tag::INSTALL_TIME), again.u32(Tag::INSTALL_TID)), (Some(9), Some(6)));
    assert_eq!(again.entries().len(), installed.entries().len());
}

#[test]
fn an_old_header_without_region_gets_one_when_it_is_installed() {
    let with_region = sample().build(Place::Package).unwrap();
    let entries = with_region[3];
    // The same header without the region's entry and its trailer.
    let data = u32::from_be_bytes(*with_region[4..].first_chunk().unwrap()) - 16;
    let index = &with_region[8 + 16..8 + 16 * usize::from(entries)];
    let old = [
        &u32::from(entries - 1).to_be_bytes()[..],
        &data.to_be_bytes(),
        index,
        &with_region[8 + 16 * usize::from(entries)..with_region.len() - 16],
    ]
    .concat();
    let old = Header::parse(old, Place::Package).unwrap();
    assert!(!old.has_region());
    let mut added = HeaderBuilder::new();
    added.u32(Tag::INSTALL_TIME, 5);
    let installed = Header::parse(added.added_to(&old).unwrap(), Place::Installed).unwrap();
    assert!(installed.has_region());
    assert_eq!(installed.string(Tag::NAME), Some(&b"bash"[..]));
    assert_eq!(installed.u32(Tag::INSTALL_TIME), Some(5));
}

#[test]
fn the_intro_tells_the_length() {
    let blob = sample().build(Place::Package).unwrap();
    let intro: [u8; 16] = [&MAGIC[..], &blob[..8]].concat().try_into().unwrap();
    assert_eq!(length_from_intro(&intro), Ok(blob.len()));
    assert!(matches!(length_from_intro(&[0; 16]), Err(HeaderError::Magic { .. })));
    let mut huge = intro;
    huge[8] = 0x7f;
    assert!(matches!(length_from_intro(&huge), Err(HeaderError::TooLarge { .. })));
}

#[test]
fn entries_that_lie_outside_overlap_or_do_not_end_are_refused() {
    let blob = sample().build(Place::Package).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut blob = blob.clone();
        blob[at..at + bytes.len()].copy_from_slice(bytes);
        Header::parse(blob, Place::Package)
    };
    let entry = 8 + 16; // the first after the region: the table of locales, two strings
    assert!(with(entry, &[0]).is_ok());
    for (at, bytes) in [
        (entry, 99u32.to_be_bytes()),
        (entry + 4, 0u32.to_be_bytes()),
        (entry + 4, 10u32.to_be_bytes()),
        (entry + 4, 6u32.to_be_bytes()),
        (entry + 8, u32::MAX.to_be_bytes()),
        (entry + 8, 2u32.to_be_bytes()),
        (entry + 12, 0u32.to_be_bytes()),
        (entry + 12, 0x0fff_ffffu32.to_be_bytes()),
        (entry + 12, u32::MAX.to_be_bytes()),
    ] {
        assert!(matches!(with(at, &bytes), Err(HeaderError::Entry { position: 1, .. } | HeaderError::Entry { position: 2, .. })));
    }
    for (at, bytes) in [(16, u32::MAX), (16, 3), (20, 15), (12, 6)] {
        assert!(matches!(with(at, &bytes.to_be_bytes()), Err(HeaderError::Region { .. })), "{at} {bytes}");
    }
    assert!(matches!(Header::parse(&blob[..blob.len() - 1], Place::Package), Err(HeaderError::Length { .. })));
    assert!(matches!(Header::parse(&b"1234567"[..], Place::Package), Err(HeaderError::Length { .. })));
    assert!(Header::parse(&[0u8; 8][..], Place::Package).is_ok(), "empty, as rpm reads it");
}

/// Reads all data of all entries.
fn read_all(header: &Header) -> usize {
    header
        .entries()
        .map(|entry| {
            header.strings(entry.tag).map(<[u8]>::len).sum::<usize>()
                + header.u16s(entry.tag).len()
                + header.u32s(entry.tag).len()
                + header.u64s(entry.tag).len()
                + header.bytes(entry.tag).map_or(0, <[u8]>::len)
        })
        .sum()
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![Just(Place::Signature), Just(Place::Package), Just(Place::Installed)]
}

proptest! {
    #[test]
    fn mutated_headers_never_panic(place in place(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut blob = sample().build(place).unwrap();
        for (at, byte) in changes {
            let at = at.index(blob.len());
            blob[at] = byte;
        }
        if let Ok(header) = Header::parse(blob, place) && { read_all(&header); place != Place::Signature } {
            let mut added = HeaderBuilder::new();
            added.u32(Tag::INSTALL_TIME, 1);
            let again = added.added_to(&header).unwrap();
            prop_assert!(Header::parse(again, Place::Installed).is_ok());
        }
    }

    #[test]
    fn any_bytes_never_panic(place in place(), blob in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(header) = Header::parse(blob, place) {
            read_all(&header);
        }
    }

    #[test]
    fn any_entries_go_both_ways(
        numbers in prop::collection::btree_map(1000u32..1200, prop::collection::vec(any::<u32>(), 1..5), 0..8),
        words in prop::collection::btree_map(2000u32..2200, prop::collection::vec("[a-z]{0,5}", 1..5), 0..8),
        shorts in prop::collection::btree_map(3000u32..3200, prop::collection::vec(any::<u16>(), 1..5), 0..8),
        longs in prop::collection::btree_map(4000u32..4200, prop::collection::vec(any::<u64>(), 1..5), 0..8),
    ) {
        let mut builder = HeaderBuilder::new();
        for (tag, v) in &numbers { builder.u32s(Tag(*tag), v.iter().copied()); }
        for (tag, v) in &words { builder.strings(Tag(*tag), v); }
        for (tag, v) in &shorts { builder.u16s(Tag(*tag), v.iter().copied()); }
        for (tag, v) in &longs { builder.u64s(Tag(*tag), v.iter().copied()); }
        let header = Header::parse(builder.build(Place::Package).unwrap(), Place::Package).unwrap();
        prop_assert_eq!(header.entries().len(), numbers.len() + words.len() + shorts.len() + longs.len());
        for (tag, v) in &numbers { prop_assert_eq!(&header.u32s(Tag(*tag)).collect::<Vec<_>>(), v); }
        for (tag, v) in &shorts { prop_assert_eq!(&header.u16s(Tag(*tag)).collect::<Vec<_>>(), v); }
        for (tag, v) in &longs { prop_assert_eq!(&header.u64s(Tag(*tag)).collect::<Vec<_>>(), v); }
        for (tag, v) in &words {
            let read: Vec<_> = header.strings(Tag(*tag)).map(|s| String::from_utf8_lossy(s).into_owned()).collect();
            prop_assert_eq!(&read, v);
        }
    }
}
