//! CIELAB (D65, 2°) from 8-bit sRGB (IEC 61966-2-1, CIE 15:2004).
//!
//! Colours that are judged and their differences go through the `palette` crate; the pixels of a picture through a fast
//! cube root, because they are many. A test holds the two together.

use std::sync::LazyLock;

use fearless_simd::{Level, dispatch};
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

/// CIELAB of a picture's cells, planar, row-major.
#[derive(Debug, Clone)]
pub struct LabImage {
    /// Cells in a row.
    pub width: usize,
    /// Rows of cells.
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

    /// From 8-bit sRGB with an error below 0.05: for pixels, which are many.
    #[inline]
    pub fn of_pixel(rgb: [u8; 3]) -> Self {
        let [x, y, z] = xyz(rgb.map(linear)).map(root);
        Self { l: 116.0 * y - 16.0, a: 500.0 * (x - y), b: 200.0 * (y - z) }
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
#[inline]
pub fn linear(value: u8) -> f32 {
    TABLES[usize::from(value)]
}

/// Linear luminance (Y of CIE XYZ) of 8-bit sRGB, 0 to 1.
#[inline]
pub fn luminance(rgb: [u8; 3]) -> f32 {
    0.212_672_9 * linear(rgb[0]) + 0.715_152_2 * linear(rgb[1]) + 0.072_175 * linear(rgb[2])
}

static TABLES: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|i| decoded(i as f64 / 255.0) as f32));

/// Linear light of an sRGB value, both 0 to 1 (IEC 61966-2-1).
fn decoded(v: f64) -> f64 {
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// Side of the blocks that pictures are first looked at in: averages out noise and JPEG ringing.
pub const BLOCK: usize = 4;

/// Pixels that are converted together: plain loops over short arrays, which the compiler turns into vector code.
pub(super) const CHUNK: usize = 16;

/// CIELAB of a chunk of linear colours, plane by plane: with the error of [`Lab::of_pixel`]. For code that is compiled for the
/// processor at hand.
#[inline(always)]
pub(super) fn of_chunk(linear: &[[f32; CHUNK]; 3]) -> [[f32; CHUNK]; 3] {
    let [r, g, b] = linear;
    let mut roots = [[0.0f32; CHUNK]; 3];
    for i in 0..CHUNK {
        let [x, y, z] = xyz([r[i], g[i], b[i]]);
        (roots[0][i], roots[1][i], roots[2][i]) = (root(x), root(y), root(z));
    }
    let [x, y, z] = &roots;
    let mut lab = [[0.0f32; CHUNK]; 3];
    for i in 0..CHUNK {
        lab[0][i] = 116.0 * y[i] - 16.0;
        lab[1][i] = 500.0 * (x[i] - y[i]);
        lab[2][i] = 200.0 * (y[i] - z[i]);
    }
    lab
}

/// CIELAB of many pixels, with the error of [`Lab::of_pixel`] and far faster.
pub fn of_pixels(pixels: &[[u8; 3]]) -> Vec<Lab> {
    let mut colors = vec![Lab::default(); pixels.len()];
    dispatch!(Level::new(), _simd => convert(pixels, &mut colors));
    colors
}

#[inline(always)]
fn convert(pixels: &[[u8; 3]], colors: &mut [Lab]) {
    for (pixels, colors) in pixels.chunks(CHUNK).zip(colors.chunks_mut(CHUNK)) {
        let lab = of_chunk(&linear_chunk(pixels));
        for (i, color) in colors.iter_mut().enumerate() {
            *color = Lab { l: lab[0][i], a: lab[1][i], b: lab[2][i] };
        }
    }
}

/// Linear light of as many pixels as a chunk holds, or fewer.
#[inline(always)]
pub(super) fn linear_chunk(pixels: &[[u8; 3]]) -> [[f32; CHUNK]; 3] {
    let table = &*TABLES;
    let mut linear = [[0.0f32; CHUNK]; 3];
    for (i, pixel) in pixels.iter().take(CHUNK).enumerate() {
        for k in 0..3 {
            linear[k][i] = table[usize::from(pixel[k])];
        }
    }
    linear
}

/// f(t) of CIELAB: the cube root by a bit-level guess and two of Halley's steps (error below 1e-5), linear near black.
#[inline(always)]
fn root(t: f32) -> f32 {
    let mut r = f32::from_bits(t.to_bits() / 3 + 0x2a51_19f2);
    for _ in 0..2 {
        let cube = r * r * r;
        r *= (cube + 2.0 * t) / (2.0 * cube + t);
    }
    if t > 216.0 / 24389.0 { r } else { (24389.0 / 27.0 * t + 16.0) / 116.0 }
}

/// Linear sRGB to XYZ over the D65 white.
#[inline(always)]
fn xyz([r, g, b]: [f32; 3]) -> [f32; 3] {
    [
        (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47,
        0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b,
        (0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b) / 1.088_83,
    ]
}

/// Linear light of the sum of `N * N` 8-bit sRGB values over `N * N`: the mean of a block, exactly, by a table.
static BLOCK_TABLE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let pixels = (BLOCK * BLOCK) as f64;
    (0..=255 * BLOCK * BLOCK).map(|sum| decoded(sum as f64 / pixels / 255.0) as f32).collect()
});

impl LabImage {
    /// Of the means of blocks of [`BLOCK`] pixels; a remainder at the right and bottom is left out.
    pub fn of_blocks(rgb: &RgbImage) -> Self {
        let (w, h) = (rgb.width() as usize, rgb.height() as usize);
        let (width, height) = (w / BLOCK, h / BLOCK);
        let mut means = Vec::with_capacity(width * height);
        // Down the columns first: byte by byte over whole rows, which compiles to vector code.
        let mut sums = vec![0u16; 3 * w];
        for band in rgb.as_raw().chunks_exact((3 * w * BLOCK).max(1)) {
            sums.fill(0);
            for row in band.chunks_exact(3 * w) {
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += u16::from(value));
            }
            means.extend(sums.as_chunks::<{ 3 * BLOCK }>().0.iter().take(width).map(|block| {
                let pixels = block.as_chunks::<3>().0;
                [0, 1, 2].map(|c| pixels.iter().map(|pixel| usize::from(pixel[c])).sum::<usize>())
            }));
        }
        let n = width * height;
        let mut lab = Self { width, height, l: vec![0.0; n], a: vec![0.0; n], b: vec![0.0; n] };
        dispatch!(Level::new(), _simd => lab.fill(&means));
        lab
    }

    /// Writes the colours of sums of blocks.
    #[inline(always)]
    fn fill(&mut self, sums: &[[usize; 3]]) {
        let table = &*BLOCK_TABLE;
        let planes = self.l.chunks_mut(CHUNK).zip(self.a.chunks_mut(CHUNK)).zip(self.b.chunks_mut(CHUNK));
        for (((l, a), b), sums) in planes.zip(sums.chunks(CHUNK)) {
            let mut linear = [[0.0f32; CHUNK]; 3];
            for (i, sums) in sums.iter().enumerate() {
                for k in 0..3 {
                    linear[k][i] = table[sums[k]];
                }
            }
            let lab = of_chunk(&linear);
            l.copy_from_slice(&lab[0][..l.len()]);
            a.copy_from_slice(&lab[1][..a.len()]);
            b.copy_from_slice(&lab[2][..b.len()]);
        }
    }

    /// The colour of a cell.
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
    fn the_fast_ways_agree_with_palette() {
        for step in 0..4096u32 {
            let rgb = [(step * 17 % 256) as u8, (step * 31 % 256) as u8, (step * 101 % 256) as u8];
            let image = RgbImage::from_pixel(BLOCK as u32, BLOCK as u32, image::Rgb(rgb));
            let exact = Lab::from_srgb(rgb);
            for fast in [Lab::of_pixel(rgb), of_pixels(&[rgb])[0], LabImage::of_blocks(&image).get(0, 0)] {
                assert!(fast.distance(exact) < 0.05, "{rgb:?}: {fast:?} against {exact:?}");
            }
        }
    }

    #[test]
    fn blocks_are_means_and_leave_the_remainder_out() {
        let image = RgbImage::from_fn(10, 9, |x, _| image::Rgb([if x % 4 < 2 { 90 } else { 110 }; 3]));
        let blocks = LabImage::of_blocks(&image);
        assert_eq!((blocks.width, blocks.height), (2, 2));
        assert!(blocks.get(1, 1).distance(Lab::from_srgb([100; 3])) < 0.05);
    }

    #[test]
    fn black_and_nothing_are_fine() {
        assert!(Lab::of_pixel([0; 3]).distance(Lab::default()) < 1e-3);
        assert_eq!(LabImage::of_blocks(&RgbImage::new(3, 0)).l.len(), 0);
    }

    #[test]
    fn ciede2000_follows_the_published_table() {
        // Pair 1 of Sharma, Wu, Dalal (2005).
        let a = Lab { l: 50.0, a: 2.6772, b: -79.7751 };
        let b = Lab { l: 50.0, a: 0.0, b: -82.7485 };
        assert!((a.ciede2000(b) - 2.0425).abs() < 1e-3);
    }
}
