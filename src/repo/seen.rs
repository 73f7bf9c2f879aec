//! Rollback protection: the age of each repository's newest metadata, so that an attacker cannot
//! give older metadata to a later run (TUF's rollback attack).
//!
//! The store contains a rollback record for each repository, by its [`Repository::identity`], with
//! the [`Age`] of the newest accepted metadata. The record only moves forward, unless the user
//! allows older metadata.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{RepoError, Repository};
use crate::catalog::DateFormat;
use crate::digest::{Algorithm, Digest};
use crate::fetch::{Location, Store};
use crate::metadata::Age;

/// Fails if metadata are older than the rollback record, and otherwise updates the record. A store
/// that is not writable keeps no records, and an unreadable record counts as missing.
pub(super) fn check(
    store: &Store,
    identity: &str,
    repository: &Repository,
    document: &str,
    from: &Location,
    found: &Age,
) -> Result<(), RepoError> {
    let name = Digest::of(Algorithm::Sha256, identity.as_bytes()).hex();
    let directory = store.seen();
    let path = directory.join(&name);
    let below = store.below().map(|below| below.seen().join(&name));
    let newest_seen = || [Some(path.as_path()), below.as_deref()].into_iter().flatten().filter_map(read).max();
    if newest_seen().as_ref() == Some(found) {
        return Ok(());
    }
    // Two processes with different metadata at the same time must not move the record back.
    let lock = fs::create_dir_all(&directory).and_then(|()| File::create(directory.join("lock")));
    let _locked = lock.ok().filter(|file| file.lock().is_ok());
    match newest_seen() {
        Some(seen) if *found < seen && !repository.allow_older => Err(RepoError::Older {
            repository: repository.name.clone(),
            file: document.to_owned(),
            from: from.to_string(),
            seen: words(&seen),
            found: words(found),
        }),
        Some(seen) if seen == *found => Ok(()),
        _ => {
            let _ = write(store, &path, found);
            Ok(())
        }
    }
}

/// Returns the time elapsed since `made`, in seconds since 1970; `None` if `made` is not positive.
/// A time in the future counts as now.
pub(super) fn time_since(made: i64) -> Option<Duration> {
    let made = u64::try_from(made).ok().filter(|&made| made > 0)?;
    let made = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(made))?;
    Some(SystemTime::now().duration_since(made).unwrap_or_default())
}

fn read(path: &Path) -> Option<Age> {
    let text = fs::read_to_string(path).ok()?;
    let mut numbers = text.split_ascii_whitespace();
    let made = numbers.next()?.parse().ok()?;
    Some(Age { made, revision: numbers.map(str::parse).collect::<Result<_, _>>().ok()? })
}

fn write(store: &Store, path: &Path, age: &Age) -> std::io::Result<()> {
    let mut writer = store.begin()?;
    write!(writer, "{}", age.made)?;
    for number in &age.revision {
        write!(writer, " {number}")?;
    }
    writer.finish(path).map(drop)
}

/// Returns the time and revision of metadata in words.
fn words(age: &Age) -> String {
    let revision: Vec<String> = age.revision.iter().map(u64::to_string).collect();
    let revision = if revision.is_empty() { String::new() } else { format!(" (revision {})", revision.join(".")) };
    let date = DateFormat::try_from("%F %T".to_owned()).ok().zip(u64::try_from(age.made).ok().filter(|&made| made > 0));
    match date {
        Some((format, made)) => format!("{}{revision}", format.render(made)),
        None => format!("at a time that is not told{revision}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_only_moves_forward() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let place = Location::parse("http://host/os").unwrap();
        let repository = Repository::new("base", place.clone());
        let age = |made, revision: &[u64]| Age { made, revision: revision.to_vec() };
        let see = |repository: &Repository, age: Age| {
            check(&store, &repository.identity(), repository, "repomd.xml", &place, &age).map_err(|error| error.to_string())
        };
        see(&repository, age(1_700_000_000, &[5])).unwrap();
        see(&repository, age(1_700_000_000, &[5])).unwrap();
        see(&repository, age(1_700_000_001, &[5])).unwrap();
        let error = see(&repository, age(1_700_000_000, &[9])).unwrap_err();
        assert!(error.contains("made 2023-11-14 22:13:20 (revision 9), seen 2023-11-14 22:13:21 (revision 5)"), "{error}");
        // Metadata without a time may be of any age.
        assert!(see(&repository, age(0, &[])).is_err());
        see(&Repository::new("other", place.clone()), age(0, &[1])).unwrap();
        let lenient = Repository { allow_older: true, ..repository.clone() };
        see(&lenient, age(1_600_000_000, &[1])).unwrap();
        see(&repository, age(1_600_000_000, &[2])).unwrap();
        fs::write(store.seen().join(Digest::of(Algorithm::Sha256, repository.identity().as_bytes()).hex()), "broken").unwrap();
        see(&repository, age(1_500_000_000, &[])).unwrap();
    }
}
