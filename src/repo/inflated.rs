//! Decompressed data of packages, cached and mapped into memory by later runs that unpack the same
//! package.
//!
//! A file consists of the decompressed bytes, a magic number, and a fingerprint. The fingerprint
//! covers the bytes and the digest that the file is stored under, so it detects damage and files
//! under a wrong name. It does not protect against forgery: a process that can write to a user's
//! files acts as that user. Therefore a file is used only if it belongs to the current user and
//! nobody else can write to it. Files of the store below are never used.

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

/// The maximum size in bytes of all files when a run begins to add to them. The files that were not
/// used for the longest time are removed first.
const LIMIT: u64 = 2 << 30;

/// The required free disk space in bytes. Files that can be decompressed again must not take the
/// space of the output.
const ROOM: u64 = 1 << 30;

/// The magic number at the end of a file, followed by the fingerprint in little endian. Another
/// format would have another magic number.
const MARK: [u8; 8] = *b"inflated";
const END: usize = MARK.len() + size_of::<u64>();

/// Decompressed data in the cache.
#[derive(Debug)]
pub struct Inflated {
    store: Store,
    /// True if this run has already enforced the size limit.
    bounded: AtomicBool,
    room: u64,
}

impl Inflated {
    /// Returns the decompressed data of a store. Nothing is added while less than 1 GiB of disk
    /// space is free.
    pub fn new(store: Store) -> Self {
        Self { store, bounded: AtomicBool::new(false), room: ROOM }
    }

    /// Returns the same with another required free disk space, in bytes.
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
            // The directory may not exist yet.
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

/// The bytes of an intact file.
pub(super) struct Whole {
    map: Mmap,
    length: usize,
}

impl Whole {
    /// Maps a file if its fingerprint is correct.
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

/// Returns the end of a file. The hasher has already processed the file's bytes.
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
