//! Documents: files without an expected digest that may change, so that the cached copy is
//! revalidated with the server.
//!
//! A file beside each cached document holds the server's validators (`ETag`, `Last-Modified`) and
//! the time of the last request.

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

/// The cached facts about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// Digest of the document. It detects that another document replaced it.
    digest: Digest,
    /// Time of the last request to the server, in seconds since 1970.
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

/// Returns the path of the file with the cached facts about a document.
fn path_beside(document: &Path) -> PathBuf {
    document.with_extension("seen")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl Fetcher {
    /// Returns the cached document if it was validated so recently that no request is needed.
    pub(super) fn fresh_document(&self, wanted: &Wanted, promise: &Promise) -> Option<Fetched> {
        let expire = wanted.route.as_ref().and_then(|route| route.expire()).unwrap_or(self.expire);
        if self.refresh || self.is_offline() || expire.is_zero() {
            return None;
        }
        wanted.locations.iter().find_map(|location| {
            let Location::Url(url) = location else { return None };
            let seen = self.seen(url)?;
            // A time in the future means that the clock was wrong.
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

    /// Returns the cached document, or `None` if it is missing or has another digest.
    fn stored_document(&self, url: &Url, seen: &Seen, promise: &Promise, phase: Phase) -> Option<Content> {
        let promise = Promise { digest: Some(seen.digest.clone()), ..promise.clone() };
        self.read_stored(&self.store.document_path(url.as_str()), &promise, phase).ok()
    }

    /// Requests a document: the whole, or only if it changed since the cached state.
    pub(super) fn download_document(
        &self,
        url: &Url,
        route: Option<&Route>,
        promise: &Promise,
        phase: Phase,
        turn: &Turn<'_>,
    ) -> Result<Content, Failure> {
        let seen = if self.refresh { None } else { self.seen(url).filter(|seen| seen.state != State::default()) };
        // The cached copy is read before the request: a server answers "unchanged" even if the
        // local copy is damaged.
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

    /// Writes the facts about a document. If the cache is not writable, the next run downloads the
    /// whole document again.
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
