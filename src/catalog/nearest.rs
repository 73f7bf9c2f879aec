//! "Did you mean …": the known name nearest to an unknown one.

/// Returns the most similar name in `known`, if it is similar enough for a suggestion.
///
/// A known name that begins with `name` (`alma` for `almalinux`) or differs only in case is
/// preferred. Otherwise the smallest edit distance decides; it may be at most a third of the longer
/// name. Between equal candidates the first one in the list is returned.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = name.to_lowercase();
    known
        .into_iter()
        .filter_map(|candidate| Some((distance(&typed, &candidate.to_lowercase())?, candidate)))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Returns zero for a prefix or an equal name, and `None` if the two names differ too much.
fn distance(typed: &str, candidate: &str) -> Option<usize> {
    const SHORTEST_PREFIX: usize = 3;
    if typed == candidate || (typed.len() >= SHORTEST_PREFIX && candidate.starts_with(typed)) {
        return Some(0);
    }
    let edits = strsim::damerau_levenshtein(typed, candidate);
    let longer = typed.chars().count().max(candidate.chars().count());
    (edits * 3 <= longer).then_some(edits)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_what_was_meant() {
        let known = ["micro", "minimal", "base", "init", "default", "toolbox"];
        for (typed, meant) in [
            ("mirco", Some("micro")),
            ("minmal", Some("minimal")),
            ("tool", Some("toolbox")),
            ("BASE", Some("base")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }

    #[test]
    fn short_names_need_to_be_nearer() {
        assert_eq!(nearest("11", ["8", "9", "10", "10-kitten"]), None);
        assert_eq!(nearest("10-kiten", ["8", "9", "10", "10-kitten"]), Some("10-kitten"));
    }
}
