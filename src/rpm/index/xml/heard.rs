//! The events of a document, as this reader and quick-xml report them. Tests and the fuzzer compare
//! the two.

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::Event;

use super::{Element, Handler, Problem};

/// Recorded events, one per line.
#[derive(Default)]
pub(super) struct Heard(pub(super) Vec<String>);

impl Heard {
    fn hear_text(&mut self, text: &str) {
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
        self.hear_text(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        self.0.push(">".to_owned());
        Ok(())
    }
}

/// Returns the events that quick-xml reports, or `None` if it rejects the document.
pub(super) fn by_quick_xml(document: &str) -> Option<Vec<String>> {
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
            Event::Text(text) => heard.hear_text(&text),
            Event::CData(text) => heard.hear_text(&text),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => heard.hear_text(character.encode_utf8(&mut [0; 4])),
                Ok(None) => heard.hear_text(resolve_predefined_entity(&reference)?),
                Err(_) => return None,
            },
            Event::Eof => return (depth == 0).then_some(heard.0),
            _ => {}
        }
    }
}
