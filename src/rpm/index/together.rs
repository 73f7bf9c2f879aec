//! `primary.xml` read by several threads: one inflates it and cuts it into blocks, some take blocks apart, one puts what they say into the pool,
//! in order.

#[cfg(test)]
mod tests;

use std::io::Read;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::blocks::{Block, Blocks};
use super::primary::{self, Primary, State};
use super::recent::Recent;
use super::xml;
use crate::metadata::IndexError;
use crate::pool::{PoolBuilder, Recorder, Recording, Replay, RepoId};

/// How many blocks may be on their way, for each thread.
const DEPTH: usize = 4;

/// Reads the whole document.
pub(super) fn read(input: impl Read + Send, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
    let mut blocks = Blocks::new(input);
    let Some(first) = blocks.next(Vec::new())? else { return primary::read(blocks.rest(Vec::new()), builder, repo) };
    let mut worker = Worker::new(0, repo);
    // It tells how the root is called.
    let Some(root) = worker.read_block(&first, "")? else { return primary::read(blocks.rest(first.bytes), builder, repo) };
    let mut replay = Replay::new(builder);
    replay.carry_out(&worker.recorder.take(Recording::default()));
    if first.is_last {
        return Ok(());
    }
    let uncut = match rayon::current_num_threads() {
        1 => read_alone(&mut blocks, worker, &mut replay, &root)?,
        threads => read_together(&mut blocks, worker, threads, &mut replay, &root)?,
    };
    match uncut {
        Some(Uncut { offset, bytes }) => primary::read_on(blocks.rest(bytes), offset, &root, builder, repo),
        None => Ok(()),
    }
}

/// From where on a document has to be read in one piece, and what was taken of that already.
struct Uncut {
    offset: u64,
    bytes: Vec<u8>,
}

fn read_alone(
    blocks: &mut Blocks<impl Read>,
    mut worker: Worker,
    replay: &mut Replay<'_>,
    root: &str,
) -> Result<Option<Uncut>, IndexError> {
    let (mut bytes, mut spare) = (Vec::new(), Recording::default());
    loop {
        let Some(block) = blocks.next(bytes)? else {
            return Ok(Some(Uncut { offset: blocks.offset(), bytes: Vec::new() }));
        };
        if worker.read_block(&block, root)?.is_none() {
            return Ok(Some(Uncut { offset: block.offset, bytes: block.bytes }));
        }
        spare = worker.recorder.take(spare);
        replay.carry_out(&spare);
        if block.is_last {
            return Ok(None);
        }
        bytes = block.bytes;
    }
}

fn read_together(
    blocks: &mut Blocks<impl Read + Send>,
    first: Worker,
    threads: usize,
    replay: &mut Replay<'_>,
    root: &str,
) -> Result<Option<Uncut>, IndexError> {
    let (work, queue) = channel();
    let shared = Shared {
        root,
        queue: Mutex::new(queue),
        stop: AtomicBool::new(false),
        spare_bytes: Mutex::default(),
        spare_recordings: Mutex::default(),
    };
    let (shared, repo) = (&shared, first.repo);
    thread::scope(|scope| {
        let (ordered, results) = sync_channel(DEPTH * threads);
        let others = (1..threads).map(|number| Worker::new(number, repo));
        for worker in std::iter::once(first).chain(others) {
            scope.spawn(move || worker.work(shared));
        }
        let cutter = scope.spawn(move || hand_out(blocks, &work, &ordered, shared));
        // Here, where the rest of the pool is made: an allocator keeps what a thread lets go for that thread.
        let carried = carry_out(results, replay, shared);
        let cut = cutter.join().unwrap_or_else(|panic| resume_unwind(panic));
        // What is wrong with the document comes before what follows it.
        match carried? {
            None => cut,
            uncut => cut.and(Ok(uncut)),
        }
    })
}

/// What the threads share.
struct Shared<'s> {
    root: &'s str,
    queue: Mutex<Receiver<(Block, Sender<Done>)>>,
    /// Set when no further blocks are wanted.
    stop: AtomicBool,
    /// What may be written over: asking for memory again and again takes longer than filling it.
    spare_bytes: Mutex<Vec<Vec<u8>>>,
    spare_recordings: Mutex<Vec<Recording>>,
}

/// A block that was read.
struct Done {
    block: Block,
    /// `None` if it does not end where it should: then it was cut in the wrong place.
    outcome: Result<Option<Recording>, IndexError>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands all blocks out; gives from where on there are none though the document goes on.
fn hand_out(
    blocks: &mut Blocks<impl Read>,
    work: &Sender<(Block, Sender<Done>)>,
    ordered: &SyncSender<Receiver<Done>>,
    shared: &Shared<'_>,
) -> Result<Option<Uncut>, IndexError> {
    while !shared.stop.load(Ordering::Relaxed) {
        let bytes = lock(&shared.spare_bytes).pop().unwrap_or_default();
        let Some(block) = blocks.next(bytes)? else {
            return Ok(Some(Uncut { offset: blocks.offset(), bytes: Vec::new() }));
        };
        let is_last = block.is_last;
        let (done, result) = channel();
        // Nobody hears it only if a thread has panicked, which the scope tells.
        if work.send((block, done)).is_err() || ordered.send(result).is_err() || is_last {
            break;
        }
    }
    Ok(None)
}

/// Puts what was read into the pool, block by block.
fn carry_out(
    results: Receiver<Receiver<Done>>,
    replay: &mut Replay<'_>,
    shared: &Shared<'_>,
) -> Result<Option<Uncut>, IndexError> {
    let mut end: Result<Option<Uncut>, IndexError> = Ok(None);
    for result in results {
        // A thread that panicked sends nothing; the scope tells.
        let Ok(Done { block, outcome }) = result.recv() else { break };
        match (&mut end, outcome) {
            (Err(_), _) => {}
            (Ok(Some(uncut)), _) => uncut.bytes.extend_from_slice(&block.bytes),
            (Ok(None), Ok(Some(recording))) => {
                replay.carry_out(&recording);
                lock(&shared.spare_recordings).push(recording);
                lock(&shared.spare_bytes).push(block.bytes);
            }
            (Ok(None), Ok(None)) => end = Ok(Some(Uncut { offset: block.offset, bytes: block.bytes })),
            (Ok(None), Err(error)) => end = Err(error),
        }
        if !matches!(end, Ok(None)) {
            shared.stop.store(true, Ordering::Relaxed);
        }
    }
    end
}

/// Who takes blocks apart.
struct Worker {
    repo: RepoId,
    recorder: Recorder,
    recent: Recent,
}

impl Worker {
    fn new(number: usize, repo: RepoId) -> Self {
        Self { repo, recorder: Recorder::new(number), recent: Recent::default() }
    }

    fn work(mut self, shared: &Shared<'_>) {
        loop {
            let next = lock(&shared.queue).recv();
            let Ok((block, done)) = next else { return };
            let read = self.read_block(&block, shared.root);
            let outcome = read.map(|root| {
                let spare = || lock(&shared.spare_recordings).pop().unwrap_or_default();
                root.map(|_| self.recorder.take(spare()))
            });
            // Nobody hears it only if that thread has panicked.
            let _ = done.send(Done { block, outcome });
        }
    }

    /// Records what a block says. The first one (`root` is empty) tells the name of the document's root. `None` if it does not end between
    /// two of the root's elements: then it was cut in the wrong place, and what was recorded is of no use.
    fn read_block(&mut self, block: &Block, root: &str) -> Result<Option<String>, IndexError> {
        let malformed = |at: usize, what: &str| IndexError::Malformed { offset: block.offset + at as u64, what: what.to_owned() };
        let text = std::str::from_utf8(&block.bytes).map_err(|error| malformed(error.valid_up_to(), "it is not UTF-8"))?;
        let state = if root.is_empty() { State::Document } else { State::Metadata };
        let mut primary = Primary::new(&mut self.recorder, &mut self.recent, self.repo, state);
        xml::read_part(text, root, block.is_last, &mut primary).map_err(|(at, what)| malformed(at, &what))
    }
}
