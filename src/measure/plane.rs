//! A small single-channel copy of a part of a photo: what the detail measures look at.

use fearless_simd::{Level, dispatch};
use image::RgbImage;

use crate::photo::resize::{FilterType, resized_plane};
use crate::units::Rect;

/// Luma (BT.601, 0 to 255) of a rectangle of a photo, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plane {
    /// Width in samples.
    pub width: usize,
    /// Height in samples.
    pub height: usize,
    /// `width * height` samples.
    pub data: Vec<u8>,
}

impl Plane {
    /// The luma of the pixels of `rgb` inside `rect`, which is cut at the photo's edges; `None` when nothing is left.
    pub fn luma(rgb: &RgbImage, rect: Rect) -> Option<Self> {
        let edge = |v: f64, max: u32| v.clamp(0.0, f64::from(max)) as usize;
        let (left, right) = (edge(rect.x.floor(), rgb.width()), edge(rect.right().ceil(), rgb.width()));
        let (top, bottom) = (edge(rect.y.floor(), rgb.height()), edge(rect.bottom().ceil(), rgb.height()));
        if right <= left || bottom <= top {
            return None;
        }
        let (stride, width) = (rgb.width() as usize * 3, right - left);
        let mut data = vec![0; width * (bottom - top)];
        let level = Level::new();
        let rows = rgb.as_raw().chunks_exact(stride).take(bottom).skip(top);
        for (row, data) in rows.zip(data.chunks_exact_mut(width)) {
            dispatch!(level, _simd => lumas(row[left * 3..right * 3].as_chunks().0, data));
        }
        Some(Self { width: right - left, height: bottom - top, data })
    }

    /// Averaged down by `factor` (area mean); itself when the factor is not below 1.
    pub fn shrunk(self, factor: f64) -> Option<Self> {
        if !(factor < 1.0) {
            return Some(self);
        }
        let size = |n: usize| ((n as f64 * factor).round() as usize).max(1);
        let (width, height) = (size(self.width), size(self.height));
        let from = (self.width as u32, self.height as u32);
        let data = resized_plane(&self.data, from, (width as u32, height as u32), FilterType::Box)?;
        Some(Self { width, height, data })
    }

    /// Rows become columns, so that a measure along rows serves both directions.
    pub fn transposed(&self) -> Self {
        let mut data = Vec::with_capacity(self.data.len());
        for x in 0..self.width {
            data.extend((0..self.height).map(|y| self.data[y * self.width + x]));
        }
        Self { width: self.height, height: self.width, data }
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.data.chunks_exact(self.width.max(1))
    }
}

/// Luma of a row, for the processor at hand.
#[inline(always)]
fn lumas(pixels: &[[u8; 3]], data: &mut [u8]) {
    for (pixel, data) in pixels.iter().zip(data) {
        *data = luma(*pixel);
    }
}

/// BT.601 luma in integers: what JPEG compresses.
#[inline(always)]
pub fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((77 * u32::from(r) + 150 * u32::from(g) + 29 * u32::from(b) + 128) >> 8) as u8
}

/// The value below which `share` (0 to 1) of `values` lie; 0 for none. Reorders `values`.
pub fn quantile(values: &mut [f32], share: f64) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f64 * share.clamp(0.0, 1.0)).round() as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// The same of bytes, by counting; 0 for none.
pub fn byte_quantile(values: impl Iterator<Item = u8>, share: f64) -> u8 {
    let mut counts = [0usize; 256];
    values.for_each(|value| counts[usize::from(value)] += 1);
    let total: usize = counts.iter().sum();
    let at = (total.saturating_sub(1) as f64 * share.clamp(0.0, 1.0)).round() as usize;
    let mut below = 0;
    for (value, count) in (0u8..=255).zip(counts) {
        below += count;
        if below > at {
            return value;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rectangle_outside_the_photo_gives_nothing() {
        let photo = RgbImage::new(10, 10);
        assert_eq!(Plane::luma(&photo, Rect::from_edges(20.0, 0.0, 30.0, 5.0)), None);
        let cut = Plane::luma(&photo, Rect::from_edges(-5.0, 8.0, 3.5, 40.0)).expect("a corner is inside");
        assert_eq!((cut.width, cut.height), (4, 2));
    }

    #[test]
    fn transposing_twice_is_nothing() {
        let plane = Plane { width: 3, height: 2, data: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!(plane.transposed().data, [1, 4, 2, 5, 3, 6]);
        assert_eq!(plane.transposed().transposed(), plane);
    }

    #[test]
    fn quantiles_of_few_values() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 1.0), 3.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
        assert_eq!((byte_quantile([].into_iter(), 0.5), byte_quantile([9].into_iter(), 1.0)), (0, 9));
    }
    proptest! {
        #[test]
        fn bytes_have_the_same_quantiles(values in prop::collection::vec(any::<u8>(), 0..40), share in 0.0f64..1.0) {
            let mut numbers: Vec<f32> = values.iter().map(|&v| f32::from(v)).collect();
            prop_assert_eq!(f32::from(byte_quantile(values.into_iter(), share)), quantile(&mut numbers, share));
        }
    }
}
