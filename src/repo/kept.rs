//! Cache directories with a size limit: the time of last use of a file, and the removal of old
//! files.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The precision of the time of last use. Each update changes the file, and a changed pool is
/// checked again.
const USED_ABOUT: Duration = Duration::from_hours(1);

/// Sets a file's time of last use to now. In a store that is not writable it stays unchanged.
pub(super) fn note_use(file: &File) {
    let now = SystemTime::now();
    let noted = file.metadata().and_then(|facts| facts.modified());
    if !noted.is_ok_and(|noted| now.duration_since(noted).is_ok_and(|age| age < USED_ABOUT)) {
        let _ = file.set_modified(now);
    }
}

/// Removes the files of a directory that were not used for the longest time, until at most `most`
/// files with at most `limit` bytes are left. Calls `before` with each file before its removal.
pub(super) fn shrink(directory: &Path, limit: u64, most: usize, before: impl Fn(&Path)) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Another process may remove it at the same time.
        let Ok(facts) = entry.metadata() else { continue };
        kept.push((facts.modified().unwrap_or(SystemTime::UNIX_EPOCH), facts.len(), entry.path()));
    }
    kept.sort_unstable();
    let mut total: u64 = kept.iter().map(|(_, size, _)| size).sum();
    let mut count = kept.len();
    for (_, size, path) in kept {
        if total <= limit && count <= most {
            break;
        }
        count -= 1;
        total -= size;
        before(&path);
        let _ = fs::remove_file(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_oldest_go_first_until_the_rest_fits() {
        let directory = tempfile::tempdir().unwrap();
        for (age, name) in ["newest", "newer", "older", "oldest"].iter().enumerate() {
            fs::write(directory.path().join(name), [0; 10]).unwrap();
            let used = SystemTime::now() - Duration::from_secs(60 * age as u64);
            File::options().append(true).open(directory.path().join(name)).unwrap().set_modified(used).unwrap();
        }
        let shrink = |limit, most| {
            let heard = RefCell::new(Vec::new());
            shrink(directory.path(), limit, most, |path| {
                assert!(path.exists());
                heard.borrow_mut().push(path.file_name().unwrap().to_owned());
            })
            .unwrap();
            heard.into_inner()
        };
        assert!(shrink(40, 4).is_empty());
        assert_eq!(shrink(39, 4), ["oldest"]);
        assert_eq!(shrink(40, 1), ["older", "newer"]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
