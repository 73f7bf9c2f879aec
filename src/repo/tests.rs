//! Tests of valid, faulty and missing repositories.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::compression::Format;
use crate::digest::{Algorithm, Digest};
use crate::fetch::test_server::{Answer, TestServer};
use crate::fetch::{FetchOptions, Fetcher, Location, Patience, Traffic};
use crate::metadata::MetadataFormat;
use crate::pool::{Architectures, Kind, PoolBuilder};
use crate::rpm::index::RpmMd;
use crate::rpm::version::RpmVersions;

fn compress(format: Format, data: &[u8]) -> Vec<u8> {
    match format {
        Format::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        Format::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        Format::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        Format::Zstd => zstd::encode_all(data, 3).unwrap(),
        _ => data.to_vec(),
    }
}

/// Returns a `primary.xml` with one package per line of the form `name requirement…`.
fn primary(packages: &str) -> String {
    let mut document = String::from("<metadata>");
    for line in packages.lines() {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap();
        let checksum = Digest::of(Algorithm::Sha256, name.as_bytes()).hex();
        write!(
            document,
            "<package type='rpm'><name>{name}</name><arch>noarch</arch><version epoch='0' ver='1' rel='1'/>\
             <checksum type='sha256'>{checksum}</checksum><location href='{name}.rpm'/><format><requires>"
        )
        .unwrap();
        words.for_each(|name| write!(document, "<entry name='{name}'/>").unwrap());
        document.push_str("</requires></format></package>");
    }
    document + "</metadata>"
}

/// A metadata file, and its entry in `repomd.xml`.
struct File {
    name: &'static str,
    algorithm: Algorithm,
    open: Vec<u8>,
    data: Vec<u8>,
    open_size: Option<usize>,
}

impl File {
    fn new(name: &'static str, format: Format, open: &str) -> Self {
        let data = compress(format, open.as_bytes());
        Self { name, algorithm: Algorithm::Sha256, open: open.into(), data, open_size: Some(open.len()) }
    }

    fn path(&self) -> String {
        format!("repodata/{}.xml.gz", self.name)
    }

    fn entry(&self) -> String {
        let open_size = self.open_size.map(|size| format!("<open-size>{size}</open-size>")).unwrap_or_default();
        format!(
            "<data type='{}'><checksum type='{}'>{}</checksum><open-checksum type='sha256'>{}</open-checksum>\
             <location href='{}'/><size>{}</size>{open_size}</data>",
            self.name,
            self.algorithm.name(),
            Digest::of(self.algorithm, &self.data).hex(),
            Digest::of(Algorithm::Sha256, &self.open).hex(),
            self.path(),
            self.data.len(),
        )
    }
}

fn repomd(files: &[File]) -> String {
    format!("<repomd>{}</repomd>", files.iter().map(File::entry).collect::<String>())
}

fn write(directory: &Path, files: &[File]) {
    fs::create_dir_all(directory.join("repodata")).unwrap();
    fs::write(directory.join("repodata/repomd.xml"), repomd(files)).unwrap();
    for file in files {
        fs::write(directory.join(file.path()), &file.data).unwrap();
    }
}

fn at(name: &str, place: &str) -> Repository {
    Repository::new(name, Location::parse(place).unwrap())
}

fn fetcher(cache: &Path, offline: bool) -> Fetcher {
    let patience = Patience { stall: Duration::from_secs(2), backoff: Duration::from_millis(1), ..Patience::default() };
    Fetcher::new(FetchOptions { offline, patience, ..FetchOptions::new(cache) })
}

/// Opens repositories and reads their packages.
fn load(repositories: &[Repository], fetcher: &Fetcher) -> Result<(Repositories, PoolBuilder), RepoError> {
    let opened = open(repositories, &RpmMd, &|_, _| Ok(()), fetcher)?;
    let mut builder = PoolBuilder::new();
    opened.read_packages(&mut builder, &RpmMd, fetcher)?;
    Ok((opened, builder))
}

/// Loads one repository that lies in a directory; nothing is cached then.
fn load_directory(directory: &Path) -> Result<PoolBuilder, RepoError> {
    let loaded = load(&[at("base", directory.to_str().unwrap())], &fetcher(Path::new("/nonexistent"), false))?;
    Ok(loaded.1)
}

/// Returns the error of a repository whose only file was manipulated.
fn error_of(file: File, meddle: impl FnOnce(&Path)) -> RepoError {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[file]);
    meddle(directory.path());
    load_directory(directory.path()).unwrap_err()
}

#[test]
fn the_same_packages_from_every_compression() {
    for format in [Format::Plain, Format::Gzip, Format::Xz, Format::Bzip2, Format::Zstd] {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &[File::new("primary", format, &primary("a b\nb"))]);
        let loaded = load_directory(directory.path()).unwrap();
        assert_eq!(loaded.len(), 2, "{format:?}");
    }
}

#[test]
fn repositories_are_joined_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..9).map(|n| format!("repo{n}")).collect();
    let repositories: Vec<Repository> = names
        .iter()
        .map(|name| {
            let place = directory.path().join(name);
            write(&place, &[File::new("primary", Format::Gzip, &primary(&format!("{name}-a common\n{name}-b {name}-a")))]);
            Repository { priority: 7, tag: Some("t".to_owned()), ..at(name, place.to_str().unwrap()) }
        })
        .collect();
    let fetcher = fetcher(Path::new("/nonexistent"), false);
    let (_, builder) = load(&repositories, &fetcher).unwrap();
    let pool = builder.build(&RpmVersions, &Architectures::any()).unwrap();
    let packages: Vec<String> = pool.solvables().map(|s| format!("{} {}", s.repo_name(), s.name())).collect();
    let expected: Vec<String> = names.iter().flat_map(|n| [format!("{n} {n}-a"), format!("{n} {n}-b")]).collect();
    assert_eq!(packages, expected);
    let second = pool.solvables().nth(3).unwrap();
    assert_eq!(second.repo().priority, 7);
    assert_eq!(pool.display(second.dependencies(Kind::Requires)[0]), "repo1-a");
    assert_eq!(second.repo_name(), "repo1");

    let twice = load(&[repositories[0].clone(), repositories[0].clone()], &fetcher);
    assert!(matches!(twice, Err(RepoError::SameName { repository }) if repository == "repo0"));
}

#[test]
fn whatever_is_not_as_promised_is_refused() {
    let file = || File::new("primary", Format::Gzip, &primary("a"));
    let path = file().path();
    let data = file().data;
    let flipped = |place: usize| {
        let mut data = data.clone();
        data[place] ^= 1;
        data
    };
    for damaged in [flipped(data.len() / 2), flipped(0), data[..data.len() - 1].to_vec(), [&data[..], b"x"].concat(), Vec::new()]
    {
        let error = error_of(file(), |directory| fs::write(directory.join(&path), &damaged).unwrap());
        assert!(error.is_verification(), "{error}");
        assert!(error.to_string().contains("repository base: repodata/primary.xml.gz: "), "{error}");
    }
    for open_size in [1, file().open.len() - 1, file().open.len() + 1] {
        let error = error_of(File { open_size: Some(open_size), ..file() }, |_| {});
        assert!(matches!(error, RepoError::OpenSize { expected, .. } if expected == open_size as u64), "{error}");
        assert!(error.is_verification());
    }
    let weak = error_of(File { algorithm: Algorithm::Md5, ..file() }, |_| {});
    assert!(matches!(weak, RepoError::WeakChecksum { algorithm: Some(Algorithm::Md5), .. }) && weak.is_verification());
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[File { algorithm: Algorithm::Sha1, ..file() }]);
    load_directory(directory.path()).unwrap();
}

#[test]
fn a_bomb_is_stopped_where_it_should_have_ended() {
    let bomb = format!("<metadata>{}</metadata>", "<a/>".repeat(10 << 20));
    let promised = error_of(File { open_size: Some(1000), ..File::new("primary", Format::Zstd, &bomb) }, |_| {});
    assert!(matches!(promised, RepoError::OpenSize { expected: 1000, .. }), "{promised}");
    let unknown = error_of(File { open_size: None, ..File::new("primary", Format::Zstd, &bomb) }, |_| {});
    assert!(matches!(unknown, RepoError::OpenSize { .. }), "{unknown}");
}

#[test]
fn what_is_missing_or_unreadable_is_no_lie() {
    let file = || File::new("primary", Format::Gzip, &primary("a"));
    let root = "repodata/repomd.xml";
    for document in ["", "<html/>", "<repomd>", "garbage", "<repomd><data type='primary'><size>x</size></data></repomd>"] {
        let error = error_of(file(), |directory| fs::write(directory.join(root), document).unwrap());
        assert!(matches!(&error, RepoError::Index { file, .. } if file == root), "{document}: {error}");
        assert!(!error.is_verification());
    }
    let empty = error_of(file(), |directory| fs::write(directory.join(root), "<repomd/>").unwrap());
    assert!(matches!(empty, RepoError::NoPackages { .. }), "{empty}");
    for gone in [root, "repodata/primary.xml.gz"] {
        let error = error_of(file(), |directory| fs::remove_file(directory.join(gone)).unwrap());
        assert!(matches!(error, RepoError::Fetch { .. }) && !error.is_verification(), "{error}");
        assert!(error.to_string().contains(gone) && error.to_string().contains("not found"), "{error}");
    }
    let error = load_directory(Path::new("/nonexistent/repository")).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/repository/repodata/repomd.xml: not found"), "{error}");
    let malformed = error_of(File::new("primary", Format::Gzip, "<metadata><package>"), |_| {});
    assert_eq!(
        malformed.to_string(),
        "repository base: repodata/primary.xml.gz cannot be read: the document ends inside an element, at byte 19"
    );
    let escaping = error_of(file(), |directory| {
        let escaping = repomd(&[file()]).replace("repodata/primary", "../../primary");
        fs::write(directory.join(root), escaping).unwrap();
    });
    assert!(matches!(escaping, RepoError::Location { .. }), "{escaping}");
}

#[test]
fn over_http_then_from_the_cache_then_offline() {
    let cache = tempfile::tempdir().unwrap();
    let file = File::new("primary", Format::Xz, &primary("a\nb\nc"));
    let repomd = repomd(std::slice::from_ref(&file));
    let server = TestServer::start([
        ("/os/repodata/repomd.xml", Answer::File(repomd.into_bytes())),
        ("/os/repodata/primary.xml.gz", Answer::File(file.data.clone())),
    ]);
    let repositories = [at("base", &server.url("/os"))];
    let offline_first = load(&repositories, &fetcher(cache.path(), true)).unwrap_err();
    assert!(offline_first.to_string().contains("offline"), "{offline_first}");
    for offline in [false, false, true] {
        assert_eq!(load(&repositories, &fetcher(cache.path(), offline)).unwrap().1.len(), 3);
    }
    let asked = server.asked();
    assert_eq!(asked, ["/os/repodata/repomd.xml", "/os/repodata/primary.xml.gz", "/os/repodata/repomd.xml"]);
}

#[test]
fn a_good_mirror_makes_up_for_bad_ones() {
    let cache = tempfile::tempdir().unwrap();
    let file = File::new("primary", Format::Gzip, &primary("new"));
    let stale = File::new("primary", Format::Gzip, &primary("old package"));
    let repomd = repomd(std::slice::from_ref(&file)).into_bytes();
    let server = TestServer::start([
        ("/fresh/repodata/repomd.xml", Answer::File(repomd)),
        ("/fresh/repodata/primary.xml.gz", Answer::Status(500)),
        ("/stale/repodata/primary.xml.gz", Answer::File(stale.data)),
        ("/good/repodata/primary.xml.gz", Answer::File(file.data)),
    ]);
    let bases = ["/none", "/fresh", "/stale", "/good"].map(|path| Location::parse(&server.url(path)).unwrap());
    let repository = Repository { bases: bases.to_vec(), ..Repository::new("base", bases[0].clone()) };
    let fetcher = fetcher(cache.path(), false);
    let (opened, builder) = load(&[repository], &fetcher).unwrap();
    assert_eq!(builder.len(), 1);
    assert_eq!(opened.opened[0].repository.bases[0], bases[1], "where the root document was is asked first");
    assert_eq!(fetcher.traffic().local, 0);
}

#[test]
fn file_lists_are_read_for_what_is_wanted_only() {
    let directory = tempfile::tempdir().unwrap();
    let list = |name: &str, files: &str| {
        let checksum = Digest::of(Algorithm::Sha256, name.as_bytes()).hex();
        format!("<filelists><package pkgid='{checksum}' name='{name}'>{files}</package></filelists>")
    };
    let repositories = ["one", "two"].map(|name| {
        let place = directory.path().join(name);
        write(
            &place,
            &[
                File::new("primary", Format::Gzip, &primary(&format!("common /usr/share/x\n{name} /opt/none"))),
                File::new("filelists", Format::Gzip, &list(name, "<file>/usr/share/x</file><file>/usr/share/y</file>")),
            ],
        );
        at(name, place.to_str().unwrap())
    });
    let fetcher = fetcher(Path::new("/nonexistent"), false);
    let (opened, mut builder) = load(&repositories, &fetcher).unwrap();
    let paths = ["/usr/share/x", "/opt/none"];
    assert_eq!(opened.read_file_lists(&mut builder, &paths, &RpmMd, &fetcher).unwrap(), 2);
    let pool = builder.build(&RpmVersions, &Architectures::any()).unwrap();
    let have: Vec<&str> = pool.solvables().filter(|s| !s.files().is_empty()).map(crate::pool::Solvable::name).collect();
    assert_eq!(have, ["one", "two"]);
    assert_eq!(pool.solvables().map(|s| s.files().len()).collect::<Vec<_>>(), [0, 1, 0, 1]);
}

/// Returns the directory of the real data, if it exists.
fn real_data() -> Option<PathBuf> {
    let data = PathBuf::from(std::env::var_os("ROOTSTRAP_DATA").unwrap_or_else(|| "../shared".into()));
    if data.join("almalinux").is_dir() {
        return Some(data);
    }
    println!("skipped: no real data");
    None
}

#[test]
fn real_repositories_load_together() {
    let Some(data) = real_data() else { return };
    let place = |path: &str| data.join(path).to_str().unwrap().to_owned();
    let repositories = [
        at("baseos", &place("almalinux/9/BaseOS/aarch64/os")),
        at("appstream", &place("almalinux/9/AppStream/aarch64/os")),
        at("cs9-baseos", &place("repodata/cs9-baseos")),
        at("cs9-appstream", &place("repodata/cs9-appstream")),
    ];
    let fetcher = fetcher(Path::new("/nonexistent"), true);
    let (opened, mut builder) = load(&repositories, &fetcher).unwrap();
    let count = |repository: &Repository| builder.packages_of(builder.find_repo(&repository.name).unwrap()).count();
    let packages: Vec<usize> = repositories.iter().map(count).collect();
    assert_eq!(packages, [22, 8, 4572, 17_649]);
    assert!(
        fetcher.traffic().local > 3_000_000
            && fetcher.traffic() == Traffic { local: fetcher.traffic().local, ..Traffic::default() }
    );
    // A path that is not in `primary.xml`: it belongs to glibc, and only filelists name it.
    let path = "/usr/share/i18n/charmaps/ANSI_X3.110-1983.gz";
    let paths = [path, "/usr/lib64/libc.so.6", "/lib64/libc.so.6"];
    assert!(opened.read_file_lists(&mut builder, &paths, &RpmMd, &fetcher).unwrap() > 0);
}

#[test]
fn a_flipped_byte_in_real_metadata_is_found() {
    let Some(data) = real_data() else { return };
    let source = data.join("almalinux/9/BaseOS/aarch64/os/repodata");
    let directory = tempfile::tempdir().unwrap();
    let repodata = directory.path().join("repodata");
    fs::create_dir(&repodata).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), repodata.join(entry.file_name())).unwrap();
    }
    let files = RpmMd.files(&fs::read(repodata.join("repomd.xml")).unwrap()).unwrap();
    let primary = directory.path().join(files[0].location.as_deref().unwrap());
    let good = fs::read(&primary).unwrap();
    assert_eq!(load_directory(directory.path()).unwrap().len(), 22);
    for place in [0, 100, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[place] ^= 0x80;
        fs::write(&primary, &flipped).unwrap();
        assert!(load_directory(directory.path()).unwrap_err().is_verification());
    }
}
