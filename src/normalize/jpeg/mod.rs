//! Baseline JPEG files with Huffman tables made for them, at one quality after another.
//!
//! What does not depend on the quality is done once a picture: conversion to YCbCr, subsampling, and the DCT. A quality
//! then costs a division of the coefficients and a count of their symbols, from which the tables and the length of the
//! file follow. The file itself is written on demand.
//!
//! Files are one interleaved scan, which all decoders read; encoders at hand make tables only for a scan a component.

mod dct;
mod huffman;
mod plane;
mod quantization;
#[cfg(test)]
mod reference;
mod scan;

use fearless_simd::{Level, dispatch};
use image::RgbImage;

use super::error::NormalizeError;
use huffman::Codes;
use plane::{Component, Plane};
use quantization::Quantizer;
use scan::{Counter, Writer};

/// Resolution of colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampling {
    /// 4:2:0.
    Half,
    /// 4:4:4.
    Full,
}

impl Sampling {
    /// Blocks of luma in a unit of the scan (T.81: MCU), across and down.
    fn side(self) -> usize {
        match self {
            Self::Half => 2,
            Self::Full => 1,
        }
    }
}

/// The DCT coefficients of a picture.
#[derive(Debug)]
pub(super) struct Spectrum {
    /// Pixels.
    width: u16,
    height: u16,
    sampling: Sampling,
    /// Of whole units at [`Sampling::Half`], whatever the sampling.
    luma: Plane,
    /// Blue and red.
    chroma: [Plane; 2],
}

impl Spectrum {
    /// # Errors
    /// [`NormalizeError::Internal`] for a picture that no JPEG holds.
    pub(super) fn new(rgb: &RgbImage, sampling: Sampling) -> Result<Self, NormalizeError> {
        let side = |n: u32| match u16::try_from(n) {
            Ok(n) if n > 0 => Ok(n),
            _ => Err(NormalizeError::Internal(format!("encoding: a side of {n} pixels"))),
        };
        let (width, height) = (side(rgb.width())?, side(rgb.height())?);
        let (across, down) = units(width, height, Sampling::Half);
        let luma = Plane::new::<1>(rgb, Component::LUMA, (2 * across, 2 * down));
        Ok(Self { width, height, sampling, luma, chroma: chroma(rgb, sampling, units(width, height, sampling)) })
    }

    /// The same picture, `rgb`, with colour at full resolution.
    pub(super) fn with_full_color(self, rgb: &RgbImage) -> Self {
        let sampling = Sampling::Full;
        Self { sampling, chroma: chroma(rgb, sampling, units(self.width, self.height, sampling)), ..self }
    }

    /// Units of the scan across and down.
    fn units(&self) -> (usize, usize) {
        units(self.width, self.height, self.sampling)
    }

    /// The picture at a quality.
    pub(super) fn at(&self, quality: u8) -> Quality<'_> {
        let quantizers = [&quantization::LUMA, &quantization::CHROMA].map(|table| Quantizer::new(table, quality));
        let mut counter = Counter::new();
        dispatch!(Level::new(), simd => scan::walk(simd, self, &quantizers, &mut counter));
        let frequencies = counter.frequencies();
        let codes = frequencies.each_ref().map(Codes::of);
        let bits = codes.iter().zip(&frequencies).map(|(codes, frequencies)| codes.bits(frequencies)).sum();
        Quality { spectrum: self, quantizers, codes, bits }
    }
}

fn units(width: u16, height: u16, sampling: Sampling) -> (usize, usize) {
    let count = |pixels: u16| usize::from(pixels).div_ceil(8 * sampling.side());
    (count(width), count(height))
}

fn chroma(rgb: &RgbImage, sampling: Sampling, units: (usize, usize)) -> [Plane; 2] {
    [Component::BLUE, Component::RED].map(|component| match sampling {
        Sampling::Half => Plane::new::<2>(rgb, component, units),
        Sampling::Full => Plane::new::<1>(rgb, component, units),
    })
}

/// A picture at a quality, of which no file is written yet.
#[derive(Debug)]
pub(super) struct Quality<'a> {
    spectrum: &'a Spectrum,
    /// Luma and chroma.
    quantizers: [Quantizer; 2],
    /// DC of luma and chroma, AC of luma and chroma.
    codes: [Codes; 4],
    /// Length of the entropy-coded data without stuffing.
    bits: u64,
}

impl Quality<'_> {
    /// Length of the file, but for the zeros behind bytes of ones, which only writing it shows.
    pub(super) fn least_bytes(&self) -> u64 {
        self.header(0).len() as u64 + self.bits.div_ceil(8) + EOI.len() as u64
    }

    /// The file, with `dpi` dots per inch.
    pub(super) fn file(&self, dpi: u16) -> Vec<u8> {
        let mut out = self.header(dpi);
        // Stuffing takes a byte in 256 or less.
        out.reserve((self.bits / 8 + self.bits / 1024) as usize + 64);
        let mut writer = Writer::new(&self.codes, out);
        dispatch!(Level::new(), simd => scan::walk(simd, self.spectrum, &self.quantizers, &mut writer));
        let mut out = writer.finish();
        out.extend_from_slice(&EOI);
        out
    }

    /// All that comes before the entropy-coded data.
    fn header(&self, dpi: u16) -> Vec<u8> {
        let mut out = vec![0xff, 0xd8];
        let mut segment = |marker: u8, parts: &[&[u8]]| {
            let length = 2 + parts.iter().map(|part| part.len()).sum::<usize>();
            out.extend_from_slice(&[0xff, marker]);
            out.extend_from_slice(&(length as u16).to_be_bytes());
            parts.iter().for_each(|part| out.extend_from_slice(part));
        };
        let Spectrum { width, height, sampling, .. } = self.spectrum;
        let (width, height, dpi) = (width.to_be_bytes(), height.to_be_bytes(), dpi.to_be_bytes());
        // APP0: version 1.2, density in dots per inch, no thumbnail.
        segment(0xe0, &[b"JFIF\0\x01\x02\x01", &dpi, &dpi, &[0, 0]]);
        let side = sampling.side() as u8;
        // SOF0: 8 bits; by component its number, sampling factors and table.
        segment(0xc0, &[&[8], &height, &width, &[3, 0, side << 4 | side, 0, 1, 0x11, 1, 2, 0x11, 1]]);
        for (i, quantizer) in (0..).zip(&self.quantizers) {
            // DQT.
            segment(0xdb, &[&[i], &quantizer.steps]);
        }
        for (i, codes) in (0u8..).zip(&self.codes).filter(|(_, codes)| !codes.values.is_empty()) {
            // DHT: class (DC 0, AC 1) and number.
            segment(0xc4, &[&[((i / 2) << 4) | (i % 2)], &codes.lengths, &codes.values]);
        }
        // SOS: by component its DC and AC table; all coefficients, whole.
        segment(0xda, &[&[3, 0, 0, 1, 0x11, 2, 0x11, 0, 63, 0]]);
        out
    }
}

/// End of the image.
const EOI: [u8; 2] = [0xff, 0xd9];
