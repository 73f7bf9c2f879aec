//! Parser of RPM's dependencies: `name`, `name >= version`, `(a and (b if c else d))`.

use crate::pool::{DependencyId, Intake, Op, RichOp};

/// A syntax error in a dependency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a dependency: {what}")]
pub struct DependencyError {
    /// The full text.
    pub text: String,
    /// The error.
    pub what: &'static str,
}

/// Maximum nesting depth of rich dependencies. It is far more than rpm itself writes, and safe for
/// the stack.
const MAX_DEPTH: usize = 64;

/// Maximum number of operands that one operator may join. The resulting tree is as deep.
const MAX_OPERANDS: usize = 512;

/// The parts of `name [op version]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    /// The name of a capability, package or path.
    pub name: &'a str,
    /// The operator; [`Op::ANY`] without a version.
    pub op: Op,
    /// The version; empty if there is none.
    pub version: &'a str,
}

impl<'a> Plain<'a> {
    /// Parses `name`, `name op version` or, without spaces around the operator, `name-op-version`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if let Some((name, op, version)) = split_words(text) {
            return Some(Self { name, op: op_of(op)?, version });
        }
        let found = text.find(['<', '>', '=']).filter(|_| !text.starts_with('/') && !text.contains('('));
        let Some(start) = found else {
            return (!text.is_empty() && !text.contains(char::is_whitespace)).then_some(Self {
                name: text,
                op: Op::ANY,
                version: "",
            });
        };
        let rest = &text[start..];
        let end = rest.find(|c| !matches!(c, '<' | '>' | '=')).unwrap_or(rest.len());
        let (name, version) = (text[..start].trim_end(), rest[end..].trim_start());
        (!name.is_empty() && !version.is_empty() && !version.contains(char::is_whitespace)).then_some(Self {
            name,
            op: op_of(&rest[..end])?,
            version,
        })
    }
}

fn split_words(text: &str) -> Option<(&str, &str, &str)> {
    let mut words = text.split_whitespace();
    let found = (words.next()?, words.next()?, words.next()?);
    words.next().is_none().then_some(found)
}

/// Returns the operator for rpm's notation.
pub fn op_of(text: &str) -> Option<Op> {
    Some(match text {
        "<" => Op::LESS,
        "<=" | "=<" => Op::LESS_EQUAL,
        "=" | "==" => Op::EQUAL,
        ">=" | "=>" => Op::GREATER_EQUAL,
        ">" => Op::GREATER,
        _ => return None,
    })
}

/// Returns the operator for the attribute `flags` in rpm-md: `EQ`, `LT`, `LE`, `GT`, `GE`.
pub fn op_of_flags(flags: &str) -> Option<Op> {
    Some(match flags {
        "EQ" => Op::EQUAL,
        "LT" => Op::LESS,
        "LE" => Op::LESS_EQUAL,
        "GT" => Op::GREATER,
        "GE" => Op::GREATER_EQUAL,
        _ => return None,
    })
}

/// Returns the operator in the flags of a dependency (`RPMSENSE_LESS`, `_GREATER`, `_EQUAL`).
pub fn op_of_sense(flags: u32) -> Op {
    match (flags & 2 != 0, flags & 8 != 0, flags & 4 != 0) {
        (true, true, _) => Op::LESS_EQUAL,
        (_, true, true) => Op::GREATER_EQUAL,
        (true, false, _) => Op::LESS,
        (_, false, true) => Op::GREATER,
        (_, true, _) => Op::EQUAL,
        _ => Op::ANY,
    }
}

/// Interns the rich or plain dependency of a text in the pool that is being built.
pub fn intern(builder: &mut impl Intake, text: &str) -> Result<DependencyId, DependencyError> {
    let fail = |what| DependencyError { text: text.to_owned(), what };
    let trimmed = text.trim();
    if !trimmed.starts_with('(') {
        let plain = Plain::parse(trimmed).ok_or_else(|| fail("expected a name, or a name, an operator and a version"))?;
        return Ok(builder.dependency(plain.name, plain.op, plain.version));
    }
    let mut rest = trimmed;
    let dependency = rich(builder, &mut rest, 0).map_err(fail)?;
    if rest.trim().is_empty() { Ok(dependency) } else { Err(fail("text after the closing bracket")) }
}

/// Parses one dependency in brackets, or an operand, at the start of `rest`.
fn rich(builder: &mut impl Intake, rest: &mut &str, depth: usize) -> Result<DependencyId, &'static str> {
    if depth > MAX_DEPTH {
        return Err("nested too deeply");
    }
    *rest = rest.trim_start();
    if !rest.starts_with('(') {
        return operand(builder, rest);
    }
    *rest = &rest[1..];
    let first = rich(builder, rest, depth + 1)?;
    let mut items = vec![first];
    let mut joined: Option<RichOp> = None;
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(')') {
            *rest = after;
            return Ok(fold(builder, &items, joined.unwrap_or(RichOp::And)));
        }
        let op = rich_op(rest).ok_or("expected and, or, if, unless, with, without or a closing bracket")?;
        if op == RichOp::Else {
            return Err("else without if or unless");
        }
        match joined {
            // Only these operators may be chained, and only with themselves (rpm's rpmrichParse).
            Some(before) if before != op || !matches!(op, RichOp::And | RichOp::Or | RichOp::With) => {
                return Err("different operators need brackets");
            }
            _ => joined = Some(op),
        }
        let mut right = rich(builder, rest, depth + 1)?;
        if matches!(op, RichOp::If | RichOp::Unless) && rest.trim_start().starts_with("else ") {
            rich_op(rest);
            let alternative = rich(builder, rest, depth + 1)?;
            right = builder.rich_dependency(right, RichOp::Else, alternative);
        }
        items.push(right);
        if items.len() > MAX_OPERANDS {
            return Err("too many operands");
        }
    }
}

/// Folds `a and b and c` to `a and (b and c)`, the tree that libsolv makes.
fn fold(builder: &mut impl Intake, items: &[DependencyId], op: RichOp) -> DependencyId {
    match items {
        [] => builder.dependency("", Op::ANY, ""),
        [last] => *last,
        [first, others @ ..] => {
            let right = fold(builder, others, op);
            builder.rich_dependency(*first, op, right)
        }
    }
}

fn rich_op(rest: &mut &str) -> Option<RichOp> {
    *rest = rest.trim_start();
    let word = rest.split(|c: char| c.is_whitespace() || c == '(').next()?;
    let op = match word {
        "and" => RichOp::And,
        "or" => RichOp::Or,
        "if" => RichOp::If,
        "unless" => RichOp::Unless,
        "else" => RichOp::Else,
        "with" => RichOp::With,
        "without" => RichOp::Without,
        _ => return None,
    };
    *rest = rest[word.len()..].trim_start();
    Some(op)
}

/// Parses `name [op version]` up to a space or the closing bracket. Brackets within a name
/// (`pkgconfig(x)`) belong to it.
fn operand(builder: &mut impl Intake, rest: &mut &str) -> Result<DependencyId, &'static str> {
    let name = word(rest).ok_or("expected a name")?;
    let before = *rest;
    let sign = rest.trim_start().split(|c: char| c.is_whitespace()).next().unwrap_or_default();
    let Some(op) = op_of(sign) else { return Ok(builder.dependency(name, Op::ANY, "")) };
    *rest = &before.trim_start()[sign.len()..];
    let version = word(rest).ok_or("expected a version")?;
    Ok(builder.dependency(name, op, version))
}

fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start();
    let mut open = 0_usize;
    let end = text
        .find(|c: char| match c {
            '(' => {
                open += 1;
                false
            }
            ')' if open == 0 => true,
            ')' => {
                open -= 1;
                false
            }
            c => c.is_whitespace(),
        })
        .unwrap_or(text.len());
    *rest = &text[end..];
    (end > 0).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Architectures, PoolBuilder};
    use crate::rpm::version::RpmVersions;

    fn shown(text: &str) -> Result<String, &'static str> {
        let mut builder = PoolBuilder::new();
        let id = intern(&mut builder, text).map_err(|error| error.what)?;
        Ok(builder.build(&RpmVersions, &Architectures::any()).unwrap().display(id))
    }

    #[test]
    fn texts_come_back_as_written() {
        for text in [
            "bash",
            "bash >= 5.1",
            "libc.so.6(GLIBC_2.34)(64bit)",
            "/bin/sh",
            "(a and b)",
            "(a or b >= 2)",
            "(a if b else c)",
            "(a unless b)",
            "(pkgconfig(x) >= 1 with pkgconfig(x) < 2)",
            "((a or b) without c)",
            "(font(:lang=en) if (x and y))",
        ] {
            assert_eq!(shown(text).as_deref(), Ok(text));
        }
        assert_eq!(shown("(a and b and c)").as_deref(), Ok("(a and (b and c))"));
        assert_eq!(shown("foo>=1").as_deref(), Ok("foo >= 1"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "a b", "(a and", "(a and b or c)", "(a else b)", "(a and b) c", "a >= ", "(a nor b)"] {
            assert!(shown(text).is_err(), "{text}");
        }
        assert!(shown(&"(".repeat(100_000)).is_err());
    }
}
