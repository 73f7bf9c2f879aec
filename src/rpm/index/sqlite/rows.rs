//! The rows of a query, one after another, by the package that they belong to.

use rusqlite::types::ValueRef;
use rusqlite::{Rows, Statement};

use super::{Database, broken, malformed};
use crate::metadata::IndexError;

impl Database {
    pub(super) fn statement(&self, query: &str) -> Result<Statement<'_>, IndexError> {
        self.connection.prepare(query).map_err(|error| broken(&error))
    }
}

/// Goes through rows that come by the key of a package and a number of their own, which are the first two columns; the others are texts.
pub(super) struct Cursor<'s> {
    rows: Rows<'s>,
    columns: usize,
    /// Of the row that it is at.
    place: Option<(i64, i64)>,
    texts: Vec<String>,
}

impl<'s> Cursor<'s> {
    /// At the first row.
    pub(super) fn new(statement: &'s mut Statement<'_>) -> Result<Self, IndexError> {
        let columns = statement.column_count().saturating_sub(2);
        let rows = statement.query([]).map_err(|error| broken(&error))?;
        let mut cursor = Self { rows, columns, place: None, texts: vec![String::new(); columns] };
        cursor.read(None)?;
        Ok(cursor)
    }

    /// Goes to the next row.
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
        // A file whose pages point to each other gives the same rows again and again.
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

    /// Whether there is a row.
    pub(super) fn is_at_row(&self) -> bool {
        self.place.is_some()
    }

    /// The key of the package of the row.
    pub(super) fn key(&self) -> i64 {
        self.place.map_or(i64::MAX, |(key, _)| key)
    }

    /// Goes on to the first row of a package or of one after it, and tells whether it is of this one. Keys come in their order.
    pub(super) fn is_at(&mut self, key: i64) -> Result<bool, IndexError> {
        while self.place.is_some_and(|(own, _)| own < key) {
            self.advance()?;
        }
        Ok(self.place.is_some_and(|(own, _)| own == key))
    }

    /// A text of the row; nothing where there is none.
    pub(super) fn text(&self, column: usize) -> &str {
        &self.texts[column]
    }
}
