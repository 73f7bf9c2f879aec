//! HTTP servers on the loopback interface: one that serves the files of a directory, and one that
//! accepts connections but never answers.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

/// A server of the files in a directory that counts the requests.
pub(crate) struct FileServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl FileServer {
    pub(crate) fn new(directory: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let (directory, requests) = (directory.to_owned(), Arc::clone(&server.requests));
        // The thread and its connections live as long as the test program.
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (directory, requests) = (directory.clone(), Arc::clone(&requests));
                thread::spawn(move || serve(&connection, &directory, &requests));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Returns the file of a request path, as servers decode it: each escaped byte is one byte of the
/// name.
pub(crate) fn file_of(directory: &Path, path: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = path.trim_start_matches('/').as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if let (b'%', [high, low, after @ ..]) = (first, after) {
            let digits = [*high, *low];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    directory.join(OsString::from_vec(bytes))
}

/// Serves one connection, request after request.
fn serve(mut connection: &TcpStream, directory: &Path, requests: &AtomicUsize) -> Option<()> {
    let mut lines = BufReader::new(connection).lines();
    loop {
        let request = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        requests.fetch_add(1, Ordering::Relaxed);
        let path = file_of(directory, request.split(' ').nth(1)?);
        let (status, body) = fs::read(path).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
        connection.write_all(&body).ok()?;
    }
}

/// Starts a server that accepts connections and never answers; `accepted` gets a message for each.
pub(crate) fn silent() -> (SocketAddr, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, accepted) = mpsc::channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        for connection in listener.incoming().map_while(Result::ok) {
            held.push(connection);
            let _ = heard.send(());
        }
    });
    (address, accepted)
}
