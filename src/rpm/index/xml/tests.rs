//! The reader gives the same events as quick-xml, with input pieces of any size.

use std::io::{self, Read};

use proptest::prelude::*;

use super::heard::{Heard, by_quick_xml};
use super::*;

/// A reader that returns at most the given number of bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn ours(document: &[u8], piece: usize) -> Result<Vec<String>, IndexError> {
    let mut heard = Heard::default();
    read(Pieces(document, piece), &mut heard)?;
    Ok(heard.0)
}

#[test]
fn everything_that_markup_can_be() {
    let document = "<?xml version='1.0'?><!DOCTYPE a [ <!ENTITY e '>'> <!-- -- > --> ]>\n<a:a xmlns:a=\"x\" b:k = 'v\"&lt;&#65;&#x42;>' l=\"\"\n>\
        t&amp;<![CDATA[<&>]]>ü<!-- <b> --><?pi <b> ?><b/><c\t/><d ></d >t</a:a>\n";
    let expected = ["<a a=\"x\" k=\"v\\\"<AB>\" l=\"\"", "\"t&<&>ü", "<b", ">", "<c", ">", "<d", ">", "\"t", ">", "\"\n"];
    for piece in [1, 2, 3, 7, 1000] {
        let heard = ours(document.as_bytes(), piece).unwrap();
        assert_eq!(heard[1..], expected, "in pieces of {piece}");
    }
}

#[test]
fn other_encodings_are_read_or_refused_by_name() {
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>f\xfcr</a>";
    assert_eq!(ours(latin, 5).unwrap(), ["<a", "\"für", ">"]);
    assert_eq!(ours("\u{feff}<a>f</a>".as_bytes(), 5).unwrap(), ["<a", "\"f", ">"]);
    for (document, name) in [(&b"<?xml version='1.0' encoding='koi8-r'?><a/>"[..], "koi8-r"), (b"\xff\xfe<\0a\0", "UTF-16")] {
        let error = ours(document, 100).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
    assert!(matches!(ours(b"<a>\xff</a>", 100), Err(IndexError::Malformed { offset: 3, .. })));
    assert!(matches!(ours(b"<a>\xc3", 1), Err(IndexError::Malformed { offset: 3, .. })));
}

#[test]
fn what_is_wrong_is_told_where_it_begins() {
    for (document, offset, what) in [
        ("<a></b>", 3, "expected </a>, found </b>"),
        ("<a/></a>", 4, "</a> ends what never began"),
        ("<a>&x</a>", 3, "an entity does not end"),
        ("<a k></a>", 0, "an attribute has no value"),
        ("<a k=v></a>", 0, "not in quotes"),
        ("<a/ b>", 0, "a slash within"),
        ("< a=\"\">", 0, "no name"),
        ("<a><b", 5, "the document ends inside an element"),
        ("<a/><b", 6, "the document ends inside a tag"),
        ("<a>&#0;</a>", 3, "`&#0;`"),
        ("<a>&#+65;</a>", 3, "`&#+65;`"),
    ] {
        for piece in [1, 100] {
            match ours(document.as_bytes(), piece) {
                Err(IndexError::Malformed { offset: found, what: told }) => {
                    assert!(found == offset && told.contains(what), "{document}: {told} at {found}");
                }
                other => panic!("{document}: {other:?}"),
            }
        }
    }
}

/// Documents similar to metadata, and malformed ones.
fn document() -> impl Strategy<Value = String> {
    let text = "[a-zü \n]{0,5}(&(amp|lt|gt|quot|apos|#65|#x4a);)?[a-z]{0,3}";
    let name = "(rpm:)?[a-c]";
    let attributes = prop::collection::vec((name, "[a-z<>=/]{0,4}(&amp;)?", prop::bool::ANY), 0..3);
    let leaf = (name, attributes, text).prop_map(|(name, attributes, text)| {
        let mut tag = format!("<{name}");
        for (key, value, single) in attributes {
            let quote = if single { '\'' } else { '"' };
            tag += &format!(" {key}={quote}{}{quote}", value.replace('<', ""));
        }
        if text.is_empty() { tag + "/>" } else { format!("{tag}>{text}</{name}>") }
    });
    leaf.prop_recursive(4, 20, 4, move |inner| {
        (
            name,
            prop::collection::vec(
                prop_oneof![
                    inner,
                    text.prop_map(|text| text),
                    Just("<!-- <x> -->".to_owned()),
                    Just("<![CDATA[<&]]>".to_owned())
                ],
                0..4,
            ),
        )
            .prop_map(|(name, inside)| format!("<{name}>{}</{name}>", inside.concat()))
    })
}

proptest! {
    #[test]
    fn what_quick_xml_reads_is_read_the_same(document in document(), piece in 1_usize..20) {
        let theirs = by_quick_xml(&document);
        prop_assert!(theirs.is_some(), "{document}");
        prop_assert_eq!(ours(document.as_bytes(), piece).ok(), theirs);
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"<>&;/='\"!-[]?a x#"[..])], 0..60), piece in 1_usize..20) {
        let whole = ours(&bytes, usize::MAX).map_err(|error| error.to_string());
        prop_assert_eq!(ours(&bytes, piece).map_err(|error| error.to_string()), whole);
    }
}
