//! One sequential scan of a JPEG, decoded at a part of its size.
//!
//! Of each block only the lowest frequencies are decoded; what lies behind them is passed several symbols at a time.

use super::bits::{Bits, next_marker};
use super::entropy::ScanEnd;
use super::inverse::{self, Coefficients, MIDDLE, Shape};
use super::leaps::{Leaps, Values};
use super::quality::ZIGZAG;

/// Largest size of a DC difference in a picture of 8 bits (T.81 table F.1).
const MOST_DC: u8 = 11;
/// Pixels that are converted together.
const LANES: usize = 64;

/// A component of the scan.
pub(super) struct Component<'a> {
    pub(super) dc: &'a Values<'a>,
    pub(super) ac: &'a Values<'a>,
    pub(super) leaps: &'a Leaps,
    /// Quantisation steps in natural order.
    pub(super) steps: [f32; 64],
    /// The last coefficient in zig-zag order that `shape` needs.
    pub(super) last: u32,
    /// Blocks in a unit, across and down.
    pub(super) blocks: Shape,
    /// Samples that are made of a block.
    pub(super) shape: Shape,
}

impl Component<'_> {
    /// Decodes a block, whose prediction is `dc`, and makes samples of it. Coefficients are left as they happen to be.
    #[inline(always)]
    fn block(
        &self,
        bits: &mut Bits<'_>,
        dc: &mut i32,
        coefficients: &mut Coefficients,
        plane: &mut [u8],
        stride: usize,
    ) -> Option<()> {
        let (symbol, difference) = bits.value(self.dc)?;
        if symbol.size > MOST_DC {
            return None;
        }
        *dc = dc.wrapping_add(difference);
        coefficients[..8 * self.shape.1].fill(0.0);
        coefficients[0] = *dc as f32 * self.steps[0];
        let (mut k, mut flat) = (1, true);
        while k <= self.last {
            let (symbol, value) = bits.value(self.ac)?;
            k += u32::from(symbol.advance);
            if symbol.size > 0 {
                let natural = *ZIGZAG.get(k as usize - 1)?;
                coefficients[natural] = value as f32 * self.steps[natural];
                flat = false;
            }
        }
        bits.skip_block(self.ac.table, self.leaps, k)?;
        if flat {
            inverse::flat(self.shape, coefficients[0], plane, stride);
        } else {
            inverse::inverse(self.shape, coefficients, plane, stride);
        }
        Some(())
    }
}

/// A scan that holds all components of a picture: grey, or YCbCr.
pub(super) struct Scan<'a> {
    pub(super) components: Vec<Component<'a>>,
    /// Units (T.81: MCUs) in a row.
    pub(super) units: usize,
    /// Units between restart markers, 0 for none.
    pub(super) restart_interval: usize,
    /// Samples in a row of a plane, and rows that a row of units makes.
    pub(super) stride: usize,
    pub(super) rows: usize,
    /// Width and height of what comes out.
    pub(super) size: (usize, usize),
}

impl Scan<'_> {
    /// Decodes the data at `start`, a row of units at a time: pixels of RGB.
    #[inline(always)]
    pub(super) fn decode(&self, bytes: &[u8], start: usize) -> Option<Vec<u8>> {
        let (width, height) = self.size;
        let mut rgb = vec![0; 3 * width * height];
        let mut planes = vec![vec![0; self.stride * self.rows]; self.components.len()];
        let mut bits = Bits::new(bytes, start);
        let mut predictions = [0; 3];
        let mut coefficients = [0.0; 64];
        let (mut until_restart, mut restarts) = (self.restart_interval, 0u8);
        for rows in rgb.chunks_mut(3 * width * self.rows) {
            for unit in 0..self.units {
                if self.restart_interval > 0 {
                    if until_restart == 0 {
                        // What was lacking or left over before a marker is forgotten behind it.
                        let faulty = bits.overrun() || bits.left_over_or_padded();
                        if faulty || bits.restart(restarts & 7) != ScanEnd::Complete {
                            return None;
                        }
                        (until_restart, restarts) = (self.restart_interval, restarts.wrapping_add(1));
                        predictions = [0; 3];
                    }
                    until_restart -= 1;
                }
                for ((component, plane), dc) in self.components.iter().zip(&mut planes).zip(&mut predictions) {
                    let ((across, down), (width, height)) = (component.blocks, component.shape);
                    for y in 0..down {
                        for x in 0..across {
                            let place = y * height * self.stride + (unit * across + x) * width;
                            component.block(&mut bits, dc, &mut coefficients, &mut plane[place..], self.stride)?;
                        }
                    }
                }
            }
            if bits.overrun() {
                return None;
            }
            for (y, row) in rows.chunks_exact_mut(3 * width).enumerate() {
                let row = row.as_chunks_mut::<3>().0;
                let place = y * self.stride..y * self.stride + width;
                match &planes[..] {
                    [luma, blue, red] => colored([&luma[place.clone()], &blue[place.clone()], &red[place]], row),
                    [luma, ..] => gray(&luma[place], row),
                    [] => {}
                }
            }
        }
        if bits.left_over_or_padded() {
            return None;
        }
        // Another scan would change what this one says.
        let end = next_marker(bytes, bits.position);
        (bytes.get(end + 1) == Some(&0xD9)).then_some(rgb)
    }
}

#[inline(always)]
fn gray(samples: &[u8], row: &mut [[u8; 3]]) {
    for (pixel, &sample) in row.iter_mut().zip(samples) {
        *pixel = [sample; 3];
    }
}

/// Pixels of YCbCr (JFIF, which is ITU-R BT.601 in full range).
#[inline(always)]
fn colored([luma, blue, red]: [&[u8]; 3], row: &mut [[u8; 3]]) {
    let samples = luma.chunks(LANES).zip(blue.chunks(LANES)).zip(red.chunks(LANES));
    for (row, ((luma, blue), red)) in row.chunks_mut(LANES).zip(samples) {
        // Planes of a fixed length first: these are vector code, and pixels of three bytes are not.
        let (mut r, mut g, mut b) = ([0; LANES], [0; LANES], [0; LANES]);
        let places = r.iter_mut().zip(&mut g).zip(&mut b);
        for (((r, g), b), ((&y, &cb), &cr)) in places.zip(luma.iter().zip(blue).zip(red)) {
            let (y, cb, cr) = (f32::from(y), f32::from(cb) - MIDDLE, f32::from(cr) - MIDDLE);
            *r = inverse::sample(y + 1.402 * cr);
            *g = inverse::sample(y - 0.344_136 * cb - 0.714_136 * cr);
            *b = inverse::sample(y + 1.772 * cb);
        }
        for (pixel, ((&r, &g), &b)) in row.iter_mut().zip(r.iter().zip(&g).zip(&b)) {
            *pixel = [r, g, b];
        }
    }
}
