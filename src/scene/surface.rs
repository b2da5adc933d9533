//! A smooth colour surface: L*, a*, b* as quadratic functions of place, fitted robustly.
//!
//! A studio backdrop is one colour, or falls off smoothly; six coefficients a channel describe both, and a person in
//! front of it is an outlier to them. Fitted by iteratively re-weighted least squares with Tukey's biweight.

use fearless_simd::{Level, dispatch};

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
            residuals.clear();
            let mut sums = Sums::default();
            dispatch!(Level::new(), _simd => sums.add(&surface, samples, reach, &mut residuals));
            let (mut normal, right) = sums.system();
            if residuals.len() < 10 * TERMS {
                return None;
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

/// Samples that are weighted together, so that the sums are made in vector code.
const LANES: usize = 8;

/// Powers of x and y that the products of two terms have.
const MOMENTS: [(usize, usize); 15] = [
    (0, 0),
    (1, 0),
    (0, 1),
    (2, 0),
    (1, 1),
    (0, 2),
    (3, 0),
    (2, 1),
    (1, 2),
    (0, 3),
    (4, 0),
    (3, 1),
    (2, 2),
    (1, 3),
    (0, 4),
];

/// What the normal equations are made of: weighted sums over the samples, lane by lane.
#[derive(Default)]
struct Sums {
    moments: [[f64; LANES]; MOMENTS.len()],
    /// Of each channel times each term.
    right: [[[f64; LANES]; TERMS]; 3],
}

impl Sums {
    /// Adds the samples nearer than `reach`, by their weights, and lists their distances.
    #[inline(always)]
    fn add(&mut self, surface: &Surface, samples: &[Sample], reach: f32, residuals: &mut Vec<f32>) {
        // Far from any surface, for the lanes that are left over.
        let nowhere = Sample { x: 0.0, y: 0.0, lab: Lab { l: f32::MAX, a: 0.0, b: 0.0 } };
        for samples in samples.chunks(LANES) {
            let mut chunk = [nowhere; LANES];
            chunk[..samples.len()].copy_from_slice(samples);
            let mut distances = [0.0f32; LANES];
            let mut weights = [0.0f64; LANES];
            for i in 0..LANES {
                let Sample { x, y, lab } = chunk[i];
                let mut squares = 0.0;
                for (c, seen) in surface.coefficients.iter().zip([lab.l, lab.a, lab.b]) {
                    let expected = c[0] + c[1] * x + c[2] * y + c[3] * (x * x) + c[4] * (x * y) + c[5] * (y * y);
                    squares += (expected - seen) * (expected - seen);
                }
                distances[i] = squares.sqrt();
                let off = (distances[i] / reach).min(1.0);
                weights[i] = f64::from((1.0 - off * off) * (1.0 - off * off));
            }
            residuals.extend(distances.iter().filter(|&&distance| distance < reach));
            let mut powers = [[[1.0f64; LANES]; 2]; 5];
            for n in 1..5 {
                for i in 0..LANES {
                    powers[n][0][i] = powers[n - 1][0][i] * f64::from(chunk[i].x);
                    powers[n][1][i] = powers[n - 1][1][i] * f64::from(chunk[i].y);
                }
            }
            for (k, &(x, y)) in MOMENTS.iter().enumerate() {
                for i in 0..LANES {
                    let term = weights[i] * powers[x][0][i] * powers[y][1][i];
                    self.moments[k][i] += term;
                    if k < TERMS {
                        let lab = if weights[i] > 0.0 { chunk[i].lab } else { Lab::default() };
                        self.right[0][k][i] += term * f64::from(lab.l);
                        self.right[1][k][i] += term * f64::from(lab.a);
                        self.right[2][k][i] += term * f64::from(lab.b);
                    }
                }
            }
        }
    }

    /// The normal equations: matrix, and right sides of the channels.
    fn system(&self) -> ([[f64; TERMS]; TERMS], [[f64; TERMS]; 3]) {
        let total = |lanes: &[f64; LANES]| lanes.iter().sum::<f64>();
        let moment = |x: usize, y: usize| {
            MOMENTS.iter().zip(&self.moments).find(|(powers, _)| **powers == (x, y)).map_or(0.0, |(_, sum)| total(sum))
        };
        // The first moments are those of the terms themselves.
        let of = |i: usize| MOMENTS[i];
        let normal = std::array::from_fn(|i| std::array::from_fn(|j| moment(of(i).0 + of(j).0, of(i).1 + of(j).1)));
        (normal, self.right.map(|channel| channel.map(|lanes| total(&lanes))))
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
