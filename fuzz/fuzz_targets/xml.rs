//! Our reader of XML and quick-xml hear the same of any document that both take; the document is put together of what markup is made of.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::Event;
use rootstrap::rpm::index::xml::{Element, Handler, Problem, read};
use rootstrap_fuzz::{Pieces, piece};

/// What documents are put together of, a byte of the input each.
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

#[derive(Default)]
struct Heard(Vec<String>);

impl Heard {
    fn hear(&mut self, text: &str) {
        match self.0.last_mut().filter(|last| last.starts_with('"')) {
            Some(last) => last.push_str(text),
            None if text.is_empty() => {}
            None => self.0.push(format!("\"{text}")),
        }
    }
}

impl Handler for Heard {
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        let mut line = format!("<{}", element.name());
        element.attributes(|name, value| line += &format!(" {name}={value:?}"))?;
        self.0.push(line);
        Ok(())
    }

    fn wants_text(&self) -> bool {
        true
    }

    fn text(&mut self, text: &str) {
        self.hear(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        self.0.push(">".to_owned());
        Ok(())
    }
}

fn ours(document: &str, most: usize) -> Option<Vec<String>> {
    let mut heard = Heard::default();
    read(Pieces::new(document.as_bytes(), most), &mut heard).ok()?;
    Some(heard.0)
}

fn theirs(document: &str) -> Option<Vec<String>> {
    let mut heard = Heard::default();
    let mut reader = Reader::from_str(document);
    let mut depth = 0;
    let start = |heard: &mut Heard, element: &quick_xml::events::BytesStart<'_>| -> Option<()> {
        let mut line = format!("<{}", element.local_name().into_inner());
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.ok()?;
            line += &format!(" {}={:?}", attribute.key.local_name().into_inner(), unescape(&attribute.value).ok()?);
        }
        heard.0.push(line);
        Some(())
    };
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                depth += 1;
                start(&mut heard, &element)?;
            }
            Event::Empty(element) => {
                start(&mut heard, &element)?;
                heard.0.push(">".to_owned());
            }
            Event::End(_) => {
                depth -= 1;
                heard.0.push(">".to_owned());
            }
            Event::Text(text) => heard.hear(&text),
            Event::CData(text) => heard.hear(&text),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => heard.hear(character.encode_utf8(&mut [0; 4])),
                Ok(None) => heard.hear(resolve_predefined_entity(&reference)?),
                Err(_) => return None,
            },
            Event::Eof => return (depth == 0).then_some(heard.0),
            _ => {}
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let document: String = data.iter().map(|&byte| PARTS[usize::from(byte) % PARTS.len()]).collect();
    let whole = ours(&document, usize::MAX);
    assert_eq!(ours(&document, piece(data)), whole, "{document}");
    if let (Some(ours), Some(theirs)) = (whole, theirs(&document)) {
        assert_eq!(ours, theirs, "{document}");
    }
});
