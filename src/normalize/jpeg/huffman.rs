//! Huffman codes made for the symbols of a file (T.81 annex K.2).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How often each symbol occurs.
pub(super) type Frequencies = [u32; 256];

/// A Huffman code of at most 16 bits in which the code of all ones stays free.
#[derive(Debug)]
pub(super) struct Codes {
    /// Codes of each length, 1 to 16.
    pub(super) lengths: [u8; 16],
    /// Symbols, shortest code first.
    pub(super) values: Vec<u8>,
    /// By symbol: code and its length.
    pub(super) codes: [(u16, u8); 256],
}

impl Codes {
    pub(super) fn of(frequencies: &Frequencies) -> Self {
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

    /// Bits of all symbols with their codes and what follows each: as many bits as its low four say.
    pub(super) fn bits(&self, frequencies: &Frequencies) -> u64 {
        let bits =
            |symbol: usize| u64::from(frequencies[symbol]) * (u64::from(self.codes[symbol].1) + symbol as u64 % 16);
        self.values.iter().map(|&symbol| bits(usize::from(symbol))).sum()
    }
}

/// The symbol that reserves the code of all ones.
const RESERVED: usize = 256;

/// Code sizes by symbol (figure K.1).
fn code_sizes(frequencies: &Frequencies) -> [u8; 257] {
    // The rarest on top, of equal ones the later.
    let mut rarest: BinaryHeap<Reverse<(u64, Reverse<usize>)>> = frequencies
        .iter()
        .enumerate()
        .filter(|&(_, &f)| f > 0)
        .map(|(i, &f)| Reverse((u64::from(f), Reverse(i))))
        .collect();
    rarest.push(Reverse((1, Reverse(RESERVED))));
    let mut sizes = [0u8; 257];
    let mut others = [None::<usize>; 257];
    while let Some(Reverse((weight, Reverse(first)))) = rarest.pop() {
        let Some(Reverse((more, Reverse(second)))) = rarest.pop() else { break };
        rarest.push(Reverse((weight + more, Reverse(first))));
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
    sizes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Figure K.1 as it is printed.
    fn printed(frequencies: &Frequencies) -> [u8; 257] {
        let mut weight: [u64; 257] = std::array::from_fn(|i| frequencies.get(i).map_or(1, |&f| u64::from(f)));
        let (mut sizes, mut others) = ([0u8; 257], [None::<usize>; 257]);
        loop {
            let rarest = |except: Option<usize>| {
                (0..257).filter(|&i| weight[i] > 0 && Some(i) != except).min_by_key(|&i| (weight[i], 256 - i))
            };
            let Some(first) = rarest(None) else { return sizes };
            let Some(second) = rarest(Some(first)) else { return sizes };
            weight[first] += weight[second];
            weight[second] = 0;
            let mut at = first;
            sizes[at] += 1;
            while let Some(next) = others[at] {
                at = next;
                sizes[at] += 1;
            }
            others[at] = Some(second);
            at = second;
            sizes[at] += 1;
            while let Some(next) = others[at] {
                at = next;
                sizes[at] += 1;
            }
        }
    }

    proptest! {
        #[test]
        fn code_sizes_are_those_of_the_standard(counts in prop::collection::vec((any::<u8>(), 0u32..40), 0..200)) {
            let mut frequencies = [0; 256];
            for (symbol, count) in counts {
                frequencies[usize::from(symbol)] = count * count;
            }
            prop_assert_eq!(code_sizes(&frequencies), printed(&frequencies));
        }
    }

    #[test]
    fn codes_of_very_uneven_frequencies_are_at_most_16_bits() {
        let mut frequencies = [0u32; 256];
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
}
