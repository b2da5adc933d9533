//! Another encoder's files to compare with: what the crate `jpeg-encoder` writes, with its symbols coded again with tables
//! that suit them, each step in its plainest form.

use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};
use proptest::prelude::*;

use super::huffman::{Codes, Frequencies};
use super::{Sampling, Spectrum};
use crate::photo::bits::{Bits, Huffman};

/// The file of a picture at 300 dots per inch.
fn reference(rgb: &RgbImage, quality: u8, sampling: Sampling) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, quality);
    encoder.set_sampling_factor(match sampling {
        Sampling::Half => SamplingFactor::R_4_2_0,
        Sampling::Full => SamplingFactor::R_4_4_4,
    });
    encoder.set_density(PixelDensity { density: (300, 300), unit: PixelDensityUnit::Inches });
    let (width, height) = (rgb.width() as u16, rgb.height() as u16);
    encoder.encode(rgb.as_raw(), width, height, ColorType::Rgb).expect("encodes");
    recoded(&jpeg).expect("baseline")
}

/// The same coefficients with tables made for them.
fn recoded(jpeg: &[u8]) -> Option<Vec<u8>> {
    let scan = Scan::read(jpeg)?;
    let tokens = scan.tokens(jpeg)?;
    let mut frequencies: [Frequencies; 4] = [[0; 256]; 4];
    for token in &tokens {
        frequencies[usize::from(token.table)][usize::from(token.symbol)] += 1;
    }
    let tables = frequencies.each_ref().map(Codes::of);
    let mut out = jpeg[..2].to_vec();
    for &(start, end) in &scan.kept {
        out.extend_from_slice(&jpeg[start..end]);
    }
    for (i, table) in tables.iter().enumerate().filter(|(_, table)| !table.values.is_empty()) {
        out.extend_from_slice(&[0xff, 0xc4]);
        out.extend_from_slice(&(19 + table.values.len() as u16).to_be_bytes());
        out.push((((i / 2) << 4) | (i % 2)) as u8);
        out.extend_from_slice(&table.lengths);
        out.extend_from_slice(&table.values);
    }
    out.extend_from_slice(&jpeg[scan.header.0..scan.header.1]);
    let mut bits = String::new();
    for token in &tokens {
        let (code, length) = tables[usize::from(token.table)].codes[usize::from(token.symbol)];
        bits += &format!("{code:0width$b}", width = usize::from(length));
        if token.symbol & 15 > 0 {
            bits += &format!("{:0width$b}", token.extra, width = usize::from(token.symbol & 15));
        }
    }
    bits += &"1".repeat((8 - bits.len() % 8) % 8);
    for byte in bits.as_bytes().as_chunks::<8>().0 {
        let byte = byte.iter().fold(0, |byte, &bit| byte << 1 | (bit - b'0'));
        out.push(byte);
        if byte == 0xff {
            out.push(0);
        }
    }
    out.extend_from_slice(&[0xff, 0xd9]);
    Some(out)
}

/// A symbol with the bits that follow it. Tables: DC 0, DC 1, AC 0, AC 1.
#[derive(Debug, Clone, Copy)]
struct Token {
    table: u8,
    symbol: u8,
    extra: u16,
}

/// The one scan of a file, and what has to be kept of its headers.
struct Scan {
    /// Segments to keep, in order, as ranges of the file.
    kept: Vec<(usize, usize)>,
    /// The scan header.
    header: (usize, usize),
    /// By component: blocks of it in a unit, and its DC and AC table.
    components: Vec<(u32, u8, u8)>,
    units: u32,
    /// DC 0, DC 1, AC 0, AC 1.
    tables: [Option<Huffman>; 4],
}

impl Scan {
    fn read(jpeg: &[u8]) -> Option<Self> {
        let mut scan =
            Self { kept: Vec::new(), header: (0, 0), components: Vec::new(), units: 0, tables: Default::default() };
        // Identifier, horizontal and vertical sampling.
        let mut frame: Vec<(u8, u32, u32)> = Vec::new();
        let mut at = 2;
        loop {
            let [0xff, marker, high, low] = *jpeg.get(at..at + 4)?.first_chunk()? else { return None };
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            let body = jpeg.get(at + 4..end)?;
            match marker {
                0xc4 => scan.define(body)?,
                0xc0 => {
                    let &[_, h1, h0, w1, w0, _, ref components @ ..] = body else { return None };
                    frame = components
                        .as_chunks::<3>()
                        .0
                        .iter()
                        .map(|c| (c[0], u32::from(c[1] >> 4), u32::from(c[1] & 15)))
                        .collect();
                    let (width, height) =
                        (u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0])));
                    let most = |side: fn(&(u8, u32, u32)) -> u32| frame.iter().map(side).max();
                    let (h, v) = (most(|c| c.1)?, most(|c| c.2)?);
                    scan.units = width.div_ceil(8 * h.max(1)) * height.div_ceil(8 * v.max(1));
                    scan.kept.push((at, end));
                }
                0xda => {
                    let (&count, rest) = body.split_first()?;
                    for pair in rest.as_chunks::<2>().0.iter().take(usize::from(count)) {
                        let &(_, h, v) = frame.iter().find(|(id, ..)| *id == pair[0])?;
                        scan.components.push((h * v, pair[1] >> 4, pair[1] & 15));
                    }
                    scan.header = (at, end);
                    return (scan.components.len() == frame.len()).then_some(scan);
                }
                0xdb | 0xe0..=0xef | 0xfe => scan.kept.push((at, end)),
                _ => return None,
            }
            at = end;
        }
    }

    fn define(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&id, rest)) = body.split_first() {
            let (lengths, rest) = rest.split_at_checked(16)?;
            let count = lengths.iter().map(|&n| usize::from(n)).sum();
            let (values, rest) = rest.split_at_checked(count)?;
            *self.tables.get_mut(usize::from(id >> 4) * 2 + usize::from(id & 15))? =
                Some(Huffman::new(lengths, values)?);
            body = rest;
        }
        Some(())
    }

    fn tokens(&self, jpeg: &[u8]) -> Option<Vec<Token>> {
        let mut bits = Bits::new(jpeg, self.header.1);
        let mut tokens = Vec::with_capacity(jpeg.len());
        let mut next = |table: u8| -> Option<u32> {
            let symbol = bits.symbol(self.tables.get(usize::from(table))?.as_ref()?)?;
            let extra = bits.take(symbol & 15) as u16;
            tokens.push(Token { table, symbol: symbol as u8, extra });
            (!bits.overrun()).then_some(symbol)
        };
        for _ in 0..self.units {
            for &(blocks, dc, ac) in &self.components {
                for _ in 0..blocks {
                    next(dc)?;
                    let mut k = 1;
                    while k < 64 {
                        let symbol = next(2 + ac)?;
                        match (symbol >> 4, symbol & 15) {
                            (15, 0) => k += 16,
                            (_, 0) => break,
                            (run, _) => k += run + 1,
                        }
                    }
                }
            }
        }
        Some(tokens)
    }
}

/// A picture of stripes and noise, the same for the same numbers.
fn picture((width, height): (u32, u32), noise: u32, seed: u32) -> RgbImage {
    let mut state = seed | 1;
    let pixels = (0..3 * width * height).map(|i| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        ((i / 97 % 200) + state % (noise + 1)).min(255) as u8
    });
    RgbImage::from_raw(width, height, pixels.collect()).expect("as many as it has")
}

/// Compares file and length at a quality.
fn same(rgb: &RgbImage, quality: u8) -> Result<(), TestCaseError> {
    let half = Spectrum::new(rgb, Sampling::Half).expect("a picture");
    let full = Spectrum::new(rgb, Sampling::Full).expect("a picture");
    let raised = Spectrum::new(rgb, Sampling::Half).expect("a picture").with_full_color(rgb);
    for (spectrum, sampling) in [(half, Sampling::Half), (full, Sampling::Full), (raised, Sampling::Full)] {
        let coded = spectrum.at(quality);
        let file = coded.file(300);
        prop_assert!(file == reference(rgb, quality, sampling), "{:?} at {}", sampling, quality);
        let data = file.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
        let stuffing = file[data + 2..].windows(2).filter(|pair| *pair == [0xff, 0]).count();
        prop_assert_eq!(coded.least_bytes(), (file.len() - stuffing) as u64);
    }
    Ok(())
}

proptest! {
    #[test]
    fn files_are_the_ones_another_encoder_writes(
        width in 1u32..70, height in 1u32..70, quality in 1u8..=100, noise in 0u32..=255, seed in any::<u32>(),
    ) {
        same(&picture((width, height), noise, seed), quality)?;
    }
}

#[test]
fn black_and_white_take_the_largest_coefficients() {
    for side in [1, 4, 8, 16] {
        let rgb =
            RgbImage::from_fn(64, 48, |x, y| image::Rgb([if (x / side + y / side) % 2 == 0 { 255 } else { 0 }; 3]));
        for quality in [1, 50, 100] {
            same(&rgb, quality).expect("the same");
        }
    }
}

#[test]
fn what_no_jpeg_holds_is_refused() {
    for (width, height) in [(0, 0), (1, 65_536), (65_536, 1)] {
        assert!(Spectrum::new(&RgbImage::new(width, height), Sampling::Half).is_err(), "{width} x {height}");
    }
    assert!(Spectrum::new(&RgbImage::new(65_535, 1), Sampling::Half).is_ok());
}
