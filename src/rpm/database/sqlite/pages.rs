//! Writes `SQLite`'s file format from the bottom up. Rows and index entries are sorted in advance,
//! so each page is filled once and never split.
//!
//! In: cells in their order. Out: pages. The format is that of sqlite.org/fileformat2.html; section
//! numbers in comments refer to it.

/// Page size in bytes: `SQLite`'s default, which rpm uses everywhere.
pub(super) const PAGE_SIZE: usize = 4096;
/// Length in bytes of the file's header, at the beginning of page 1.
const FILE_HEADER: usize = 100;

/// The type of a tree. Each type has its own leaf and interior pages (1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// Rows by number.
    Table,
    /// Keys, each with the number of its row.
    Index,
}

impl Tree {
    fn leaf(self) -> u8 {
        match self {
            Self::Table => 0x0d,
            Self::Index => 0x0a,
        }
    }

    fn interior(self) -> u8 {
        match self {
            Self::Table => 0x05,
            Self::Index => 0x02,
        }
    }

    /// Returns the number of payload bytes within a cell; the rest goes to overflow pages (1.6,
    /// "Cell Payload Overflow Pages").
    fn local(self, payload: usize) -> usize {
        let most = match self {
            Self::Table => PAGE_SIZE - 35,
            Self::Index => (PAGE_SIZE - 12) * 64 / 255 - 23,
        };
        let least = (PAGE_SIZE - 12) * 32 / 255 - 23;
        if payload <= most {
            return payload;
        }
        let local = least + (payload - least) % (PAGE_SIZE - 4);
        if local <= most { local } else { least }
    }
}

/// Cells of one level of a tree, one after another.
#[derive(Default)]
pub(super) struct Cells {
    bytes: Vec<u8>,
    /// End offset of each cell, in bytes.
    ends: Vec<usize>,
}

impl Cells {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn start(&self, cell: usize) -> usize {
        if cell == 0 { 0 } else { self.ends[cell - 1] }
    }

    fn get(&self, cell: usize) -> &[u8] {
        &self.bytes[self.start(cell)..self.ends[cell]]
    }

    fn close(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// A value of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// Placeholder for the row number in a table whose primary key is that number.
    Null,
    /// A number.
    Integer(i64),
    /// A string.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Value<'_> {
    /// Returns the serial type, which encodes type and length (2.1).
    fn serial_type(self) -> u64 {
        match self {
            Self::Null => 0,
            Self::Integer(0) => 8,
            Self::Integer(1) => 9,
            Self::Integer(n) if i8::try_from(n).is_ok() => 1,
            Self::Integer(n) if i16::try_from(n).is_ok() => 2,
            Self::Integer(n) if (-(1 << 23)..1 << 23).contains(&n) => 3,
            Self::Integer(n) if i32::try_from(n).is_ok() => 4,
            Self::Integer(n) if (-(1 << 47)..1 << 47).contains(&n) => 5,
            Self::Integer(_) => 6,
            Self::Text(text) => 13 + 2 * text.len() as u64,
            Self::Blob(blob) => 12 + 2 * blob.len() as u64,
        }
    }

    fn put(self, record: &mut Vec<u8>) {
        match self {
            Self::Null => {}
            Self::Integer(n) => {
                const WIDTHS: [usize; 10] = [0, 1, 2, 3, 4, 6, 8, 0, 0, 0];
                let width = WIDTHS[self.serial_type() as usize];
                record.extend_from_slice(&n.to_be_bytes()[8 - width..]);
            }
            Self::Text(bytes) | Self::Blob(bytes) => record.extend_from_slice(bytes),
        }
    }
}

/// Writes a number in one to nine bytes (1.6, "varint"). The numbers here need at most eight.
fn put_varint(bytes: &mut Vec<u8>, value: u64) {
    let groups = (64 - (value | 1).leading_zeros()).div_ceil(7);
    for group in (1..groups).rev() {
        bytes.push((value >> (7 * group)) as u8 | 0x80);
    }
    bytes.push(value as u8 & 0x7f);
}

/// Replaces the contents of `record` with the record of these values.
fn make_record(record: &mut Vec<u8>, values: &[Value<'_>]) {
    record.clear();
    for value in values {
        put_varint(record, value.serial_type());
    }
    // The header includes its own length. Headers here are short, so the length is one byte.
    let header = record.len() as u8 + 1;
    record.insert(0, header);
    for value in values {
        value.put(record);
    }
}

/// A file under construction. Page 1 is the root of the schema and is written last.
pub(super) struct Pages {
    bytes: Vec<u8>,
    record: Vec<u8>,
}

impl Pages {
    /// Creates a file with an empty page 1, and reserves memory for about `expected` bytes.
    pub(super) fn new(expected: usize) -> Self {
        let mut bytes = Vec::with_capacity(expected);
        bytes.resize(PAGE_SIZE, 0);
        Self { bytes, record: Vec::new() }
    }

    /// Returns the length so far, in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a page and returns its number, from 1.
    fn add(&mut self) -> u32 {
        self.bytes.resize(self.bytes.len() + PAGE_SIZE, 0);
        (self.bytes.len() / PAGE_SIZE) as u32
    }

    fn page(&mut self, number: u32) -> &mut [u8] {
        &mut self.bytes[(number as usize - 1) * PAGE_SIZE..][..PAGE_SIZE]
    }

    /// Adds a row to a table's cells.
    pub(super) fn row(&mut self, cells: &mut Cells, number: i64, values: &[Value<'_>]) {
        let mut record = std::mem::take(&mut self.record);
        make_record(&mut record, values);
        put_varint(&mut cells.bytes, record.len() as u64);
        put_varint(&mut cells.bytes, number as u64);
        self.payload(Tree::Table, cells, &record);
        self.record = record;
    }

    /// Adds an entry to an index's cells.
    pub(super) fn entry(&mut self, cells: &mut Cells, key: Value<'_>, row: i64) {
        let mut record = std::mem::take(&mut self.record);
        make_record(&mut record, &[key, Value::Integer(row)]);
        put_varint(&mut cells.bytes, record.len() as u64);
        self.payload(Tree::Index, cells, &record);
        self.record = record;
    }

    fn payload(&mut self, tree: Tree, cells: &mut Cells, record: &[u8]) {
        let (local, mut rest) = record.split_at(tree.local(record.len()));
        cells.bytes.extend_from_slice(local);
        if !rest.is_empty() {
            let mut number = self.add();
            cells.bytes.extend(number.to_be_bytes());
            loop {
                let (part, after) = rest.split_at(rest.len().min(PAGE_SIZE - 4));
                self.page(number)[4..4 + part.len()].copy_from_slice(part);
                rest = after;
                if rest.is_empty() {
                    break;
                }
                let next = self.add();
                self.page(number)[..4].copy_from_slice(&next.to_be_bytes());
                number = next;
            }
        }
        cells.close();
    }

    /// Builds a tree from the cells of its leaves and returns its root page. For a table, `rows`
    /// has the numbers of the rows.
    pub(super) fn tree(&mut self, tree: Tree, leaves: &Cells, rows: &[i64]) -> u32 {
        let (children, dividers) = self.leaves(tree, leaves, rows);
        self.interiors(tree, children, dividers, None)
    }

    /// Builds the tree of the schema. Its root is page 1, and it has more rows than fit on that
    /// page.
    pub(super) fn schema(&mut self, leaves: &Cells, rows: &[i64]) {
        let (children, dividers) = self.leaves(Tree::Table, leaves, rows);
        self.interiors(Tree::Table, children, dividers, Some(1));
    }

    /// Fills the leaves. Returns their pages and the dividers between them: an entry removed from
    /// an index, or the number of a table's last row.
    fn leaves(&mut self, tree: Tree, cells: &Cells, rows: &[i64]) -> (Vec<u32>, Cells) {
        let (mut children, mut dividers) = (Vec::new(), Cells::default());
        let mut start = 0;
        loop {
            let mut end = start + fitting(cells, start, 8, 0);
            let is_last = end == cells.len();
            // The last leaf of an index needs an entry besides the one that becomes the divider
            // before it.
            if tree == Tree::Index && end + 1 == cells.len() {
                end -= 1;
            }
            let page = self.add();
            self.fill(page, 0, tree.leaf(), &[], cells, start..end, None);
            children.push(page);
            if is_last {
                return (children, dividers);
            }
            match tree {
                Tree::Table => {
                    put_varint(&mut dividers.bytes, rows[end - 1] as u64);
                    start = end;
                }
                Tree::Index => {
                    dividers.bytes.extend_from_slice(cells.get(end));
                    start = end + 1;
                }
            }
            dividers.close();
        }
    }

    /// Builds levels of interior pages until only the root is left.
    fn interiors(&mut self, tree: Tree, mut children: Vec<u32>, mut dividers: Cells, root: Option<u32>) -> u32 {
        loop {
            if let ([only], None) = (&children[..], root) {
                return *only;
            }
            let offset = if root.is_some() { FILE_HEADER } else { 0 };
            if let Some(root) = root
                && fitting(&dividers, 0, 12 + offset, 4) == dividers.len()
            {
                self.fill(root, offset, tree.interior(), &children, &dividers, 0..dividers.len(), children.last().copied());
                return root;
            }
            let (mut above, mut between) = (Vec::new(), Cells::default());
            let mut start = 0;
            loop {
                let mut end = start + fitting(&dividers, start, 12, 4);
                let is_last = end == dividers.len();
                // As among the leaves, the page to the right needs a divider of its own.
                if end + 1 == dividers.len() {
                    end -= 1;
                }
                let page = self.add();
                self.fill(page, 0, tree.interior(), &children[start..], &dividers, start..end, Some(children[end]));
                above.push(page);
                if is_last {
                    break;
                }
                between.bytes.extend_from_slice(dividers.get(end));
                between.close();
                start = end + 1;
            }
            (children, dividers) = (above, between);
        }
    }

    /// Writes a page of cells: a header, the offsets of the cells, and the cells from the end of
    /// the page (1.6).
    #[allow(clippy::too_many_arguments, reason = "they are the fields of the page")]
    fn fill(
        &mut self,
        number: u32,
        offset: usize,
        kind: u8,
        children: &[u32],
        cells: &Cells,
        range: std::ops::Range<usize>,
        right: Option<u32>,
    ) {
        let page = self.page(number);
        let header = &mut page[offset..];
        header[0] = kind;
        header[3..5].copy_from_slice(&(range.len() as u16).to_be_bytes());
        let mut pointer = offset + 8;
        if let Some(right) = right {
            header[8..12].copy_from_slice(&right.to_be_bytes());
            pointer += 4;
        }
        let mut end = PAGE_SIZE;
        for (place, cell) in range.enumerate() {
            let cell = cells.get(cell);
            end -= cell.len();
            page[end..end + cell.len()].copy_from_slice(cell);
            if right.is_some() {
                end -= 4;
                page[end..end + 4].copy_from_slice(&children[place].to_be_bytes());
            }
            page[pointer..pointer + 2].copy_from_slice(&(end as u16).to_be_bytes());
            pointer += 2;
        }
        page[offset + 5..offset + 7].copy_from_slice(&(end as u16).to_be_bytes());
    }

    /// Returns the file, with its header (1.3).
    pub(super) fn finish(mut self) -> Vec<u8> {
        let pages = (self.bytes.len() / PAGE_SIZE) as u32;
        let header = &mut self.bytes[..FILE_HEADER];
        header[..16].copy_from_slice(b"SQLite format 3\0");
        header[16..18].copy_from_slice(&(PAGE_SIZE as u16).to_be_bytes());
        // Version numbers for a rollback journal, reserved space, and the payload fractions that
        // SQLite requires.
        header[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
        let mut put = |at: usize, value: u32| header[at..at + 4].copy_from_slice(&value.to_be_bytes());
        put(24, 1); // file change counter
        put(28, pages);
        put(40, 1); // schema cookie
        put(44, 4); // schema format number
        put(56, 1); // text encoding: UTF-8
        put(92, 1); // version-valid-for: the page count is valid for change 1
        put(96, 3_034_001); // version of SQLite: 3.34.1, as in EL9
        self.bytes
    }
}

/// Returns the number of cells from `start` on that fit a page. The page has a header of `header`
/// bytes, and each cell takes `more` bytes in addition to its own.
fn fitting(cells: &Cells, start: usize, header: usize, more: usize) -> usize {
    let mut left = PAGE_SIZE - header;
    cells.ends[start..]
        .iter()
        .scan(cells.start(start), |from, &end| {
            let size = end - std::mem::replace(from, end) + 2 + more;
            left = left.checked_sub(size)?;
            Some(())
        })
        .count()
}
