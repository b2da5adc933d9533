//! Walks the entropy-coded data of a JPEG without making pixels of it, to say how much of the image is really there.
//!
//! Decoders fill what is missing with gray and call it a picture. This walk decodes every Huffman symbol (T.81 annex F
//! and G), counts the blocks that end before the data do, and sees data that end early, codes that do not exist and
//! bytes left over. Sequential and progressive Huffman coding are walked; a progressive file needs one bit of memory a
//! coefficient, because a refinement scan skips a bit for every coefficient already known not to be zero.

/// Bytes a scan may leave over before its marker; longer rests mean that the data do not belong to the image.
const SLACK: usize = 4;
/// Bits the first Huffman look-up decides.
const LOOKUP: u32 = 9;

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
        let Some(mut coder) = Coder::new(self, header) else { return (0, 1, ScanEnd::Invalid) };
        let alone = match header.components[..] {
            [(only, ..)] => Some(only),
            _ => None,
        };
        let (across, down) = alone.map_or(self.mcus, |only| self.planes[only].blocks);
        let units = across * down;
        let mut until_restart = self.restart_interval;
        let mut restarts = 0u8;
        let (mut x, mut y) = (0, 0);
        for done in 0..units {
            if self.restart_interval > 0 && until_restart == 0 {
                match bits.restart(restarts & 7) {
                    ScanEnd::Complete => (until_restart, coder.end_of_band) = (self.restart_interval, 0),
                    end => return (done, units, end),
                }
                restarts = restarts.wrapping_add(1);
            }
            until_restart = until_restart.wrapping_sub(1);
            for &(at, dc, ac) in &header.components {
                let plane = &mut self.planes[at];
                let (wide, high) = if alone.is_some() { (1, 1) } else { (plane.h, plane.v) };
                let tables = (self.dc[usize::from(dc)].as_ref(), self.ac[usize::from(ac)].as_ref());
                for row in 0..high {
                    for column in 0..wide {
                        let index = ((y * high + row) * plane.stride + x * wide + column) as usize;
                        let mut unused = 0;
                        let nonzero = plane.nonzero.get_mut(index).unwrap_or(&mut unused);
                        let sound = coder.block(bits, tables, nonzero);
                        if bits.overrun() {
                            return (done, units, ScanEnd::Short);
                        }
                        if sound.is_none() {
                            return (done, units, ScanEnd::Invalid);
                        }
                    }
                }
            }
            x += 1;
            if x == across {
                (x, y) = (0, y + 1);
            }
        }
        (units, units, ScanEnd::Complete)
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

/// What a block of the scan consists of.
#[derive(Debug, Clone, Copy)]
enum Coding {
    Sequential,
    DcFirst,
    DcRefine,
    AcFirst,
    AcRefine,
}

/// Decodes blocks of one scan.
struct Coder {
    coding: Coding,
    first: u32,
    last: u32,
    /// Blocks still to come that hold no new coefficient (progressive).
    end_of_band: u32,
}

impl Coder {
    /// `None` when the header asks for what does not exist.
    fn new(entropy: &Entropy, header: &ScanHeader) -> Option<Self> {
        let (first, last) = header.spectrum;
        let coding = match (entropy.progressive, first, header.approximation.0) {
            (false, ..) => Coding::Sequential,
            (true, 0, 0) => Coding::DcFirst,
            (true, 0, _) => Coding::DcRefine,
            (true, _, 0) => Coding::AcFirst,
            (true, ..) => Coding::AcRefine,
        };
        let sound = first <= last
            && last <= 63
            && !header.components.is_empty()
            && header.components.iter().all(|&(at, dc, ac)| at < entropy.planes.len() && dc < 4 && ac < 4)
            && (matches!(coding, Coding::Sequential) || first > 0 || last == 0)
            && (first == 0 || header.components.len() == 1);
        sound.then_some(Self { coding, first: u32::from(first), last: u32::from(last), end_of_band: 0 })
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
            Coding::Sequential => {
                bits.skip_value(dc?)?;
                let ac = ac?;
                let mut k = 1;
                while k < 64 {
                    let symbol = bits.skip_value(ac)?;
                    match (symbol >> 4, symbol & 15) {
                        (15, 0) => k += 16,
                        (_, 0) => return Some(()),
                        (run, _) => k += run + 1,
                    }
                }
                // Runs may end at the last coefficient, not behind it.
                (k == 64).then_some(())
            }
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
}

/// Reads bits of entropy-coded data up to the next marker, zeros behind it.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    /// Next byte to load; stays on a marker.
    position: usize,
    /// Loaded bits, the next one on top.
    buffer: u64,
    loaded: u32,
    /// How many of the loaded bits are zeros from behind the end.
    phantom: u32,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position, buffer: 0, loaded: 0, phantom: 0 }
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
        while self.loaded <= 56 {
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
    fn drop(&mut self, count: u32) {
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
    fn skip_value(&mut self, table: &Huffman) -> Option<u32> {
        let symbol = self.symbol(table)?;
        // At most 16 bits of code and 15 of value: one fill covers both.
        self.drop(symbol & 15);
        Some(symbol)
    }

    /// Goes on behind the restart marker `number`.
    fn restart(&mut self, number: u8) -> ScanEnd {
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
    fn left_over(&self) -> bool {
        let real = self.loaded.saturating_sub(self.phantom);
        let loaded = real as usize / 8;
        let rest = &self.bytes[self.position..any_marker(self.bytes, self.position)];
        // Some encoders fill up to a multiple of their word with one and the same byte.
        let padded = rest.iter().all(|&byte| byte == rest[0]) && (loaded == 0 || rest.is_empty() || rest[0] == 0);
        loaded + rest.len() > SLACK && !padded
    }
}

/// Position of the first marker at or behind `from`, restart markers included; the end when there is none.
fn any_marker(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xFF)) {
        at += offset;
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
