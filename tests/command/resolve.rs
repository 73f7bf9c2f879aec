//! Tests of `resolve`: the set and its order, as data for scripts.

use serde_json::Value;

use crate::place::{MICRO, Place};

const TRUSTED: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];

fn resolve(place: &Place, arguments: &[&str]) -> String {
    place.run(&[&["resolve"], &MICRO[..], &TRUSTED, arguments].concat()).success().stdout
}

#[test]
fn the_schema() {
    let text = resolve(&Place::new(), &["--format", "json"]);
    let plan: Value = serde_json::from_str(&text).unwrap();
    let object = plan.as_object().unwrap();
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["arch", "download_size", "install", "installed_size", "order", "schema", "warnings"]);
    assert_eq!((&plan["schema"], &plan["arch"]), (&1.into(), &"aarch64".into()));
    let install = plan["install"].as_array().unwrap();
    let ids: Vec<&str> = install.iter().map(|package| package["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted());
    let mut ordered: Vec<&str> = plan["order"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_ne!(ordered, ids, "the order is that of the transaction");
    ordered.sort_unstable();
    assert_eq!(ordered, ids);
    let sum = |field: &str| install.iter().map(|package| package[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!(plan["download_size"], sum("size"));
    assert_eq!(plan["installed_size"], sum("installed_size"));
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("resolve_json", text);
    });
}

#[test]
fn for_people() {
    let text = resolve(&Place::new(), &[]);
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("resolve_human", text);
    });
}

#[test]
fn is_what_the_main_job_installs() {
    let place = Place::new();
    let plan: Value = serde_json::from_str(&resolve(&place, &["--format", "json"])).unwrap();
    let report: Value = serde_json::from_str(&place.bootstrap(&["--format", "json", "out"]).success().stdout).unwrap();
    for (key, value) in plan.as_object().unwrap() {
        assert_eq!(report[key], *value, "{key}");
    }
}

#[test]
fn each_on_its_own() {
    let place = Place::new();
    let all = resolve(&place, &["--each", "--all", "--format", "json", "--stats", "stats.json"]);
    let answers: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let specs: Vec<&str> = answers.iter().map(|answer| answer["spec"].as_str().unwrap()).collect();
    assert_eq!(
        specs,
        [
            "almalinux-release",
            "bash",
            "busybox",
            "coreutils",
            "coreutils-single",
            "filesystem",
            "glibc",
            "glibc-all-langpacks",
            "glibc-common",
            "glibc-minimal-langpack",
            "libcap",
            "libgcc",
            "rootfiles",
            "setup",
        ]
    );
    assert!(answers.iter().all(|answer| answer["ok"] == true));
    let of = |name: &str| answers.iter().find(|answer| answer["spec"] == name).unwrap()["install"].clone();
    assert_eq!(of("rootfiles"), serde_json::json!(["rootfiles-0:8.1-31.el9.noarch"]));
    assert!(of("bash").as_array().unwrap().contains(&"bash-0:5.1.8-6.el9.aarch64".into()));
    let stats: Value = serde_json::from_slice(&std::fs::read(place.path("stats.json")).unwrap()).unwrap();
    assert_eq!(stats["solve"]["jobs"], 14);
    assert_eq!(stats["solve"]["need_file_lists"], 0);
    assert!(stats["solve"]["ms"].as_f64().unwrap() > 0.0 && stats["metadata"]["ms"].as_f64().unwrap() > 0.0);

    // The result does not depend on the number of threads or on the other requests.
    assert_eq!(resolve(&place, &["--each", "--all", "--format", "json", "--jobs", "1"]), all);
    let some = resolve(&place, &["--each", "--format", "json", "nosuch", "bash"]);
    let lines: Vec<&str> = some.lines().collect();
    let nosuch: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!((&nosuch["spec"], &nosuch["ok"]), (&"nosuch".into(), &false.into()));
    assert!(!nosuch["problems"].as_array().unwrap().is_empty());
    assert_eq!(lines[1], all.lines().nth(1).unwrap());
    assert_eq!(lines.len(), 2);
}

#[test]
fn more_and_less_than_the_variant() {
    let place = Place::new();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let plan: Value = serde_json::from_str(&resolve(&place, &[arguments, &["--format", "json"]].concat())).unwrap();
        plan["install"].as_array().unwrap().iter().map(|package| package["id"].as_str().unwrap().to_owned()).collect()
    };
    let usual = ids(&[]);
    let more = ids(&["rootfiles", "--with", "busybox"]);
    let added: Vec<&str> = more.iter().filter(|id| !usual.contains(id)).map(String::as_str).collect();
    assert_eq!(added, ["busybox-0:1.35.0-1.el9.aarch64", "rootfiles-0:8.1-31.el9.noarch"]);
    let swapped = ids(&["--without", "coreutils-single", "--with", "coreutils"]);
    assert!(swapped.contains(&"coreutils-0:8.32-34.el9.aarch64".to_owned()));
    assert!(!swapped.iter().any(|id| id.starts_with("coreutils-single")));
    let other_shell = ids(&["--exclude", "bash"]);
    assert!(other_shell.iter().any(|id| id.starts_with("busybox")) && !other_shell.iter().any(|id| id.starts_with("bash")));
}

#[test]
fn repositories_without_a_distribution() {
    let place = Place::new();
    let repo = "base=mirror/9/BaseOS/x86_64/os";
    let text = place.run(&["resolve", "--repo", repo, "--arch", "x86_64", "libgcc"]).success().stdout;
    assert!(text.starts_with("libgcc-0:11.4.1-2.1.el9.x86_64") && text.contains("base"), "{text}");
}
