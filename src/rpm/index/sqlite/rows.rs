//! The rows of a query, one after another, grouped by package.

use rusqlite::types::ValueRef;
use rusqlite::{Rows, Statement};

use super::{Database, broken, malformed};
use crate::metadata::IndexError;

impl Database {
    pub(super) fn statement(&self, query: &str) -> Result<Statement<'_>, IndexError> {
        self.connection.prepare(query).map_err(|error| broken(&error))
    }
}

/// A cursor over rows that are sorted by their first two columns: the key of a package and a number
/// of the row. The other columns are texts.
pub(super) struct Cursor<'s> {
    rows: Rows<'s>,
    columns: usize,
    /// The first two columns of the current row.
    place: Option<(i64, i64)>,
    texts: Vec<String>,
}

impl<'s> Cursor<'s> {
    /// Creates a cursor at the first row.
    pub(super) fn new(statement: &'s mut Statement<'_>) -> Result<Self, IndexError> {
        let columns = statement.column_count().saturating_sub(2);
        let rows = statement.query([]).map_err(|error| broken(&error))?;
        let mut cursor = Self { rows, columns, place: None, texts: vec![String::new(); columns] };
        cursor.read(None)?;
        Ok(cursor)
    }

    /// Moves to the next row.
    pub(super) fn advance(&mut self) -> Result<(), IndexError> {
        let before = self.place;
        self.read(before)
    }

    fn read(&mut self, before: Option<(i64, i64)>) -> Result<(), IndexError> {
        let failed = |error: rusqlite::Error| broken(&error);
        let Some(row) = self.rows.next().map_err(failed)? else {
            self.place = None;
            return Ok(());
        };
        let place = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
        // If pages refer to each other in a cycle, the same rows repeat endlessly.
        if before.is_some_and(|before| place <= before) {
            return Err(malformed("the database gives its rows in disorder".to_owned()));
        }
        self.place = Some(place);
        for column in 0..self.columns {
            let text = &mut self.texts[column];
            text.clear();
            match row.get_ref(column + 2).map_err(failed)? {
                ValueRef::Null => {}
                ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(value) => text.push_str(value),
                    Err(_) => return Err(malformed("a text of the database is not UTF-8".to_owned())),
                },
                ValueRef::Integer(number) => *text = number.to_string(),
                ValueRef::Real(_) | ValueRef::Blob(_) => {
                    return Err(malformed("a value of the database is neither text nor a number".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Reports whether there is a current row.
    pub(super) fn is_at_row(&self) -> bool {
        self.place.is_some()
    }

    /// Returns the package key of the current row.
    pub(super) fn key(&self) -> i64 {
        self.place.map_or(i64::MAX, |(key, _)| key)
    }

    /// Moves to the first row of the package `key` or of a later one. Reports whether it belongs to
    /// `key`. Keys are ascending.
    pub(super) fn is_at(&mut self, key: i64) -> Result<bool, IndexError> {
        while self.place.is_some_and(|(own, _)| own < key) {
            self.advance()?;
        }
        Ok(self.place.is_some_and(|(own, _)| own == key))
    }

    /// Returns a text of the current row; empty if the column is null.
    pub(super) fn text(&self, column: usize) -> &str {
        &self.texts[column]
    }
}
