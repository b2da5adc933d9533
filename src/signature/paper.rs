//! The paper without the ink: its colour and light at every place, so that shadows and gradients divide out.

use image::RgbImage;

use super::SignatureError;
use crate::photo::resize::{FilterType, resized};
use crate::scene::lab::linear;
use crate::units::{Point, Rect};

/// Longest side of the model, in its pixels. Averages over the picture's pixels keep the noise out of the maxima below.
const LONGEST: f64 = 500.0;

/// Half the side of the window that no ink may fill, as a share of the longest side: wider than any stroke, narrower than
/// any shadow that matters.
const REACH: f64 = 0.035;

/// Encoded brightness, as a share of the brightest paper's, below which a place is no paper: the table beside it, a hand.
const DARK: f32 = 0.55;

/// Encoded brightness, 0 to 1, that the brightest tenth of the paper has at least.
const LEAST_BRIGHT: f32 = 0.3;

/// Share of dark places that is too much.
const MOST_DARK: f64 = 0.6;

/// Width of the sheet's edge, in pixels of the model.
const EDGE: usize = 2;

/// The paper's own light.
#[derive(Debug)]
pub(crate) struct Paper {
    width: usize,
    height: usize,
    /// Linear light, 0 to 1.
    light: Vec<[f32; 3]>,
    /// Whether the place belongs to the sheet.
    sheet: Vec<bool>,
    /// Whether it does, and is none of the places at the sheet's edge.
    inner: Vec<bool>,
    /// Pixels of the model a pixel of the picture, across and down.
    scale: [f64; 2],
}

impl Paper {
    /// The model of a picture: a grey-scale closing of each channel (the ink, thinner than the window, is filled with the
    /// paper around it) and a little smoothing.
    ///
    /// # Errors
    /// [`SignatureError::NotPaper`] when most of the picture is dark.
    pub(crate) fn of(rgb: &RgbImage) -> Result<Self, SignatureError> {
        let (w, h) = (f64::from(rgb.width()), f64::from(rgb.height()));
        let factor = (w.max(h) / LONGEST).max(2.0);
        let size = [w, h].map(|side| (side / factor).round().max(1.0) as u32);
        let whole = Rect::from_edges(0.0, 0.0, w, h);
        let small = resized(rgb, whole, (size[0], size[1]), FilterType::Box)
            .ok_or_else(|| SignatureError::Internal("no smaller picture".to_owned()))?;
        let (width, height) = (size[0] as usize, size[1] as usize);
        let reach = ((REACH * width.max(height) as f64).round() as usize).max(2);
        let mut light = vec![[0.0; 3]; width * height];
        for channel in 0..3 {
            let plane: Vec<u8> = small.pixels().map(|pixel| pixel.0[channel]).collect();
            let closed = closing(&plane, width, height, reach);
            let smooth = smoothed(&closed.iter().map(|&v| linear(v)).collect::<Vec<f32>>(), width, height);
            // The maximum of noisy values lies above them: what is over is taken off again.
            let mut ratios: Vec<f32> =
                plane.iter().zip(&smooth).map(|(&seen, model)| linear(seen) / model.max(1e-4)).collect();
            let middle = ratios.len() / 2;
            let over = *ratios.select_nth_unstable_by(middle, f32::total_cmp).1;
            let over = over.clamp(0.8, 1.0);
            light.iter_mut().zip(smooth).for_each(|(light, model)| light[channel] = (model * over).max(1e-4));
        }
        let scale = [width as f64 / w, height as f64 / h];
        let mut paper = Self { width, height, light, sheet: Vec::new(), inner: Vec::new(), scale };
        paper.sheet = paper.sheet(&small)?;
        let bytes: Vec<u8> = paper.sheet.iter().map(|&sheet| u8::from(sheet)).collect();
        let inner = windowed(&bytes, width, height, EDGE, u8::min);
        paper.inner = inner.into_iter().map(|byte| byte > 0).collect();
        Ok(paper)
    }

    /// The largest connected light region.
    fn sheet(&self, small: &RgbImage) -> Result<Vec<bool>, SignatureError> {
        // Brightness is compared as the eye does, by the square root of the light.
        let bright: Vec<f32> = self.light.iter().map(|light| luminance(*light).sqrt()).collect();
        let mut sorted = bright.clone();
        let at = sorted.len() * 9 / 10;
        let white = *sorted.select_nth_unstable_by(at, f32::total_cmp).1;
        let seen = small.pixels().map(|pixel| luminance(pixel.0.map(linear)).sqrt());
        let dark = seen.filter(|&seen| seen < DARK * white).count() as f64 / self.light.len() as f64;
        let is_light: Vec<bool> = bright.iter().map(|&bright| bright >= DARK * white).collect();
        let sheet = largest(&is_light, self.width, self.height);
        let share = sheet.iter().filter(|&&sheet| sheet).count() as f64 / sheet.len() as f64;
        if white < LEAST_BRIGHT || dark > MOST_DARK || share < 1.0 - MOST_DARK {
            let dark = if white < LEAST_BRIGHT { 1.0 } else { dark.max(1.0 - share) };
            return Err(SignatureError::NotPaper { dark_percent: 100.0 * dark });
        }
        Ok(sheet)
    }

    /// The paper's light at a place of the picture, interpolated.
    pub(crate) fn light(&self, at: Point) -> [f32; 3] {
        let place = |v: f64, scale: f64, n: usize| {
            let v = (v * scale - 0.5).clamp(0.0, (n - 1) as f64);
            let low = (v as usize).min(n.saturating_sub(2));
            (low, (low + 1).min(n - 1), (v - low as f64) as f32)
        };
        let (x0, x1, fx) = place(at.x, self.scale[0], self.width);
        let (y0, y1, fy) = place(at.y, self.scale[1], self.height);
        let row = |y: usize| {
            let (a, b) = (self.light[y * self.width + x0], self.light[y * self.width + x1]);
            [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * fx)
        };
        let (a, b) = (row(y0), row(y1));
        [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * fy)
    }

    /// Share of the picture that is sheet, 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        self.sheet.iter().filter(|&&sheet| sheet).count() as f64 / self.sheet.len() as f64
    }

    /// Whether a place of the picture belongs to the sheet.
    pub(crate) fn is_sheet(&self, at: Point) -> bool {
        self.sheet[self.index(at)]
    }

    /// Whether it belongs to the sheet's inside, away from where the sheet meets something else.
    pub(crate) fn is_inside(&self, at: Point) -> bool {
        self.inner[self.index(at)]
    }

    fn index(&self, at: Point) -> usize {
        let place = |v: f64, scale: f64, n: usize| ((v * scale).max(0.0) as usize).min(n - 1);
        let (x, y) = (place(at.x, self.scale[0], self.width), place(at.y, self.scale[1], self.height));
        y * self.width + x
    }
}

/// Relative luminance of a colour in linear light.
fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Grey-scale closing by a square of `2 * reach + 1` pixels a side, cut at the edges.
fn closing(plane: &[u8], width: usize, height: usize, reach: usize) -> Vec<u8> {
    let widened = windowed(plane, width, height, reach, u8::max);
    windowed(&widened, width, height, reach, u8::min)
}

/// The extreme over a square around every pixel: along rows, then along columns.
fn windowed(plane: &[u8], width: usize, height: usize, reach: usize, pick: fn(u8, u8) -> u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(plane.len());
    for row in plane.chunks_exact(width) {
        out.extend(running(row, reach, pick));
    }
    for x in 0..width {
        let column: Vec<u8> = (0..height).map(|y| out[y * width + x]).collect();
        running(&column, reach, pick).into_iter().enumerate().for_each(|(y, v)| out[y * width + x] = v);
    }
    out
}

/// The extreme over `2 * reach + 1` values around each, with two comparisons a value: extremes from the left and from the
/// right end of blocks of the window's length meet inside of every window (van Herk, Gil and Werman).
fn running(row: &[u8], reach: usize, pick: fn(u8, u8) -> u8) -> Vec<u8> {
    let (n, block) = (row.len(), 2 * reach + 1);
    let mut left = row.to_vec();
    let mut right = row.to_vec();
    for i in 1..n {
        if i % block != 0 {
            left[i] = pick(left[i - 1], left[i]);
        }
        let j = n - 1 - i;
        if (j + 1) % block != 0 {
            right[j] = pick(right[j + 1], right[j]);
        }
    }
    (0..n)
        .map(|i| {
            let (from, to) = (i.saturating_sub(reach), (i + reach).min(n - 1));
            // A window inside of one block is cut by an edge: it begins or ends where the block does.
            if from / block == to / block {
                if from % block == 0 { left[to] } else { right[from] }
            } else {
                pick(right[from], left[to])
            }
        })
        .collect()
}

/// Means over three by three pixels, twice.
fn smoothed(plane: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mut plane = plane.to_vec();
    for _ in 0..2 {
        let before = plane.clone();
        for y in 0..height {
            for x in 0..width {
                let (x0, x1) = (x.saturating_sub(1), (x + 1).min(width - 1));
                let (y0, y1) = (y.saturating_sub(1), (y + 1).min(height - 1));
                let sum: f32 = (y0..=y1).map(|y| before[y * width + x0..=y * width + x1].iter().sum::<f32>()).sum();
                plane[y * width + x] = sum / ((x1 - x0 + 1) * (y1 - y0 + 1)) as f32;
            }
        }
    }
    plane
}

/// The largest region of `true` whose pixels touch at their sides.
fn largest(mask: &[bool], width: usize, height: usize) -> Vec<bool> {
    let mut seen = vec![false; mask.len()];
    let mut best: Vec<usize> = Vec::new();
    for start in 0..mask.len() {
        if !mask[start] || seen[start] {
            continue;
        }
        seen[start] = true;
        let mut region = vec![start];
        let mut next = 0;
        while let Some(&at) = region.get(next) {
            next += 1;
            let (x, y) = (at % width, at / width);
            let around = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then(|| at + 1),
                (y > 0).then(|| at - width),
                (y + 1 < height).then(|| at + width),
            ];
            for to in around.into_iter().flatten() {
                if mask[to] && !seen[to] {
                    seen[to] = true;
                    region.push(to);
                }
            }
        }
        if region.len() > best.len() {
            best = region;
        }
    }
    let mut out = vec![false; mask.len()];
    best.into_iter().for_each(|at| out[at] = true);
    out
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_running_extreme_is_that_of_the_window(row in proptest::collection::vec(any::<u8>(), 1..60), reach in 1usize..9) {
            let fast = running(&row, reach, u8::max);
            for (i, &value) in fast.iter().enumerate() {
                let window = &row[i.saturating_sub(reach)..=(i + reach).min(row.len() - 1)];
                prop_assert_eq!(Some(value), window.iter().copied().max());
            }
        }
    }

    #[test]
    fn a_gradient_stays_and_strokes_go() {
        let paper = |x: u32, y: u32| [120 + x / 10, 110 + y / 8, 100 + x / 12].map(|v| v as u8);
        let rgb = RgbImage::from_fn(900, 600, |x, y| {
            let ink = (200..700).contains(&x) && (x / 4 + y) % 90 < 12;
            Rgb(if ink { [20, 20, 60] } else { paper(x, y) })
        });
        let model = Paper::of(&rgb).expect("light");
        for (x, y) in [(100, 100), (450, 300), (460, 306), (640, 500)] {
            let (seen, truth) = (model.light(Point::new(f64::from(x), f64::from(y))), paper(x, y).map(linear));
            (0..3).for_each(|c| assert!((seen[c] / truth[c] - 1.0).abs() < 0.08, "{x} {y}: {seen:?} {truth:?}"));
        }
        assert!(model.is_sheet(Point::new(450.0, 300.0)));
    }

    #[test]
    fn a_dark_picture_is_refused() {
        let dark = RgbImage::from_fn(400, 300, |x, y| Rgb([if (x + y) % 40 < 4 { 240 } else { 15 }; 3]));
        assert!(matches!(Paper::of(&dark), Err(SignatureError::NotPaper { .. })));
        let black = RgbImage::from_pixel(400, 300, Rgb([20; 3]));
        assert!(matches!(Paper::of(&black), Err(SignatureError::NotPaper { .. })));
    }
}
