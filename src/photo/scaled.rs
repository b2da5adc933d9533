//! JPEGs decoded at their size, a half, a quarter or an eighth of it, where all components come in one sequential scan.
//!
//! Read here is what the headers say; the scan is read in [`scan`](super::scan).

use fearless_simd::Level;
use image::RgbImage;

use super::bits::Huffman;
use super::entropy::ScanHeader;
use super::inverse::{LANES, Shape};
use super::leaps::{Leaps, Values};
use super::quality::ZIGZAG;
use super::scan::{Component, REACHED, Scan};
use super::segments::{self, Frame, segment, u16_at};

/// Decodes a JPEG of `size` pixels at one part in `factor` of it: 1, 2, 4 or 8. `None` for codings other than the common ones (sequential
/// Huffman coding in one scan, of grey, or of YCbCr whose chroma has at least half as many samples a side), and where
/// anything is wrong.
pub(super) fn decode(bytes: &[u8], size: (u32, u32), factor: u32) -> Option<RgbImage> {
    let kept = match factor {
        1 | 2 | 4 | 8 => 8 / factor as usize,
        _ => return None,
    };
    let (headers, frame, scan, start) = Headers::read(bytes)?;
    if !matches!(frame.sof, 0xC0 | 0xC1) || frame.precision != 8 || frame.size != size {
        return None;
    }
    let sampling = headers.sampling(&frame)?;
    let tables = headers.tables();
    // Chroma of fewer samples keeps as many more of its frequencies, as far as it has them: so planes come out at one size, or nearer to
    // it.
    let chroma = ((kept * sampling.0).min(8), (kept * sampling.1).min(8));
    let components = headers.components(&frame, &scan, &tables, [(sampling, (kept, kept)), ((1, 1), chroma)])?;
    let units = (size.0 as usize).div_ceil(8 * sampling.0);
    let (width, height) = (size.0.div_ceil(factor), size.1.div_ceil(factor));
    let scan = Scan {
        components,
        units,
        restart_interval: usize::from(headers.restart_interval),
        stride: units.next_multiple_of(LANES) * kept * sampling.0,
        rows: kept * sampling.1,
        spread: (kept * sampling.0 / chroma.0, kept * sampling.1 / chroma.1),
        size: (width as usize, height as usize),
    };
    let rgb = scan.decode(Level::new(), bytes, start)?;
    RgbImage::from_raw(width, height, rgb)
}

/// Huffman tables by id, made ready for decoding.
struct Tables<'a> {
    dc: Vec<Option<Values<'a>>>,
    ac: Vec<Option<(Values<'a>, Leaps)>>,
}

/// What the segments before the first scan say.
#[derive(Default)]
struct Headers {
    /// By id: quantisation steps in natural order.
    steps: [Option<[u16; 64]>; 4],
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    restart_interval: u16,
    /// Transform of the Adobe segment.
    transform: Option<u8>,
}

impl Headers {
    /// Reads up to the first scan; returns also its frame, its header, and where its data begin.
    fn read(bytes: &[u8]) -> Option<(Self, Frame, ScanHeader, usize)> {
        let (mut headers, mut frame, mut at) = (Self::default(), None, 2);
        loop {
            let (0xFF, &marker) = (*bytes.get(at)?, bytes.get(at + 1)?) else { return None };
            if marker == 0xFF {
                at += 1;
                continue;
            }
            let body = segment(bytes, at + 2)?;
            at += 4 + body.len();
            match marker {
                0xC4 => headers.huffman(body)?,
                0xDB => segments::steps(body, |id, table| {
                    if let Some(slot) = headers.steps.get_mut(usize::from(id)) {
                        *slot = Some(table);
                    }
                })?,
                0xDD => headers.restart_interval = u16_at(body, 0)?,
                0xC0..=0xCF if frame.is_none() => frame = Some(Frame::read(marker, body)?),
                0xEE => {
                    let transform = body.strip_prefix(b"Adobe").and_then(|rest| rest.get(6).copied());
                    headers.transform = transform.or(headers.transform);
                }
                0xDA => {
                    let frame = frame?;
                    let scan = segments::scan_header(body, &frame)?;
                    return Some((headers, frame, scan, at));
                }
                0xE0..=0xEF | 0xFE => {}
                _ => return None,
            }
        }
    }

    fn huffman(&mut self, body: &[u8]) -> Option<()> {
        let mut sound = true;
        segments::codes(body, |(ac, id, lengths, values)| {
            let slots = if ac { &mut self.ac } else { &mut self.dc };
            let table = Huffman::new(lengths, values);
            sound &= table.is_some();
            if let Some(slot) = slots.get_mut(usize::from(id)) {
                *slot = table;
            }
        })?;
        sound.then_some(())
    }

    /// Blocks of luma across and down in a unit, when these are grey or YCbCr in a common sampling.
    fn sampling(&self, frame: &Frame) -> Option<Shape> {
        match &frame.components[..] {
            // A component alone comes block by block, whatever its factors.
            [_] => Some((1, 1)),
            [luma, chroma @ ..] if chroma.len() == 2 => {
                let names = [luma.id, chroma[0].id, chroma[1].id];
                // Without a word of Adobe's only names tell: of RGB, or of the wider ranges of later JFIF.
                let other = matches!(&names, b"RGB" | b"rgb" | [1, 34, 35]);
                let half = chroma.iter().all(|c| (c.h, c.v) == (1, 1)) && luma.h <= 2 && luma.v <= 2;
                let ycc = self.transform.is_none_or(|transform| transform == 1) && !other;
                (ycc && half).then(|| (luma.h.into(), luma.v.into()))
            }
            _ => None,
        }
    }

    fn tables(&self) -> Tables<'_> {
        let with_leaps = |table| (Values::new(table), Leaps::behind(table));
        Tables {
            dc: self.dc.iter().map(|table| table.as_ref().map(Values::new)).collect(),
            ac: self.ac.iter().map(|table| table.as_ref().map(with_leaps)).collect(),
        }
    }

    /// The components of a scan that holds all of the frame's, in their order; of luma and chroma, the blocks of a unit and the samples
    /// made of one.
    fn components<'a>(
        &self,
        frame: &Frame,
        scan: &ScanHeader,
        tables: &'a Tables<'_>,
        [luma, chroma]: [(Shape, Shape); 2],
    ) -> Option<Vec<Component<'a>>> {
        let in_order = scan.components.iter().map(|&(at, ..)| at).eq(0..frame.components.len());
        let component = |&(at, dc, ac): &(usize, u8, u8)| {
            let (blocks, shape) = if at == 0 { luma } else { chroma };
            let steps = (*self.steps.get(usize::from(frame.components[at].table))?)?;
            let last = ZIGZAG.iter().rposition(|natural| natural % 8 < shape.0 && natural / 8 < shape.1)?;
            let dc = tables.dc.get(usize::from(dc))?.as_ref()?;
            let (ac, leaps) = tables.ac.get(usize::from(ac))?.as_ref()?;
            let needless = shape.0 * shape.1;
            let mut coefficients = [(0.0, needless as u8); REACHED];
            for (coefficient, natural) in coefficients.iter_mut().zip(ZIGZAG) {
                let (u, v) = (natural % 8, natural / 8);
                let place = if u < shape.0 && v < shape.1 { v * shape.0 + u } else { needless };
                *coefficient = (f32::from(steps[natural]), place as u8);
            }
            Some(Component { dc, ac, leaps, coefficients, last: last as u32, blocks, shape })
        };
        if in_order { scan.components.iter().map(component).collect() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    use proptest::prelude::*;

    use super::super::bits::Bits;
    use super::super::entropy::ScanEnd;
    use super::*;

    const SAMPLINGS: [SamplingFactor; 4] =
        [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2];

    /// A smooth picture with some noise, as JPEG.
    fn encoded(size: (u16, u16), color: ColorType, noise: u32, set: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
        let mut state = 0x9E37_79B9u32;
        let channels = if matches!(color, ColorType::Luma) { 1 } else { 3 };
        let mut pixels = Vec::new();
        for (x, y) in (0..size.1).flat_map(|y| (0..size.0).map(move |x| (f32::from(x), f32::from(y)))) {
            for length in &[9.0, 14.0, 23.0][..channels] {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let smooth = 128.0 + 100.0 * (x / length).sin() * (y / (length + 3.0)).cos();
                pixels.push((smooth + (state >> 16) as f32 % (noise + 1) as f32 - noise as f32 / 2.0) as u8);
            }
        }
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, 90);
        set(&mut encoder);
        encoder.encode(&pixels, size.0, size.1, color).expect("encodes");
        jpeg
    }

    /// The samples of a component, and how many pixels each stands for.
    struct Exact {
        samples: Vec<f64>,
        stride: usize,
        spread: Shape,
    }

    impl Exact {
        /// The value at a pixel of a picture of this width: of the samples around it, whose places are the middles of their pixels.
        fn at(&self, (x, y): (u32, u32), width: u32) -> f64 {
            let columns = (width as usize).div_ceil(self.spread.0);
            let around = |at: u32, spread: usize, n: usize| {
                let place = ((f64::from(at) + 0.5) / spread as f64 - 0.5).clamp(0.0, (n - 1) as f64);
                (place as usize, (place as usize + 1).min(n - 1), place.fract())
            };
            let (left, right, u) = around(x, self.spread.0, columns);
            let (above, below, v) = around(y, self.spread.1, self.samples.len() / self.stride);
            let row = |y: usize| {
                let [a, b] = [left, right].map(|x| self.samples[y * self.stride + x]);
                a + (b - a) * u
            };
            row(above) + (row(below) - row(above)) * v
        }
    }

    /// The samples of all components at one part in `factor`, computed as the standard says.
    fn exact(bytes: &[u8], factor: usize) -> Vec<Exact> {
        let (headers, frame, scan, start) = Headers::read(bytes).expect("has a scan");
        let (across, down) = headers.sampling(&frame).expect("is common");
        let units = |n: u32, blocks: usize| (n as usize).div_ceil(8 * blocks);
        let (columns, rows) = (units(frame.size.0, across), units(frame.size.1, down));
        let kept = 8 / factor;
        let chroma = ((kept * across).min(8), (kept * down).min(8));
        let spread = (kept * across / chroma.0, kept * down / chroma.1);
        let plane = |(width, height): Shape, spread| Exact {
            samples: vec![0.0; columns * width * rows * height],
            stride: columns * width,
            spread,
        };
        let mut planes = vec![plane((kept * across, kept * down), (1, 1))];
        planes.extend((1..frame.components.len()).map(|_| plane(chroma, spread)));
        let mut bits = Bits::new(bytes, start);
        let mut predictions = [0; 3];
        let value = |bits: &mut Bits<'_>, size: u32| {
            let value = bits.take(size) as i32;
            if size > 0 && value >> (size - 1) == 0 { value + 1 - (1 << size) } else { value }
        };
        for unit in 0..columns * rows {
            let interval = usize::from(headers.restart_interval);
            if interval > 0 && unit > 0 && unit % interval == 0 {
                assert_eq!(bits.restart((unit / interval - 1) as u8 & 7), ScanEnd::Complete);
                predictions = [0; 3];
            }
            for (at, plane) in planes.iter_mut().enumerate() {
                let steps = headers.steps[usize::from(frame.components[at].table)].expect("defined");
                let (_, dc, ac) = scan.components[at];
                let dc = headers.dc[usize::from(dc)].as_ref().expect("defined");
                let ac = headers.ac[usize::from(ac)].as_ref().expect("defined");
                let (blocks, shape) = if at == 0 { ((across, down), (kept, kept)) } else { ((1, 1), chroma) };
                for block in 0..blocks.0 * blocks.1 {
                    let mut coefficients = [0.0; 64];
                    let size = bits.symbol(dc).expect("sound");
                    predictions[at] += value(&mut bits, size);
                    coefficients[0] = f64::from(predictions[at]) * f64::from(steps[0]);
                    let mut k = 1;
                    while k < 64 {
                        let symbol = bits.symbol(ac).expect("sound");
                        match (symbol >> 4, symbol & 15) {
                            (15, 0) => k += 16,
                            (_, 0) => break,
                            (run, size) => {
                                let natural = ZIGZAG[k + run as usize];
                                coefficients[natural] = f64::from(value(&mut bits, size)) * f64::from(steps[natural]);
                                k += run as usize + 1;
                            }
                        }
                    }
                    let left = (unit % columns * blocks.0 + block % blocks.0) * shape.0;
                    let top = (unit / columns * blocks.1 + block / blocks.0) * shape.1;
                    let weight = |n: usize, u: usize, x: usize| {
                        let cosine = ((2 * x + 1) as f64 * u as f64 * PI / (2 * n) as f64).cos();
                        if u == 0 { 0.125f64.sqrt() } else { cosine / 2.0 }
                    };
                    for (x, y) in (0..shape.1).flat_map(|y| (0..shape.0).map(move |x| (x, y))) {
                        let mut sum = 128.0;
                        for (u, v) in (0..shape.1).flat_map(|v| (0..shape.0).map(move |u| (u, v))) {
                            sum += coefficients[8 * v + u] * weight(shape.0, u, x) * weight(shape.1, v, y);
                        }
                        plane.samples[(top + y) * plane.stride + left + x] = sum.clamp(0.0, 255.0);
                    }
                }
            }
        }
        planes
    }

    fn theirs(bytes: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
        let mut decoder = jpeg_decoder::Decoder::new(bytes);
        assert_eq!(decoder.scale(width as u16, height as u16).expect("a frame"), (width as u16, height as u16));
        decoder.decode().expect("decodes")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn pixels_are_what_the_standard_says(
            size in (1u16..90, 1u16..70), factor in prop::sample::select(vec![1u32, 2, 4, 8]), sampling in 0usize..5,
            quality in 30u8..=100, noise in 0u32..120, restart_interval in 0u16..8, own_tables in any::<bool>(),
        ) {
            let color = if sampling == 4 { ColorType::Luma } else { ColorType::Rgb };
            let bytes = encoded(size, color, noise, |encoder| {
                encoder.set_quality(quality);
                encoder.set_sampling_factor(SAMPLINGS[sampling % 4]);
                encoder.set_restart_interval(restart_interval);
                // With tables of its own this encoder writes a scan a component, and forgets what restarts need.
                encoder.set_optimized_huffman_tables(own_tables && sampling == 4 && restart_interval == 0);
            });
            let size = (u32::from(size.0), u32::from(size.1));
            let rgb = decode(&bytes, size, factor).expect("is common");
            prop_assert_eq!(rgb.dimensions(), (size.0.div_ceil(factor), size.1.div_ceil(factor)));
            let planes = exact(&bytes, factor as usize);
            for (x, y, pixel) in rgb.enumerate_pixels() {
                let sample = |at: usize| planes[at].at((x, y), rgb.width());
                let (exact, most) = if planes.len() == 1 {
                    ([sample(0); 3], 0.51)
                } else {
                    let (y, cb, cr) = (sample(0), sample(1) - 128.0, sample(2) - 128.0);
                    // Samples are rounded, and chroma counts up to 1.772 times.
                    ([y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb], 1.9)
                };
                for (&byte, exact) in pixel.0.iter().zip(exact) {
                    let exact = exact.clamp(0.0, 255.0);
                    prop_assert!((f64::from(byte) - exact).abs() < most, "at {x}, {y}: {byte} for {exact}");
                }
            }
            // Where the other decoder does not stretch chroma, and cannot do with a smaller part.
            if matches!(sampling, 0 | 4) && size.0.min(size.1) > 8 {
                let theirs = theirs(&bytes, rgb.dimensions());
                let ours: Vec<u8> =
                    if sampling == 4 { rgb.pixels().map(|pixel| pixel.0[0]).collect() } else { rgb.into_raw() };
                prop_assert!(ours.iter().zip(&theirs).all(|(a, b)| a.abs_diff(*b) <= 3));
            }
        }

        #[test]
        fn damage_is_survived(
            sampling in 0usize..4, restart_interval in 0u16..4, factor in prop::sample::select(vec![1u32, 2, 4, 8]),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut bytes = encoded((45, 37), ColorType::Rgb, 60, |encoder| {
                encoder.set_sampling_factor(SAMPLINGS[sampling]);
                encoder.set_restart_interval(restart_interval);
            });
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(rgb) = decode(&bytes, (45, 37), factor) {
                prop_assert_eq!(rgb.dimensions(), (45u32.div_ceil(factor), 37u32.div_ceil(factor)));
            }
        }
    }

    #[test]
    fn what_is_cut_is_not_decoded() {
        for color in [ColorType::Rgb, ColorType::Luma] {
            let bytes = encoded((33, 25), color, 60, |encoder| encoder.set_restart_interval(2));
            for factor in [1, 4] {
                assert!(decode(&bytes, (33, 25), factor).is_some());
                for length in 0..bytes.len() {
                    assert!(decode(&bytes[..length], (33, 25), factor).is_none(), "{length}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_common_is_left_to_others() {
        let size = (33, 25);
        let plain = encoded(size, ColorType::Rgb, 20, |_| ());
        let is_decoded = |bytes: &[u8]| decode(bytes, (33, 25), 2).is_some();
        assert!(is_decoded(&plain));
        assert!(decode(&plain, (33, 26), 2).is_none() && decode(&plain, (33, 25), 3).is_none());
        assert!(!is_decoded(&encoded(size, ColorType::Rgb, 20, |encoder| encoder.set_progressive(true))));
        for sampling in [SamplingFactor::F_4_1, SamplingFactor::F_2_4] {
            assert!(!is_decoded(&encoded(size, ColorType::Rgb, 20, |encoder| encoder.set_sampling_factor(sampling))));
        }
        // Components that are red, green and blue, by name or by the word of Adobe.
        let frame = plain.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame");
        let scan = plain.windows(2).position(|pair| pair == [0xFF, 0xDA]).expect("a scan");
        let mut named = plain.clone();
        for (at, name) in b"RGB".iter().enumerate() {
            (named[frame + 10 + 3 * at], named[scan + 5 + 2 * at]) = (*name, *name);
        }
        assert!(!is_decoded(&named));
        for (transform, is_common) in [(0, false), (1, true), (2, false)] {
            let segment = [b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat();
            assert_eq!(is_decoded(&[&plain[..2], &segment, &plain[2..]].concat()), is_common);
        }
        // A second scan.
        let data = &plain[..plain.len() - 2];
        assert!(!is_decoded(&[data, &plain[scan..]].concat()));
    }
}
