//! EXIF fields that matter, read with kamadak-exif.

use exif::{Exif, In, Reader, Tag, Value};
use jiff::civil::Date;

/// Longest text kept of a field, in characters; cameras write far less.
const MAX_TEXT: usize = 128;

/// What EXIF says, without position or serial numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExifFacts {
    /// Whether the file has an EXIF block at all.
    pub present: bool,
    /// Orientation tag 274, 1 to 8.
    pub orientation: Option<u16>,
    /// DateTimeOriginal (36867) as written.
    pub captured: Option<String>,
    /// Software (305).
    pub software: Option<String>,
    /// Density from 282/283/296, dots per inch.
    pub density: Option<(f64, f64)>,
}

impl ExifFacts {
    /// Whether the orientation turns the photo on its side.
    pub fn swaps_sides(&self) -> bool {
        matches!(self.orientation, Some(5..=8))
    }

    /// The day of capture. `None` when none is stated, which EXIF writes as zeros or blanks too; `Some(None)` when what
    /// is stated is no date.
    pub fn capture_day(&self) -> Option<Option<Date>> {
        let written = self.captured.as_deref()?;
        let known = written.contains(|c: char| c.is_ascii_digit() && c != '0');
        known.then(|| {
            let day = written.get(..10)?.replace(['-', '/', '.'], ":");
            Date::strptime("%Y:%m:%d", day).ok()
        })
    }

    /// The facts of an EXIF block that begins with its TIFF header. What cannot be read is left out.
    pub(super) fn read(block: &[u8]) -> Self {
        let facts = parse(block).map(|exif| Self::of(&exif)).unwrap_or_default();
        Self { present: true, ..facts }
    }

    /// The facts of parsed EXIF.
    pub(super) fn of(exif: &Exif) -> Self {
        let orientation = number(exif, Tag::Orientation).and_then(|value| u16::try_from(value).ok());
        Self {
            present: true,
            orientation: orientation.filter(|value| (1..=8).contains(value)),
            captured: text(exif, Tag::DateTimeOriginal),
            software: text(exif, Tag::Software),
            density: density(exif),
        }
    }
}

/// Parses a TIFF structure, keeping what is readable of a damaged one. kamadak-exif bounds the directories it follows;
/// a panic inside it is taken for an unreadable block.
pub(super) fn parse(block: &[u8]) -> Option<Exif> {
    let owned = block.to_vec();
    std::panic::catch_unwind(move || {
        let read = Reader::new().continue_on_error(true).read_raw(owned);
        read.or_else(|error| error.distill_partial_result(drop)).ok()
    })
    .ok()?
}

/// The first number of a field of the main image.
pub(super) fn number(exif: &Exif, tag: Tag) -> Option<u32> {
    exif.get_field(tag, In::PRIMARY)?.value.get_uint(0)
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let Value::Ascii(parts) = &exif.get_field(tag, In::PRIMARY)?.value else { return None };
    let text = String::from_utf8_lossy(parts.first()?);
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// XResolution and YResolution in the unit of ResolutionUnit: 2 inch (the default), 3 centimetre, 1 none.
fn density(exif: &Exif) -> Option<(f64, f64)> {
    let scale = match number(exif, Tag::ResolutionUnit) {
        None | Some(2) => 1.0,
        Some(3) => 2.54,
        Some(_) => return None,
    };
    let axis = |tag| match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Rational(values) => values.first().map(|value| value.to_f64() * scale),
        _ => None,
    };
    let (x, y) = (axis(Tag::XResolution)?, axis(Tag::YResolution)?);
    (x.is_finite() && y.is_finite() && x > 0.0 && y > 0.0).then_some((x, y))
}

/// A little-endian EXIF block with one directory of `(tag, type, count, value or offset)` entries and `rest` behind it,
/// at offset `10 + 12 * entries + 4`.
#[cfg(test)]
pub(super) fn block(entries: &[(u16, u16, u32, u32)], rest: &[u8]) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend((entries.len() as u16).to_le_bytes());
    for &(tag, kind, count, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    out.extend(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read() {
        let at = 8 + 2 + 4 * 12 + 4;
        let mut rest = Vec::new();
        rest.extend([118u32, 1, 118, 1].map(u32::to_le_bytes).concat());
        rest.extend(b"Editor 1.0\0");
        let bytes = block(&[(274, 3, 1, 6), (282, 5, 1, at), (283, 5, 1, at + 8), (296, 3, 1, 3)], &rest);
        let facts = ExifFacts::read(&bytes);
        assert_eq!((facts.present, facts.orientation, facts.swaps_sides()), (true, Some(6), true));
        assert!((facts.density.expect("stated").0 - 299.72).abs() < 1e-9);
        let at = 8 + 2 + 12 + 4;
        let named = block(&[(305, 2, 11, at)], b"Editor 1.0\0");
        assert_eq!(ExifFacts::read(&named).software.as_deref(), Some("Editor 1.0"));
    }

    #[test]
    fn the_day_of_capture_is_read_as_cameras_write_it() {
        let of = |written: &str| ExifFacts { captured: Some(written.to_owned()), ..ExifFacts::default() }.capture_day();
        let day = Some(Some(jiff::civil::date(2025, 6, 30)));
        assert_eq!(of("2025:06:30 08:15:00"), day);
        assert_eq!(of("2025-06-30T08:15:00"), day);
        assert_eq!(of("0000:00:00 00:00:00"), None);
        for odd in ["2025:02:30 08:15:00", "yesterday at 5", "2025", "二〇二五年5月"] {
            assert_eq!(of(odd), Some(None), "{odd}");
        }
        assert_eq!(ExifFacts::default().capture_day(), None);
    }

    #[test]
    fn nonsense_is_no_fact() {
        for bytes in [&b""[..], b"II*\0", b"no exif at all", &block(&[(274, 3, 1, 9)], &[])] {
            let facts = ExifFacts::read(bytes);
            assert_eq!(facts, ExifFacts { present: true, ..ExifFacts::default() });
        }
        // A directory that names itself as the next one.
        let mut circle = block(&[(274, 3, 1, 3)], &[]);
        let end = circle.len();
        circle[end - 4] = 8;
        assert_eq!(ExifFacts::read(&circle).orientation, Some(3));
    }
}
