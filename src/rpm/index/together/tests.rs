//! Reading in blocks gives the same result as reading in one piece, with any number of threads.

use proptest::prelude::*;

use super::*;
use crate::pool::{Architectures, Kind, Pool};
use crate::rpm::version::RpmVersions;

/// Number of packages in a document that has many blocks.
const MANY: usize = 2000;

fn document(packages: usize, between: impl Fn(usize) -> String) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<m:metadata xmlns:m=\"x\" packages=\"?\">\n");
    for number in 0..packages {
        let checksum = format!("{number:064x}");
        text += &between(number);
        text += &format!(
            r#"<package type="rpm"><name>p{number}</name><arch>noarch</arch><version epoch="{}" ver="{number}" rel="1"/>
  <checksum type="sha256" pkgid="YES">{checksum}</checksum><summary>No. {number} &amp; more</summary><location href="p{number}.rpm"/>
  <format><rpm:license>MIT</rpm:license>
    <rpm:provides><rpm:entry name="c({})"/><rpm:entry name="v" flags="EQ" epoch="0" ver="{}"/></rpm:provides>
    <rpm:requires><rpm:entry name="c({})" pre="1"/><rpm:entry name="(a{} if b)"/><rpm:entry name="glibc" flags="GE" ver="2"/></rpm:requires>
    <file>/usr/share/p{number}</file></format></package>
"#,
            number % 2,
            number % 97,
            number % 13,
            (number * 7) % 89,
            number % 5,
        );
    }
    text + "</m:metadata>\n"
}

type Outcome = Result<Vec<u8>, String>;

fn threads(count: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap()
}

fn built(read: impl FnOnce(&mut PoolBuilder, RepoId) -> Result<(), IndexError>) -> Result<Pool, String> {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("test", 99, None);
    read(&mut builder, repo).map_err(|error| error.to_string())?;
    Ok(builder.build(&RpmVersions, &Architectures::any()).unwrap())
}

/// Returns the pool's image after reading in blocks.
fn in_blocks(document: &[u8], count: usize) -> Outcome {
    let pool = threads(count).install(|| built(|builder, repo| read(document, builder, repo)));
    pool.map(|pool| pool.image().bytes().to_vec())
}

/// Returns the contents of a pool's packages as text.
fn told(pool: &Pool) -> Vec<String> {
    let kinds = [Kind::Provides, Kind::Requires, Kind::PreRequires];
    let line = |package: crate::pool::Solvable<'_>| {
        let lists = kinds.map(|kind| package.dependencies(kind).iter().map(|&id| pool.display(id)).collect::<Vec<_>>());
        let files: Vec<&str> = package.files().iter().map(|&path| pool.text(path)).collect();
        let facts = (package.name(), package.version(), package.location(), package.license(), package.checksum());
        format!("{facts:?} {lists:?} {files:?}")
    };
    pool.solvables().map(line).collect()
}

/// Asserts that reading in blocks gives the same result as reading in one piece. Returns the error,
/// if that is the result.
fn same(document: &[u8]) -> Option<String> {
    let whole = threads(1).install(|| built(|builder, repo| primary::read(document, builder, repo)));
    let alone = threads(1).install(|| built(|builder, repo| read(document, builder, repo)));
    assert_eq!(alone.as_ref().map(told), whole.as_ref().map(told));
    let alone = alone.map(|pool| pool.image().bytes().to_vec());
    for count in [2, 5] {
        let together = in_blocks(document, count);
        assert!(together == alone, "{count} threads: {:?}, not {:?}", together.err(), alone.err());
    }
    whole.err()
}

#[test]
fn a_long_document_is_the_same_in_blocks() {
    let document = document(MANY, |_| String::new());
    assert!(document.len() > 8 * super::super::blocks::BLOCK, "{}", document.len());
    assert_eq!(same(document.as_bytes()), None);
}

#[test]
fn what_only_looks_like_the_beginning_of_a_package_is_none() {
    let decoys = "<package type='rpm'>".repeat(40_000);
    for (open, close) in [("<!--", "-->"), ("<other><![CDATA[", "]]></other>"), ("<?x ", "?>"), ("<other a=\"", "\"/>")] {
        let decoy = format!("{open}{decoys}{close}");
        for place in [0, MANY / 2, MANY - 1] {
            let document = document(MANY, |number| if number == place { decoy.clone() } else { String::new() });
            assert_eq!(same(document.as_bytes()), None, "{open}");
        }
    }
}

#[test]
fn a_package_longer_than_any_block_is_read() {
    let files: String = "<file>/usr/share/long</file>\n".repeat(200_000);
    let long = format!("<package type='rpm'><name>long</name><format>{files}</format></package>");
    let document = document(MANY, |number| if number == MANY / 2 { long.clone() } else { String::new() });
    assert_eq!(same(document.as_bytes()), None);
}

#[test]
fn other_encodings_are_read_in_one_piece() {
    let document = document(MANY, |_| String::new());
    let latin = document.replace("UTF-8", "ISO-8859-1").replace("MIT", "M\u{ef}T");
    let bytes: Vec<u8> = latin.chars().map(|c| c as u8).collect();
    assert_eq!(same(&bytes), None);
    let marked = [b"\xef\xbb\xbf", document.as_bytes()].concat();
    assert_eq!(same(&marked), None);
}

#[test]
fn what_is_wrong_is_told_with_its_place_wherever_it_is() {
    let good = document(MANY, |_| String::new());
    for place in [10, MANY / 3, MANY - 1] {
        for (old, new) in [("</name>", "</nome>"), ("<name>", "<name>&nonsense;"), ("0</checksum>", "x</checksum>")] {
            let before = good.match_indices(&format!("<name>p{place}<")).next().unwrap().0;
            let (head, tail) = good.split_at(before);
            let error = same((head.to_owned() + &tail.replacen(old, new, 1)).as_bytes());
            assert!(old == "0</checksum>" || error.is_some(), "{new}");
        }
        let cut = good.len() * place / MANY;
        assert!(same(&good.as_bytes()[..cut]).is_some());
        let mut bytes = good.clone().into_bytes();
        bytes[cut] = 0xff;
        assert!(same(&bytes).is_some());
    }
}

#[test]
fn a_file_that_ends_in_an_error_is_no_document() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let good = document(MANY, |_| String::new());
    for count in [1, 3] {
        let input = good.as_bytes()[..good.len() / 2].chain(Broken);
        let read = threads(count).install(|| built(|builder, repo| read(input, builder, repo)));
        assert!(read.unwrap_err().contains("the disk is gone"));
    }
}

#[test]
fn a_thread_that_panics_keeps_no_other_waiting() {
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("of the test");
        }
    }
    let good = document(MANY, |_| String::new());
    for count in [1, 2, 4] {
        let input = good.as_bytes()[..good.len() / 2].chain(Panics);
        let read = || threads(count).install(|| built(|builder, repo| read(input, builder, repo))).is_ok();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_document_with_a_flipped_byte_is_the_same_in_blocks(place in 0.0..1.0_f64, byte: u8) {
        let mut bytes = document(MANY, |_| String::new()).into_bytes();
        let place = (place * bytes.len() as f64) as usize;
        bytes[place] = byte;
        same(&bytes);
    }
}
