//! Tests of `audit`: advisories compared with an expected list made by hand, files compared with
//! rpm and apk, policies, exit codes and output formats.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::place::{MICRO, Outcome, Place, is_root, peer, real_data};
use crate::subjects::{FORMS, forms};

/// Builds the tree of AlmaLinux 9.3 micro from the distribution's own packages.
fn almalinux(place: &Place, data: &Path) {
    let key = data.join("keys/rootstrap-test.asc");
    let repositories = ["--mirror", data.to_str().unwrap(), "--key", key.to_str().unwrap()];
    place.run(&[&MICRO[..], &repositories, &["out"]].concat()).success();
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", outcome.stdout, outcome.stderr))
}

fn findings(value: &Value) -> &[Value] {
    value["findings"].as_array().unwrap()
}

#[test]
fn the_advisories_of_a_real_image_are_those_worked_out_by_hand() {
    let (Some(data), Some(advisories)) = (real_data("almalinux"), real_data("advisories")) else { return };
    let place = Place::new();
    almalinux(&place, &data);
    let zip = advisories.join("almalinux-9.zip");
    let words = ["audit", "out", "--only", "advisory", "--format", "json", "--advisories", zip.to_str().unwrap()];
    let outcome = place.run(&words);
    assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
    let value = json(&outcome);
    let row =
        |finding: &Value| ["id", "package", "installed", "fixed"].map(|key| finding[key].as_str().unwrap().to_owned()).join("\t");
    let found: BTreeSet<String> = findings(&value).iter().map(row).collect();
    let expected = fs::read_to_string(advisories.join("9-micro-aarch64.expected.tsv")).unwrap();
    let expected: BTreeSet<String> = expected.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    assert_eq!((found.len(), &found), (29, &expected));
    assert_eq!(value["summary"]["by_severity"], serde_json::json!({"important": 6, "moderate": 23}));
    // Old advisories apply to old packages; a plan is enough to check them.
    let package = |id: &str, name: &str, rest: &str| {
        format!(
            r#"{{"id":"{id}","name":"{name}",{rest},"repo":"r","location":"l","size":1,"installed_size":1,"reason":"requested"}}"#
        )
    };
    let w3m = package("w3m-0:0.5.1-14.fc5.i386", "w3m", r#""epoch":0,"version":"0.5.1","release":"14.fc5","arch":"i386""#);
    let apache = package("apache2-2.4.39-r0", "apache2", r#""version":"2.4.39-r0","arch":"x86_64""#);
    for (name, packages, count, first) in
        [("fedora-5-updateinfo.xml.gz", w3m, 1, "FEDORA-2007-78"), ("alpine-3.10-main.yaml", apache, 6, "CVE-2019-10081")]
    {
        let plan = format!(
            r#"{{"schema":1,"arch":"x","install":[{packages}],"order":[],"download_size":1,"installed_size":1,"warnings":[]}}"#
        );
        fs::write(place.path("old.json"), plan).unwrap();
        let document = advisories.join(name);
        let words = ["audit", "old.json", "--only", "advisory", "--format", "json", "--advisories", document.to_str().unwrap()];
        let value = json(&place.run(&words));
        assert_eq!((findings(&value).len(), &findings(&value)[0]["id"]), (count, &first.into()), "{value}");
    }
    // Documents of other distributions do not apply, so nothing was checked.
    for other in ["fedora-5-updateinfo.xml.gz", "alpine-3.10-main.yaml"] {
        let other = advisories.join(other);
        let outcome = place.run(&["audit", "out", "--only", "advisory", "--advisories", other.to_str().unwrap()]);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("not looked for in out: advisory"), "{}", outcome.stderr);
    }
}

#[test]
fn every_form_has_the_same_findings() {
    let place = Place::new();
    let repositories = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
    forms(&place, &MICRO, &repositories);
    let record = r#"{"id":"T-1","summary":"Important: bash","affected":[{"package":{"ecosystem":"AlmaLinux","name":"bash"},
        "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"99-1"}]}]}]}"#;
    fs::write(place.path("T-1.json"), record).unwrap();
    let audit = |subject: &str| {
        let outcome =
            place.run(&["audit", subject, "--only", "advisory,duplicate", "--format", "json", "--advisories", "T-1.json"]);
        assert_eq!(outcome.code, Some(5), "{subject}: {}", outcome.stderr);
        json(&outcome)["findings"].clone()
    };
    let expected = audit("out");
    assert_eq!(expected.as_array().unwrap().len(), 1);
    for form in FORMS.into_iter().chain(["rootstrap.lock"]) {
        assert_eq!(audit(form), expected, "{form}");
    }
    let words =
        [&["audit"], &MICRO[..], &repositories, &["--only", "advisory", "--format", "json", "--advisories", "T-1.json"]].concat();
    assert_eq!(json(&place.run(&words))["findings"], expected, "the request itself");
}

#[test]
fn levels_policies_and_sarif() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    fs::write(place.path("out/usr/bin/planted"), "x").unwrap();
    fs::set_permissions(place.path("out/usr/bin/planted"), fs::Permissions::from_mode(0o4755)).unwrap();
    let only = ["audit", "out", "--only", "setuid"];
    let run = |more: &[&str]| place.run(&[&only, more].concat());
    let told = run(&[]);
    assert_eq!(told.code, Some(5), "{}", told.stderr);
    assert!(told.stdout.contains("/usr/bin/planted of no package runs as its owner"), "{}", told.stdout);
    assert!(told.stderr.contains("of severity low or above in out"), "{}", told.stderr);
    assert_eq!(run(&["--fail-on", "important"]).code, Some(0));
    assert_eq!(run(&["--fail-on", "dire"]).code, Some(2));
    fs::write(place.path("policy.toml"), "fail_on = \"critical\"\n[severity]\nsetuid = \"critical\"\n").unwrap();
    assert_eq!(run(&["--policy", "policy.toml"]).code, Some(5));
    let known = "[[ignore]]\nkind = \"setuid\"\npath = \"/usr/bin/pl*\"\nreason = \"a test\"\n";
    fs::write(place.path("policy.toml"), known).unwrap();
    let value = json(&run(&["--policy", "policy.toml", "--format", "json"]));
    assert_eq!(value["summary"]["ignored"], 1, "{value}");
    assert!(!value["findings"].to_string().contains("planted"), "{value}");
    let past = format!("{known}until = \"2001-01-01\"\n");
    fs::write(place.path("policy.toml"), past).unwrap();
    assert_eq!(run(&["--policy", "policy.toml"]).code, Some(5));
    fs::write(place.path("policy.toml"), "nonsense = 1").unwrap();
    assert_eq!(run(&["--policy", "policy.toml"]).code, Some(1), "broken input, as a broken catalog is");
    run(&["--sarif", "out.sarif"]);
    let sarif: Value = serde_json::from_slice(&fs::read(place.path("out.sarif")).unwrap()).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&sarif["version"], &result["ruleId"], &result["level"]), (&"2.1.0".into(), &"setuid".into(), &"warning".into()));
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "out/usr/bin/planted");

    fs::write(place.path("policy.toml"), "[size]\npackages = 2\ninstalled = 10\n[licenses]\nrefuse = [\"M?T\", \"apache-*\"]\n")
        .unwrap();
    let outcome = place.run(&["audit", "out", "--only", "size,license", "--policy", "policy.toml", "--format", "json"]);
    let value = json(&outcome);
    assert_eq!(value["summary"]["by_kind"]["size"], 2, "{value}");
    assert!(value["summary"]["by_kind"]["license"].as_u64() > Some(2), "{value}");
}

#[test]
fn sets_keys_and_releases() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    let of = |words: &[&str]| json(&place.run(&[&["audit", "out", "--format", "json", "--only"], words].concat()));
    let key = ["--key", "mirror/keys/rootstrap-fixtures.asc"];
    assert_eq!(findings(&of(&["unsigned,missing-requirement,duplicate"])), [] as [Value; 0]);
    assert_eq!(findings(&of(&[&["unknown-key"], &key[..]].concat())), [] as [Value; 0]);
    let repositories = [&["--distro", "almalinux", "--release", "9", "--mirror", "mirror"], &key[..]].concat();
    let value = of(&[&["update,foreign"], &repositories[..]].concat());
    assert_eq!(value["summary"]["not_looked_for"], serde_json::json!([]), "{value}");
    // Without repositories the result is unknown, and the report says so.
    assert_eq!(of(&["update,foreign"])["summary"]["not_looked_for"], serde_json::json!(["foreign", "update"]));
    fs::create_dir_all(place.path("out/etc")).unwrap();
    let _ = fs::remove_file(place.path("out/etc/os-release"));
    fs::write(place.path("out/etc/os-release"), "ID=alpine\nVERSION_ID=3.16.2\n").unwrap();
    let value = of(&["end-of-life"]);
    assert!(findings(&value)[0]["message"].as_str().unwrap().contains("2024-05-23"), "{value}");
    let missing = place.run(&["audit", "out", "--advisories", "none"]);
    assert_eq!(missing.code, Some(1), "{}", missing.stderr);
}

/// Runs a program and returns its output. The exit code is ignored.
fn printed(program: &str, arguments: &[&str]) -> String {
    String::from_utf8(Command::new(program).args(arguments).output().unwrap().stdout).unwrap()
}

fn touch_back(path: &Path, change: impl FnOnce(&Path)) {
    let time = fs::symlink_metadata(path).unwrap().modified().unwrap();
    change(path);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// Makes twenty changes, each to a path of a package. Returns their number.
fn plant(root: &Path, paths: &[PathBuf], directories: &[PathBuf], links: &[PathBuf], config: &Path) -> usize {
    let at = |path: &Path| root.join(path.strip_prefix("/").unwrap());
    let mut files = paths.iter().map(|path| at(path));
    let mut next = || files.next().unwrap();
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let flipped = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[0] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let xattr = |path: &Path, value: &[u8]| {
        rustix::fs::lsetxattr(path, "security.capability", value, rustix::fs::XattrFlags::empty()).unwrap();
    };
    let net_raw = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    flipped(&next()); // content, of the same length
    fs::write(next(), "another content").unwrap(); // and of another
    touch_back(&next(), flipped); // content alone
    let grown = next();
    fs::write(&grown, [fs::read(&grown).unwrap(), vec![b'\n']].concat()).unwrap();
    mode(&next(), 0o4755);
    mode(&next(), 0o600);
    chown(next(), Some(2), None).unwrap();
    chown(next(), None, Some(3)).unwrap();
    chown(next(), Some(4321), Some(1234)).unwrap();
    fs::remove_file(next()).unwrap();
    let replaced = next();
    fs::remove_file(&replaced).unwrap();
    symlink("/etc/passwd", &replaced).unwrap();
    let opened = next();
    fs::remove_file(&opened).unwrap();
    fs::create_dir(&opened).unwrap();
    xattr(&next(), &net_raw);
    fs::File::options().write(true).open(next()).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let both = next();
    flipped(&both);
    mode(&both, 0o700);
    mode(&at(&directories[0]), 0o700);
    chown(at(&directories[1]), Some(5), None).unwrap();
    for (place, link) in links.iter().take(2).map(|link| at(link)).enumerate() {
        fs::remove_file(&link).unwrap();
        if place == 0 { symlink("elsewhere", &link).unwrap() } else { fs::write(&link, "no link").unwrap() }
    }
    flipped(&at(config));
    20
}

/// Returns the differences of each path that `audit` reports.
fn changed(place: &Place, subject: &str) -> BTreeMap<String, BTreeSet<String>> {
    let value = json(&place.run(&["audit", subject, "--only", "changed-file", "--format", "json"]));
    let one = |finding: &Value| {
        let changes = finding["changes"].as_array().unwrap().iter().map(|change| change.as_str().unwrap().to_owned());
        (finding["path"].as_str().unwrap().to_owned(), changes.collect())
    };
    findings(&value).iter().map(one).collect()
}

/// Returns paths of installed packages that `wanted` selects, according to `files`: regular files
/// with one name, directories or links.
fn paths(place: &Place, wanted: &dyn Fn(&Value, &fs::Metadata) -> bool) -> Vec<PathBuf> {
    let value = json(&place.run(&["files", "out", "--format", "json"]).success());
    let mut found = Vec::new();
    for file in value["packages"].as_array().unwrap().iter().flat_map(|package| package["files"].as_array().unwrap()) {
        let path = PathBuf::from(file["path"].as_str().unwrap());
        let here = fs::symlink_metadata(place.path("out").join(path.strip_prefix("/").unwrap()));
        if here.is_ok_and(|metadata| wanted(file, &metadata)) {
            found.push(path);
        }
    }
    found
}

/// Chooses the files of a tree to change: many regular ones, directories, links, and a
/// configuration file.
fn chosen(place: &Place) -> (Vec<PathBuf>, Vec<PathBuf>, Vec<PathBuf>, PathBuf) {
    use std::os::unix::fs::MetadataExt;
    // Exclude files that the test itself reads, and files to which links lead.
    let quiet = |file: &Value| {
        let path = file["path"].as_str().unwrap();
        !["/etc/", "/proc", "/sys", "/dev", "/lib/apk", "/var/lib/rpm", "/usr/share/zoneinfo/"]
            .iter()
            .any(|start| path.starts_with(start))
            && !path.contains("lib/ld-")
            && !path.contains("libc.")
            && !path.ends_with("/apk")
            && !path.contains("libcrypto")
            && !path.contains("libssl")
            && !path.contains("libz.")
            && !path.contains("libapk")
            && !path.contains("busybox")
    };
    let regular = paths(place, &|file, here| quiet(file) && here.is_file() && here.nlink() == 1 && here.len() > 16);
    let step = (regular.len() / 16).max(1);
    let files: Vec<PathBuf> = regular.iter().step_by(step).take(16).cloned().collect();
    assert!(files.len() >= 15, "{}", regular.len());
    let deep = |file: &Value| file["path"].as_str().unwrap().matches('/').count() > 2;
    let directories = paths(place, &|file, here| quiet(file) && here.is_dir() && deep(file));
    let links = paths(place, &|file, here| quiet(file) && here.is_symlink());
    let config = paths(place, &|file, here| {
        file["path"].as_str().unwrap().starts_with("/etc/")
            && here.is_file()
            && here.len() > 16
            && !file["path"].as_str().unwrap().contains("passwd")
            && !file["path"].as_str().unwrap().contains("group")
    });
    (files, directories, links, config[0].clone())
}

#[test]
fn changed_files_are_those_that_rpm_tells_of() {
    if !is_root() || !peer("rpm") {
        println!("skipped: rpm verifies a root for root only");
        return;
    }
    let Some(data) = real_data("almalinux") else { return };
    let place = Place::new();
    almalinux(&place, &data);
    let (files, directories, links, config) = chosen(&place);
    let before = changed(&place, "out");
    let count = plant(&place.path("out"), &files, &directories, &links, &config);
    let found = changed(&place, "out");
    let root = place.path("out");
    let listed =
        printed("rpm", &["--root", root.to_str().unwrap(), "--dbpath", "/var/lib/rpm", "-Va", "--nodeps", "--noscripts"]);
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in listed.lines() {
        let path = line[line.find('/').unwrap()..].to_owned();
        let names = [
            ('S', "size"),
            ('M', "mode"),
            ('5', "content"),
            ('D', "device"),
            ('L', "target"),
            ('U', "user"),
            ('G', "group"),
            ('T', "mtime"),
            ('P', "capabilities"),
        ];
        let aspects = match line.strip_prefix("missing") {
            Some(_) => BTreeSet::from(["missing".to_owned()]),
            None => names.iter().filter(|(letter, _)| line[..9].contains(*letter)).map(|(_, name)| (*name).to_owned()).collect(),
        };
        expected.entry(path).or_default().extend(aspects);
    }
    assert!(found.len() >= before.len() + count - 1, "{found:#?}");
    // The build itself removes it in the catalog's finishing steps, which rpm does not know.
    assert!(expected.remove("/boot").is_some());
    assert_eq!(found, expected);
}

#[test]
fn changed_files_are_those_that_apk_tells_of() {
    if !is_root() || cfg!(not(target_arch = "x86_64")) {
        println!("skipped: the tree's own apk runs for root on x86_64 only");
        return;
    }
    let Some(data) = real_data("alpine") else { return };
    let place = Place::new();
    let key = data.join("keys/rootstrap-test.rsa.pub");
    let asked = ["--distro", "alpine", "--release", "3.20", "--variant", "minirootfs", "--arch", "x86_64"];
    place.run(&[&asked[..], &["--mirror", data.to_str().unwrap(), "--key", key.to_str().unwrap(), "out"]].concat()).success();
    let (files, directories, links, config) = chosen(&place);
    let before = changed(&place, "out");
    let count = plant(&place.path("out"), &files, &directories, &links, &config);
    let found = changed(&place, "out");
    let root = place.path("out");
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    for mode in ["--system", "--backup"] {
        let listed = printed("chroot", &[root.to_str().unwrap(), "/sbin/apk", "audit", mode, "--check-permissions"]);
        for line in listed.lines().filter(|line| !["A ", "d ", "D "].iter().any(|start| line.starts_with(start))) {
            let (letter, path) = line.split_once(' ').unwrap();
            expected.insert(format!("/{}", path.trim_end_matches('/')), letter.to_uppercase());
        }
    }
    let letter = |changes: &BTreeSet<String>| {
        let any = |names: &[&str]| names.iter().any(|name| changes.contains(*name));
        let letters = [
            (any(&["missing"]), "X"),
            (any(&["content", "target"]), "U"),
            (any(&["capabilities"]), "X-attr"),
            (any(&["mode", "user", "group"]), "M"),
        ];
        letters.iter().find(|(is, _)| *is).map(|(_, letter)| (*letter).to_owned()).unwrap_or_default()
    };
    let told: BTreeMap<String, String> =
        found.iter().map(|(path, changes)| (path.clone(), letter(changes).replace("X-attr", "X"))).collect();
    // The build itself changes these: it creates /proc before it installs packages, as apk does,
    // and a finishing step locks root.
    for path in ["/proc", "/etc/shadow"] {
        assert!(expected.remove(path).is_some(), "{path}");
    }
    // apk does not compare times, so it does not report one of the changes.
    assert!(found.len() >= before.len() + count - 2, "{found:#?}");
    assert_eq!(told, expected);
}

#[test]
fn what_a_rebuild_would_change() {
    let place = Place::new();
    let repositories = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
    forms(&place, &MICRO, &repositories);
    let outdated = |subjects: &[&str], more: &[&str]| {
        place.run(&[&["outdated"], subjects, &["--distro", "almalinux", "--release", "9"], &repositories, more].concat())
    };
    for form in FORMS {
        let outcome = outdated(&[form], &[]);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(0), format!("{form} is up to date\n").as_str()),
            "{}",
            outcome.stderr
        );
    }
    // The lock contains its request.
    place.run(&["outdated", "rootstrap.lock"]).success();
    // An old image: a plan in which bash is older than in the repositories.
    let plan = fs::read_to_string(place.path("plan.json")).unwrap();
    let mut value: Value = serde_json::from_str(&plan).unwrap();
    let bash = value["install"].as_array_mut().unwrap().iter_mut().find(|package| package["name"] == "bash").unwrap();
    let new = format!("{}-{}", bash["version"].as_str().unwrap(), bash["release"].as_str().unwrap());
    bash["version"] = "0.1".into();
    bash["id"] = bash["id"].as_str().unwrap().replace(&new, "0.1-1").into();
    bash["release"] = "1".into();
    fs::write(place.path("old.json"), value.to_string()).unwrap();
    let record = format!(
        r#"{{"id":"T-1","summary":"Moderate: bash","affected":[{{"package":{{"ecosystem":"AlmaLinux","name":"bash"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{new}"}}]}}]}}]}}"#
    );
    fs::write(place.path("T-1.json"), record).unwrap();
    let advisories = ["--advisories", "T-1.json"];
    let outcome = outdated(&["old.json", "out"], &advisories);
    assert_eq!(outcome.code, Some(6), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains(&format!("bash 0.1-1 -> {new}")) && outcome.stdout.contains("moderate T-1 bash"),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stdout.contains("out is up to date"), "{}", outcome.stdout);
    assert_eq!(outdated(&["old.json"], &[&advisories[..], &["--severity", "moderate"]].concat()).code, Some(6));
    assert_eq!(outdated(&["old.json"], &[&advisories[..], &["--severity", "important"]].concat()).code, Some(0));
    let value = json(&outdated(&["old.json", "none"], &["--format", "json"]));
    assert_eq!(
        (&value["subjects"][0]["outdated"], value["subjects"][1]["error"].is_string()),
        (&Value::Bool(true), true),
        "{value}"
    );
    assert_eq!(outdated(&["old.json", "none"], &[]).code, Some(1));
}
