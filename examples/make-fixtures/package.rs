//! A package of the fixtures, and its RPM file.

use rootstrap::digest::{Algorithm, Digest};
use rootstrap::rpm::header::{HeaderBuilder, MAGIC, Place};
use rootstrap::rpm::tag::Tag;

use crate::signing::Signer;

/// The build time of all fixtures, in seconds since 1970.
pub const BUILD_TIME: u32 = 1_704_067_200;

/// A dependency: a name, optionally with `=`, `>=` or `<` and a version.
#[derive(Clone, Copy)]
pub struct Dependency {
    pub name: &'static str,
    pub op: &'static str,
    pub version: &'static str,
    /// True if the scriptlets of the package need it.
    pub pre: bool,
}

pub const fn any(name: &'static str) -> Dependency {
    Dependency { name, op: "", version: "", pre: false }
}

pub const fn pre(name: &'static str) -> Dependency {
    Dependency { name, op: "", version: "", pre: true }
}

pub const fn equal(name: &'static str, version: &'static str) -> Dependency {
    Dependency { name, op: "=", version, pre: false }
}

impl Dependency {
    /// Returns the `RPMSENSE_*` flags.
    fn flags(self) -> u32 {
        let op = match self.op {
            "=" => 8,
            ">=" => 12,
            "<" => 2,
            _ => 0,
        };
        op | if self.pre { 0x40 | 0x200 } else { 0 }
    }

    /// Returns the name of the operator in `primary.xml`.
    pub fn flag_name(self) -> Option<&'static str> {
        match self.op {
            "=" => Some("EQ"),
            ">=" => Some("GE"),
            "<" => Some("LT"),
            _ => None,
        }
    }
}

/// The kinds of paths in a package.
#[derive(Clone)]
pub enum What {
    Directory,
    File(Vec<u8>),
    /// A hard link. Links with the same number in a package are one file.
    HardLink(u32, Vec<u8>),
    Symlink(&'static str),
}

#[derive(Clone)]
pub struct File {
    pub path: &'static str,
    pub what: What,
    pub mode: u16,
    pub group: &'static str,
    /// `RPMFILE_*` flags: 1 configuration, 2 documentation, 16 noreplace, 64 ghost, 128 license.
    pub flags: u32,
    pub lang: &'static str,
    pub caps: &'static str,
    /// The color: 1 for 32-bit ELF, 2 for 64-bit ELF, 0 for other files.
    pub color: u32,
}

impl File {
    fn new(path: &'static str, what: What, mode: u16) -> Self {
        Self { path, what, mode, group: "root", flags: 0, lang: "", caps: "", color: 0 }
    }

    pub fn text(path: &'static str, text: &str) -> Self {
        Self::new(path, What::File(text.as_bytes().to_vec()), 0o644)
    }

    pub fn program(path: &'static str, text: &str) -> Self {
        Self::new(path, What::File(text.as_bytes().to_vec()), 0o755)
    }

    pub fn library(path: &'static str, elf: Vec<u8>) -> Self {
        Self { color: 2, ..Self::new(path, What::File(elf), 0o755) }
    }

    pub fn hard_link(path: &'static str, set: u32, text: &str) -> Self {
        Self::new(path, What::HardLink(set, text.as_bytes().to_vec()), 0o755)
    }

    pub fn directory(path: &'static str) -> Self {
        Self::new(path, What::Directory, 0o755)
    }

    pub fn symlink(path: &'static str, target: &'static str) -> Self {
        Self::new(path, What::Symlink(target), 0o777)
    }

    pub fn mode(self, mode: u16) -> Self {
        Self { mode, ..self }
    }

    pub fn group(self, group: &'static str) -> Self {
        Self { group, ..self }
    }

    pub fn flags(self, flags: u32) -> Self {
        Self { flags, ..self }
    }

    pub fn lang(self, lang: &'static str) -> Self {
        Self { lang, ..self }
    }

    pub fn caps(self, caps: &'static str) -> Self {
        Self { caps, ..self }
    }

    pub fn is_directory(&self) -> bool {
        matches!(self.what, What::Directory)
    }

    fn full_mode(&self) -> u16 {
        self.mode
            | match self.what {
                What::Directory => 0o040_000,
                What::Symlink(_) => 0o120_000,
                _ => 0o100_000,
            }
    }

    fn content(&self) -> &[u8] {
        match &self.what {
            What::File(content) | What::HardLink(_, content) => content,
            _ => b"",
        }
    }

    fn size(&self) -> u32 {
        match &self.what {
            What::Symlink(target) => target.len() as u32,
            _ => self.content().len() as u32,
        }
    }
}

#[derive(Clone, Default)]
pub struct Package {
    pub name: &'static str,
    pub version: &'static str,
    pub release: &'static str,
    /// The architecture; `None` for that of the repository.
    pub arch: Option<&'static str>,
    pub summary: &'static str,
    pub provides: Vec<Dependency>,
    pub requires: Vec<Dependency>,
    pub conflicts: Vec<Dependency>,
    pub files: Vec<File>,
    /// Tag of the script, tag of its interpreter, interpreter, text.
    pub scripts: Vec<(Tag, Tag, &'static str, &'static str)>,
}

impl Package {
    pub fn arch<'a>(&self, repository: &'a str) -> &'a str {
        self.arch.unwrap_or(repository)
    }

    pub fn evr(&self) -> String {
        format!("{}-{}", self.version, self.release)
    }

    pub fn file_name(&self, arch: &str) -> String {
        format!("{}-{}.{}.rpm", self.name, self.evr(), self.arch(arch))
    }

    pub fn source(&self) -> String {
        format!("{}-{}.src.rpm", self.name, self.evr())
    }

    /// Returns the total size of the files in bytes. Hard links count once.
    pub fn installed_size(&self) -> u32 {
        self.inodes().iter().zip(&self.files).map(|(&(_, _, last), file)| if last { file.size() } else { 0 }).sum()
    }

    /// Returns the inode of each file, the number of its links, and whether it is the last of them.
    fn inodes(&self) -> Vec<(u32, u32, bool)> {
        let set_of = |file: &File| if let What::HardLink(set, _) = file.what { Some(set) } else { None };
        let place = |i: usize| match set_of(&self.files[i]) {
            Some(set) => {
                let members: Vec<usize> = (0..self.files.len()).filter(|&j| set_of(&self.files[j]) == Some(set)).collect();
                (members[0] as u32 + 1, members.len() as u32, members.last() == Some(&i))
            }
            None => (i as u32 + 1, 1, true),
        };
        (0..self.files.len()).map(place).collect()
    }
}

/// Returns the RPM file of a package, the byte range of its header, and the size of the
/// uncompressed payload.
pub fn build(package: &Package, arch: &str, signer: &Signer) -> (Vec<u8>, std::ops::Range<usize>, usize) {
    let archive = cpio(package);
    let payload = zstd::bulk::compress(&archive, 19).expect("zstd compresses");
    let header = [&MAGIC[..], &header(package, arch, &payload, &archive)].concat();

    let mut signature = HeaderBuilder::new();
    signature
        .bytes(Tag::RSA_HEADER, &signer.sign(&header))
        .string(Tag::SHA1_HEADER, Digest::of(Algorithm::Sha1, &header).hex())
        .string(Tag::SHA256_HEADER, Digest::of(Algorithm::Sha256, &header).hex())
        .u32(Tag::SIGTAG_SIZE, (header.len() + payload.len()) as u32)
        .bytes(Tag::SIGTAG_MD5, Digest::of(Algorithm::Md5, &[&header[..], &payload].concat()).bytes())
        .u32(Tag::SIGTAG_PAYLOAD_SIZE, archive.len() as u32);
    let signature = signature.build(Place::Signature).expect("the signature header is small");

    let mut rpm = lead(package);
    rpm.extend(MAGIC);
    rpm.extend(&signature);
    rpm.resize(rpm.len().next_multiple_of(8), 0);
    let start = rpm.len();
    rpm.extend(&header);
    let end = rpm.len();
    rpm.extend(&payload);
    (rpm, start..end, archive.len())
}

/// Returns the lead: 96 bytes by which file(1) recognizes an RPM. rpm itself only reads the magic
/// number.
fn lead(package: &Package) -> Vec<u8> {
    let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 0];
    lead.extend(format!("{}-{}", package.name, package.evr()).bytes().take(65));
    lead.resize(76, 0);
    lead.extend([0, 1, 0, 5]);
    lead.resize(96, 0);
    lead
}

fn header(package: &Package, arch: &str, payload: &[u8], archive: &[u8]) -> Vec<u8> {
    let sha256 = |data: &[u8]| Digest::of(Algorithm::Sha256, data).hex();
    let mut header = HeaderBuilder::new();
    header
        .strings(Tag::HEADER_I18N_TABLE, ["C"])
        .string(Tag::NAME, package.name)
        .string(Tag::VERSION, package.version)
        .string(Tag::RELEASE, package.release)
        .i18n(Tag::SUMMARY, [package.summary])
        .i18n(Tag::DESCRIPTION, [package.summary])
        .u32(Tag::BUILD_TIME, BUILD_TIME)
        .string(Tag::BUILD_HOST, "fixtures.rootstrap.invalid")
        .u32(Tag::SIZE, package.installed_size())
        .string(Tag::LICENSE, "MIT OR Apache-2.0")
        .i18n(Tag::GROUP, ["Unspecified"])
        .string(Tag::OS, "linux")
        .string(Tag::ARCH, package.arch(arch))
        .string(Tag::SOURCE_RPM, package.source())
        .string(Tag::RPM_VERSION, "4.16.1.3")
        .string(Tag::PLATFORM, format!("{}-redhat-linux-gnu", package.arch(arch)))
        .string(Tag::ENCODING, "utf-8")
        .string(Tag::PAYLOAD_FORMAT, "cpio")
        .string(Tag::PAYLOAD_COMPRESSOR, "zstd")
        .string(Tag::PAYLOAD_FLAGS, "19")
        .strings(Tag::PAYLOAD_DIGEST, [sha256(payload)])
        .u32(Tag::PAYLOAD_DIGEST_ALGO, 8)
        .strings(Tag::PAYLOAD_DIGEST_ALT, [sha256(archive)]);
    dependencies(&mut header, [Tag::PROVIDE_NAME, Tag::PROVIDE_FLAGS, Tag::PROVIDE_VERSION], &package.provides);
    dependencies(&mut header, [Tag::REQUIRE_NAME, Tag::REQUIRE_FLAGS, Tag::REQUIRE_VERSION], &package.requires);
    dependencies(&mut header, [Tag::CONFLICT_NAME, Tag::CONFLICT_FLAGS, Tag::CONFLICT_VERSION], &package.conflicts);
    files(&mut header, package);
    for &(tag, program_tag, program, text) in &package.scripts {
        if !text.is_empty() {
            header.string(tag, text);
        }
        header.string(program_tag, program);
    }
    header.build(Place::Package).expect("the header is small")
}

fn dependencies(header: &mut HeaderBuilder, [names, flags, versions]: [Tag; 3], list: &[Dependency]) {
    header
        .strings(names, list.iter().map(|dependency| dependency.name))
        .u32s(flags, list.iter().map(|dependency| dependency.flags()))
        .strings(versions, list.iter().map(|dependency| dependency.version));
}

fn files(header: &mut HeaderBuilder, package: &Package) {
    let files = &package.files;
    if files.is_empty() {
        return;
    }
    let split: Vec<(&str, &str)> = files
        .iter()
        .map(|file| {
            let slash = file.path.rfind('/').expect("paths are absolute");
            (&file.path[..=slash], &file.path[slash + 1..])
        })
        .collect();
    let mut directories: Vec<&str> = split.iter().map(|&(directory, _)| directory).collect();
    directories.sort_unstable();
    directories.dedup();
    let index = |directory: &str| directories.iter().position(|&d| d == directory).expect("it is listed") as u32;
    let digest = |file: &File| match file.what {
        What::File(_) | What::HardLink(..) => Digest::of(Algorithm::Sha256, file.content()).hex(),
        _ => String::new(),
    };
    header
        .strings(Tag::BASENAMES, split.iter().map(|&(_, name)| name))
        .u32s(Tag::DIR_INDEXES, split.iter().map(|&(directory, _)| index(directory)))
        .strings(Tag::DIRNAMES, &directories)
        .u32s(Tag::FILE_SIZES, files.iter().map(|file| if file.is_directory() { 4096 } else { file.size() }))
        .u16s(Tag::FILE_MODES, files.iter().map(File::full_mode))
        .u16s(Tag::FILE_RDEVS, files.iter().map(|_| 0))
        .u32s(Tag::FILE_MTIMES, files.iter().map(|_| BUILD_TIME))
        .strings(Tag::FILE_DIGESTS, files.iter().map(digest))
        .u32(Tag::FILE_DIGEST_ALGO, 8)
        .strings(Tag::FILE_LINKTOS, files.iter().map(|file| if let What::Symlink(target) = file.what { target } else { "" }))
        .u32s(Tag::FILE_FLAGS, files.iter().map(|file| file.flags))
        .strings(Tag::FILE_USERNAME, files.iter().map(|_| "root"))
        .strings(Tag::FILE_GROUPNAME, files.iter().map(|file| file.group))
        .u32s(Tag::FILE_VERIFY_FLAGS, files.iter().map(|_| u32::MAX))
        .u32s(Tag::FILE_DEVICES, files.iter().map(|_| 1))
        .u32s(Tag::FILE_INODES, package.inodes().iter().map(|&(inode, ..)| inode))
        .strings(Tag::FILE_LANGS, files.iter().map(|file| file.lang))
        .u32s(Tag::FILE_COLORS, files.iter().map(|file| file.color));
    if files.iter().any(|file| !file.caps.is_empty()) {
        header.strings(Tag::FILE_CAPS, files.iter().map(|file| file.caps));
    }
}

/// Returns the payload as rpm writes it: format newc, without ghosts, with the links of a file
/// together and its content in the last one.
fn cpio(package: &Package) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut members: Vec<_> = package.files.iter().zip(package.inodes()).filter(|(file, _)| file.flags & 64 == 0).collect();
    members.sort_by_key(|&(_, (inode, ..))| inode);
    for (file, (inode, links, last)) in members {
        let body: &[u8] = match &file.what {
            What::Symlink(target) => target.as_bytes(),
            _ if last => file.content(),
            _ => b"",
        };
        let links = if file.is_directory() { 2 } else { links };
        entry(&mut archive, &format!(".{}", file.path), inode, u32::from(file.full_mode()), links, body);
    }
    entry(&mut archive, "TRAILER!!!", 0, 0, 1, b"");
    archive
}

fn entry(archive: &mut Vec<u8>, name: &str, inode: u32, mode: u32, links: u32, body: &[u8]) {
    let mtime = if inode == 0 { 0 } else { BUILD_TIME };
    let fields = [inode, mode, 0, 0, links, mtime, body.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
    archive.extend(b"070701");
    for field in fields {
        archive.extend(format!("{field:08x}").bytes());
    }
    archive.extend(name.bytes());
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(body);
    archive.resize(archive.len().next_multiple_of(4), 0);
}
