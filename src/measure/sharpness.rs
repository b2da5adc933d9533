//! Focus, motion and pixelation, seen around the eyes.

use fearless_simd::{Level, dispatch};
use image::RgbImage;

use super::components::next_set;
use super::plane::{Plane, quantile};
use crate::face::Face;
use crate::units::Rect;

/// Distance of the pupils the eye region is brought down to: a little above that of a 480x640 graduation photo, so that
/// a large photo is judged by what is left of it at the size it is used at.
const EYE_DISTANCE: f64 = 120.0;
/// Eyes nearer than this, in pixels, show no detail to judge.
const MIN_EYE_DISTANCE: f64 = 40.0;

/// Detail around the eyes, in pixels at pupils at most 120 px apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpness {
    /// Median width of the strongest edges along rows (contrast over steepest slope).
    pub across: f64,
    /// The same along columns.
    pub down: f64,
    /// Side of the cells of a mosaic, 0 when the photo is not pixelated.
    pub cell: usize,
    /// The region measured, in original pixels.
    pub region: Rect,
}

impl Sharpness {
    /// Width of an edge in the worse direction. Two cells of a mosaic are what it takes to show an edge.
    pub fn edge_width(&self) -> f64 {
        self.across.max(self.down).max(2.0 * self.cell as f64)
    }

    /// Whether detail is lost in one direction far more than in the other, which is motion and not focus.
    pub fn is_motion(&self) -> bool {
        let (low, high) = (self.across.min(self.down), self.across.max(self.down));
        high > 1.45 * low
    }
}

/// Measures the eye region; `None` when it lies outside the photo or is too small.
///
/// The width of an edge is its contrast over its steepest slope (the 10 to 90 % rise of ISO 12233 up to a factor), so
/// contrast, skin and light cancel. Lids, lashes, irises and brows give edges in every direction on every face.
pub fn sharpness(rgb: &RgbImage, face: &Face) -> Option<Sharpness> {
    let ied = face.inter_eye_distance();
    if !(ied >= MIN_EYE_DISTANCE) {
        return None;
    }
    let c = face.eye_midpoint();
    let region = Rect::from_edges(c.x - ied, c.y - 0.5 * ied, c.x + ied, c.y + 0.35 * ied);
    let plane = Plane::luma(rgb, region)?.shrunk(if ied > 1.05 * EYE_DISTANCE { EYE_DISTANCE / ied } else { 1.0 })?;
    if plane.width < 40 || plane.height < 24 {
        return None;
    }
    let turned = plane.transposed();
    // The same grid in both directions; a real photo has it in neither.
    let cell = match (mosaic(&plane), mosaic(&turned)) {
        (a, b) if a == b => a,
        _ => 0,
    };
    Some(Sharpness { across: edge_width(&plane)?, down: edge_width(&turned)?, cell, region })
}

/// Half of the window an edge's contrast is taken in, pixels.
const REACH: usize = 5;
/// Share of the samples taken as edges: lids, lashes and irises, not pores.
const EDGES: f64 = 0.02;

/// Median width of the strongest edges along the rows of `plane`, which is smoothed over three rows against noise.
fn edge_width(plane: &Plane) -> Option<f64> {
    let (w, h) = (plane.width, plane.height);
    let mut smooth = vec![0; w * h];
    let mut line = EdgeLine { slopes: vec![0; w], edges: vec![false; w] };
    // Steepest points of edges: slope and place.
    let mut edges: Vec<(u16, u32)> = Vec::new();
    let level = Level::new();
    for (y, smooth) in smooth.chunks_exact_mut(w).enumerate().take(h - 1).skip(1) {
        let rows = [y - 1, y, y + 1].map(|y| &plane.data[y * w..(y + 1) * w]);
        dispatch!(level, _simd => line.fill(rows, smooth));
        let mut from = 0;
        while let Some(x) = next_set(&line.edges, from) {
            from = x + 1;
            edges.push((line.slopes[x], (y * w + x) as u32));
        }
    }
    let wanted = ((EDGES * (w * h) as f64) as usize).max(10);
    if edges.len() < 10 {
        return None;
    }
    if edges.len() > wanted {
        edges.select_nth_unstable_by(wanted, |a, b| b.0.cmp(&a.0));
        edges.truncate(wanted);
    }
    let width = |(slope, at): (u16, u32)| {
        let window = &smooth[at as usize - REACH..=at as usize + REACH];
        let (low, high) = window.iter().fold((u16::MAX, 0), |(l, h), &v| (l.min(v), h.max(v)));
        2.0 * f32::from(high - low) / f32::from(slope)
    };
    let mut widths: Vec<f32> = edges.into_iter().map(width).collect();
    Some(f64::from(quantile(&mut widths, 0.5)))
}

/// The slopes of a row, and where they are the steepest around.
struct EdgeLine {
    slopes: Vec<u16>,
    edges: Vec<bool>,
}

impl EdgeLine {
    /// Smooths a row over three, and looks for edges in it.
    #[inline(always)]
    fn fill(&mut self, rows: [&[u8]; 3], smooth: &mut [u16]) {
        let w = smooth.len();
        let [above, here, below] = rows.map(|row| &row[..w]);
        for (x, smooth) in smooth.iter_mut().enumerate() {
            *smooth = u16::from(above[x]) + u16::from(here[x]) + u16::from(below[x]);
        }
        let (before, behind) = (&smooth[..w - 2], &smooth[2..]);
        for ((slope, &a), &b) in self.slopes[1..].iter_mut().zip(before).zip(behind) {
            *slope = a.abs_diff(b);
        }
        let inner = REACH + 1..w - REACH - 1;
        let slopes = &self.slopes;
        let around = slopes[inner.start - 1..].iter().zip(&slopes[inner.clone()]).zip(&slopes[inner.start + 1..]);
        for (edge, ((&before, &here), &behind)) in self.edges[inner.clone()].iter_mut().zip(around) {
            // Twelve is a slope of two levels a pixel (three rows, two pixels): less is noise.
            *edge = (here >= 12) & (here >= before) & (here >= behind);
        }
    }
}

/// Steps on the grid over steps inside of the cells from which on the photo is a mosaic. Photos reach 1.8, the
/// heaviest JPEG (grid of eight) 3.5, a mosaic 4 to 80.
const MOSAIC: f64 = 2.7;
const MOSAIC_OF_JPEG_SIZE: f64 = 8.0;

/// Side of the mosaic's cells along rows, 0 for none.
fn mosaic(plane: &Plane) -> usize {
    let w = plane.width;
    let mut steps = vec![0u32; w - 1];
    for row in plane.rows() {
        for (sum, pair) in steps.iter_mut().zip(row.windows(2)) {
            *sum += u32::from(pair[0].abs_diff(pair[1]));
        }
    }
    let rows = plane.height as f64;
    let total: u32 = steps.iter().sum();
    let mut best = (0.0, 0);
    for cell in 3..=16usize {
        let mut sums = [(0u32, 0u32); 16];
        for group in steps.chunks(cell) {
            for ((sum, n), step) in sums.iter_mut().zip(group) {
                *sum += step;
                *n += 1;
            }
        }
        for (sum, n) in sums.into_iter().take(cell) {
            let (on, off) = (f64::from(sum) / rows, f64::from(total - sum) / rows);
            let (n_on, n_off) = (f64::from(n), (steps.len() - n as usize) as f64);
            let score = (on / n_on) / (off / n_off + 0.3);
            let needed = if cell % 8 == 0 { MOSAIC_OF_JPEG_SIZE } else { MOSAIC };
            // A multiple of the true cell scores less than the cell itself.
            if score > needed && score > best.0 {
                best = (score, cell);
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dark bars on grey whose edges rise over `rise` pixels.
    fn bars(rise: f64) -> Plane {
        let data = (0..60)
            .flat_map(|_| 0..240)
            .map(|x: i32| {
                let t = f64::from(x.rem_euclid(40) - 20).abs() - 10.0;
                (128.0 + 60.0 * (t / rise * 2.0).clamp(-1.0, 1.0)).round() as u8
            })
            .collect();
        Plane { width: 240, height: 60, data }
    }

    #[test]
    fn edges_are_as_wide_as_they_rise() {
        let sharp = edge_width(&bars(3.0)).expect("bars have edges");
        let soft = edge_width(&bars(8.0)).expect("bars have edges");
        assert!((sharp - 3.0).abs() < 0.7, "{sharp}");
        assert!((soft - 8.0).abs() < 1.5, "{soft}");
    }

    #[test]
    fn contrast_does_not_count() {
        let mut faint = bars(4.0);
        for v in &mut faint.data {
            *v = 100 + (*v - 60) / 4;
        }
        let (a, b) = (edge_width(&bars(4.0)), edge_width(&faint));
        assert!((a.expect("edges") - b.expect("edges")).abs() < 0.6, "{a:?} {b:?}");
    }

    #[test]
    fn a_mosaic_is_found_with_its_cell_and_noise_is_none() {
        let noise = |x: usize, y: usize| ((x * 7919 + y * 104_729) ^ (x * y * 31)) % 97;
        let plane = |cell: usize| Plane {
            width: 240,
            height: 100,
            data: (0..100 * 240).map(|i| 60 + noise(i % 240 / cell, i / 240 / cell) as u8).collect(),
        };
        assert_eq!(mosaic(&plane(4)), 4);
        assert_eq!(mosaic(&plane(8)), 8);
        assert_eq!(mosaic(&plane(1)), 0);
    }

    #[test]
    fn flat_has_no_edges() {
        assert_eq!(edge_width(&Plane { width: 100, height: 50, data: vec![90; 5000] }), None);
    }
}
