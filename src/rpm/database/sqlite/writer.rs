//! The tables and indexes of rpm's database, as rows and entries of trees.

use super::pages::{Cells, PAGE_SIZE, Pages, Tree, Value};
use crate::rpm::database::index::{Index, Key, KeyKind, Keys};
use crate::rpm::database::{DatabaseError, Record};

/// Offset of the page that must not be used (sqlite.org/fileformat2.html, 1.4). Databases of rpm
/// are much smaller.
const LARGEST: usize = 1 << 30;

/// Returns the bytes of `rpmdb.sqlite` with these records. `keys[i]` are the index keys of
/// `records[i]`.
pub(in super::super) fn write<'a>(records: &'a [Record<'a>], keys: &'a [Keys<'a>]) -> Result<Vec<u8>, DatabaseError> {
    let mut last = 0;
    for &Record { number, .. } in records {
        if number <= last {
            return Err(DatabaseError::Number { number });
        }
        last = number;
    }
    let headers: usize = records.iter().map(|record| record.blob.len() + PAGE_SIZE).sum();
    if headers > LARGEST {
        return Err(DatabaseError::TooLarge { size: headers as u64 });
    }
    let mut file = File { pages: Pages::new(2 * headers), schema: Vec::new() };
    file.write_packages(records);
    for (place, index) in Index::ALL.into_iter().enumerate() {
        let rows: Vec<(u32, &Key<'_>)> =
            records.iter().zip(keys).flat_map(|(record, keys)| keys.of(place).iter().map(|key| (record.number, key))).collect();
        file.write_index(index, &rows);
    }
    file.write_schema();
    match file.pages.len() {
        size if size > LARGEST => Err(DatabaseError::TooLarge { size: size as u64 }),
        _ => Ok(file.pages.finish()),
    }
}

/// A schema entry of a table or an index.
struct Object {
    kind: &'static str,
    name: String,
    table: &'static str,
    root: u32,
    /// The statement that creates the object. The file stores it, so it is identical to rpm's
    /// (lib/backend/sqlite.c).
    sql: String,
}

struct File {
    pages: Pages,
    schema: Vec<Object>,
}

impl File {
    fn write_packages(&mut self, records: &[Record<'_>]) {
        let mut cells = Cells::default();
        for record in records {
            self.pages.row(&mut cells, record.number.into(), &[Value::Null, Value::Blob(record.blob)]);
        }
        let rows: Vec<i64> = records.iter().map(|record| record.number.into()).collect();
        let sql = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)";
        self.add_table("Packages", sql.to_owned(), &cells, &rows);

        // AUTOINCREMENT continues from this number.
        let mut cells = Cells::default();
        let mut rows = Vec::new();
        if let Some(last) = records.last() {
            self.pages.row(&mut cells, 1, &[Value::Text(b"Packages"), Value::Integer(last.number.into())]);
            rows.push(1);
        }
        self.add_table("sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)".to_owned(), &cells, &rows);
    }

    fn write_index(&mut self, index: Index, rows: &[(u32, &Key<'_>)]) {
        let (name, kind) = (index.name(), index.kind());
        let value = |key| match kind {
            KeyKind::Text => Value::Text(key),
            KeyKind::Blob => Value::Blob(key),
        };
        let numbers: Vec<i64> = (1..=rows.len() as i64).collect();
        let mut cells = Cells::default();
        for (&row, &(header, key)) in numbers.iter().zip(rows) {
            let values = [value(&key.bytes), Value::Integer(header.into()), Value::Integer(key.item.into())];
            self.pages.row(&mut cells, row, &values);
        }
        let kind_name = match kind {
            KeyKind::Text => "TEXT",
            KeyKind::Blob => "BLOB",
        };
        let sql = format!(
            "CREATE TABLE '{name}' (key '{kind_name}' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, \
             FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))"
        );
        self.add_table(name, sql, &cells, &numbers);

        // rpm reads the other tables as a whole.
        if kind == KeyKind::Text {
            let mut sorted: Vec<(&[u8], i64)> = rows.iter().map(|(_, key)| &*key.bytes).zip(numbers.iter().copied()).collect();
            // Texts compare as bytes; equal texts are in the order of their rows.
            sorted.sort_unstable();
            let sorted = sorted.into_iter().map(|(key, row)| (value(key), row));
            self.add_index(name, "key", sorted);
            if index.is_list() {
                let by_header = rows.iter().map(|&(header, _)| Value::Integer(header.into())).zip(numbers);
                self.add_index(name, "hnum", by_header);
            }
        }
    }

    fn add_table(&mut self, name: &'static str, sql: String, cells: &Cells, rows: &[i64]) {
        let root = self.pages.tree(Tree::Table, cells, rows);
        self.schema.push(Object { kind: "table", name: name.to_owned(), table: name, root, sql });
    }

    fn add_index<'a>(&mut self, table: &'static str, column: &str, entries: impl Iterator<Item = (Value<'a>, i64)>) {
        let mut cells = Cells::default();
        for (key, row) in entries {
            self.pages.entry(&mut cells, key, row);
        }
        let root = self.pages.tree(Tree::Index, &cells, &[]);
        let name = format!("{table}_{column}_idx");
        let sql = format!("CREATE INDEX '{name}' ON '{table}'({column} ASC)");
        self.schema.push(Object { kind: "index", name, table, root, sql });
    }

    fn write_schema(&mut self) {
        let mut cells = Cells::default();
        let rows: Vec<i64> = (1..=self.schema.len() as i64).collect();
        for (&row, object) in rows.iter().zip(&self.schema) {
            let values = [
                Value::Text(object.kind.as_bytes()),
                Value::Text(object.name.as_bytes()),
                Value::Text(object.table.as_bytes()),
                Value::Integer(object.root.into()),
                Value::Text(object.sql.as_bytes()),
            ];
            self.pages.row(&mut cells, row, &values);
        }
        self.pages.schema(&cells, &rows);
    }
}
