//! rpm versions: any three are ordered, and whether two ranges overlap does not depend on their
//! order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::pool::{Constraint, Op, VersionScheme};
use rootstrap::rpm::version::{Evr, RpmVersions, ranges_overlap, rpmvercmp};
use rootstrap_fuzz::is_an_order;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(3, '\n');
    let three = [(); 3].map(|()| parts.next().unwrap_or_default());
    is_an_order(three, rpmvercmp);
    is_an_order(three, |a, b| Evr::parse(a).compare(Evr::parse(b)));
    is_an_order(three, |a, b| RpmVersions.compare(a, b));
    let [a, b, _] = three;
    let ops = [Op::ANY, Op::LESS, Op::LESS_EQUAL, Op::EQUAL, Op::GREATER_EQUAL, Op::GREATER];
    for left in ops.map(|op| Constraint { op, version: a }) {
        for right in ops.map(|op| Constraint { op, version: b }) {
            assert_eq!(ranges_overlap(left, right), ranges_overlap(right, left), "{left:?} and {right:?}");
        }
    }
});
