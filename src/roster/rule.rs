//! From a file's name to a number and a name.

use regex::{Captures, Regex};

use super::id_number::id_fault;
use crate::profile::{NameFormat, NameRule, names};
use crate::units::Text;

/// A number, and what may stand between it and the name.
const NUMBER_NAME: &str =
    r"(?<number>\d{17}[\dXx]|\d{12})[+＋_\- ]?(?<name>[\p{Han}·•]{2,}|\p{Latin}[\p{Latin} .'\-]+)";
/// Number or name, wherever they stand, for offices that have no rule.
const LOOSE: &str = r"(?<number>\d{17}[\dXx]|\d{4,})|(?<name>\p{Han}[\p{Han}·•]+)";

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The number, with a capital X.
    pub number: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// How the name breaks the rule.
    pub problem: Option<Text>,
}

/// Reads file names by a rule.
#[derive(Debug, Clone)]
pub struct Reader {
    rule: Option<NameRule>,
    pattern: Regex,
}

impl Reader {
    /// A reader by the rule of a profile.
    ///
    /// # Errors
    /// In words, when a pattern does not compile; those of loaded profiles do.
    pub fn of(format: &NameFormat) -> Result<Self, String> {
        Self::new(format.rule.clone(), format.pattern.as_deref())
    }

    /// A reader by what a user named: the word of a rule, or a pattern.
    ///
    /// # Errors
    /// In words, why the text is no pattern.
    pub fn named(text: &str) -> Result<Self, String> {
        match text {
            "id-number" => Self::new(NameRule::IdNumber, None),
            "admission-number" => Self::new(NameRule::AdmissionNumber, None),
            "number-name" => Self::new(NameRule::NumberName, None),
            pattern => Self::new(NameRule::Pattern, Some(pattern)),
        }
    }

    /// A reader that takes the first number and the first name it finds, and finds no fault with any file name.
    ///
    /// # Errors
    /// Never: the pattern is the program's own.
    pub fn loose() -> Result<Self, String> {
        Ok(Self { rule: None, pattern: Regex::new(LOOSE).map_err(|error| error.to_string())? })
    }

    fn new(rule: NameRule, pattern: Option<&str>) -> Result<Self, String> {
        let pattern = match rule {
            NameRule::IdNumber => r"(?<number>\d{17}[\dXx])",
            NameRule::AdmissionNumber => r"(?<number>\d{12})",
            NameRule::NumberName => NUMBER_NAME,
            NameRule::Pattern => pattern.unwrap_or_default(),
        };
        Ok(Self { pattern: names::compile(pattern)?, rule: Some(rule) })
    }

    /// Reads the name of a file without its ending.
    pub fn read(&self, stem: &str) -> Reading {
        let Some(rule) = &self.rule else {
            let all: Vec<_> = self.pattern.captures_iter(stem).collect();
            let first = |name| all.iter().find_map(|groups| group(groups, name));
            return Reading { number: first("number").map(|n| n.to_uppercase()), name: first("name"), problem: None };
        };
        let Some(groups) = self.pattern.captures(stem) else {
            return Reading { problem: Some(expected(rule)), ..Reading::default() };
        };
        let number = group(&groups, "number").map(|number| number.to_uppercase());
        let is_id = *rule != NameRule::Pattern && number.as_ref().is_some_and(|number| number.len() == 18);
        let problem = number.as_deref().filter(|_| is_id).and_then(id_fault).map(|fault| fault.text());
        Reading { number, name: group(&groups, "name"), problem }
    }
}

fn group(groups: &Captures<'_>, name: &str) -> Option<String> {
    groups.name(name).map(|found| found.as_str().trim().to_owned())
}

/// What the name should have been.
fn expected(rule: &NameRule) -> Text {
    match rule {
        NameRule::IdNumber => {
            Text::new("文件名应为 18 位身份证号", "the file name should be an ID number of 18 characters")
        }
        NameRule::AdmissionNumber => {
            Text::new("文件名应为 12 位准考证号", "the file name should be an admission number of 12 digits")
        }
        NameRule::NumberName => Text::new(
            "文件名应为准考证号（12 位）或身份证号（18 位）加姓名",
            "the file name should be an admission number (12 digits) or ID number (18 characters) and the person's name",
        ),
        NameRule::Pattern => Text::new("文件名不符合指定的格式", "the file name does not match the pattern"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(rule: &str, stem: &str) -> (Option<String>, Option<String>, bool) {
        let Reading { number, name, problem } = Reader::named(rule).unwrap().read(stem);
        (number, name, problem.is_none())
    }

    fn found(number: &str, name: &str, fine: bool) -> (Option<String>, Option<String>, bool) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (some(number), some(name), fine)
    }

    #[test]
    fn names_are_read_by_each_rule() {
        assert_eq!(reading("id-number", "11010519491231002x"), found("11010519491231002X", "", true));
        assert_eq!(reading("id-number", "110105194912310021"), found("110105194912310021", "", false));
        assert_eq!(reading("id-number", "张三"), found("", "", false));
        assert_eq!(reading("admission-number", "012345678901"), found("012345678901", "", true));
        assert_eq!(reading("admission-number", "0123456789012"), found("", "", false));
        for stem in ["012345678901张三", "012345678901+张三", "012345678901_张三", "012345678901 张三"] {
            assert_eq!(reading("number-name", stem), found("012345678901", "张三", true), "{stem}");
        }
        assert_eq!(reading("number-name", "012345678901-Li Lei").1.as_deref(), Some("Li Lei"));
        assert_eq!(reading("number-name", "012345678901"), found("", "", false));
        assert_eq!(reading(r"(?<number>Z\d+)-.*", "Z12-x"), found("Z12", "", true));
    }

    #[test]
    fn a_pattern_without_groups_is_refused() {
        assert!(Reader::named(r"\d+").is_err_and(|why| why.contains("number")));
        assert!(Reader::named("(").is_err());
    }

    #[test]
    fn without_a_rule_what_is_there_is_taken() {
        let reader = Reader::loose().unwrap();
        for (stem, number, name) in [
            ("012345678901", Some("012345678901"), None),
            ("张三", None, Some("张三")),
            ("012345678901张三", Some("012345678901"), Some("张三")),
            ("张三_012345678901", Some("012345678901"), Some("张三")),
            ("2班-11010519491231002X-李四", Some("11010519491231002X"), Some("李四")),
            ("IMG", None, None),
        ] {
            let reading = reader.read(stem);
            assert_eq!((reading.number.as_deref(), reading.name.as_deref()), (number, name), "{stem}");
            assert_eq!(reading.problem, None);
        }
    }
}
