//! The file `scripts.tar`: the scripts of all installed packages.

use std::io::{self, Read, Write};

use super::record::Record;
use super::{DatabaseError, checksum};
use crate::apk::archive::{MemberKind, read_tar};
use crate::apk::package::{Script, ScriptKind};
use crate::digest::Digest;

const BLOCK: usize = 512;
/// The size of the name field. A longer name gets a member of its own before the script.
const NAME: usize = 100;

/// The modification times of the members.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// 1970-01-01.
    Zero,
    /// The build time of the package.
    Build,
}

/// Formats the archive with the packages in this order (database.c, `apk_db_scriptdb_write`).
/// `identity` formats a package's checksum.
pub(super) fn write(records: &[&Record], times: Times, identity: impl Fn(&Digest) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        let time = if times == Times::Build { record.info.build_time } else { 0 };
        for script in &record.scripts {
            let name = format!("{}.{}.{}", record.id(), identity(&record.checksum), script.kind);
            // Scripts are held in memory, so reading one does not fail.
            let text = script.text.bytes().unwrap_or_default();
            member(&mut out, name.as_bytes(), &text, time);
        }
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// Appends a member in the form of apk's own writer (tar.c, `apk_tar_write_entry`).
fn member(out: &mut Vec<u8>, name: &[u8], content: &[u8], time: u64) {
    if name.len() >= NAME {
        header(out, b'L', b"././@LongLink", name.len(), time);
        padded(out, &[name, b"\0"].concat());
    }
    header(out, b'0', name, content.len(), time);
    padded(out, content);
}

fn header(out: &mut Vec<u8>, kind: u8, name: &[u8], size: usize, time: u64) {
    let mut block = [0u8; BLOCK];
    let length = name.len().min(NAME - 1);
    block[..length].copy_from_slice(&name[..length]);
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    // Size and time fill their fields completely, without a terminator.
    put(124, format!("{size:012o}").as_bytes());
    put(136, format!("{:012o}", time & 0o777_777_777_777).as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar  \0");
    put(265, b"root");
    put(297, b"root");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out.extend_from_slice(&block);
}

fn padded(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// Compresses the archive as apk 3 stores it.
pub(super) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Reads the scripts of an archive into the records. Like apk, it skips members that are not
/// scripts or belong to no installed package.
pub fn read(bytes: &[u8], records: &mut [Record]) -> Result<(), DatabaseError> {
    let mut reader: Box<dyn Read + '_> =
        if bytes.starts_with(&[0x1f, 0x8b]) { Box::new(flate2::bufread::MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
    read_tar(&mut *reader, |member, content| {
        let Some((identity, kind)) = parse_name(&member.path).filter(|_| member.kind == MemberKind::File) else { return Ok(()) };
        let Some(record) = records.iter_mut().find(|record| record.checksum == identity) else { return Ok(()) };
        let mut text = Vec::new();
        content.read_to_end(&mut text)?;
        record.scripts.retain(|script| script.kind != kind);
        record.scripts.push(Script { kind, text: text.into() });
        record.scripts.sort_by_key(|script| script.kind);
        Ok::<_, io::Error>(())
    })?;
    Ok(())
}

/// Parses identity and kind out of `name-version.Q1….post-install`.
fn parse_name(name: &[u8]) -> Option<(Digest, ScriptKind)> {
    let name = std::str::from_utf8(name).ok()?;
    let (rest, kind) = name.rsplit_once('.')?;
    let (_, identity) = rest.rsplit_once('.')?;
    Some((checksum::parse(identity)?, ScriptKind::of_name(kind.as_bytes())?))
}
