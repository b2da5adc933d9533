//! The walk over a scan of sequential coding (T.81 annex F).

use super::bits::{Bits, Huffman};
use super::entropy::ScanEnd;
use super::leaps::{BlockLeaps, COEFFICIENTS, END, advance};

/// The tables of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) dc: Option<&'a Huffman>,
    pub(super) ac: Option<&'a Huffman>,
    pub(super) leaps: &'a BlockLeaps,
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// The block of the unit.
    pub(super) block: usize,
    /// Its next coefficient.
    pub(super) k: u32,
    /// Blocks to walk, this one included.
    pub(super) left: u64,
}

/// Walks `units` units of the blocks of `unit`: units done, and how it ended.
pub(super) fn walk(unit: &[Block<'_>], bits: &mut Bits<'_>, units: u32, restart_interval: u32) -> (u32, ScanEnd) {
    let interval = if restart_interval > 0 { restart_interval } else { units };
    let (mut done, mut restarts) = (0, 0u8);
    while done < units {
        if done > 0 {
            match bits.restart(restarts & 7) {
                ScanEnd::Complete => restarts = restarts.wrapping_add(1),
                end => return (done, end),
            }
        }
        let count = interval.min(units - done);
        match stretch(unit, bits, u64::from(count) * unit.len() as u64) {
            Ok(()) => done += count,
            Err((left, end)) => return (done + count - left.div_ceil(unit.len() as u64) as u32, end),
        }
    }
    (units, ScanEnd::Complete)
}

/// Walks `blocks` blocks, at least one, up to a restart marker. Blocks left and what is wrong, where it comes to that.
fn stretch(unit: &[Block<'_>], bits: &mut Bits<'_>, blocks: u64) -> Result<(), (u64, ScanEnd)> {
    let mut at = Progress { block: 0, k: 0, left: blocks };
    loop {
        bits.leap(unit, &mut at);
        // A symbol that no leap could say, or that lies near a byte of ones.
        let block = &unit[at.block];
        let symbol = match at.k {
            0 => block.dc.and_then(|table| bits.skip_value(table)).map(|_| 1),
            _ => block.ac.and_then(|table| bits.skip_value(table)).map(advance),
        };
        at.k += symbol.unwrap_or(0);
        if symbol.is_some() && at.k < COEFFICIENTS {
            continue;
        }
        if bits.overrun() {
            return Err((at.left, ScanEnd::Short));
        }
        // Runs may end at the last coefficient, not behind it.
        if symbol.is_none() || (COEFFICIENTS + 1..END).contains(&at.k) {
            return Err((at.left, ScanEnd::Invalid));
        }
        at = Progress { block: (at.block + 1) % unit.len(), k: 0, left: at.left - 1 };
        if at.left == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    use proptest::prelude::*;

    use super::super::leaps::NO_LEAPS;
    use super::*;

    /// A file's tables by class and number, and its bytes from the scan's data on.
    fn parts(jpeg: &[u8]) -> ([[Option<Huffman>; 2]; 2], &[u8]) {
        let mut tables = [[None, None], [None, None]];
        let mut at = 2;
        loop {
            let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            let (marker, body) = (jpeg[at + 1], &jpeg[at + 4..at + 2 + length]);
            at += 2 + length;
            match marker {
                0xC4 => {
                    let slot = &mut tables[usize::from(body[0] >> 4)][usize::from(body[0] & 15)];
                    *slot = Huffman::new(&body[1..17], &body[17..]);
                }
                0xDA => return (tables, &jpeg[at..]),
                _ => {}
            }
        }
    }

    fn encoded(seed: u32, noise: u32, quality: u8, restart_interval: u16) -> Vec<u8> {
        let mut state = seed | 1;
        let pixels: Vec<u8> = (0..64 * 48 * 3)
            .map(|i| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                (i / 97 % 150 + state % (noise + 1)) as u8
            })
            .collect();
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, quality);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        encoder.set_restart_interval(restart_interval);
        encoder.encode(&pixels, 64, 48, ColorType::Rgb).expect("encodes");
        jpeg
    }

    proptest! {
        #[test]
        fn leaps_change_nothing_whatever_the_damage(
            seed in any::<u32>(), noise in 0u32..106, quality in 5u8..=100, restart_interval in 0u16..6,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(), is_cut in any::<bool>(),
            tail in prop::collection::vec(prop::sample::select(vec![0u8, 0x55, 0xD3, 0xFF]), 0..12),
        ) {
            let jpeg = encoded(seed, noise, quality, restart_interval);
            let (tables, data) = parts(&jpeg);
            let mut data = data.to_vec();
            for (at, byte) in damage {
                let at = at.index(data.len());
                data[at] = byte;
            }
            if is_cut {
                data.truncate(cut.index(data.len()));
                data.extend(tail);
                data.extend([0xFF, 0xD9]);
            }
            let pairs = [0, 1].map(|i| (tables[0][i].as_ref(), tables[1][i].as_ref()));
            let leaps = pairs.map(|(dc, ac)| BlockLeaps::new(dc.expect("defined"), ac.expect("defined")));
            let walked = |leaps: [&BlockLeaps; 2]| {
                let unit = [0, 0, 0, 0, 1, 1].map(|i| Block { dc: pairs[i].0, ac: pairs[i].1, leaps: leaps[i] });
                let mut bits = Bits::new(&data, 0);
                let outcome = walk(&unit, &mut bits, 12, u32::from(restart_interval));
                (outcome, bits.position, bits.overrun(), bits.left_over())
            };
            prop_assert_eq!(walked([&leaps[0], &leaps[1]]), walked([&NO_LEAPS; 2]));
        }
    }

    #[test]
    fn leaps_pass_all_but_what_is_near_the_end() {
        let jpeg = encoded(5, 40, 90, 0);
        let (tables, _) = parts(&jpeg);
        let [dc, ac] = [0, 1].map(|class| tables[class][0].as_ref().expect("defined"));
        let leaps = BlockLeaps::new(dc, ac);
        // In the standard tables 00 is a DC coefficient like the one before, and 1010 the end of the block.
        let data = [0b0010_1000, 0b1010_0010, 0b1000_1010].repeat(20);
        let mut at = Progress { block: 0, k: 0, left: 80 };
        Bits::new(&data, 0).leap(&[Block { dc: Some(dc), ac: Some(ac), leaps: &leaps }], &mut at);
        // The last twelve bytes hold sixteen blocks.
        assert!(at.left <= 16, "{at:?}");
    }
}
