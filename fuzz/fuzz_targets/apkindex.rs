//! `APKINDEX`, without its archive. The result does not depend on the pieces in which it is read,
//! and the resulting pool survives its image.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::index::read_records;
use rootstrap::apk::version::ApkVersions;
use rootstrap::pool::{Architectures, Pool, PoolBuilder};
use rootstrap_fuzz::{Pieces, is_image, piece};

fn pool(input: &mut dyn Read) -> Option<Pool> {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("fuzz", 99, None);
    read_records(input, &mut builder, repo).ok()?;
    Some(builder.build(&ApkVersions, &Architectures::any()).expect("few packages"))
}

fuzz_target!(|data: &[u8]| {
    let (whole, parts) = (pool(&mut &*data), pool(&mut Pieces::new(data, piece(data))));
    assert_eq!(whole.as_ref().map(|pool| pool.image().bytes()), parts.as_ref().map(|pool| pool.image().bytes()));
    if let Some(pool) = whole {
        is_image(&pool);
    }
});
