//! What packages' data inflate to, kept in the cache and mapped into memory by every later run that unpacks the same package.
//!
//! A file is the inflated bytes, and behind them a mark and a fingerprint of them and of the digest that it is kept under: damage is seen, and so is a file
//! under another's name. It is no proof against forgery: who can write to a user's files is that user, so only files are used that belong to who
//! runs this and that nobody else can write to, and none of the store below.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::Mmap;
use rustix::fs::statvfs;
use rustix::process::geteuid;
use xxhash_rust::xxh3::Xxh3;

use super::kept::{note_use, shrink};
use super::mapped::map_at_once;
use crate::digest::Digest;
use crate::fetch::{Store, StoreWriter};
use crate::package::{Content, InflatedStore, InflatedWriter};

/// How much all of it may take when a run begins to add to it. What was used longest ago goes first.
const LIMIT: u64 = 2 << 30;

/// How much has to be free on the disk: what can be inflated again shall not take the room of what is made.
const ROOM: u64 = 1 << 30;

/// The end of a file: this, and the fingerprint in little endian. Another form would have another mark.
const MARK: [u8; 8] = *b"inflated";
const END: usize = MARK.len() + size_of::<u64>();

/// Inflated data in the cache.
#[derive(Debug)]
pub struct Inflated {
    store: Store,
    /// Whether this run has seen to it that it does not grow without bound.
    bounded: AtomicBool,
    room: u64,
}

impl Inflated {
    /// That of a store. Nothing is added to it where less than 1 GiB is free.
    pub fn new(store: Store) -> Self {
        Self { store, bounded: AtomicBool::new(false), room: ROOM }
    }

    /// The same where so many bytes have to be free.
    #[must_use]
    pub fn with_room(self, room: u64) -> Self {
        Self { room, ..self }
    }

    fn read(&self, packed: &Digest) -> io::Result<Option<Whole>> {
        let file = File::open(self.store.inflated_path(packed))?;
        let facts = file.metadata()?;
        if facts.uid() != geteuid().as_raw() || facts.mode() & 0o022 != 0 {
            return Ok(None);
        }
        let whole = Whole::read(&file, packed)?;
        note_use(&file);
        Ok(whole)
    }
}

impl InflatedStore for Inflated {
    fn find(&self, packed: &Digest) -> Option<Content> {
        self.read(packed).ok().flatten().map(Content::shared)
    }

    fn begin(&self, packed: &Digest) -> Option<Box<dyn InflatedWriter + '_>> {
        if !self.bounded.swap(true, Ordering::Relaxed) {
            // There may be none yet.
            let _ = shrink(&self.store.inflated(), LIMIT, usize::MAX, |_| ());
        }
        let file = self.store.begin().ok()?;
        let disk = statvfs(self.store.root()).ok()?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < self.room {
            return None;
        }
        let path = self.store.inflated_path(packed);
        Some(Box::new(Writer { file, path, packed: packed.clone(), hasher: Xxh3::new(), failed: false }))
    }
}

/// The bytes of a file that is whole.
pub(super) struct Whole {
    map: Mmap,
    length: usize,
}

impl Whole {
    /// Maps a file, if it is what it is kept as.
    pub(super) fn read(file: &File, packed: &Digest) -> io::Result<Option<Self>> {
        let map = map_at_once(file)?;
        let Some((inflated, end)) = map.split_last_chunk::<END>() else { return Ok(None) };
        let mut hasher = Xxh3::new();
        hasher.update(inflated);
        let length = inflated.len();
        Ok((*end == self::end(hasher, packed)).then_some(Self { map, length }))
    }
}

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        &self.map[..self.length]
    }
}

/// The end of a file whose bytes the hasher has seen.
fn end(mut hasher: Xxh3, packed: &Digest) -> [u8; END] {
    hasher.update(packed.bytes());
    let mut end = [0; END];
    end[..MARK.len()].copy_from_slice(&MARK);
    end[MARK.len()..].copy_from_slice(&hasher.digest().to_le_bytes());
    end
}

struct Writer {
    file: StoreWriter,
    path: PathBuf,
    packed: Digest,
    hasher: Xxh3,
    failed: bool,
}

impl InflatedWriter for Writer {
    fn add(&mut self, inflated: &[u8]) {
        if !self.failed {
            self.hasher.update(inflated);
            self.failed = self.file.write_all(inflated).is_err();
        }
    }

    fn finish(self: Box<Self>) {
        let Self { mut file, path, packed, hasher, failed } = *self;
        if !failed && file.write_all(&end(hasher, &packed)).is_ok() {
            let _ = file.finish(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::digest::Algorithm;

    fn place() -> (tempfile::TempDir, Inflated, Digest) {
        let directory = tempfile::tempdir().unwrap();
        let inflated = Inflated::new(Store::new(directory.path())).with_room(0);
        (directory, inflated, Digest::of(Algorithm::Sha256, b"packed"))
    }

    fn keep(inflated: &Inflated, packed: &Digest, parts: &[&[u8]]) {
        let mut writer = inflated.begin(packed).unwrap();
        for part in parts {
            writer.add(part);
        }
        writer.finish();
    }

    fn found(inflated: &Inflated, packed: &Digest) -> Option<Vec<u8>> {
        inflated.find(packed).map(|content| content.bytes().unwrap().into_owned())
    }

    #[test]
    fn what_was_kept_is_found_and_nothing_else() {
        let (directory, inflated, packed) = place();
        assert_eq!(found(&inflated, &packed), None);
        keep(&inflated, &packed, &[b"what it ", b"inflates to"]);
        assert_eq!(found(&inflated, &packed).unwrap(), b"what it inflates to");
        let another = Inflated::new(Store::new(directory.path()));
        assert_eq!(found(&another, &packed).unwrap(), b"what it inflates to", "by another run");
        assert_eq!(found(&inflated, &Digest::of(Algorithm::Sha1, b"packed")), None);
        let empty = Digest::of(Algorithm::Sha256, b"nothing");
        keep(&inflated, &empty, &[]);
        assert_eq!(found(&inflated, &empty).unwrap(), b"");
        keep(&inflated, &packed, &[b"again"]);
        assert_eq!(found(&inflated, &packed).unwrap(), b"again");

        let unfinished = Digest::of(Algorithm::Sha256, b"unfinished");
        inflated.begin(&unfinished).unwrap().add(b"half of it");
        assert_eq!(found(&inflated, &unfinished), None);
        assert_eq!(fs::read_dir(inflated.store.unfinished()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_changed_or_moved_is_not_used() {
        let (_directory, inflated, packed) = place();
        keep(&inflated, &packed, &[b"what it inflates to"]);
        let path = inflated.store.inflated_path(&packed);
        let whole = fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(&path, damaged).unwrap();
            assert_eq!(found(&inflated, &packed), None, "byte {place}");
            fs::write(&path, &whole[..place]).unwrap();
            assert_eq!(found(&inflated, &packed), None, "cut off at {place}");
        }
        fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        assert_eq!(found(&inflated, &packed), None);
        fs::write(&path, &whole).unwrap();
        assert!(found(&inflated, &packed).is_some());
        let other = Digest::of(Algorithm::Sha256, b"other");
        fs::copy(&path, inflated.store.inflated_path(&other)).unwrap();
        assert_eq!(found(&inflated, &other), None, "under another's name");
    }

    #[test]
    fn what_others_could_have_written_is_not_used() {
        let (_directory, inflated, packed) = place();
        keep(&inflated, &packed, &[b"what it inflates to"]);
        let path = inflated.store.inflated_path(&packed);
        for (mode, is_ours) in [(0o644, true), (0o664, false), (0o646, false), (0o600, true)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(found(&inflated, &packed).is_some(), is_ours, "{mode:o}");
        }
        if geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            assert_eq!(found(&inflated, &packed), None, "a file of somebody else");
        }
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_kept() {
        let inflated = Inflated::new(Store::new("/proc/nowhere".as_ref()));
        let packed = Digest::of(Algorithm::Sha256, b"packed");
        assert!(inflated.begin(&packed).is_none() && inflated.find(&packed).is_none());
    }
    #[test]
    fn where_there_is_little_room_nothing_is_kept() {
        let (directory, inflated, packed) = place();
        keep(&inflated, &packed, &[b"kept before"]);
        let full = Inflated::new(Store::new(directory.path())).with_room(u64::MAX);
        assert!(full.begin(&packed).is_none() && full.find(&packed).is_some());
        assert_eq!(fs::read_dir(full.store.unfinished()).unwrap().count(), 0);
    }
}
