use proptest::prelude::*;

use super::*;

#[test]
fn versions_come_in_apk_order() {
    let ordered = [
        "0",
        "0.1_alpha",
        "0.1_alpha1",
        "0.1_beta",
        "0.1_pre20120214",
        "0.1_rc2",
        "0.1",
        "0.1_cvs",
        "0.1_git20070101",
        "0.1_p1",
        "0.1a",
        "0.1a_p1",
        "0.1b",
        "0.1.0",
        "0.1.01",
        "0.1.1",
        "0.1.2-r0",
        "0.1.2-r1",
        "0.1.2-r10",
        "0.1.3~0a",
        "0.1.3~0b-r1",
        "0.9",
        "0.10",
        "1.009",
        "1.01",
        "1.1",
        "1.2.3_alpha_git2",
        "1.2.3_alpha",
        "1.2.3",
        "10",
        "20230101",
    ];
    for (place, a) in ordered.iter().enumerate() {
        for (other, b) in ordered.iter().enumerate() {
            let expected = match (*a, *b) {
                // After a pre-release suffix a second suffix is newer, unless it is a pre-release
                // suffix itself.
                ("1.2.3_alpha_git2", "1.2.3_alpha") => Ordering::Greater,
                ("1.2.3_alpha", "1.2.3_alpha_git2") => Ordering::Less,
                _ => place.cmp(&other),
            };
            assert_eq!(compare(a, b), expected, "{a} {b}");
        }
    }
}

#[test]
fn nonsense_is_no_version() {
    for version in ["1", "1.2.3a_beta2_p~0abc-r12", "0.0.0", "1_p_git", "1-r0", "2020.1z"] {
        assert!(is_valid(version), "{version}");
    }
    for version in [
        "", ".", "1.", "a", "1.2aa", "1_foo", "1_p1a", "1-r", "1-x1", "1-r1.2", "1~", "1~xyz", "1-r1_p", "1.2 ", "1.a", "v1",
        "1_",
    ] {
        assert!(!is_valid(version), "{version}");
    }
}

#[test]
fn operators_take_what_they_say() {
    let met = |version, op: Op, wanted| matches(version, op, wanted);
    let fuzzy = Op::FUZZY | Op::EQUAL;
    assert!(met("1.2.3-r1", fuzzy, "1.2") && met("1.2", fuzzy, "1.2") && met("1.2_p1", fuzzy, "1.2"));
    assert!(!met("1.20", fuzzy, "1.2") && !met("1", fuzzy, "1.2"));
    assert!(
        met("1.2.3", fuzzy | Op::GREATER, "1.2")
            && met("1.3", fuzzy | Op::GREATER, "1.2")
            && !met("1.1", fuzzy | Op::GREATER, "1.2")
    );
    assert!(met("1.2.3", fuzzy | Op::LESS, "1.2") && met("1.1", fuzzy | Op::LESS, "1.2") && !met("1.3", fuzzy | Op::LESS, "1.2"));
    assert!(met("1", Op::ANY, "") && met("", Op::ANY, "") && !met("", Op::EQUAL, "1") && met("", Op::LESS, "1"));
    assert!(!met("1", Op::NOT, "") && met("2", Op::NOT | Op::LESS, "2") && !met("1", Op::NOT | Op::LESS, "2"));
    assert!(!met("1", Op::INVALID | Op::EQUAL, "1"));
}

fn version() -> impl Strategy<Value = String> {
    "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}[a-c]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]?){0,2}(~[0-9a-f]{1,2})?(-r[0-9]{1,2})?"
}

proptest! {
    #[test]
    fn what_the_grammar_makes_is_valid(version in version()) {
        prop_assert!(is_valid(&version));
    }

    #[test]
    fn the_order_is_total(a in version(), b in version(), c in version()) {
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        let mut three = [a, b, c];
        three.sort_by(|a, b| compare(a, b));
        prop_assert!(compare(&three[0], &three[2]).is_le());
    }

    #[test]
    fn nothing_panics(a in "\\PC{0,12}", b in "[0-9._~a-z-]{0,12}") {
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        is_valid(&a);
        matches(&b, Op::FUZZY | Op::EQUAL, &a);
    }
}
