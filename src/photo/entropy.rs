//! Walks the entropy-coded data of a JPEG without making pixels of it, to say how much of the image is really there.
//!
//! Decoders fill what is missing with gray and call it a picture. This walk decodes every Huffman symbol (T.81 annex F
//! and G), counts the blocks that end before the data do, and sees data that end early, codes that do not exist and
//! bytes left over. Sequential and progressive Huffman coding are walked; a progressive file needs one bit of memory a
//! coefficient, because a refinement scan skips a bit for every coefficient already known not to be zero.

use std::collections::BTreeMap;

use super::bits::{Bits, Huffman, next_marker};
use super::leaps::{BlockLeaps, NO_LEAPS};
use super::sequential::{self, Block};

/// One component of the frame header.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameComponent {
    /// Identifier scans refer to.
    pub(super) id: u8,
    /// Horizontal sampling factor, 1 to 4.
    pub(super) h: u8,
    /// Vertical sampling factor, 1 to 4.
    pub(super) v: u8,
    /// Quantisation table.
    pub(super) table: u8,
}

/// A scan header (T.81 B.2.3).
#[derive(Debug, Clone)]
pub(super) struct ScanHeader {
    /// Index of each component in the frame, with its DC and AC table.
    pub(super) components: Vec<(usize, u8, u8)>,
    /// First and last coefficient.
    pub(super) spectrum: (u8, u8),
    /// Successive approximation, high and low bit.
    pub(super) approximation: (u8, u8),
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanEnd {
    /// Every block is there.
    Complete,
    /// The data end before the last block.
    Short,
    /// A code that does not exist, a coefficient beyond the last, a lost restart, or data left over.
    Invalid,
}

/// The walk over all scans of one frame.
#[derive(Debug)]
pub(super) struct Entropy {
    progressive: bool,
    mcus: (u32, u32),
    planes: Vec<Plane>,
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    /// MCUs between restart markers, 0 for none.
    pub(super) restart_interval: u32,
}

/// The blocks of one component.
#[derive(Debug)]
struct Plane {
    h: u32,
    v: u32,
    /// Blocks in a row of the interleaved grid.
    stride: u32,
    /// Blocks that hold pixels, across and down.
    blocks: (u32, u32),
    /// Coefficients known not to be zero, a bit each; empty in sequential files.
    nonzero: Vec<u64>,
    /// Share of each coefficient's bits that has arrived over the whole plane, 0 to 1.
    arrived: [f64; 64],
    /// Scans it takes to complete each coefficient, from the first one's low bit.
    scans: [f64; 64],
}

impl Entropy {
    /// A walk over a frame of `size` pixels. Memory is taken for progressive frames only: 8 bytes a block.
    pub(super) fn new(progressive: bool, size: (u32, u32), components: &[FrameComponent]) -> Self {
        let h_max = components.iter().map(|c| u32::from(c.h)).max().unwrap_or(1);
        let v_max = components.iter().map(|c| u32::from(c.v)).max().unwrap_or(1);
        let mcus = (size.0.div_ceil(8 * h_max), size.1.div_ceil(8 * v_max));
        let plane = |component: &FrameComponent| {
            let (h, v) = (u32::from(component.h), u32::from(component.v));
            let blocks = ((size.0 * h).div_ceil(8 * h_max), (size.1 * v).div_ceil(8 * v_max));
            let stride = mcus.0 * h;
            let nonzero = if progressive { vec![0; stride as usize * (mcus.1 * v) as usize] } else { Vec::new() };
            Plane { h, v, stride, blocks, nonzero, arrived: [0.0; 64], scans: [1.0; 64] }
        };
        let planes = components.iter().map(plane).collect();
        Self { progressive, mcus, planes, dc: Default::default(), ac: Default::default(), restart_interval: 0 }
    }

    /// Sets a Huffman table; `false` when its code lengths do not make a code.
    pub(super) fn define(&mut self, ac: bool, id: u8, lengths: &[u8], values: &[u8]) -> bool {
        let table = Huffman::new(lengths, values);
        let known = table.is_some();
        let slots = if ac { &mut self.ac } else { &mut self.dc };
        if let Some(slot) = slots.get_mut(usize::from(id)) {
            *slot = table;
        }
        known
    }

    /// Share of the image that has arrived, 0 to 1: of the blocks in sequential files, of the coefficients' bits in
    /// progressive ones.
    pub(super) fn share(&self) -> f64 {
        let weigh = |plane: &Plane| f64::from(plane.blocks.0) * f64::from(plane.blocks.1);
        let all: f64 = self.planes.iter().map(weigh).sum();
        let arrived = |plane: &Plane| plane.arrived.iter().sum::<f64>() / 64.0;
        let here: f64 = self.planes.iter().map(|plane| weigh(plane) * arrived(plane)).sum();
        // Sums of many fractions of 64 come out a rounding step below one.
        let share = here / all.max(1.0);
        if share > 1.0 - 1e-9 { 1.0 } else { share }
    }

    /// Walks one scan whose data begin at `start`; returns where the next marker is (or the end) and how it went.
    pub(super) fn scan(&mut self, header: &ScanHeader, bytes: &[u8], start: usize) -> (usize, ScanEnd) {
        let mut bits = Bits::new(bytes, start);
        let (done, units, mut end) = self.blocks(header, &mut bits);
        self.count(header, f64::from(done) / f64::from(units.max(1)));
        if end == ScanEnd::Complete && bits.left_over() {
            end = ScanEnd::Invalid;
        }
        (next_marker(bytes, bits.position), end)
    }

    /// Decodes the blocks of a scan: units done, units in all, and how it ended.
    fn blocks(&mut self, header: &ScanHeader, bits: &mut Bits<'_>) -> (u32, u32, ScanEnd) {
        if !self.allows(header) {
            return (0, 1, ScanEnd::Invalid);
        }
        let alone = match header.components[..] {
            [(only, ..)] => Some(only),
            _ => None,
        };
        let (across, down) = alone.map_or(self.mcus, |only| self.planes[only].blocks);
        let units = across * down;
        let (done, end) = if self.progressive {
            self.progressive(header, bits, (across, units))
        } else {
            self.sequential(header, bits, units)
        };
        (done, units, end)
    }

    /// Whether the header asks for what exists.
    fn allows(&self, header: &ScanHeader) -> bool {
        let (first, last) = header.spectrum;
        first <= last
            && last <= 63
            && !header.components.is_empty()
            && header.components.iter().all(|&(at, dc, ac)| at < self.planes.len() && dc < 4 && ac < 4)
            && (!self.progressive || first > 0 || last == 0)
            && (first == 0 || header.components.len() == 1)
    }

    /// Walks a sequential scan: units done, and how it ended.
    fn sequential(&self, header: &ScanHeader, bits: &mut Bits<'_>, units: u32) -> (u32, ScanEnd) {
        let tables = |dc: u8, ac: u8| (self.dc[usize::from(dc)].as_ref(), self.ac[usize::from(ac)].as_ref());
        // Components mostly share tables, as both of colour do.
        let mut leaps = BTreeMap::new();
        for &(_, dc_id, ac_id) in &header.components {
            if let (Some(dc), Some(ac)) = tables(dc_id, ac_id) {
                leaps.entry((dc_id, ac_id)).or_insert_with(|| Box::new(BlockLeaps::new(dc, ac)));
            }
        }
        let mut unit = Vec::new();
        for &(at, dc_id, ac_id) in &header.components {
            let (dc, ac) = tables(dc_id, ac_id);
            let leaps = leaps.get(&(dc_id, ac_id)).map_or(&NO_LEAPS, |leaps| &**leaps);
            let count = if header.components.len() == 1 { 1 } else { self.planes[at].h * self.planes[at].v };
            unit.extend((0..count).map(|_| Block { dc, ac, leaps }));
        }
        sequential::walk(&unit, bits, units, self.restart_interval)
    }

    /// Walks a progressive scan, whose units stand `across` in a row: units done, and how it ended.
    fn progressive(&mut self, header: &ScanHeader, bits: &mut Bits<'_>, (across, units): (u32, u32)) -> (u32, ScanEnd) {
        let mut coder = Coder::new(header);
        let alone = header.components.len() == 1;
        let mut until_restart = self.restart_interval;
        let mut restarts = 0u8;
        let (mut x, mut y) = (0, 0);
        for done in 0..units {
            if self.restart_interval > 0 && until_restart == 0 {
                match bits.restart(restarts & 7) {
                    ScanEnd::Complete => (until_restart, coder.end_of_band) = (self.restart_interval, 0),
                    end => return (done, end),
                }
                restarts = restarts.wrapping_add(1);
            }
            until_restart = until_restart.wrapping_sub(1);
            for &(at, dc, ac) in &header.components {
                let plane = &mut self.planes[at];
                let (wide, high) = if alone { (1, 1) } else { (plane.h, plane.v) };
                let tables = (self.dc[usize::from(dc)].as_ref(), self.ac[usize::from(ac)].as_ref());
                for row in 0..high {
                    for column in 0..wide {
                        let index = ((y * high + row) * plane.stride + x * wide + column) as usize;
                        let mut unused = 0;
                        let nonzero = plane.nonzero.get_mut(index).unwrap_or(&mut unused);
                        let sound = coder.block(bits, tables, nonzero);
                        if bits.overrun() {
                            return (done, ScanEnd::Short);
                        }
                        if sound.is_none() {
                            return (done, ScanEnd::Invalid);
                        }
                    }
                }
            }
            x += 1;
            if x == across {
                (x, y) = (0, y + 1);
            }
        }
        (units, ScanEnd::Complete)
    }

    /// Adds a scan, of which `share` arrived, to the account of what is there.
    fn count(&mut self, header: &ScanHeader, share: f64) {
        let (high, low) = header.approximation;
        for &(at, ..) in &header.components {
            let plane = &mut self.planes[at];
            for k in usize::from(header.spectrum.0)..=usize::from(header.spectrum.1).min(63) {
                if high == 0 {
                    plane.scans[k] = f64::from(low) + 1.0;
                }
                plane.arrived[k] = (plane.arrived[k] + share / plane.scans[k]).min(1.0);
            }
        }
    }
}

/// What a block of a progressive scan consists of.
#[derive(Debug, Clone, Copy)]
enum Coding {
    DcFirst,
    DcRefine,
    AcFirst,
    AcRefine,
}

/// Decodes blocks of one progressive scan.
struct Coder {
    coding: Coding,
    first: u32,
    last: u32,
    /// Blocks still to come that hold no new coefficient.
    end_of_band: u32,
}

impl Coder {
    fn new(header: &ScanHeader) -> Self {
        let (first, last) = header.spectrum;
        let coding = match (first, header.approximation.0) {
            (0, 0) => Coding::DcFirst,
            (0, _) => Coding::DcRefine,
            (_, 0) => Coding::AcFirst,
            (..) => Coding::AcRefine,
        };
        Self { coding, first: u32::from(first), last: u32::from(last), end_of_band: 0 }
    }

    /// Passes one block; `None` when it is malformed.
    #[inline]
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        (dc, ac): (Option<&Huffman>, Option<&Huffman>),
        nonzero: &mut u64,
    ) -> Option<()> {
        match self.coding {
            Coding::DcFirst => bits.skip_value(dc?).map(drop),
            Coding::DcRefine => {
                bits.take(1);
                Some(())
            }
            Coding::AcFirst => self.ac_first(bits, ac?, nonzero),
            Coding::AcRefine => self.ac_refine(bits, ac?, nonzero),
        }
    }

    /// First scan of a band (T.81 G.1.2.2).
    fn ac_first(&mut self, bits: &mut Bits<'_>, table: &Huffman, nonzero: &mut u64) -> Option<()> {
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            return Some(());
        }
        let mut k = self.first;
        while k <= self.last {
            let symbol = bits.symbol(table)?;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => k += 16,
                (run, 0) => {
                    self.end_of_band = (1 << run) - 1 + bits.take(run);
                    return Some(());
                }
                (run, size) => {
                    bits.take(size);
                    k += run;
                    if k > self.last {
                        return None;
                    }
                    *nonzero |= 1 << k;
                    k += 1;
                }
            }
        }
        Some(())
    }

    /// Refinement of a band (T.81 G.1.2.3): a bit for every coefficient that is not zero, new ones in between.
    fn ac_refine(&mut self, bits: &mut Bits<'_>, table: &Huffman, nonzero: &mut u64) -> Option<()> {
        let mut k = self.first;
        while self.end_of_band == 0 && k <= self.last {
            let symbol = bits.symbol(table)?;
            let (mut run, size) = (symbol >> 4, symbol & 15);
            match size {
                0 if run < 15 => {
                    self.end_of_band = (1 << run) + bits.take(run);
                    break;
                }
                0 => {}
                1 => drop(bits.take(1)),
                _ => return None,
            }
            while k <= self.last {
                if *nonzero >> k & 1 == 1 {
                    bits.take(1);
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                k += 1;
            }
            if size == 1 {
                if k > self.last {
                    return None;
                }
                *nonzero |= 1 << k;
            }
            k += 1;
        }
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            for k in k..=self.last {
                bits.take((*nonzero >> k & 1) as u32);
            }
        }
        Some(())
    }
}
