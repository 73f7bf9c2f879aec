//! Reader of the documents in `modules.yaml`: `modulemd` (versions 1 and 2) and
//! `modulemd-defaults`.
//!
//! Other kinds are ignored. dnf also ignores `modulemd-obsoletes` unless `module_obsoletes` is set.
//! `modulemd-packager`, translations and future kinds do not affect which packages can be
//! installed.

use std::io::Read;

use rayon::prelude::*;

use super::{Build, Defaults, Modules};
use crate::metadata::IndexError;
use crate::yaml::{Cursor, Problem, Value};

/// Bytes that one thread reads at a time.
const CHUNK: usize = 128 << 10;

/// Reads all documents in parallel; documents do not refer to one another.
pub(super) fn read(modules: &mut Modules, repository: &str, input: &mut dyn Read) -> Result<(), IndexError> {
    let mut text = String::new();
    input.read_to_string(&mut text).map_err(|error| IndexError::Read { offset: text.len() as u64, error })?;
    let parts: Vec<_> =
        chunks(&text).into_par_iter().map(|(start, chunk)| documents(chunk).map_err(|error| (start, error))).collect();
    let mut defaults = Vec::new();
    for part in parts {
        for document in
            part.map_err(|(start, Problem { at, what })| IndexError::Malformed { offset: (start + at) as u64, what })?
        {
            match document {
                Ok(Document::Build(build)) => modules.builds.push(*build),
                Ok(Document::Defaults(module, found)) => defaults.push((module, found)),
                Err(what) => modules.warnings.push(format!("{repository}: a document of its modules is left out: {what}")),
            }
        }
    }
    for (module, found) in defaults {
        merge(modules, module, found);
    }
    Ok(())
}

/// Splits the text into parts of whole documents, each with its start offset. Within a document, no
/// line begins with `---` (YAML 1.2, 9.1.2).
fn chunks(text: &str) -> Vec<(usize, &str)> {
    // A directive belongs to the following document, so such a text is not split.
    if text.starts_with('%') || text.contains("\n%") {
        return vec![(0, text)];
    }
    let mut chunks = Vec::new();
    let mut start = 0;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
        let from = (CHUNK..=rest.len()).find(|&at| rest.is_char_boundary(at)).unwrap_or(rest.len());
        let end = rest[from..].find("\n---").map_or(rest.len(), |found| from + found + 1);
        chunks.push((start, &rest[..end]));
        start += end;
    }
    chunks
}

enum Document {
    Build(Box<Build>),
    Defaults(String, Defaults),
}

/// The relevant contents of a document of any kind. The kind may follow them, as keys have no fixed
/// order.
#[derive(Default)]
struct Raw {
    kind: String,
    form: String,
    build: Build,
    version: String,
    module: String,
    defaults: Defaults,
}

/// Reads the documents of a text. The result for an incomplete document is a description of the
/// problem.
fn documents(text: &str) -> Result<Vec<Result<Document, String>>, Problem> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    while let Some(document) = cursor.next_document()? {
        let mut raw = Raw::default();
        cursor.entries(document, &mut |cursor, key, value| match key {
            "document" => assign(&mut raw.kind, cursor.text(value)),
            "version" => assign(&mut raw.form, cursor.text(value)),
            "data" => data(cursor, value, &mut raw),
            _ => cursor.skip(value),
        })?;
        found.extend(raw.finish().transpose());
    }
    Ok(found)
}

fn assign<T>(place: &mut T, value: Result<T, Problem>) -> Result<(), Problem> {
    *place = value?;
    Ok(())
}

fn data<'t>(cursor: &mut Cursor<'t>, value: Value<'t>, raw: &mut Raw) -> Result<(), Problem> {
    // In documents of other kinds, the same keys may have other types; ignore them.
    let Value::Map = value else { return cursor.skip(value) };
    cursor.entries(value, &mut |cursor, key, value| match (key, &value) {
        ("name", Value::Scalar(_)) => assign(&mut raw.build.name, cursor.text(value)),
        ("stream", Value::Scalar(_)) => assign(&mut raw.build.stream, cursor.text(value)),
        ("version", Value::Scalar(_)) => assign(&mut raw.version, cursor.text(value)),
        ("context", Value::Scalar(_)) => assign(&mut raw.build.context, cursor.text(value)),
        ("arch", Value::Scalar(_)) => assign(&mut raw.build.arch, cursor.text(value).map(Some)),
        ("static_context", Value::Scalar(_)) => {
            assign(&mut raw.build.static_context, cursor.text(value).map(|text| is_true(&text)))
        }
        ("module", Value::Scalar(_)) => assign(&mut raw.module, cursor.text(value)),
        ("modified", Value::Scalar(text)) => {
            raw.defaults.modified = text.parse().unwrap_or(0);
            Ok(())
        }
        ("dependencies", Value::Map) => dependency(cursor, value, &mut raw.build),
        ("dependencies", Value::List) => cursor.items(value, &mut |cursor, item| dependency(cursor, item, &mut raw.build)),
        ("profiles", Value::Map) => profiles(cursor, value, raw),
        ("artifacts", Value::Map) => assign(&mut raw.build.artifacts, rpms(cursor, value)),
        ("demodularized", Value::Map) => assign(&mut raw.build.demodularized, rpms(cursor, value)),
        _ => cursor.skip(value),
    })
}

/// Reads `requires: {platform: [el9]}`, or in version 1 `requires: {platform: el9}`.
fn dependency<'t>(cursor: &mut Cursor<'t>, value: Value<'t>, build: &mut Build) -> Result<(), Problem> {
    cursor.entries(value, &mut |cursor, key, value| {
        if key != "requires" {
            return cursor.skip(value);
        }
        cursor.entries(value, &mut |cursor, module, value| {
            let streams = match value {
                Value::Scalar(stream) if stream.is_empty() => Vec::new(),
                Value::Scalar(stream) => vec![stream.into_owned()],
                value => cursor.texts(value)?,
            };
            build.requires.push((module.to_owned(), streams));
            Ok(())
        })
    })
}

/// Reads profiles: in a module, they are maps with `rpms`; in defaults, they are lists of names by
/// stream.
fn profiles<'t>(cursor: &mut Cursor<'t>, value: Value<'t>, raw: &mut Raw) -> Result<(), Problem> {
    cursor.entries(value, &mut |cursor, key, value| {
        match value {
            Value::List => {
                raw.defaults.profiles.insert(key.to_owned(), cursor.texts(value)?);
            }
            Value::Map => raw.build.profiles.push((key.to_owned(), rpms(cursor, value)?)),
            Value::Scalar(_) => {}
        }
        Ok(())
    })
}

fn rpms<'t>(cursor: &mut Cursor<'t>, value: Value<'t>) -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    cursor.entries(value, &mut |cursor, key, value| match key {
        "rpms" => assign(&mut found, cursor.texts(value)),
        _ => cursor.skip(value),
    })?;
    Ok(found)
}

fn is_true(text: &str) -> bool {
    matches!(text, "true" | "True" | "TRUE" | "yes" | "Yes" | "on")
}

impl Raw {
    /// Returns the document, or `None` if its kind is ignored.
    fn finish(self) -> Result<Option<Document>, String> {
        match (self.kind.as_str(), self.form.as_str()) {
            ("modulemd", "1" | "2") => {
                let mut build = self.build;
                if build.name.is_empty() || build.stream.is_empty() {
                    return Err(format!("the module `{}:{}` lacks its name or its stream", build.name, build.stream));
                }
                let version =
                    || format!("`{}`, the version of the module {}, is not a number", self.version, build.name_stream());
                build.version = if self.version.is_empty() { 0 } else { self.version.parse().map_err(|_| version())? };
                build.configuration = configuration(&build);
                Ok(Some(Document::Build(Box::new(build))))
            }
            ("modulemd-defaults", "1") if self.module.is_empty() => Err("defaults of no module".to_owned()),
            ("modulemd-defaults", "1") => {
                let stream = Some(self.build.stream).filter(|stream| !stream.is_empty());
                Ok(Some(Document::Defaults(self.module, Defaults { stream, ..self.defaults })))
            }
            _ => Ok(None),
        }
    }
}

/// Merges two defaults of one module: the later one wins. Where two of the same time contradict
/// each other, the values are dropped (libmodulemd's `modulemd_defaults_v1_merge`).
fn merge(modules: &mut Modules, module: String, found: Defaults) {
    let known = modules.defaults.entry(module).or_insert_with(|| found.clone());
    match found.modified.cmp(&known.modified) {
        std::cmp::Ordering::Greater => *known = found,
        std::cmp::Ordering::Less => {}
        std::cmp::Ordering::Equal => {
            if known.stream.is_some() && found.stream.is_some() && known.stream != found.stream {
                known.stream = None;
            } else if known.stream.is_none() {
                known.stream = found.stream;
            }
            for (stream, profiles) in found.profiles {
                let known = known.profiles.entry(stream).or_default();
                known.extend(profiles);
                known.sort_unstable();
                known.dedup();
            }
        }
    }
}

/// Returns the configuration of a build. A context that is not static is a digest that changes with
/// every version. In that case, builds of one stream with the same requirements form a
/// configuration (libdnf's `addVersionsWithoutStaticContext`).
fn configuration(build: &Build) -> String {
    if build.static_context {
        return build.context.clone();
    }
    let one = |(module, streams): &(String, Vec<String>)| {
        let mut streams = streams.clone();
        streams.sort_unstable();
        format!("{module}:[{}]", streams.join(","))
    };
    let mut requires: Vec<String> = build.requires.iter().map(one).collect();
    requires.sort_unstable();
    requires.join(";")
}
