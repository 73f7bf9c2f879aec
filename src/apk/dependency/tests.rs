use super::*;

#[test]
fn texts_come_back_in_apk_form() {
    for text in [
        "a",
        "a=1",
        "a~1.2",
        "a>1",
        "a>=1-r0",
        "a<2",
        "a<=2",
        "a>~1",
        "a<~1",
        "!a",
        "!a>2",
        "a@edge",
        "a@edge>1",
        "so:libc.musl-x86_64.so.1",
        "/bin/sh",
        ".virt=2020.1",
        "a><Q1mPlSRSIFd30G7MwLlP4COZnG9r0=",
    ] {
        assert_eq!(Constraint::parse(text).unwrap().to_string(), text);
    }
    for (written, canonical) in [("a=~1", "a~1"), ("a~=1", "a~1"), ("a>=~1", "a>~1"), ("a=<2", "a<=2")] {
        assert_eq!(Constraint::parse(written).unwrap().to_string(), canonical);
    }
}

#[test]
fn nonsense_is_refused_with_its_text() {
    for text in ["", "!", "a=", "foo=invalid", "=1", "a@", "@edge", "a>1@edge", "a b", "a>=1.", "!@x", "a<=>1", "a<~>1"] {
        let error = Constraint::parse(text).unwrap_err();
        assert_eq!(error.text, text);
    }
}

#[test]
fn a_world_is_one_constraint_a_line() {
    let world = read_world("b@edge\na  !c>1\n\n").unwrap();
    assert_eq!(write_world(&world), "b@edge\na\n!c>1\n");
    assert!(read_world("a\nb=x\n").is_err());
}
