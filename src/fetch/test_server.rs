//! A small HTTP server for tests: each path is answered by a rule, faults included. It lives as long as its value.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How a path is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The file, as a good server gives it.
    File(Vec<u8>),
    /// A status without a file.
    Status(u16),
    /// To another address.
    Redirect(String),
    /// The file's length is promised, but the connection ends after this many bytes.
    Truncated(Vec<u8>, usize),
    /// The file without its length, ended by the end of the connection.
    Unbounded(Vec<u8>),
    /// Bytes without end.
    Endless,
    /// Nothing, until the client gives up.
    Stall,
    /// These, one a request; the last one again and again.
    InTurn(Vec<Answer>),
}

/// The server, on a port of the loopback interface.
pub(crate) struct TestServer {
    address: String,
    log: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Serves these paths; every other one is not found.
    pub(crate) fn start<const N: usize>(answers: [(&str, Answer); N]) -> Self {
        let answers: HashMap<String, Answer> = answers.into_iter().map(|(path, answer)| (path.to_owned(), answer)).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (log, ended) = (Arc::clone(&log), Arc::clone(&ended));
            move || {
                for stream in listener.incoming() {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    let (answers, log, ended) = (answers.clone(), Arc::clone(&log), Arc::clone(&ended));
                    thread::spawn(move || serve(&stream.unwrap(), &answers, &log, &ended));
                }
            }
        });
        Self { address, log, ended, thread: Some(thread) }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The paths that were asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(&self.address);
        let _ = self.thread.take().unwrap().join();
    }
}

fn serve(stream: &TcpStream, answers: &HashMap<String, Answer>, log: &Mutex<Vec<String>>, ended: &AtomicBool) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // Answers are written in pieces: each shall go out at once.
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).is_err() || request.is_empty() {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
            header.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let earlier = {
            let mut log = log.lock().unwrap();
            log.push(path.clone());
            log.iter().filter(|asked| **asked == path).count() - 1
        };
        let answer = match answers.get(&path) {
            Some(Answer::InTurn(turns)) => turns[earlier.min(turns.len() - 1)].clone(),
            Some(answer) => answer.clone(),
            None => Answer::Status(404),
        };
        if !answer.write_to(stream, ended).unwrap_or(false) {
            return;
        }
    }
}

impl Answer {
    /// Writes the answer; whether the connection may be used further.
    fn write_to(self, mut stream: &TcpStream, ended: &AtomicBool) -> std::io::Result<bool> {
        match self {
            Self::File(data) => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", data.len())?;
                stream.write_all(&data)?;
                return Ok(true);
            }
            Self::Status(status) => {
                write!(stream, "HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n")?;
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
            Self::InTurn(_) => return Ok(false),
        }
        Ok(false)
    }
}
