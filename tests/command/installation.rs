//! Tests of the files that rpm installs, omits and refuses: compared with the real rpm, case by
//! case.

use std::fs;

use rootstrap::rpm::tag::Tag;

use crate::disk::differences;
use crate::made::{self, CONFIG, DOC, GHOST, Item, LICENSE, MISSING_OK, Made, NO_REPLACE};
use crate::place::{Outcome, Place};

/// A case: packages in the order of installation, and options of both commands.
struct Case<'a> {
    name: &'a str,
    packages: Vec<Made>,
    ours: &'a [&'a str],
    rpms: &'a [&'a str],
}

fn case(name: &str, packages: impl IntoIterator<Item = Made>) -> Case<'_> {
    Case { name, packages: packages.into_iter().collect(), ours: &[], rpms: &[] }
}

/// Builds a case, compares the result with the real rpm if it is installed, and returns the outcome
/// with the place.
#[track_caller]
fn compared(case: &Case<'_>) -> (Place, Outcome) {
    let place = Place::new();
    let files = made::write(&place, &case.packages);
    let ours = made::build(&place, &files, case.ours);
    if made::has_rpm() {
        let (taken, said) = made::rpm(&place, &files, case.rpms);
        assert_eq!(ours.code == Some(0), taken, "{}: rpm said {said}\nours said {}", case.name, ours.stderr);
        if taken {
            let (reference, out) = (place.path("reference"), place.path("out"));
            let differences = differences(&made::files(&reference), &made::files(&out));
            assert!(differences.is_empty(), "{}: {differences:#?}\nrpm said {said}", case.name);
            assert_eq!(made::states(&out), made::states(&reference), "{}", case.name);
        }
    }
    (place, ours)
}

#[track_caller]
fn is_taken(case: &Case<'_>) -> Place {
    let (place, outcome) = compared(case);
    assert_eq!(outcome.code, Some(0), "{}: {}", case.name, outcome.stderr);
    place
}

#[track_caller]
fn is_refused(case: &Case<'_>, with: &str) {
    let (place, outcome) = compared(case);
    assert_eq!(outcome.code, Some(1), "{}: {}", case.name, outcome.stderr);
    assert!(outcome.stderr.contains(with), "{}: {}", case.name, outcome.stderr);
    assert!(!place.path("out").exists(), "{}", case.name);
}

/// Returns a package with the links of a merged `/usr`.
fn filesystem() -> Made {
    let links = ["/bin", "/lib", "/lib64", "/sbin"].map(|link| Item::link(link, &format!("usr{link}")));
    let directories = ["/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin"].map(Item::directory);
    Made::new("filesystem", links.into_iter().chain([Item::directory("/usr")]).chain(directories))
}

#[test]
fn a_language_of_a_file_that_begins_a_wanted_language_is_taken_as_rpm_takes_it() {
    let names = ["C", "de", "de_AT", "en", "en_GB", "en_US", "sr", "sr@latin", "zh", "zh_CN"];
    let mut items = vec![Item::directory("/usr/share/locale")];
    for name in names {
        items.push(Item::directory(&format!("/usr/share/locale/{name}")));
        items.push(Item::directory(&format!("/usr/share/locale/{name}/LC_MESSAGES")));
        items.push(Item::file(&format!("/usr/share/locale/{name}/LC_MESSAGES/x.mo"), name).languages(name));
    }
    items.push(Item::file("/usr/share/two", "two").languages("de|en_GB"));
    items.push(Item::file("/usr/share/colon", "colon").languages("de:en"));
    items.push(Item::file("/usr/share/help", "help").languages("fr").flags(DOC));
    items.push(Item::file("/usr/share/license", "license").languages("fr").flags(DOC | LICENSE));
    for wanted in
        ["en_US", "en_US.UTF-8", "de_AT:zh_CN", "sr@latin", "sr_RS@latin", "C.utf8", "POSIX", "EN", "e", "xx:all", "fr_CA@euro"]
    {
        let define = format!("_install_langs {wanted}");
        let case = Case {
            ours: &["--langs", wanted, "--no-docs"],
            rpms: &["--define", &define, "--excludedocs"],
            ..case(wanted, [Made::new("langs", items.clone())])
        };
        let place = is_taken(&case);
        let there = |name: &str| place.path(&format!("out/usr/share/locale/{name}")).exists();
        assert_eq!(there("en"), matches!(wanted, "en_US" | "en_US.UTF-8" | "xx:all"), "{wanted}");
        assert!(place.path("out/usr/share/license").exists());
    }
}

#[test]
fn paths_of_one_package_that_differ_and_are_one_through_a_directory_link_are_refused() {
    let both = |one: Item, other: Item| Made::new("both", [one, other]).after("filesystem");
    let file = |path| Item::file(path, "one");
    let two = "both-0:1-1.noarch brings /bin/tool and /usr/bin/tool, which are one path through a link to a directory";
    let pairs = [
        ("a link to the other", file("/bin/tool"), Item::link("/usr/bin/tool", "../../bin/tool")),
        ("contents", file("/bin/tool"), Item::file("/usr/bin/tool", "two")),
        ("modes", file("/bin/tool"), file("/usr/bin/tool").mode(0o755)),
        ("owners", file("/bin/tool"), file("/usr/bin/tool").owner("bin")),
        ("targets", Item::link("/bin/tool", "a"), Item::link("/usr/bin/tool", "b")),
        ("modes of directories", Item::directory("/bin/tool"), Item::directory("/usr/bin/tool").mode(0o700)),
        ("a directory and a link", Item::directory("/bin/tool"), Item::link("/usr/bin/tool", "b")),
    ];
    for (name, one, other) in pairs {
        is_refused(&case(name, [filesystem(), both(one, other)]), two);
    }
}

#[test]
fn paths_of_one_package_that_are_equal_and_one_through_a_directory_link_are_taken() {
    let both = |one: Item, other: Item| Made::new("both", [one, other]).after("filesystem");
    let file = |path| Item::file(path, "one");
    let pairs = [
        ("equal files", file("/bin/tool"), file("/usr/bin/tool")),
        ("hard links", file("/bin/tool").inode(5), file("/usr/bin/tool").inode(5)),
        ("equal links", Item::link("/bin/tool", "a"), Item::link("/usr/bin/tool", "a")),
        ("equal directories", Item::directory("/bin/tool"), Item::directory("/usr/bin/tool")),
        ("a ghost first", file("/bin/tool").flags(GHOST), Item::file("/usr/bin/tool", "two")),
        ("a ghost last", file("/bin/tool"), Item::file("/usr/bin/tool", "two").flags(GHOST)),
        ("colors", file("/bin/tool").color(1), Item::file("/usr/bin/tool", "two").color(2)),
        ("colors, the preferred one first", file("/bin/tool").color(2), Item::file("/usr/bin/tool", "two").color(1)),
        ("documentation", file("/bin/tool"), Item::file("/usr/bin/tool", "two").flags(DOC)),
    ];
    for (name, one, other) in pairs {
        let case = Case { ours: &["--no-docs"], rpms: &["--excludedocs"], ..case(name, [filesystem(), both(one, other)]) };
        is_taken(&case);
    }
}

#[test]
fn the_rest_of_a_hard_link_set_is_linked_where_one_name_is_shared() {
    use std::os::unix::fs::MetadataExt;
    let set = ["/bin/a", "/usr/bin/a", "/usr/bin/b", "/usr/share/c"].map(|path| Item::file(path, "one").inode(7));
    let place = is_taken(&case("set", [filesystem(), Made::new("set", set).after("filesystem")]));
    let inode = |path: &str| fs::metadata(place.path("out").join(path)).unwrap().ino();
    assert_eq!(inode("usr/bin/a"), inode("usr/bin/b"));
    assert_eq!(inode("usr/bin/a"), inode("usr/share/c"));
}

#[test]
fn packages_that_meet_through_a_directory_link_are_refused_where_their_files_differ() {
    let one = || Made::new("one", [Item::file("/lib64/x", "one")]).after("filesystem");
    let other = |content| Made::new("two", [Item::file("/usr/lib64/x", content)]).after("one").after("filesystem");
    let refused = "one-0:1-1.noarch brings /lib64/x and two-0:1-1.noarch brings /usr/lib64/x, which are one path through a link";
    is_refused(&case("contents", [filesystem(), one(), other("two")]), refused);
    is_taken(&case("equal", [filesystem(), one(), other("one")]));
    let third = Made::new("three", [Item::file("/lib64/x", "one").mode(0o644)]).after("two");
    is_taken(&case("three of them", [filesystem(), one(), other("one"), third]));
}

#[test]
fn a_directory_link_counts_wherever_it_comes_from() {
    let both = || Made::new("both", [Item::file("/bin/tool", "one"), Item::file("/usr/bin/tool", "two")]);
    let one_path = "which are one path through a link to a directory";
    // A link of a later package.
    let links = || Made::new("links", [Item::link("/bin", "usr/bin")]);
    is_refused(&case("later", [both(), links().after("both")]), one_path);
    // Links of the package itself.
    let itself =
        Made::new("itself", [Item::link("/bin", "usr/bin"), Item::file("/bin/tool", "one"), Item::file("/usr/bin/tool", "two")]);
    is_refused(&case("itself", [itself]), one_path);
    // A link that a %pretrans creates.
    let made = both().pretrans("posix.mkdir('/usr') posix.mkdir('/usr/bin') posix.symlink('usr/bin', '/bin')");
    is_refused(&case("made", [made]), one_path);
    // Links to links, absolute ones, and ones with dots.
    let chain = Made::new(
        "chain",
        [
            Item::link("/a", "/./b"),
            Item::link("/b", "./c"),
            Item::link("/c", "usr/bin"),
            Item::directory("/usr"),
            Item::directory("/usr/bin"),
        ],
    );
    let through =
        |second| Made::new("through", [Item::file("/a/tool", "one"), Item::file("/usr/bin/tool", second)]).after("chain");
    is_refused(&case("chain", [chain.clone(), through("two")]), "which are one path");
    is_taken(&case("equal through a chain", [chain, through("one")]));
    // A link that is not installed: rpm still follows it.
    let ghost = Made::new("ghost", [Item::link("/bin", "usr/bin").flags(GHOST)]);
    is_refused(&case("ghost", [ghost, both().after("ghost")]), one_path);
    // Without a link: two files.
    is_taken(&case("no link", [both()]));
    // Circular links lead nowhere.
    let circle = Made::new("circle", [Item::link("/x", "y"), Item::link("/y", "x")]);
    let (_, outcome) = compared(&case("circle", [circle, Made::new("in", [Item::file("/x/f", "f")]).after("circle")]));
    assert_eq!(outcome.code, Some(1));
}

#[test]
fn a_link_below_another_link_leads_where_it_leads() {
    // rpm does not follow a link that is itself reached through a link, so one of the two files is
    // lost.
    let links =
        Made::new("links", [Item::link("/bin", "usr/bin"), Item::link("/bin/sub", "real"), Item::directory("/usr/bin/real")]);
    let both = Made::new("both", [Item::file("/bin/sub/x", "one"), Item::file("/usr/bin/real/x", "two")]).after("links");
    let place = Place::new();
    let files = made::write(&place, &[links, both]);
    let outcome = made::build(&place, &files, &[]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("both-0:1-1.noarch brings /bin/sub/x and /usr/bin/real/x"), "{}", outcome.stderr);
}

/// A `%pretrans` that creates files at these paths.
const THERE: &str = "posix.mkdir('/etc')
for _, name in ipairs({'plain', 'noreplace', 'equal', 'equal-noreplace', 'ghost', 'no-config', 'missing', 'link', 'link-noreplace'}) do
  local file = io.open('/etc/' .. name, 'w')
  file:write(string.find(name, 'equal') and 'new' or 'old')
  file:close()
  posix.chmod('/etc/' .. name, 'rw-------')
end
posix.symlink('plain', '/etc/was-link')
posix.symlink('plain', '/etc/was-link-noreplace')
posix.symlink('target', '/etc/same-link')
posix.mkdir('/etc/was-directory')
posix.mkdir('/etc/was-directory/sub')
posix.mkdir('/etc/was-directory-noreplace')";

#[test]
fn a_configuration_file_that_was_there_is_kept_as_rpm_keeps_it() {
    let file = |path: &str, flags| Item::file(path, "new").flags(flags).mode(0o640);
    let noreplace = CONFIG | NO_REPLACE;
    let items = [
        Item::directory("/etc"),
        file("/etc/plain", CONFIG),
        file("/etc/noreplace", noreplace),
        file("/etc/equal", CONFIG),
        file("/etc/equal-noreplace", noreplace),
        file("/etc/ghost", noreplace | GHOST),
        file("/etc/no-config", 0),
        file("/etc/missing", noreplace | MISSING_OK),
        file("/etc/not-there", noreplace | MISSING_OK),
        file("/etc/was-link", CONFIG),
        file("/etc/was-link-noreplace", noreplace),
        file("/etc/was-directory", CONFIG),
        file("/etc/was-directory-noreplace", noreplace),
        Item::link("/etc/link", "target").flags(CONFIG),
        Item::link("/etc/link-noreplace", "target").flags(noreplace),
        Item::link("/etc/same-link", "target").flags(noreplace),
    ];
    let place = is_taken(&case("kept", [Made::new("etc", items).pretrans(THERE)]));
    let read = |name: &str| fs::read_to_string(place.path("out/etc").join(name)).unwrap();
    assert_eq!([read("plain"), read("plain.rpmorig")], ["new", "old"]);
    assert_eq!([read("noreplace"), read("noreplace.rpmnew")], ["old", "new"]);
    assert!(place.path("out/etc/was-directory.rpmorig/sub").is_dir());
    let report = fs::read_to_string(place.path("report.json")).unwrap();
    assert!(report.contains("/etc/plain was there: it is kept as /etc/plain.rpmorig"), "{report}");
    assert!(report.contains("/etc/noreplace was there and stays: the package's is /etc/noreplace.rpmnew"), "{report}");
    assert!(!place.path("out/etc/equal.rpmorig").exists() && !place.path("out/etc/equal-noreplace.rpmnew").exists());
}

#[test]
fn files_that_come_after_the_decision_are_not_kept() {
    let write = "posix.mkdir('/etc') local f = io.open('/etc/x', 'w') f:write('old') f:close()";
    let config = |flags| Item::file("/etc/x", "new").flags(flags);
    for flags in [CONFIG, CONFIG | NO_REPLACE] {
        is_taken(&case("its own %pre", [Made::new("a", [config(flags)]).pre(write)]));
        let other = Made::new("a", [Item::file("/usr/a", "a")]).post(write);
        is_taken(&case("another's %post", [other, Made::new("b", [config(flags)]).after("a")]));
    }
}

#[test]
fn a_configuration_file_of_two_packages_is_decided_for_each() {
    let write = "posix.mkdir('/etc') local f = io.open('/etc/x', 'w') f:write('old') f:close()";
    let config = |content, flags| Item::file("/etc/x", content).flags(flags);
    for first in [CONFIG, CONFIG | NO_REPLACE, CONFIG | GHOST, CONFIG | NO_REPLACE | GHOST] {
        for second in [CONFIG, CONFIG | NO_REPLACE, 0] {
            let packages = [
                Made::new("a", [config("new", first)]).pretrans(write),
                Made::new("b", [config("new", second)]).after("a"),
                Made::new("c", [config("new", second)]).after("b"),
            ];
            is_taken(&case(&format!("{first:x} and {second:x}"), packages));
        }
    }
    let packages = [Made::new("a", [config("one", CONFIG)]), Made::new("b", [config("two", CONFIG)]).after("a")];
    is_refused(&case("contents", packages), "a-0:1-1.noarch and b-0:1-1.noarch both bring /etc/x, and not the same (content)");
}

#[test]
fn a_configuration_file_cannot_take_the_place_of_what_cannot_be_moved() {
    let lua = "posix.mkdir('/etc') posix.mkdir('/etc/x.rpmorig') posix.mkdir('/etc/x.rpmorig/y') posix.symlink('a', '/etc/x')";
    let package = Made::new("a", [Item::file("/etc/x", "new").flags(CONFIG)]).pretrans(lua);
    is_refused(&case("a directory in the way", [package]), "cannot keep what is there as /etc/x.rpmorig: Is a directory");
    let lua = "posix.mkdir('/etc') posix.mkdir('/etc/x') posix.mkdir('/etc/x.rpmnew')";
    let package = Made::new("a", [Item::file("/etc/x", "new").flags(CONFIG | NO_REPLACE)]).pretrans(lua);
    is_refused(&case("a directory in the way of .rpmnew", [package]), "/etc/x.rpmnew: is a directory");
}

/// Returns the warnings in the report of a build.
fn reported(report: &serde_json::Value) -> Vec<&str> {
    report["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap()).collect()
}

/// Returns the warnings on the terminal.
fn shown(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| line.strip_prefix("warning: ")).collect()
}

#[test]
fn every_warning_that_a_terminal_sees_is_in_the_report_also_of_a_quiet_run() {
    let place = Place::new();
    let package = Made::new("a", [Item::file("/usr/a", "a").owner("nobody-there"), Item::file("/etc/x", "new").flags(CONFIG)]);
    let files = made::write(&place, &[package.pretrans(THERE.replace("'plain'", "'x'").leak())]);
    let told = made::build(&place, &files, &[]).success();
    let read = || -> serde_json::Value { serde_json::from_slice(&fs::read(place.path("report.json")).unwrap()).unwrap() };
    let report = read();
    let expected = [
        "packages without a signature are accepted (--allow-unsigned)",
        "/etc/x was there: it is kept as /etc/x.rpmorig",
        "user nobody-there does not exist in the target: root owns its files",
        "group nobody-there does not exist in the target: root owns its files",
    ];
    assert_eq!(reported(&report), expected);
    assert_eq!(shown(&told.stderr), expected);
    for quiet in [&["-q"][..], &["--progress", "none"], &["-q", "--format", "json"]] {
        fs::remove_dir_all(place.path("out")).unwrap();
        let silent = made::build(&place, &files, quiet).success();
        assert_eq!(silent.stderr, "", "{quiet:?}");
        assert_eq!(read(), report, "{quiet:?}");
        if quiet.contains(&"json") {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&silent.stdout).unwrap(), report);
        }
    }
}

#[test]
fn every_warning_of_an_image_is_in_its_report() {
    let place = Place::new();
    let files = made::write(&place, &[Made::new("a", [Item::file("/usr/a", "a").owner("nobody-there")])]);
    made::empty_repository(&place);
    let with = format!("./{}", files[0]);
    let options = ["--type", "rpm", "--arch", "x86_64", "--allow-unsigned", "--repo", "empty=empty", "--cache-dir", "cache"];
    for product in [["--oci", "layout:x"], ["--docker-archive", "image.tar"], ["--tar", "root.tar"]] {
        let told = place.run(&[&options[..], &["--with", &with, "--report", "report.json"], &product].concat()).success();
        let report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("report.json")).unwrap()).unwrap();
        assert_eq!(shown(&told.stderr).len(), 3, "{}", told.stderr);
        assert_eq!(reported(&report), shown(&told.stderr), "{product:?}");
        for image in report["images"].as_array().into_iter().flatten() {
            assert_eq!(reported(image), shown(&told.stderr), "{product:?}");
        }
    }
}

#[test]
fn signatures_of_files_behind_the_region_of_a_signature_header_are_installed_as_rpm_installs_them() {
    let place = Place::new();
    let package = Made::new("a", [Item::file("/usr/a", "a"), Item::file("/usr/b", "b")]);
    let mut added = rootstrap::rpm::header::HeaderBuilder::new();
    added.strings(Tag::SIG_FILE_SIGNATURES, ["0302", "0304"]).u32(Tag::SIG_FILE_SIGNATURE_LENGTH, 2);
    fs::write(place.path("a.rpm"), package.parts().file_with_added(&added)).unwrap();
    let files = ["a.rpm".to_owned()];
    made::build(&place, &files, &[]).success();
    if made::has_rpm() {
        let report = made::file_signatures(&place.path("out"));
        let (taken, said) = made::rpm(&place, &files, &[]);
        assert!(taken, "{said}");
        assert_eq!(report, "/usr/a 0302\n/usr/b 0304\n");
        assert_eq!(report, made::file_signatures(&place.path("reference")));
    }
}
