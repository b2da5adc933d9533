//! Colour: whatever a decoder gives, to 8-bit RGB on white, and ICC to sRGB.

use image::{ColorType, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, RenderingIntent, TransformOptions};

/// Turns decoded samples into 8-bit RGB: 16 bits are rounded to 8, gray is repeated, transparency is laid on white.
/// `None` for sample types photos do not have (floating point).
///
/// Transparency is resolved in the file's own colours, before its profile is applied: white is white in all of them.
///
/// Nothing is copied: of a large photo there is one copy in memory, given room for three bytes a pixel.
pub(super) fn to_rgb8(mut samples: Vec<u8>, color: ColorType) -> Option<Vec<u8>> {
    match color {
        ColorType::Rgb8 => return Some(samples),
        ColorType::L8 | ColorType::La8 | ColorType::Rgba8 => {}
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            for at in 0..samples.len() / 2 {
                samples[at] = reduce(u16::from_ne_bytes([samples[2 * at], samples[2 * at + 1]]));
            }
            samples.truncate(samples.len() / 2);
        }
        _ => return None,
    }
    let channels = usize::from(color.channel_count());
    let pixels = samples.len() / channels;
    let rgb = |samples: &[u8], at: usize| of_pixel(&samples[channels * at..][..channels]);
    // Where a pixel grows, from the last: what is written over has been read.
    if channels < 3 {
        samples.resize(3 * pixels, 0);
        for at in (0..pixels).rev() {
            let pixel = rgb(&samples, at);
            samples[3 * at..][..3].copy_from_slice(&pixel);
        }
    } else if channels > 3 {
        for at in 0..pixels {
            let pixel = rgb(&samples, at);
            samples[3 * at..][..3].copy_from_slice(&pixel);
        }
    }
    samples.truncate(3 * pixels);
    samples.shrink_to_fit();
    Some(samples)
}

/// Turns a row of 8-bit samples into RGB, as [`to_rgb8`] does.
pub(super) fn rgb_row(samples: &[u8], color: ColorType, rgb: &mut [u8]) {
    if color == ColorType::Rgb8 {
        rgb.copy_from_slice(&samples[..rgb.len()]);
        return;
    }
    let pixels = samples.chunks_exact(usize::from(color.channel_count()));
    for (rgb, pixel) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
        *rgb = of_pixel(pixel);
    }
}

/// A row of 16-bit samples, the high byte first, rounded to 8 in its place.
pub(super) fn reduce_row(samples: &mut [u8]) -> &[u8] {
    let half = samples.len() / 2;
    for at in 0..half {
        samples[at] = reduce(u16::from_be_bytes([samples[2 * at], samples[2 * at + 1]]));
    }
    &samples[..half]
}

fn of_pixel(samples: &[u8]) -> [u8; 3] {
    match *samples {
        [gray] => [gray; 3],
        [gray, alpha] => [on_white(gray, alpha); 3],
        [r, g, b, alpha] => [on_white(r, alpha), on_white(g, alpha), on_white(b, alpha)],
        [r, g, b, ..] => [r, g, b],
        [] => [0; 3],
    }
}

/// 16 bits to 8, rounded: 65535 = 255 * 257.
fn reduce(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
}

fn on_white(sample: u8, alpha: u8) -> u8 {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    ((sample * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// Converts `photo` to sRGB by an ICC profile. A profile that is sRGB already, broken, or of a colour space that the
/// decoder has left behind (CMYK) changes nothing.
pub(super) fn to_srgb(photo: &mut RgbImage, icc: &[u8]) {
    // Profiles are as hostile as photos; a fault inside the colour engine leaves the colours as they are.
    let convert = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| apply(photo, icc)));
    drop(convert);
}

fn apply(photo: &mut RgbImage, icc: &[u8]) -> Option<()> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    let layout = match profile.color_space {
        DataColorSpace::Rgb => Layout::Rgb,
        DataColorSpace::Gray => Layout::Gray,
        _ => return None,
    };
    if layout == Layout::Rgb && is_srgb_by_name(&profile) {
        return None;
    }
    // Relative colorimetric, as browsers and viewers show photos.
    let options =
        TransformOptions { rendering_intent: RenderingIntent::RelativeColorimetric, ..TransformOptions::default() };
    let transform = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()?;

    if layout == Layout::Rgb {
        let probe = probe();
        let mut moved = probe.clone();
        transform.transform(&probe, &mut moved).ok()?;
        if probe.iter().zip(&moved).all(|(a, b)| a.abs_diff(*b) <= 1) {
            return None;
        }
    }
    let width = photo.width() as usize;
    let mut row_in = vec![0; if layout == Layout::Gray { width } else { 3 * width }];
    for row in photo.chunks_exact_mut(3 * width) {
        if layout == Layout::Gray {
            row_in.iter_mut().zip(row.iter().step_by(3)).for_each(|(gray, &sample)| *gray = sample);
        } else {
            row_in.copy_from_slice(row);
        }
        transform.transform(&row_in, row).ok()?;
    }
    Some(())
}

/// Colours on which a profile that is sRGB in all but name shows itself: a cube of 5 levels a channel.
fn probe() -> Vec<u8> {
    const LEVELS: [u8; 5] = [0, 64, 128, 192, 255];
    LEVELS.iter().flat_map(|&r| LEVELS.iter().flat_map(move |&g| LEVELS.iter().flat_map(move |&b| [r, g, b]))).collect()
}

/// Whether a profile calls itself sRGB and has the primaries of sRGB.
fn is_srgb_by_name(profile: &ColorProfile) -> bool {
    let name = match &profile.description {
        Some(ProfileText::PlainString(name)) => name.as_str(),
        Some(ProfileText::Localizable(names)) => names.first().map_or("", |name| name.value.as_str()),
        Some(ProfileText::Description(name)) => name.ascii_string.as_str(),
        None => "",
    };
    let srgb = ColorProfile::new_srgb();
    let near = |a: moxcms::Xyzd, b: moxcms::Xyzd| {
        (a.x - b.x).abs() < 0.003 && (a.y - b.y).abs() < 0.003 && (a.z - b.z).abs() < 0.003
    };
    name.starts_with("sRGB")
        && !name.to_ascii_lowercase().contains("linear")
        && near(profile.red_colorant, srgb.red_colorant)
        && near(profile.green_colorant, srgb.green_colorant)
        && near(profile.blue_colorant, srgb.blue_colorant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo() -> RgbImage {
        RgbImage::from_fn(8, 4, |x, y| image::Rgb([200, (x * 20) as u8, (y * 30) as u8]))
    }

    #[test]
    fn transparency_is_laid_on_white() {
        let rgb = to_rgb8(vec![10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128], ColorType::Rgba8);
        assert_eq!(rgb, Some(vec![10, 20, 30, 255, 255, 255, 127, 127, 127]));
        assert_eq!(to_rgb8(vec![7, 255, 7, 0], ColorType::La8), Some(vec![7, 7, 7, 255, 255, 255]));
    }

    #[test]
    fn sixteen_bits_are_rounded() {
        let samples = [0u16, 128, 129, 65_535, 257 * 100].map(u16::to_ne_bytes).concat();
        assert_eq!(
            to_rgb8(samples, ColorType::L16).map(|rgb| rgb.into_iter().step_by(3).collect()),
            Some(vec![0, 0, 1, 255, 100])
        );
    }

    #[test]
    fn floats_are_not_photos() {
        assert_eq!(to_rgb8(vec![0; 12], ColorType::Rgb32F), None);
    }

    #[test]
    fn srgb_and_broken_profiles_change_nothing() {
        let srgb = ColorProfile::new_srgb().encode().expect("encodes");
        for icc in [&srgb[..], &srgb[..100], b"", b"not a profile"] {
            let mut converted = photo();
            to_srgb(&mut converted, icc);
            assert_eq!(converted, photo());
        }
    }

    #[test]
    fn a_wider_gamut_is_converted() {
        let icc = ColorProfile::new_display_p3().encode().expect("encodes");
        let mut converted = photo();
        to_srgb(&mut converted, &icc);
        // A P3 red is redder than the same numbers in sRGB; neutrals stay neutral.
        assert!(converted.get_pixel(2, 1)[0] > 205, "{:?}", converted.get_pixel(2, 1));
        let mut gray = RgbImage::from_pixel(5, 5, image::Rgb([128; 3]));
        to_srgb(&mut gray, &icc);
        assert!(gray.iter().all(|&sample| sample.abs_diff(128) <= 1));
    }

    #[test]
    fn a_gray_profile_serves_a_gray_photo() {
        let icc = ColorProfile::new_gray_with_gamma(1.0).encode().expect("encodes");
        let mut gray = RgbImage::from_pixel(5, 5, image::Rgb([55; 3]));
        to_srgb(&mut gray, &icc);
        // 55 / 255 in linear light is 128 in sRGB.
        assert!(gray.iter().all(|&sample| sample.abs_diff(128) <= 2), "{:?}", gray.get_pixel(0, 0));
    }
}
