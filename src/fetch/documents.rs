//! Documents: files that nobody promised anything about and that may change, so that their servers are asked whether they did.
//!
//! Beside each that was seen stands what its server called that state, and when it was asked last.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Url;

use super::download::{Got, Partial};
use super::error::Reason;
use super::hosts::Turn;
use super::http::{Question, State};
use super::promise::Promise;
use super::{Failure, Fetched, Fetcher, Location, Route, Wanted};
use crate::digest::{Algorithm, Digest};
use crate::package::Content;
use crate::reporter::Phase;

/// What is known of a document that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// What the document is, so that another one that came to its place is not taken for it.
    digest: Digest,
    /// When its server was asked last, in seconds since 1970.
    asked: u64,
    state: State,
}

impl Seen {
    fn parse(text: &str) -> Option<Self> {
        let mut seen = Self { digest: Digest::of(Algorithm::Sha256, b""), asked: 0, state: State::default() };
        let mut known = 0;
        for line in text.lines() {
            match line.split_once(' ')? {
                ("sha256", hex) => (seen.digest, known) = (Digest::from_hex(Algorithm::Sha256, hex)?, known + 1),
                ("asked", time) => (seen.asked, known) = (time.parse().ok()?, known + 1),
                ("etag", tag) => seen.state.etag = Some(tag.to_owned()),
                ("modified", date) => seen.state.modified = Some(date.to_owned()),
                _ => {}
            }
        }
        (known == 2).then_some(seen)
    }

    fn text(&self) -> String {
        let mut text = format!("sha256 {}\nasked {}\n", self.digest.hex(), self.asked);
        for (key, value) in [("etag", &self.state.etag), ("modified", &self.state.modified)] {
            if let Some(value) = value {
                text += &format!("{key} {value}\n");
            }
        }
        text
    }
}

/// Where it stands what is known of a document.
fn path_beside(document: &Path) -> PathBuf {
    document.with_extension("seen")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl Fetcher {
    /// A document that was asked after so shortly ago that it need not be again.
    pub(super) fn fresh_document(&self, wanted: &Wanted, promise: &Promise) -> Option<Fetched> {
        let expire = wanted.route.as_ref().and_then(|route| route.expire()).unwrap_or(self.expire);
        if self.refresh || self.is_offline() || expire.is_zero() {
            return None;
        }
        wanted.locations.iter().find_map(|location| {
            let Location::Url(url) = location else { return None };
            let seen = self.seen(url)?;
            // What was asked after in the future tells of a clock that was wrong.
            let age = now().checked_sub(seen.asked)?;
            if Duration::from_secs(age) >= expire {
                return None;
            }
            let content = self.stored_document(url, &seen, promise, wanted.phase)?;
            Some(Fetched { content, location: location.clone() })
        })
    }

    fn seen(&self, url: &Url) -> Option<Seen> {
        let path = path_beside(&self.store.document_path(url.as_str()));
        Seen::parse(&fs::read_to_string(path).ok()?)
    }

    /// The document as it was seen; `None` where it is gone or another.
    fn stored_document(&self, url: &Url, seen: &Seen, promise: &Promise, phase: Phase) -> Option<Content> {
        let promise = Promise { digest: Some(seen.digest.clone()), ..promise.clone() };
        self.read_stored(&self.store.document_path(url.as_str()), &promise, phase).ok()
    }

    /// Asks for a document: for the whole, or whether it is still what it was.
    pub(super) fn download_document(
        &self,
        url: &Url,
        route: Option<&Route>,
        promise: &Promise,
        phase: Phase,
        turn: &Turn<'_>,
    ) -> Result<Content, Failure> {
        let seen = if self.refresh { None } else { self.seen(url).filter(|seen| seen.state != State::default()) };
        // It is read before it is asked after: a server says of what is damaged here, too, that it did not change.
        let known = seen.and_then(|seen| Some((self.stored_document(url, &seen, promise, phase)?, seen)));
        let question =
            Question { url: url.clone(), from: 0, continues: None, known: known.as_ref().map(|(_, seen)| seen.state.clone()) };
        let got = self.ask(&question, route, Partial::nothing(promise), phase, turn).map_err(|(failure, _)| failure)?;
        match (got, known) {
            (Got::New(content, state), _) => {
                if let Ok(bytes) = content.bytes() {
                    self.remember(url, &Seen { digest: Digest::of(Algorithm::Sha256, &bytes), asked: now(), state });
                }
                Ok(content)
            }
            (Got::Unchanged, Some((content, seen))) => {
                self.remember(url, &Seen { asked: now(), ..seen });
                Ok(content)
            }
            (Got::Unchanged, None) => Err(Reason::Status { status: 304, retry_after: None }.into()),
        }
    }

    /// Writes down what is known of a document. In a cache that cannot be written to the next run asks for the whole again.
    fn remember(&self, url: &Url, seen: &Seen) {
        let path = path_beside(&self.store.document_path(url.as_str()));
        let written = self.store.begin().and_then(|mut file| {
            file.write_all(seen.text().as_bytes())?;
            file.finish(&path)
        });
        drop(written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_read_as_it_was_written() {
        let state = State { etag: Some("W/\"a b\"".to_owned()), modified: None };
        let seen = Seen { digest: Digest::of(Algorithm::Sha256, b"x"), asked: 17, state };
        assert_eq!(Seen::parse(&seen.text()), Some(seen));
        for text in ["", "asked 1\n", "sha256 xyz\nasked 1\n", "sha256\n", "asked never\n"] {
            assert_eq!(Seen::parse(text), None, "{text}");
        }
    }
}
