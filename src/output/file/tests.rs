use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::*;
use crate::reporter::Silent;

fn write(path: &Path, text: &str) -> Result<(), OutputError> {
    OutputFile::prepare(path)?.write(text.as_bytes(), &Silent, &Cancel::new())
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn a_regular_file_is_replaced_and_keeps_its_mode() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    write(&path, "one").unwrap();
    for mode in [0o600, 0o444, 0o664] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        write(&path, "two").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode);
        assert_ne!(fs::metadata(&path).unwrap().ino(), before, "it is a new file, renamed");
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }
    assert_eq!(names(place.path()), ["file"]);
}

#[test]
fn a_link_is_written_through_and_stays_a_link() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("real"), "old").unwrap();
    symlink("../real", at("sub/relative")).unwrap();
    symlink("sub/relative", at("chain")).unwrap();
    symlink(at("real"), at("absolute")).unwrap();
    symlink("sub/new", at("dangling")).unwrap();
    symlink(".", at("here")).unwrap();
    for (link, target) in
        [("sub/relative", "real"), ("chain", "real"), ("absolute", "real"), ("here/chain", "real"), ("dangling", "sub/new")]
    {
        write(&at(link), link).unwrap();
        assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
        assert!(!fs::symlink_metadata(at(target)).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at(target)).unwrap(), link);
    }
    assert_eq!(names(&at("sub")), ["new", "relative"]);
}

#[test]
fn what_cannot_be_a_file_is_refused_before_anything_is_written() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("directory")).unwrap();
    fs::write(at("file"), "").unwrap();
    symlink("directory", at("to-directory")).unwrap();
    symlink("none/file", at("into-nothing")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let before = names(place.path());
    for name in ["directory", "to-directory", "new/", "file/", "directory/.", "directory/..", ""] {
        let path = if name.is_empty() { PathBuf::new() } else { at(name) };
        let error = OutputFile::prepare(&path).err().unwrap();
        assert!(matches!(error, OutputError::NotAFile { .. }) && error.is_usage(), "{name}: {error}");
    }
    for name in ["none/file", "into-nothing", "file/below"] {
        let error = OutputFile::prepare(&at(name)).err().unwrap();
        assert!(error.is_usage(), "{name}: {error}");
    }
    for name in ["loop", "socket"] {
        let error = OutputFile::prepare(&at(name)).err().unwrap();
        assert!(matches!(error, OutputError::File { .. }), "{name}: {error}");
    }
    assert_eq!(names(place.path()), before);
}

#[test]
fn a_device_is_written_into_and_stays_a_device() {
    let place = tempfile::tempdir().unwrap();
    let (null, full, link) = (place.path().join("null"), place.path().join("full"), place.path().join("link"));
    let made = [(&null, 3), (&full, 7)].into_iter().try_for_each(|(path, minor)| {
        mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(1, minor))
    });
    if made.is_err() || File::options().write(true).open(&null).is_err() {
        println!("skipped: devices cannot be made or used here");
        return;
    }
    symlink("null", &link).unwrap();
    write(&null, "text").unwrap();
    write(&link, "text").unwrap();
    assert!(fs::symlink_metadata(&null).unwrap().file_type().is_char_device());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(write(&full, "text").unwrap_err().to_string().contains("No space left"));
    assert_eq!(OutputFile::prepare(&null).unwrap().identity(), None, "many may write to it");
    assert_eq!(names(place.path()), ["full", "link", "null"]);
}

#[test]
fn a_fifo_is_written_into_once_somebody_reads_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("fifo");
    fifo(&path);
    // More than a pipe holds, so that the writer has to wait for its reader.
    let text = "rootstrap ".repeat(50_000);
    let reader = std::thread::spawn({
        let path = path.clone();
        move || fs::read_to_string(path).unwrap()
    });
    write(&path, &text).unwrap();
    assert!(reader.join().unwrap() == text);
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
    assert_eq!(names(place.path()), ["fifo"]);
}

/// A reporter that cancels on the first message.
struct Stop(Cancel);

impl Reporter for Stop {
    fn warn(&self, message: &str) {
        assert!(message.starts_with("waiting for a reader of "), "{message}");
        self.0.raise();
    }
}

#[test]
fn waiting_for_the_reader_of_a_fifo_ends_when_the_run_is_stopped() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("fifo");
    fifo(&path);
    let stop = Stop(Cancel::new());
    let error = OutputFile::prepare(&path).unwrap().write(b"text", &stop, &stop.0).unwrap_err();
    assert!(matches!(error, OutputError::Cancelled), "{error}");
    // A FIFO whose reader reads nothing behaves the same.
    let _reader = open_reader(&path);
    let cancel = Cancel::new();
    let file = OutputFile::prepare(&path).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| file.write(&vec![0; 1 << 20], &Silent, &cancel));
        std::thread::sleep(std::time::Duration::from_millis(20));
        cancel.raise();
        assert!(matches!(writing.join().unwrap(), Err(OutputError::Cancelled)));
    });
}

fn open_reader(path: &Path) -> File {
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
    rustix::fs::open(path, flags, Mode::empty()).unwrap().into()
}

#[test]
fn a_reader_that_closes_early_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("fifo");
    fifo(&path);
    let mut reader = open_reader(&path);
    let file = OutputFile::prepare(&path).unwrap();
    let error = std::thread::scope(|scope| {
        let writing = scope.spawn(|| file.write(&vec![0; 1 << 20], &Silent, &Cancel::new()));
        while !matches!(reader.read(&mut [0; 10]), Ok(1..)) {
            std::thread::yield_now();
        }
        drop(reader);
        writing.join().unwrap().unwrap_err()
    });
    assert!(error.to_string().contains("its reader closed it"), "{error}");
}

#[test]
fn a_run_that_fails_lets_the_reader_of_a_fifo_go() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("fifo");
    fifo(&path);
    let file = OutputFile::prepare(&path).unwrap();
    let reader = std::thread::spawn({
        let path = path.clone();
        move || fs::read(path).unwrap()
    });
    // It is waiting once a writer can open the FIFO.
    while Stream::fifo(&path).unwrap().is_none() {
        std::thread::yield_now();
    }
    drop(file);
    assert_eq!(reader.join().unwrap(), b"");
}

#[test]
fn what_appears_meanwhile_and_is_no_regular_file_is_not_replaced() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    let file = OutputFile::prepare(&path).unwrap();
    fifo(&path);
    let error = file.write(b"text", &Silent, &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
    assert_eq!(names(place.path()), ["file"]);
}

#[test]
fn a_descriptor_is_written_where_others_stopped() {
    use std::io::Write as _;
    use std::os::fd::AsRawFd;

    let place = tempfile::tempdir().unwrap();
    let mut shared = File::create(place.path().join("shared")).unwrap();
    shared.write_all(b"first ").unwrap();
    for path in ["/proc/self/fd", "/dev/fd"].map(|directory| format!("{directory}/{}", shared.as_raw_fd())) {
        write(Path::new(&path), "text ").unwrap();
    }
    shared.write_all(b"last").unwrap();
    assert_eq!(fs::read_to_string(place.path().join("shared")).unwrap(), "first text text last");
    let read_only = File::open(place.path().join("shared")).unwrap();
    let path = format!("/dev/fd/{}", read_only.as_raw_fd());
    assert!(OutputFile::prepare(Path::new(&path)).is_err(), "it is not open for writing");
}

#[test]
fn two_paths_of_one_file_have_one_identity() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("there"), "").unwrap();
    symlink("../there", at("sub/link")).unwrap();
    symlink("new", at("dangling")).unwrap();
    let of = |name: &str| Identity::of_output(&at(name)).unwrap();
    assert_eq!(of("there"), of("sub/link"));
    assert_eq!(Identity::of_input(&at("sub/link")), Some(of("there")));
    assert_eq!(of("new"), of("sub/../dangling"));
    assert_ne!(of("there"), of("new"));
    assert_ne!(of("new"), of("sub/new"));
}

#[test]
fn what_is_stopped_or_dropped_leaves_the_file_as_it_was() {
    use std::io::Write as _;

    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    fs::write(&path, "old").unwrap();
    let cancel = Cancel::new();
    let mut open = OutputFile::prepare(&path).unwrap().open(&Silent, &cancel).unwrap();
    open.write_all(b"half").unwrap();
    drop(open);
    let mut open = OutputFile::prepare(&path).unwrap().open(&Silent, &cancel).unwrap();
    open.write_all(b"half").unwrap();
    cancel.raise();
    assert!(matches!(open.finish(), Err(OutputError::Cancelled)));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(place.path()), ["file"]);
}
