//! The file `triggers`: one line for each package, with its identity and the directories that its
//! trigger watches.

use super::record::Record;
use super::{DatabaseError, checksum};
use crate::digest::Digest;

const FILE: &str = "triggers";

/// Formats the file with the packages in this order. Packages without triggers are left out.
pub(super) fn write(records: &[&Record]) -> Vec<u8> {
    let mut out = String::new();
    for record in records.iter().filter(|record| !record.info.triggers.is_empty()) {
        out.push_str(&checksum::text(&record.checksum));
        for trigger in &record.info.triggers {
            out.push(' ');
            out.push_str(trigger);
        }
        out.push('\n');
    }
    out.into_bytes()
}

/// Reads the triggers into the records. Returns the order of the file.
pub(super) fn read(bytes: &[u8], records: &mut [Record]) -> Result<Vec<Digest>, DatabaseError> {
    let mut order = Vec::new();
    for (index, line) in bytes.split(|&c| c == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let failed = |problem: &str| DatabaseError::Line { file: FILE, line: index + 1, problem: problem.to_owned() };
        let line = std::str::from_utf8(line).map_err(|_| failed("not UTF-8"))?;
        let mut words = line.split_ascii_whitespace();
        let identity = words.next().and_then(checksum::parse).ok_or_else(|| failed("no checksum"))?;
        if let Some(record) = records.iter_mut().find(|record| record.checksum == identity) {
            record.info.triggers = words.map(str::to_owned).collect();
            order.push(identity);
        }
    }
    Ok(order)
}
