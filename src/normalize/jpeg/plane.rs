//! The coefficients of one component of a picture.

use fearless_simd::{Level, Simd, dispatch};
use image::RgbImage;

use super::dct::fdct;

/// A component of a YCbCr picture (JFIF, ITU-R BT.601 at full range), as a weighted sum of red, green and blue: weights
/// and offset in 65536ths, with what makes the result round and lie around zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    weights: [i32; 3],
    offset: i32,
}

/// A little below half, so that a difference of a whole and a half, which chroma has, is rounded down.
const ROUNDING: i32 = 0x7fff;

impl Component {
    pub(super) const LUMA: Self = Self { weights: [19595, 38470, 7471], offset: ROUNDING - (128 << 16) };
    pub(super) const BLUE: Self = Self { weights: [-11059, -21709, 32768], offset: ROUNDING };
    pub(super) const RED: Self = Self { weights: [32768, -27439, -5329], offset: ROUNDING };

    /// The component's value of a pixel, less 128.
    #[inline(always)]
    fn of_pixel(self, [r, g, b]: [u8; 3]) -> i16 {
        let [red, green, blue] = self.weights;
        ((red * i32::from(r) + green * i32::from(g) + blue * i32::from(b) + self.offset) >> 16) as i16
    }

    /// The values of every `STEP`th pixel.
    #[inline(always)]
    fn of_row<const STEP: usize>(self, row: &[[u8; 3]], out: &mut [i16]) {
        for (pixels, out) in row.chunks(CHUNK * STEP).zip(out.chunks_mut(CHUNK)) {
            // The whole chunk with a length the compiler knows, so that it makes vector code of the loop.
            match (pixels.len() == CHUNK * STEP, out.first_chunk_mut::<CHUNK>()) {
                (true, Some(out)) => {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = self.of_pixel(pixels[i * STEP]);
                    }
                }
                _ => pixels.iter().step_by(STEP).zip(out).for_each(|(&pixel, out)| *out = self.of_pixel(pixel)),
            }
        }
    }
}

/// Samples that are converted together.
const CHUNK: usize = 32;

/// The DCT coefficients of a component, by block.
#[derive(Debug)]
pub(super) struct Plane {
    /// Blocks in a row.
    pub(super) across: usize,
    /// Blocks by row, each in zig-zag order and eight times as large as T.81 defines them.
    pub(super) blocks: Vec<[i16; 64]>,
}

impl Plane {
    /// `across` by `down` blocks of every `STEP`th pixel in both directions; beyond the picture its last pixels go on.
    pub(super) fn new<const STEP: usize>(rgb: &RgbImage, component: Component, (across, down): (usize, usize)) -> Self {
        let mut blocks = vec![[0; 64]; across * down];
        dispatch!(Level::new(), simd => transform::<_, STEP>(simd, rgb, component, across, &mut blocks));
        Self { across, blocks }
    }
}

#[inline(always)]
fn transform<S: Simd, const STEP: usize>(
    simd: S,
    rgb: &RgbImage,
    component: Component,
    across: usize,
    blocks: &mut [[i16; 64]],
) {
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let stride = across * 8;
    let mut samples = vec![0i16; stride * 8];
    for (row, blocks) in blocks.chunks_exact_mut(across).enumerate() {
        for (y, line) in samples.chunks_exact_mut(stride).enumerate() {
            let y = ((row * 8 + y) * STEP).min(height - 1);
            let pixels = &rgb.as_raw().as_chunks::<3>().0[y * width..][..width];
            let (inside, beyond) = line.split_at_mut(width.div_ceil(STEP));
            component.of_row::<STEP>(pixels, inside);
            beyond.fill(component.of_pixel(pixels[width - 1]));
        }
        for (x, block) in blocks.iter_mut().enumerate() {
            *block = fdct(simd, &samples[x * 8..], stride);
        }
    }
}
