//! JPEG markers: frame type, components, tables, density, quality, and how much of the image is there.
//!
//! The walk follows T.81 annex B from marker to marker, within the bytes given and without trusting a length; it never
//! decodes a pixel.

use super::bits::next_marker;
use super::container::{Density, DensitySource, Depth, Stream, within};
use super::entropy::{Entropy, ScanEnd};
use super::quality;
use super::segments::{Code, Frame, codes, scan_header, segment, steps, u16_at};
use super::traces;
use crate::limits::Limits;

/// Facts of a JPEG stream (ITU-T T.81).
#[derive(Debug, Clone, PartialEq)]
pub struct JpegFacts {
    /// Start-of-frame marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, others rare.
    pub sof: u8,
    /// Bits per sample.
    pub precision: u8,
    /// Components with their horizontal and vertical sampling factors.
    pub sampling: Vec<(u8, u8)>,
    /// Adobe APP14 transform: 0 none (RGB, CMYK), 1 YCbCr, 2 YCCK.
    pub adobe_transform: Option<u8>,
    /// Quantisation tables in natural (not zig-zag) order, by id, 8 or 16 bit.
    pub tables: Vec<(u8, [u16; 64])>,
    /// Quality estimated from the tables.
    pub quality: Option<QualityEstimate>,
    /// Whether an EOI marker ends the image.
    pub has_eoi: bool,
    /// Whether a Photoshop APP13 block is present.
    pub photoshop: bool,
    /// Whether there is what Photoshop itself writes: resources other than captions in that block, or APP12 "Ducky".
    pub photoshop_settings: bool,
    /// Whether an XMP block is present.
    pub xmp: bool,
    /// The program XMP names as the one the photo was made with (xmp:CreatorTool).
    pub creator_tool: Option<String>,
}

/// IJG quality estimated from quantisation tables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityEstimate {
    /// Quality, 1 to 100.
    pub quality: f64,
    /// Root-mean-square relative difference between the file's tables and the scaled Annex K tables.
    pub misfit: f64,
    /// Whether the tables are the IJG ones within rounding; otherwise `quality` is the nearest by quantiser energy.
    pub standard: bool,
}

impl JpegFacts {
    /// Whether the coding is one that every program reads: Huffman, baseline, extended or progressive.
    pub fn is_common(&self) -> bool {
        matches!(self.sof, 0xC0..=0xC2)
    }
}

/// Everything the markers say.
pub(super) struct Survey<'a> {
    /// Width and height of the frame.
    pub size: Option<(u32, u32)>,
    /// The facts; `None` without a frame header.
    pub facts: Option<JpegFacts>,
    /// JFIF density.
    pub density: Option<Density>,
    /// EXIF block from its TIFF header.
    pub exif: Option<&'a [u8]>,
    /// ICC profile, put together from its segments.
    pub icc: Option<Vec<u8>>,
    /// Bytes after the end of the image.
    pub trailing: u64,
    /// How much of the image there is.
    pub stream: Stream,
}

/// Walks the markers of `bytes`, which begin with SOI. Frames larger than `limits` are not walked further than their
/// headers, nor is any frame where only segments are asked for.
pub(super) fn survey<'a>(bytes: &'a [u8], limits: &Limits, depth: Depth) -> Survey<'a> {
    let mut walk = Walk { limits: *limits, depth, ..Walk::default() };
    let (mut at, mut stray, mut eoi) = (2, 0, None);
    while let Some(&byte) = bytes.get(at) {
        // Fill bytes (0xFF before a marker) are allowed; anything else between segments is not.
        if byte != 0xFF {
            stray += 1;
            at += 1;
            continue;
        }
        let Some(&marker) = bytes.get(at + 1) else { break };
        match marker {
            0xFF => at += 1,
            0xD9 => {
                eoi = Some(at + 2);
                break;
            }
            0x00 | 0x01 | 0xD0..=0xD8 => {
                stray += 2;
                at += 2;
            }
            _ => {
                let Some(segment) = segment(bytes, at + 2) else { break };
                at += 4 + segment.len();
                if marker == 0xDA {
                    at = walk.scan(segment, bytes, at);
                } else {
                    walk.segment(marker, segment);
                }
            }
        }
    }
    walk.finish(bytes, stray, eoi)
}

/// What was gathered so far.
#[derive(Default)]
struct Walk<'a> {
    limits: Limits,
    depth: Depth,
    frame: Option<Frame>,
    /// Absent when the frame is too large or coded in a way that is not walked.
    entropy: Option<Entropy>,
    huffman: Vec<Code<'a>>,
    restart_interval: u16,
    tables: Vec<(u8, [u16; 64])>,
    jfif: Option<Density>,
    exif: Option<&'a [u8]>,
    icc: Vec<(u8, u8, &'a [u8])>,
    adobe_transform: Option<u8>,
    photoshop: bool,
    photoshop_settings: bool,
    xmp: bool,
    creator_tool: Option<String>,
    scans: usize,
    short: bool,
    damaged: bool,
}

impl<'a> Walk<'a> {
    fn segment(&mut self, marker: u8, body: &'a [u8]) {
        let known = match marker {
            0xC4 => self.huffman(body),
            0xDB => self.quantisation(body),
            0xDD => u16_at(body, 0).map(|interval| {
                self.restart_interval = interval;
                if let Some(entropy) = &mut self.entropy {
                    entropy.restart_interval = u32::from(interval);
                }
            }),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => self.frame(marker, body),
            0xE0 => {
                self.jfif = self.jfif.or_else(|| jfif_density(body));
                Some(())
            }
            0xE1 => {
                self.exif = self.exif.or_else(|| body.strip_prefix(b"Exif\0\0"));
                if let Some(packet) = body.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.xmp = true;
                    self.creator_tool = self.creator_tool.take().or_else(|| traces::creator_tool(packet));
                }
                Some(())
            }
            0xE2 => {
                if let Some(&[number, count, ref data @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") {
                    self.icc.push((number, count, data));
                }
                Some(())
            }
            0xEC => {
                self.photoshop_settings |= body.starts_with(b"Ducky");
                Some(())
            }
            0xED => {
                if let Some(resources) = body.strip_prefix(b"Photoshop 3.0\0") {
                    self.photoshop = true;
                    self.photoshop_settings |= traces::holds_settings(resources);
                }
                Some(())
            }
            0xEE => {
                if let Some(rest) = body.strip_prefix(b"Adobe") {
                    self.adobe_transform = rest.get(6).copied();
                }
                Some(())
            }
            _ => Some(()),
        };
        self.damaged |= known.is_none();
    }

    /// SOF. `None` when it contradicts itself or comes twice.
    fn frame(&mut self, sof: u8, body: &[u8]) -> Option<()> {
        let frame = Frame::read(sof, body).filter(|_| self.frame.is_none())?;
        if matches!(sof, 0xC0..=0xC2) && within(frame.size, &self.limits) && self.depth == Depth::Data {
            let mut entropy = Entropy::new(sof == 0xC2, frame.size, &frame.components);
            entropy.restart_interval = u32::from(self.restart_interval);
            for &(ac, id, lengths, values) in &self.huffman {
                self.damaged |= !entropy.define(ac, id, lengths, values);
            }
            self.entropy = Some(entropy);
        }
        self.frame = Some(frame);
        Some(())
    }

    fn huffman(&mut self, body: &'a [u8]) -> Option<()> {
        codes(body, |code @ (ac, id, lengths, values)| match &mut self.entropy {
            Some(entropy) => self.damaged |= !entropy.define(ac, id, lengths, values),
            None => self.huffman.push(code),
        })
    }

    fn quantisation(&mut self, body: &[u8]) -> Option<()> {
        steps(body, |id, table| {
            self.tables.retain(|&(other, _)| other != id);
            self.tables.push((id, table));
        })
    }

    /// SOS (T.81 B.2.3) and the data behind it; returns where the next marker is.
    fn scan(&mut self, body: &[u8], bytes: &[u8], at: usize) -> usize {
        self.scans += 1;
        let (Some(entropy), Some(frame)) = (&mut self.entropy, &self.frame) else {
            self.damaged |= self.frame.is_none();
            return next_marker(bytes, at);
        };
        let Some(header) = scan_header(body, frame).filter(|_| self.scans <= MAX_SCANS) else {
            self.damaged = true;
            return next_marker(bytes, at);
        };
        let (next, end) = entropy.scan(&header, bytes, at);
        match end {
            ScanEnd::Complete => {}
            ScanEnd::Short => self.short = true,
            ScanEnd::Invalid => self.damaged = true,
        }
        next
    }

    fn finish(self, bytes: &'a [u8], stray: usize, eoi: Option<usize>) -> Survey<'a> {
        let quality = self.frame.as_ref().and_then(|frame| {
            let table = |at: usize| {
                let id = frame.components.get(at)?.table;
                self.tables.iter().find(|(known, _)| *known == id).map(|(_, table)| table)
            };
            Some(quality::estimate(table(0)?, table(1).filter(|_| frame.components.len() == 3)))
        });
        let share = self.entropy.as_ref().map_or(0.0, Entropy::share);
        // A frame that is not walked (too large, or coded in a rare way) is judged by its decoder.
        let walked = self.entropy.is_some() || self.frame.is_none();
        let sequential = self.frame.as_ref().is_some_and(|frame| frame.sof != 0xC2);
        let lacking = walked && (self.short || self.scans == 0 || (sequential && share < 1.0));
        let stream = if self.damaged || stray > MAX_STRAY || (eoi.is_some() && lacking) {
            Stream::Damaged { share }
        } else if eoi.is_none() {
            Stream::Cut { share: Some(share) }
        } else {
            Stream::Sound
        };
        let facts = self.frame.as_ref().map(|frame| JpegFacts {
            sof: frame.sof,
            precision: frame.precision,
            sampling: frame.components.iter().map(|c| (c.h, c.v)).collect(),
            adobe_transform: self.adobe_transform,
            tables: self.tables.clone(),
            quality,
            has_eoi: eoi.is_some(),
            photoshop: self.photoshop,
            photoshop_settings: self.photoshop_settings,
            xmp: self.xmp,
            creator_tool: self.creator_tool,
        });
        Survey {
            size: self.frame.map(|frame| frame.size),
            facts,
            density: self.jfif,
            exif: self.exif,
            icc: join_icc(self.icc),
            trailing: eoi.map_or(0, |end| (bytes.len() - end) as u64),
            stream,
        }
    }
}

/// Scans a file may have; encoders write about ten, and every scan costs a pass over the image.
pub(super) const MAX_SCANS: usize = 100;
/// Bytes between segments that are forgiven, as decoders do.
const MAX_STRAY: usize = 4;

/// JFIF density (units 1: per inch, 2: per centimetre); units 0 state a pixel aspect ratio, not a density.
fn jfif_density(body: &[u8]) -> Option<Density> {
    let rest = body.strip_prefix(b"JFIF\0")?;
    let scale = match rest.get(2)? {
        1 => 1.0,
        2 => 2.54,
        _ => return None,
    };
    let (x, y) = (u16_at(rest, 3)?, u16_at(rest, 5)?);
    let density = Density { x: f64::from(x) * scale, y: f64::from(y) * scale, source: DensitySource::Jfif };
    (x > 0 && y > 0).then_some(density)
}

/// Joins the numbered segments of an ICC profile (ICC.1 annex B.4); `None` when one is missing or comes twice.
fn join_icc(mut segments: Vec<(u8, u8, &[u8])>) -> Option<Vec<u8>> {
    segments.sort_by_key(|&(number, ..)| number);
    let whole = !segments.is_empty()
        && segments
            .iter()
            .enumerate()
            .all(|(at, &(number, count, _))| usize::from(number) == at + 1 && usize::from(count) == segments.len());
    whole.then(|| segments.iter().flat_map(|&(.., data)| data).copied().collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use jpeg_encoder::{ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};

    use super::*;

    fn noise(width: u16, height: u16, channels: usize) -> Vec<u8> {
        let pixels = usize::from(width) * usize::from(height) * channels;
        (0..pixels as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn encode(quality: u8, set: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, quality);
        set(&mut encoder);
        encoder.encode(&noise(45, 37, 3), 45, 37, ColorType::Rgb).expect("encodes");
        out
    }

    fn read(bytes: &[u8]) -> Survey<'_> {
        survey(bytes, &Limits::default(), Depth::Data)
    }

    #[test]
    fn encoded_quality_is_recovered_exactly() {
        for quality in 1..=100 {
            let bytes = encode(quality, |_| ());
            let found = read(&bytes).facts.and_then(|facts| facts.quality).expect("has tables");
            assert_eq!((found.quality, found.standard), (f64::from(quality), true));
        }
    }

    #[test]
    fn frame_facts_are_read() {
        let bytes = encode(80, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::F_2_2);
            encoder.set_density(PixelDensity { density: (118, 118), unit: PixelDensityUnit::Centimeters });
        });
        let found = read(&bytes);
        let facts = found.facts.expect("has a frame");
        assert_eq!((found.size, facts.sof, facts.precision), (Some((45, 37)), 0xC0, 8));
        assert_eq!(facts.sampling, [(2, 2), (1, 1), (1, 1)]);
        assert!(facts.has_eoi && !facts.xmp && !facts.photoshop);
        assert!((found.density.expect("stated").x - 299.72).abs() < 1e-9);
        assert_eq!(found.stream, Stream::Sound);
    }

    #[test]
    fn every_coding_is_walked_to_its_end() {
        for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_2_2, SamplingFactor::F_4_1] {
            for (progressive, restart) in [(false, 0), (false, 2), (true, 0), (true, 3)] {
                for quality in [5, 60, 100] {
                    let bytes = encode(quality, |encoder| {
                        encoder.set_sampling_factor(sampling);
                        encoder.set_progressive(progressive);
                        if restart > 0 {
                            encoder.set_restart_interval(restart);
                        }
                    });
                    assert_eq!(read(&bytes).stream, Stream::Sound, "{sampling:?} {progressive} {restart} {quality}");
                }
            }
        }
    }

    #[test]
    fn the_missing_share_falls_with_the_bytes() {
        for progressive in [false, true] {
            let bytes = encode(90, |encoder| encoder.set_progressive(progressive));
            let mut last = 0.0;
            for length in 3..bytes.len() {
                let Stream::Cut { share: Some(share) } = read(&bytes[..length]).stream else {
                    panic!("cut at {length} of {} is not noticed", bytes.len());
                };
                assert!(share >= last && share <= 1.0, "{share} after {last} at {length}");
                last = share;
            }
            assert_eq!(last, 1.0);
        }
    }

    #[test]
    fn an_end_marker_behind_a_cut_does_not_make_it_whole() {
        for restart in [0, 2] {
            let bytes = encode(90, |encoder| {
                if restart > 0 {
                    encoder.set_restart_interval(restart);
                }
            });
            for cut in [3, 20, 200, 1000] {
                let mut bytes = bytes[..bytes.len() - cut].to_vec();
                bytes.extend([0xFF, 0xD9]);
                assert!(matches!(read(&bytes).stream, Stream::Damaged { share } if share < 1.0), "{cut} {restart}");
            }
        }
    }

    fn with_segment(marker: u8, body: &[u8]) -> Vec<u8> {
        let plain = encode(80, |_| ());
        let length = (body.len() as u16 + 2).to_be_bytes();
        [&plain[..2], &[0xFF, marker], &length, body, &plain[2..]].concat()
    }

    #[test]
    fn photoshop_is_told_from_programs_that_write_captions() {
        let resource = |id: u16, data: &[u8]| {
            let length = (data.len() as u32).to_be_bytes();
            let padding = &[0][..data.len() % 2];
            [b"8BIM", &id.to_be_bytes()[..], &[0, 0], &length, data, padding].concat()
        };
        let of = |resources: &[Vec<u8>]| {
            let bytes = with_segment(0xED, &[b"Photoshop 3.0\0", &resources.concat()[..]].concat());
            let facts = read(&bytes).facts.expect("has a frame");
            (facts.photoshop, facts.photoshop_settings)
        };
        let (caption, resolution) = (resource(0x0404, b"caption"), resource(0x03ED, &[0; 16]));
        assert_eq!(of(std::slice::from_ref(&caption)), (true, false));
        assert_eq!(of(&[caption.clone(), resource(0x0425, &[7; 16])]), (true, false));
        assert_eq!(of(&[caption.clone(), resolution]), (true, true));
        // A length that lies.
        assert_eq!(of(&[caption[..10].to_vec(), vec![0xFF; 4]]), (true, false));
        let saved_for_web = with_segment(0xEC, b"Ducky\0\x01\0\x04\0\0\0\x3C\0\0");
        assert!(read(&saved_for_web).facts.expect("has a frame").photoshop_settings);
    }

    #[test]
    fn the_program_is_read_from_xmp() {
        let of = |xml: &str| {
            let bytes = with_segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", xml.as_bytes()].concat());
            read(&bytes).facts.expect("has a frame").creator_tool
        };
        assert_eq!(of("<rdf:Description xmp:CreatorTool=\"GIMP 2.10\"/>").as_deref(), Some("GIMP 2.10"));
        assert_eq!(of("<xmp:CreatorTool>美图秀秀</xmp:CreatorTool>").as_deref(), Some("美图秀秀"));
        for none in ["<xmp:Other/>", "<xmp:CreatorTool/>", "<xmp:CreatorTool>", "CreatorTool", "CreatorTool=\"\""] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn icc_segments_are_joined_in_order() {
        let segments = vec![(2, 2, &b"cd"[..]), (1, 2, &b"ab"[..])];
        assert_eq!(join_icc(segments), Some(b"abcd".to_vec()));
        assert_eq!(join_icc(vec![(2, 2, &b"cd"[..])]), None);
        assert_eq!(join_icc(Vec::new()), None);
    }

    #[test]
    fn a_second_image_behind_the_first_is_trailing_data() {
        let one = encode(50, |_| ());
        let bytes = [&one[..], &one[..]].concat();
        let found = read(&bytes);
        assert_eq!((found.trailing, found.stream), (one.len() as u64, Stream::Sound));
    }
}
