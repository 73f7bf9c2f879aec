//! Tests with one repository in every form that `createrepo_c` writes: packages and answers are the
//! same, in every state of the cache.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rootstrap::compression::decompress;
use rootstrap::digest::{Algorithm, Digest};
use rootstrap::fetch::{FetchOptions, Fetcher, Location};
use rootstrap::pool::{Kind, Pool, PoolBuilder};
use rootstrap::repo::{self, Repository};
use rootstrap::rpm::architecture;
use rootstrap::rpm::index::RpmMd;
use rootstrap::rpm::version::RpmVersions;

use crate::place::{Outcome, Place, names, peer, real_data};

/// Copies the real packages without metadata; `None` if they or `createrepo_c` are missing.
fn packages(place: &Place) -> Option<PathBuf> {
    let real = real_data("almalinux/9/BaseOS/aarch64/os/Packages")?;
    if !peer("createrepo_c") {
        return None;
    }
    let directory = place.path("packages");
    fs::create_dir(&directory).unwrap();
    for name in names(&real) {
        std::os::unix::fs::symlink(real.join(&name), directory.join(name)).unwrap();
    }
    Some(directory)
}

/// Generates metadata by `createrepo_c`, in a directory of its own.
fn create(place: &Place, name: &str, options: &[&str]) -> PathBuf {
    let out = place.path(name);
    fs::create_dir_all(&out).unwrap();
    let mut command = Command::new("createrepo_c");
    command.args(["--quiet", "--set-timestamp-to-revision", "--revision=1", "--outputdir"]).arg(&out).args(options);
    assert!(command.arg(place.path("packages")).status().unwrap().success(), "{options:?}");
    out
}

/// Removes the elements of these kinds from repomd.xml.
fn unlist(repository: &Path, kinds: &[&str]) {
    let path = repository.join("repodata/repomd.xml");
    let mut text = fs::read_to_string(&path).unwrap();
    for kind in kinds {
        let start = text.find(&format!("<data type=\"{kind}\">")).unwrap_or_else(|| panic!("{kind}: {text}"));
        let end = start + text[start..].find("</data>").unwrap() + "</data>".len();
        text.replace_range(start..end, "");
    }
    fs::write(path, text).unwrap();
}

/// Compresses the files of a repository with zstd, as newer versions of `createrepo_c` do by
/// default.
fn pack_with_zstd(repository: &Path) {
    let directory = repository.join("repodata");
    let repomd = directory.join("repomd.xml");
    let mut text = fs::read_to_string(&repomd).unwrap();
    for name in names(&directory).into_iter().filter(|name| name != "repomd.xml") {
        let packed = fs::read(directory.join(&name)).unwrap();
        let mut open = Vec::new();
        decompress(&packed[..]).unwrap().1.read_to_end(&mut open).unwrap();
        let new = zstd::encode_all(&open[..], 3).unwrap();
        let new_name = format!("{}.zst", name.rsplit_once('.').unwrap().0);
        fs::write(directory.join(&new_name), &new).unwrap();
        fs::remove_file(directory.join(&name)).unwrap();
        let digest = |bytes: &[u8]| Digest::of(Algorithm::Sha256, bytes).hex();
        text = text.replace(&format!("/{name}"), &format!("/{new_name}"));
        text = text.replace(&format!(">{}<", digest(&packed)), &format!(">{}<", digest(&new)));
        text = text.replace(&format!("<size>{}<", packed.len()), &format!("<size>{}<", new.len()));
    }
    fs::write(repomd, text).unwrap();
}

/// Returns the repository in all forms.
fn forms(place: &Place) -> Vec<PathBuf> {
    let form = |name: &str, kind: &str, database: &str| {
        let packing = if kind == "zstd" { "gz" } else { kind };
        let form = create(
            place,
            name,
            &[database, &format!("--general-compress-type={packing}"), &format!("--compress-type={packing}")],
        );
        if kind == "zstd" {
            pack_with_zstd(&form);
        }
        form
    };
    let kinds = ["gz", "xz", "bz2", "zstd"];
    let mut forms: Vec<PathBuf> = kinds.into_iter().map(|kind| form(kind, kind, "--no-database")).collect();
    for kind in kinds {
        let form = form(&format!("sqlite-{kind}"), kind, "--database");
        unlist(&form, &["primary", "filelists"]);
        forms.push(form);
    }
    // A dictionary may be any text that occurs often in the file.
    let dictionaries = place.path("dictionaries");
    fs::create_dir(&dictionaries).unwrap();
    for name in ["primary", "filelists", "other"] {
        let text = "<package type=\"rpm\"><name></name><arch>aarch64</arch><version epoch=\"0\" ver=\"\" rel=\"el9\"/><rpm:entry name=\"";
        fs::write(dictionaries.join(format!("{name}.xml.zdict")), text.repeat(20)).unwrap();
    }
    let directory = format!("--zck-dict-dir={}", dictionaries.display());
    for (name, options) in [("zck", &["--zck"][..]), ("zck-dictionary", &["--zck", &directory])] {
        let form = create(place, name, options);
        unlist(&form, &["primary", "filelists"]);
        forms.push(form);
    }
    forms
}

/// Returns the pool of a repository, read with the lists of all files for one path.
fn pool(place: &Place, repository: &Path) -> Pool {
    let fetcher = Fetcher::new(FetchOptions::new(place.path("cache-of-pool")));
    let repository = Repository::new("base", Location::parse(repository.to_str().unwrap()).unwrap());
    let opened = repo::open(&[repository], &RpmMd, &|_, _| Ok(()), &fetcher).unwrap();
    let mut builder = PoolBuilder::new();
    opened.read_packages(&mut builder, &RpmMd, &fetcher).unwrap();
    let path = "/usr/share/licenses/bash/COPYING";
    assert_eq!(opened.read_file_lists(&mut builder, &[path], &RpmMd, &fetcher).unwrap(), 1);
    builder.build(&RpmVersions, &architecture::compatible("aarch64")).unwrap()
}

/// Returns all contents of a pool as text.
fn told(pool: &Pool) -> String {
    let mut text = String::new();
    for package in pool.solvables() {
        let words = [
            package.name(),
            package.version(),
            package.arch(),
            package.location(),
            package.vendor(),
            package.source(),
            package.license(),
        ];
        text +=
            &format!("{words:?} {:?} {:?}", package.checksum(), (package.size(), package.installed_size(), package.build_time()));
        for kind in Kind::ALL {
            let all: Vec<String> = package.dependencies(kind).iter().map(|&id| pool.display(id)).collect();
            text += &format!("\n  {kind:?} {all:?}");
        }
        let files: Vec<&str> = package.files().iter().map(|&path| pool.text(path)).collect();
        text += &format!("\n  {files:?}\n");
    }
    text
}

#[test]
fn the_same_pool_from_every_form() {
    let place = Place::new();
    if packages(&place).is_none() {
        return;
    }
    let forms = forms(&place);
    let first = told(&pool(&place, &forms[0]));
    assert!(first.contains("bash") && first.lines().count() > 100, "{first}");
    for form in &forms[1..] {
        let other = told(&pool(&place, form));
        let differs = first.lines().zip(other.lines()).find(|(a, b)| a != b);
        assert!(first == other, "{}: {differs:?}", form.display());
    }
    // The same documents make the same bytes.
    for form in forms[1..4].iter().chain(&forms[8..]) {
        assert!(pool(&place, &forms[0]).image().bytes() == pool(&place, form).image().bytes(), "{}", form.display());
    }
}

/// Resolves every package name of a repository.
fn answers(place: &Place, repository: &Path) -> Outcome {
    let repository = format!("base={}", repository.display());
    let words = ["resolve", "--each", "--all", "--arch", "aarch64", "--repo", &repository, "--cache-dir=cache", "--format=json"];
    place.run(&words)
}

/// Returns the only cached pool.
fn kept(place: &Place) -> PathBuf {
    let names = names(&place.path("cache/pools"));
    assert_eq!(names.len(), 1);
    place.path("cache/pools").join(&names[0])
}

#[test]
fn the_same_answers_whatever_the_cache_went_through() {
    let place = Place::new();
    if packages(&place).is_none() {
        return;
    }
    let forms = forms(&place);
    let right = answers(&place, &forms[0]).success().stdout;
    assert!(right.lines().count() > 20 && right.contains("\"ok\":true"), "{right}");
    for form in &forms {
        let _ = fs::remove_dir_all(place.path("cache"));
        for state in ["cold", "warm"] {
            let outcome = answers(&place, form).success();
            assert!(outcome.stdout == right && outcome.stderr.is_empty(), "{} {state}: {}", form.display(), outcome.stderr);
        }
    }
    let whole = fs::read(kept(&place)).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 3] ^= 0x10;
    let other_program = [&whole[..8], &[0; 8], &whole[16..]].concat();
    let states =
        [damaged, whole[..whole.len() / 2].to_vec(), Vec::new(), other_program, vec![0; 100], [&whole[..], b"more"].concat()];
    for state in states {
        fs::write(kept(&place), &state).unwrap();
        let outcome = answers(&place, &forms[9]).success();
        assert!(outcome.stdout == right && outcome.stderr.contains("cache unreadable, parsing again"), "{}", outcome.stderr);
        assert!(fs::read(kept(&place)).unwrap() == whole, "it is made again");
    }
}

#[test]
fn what_the_repository_was_before_is_never_answered() {
    let place = Place::new();
    let Some(directory) = packages(&place) else { return };
    let repository = create(&place, "stale", &["--no-database"]);
    let before = answers(&place, &repository).success().stdout;
    let left_out = names(&directory).into_iter().find(|name| name.starts_with("bash-")).unwrap();
    fs::remove_file(directory.join(left_out)).unwrap();
    fs::remove_dir_all(repository.join("repodata")).unwrap();
    create(&place, "stale", &["--no-database"]);
    let after = answers(&place, &repository).success().stdout;
    assert!(before.contains("\"spec\":\"bash\"") && !after.contains("\"spec\":\"bash\""), "{after}");
    fs::remove_dir_all(place.path("cache")).unwrap();
    assert_eq!(answers(&place, &repository).success().stdout, after);
}

#[test]
fn checksums_that_prove_nothing_are_taken_only_when_asked_for() {
    let place = Place::new();
    if packages(&place).is_none() {
        return;
    }
    let repository = create(&place, "weak", &["--no-database"]);
    // The form of old versions of createrepo, which createrepo_c no longer writes.
    let path = repository.join("repodata/repomd.xml");
    let mut text = fs::read_to_string(&path).unwrap();
    let start = text.find("<checksum type=\"sha256\">").unwrap();
    let end = start + text[start..].find("</checksum>").unwrap();
    let name = names(&repository.join("repodata")).into_iter().find(|name| name.contains("primary")).unwrap();
    let bytes = fs::read(repository.join("repodata").join(name)).unwrap();
    let digest = Digest::of(Algorithm::Md5, &bytes).hex();
    text.replace_range(start..end, &format!("<checksum type=\"md5\">{digest}"));
    fs::write(&path, &text).unwrap();
    let repo = format!("base={}", repository.display());
    let words = ["resolve", "bash", "--arch", "aarch64", "--repo", &repo, "--cache-dir=cache", "--format=json"];
    let refused = place.run(&words);
    assert_eq!(refused.code, Some(4));
    assert!(refused.stderr.contains("(md5)") && refused.stderr.contains("--allow-weak-checksums"), "{}", refused.stderr);
    let allowed = place.run(&[&words[..], &["--allow-weak-checksums"]].concat()).success();
    assert!(allowed.stderr.contains("no checksum that proves anything"), "{}", allowed.stderr);
    // The digest must still match.
    fs::write(&path, text.replace(&digest, &"0".repeat(32))).unwrap();
    assert_eq!(place.run(&[&words[..], &["--allow-weak-checksums"]].concat()).code, Some(4));
}
