//! The built-in data compared with the distribution's own: image definitions, a shipped tree,
//! published keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{every_image, image};
use crate::catalog::loading::check;
use crate::catalog::{Catalog, Image, InstallAction, Step};

/// Returns a file of the real data, if it exists.
fn data(path: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let found = fs::read(root.join(path)).ok();
    if found.is_none() {
        println!("skipped: no real data");
    }
    found
}

/// The build time recorded in the manifest's tree: 2023-11-24 23:50 UTC.
const BUILD_TIME: u64 = 1_700_869_800;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn the_builtin_holds_together() {
    let catalog = Catalog::builtin();
    for distro in catalog.distros().unwrap() {
        assert_eq!(check(distro.loaded), Ok(()), "{}", distro.name());
        assert_eq!(catalog.distro(distro.name()).unwrap().name(), distro.name(), "under its own name");
    }
}

#[test]
fn equals_the_image_definitions() {
    let Some(text) = data("almalinux/variants.json") else { return };
    let definitions: Value = serde_json::from_slice(&text).unwrap();
    let definitions = definitions["releases"].as_object().unwrap();
    let catalog = Catalog::builtin();
    let almalinux = catalog.distro("almalinux").unwrap();
    let releases: BTreeSet<_> = almalinux.releases().iter().map(|release| release.name().to_owned()).collect();
    assert_eq!(releases, definitions.keys().cloned().collect());
    let mut compared = 0;
    for (name, definition) in definitions {
        let release = almalinux.release(name).unwrap();
        let architectures: BTreeSet<_> = release.architectures().into_iter().map(|arch| arch.name).collect();
        assert_eq!(architectures, strings(&definition["architectures"]).into_iter().collect(), "{name}");
        let definitions = definition["variants"].as_object().unwrap();
        let variants: BTreeSet<_> = release.variants().iter().map(|variant| variant.name().to_owned()).collect();
        assert_eq!(variants, definitions.keys().cloned().collect(), "{name}");
        for (variant, definition) in definitions {
            for arch in &architectures {
                compare(&image(name, variant, arch), definition);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, every_image().len());
}

fn compare(image: &Image, definition: &Value) {
    let known = ["install", "image", "masked_units", "default_target"];
    assert!(definition.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{image}");

    let steps: Vec<_> = definition["install"].as_array().unwrap().iter().collect();
    assert_eq!(image.install.len(), steps.len(), "{image}");
    for (ours, theirs) in image.install.iter().zip(steps) {
        let action = match theirs["step"].as_str().unwrap() {
            "install" => InstallAction::Install,
            "reinstall" => InstallAction::Reinstall,
            other => panic!("{image}: {other}"),
        };
        assert_eq!(ours.action, action, "{image}");
        assert_eq!(ours.packages, strings(&theirs["packages"]), "{image}");
    }

    let config = definition["image"].as_object().unwrap();
    let known = ["CMD", "ENV", "STOPSIGNAL", "LABEL"];
    assert!(config.keys().all(|key| known.contains(&key.as_str())), "{image}");
    let cmd: Vec<String> = serde_json::from_str(config["CMD"].as_str().unwrap()).unwrap();
    assert_eq!(image.config.cmd, cmd, "{image}");
    // A definition with several stages repeats values.
    let mut env = config.get("ENV").map(strings).unwrap_or_default();
    env.dedup();
    assert_eq!(image.config.env, env, "{image}");
    assert_eq!(image.config.stop_signal.as_deref(), config.get("STOPSIGNAL").and_then(Value::as_str), "{image}");
    // The definitions contain only the first line of a label that spans several lines.
    let labels = config.get("LABEL").map(strings).unwrap_or_default();
    assert_eq!(image.config.labels.is_empty(), labels.is_empty(), "{image}");
    for label in labels {
        let (name, value) = label.trim_end_matches(['\\', ' ']).split_once('=').unwrap();
        assert_eq!(image.config.labels[name], value.trim_matches('"'), "{image}");
    }

    let mut masked = Vec::new();
    let mut targets = Vec::new();
    for step in &image.finishing {
        match step {
            Step::MaskUnits(units) => masked.extend_from_slice(units),
            Step::DefaultTarget(target) => targets.push(target.as_str()),
            _ => {}
        }
    }
    assert_eq!(masked, strings(&definition["masked_units"]), "{image}");
    assert_eq!(targets, definition["default_target"].as_str().into_iter().collect::<Vec<_>>(), "{image}");
}

#[test]
fn finishing_of_micro_equals_the_shipped_tree() {
    let Some(text) = data("almalinux/expected/9-micro-aarch64.manifest.tsv") else { return };
    let text = String::from_utf8(text).unwrap();
    let shipped: BTreeMap<&str, Vec<&str>> = text
        .lines()
        .map(|line| {
            let mut fields = line.split('\t');
            (fields.next().unwrap(), fields.collect())
        })
        .collect();
    let mut seen = BTreeSet::new();
    for step in image("9", "micro", "aarch64").finishing {
        match step {
            Step::Write(write) if write.if_dir.is_some() => {
                assert!(!shipped.contains_key(write.if_dir.as_deref().unwrap()));
                assert!(!shipped.contains_key(write.path.as_str()));
            }
            Step::Write(write) => {
                let content = write.content.render(BUILD_TIME);
                let digest = hex(&Sha256::digest(&content));
                let mode = format!("{:04o}", write.mode.unwrap_or(0o644));
                let ours = ["f", &mode, "0", "0", &content.len().to_string(), &digest];
                assert_eq!(shipped[write.path.as_str()], ours, "{}", write.path);
                seen.insert(write.path);
            }
            Step::Link(link) => {
                let ours = ["l", "0777", "0", "0", "0", &link.target];
                assert_eq!(shipped[link.path.as_str()], ours, "{}", link.path);
                seen.insert(link.path);
            }
            Step::Directory(directory) => {
                let mode = format!("{:04o}", directory.mode.unwrap_or(0o755));
                assert_eq!(shipped[directory.path.as_str()], ["d", &mode, "0", "0", "0", "-"], "{}", directory.path);
                seen.insert(directory.path);
            }
            Step::Remove(patterns) => {
                for pattern in patterns {
                    let stem = pattern.trim_end_matches('*');
                    assert!(!shipped.keys().any(|path| path.starts_with(stem)), "{pattern}");
                }
            }
            // Only the current definition has this step; the shipped tree is older.
            Step::FilesFrom(from) => assert_eq!((from.package.as_str(), from.into.as_deref()), ("rootfiles", Some("root"))),
            other => panic!("micro does not do this: {other:?}"),
        }
    }
    // The files that the image build creates, according to the table of the shipped tree.
    let built = [
        "etc/.pwd.lock",
        "etc/BUILDTIME",
        "etc/adjtime",
        "etc/dnf/modules.d",
        "etc/dnf/vars/infra",
        "etc/hostname",
        "etc/locale.conf",
        "etc/localtime",
        "etc/machine-id",
        "etc/resolv.conf",
        "etc/sysconfig/sshd-permitrootlogin",
        "etc/vconsole.conf",
        "run/lock",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), built);
}

#[test]
fn finishing_of_the_others_is_what_their_builds_do() {
    for image in every_image() {
        let does = |wanted: &dyn Fn(&Step) -> bool| image.finishing.iter().any(wanted);
        let directory =
            |path: &str, mode: Option<u32>| does(&|step| matches!(step, Step::Directory(d) if d.path == path && d.mode == mode));
        let writes =
            |path: &str, mode: Option<u32>| does(&|step| matches!(step, Step::Write(w) if w.path == path && w.mode == mode));
        let removes = |path: &str| does(&|step| matches!(step, Step::Remove(paths) if paths.iter().any(|p| p == path)));
        let micro = image.variant == "micro";
        let booting = matches!(image.variant.as_str(), "base" | "init" | "default" | "toolbox");
        let eight = image.series == "8";

        assert!(writes("etc/BUILDTIME", None) && writes("etc/machine-id", Some(0o644)), "{image}");
        assert!(writes("etc/rpm/macros.image-language-conf", None), "{image}");
        assert!(removes("boot") && removes("dev/null"), "{image}");
        assert_eq!(directory("run/lock", None), !(eight && micro), "{image}");
        assert_eq!(writes("run/utmp", Some(0o664)), booting, "{image}");
        assert_eq!(directory("run/cryptsetup", Some(0o700)), booting, "{image}");
        assert_eq!(directory("run/systemd/ask-password", None), booting, "{image}");
        assert_eq!(directory("var/lib/private", Some(0o700)), !eight && !micro, "{image}");
        assert_eq!(directory("var/cache/private", Some(0o700)), !eight && !micro, "{image}");
        assert_eq!(directory("var/lib/systemd/coredump", None), !eight && !micro, "{image}");
        let accounts = does(&|step| {
            matches!(step, Step::User(user)
                if (user.name.as_str(), user.uid, user.gid) == ("systemd-oom", 995, 995)
                && user.gecos == "systemd Userspace OOM Killer"
                && (user.home.as_str(), user.shell.as_str()) == ("/", "/usr/sbin/nologin"))
        });
        let groups: Vec<_> = image
            .finishing
            .iter()
            .filter_map(|step| match step {
                Step::Group(group) => Some((group.name.as_str(), group.gid)),
                _ => None,
            })
            .collect();
        assert_eq!(accounts, !eight && !micro, "{image}");
        let expected: &[_] = if accounts { &[("sgx", 996), ("systemd-oom", 995)] } else { &[] };
        assert_eq!(groups, expected, "{image}");
        let tmpfiles = does(&|step| matches!(step, Step::Tmpfiles(path) if path == "usr/lib/tmpfiles.d/rootfiles.conf"));
        assert_eq!(tmpfiles, !eight && !micro, "{image}");
        // Release 8 keeps them in `default`; in micro they are always empty.
        let sources = !(micro || eight && image.variant == "default");
        assert_eq!(removes("usr/share/i18n/charmaps") && removes("usr/share/i18n/locales"), sources, "{image}");
        // Without systemd, the definition's own commands leave the link in `etc`.
        let linked = |path: &str, has_systemd: bool| {
            does(&|step| {
                matches!(step, Step::Link(link) if link.path == path
                    && link.target == "/usr/lib/systemd/system/multi-user.target"
                    && link.if_dir.as_deref() == has_systemd.then_some("etc/systemd/system")
                    && link.unless_dir.as_deref() == (!has_systemd).then_some("etc/systemd/system"))
            })
        };
        assert_eq!(linked("etc/systemd/system/default.target", true), !eight && image.variant == "minimal", "{image}");
        assert_eq!(linked("etc/default.target", false), !eight && image.variant == "minimal", "{image}");
        let crb = if eight { "powertools" } else { "crb" };
        let enables = does(&|step| matches!(step, Step::EnableRepositories(enable) if enable.ids == [crb]));
        assert_eq!(enables, image.variant == "toolbox", "{image}");
        assert!(image.install.iter().all(|step| !step.options.docs), "{image}");
        let dot_files = does(&|step| matches!(step, Step::FilesFrom(_)));
        assert_eq!(dot_files, !eight && micro, "{image}");
    }
}

#[test]
fn keys_are_the_published_ones() {
    for (release, key) in [
        ("8", "RPM-GPG-KEY-AlmaLinux-8"),
        ("9.4", "RPM-GPG-KEY-AlmaLinux-9"),
        ("10", "RPM-GPG-KEY-AlmaLinux-10"),
        ("10-kitten", "RPM-GPG-KEY-AlmaLinux-10"),
    ] {
        let image = image(release, "micro", "x86_64");
        let names: Vec<_> = image.keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, [key]);
        assert!(image.keys[0].data.starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"));
        let Some(published) = data(&format!("keys/almalinux/{key}")) else { continue };
        assert_eq!(*image.keys[0].data, published, "{key}");
    }
}
