//! A turned and scaled crop of a picture, sampled sub-pixel: how every net and every search near the eyes is fed.

use image::RgbImage;

use super::resize::{FilterType, resized};
use crate::units::{Point, Rect};

/// A similarity: maps the pixels of a crop to the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Where `anchor` lies in the picture.
    pub center: Point,
    /// The point of the crop, in its pixels, that is laid on `center`.
    pub anchor: Point,
    /// Picture pixels per crop pixel.
    pub scale: f64,
    /// Clockwise turn of the crop's rows in the picture, in radians.
    pub angle: f64,
}

/// What lies outside of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// Black.
    Black,
    /// The nearest pixel of the picture.
    Repeated,
}

/// Pixels of the picture under a pixel of the crop that bilinear interpolation is good for.
const FINENESS: f64 = 1.5;

impl Crop {
    /// From the crop's pixels to the picture's.
    pub fn to_picture(&self, p: Point) -> Point {
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = ((p.x - self.anchor.x) * self.scale, (p.y - self.anchor.y) * self.scale);
        Point::new(self.center.x + dx * cos - dy * sin, self.center.y + dx * sin + dy * cos)
    }

    /// From the picture's pixels to the crop's.
    pub fn from_picture(&self, p: Point) -> Point {
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = ((p.x - self.center.x) / self.scale, (p.y - self.center.y) / self.scale);
        Point::new(self.anchor.x + dx * cos + dy * sin, self.anchor.y + dy * cos - dx * sin)
    }

    /// The colours of `width` x `height` crop pixels, 0 to 255, row-major, by bilinear interpolation. Where the picture
    /// is much finer than the crop it is first averaged down, so that fine patterns do not alias.
    pub fn sampled(&self, rgb: &RgbImage, width: usize, height: usize, outside: Outside) -> Vec<[f32; 3]> {
        match self.reduced(rgb, width, height) {
            Some((crop, small)) => crop.interpolated(&small, width, height, outside),
            None => self.interpolated(rgb, width, height, outside),
        }
    }

    /// The same crop of a smaller copy of the picture around it, in which a crop pixel is at most two pixels wide.
    /// `None` where the picture is coarse enough.
    fn reduced(&self, rgb: &RgbImage, width: usize, height: usize) -> Option<(Self, RgbImage)> {
        let factor = (self.scale / FINENESS).round();
        if !(factor >= 2.0) {
            return None;
        }
        let (w, h) = (width as f64, height as f64);
        let corners = [(0.0, 0.0), (w, 0.0), (0.0, h), (w, h)].map(|(x, y)| self.to_picture(Point::new(x, y)));
        // With a margin of two pixels of the copy; at the picture's edges the copy's edges are its own.
        let ends = |values: [f64; 4], length: u32| {
            let low = values.into_iter().fold(f64::MAX, f64::min) - 2.0 * factor;
            let high = values.into_iter().fold(f64::MIN, f64::max) + 2.0 * factor;
            let length = f64::from(length);
            let low = low.clamp(0.0, length).floor();
            // Whole cells only, so that the copy is the picture at exactly this scale.
            let cells = ((high.clamp(0.0, length) - low) / factor).floor();
            (low, cells)
        };
        let (left, columns) = ends(corners.map(|p| p.x), rgb.width());
        let (top, rows) = ends(corners.map(|p| p.y), rgb.height());
        if columns < 2.0 || rows < 2.0 {
            return None;
        }
        let part = Rect { x: left, y: top, width: columns * factor, height: rows * factor };
        let small = resized(rgb, part, (columns as u32, rows as u32), FilterType::Box)?;
        let center = Point::new((self.center.x - left) / factor, (self.center.y - top) / factor);
        Some((Self { center, scale: self.scale / factor, ..*self }, small))
    }

    fn interpolated(&self, rgb: &RgbImage, width: usize, height: usize, outside: Outside) -> Vec<[f32; 3]> {
        // Pixel centres lie at half.
        let origin = self.to_picture(Point::new(0.5, 0.5));
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = ((cos * self.scale) as f32, (sin * self.scale) as f32);
        // A little short of the last pixel's centre: there the next one has no weight.
        let (right, bottom) = ((rgb.width() as f32 - 1.0).max(0.0), (rgb.height() as f32 - 1.0).max(0.0));
        let mut out = Vec::with_capacity(width * height);
        for v in 0..height {
            let down = v as f64 * self.scale;
            let (x0, y0) = ((origin.x - down * sin - 0.5) as f32, (origin.y + down * cos - 0.5) as f32);
            let last = width as f32 - 1.0;
            let inside = inside(rgb, x0, y0) && inside(rgb, x0 + last * dx, y0 + last * dy);
            out.extend((0..width).map(|u| {
                let (x, y) = (x0 + u as f32 * dx, y0 + u as f32 * dy);
                match outside {
                    _ if inside => within(rgb, x, y),
                    Outside::Repeated => bilinear(rgb, x.clamp(0.0, right), y.clamp(0.0, bottom)),
                    Outside::Black => bilinear(rgb, x, y),
                }
            }));
        }
        out
    }
}

/// Whether a point in pixel centres has all four neighbours, with a margin for rounding.
fn inside(rgb: &RgbImage, x: f32, y: f32) -> bool {
    x >= 0.0 && y >= 0.0 && x < rgb.width() as f32 - 1.01 && y < rgb.height() as f32 - 1.01
}

/// The colour at a point in pixel centres whose neighbours all exist.
#[inline]
fn within(rgb: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    // Truncation is floor here, and far cheaper without a target feature for it.
    let (x0, y0) = (x.max(0.0) as u32 as usize, y.max(0.0) as u32 as usize);
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let stride = rgb.width() as usize * 3;
    let at = y0 * stride + x0 * 3;
    let raw = rgb.as_raw();
    let (Some(top), Some(bottom)) =
        (raw.get(at..).and_then(<[u8]>::first_chunk::<6>), raw.get(at + stride..).and_then(<[u8]>::first_chunk::<6>))
    else {
        return bilinear(rgb, x, y);
    };
    std::array::from_fn(|k| {
        let mix = |row: &[u8; 6]| {
            let (left, right) = (f32::from(row[k]), f32::from(row[k + 3]));
            left + (right - left) * fx
        };
        let (top, bottom) = (mix(top), mix(bottom));
        top + (bottom - top) * fy
    })
}

/// The colour at a point in pixel centres, 0 to 255; fades to black over the last half pixel, black outside.
fn bilinear(rgb: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    if w == 0 || h == 0 || !(x > -1.0 && y > -1.0 && x < w as f32 && y < h as f32) {
        return [0.0; 3];
    }
    let (x0, y0) = ((x + 1.0) as usize, (y + 1.0) as usize);
    let (fx, fy) = (x + 1.0 - x0 as f32, y + 1.0 - y0 as f32);
    let (c0, c1) = (x0.saturating_sub(1) * 3, x0.min(w - 1) * 3);
    let (r0, r1) = (y0.saturating_sub(1) * w * 3, y0.min(h - 1) * w * 3);
    let raw = rgb.as_raw();
    let pixel = |i: usize| -> [f32; 3] { [f32::from(raw[i]), f32::from(raw[i + 1]), f32::from(raw[i + 2])] };
    let (a, b, c, d) = (pixel(r0 + c0), pixel(r0 + c1), pixel(r1 + c0), pixel(r1 + c1));
    std::array::from_fn(|k| {
        let (top, bottom) = (a[k] + (b[k] - a[k]) * fx, c[k] + (d[k] - c[k]) * fx);
        top + (bottom - top) * fy
    })
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    /// Red and green grow along x and y, so that a colour says where it was taken.
    fn ramp() -> RgbImage {
        RgbImage::from_fn(120, 100, |x, y| Rgb([2 * x as u8, 2 * y as u8, 7]))
    }

    proptest! {
        #[test]
        fn a_crop_shows_what_lies_there(angle in -3.2f64..3.2, scale in 0.2f64..4.0, x in 50.0f64..70.0, y in 45.0f64..55.0) {
            let crop = Crop { center: Point::new(x, y), anchor: Point::new(8.0, 6.0), scale, angle };
            let colors = crop.sampled(&ramp(), 16, 12, Outside::Black);
            // A smaller copy is rounded to 8 bits.
            let tolerance = if scale > 2.0 { 0.6 } else { 0.05 };
            for (i, color) in colors.iter().enumerate() {
                let p = crop.to_picture(Point::new((i % 16) as f64 + 0.5, (i / 16) as f64 + 0.5));
                prop_assert!((f64::from(color[0]) - 2.0 * (p.x - 0.5)).abs() < tolerance, "{color:?} at {p:?}");
                prop_assert!((f64::from(color[1]) - 2.0 * (p.y - 0.5)).abs() < tolerance, "{color:?} at {p:?}");
            }
        }

        #[test]
        fn there_and_back(angle in -3.2f64..3.2, scale in 0.1f64..9.0, x in -50.0f64..50.0, y in -50.0f64..50.0) {
            let crop = Crop { center: Point::new(3.0, 4.0), anchor: Point::new(10.0, 20.0), scale, angle };
            let p = crop.from_picture(crop.to_picture(Point::new(x, y)));
            prop_assert!(p.distance(Point::new(x, y)) < 1e-6);
        }
    }

    #[test]
    fn outside_is_black_or_the_edge() {
        let crop = Crop { center: Point::new(0.0, 50.0), anchor: Point::new(20.0, 4.0), scale: 1.0, angle: 0.0 };
        let black = crop.sampled(&ramp(), 40, 8, Outside::Black);
        let repeated = crop.sampled(&ramp(), 40, 8, Outside::Repeated);
        assert_eq!(black[2], [0.0; 3]);
        assert!((repeated[2][1] - 2.0 * 46.0).abs() < 0.01 && repeated[2][0] == 0.0 && repeated[2][2] == 7.0);
        assert_eq!(black[30], repeated[30]);
    }

    #[test]
    fn a_picture_of_one_pixel_or_none() {
        let crop = Crop { center: Point::new(0.5, 0.5), anchor: Point::new(2.0, 2.0), scale: 1.0, angle: 0.3 };
        let one = RgbImage::from_pixel(1, 1, Rgb([9, 9, 9]));
        assert!(crop.sampled(&one, 4, 4, Outside::Repeated).iter().all(|c| (c[0] - 9.0).abs() < 1e-3));
        assert!(crop.sampled(&RgbImage::new(0, 0), 4, 4, Outside::Black).iter().all(|c| *c == [0.0; 3]));
    }
}
