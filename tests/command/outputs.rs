//! Tests of files that options name: only regular files are replaced, and unwritable paths are
//! refused before any work is done.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::place::{MICRO, Place, USER, is_root};

const KEY: [&str; 2] = ["--key", "mirror/keys/rootstrap-fixtures.asc"];

/// Every option that names a file to write, each with a command in which `{}` is the file.
const OPTIONS: [(&str, &[&str]); 11] = [
    ("lock", &["lock", "-o", "{}"]),
    ("tar", &["--tar", "{}"]),
    ("docker archive", &["--docker-archive", "{}"]),
    ("report of a directory", &["--report", "{}", "out-report"]),
    ("report of an image", &["--report", "{}", "--oci", "layout"]),
    ("stats", &["--stats", "{}", "out-stats"]),
    ("stats of a resolution", &["resolve", "--stats", "{}"]),
    ("bill of materials", &["sbom", "-o", "{}"]),
    ("list", &["list", "--available", "-o", "{}"]),
    ("sarif", &["audit", "--sarif", "{}", "--fail-on", "critical"]),
    ("page", &["audit", "--html", "{}", "--fail-on", "critical"]),
];

fn arguments<'a>(options: &[&'a str], file: &'a str, mirror: &'a str) -> Vec<&'a str> {
    let named = options.iter().map(|&option| if option == "{}" { file } else { option });
    named.chain(MICRO).chain(["--mirror", mirror]).chain(KEY).collect()
}

#[test]
fn a_device_is_written_into_by_every_option() {
    let place = Place::new();
    let null = place.path("null");
    let made = mknodat(CWD, &null, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(1, 3));
    if made.is_err() || fs::write(&null, "").is_err() {
        println!("skipped: devices cannot be made or used here");
        return;
    }
    symlink("null", place.path("link")).unwrap();
    for (what, options) in OPTIONS {
        for file in ["null", "link"] {
            for out in ["out-report", "out-stats", "layout"] {
                let _ = fs::remove_dir_all(place.path(out));
            }
            let outcome = place.run(&arguments(options, file, "mirror"));
            assert_eq!(outcome.code, Some(0), "{what}: {}", outcome.stderr);
            assert!(fs::symlink_metadata(&null).unwrap().file_type().is_char_device(), "{what} to {file}");
            assert!(fs::symlink_metadata(place.path("link")).unwrap().is_symlink(), "{what} to {file}");
        }
    }
    // Several options may write to a device.
    place.bootstrap(&["--report", "null", "--stats", "null", "--tar", "null"]).success();
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_metadata_is_read() {
    let place = Place::new();
    fs::create_dir(place.path("directory")).unwrap();
    for (what, options) in OPTIONS {
        for (file, why) in [("directory", "a directory"), ("none/file", "mkdir -p none")] {
            // If anything were read first, the missing mirror would be reported.
            let outcome = place.run(&arguments(options, file, "no-mirror"));
            let code = if ["tar", "docker archive"].contains(&what) { 2 } else { 1 };
            assert_eq!(outcome.code, Some(code), "{what}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(why), "{what}: {}", outcome.stderr);
        }
    }
    assert_eq!(place.names(), ["directory", "mirror"], "nothing was made");
}

#[test]
fn a_link_is_written_through_by_every_option() {
    let place = Place::new();
    symlink("dangling-target", place.path("dangling")).unwrap();
    for (what, options) in OPTIONS {
        for out in ["out-report", "out-stats", "layout"] {
            let _ = fs::remove_dir_all(place.path(out));
        }
        let _ = fs::remove_file(place.path("dangling-target"));
        for _ in 0..2 {
            place.run(&arguments(options, "dangling", "mirror"));
            for out in ["out-report", "out-stats", "layout"] {
                let _ = fs::remove_dir_all(place.path(out));
            }
            let target = fs::symlink_metadata(place.path("dangling-target")).unwrap();
            assert!(target.is_file() && target.len() > 0, "{what}");
            assert!(fs::symlink_metadata(place.path("dangling")).unwrap().is_symlink(), "{what}");
        }
    }
}

#[test]
fn two_options_that_name_one_file_are_refused() {
    let place = Place::new();
    symlink("same", place.path("link")).unwrap();
    fs::write(place.path("input.json"), "{}").unwrap();
    for (options, names) in [
        (&["--report", "same", "--stats", "same", "out"][..], "--stats and --report"),
        (&["--report", "same", "--tar", "./same"], "--report and --tar"),
        (&["--stats", "same", "--docker-archive", "link"], "--stats and --docker-archive"),
        (&["lock", "-o", "same", "--stats", "mirror/../same"], "--stats and --output"),
        (&["audit", "--sarif", "same", "--html", "same"], "--sarif and --html"),
        (&["sbom", "input.json", "-o", "input.json"], "SUBJECT and --output"),
    ] {
        let outcome = place.run(&arguments(options, "", "no-mirror"));
        assert_eq!(outcome.code, Some(2), "{options:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(names), "{options:?}: {}", outcome.stderr);
    }
    assert_eq!(place.names(), ["input.json", "link", "mirror"], "nothing was made");
    assert_eq!(fs::read(place.path("input.json")).unwrap(), b"{}");
}

#[test]
fn a_lock_file_keeps_its_mode_and_its_link() {
    let place = Place::new();
    place.run(&arguments(&["lock", "-o", "real.lock"], "", "mirror")).success();
    let text = fs::read(place.path("real.lock")).unwrap();
    fs::write(place.path("real.lock"), "old").unwrap();
    fs::set_permissions(place.path("real.lock"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.lock", place.path("image.lock")).unwrap();
    place.run(&arguments(&["lock", "-o", "image.lock"], "", "mirror")).success();
    assert!(fs::symlink_metadata(place.path("image.lock")).unwrap().is_symlink());
    assert!(fs::read(place.path("real.lock")).unwrap() == text);
    assert_eq!(fs::metadata(place.path("real.lock")).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_fifo_without_a_reader_can_be_interrupted() {
    let place = Place::new();
    mknodat(CWD, place.path("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for (what, options) in OPTIONS {
            for out in ["out-report", "out-stats", "layout"] {
                let _ = fs::remove_dir_all(place.path(out));
            }
            let mut command = place.command(&arguments(options, "fifo", "mirror"));
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let mut told = std::io::BufReader::new(child.stderr.take().unwrap());
            let mut line = String::new();
            while !line.contains("waiting for a reader of fifo") {
                line.clear();
                assert!(std::io::BufRead::read_line(&mut told, &mut line).unwrap() > 0, "{what}: it did not wait");
            }
            kill_process(Pid::from_child(&child), signal).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(code), "{what}");
            assert!(fs::symlink_metadata(place.path("fifo")).unwrap().file_type().is_fifo());
        }
    }
}

#[test]
fn a_fifo_and_standard_output_get_what_a_file_gets() {
    let place = Place::new();
    let expected = |options: &[&str], file: &str| {
        place.run(&arguments(options, file, "mirror")).success();
        fs::read(place.path(file)).unwrap()
    };
    let (lock, tar) = (expected(&["lock", "-o", "{}"], "lock"), expected(&["--tar", "{}"], "tar"));
    for (options, expected) in [(&["lock", "-o", "{}"][..], &lock), (&["--tar", "{}"], &tar)] {
        for file in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            let output = place.command(&arguments(options, file, "mirror")).output().unwrap();
            assert!(output.status.success() && output.stdout == *expected, "{options:?} {file}");
        }
        mknodat(CWD, place.path("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let fifo = place.path("fifo");
        let reader = std::thread::spawn(move || fs::read(fifo).unwrap());
        place.run(&arguments(options, "fifo", "mirror")).success();
        assert!(reader.join().unwrap() == *expected, "{options:?}");
        fs::remove_file(place.path("fifo")).unwrap();
    }
    // Earlier appended text remains.
    fs::write(place.path("log"), "before\n").unwrap();
    let log = fs::File::options().append(true).open(place.path("log")).unwrap();
    let status = place.command(&arguments(&["--stats", "/dev/stdout", "out"], "", "mirror")).stdout(log).status().unwrap();
    assert!(status.success());
    assert!(fs::read_to_string(place.path("log")).unwrap().starts_with("before\n{"));
    assert_eq!(place.run(&arguments(&["--tar", "/dev/stdout", "--format", "json"], "", "mirror")).code, Some(2));
}

#[test]
fn a_file_in_a_directory_of_somebody_else_is_written_and_a_new_one_is_refused() {
    if !is_root() {
        println!("skipped: only root can be somebody else");
        return;
    }
    let place = Place::new();
    let (_, program) = place.for_somebody_else();
    fs::create_dir(place.path("closed")).unwrap();
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    let own = place.path("closed/own");
    fs::write(&own, "old text, and longer than nothing").unwrap();
    chown(&own, Some(USER), Some(USER)).unwrap();
    fs::write(place.path("closed/foreign"), "old").unwrap();
    let run = |file: &str, mirror: &str| {
        let mut command = Command::new(&program);
        let options = arguments(&["lock", "-o", file, "--cache-dir", "home/cache"], "", mirror);
        place.set(&mut command, &options);
        place.outcome(command.uid(USER).gid(USER))
    };
    run("home/lock", "mirror").success();
    run("closed/own", "mirror").success();
    assert!(fs::read(&own).unwrap() == fs::read(place.path("home/lock")).unwrap());
    for file in ["closed/new", "closed/foreign"] {
        let outcome = run(file, "no-mirror");
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(file) && outcome.stderr.contains("ermission denied"), "{}", outcome.stderr);
    }
    assert_eq!(fs::read(place.path("closed/foreign")).unwrap(), b"old");
    assert_eq!(crate::place::names(&place.path("closed")), ["foreign", "own"]);
}
