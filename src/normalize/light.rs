//! Between 8-bit sRGB and linear light (IEC 61966-2-1): single colours by tables, rows of a picture in vector code.

use std::sync::LazyLock;

use fearless_simd::{Select, Simd, SimdBase, SimdCvtTruncate, SimdFloat, f32x16, u32x16};

use crate::scene::lab::linear;

/// A colour in linear light, each channel 0 to 1.
pub(super) type Linear = [f32; 3];

/// 8-bit sRGB of linear light in steps of 1/65535.
static ENCODED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let encode = |i: u32| {
        let v = f64::from(i) / 65535.0;
        let srgb = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        (srgb * 255.0).round() as u8
    };
    (0..=65535).map(encode).collect()
});

/// 8-bit sRGB of a value in linear light; what is out of range is cut.
pub(crate) fn encoded(value: f32) -> u8 {
    encoded_step(step(value))
}

/// 8-bit sRGB of linear light in steps of 1/65535.
#[inline]
pub(super) fn encoded_step(step: u16) -> u8 {
    ENCODED[usize::from(step)]
}

/// Linear light in steps of 1/65535; what is out of range is cut.
#[inline]
pub(super) fn step(value: f32) -> u16 {
    // The cast of a float saturates.
    (value * 65535.0 + 0.5) as u16
}

/// Linear light of steps of 1/65535.
#[inline(always)]
pub(super) fn of_step(step: u16) -> f32 {
    f32::from(step) * (1.0 / 65535.0)
}

/// A colour in 8-bit sRGB.
pub(super) fn encoded_color(color: Linear) -> [u8; 3] {
    color.map(encoded)
}

/// A colour in linear light.
pub(super) fn linear_color(rgb: [u8; 3]) -> Linear {
    rgb.map(linear)
}

/// Values that are converted together.
pub(super) const LANES: usize = 16;

/// ((v + 0.055) / 1.055) ^ 2.4 by the powers of v from the 0th on, at most 0.4/65535 off where 8-bit sRGB is not
/// linear.
const DECODE: [f32; 7] =
    [0.000_914_667, 0.033_137_303, 0.511_456_6, 0.717_002_33, -0.434_581_5, 0.226_726_25, -0.054_661_054];

/// 255 (1.055 v ^ (1/2.4) - 0.055) by the powers of v ^ (1/4) from the 0th on, at most 0.002 off where sRGB is not
/// linear.
const ENCODE: [f32; 6] = [-15.641_728, 41.316_456, 320.128_97, -147.259_5, 73.832_03, -17.377_907];

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, coefficients: &[f32; N], v: f32x16<S>) -> f32x16<S> {
    let mut sum = f32x16::splat(simd, coefficients[N - 1]);
    for &c in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(v, f32x16::splat(simd, c));
    }
    sum
}

/// Linear light of a row of 8-bit sRGB. For code that is compiled for the processor at hand.
#[inline(always)]
pub(super) fn decode_row<S: Simd>(simd: S, bytes: &[u8], out: &mut [f32]) {
    let (bytes, bytes_left) = bytes.as_chunks::<LANES>();
    let (out, out_left) = out.as_chunks_mut::<LANES>();
    for (out, bytes) in out.iter_mut().zip(bytes) {
        let mut v = [0.0; LANES];
        for (v, &byte) in v.iter_mut().zip(bytes) {
            *v = f32::from(byte);
        }
        let v = f32x16::from_slice(simd, &v) * f32x16::splat(simd, 1.0 / 255.0);
        let curved = v.simd_gt(f32x16::splat(simd, 0.040_45));
        let straight = v * f32x16::splat(simd, 1.0 / 12.92);
        curved.select(polynomial(simd, &DECODE, v), straight).store_slice(out);
    }
    for (out, &byte) in out_left.iter_mut().zip(bytes_left) {
        *out = linear(byte);
    }
}

/// 8-bit sRGB of a row of linear light; what is out of range is cut. For code that is compiled for the processor at
/// hand.
#[inline(always)]
pub(super) fn encode_row<S: Simd>(simd: S, light: &[f32], codes: &mut [u8]) {
    let (light, light_left) = light.as_chunks::<LANES>();
    let (codes, codes_left) = codes.as_chunks_mut::<LANES>();
    for (codes, light) in codes.iter_mut().zip(light) {
        let v = within(simd, light);
        let curved = v.simd_gt(f32x16::splat(simd, 0.003_130_8));
        let straight = v * f32x16::splat(simd, 12.92 * 255.0);
        let code = curved.select(polynomial(simd, &ENCODE, v.sqrt().sqrt()), straight);
        for (out, code) in codes.iter_mut().zip(rounded(simd, code)) {
            *out = code as u8;
        }
    }
    for (code, &light) in codes_left.iter_mut().zip(light_left) {
        *code = encoded(light);
    }
}

/// A row of linear light in steps of 1/65535; what is out of range is cut. For code that is compiled for the processor
/// at hand.
#[inline(always)]
pub(super) fn step_row<S: Simd>(simd: S, light: &[f32], steps: &mut [u16]) {
    let (light, light_left) = light.as_chunks::<LANES>();
    let (steps, steps_left) = steps.as_chunks_mut::<LANES>();
    for (steps, light) in steps.iter_mut().zip(light) {
        let scaled = within(simd, light) * f32x16::splat(simd, 65535.0);
        for (out, step) in steps.iter_mut().zip(rounded(simd, scaled)) {
            *out = step as u16;
        }
    }
    for (out, &light) in steps_left.iter_mut().zip(light_left) {
        *out = step(light);
    }
}

/// Values cut to 0 to 1.
#[inline(always)]
fn within<S: Simd>(simd: S, values: &[f32; LANES]) -> f32x16<S> {
    f32x16::from_slice(simd, values).max(f32x16::splat(simd, 0.0)).min(f32x16::splat(simd, 1.0))
}

/// The nearest whole numbers of values that are not negative.
#[inline(always)]
fn rounded<S: Simd>(simd: S, values: f32x16<S>) -> [u32; LANES] {
    let mut whole = [0; LANES];
    u32x16::truncate_from(values + f32x16::splat(simd, 0.5)).store_slice(&mut whole);
    whole
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use super::*;

    fn all_decoded(bytes: &[u8]) -> Vec<f32> {
        let mut light = vec![0.0; bytes.len()];
        dispatch!(Level::new(), simd => decode_row(simd, bytes, &mut light));
        light
    }

    fn all_encoded(light: &[f32]) -> Vec<u8> {
        let mut codes = vec![0; light.len()];
        dispatch!(Level::new(), simd => encode_row(simd, light, &mut codes));
        codes
    }

    #[test]
    fn eight_bits_survive_linear_light() {
        for value in 0..=255u8 {
            assert_eq!(encoded_color(linear_color([value; 3])), [value; 3]);
        }
        assert_eq!((encoded(-1.0), encoded(2.0)), (0, 255));
    }

    #[test]
    fn rows_are_decoded_like_single_values() {
        // Two values more than whole chunks hold.
        let bytes: Vec<u8> = (0..=255).chain([7, 200]).collect();
        let light = all_decoded(&bytes);
        for (&byte, light) in bytes.iter().zip(&light) {
            assert!((light - linear(byte)).abs() < 0.5 / 65535.0, "{byte}: {light}");
        }
        assert_eq!(all_encoded(&light), bytes);
    }

    #[test]
    fn rows_are_encoded_like_single_values() {
        let light: Vec<f32> = (0..=u16::MAX).map(of_step).chain([-0.5, 1.5]).collect();
        let differing =
            all_encoded(&light).iter().zip(&light).filter(|(code, light)| **code != encoded(**light)).count();
        // Only where the exact value lies in the middle between two codes.
        assert!(differing < light.len() / 200, "{differing}");
        let near = |(code, light): (&u8, &f32)| code.abs_diff(encoded(*light)) <= 1;
        assert!(all_encoded(&light).iter().zip(&light).all(near));
        let out_of_range = [-0.5, 1.5].repeat(LANES);
        assert_eq!(all_encoded(&out_of_range), [0, 255].repeat(LANES));
    }

    #[test]
    fn rows_are_put_in_steps_like_single_values() {
        let light: Vec<f32> = (-200..1200).map(|i| i as f32 / 997.0).collect();
        let mut steps = vec![0; light.len()];
        dispatch!(Level::new(), simd => step_row(simd, &light, &mut steps));
        assert_eq!(steps, light.iter().map(|&light| step(light)).collect::<Vec<_>>());
    }
}
