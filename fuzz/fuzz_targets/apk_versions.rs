//! apk versions: three valid ones are ordered, and constraints follow from the order. Comparing any
//! two never panics.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::version::{compare, is_valid, matches};
use rootstrap::pool::Op;
use rootstrap_fuzz::is_an_order;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(3, '\n');
    let three = [(); 3].map(|()| parts.next().unwrap_or_default());
    let [a, b, _] = three;
    if three.iter().all(|version| is_valid(version)) {
        is_an_order(three, compare);
        let order = compare(a, b);
        assert_eq!(matches(a, Op::LESS, b), order == Ordering::Less);
        assert_eq!(matches(a, Op::EQUAL, b), order == Ordering::Equal);
        assert_eq!(matches(a, Op::GREATER, b), order == Ordering::Greater);
        assert_eq!(matches(a, Op::LESS_EQUAL, b), order != Ordering::Greater);
        assert_eq!(matches(a, Op::GREATER_EQUAL, b), order != Ordering::Less);
        // A version that is equal also matches as a prefix.
        assert!(order != Ordering::Equal || matches(a, Op::EQUAL | Op::FUZZY, b));
    } else {
        let _ = (compare(a, b), matches(a, Op::EQUAL | Op::FUZZY, b));
    }
});
