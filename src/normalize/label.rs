//! A JPEG under a new header: density set, metadata gone, every coded pixel as it was.

/// The file with a JFIF header of `dpi` dots per inch and without EXIF, XMP, comments and trailing data. `None` when the
/// markers are not those of a plain file; it is then coded anew.
pub(super) fn relabelled(jpeg: &[u8], dpi: u16) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(jpeg.len() + 18);
    out.extend_from_slice(&[0xff, 0xd8]);
    let [high, low] = dpi.to_be_bytes();
    // JFIF 1.1, dots per inch, no thumbnail.
    out.extend_from_slice(&[0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F', 0, 1, 1, 1, high, low, high, low, 0, 0]);
    let mut at = 2;
    loop {
        let [0xff, marker, a, b] = *jpeg.get(at..at + 4)?.first_chunk()? else { return None };
        let end = at + 2 + usize::from(u16::from_be_bytes([a, b]));
        match marker {
            // Application data and comments; what Adobe's says of the colour space would have to stay.
            0xe0..=0xed | 0xef | 0xfe => {}
            0xee => return None,
            0xda => break,
            0xc0..=0xdf => out.extend_from_slice(jpeg.get(at..end)?),
            _ => return None,
        }
        at = end;
    }
    let rest = jpeg.get(at..)?;
    let end = rest.windows(2).rposition(|pair| pair == [0xff, 0xd9])? + 2;
    out.extend_from_slice(&rest[..end]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder};

    use super::*;

    fn encoded() -> Vec<u8> {
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, 80);
        encoder.add_app_segment(1, b"Exif\0\0secret".to_vec()).expect("short");
        encoder.encode(&[90; 3 * 64], 8, 8, ColorType::Rgb).expect("encodes");
        jpeg
    }

    #[test]
    fn the_picture_stays_and_the_metadata_go() {
        let before = encoded();
        let mut trailing = before.clone();
        trailing.extend_from_slice(b"more");
        let after = relabelled(&trailing, 300).expect("a plain file");
        assert!(!after.windows(6).any(|w| w == b"secret") && after.ends_with(&[0xff, 0xd9]));
        assert_eq!(&after[13..18], [1, 1, 44, 1, 44]);
        let pixels = |bytes: &[u8]| {
            zune_jpeg::JpegDecoder::new(zune_core::bytestream::ZCursor::new(bytes)).decode().expect("decodes")
        };
        assert_eq!(pixels(&before), pixels(&after));
        assert_eq!(relabelled(&after, 300).expect("again"), after);
    }

    #[test]
    fn what_is_cut_is_refused() {
        let jpeg = encoded();
        for n in 0..jpeg.len() {
            assert!(relabelled(&jpeg[..n], 300).is_none(), "{n} bytes");
        }
    }
}
