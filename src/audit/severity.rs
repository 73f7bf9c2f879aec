//! Severities: Red Hat's four words, and the conversion from other scales.

use serde::Serialize;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For information only.
    Info,
    /// Little harm.
    Low,
    /// To be fixed when there is time.
    Moderate,
    /// To be fixed soon.
    Important,
    /// To be fixed immediately.
    Critical,
}

impl Severity {
    /// All severities, the lowest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Moderate, Self::Important, Self::Critical];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::Important => "important",
            Self::Critical => "critical",
        }
    }

    /// Returns the severity of a word of Red Hat, CVSS or GitHub.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "info" | "none" | "negligible" | "unimportant" => Self::Info,
            "low" | "minor" => Self::Low,
            "moderate" | "medium" => Self::Moderate,
            "important" | "high" | "major" => Self::Important,
            "critical" => Self::Critical,
            _ => return None,
        })
    }

    /// Returns the severity of a CVSS score (CVSS v3.1, section 5).
    pub fn of_score(score: f64) -> Self {
        match score {
            score if score >= 9.0 => Self::Critical,
            score if score >= 7.0 => Self::Important,
            score if score >= 4.0 => Self::Moderate,
            score if score > 0.0 => Self::Low,
            _ => Self::Info,
        }
    }
}

/// Returns the base score of a CVSS vector of version 3 (CVSS v3.1, section 7.1), or `None` if the
/// text is no such vector.
pub(super) fn base_score(vector: &str) -> Option<f64> {
    let mut metrics = vector.split('/');
    metrics.next().filter(|version| matches!(*version, "CVSS:3.0" | "CVSS:3.1"))?;
    let metric = |name: &str| vector.split('/').find_map(|part| part.strip_prefix(name)?.strip_prefix(':'));
    let changed = match metric("S")? {
        "U" => false,
        "C" => true,
        _ => return None,
    };
    let of = |name: &str, values: &[(&str, f64)]| {
        let value = metric(name)?;
        values.iter().find(|(word, _)| *word == value).map(|&(_, weight)| weight)
    };
    let impact = [("H", 0.56), ("L", 0.22), ("N", 0.0)];
    let lost = 1.0 - (1.0 - of("C", &impact)?) * (1.0 - of("I", &impact)?) * (1.0 - of("A", &impact)?);
    let impact = if changed { 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02).powi(15) } else { 6.42 * lost };
    let privileges = if changed { [("N", 0.85), ("L", 0.68), ("H", 0.5)] } else { [("N", 0.85), ("L", 0.62), ("H", 0.27)] };
    let exploitability = 8.22
        * of("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?
        * of("AC", &[("L", 0.77), ("H", 0.44)])?
        * of("PR", &privileges)?
        * of("UI", &[("N", 0.85), ("R", 0.62)])?;
    if impact <= 0.0 {
        return Some(0.0);
    }
    let sum = impact + exploitability;
    Some(round_up(if changed { (1.08 * sum).min(10.0) } else { sum.min(10.0) }))
}

/// Rounds up to one decimal place, with integer arithmetic (CVSS v3.1, appendix A).
fn round_up(value: f64) -> f64 {
    let whole = (value * 100_000.0).round() as i64;
    if whole % 10_000 == 0 { whole as f64 / 100_000.0 } else { (whole / 10_000 + 1) as f64 / 10.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_examples() {
        // From the examples document of CVSS v3.1.
        for (vector, score) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ] {
            let found = base_score(vector).unwrap();
            assert!((found - score).abs() < 1e-9, "{vector}: {found}");
        }
        assert_eq!(base_score("AV:N/AC:L/Au:N/C:P/I:P/A:P"), None);
        assert_eq!(base_score("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"), None);
        assert_eq!(Severity::of_score(6.9), Severity::Moderate);
    }

    #[test]
    fn words_of_all_are_understood() {
        for severity in Severity::ALL {
            assert_eq!(Severity::of_word(severity.name()), Some(severity));
        }
        assert_eq!(Severity::of_word(" HIGH"), Some(Severity::Important));
        assert_eq!(Severity::of_word("dire"), None);
    }
}
