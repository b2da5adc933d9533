//! Profiles: a registry's rules as data, with the source of every value.
//!
//! A profile is a TOML file. It may extend another, and then holds only what differs. Checks it does not name are not
//! judged. Unknown keys and ids are refused with a suggestion.

mod builtin;
mod error;
mod kind;
mod load;
pub mod names;
mod raw;
mod ruler;
mod suggest;
mod validate;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Text;

pub use builtin::{builtin, builtin_ids, resolve};
pub use error::{Problem, ProfileError};
pub use kind::Kind;
#[cfg(feature = "cli")]
pub(crate) use load::NORMALIZE;
pub use load::{load_file, parse};
pub use names::{NameFormat, NameRule};
pub use ruler::{Edge, Of, Ruler};
#[cfg(any(feature = "cli", feature = "server"))]
pub(crate) use suggest::closest;
pub(crate) use words::pick;
pub use words::{FieldWords, words};

/// The size photos end up in where the source allows it, and at which positions are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Canvas {
    /// That of a profile without one: documents have no size to end up in.
    pub const NONE: Self = Self { width: 0, height: 0 };

    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
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
    /// What the numbers of a position or a length are multiples of.
    #[serde(skip_serializing_if = "is_default")]
    pub of: Of,
    /// The edge that a position is counted from.
    #[serde(skip_serializing_if = "is_default")]
    pub from: Edge,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Rule {
    /// How the check's number is read.
    pub fn ruler(&self) -> Ruler {
        Ruler { of: self.of, from: self.from }
    }
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

/// Something that normalizing a photo may involve beyond cropping and reducing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Turning the picture so that the eyes are level.
    Rotate,
    /// Replacing the background.
    Background,
    /// Extending the background beyond the picture.
    Pad,
    /// Enlarging the picture.
    Enlarge,
}

/// Whether an operation may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Wherever it helps.
    Allow,
    /// Where the caller asks for it.
    Ask,
    /// Never.
    Forbid,
}

impl Operation {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Rotate, Self::Background, Self::Pad, Self::Enlarge];

    /// Its key in a profile's `[normalize]` table.
    pub fn key(self) -> &'static str {
        match self {
            Self::Rotate => "rotate",
            Self::Background => "background",
            Self::Pad => "pad",
            Self::Enlarge => "enlarge",
        }
    }

    /// The operation in words.
    pub fn name(self) -> Text {
        match self {
            Self::Rotate => Text::new("旋转照片", "rotating the photo"),
            Self::Background => Text::new("更换背景", "replacing the background"),
            Self::Pad => Text::new("扩展背景", "extending the background"),
            Self::Enlarge => Text::new("放大照片", "enlarging the photo"),
        }
    }

    /// What holds where a profile says nothing: what leaves the person's likeness alone is allowed, the rest is asked for.
    fn unsaid(self) -> Permission {
        match self {
            Self::Rotate | Self::Background => Permission::Ask,
            Self::Pad | Self::Enlarge => Permission::Allow,
        }
    }
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
    /// What it judges.
    pub kind: Kind,
    /// The size of the photo; where `file.dimensions` accepts others too, the preferred one. Documents have none.
    pub canvas: Canvas,
    /// What normalizing may involve, where the profile says so.
    pub normalize: BTreeMap<Operation, Permission>,
    /// What files are called, when the authority says so.
    pub names: Option<NameFormat>,
    /// The rules, by check id.
    pub rules: BTreeMap<String, Rule>,
    /// Where each rule's fields come from: by check id, then by field name; those of `normalize` under that name.
    pub provenance: BTreeMap<String, BTreeMap<String, Provenance>>,
}

impl Profile {
    /// The rule for a check, `None` when the profile does not ask for it.
    pub fn rule(&self, check: &str) -> Option<&Rule> {
        self.rules.get(check)
    }

    /// Whether normalizing may involve `operation`.
    pub fn permission(&self, operation: Operation) -> Permission {
        self.normalize.get(&operation).copied().unwrap_or_else(|| operation.unsaid())
    }
}
