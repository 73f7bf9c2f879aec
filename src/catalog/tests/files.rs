//! Catalog files of users, applied over the built-in ones.

use std::path::PathBuf;

use crate::catalog::{Catalog, CatalogError, Content, ContentProblem, Distro, Existing, Langs, Packaging, Step, StepProblem};

/// A catalog file in its own directory, with a key next to it.
struct File {
    directory: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("mine.toml"), text).unwrap();
        std::fs::write(directory.path().join("mine.asc"), "my key").unwrap();
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("mine.toml")
    }
}

fn load(text: &str) -> Result<Catalog, CatalogError> {
    let file = File::new(text);
    Catalog::with_file(&file.path())
}

/// Returns the inconsistency in a file that has the right format.
fn problem(text: &str) -> (String, ContentProblem) {
    match load(text) {
        Err(CatalogError::Content { place, source, path }) => {
            assert!(path.ends_with("mine.toml"));
            (place, source)
        }
        other => panic!("{other:?}"),
    }
}

const MINE: &str = r#"
distro = "mine"
type = "rpm"
mirrors.main.base = "https://mine.example/{series}/"
repositories.all.layout = "{release}/{arch}/{repository}/"
architectures.armv7 = { platform = "linux/arm/v7" }
architectures.x86_64 = { platform = "linux/amd64" }

[variants.tiny]
repositories = ["all"]
install = [{ packages = ["shell"] }]
config.env = ["A=1", "B=2"]
config.labels.version = "{release} of {series}, {variant}, {arch}"

[variants.big]
architectures = ["x86_64"]
repositories = ["all"]

[releases.1]
aliases = ["latest"]
mirror = "main"
minor_mirror = "main"
keys = ["mine.asc"]
database = { backend = "sqlite", path = "var/lib/rpm" }
architectures = { armv7 = {}, x86_64 = {} }
"#;

#[test]
fn a_distribution_of_ones_own() {
    let catalog = load(MINE).unwrap();
    let names: Vec<_> = catalog.distros().unwrap().into_iter().map(Distro::name).collect();
    assert_eq!(names, ["almalinux", "alpine", "mine"]);
    let image = catalog.find("mine", "1.2", "tiny", "arm32v7").unwrap();
    assert_eq!(image.packaging, Packaging::Rpm);
    assert_eq!(image.repositories[0].url(), "https://mine.example/1/1.2/armv7/all/");
    assert_eq!((image.keys[0].name.as_str(), &*image.keys[0].data), ("mine.asc", b"my key".as_slice()));
    assert_eq!(image.config.env, ["A=1", "B=2"]);
    assert_eq!(image.config.labels["version"], "1.2 of 1, tiny, armv7");
    // Unset options have dnf's defaults.
    assert!(image.options.weak_deps && image.options.docs && !image.options.best);
    assert_eq!(image.options.langs, Langs::All);
    assert_eq!(catalog.find("mine", "latest", "tiny", "amd64").unwrap().release, "1");
}

#[test]
fn a_variant_for_some_architectures_only() {
    let catalog = load(MINE).unwrap();
    assert!(catalog.find("mine", "1", "big", "x86_64").is_ok());
    match catalog.find("mine", "1", "big", "linux/arm/v7") {
        Err(CatalogError::VariantNotForArchitecture { variant, arch, known, .. }) => {
            assert_eq!((variant.as_str(), arch.as_str()), ("big", "armv7"));
            assert_eq!(known, ["x86_64"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_variant_more_for_almalinux() {
    let catalog = load(
        r#"
        distro = "almalinux"
        steps.mine = [
            { write = { path = "etc/motd", content = "hello {release}\n", existing = "append" } },
            { remove = ["usr/share/doc/*"] },
        ]
        [variants.web]
        description = "a web server"
        repositories = ["baseos", "appstream"]
        options.weak_deps = true
        install = [{ packages = ["nginx"], options.docs = true, enable = ["crb"] }]
        finishing = ["files", "mine"]
        [variants.minimal.config]
        env = ["LANG=C"]
        [releases.8]
        without_variants = ["web"]
        "#,
    )
    .unwrap();
    let web = catalog.find("almalinux", "9", "web", "arm64").unwrap();
    assert_eq!(web.install[0].repositories, ["baseos", "appstream", "crb"]);
    assert!(web.options.weak_deps && web.options.best && !web.options.docs);
    assert!(web.install[0].options.weak_deps && web.install[0].options.docs);
    let Some([Step::Write(motd), Step::Remove(removed)]) = web.finishing.last_chunk() else {
        panic!("{:?}", web.finishing);
    };
    // The content of a file is not a template.
    assert_eq!(motd.content, Content::Text("hello {release}\n".to_owned()));
    assert_eq!(motd.existing, Existing::Append);
    assert_eq!(removed, &["usr/share/doc/*"]);
    // The file changes one value of a built-in variant; the others stay.
    let minimal = catalog.find("almalinux", "9", "minimal", "arm64").unwrap();
    assert_eq!(minimal.config.env, ["LANG=C"]);
    assert_eq!(minimal.config.cmd, ["/bin/bash"]);
    let variants = catalog.distro("almalinux").unwrap().release("10").unwrap().variants();
    assert_eq!(variants.last().unwrap().name(), "web");
    assert!(matches!(catalog.find("almalinux", "8", "web", "arm64"), Err(CatalogError::UnknownVariant { .. })));
}

#[test]
fn what_is_not_the_form_is_told_with_its_line() {
    for (text, told) in [
        ("distro = \"almalinux\"\nvariant.x = {}", ["line 2", "`variant`"]),
        ("distro = \"almalinux\"\n\n[variants.micro]\npackage = []", ["line 4", "`package`"]),
        ("distro = \"almalinux\"\nsteps.a = [{ wipe = [] }]", ["line 2", "`wipe`"]),
        ("distro = \"almalinux\"\nsteps.a = [{ write = { path = \"a\", text = \"b\" } }]", ["line 2", "`text`"]),
        ("distro = \"almalinux\"\nsteps.a = [{ write = { path = \"a\", date = \"%Q\" } }]", ["line 2", "`%Q`"]),
        (
            "distro = \"almalinux\"\nsteps.a = [{ write = { path = \"a\", date = \"%Y\", content = \"\" } }]",
            ["line 2", "exclude each other"],
        ),
        ("distro = \"almalinux\"\noptions.langs = \"some\"", ["line 2", "list of languages"]),
        ("distro = \"almalinux\"\narchitectures.vax.platform = \"linux/vax\"", ["line 2", "`linux/vax`"]),
        ("distro = [", ["line 1", "array"]),
    ] {
        match load(text) {
            Err(CatalogError::Form { source, path }) => {
                assert!(path.ends_with("mine.toml"));
                let message = source.to_string();
                assert!(told.iter().all(|part| message.contains(part)), "{text}\n{message}");
            }
            other => panic!("{text}\n{other:?}"),
        }
    }
}

#[test]
fn what_does_not_hold_together_is_told_with_its_place() {
    let changed = |from: &str, to: &str| {
        assert!(MINE.contains(from), "{from}");
        problem(&MINE.replace(from, to))
    };
    let dangling = |kind, name: &str| ContentProblem::Dangling { kind, name: name.to_owned() };
    // Variants are checked in the order of their names: `big` comes first.
    let of_big = "releases.1.variants.big".to_owned();

    assert_eq!(problem("title = \"x\"").1, ContentProblem::Missing { key: "distro" });
    assert_eq!(changed("type = \"rpm\"", "").1, ContentProblem::Missing { key: "type" });
    assert_eq!(changed("\nmirror = \"main\"", ""), (of_big.clone(), ContentProblem::Missing { key: "mirror" }));
    assert_eq!(changed("\nmirror = \"main\"", "\nmirror = \"moon\""), (of_big.clone(), dangling("mirror", "moon")));
    assert_eq!(changed("minor_mirror = \"main\"", "minor_mirror = \"moon\""), (of_big.clone(), dangling("mirror", "moon")));
    assert_eq!(changed("repositories = [\"all\"]\ninstall", "repositories = [\"al\"]\ninstall").1, dangling("repository", "al"));
    assert_eq!(changed("{ packages = [\"shell\"] }", "{ enable = [\"x\"] }").1, dangling("repository", "x"));
    assert_eq!(changed("config.env = [", "finishing = [\"none\"]\nconfig.env = [").1, dangling("steps", "none"));
    assert_eq!(changed("\"mine.asc\"", "\"other.asc\""), ("releases.1.keys".to_owned(), dangling("key", "other.asc")));
    assert_eq!(changed("armv7 = {}", "vax = {}"), ("architectures.vax".to_owned(), dangling("architecture", "vax")));
    assert_eq!(
        changed("architectures = [\"x86_64\"]", "architectures = [\"vax\"]"),
        ("variants.big".to_owned(), dangling("architecture", "vax"))
    );
    assert_eq!(
        changed("mirror = \"main\"\nkeys", "mirror = \"main\"\nwithout_variants = [\"tny\"]\nkeys").1,
        dangling("variant", "tny")
    );
    assert_eq!(changed("database = ", "module_platform = \"x\" #").1, ContentProblem::Missing { key: "database" });
    assert_eq!(changed(".layout = ", ".title = ").1, ContentProblem::Missing { key: "layout" });
    assert_eq!(
        changed("{release}/{arch}", "{releas}/{arch}").1,
        ContentProblem::Template { template: "{releas}/{arch}/{repository}/".to_owned(), variable: "releas".to_owned() }
    );
    assert!(matches!(changed("\"B=2\"", "\"B\"").1, ContentProblem::Value { key: "env", .. }));
}

#[test]
fn steps_that_no_tree_can_take_are_refused() {
    for step in [
        r#"write = { path = "/etc/x" }"#,
        r#"write = { path = "etc/../../x" }"#,
        r#"write = { path = "x", if_dir = "." }"#,
        r#"write = { path = "x", mode = 0o10000 }"#,
        r#"remove = ["usr", ""]"#,
        r#"remove = ["../*"]"#,
        r#"link = { path = "a//b", target = "x" }"#,
        r#"link = { path = "a", target = "" }"#,
        r#"directory = { path = "a/" }"#,
        r#"copy = { from = "a", to = "/b" }"#,
        r#"group = { name = "a:b", gid = 1 }"#,
        r#"user = { name = "a", uid = 1, gid = 1, gecos = "x\ny", home = "/", shell = "/bin/sh" }"#,
        r#"mask_units = ["../x.service"]"#,
        r#"default_target = """#,
        r#"files_from = { package = "x", files = ["/root/.*"], into = "root", mode = 0o644 }"#,
        r#"replace = { files = "etc/*", from = "", to = "x" }"#,
        r#"lock_passwords = ["a:b"]"#,
        r#"lock_passwords = [""]"#,
        r#"busybox_links = { program = "/bin/busybox" }"#,
        r#"busybox_links = { program = "bin/busybox", lists = "../x" }"#,
        r#"files_from = { package = "x", files = ["a"], mode = 0o10000 }"#,
        r#"tmpfiles = "/usr/lib/tmpfiles.d/x.conf""#,
    ] {
        let text = format!("distro = \"almalinux\"\nsteps.a = [{{ remove = [\"fine\"] }}, {{ {step} }}]");
        let (place, source) = problem(&text);
        assert_eq!(place, "steps.a", "{step}");
        assert!(matches!(source, ContentProblem::Step { number: 2, .. }), "{step}");
    }
    let (_, path) = problem("distro = \"almalinux\"\nsteps.a = [{ remove = [\"a\\u0000\"] }]");
    let expected = StepProblem::Path { path: "a\0".to_owned() };
    assert_eq!(path, ContentProblem::Step { number: 1, source: expected });
}

#[test]
fn a_key_beside_the_file_stands_over_the_builtin_one() {
    let file = File::new("distro = \"almalinux\"\nreleases.9.keys = [\"RPM-GPG-KEY-AlmaLinux-9\", \"mine.asc\"]");
    let of_nine = |catalog: &Catalog| catalog.find("almalinux", "9", "micro", "arm64").unwrap().keys;
    let keys = of_nine(&Catalog::with_file(&file.path()).unwrap());
    assert!(keys[0].data.starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    assert_eq!(&*keys[1].data, b"my key");
    std::fs::write(file.directory.path().join("RPM-GPG-KEY-AlmaLinux-9"), "another").unwrap();
    assert_eq!(&*of_nine(&Catalog::with_file(&file.path()).unwrap())[0].data, b"another");
}

#[test]
fn a_file_that_fails_changes_nothing() {
    let mut catalog = Catalog::builtin();
    let file = File::new("distro = \"almalinux\"\n[variants.micro]\nrepositories = [\"none\"]");
    assert!(catalog.extend(&file.path()).is_err());
    assert!(catalog.find("almalinux", "9", "micro", "arm64").is_ok());
    let absent = file.directory.path().join("absent.toml");
    match Catalog::with_file(&absent) {
        Err(CatalogError::Read { path, .. }) => assert_eq!(path, absent),
        other => panic!("{other:?}"),
    }
}

/// Loads the example from the documentation, which must work.
#[test]
fn the_documented_example_works() {
    let page = include_str!("../../../docs/catalog.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let image = load(example).unwrap().find("almalinux", "9", "web", "arm64").unwrap();
    assert_eq!(image.install[0].packages[0], "nginx-core");
    assert_eq!(image.config.cmd[0], "nginx");
}
