//! What the segments of a JPEG say (T.81 annex B), each by itself. They are read within the bytes given and without trusting a length.

use super::entropy::{FrameComponent, ScanHeader};
use super::quality::ZIGZAG;

/// The body of the segment whose length field is at `at`; `None` when the file ends before it.
pub(super) fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16_at(bytes, at)?);
    // A length counts its own two bytes; less is a lie, taken as an empty segment.
    bytes.get(at + 2..at + length.max(2))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&pair| u16::from_be_bytes(pair))
}

/// A frame header.
pub(super) struct Frame {
    pub(super) sof: u8,
    pub(super) precision: u8,
    /// Width and height.
    pub(super) size: (u32, u32),
    pub(super) components: Vec<FrameComponent>,
}

impl Frame {
    /// SOF (T.81 B.2.2). `None` when it contradicts itself.
    pub(super) fn read(sof: u8, body: &[u8]) -> Option<Self> {
        let precision = *body.first()?;
        let (height, width) = (u16_at(body, 1)?, u16_at(body, 3)?);
        let count = usize::from(*body.get(5)?);
        let mut components = Vec::with_capacity(count.min(4));
        for spec in body.get(6..6 + 3 * count)?.chunks_exact(3) {
            components.push(FrameComponent { id: spec[0], h: spec[1] >> 4, v: spec[1] & 15, table: spec[2] });
        }
        let sound = |c: &FrameComponent| (1..=4).contains(&c.h) && (1..=4).contains(&c.v);
        let sound = (1..=4).contains(&count) && components.iter().all(sound) && width > 0 && height > 0;
        sound.then(|| Self { sof, precision, size: (width.into(), height.into()), components })
    }
}

/// A Huffman table as a file has it: whether it is for AC, its id, code lengths and values.
pub(super) type Code<'a> = (bool, u8, &'a [u8], &'a [u8]);

/// Hands over the tables of DHT (T.81 B.2.4.2). `None` when one is cut.
pub(super) fn codes<'a>(mut body: &'a [u8], mut found: impl FnMut(Code<'a>)) -> Option<()> {
    while let [class_id, rest @ ..] = body {
        let lengths = rest.get(..16)?;
        let count: usize = lengths.iter().map(|&n| usize::from(n)).sum();
        let values = rest.get(16..16 + count).filter(|_| count <= 256)?;
        found((class_id >> 4 != 0, class_id & 15, lengths, values));
        body = &rest[16 + count..];
    }
    Some(())
}

/// Hands over the ids and tables of DQT (T.81 B.2.4.1), in natural order. `None` when one is cut.
pub(super) fn steps(mut body: &[u8], mut found: impl FnMut(u8, [u16; 64])) -> Option<()> {
    while let [precision_id, rest @ ..] = body {
        let (wide, id) = (precision_id >> 4 != 0, precision_id & 15);
        let length = if wide { 128 } else { 64 };
        let steps = rest.get(..length)?;
        let mut table = [0; 64];
        for (at, &natural) in ZIGZAG.iter().enumerate() {
            table[natural] = if wide { u16_at(steps, 2 * at)? } else { u16::from(steps[at]) };
        }
        found(id, table);
        body = &rest[length..];
    }
    Some(())
}

/// SOS (T.81 B.2.3). `None` when it is cut or names what is not in the frame.
pub(super) fn scan_header(body: &[u8], frame: &Frame) -> Option<ScanHeader> {
    let (&count, rest) = body.split_first()?;
    let specs = rest.get(..2 * usize::from(count))?;
    let &[first, last, approximation, ..] = rest.get(specs.len()..)? else { return None };
    let component = |spec: &[u8]| {
        let at = frame.components.iter().position(|component| component.id == spec[0])?;
        Some((at, spec[1] >> 4, spec[1] & 15))
    };
    let components = specs.chunks_exact(2).map(component).collect::<Option<Vec<_>>>()?;
    // Outside progressive mode these fields have one legal value, and decoders do not read them.
    let progressive = frame.sof == 0xC2;
    let spectrum = if progressive { (first, last) } else { (0, 63) };
    let approximation = if progressive { (approximation >> 4, approximation & 15) } else { (0, 0) };
    Some(ScanHeader { components, spectrum, approximation })
}
