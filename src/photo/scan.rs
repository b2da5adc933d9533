//! One sequential scan of a JPEG, decoded at its size or a part of it.
//!
//! At a part of its size only the lowest frequencies of each block are decoded; what lies behind them is passed several symbols at a
//! time.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};

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

/// Where the decoding stands between two rows of units.
struct Reading<'a> {
    bits: Bits<'a>,
    /// The DC of the block before, of each component.
    predictions: [i32; 3],
    /// Units until the next restart marker, and how many there were.
    until_restart: usize,
    restarts: u8,
}

/// A scan that holds all components of a picture: grey, or YCbCr.
pub(super) struct Scan<'a> {
    pub(super) components: Vec<Component<'a>>,
    /// Units (T.81: MCUs) in a row.
    pub(super) units: usize,
    /// Units between restart markers, 0 for none.
    pub(super) restart_interval: usize,
    /// Samples of luma in a row of its plane, and rows that a row of units makes.
    pub(super) stride: usize,
    pub(super) rows: usize,
    /// Pixels that a sample of chroma stands for, across and down: 1 or 2.
    pub(super) spread: Shape,
    /// Width and height of what comes out.
    pub(super) size: (usize, usize),
}

impl Scan<'_> {
    /// Decodes the data at `start`, a row of units at a time: pixels of RGB.
    pub(super) fn decode(&self, level: Level, bytes: &[u8], start: usize) -> Option<Vec<u8>> {
        let (width, height) = self.size;
        let mut rgb = Vec::with_capacity(3 * width * height);
        let mut row = vec![0; 3 * width];
        let spreads = [(1, 1), self.spread, self.spread];
        let mut planes: Vec<_> = self
            .components
            .iter()
            .zip(spreads)
            .map(|(component, spread)| Plane::new(component, self, spread))
            .collect();
        let mut colors = Colors::new(self);
        let mut reading = Reading {
            bits: Bits::new(bytes, start),
            predictions: [0; 3],
            until_restart: self.restart_interval,
            restarts: 0,
        };
        let unit_rows = height.div_ceil(self.rows);
        // Each of these is compiled by itself: together they would share too few registers.
        for unit_row in 0..unit_rows {
            dispatch!(level, _simd => self.row_of_units(&mut reading, &mut planes))?;
            if reading.bits.overrun() {
                return None;
            }
            for (component, plane) in self.components.iter().zip(&mut planes) {
                dispatch!(level, simd => plane.transform(simd, component.shape, unit_row == 0));
            }
            for y in self.completed(unit_row == 0, unit_row + 1 == unit_rows) {
                dispatch!(level, _simd => colors.row(&planes, y, &mut row));
                rgb.extend_from_slice(&row);
                if rgb.len() == 3 * width * height {
                    break;
                }
            }
        }
        if reading.bits.left_over_or_padded() {
            return None;
        }
        // Another scan would change what this one says.
        let end = next_marker(bytes, reading.bits.position);
        (bytes.get(end + 1) == Some(&0xD9)).then_some(rgb)
    }

    /// Decodes a row of units, up to their frequencies.
    #[inline(always)]
    fn row_of_units(&self, reading: &mut Reading<'_>, planes: &mut [Plane]) -> Option<()> {
        let Reading { bits, predictions, until_restart, restarts } = reading;
        for unit in 0..self.units {
            if self.restart_interval > 0 {
                if *until_restart == 0 {
                    // What was lacking or left over before a marker is forgotten behind it.
                    let faulty = bits.overrun() || bits.left_over_or_padded();
                    if faulty || bits.restart(*restarts & 7) != ScanEnd::Complete {
                        return None;
                    }
                    (*until_restart, *restarts) = (self.restart_interval, restarts.wrapping_add(1));
                    *predictions = [0; 3];
                }
                *until_restart -= 1;
            }
            for ((component, plane), dc) in self.components.iter().zip(planes.iter_mut()).zip(predictions.iter_mut()) {
                let (across, down) = component.blocks;
                for y in 0..down {
                    for x in 0..across {
                        let block = unit * across + x;
                        component.block(bits, dc, plane.tile(y, block / LANES), block % LANES)?;
                    }
                }
            }
        }
        Some(())
    }

    /// The rows of the planes that are pixels when a row of units is decoded. Where chroma is stretched down, the last row waits for what
    /// comes below it, and is the planes' first one then.
    fn completed(&self, first: bool, last: bool) -> Range<usize> {
        let waits = usize::from(self.waits());
        waits * usize::from(first)..self.rows + waits * usize::from(last)
    }

    fn waits(&self) -> bool {
        self.spread.1 > 1
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
    /// Samples: the last row of the units above where rows wait, and the rows of these units.
    samples: Vec<u8>,
    stride: usize,
    rows: usize,
    above: usize,
    /// Pixels that a sample stands for, across and down.
    spread: Shape,
}

impl Plane {
    fn new(component: &Component<'_>, scan: &Scan<'_>, spread: Shape) -> Self {
        let (stride, rows) = (scan.stride / spread.0, scan.rows / spread.1);
        let (across, length) = (stride / (component.shape.0 * LANES), component.shape.0 * component.shape.1 + 1);
        let above = usize::from(scan.waits());
        Self {
            tiles: vec![[0.0; LANES]; across * component.blocks.1 * length],
            across,
            length,
            samples: vec![0; stride * (above + rows)],
            stride,
            rows,
            above,
            spread,
        }
    }

    /// A tile of the row `y` of blocks.
    #[inline(always)]
    fn tile(&mut self, y: usize, x: usize) -> &mut [Lanes] {
        &mut self.tiles[(y * self.across + x) * self.length..][..self.length]
    }

    /// Makes samples of the frequencies, and forgets these.
    #[inline(always)]
    fn transform<S: Simd>(&mut self, simd: S, shape: Shape, first: bool) {
        let (stride, above, end) = (self.stride, self.above * self.stride, self.samples.len());
        self.samples.copy_within(end - above..end, 0);
        let rows = self.tiles.chunks_mut(self.across * self.length);
        for (tiles, samples) in rows.zip(self.samples[above..].chunks_mut(shape.1 * stride)) {
            for (x, tile) in tiles.chunks_exact_mut(self.length).enumerate() {
                inverse::inverse(simd, shape, tile, &mut samples[x * shape.0 * LANES..], stride);
                tile.fill([0.0; LANES]);
            }
        }
        // Above the first row there is the same as in it.
        if first {
            self.samples.copy_within(above..2 * above, 0);
        }
    }

    fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.stride..][..self.stride]
    }

    /// The row that the pixels of row `y` lie in, and the other one they lie beside.
    fn around(&self, y: usize) -> [&[u8]; 2] {
        if self.spread.1 == 1 {
            return [self.row(y); 2];
        }
        let near = y.div_ceil(2);
        let far = if y % 2 == 1 { near - 1 } else { (near + 1).min(self.rows) };
        [self.row(near), self.row(far)]
    }
}

/// Makes rows of pixels.
struct Colors {
    /// Pixels that a sample of chroma stands for across, and its samples in a row.
    spread: usize,
    samples: usize,
    /// A row of chroma with a sample before and one behind, and the two at the places of the pixels.
    between: Vec<f32>,
    chroma: [Vec<f32>; 2],
}

impl Colors {
    fn new(scan: &Scan<'_>) -> Self {
        let samples = scan.size.0.div_ceil(scan.spread.0);
        let chroma = || vec![0.0; samples * scan.spread.0];
        Self { spread: scan.spread.0, samples, between: vec![0.0; samples + 2], chroma: [chroma(), chroma()] }
    }

    /// The pixels of row `y` of the planes. A sample of chroma that stands for several pixels lies in their middle; between samples it
    /// changes evenly.
    #[inline(always)]
    fn row(&mut self, planes: &[Plane], y: usize, row: &mut [u8]) {
        let [luma, chroma @ ..] = planes else { return };
        let luma = luma.row(y);
        let [blue, red] = chroma else { return gray(luma, row) };
        let chroma = [blue.around(y), red.around(y)];
        for ([near, far], chroma) in chroma.into_iter().zip(&mut self.chroma) {
            let (near, far) = (&near[..self.samples], &far[..self.samples]);
            let between = if self.spread == 1 { &mut chroma[..] } else { &mut self.between[1..=self.samples] };
            for ((between, &near), &far) in between.iter_mut().zip(near).zip(far) {
                *between = (0.75 * f32::from(near) + 0.25 * f32::from(far)) - MIDDLE;
            }
            if self.spread == 1 {
                continue;
            }
            self.between[0] = self.between[1];
            self.between[self.samples + 1] = self.between[self.samples];
            let [left, here, right] = [0, 1, 2].map(|first| &self.between[first..][..self.samples]);
            let pairs = chroma.as_chunks_mut::<2>().0.iter_mut();
            for (((pair, &left), &here), &right) in pairs.zip(left).zip(here).zip(right) {
                *pair = [0.75 * here + 0.25 * left, 0.75 * here + 0.25 * right];
            }
        }
        let [blue, red] = &self.chroma;
        colored(&luma[..row.len() / 3], blue, red, row);
    }
}

#[inline(always)]
fn gray(samples: &[u8], row: &mut [u8]) {
    for (pixel, &sample) in row.as_chunks_mut::<3>().0.iter_mut().zip(samples) {
        *pixel = [sample; 3];
    }
}

/// Pixels of YCbCr (JFIF, which is ITU-R BT.601 in full range), chroma less its middle.
#[inline(always)]
fn colored(luma: &[u8], blue: &[f32], red: &[f32], row: &mut [u8]) {
    let samples = luma.chunks(PIXELS).zip(blue.chunks(PIXELS)).zip(red.chunks(PIXELS));
    for (row, ((luma, blue), red)) in row.chunks_mut(3 * PIXELS).zip(samples) {
        // A pixel a number first: this is vector code, and pixels of three bytes are not.
        let mut numbers = [0u32; PIXELS];
        for (((number, &y), &cb), &cr) in numbers.iter_mut().zip(luma).zip(blue).zip(red) {
            let y = f32::from(y);
            let [r, g, b] = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
            let [r, g, b] = [r, g, b].map(inverse::sample);
            *number = r | g << 8 | b << 16;
        }
        let (fours, rest) = row.as_chunks_mut::<12>();
        let (of_fours, of_rest) = numbers.as_chunks::<4>();
        debug_assert!(of_rest.is_empty());
        for (out, &[a, b, c, d]) in fours.iter_mut().zip(of_fours) {
            let words = [a | b << 24, b >> 8 | c << 16, c >> 16 | d << 8].map(u32::to_le_bytes);
            out.copy_from_slice(words.as_flattened());
        }
        for (pixel, number) in rest.as_chunks_mut::<3>().0.iter_mut().zip(&numbers[4 * fours.len()..]) {
            let [r, g, b, _] = number.to_le_bytes();
            *pixel = [r, g, b];
        }
    }
}
