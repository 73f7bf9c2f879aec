//! A small HTTP server for tests. A rule answers each request and can simulate faults. The server
//! runs until the value is dropped.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The response to a request.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "not all tests that have this file use all of them")]
pub(crate) enum Answer {
    /// The file, without faults.
    File(Vec<u8>),
    /// The file with this entity tag, with support for ranges and conditional requests.
    Stated(Vec<u8>, String),
    /// A status without a file.
    Status(u16),
    /// A status without a file, and a header.
    Told(u16, String),
    /// A redirect to another address.
    Redirect(String),
    /// The full length is announced, but the connection ends after this number of bytes.
    Truncated(Vec<u8>, usize),
    /// Like `Truncated`, for each requested range.
    Broken(Vec<u8>, usize),
    /// The connection is reset after this number of bytes.
    Reset(Vec<u8>, usize),
    /// The file, announced with this length.
    WrongLength(Vec<u8>, usize),
    /// Half of the file. A request for the rest receives another range, named by the first field.
    WrongRange(String, Vec<u8>),
    /// A byte at long intervals.
    Drip(Vec<u8>),
    /// The file without a length; the end of the connection ends it.
    Unbounded(Vec<u8>),
    /// Endless data.
    Endless,
    /// No response until the client gives up.
    Stall,
    /// Bytes that are neither HTTP nor TLS.
    Garbage,
    /// One of these for each request; the last one repeats.
    InTurn(Vec<Answer>),
}

/// A received request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) path: String,
    headers: HashMap<String, String>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Returns the first byte of the requested range.
    fn from(&self) -> usize {
        let range = self.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        range.map_or(0, |from| from.parse().unwrap())
    }
}

type Rule = dyn Fn(&Request) -> Answer + Send + Sync;

/// The state that the threads of a server share.
struct Shared {
    rule: Box<Rule>,
    log: Mutex<Vec<Request>>,
    ended: AtomicBool,
    active: AtomicUsize,
    /// The largest number of concurrent requests.
    most: AtomicUsize,
}

/// The server, on a port of the loopback interface.
pub(crate) struct TestServer {
    address: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts a server for these paths. Every other path is not found.
    #[allow(dead_code, reason = "not all tests that have this file use it")]
    pub(crate) fn start<const N: usize>(answers: [(&str, Answer); N]) -> Self {
        let answers: HashMap<String, Answer> = answers.into_iter().map(|(path, answer)| (path.to_owned(), answer)).collect();
        Self::answering(move |request| answers.get(&request.path).cloned().unwrap_or(Answer::Status(404)))
    }

    /// Starts a server that answers by a rule.
    pub(crate) fn answering(rule: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            rule: Box::new(rule),
            log: Mutex::default(),
            ended: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming() {
                    if shared.ended.load(Ordering::Relaxed) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || serve(&stream.unwrap(), &shared));
                }
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the paths requested so far.
    #[allow(dead_code, reason = "not all tests that have this file use it")]
    pub(crate) fn asked(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }

    /// Returns the requests received so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().unwrap().clone()
    }

    /// Returns the largest number of concurrent requests.
    #[allow(dead_code, reason = "not all tests that have this file use it")]
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::Relaxed)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(&self.address);
        let _ = self.thread.take().unwrap().join();
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // Responses are written in pieces, and each must be sent at once.
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        let mut request = Request { path: line.split(' ').nth(1).unwrap_or_default().to_owned(), ..Request::default() };
        let mut header = String::new();
        while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
            if let Some((name, value)) = header.trim_end().split_once(": ") {
                request.headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            header.clear();
        }
        let earlier = {
            let mut log = shared.log.lock().unwrap();
            log.push(request.clone());
            log.iter().filter(|asked| asked.path == request.path).count() - 1
        };
        let answer = match (shared.rule)(&request) {
            Answer::InTurn(turns) => turns[earlier.min(turns.len() - 1)].clone(),
            answer => answer,
        };
        shared.most.fetch_max(shared.active.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        let goes_on = answer.write_to(stream, &request, &shared.ended);
        shared.active.fetch_sub(1, Ordering::Relaxed);
        if !goes_on.unwrap_or(false) {
            return;
        }
    }
}

impl Answer {
    /// Writes the response. Returns whether the connection can be reused.
    fn write_to(self, mut stream: &TcpStream, request: &Request, ended: &AtomicBool) -> std::io::Result<bool> {
        let from = request.from();
        match self {
            Self::File(data) => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", data.len())?;
                stream.write_all(&data)?;
                return Ok(true);
            }
            Self::Stated(data, tag) => {
                if request.header("if-none-match") == Some(&tag) {
                    write!(stream, "HTTP/1.1 304 Not Modified\r\netag: {tag}\r\n\r\n")?;
                    return Ok(true);
                }
                let (length, is_same) = (data.len(), request.header("if-range").is_none_or(|known| known == tag));
                if from > 0 && is_same {
                    let head =
                        format!("content-range: bytes {from}-{}/{length}\r\ncontent-length: {}", length - 1, length - from);
                    write!(stream, "HTTP/1.1 206 Partial Content\r\netag: {tag}\r\n{head}\r\n\r\n")?;
                    stream.write_all(&data[from..])?;
                } else {
                    write!(stream, "HTTP/1.1 200 OK\r\netag: {tag}\r\ncontent-length: {length}\r\n\r\n")?;
                    stream.write_all(&data)?;
                }
                return Ok(true);
            }
            Self::Status(status) => {
                write!(stream, "HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n")?;
                return Ok(true);
            }
            Self::Told(status, header) => {
                write!(stream, "HTTP/1.1 {status} No\r\n{header}\r\ncontent-length: 0\r\n\r\n")?;
                return Ok(true);
            }
            Self::Redirect(to) => {
                write!(stream, "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")?;
                return Ok(true);
            }
            Self::Truncated(data, length) => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", data.len())?;
                stream.write_all(&data[..length])?;
            }
            Self::Broken(data, length) => {
                let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
                let (last, whole) = (data.len() - 1, data.len());
                write!(stream, "HTTP/1.1 {status}\r\netag: \"broken\"\r\ncontent-range: bytes {from}-{last}/{whole}\r\n")?;
                write!(stream, "content-length: {}\r\n\r\n", whole - from)?;
                stream.write_all(&data[from..whole.min(from + length)])?;
            }
            Self::Reset(data, length) => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", data.len())?;
                stream.write_all(&data[..length])?;
                // Sent bytes may still arrive; then the connection is reset.
                thread::sleep(Duration::from_millis(5));
                socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
                stream.shutdown(std::net::Shutdown::Read)?;
            }
            Self::WrongLength(data, length) => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")?;
                stream.write_all(&data)?;
            }
            Self::WrongRange(told, data) => {
                let half = data.len() / 2;
                if from > 0 {
                    write!(stream, "HTTP/1.1 206 Partial Content\r\ncontent-range: {told}\r\ncontent-length: {half}\r\n\r\n")?;
                } else {
                    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", data.len())?;
                }
                stream.write_all(&data[..half])?;
            }
            Self::Drip(data) => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", data.len())?;
                for byte in data {
                    if ended.load(Ordering::Relaxed) {
                        break;
                    }
                    stream.write_all(&[byte])?;
                    thread::sleep(Duration::from_millis(20));
                }
            }
            Self::Unbounded(data) => {
                write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
                stream.write_all(&data)?;
            }
            Self::Endless => {
                write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
                while !ended.load(Ordering::Relaxed) {
                    stream.write_all(&[b'x'; 8192])?;
                }
            }
            Self::Stall => {
                while !ended.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            Self::Garbage => stream.write_all(b"\x00\xffwhat is this?\r\n\r\n")?,
            Self::InTurn(_) => return Ok(false),
        }
        Ok(false)
    }
}
