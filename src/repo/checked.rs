//! Marks of cached files that were checked and not changed since, so that a start need not read
//! each file as a whole.
//!
//! In: an open file. Out: whether it is the file that was checked. The comparison uses all facts of
//! the file system (inode, size, times of modification and change) and the boot ID: after a reboot
//! the bytes come from the disk again. A mark that is wrong, old, incomplete or missing costs one
//! check. The idea comes from git's index, as does the care with files that were changed just now
//! (`racy-git` in git's documentation).

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// The minimum age of a file's last change when the file is marked, so that a later change has
/// another time. The kernel's clock for files advances at least a hundred times a second. A file
/// system without fractions of a second may advance only every second second.
const SETTLED: Duration = Duration::from_millis(100);
const SETTLED_IN_SECONDS: Duration = Duration::from_secs(3);

/// The current state of a file, and the path of its mark.
pub(super) struct Checked {
    mark: PathBuf,
    state: Option<String>,
    settled: bool,
}

impl Checked {
    /// Reads the state of a file whose mark is stored at `mark`.
    pub(super) fn new(file: &File, mark: PathBuf) -> io::Result<Self> {
        let facts = file.metadata()?;
        Ok(Self { mark, settled: is_settled(&facts, SystemTime::now()), state: boot().map(|boot| describe(&boot, &facts)) })
    }

    /// Reports whether the file was checked and is unchanged since.
    pub(super) fn holds(&self) -> bool {
        self.state.as_ref().is_some_and(|state| fs::read_to_string(&self.mark).is_ok_and(|mark| mark == *state))
    }

    /// Writes a mark that the file was checked after [`new`](Self::new), unless a later change
    /// could go unnoticed. If the mark cannot be written, the next run checks the file again.
    pub(super) fn remember(&self) {
        if let Some(state) = self.state.as_ref().filter(|_| self.settled)
            && let Some(directory) = self.mark.parent()
        {
            let _ = fs::create_dir_all(directory).and_then(|()| fs::write(&self.mark, state));
        }
    }
}

fn is_settled(facts: &Metadata, now: SystemTime) -> bool {
    let (Ok(seconds), Ok(fraction)) = (u64::try_from(facts.ctime()), u64::try_from(facts.ctime_nsec())) else { return false };
    let changed = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(fraction));
    let enough = if fraction == 0 { SETTLED_IN_SECONDS } else { SETTLED };
    now.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|now| now.checked_sub(changed).is_some_and(|age| age > enough))
}

/// Returns the file's state as a line.
fn describe(boot: &str, facts: &Metadata) -> String {
    let (modified, changed) = ((facts.mtime(), facts.mtime_nsec()), (facts.ctime(), facts.ctime_nsec()));
    format!(
        "boot {boot} device {} inode {} size {} modified {}.{:09} changed {}.{:09}\n",
        facts.dev(),
        facts.ino(),
        facts.size(),
        modified.0,
        modified.1,
        changed.0,
        changed.1
    )
}

/// Returns the kernel's boot ID; `None` if it is not available.
fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_checked_until_somebody_touches_it() {
        let directory = tempfile::tempdir().unwrap();
        let (path, mark) = (directory.path().join("pool"), directory.path().join("checked/pool"));
        fs::write(&path, b"bytes").unwrap();
        let mut file = File::options().read(true).append(true).open(&path).unwrap();
        let mut now = Checked::new(&file, mark.clone()).unwrap();
        assert!(!now.holds());
        now.settled = false;
        now.remember();
        assert!(!mark.exists(), "what was written just now may be written to again within the same tick of the clock");
        now.settled = true;
        now.remember();
        assert!(Checked::new(&file, mark.clone()).unwrap().holds());
        let other = directory.path().join("other");
        fs::copy(&path, &other).unwrap();
        assert!(!Checked::new(&File::open(&other).unwrap(), mark.clone()).unwrap().holds());
        file.write_all(b"!").unwrap();
        assert!(!Checked::new(&file, mark.clone()).unwrap().holds());
        fs::write(&mark, "boot").unwrap();
        assert!(!Checked::new(&file, mark).unwrap().holds());
    }

    #[test]
    fn only_old_changes_are_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pool");
        fs::write(&path, b"bytes").unwrap();
        let facts = fs::metadata(&path).unwrap();
        let now = facts.modified().unwrap();
        assert!(!is_settled(&facts, now) && is_settled(&facts, now + 2 * SETTLED_IN_SECONDS));
        assert!(!is_settled(&facts, now - 2 * SETTLED), "the clock was set back");
    }

    #[test]
    fn every_fact_counts() {
        let facts = fs::metadata(".").unwrap();
        assert_ne!(describe("a", &facts), describe("b", &facts));
        assert_ne!(describe("a", &facts), describe("a", &fs::metadata("..").unwrap()));
    }
}
