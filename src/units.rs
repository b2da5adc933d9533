//! Units, coordinates and shapes: a number never travels without its unit.
//!
//! # Coordinates
//! Every coordinate is in *original pixels*: the pixels of the decoded photo after its EXIF orientation, before any
//! resampling. The plane is continuous with its origin at the top-left **corner** of the top-left pixel, so pixel `i`
//! covers `[i, i + 1)` and its centre is `i + 0.5`. "Distance from the top edge" is therefore simply `y`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The unit of a measured value; it names the number in reports and sets how the number is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Pixels, at the profile's output size when the check is about position, else original pixels.
    Px,
    /// Degrees of arc.
    Degrees,
    /// Percent, 0 to 100.
    Percent,
    /// Kibibytes: 1 KB of the standard is read as 1024 bytes.
    Kib,
    /// Dots per inch.
    Dpi,
    /// IJG JPEG quality, 1 to 100.
    Quality,
    /// Colour difference CIEDE2000.
    DeltaE,
    /// Steps of CIELAB lightness L*, 0 to 100.
    Lightness,
    /// A ratio or index without a unit.
    Ratio,
    /// Calendar months.
    Months,
    /// How many.
    Count,
    /// A word out of a fixed set, not a number.
    Word,
}

impl Unit {
    /// Decimals a value of this unit is reported with.
    pub fn decimals(self) -> usize {
        match self {
            Unit::Count | Unit::Quality | Unit::Word => 0,
            Unit::Ratio => 3,
            Unit::Percent | Unit::Months => 2,
            _ => 1,
        }
    }

    /// The sign written behind a number.
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Px => " px",
            Unit::Degrees => "°",
            Unit::Percent => " %",
            Unit::Kib => " KB",
            Unit::Dpi => " dpi",
            Unit::DeltaE => " ΔE",
            Unit::Lightness => " L*",
            Unit::Months => " months",
            Unit::Quality | Unit::Ratio | Unit::Count | Unit::Word => "",
        }
    }

    /// The sign in `lang`, for units that are words.
    pub fn symbol_in(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Unit::Months, Lang::Zh) => " 个月",
            _ => self.symbol(),
        }
    }

    /// `value` rounded as this unit is reported.
    pub fn round(self, value: f64) -> f64 {
        let k = 10f64.powi(self.decimals() as i32);
        (value * k).round() / k
    }

    /// `value` with the decimals of this unit, without trailing zeros, and without the symbol.
    pub fn format(self, value: f64) -> String {
        let rounded = self.round(value);
        let rounded = if rounded == 0.0 { 0.0 } else { rounded };
        format!("{rounded}")
    }
}

/// A point in original pixels; see the [module](self) for the convention.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f64,
    /// Pixels from the top edge.
    pub y: f64,
}

impl Point {
    /// A point from its coordinates in pixels.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// The point halfway to `other`.
    pub fn midpoint(self, other: Self) -> Self {
        Self::new((self.x + other.x) / 2.0, (self.y + other.y) / 2.0)
    }

    /// Euclidean distance to `other`, in pixels.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// An axis-parallel rectangle in original pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
}

impl Rect {
    /// A rectangle from its left, top, right and bottom edges.
    pub fn from_edges(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { x: left, y: top, width: right - left, height: bottom - top }
    }

    /// Right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The centre.
    pub fn center(&self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Area of the overlap with `other` over the area of the union, 0 to 1.
    pub fn iou(&self, other: &Self) -> f64 {
        let w = (self.right().min(other.right()) - self.x.max(other.x)).max(0.0);
        let h = (self.bottom().min(other.bottom()) - self.y.max(other.y)).max(0.0);
        let both = w * h;
        both / (self.width * self.height + other.width * other.height - both).max(f64::MIN_POSITIVE)
    }
}

/// The part of a photo a finding is about, for drawing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "shape", rename_all = "kebab-case")]
pub enum Region {
    /// A rectangle.
    Rect(Rect),
    /// A closed polygon.
    Polygon {
        /// Corners in order.
        points: Vec<Point>,
    },
    /// A straight line.
    Line {
        /// One end.
        from: Point,
        /// The other end.
        to: Point,
    },
}

/// A sentence in both languages the program speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Text {
    /// A text from its Chinese and English wording.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The wording in `lang`.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_by_unit() {
        assert_eq!(Unit::Px.format(286.6543), "286.7");
        assert_eq!(Unit::Px.format(-0.01), "0");
        assert_eq!(Unit::Quality.format(59.6), "60");
        assert_eq!(Unit::Ratio.format(0.01549), "0.015");
    }

    #[test]
    fn units_that_are_words_are_translated() {
        assert_eq!((Unit::Months.symbol_in(Lang::Zh), Unit::Months.symbol_in(Lang::En)), (" 个月", " months"));
        assert_eq!(Unit::Px.symbol_in(Lang::Zh), Unit::Px.symbol());
    }

    #[test]
    fn iou_of_a_rectangle_with_itself_is_one() {
        let r = Rect::from_edges(1.0, 2.0, 5.0, 9.0);
        assert!((r.iou(&r) - 1.0).abs() < 1e-12);
        assert_eq!(r.iou(&Rect::from_edges(6.0, 2.0, 7.0, 9.0)), 0.0);
    }
}
