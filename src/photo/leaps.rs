//! Several symbols of a block in one look-up, where only their number and length matter.

use super::bits::Huffman;

/// Bits the look-up decides.
const LOOKUP: u32 = 11;
/// Bits that a leap takes at most, values included, so that the bits of one fill are enough for two.
const MOST: u32 = 16;
/// Coefficients of a block.
pub(super) const COEFFICIENTS: u32 = 64;
/// Added to a coefficient's number where a block is said to end: more than symbols of runs can lead to.
pub(super) const END: u32 = 128;

/// How far an AC symbol leads (T.81 F.2.2.2): over a run of zeros and a value, sixteen zeros, or to the end.
#[inline(always)]
pub(super) fn advance(symbol: u32) -> u32 {
    match (symbol >> 4, symbol & 15) {
        (15, 0) => 16,
        (_, 0) => END,
        (run, _) => run + 1,
    }
}

/// One or more symbols, each with its value.
#[derive(Debug, Clone, Copy)]
#[repr(align(4))]
pub(super) struct Leap {
    /// Bits they take.
    pub(super) bits: u8,
    /// How many coefficients they lead on.
    pub(super) advance: u8,
    /// How many all but the last lead on: with them a block may not be full yet.
    pub(super) before: u8,
}

/// What no leap can say: no block has room for it.
const NONE: Leap = Leap { bits: 0, advance: 0, before: COEFFICIENTS as u8 };

/// Leaps by the next bits.
#[derive(Debug)]
pub(super) struct Leaps([Leap; 1 << LOOKUP]);

/// The leaps from the start of a block, whose first symbol is its DC coefficient, and those behind it.
#[derive(Debug)]
pub(super) struct BlockLeaps {
    pub(super) start: Leaps,
    pub(super) rest: Leaps,
}

/// A block in which every symbol is looked up alone.
pub(super) static NO_LEAPS: BlockLeaps =
    BlockLeaps { start: Leaps([NONE; 1 << LOOKUP]), rest: Leaps([NONE; 1 << LOOKUP]) };

impl BlockLeaps {
    pub(super) fn new(dc: &Huffman, ac: &Huffman) -> Self {
        let dc = single(dc, |_| 1);
        let ac = single(ac, advance);
        Self { start: Leaps::joined(&dc, &ac), rest: Leaps::joined(&ac, &ac) }
    }
}

/// By the next bits: the length of the code they begin with, and the leap over its symbol alone.
type Single = [(u32, Leap); 1 << LOOKUP];

fn single(table: &Huffman, advance: fn(u32) -> u32) -> Single {
    let mut single = [(0, NONE); 1 << LOOKUP];
    for (code, length, symbol) in table.codes() {
        let bits = length + (symbol & 15);
        if length <= LOOKUP && bits <= MOST {
            let free = LOOKUP - length;
            let from = (code << free) as usize;
            let leap = Leap { bits: bits as u8, advance: advance(symbol) as u8, before: 0 };
            single[from..from + (1 << free)].fill((length, leap));
        }
    }
    single
}

impl Leaps {
    /// Leaps of a symbol of `first` and as many of `then` as the bits say for certain.
    fn joined(first: &Single, then: &Single) -> Self {
        let mut leaps = [NONE; 1 << LOOKUP];
        for (ahead, (out, &(_, mut leap))) in leaps.iter_mut().zip(first).enumerate() {
            while leap.bits > 0 && u32::from(leap.bits) < LOOKUP && u32::from(leap.advance) < END {
                let (length, next) = then[ahead << leap.bits & ((1 << LOOKUP) - 1)];
                let bits = leap.bits + next.bits;
                // A code must lie within the bits at hand; its value, which is passed over unseen, need not.
                if next.bits == 0 || u32::from(leap.bits) + length > LOOKUP || u32::from(bits) > MOST {
                    break;
                }
                leap = Leap { bits, advance: leap.advance + next.advance, before: leap.advance };
            }
            *out = leap;
        }
        Self(leaps)
    }

    /// Leaps behind the first symbol of a block.
    pub(super) fn behind(ac: &Huffman) -> Self {
        let ac = single(ac, advance);
        Self::joined(&ac, &ac)
    }

    /// The leap for a buffer whose next bit is on top.
    #[inline(always)]
    pub(super) fn ahead(&self, buffer: u64) -> Leap {
        self.0[(buffer >> (u64::BITS - LOOKUP)) as usize]
    }
}

/// Bits the look-up of symbols with their values decides.
const LOOKUP_OF_VALUES: u32 = 10;

/// A symbol with its value, as far as both lie within the bits of the look-up.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(4))]
pub(super) struct Coded {
    /// Bits of the code and the value; 0 for what the look-up cannot say.
    pub(super) bits: u8,
    /// How many coefficients it leads on.
    pub(super) advance: u8,
    /// 0 where a symbol has none.
    pub(super) value: i16,
}

/// A Huffman table whose values are read, with its symbols and their values by the next bits.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) table: &'a Huffman,
    coded: [Coded; 1 << LOOKUP_OF_VALUES],
}

impl<'a> Values<'a> {
    pub(super) fn new(table: &'a Huffman) -> Self {
        let mut coded = [Coded::default(); 1 << LOOKUP_OF_VALUES];
        for (code, length, symbol) in table.codes() {
            let size = symbol & 15;
            if length + size > LOOKUP_OF_VALUES {
                continue;
            }
            let free = LOOKUP_OF_VALUES - length - size;
            for bits in 0..1 << size {
                let from = ((code << size | bits) << free) as usize;
                let one = Coded {
                    bits: (length + size) as u8,
                    advance: advance(symbol) as u8,
                    value: value(bits, size) as i16,
                };
                coded[from..from + (1 << free)].fill(one);
            }
        }
        Self { table, coded }
    }

    /// The symbol and value at the start of a buffer whose next bit is on top.
    #[inline(always)]
    pub(super) fn ahead(&self, buffer: u64) -> Coded {
        self.coded[(buffer >> (u64::BITS - LOOKUP_OF_VALUES)) as usize]
    }
}

/// The value of `size` bits (T.81 F.2.2.1): a first bit of zero says that it is negative (figure F.12).
#[inline(always)]
pub(super) fn value(bits: u32, size: u32) -> i32 {
    let negative = bits << 1 >> size == 0;
    bits as i32 + if negative { 1 - (1 << size) } else { 0 }
}
