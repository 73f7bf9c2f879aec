//! Runs the command on a bomb and measures the output, the time, and the peak use of memory and
//! disk.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The measurements of a run.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) code: Option<i32>,
    pub(crate) message: String,
    pub(crate) time: Duration,
    /// Peak memory use in bytes.
    pub(crate) memory: u64,
    /// Peak size of its open files (with or without a name) and of its cache, in bytes.
    pub(crate) disk: u64,
}

/// Runs the command in `place`, with its cache and its temporary files there.
pub(crate) fn run(place: &Path, arguments: &[&str]) -> Measured {
    let temporary = place.join("tmp");
    fs::create_dir_all(&temporary).unwrap();
    let message = place.join("message");
    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rootstrap"))
        .current_dir(place)
        .args(arguments)
        .args(["--cache-dir", "cache"])
        .env("TMPDIR", &temporary)
        .env_remove("SOURCE_DATE_EPOCH")
        .stdout(Stdio::null())
        .stderr(fs::File::create(&message).unwrap())
        .spawn()
        .unwrap();
    let (mut memory, mut disk) = (0, 0);
    let code = loop {
        memory = memory.max(peak(child.id()));
        disk = disk.max(held(child.id()) + below(&place.join("cache")) + below(&temporary));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        // What would not end is a finding, and not one to wait for.
        if begin.elapsed() > Duration::from_mins(5) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let message = fs::read_to_string(message).unwrap().lines().take(3).collect::<Vec<_>>().join(" | ");
    Measured { code, message, time: begin.elapsed(), memory, disk }
}

/// Returns the peak memory use of a process, according to the kernel.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Returns the size of its open files that have no name.
fn held(process: u32) -> u64 {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let found = open.filter_map(|file| fs::metadata(file.path()).ok());
    found.filter(|file| file.is_file() && file.nlink() == 0).map(|file| file.blocks() * 512).sum()
}

fn below(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, metadata)| if metadata.is_dir() { below(&path) } else { metadata.blocks() * 512 })
        .sum()
}
