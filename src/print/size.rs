//! Sizes of prints and of paper.

use std::fmt;
use std::str::FromStr;

use super::{DPI, INCH, pixels};
use crate::profile::{Profile, closest};

/// Sizes with a name, in millimetres, as photo studios use them.
const NAMED: [(&str, u32, u32); 6] = [
    ("1-inch", 25, 35),
    ("small-1-inch", 22, 32),
    ("large-1-inch", 33, 48),
    ("2-inch", 35, 49),
    ("small-2-inch", 35, 45),
    ("large-2-inch", 35, 53),
];

/// Smallest and largest side of a print in millimetres.
const SIDES: std::ops::RangeInclusive<f64> = 10.0..=300.0;

/// The size of a print, to a tenth of a millimetre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width in tenths of a millimetre.
    width: u32,
    /// Height in tenths of a millimetre.
    height: u32,
}

/// Why a size is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Neither a name nor two numbers.
    #[error("`{text}` is no size{}; write WIDTHxHEIGHT in millimetres, such as 35x49, or one of {}", suggestion.as_ref().map_or_else(String::new, |s| format!(" (did you mean `{s}`?)")), names())]
    Unknown {
        /// What was written.
        text: String,
        /// The nearest name.
        suggestion: Option<String>,
    },
    /// Sides that no print has.
    #[error("a print of {width}x{height} mm: each side must be {} to {} mm", SIDES.start(), SIDES.end())]
    OutOfRange {
        /// Width in millimetres as written.
        width: String,
        /// Height in millimetres as written.
        height: String,
    },
}

fn names() -> String {
    NAMED.map(|(name, width, height)| format!("{name} ({width}x{height})")).join(", ")
}

impl Size {
    /// The size of a profile's canvas: at the density that the profile asks for, when it names one, else at [`DPI`].
    pub fn of_profile(profile: &Profile) -> Self {
        let band = profile.rule("file.density").map(|rule| rule.fail);
        let named = band.and_then(|band| band.min.zip(band.max)).filter(|(min, max)| max - min < 2.0);
        let dpi = named.map_or(f64::from(DPI), |(min, max)| f64::midpoint(min, max));
        let tenths = |pixels: u32| (f64::from(pixels) / dpi.max(1.0) * INCH * 10.0).round() as u32;
        Self { width: tenths(profile.canvas.width), height: tenths(profile.canvas.height) }
    }

    /// Width and height in pixels at [`DPI`].
    pub fn pixels(self) -> (u32, u32) {
        (pixels(f64::from(self.width) / 10.0), pixels(f64::from(self.height) / 10.0))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{} mm", f64::from(self.width) / 10.0, f64::from(self.height) / 10.0)
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_lowercase();
        if let Some(&(_, width, height)) = NAMED.iter().find(|(name, ..)| *name == lower) {
            return Ok(Self { width: 10 * width, height: 10 * height });
        }
        let unknown = || SizeError::Unknown {
            text: text.to_owned(),
            suggestion: closest(&lower, NAMED.map(|(name, ..)| name)).map(str::to_owned),
        };
        let (width, height) =
            lower.strip_suffix("mm").unwrap_or(&lower).split_once(['x', '×', '*']).ok_or_else(unknown)?;
        let (width, height) = (width.trim(), height.trim());
        let side = |side: &str| side.parse::<f64>().map_err(|_| unknown());
        let (w, h) = (side(width)?, side(height)?);
        if !(SIDES.contains(&w) && SIDES.contains(&h)) {
            return Err(SizeError::OutOfRange { width: width.to_owned(), height: height.to_owned() });
        }
        let tenths = |side: f64| (side * 10.0).round() as u32;
        Ok(Self { width: tenths(w), height: tenths(h) })
    }
}

/// Photo paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Paper {
    /// 127 x 88.9 mm
    #[value(name = "5-inch")]
    FiveInch,
    /// 152.4 x 101.6 mm
    #[value(name = "6-inch")]
    SixInch,
}

impl Paper {
    /// Width and height in pixels at [`DPI`], lying.
    pub fn pixels(self) -> (u32, u32) {
        match self {
            Self::FiveInch => (1500, 1050),
            Self::SixInch => (1800, 1200),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::builtin;

    #[test]
    fn names_and_numbers_give_the_pixels_that_studios_state() {
        for (text, size) in [
            ("1-inch", (295, 413)),
            ("small-1-inch", (260, 378)),
            ("large-1-inch", (390, 567)),
            ("2-inch", (413, 579)),
            ("small-2-inch", (413, 531)),
            ("large-2-inch", (413, 626)),
            ("35x49", (413, 579)),
            ("35 × 49 mm", (413, 579)),
            ("35.5*50mm", (419, 591)),
        ] {
            assert_eq!(text.parse::<Size>().map(Size::pixels), Ok(size), "{text}");
        }
    }

    #[test]
    fn odd_sizes_are_refused_with_what_was_meant() {
        let said = |text: &str| text.parse::<Size>().expect_err(text).to_string();
        assert!(said("2-inches").contains("did you mean `2-inch`?"), "{}", said("2-inches"));
        assert!(said("35").contains("such as 35x49") && said("35xNaNmm").contains("10 to 300 mm"));
        for odd in ["0x10", "35x-49", "35x1e9", "infx35"] {
            assert!(said(odd).contains("10 to 300 mm"), "{odd}: {}", said(odd));
        }
    }

    #[test]
    fn a_profile_is_as_large_as_its_canvas_at_its_density() {
        for (id, size) in [
            ("hubei-print", "35x49 mm"),
            ("hubei-print-35x53", "35x53 mm"),
            ("id-card-ga461", "26x32 mm"),
            ("us-visa", "50.8x50.8 mm"),
            ("exit-entry", "40.6x54.2 mm"),
        ] {
            let profile = builtin(id).expect(id);
            assert_eq!(Size::of_profile(&profile).to_string(), size, "{id}");
        }
        assert_eq!(Size::of_profile(&builtin("hubei-print").expect("loads")).pixels(), (413, 579));
    }
}
