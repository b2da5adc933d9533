//! The checks: one file a family, each check declared in one place with its words, its measurement and its tests.
//!
//! A check turns [`Facts`] into a [`Measured`] value; it never decides whether the value is good. Limits come from the
//! [profile](crate::profile), the decision from [`judge`](crate::judge). To add a check: write it in its family file,
//! add it to that family's `CHECKS` slice, and give it limits in the profiles that ask for it.

pub mod accessories;
pub mod background;
pub mod clothes;
pub mod cover;
pub mod document;
pub mod explain;
pub mod eyes;
pub mod face;
pub mod file;
pub mod frame;
pub mod glasses;
pub mod image;
pub mod light;
pub mod mouth;
pub mod shoulders;

#[cfg(test)]
mod drawn;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{Facts, Missing};
use crate::profile::Rule;
use crate::units::{Rect, Region, Text, Unit};

/// What mends a failing check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// Re-encoding, density, crop, scale or padding mends it without touching what the standard protects.
    Auto,
    /// Software can mend it, but only where profile or caller allow (replacing the background, rotating).
    AutoIfAllowed,
    /// A new photo has to be taken.
    Retake,
}

/// When a [`Say`] applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The value is inside all limits.
    Ok,
    /// The value is below a limit.
    Low,
    /// The value is above a limit.
    High,
    /// A case the measurement names ([`Measured::case`]), such as `"truncated"`.
    Case(&'static str),
}

/// One message of a check with its hint, in both languages.
///
/// Placeholders: `{value}`, `{size}` (the value without its sign), `{min}`, `{max}`, `{by}` (distance to the limit) come
/// with their unit; `{edge}` is the edge that a position is counted from; `{allowed}` is the profile's list; any other
/// `{name}` is taken from [`Measured::details`].
#[derive(Debug, Clone, Copy)]
pub struct Say {
    /// When it is said.
    pub when: When,
    /// What was found, in Chinese.
    pub zh: &'static str,
    /// What was found, in English.
    pub en: &'static str,
    /// What to do about it, in Chinese; empty when nothing is to be done.
    pub hint_zh: &'static str,
    /// What to do about it, in English; empty when nothing is to be done.
    pub hint_en: &'static str,
}

/// A [`Say`] in one line.
pub(crate) const fn say(
    when: When,
    zh: &'static str,
    en: &'static str,
    hint_zh: &'static str,
    hint_en: &'static str,
) -> Say {
    Say { when, zh, en, hint_zh, hint_en }
}

/// A check: its words, its place in the standard, and how it is measured.
#[derive(Debug)]
pub struct Check {
    /// Stable name, `family.what`; never changes meaning once released.
    pub id: &'static str,
    /// Short name in Chinese.
    pub title_zh: &'static str,
    /// Short name in English.
    pub title_en: &'static str,
    /// The sentence of the standard behind it, quoted; empty when the check is ours.
    pub standard: &'static str,
    /// How it is measured, in English, with the source of the method.
    pub method: &'static str,
    /// What it cannot see, in English.
    pub blind: &'static str,
    /// Unit of the value.
    pub unit: Unit,
    /// What mends it.
    pub fix: Fix,
    /// Ids of checks whose condition, where they warn or fail, hides what this one measures: dark lenses hide whether the
    /// eyes are open. It is then undetermined and names the first of them. A blocker is not itself blocked.
    pub blocked_by: &'static [&'static str],
    /// All its messages. At least one [`When::Ok`] and one other.
    pub says: &'static [Say],
    /// The measurement.
    pub measure: fn(&Facts<'_>, &Rule) -> Result<Measured, Missing>,
}

/// The value of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number in the check's unit.
    Number(f64),
    /// A word, tested against the profile's `allowed` list.
    Word(String),
}

/// What a check measured on one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The value that is reported.
    pub value: Value,
    /// Further numbers the same limits hold for (each eye beside their mean). The worst of all decides.
    pub others: Vec<f64>,
    /// The case that picks the message; `None` lets the side of the broken limit pick it.
    pub case: Option<&'static str>,
    /// Facts for the message's placeholders.
    pub details: Vec<(&'static str, String)>,
    /// Where on the photo.
    pub region: Option<Region>,
    /// The status, where limits on one number cannot express it (a size needs both sides); `None` lets the limits decide.
    pub status: Option<Status>,
    /// When true, the strongest status is [`Status::Warn`]: the measurement itself knows that it is unsure.
    pub unsure: bool,
}

impl Measured {
    /// A number, judged by the profile's limits.
    pub fn number(value: f64) -> Self {
        Self::new(Value::Number(value))
    }

    /// A word, judged by the profile's `allowed` list.
    pub fn word(value: impl Into<String>) -> Self {
        Self::new(Value::Word(value.into()))
    }

    fn new(value: Value) -> Self {
        Self { value, others: Vec::new(), case: None, details: Vec::new(), region: None, status: None, unsure: false }
    }

    /// Adds the case that picks the message.
    pub fn case(mut self, case: &'static str) -> Self {
        self.case = Some(case);
        self
    }

    /// Adds a fact for the message.
    pub fn detail(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.push((name, value.to_string()));
        self
    }

    /// Adds the place on the photo.
    pub fn at(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Sets the status, instead of leaving it to the limits.
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds numbers the same limits hold for.
    pub fn and(mut self, others: impl IntoIterator<Item = f64>) -> Self {
        self.others.extend(others);
        self
    }

    /// Adds the box on the photo when there is one.
    pub fn within(mut self, region: Option<Rect>) -> Self {
        self.region = region.map(Region::Rect);
        self
    }

    /// Marks the measurement as unsure: it can warn, but never fail.
    pub fn unsure_if(mut self, unsure: bool) -> Self {
        self.unsure |= unsure;
        self
    }
}

/// What the judge says of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Inside all limits.
    Pass,
    /// Could not be measured on this photo; a person has to look.
    Undetermined,
    /// Outside a limit that calls for a look, not for a rejection.
    Warn,
    /// Breaks the rule.
    Fail,
}

/// The families in the order reports list them.
pub static FAMILIES: &[&[Check]] = &[
    file::CHECKS,
    face::CHECKS,
    glasses::CHECKS,
    cover::CHECKS,
    eyes::CHECKS,
    mouth::CHECKS,
    accessories::CHECKS,
    shoulders::CHECKS,
    background::CHECKS,
    clothes::CHECKS,
    light::CHECKS,
    image::CHECKS,
    frame::CHECKS,
    document::CHECKS,
];

/// All checks, in report order.
pub fn all() -> impl Iterator<Item = &'static Check> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The check named `id`.
pub fn find(id: &str) -> Option<&'static Check> {
    all().find(|check| check.id == id)
}

impl Check {
    /// The short name in both languages.
    pub fn title(&self) -> Text {
        Text::new(self.title_zh, self.title_en)
    }

    /// The message for `when`; a case without its own message falls back to any that is not [`When::Ok`].
    pub fn say(&self, when: When) -> &'static Say {
        self.says
            .iter()
            .find(|say| say.when == when)
            .or_else(|| self.says.iter().find(|say| (say.when == When::Ok) == (when == When::Ok)))
            .unwrap_or(&self.says[0])
    }
}

/// The same of a picture of a document.
pub static NEVER_CHECKED_OF_DOCUMENTS: &[(&str, &str, &str)] = &[
    (
        "content",
        "内容是否属实、是否为要求的证件：本程序不读取文字",
        "whether it is the document asked for and what it says: this program reads no text",
    ),
    ("genuine", "原件真伪：软件无法从图片判断", "whether the original is genuine: no software can tell from a picture"),
];

/// What no software can tell from one photo; always listed in a report, so that nobody reads silence as a pass.
pub static NEVER_CHECKED: &[(&str, &str, &str)] = &[
    ("mirrored", "是否镜像：没有参照照片，软件无法判断", "whether the photo is mirrored: no reference to compare with"),
    (
        "identity",
        "是否本人：本程序不做身份识别",
        "whether it is the right person: this program does not identify people",
    ),
    ("contact-lenses", "是否佩戴美瞳：照片上无法可靠判断", "coloured contact lenses: not reliably visible in a photo"),
    ("make-up", "是否化浓妆：照片上无法可靠判断", "make-up: not reliably told from natural skin"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_check_is_whole() {
        let mut seen = HashSet::new();
        for check in all() {
            assert!(seen.insert(check.id), "{} is declared twice", check.id);
            let (family, what) = check.id.split_once('.').expect("an id is family.what");
            assert!(!family.is_empty() && what.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", check.id);
            for (name, text) in [("title_zh", check.title_zh), ("title_en", check.title_en), ("method", check.method)] {
                assert!(!text.trim().is_empty(), "{}: {name} is empty", check.id);
            }
            for blocker in check.blocked_by {
                let known = find(blocker).is_some_and(|blocker| blocker.blocked_by.is_empty());
                assert!(known, "{} is blocked by {blocker}, which is unknown or blocked itself", check.id);
            }
            assert!(check.says.iter().any(|say| say.when == When::Ok), "{} never says it is fine", check.id);
            assert!(check.says.iter().any(|say| say.when != When::Ok), "{} never says what is wrong", check.id);
            for say in check.says {
                assert!(!say.zh.is_empty() && !say.en.is_empty(), "{}: {:?} lacks a language", check.id, say.when);
                assert_eq!(say.hint_zh.is_empty(), say.hint_en.is_empty(), "{}: {:?} hint", check.id, say.when);
            }
        }
    }
}
