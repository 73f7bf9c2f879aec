//! Conversion of license fields to SPDX expressions.
//!
//! Old license tags of rpm packages (`GPLv3+ and MIT`) and apk's lists are not SPDX expressions.
//! Their operators have the same meaning, so they are kept. An operand that is not an SPDX license
//! becomes a `LicenseRef-`, which the document explains with the text of the package. Nothing is
//! translated, because the meaning of `BSD` or `GPL+` is not certain.

use std::collections::BTreeMap;

use spdx::identifiers::{EXCEPTIONS, LICENSES};
use spdx::{Expression, ParseMode};

use crate::digest::{Algorithm, Digest};

/// Accept deprecated SPDX identifiers, including those with a `+`.
const MODE: ParseMode = ParseMode {
    allow_slash_as_or_operator: false,
    allow_imprecise_license_names: false,
    allow_postfix_plus_on_gpl: true,
    allow_deprecated: true,
    allow_unknown: false,
};

/// The license of a package as an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    /// Expression; parts that SPDX does not know are `LicenseRef-` names of [`Named`].
    pub expression: String,
    /// True if SPDX knows all parts of the expression.
    pub is_known: bool,
}

/// The names of licenses that SPDX does not know: the texts of the packages, by `LicenseRef-…`.
#[derive(Clone, Debug, Default)]
pub struct Named(BTreeMap<String, String>);

/// A token of a license text.
enum Piece<'a> {
    Open,
    Close,
    And,
    Or,
    Word(&'a str),
}

impl License {
    /// Converts the license field of a package. Names that SPDX does not know are added to `named`.
    /// Returns `None` if the field is empty.
    pub fn parse(text: &str, named: &mut Named) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let mut trial = named.clone();
        let (expression, is_known) = rewrite(text, &mut trial);
        // An operator without operand or an unbalanced parenthesis: treat the whole text as a name.
        if Expression::parse_mode(&expression, MODE).is_ok() {
            *named = trial;
            return Some(Self { expression, is_known });
        }
        Some(Self { expression: named.reference(text), is_known: false })
    }
}

impl Named {
    /// Returns each reference and its text, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(reference, text)| (reference.as_str(), text.as_str()))
    }

    /// Returns the reference for this text; no other text has the same one.
    fn reference(&mut self, text: &str) -> String {
        let mut name = String::new();
        for c in text.strip_prefix("LicenseRef-").unwrap_or(text).chars() {
            match c {
                '+' => name.push_str("-plus"),
                c if c.is_ascii_alphanumeric() || c == '.' => name.push(c),
                _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
                _ => {}
            }
        }
        let mut reference = format!("LicenseRef-{}", name.trim_end_matches('-'));
        if name.is_empty() || self.0.get(&reference).is_some_and(|known| known != text) {
            let digest = Digest::of(Algorithm::Sha256, text.as_bytes()).hex();
            reference = format!("{}-{}", reference.trim_end_matches('-'), &digest[..12]);
        }
        self.0.entry(reference.clone()).or_insert_with(|| text.to_owned());
        reference
    }
}

/// Returns the text with SPDX's operators and identifiers, and whether SPDX knows all of them.
fn rewrite(text: &str, named: &mut Named) -> (String, bool) {
    let (mut expression, mut is_known) = (String::new(), true);
    let mut operand: Vec<&str> = Vec::new();
    let mut end_operand = |operand: &mut Vec<&str>, expression: &mut String| {
        if !operand.is_empty() {
            let words = operand.join(" ");
            let known = spdx_operand(operand);
            is_known &= known.is_some();
            push(expression, &known.unwrap_or_else(|| named.reference(&words)));
            operand.clear();
        }
    };
    for piece in pieces(text) {
        if !matches!(piece, Piece::Word(_)) {
            end_operand(&mut operand, &mut expression);
        }
        match piece {
            Piece::Word(word) => operand.push(word),
            Piece::Open => push(&mut expression, "("),
            Piece::Close => expression.push(')'),
            Piece::And => push(&mut expression, "AND"),
            Piece::Or => push(&mut expression, "OR"),
        }
    }
    end_operand(&mut operand, &mut expression);
    (expression, is_known)
}

fn push(expression: &mut String, word: &str) {
    if !expression.is_empty() && !expression.ends_with('(') {
        expression.push(' ');
    }
    expression.push_str(word);
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    // Parentheses become words of their own.
    let words = text.split_inclusive(['(', ')', ' ', '\t', '\n', ',', ';']).flat_map(|word| {
        let bare = word.trim_end_matches(['(', ')', ' ', '\t', '\n', ',', ';']);
        [bare, word[bare.len()..].trim()]
    });
    words.filter(|word| !word.is_empty() && *word != "," && *word != ";").map(|word| match word {
        "(" => Piece::Open,
        ")" => Piece::Close,
        _ if word.eq_ignore_ascii_case("and") => Piece::And,
        _ if word.eq_ignore_ascii_case("or") => Piece::Or,
        _ => Piece::Word(word),
    })
}

/// Returns an operand in SPDX's spelling, if it is an SPDX operand. Case does not matter (annex D
/// of the specification).
fn spdx_operand(words: &[&str]) -> Option<String> {
    let license = |word: &str| {
        let same = |id: &&'static str| id.eq_ignore_ascii_case(word);
        let listed = LICENSES.iter().map(|license| license.name).find(same).map(str::to_owned);
        listed.or_else(|| {
            let base = word.strip_suffix('+')?;
            let base = LICENSES.iter().map(|license| license.name).find(|id| id.eq_ignore_ascii_case(base))?;
            Some(format!("{base}+"))
        })
    };
    let operand = match words {
        [word] => license(word)?,
        [word, with, exception] if with.eq_ignore_ascii_case("with") => {
            let exception = EXCEPTIONS.iter().map(|listed| listed.name).find(|id| id.eq_ignore_ascii_case(exception))?;
            format!("{} WITH {exception}", license(word)?)
        }
        _ => return None,
    };
    Expression::parse_mode(&operand, MODE).is_ok().then_some(operand)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (String, bool, Vec<String>) {
        let mut named = Named::default();
        let license = License::parse(text, &mut named).unwrap();
        (license.expression, license.is_known, named.iter().map(|(id, text)| format!("{id}: {text}")).collect())
    }

    #[test]
    fn spdx_stays_as_it_is() {
        for text in [
            "MIT",
            "GPL-2.0-or-later AND (MIT OR Apache-2.0)",
            "GPL-2.0-only WITH Linux-syscall-note",
            "GPL-2.0+",
            "LGPL-2.1-or-later AND SunPro AND LicenseRef-Callaway-BSD",
        ] {
            assert_eq!(parse(text).0, text);
        }
        assert_eq!(parse("mit and zlib"), ("MIT AND Zlib".into(), true, vec![]));
        assert_eq!(parse("(gpl-2.0-only with linux-SYSCALL-note)").0, "(GPL-2.0-only WITH Linux-syscall-note)");
    }

    #[test]
    fn what_spdx_does_not_know_is_named_by_its_own_words() {
        assert_eq!(
            parse("GPLv3+ and (MIT or Public Domain)"),
            (
                "LicenseRef-GPLv3-plus AND (MIT OR LicenseRef-Public-Domain)".into(),
                false,
                vec!["LicenseRef-GPLv3-plus: GPLv3+".into(), "LicenseRef-Public-Domain: Public Domain".into()],
            )
        );
        assert_eq!(parse("GPLv2+ with exceptions").0, "LicenseRef-GPLv2-plus-with-exceptions");
        assert_eq!(parse("MIT BSD GPL2+").0, "LicenseRef-MIT-BSD-GPL2-plus");
        // Fedora's own references need an explanation too.
        assert_eq!(parse("LicenseRef-Callaway-BSD").2, ["LicenseRef-Callaway-BSD: LicenseRef-Callaway-BSD"]);
    }

    #[test]
    fn a_text_that_is_no_expression_is_one_name() {
        for (text, expression) in [
            ("MIT and", "LicenseRef-MIT-and"),
            ("(MIT", "LicenseRef-MIT"),
            ("and or", "LicenseRef-and-or"),
            ("MIT) or (BSD", "LicenseRef-MIT-or-BSD"),
        ] {
            let (found, is_known, named) = parse(text);
            assert_eq!((found.as_str(), is_known, named.len()), (expression, false, 1), "{text}");
        }
        assert_eq!(License::parse("  ", &mut Named::default()), None);
        let (found, _, named) = parse("\u{4f60}\u{597d}");
        assert!(found.starts_with("LicenseRef-") && found.len() == 23 && named.len() == 1, "{found}");
    }

    #[test]
    fn two_texts_never_share_a_name() {
        let mut named = Named::default();
        let of = |text, named: &mut Named| License::parse(text, named).unwrap().expression;
        let (first, second) = (of("Foo Bar", &mut named), of("Foo,Bar", &mut named));
        assert_eq!(first, "LicenseRef-Foo-Bar");
        assert_eq!(second, "LicenseRef-Foo-Bar", "commas only part words");
        let third = of("Foo/Bar", &mut named);
        assert_ne!(first, third);
        assert_eq!(of("Foo/Bar", &mut named), third);
        assert_eq!(named.iter().count(), 2);
    }
}
