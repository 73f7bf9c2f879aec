//! Variables in the catalog's strings: `{release}`, `{arch}` and the like.

use super::error::ContentProblem;

/// The variables of a template, in lookup order.
pub(super) type Variables<'a> = [(&'static str, &'a str)];

/// Replaces each `{name}` in `template` with its value. Fails if a name is unknown or unterminated.
pub(super) fn expand(template: &str, variables: &Variables<'_>) -> Result<String, ContentProblem> {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, from_name)) = rest.split_once('{') {
        text.push_str(before);
        let value = from_name
            .split_once('}')
            .and_then(|(name, after)| Some((variables.iter().find(|(known, _)| *known == name)?.1, after)));
        let Some((value, after)) = value else {
            let variable = from_name.split('}').next().unwrap_or_default().to_owned();
            return Err(ContentProblem::Template { template: template.to_owned(), variable });
        };
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{ContentProblem, expand};

    #[test]
    fn expands() {
        let variables = [("release", "9"), ("arch", "aarch64")];
        assert_eq!(expand("{release}/BaseOS/{arch}/os/", &variables).unwrap(), "9/BaseOS/aarch64/os/");
        assert_eq!(expand("plain", &variables).unwrap(), "plain");
        for (template, variable) in [("a/{relase}/b", "relase"), ("a/{release", "release"), ("{", "")] {
            assert_eq!(
                expand(template, &variables),
                Err(ContentProblem::Template { template: template.to_owned(), variable: variable.to_owned() })
            );
        }
    }
}
