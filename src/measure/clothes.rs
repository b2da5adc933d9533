//! How far the clothes are from the background in colour.

use crate::face::Face;
use crate::facts::Missing;
use crate::scene::Work;
use crate::scene::lab::Lab;

/// Columns looked at on both sides of the face's middle, in face widths: outside the neck, inside the shoulders.
const COLUMNS: [f64; 2] = [0.40, 0.80];

/// Height of the strip looked at, as a share of the photo's, up from the bottom edge.
const STRIP: f64 = 0.10;

/// The percentile that is reported: clothes like the background show in the near part of the distribution, and hair
/// over a shoulder in the far part.
const PERCENTILE: f64 = 0.30;

/// Side of the blocks that are compared, in working pixels.
const BLOCK: usize = 4;

/// CIEDE2000 difference of the clothes from `background`.
///
/// # Errors
/// [`Missing::OutOfView`] when the photo ends at the chin.
pub fn contrast(work: &Work, background: Lab, face: &Face) -> Result<f64, Missing> {
    let (w, h) = (work.lab.width, work.lab.height);
    let center = face.eye_midpoint().x / work.scale;
    let width = face.width() / work.scale;
    let top = (h as f64 * (1.0 - STRIP)).max((face.chin.y + 0.25 * face.eye_to_chin()) / work.scale);
    let rows: Vec<usize> = (top.max(0.0) as usize..h.saturating_sub(BLOCK)).step_by(BLOCK).collect();
    let mut differences: Vec<f64> = Vec::new();
    for side in [-1.0, 1.0] {
        let ends = COLUMNS.map(|c| center + side * c * width);
        let (from, to) = (ends[0].min(ends[1]).max(0.0) as usize, ends[0].max(ends[1]).max(0.0) as usize);
        for &y in &rows {
            for x in (from..to.min(w.saturating_sub(BLOCK))).step_by(BLOCK) {
                differences.push(block(work, x, y).ciede2000(background));
            }
        }
    }
    if differences.len() < 20 {
        return Err(Missing::OutOfView);
    }
    let nth = ((differences.len() - 1) as f64 * PERCENTILE) as usize;
    Ok(*differences.select_nth_unstable_by(nth, f64::total_cmp).1)
}

fn block(work: &Work, x: usize, y: usize) -> Lab {
    let mut sum = Lab::default();
    for v in y..y + BLOCK {
        for u in x..x + BLOCK {
            let lab = work.lab.get(u, v);
            sum = Lab { l: sum.l + lab.l, a: sum.a + lab.a, b: sum.b + lab.b };
        }
    }
    let n = (BLOCK * BLOCK) as f32;
    Lab { l: sum.l / n, a: sum.a / n, b: sum.b / n }
}
