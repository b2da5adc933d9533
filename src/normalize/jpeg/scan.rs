//! The symbols of a picture's one scan (T.81 F.1.2): counted, and written.

use fearless_simd::Simd;

use super::Spectrum;
use super::huffman::{Codes, Frequencies};
use super::quantization::Quantizer;

/// Takes the symbols of a scan in order. `table` is 0 for luma and 1 for chroma.
pub(super) trait Symbols {
    /// The difference to the DC coefficient before, of `size` bits: `extra`.
    fn dc(&mut self, table: usize, size: u32, extra: u32);
    /// An AC coefficient of `size` bits, `extra`, behind `run` zeros, which may be more than a symbol can say.
    fn ac(&mut self, table: usize, run: u32, size: u32, extra: u32);
    /// The rest of a block is zero.
    fn end_of_block(&mut self, table: usize);
}

/// Hands the quantised coefficients of a picture to `symbols`, all components in one scan.
#[inline(always)]
pub(super) fn walk<S: Simd>(simd: S, spectrum: &Spectrum, quantizers: &[Quantizer; 2], symbols: &mut impl Symbols) {
    let side = spectrum.sampling.side();
    let (across, down) = spectrum.units();
    let mut predictions = [0i32; 3];
    for unit_y in 0..down {
        for unit_x in 0..across {
            let luma = &spectrum.luma;
            for y in 0..side {
                for x in 0..side {
                    let at = (unit_y * side + y) * luma.across + unit_x * side + x;
                    block(simd, &luma.blocks[at], &quantizers[0], 0, &mut predictions[0], symbols);
                }
            }
            for (plane, prediction) in spectrum.chroma.iter().zip(&mut predictions[1..]) {
                let at = unit_y * plane.across + unit_x;
                block(simd, &plane.blocks[at], &quantizers[1], 1, prediction, symbols);
            }
        }
    }
}

#[inline(always)]
fn block<S: Simd>(
    simd: S,
    block: &[i16; 64],
    quantizer: &Quantizer,
    table: usize,
    prediction: &mut i32,
    symbols: &mut impl Symbols,
) {
    let quantized = quantizer.quantize(simd, block);
    let dc = if block[0] < 0 { -i32::from(quantized.magnitudes[0]) } else { i32::from(quantized.magnitudes[0]) };
    let (size, extra) = bits(dc - *prediction);
    *prediction = dc;
    symbols.dc(table, size, extra);
    // Without the DC coefficient.
    let mut left = quantized.nonzero & !1;
    let mut next = 1;
    while left != 0 {
        let k = left.trailing_zeros();
        let at = k as usize % 64;
        let sign = i32::from(block[at] >> 15);
        let magnitude = i32::from(quantized.magnitudes[at]);
        let (size, extra) = bits((magnitude ^ sign) - sign);
        symbols.ac(table, k - next, size, extra);
        next = k + 1;
        left &= left - 1;
    }
    if next < 64 {
        symbols.end_of_block(table);
    }
}

/// How many bits a value takes, and the bits: of a negative one those of its complement (tables F.1 and F.2).
#[inline(always)]
fn bits(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    (size, (value + (value >> 31)) as u32 & ((1 << size) - 1))
}

/// Sizes a coefficient can have, as a factor of places.
const SIZES: usize = 16;

/// Counts symbols.
pub(super) struct Counter {
    dc: [[u32; SIZES]; 2],
    /// By zeros before and size; the first place is for blocks that end early.
    ac: [[u32; 64 * SIZES]; 2],
}

impl Counter {
    pub(super) fn new() -> Self {
        Self { dc: [[0; SIZES]; 2], ac: [[0; 64 * SIZES]; 2] }
    }

    /// How often each symbol occurs, by table: DC of luma and chroma, AC of luma and chroma.
    pub(super) fn frequencies(&self) -> [Frequencies; 4] {
        let mut frequencies = [[0u32; 256]; 4];
        for table in 0..2 {
            frequencies[table][..SIZES].copy_from_slice(&self.dc[table]);
            let ac = &mut frequencies[2 + table];
            for (place, &count) in self.ac[table].iter().enumerate() {
                ac[place % 256] += count;
                ac[usize::from(SIXTEEN_ZEROS)] += (place / 256) as u32 * count;
            }
        }
        frequencies
    }
}

impl Symbols for Counter {
    #[inline(always)]
    fn dc(&mut self, table: usize, size: u32, _: u32) {
        self.dc[table][size as usize % SIZES] += 1;
    }

    #[inline(always)]
    fn ac(&mut self, table: usize, run: u32, size: u32, _: u32) {
        self.ac[table][(run as usize * SIZES + size as usize) % (64 * SIZES)] += 1;
    }

    #[inline(always)]
    fn end_of_block(&mut self, table: usize) {
        self.ac[table][0] += 1;
    }
}

const END_OF_BLOCK: u8 = 0;
const SIXTEEN_ZEROS: u8 = 0xf0;

/// Writes symbols as entropy-coded data, with a zero behind every byte of ones.
pub(super) struct Writer<'a> {
    codes: &'a [Codes; 4],
    out: Vec<u8>,
    /// Bits to write, the last one lowest.
    buffer: u64,
    /// Bits the buffer has room for.
    free: u32,
}

impl<'a> Writer<'a> {
    /// Goes on behind what `out` holds.
    pub(super) fn new(codes: &'a [Codes; 4], out: Vec<u8>) -> Self {
        Self { codes, out, buffer: 0, free: u64::BITS }
    }

    /// A symbol with `size` bits of a value behind it.
    #[inline(always)]
    fn put(&mut self, table: usize, symbol: u8, size: u32, extra: u32) {
        let (code, length) = self.codes[table].codes[usize::from(symbol)];
        // At most 16 bits of code and 15 of value.
        let (bits, count) = (u64::from(u32::from(code) << size | extra), u32::from(length) + size);
        if count <= self.free {
            self.buffer = self.buffer << count | bits;
            self.free -= count;
            return;
        }
        let left = count - self.free;
        self.word(self.buffer << self.free | bits >> left);
        self.buffer = bits;
        self.free = u64::BITS - left;
    }

    #[inline(always)]
    fn word(&mut self, word: u64) {
        // A byte of ones is one whose complement is zero.
        let inverse = !word;
        if inverse.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
            self.out.extend_from_slice(&word.to_be_bytes());
        } else {
            word.to_be_bytes().into_iter().for_each(|byte| self.byte(byte));
        }
    }

    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == 0xff {
            self.out.push(0);
        }
    }

    /// Fills the last byte with ones.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let ones = u64::MAX.checked_shr(u64::BITS - self.free).unwrap_or(0);
        let word = self.buffer.checked_shl(self.free).unwrap_or(0) | ones;
        let count = (u64::BITS - self.free).div_ceil(8);
        word.to_be_bytes().into_iter().take(count as usize).for_each(|byte| self.byte(byte));
        self.out
    }
}

impl Symbols for Writer<'_> {
    #[inline(always)]
    fn dc(&mut self, table: usize, size: u32, extra: u32) {
        self.put(table, size as u8, size, extra);
    }

    #[inline(always)]
    fn ac(&mut self, table: usize, mut run: u32, size: u32, extra: u32) {
        while run >= 16 {
            self.put(2 + table, SIXTEEN_ZEROS, 0, 0);
            run -= 16;
        }
        self.put(2 + table, (run << 4 | size) as u8, size, extra);
    }

    #[inline(always)]
    fn end_of_block(&mut self, table: usize) {
        self.put(2 + table, END_OF_BLOCK, 0, 0);
    }
}
