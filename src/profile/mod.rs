//! Profiles: a registry's rules as data, with the source of every value.
//!
//! A profile is a TOML file. It may extend another, and then holds only what differs. Checks it does not name are not
//! judged. Unknown keys and ids are refused with a suggestion.

mod builtin;
mod error;
mod load;
mod raw;
mod suggest;
mod validate;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Text;

pub use builtin::{builtin, builtin_ids, resolve};
pub use error::{Problem, ProfileError};
pub use load::{load_file, parse};
#[cfg(any(feature = "cli", feature = "server"))]
pub(crate) use suggest::closest;
pub(crate) use words::pick;
pub use words::{FieldWords, words};

/// The size photos end up in, and at which positions are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// A closed interval; an absent end is open.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Smallest value inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest value inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Band {
    /// Whether `value` lies inside.
    pub fn contains(&self, value: f64) -> bool {
        self.margin(value) >= 0.0
    }

    /// Distance of `value` to the nearer end: positive inside, negative outside, infinite without ends.
    pub fn margin(&self, value: f64) -> f64 {
        let low = self.min.map_or(f64::INFINITY, |min| value - min);
        let high = self.max.map_or(f64::INFINITY, |max| max - value);
        low.min(high)
    }

    /// Whether neither end is set.
    pub fn is_open(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }
}

/// A colour with a name, 8-bit sRGB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedColor {
    /// Stable name, such as `light-blue`.
    pub name: String,
    /// Name in Chinese.
    pub zh: String,
    /// 8-bit sRGB.
    pub rgb: [u8; 3],
}

/// The limits of one check.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Outside of this band the check fails.
    pub fail: Band,
    /// Outside of this band, but inside `fail`, the check warns.
    pub warn: Band,
    /// Words that pass, for checks whose value is a word.
    pub allowed: Vec<String>,
    /// Colours that pass (background.color).
    pub colors: Vec<NamedColor>,
    /// Accepted width in pixels (file.dimensions).
    pub width: Band,
    /// Accepted height in pixels (file.dimensions).
    pub height: Band,
    /// Accepted width over height (file.dimensions).
    pub ratio: Band,
    /// When true, the check is reported for information and its limits never reject.
    pub info: bool,
}

/// How sure a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Confidence {
    /// Several agreeing official or republished pages.
    #[serde(rename = "H")]
    High,
    /// One page naming an office or standard.
    #[serde(rename = "M")]
    Medium,
    /// Weak evidence; such values warn, never fail.
    #[serde(rename = "L")]
    Low,
    /// Ours: calibrated on photos, stated as such.
    #[serde(rename = "calibrated")]
    Calibrated,
}

/// Where a check's values come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Provenance {
    /// The profile that set them.
    pub profile: String,
    /// The document or evidence.
    pub source: String,
    /// How sure they are.
    pub confidence: Confidence,
}

/// A profile with everything it extends already merged in.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Profile {
    /// Stable name, `<authority>-<document>`.
    pub id: String,
    /// Changes whenever a value changes.
    pub version: String,
    /// Name for people.
    pub title: Text,
    /// Ids of the profiles it extends, nearest first.
    pub extends: Vec<String>,
    /// The size of the photo.
    pub canvas: Canvas,
    /// The rules, by check id.
    pub rules: BTreeMap<String, Rule>,
    /// Where each rule's fields come from: by check id, then by field name.
    pub provenance: BTreeMap<String, BTreeMap<String, Provenance>>,
}

impl Profile {
    /// The rule for a check, `None` when the profile does not ask for it.
    pub fn rule(&self, check: &str) -> Option<&Rule> {
        self.rules.get(check)
    }
}
