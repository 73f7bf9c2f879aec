//! The packages of many subjects as a Parquet table, with one row per package and subject, for
//! `DuckDB`, Spark and similar tools.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::advisory::whole_version;
use super::subject::Subject;
use crate::package::PackageFacts;

/// The columns, in order. Unknown values are null. Times are Parquet timestamps, in milliseconds
/// since 1970.
const SCHEMA: &str = "message package {
    required binary subject (UTF8);
    required binary kind (UTF8);
    optional binary distribution (UTF8);
    optional binary release (UTF8);
    optional binary platform_arch (UTF8);
    required binary id (UTF8);
    required binary name (UTF8);
    required binary version (UTF8);
    optional binary arch (UTF8);
    optional binary source (UTF8);
    optional binary license (UTF8);
    optional binary vendor (UTF8);
    optional binary module (UTF8);
    optional binary signer (UTF8);
    required int64 installed_size;
    required int32 files;
    optional int64 build_time (TIMESTAMP_MILLIS);
    optional int64 install_time (TIMESTAMP_MILLIS);
    optional boolean requested;
}";

/// The error of writing the table.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the table: {0}")]
pub struct FleetError(#[from] ParquetError);

/// A row: a package and its subject.
struct Row<'a> {
    subject: &'a Subject,
    package: &'a PackageFacts,
}

/// Writes the table and returns the writer. The same subjects give the same bytes.
pub fn write<W: Write + Send>(subjects: &[Subject], out: W) -> Result<W, FleetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(CREATED_BY.to_owned()).build();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
    let rows: Vec<Row<'_>> =
        subjects.iter().flat_map(|subject| subject.packages.iter().map(move |package| Row { subject, package })).collect();
    let mut group = writer.next_row_group()?;
    let mut place = 0;
    while let Some(mut column) = group.next_column()? {
        match &COLUMNS[place] {
            Column::Text(of) => {
                let values: Vec<Option<String>> = rows.iter().map(of).collect();
                let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                let values: Vec<ByteArray> =
                    values.into_iter().flatten().map(|text| ByteArray::from(text.into_bytes())).collect();
                column.typed::<ByteArrayType>().write_batch(&values, optional(place, &levels), None)?;
            }
            Column::Number(of) => {
                let values: Vec<Option<i64>> = rows.iter().map(of).collect();
                let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                let values: Vec<i64> = values.into_iter().flatten().collect();
                column.typed::<Int64Type>().write_batch(&values, optional(place, &levels), None)?;
            }
            Column::Count(of) => {
                let values: Vec<i32> = rows.iter().map(of).collect();
                column.typed::<Int32Type>().write_batch(&values, None, None)?;
            }
            Column::Truth(of) => {
                let values: Vec<Option<bool>> = rows.iter().map(of).collect();
                let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                let values: Vec<bool> = values.into_iter().flatten().collect();
                column.typed::<BoolType>().write_batch(&values, optional(place, &levels), None)?;
            }
        }
        column.close()?;
        place += 1;
    }
    group.close()?;
    Ok(writer.into_inner()?)
}

const CREATED_BY: &str = concat!("rootstrap ", env!("CARGO_PKG_VERSION"));

/// Returns the definition levels of a column, or `None` if the column is required.
fn optional(place: usize, levels: &[i16]) -> Option<&[i16]> {
    let is_required = SCHEMA.lines().skip(1).nth(place).is_some_and(|line| line.trim_start().starts_with("required"));
    (!is_required).then_some(levels)
}

enum Column {
    Text(fn(&Row<'_>) -> Option<String>),
    Number(fn(&Row<'_>) -> Option<i64>),
    Count(fn(&Row<'_>) -> i32),
    Truth(fn(&Row<'_>) -> Option<bool>),
}

/// The values of each column of [`SCHEMA`].
const COLUMNS: [Column; 19] = [
    Column::Text(|row| Some(row.subject.name.clone())),
    Column::Text(|row| Some(row.subject.kind.name().to_owned())),
    Column::Text(|row| row.subject.release.as_ref().map(|release| release.id.clone())),
    Column::Text(|row| row.subject.release.as_ref().and_then(|release| release.version.clone())),
    Column::Text(|row| row.subject.arch.clone()),
    Column::Text(|row| Some(row.package.id.clone())),
    Column::Text(|row| Some(row.package.name.clone())),
    Column::Text(|row| Some(whole_version(row.package))),
    Column::Text(|row| row.package.arch.clone()),
    Column::Text(|row| row.package.source.clone()),
    Column::Text(|row| row.package.license.clone()),
    Column::Text(|row| row.package.vendor.clone()),
    Column::Text(|row| row.package.module.clone()),
    Column::Text(|row| row.package.signatures.iter().find_map(|signature| signature.key.clone())),
    Column::Number(|row| Some(i64::try_from(row.package.installed_size).unwrap_or(i64::MAX))),
    Column::Count(|row| i32::try_from(row.package.files.len()).unwrap_or(i32::MAX)),
    Column::Number(|row| row.package.build_time.map(|time| time.saturating_mul(1000))),
    Column::Number(|row| row.package.install_time.map(|time| time.saturating_mul(1000))),
    Column::Truth(|row| row.subject.requested.as_ref().map(|ids| ids.binary_search(&row.package.id).is_ok())),
];

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;
    use crate::audit::{Release, SubjectKind};
    use crate::catalog::Packaging;

    fn subject(name: &str, packages: &[&str]) -> Subject {
        let package = |name: &&str| PackageFacts {
            id: format!("{name}-1-r0"),
            name: (*name).to_owned(),
            version: "1-r0".to_owned(),
            arch: Some("x86_64".to_owned()),
            build_time: Some(7),
            installed_size: 42,
            ..PackageFacts::default()
        };
        Subject {
            name: name.to_owned(),
            kind: SubjectKind::Root,
            packaging: Packaging::Apk,
            arch: None,
            release: Some(Release { id: "alpine".to_owned(), ..Release::default() }),
            packages: packages.iter().map(package).collect(),
            requested: (name == "a").then(|| vec!["musl-1-r0".to_owned()]),
            tree: None,
            set: None,
            origins: rustc_hash::FxHashMap::default(),
        }
    }

    #[test]
    fn a_row_a_package_and_subject() {
        let subjects = [subject("a", &["busybox", "musl"]), subject("b", &["musl"]), subject("none", &[])];
        let bytes = write(&subjects, Vec::new()).unwrap();
        assert_eq!(bytes, write(&subjects, Vec::new()).unwrap());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.get_string(0).unwrap().clone(),
                    row.get_string(6).unwrap().clone(),
                    row.get_long(14).unwrap(),
                    row.get_bool(18).ok(),
                )
            })
            .collect();
        let row = |subject: &str, name: &str, requested| (subject.to_owned(), name.to_owned(), 42, requested);
        assert_eq!(told, [row("a", "busybox", Some(false)), row("a", "musl", Some(true)), row("b", "musl", None)]);
        assert_eq!(rows[0].get_string(2).unwrap(), "alpine");
        assert!(rows[0].get_string(10).is_err(), "a licence that nobody told");
        assert!(write(&[], Vec::new()).is_ok());
    }
}
