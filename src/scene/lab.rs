//! CIELAB (D65, 2°) from 8-bit sRGB (IEC 61966-2-1, CIE 15:2004).
//!
//! Single colours and differences go through the `palette` crate; whole images through a fast
//! cube root, because a photo has 300,000 pixels and an exact one for each would cost more than a net. A test holds the
//! two together.

use std::sync::LazyLock;

use image::RgbImage;
use palette::color_difference::Ciede2000;
use palette::{FromColor, Srgb};

/// A CIELAB colour.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lab {
    /// Lightness, 0 to 100.
    pub l: f32,
    /// Green to red.
    pub a: f32,
    /// Blue to yellow.
    pub b: f32,
}

/// CIELAB of every pixel, planar, row-major.
#[derive(Debug, Clone)]
pub struct LabImage {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Lightness.
    pub l: Vec<f32>,
    /// Green to red.
    pub a: Vec<f32>,
    /// Blue to yellow.
    pub b: Vec<f32>,
}

impl Lab {
    /// From 8-bit sRGB.
    pub fn from_srgb(rgb: [u8; 3]) -> Self {
        let lab = palette::Lab::from_color(Srgb::from(rgb).into_format::<f32>());
        Self { l: lab.l, a: lab.a, b: lab.b }
    }

    /// To 8-bit sRGB, clipped to its gamut.
    pub fn to_srgb(self) -> [u8; 3] {
        let srgb: Srgb<u8> = Srgb::from_color(self.palette()).into_format();
        [srgb.red, srgb.green, srgb.blue]
    }

    /// CIEDE2000 difference (Sharma, Wu, Dalal 2005).
    pub fn ciede2000(self, other: Self) -> f64 {
        f64::from(self.palette().difference(other.palette()))
    }

    /// CIE 1976 chroma.
    pub fn chroma(self) -> f32 {
        self.a.hypot(self.b)
    }

    /// Euclidean (CIE 1976) difference: cheap, for comparing near colours.
    pub fn distance(self, other: Self) -> f32 {
        ((self.l - other.l).powi(2) + (self.a - other.a).powi(2) + (self.b - other.b).powi(2)).sqrt()
    }

    fn palette(self) -> palette::Lab {
        palette::Lab::new(self.l, self.a, self.b)
    }
}

/// Linear light of an 8-bit sRGB value, 0 to 1.
pub fn linear(value: u8) -> f32 {
    TABLES[usize::from(value)]
}

/// Linear luminance (Y of CIE XYZ) of 8-bit sRGB, 0 to 1.
pub fn luminance(rgb: [u8; 3]) -> f32 {
    0.212_672_9 * linear(rgb[0]) + 0.715_152_2 * linear(rgb[1]) + 0.072_175 * linear(rgb[2])
}

static TABLES: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let v = i as f64 / 255.0;
        (if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }) as f32
    })
});

/// Pixels that are converted together: plain loops over short arrays, which the compiler turns into vector code.
const CHUNK: usize = 64;

/// f(t) of CIELAB: the cube root by a bit-level guess and two of Halley's steps (error below 1e-5), linear near black.
fn root(t: f32) -> f32 {
    let mut r = f32::from_bits(t.to_bits() / 3 + 0x2a51_19f2);
    for _ in 0..2 {
        let cube = r * r * r;
        r *= (cube + 2.0 * t) / (2.0 * cube + t);
    }
    if t > 216.0 / 24389.0 { r } else { (24389.0 / 27.0 * t + 16.0) / 116.0 }
}

impl LabImage {
    /// Of a whole image.
    pub fn from_rgb(rgb: &RgbImage) -> Self {
        let (width, height) = (rgb.width() as usize, rgb.height() as usize);
        let linear = &*TABLES;
        let n = width * height;
        let mut lab = Self { width, height, l: vec![0.0; n], a: vec![0.0; n], b: vec![0.0; n] };
        let planes = lab.l.chunks_mut(CHUNK).zip(lab.a.chunks_mut(CHUNK)).zip(lab.b.chunks_mut(CHUNK));
        for (pixels, ((l, a), b)) in rgb.as_raw().chunks(3 * CHUNK).zip(planes) {
            let mut xyz = [[0.0f32; CHUNK]; 3];
            for (i, pixel) in pixels.chunks_exact(3).enumerate() {
                let [r, g, b] = [0, 1, 2].map(|k| linear[usize::from(pixel[k])]);
                // sRGB to XYZ over the D65 white.
                xyz[0][i] = (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47;
                xyz[1][i] = 0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b;
                xyz[2][i] = (0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b) / 1.088_83;
            }
            for plane in &mut xyz {
                plane.iter_mut().for_each(|t| *t = root(*t));
            }
            let [x, y, z] = &xyz;
            for (l, y) in l.iter_mut().zip(y) {
                *l = 116.0 * y - 16.0;
            }
            for ((a, x), y) in a.iter_mut().zip(x).zip(y) {
                *a = 500.0 * (x - y);
            }
            for ((b, y), z) in b.iter_mut().zip(y).zip(z) {
                *b = 200.0 * (y - z);
            }
        }
        lab
    }

    /// The colour at a pixel.
    pub fn get(&self, x: usize, y: usize) -> Lab {
        self.at(y * self.width + x)
    }

    /// The colour at a row-major index.
    pub fn at(&self, i: usize) -> Lab {
        Lab { l: self.l[i], a: self.a[i], b: self.b[i] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_way_agrees_with_palette() {
        for step in 0..4096u32 {
            let rgb = [(step * 17 % 256) as u8, (step * 31 % 256) as u8, (step * 101 % 256) as u8];
            let image = RgbImage::from_pixel(1, 1, image::Rgb(rgb));
            let (fast, exact) = (LabImage::from_rgb(&image).get(0, 0), Lab::from_srgb(rgb));
            assert!(fast.distance(exact) < 0.05, "{rgb:?}: {fast:?} against {exact:?}");
        }
    }

    #[test]
    fn the_first_pixel_may_be_black() {
        let lab = LabImage::from_rgb(&RgbImage::new(2, 1)).get(0, 0);
        assert!(lab.distance(Lab::default()) < 1e-3);
    }

    #[test]
    fn ciede2000_follows_the_published_table() {
        // Pair 1 of Sharma, Wu, Dalal (2005).
        let a = Lab { l: 50.0, a: 2.6772, b: -79.7751 };
        let b = Lab { l: 50.0, a: 0.0, b: -82.7485 };
        assert!((a.ciede2000(b) - 2.0425).abs() < 1e-3);
    }
}
