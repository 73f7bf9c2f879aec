//! Tests of each threat with the command: packages in signed repositories; a directory, an archive
//! or an image; as root or not.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rayon::prelude::*;

use crate::canary::Canary;
use crate::case::{Kind, Package};
use crate::random::Random;
use crate::threats::{self, Place};
use crate::{apk, repository, rpm};

/// An ordinary user: nobody.
const USER: u32 = 65534;

/// Returns the packages of one threat, with no other defects.
fn packages(number: usize, kind: Kind, place: &Place) -> Vec<Package> {
    let mut parts = threats::ALL[number].1(&mut Random::new(number as u64 + 1), place);
    let last = parts.pop().unwrap_or_default();
    let mut packages = Vec::new();
    if !parts.is_empty() {
        packages.push(Package { name: "accomplice", items: parts.concat(), ..Package::default() });
    }
    packages.push(Package { name: "hostile", items: last, ..Package::default() });
    if kind == Kind::Apk {
        packages.iter_mut().for_each(Package::complete);
    }
    packages
}

/// Runs the command on the packages of a threat. Fails if it did harm.
fn meet(number: usize, kind: Kind, form: &[&str], as_user: bool) -> Result<bool, String> {
    let place = tempfile::tempdir().unwrap();
    let canary = Canary::new(place.path());
    let work = place.path().join("work");
    fs::create_dir(&work).unwrap();
    let packages = packages(number, kind, &Place::new(canary.path()));
    let names = if packages.len() > 1 { "hostile --with accomplice" } else { "hostile" };
    let arguments = match kind {
        Kind::Rpm => {
            let files: Vec<_> = packages.iter().map(|package| (package.name, rpm::build(package))).collect();
            repository::of_packages(&work.join("repo"), &files);
            fs::write(work.join("key.asc"), rpm::certificate()).unwrap();
            format!("--type rpm --arch x86_64 --repo r=repo --key key.asc --with {names}")
        }
        Kind::Apk => {
            let files: Vec<_> = packages.iter().map(|package| (package.name, apk::build(package))).collect();
            repository::of_apks(&work.join("repo"), &files);
            fs::write(work.join(apk::KEY_NAME), apk::KEY).unwrap();
            format!("--type apk --arch x86_64 --repo r=repo --key {} --with {names}", apk::KEY_NAME)
        }
    };
    let program = work.join("rootstrap");
    let mut command = if as_user {
        // The directories above the test's own binary may be closed to others.
        fs::hard_link(env!("CARGO_BIN_EXE_rootstrap"), &program)
            .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_rootstrap"), &program).map(drop))
            .unwrap();
        for path in [place.path(), &work] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            chown(path, Some(USER), Some(USER)).unwrap();
        }
        let mut command = Command::new(&program);
        command.uid(USER).gid(USER);
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_rootstrap"))
    };
    command.current_dir(&work).args(arguments.split(' ')).args(["--cache-dir", "cache"]).args(form).env("TMPDIR", &work);
    let output = command.env_remove("SOURCE_DATE_EPOCH").output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let wrong = |what: &str| Err(format!("{what}: exit {:?}, {message}", output.status.code()));
    let out = ["out", "out.tar", "image"].iter().any(|name| work.join(name).exists());
    if let Some(harm) = canary.harm() {
        return Err(harm);
    }
    match output.status.code() {
        Some(0) if out => Ok(false),
        Some(0) => wrong("nothing was made"),
        Some(1 | 4) if out => wrong("something was left"),
        Some(1 | 4) if !message.contains("hostile") && !message.contains("accomplice") => wrong("no package is named"),
        Some(1 | 4) if message.contains("panicked") || message.contains('\x1b') => wrong("a message that is none"),
        Some(1 | 4) => Ok(true),
        _ => wrong("another exit code"),
    }
}

#[test]
fn every_threat_met_by_the_command() {
    let is_root = rustix::process::geteuid().is_root();
    let forms: [(&str, &[&str], bool); 4] = [
        ("directory", &["out"], false),
        ("directory, ordinary user", &["out"], true),
        ("archive", &["--tar", "out.tar"], false),
        ("image", &["--oci", "image:latest"], false),
    ];
    let mut cases = Vec::new();
    for number in 0..threats::ALL.len() {
        for kind in [Kind::Rpm, Kind::Apk] {
            cases.extend(forms.iter().filter(|(_, _, as_user)| is_root || !as_user).map(|&form| (number, kind, form)));
        }
    }
    let outcomes: Vec<_> =
        cases.par_iter().map(|&(number, kind, (_, form, as_user))| meet(number, kind, form, as_user)).collect();
    let mut wrong = Vec::new();
    let mut refused = 0;
    for ((number, kind, (form, ..)), outcome) in cases.iter().zip(outcomes) {
        match outcome {
            Ok(was_refused) => refused += usize::from(was_refused),
            Err(problem) => wrong.push(format!("{} ({kind:?}, {form}): {problem}", threats::ALL[*number].0)),
        }
    }
    println!("{} cases, {refused} refused, the others harmless", cases.len());
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
