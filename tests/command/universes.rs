//! Tests with random small universes of apk packages: rootstrap's plan compared with that of the
//! real apk, including the order.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::place::Place;
use crate::real_apk::{Pair, real_packages};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const PROVIDED: [&str; 3] = ["v", "w", "x"];
/// The apk package in the universe determines the rules.
const APK: &str = "C:Q1YRkW3y9I/NGTPcjUFoI432WrFzk=\nP:apk-tools\nV:2.14.4-r0\nA:x86_64\nS:1\nI:1\n";
const ROUNDS: u64 = 120;

/// A reproducible generator (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Returns true with this probability in percent.
    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn dependency(&mut self) -> String {
        let provided = self.percent(15);
        let name = self.one(if provided { &PROVIDED } else { &NAMES });
        if self.percent(85) || (provided && self.percent(70)) {
            return name.to_owned();
        }
        format!("{name}{}{}", self.one(&["=", "<", ">", ">=", "<=", "~"]), self.one(&["1", "2", "3"]))
    }

    /// Returns a package's record for an index.
    fn record(&mut self, name: &str, version: &str) -> String {
        let mut depends: Vec<String> = (0..[0, 0, 1, 1, 2, 3][self.below(6)]).map(|_| self.dependency()).collect();
        depends.retain(|dependency| !dependency.starts_with(name));
        if self.percent(12) {
            depends.insert(0, format!("!{}", self.dependency()));
            depends.retain(|dependency| !dependency[1..].starts_with(name));
        }
        let mut provides = Vec::new();
        if self.percent(30) {
            provides.push(format!("{}{}", self.one(&PROVIDED), self.one(&["", "", "=1", "=2"])));
        }
        let other = self.one(&NAMES);
        if self.percent(10) && other != name {
            provides.push(format!("{other}={}", self.one(&["1", "2", "3"])));
        }
        let mut text = format!("P:{name}\nV:{version}\nA:x86_64\nS:1\nI:1\n");
        let mut list = |letter: char, items: &[String]| {
            if !items.is_empty() {
                let _ = writeln!(text, "{letter}:{}", items.join(" "));
            }
        };
        list('D', &depends);
        list('p', &provides);
        if self.percent(12) {
            let conditions: Vec<String> = (0..=self.below(2)).map(|_| self.one(&NAMES).to_owned()).collect();
            list('i', &conditions.into_iter().filter(|condition| condition != name).collect::<Vec<_>>());
        }
        if !provides.is_empty() && self.percent(40) {
            list('k', &[self.one(&["1", "5"]).to_owned()]);
        }
        // Any unique twenty bytes are sufficient.
        let digest: Vec<u8> = (0..20).map(|_| self.below(256) as u8).collect();
        format!("C:Q1{}\n{text}", STANDARD.encode(digest))
    }

    /// Returns the records of an index, with some versions of each name.
    fn index(&mut self) -> Vec<(String, String, String)> {
        let mut records = Vec::new();
        for name in NAMES {
            for version in ["1", "2", "3"] {
                if self.percent(76) {
                    records.push((name.to_owned(), version.to_owned(), self.record(name, version)));
                }
            }
        }
        records
    }
}

fn write_index(directory: &Path, records: &[(String, String, String)]) {
    fs::create_dir_all(directory).unwrap();
    let mut text: Vec<&str> = records.iter().map(|record| record.2.as_str()).collect();
    text.push(APK);
    let text = text.join("\n") + "\n";
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in [("DESCRIPTION", "x"), ("APKINDEX", text.as_str())] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // apk requires it.
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    let bytes = tar.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    fs::write(directory.join("APKINDEX.tar.gz"), gzip.finish().unwrap()).unwrap();
}

/// A root with its repository, inside a tree with an apk that can use both.
struct Universe<'a> {
    place: &'a Place,
    /// The path inside that tree.
    at: String,
}

impl Universe<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.place.path(&format!("maker{}/{name}", self.at))
    }

    fn root(&self, world: &[String], installed: &[&str]) {
        fs::create_dir_all(self.path("root/lib/apk/db")).unwrap();
        fs::create_dir_all(self.path("root/etc/apk")).unwrap();
        let lines = |items: &[String]| items.iter().fold(String::new(), |text, item| text + item + "\n");
        fs::write(self.path("root/etc/apk/world"), lines(world)).unwrap();
        fs::write(self.path("root/etc/apk/arch"), "x86_64\n").unwrap();
        fs::write(
            self.path("root/lib/apk/db/installed"),
            installed.iter().fold(String::new(), |text, record| text + record + "\n"),
        )
        .unwrap();
    }

    /// Returns the lines of apk's plan, or its error.
    fn theirs(&self, arguments: &[String]) -> Result<Vec<String>, String> {
        let root = format!("{}/root", self.at);
        let repository = format!("{}/r", self.at);
        let how = [
            "/sbin/apk",
            "--root",
            &root,
            "--allow-untrusted",
            "--simulate",
            "--no-cache",
            "--no-network",
            "--repository",
            &repository,
        ];
        let output = Command::new("chroot").arg(self.place.path("maker")).args(how).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if told.contains("ERROR") { Err(told) } else { Ok(steps(&String::from_utf8_lossy(&output.stdout))) }
    }

    fn ours(&self, arguments: &[String]) -> Result<Vec<String>, String> {
        let (root, repository) = (self.path("root"), format!("r={}", self.path("r/x86_64").display()));
        let verb = match arguments[0].as_str() {
            "add" => "install",
            "del" => "remove",
            verb => verb,
        };
        let how =
            [verb, "--root", root.to_str().unwrap(), "--arch", "x86_64", "--repo", &repository, "--allow-unsigned", "--simulate"];
        let rest: Vec<&str> = arguments[1..].iter().map(String::as_str).collect();
        let outcome = self.place.run(&[&how[..], &["--cache-dir", "cache", "--progress", "none"], &rest].concat());
        match outcome.code {
            Some(0) => Ok(steps(&outcome.stdout.replace("Removing", "Purging"))),
            Some(3) => Err(outcome.stderr),
            code => panic!("{code:?}: {}", outcome.stderr),
        }
    }
}

/// Returns the lines of a plan without their numbers.
fn steps(text: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with('(')).filter_map(|line| Some(line.split_once(") ")?.1.to_owned())).collect()
}

fn names(random: &mut Random, count: usize) -> Vec<String> {
    let mut names: Vec<String> = (0..count).map(|_| random.one(&NAMES).to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn are_planned_as_by_the_real_apk() {
    let Some(data) = real_packages() else { return };
    let place = Place::new();
    Pair { place: &place, data: &data, scriptlets: "none" }.make("maker");
    let (mut same, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut random = Random(round * 7919 + 1);
        let universe = Universe { place: &place, at: format!("/u{round}") };
        let mut records = random.index();
        write_index(&universe.path("r/x86_64"), &records);
        universe.root(&[], &[]);
        let mut world = Vec::new();
        if random.percent(60) {
            // Install the packages for some names, then change the repository.
            let wanted = names(&mut random, 2);
            let plan = universe.theirs(&[&["add".to_owned()], &wanted[..]].concat()).unwrap_or_default();
            let of = |step: &String| {
                let (name, version) = step.strip_prefix("Installing ")?.split_once(" (")?;
                let is_it = |record: &&(String, String, String)| record.0 == name && format!("{})", record.1) == version;
                records.iter().find(is_it).map(|record| record.2.clone())
            };
            let installed: Vec<String> = plan.iter().filter_map(of).collect();
            if !installed.is_empty() {
                world = wanted;
            }
            universe.root(&world, &installed.iter().map(String::as_str).collect::<Vec<_>>());
            records.retain(|_| !random.percent(15));
            for name in NAMES {
                if random.percent(40) {
                    records.push((name.to_owned(), "4".to_owned(), random.record(name, "4")));
                }
            }
            write_index(&universe.path("r/x86_64"), &records);
        }
        let count = 1 + random.below(3);
        let what = if world.is_empty() { 0 } else { random.below(6) };
        let mut arguments: Vec<String> = match what {
            0..=2 => [vec!["add".to_owned()], names(&mut random, count)].concat(),
            3 => vec!["del".to_owned(), world[0].clone()],
            4 => vec!["upgrade".to_owned()],
            _ => vec!["fix".to_owned(), "--upgrade".to_owned(), world[0].clone()],
        };
        if what == 3 && random.percent(40) {
            arguments.push("--rdepends".to_owned());
        }
        if (what == 4 || what == 0) && random.percent(30) {
            arguments.push(if what == 4 { "--available" } else { "--upgrade" }.to_owned());
        }
        let theirs = universe.theirs(&arguments);
        let ours = universe.ours(&arguments);
        assert_eq!(ours.as_ref().ok(), theirs.as_ref().ok(), "round {round}: {arguments:?}: {theirs:?} {ours:?}");
        same += usize::from(theirs.as_ref().is_ok_and(|plan| !plan.is_empty()));
        refused += usize::from(theirs.is_err());
    }
    assert!(same > 40 && refused > 10, "{same} plans, {refused} refusals: too much alike");
}
