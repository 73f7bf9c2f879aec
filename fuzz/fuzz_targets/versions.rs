//! Versions of both ecosystems: an order is an order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk;
use rootstrap::rpm::version::{Evr, rpmvercmp};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(3, '\n');
    let (a, b) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    assert_eq!(rpmvercmp(a, b), rpmvercmp(b, a).reverse());
    assert_eq!(Evr::parse(a).compare(Evr::parse(b)), Evr::parse(b).compare(Evr::parse(a)).reverse());
    if apk::version::is_valid(a) && apk::version::is_valid(b) {
        assert_eq!(apk::version::compare(a, b), apk::version::compare(b, a).reverse());
    }
});
