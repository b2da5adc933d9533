//! Where the ink is: darkness against the paper, and the pixels that are strokes.

use image::{Rgb, RgbImage};

use super::SignatureError;
use super::paper::Paper;
use crate::normalize::encoded;
use crate::photo::resize::{FilterType, resized};
use crate::scene::lab::linear;
use crate::units::{Point, Rect};

/// Longest side, in pixels, of the picture that strokes are looked for on.
const LONGEST: f64 = 1600.0;

/// Noise, as a share of the paper's brightness, from which darkness is averaged over three by three pixels.
const NOISY: f32 = 0.025;

/// Darkness below which nothing is ink, however little noise there is: marks that show through, stains.
const LEAST_DARK: f32 = 0.12;

/// Shares of the ink's own darkness: what is certainly ink, and what is when it touches that.
const SURE: f32 = 0.35;
const PERHAPS: f32 = 0.18;

/// Share of the picture's pixels that have to be dark before ink is looked for.
const LEAST_SHARE: f64 = 2e-5;

/// Darkness of every place against the paper, and the mask of the ink.
#[derive(Debug)]
pub(crate) struct Ink {
    pub width: usize,
    pub height: usize,
    /// Pixels here a pixel of the picture, at most 1.
    pub scale: f64,
    /// 0 (paper) to 1 (black), on the scale of encoded sRGB, in the red channel: black and blue ink are dark there, red
    /// seals and red lines are not.
    pub dark: Vec<f32>,
    pub mask: Vec<bool>,
    /// Standard deviation of the paper's darkness.
    pub noise: f32,
    /// Darkness from which what touches ink is ink.
    pub perhaps: f32,
    /// The usual darkness of the ink.
    pub level: f32,
}

impl Ink {
    /// Finds the ink of a picture on its paper.
    ///
    /// # Errors
    /// [`SignatureError::NoInk`] when there is none.
    pub(crate) fn of(rgb: &RgbImage, paper: &Paper) -> Result<Self, SignatureError> {
        let (w, h) = (f64::from(rgb.width()), f64::from(rgb.height()));
        let scale = (LONGEST / w.max(h)).min(1.0);
        let size = [w, h].map(|side| (side * scale).round().max(1.0) as u32);
        let whole = Rect::from_edges(0.0, 0.0, w, h);
        let small =
            if scale < 1.0 { resized(rgb, whole, (size[0], size[1]), FilterType::Box) } else { Some(rgb.clone()) };
        let small = small.ok_or_else(|| SignatureError::Internal("no smaller picture".to_owned()))?;
        let (width, height) = (size[0] as usize, size[1] as usize);
        let place = |x: u32, y: u32| Point::new((f64::from(x) + 0.5) / scale, (f64::from(y) + 0.5) / scale);
        let sheet: Vec<bool> = small.enumerate_pixels().map(|(x, y, _)| paper.is_sheet(place(x, y))).collect();
        let of = |(x, y, pixel): (u32, u32, &Rgb<u8>)| darkness(linear(pixel.0[0]), paper.light(place(x, y))[0]);
        // What lies beside the sheet is not looked at.
        let mut dark: Vec<f32> =
            small.enumerate_pixels().zip(&sheet).map(|(at, &sheet)| if sheet { of(at) } else { 0.0 }).collect();
        let mut noise = noise(&dark, &sheet);
        if noise > NOISY {
            dark = averaged(&dark, width, height);
            noise = self::noise(&dark, &sheet);
        }
        let least = LEAST_DARK.max(5.0 * noise);
        let mut inked: Vec<f32> = dark.iter().copied().filter(|&dark| dark > least).collect();
        if (inked.len() as f64) < LEAST_SHARE * dark.len() as f64 || inked.len() < 12 {
            return Err(SignatureError::NoInk);
        }
        let at = inked.len() * 4 / 5;
        let level = *inked.select_nth_unstable_by(at, f32::total_cmp).1;
        let sure = least.max(SURE * level);
        let perhaps = (LEAST_DARK / 2.0).max(2.5 * noise).max(PERHAPS * level).min(sure);
        let mask = grown(&dark, (width, height), sure, perhaps);
        Ok(Self { width, height, scale, dark, mask, noise, perhaps, level })
    }

    /// The middle of a pixel, in pixels of the picture.
    pub(crate) fn place(&self, at: usize) -> Point {
        Point::new(((at % self.width) as f64 + 0.5) / self.scale, ((at / self.width) as f64 + 0.5) / self.scale)
    }
}

/// Darkness of light against the paper's, 0 to 1 on the scale of encoded sRGB.
pub(crate) fn darkness(light: f32, paper: f32) -> f32 {
    1.0 - f32::from(encoded(light / paper)) / 255.0
}

/// Standard deviation of the paper's darkness. What is brighter than the paper is cut to 0, and ink is less than a tenth of
/// the picture: the 70th percentile is that of noise alone, at 0.524 standard deviations.
fn noise(dark: &[f32], sheet: &[bool]) -> f32 {
    let mut sorted: Vec<f32> = dark.iter().zip(sheet).filter(|(_, sheet)| **sheet).map(|(&dark, _)| dark).collect();
    if sorted.is_empty() {
        return 1.0;
    }
    let at = sorted.len() * 7 / 10;
    let upper = *sorted.select_nth_unstable_by(at, f32::total_cmp).1;
    (upper / 0.524).max(1.0 / 255.0)
}

/// Means over three by three pixels.
fn averaged(plane: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(plane.len());
    for y in 0..height {
        let (y0, y1) = (y.saturating_sub(1), (y + 1).min(height - 1));
        for x in 0..width {
            let (x0, x1) = (x.saturating_sub(1), (x + 1).min(width - 1));
            let sum: f32 = (y0..=y1).map(|y| plane[y * width + x0..=y * width + x1].iter().sum::<f32>()).sum();
            out.push(sum / ((x1 - x0 + 1) * (y1 - y0 + 1)) as f32);
        }
    }
    out
}

/// Pixels of at least `perhaps` that are connected with one of at least `sure`.
fn grown(dark: &[f32], (width, height): (usize, usize), sure: f32, perhaps: f32) -> Vec<bool> {
    let mut mask: Vec<bool> = dark.iter().map(|&dark| dark >= sure).collect();
    let mut edge: Vec<usize> = (0..mask.len()).filter(|&at| mask[at]).collect();
    while let Some(at) = edge.pop() {
        for to in around(at, width, height) {
            if !mask[to] && dark[to] >= perhaps {
                mask[to] = true;
                edge.push(to);
            }
        }
    }
    mask
}

/// The up to eight pixels around one.
pub(crate) fn around(at: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (at % width, at / width);
    let (x0, x1) = (x.saturating_sub(1), (x + 1).min(width - 1));
    let (y0, y1) = (y.saturating_sub(1), (y + 1).min(height - 1));
    (y0..=y1).flat_map(move |y| (x0..=x1).map(move |x| y * width + x)).filter(move |&to| to != at)
}
