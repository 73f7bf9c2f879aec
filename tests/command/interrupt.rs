//! Tests of interrupted runs: they leave nothing behind, and the exit code names the signal.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::mirror;
use crate::place::Place;
use crate::server;

/// Waits for a child, with a time limit.
fn wait(child: &mut Child) -> Option<i32> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(20) {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    panic!("it did not stop");
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn while_it_waits_for_a_server() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let place = Place::new();
        let (address, accepted) = server::silent();
        let mirror = format!("http://{address}");
        let arguments = [&crate::place::MICRO[..], &["--mirror", &mirror, "--cache-dir", "cache", "out"]].concat();
        let mut child = start(&mut place.command(&arguments));
        accepted.recv_timeout(Duration::from_mins(1)).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(wait(&mut child), Some(code));
        let mut names = place.names();
        names.retain(|name| name != "cache");
        assert_eq!(names, ["mirror"]);
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.starts_with("error: ") && message.contains("Nothing was written to out"), "{message}");
    }
}

/// At any moment of a run, an existing layout is unchanged or contains the new image, and there are
/// no other files.
#[test]
fn at_any_moment_of_an_image() {
    let place = Place::new();
    let arguments = Place::usual(&["--cache-dir", "cache", "--layers", "4", "--oci", "layout:x"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    place.bootstrap(&["--cache-dir", "cache", "--docs", "--oci", "layout:old"]).success();
    mirror::copy(&place.path("layout"), &place.path("before"));
    let index = |name: &str| std::fs::read(place.path(name).join("index.json")).unwrap();
    let begin = Instant::now();
    place.run(&arguments).success();
    let whole = begin.elapsed();
    let (old, new) = (index("before"), index("layout"));
    let names = place.names();
    let mut stopped = 0;
    for step in 0..12 {
        std::fs::remove_dir_all(place.path("layout")).unwrap();
        mirror::copy(&place.path("before"), &place.path("layout"));
        let mut child = start(&mut place.command(&arguments));
        std::thread::sleep(whole * step / 12);
        let _ = kill_process(Pid::from_child(&child), Signal::INT);
        let is_done = wait(&mut child) == Some(0);
        stopped += u32::from(!is_done);
        assert!(index("layout") == if is_done { new.clone() } else { old.clone() }, "step {step}");
        assert_eq!(place.names(), names, "step {step}");
    }
    assert!(stopped > 0, "no run was stopped");
}

/// At any moment of a run, OUT is absent or complete, and there are no other files.
#[test]
fn at_any_moment() {
    let place = Place::new();
    let arguments = Place::usual(&["--cache-dir", "cache", "out"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let begin = Instant::now();
    place.run(&arguments).success();
    let whole = begin.elapsed();
    let expected = crate::disk::without_inodes(crate::disk::walk(&place.path("out")));
    let mut stopped = 0;
    for step in 0..20 {
        std::fs::remove_dir_all(place.path("out")).ok();
        let mut child = start(&mut place.command(&arguments));
        std::thread::sleep(whole * step / 20);
        // Before the handler is installed, a signal ends the process as usual.
        let _ = kill_process(Pid::from_child(&child), Signal::INT);
        let code = wait(&mut child);
        let mut names = place.names();
        names.retain(|name| name != "cache");
        if code == Some(0) {
            assert_eq!(names, ["mirror", "out"]);
            assert_eq!(crate::disk::without_inodes(crate::disk::walk(&place.path("out"))), expected);
        } else {
            assert!(code.is_none() || code == Some(130), "{code:?}");
            assert_eq!(names, ["mirror"], "step {step}, {code:?}");
            stopped += 1;
        }
    }
    assert!(stopped > 0);
}
