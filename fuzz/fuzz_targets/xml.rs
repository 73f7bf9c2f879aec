//! The XML reader of this crate and quick-xml agree on any document that both accept. Documents
//! consist of fragments of markup.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::index::xml::{Element, Handler, Problem, read};
use rootstrap_fuzz::{Pieces, piece};

#[path = "../../src/rpm/index/xml/heard.rs"]
mod heard;
use heard::{Heard, by_quick_xml};

/// The fragments of documents; a byte of the input selects one.
const PARTS: [&str; 40] = [
    "<a>",
    "</a>",
    "<b>",
    "</b>",
    "<a/>",
    "<rpm:b/>",
    "<rpm:b>",
    "</rpm:b>",
    "<a k=\"v\">",
    "<a k='v' l=\"w\"/>",
    "<b k = \"v\" >",
    "</a >",
    "text",
    " ",
    "\n",
    "\u{fc}",
    "&amp;",
    "&lt;",
    "&gt;",
    "&quot;",
    "&apos;",
    "&#65;",
    "&#x4a;",
    "<!-- c -->",
    "<!-- <a> -->",
    "<![CDATA[x]]>",
    "<![CDATA[<&]]>",
    "<?pi x?>",
    "]]",
    "--",
    "/",
    "=",
    "'",
    "\"",
    "<a k=\"&amp;\u{fc}&#66;\">",
    "<c x:k=\"1\" k=\"2\"/>",
    "<d\tk=\"<\"/>",
    ";",
    "<a k='\"'>",
    "x",
];

fn ours(document: &str, most: usize) -> Option<Vec<String>> {
    let mut heard = Heard::default();
    read(Pieces::new(document.as_bytes(), most), &mut heard).ok()?;
    Some(heard.0)
}

fuzz_target!(|data: &[u8]| {
    let document: String = data.iter().map(|&byte| PARTS[usize::from(byte) % PARTS.len()]).collect();
    let whole = ours(&document, usize::MAX);
    assert_eq!(ours(&document, piece(data)), whole, "{document}");
    if let (Some(ours), Some(theirs)) = (whole, by_quick_xml(&document)) {
        assert_eq!(ours, theirs, "{document}");
    }
});
