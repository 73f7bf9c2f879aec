//! Lua's patterns, with every step counted. Lua's own matcher can run for years inside one call
//! that cannot be interrupted.
//!
//! The language is that of the manual (§6.4.1). The order of attempts and the messages are those
//! of `lstrlib.c`.

/// Maximum number of captures of a pattern.
const MAX_CAPTURES: usize = 32;
/// Maximum depth of the matcher's recursion (`MAXCCALLS`).
const MAX_DEPTH: u32 = 200;

/// An error that prevents a match result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PatternError {
    /// The pattern is malformed or too complex.
    Malformed(String),
    /// The limit of steps was reached.
    Stopped,
}

fn malformed<T>(message: &str) -> Result<T, PatternError> {
    Err(PatternError::Malformed(message.to_owned()))
}

/// The value of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    /// Start and end offset in the subject, in bytes.
    Range(usize, usize),
    /// A position in the subject, from 1.
    Position(usize),
    /// The capture has no end. Using it is an error.
    Unfinished,
}

/// A match: start and end offset in bytes, and captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) captures: Vec<Capture>,
}

/// Finds `pattern` in `subject`, at or after `from`. `spend` counts steps and returns whether to
/// continue.
pub(super) fn find(
    subject: &[u8],
    pattern: &[u8],
    from: usize,
    spend: &dyn Fn(u64) -> bool,
) -> Result<Option<Match>, PatternError> {
    let (anchored, body) = match pattern.strip_prefix(b"^") {
        Some(body) => (true, body),
        None => (false, pattern),
    };
    let mut start = from;
    loop {
        if let Some(found) = match_at(subject, body, start, spend)? {
            return Ok(Some(found));
        }
        start += 1;
        if anchored || start > subject.len() {
            return Ok(None);
        }
    }
}

/// Matches `pattern`, without an anchor, at exactly `start`.
pub(super) fn match_at(
    subject: &[u8],
    pattern: &[u8],
    start: usize,
    spend: &dyn Fn(u64) -> bool,
) -> Result<Option<Match>, PatternError> {
    let mut matcher = Matcher { subject, pattern, level: 0, captures: [(0, Length::Open); MAX_CAPTURES], depth: 0, spend };
    let Some(end) = matcher.run(start, 0)? else { return Ok(None) };
    let captures = (0..matcher.level).map(|index| matcher.capture(index)).collect();
    Ok(Some(Match { start, end, captures }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Open,
    Position,
    Closed(usize),
}

struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    level: usize,
    captures: [(usize, Length); MAX_CAPTURES],
    depth: u32,
    spend: &'a dyn Fn(u64) -> bool,
}

type Found = Result<Option<usize>, PatternError>;

impl Matcher<'_> {
    fn count(&self, steps: u64) -> Result<(), PatternError> {
        if (self.spend)(steps) { Ok(()) } else { Err(PatternError::Stopped) }
    }

    fn capture(&self, index: usize) -> Capture {
        match self.captures[index] {
            (start, Length::Closed(length)) => Capture::Range(start, start + length),
            (start, Length::Position) => Capture::Position(start + 1),
            (_, Length::Open) => Capture::Unfinished,
        }
    }

    /// Matches the pattern from `p` at `s`. Returns the end of the match.
    fn run(&mut self, s: usize, p: usize) -> Found {
        if self.depth >= MAX_DEPTH {
            return malformed("pattern too complex");
        }
        self.depth += 1;
        let found = self.run_here(s, p);
        self.depth -= 1;
        found
    }

    fn run_here(&mut self, mut s: usize, mut p: usize) -> Found {
        loop {
            self.count(1)?;
            let Some(&c) = self.pattern.get(p) else { return Ok(Some(s)) };
            match (c, self.pattern.get(p + 1)) {
                (b'(', Some(b')')) => return self.open_capture(s, p + 2, Length::Position),
                (b'(', _) => return self.open_capture(s, p + 1, Length::Open),
                (b')', _) => return self.close_capture(s, p + 1),
                (b'$', None) => return Ok((s == self.subject.len()).then_some(s)),
                (b'%', Some(b'b')) => match self.balanced(s, p + 2)? {
                    Some(end) => {
                        s = end;
                        p += 4;
                        continue;
                    }
                    None => return Ok(None),
                },
                (b'%', Some(b'f')) => {
                    p += 2;
                    if self.pattern.get(p) != Some(&b'[') {
                        return malformed("missing '[' after '%f' in pattern");
                    }
                    let end = self.class_end(p)?;
                    let before = if s == 0 { 0 } else { self.subject[s - 1] };
                    let here = self.subject.get(s).copied().unwrap_or(0);
                    if self.in_set(before, p, end - 1) || !self.in_set(here, p, end - 1) {
                        return Ok(None);
                    }
                    p = end;
                    continue;
                }
                (b'%', Some(&digit)) if digit.is_ascii_digit() => match self.back_reference(s, digit)? {
                    Some(end) => {
                        s = end;
                        p += 2;
                        continue;
                    }
                    None => return Ok(None),
                },
                _ => {}
            }
            let end = self.class_end(p)?;
            let suffix = self.pattern.get(end).copied();
            match suffix {
                Some(b'?') => {
                    if self.single(s, p, end)
                        && let Some(found) = self.run(s + 1, end + 1)?
                    {
                        return Ok(Some(found));
                    }
                    p = end + 1;
                }
                Some(b'+') => return if self.single(s, p, end) { self.longest(s + 1, p, end) } else { Ok(None) },
                Some(b'*') => return self.longest(s, p, end),
                Some(b'-') => return self.shortest(s, p, end),
                _ if self.single(s, p, end) => {
                    s += 1;
                    p = end;
                }
                _ => return Ok(None),
            }
        }
    }

    /// Returns the end of the single-character class at `p`.
    fn class_end(&self, p: usize) -> Result<usize, PatternError> {
        match self.pattern.get(p) {
            Some(b'%') if p + 1 >= self.pattern.len() => malformed("malformed pattern (ends with '%')"),
            Some(b'%') => Ok(p + 2),
            Some(b'[') => {
                let mut p = p + 1;
                if self.pattern.get(p) == Some(&b'^') {
                    p += 1;
                }
                // The first character belongs to the set, even if it is a bracket.
                loop {
                    let Some(&c) = self.pattern.get(p) else { return malformed("malformed pattern (missing ']')") };
                    p += 1;
                    if c == b'%' {
                        if p >= self.pattern.len() {
                            return malformed("malformed pattern (missing ']')");
                        }
                        p += 1;
                    }
                    match self.pattern.get(p) {
                        None => return malformed("malformed pattern (missing ']')"),
                        Some(b']') => return Ok(p + 1),
                        Some(_) => {}
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    /// Reports whether the character at `s` is in the class from `p` to `end`.
    fn single(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(&c) = self.subject.get(s) else { return false };
        match self.pattern[p] {
            b'.' => true,
            b'%' => in_class(c, self.pattern[p + 1]),
            b'[' => self.in_set(c, p, end - 1),
            literal => literal == c,
        }
    }

    /// Reports whether `c` is in the set with brackets at `p` and `end`.
    fn in_set(&self, c: u8, p: usize, end: usize) -> bool {
        let mut p = p + 1;
        let negated = self.pattern.get(p) == Some(&b'^');
        p += usize::from(negated);
        while p < end {
            if self.pattern[p] == b'%' {
                if in_class(c, self.pattern[p + 1]) {
                    return !negated;
                }
                p += 2;
            } else if self.pattern.get(p + 1) == Some(&b'-') && p + 2 < end {
                if (self.pattern[p]..=self.pattern[p + 2]).contains(&c) {
                    return !negated;
                }
                p += 3;
            } else {
                if self.pattern[p] == c {
                    return !negated;
                }
                p += 1;
            }
        }
        negated
    }

    fn longest(&mut self, s: usize, p: usize, end: usize) -> Found {
        let mut count = 0;
        while self.single(s + count, p, end) {
            self.count(1)?;
            count += 1;
        }
        loop {
            if let Some(found) = self.run(s + count, end + 1)? {
                return Ok(Some(found));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    fn shortest(&mut self, mut s: usize, p: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.run(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn open_capture(&mut self, s: usize, p: usize, length: Length) -> Found {
        if self.level >= MAX_CAPTURES {
            return malformed("too many captures");
        }
        self.captures[self.level] = (s, length);
        self.level += 1;
        let found = self.run(s, p)?;
        if found.is_none() {
            self.level -= 1;
        }
        Ok(found)
    }

    fn close_capture(&mut self, s: usize, p: usize) -> Found {
        let Some(open) = (0..self.level).rev().find(|&index| self.captures[index].1 == Length::Open) else {
            return malformed("invalid pattern capture");
        };
        self.captures[open].1 = Length::Closed(s - self.captures[open].0);
        let found = self.run(s, p)?;
        if found.is_none() {
            self.captures[open].1 = Length::Open;
        }
        Ok(found)
    }

    /// Matches `%bxy`: from an `x` to the balancing `y`.
    fn balanced(&self, s: usize, p: usize) -> Found {
        let (Some(&open), Some(&close)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return malformed("malformed pattern (missing arguments to '%b')");
        };
        if self.subject.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for (index, &c) in self.subject.iter().enumerate().skip(s + 1) {
            self.count(1)?;
            if c == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(index + 1));
                }
            } else if c == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// Matches `%1`: the text of a capture again.
    fn back_reference(&self, s: usize, digit: u8) -> Found {
        let index = usize::from(digit - b'0').wrapping_sub(1);
        let (start, length) = match self.captures[..self.level].get(index) {
            Some(&(start, Length::Closed(length))) => (start, length),
            // A position capture has no text, so it never matches.
            Some((_, Length::Position)) => return Ok(None),
            _ => return malformed(&format!("invalid capture index %{}", usize::from(digit - b'0'))),
        };
        self.count(length as u64 / 16)?;
        Ok(self.subject[s..].starts_with(&self.subject[start..start + length]).then_some(s + length))
    }
}

/// Reports whether `c` is in the class of the letter after `%`. Any other character matches itself.
fn in_class(c: u8, class: u8) -> bool {
    let found = match class.to_ascii_lowercase() {
        b'a' => c.is_ascii_alphabetic(),
        b'c' => c.is_ascii_control(),
        b'd' => c.is_ascii_digit(),
        b'g' => c.is_ascii_graphic(),
        b'l' => c.is_ascii_lowercase(),
        b'p' => c.is_ascii_punctuation(),
        b's' => c.is_ascii_whitespace() || c == 0x0b,
        b'u' => c.is_ascii_uppercase(),
        b'w' => c.is_ascii_alphanumeric(),
        b'x' => c.is_ascii_hexdigit(),
        _ => return class == c,
    };
    found != class.is_ascii_uppercase()
}
