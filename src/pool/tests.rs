use std::cmp::Ordering;

use super::*;
use crate::digest::Algorithm;

/// A version scheme in which versions are plain numbers.
struct Numbers;

impl VersionScheme for Numbers {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        a.parse::<u64>().ok().cmp(&b.parse::<u64>().ok())
    }

    fn overlap(&self, provided: Constraint<'_>, required: Constraint<'_>) -> bool {
        assert_eq!(provided.op, Op::EQUAL);
        let op = match self.compare(provided.version, required.version) {
            Ordering::Less => Op::LESS,
            Ordering::Equal => Op::EQUAL,
            Ordering::Greater => Op::GREATER,
        };
        required.op.contains(op)
    }
}

fn package(builder: &mut PoolBuilder, repo: RepoId, name: &str, version: &str, arch: &str) -> SolvableId {
    let package = Package {
        name: builder.intern(name),
        version: builder.intern(version),
        arch: builder.intern(arch),
        ..Package::default()
    };
    builder.finish_package(repo, package)
}

#[test]
fn candidates_follow_names_versions_and_files() {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("base", 99, None);
    let one = package(&mut builder, repo, "a", "1", "x86_64");
    let virt = builder.dependency("a", Op::ANY, "");
    let shell = builder.intern("/bin/sh");
    builder.add_dependency(Kind::Provides, virt);
    builder.add_file(shell);
    let other = package(&mut builder, repo, "b", "9", "noarch");
    let two = package(&mut builder, repo, "a", "2", "x86_64");
    package(&mut builder, repo, "a", "3", "s390x");
    let at_least = builder.dependency("a", Op::GREATER_EQUAL, "2");
    let any = builder.dependency("a", Op::ANY, "");
    let path = builder.dependency("/bin/sh", Op::ANY, "");
    let both = builder.rich_dependency(any, RichOp::Without, at_least);
    let pool = builder.build(&Numbers, &Architectures::new(["x86_64"], Some("noarch"))).unwrap();
    assert_eq!(pool.candidates(any), [one, other, two]);
    assert_eq!(pool.candidates(at_least), [other, two]);
    assert_eq!(pool.candidates(path), [other]);
    assert_eq!(pool.candidates(both), [one]);
    assert_eq!(pool.display(both), "(a without a >= 2)");
    assert!(pool.solvable(two).version_rank() > pool.solvable(one).version_rank());
    assert_eq!(pool.named(pool.find("a").unwrap()).len(), 3);
}

#[test]
fn appended_parts_are_one_pool() {
    let mut parts = Vec::new();
    for (name, need) in [("a", "b"), ("b", "c")] {
        let mut builder = PoolBuilder::new();
        let repo = builder.add_repo("base", 99, None);
        let need = builder.dependency(need, Op::GREATER, "0");
        builder.add_dependency(Kind::Requires, need);
        let digest = [7; 32];
        let package = Package {
            name: builder.intern(name),
            version: builder.intern("1"),
            checksum: Some(Checksum { kind: Algorithm::Sha256, bytes: &digest }),
            ..Package::default()
        };
        builder.finish_package(repo, package);
        parts.push(builder);
    }
    let mut whole = PoolBuilder::new();
    for part in &parts {
        whole.append(part);
    }
    let late = whole.intern("/late");
    whole.attach_file(SolvableId::from_index(1), late);
    let pool = whole.build(&Numbers, &Architectures::any()).unwrap();
    assert_eq!(pool.repos().len(), 1);
    let (a, b) = (pool.solvable(SolvableId::from_index(0)), pool.solvable(SolvableId::from_index(1)));
    assert_eq!((a.name(), b.name(), b.repo_name()), ("a", "b", "base"));
    assert_eq!(pool.candidates(a.requires()[0]), [b.id()]);
    assert_eq!(pool.candidates(b.requires()[0]), []);
    assert_eq!(b.checksum().unwrap().bytes, [7; 32]);
    assert_eq!(b.files(), [late]);
    assert!(a.files().is_empty());
}

#[test]
fn lacked_paths_are_those_no_package_has_and_someone_in_question_names() {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("base", 99, None);
    for path in ["/has", "/lacks"] {
        let need = builder.dependency(path, Op::ANY, "");
        builder.add_dependency(Kind::Requires, need);
    }
    let has = builder.intern("/has");
    builder.add_file(has);
    let id = package(&mut builder, repo, "a", "1", "");
    let (left, right) = (builder.dependency("a", Op::ANY, ""), builder.dependency("/deep", Op::ANY, ""));
    let rich = builder.rich_dependency(left, RichOp::If, right);
    builder.add_dependency(Kind::Recommends, rich);
    let other = package(&mut builder, repo, "b", "1", "");
    let (lacks, deep) = (builder.intern("/lacks"), builder.intern("/deep"));
    let pool = builder.clone().build(&Numbers, &Architectures::any()).unwrap();
    assert_eq!(pool.lacked_paths(|package| package == id), [lacks]);
    assert_eq!(pool.lacked_paths(|package| package == other), [deep]);
    builder.attach_file(id, lacks);
    let pool = builder.build(&Numbers, &Architectures::any()).unwrap();
    assert!(pool.lacked_paths(|package| package == id).is_empty());
}

#[test]
fn an_image_is_the_same_pool_and_a_damaged_one_is_none() {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("base", 99, Some("tag"));
    let need = builder.dependency("b", Op::GREATER_EQUAL, "2");
    builder.add_dependency(Kind::Requires, need);
    package(&mut builder, repo, "a", "1", "");
    let b = package(&mut builder, repo, "b", "3", "");
    let pool = builder.build(&Numbers, &Architectures::any()).unwrap();
    let words = |bytes: &[u8]| -> Image {
        struct Words(Vec<u64>, usize);
        impl AsRef<[u8]> for Words {
            fn as_ref(&self) -> &[u8] {
                &zerocopy::IntoBytes::as_bytes(&self.0[..])[..self.1]
            }
        }
        let mut aligned = vec![0_u64; bytes.len().div_ceil(8)];
        zerocopy::IntoBytes::as_mut_bytes(&mut aligned[..])[..bytes.len()].copy_from_slice(bytes);
        Image::new(Words(aligned, bytes.len()))
    };
    let bytes = pool.image().bytes().to_vec();
    let again = Pool::from_image(words(&bytes)).unwrap();
    assert_eq!(again.candidates(again.solvable(SolvableId::from_index(0)).requires()[0]), [b]);
    assert_eq!((again.solvable(b).repo_name(), again.solvable(b).repo_tag()), ("base", Some("tag")));
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1;
        assert!(Pool::from_image(words(&flipped)).is_err(), "byte {place}");
    }
    for length in 0..bytes.len() {
        assert!(Pool::from_image(words(&bytes[..length])).is_err(), "{length} bytes");
    }
}

#[test]
fn what_is_installed_is_marked_and_need_not_fit() {
    let mut builder = PoolBuilder::new();
    let system = builder.add_installed_repo("@system");
    let repo = builder.add_repo("base", 99, None);
    let foreign = package(&mut builder, system, "a", "1", "s390x");
    let new = package(&mut builder, repo, "a", "2", "s390x");
    let shell = builder.dependency("a", Op::ANY, "");
    builder.add_dependency(Kind::Requires, shell);
    let other = package(&mut builder, repo, "b", "1", "noarch");
    let mut joined = PoolBuilder::new();
    joined.append(&builder);
    let pool = joined.build(&Numbers, &Architectures::new(["x86_64"], Some("noarch"))).unwrap();
    assert_eq!(pool.installed(), Some(system));
    assert_eq!(pool.installed_solvables().map(Solvable::id).collect::<Vec<_>>(), [foreign]);
    assert!(pool.solvable(foreign).is_installed() && !pool.solvable(new).is_installed());
    assert_eq!(pool.candidates(pool.solvable(other).requires()[0]), [foreign]);
}
