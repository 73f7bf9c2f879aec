//! `primary.xml`, as packages and as texts. The result does not depend on the pieces in which it is
//! read, and the resulting pool survives its image.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::MetadataFormat;
use rootstrap::pool::{Pool, PoolBuilder};
use rootstrap::rpm::architecture;
use rootstrap::rpm::index::RpmMd;
use rootstrap::rpm::version::RpmVersions;
use rootstrap_fuzz::{Pieces, is_image, piece};

fn pool(input: &mut (dyn std::io::Read + Send)) -> Option<Pool> {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("fuzz", 99, None);
    RpmMd.read_packages(input, &mut builder, repo).ok()?;
    Some(builder.build(&RpmVersions, &architecture::compatible("x86_64")).expect("few packages"))
}

fn texts(input: &mut dyn std::io::Read) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    let read = RpmMd.read_texts(input, &mut |checksum, found| texts.push(format!("{checksum:?} {found:?}")));
    read.ok().map(|()| texts)
}

fuzz_target!(|data: &[u8]| {
    // SQLite reads databases; they have a target of their own.
    if data.starts_with(b"SQLite") {
        return;
    }
    let (whole, parts) = (pool(&mut &*data), pool(&mut Pieces::new(data, piece(data))));
    assert_eq!(whole.as_ref().map(|pool| pool.image().bytes()), parts.as_ref().map(|pool| pool.image().bytes()));
    if let Some(pool) = whole {
        is_image(&pool);
    }
    assert_eq!(texts(&mut &*data), texts(&mut Pieces::new(data, piece(data))));
});
