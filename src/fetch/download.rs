//! Downloads from a server into the store. The bytes are checked against the expected digest and
//! size as they arrive, and an interrupted download is resumed.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Instant;

use reqwest::Url;

use super::error::Reason;
use super::hosts::Turn;
use super::http::{Answer, Question, State, Taker};
use super::promise::{Check, Promise};
use super::store::StoreWriter;
use super::{Failure, FetchError, Fetcher, IN_MEMORY, Route};
use crate::package::Content;
use crate::reporter::Phase;

/// The received part of a file.
pub(super) struct Partial<'p> {
    promise: &'p Promise,
    check: Check<'p>,
    /// Created with the first byte, so that a server without the file costs no temporary file.
    file: Option<StoreWriter>,
    /// All received bytes, while they are few enough.
    memory: Option<Vec<u8>>,
    /// The URL and state of the file that the last bytes came from.
    of: Option<(Url, State)>,
    /// True if the bytes came in several responses, possibly of different files.
    pieced: bool,
}

impl<'p> Partial<'p> {
    fn new(promise: &'p Promise) -> Self {
        Self { promise, check: promise.check(), file: None, memory: Some(Vec::new()), of: None, pieced: false }
    }

    fn begins_anew(&mut self) {
        *self = Self::new(self.promise);
    }

    /// Returns an empty partial download with this expected digest and size.
    pub(super) fn nothing(promise: &'p Promise) -> Box<Self> {
        Box::new(Self::new(promise))
    }
}

/// A download in progress.
struct Download<'f, 'p> {
    fetcher: &'f Fetcher,
    phase: Phase,
    url: &'f Url,
    partial: Box<Partial<'p>>,
    /// The beginning of the last response.
    answer: Option<Answer>,
}

impl Download<'_, '_> {
    fn ours(&self, error: std::io::Error) -> Failure {
        Failure::Ours(FetchError::Store { path: self.fetcher.store.root().to_owned(), error })
    }
}

impl Taker for Download<'_, '_> {
    type Error = Failure;

    fn stop(&self) -> Result<(), Failure> {
        self.fetcher.stop_if_asked().map_err(Failure::Ours)
    }

    fn begin(&mut self, answer: Answer) -> Result<(), Failure> {
        if answer.from > 0 {
            self.partial.pieced = true;
        } else {
            // The server was asked for the whole file, or does not support ranges.
            self.partial.begins_anew();
        }
        if let Some(length) = answer.length {
            self.partial.promise.check_length(length)?;
        }
        self.partial.of = Some((self.url.clone(), answer.state.clone()));
        self.answer = Some(answer);
        Ok(())
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.stop()?;
        self.partial.check.take(data)?;
        if self.partial.file.is_none() {
            self.partial.file = Some(self.fetcher.store.begin().map_err(|error| self.ours(error))?);
        }
        let written = self.partial.file.as_mut().map_or(Ok(()), |file| file.write_all(data));
        written.map_err(|error| self.ours(error))?;
        match &mut self.partial.memory {
            Some(bytes) if (bytes.len() + data.len()) as u64 <= IN_MEMORY => bytes.extend_from_slice(data),
            memory => *memory = None,
        }
        self.fetcher.downloaded.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.fetcher.reporter.advance(self.phase, 0, data.len() as u64);
        Ok(())
    }
}

/// The result of a successful request.
pub(super) enum Got {
    /// The document did not change.
    Unchanged,
    /// The file, and its state as the server names it.
    New(Content, State),
}

impl Fetcher {
    /// Downloads a file with a known digest and resumes the received part, whichever server it came
    /// from. The digest detects parts that do not fit together.
    pub(super) fn download<'p>(
        &self,
        url: &Url,
        route: Option<&Route>,
        promise: &'p Promise,
        phase: Phase,
        partial: &mut Option<Box<Partial<'p>>>,
        turn: &Turn<'_>,
    ) -> Result<Content, Failure> {
        let begun = partial.take().unwrap_or_else(|| Partial::nothing(promise));
        let from = begun.check.count();
        let continues = begun.of.as_ref().filter(|(of, _)| of == url).map(|(_, state)| state.clone());
        let question = Question { url: url.clone(), from, continues, known: None };
        let got = match self.ask(&question, route, begun, phase, turn) {
            Ok(got) => Ok(got),
            Err((Failure::Place(reason), Some(stopped))) if reason.is_verification() && stopped.pieced => {
                // The parts do not belong together, but each may be of a good file. Request the
                // whole file from this server.
                let question = Question { from: 0, continues: None, ..question };
                self.ask(&question, route, Partial::nothing(promise), phase, turn)
            }
            Err(failed) => Err(failed),
        };
        match got {
            Ok(Got::New(content, _)) => Ok(content),
            // The request had no condition, so 304 is an error.
            Ok(Got::Unchanged) => Err(Reason::Status { status: 304, retry_after: None }.into()),
            Err((failure, stopped)) => {
                if let Failure::Place(Reason::Transport { .. } | Reason::TooSlow { .. }) = &failure {
                    *partial = stopped.filter(|stopped| stopped.check.count() > 0);
                }
                Err(failure)
            }
        }
    }

    /// Sends a request to a server and receives the response. On failure, returns the error and the
    /// part received so far.
    pub(super) fn ask<'p>(
        &self,
        question: &Question,
        route: Option<&Route>,
        partial: Box<Partial<'p>>,
        phase: Phase,
        turn: &Turn<'_>,
    ) -> Result<Got, (Failure, Option<Box<Partial<'p>>>)> {
        self.stop_if_asked().map_err(|error| (Failure::Ours(error), None))?;
        // A failure to remove files of crashed runs is not an error.
        self.swept.call_once(|| drop(self.store.sweep()));
        let promise = partial.promise;
        let begin = Instant::now();
        let mut download = Download { fetcher: self, phase, url: &question.url, partial, answer: None };
        let ended = self.http(route).get(question.clone(), &mut download);
        let Download { partial, answer, .. } = download;
        if let Some(answer) = &answer {
            let came = partial.check.count().saturating_sub(answer.from);
            turn.measured(answer.latency, came, begin.elapsed().saturating_sub(answer.latency));
        }
        if let Err(failure) = ended {
            return Err((failure, Some(partial)));
        }
        let Some(answer) = answer else {
            return Err((Reason::Transport { message: "the server said nothing".to_owned() }.into(), None));
        };
        if answer.unchanged {
            return Ok(Got::Unchanged);
        }
        let Partial { check, file, memory, pieced, .. } = *partial;
        if let Err(reason) = check.finish() {
            return Err((reason.into(), Some(Box::new(Partial { pieced, ..Partial::new(promise) }))));
        }
        let path = match &promise.digest {
            Some(digest) => self.store.path(digest),
            None => self.store.document_path(question.url.as_str()),
        };
        let ours = |error| (Failure::Ours(FetchError::Store { path: path.clone(), error }), None);
        let file = match file {
            Some(file) => file,
            None => self.store.begin().map_err(ours)?,
        };
        let file = file.finish(&path).map_err(ours)?;
        let content = match memory {
            Some(bytes) => Content::from(bytes),
            None => Content::from_file(file).map_err(ours)?,
        };
        Ok(Got::New(content, answer.state))
    }
}
