use std::io::{Cursor, Write};

use super::*;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn streams_are_told_apart_with_their_ranges() {
    let (first, second) = (gzip(b"one"), gzip(&vec![b'x'; 100_000]));
    let bytes = [first.clone(), second].concat();
    let mut streams = GzipStreams::new(Cursor::new(&bytes));
    let all = |input: &mut dyn Read| io::read_to_string(input);
    assert_eq!(streams.next(all).unwrap(), Some((0..first.len() as u64, "one".to_owned())));
    // The rest of an unread stream is skipped, and its CRC verified.
    let (range, ()) = streams.next(|_| Ok::<_, io::Error>(())).unwrap().unwrap();
    assert_eq!(range, first.len() as u64..bytes.len() as u64);
    assert!(streams.next(all).unwrap().is_none());
}

#[test]
fn damage_is_an_error_wherever_it_is() {
    let bytes = gzip(b"some text to be damaged");
    for cut in 1..bytes.len() {
        assert!(GzipStreams::new(&bytes[..cut]).next(|_| Ok::<_, io::Error>(())).is_err(), "{cut}");
    }
    let mut wrong = bytes.clone();
    let last = wrong.len() - 6;
    wrong[last] ^= 1;
    assert!(GzipStreams::new(&wrong[..]).next(|_| Ok::<_, io::Error>(())).is_err());
    assert!(GzipStreams::new(&b"plain"[..]).next(|_| Ok::<_, io::Error>(())).is_err());
}

#[test]
fn members_tell_all_that_their_headers_do() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = "d/".repeat(90) + "file";
    builder.append_pax_extensions([("APK-TOOLS.checksum.SHA1", b"aa".as_slice()), ("uname", b"toby")]).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o4755);
    header.set_uid(3);
    header.set_mtime(77);
    builder.append_data(&mut header, &long, &b"hello"[..]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Char);
    header.set_device_major(5).unwrap();
    header.set_device_minor(1).unwrap();
    header.set_mode(0o600);
    header.set_size(0);
    builder.append_data(&mut header, "dev/console", io::empty()).unwrap();
    let mut bytes = builder.into_inner().unwrap();
    // apk removes the end-of-archive blocks.
    bytes.truncate(bytes.len() - 1024);

    let mut found = Vec::new();
    read_tar(&mut &bytes[..], |member, content| {
        found.push((member.clone(), io::read_to_string(content)?));
        Ok::<_, io::Error>(())
    })
    .unwrap();
    let [(file, text), (device, _)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((file.path.as_slice(), file.kind, file.mode, text.as_str()), (long.as_bytes(), MemberKind::File, 0o4755, "hello"));
    assert_eq!((file.user.as_slice(), file.uid, file.mtime), (&b"toby"[..], 3, 77));
    assert_eq!(file.record(b"APK-TOOLS.checksum.SHA1"), Some(&b"aa"[..]));
    assert_eq!(device.kind, MemberKind::CharacterDevice { major: 5, minor: 1 });
}

#[test]
fn a_broken_tar_is_an_error() {
    let bytes = vec![b'x'; 1024];
    assert!(read_tar(&mut &bytes[..], |_, _| Ok::<_, io::Error>(())).is_err());
}
