//! A baseline JPEG with Huffman tables made for it: the same coefficients in fewer bytes.
//!
//! The encoder writes optimised tables only with one scan a component, which some decoders do not read. So the file is
//! coded with the standard tables in one interleaved scan, and its symbols are coded again with the tables that suit them.

use crate::photo::bits::{Bits, Huffman};

/// The file with tables made for it. `None` when it is not a baseline file of one scan without restarts, which the
/// encoder always writes.
pub(super) fn optimized(jpeg: &[u8]) -> Option<Vec<u8>> {
    let scan = Scan::read(jpeg)?;
    let tokens = scan.tokens(jpeg)?;
    let mut frequencies = [[0u32; 257]; 4];
    for token in &tokens {
        frequencies[token.table as usize][usize::from(token.symbol)] += 1;
    }
    let used = |table: usize| frequencies[table][..256].iter().any(|&f| f > 0);
    let tables: Vec<Option<Codes>> = (0..4).map(|table| used(table).then(|| Codes::of(&frequencies[table]))).collect();

    let mut out = Vec::with_capacity(jpeg.len());
    out.extend_from_slice(&jpeg[..2]);
    for &(start, end) in &scan.kept {
        out.extend_from_slice(&jpeg[start..end]);
    }
    for (i, table) in tables.iter().enumerate() {
        let Some(table) = table else { continue };
        out.extend_from_slice(&[0xff, 0xc4]);
        out.extend_from_slice(&(19 + table.values.len() as u16).to_be_bytes());
        // Class (DC 0, AC 1) and number.
        out.push((((i / 2) << 4) | (i % 2)) as u8);
        out.extend_from_slice(&table.lengths);
        out.extend_from_slice(&table.values);
    }
    out.extend_from_slice(&jpeg[scan.header.0..scan.header.1]);
    let mut writer = Writer { out, buffer: 0, count: 0 };
    for token in &tokens {
        let (code, length) = tables[token.table as usize].as_ref()?.codes[usize::from(token.symbol)];
        writer.put(u32::from(code), u32::from(length));
        writer.put(u32::from(token.extra), u32::from(token.symbol & 15));
    }
    Some(writer.finish())
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
                    // One scan of all components; a single one is coded in another order of blocks.
                    let whole = scan.components.len() == frame.len() && frame.len() > 1;
                    return whole.then_some(scan);
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

/// A Huffman code: T.81 annex K.2, which limits codes to 16 bits and keeps the code of all ones free.
struct Codes {
    /// Codes of each length, 1 to 16.
    lengths: [u8; 16],
    /// Symbols, shortest code first.
    values: Vec<u8>,
    /// By symbol: code and its length.
    codes: [(u16, u8); 256],
}

impl Codes {
    fn of(frequencies: &[u32; 257]) -> Self {
        let sizes = code_sizes(frequencies);
        let mut counts = [0u32; 33];
        for &size in sizes.iter().filter(|&&size| size > 0) {
            counts[usize::from(size).min(32)] += 1;
        }
        // Codes too long are shortened in pairs, a prefix taken from a shorter one (figure K.3).
        for length in (17..=32).rev() {
            while counts[length] > 0 {
                let shorter = (1..length - 1).rev().find(|&j| counts[j] > 0).unwrap_or(1);
                counts[length] -= 2;
                counts[length - 1] += 1;
                counts[shorter + 1] += 2;
                counts[shorter] -= 1;
            }
        }
        // The reserved code is the last of the longest.
        if let Some(longest) = (1..=16).rev().find(|&length| counts[length] > 0) {
            counts[longest] -= 1;
        }
        let mut symbols: Vec<usize> = (0..256).filter(|&symbol| sizes[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| (sizes[symbol], symbol));
        let mut codes = [(0u16, 0u8); 256];
        let (mut code, mut next) = (0u16, 0);
        for length in 1..=16u8 {
            for _ in 0..counts[usize::from(length)] {
                codes[symbols[next]] = (code, length);
                next += 1;
                code += 1;
            }
            code <<= 1;
        }
        let lengths = std::array::from_fn(|i| counts[i + 1] as u8);
        Self { lengths, values: symbols.into_iter().map(|symbol| symbol as u8).collect(), codes }
    }
}

/// Code sizes by symbol (figure K.1); the last symbol is the one that reserves the code of all ones.
fn code_sizes(frequencies: &[u32; 257]) -> [u8; 257] {
    let mut weight = frequencies.map(u64::from);
    weight[256] = 1;
    let mut sizes = [0u8; 257];
    let mut others = [None::<usize>; 257];
    loop {
        // The two rarest, of equal ones the later.
        let rarest = |except: Option<usize>| {
            (0..257).filter(|&i| weight[i] > 0 && Some(i) != except).min_by_key(|&i| (weight[i], 256 - i))
        };
        let Some(first) = rarest(None) else { return sizes };
        let Some(second) = rarest(Some(first)) else { return sizes };
        weight[first] += weight[second];
        weight[second] = 0;
        let lengthen = |mut at: usize, sizes: &mut [u8; 257]| loop {
            sizes[at] += 1;
            match others[at] {
                Some(next) => at = next,
                None => return at,
            }
        };
        let end = lengthen(first, &mut sizes);
        lengthen(second, &mut sizes);
        others[end] = Some(second);
    }
}

/// Writes bits, with a zero behind every byte of ones.
struct Writer {
    out: Vec<u8>,
    buffer: u64,
    count: u32,
}

impl Writer {
    fn put(&mut self, value: u32, bits: u32) {
        self.buffer = self.buffer << bits | u64::from(value);
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.buffer >> self.count) as u8;
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
    }

    /// Fills the last byte with ones and ends the image.
    fn finish(mut self) -> Vec<u8> {
        let rest = (8 - self.count) % 8;
        self.put((1 << rest) - 1, rest);
        self.out.extend_from_slice(&[0xff, 0xd9]);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    use proptest::prelude::*;

    use super::*;

    fn encoded(width: u16, height: u16, quality: u8, sampling: SamplingFactor, seed: u32) -> Vec<u8> {
        let mut state = seed | 1;
        let pixels: Vec<u8> = (0..3 * usize::from(width) * usize::from(height))
            .map(|i| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                (i / 97 % 200) as u8 + (state % 40) as u8
            })
            .collect();
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, quality);
        encoder.set_sampling_factor(sampling);
        encoder.encode(&pixels, width, height, ColorType::Rgb).expect("encodes");
        jpeg
    }

    fn pixels(bytes: &[u8]) -> Vec<u8> {
        zune_jpeg::JpegDecoder::new(zune_core::bytestream::ZCursor::new(bytes)).decode().expect("decodes")
    }

    proptest! {
        #[test]
        fn the_pixels_stay_and_the_bytes_shrink(
            width in 9u16..70, height in 9u16..70, quality in 30u8..=100, half in any::<bool>(), seed in any::<u32>(),
        ) {
            let sampling = if half { SamplingFactor::R_4_2_0 } else { SamplingFactor::R_4_4_4 };
            let before = encoded(width, height, quality, sampling, seed);
            let after = optimized(&before).expect("baseline");
            prop_assert_eq!(pixels(&before), pixels(&after));
            prop_assert!(after.len() <= before.len(), "{} > {}", after.len(), before.len());
        }
    }

    #[test]
    fn codes_of_very_uneven_frequencies_are_at_most_16_bits() {
        let mut frequencies = [0u32; 257];
        let (mut a, mut b) = (1u32, 1u32);
        // Fibonacci's numbers make the longest codes there are.
        for frequency in frequencies.iter_mut().take(40) {
            *frequency = a;
            (a, b) = (b, a + b);
        }
        let codes = Codes::of(&frequencies);
        assert_eq!(codes.values.len(), 40);
        assert_eq!(codes.lengths.iter().map(|&n| usize::from(n)).sum::<usize>(), 40);
        let sum: f64 = codes.lengths.iter().zip(1..).map(|(&n, length)| f64::from(n) / 2f64.powi(length)).sum();
        assert!(sum < 1.0, "the code of all ones is free: {sum}");
    }

    #[test]
    fn what_is_cut_gives_nothing() {
        let jpeg = encoded(40, 40, 80, SamplingFactor::R_4_2_0, 5);
        let header = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
        for n in (0..header).chain([header + 20, jpeg.len() / 2]) {
            assert!(optimized(&jpeg[..n]).is_none(), "{n} bytes");
        }
    }
}
