//! `primary.sqlite`: reads the packages and their dependencies, as [`super::super::primary`] does
//! from XML.

use std::io::Read;

use super::rows::Cursor;
use super::{Database, malformed};
use crate::digest::Algorithm;
use crate::fetch::below_base;
use crate::metadata::IndexError;
use crate::pool::{Checksum, Kind, Op, Package, PoolBuilder, RepoId, StringId};
use crate::rpm::dependency;
use crate::rpm::index::primary::{Evr, decode_hex, op_of_flags};

/// The columns of `packages`, after the key and the place.
const COLUMNS: &str = "pkgKey, 0, pkgId, name, arch, version, epoch, release, time_build, rpm_license, rpm_vendor, rpm_sourcerpm, \
    size_package, size_installed, location_href, location_base, checksum_type";

/// The tables of dependencies. Old databases have only the first four.
const LISTS: [(&str, Kind); 8] = [
    ("provides", Kind::Provides),
    ("requires", Kind::Requires),
    ("conflicts", Kind::Conflicts),
    ("obsoletes", Kind::Obsoletes),
    ("recommends", Kind::Recommends),
    ("suggests", Kind::Suggests),
    ("supplements", Kind::Supplements),
    ("enhances", Kind::Enhances),
];

/// Reads the whole database.
pub(in crate::rpm::index) fn read(input: impl Read, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
    let database = Database::new(input)?;
    database.need_table("packages")?;
    let mut lists = Vec::new();
    for (table, kind) in LISTS {
        if database.has_table(table)? {
            let pre = if database.has_column(table, "pre")? { "pre" } else { "NULL" };
            let query =
                format!("SELECT pkgKey, rowid, name, flags, epoch, version, release, {pre} FROM {table} ORDER BY pkgKey, rowid");
            lists.push((kind, database.statement(&query)?));
        }
    }
    let mut lists: Vec<(Kind, Cursor<'_>)> =
        lists.iter_mut().map(|(kind, statement)| Ok((*kind, Cursor::new(statement)?))).collect::<Result<_, IndexError>>()?;
    let mut files = if database.has_table("files")? {
        Some(database.statement("SELECT pkgKey, rowid, name FROM files ORDER BY pkgKey, rowid")?)
    } else {
        None
    };
    let mut files = files.as_mut().map(Cursor::new).transpose()?;
    let mut select = database.statement(&format!("SELECT {COLUMNS} FROM packages ORDER BY pkgKey"))?;
    let mut packages = Cursor::new(&mut select)?;
    let mut evr = String::new();
    while packages.is_at_row() {
        let key = packages.key();
        for (kind, list) in &mut lists {
            while list.is_at(key)? {
                add_dependency(builder, *kind, list, &mut evr);
                list.advance()?;
            }
        }
        if let Some(files) = &mut files {
            while files.is_at(key)? {
                let path = builder.intern(files.text(0));
                builder.add_file(path);
                files.advance()?;
            }
        }
        finish_package(builder, repo, &packages, &mut evr)?;
        packages.advance()?;
    }
    Ok(())
}

/// Adds a dependency, unless its name is empty.
fn add_dependency(builder: &mut PoolBuilder, kind: Kind, list: &Cursor<'_>, evr: &mut String) {
    let (name, op) = (list.text(0), op_of_flags(list.text(1)));
    put_evr(evr, list.text(2), list.text(3), list.text(4));
    let is_pre = kind == Kind::Requires && matches!(list.text(5), "TRUE" | "True" | "true" | "1");
    let kind = if is_pre { Kind::PreRequires } else { kind };
    if name.is_empty() {
        return;
    }
    // A rich dependency has no flags.
    let rich = if op.is_any() && name.starts_with('(') { dependency::intern(builder, name).ok() } else { None };
    let op = if evr.is_empty() { Op::ANY } else { op };
    let id = rich.unwrap_or_else(|| builder.dependency(name, op, evr));
    builder.add_dependency(kind, id);
}

fn put_evr(evr: &mut String, epoch: &str, version: &str, release: &str) {
    let mut whole = Evr::new(evr);
    for (name, value) in [("epoch", epoch), ("ver", version), ("rel", release)] {
        whole.attribute(name, value);
    }
    whole.finish();
}

fn finish_package(builder: &mut PoolBuilder, repo: RepoId, row: &Cursor<'_>, evr: &mut String) -> Result<(), IndexError> {
    let [id, name, arch, version, epoch, release, time, license, vendor, source, size, installed, href, base, checksum_type] =
        std::array::from_fn(|column| row.text(column));
    if name.is_empty() || matches!(arch, "src" | "nosrc") {
        builder.discard_package();
        return Ok(());
    }
    put_evr(evr, epoch, version, release);
    let mut bytes = Vec::new();
    let kind = Algorithm::from_name(checksum_type);
    if let Some(kind) = kind
        && !decode_hex(id, kind.length(), &mut bytes)
    {
        return Err(malformed(format!("`{id}` is not a {} checksum", kind.name())));
    }
    let package = Package {
        name: builder.intern(name),
        version: builder.intern(evr),
        arch: builder.intern(if arch.is_empty() { "noarch" } else { arch }),
        location: if href.is_empty() { StringId::EMPTY } else { builder.intern(&below_base(base, href)) },
        checksum: kind.map(|kind| Checksum { kind, bytes: &bytes }),
        size: size.parse().unwrap_or(0),
        installed_size: installed.parse().unwrap_or(0),
        build_time: time.parse().unwrap_or(0),
        vendor: builder.intern(vendor),
        source: builder.intern(source),
        license: builder.intern(license),
        provider_priority: 0,
    };
    builder.finish_package(repo, package);
    Ok(())
}
