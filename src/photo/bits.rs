//! Reading entropy-coded data of a JPEG: bits up to the next marker, and the symbols of Huffman codes in them.

use std::hint::select_unpredictable;

use super::entropy::ScanEnd;
use super::leaps::{self, COEFFICIENTS, END, Leaps, Values, advance};
use super::sequential::{Block, Progress};

/// Bytes a scan may leave over before its marker; longer rests mean that the data do not belong to the image.
const SLACK: usize = 4;
/// Bits the first Huffman look-up decides.
const LOOKUP: u32 = 9;

/// A Huffman table (T.81 annex C).
#[derive(Debug)]
pub(crate) struct Huffman {
    /// By the next [`LOOKUP`] bits: code length and symbol; length 0 when the code is longer.
    lookup: Vec<(u8, u8)>,
    /// By code length: the first code beyond those of the length, aligned to 16 bits.
    limit: [u32; 17],
    /// By code length: what to add to a code to get its place in `values`.
    offset: [i32; 17],
    values: Vec<u8>,
}

impl Huffman {
    pub(crate) fn new(lengths: &[u8], values: &[u8]) -> Option<Self> {
        let mut table =
            Self { lookup: vec![(0, 0); 1 << LOOKUP], limit: [0; 17], offset: [0; 17], values: values.to_vec() };
        let (mut code, mut place) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(*lengths.get(length as usize - 1)?);
            table.offset[length as usize] = place as i32 - code as i32;
            for &value in values.get(place..place + count)? {
                if code >> length != 0 {
                    return None;
                }
                if length <= LOOKUP {
                    let free = LOOKUP - length;
                    let from = (code << free) as usize;
                    table.lookup[from..from + (1 << free)].fill((length as u8, value));
                }
                code += 1;
            }
            place += count;
            table.limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// Every code with its length and symbol.
    pub(super) fn codes(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        (1..=16usize).flat_map(move |length| {
            let free = 16 - length;
            let places = self.offset[length];
            (self.limit[length - 1] >> free..self.limit[length] >> free).filter_map(move |code| {
                let symbol = self.values.get(usize::try_from(code as i32 + places).ok()?)?;
                Some((code, length as u32, u32::from(*symbol)))
            })
        })
    }
}

/// Reads bits of entropy-coded data up to the next marker, zeros behind it.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    /// Next byte to load; stays on a marker.
    pub(super) position: usize,
    /// Loaded bits, the next one on top.
    buffer: u64,
    loaded: u32,
    /// How many of the loaded bits are zeros from behind the end.
    phantom: u32,
    /// The first byte of ones at or behind `position`; out of date where it is before it.
    ones: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position, buffer: 0, loaded: 0, phantom: 0, ones: first_ones(bytes, position) }
    }

    /// Loads at least 32 bits.
    #[inline]
    fn fill(&mut self) {
        if self.loaded >= 32 {
            return;
        }
        if let Some(&[a, b, c, d]) = self.bytes.get(self.position..).and_then(<[u8]>::first_chunk::<4>) {
            let word = u32::from_be_bytes([a, b, c, d]);
            let inverse = !word;
            // No byte of the word is 0xFF: no stuffing and no marker in it.
            if inverse.wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.buffer |= u64::from(word) << (32 - self.loaded);
                self.loaded += 32;
                self.position += 4;
                return;
            }
        }
        self.fill_by_bytes(57);
    }

    /// Loads 56 to 63 bits, with which [`Self::fill`] has nothing to do. Goes before every read where it is used at all,
    /// because that one may load 64.
    #[inline(always)]
    fn fill_up(&mut self) {
        if let Some(&ahead) = self.bytes.get(self.position..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_be_bytes(ahead);
            let inverse = !word;
            if inverse.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
                // Bits of a byte that is not counted yet come once more with the next fill, and are the same.
                self.buffer |= word >> self.loaded;
                self.position += ((63 - self.loaded) / 8) as usize;
                self.loaded |= 56;
                return;
            }
        }
        self.fill_by_bytes(56);
    }

    /// Loads at least `least` bits, and no whole byte more.
    fn fill_by_bytes(&mut self, least: u32) {
        while self.loaded < least {
            let byte = match (self.bytes.get(self.position), self.bytes.get(self.position + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.position += 2;
                    0xFF
                }
                (Some(0xFF), _) | (None, _) => {
                    self.phantom += 8;
                    0
                }
                (Some(&byte), _) => {
                    self.position += 1;
                    byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.loaded);
            self.loaded += 8;
        }
    }

    /// Whether bits were used that the file does not have.
    #[inline]
    pub(crate) fn overrun(&self) -> bool {
        self.phantom > self.loaded
    }

    /// Takes `count` bits, at most 16.
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        self.fill();
        let value = (self.buffer >> (64 - count)) as u32;
        self.drop(count);
        value
    }

    #[inline]
    pub(super) fn drop(&mut self, count: u32) {
        self.buffer <<= count;
        self.loaded -= count;
    }

    /// The next symbol; `None` when no code matches.
    #[inline]
    pub(crate) fn symbol(&mut self, table: &Huffman) -> Option<u32> {
        self.fill();
        let (length, symbol) = table.lookup[(self.buffer >> (64 - LOOKUP)) as usize];
        if length > 0 {
            self.drop(u32::from(length));
            return Some(u32::from(symbol));
        }
        let ahead = (self.buffer >> 48) as u32;
        let length = (LOOKUP as usize + 1..=16).find(|&length| ahead < table.limit[length])?;
        let code = (ahead >> (16 - length)) as i32;
        let symbol = *table.values.get(usize::try_from(code + table.offset[length]).ok()?)?;
        self.drop(length as u32);
        Some(u32::from(symbol))
    }

    /// The next symbol, and past the value whose size is in its low four bits.
    #[inline]
    pub(super) fn skip_value(&mut self, table: &Huffman) -> Option<u32> {
        let symbol = self.symbol(table)?;
        // At most 16 bits of code and 15 of value: one fill covers both.
        self.drop(symbol & 15);
        Some(symbol)
    }

    /// How many coefficients the next symbol leads on, and its value; `None` when no code matches, or the value has more than
    /// `most` bits.
    #[inline(always)]
    pub(super) fn value(&mut self, values: &Values<'_>, most: u32) -> Option<(u32, i32)> {
        self.fill_up();
        let coded = values.ahead(self.buffer);
        if coded.bits > 0 {
            self.drop(u32::from(coded.bits));
            return Some((u32::from(coded.advance), i32::from(coded.value)));
        }
        self.long_value(values.table, most)
    }

    /// What [`Self::value`] does for the values that the look-up cannot say: few, and apart from the others for that.
    #[inline(never)]
    fn long_value(&mut self, table: &Huffman, most: u32) -> Option<(u32, i32)> {
        let symbol = self.symbol(table)?;
        let size = symbol & 15;
        let bits = (self.buffer >> 1 >> (63 - size)) as u32;
        self.drop(size);
        (size <= most).then(|| (advance(symbol), leaps::value(bits, size)))
    }

    /// Passes what is left of a block from coefficient `k` on; `None` when it is malformed.
    #[inline(always)]
    pub(super) fn skip_block(&mut self, ac: &Huffman, leaps: &Leaps, mut k: u32) -> Option<()> {
        while k < COEFFICIENTS {
            self.fill_up();
            // The bits of one fill are enough for three leaps.
            for _ in 0..3 {
                let leap = leaps.ahead(self.buffer);
                if k + u32::from(leap.before) >= COEFFICIENTS {
                    self.fill_up();
                    k += advance(self.skip_value(ac)?);
                    break;
                }
                self.drop(u32::from(leap.bits));
                k += u32::from(leap.advance);
                if k >= COEFFICIENTS {
                    break;
                }
            }
        }
        // Runs may end at the last coefficient, not behind it.
        (k == COEFFICIENTS || k >= END).then_some(())
    }

    /// Passes symbols of the blocks of `unit`, over and over, several at a time: up to a byte of ones, which may be a
    /// marker, to what no leap can say, or to the last block.
    ///
    /// Bits are loaded as [`Self::fill`] does it, so that the state is the one that the same symbols one by one would
    /// have left, but for a fill that the next symbol makes up for. What is left over at the end depends on that state,
    /// which is why the last block is not passed here.
    pub(super) fn leap(&mut self, unit: &[Block<'_>], at: &mut Progress) {
        if self.position > self.ones {
            self.ones = first_ones(self.bytes, self.position);
        }
        let clear = &self.bytes[..self.ones];
        let (mut position, mut buffer, mut loaded) = (self.position, self.buffer, self.loaded);
        let Progress { mut block, mut k, mut left } = *at;
        let behind = |block: usize| if block + 1 == unit.len() { 0 } else { block + 1 };
        let mut next = behind(block);
        let (mut rest, mut start) = (&unit[block].leaps.rest, &unit[next].leaps.start);
        let mut leaps = if k == 0 { &unit[block].leaps.start } else { rest };
        // Four bytes for this fill, and four for the one that the symbols of two leaps may need in between.
        'fills: while let Some(&ahead) = clear.get(position..).and_then(<[u8]>::first_chunk::<8>) {
            // From here on without branches that depend on the symbols: they would be guessed wrong too often.
            let lacking = u32::from(loaded < 32);
            let word = u64::from_be_bytes(ahead) & (u64::MAX << 32);
            buffer |= (word >> (loaded % 32)) & u64::from(lacking).wrapping_neg();
            loaded += 32 * lacking;
            position += 4 * lacking as usize;
            for _ in 0..2 {
                let leap = leaps.ahead(buffer);
                let reached = k + u32::from(leap.advance);
                if k + u32::from(leap.before) >= COEFFICIENTS {
                    break 'fills;
                }
                // A run beyond the last coefficient is for the careful walk to find.
                if left == 1 || (reached > COEFFICIENTS && reached < END) {
                    break 'fills;
                }
                buffer <<= leap.bits;
                loaded -= u32::from(leap.bits);
                let full = reached >= COEFFICIENTS;
                left -= u64::from(full);
                k = select_unpredictable(full, 0, reached);
                leaps = select_unpredictable(full, start, rest);
                block = select_unpredictable(full, next, block);
                next = behind(block);
                (rest, start) = (&unit[block].leaps.rest, &unit[next].leaps.start);
            }
        }
        *at = Progress { block, k, left };
        (self.position, self.buffer, self.loaded) = (position, buffer, loaded);
    }

    /// Goes on behind the restart marker `number`.
    pub(super) fn restart(&mut self, number: u8) -> ScanEnd {
        if self.left_over() {
            return ScanEnd::Invalid;
        }
        let at = any_marker(self.bytes, self.position);
        match self.bytes.get(at + 1) {
            Some(&marker) if marker == 0xD0 + number => {
                *self = Self::new(self.bytes, at + 2);
                ScanEnd::Complete
            }
            Some(0xD0..=0xD7) => ScanEnd::Invalid,
            _ => ScanEnd::Short,
        }
    }

    /// Whether more than padding lies between here and the next marker.
    pub(super) fn left_over(&self) -> bool {
        let (loaded, rest) = self.rest();
        // Some encoders fill up to a multiple of their word with one and the same byte.
        let padded = rest.iter().all(|&byte| byte == rest[0]) && (loaded == 0 || rest.is_empty() || rest[0] == 0);
        loaded + rest.len() > SLACK && !padded
    }

    /// Whether more lies between here and the next marker than is forgiven, padding or not: what was loaded already is not told
    /// from padding, so that this does not depend on how much was.
    pub(super) fn left_over_or_padded(&self) -> bool {
        let (loaded, rest) = self.rest();
        loaded + rest.len() > SLACK
    }

    /// Whole bytes that are loaded and not used, and those before the next marker.
    fn rest(&self) -> (usize, &[u8]) {
        let real = self.loaded.saturating_sub(self.phantom);
        (real as usize / 8, &self.bytes[self.position..any_marker(self.bytes, self.position)])
    }
}

/// Position of the first byte of ones at or behind `from`; the end when there is none.
fn first_ones(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    // A chunk is compared as a whole, in vector code.
    let clear = |chunk: &&[u8; 32]| !chunk.iter().fold(false, |any, &byte| any | (byte == 0xFF));
    let clear = 32 * rest.as_chunks::<32>().0.iter().take_while(clear).count();
    rest[clear..].iter().position(|&byte| byte == 0xFF).map_or(bytes.len(), |place| from + clear + place)
}

/// Position of the first marker at or behind `from`, restart markers included; the end when there is none.
fn any_marker(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at = first_ones(bytes, at);
        match bytes.get(at + 1) {
            Some(0) => at += 2,
            Some(0xFF) => at += 1,
            Some(_) => return at,
            None => break,
        }
    }
    bytes.len()
}

/// Position of the first marker at or behind `from` that ends a scan; the end when there is none.
pub(super) fn next_marker(bytes: &[u8], from: usize) -> usize {
    let mut at = any_marker(bytes, from);
    while matches!(bytes.get(at + 1), Some(0xD0..=0xD7)) {
        at = any_marker(bytes, at + 2);
    }
    at
}
