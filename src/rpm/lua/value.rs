//! Values that pass between a script and the functions it calls. They can be stored, compared and
//! replayed.

use std::hash::{Hash, Hasher};

use mlua::{IntoLua, Lua, MultiValue, Value};
use rustc_hash::FxHasher;

/// A value of Lua that outlives its interpreter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// `nil`.
    Nil,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Number(f64),
    /// A string; bytes, not text.
    String(Vec<u8>),
    /// An open file, by its index among the files of the process.
    File(u32),
    /// A table, as keys and values.
    Table(Vec<(Item, Item)>),
    /// Any other value, by the name of its type: functions, and tables that are not supported as
    /// arguments.
    Other(&'static str),
}

/// The userdata of an open file in a script.
pub(super) struct FileHandle(pub(super) u32);

impl Item {
    /// Creates a string.
    pub(super) fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::String(text.into())
    }

    /// Creates a list with keys 1, 2, 3…
    pub(super) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::Table((1..).zip(items).map(|(i, item)| (Self::Integer(i), item)).collect())
    }

    /// Creates a table with names as keys.
    pub(super) fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Table(fields.into_iter().map(|(name, item)| (Self::text(name), item)).collect())
    }

    /// Returns the type's name in messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) | Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::File(_) => "userdata",
            Self::Table(_) => "table",
            Self::Other(name) => name,
        }
    }

    /// Returns the approximate size of the value, in bytes.
    pub(super) fn size(&self) -> usize {
        16 + match self {
            Self::String(bytes) => bytes.len(),
            Self::Table(pairs) => pairs.iter().map(|(key, value)| key.size() + value.size()).sum(),
            _ => 0,
        }
    }

    fn from_lua(value: &Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Boolean(b) => Self::Boolean(*b),
            Value::Integer(i) => Self::Integer(*i),
            Value::Number(n) => Self::Number(*n),
            Value::String(s) => Self::String(s.as_bytes().to_vec()),
            Value::UserData(data) => match data.borrow::<FileHandle>() {
                Ok(handle) => Self::File(handle.0),
                Err(_) => Self::Other("userdata"),
            },
            other => Self::Other(other.type_name()),
        }
    }

    fn into_lua(self, lua: &Lua) -> mlua::Result<Value> {
        Ok(match self {
            Self::Nil | Self::Other(_) => Value::Nil,
            Self::Boolean(b) => Value::Boolean(b),
            Self::Integer(i) => Value::Integer(i),
            Self::Number(n) => Value::Number(n),
            Self::String(bytes) => Value::String(lua.create_string(bytes)?),
            Self::File(id) => Value::UserData(lua.create_any_userdata(FileHandle(id))?),
            Self::Table(pairs) => {
                let table = lua.create_table()?;
                for (key, value) in pairs {
                    table.raw_set(key.into_lua(lua)?, value.into_lua(lua)?)?;
                }
                table.into_lua(lua)?
            }
        })
    }
}

impl Hash for Item {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Nil => {}
            Self::Boolean(b) => b.hash(state),
            Self::Integer(i) => i.hash(state),
            Self::Number(n) => n.to_bits().hash(state),
            Self::String(bytes) => bytes.hash(state),
            Self::File(id) => id.hash(state),
            Self::Table(pairs) => pairs.hash(state),
            Self::Other(name) => name.hash(state),
        }
    }
}

/// The reason why a call returns no values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// An error that the script sees and may catch.
    Error(Vec<u8>),
    /// The end of this run of the script: its process ended, or a limit was reached.
    Stop,
}

impl Fault {
    /// Creates an error with this message.
    pub(super) fn error(message: impl Into<Vec<u8>>) -> Self {
        Self::Error(message.into())
    }
}

/// The result of a call.
pub(super) type Reply = Result<Vec<Item>, Fault>;

/// The arguments of a call, with the script's name of the function.
pub(super) struct Arguments<'a> {
    name: &'a str,
    items: Vec<Item>,
}

impl<'a> Arguments<'a> {
    /// Converts the arguments of Lua.
    pub(super) fn new(name: &'a str, values: &MultiValue) -> Self {
        Self { name, items: values.iter().map(Item::from_lua).collect() }
    }

    /// Returns a hash of the function's name and its arguments.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.name.hash(&mut hasher);
        self.items.hash(&mut hasher);
        hasher.finish()
    }

    /// Returns the name of the function without its library.
    fn short_name(&self) -> &str {
        self.name.rsplit(['.', ':']).next().unwrap_or(self.name)
    }

    /// Returns the number of arguments.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns argument `index`, from 1; `nil` if it is absent.
    pub(super) fn get(&self, index: usize) -> &Item {
        self.items.get(index.wrapping_sub(1)).unwrap_or(&Item::Nil)
    }

    /// Reports whether argument `index` is absent or nil.
    pub(super) fn is_nil(&self, index: usize) -> bool {
        *self.get(index) == Item::Nil
    }

    /// Returns the error of an invalid argument, in Lua's words.
    pub(super) fn bad(&self, index: usize, message: &str) -> Fault {
        Fault::error(format!("bad argument #{index} to '{}' ({message})", self.short_name()))
    }

    fn expected(&self, index: usize, what: &str) -> Fault {
        let found = if index > self.items.len() { "no value" } else { self.get(index).type_name() };
        self.bad(index, &format!("{what} expected, got {found}"))
    }

    /// Returns argument `index` as a string. Numbers are converted.
    pub(super) fn string(&self, index: usize) -> Result<Vec<u8>, Fault> {
        match self.get(index) {
            Item::String(bytes) => Ok(bytes.clone()),
            Item::Integer(i) => Ok(i.to_string().into_bytes()),
            Item::Number(n) => Ok(float_text(*n).into_bytes()),
            _ => Err(self.expected(index, "string")),
        }
    }

    /// Returns argument `index` as a C string, which ends at the first NUL.
    pub(super) fn c_string(&self, index: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = self.string(index)?;
        if let Some(end) = bytes.iter().position(|&c| c == 0) {
            bytes.truncate(end);
        }
        Ok(bytes)
    }

    /// Returns argument `index` as a C string, or `default` if it is absent or nil.
    pub(super) fn optional_string(&self, index: usize, default: &str) -> Result<Vec<u8>, Fault> {
        if self.is_nil(index) { Ok(default.into()) } else { self.c_string(index) }
    }

    /// Returns argument `index` as a float.
    pub(super) fn number(&self, index: usize) -> Result<f64, Fault> {
        match self.get(index) {
            Item::Integer(i) => Ok(*i as f64),
            Item::Number(n) => Ok(*n),
            Item::String(s) => parse_number(s).ok_or_else(|| self.expected(index, "number")),
            _ => Err(self.expected(index, "number")),
        }
    }

    /// Returns argument `index` as an integer.
    pub(super) fn integer(&self, index: usize) -> Result<i64, Fault> {
        if let Item::Integer(i) = self.get(index) {
            return Ok(*i);
        }
        let number = self.number(index)?;
        exact_integer(number).ok_or_else(|| self.bad(index, "number has no integer representation"))
    }

    /// Returns argument `index` as an integer, or `default` if it is absent or nil.
    pub(super) fn optional_integer(&self, index: usize, default: i64) -> Result<i64, Fault> {
        if self.is_nil(index) { Ok(default) } else { self.integer(index) }
    }

    /// Returns argument `index` as an open file.
    pub(super) fn file(&self, index: usize) -> Result<u32, Fault> {
        match self.get(index) {
            Item::File(id) => Ok(*id),
            _ => Err(self.expected(index, "FILE*")),
        }
    }

    /// Returns the position of argument `index` among the allowed words.
    pub(super) fn option(&self, index: usize, words: &[&str]) -> Result<usize, Fault> {
        self.word(index, index, words)
    }

    /// Returns the position of a method's first argument among the allowed words. Messages do not
    /// count the object itself.
    pub(super) fn method_option(&self, words: &[&str]) -> Result<usize, Fault> {
        self.word(2, 1, words)
    }

    fn word(&self, index: usize, told: usize, words: &[&str]) -> Result<usize, Fault> {
        let word = self.c_string(index)?;
        let found = words.iter().position(|w| w.as_bytes() == word);
        found.ok_or_else(|| self.bad(told, &format!("invalid option '{}'", String::from_utf8_lossy(&word))))
    }
}

/// Converts a float to an integer, if it has an integral value.
pub(super) fn exact_integer(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (number.fract() == 0.0 && (-LIMIT..LIMIT).contains(&number)).then_some(number as i64)
}

/// Parses a decimal number with optional blanks around it.
pub(super) fn parse_number(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    // Rust accepts "inf" and "nan", Lua does not.
    text.bytes().all(|c| c.is_ascii_digit() || b"+-.eE".contains(&c)).then(|| text.parse().ok()).flatten()
}

/// Formats a float as `tostring` does: `%.14g`, with `.0` if the result looks like an integer.
pub(super) fn float_text(number: f64) -> String {
    let mut text = general(number);
    if text.bytes().all(|c| c.is_ascii_digit() || c == b'-') {
        text.push_str(".0");
    }
    text
}

/// Formats a float as C's `%.14g`, like `io.write`.
pub(super) fn general(number: f64) -> String {
    const DIGITS: i32 = 14;
    if number.is_nan() {
        return if number.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:.13e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| {
        let cut = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        cut.to_owned()
    };
    if (-4..DIGITS).contains(&exponent) {
        return trim(&format!("{number:.*}", usize::try_from(DIGITS - 1 - exponent).unwrap_or(0)));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
}

/// Converts a reply to Lua's values: `true` and the values, or `false` and the message.
pub(super) fn reply_to_lua(lua: &Lua, reply: Reply) -> mlua::Result<MultiValue> {
    let mut values = MultiValue::new();
    match reply {
        Ok(items) => {
            values.push_back(Value::Boolean(true));
            for item in items {
                values.push_back(item.into_lua(lua)?);
            }
        }
        Err(Fault::Error(message)) => {
            values.push_back(Value::Boolean(false));
            values.push_back(Value::String(lua.create_string(message)?));
        }
        Err(Fault::Stop) => return Err(mlua::Error::runtime("the scriptlet has ended")),
    }
    Ok(values)
}
