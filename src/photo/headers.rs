//! Headers of PNG, WebP, BMP and TIFF: size, depth, density, metadata, and whether the file ends early.
//!
//! Each reader fills what it finds into the [`Container`] and trusts no length; the pixels are left to the decoders.

use exif::{In, Tag, Value};

use super::container::{Container, Density, DensitySource, Stream};
use super::exif::{self as fields, ExifFacts};

const INCH: f64 = 0.0254;

/// A density stored as whole pixels a metre; 11811 is how 300 dpi is written, so finer digits than .1 mean nothing.
fn per_metre(x: u32, y: u32) -> Option<Density> {
    let dpi = |per_metre: u32| (f64::from(per_metre) * INCH * 10.0).round() / 10.0;
    (x > 0 && y > 0).then(|| Density { x: dpi(x), y: dpi(y), source: DensitySource::Header })
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&word| u32::from_be_bytes(word))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&word| u32::from_le_bytes(word))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&word| u16::from_le_bytes(word))
}

/// PNG: the chunks in order (PNG specification, 5.3).
pub(super) fn png(container: &mut Container, bytes: &[u8]) -> Stream {
    let mut at = 8;
    while let (Some(length), Some(kind)) = (be32(bytes, at), bytes.get(at + 4..at + 8)) {
        let Some(next) = (length as usize).checked_add(at + 12).filter(|&next| next <= bytes.len()) else { break };
        png_chunk(container, kind, &bytes[at + 8..next - 4]);
        if kind == b"IEND" {
            container.trailing_bytes = (bytes.len() - next) as u64;
            return Stream::Sound;
        }
        at = next;
    }
    Stream::Cut { share: None }
}

fn png_chunk(container: &mut Container, kind: &[u8], body: &[u8]) {
    match (kind, body) {
        (b"IHDR", &[.., depth, color, _, _, _]) if body.len() == 13 => {
            container.stored_size = be32(body, 0).zip(be32(body, 4));
            container.bit_depth = Some(depth);
            container.palette = color == 3;
            container.has_alpha |= matches!(color, 4 | 6);
            container.channels = match color {
                0 => Some(1),
                2 | 3 => Some(3),
                4 => Some(2),
                6 => Some(4),
                _ => None,
            };
        }
        (b"pHYs", &[.., 1]) => {
            container.density = be32(body, 0).zip(be32(body, 4)).and_then(|(x, y)| per_metre(x, y));
        }
        (b"tRNS", _) => container.has_alpha = true,
        (b"eXIf", _) => container.read_exif(Some(body)),
        (b"acTL", _) => container.images = be32(body, 0).unwrap_or(1).max(1),
        _ => {}
    }
}

/// WebP: the RIFF chunks (RFC 9649).
pub(super) fn webp(container: &mut Container, bytes: &[u8]) -> Stream {
    container.bit_depth = Some(8);
    container.channels = Some(3);
    let stated = le32(bytes, 4).unwrap_or(0) as usize;
    // RIFF pads to even lengths; the padding is not counted in the size of the last chunk's reader.
    let end = 8usize.saturating_add(stated);
    let inside = &bytes[..end.min(bytes.len())];
    let (mut at, mut frames) = (12, 0u32);
    while let (Some(kind), Some(length)) = (inside.get(at..at + 4), le32(inside, at + 4)) {
        let length = length as usize;
        let body = &inside[at + 8..at.saturating_add(8).saturating_add(length).min(inside.len())];
        match (kind, body) {
            (b"VP8X", &[flags, _, _, _, w0, w1, w2, h0, h1, h2, ..]) => {
                let side = |low, mid, high| u32::from_le_bytes([low, mid, high, 0]) + 1;
                container.stored_size = Some((side(w0, w1, w2), side(h0, h1, h2)));
                container.has_alpha |= flags & 0x10 != 0;
            }
            (b"VP8L", &[0x2F, ..]) => {
                let word = le32(body, 1).unwrap_or(0);
                let size = ((word & 0x3FFF) + 1, (word >> 14 & 0x3FFF) + 1);
                container.stored_size = container.stored_size.or(Some(size));
                container.has_alpha |= word >> 28 & 1 == 1;
            }
            (b"VP8 ", _) if body.get(3..6) == Some(&[0x9D, 0x01, 0x2A]) => {
                let side = |at| le16(body, at).map(|side| u32::from(side & 0x3FFF));
                container.stored_size = container.stored_size.or(side(6).zip(side(8)));
            }
            (b"ICCP", _) => container.icc = Some(body.to_vec()),
            (b"EXIF", _) => container.read_exif(Some(body.strip_prefix(b"Exif\0\0").unwrap_or(body))),
            (b"ANMF", _) => frames += 1,
            _ => {}
        }
        at = at.saturating_add(8).saturating_add(length).saturating_add(length & 1);
    }
    if container.has_alpha {
        container.channels = Some(4);
    }
    container.images = frames.max(1);
    container.trailing_bytes = bytes.len().saturating_sub(end) as u64;
    if bytes.len() < end { Stream::Cut { share: None } } else { Stream::Sound }
}

/// BMP: file header and DIB header.
pub(super) fn bmp(container: &mut Container, bytes: &[u8]) -> Stream {
    let Some(header) = le32(bytes, 14) else { return Stream::Cut { share: None } };
    let (size, bits) = if header == 12 {
        let side = |at| le16(bytes, at).map(u32::from);
        (side(18).zip(side(20)), le16(bytes, 24))
    } else {
        // A negative height means rows from the top.
        let side = |at| le32(bytes, at).map(|side| (side as i32).unsigned_abs());
        container.density = le32(bytes, 38).zip(le32(bytes, 42)).and_then(|(x, y)| per_metre(x, y));
        (side(18).zip(side(22)), le16(bytes, 28))
    };
    let (Some((width, height)), Some(bits), Some(data)) = (size, bits, le32(bytes, 10)) else {
        return Stream::Cut { share: None };
    };
    container.stored_size = Some((width, height));
    container.palette = bits <= 8;
    container.channels = Some(3);
    container.bit_depth = Some(match bits {
        0..=8 => bits as u8,
        16 => 5,
        _ => 8,
    });
    // Run-length coded rows have no fixed length.
    let compressed = header != 12 && !matches!(le32(bytes, 30), Some(0 | 3 | 6));
    if compressed {
        return Stream::Sound;
    }
    let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    let (data, length) = (u64::from(data), bytes.len() as u64);
    // An embedded ICC profile lies behind the pixels and inside the length that the file header states.
    let stated = u64::from(le32(bytes, 2).unwrap_or(0));
    match row.checked_mul(u64::from(height)).and_then(|pixels| pixels.checked_add(data)) {
        Some(end) if end <= length => {
            container.trailing_bytes = length - end.max(stated).min(length);
            Stream::Sound
        }
        _ => Stream::Cut { share: None },
    }
}

/// TIFF: the tags of the first directory, which kamadak-exif reads as it reads EXIF.
pub(super) fn tiff(container: &mut Container, bytes: &[u8]) -> Stream {
    let Some(tags) = fields::parse(bytes) else { return Stream::Cut { share: None } };
    let number = |tag| fields::number(&tags, tag);
    let field = |tag: u16| tags.get_field(Tag(exif::Context::Tiff, tag), In::PRIMARY).map(|field| &field.value);
    container.exif = ExifFacts::of(&tags);
    container.density = container.exif.density.map(|(x, y)| Density { x, y, source: DensitySource::Header });
    container.stored_size = number(Tag::ImageWidth).zip(number(Tag::ImageLength));
    container.bit_depth = number(Tag::BitsPerSample).and_then(|bits| u8::try_from(bits).ok());
    container.channels = number(Tag::SamplesPerPixel).and_then(|channels| u8::try_from(channels).ok());
    container.palette = number(Tag::PhotometricInterpretation) == Some(3);
    if container.palette {
        container.channels = Some(3);
    }
    // ExtraSamples 1 and 2 are alpha, ICC.1 stores the profile in 34675.
    container.has_alpha = field(338).and_then(|value| value.get_uint(0)).is_some_and(|kind| kind != 0);
    if let Some(Value::Undefined(profile, _)) = field(34675) {
        container.icc = Some(profile.clone());
    }
    // Directories beyond the first are other pages, unless they say that they are previews (NewSubfileType bit 0).
    let last = tags.fields().map(|field| field.ifd_num.index()).max().unwrap_or(0);
    let is_page = |page: &u16| {
        let kind = tags.get_field(Tag(exif::Context::Tiff, 254), In(*page));
        kind.and_then(|kind| kind.value.get_uint(0)).is_none_or(|kind| kind & 1 == 0)
    };
    container.images = 1 + (1..=last).filter(is_page).count() as u32;

    let ends = [(273, 279), (324, 325)].into_iter().find_map(|(offsets, counts)| {
        let (offsets, counts) = (field(offsets)?.iter_uint()?, field(counts)?.iter_uint()?);
        offsets.zip(counts).map(|(offset, count)| u64::from(offset) + u64::from(count)).max()
    });
    match ends {
        Some(end) if end <= bytes.len() as u64 => Stream::Sound,
        _ => Stream::Cut { share: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::Format;

    fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut out = b"\x89PNG\r\n\x1A\n".to_vec();
        for (kind, body) in chunks {
            out.extend((body.len() as u32).to_be_bytes());
            out.extend(*kind);
            out.extend(*body);
            out.extend([0; 4]);
        }
        out
    }

    #[test]
    fn png_chunks_are_read() {
        let header = [0, 0, 1, 224, 0, 0, 2, 128, 16, 6, 0, 0, 0];
        let density = [0, 0, 0x2E, 0x23, 0, 0, 0x2E, 0x23, 1];
        let block = fields::block(&[(274, 3, 1, 8)], &[]);
        let whole = png_of(&[(b"IHDR", &header), (b"pHYs", &density), (b"eXIf", &block), (b"IEND", &[])]);
        let mut container = Container::new(Format::Png);
        assert_eq!(png(&mut container, &whole), Stream::Sound);
        assert_eq!((container.stored_size, container.upright_size()), (Some((480, 640)), Some((640, 480))));
        assert_eq!((container.bit_depth, container.channels, container.has_alpha), (Some(16), Some(4), true));
        // 11811 pixels a metre is how 300 dpi is written.
        assert_eq!(container.density, Some(Density { x: 300.0, y: 300.0, source: DensitySource::Header }));
        assert_eq!(png(&mut Container::new(Format::Png), &whole[..whole.len() - 1]), Stream::Cut { share: None });
    }

    #[test]
    fn bmp_rows_are_counted() {
        let mut bytes = vec![0; 54 + 12 * 2];
        bytes[..2].copy_from_slice(b"BM");
        for (at, value) in [(2, 78u32), (10, 54), (14, 40), (18, 3), (22, (-2i32) as u32), (26, 1 | 24 << 16)] {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let mut container = Container::new(Format::Bmp);
        assert_eq!(bmp(&mut container, &bytes), Stream::Sound);
        assert_eq!((container.stored_size, container.palette, container.density), (Some((3, 2)), false, None));
        assert_eq!(bmp(&mut container, &bytes[..77]), Stream::Cut { share: None });
    }

    #[test]
    fn only_pages_of_a_tiff_count_as_images() {
        // Two directories of one strip each; the second is a page or, with NewSubfileType 1, a preview.
        for (kind, images) in [(0, 2), (1, 1)] {
            let strip = [(273, 4, 1, 8), (279, 4, 1, 4)];
            let mut bytes = fields::block(&strip, &[]);
            let second = bytes.len() as u32;
            let link = bytes.len() - 4;
            bytes[link..].copy_from_slice(&second.to_le_bytes());
            let other = fields::block(&[(254, 4, 1, kind), (273, 4, 1, 8), (279, 4, 1, 4)], &[]);
            bytes.extend(&other[8..]);
            let mut container = Container::new(Format::Tiff);
            assert_eq!(tiff(&mut container, &bytes), Stream::Sound);
            assert_eq!(container.images, images);
        }
    }
}
