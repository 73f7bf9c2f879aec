//! A streaming reader of YAML: it visits the values that the caller wants, skips the others and
//! builds no document. JSON is YAML too.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScanError, StrInput};

/// Maximum depth of nested values; modulemd needs six.
const DEEPEST: usize = 64;

/// A syntax error or an unexpected value, and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Position in characters, starting at 0.
    pub at: usize,
    pub what: String,
}

/// The start of a value.
pub(crate) enum Value<'t> {
    Scalar(Cow<'t, str>),
    List,
    Map,
}

/// A cursor that moves through the documents of a text.
pub(crate) struct Cursor<'t> {
    parser: Parser<'t, StrInput<'t>>,
    at: usize,
    depth: usize,
}

type Visit<'v, 't> = dyn FnMut(&mut Cursor<'t>, Value<'t>) -> Result<(), Problem> + 'v;

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { parser: Parser::new_from_str(text), at: 0, depth: 0 }
    }

    /// Moves to the next document and returns the start of its value. Returns `None` if there are
    /// no more documents.
    pub(crate) fn next_document(&mut self) -> Result<Option<Value<'t>>, Problem> {
        loop {
            match self.event()? {
                None | Some(Event::StreamEnd) => return Ok(None),
                Some(Event::DocumentStart(_)) => return self.value_or_end(),
                Some(_) => {}
            }
        }
    }

    /// Calls `each` with every key of a map and the start of its value. `each` must read the value
    /// to its end or skip it.
    pub(crate) fn entries(
        &mut self,
        value: Value<'t>,
        each: &mut dyn FnMut(&mut Self, &str, Value<'t>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        match value {
            Value::Map => {}
            Value::Scalar(text) if is_null(&text) => return Ok(()),
            value => {
                self.skip(value)?;
                return Err(self.problem("expected a map"));
            }
        }
        self.descend()?;
        while let Some(key) = self.value_or_end()? {
            match key {
                Value::Scalar(key) => {
                    let value = self.value()?;
                    each(self, &key, value)?;
                }
                key => {
                    self.skip(key)?;
                    let value = self.value()?;
                    self.skip(value)?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Calls `each` with the start of every item of a list. `each` must read the item to its end or
    /// skip it.
    pub(crate) fn items(&mut self, value: Value<'t>, each: &mut Visit<'_, 't>) -> Result<(), Problem> {
        match value {
            Value::List => {}
            Value::Scalar(text) if is_null(&text) => return Ok(()),
            value => {
                self.skip(value)?;
                return Err(self.problem("expected a list"));
            }
        }
        self.descend()?;
        while let Some(item) = self.value_or_end()? {
            each(self, item)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a list of texts.
    pub(crate) fn texts(&mut self, value: Value<'t>) -> Result<Vec<String>, Problem> {
        let mut texts = Vec::new();
        self.items(value, &mut |cursor, item| {
            texts.push(cursor.text(item)?);
            Ok(())
        })?;
        Ok(texts)
    }

    /// Reads a text.
    pub(crate) fn text(&mut self, value: Value<'t>) -> Result<String, Problem> {
        if let Value::Scalar(text) = value {
            return Ok(text.into_owned());
        }
        self.skip(value)?;
        Err(self.problem("expected a text"))
    }

    /// Moves to the end of a value.
    #[allow(clippy::needless_pass_by_value, reason = "a value that was gone through is of no more use")]
    pub(crate) fn skip(&mut self, value: Value<'t>) -> Result<(), Problem> {
        let mut open = usize::from(!matches!(value, Value::Scalar(_)));
        while open > 0 {
            if open > DEEPEST {
                return Err(self.problem("values are nested too deeply"));
            }
            match self.event()? {
                Some(Event::SequenceStart(..) | Event::MappingStart(..)) => open += 1,
                Some(Event::SequenceEnd | Event::MappingEnd) => open -= 1,
                Some(Event::StreamEnd) | None => return Err(self.problem("the text ends inside a value")),
                Some(_) => {}
            }
        }
        Ok(())
    }

    pub(crate) fn problem(&self, what: impl Into<String>) -> Problem {
        Problem { at: self.at, what: what.into() }
    }

    fn value(&mut self) -> Result<Value<'t>, Problem> {
        self.value_or_end()?.ok_or_else(|| self.problem("expected a value"))
    }

    /// Reads the start of a value. Returns `None` at the end of a list, a map or a document.
    fn value_or_end(&mut self) -> Result<Option<Value<'t>>, Problem> {
        loop {
            return match self.event()? {
                Some(Event::Scalar(text, ..)) => Ok(Some(Value::Scalar(text))),
                Some(Event::SequenceStart(..)) => Ok(Some(Value::List)),
                Some(Event::MappingStart(..)) => Ok(Some(Value::Map)),
                // An alias counts as an empty text. Its anchor was skipped, and a small text could
                // expand without bound if aliases were followed.
                Some(Event::Alias(_)) => Ok(Some(Value::Scalar(Cow::Borrowed("")))),
                Some(Event::SequenceEnd | Event::MappingEnd | Event::DocumentEnd) => Ok(None),
                Some(Event::StreamEnd) | None => Err(self.problem("the text ends inside a value")),
                Some(_) => continue,
            };
        }
    }

    fn event(&mut self) -> Result<Option<Event<'t>>, Problem> {
        let Some(next) = self.parser.next_event() else { return Ok(None) };
        let broken = |error: ScanError| Problem { at: error.marker().index(), what: error.info().to_owned() };
        let (event, span) = next.map_err(broken)?;
        self.at = span.start.index();
        Ok(Some(event))
    }

    fn descend(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(self.problem("values are nested too deeply")) } else { Ok(()) }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
