//! Tests of explanations for requests without solution on a real distribution: text and JSON,
//! compared with dnf's.
//!
//! `dnf_words.json` contains dnf's messages; if dnf is installed, they are compared with its
//! present output.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells why it was skipped")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// A request without solution.
struct Case {
    name: &'static str,
    arch: &'static str,
    specs: &'static [&'static str],
    enable: &'static [&'static str],
    exclude: &'static [&'static str],
    best: bool,
}

const PLAIN: Case = Case { name: "", arch: "x86_64", specs: &[], enable: &[], exclude: &[], best: true };

const CASES: [Case; 12] = [
    Case { name: "a_name_that_is_nearly_right", specs: &["libcur-minimal"], ..PLAIN },
    Case { name: "a_requirement_of_a_requirement", specs: &["irssi"], ..PLAIN },
    Case { name: "only_the_best", specs: &["cxl-cli"], ..PLAIN },
    Case { name: "a_stream_that_is_not_enabled", specs: &["php-pecl-redis6"], ..PLAIN },
    Case { name: "one_of_two_streams", specs: &["postgresql-test-rpm-macros"], ..PLAIN },
    Case { name: "two_streams_of_a_module", specs: &["nodejs"], enable: &["nodejs:18", "nodejs:20"], ..PLAIN },
    Case { name: "an_exclusion", specs: &["nginx"], exclude: &["nginx-core"], ..PLAIN },
    Case { name: "a_conflict", specs: &["mariadb", "mysql"], ..PLAIN },
    Case { name: "two_versions", specs: &["bash-5.1.8-6.el9", "bash-5.1.8-9.el9"], ..PLAIN },
    Case { name: "another_architecture", arch: "aarch64", specs: &["bash"], ..PLAIN },
    Case { name: "every_way_out_is_closed", specs: &["php-pecl-apcu-devel"], ..PLAIN },
    Case { name: "independent_problems", specs: &["irssi", "nginx", "389-ds-base"], ..PLAIN },
];

const REPOSITORIES: [&str; 2] = ["cs9-appstream", "cs9-baseos"];

/// Returns the real repositories; prints a notice and returns `None` if they are missing.
fn repositories() -> Option<PathBuf> {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let found = data.join("repodata").canonicalize().ok().filter(|found| found.join(REPOSITORIES[0]).is_dir());
    if found.is_none() {
        println!("skipped: no real data");
    }
    found
}

fn refused(case: &Case, repositories: &Path, cache: &Path, format: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootstrap"));
    command.args(["resolve", "--type", "rpm", "--allow-unsigned", "--no-weak-deps", "--module-platform", "platform:el9"]);
    command
        .args(["--arch", case.arch, "--format", format, if case.best { "--best" } else { "--no-best" }, "--cache-dir"])
        .arg(cache);
    for name in REPOSITORIES {
        command.args(["--repo", &format!("{name}={}", repositories.join(name).display())]);
    }
    for (option, values) in [("--enable-module", case.enable), ("--exclude", case.exclude)] {
        for value in values {
            command.args([option, value]);
        }
    }
    let output = command.arg("--").args(case.specs).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(if format == "json" { output.stdout } else { output.stderr }).unwrap()
}

fn kept_words() -> Value {
    serde_json::from_str(include_str!("dnf_words.json")).unwrap()
}

#[test]
fn beside_dnf() {
    let Some(repositories) = repositories() else { return };
    let cache = tempfile::tempdir().unwrap();
    let dnf = kept_words();
    for case in &CASES {
        let asked = [
            case.specs.join(" "),
            case.enable.iter().map(|stream| format!(", {stream} enabled")).collect::<Vec<_>>().concat(),
            case.exclude.iter().map(|pattern| format!(", {pattern} excluded")).collect::<Vec<_>>().concat(),
            if case.best { String::new() } else { ", not only the best".to_owned() },
        ];
        let human = refused(case, &repositories, cache.path(), "human");
        let data: Value = serde_json::from_str(&refused(case, &repositories, cache.path(), "json")).unwrap();
        let text = format!(
            "asked for {} on {}\n\n== rootstrap\n{human}\n== dnf\n{}\n\n== as data\n{}\n",
            asked.concat(),
            case.arch,
            dnf[case.name].as_str().unwrap(),
            serde_json::to_string_pretty(&data).unwrap()
        );
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(case.name, text);
        });
    }
}

#[test]
fn what_dnf_says_today() {
    let Some(repositories) = repositories() else { return };
    let python = "/usr/bin/python3";
    let found = Command::new(python).args(["-c", "import dnf"]).output().is_ok_and(|output| output.status.success());
    assert!(found || std::env::var_os("ROOTSTRAP_PEERS").is_none_or(|value| value != "required"), "python3-dnf is required");
    if !found {
        println!("skipped: no python3-dnf");
        return;
    }
    let cases: Vec<Value> = CASES
        .iter()
        .map(|case| {
            json!({"name": case.name, "repos": REPOSITORIES, "arch": case.arch, "specs": case.specs, "enable": case.enable,
                   "exclude": case.exclude, "best": case.best})
        })
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explanations/dnf_words.py");
    let mut command = Command::new(python);
    command.arg(script).arg(&repositories).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(Value::from(cases).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = kept_words();
    for case in &CASES {
        let lines = |words: &Value| -> Vec<String> {
            let mut lines: Vec<String> = words[case.name].as_str().unwrap_or_default().lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert!(!lines(&said).is_empty(), "{}: dnf finds a solution", case.name);
        assert_eq!(lines(&said), lines(&kept), "{}", case.name);
    }
}
