//! The shape of a profile file, and the step from text to it.
//!
//! Nothing is judged here beyond what is wrong with one file on its own: keys, types and check ids.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, ProfileError};
use super::names::RawNames;
use super::suggest::closest;
use super::{Band, Canvas, Confidence, Edge, Kind, NamedColor, Of, Operation, Permission};
use crate::check;
use crate::units::Unit;

/// A profile's text and the name it goes by in messages.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) label: String,
    pub(super) text: Cow<'static, str>,
}

impl Document {
    /// The error for a problem at a byte range of this text.
    pub(super) fn refuse(&self, at: Option<Range<usize>>, problem: Problem) -> ProfileError {
        let line = at.map(|at| {
            let before = &self.text.as_bytes()[..at.start.min(self.text.len())];
            before.iter().filter(|byte| **byte == b'\n').count() + 1
        });
        ProfileError::new(self.label.clone(), line, problem)
    }
}

/// The checks a profile may ask for, with their units.
#[derive(Debug, Clone)]
pub(super) struct Catalog(Vec<(&'static str, Unit)>);

impl Catalog {
    /// The checks of the program.
    pub(super) fn of_program() -> Self {
        Self(check::all().map(|check| (check.id, check.unit)).collect())
    }

    #[cfg(test)]
    pub(super) fn of(checks: &[(&'static str, Unit)]) -> Self {
        Self(checks.to_vec())
    }

    /// The unit of a check, `None` when there is no such check.
    pub(super) fn unit(&self, id: &str) -> Option<Unit> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, unit)| *unit)
    }

    pub(super) fn unknown(&self, id: &str) -> Problem {
        let suggestion = closest(id, self.0.iter().map(|(known, _)| *known)).map(str::to_owned);
        Problem::UnknownCheck { id: id.to_owned(), suggestion }
    }
}

/// A file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawProfile {
    pub(super) id: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) title: RawTitle,
    pub(super) extends: Option<Spanned<String>>,
    pub(super) kind: Option<Kind>,
    pub(super) source: Option<String>,
    pub(super) confidence: Option<Confidence>,
    /// Source of the values whose confidence is `calibrated`.
    pub(super) calibrated_source: Option<String>,
    pub(super) canvas: Option<Spanned<Canvas>>,
    pub(super) names: Option<Spanned<RawNames>>,
    #[serde(default)]
    pub(super) remove: Vec<Spanned<String>>,
    pub(super) normalize: Option<Spanned<RawNormalize>>,
    #[serde(default)]
    pub(super) check: BTreeMap<Spanned<String>, RawRule>,
}

/// Keys of a profile that people write below a `[check]` line by mistake.
const TOP_KEYS: [&str; 8] = ["id", "version", "title", "extends", "kind", "calibrated-source", "canvas", "remove"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTitle {
    pub(super) zh: Spanned<String>,
    pub(super) en: Spanned<String>,
}

/// What normalizing may involve, as written, and where that comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNormalize {
    rotate: Option<Permission>,
    background: Option<Permission>,
    pad: Option<Permission>,
    enlarge: Option<Permission>,
    pub(super) source: Option<String>,
    pub(super) quote: Option<String>,
    pub(super) confidence: Option<Confidence>,
}

impl RawNormalize {
    /// The permissions that are set.
    pub(super) fn set(&self) -> impl Iterator<Item = (Operation, Permission)> {
        let of = |operation| match operation {
            Operation::Rotate => self.rotate,
            Operation::Background => self.background,
            Operation::Pad => self.pad,
            Operation::Enlarge => self.enlarge,
        };
        Operation::ALL.into_iter().filter_map(move |operation| Some((operation, of(operation)?)))
    }
}

/// A check as written: the fields of a [`Rule`](super::Rule), each present only when set here, and where they come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) fail: Option<Band>,
    pub(super) warn: Option<Band>,
    pub(super) allowed: Option<Vec<String>>,
    pub(super) colors: Option<Vec<NamedColor>>,
    pub(super) width: Option<Band>,
    pub(super) height: Option<Band>,
    pub(super) ratio: Option<Band>,
    pub(super) info: Option<bool>,
    pub(super) of: Option<Of>,
    pub(super) from: Option<Edge>,
    pub(super) source: Option<String>,
    pub(super) quote: Option<String>,
    pub(super) confidence: Option<Confidence>,
    #[serde(default)]
    pub(super) origin: RawOrigins,
}

/// Where single fields of a check come from, when not from where the check does.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOrigins {
    fail: Option<RawOrigin>,
    warn: Option<RawOrigin>,
    allowed: Option<RawOrigin>,
    colors: Option<RawOrigin>,
    width: Option<RawOrigin>,
    height: Option<RawOrigin>,
    ratio: Option<RawOrigin>,
    info: Option<RawOrigin>,
    of: Option<RawOrigin>,
    from: Option<RawOrigin>,
}

impl RawOrigins {
    /// The origins that are set, by field name.
    pub(super) fn set(&self) -> impl Iterator<Item = (&'static str, &RawOrigin)> {
        [
            ("fail", &self.fail),
            ("warn", &self.warn),
            ("allowed", &self.allowed),
            ("colors", &self.colors),
            ("width", &self.width),
            ("height", &self.height),
            ("ratio", &self.ratio),
            ("info", &self.info),
            ("of", &self.of),
            ("from", &self.from),
        ]
        .into_iter()
        .filter_map(|(field, origin)| Some((field, origin.as_ref()?)))
    }
}

/// Source and confidence of one field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOrigin {
    pub(super) source: Option<String>,
    pub(super) confidence: Option<Confidence>,
}

/// Reads one file's text.
pub(super) fn read(document: &Document, catalog: &Catalog) -> Result<RawProfile, ProfileError> {
    let table = DeTable::parse(&document.text)
        .map_err(|error| document.refuse(error.span(), Problem::Malformed(error.message().to_owned())))?;
    // Before the shapes: `[check.file.bytes]` is best explained by the id it was meant to be.
    check_ids(document, table.get_ref(), catalog)?;
    RawProfile::deserialize(toml::de::Deserializer::from(table))
        .map_err(|error| document.refuse(error.span(), explain(error.message())))
}

fn check_ids(document: &Document, table: &DeTable<'_>, catalog: &Catalog) -> Result<(), ProfileError> {
    let Some(DeValue::Table(checks)) = table.get("check").map(Spanned::get_ref) else { return Ok(()) };
    for (key, value) in checks {
        let id = key.get_ref().as_ref();
        if catalog.unit(id).is_some() {
            continue;
        }
        let inner = match value.get_ref() {
            DeValue::Table(inner) => inner.keys().map(|what| format!("{id}.{}", what.get_ref())).collect(),
            _ => Vec::new(),
        };
        let problem = match inner.into_iter().find(|whole| catalog.unit(whole).is_some()) {
            Some(whole) => Problem::UnquotedCheck { id: whole },
            None => catalog.unknown(id),
        };
        return Err(document.refuse(Some(key.span()), problem));
    }
    Ok(())
}

/// Types what serde says. Its wording of unknown fields and variants names the culprit first and then what is known,
/// all in backquotes; a test holds it to that.
fn explain(message: &str) -> Problem {
    let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
    let (field, variant) = (message.starts_with("unknown field `"), message.starts_with("unknown variant `"));
    let Some(wrong) = quoted.next().filter(|_| field || variant) else {
        return Problem::Malformed(message.to_owned());
    };
    let known: Vec<String> = quoted.collect();
    let suggestion = closest(&wrong, known.iter().map(String::as_str)).map(str::to_owned);
    if variant {
        Problem::UnknownValue { value: wrong, suggestion, known }
    } else if TOP_KEYS.contains(&wrong.as_str()) && known.iter().any(|key| key == "origin") {
        Problem::MisplacedKey { key: wrong }
    } else {
        Problem::UnknownKey { key: wrong, suggestion, known }
    }
}
