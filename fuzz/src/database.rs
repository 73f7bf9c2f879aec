//! Valid rpm databases for the fuzz targets to damage, and the checks of a database that can be
//! read.

use rootstrap::rpm::database::{Backend, ByteOrder, read_bytes, write_headers};
use rootstrap::rpm::header::{Header, HeaderBuilder, Place};
use rootstrap::rpm::tag::Tag;

/// Returns three headers: two small ones, and one that exceeds a page of a database.
fn headers() -> Vec<(u32, Header)> {
    let header = |(number, name, length): (u32, &str, usize)| {
        let mut builder = HeaderBuilder::new();
        builder.string(Tag::NAME, name).string(Tag::VERSION, "1").string(Tag::RELEASE, "1").string(Tag::ARCH, "noarch");
        builder
            .strings(Tag::PROVIDE_NAME, [name, "common"])
            .u32s(Tag::PROVIDE_FLAGS, [8, 0])
            .strings(Tag::PROVIDE_VERSION, ["1-1", ""]);
        builder.strings(Tag::BASENAMES, ["a", "b"]).strings(Tag::DIRNAMES, ["/usr/"]).u32s(Tag::DIR_INDEXES, [0, 0]);
        builder.bytes(Tag::SIG_MD5, &[7; 16]).string(Tag::DESCRIPTION, "x".repeat(length));
        let blob = builder.build(Place::Installed).expect("small");
        (number, Header::parse(blob, Place::Installed).expect("a sound header"))
    };
    [(1, "one", 10), (2, "two", 6000), (5, "five", 0)].map(header).into()
}

/// Returns a valid database file.
pub fn database(backend: Backend, order: ByteOrder) -> Vec<u8> {
    let files = write_headers(backend, &headers(), order).expect("small");
    let file = files.iter().find(|file| file.name == backend.file_name()).expect("its file");
    file.content.bytes().expect("in memory").into_owned()
}

/// Returns a valid ndb file in the layout of `rpmpkg.c`: blobs in blocks of 16 bytes after a page
/// of slots.
pub fn ndb() -> Vec<u8> {
    let mut bytes: Vec<u8> = b"Slot\0\0\0\0\0\0\0\0\0\0\0\0".repeat(256);
    bytes[..32].copy_from_slice(&[&b"RpmP"[..], &[0; 4], &[1, 0, 0, 0], &[1, 0, 0, 0], &[9, 0, 0, 0], &[0; 12]].concat());
    for (place, (number, header)) in headers().iter().enumerate() {
        let data = header.blob();
        let first = (bytes.len() / 16) as u32;
        let count = (data.len() + 28).div_ceil(16);
        let length = (data.len() as u32).to_le_bytes();
        bytes.extend([&b"BlbS"[..], &number.to_le_bytes(), &[7, 0, 0, 0], &length, data].concat());
        bytes.resize((first as usize + count) * 16 - 12, 0);
        bytes.extend([&[1, 2, 3, 4], &length[..], b"BlbE"].concat());
        let slot = (2 + place) * 16;
        bytes[slot + 4..slot + 16].copy_from_slice(&[*number, first, count as u32].map(u32::to_le_bytes).concat());
    }
    bytes
}

/// Reads a database. The headers of a readable database must survive writing to each other backend.
pub fn check_database(backend: Backend, bytes: Vec<u8>) {
    let Ok(headers) = read_bytes(backend, "fuzz", bytes, None) else { return };
    // The writers need ascending numbers. A reader that sorts may return a number twice.
    if !headers.windows(2).all(|pair| pair[0].0 < pair[1].0) {
        return;
    }
    let blobs = |headers: &[(u32, Header)]| -> Vec<(u32, Vec<u8>)> {
        headers.iter().map(|(number, header)| (*number, header.blob().to_vec())).collect()
    };
    for (kind, order) in [(Backend::Sqlite, ByteOrder::Little), (Backend::Bdb, ByteOrder::Little), (Backend::Bdb, ByteOrder::Big)]
    {
        let Ok(files) = write_headers(kind, &headers, order) else { continue };
        let file = files.iter().find(|file| file.name == kind.file_name()).expect("its file");
        let again = read_bytes(kind, "again", file.content.bytes().expect("in memory").into_owned(), None);
        assert_eq!(blobs(&again.expect("a database of ours")), blobs(&headers), "{kind:?} {order:?}");
    }
}
