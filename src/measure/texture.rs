//! The fine texture of skin: pores and their shade, which a smoothing filter takes away first.

use fearless_simd::{Level, dispatch};
use image::RgbImage;

use super::plane::{Plane, quantile};
use super::skin::{Part, SkinMap};
use crate::face::Face;

/// Width of the face, in pixels, that larger photos are brought down to: that of a 480x640 graduation photo.
const FACE_WIDTH: f64 = 230.0;
/// Faces narrower than this, in pixels, show no texture: their pores are finer than the pixels.
const MIN_FACE_WIDTH: f64 = 150.0;
/// Samples over the face's width, about five pixels apart.
const SAMPLES: f64 = 46.0;
/// Patches of skin that have to be seen.
const ENOUGH: usize = 40;
/// Half of the window that is subtracted, and of the patch that is averaged over, in pixels.
const WINDOW: usize = 2;
const PATCH: usize = 5;

/// Mean deviation of the luma, in steps of 0 to 255, from the mean of the 5x5 pixels around: the median over patches of
/// bare skin. It takes in texture up to five pixels, which JPEG keeps when noise is long gone; so it needs no background
/// to compare with, which in these photos is often replaced and has no noise at all.
///
/// `None` when the face is too small or too little of its skin is in the photo.
pub fn of_skin(rgb: &RgbImage, face: &Face) -> Option<f64> {
    if !(face.width() >= MIN_FACE_WIDTH) {
        return None;
    }
    let map = SkinMap::of(rgb, face, SAMPLES)?;
    let factor = (FACE_WIDTH / face.width()).min(1.0);
    let bounds = face.bounds();
    let plane = Plane::luma(rgb, bounds)?.shrunk(factor)?;
    let (left, top) = (bounds.x.max(0.0).floor(), bounds.y.max(0.0).floor());
    let deviation = dispatch!(Level::new(), _simd => deviations(&plane));
    let bare = |row: usize, column: usize| {
        (row - 1..=row + 1).all(|r| (column - 1..=column + 1).all(|c| map.parts[r * map.width + c] == Part::Skin))
    };
    let mut patches: Vec<f32> = Vec::new();
    for row in 1..map.height.saturating_sub(1) {
        for column in (1..map.width.saturating_sub(1)).filter(|&column| bare(row, column)) {
            let x = ((map.x(column) as f64 - left) * factor) as usize;
            let y = ((map.y(row) as f64 - top) * factor) as usize;
            patches.extend(mean(&deviation, &plane, x, y));
        }
    }
    (patches.len() >= ENOUGH).then(|| f64::from(quantile(&mut patches, 0.5)))
}

/// Deviation of each pixel from the mean of its window; 0 at the plane's edge. For code that is compiled for the processor at hand.
#[inline(always)]
fn deviations(plane: &Plane) -> Vec<f32> {
    let (w, h) = (plane.width, plane.height);
    let mut out = vec![0.0; w * h];
    let n = (2 * WINDOW + 1).pow(2) as f32;
    // Down the columns first, which compiles to vector code.
    let mut sums = vec![0u16; w];
    for y in WINDOW..h.saturating_sub(WINDOW) {
        sums.fill(0);
        for row in plane.data[(y - WINDOW) * w..].chunks_exact(w).take(2 * WINDOW + 1) {
            sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += u16::from(v));
        }
        let middle = &plane.data[y * w + WINDOW..(y + 1) * w];
        let out = &mut out[y * w + WINDOW..(y + 1) * w];
        for ((out, &v), window) in out.iter_mut().zip(middle).zip(sums.windows(2 * WINDOW + 1)) {
            let sum: u16 = window.iter().sum();
            *out = (f32::from(v) - f32::from(sum) / n).abs();
        }
    }
    out
}

/// Mean over the patch around a place; `None` where it reaches over the edge.
fn mean(values: &[f32], plane: &Plane, x: usize, y: usize) -> Option<f32> {
    let (left, top) = (x.checked_sub(PATCH)?, y.checked_sub(PATCH)?);
    if x + PATCH > plane.width || y + PATCH > plane.height {
        return None;
    }
    let rows = (top..y + PATCH).map(|y| &values[y * plane.width + left..y * plane.width + x + PATCH]);
    Some(rows.flatten().sum::<f32>() / (2 * PATCH).pow(2) as f32)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, imageops};

    use super::*;
    use crate::measure::fake;
    use crate::units::Point;

    /// A face whose skin varies by up to `amplitude` levels.
    fn skin(amplitude: u32) -> RgbImage {
        RgbImage::from_fn(480, 640, |x, y| {
            let noise = (x.wrapping_mul(7919) ^ y.wrapping_mul(104_729)).wrapping_mul(2_654_435_761) >> 16;
            let step = (noise % (2 * amplitude + 1)) as u8;
            Rgb([190, 150, 130].map(|v| v + step - amplitude as u8))
        })
    }

    #[test]
    fn texture_grows_with_what_the_skin_varies_by_and_smoothing_takes_it_away() {
        let of = |rgb: &RgbImage| of_skin(rgb, &fake::face()).expect("the skin is in view");
        assert_eq!(of(&skin(0)), 0.0);
        let (fine, coarse) = (of(&skin(2)), of(&skin(6)));
        assert!((fine - 1.15).abs() < 0.3, "{fine}");
        assert!(coarse > 2.5 * fine, "{coarse} {fine}");
        assert!(of(&imageops::blur(&skin(6), 1.5)) < 0.4 * coarse);
    }

    #[test]
    fn light_that_changes_slowly_is_no_texture() {
        let shaded = RgbImage::from_fn(480, 640, |x, _| Rgb([(100 + x / 5) as u8; 3]));
        assert!(of_skin(&shaded, &fake::face()).expect("the skin is in view") < 0.35);
    }

    #[test]
    fn a_small_face_shows_no_texture() {
        assert_eq!(of_skin(&skin(4), &fake::face_at(Point::new(240.0, 290.0), 120.0)), None);
        assert_eq!(of_skin(&skin(4), &fake::face_at(Point::new(-400.0, 290.0), 230.0)), None);
    }
}
