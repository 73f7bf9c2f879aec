//! HTTP: one GET at a time over a shared client, its body handed on as it comes.
//!
//! A thread of its own speaks with the server, so that whoever waits for a silent one can stop waiting at once.

use std::error::Error;
use std::io::Read;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder, Response};
use reqwest::{StatusCode, Url, header, redirect};

use super::error::Reason;

/// How patient to be with servers.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long a server may say nothing.
    pub stall: Duration,
    /// How many times a place that failed in a way that can pass is tried.
    pub tries: u32,
    /// How long to wait before the second try; twice as long before each further one.
    pub backoff: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), stall: Duration::from_secs(30), tries: 3, backoff: Duration::from_millis(250) }
    }
}

/// Redirects that are followed before it is called a loop.
const REDIRECTS: usize = 10;

/// Bytes that are taken from a connection at a time.
const BUFFER: usize = 64 << 10;

/// Pieces that wait to be taken before the connection is let wait.
const PIECES: usize = 4;

/// How often somebody who waits for a server looks whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What comes of a download, in this order: a length if the server tells one, the bytes, how it ended.
enum Piece {
    Length(u64),
    Bytes(Vec<u8>),
    End(Result<(), Reason>),
}

/// The receiver has gone; whatever is still to come is of no use.
struct Unwanted;

/// Gets files.
pub(super) struct Http(Arc<Clients>);

/// The clients, each made when it is first needed.
struct Clients {
    patience: Patience,
    /// For `http:`. It needs none of the system's certificates: loading them takes its time, and where there are none, a
    /// client that wants them cannot be made at all.
    plain: OnceLock<Result<Client, String>>,
    /// For `https:`.
    secure: OnceLock<Result<Client, String>>,
}

impl Http {
    pub(super) fn new(patience: Patience) -> Self {
        Self(Arc::new(Clients { patience, plain: OnceLock::new(), secure: OnceLock::new() }))
    }

    /// Gets a file. Its length, if the server tells it, goes to `length` first, then its bytes, piece by piece, to `body`. While nothing
    /// comes, `stop` is asked again and again.
    pub(super) fn get<E: From<Reason>>(
        &self,
        url: &Url,
        stop: impl Fn() -> Result<(), E>,
        length: impl Fn(u64) -> Result<(), E>,
        mut body: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (sender, receiver) = sync_channel(PIECES);
        let (clients, url) = (Arc::clone(&self.0), url.clone());
        let spoken = thread::Builder::new().name("download".to_owned()).spawn(move || {
            if let Ok(end) = clients.get(&url, &sender) {
                // When nobody waits for the end either, that is theirs to know.
                let _ = sender.send(Piece::End(end));
            }
        });
        spoken.map_err(Reason::Io)?;
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(Piece::Length(told)) => length(told)?,
                Ok(Piece::Bytes(bytes)) => body(&bytes)?,
                Ok(Piece::End(end)) => return end.map_err(E::from),
                Err(RecvTimeoutError::Timeout) => stop()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Reason::Transport { message: "the download ended without a word".to_owned() }.into());
                }
            }
        }
    }
}

impl Clients {
    fn client(&self, url: &Url) -> Result<&Client, Reason> {
        let made = if url.scheme() == "https" || is_proxied_securely() {
            self.secure
                .get_or_init(|| self.builder().redirect(redirect::Policy::limited(REDIRECTS)).build().map_err(|e| chain(&e)))
        } else {
            self.plain.get_or_init(|| {
                let policy = redirect::Policy::custom(|attempt| match attempt.url().scheme() {
                    // Handed back to us, for the other client.
                    "https" => attempt.stop(),
                    _ if attempt.previous().len() > REDIRECTS => attempt.error("too many redirects"),
                    _ => attempt.follow(),
                });
                self.builder().tls_certs_only([]).redirect(policy).build().map_err(|error| chain(&error))
            })
        };
        made.as_ref().map_err(|message| Reason::Transport { message: message.clone() })
    }

    fn builder(&self) -> ClientBuilder {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // It only fails when another thread was quicker, and then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Client::builder()
            .user_agent(concat!("rootstrap/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.patience.connect)
            // In the blocking client: for the answer to begin, and then for each piece of its body.
            .timeout(self.patience.stall)
    }

    /// Gets a file and hands it on, until it is there, cannot be had, or nobody wants it.
    fn get(&self, url: &Url, to: &SyncSender<Piece>) -> Result<Result<(), Reason>, Unwanted> {
        let mut response = match self.begin(url) {
            Ok(response) => response,
            Err(reason) => return Ok(Err(reason)),
        };
        if !response.headers().contains_key(header::CONTENT_ENCODING)
            && let Some(told) = response.content_length()
        {
            to.send(Piece::Length(told)).map_err(|_| Unwanted)?;
        }
        let mut buffer = vec![0; BUFFER];
        loop {
            match response.read(&mut buffer) {
                Ok(0) => return Ok(Ok(())),
                Ok(n) => to.send(Piece::Bytes(buffer[..n].to_vec())).map_err(|_| Unwanted)?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(Err(Reason::Transport { message: chain(&error) })),
            }
        }
    }

    fn begin(&self, url: &Url) -> Result<Response, Reason> {
        let mut response = self.send(url)?;
        if response.status().is_redirection()
            && let Some(target) = response.headers().get(header::LOCATION).and_then(|target| target.to_str().ok())
            && let Ok(target) = response.url().join(target)
            && target.scheme() == "https"
        {
            response = self.send(&target)?;
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Reason::NotFound),
            status => Err(Reason::Status(status.as_u16())),
        }
    }

    fn send(&self, url: &Url) -> Result<Response, Reason> {
        let sent = self.client(url)?.get(url.clone()).send();
        sent.map_err(|error| if error.is_redirect() { Reason::Redirects } else { Reason::Transport { message: chain(&error) } })
    }
}

/// Whether the way to plain servers leads through a proxy that is spoken to over TLS.
fn is_proxied_securely() -> bool {
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].iter().any(|name| {
        std::env::var(name).is_ok_and(|proxy| proxy.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")))
    })
}

/// What an error and its causes say, without the outermost layers that only say that there was one.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut messages: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let message = error.to_string();
        // Layers often repeat the message of the one below.
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
    if said.is_empty() { messages.pop().unwrap_or_default() } else { said.join(": ") }
}
