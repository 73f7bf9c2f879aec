//! Read-ahead: one thread decompresses data while another parses it.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// The number of bytes handed over at a time.
const PIECE: usize = 128 << 10;

/// The maximum number of queued pieces.
const DEPTH: usize = 4;

/// Runs `job` on the data of `source`, which another thread reads meanwhile. Returns `source`, read
/// at least as far as `job` read.
pub(super) fn read_ahead<R: Read + Send, T>(source: R, job: impl FnOnce(&mut (dyn Read + Send)) -> T) -> (R, T) {
    thread::scope(|scope| {
        let (sender, pieces) = sync_channel(DEPTH);
        let (returned, spares) = channel();
        let reader = scope.spawn(move || read_all(source, &sender, &spares));
        let mut ahead = Ahead { pieces, returned, piece: Vec::new(), at: 0 };
        let result = job(&mut ahead);
        // This ends the reading thread if it still reads.
        drop(ahead);
        match reader.join() {
            Ok(source) => (source, result),
            Err(panic) => resume_unwind(panic),
        }
    })
}

fn read_all<R: Read>(mut source: R, sender: &SyncSender<io::Result<Vec<u8>>>, spares: &Receiver<Vec<u8>>) -> R {
    loop {
        let mut piece = spares.try_recv().unwrap_or_default();
        piece.clear();
        let read = source.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let is_last = piece.len() < PIECE;
        if !piece.is_empty() && sender.send(Ok(piece)).is_err() {
            return source;
        }
        if let Err(error) = read {
            let _ = sender.send(Err(error));
            return source;
        }
        if is_last {
            return source;
        }
    }
}

/// The data that was read ahead.
struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    returned: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            match self.pieces.recv() {
                Ok(piece) => {
                    let spare = std::mem::replace(&mut self.piece, piece?);
                    let _ = self.returned.send(spare);
                    self.at = 0;
                }
                Err(_) => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len() - self.at);
        buffer[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }

    #[test]
    fn all_is_read_and_errors_come_where_they_are() {
        let bytes: Vec<u8> = (0..3 * PIECE + 5).map(|n| n as u8).collect();
        let (_, read) =
            read_ahead(&bytes[..], |input| io::read_to_string(&mut input.take(0)).map(|_| io::copy(input, &mut io::sink())));
        assert_eq!(read.unwrap().unwrap(), bytes.len() as u64);
        let mut found = Vec::new();
        let (_, read) = read_ahead((&bytes[..10]).chain(Broken), |input| input.read_to_end(&mut found));
        assert_eq!(read.unwrap_err().to_string(), "broken");
        assert_eq!(found, bytes[..10]);
    }

    #[test]
    fn who_wants_no_more_does_not_wait() {
        let (_, read) = read_ahead(io::repeat(7), |input| {
            let mut byte = [0];
            input.read(&mut byte).map(|_| byte[0])
        });
        assert_eq!(read.unwrap(), 7);
    }
}
