//! Reads `primary.xml` in several threads. Each thread decompresses and parses the next block, so
//! that the block stays in its processor's cache. One of the threads adds the results of all blocks
//! to the pool, in order.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::blocks::{Block, Blocks};
use super::primary::{self, Primary, State};
use super::recent::Recent;
use super::xml;
use crate::metadata::IndexError;
use crate::pool::{PoolBuilder, Recorder, Recording, Replay, RepoId};

/// Maximum number of blocks in progress for each thread.
const DEPTH: usize = 4;

/// Reads the whole document.
pub(super) fn read(input: impl Read + Send, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
    let mut blocks = Blocks::new(input);
    let Some(first) = blocks.next(Vec::new())? else { return primary::read(blocks.rest(Vec::new()), builder, repo) };
    let mut worker = Worker::new(0, repo);
    // The first block has the name of the root element.
    let Some(root) = worker.read_block(&first, "")? else { return primary::read(blocks.rest(first.bytes), builder, repo) };
    let mut replay = Replay::new(builder);
    replay.carry_out(&worker.recorder.take(Recording::default()));
    if first.is_last {
        return Ok(());
    }
    match read_together(&mut blocks, worker, rayon::current_num_threads(), &mut replay, &root)? {
        Some(Uncut { offset, bytes }) => primary::read_on(blocks.rest(bytes), offset, &root, builder, repo),
        None => Ok(()),
    }
}

/// The rest of a document that has to be read in one piece: its offset, and the bytes read already.
struct Uncut {
    offset: u64,
    bytes: Vec<u8>,
}

fn read_together(
    blocks: &mut Blocks<impl Read + Send>,
    first: Worker,
    threads: usize,
    replay: &mut Replay<'_>,
    root: &str,
) -> Result<Option<Uncut>, IndexError> {
    let shared = &Shared {
        root,
        source: Mutex::new(Source { blocks, cut: 0, end: None }),
        spare: Mutex::new((0..DEPTH * threads).map(|_| Spare::default()).collect()),
        given_back: Condvar::new(),
        stop: AtomicBool::new(false),
    };
    let repo = first.repo;
    let carried = thread::scope(|scope| {
        let (done, results) = channel();
        for number in 1..threads {
            let (worker, done) = (Worker::new(number, repo), done.clone());
            scope.spawn(move || worker.work(shared, &done));
        }
        drop(done);
        let _stop = Stop(shared);
        // Build the pool on this thread, which also builds the rest of it: an allocator reserves
        // freed memory for the thread that freed it.
        carry_out(&results, first, replay, shared)
    });
    let end = lock(&shared.source).end.take().unwrap_or(Ok(None));
    // An error in the source precedes the rest of the document.
    match carried? {
        None => end,
        uncut => end.and(Ok(uncut)),
    }
}

/// State shared by the threads.
struct Shared<'s, R> {
    root: &'s str,
    source: Mutex<Source<'s, R>>,
    /// Free buffers. Their number limits the blocks in progress.
    spare: Mutex<Vec<Spare>>,
    given_back: Condvar,
    /// True when no further blocks are wanted.
    stop: AtomicBool,
}

/// The source of blocks. The next free thread decompresses the next block, so that the block is in
/// its own processor's cache.
struct Source<'s, R> {
    blocks: &'s mut Blocks<R>,
    /// Number of blocks returned so far.
    cut: usize,
    /// The reason for the end: the document ended, cannot be split, or cannot be read.
    end: Option<Result<Option<Uncut>, IndexError>>,
}

/// Buffers to reuse. Allocating memory repeatedly takes longer than filling it.
#[derive(Default)]
struct Spare {
    bytes: Vec<u8>,
    recording: Recording,
}

/// A parsed block.
struct Done {
    /// Index of the block, from 0.
    number: usize,
    block: Block,
    /// `None` if the block does not end between two elements, so that the document was split in the
    /// wrong place.
    outcome: Result<Option<Recording>, IndexError>,
}

/// A guard that stops all threads when one ends, also after a panic, so that no thread waits
/// forever.
struct Stop<'s, 'r, R>(&'s Shared<'r, R>);

impl<R> Drop for Stop<'_, '_, R> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Read> Shared<'_, R> {
    /// Returns the next block, or `None` if there is none or none is wanted.
    fn cut(&self, bytes: Vec<u8>) -> Option<(usize, Block)> {
        let mut source = lock(&self.source);
        if source.end.is_some() || self.stop.load(Ordering::Relaxed) {
            return None;
        }
        match source.blocks.next(bytes) {
            Ok(Some(block)) => {
                if block.is_last {
                    source.end = Some(Ok(None));
                }
                source.cut += 1;
                Some((source.cut - 1, block))
            }
            Ok(None) => {
                source.end = Some(Ok(Some(Uncut { offset: source.blocks.offset(), bytes: Vec::new() })));
                None
            }
            Err(error) => {
                source.end = Some(Err(error));
                None
            }
        }
    }
}

impl<R> Shared<'_, R> {
    /// Waits for free buffers. Returns `None` after a stop.
    fn wait_for_spare(&self) -> Option<Spare> {
        let mut spare = lock(&self.spare);
        while !self.stop.load(Ordering::Relaxed) {
            match spare.pop() {
                None => spare = self.given_back.wait(spare).unwrap_or_else(PoisonError::into_inner),
                found => return found,
            }
        }
        None
    }

    fn give_back(&self, spare: Spare) {
        lock(&self.spare).push(spare);
        self.given_back.notify_one();
    }

    fn stop(&self) {
        // With the lock held, no thread is between checking `stop` and waiting.
        let _spare = lock(&self.spare);
        self.stop.store(true, Ordering::Relaxed);
        self.given_back.notify_all();
    }
}

/// Adds the results to the pool, block by block. While the next block is not ready, parses another
/// one.
fn carry_out<R: Read>(
    results: &Receiver<Done>,
    mut worker: Worker,
    replay: &mut Replay<'_>,
    shared: &Shared<'_, R>,
) -> Result<Option<Uncut>, IndexError> {
    let mut end: Result<Option<Uncut>, IndexError> = Ok(None);
    let mut early: BTreeMap<usize, Done> = BTreeMap::new();
    let mut next = 0;
    loop {
        let Some(Done { block, outcome, .. }) = early.remove(&next) else {
            let done = match results.try_recv() {
                Err(TryRecvError::Empty) => worker.try_work(shared).or_else(|| results.recv().ok()),
                Err(TryRecvError::Disconnected) => worker.try_work(shared),
                Ok(done) => Some(done),
            };
            // All blocks were read. If a thread panicked, a block is missing and the thread scope
            // propagates the panic.
            let Some(done) = done else { return end };
            early.insert(done.number, done);
            continue;
        };
        next += 1;
        match (&mut end, outcome) {
            (Err(_), _) => {}
            (Ok(Some(uncut)), _) => uncut.bytes.extend_from_slice(&block.bytes),
            (Ok(None), Ok(Some(recording))) => {
                replay.carry_out(&recording);
                shared.give_back(Spare { bytes: block.bytes, recording });
            }
            (Ok(None), Ok(None)) => end = Ok(Some(Uncut { offset: block.offset, bytes: block.bytes })),
            (Ok(None), Err(error)) => end = Err(error),
        }
        if !matches!(end, Ok(None)) {
            shared.stop();
        }
    }
}

/// A parser of blocks.
struct Worker {
    repo: RepoId,
    recorder: Recorder,
    recent: Recent,
}

impl Worker {
    fn new(number: usize, repo: RepoId) -> Self {
        Self { repo, recorder: Recorder::new(number), recent: Recent::default() }
    }

    /// Parses blocks until there are no more.
    fn work<R: Read>(mut self, shared: &Shared<'_, R>, done: &Sender<Done>) {
        let _stop = Stop(shared);
        while let Some(spare) = shared.wait_for_spare() {
            let Some(read) = self.read_next(spare, shared) else { return };
            // Sending fails only if the receiving thread panicked.
            let _ = done.send(read);
        }
    }

    /// Parses a block if there is one and buffers are free.
    fn try_work<R: Read>(&mut self, shared: &Shared<'_, R>) -> Option<Done> {
        let spare = lock(&shared.spare).pop()?;
        self.read_next(spare, shared)
    }

    fn read_next<R: Read>(&mut self, spare: Spare, shared: &Shared<'_, R>) -> Option<Done> {
        let (number, block) = shared.cut(spare.bytes)?;
        let read = self.read_block(&block, shared.root);
        let outcome = read.map(|root| root.map(|_| self.recorder.take(spare.recording)));
        Some(Done { number, block, outcome })
    }

    /// Parses a block and records its contents. Returns the name of the document's root element.
    ///
    /// `root` is empty for the first block. Returns `None` if the block does not end between two
    /// child elements of the root: then the document was split in the wrong place, and the
    /// recording is useless.
    fn read_block(&mut self, block: &Block, root: &str) -> Result<Option<String>, IndexError> {
        let malformed = |at: usize, what: &str| IndexError::Malformed { offset: block.offset + at as u64, what: what.to_owned() };
        let text = std::str::from_utf8(&block.bytes).map_err(|error| malformed(error.valid_up_to(), "it is not UTF-8"))?;
        let state = if root.is_empty() { State::Document } else { State::Metadata };
        let mut primary = Primary::new(&mut self.recorder, &mut self.recent, self.repo, state);
        xml::read_part(text, root, block.is_last, &mut primary).map_err(|(at, what)| malformed(at, &what))
    }
}
