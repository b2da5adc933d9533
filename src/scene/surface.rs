//! A smooth colour surface: L*, a*, b* as quadratic functions of place, fitted robustly.
//!
//! A studio backdrop is one colour, or falls off smoothly; six coefficients a channel describe both, and a person in
//! front of it is an outlier to them. Fitted by iteratively re-weighted least squares with Tukey's biweight.

use super::lab::{Lab, LabImage};
use super::mask::unit;
use crate::linear::gauss;

/// Coefficients of 1, x, y, x², xy, y².
const TERMS: usize = 6;

/// Rounds of re-weighting; the weights settle within a few.
const ROUNDS: usize = 6;

/// Tukey's constant: 95 % efficiency on normal noise.
const TUKEY: f32 = 4.685;

/// A sample of the background.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Place in units of the picture: -1 to 1 both ways.
    pub x: f32,
    /// See `x`.
    pub y: f32,
    /// Colour there.
    pub lab: Lab,
}

/// The fitted surface.
#[derive(Debug, Clone)]
pub(super) struct Surface {
    coefficients: [[f32; TERMS]; 3],
    /// Robust standard deviation of the samples from the surface, in Lab units.
    pub noise: f32,
}

fn terms(x: f32, y: f32) -> [f32; TERMS] {
    [1.0, x, y, x * x, x * y, y * y]
}

impl Surface {
    /// A surface of one colour.
    pub(super) fn flat(color: Lab, noise: f32) -> Self {
        let constant = |c: f32| [c, 0.0, 0.0, 0.0, 0.0, 0.0];
        Self { coefficients: [constant(color.l), constant(color.a), constant(color.b)], noise }
    }

    /// Fits samples, starting from a first guess; samples further than `reach` Lab units from the guess never count.
    /// `None` when too few are left or they lie on a line.
    pub(super) fn fit(samples: &[Sample], guess: &Self, reach: f32) -> Option<Self> {
        let mut surface = guess.clone();
        let mut reach = reach;
        let mut residuals: Vec<f32> = Vec::with_capacity(samples.len());
        for round in 0..ROUNDS {
            let mut normal = [[0.0f64; TERMS]; TERMS];
            let mut right = [[0.0f64; TERMS]; 3];
            residuals.clear();
            for sample in samples {
                let distance = surface.at(sample.x, sample.y).distance(sample.lab);
                if distance >= reach {
                    continue;
                }
                residuals.push(distance);
                let weight = f64::from((1.0 - (distance / reach).powi(2)).powi(2));
                let t = terms(sample.x, sample.y).map(f64::from);
                // The matrix is symmetric: its upper half is enough.
                for i in 0..TERMS {
                    let weighted = weight * t[i];
                    for j in i..TERMS {
                        normal[i][j] += weighted * t[j];
                    }
                    right[0][i] += weighted * f64::from(sample.lab.l);
                    right[1][i] += weighted * f64::from(sample.lab.a);
                    right[2][i] += weighted * f64::from(sample.lab.b);
                }
            }
            if residuals.len() < 10 * TERMS {
                return None;
            }
            let upper = normal;
            for (i, row) in normal.iter_mut().enumerate() {
                for (j, value) in row.iter_mut().enumerate().take(i) {
                    *value = upper[j][i];
                }
            }
            // A little ridge keeps the curvature at rest where samples do not speak of it.
            let count = residuals.len() as f64;
            for (i, row) in normal.iter_mut().enumerate().skip(1) {
                row[i] += 1e-3 * count;
            }
            let middle = residuals.len() / 2;
            let (_, median, _) = residuals.select_nth_unstable_by(middle, f32::total_cmp);
            // The distance of normal noise in three channels has its median at 1.54 standard deviations.
            let before = std::mem::replace(&mut surface.noise, *median / 1.54);
            for (channel, right) in surface.coefficients.iter_mut().zip(right) {
                *channel = gauss(normal, right)?.map(|c| c as f32);
            }
            // Once the weights settle, further rounds change nothing that can be seen.
            if round > 0 && (surface.noise - before).abs() < 0.01 * before {
                break;
            }
            reach = (TUKEY * surface.noise.max(0.4)).max(3.0).min(reach);
        }
        Some(surface)
    }

    /// The colour at a place in units of the picture.
    pub(super) fn at(&self, x: f32, y: f32) -> Lab {
        let t = terms(x, y);
        let [l, a, b] = self.coefficients.map(|c| c.iter().zip(t).map(|(c, t)| c * t).sum());
        Lab { l, a, b }
    }

    /// The colours at the centres of `width` x `height` cells that cover the picture.
    pub(super) fn image(&self, width: usize, height: usize) -> LabImage {
        let across: Vec<f32> = (0..width).map(|x| unit(x, width)).collect();
        let mut planes: [Vec<f32>; 3] = std::array::from_fn(|_| Vec::with_capacity(width * height));
        for y in 0..height {
            for (plane, [c, s, q]) in planes.iter_mut().zip(self.row(unit(y, height))) {
                plane.extend(across.iter().map(|u| c + u * (s + q * u)));
            }
        }
        let [l, a, b] = planes;
        LabImage { width, height, l, a, b }
    }

    /// For one row: constant, slope and curvature of each channel in x, so that a row costs three additions a pixel.
    pub(super) fn row(&self, y: f32) -> [[f32; 3]; 3] {
        self.coefficients.map(|c| [c[0] + c[2] * y + c[5] * y * y, c[1] + c[4] * y, c[3]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_off_is_recovered_beside_outliers() {
        let truth = |x: f32, y: f32| Lab { l: 80.0 - 5.0 * x * x - 3.0 * y, a: 1.0, b: -20.0 + 2.0 * y };
        let samples: Vec<Sample> = (0..2000)
            .map(|i| {
                let (x, y) = ((i % 50) as f32 / 25.0 - 1.0, (i / 50) as f32 / 20.0 - 1.0);
                let lab = if i % 3 == 0 { Lab { l: 40.0, a: 10.0, b: 10.0 } } else { truth(x, y) };
                Sample { x, y, lab }
            })
            .collect();
        let guess = Surface::flat(Lab { l: 78.0, a: 0.0, b: -20.0 }, 1.0);
        let surface = Surface::fit(&samples, &guess, 25.0).expect("enough samples");
        for (x, y) in [(-0.9, -0.9), (0.0, 0.0), (0.8, 0.5)] {
            assert!(surface.at(x, y).distance(truth(x, y)) < 0.5, "at {x}, {y}");
        }
    }

    #[test]
    fn too_few_samples_are_refused() {
        assert!(Surface::fit(&[], &Surface::flat(Lab::default(), 1.0), 25.0).is_none());
    }
}
