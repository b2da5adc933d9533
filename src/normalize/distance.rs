//! Distances to the nearest pixel of a set.

use fearless_simd::{Level, dispatch};

/// Distance of every pixel to the nearest one of a set: chamfer with steps of 1 and √2 (Borgefors 1986).
#[derive(Debug, Clone)]
pub(super) struct Distances {
    width: usize,
    /// In units of 1/[`Distances::UNIT`] pixel.
    steps: Vec<u16>,
}

impl Distances {
    /// Units in a pixel: with 70, a diagonal step of 99 is √2 to within 1 in 10,000, and whole numbers are added at
    /// once.
    const UNIT: u16 = 70;
    const DIAGONAL: u16 = 99;

    /// Of the pixels that are `set`; no distance is larger than `reach` pixels.
    pub(super) fn to(set: &[bool], width: usize, reach: f32) -> Self {
        let most = (reach * f32::from(Self::UNIT)) as u16;
        let steps = set.iter().map(|&set| if set { 0 } else { most }).collect();
        let mut distances = Self { width, steps };
        dispatch!(Level::new(), _simd => distances.spread(most));
        distances
    }

    /// Downwards and to the right, then upwards and to the left: each row takes from the one before it first.
    #[inline(always)]
    fn spread(&mut self, most: u16) {
        let width = self.width.max(1);
        let mut copy = vec![0; width];
        let mut before: &[u16] = &[];
        for row in self.steps.chunks_exact_mut(width) {
            take_from(row, before);
            along::<true>(row, &mut copy, most);
            before = row;
        }
        before = &[];
        for row in self.steps.chunks_exact_mut(width).rev() {
            take_from(row, before);
            along::<false>(row, &mut copy, most);
            before = row;
        }
    }

    /// The distances of a row of pixels, in units that [`Distances::pixels`] turns into pixels.
    pub(super) fn row(&self, y: usize) -> &[u16] {
        &self.steps[y * self.width..][..self.width]
    }

    /// Pixels of a distance in units.
    #[inline(always)]
    pub(super) fn pixels(units: u16) -> f32 {
        f32::from(units) * (1.0 / f32::from(Self::UNIT))
    }
}

/// Takes what is nearer by way of the neighbouring row, if there is one.
#[inline(always)]
fn take_from(row: &mut [u16], next: &[u16]) {
    const UNIT: u16 = Distances::UNIT;
    const DIAGONAL: u16 = Distances::DIAGONAL;
    for (d, n) in row.iter_mut().zip(next) {
        *d = (*d).min(n.saturating_add(UNIT));
    }
    for (d, n) in row.iter_mut().skip(1).zip(next) {
        *d = (*d).min(n.saturating_add(DIAGONAL));
    }
    for (d, n) in row.iter_mut().zip(next.iter().skip(1)) {
        *d = (*d).min(n.saturating_add(DIAGONAL));
    }
}

/// Takes what is nearer by way of the pixels to the left, or to the right. Each pixel looks one pixel away, then two,
/// four and so on: few steps that the pixels of a row take together instead of one after the other, and together as far
/// as any distance reaches.
#[inline(always)]
fn along<const TO_THE_RIGHT: bool>(row: &mut [u16], copy: &mut [u16], most: u16) {
    let (low, high) = row.iter().fold((u16::MAX, 0), |(low, high), &d| (low.min(d), high.max(d)));
    let mut by = 1;
    // A row that is the same all along, or nearly, stays as it is.
    while usize::from(high - low) > by * usize::from(Distances::UNIT) && by < row.len() {
        let far = (by * usize::from(Distances::UNIT)).min(usize::from(most)) as u16;
        copy.copy_from_slice(row);
        if TO_THE_RIGHT {
            for (d, n) in row[by..].iter_mut().zip(&*copy) {
                *d = (*d).min(n.saturating_add(far));
            }
        } else {
            for (d, n) in row.iter_mut().zip(&copy[by..]) {
                *d = (*d).min(n.saturating_add(far));
            }
        }
        by *= 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distances_are_those_of_the_nearest_set_pixel() {
        let at = |d: &Distances, i: usize| Distances::pixels(d.steps[i]);
        let only = |set: usize| (0..24).map(|i| i == set).collect::<Vec<_>>();
        let d = Distances::to(&only(0), 6, 10.0);
        assert_eq!((at(&d, 0), at(&d, 3), at(&d, 6)), (0.0, 3.0, 1.0));
        assert!((at(&d, 6 + 1) - std::f32::consts::SQRT_2).abs() < 1e-3);
        let d = Distances::to(&only(14), 6, 2.5);
        assert!((at(&d, 6 + 1) - std::f32::consts::SQRT_2).abs() < 1e-3, "upwards and to the left");
        assert_eq!((at(&d, 15), at(&d, 20), at(&d, 5)), (1.0, 1.0, 2.5));
        assert_eq!(d.row(2)[3], d.steps[15]);
    }

    proptest! {
        /// The chamfer distance of each pair of pixels, by its closed form.
        #[test]
        fn no_set_pixel_is_missed(
            width in 1usize..90, places in prop::collection::vec((0usize..90, 0usize..12), 0..6), reach in 1.0f32..80.0,
        ) {
            let mut set = vec![false; width * 12];
            places.iter().filter(|(x, _)| *x < width).for_each(|(x, y)| set[y * width + x] = true);
            let found = Distances::to(&set, width, reach);
            let most = (reach * 70.0) as usize;
            for i in 0..set.len() {
                let to = |j: usize| {
                    let (dx, dy) = ((i % width).abs_diff(j % width), (i / width).abs_diff(j / width));
                    70 * dx.max(dy) + 29 * dx.min(dy)
                };
                let wanted = (0..set.len()).filter(|&j| set[j]).map(to).min().unwrap_or(most).min(most);
                prop_assert_eq!(usize::from(found.steps[i]), wanted, "{} of {}", i, width);
            }
        }
    }
}
