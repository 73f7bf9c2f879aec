//! `metalink.xml`: the mirrors of a repository, and the expected digest of its `repomd.xml`.

use super::xml::{self, Element, Handler, Problem};
use crate::digest::{Algorithm, Digest};
use crate::metadata::{IndexError, MirrorList, RootPromise};

/// Name of the file that a repository's metalink describes.
const FILE: &str = "repomd.xml";
/// Suffix of the file's URLs, below the base of a repository.
const BELOW: &str = "repodata/repomd.xml";

/// Reads the whole document.
pub(super) fn read(document: &[u8]) -> Result<MirrorList, IndexError> {
    let mut metalink = Metalink::default();
    xml::read(document, &mut metalink)?;
    if !metalink.found {
        return Err(IndexError::Malformed { offset: 0, what: format!("the metalink tells nothing of {FILE}") });
    }
    // Sort by preference, highest first. The sort is stable.
    metalink.urls.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
    let mut bases: Vec<String> = Vec::new();
    for (_, url) in metalink.urls {
        if let Some(base) = url.strip_suffix(BELOW)
            && !bases.iter().any(|known| known == base)
        {
            bases.push(base.to_owned());
        }
    }
    let roots = metalink.states.into_iter().filter_map(|state| Some(RootPromise { digest: state.digest?, size: state.size }));
    Ok(MirrorList { bases, roots: roots.collect() })
}

/// A version of the file: the newest, or an older one that mirrors may still have.
#[derive(Default)]
struct State {
    digest: Option<Digest>,
    size: Option<u64>,
}

/// An element with a text to evaluate.
enum Field {
    Size,
    Hash(Option<Algorithm>),
    Url(i64),
}

#[derive(Default)]
struct Metalink {
    names: Vec<String>,
    /// True within the `<file>` element of [`FILE`]. `found` is true if there was one.
    inside: bool,
    found: bool,
    states: Vec<State>,
    urls: Vec<(i64, String)>,
    field: Option<Field>,
    text: String,
}

/// Returns the strength of a digest algorithm, or 0 if it is unknown.
fn strength(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Md5 => 1,
        Algorithm::Sha1 => 2,
        Algorithm::Sha224 => 3,
        Algorithm::Sha256 => 4,
        Algorithm::Sha384 => 5,
        Algorithm::Sha512 => 6,
    }
}

impl Handler for Metalink {
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        let name = element.name();
        match name {
            "metalink" => {}
            _ if self.names.is_empty() => return Err(format!("expected <metalink>, found <{name}>").into()),
            "file" => {
                self.inside = !self.found && element.attribute("name")?.as_deref() == Some(FILE);
                self.found |= self.inside;
                if self.inside {
                    self.states.push(State::default());
                }
            }
            "alternate" if self.inside => self.states.push(State::default()),
            _ => {}
        }
        self.field = match name {
            _ if !self.inside => None,
            "size" => Some(Field::Size),
            "hash" => Some(Field::Hash(element.attribute("type")?.as_deref().and_then(Algorithm::from_name))),
            "url" => {
                let preference = element.attribute("preference")?.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
                Some(Field::Url(preference))
            }
            _ => None,
        };
        self.text.clear();
        self.names.push(name.to_owned());
        Ok(())
    }

    fn wants_text(&self) -> bool {
        self.field.is_some()
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        if self.names.pop().as_deref() == Some("file") {
            self.inside = false;
        }
        let text = self.text.trim();
        let Some(state) = self.states.last_mut() else { return Ok(()) };
        match self.field.take() {
            Some(Field::Size) => {
                let size: u64 = text.parse().map_err(|_| Problem::from(format!("`{text}` is not a size")))?;
                // As in repomd.xml, zero means that the size is unknown.
                state.size = Some(size).filter(|&size| size > 0);
            }
            Some(Field::Hash(Some(algorithm))) => {
                let digest = Digest::from_hex(algorithm, text)
                    .ok_or_else(|| Problem::from(format!("`{text}` is not a {} checksum", algorithm.name())))?;
                if state.digest.as_ref().is_none_or(|known| strength(known.algorithm()) < strength(algorithm)) {
                    state.digest = Some(digest);
                }
            }
            Some(Field::Url(preference)) if text.starts_with("http://") || text.starts_with("https://") => {
                self.urls.push((preference, text.to_owned()));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_by_preference_and_what_the_document_has_to_be() {
        let hash = |algorithm, text: &[u8]| Digest::of(algorithm, text);
        let document = format!(
            r#"<?xml version="1.0"?><metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager">
            <files><file name="other"><size>1</size></file><file name="repomd.xml"><mm0:timestamp>9</mm0:timestamp><size>4</size>
            <verification><hash type="md5">{}</hash><hash type="sha512">{}</hash><hash type="sha256">{}</hash><hash type="new">x</hash></verification>
            <mm0:alternates><mm0:alternate><size>3</size><verification><hash type="sha256">{}</hash></verification></mm0:alternate></mm0:alternates>
            <resources maxconnections="1"><url protocol="rsync" preference="100">rsync://a/os/repodata/repomd.xml</url>
            <url preference="90">http://b/os/repodata/repomd.xml</url><url preference="99">https://c/os&amp;1/repodata/repomd.xml</url>
            <url preference="90">http://d/os/repodata/repomd.xml</url><url preference="90">http://e/elsewhere.xml</url></resources></file></files></metalink>"#,
            hash(Algorithm::Md5, b"new").hex(),
            hash(Algorithm::Sha512, b"new").hex(),
            hash(Algorithm::Sha256, b"new").hex(),
            hash(Algorithm::Sha256, b"old").hex()
        );
        let list = read(document.as_bytes()).unwrap();
        assert_eq!(list.bases, ["https://c/os&1/", "http://b/os/", "http://d/os/"]);
        assert_eq!(
            list.roots,
            [
                RootPromise { digest: hash(Algorithm::Sha512, b"new"), size: Some(4) },
                RootPromise { digest: hash(Algorithm::Sha256, b"old"), size: Some(3) }
            ]
        );
    }

    #[test]
    fn what_is_no_metalink_of_a_repository_is_refused() {
        for text in [
            "<html/>",
            "<metalink/>",
            "<metalink><files><file name='x'/></files></metalink>",
            "<metalink><files><file name='repomd.xml'><size>many</size></file></files></metalink>",
            "<metalink><files><file name='repomd.xml'><hash type='sha256'>12</hash></file></files></metalink>",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
