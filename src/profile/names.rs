//! What the files of a registry are called: the `[names]` table of a profile.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Confidence;

/// How file names are made, without their ending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NameRule {
    /// The 18 characters of a resident's identity number (GB 11643-1999).
    IdNumber,
    /// Twelve digits, the number of admission to an examination.
    AdmissionNumber,
    /// One of these numbers and the name, with `+`, `-`, `_` or a space between, or nothing.
    NumberName,
    /// Whatever [`NameFormat::pattern`] matches.
    Pattern,
}

/// The rule of a profile for the names of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NameFormat {
    /// How names are made.
    pub rule: NameRule,
    /// A regular expression over the whole name; its groups `number` and `name` say what is what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The document or evidence.
    pub source: String,
    /// How sure it is.
    pub confidence: Confidence,
}

/// A `[names]` table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNames {
    pub(super) rule: NameRule,
    pub(super) pattern: Option<String>,
    pub(super) source: Option<String>,
    pub(super) confidence: Option<Confidence>,
}

/// Compiles a pattern, so that it matches the whole name only.
///
/// # Errors
/// In words, why it is no pattern for names.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let whole = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())?;
    if whole.capture_names().flatten().any(|group| group == "number" || group == "name") {
        Ok(whole)
    } else {
        Err("it needs a group (?<number>...) or (?<name>...)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Profile, ProfileError, parse};

    fn with_names(table: &str) -> Result<Profile, ProfileError> {
        parse(&format!(
            "id = \"county-graduation\"\nversion = \"1\"\ntitle = {{ zh = \"县\", en = \"county\" }}\n\
             extends = \"zikao-graduation\"\n[names]\n{table}"
        ))
    }

    #[test]
    fn a_rule_for_names_has_its_source() {
        let names =
            with_names("rule = \"number-name\"\nsource = \"letter\"\nconfidence = \"M\"").unwrap().names.unwrap();
        assert_eq!((names.rule, names.source.as_str()), (NameRule::NumberName, "letter"));
        assert_eq!(with_names("rule = \"number-name\"").unwrap_err().line(), Some(5));
    }

    #[test]
    fn a_rule_that_tests_nothing_is_refused() {
        let known = "source = \"letter\"\nconfidence = \"M\"\n";
        for (rule, said) in [
            ("rule = \"pattern\"", "needs a `pattern`"),
            ("rule = \"pattern\"\npattern = \"[0-9]+\"", "(?<number>...)"),
            ("rule = \"pattern\"\npattern = \"(?<number>\"", "unclosed"),
            ("rule = \"id-number\"\npattern = \"(?<number>.)\"", "needs rule"),
            ("rule = \"id-numbers\"", "did you mean `id-number`"),
        ] {
            let error = with_names(&format!("{known}{rule}")).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
