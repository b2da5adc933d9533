//! What the numbers of a position or a length refer to.
//!
//! Photos are measured in pixels of the canvas, from the top edge. Some authorities speak otherwise: of shares of the
//! photo, or of distances from the bottom edge. A [`Ruler`] turns the one into the other, for the judge, for the report
//! and its overlay, and back for whoever lays a frame by the limits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Band, Canvas, pick};
use crate::units::{Lang, Unit};

/// What a number is a multiple of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// Pixels of the canvas.
    #[default]
    Pixels,
    /// Hundredths of the photo's height.
    HeightPercent,
    /// Hundredths of the photo's width.
    WidthPercent,
}

/// The edge that a position is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// The upper one; numbers grow downwards.
    #[default]
    Top,
    /// The lower one; numbers grow upwards.
    Bottom,
}

/// How a position or a length is read: in which unit, and from which edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ruler {
    /// What the number is a multiple of.
    pub of: Of,
    /// The edge that a position is counted from; lengths have none and say `top`.
    pub from: Edge,
}

/// Checks whose number is a height in the photo.
const POSITIONS: [&str; 3] = ["face.head-top", "face.hairline", "face.eye-line"];

/// Checks whose number is a length in the photo.
const LENGTHS: [&str; 4] = ["face.width", "face.head-height", "face.eye-distance", "face.centering"];

/// Fields of a rule that say how its check's number is read, for checks that can be read in more than one way.
pub(super) fn fields_of(check: &str) -> Option<&'static [&'static str]> {
    if POSITIONS.contains(&check) {
        Some(&["fail", "warn", "of", "from"])
    } else if LENGTHS.contains(&check) {
        Some(&["fail", "warn", "of"])
    } else {
        None
    }
}

impl Ruler {
    /// Whether numbers are pixels of the canvas from the top edge.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The unit of what it reads, for a check whose own unit is `own`.
    pub fn unit(&self, own: Unit) -> Unit {
        if self.of == Of::Pixels { own } else { Unit::Percent }
    }

    /// What it reads at `pixels`: pixels of the canvas from its top edge, or a length in them.
    pub fn reading(&self, pixels: f64, canvas: Canvas) -> f64 {
        let from_edge = match self.from {
            Edge::Top => pixels,
            Edge::Bottom => f64::from(canvas.height) - pixels,
        };
        from_edge * self.per_pixel(canvas)
    }

    /// The pixels of the canvas, from its top edge, at which it reads `reading`.
    pub fn pixels(&self, reading: f64, canvas: Canvas) -> f64 {
        let from_edge = reading / self.per_pixel(canvas);
        match self.from {
            Edge::Top => from_edge,
            Edge::Bottom => f64::from(canvas.height) - from_edge,
        }
    }

    /// A band of readings in pixels of the canvas from its top edge. Read from the bottom, its ends change places.
    pub fn band(&self, readings: Band, canvas: Canvas) -> Band {
        let [min, max] = [readings.min, readings.max].map(|end| end.map(|end| self.pixels(end, canvas)));
        match self.from {
            Edge::Top => Band { min, max },
            Edge::Bottom => Band { min: max, max: min },
        }
    }

    /// What one pixel of the canvas is worth.
    fn per_pixel(&self, canvas: Canvas) -> f64 {
        match self.of {
            Of::Pixels => 1.0,
            Of::HeightPercent => 100.0 / f64::from(canvas.height),
            Of::WidthPercent => 100.0 / f64::from(canvas.width),
        }
    }

    /// A value that is already written with its unit, and what it is a share of.
    pub(crate) fn share(&self, value: &str, lang: Lang) -> String {
        match (self.of, lang) {
            (Of::Pixels, _) => value.to_owned(),
            (Of::HeightPercent, Lang::Zh) => format!("照片高度的{value}"),
            (Of::WidthPercent, Lang::Zh) => format!("照片宽度的{value}"),
            (Of::HeightPercent, Lang::En) => format!("{value} of the photo's height"),
            (Of::WidthPercent, Lang::En) => format!("{value} of the photo's width"),
        }
    }

    /// What is written behind limits that are read with it; empty for pixels from the top.
    pub(crate) fn remark(&self, lang: Lang) -> String {
        let of = match self.of {
            Of::Pixels => None,
            Of::HeightPercent => Some(pick(lang, "占照片高度", "of the height")),
            Of::WidthPercent => Some(pick(lang, "占照片宽度", "of the width")),
        };
        let from = (self.from == Edge::Bottom).then_some(pick(lang, "距下边沿", "from the bottom edge"));
        let parts: Vec<&str> = of.into_iter().chain(from).collect();
        match (parts.is_empty(), lang) {
            (true, _) => String::new(),
            (false, Lang::Zh) => format!("（{}）", parts.join("，")),
            (false, Lang::En) => format!(" {}", parts.join(", ")),
        }
    }
}

impl Edge {
    /// The edge in words.
    pub(crate) fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Top => pick(lang, "上边沿", "top edge"),
            Self::Bottom => pick(lang, "下边沿", "bottom edge"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CANVAS: Canvas = Canvas { width: 480, height: 640 };

    fn rulers() -> impl Iterator<Item = Ruler> {
        let units = [Of::Pixels, Of::HeightPercent, Of::WidthPercent];
        units.into_iter().flat_map(|of| [Edge::Top, Edge::Bottom].map(|from| Ruler { of, from }))
    }

    #[test]
    fn the_plain_ruler_changes_no_digit() {
        let plain = Ruler::default();
        assert!(plain.is_plain());
        for y in [0.0, 77.3, 245.000_000_1, 640.0] {
            assert_eq!((plain.reading(y, CANVAS), plain.pixels(y, CANVAS)), (y, y));
        }
    }

    #[test]
    fn shares_and_the_lower_edge_are_read_as_people_would() {
        let read = |of, from, y| Ruler { of, from }.reading(y, CANVAS);
        assert_eq!(read(Of::HeightPercent, Edge::Top, 160.0), 25.0);
        assert_eq!(read(Of::HeightPercent, Edge::Bottom, 160.0), 75.0);
        assert_eq!(read(Of::WidthPercent, Edge::Top, 120.0), 25.0);
        assert_eq!(read(Of::Pixels, Edge::Bottom, 600.0), 40.0);
    }

    #[test]
    fn only_positions_have_an_edge() {
        assert!(fields_of("face.eye-line").is_some_and(|fields| fields.contains(&"from")));
        assert!(fields_of("face.width").is_some_and(|fields| fields.contains(&"of") && !fields.contains(&"from")));
        assert_eq!(fields_of("face.roll"), None);
    }

    proptest! {
        /// Back and forth is the same place, and a value is inside of its band exactly when its pixels are.
        #[test]
        fn readings_and_pixels_agree(
            y in -100.0..800.0f64, low in -50.0..700.0f64, wide in 0.0..500.0f64, width in 1u32..2000, height in 1u32..2000,
        ) {
            let canvas = Canvas { width, height };
            for ruler in rulers() {
                let reading = ruler.reading(y, canvas);
                prop_assert!((ruler.pixels(reading, canvas) - y).abs() < 1e-6);
                for band in [
                    Band { min: Some(low), max: Some(low + wide) },
                    Band { min: Some(low), max: None },
                    Band { min: None, max: Some(low) },
                ] {
                    // Beside the ends, where rounding decides.
                    if band.margin(reading).abs() > 1e-6 {
                        prop_assert_eq!(band.contains(reading), ruler.band(band, canvas).contains(y), "{:?}", ruler);
                    }
                }
            }
        }
    }
}
