//! HTTP: one GET at a time over a shared client. The body is passed on as it arrives.
//!
//! A separate thread speaks with the server, so that the caller can stop waiting for a silent
//! server at once.

use std::error::Error;
use std::io::Read;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use reqwest::blocking::{Client, Response};
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{StatusCode, Url, redirect};

use super::access::{Access, Logins};
use super::error::Reason;
use super::patience::{Patience, retry_after};

/// The number of redirects that are followed before the chain counts as a loop.
const REDIRECTS: usize = 10;

/// The number of bytes read from a connection at a time.
const BUFFER: usize = 64 << 10;

/// The number of queued pieces before the connection thread blocks.
const PIECES: usize = 4;

/// Interval between cancellation checks while waiting for a server.
const LOOK: Duration = Duration::from_millis(50);

/// The validators of a file's state, as the server sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
}

impl State {
    /// Returns the value for `If-Range`: a strong tag, or else a date (RFC 9110, 13.1.5).
    fn range_condition(&self) -> Option<&str> {
        let tag = self.etag.as_deref();
        if tag.is_some() { tag.filter(|tag| !tag.starts_with("W/")) } else { self.modified.as_deref() }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) url: Url,
    /// The first requested byte.
    pub(super) from: u64,
    /// The state of the bytes received before, if they came from this server.
    pub(super) continues: Option<State>,
    /// The cached state: the server sends the file only if its state is another.
    pub(super) known: Option<State>,
}

/// The beginning of a response.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// True if the file did not change. No body follows.
    pub(super) unchanged: bool,
    /// The position of the first byte of the body in the file.
    pub(super) from: u64,
    /// The length of the whole file, if the server sends it.
    pub(super) length: Option<u64>,
    pub(super) state: State,
    /// The time from the request to this response.
    pub(super) latency: Duration,
}

/// A receiver of a response.
pub(super) trait Taker {
    /// The error that ends a download.
    type Error: From<Reason>;
    /// Fails if the download should stop. Polled while no data arrives.
    fn stop(&self) -> Result<(), Self::Error>;
    /// Receives the beginning of the response.
    fn begin(&mut self, answer: Answer) -> Result<(), Self::Error>;
    /// Receives a further part of the body.
    fn take(&mut self, data: &[u8]) -> Result<(), Self::Error>;
}

/// A message of a download, in this order.
enum Piece {
    Answer(Answer),
    Bytes(Vec<u8>),
    End(Result<(), Reason>),
}

/// The receiver is gone; further data is useless.
struct Unwanted;

/// An HTTP client.
pub(super) struct Http(Arc<Clients>);

/// The clients, each built when it is first needed.
struct Clients {
    patience: Patience,
    access: Access,
    logins: Logins,
    /// The client for `http:`. It loads no system certificates, because loading takes time. Also, a
    /// client that needs certificates cannot be built on a system without any.
    plain: OnceLock<Result<Client, String>>,
    /// The client for `https:`.
    secure: OnceLock<Result<Client, String>>,
}

impl Http {
    pub(super) fn new(patience: Patience, access: Access) -> Self {
        let logins = Logins::new(&access);
        Self(Arc::new(Clients { patience, access, logins, plain: OnceLock::new(), secure: OnceLock::new() }))
    }

    /// Gets a file, or a range of it to its end.
    pub(super) fn get<T: Taker>(&self, question: Question, taker: &mut T) -> Result<(), T::Error> {
        let (sender, receiver) = sync_channel(PIECES);
        let clients = Arc::clone(&self.0);
        let spoken = thread::Builder::new().name("download".to_owned()).spawn(move || {
            if let Ok(end) = clients.get(&question, &sender) {
                // If the receiver is gone, the result is not needed.
                let _ = sender.send(Piece::End(end));
            }
        });
        spoken.map_err(Reason::Io)?;
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(Piece::Answer(answer)) => taker.begin(answer)?,
                Ok(Piece::Bytes(bytes)) => taker.take(&bytes)?,
                Ok(Piece::End(end)) => return end.map_err(T::Error::from),
                Err(RecvTimeoutError::Timeout) => taker.stop()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Reason::Transport { message: "the download ended without a word".to_owned() }.into());
                }
            }
        }
    }
}

impl Clients {
    fn client(&self, url: &Url) -> Result<&Client, Reason> {
        let secure = url.scheme() == "https" || self.access.is_proxied_securely();
        let place = if secure { &self.secure } else { &self.plain };
        place.get_or_init(|| self.build(secure)).as_ref().map_err(|message| Reason::Setup { message: message.clone() })
    }

    fn build(&self, secure: bool) -> Result<Client, String> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // It only fails if another thread installed a provider first.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let builder = Client::builder()
            .user_agent(concat!("rootstrap/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.patience.connect)
            // In the blocking client, this limits the wait for the response and for each piece of
            // the body.
            .timeout(self.patience.stall)
            // Redirects are followed in `begin`, because the credentials to send depend on the
            // target.
            .redirect(redirect::Policy::none());
        let builder = self.access.apply(builder, secure).map_err(|error| error.to_string())?;
        builder.build().map_err(|error| chain(&error))
    }

    /// Gets a file and passes it on, until it is complete, an error occurs, or the receiver is
    /// gone.
    fn get(&self, question: &Question, to: &SyncSender<Piece>) -> Result<Result<(), Reason>, Unwanted> {
        let asked = Instant::now();
        let answered = self.begin(question).and_then(|response| Ok((answer(&response, question, asked.elapsed())?, response)));
        let (answer, mut response) = match answered {
            Ok(answered) => answered,
            Err(reason) => return Ok(Err(reason)),
        };
        let unchanged = answer.unchanged;
        to.send(Piece::Answer(answer)).map_err(|_| Unwanted)?;
        if unchanged {
            return Ok(Ok(()));
        }
        let mut buffer = vec![0; BUFFER];
        let mut speed = Speed::new(&self.patience, asked);
        loop {
            let waiting = Instant::now();
            match response.read(&mut buffer) {
                Ok(0) => return Ok(Ok(())),
                Ok(n) => {
                    if let Err(reason) = speed.note(n, waiting.elapsed()) {
                        return Ok(Err(reason));
                    }
                    to.send(Piece::Bytes(buffer[..n].to_vec())).map_err(|_| Unwanted)?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(Err(reason_of(&error))),
            }
        }
    }

    /// Sends the request and follows redirects.
    fn begin(&self, question: &Question) -> Result<Response, Reason> {
        let mut url = question.url.clone();
        for _ in 0..=REDIRECTS {
            let response = self.send(&url, question)?;
            let status = response.status();
            let target = response.headers().get(header::LOCATION).and_then(|target| target.to_str().ok());
            match (status, target) {
                (StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED, _) => return Ok(response),
                (StatusCode::NOT_FOUND | StatusCode::GONE, _) => return Err(Reason::NotFound),
                (_, Some(target)) if status.is_redirection() => {
                    let to = url.join(target).ok().filter(|to| matches!(to.scheme(), "http" | "https"));
                    url = to.ok_or(Reason::Status { status: status.as_u16(), retry_after: None })?;
                }
                _ => {
                    let wait = response.headers().get(header::RETRY_AFTER).and_then(|wait| wait.to_str().ok());
                    let retry_after = wait.and_then(|wait| retry_after(wait, SystemTime::now()));
                    return Err(Reason::Status { status: status.as_u16(), retry_after });
                }
            }
        }
        Err(Reason::Redirects)
    }

    fn send(&self, url: &Url, question: &Question) -> Result<Response, Reason> {
        let mut request = self.client(url)?.get(url.clone());
        if let Some(login) = self.logins.of(url, &question.url) {
            request = request.basic_auth(login.name, Some(login.password));
        }
        if question.from > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", question.from));
            if let Some(condition) = question.continues.as_ref().and_then(State::range_condition) {
                request = request.header(header::IF_RANGE, condition);
            }
        }
        if let Some(known) = &question.known {
            // The tag is more precise than the date, so the date is sent only without a tag.
            let (name, value) = match (&known.etag, &known.modified) {
                (Some(tag), _) => (header::IF_NONE_MATCH, Some(tag)),
                (None, date) => (header::IF_MODIFIED_SINCE, date.as_ref()),
            };
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.send().map_err(|error| reason_of(&error))
    }
}

/// Parses the beginning of a response and checks it against the request.
fn answer(response: &Response, question: &Question, latency: Duration) -> Result<Answer, Reason> {
    let headers = response.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let state = State { etag: text(header::ETAG), modified: text(header::LAST_MODIFIED) };
    let plain = !headers.contains_key(header::CONTENT_ENCODING);
    let mut answer = Answer { unchanged: false, from: 0, length: None, state, latency };
    match response.status() {
        StatusCode::NOT_MODIFIED if question.known.is_some() => answer.unchanged = true,
        StatusCode::PARTIAL_CONTENT => {
            let (from, length) = range(headers, question.from).ok_or_else(|| Reason::Range {
                asked: question.from,
                told: text(header::CONTENT_RANGE).unwrap_or_else(|| "nothing".to_owned()),
            })?;
            (answer.from, answer.length) = (from, Some(length));
        }
        StatusCode::OK => answer.length = response.content_length().filter(|_| plain),
        status => return Err(Reason::Status { status: status.as_u16(), retry_after: None }),
    }
    Ok(answer)
}

/// Returns the first byte and the length of the whole file, if the range begins at the requested
/// byte and goes on to the end.
fn range(headers: &HeaderMap, asked: u64) -> Option<(u64, u64)> {
    let told = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.trim();
    let (part, whole) = told.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = part.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let end = last.checked_add(1)?;
    let whole = whole.trim();
    let is_whole = whole == "*" || whole.parse() == Ok(end);
    (asked > 0 && first == asked && end > first && is_whole).then_some((first, end))
}

/// Measures whether a body arrives fast enough.
struct Speed<'a> {
    patience: &'a Patience,
    begin: Instant,
    /// The bytes and time of the current measurement.
    bytes: u64,
    time: Duration,
}

impl<'a> Speed<'a> {
    fn new(patience: &'a Patience, begin: Instant) -> Self {
        Self { patience, begin, bytes: 0, time: Duration::ZERO }
    }

    /// Records bytes and the time that the caller waited for them. Fails if the download is too
    /// slow or takes too long.
    fn note(&mut self, bytes: usize, waited: Duration) -> Result<(), Reason> {
        if let Some(limit) = self.patience.total
            && self.begin.elapsed() > limit
        {
            return Err(Reason::TooLong { limit });
        }
        self.bytes += bytes as u64;
        self.time += waited;
        if self.time >= self.patience.stall {
            let found = (self.bytes as f64 / self.time.as_secs_f64().max(1e-3)) as u64;
            if found < self.patience.slowest {
                return Err(Reason::TooSlow { least: self.patience.slowest, found });
            }
            (self.bytes, self.time) = (0, Duration::ZERO);
        }
        Ok(())
    }
}

/// Returns the reason for a failed request.
fn reason_of(error: &(dyn Error + 'static)) -> Reason {
    let message = chain(error);
    let mut cause = Some(error);
    while let Some(error) = cause {
        // The source of an I/O error is the source of the error inside it, not that error. So inner
        // errors are unwrapped here.
        let mut within = error;
        while let Some(inner) = within.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            within = inner;
        }
        // An invalid certificate stays invalid, so another try is useless. An interrupted
        // connection may succeed on another try.
        if let Some(
            rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::UnsupportedNameType
            | rustls::Error::AlertReceived(_)
            | rustls::Error::PeerIncompatible(_)
            | rustls::Error::InvalidMessage(_)
            | rustls::Error::InvalidCertRevocationList(_),
        ) = within.downcast_ref::<rustls::Error>()
        {
            return Reason::Tls { message };
        }
        cause = error.source();
    }
    Reason::Transport { message }
}

/// Returns the messages of an error and its causes, without the outermost layers, which only say
/// that an error occurred.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut messages: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let message = error.to_string();
        // Layers often repeat the message of the layer below.
        if !messages.iter().any(|known| known.contains(&message)) {
            messages.push(message);
        }
        cause = error.source();
    }
    let said = messages.iter().skip_while(|message| {
        ["error sending request", "request or response body error", "client error", "error decoding response body"]
            .iter()
            .any(|start| message.starts_with(start))
    });
    let said: Vec<&str> = said.map(String::as_str).collect();
    if !said.is_empty() {
        return said.join(": ");
    }
    // The URL may contain secrets.
    let message = messages.pop().unwrap_or_default();
    message.split(" for url (").next().unwrap_or_default().to_owned()
}
