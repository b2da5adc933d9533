//! How far the clothes are from the background in colour.

use crate::face::Face;
use crate::facts::Missing;
use crate::scene::Work;
use crate::scene::lab::{BLOCK, Lab};

/// Columns looked at on both sides of the face's middle, in face widths: outside the neck, inside the shoulders.
const COLUMNS: [f64; 2] = [0.40, 0.80];

/// Height of the strip looked at, as a share of the photo's, up from the bottom edge.
const STRIP: f64 = 0.10;

/// The percentile that is reported: clothes like the background show in the near part of the distribution, and hair
/// over a shoulder in the far part.
const PERCENTILE: f64 = 0.30;

/// CIEDE2000 difference of the clothes from `background`.
///
/// # Errors
/// [`Missing::OutOfView`] when the photo ends at the chin.
pub fn contrast(work: &Work, background: Lab, face: &Face) -> Result<f64, Missing> {
    let blocks = &work.blocks;
    let cell = work.scale * BLOCK as f64;
    let (center, width) = (face.eye_midpoint().x / cell, face.width() / cell);
    let top = (blocks.height as f64 * (1.0 - STRIP)).max((face.chin.y + 0.25 * face.eye_to_chin()) / cell);
    let mut differences: Vec<f64> = Vec::new();
    for side in [-1.0, 1.0] {
        let ends = COLUMNS.map(|c| center + side * c * width);
        let [from, to] = [ends[0].min(ends[1]), ends[0].max(ends[1])].map(|x| x.round().max(0.0) as usize);
        for y in top.round().max(0.0) as usize..blocks.height {
            differences.extend((from..to.min(blocks.width)).map(|x| blocks.get(x, y).ciede2000(background)));
        }
    }
    if differences.len() < 20 {
        return Err(Missing::OutOfView);
    }
    let nth = ((differences.len() - 1) as f64 * PERCENTILE) as usize;
    Ok(*differences.select_nth_unstable_by(nth, f64::total_cmp).1)
}
