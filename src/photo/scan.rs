//! One sequential scan of a JPEG, decoded at a part of its size.
//!
//! Of each block only the lowest frequencies are decoded; what lies behind them is passed several symbols at a time.

use fearless_simd::Simd;

use super::bits::{Bits, next_marker};
use super::entropy::ScanEnd;
use super::inverse::{self, LANES, Lanes, MIDDLE, Shape};
use super::leaps::{Leaps, Values};

/// Largest size of a DC difference in a picture of 8 bits, in bits (T.81 table F.1).
const MOST_DC: u32 = 11;
/// Largest size of an AC coefficient that a symbol can name.
const MOST_AC: u32 = 15;
/// Coefficients that a symbol can lead to, one that ends the block included: more than there are, and all that a byte can tell.
pub(super) const REACHED: usize = 256;
/// Pixels that are converted together.
const PIXELS: usize = 64;

/// A component of the scan.
pub(super) struct Component<'a> {
    pub(super) dc: &'a Values<'a>,
    pub(super) ac: &'a Values<'a>,
    pub(super) leaps: &'a Leaps,
    /// In zig-zag order: the quantisation step, and the place in a tile; what `shape` does not need shares the last place.
    pub(super) coefficients: [(f32, u8); REACHED],
    /// The last coefficient in zig-zag order that `shape` needs.
    pub(super) last: u32,
    /// Blocks in a unit, across and down.
    pub(super) blocks: Shape,
    /// Samples that are made of a block.
    pub(super) shape: Shape,
}

impl Component<'_> {
    /// Decodes a block, whose prediction is `dc`, into a lane of a tile that is zero there.
    #[inline(always)]
    fn block(&self, bits: &mut Bits<'_>, dc: &mut i32, tile: &mut [Lanes], lane: usize) -> Option<()> {
        let (_, difference) = bits.value(self.dc, MOST_DC)?;
        *dc = dc.wrapping_add(difference);
        tile[0][lane] = *dc as f32 * self.coefficients[0].0;
        let mut k = 1;
        while k <= self.last {
            let (advance, value) = bits.value(self.ac, MOST_AC)?;
            k += advance;
            // Symbols without a value write zero: where there is none yet, or to the last place.
            let (step, place) = self.coefficients[(k - 1) as usize % REACHED];
            tile[usize::from(place)][lane] = value as f32 * step;
        }
        bits.skip_block(self.ac.table, self.leaps, k)
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
    pub(super) fn decode<S: Simd>(&self, simd: S, bytes: &[u8], start: usize) -> Option<Vec<u8>> {
        let (width, height) = self.size;
        let mut rgb = vec![0; 3 * width * height];
        let mut planes: Vec<_> = self.components.iter().map(|component| Plane::new(component, self)).collect();
        let mut bits = Bits::new(bytes, start);
        let mut predictions = [0; 3];
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
                    let (across, down) = component.blocks;
                    for y in 0..down {
                        for x in 0..across {
                            let block = unit * across + x;
                            component.block(&mut bits, dc, plane.tile(y, block / LANES), block % LANES)?;
                        }
                    }
                }
            }
            if bits.overrun() {
                return None;
            }
            for (component, plane) in self.components.iter().zip(&mut planes) {
                plane.transform(simd, component.shape, self.stride);
            }
            for (y, row) in rows.chunks_exact_mut(3 * width).enumerate() {
                let row = row.as_chunks_mut::<3>().0;
                let place = y * self.stride..y * self.stride + width;
                match &planes[..] {
                    [luma, blue, red] => {
                        colored([luma, blue, red].map(|plane| &plane.samples[place.clone()]), row);
                    }
                    [luma, ..] => gray(&luma.samples[place], row),
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

/// A component while a row of units is decoded. Its blocks are transformed when the row is whole, several at a time: alone each
/// would wait for its own sums.
struct Plane {
    /// The frequencies of blocks that lie side by side, row by row of blocks.
    tiles: Vec<Lanes>,
    /// Tiles in a row of blocks.
    across: usize,
    /// Frequencies in a tile, and one place for those that are not needed.
    length: usize,
    samples: Vec<u8>,
}

impl Plane {
    fn new(component: &Component<'_>, scan: &Scan<'_>) -> Self {
        let (across, length) = (scan.stride / (component.shape.0 * LANES), component.shape.0 * component.shape.1 + 1);
        let tiles = vec![[0.0; LANES]; across * component.blocks.1 * length];
        Self { tiles, across, length, samples: vec![0; scan.stride * scan.rows] }
    }

    /// A tile of the row `y` of blocks.
    #[inline(always)]
    fn tile(&mut self, y: usize, x: usize) -> &mut [Lanes] {
        &mut self.tiles[(y * self.across + x) * self.length..][..self.length]
    }

    /// Makes samples of the frequencies, and forgets these.
    #[inline(always)]
    fn transform<S: Simd>(&mut self, simd: S, shape: Shape, stride: usize) {
        let rows = self.tiles.chunks_mut(self.across * self.length);
        for (tiles, samples) in rows.zip(self.samples.chunks_mut(shape.1 * stride)) {
            for (x, tile) in tiles.chunks_exact_mut(self.length).enumerate() {
                inverse::inverse(simd, shape, tile, &mut samples[x * shape.0 * LANES..], stride);
                tile.fill([0.0; LANES]);
            }
        }
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
    let samples = luma.chunks(PIXELS).zip(blue.chunks(PIXELS)).zip(red.chunks(PIXELS));
    for (row, ((luma, blue), red)) in row.chunks_mut(PIXELS).zip(samples) {
        // Planes of a fixed length first: these are vector code, and pixels of three bytes are not.
        let (mut r, mut g, mut b) = ([0; PIXELS], [0; PIXELS], [0; PIXELS]);
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
