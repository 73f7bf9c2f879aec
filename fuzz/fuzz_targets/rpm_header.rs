//! The header of an RPM package or of a database record: its entries survive building a header and
//! parsing it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::pool::PoolBuilder;
use rootstrap::rpm::architecture;
use rootstrap::rpm::header::{Header, HeaderBuilder, Place};
use rootstrap::rpm::tag::Tag;
use rootstrap::rpm::version::RpmVersions;
use rootstrap::rpm::{files, installed, scriptlet};

fuzz_target!(|data: &[u8]| {
    for place in [Place::Package, Place::Signature, Place::Installed] {
        if let Ok(header) = Header::parse(data, place) {
            check(&header, place);
        }
    }
});

fn check(header: &Header, place: Place) {
    let regions = [Tag::HEADER_IMAGE, Tag::HEADER_SIGNATURES, Tag::HEADER_IMMUTABLE];
    let mut builder = HeaderBuilder::new();
    for entry in header.entries() {
        let tag = entry.tag;
        let _ = (header.string(tag), header.text(tag), header.strings(tag).count(), header.bytes(tag));
        let _ = (header.u16s(tag).count(), header.u32s(tag).count(), header.u64s(tag).count(), header.size(tag, tag));
        if let Some(entry) = header.entry(tag).filter(|_| !regions.contains(&tag)) {
            builder.entry(tag, &entry);
        }
    }
    let built = builder.build(place).expect("as small as it was");
    let again = Header::parse(built, place).expect("a header of ours");
    for entry in again.entries() {
        assert_eq!(header.entry(entry.tag), Some(entry));
    }
    let _ = (files::files(header), scriptlet::scriptlets(header), scriptlet::triggers(header));
    for file in files::files(header).into_iter().flatten().take(100) {
        let _ = (file.xattrs(), file.entry(rootstrap::package::Content::empty(), None));
    }
    let mut pool = PoolBuilder::new();
    let repo = pool.add_installed_repo("fuzz");
    if installed::add(header, repo, &mut pool).is_ok() {
        rootstrap_fuzz::is_image(&pool.build(&RpmVersions, &architecture::compatible("x86_64")).expect("one package"));
    }
}
