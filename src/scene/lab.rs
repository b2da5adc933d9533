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
    luminance_by(&TABLES, rgb)
}

/// The same of many.
pub fn luminances(colors: &[[u8; 3]]) -> Vec<f32> {
    // Asked for once: every look at a table made on first use costs as much as one into it.
    let table = &*TABLES;
    colors.iter().map(|&color| luminance_by(table, color)).collect()
}

#[inline]
fn luminance_by(table: &[f32; 256], [r, g, b]: [u8; 3]) -> f32 {
    let [r, g, b] = [r, g, b].map(|value| table[usize::from(value)]);
    0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b
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
    let (chunks, rest) = pixels.as_chunks::<CHUNK>();
    let (colors, last) = colors.as_chunks_mut::<CHUNK>();
    for (pixels, colors) in chunks.iter().zip(colors) {
        convert_chunk(pixels, colors);
    }
    let mut colors = [Lab::default(); CHUNK];
    convert_chunk(&filled_up(rest), &mut colors);
    last.copy_from_slice(&colors[..last.len()]);
}

#[inline(always)]
fn convert_chunk(pixels: &[[u8; 3]; CHUNK], colors: &mut [Lab; CHUNK]) {
    let lab = of_chunk(&linear_chunk(pixels));
    for i in 0..CHUNK {
        colors[i] = Lab { l: lab[0][i], a: lab[1][i], b: lab[2][i] };
    }
}

/// A chunk that begins with these pixels, of which there are not more than it holds.
pub(super) fn filled_up(pixels: &[[u8; 3]]) -> [[u8; 3]; CHUNK] {
    let mut chunk = [[0; 3]; CHUNK];
    chunk[..pixels.len()].copy_from_slice(pixels);
    chunk
}

/// Linear light of the pixels of a chunk.
#[inline(always)]
pub(super) fn linear_chunk(pixels: &[[u8; 3]; CHUNK]) -> [[f32; CHUNK]; 3] {
    let table = &*TABLES;
    let mut linear = [[0.0f32; CHUNK]; 3];
    for i in 0..CHUNK {
        for k in 0..3 {
            linear[k][i] = table[usize::from(pixels[i][k])];
        }
    }
    linear
}

/// f(t) of CIELAB: the cube root, linear near black. By a guess at its inverse from the bits and three of Newton's steps, which need
/// no division (error below 1e-6).
#[inline(always)]
fn root(t: f32) -> f32 {
    let mut inverse = f32::from_bits(0x54a2_13b0 - t.to_bits() / 3);
    for _ in 0..3 {
        let cube = inverse * inverse * inverse;
        inverse *= 4.0 / 3.0 - t * (1.0 / 3.0) * cube;
    }
    if t > 216.0 / 24389.0 { t * inverse * inverse } else { 24389.0 / 27.0 / 116.0 * t + 16.0 / 116.0 }
}

/// Linear sRGB to XYZ over the D65 white.
#[inline(always)]
fn xyz([r, g, b]: [f32; 3]) -> [f32; 3] {
    const X: f32 = 1.0 / 0.950_47;
    const Z: f32 = 1.0 / 1.088_83;
    [
        0.412_456_4 * X * r + 0.357_576_1 * X * g + 0.180_437_5 * X * b,
        0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b,
        0.019_333_9 * Z * r + 0.119_192 * Z * g + 0.950_304_1 * Z * b,
    ]
}

/// Linear light of the sum of `N * N` 8-bit sRGB values over `N * N`: the mean of a block, exactly, by a table.
static BLOCK_TABLE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let pixels = (BLOCK * BLOCK) as f64;
    (0..=255 * BLOCK * BLOCK).map(|sum| decoded(sum as f64 / pixels / 255.0) as f32).collect()
});

/// Sums of the values of each block, which are short, band of rows by band, of a picture `width` pixels wide.
#[inline(always)]
fn sums_of_blocks(raw: &[u8], width: usize) -> Vec<[u16; 3]> {
    let row = 3 * width;
    let mut of_blocks = Vec::with_capacity(raw.len() / (3 * BLOCK * BLOCK));
    // Down the columns first: byte by byte over whole rows, which compiles to vector code.
    let mut sums = vec![0u16; row];
    for band in raw.chunks_exact((row * BLOCK).max(1)) {
        let (a, b) = band.split_at(2 * row);
        let ((a, b), (c, d)) = (a.split_at(row), b.split_at(row));
        for ((((sum, &a), &b), &c), &d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *sum = u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d);
        }
        of_blocks.extend(sums.as_chunks::<{ 3 * BLOCK }>().0.iter().map(|block| {
            let pixels = block.as_chunks::<3>().0;
            [0, 1, 2].map(|c| pixels.iter().map(|pixel| pixel[c]).sum::<u16>())
        }));
    }
    of_blocks
}

impl LabImage {
    /// Of the means of blocks of [`BLOCK`] pixels; a remainder at the right and bottom is left out.
    pub fn of_blocks(rgb: &RgbImage) -> Self {
        let (w, h) = (rgb.width() as usize, rgb.height() as usize);
        let (width, height) = (w / BLOCK, h / BLOCK);
        let n = width * height;
        let mut lab = Self { width, height, l: vec![0.0; n], a: vec![0.0; n], b: vec![0.0; n] };
        dispatch!(Level::new(), _simd => lab.fill(&sums_of_blocks(rgb.as_raw(), w)));
        lab
    }

    /// Writes the colours of sums of blocks.
    #[inline(always)]
    fn fill(&mut self, sums: &[[u16; 3]]) {
        let table = &*BLOCK_TABLE;
        let planes = self.l.chunks_mut(CHUNK).zip(self.a.chunks_mut(CHUNK)).zip(self.b.chunks_mut(CHUNK));
        for (((l, a), b), sums) in planes.zip(sums.chunks(CHUNK)) {
            let mut linear = [[0.0f32; CHUNK]; 3];
            for (i, sums) in sums.iter().enumerate() {
                for k in 0..3 {
                    linear[k][i] = table[usize::from(sums[k])];
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
