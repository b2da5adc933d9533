//! Blocks of a heavy JPEG compression in the decoded pixels.
//!
//! The tables of a file tell only of its last compression; a photo that was squeezed by a messenger and saved again at
//! quality 95 shows it in its pixels alone.

use super::plane::Plane;

/// Largest difference of neighbours that counts: real edges are larger than what blocks add, and would drown them.
const CAP: u8 = 16;

/// How much larger the mean step across the lines of an 8x8 grid is than elsewhere: 1 for none.
///
/// The blockiness over activity of Wang, Sheikh and Bovik (No-reference perceptual quality assessment of JPEG
/// compressed images, 2002), for every phase of the grid, because a cropped photo's grid starts anywhere. The grid has
/// to show along rows *and* columns: their geometric mean, at each direction's best phase.
pub fn blocking(plane: &Plane) -> Option<f64> {
    if plane.width < 48 || plane.height < 48 {
        return None;
    }
    // Gaps between columns and between rows, summed over the plane.
    let (mut columns, mut rows) = (vec![0u32; plane.width - 1], vec![0u32; plane.height - 1]);
    let mut above: Option<&[u8]> = None;
    for (y, row) in plane.rows().enumerate() {
        for (sum, pair) in columns.iter_mut().zip(row.windows(2)) {
            *sum += u32::from(pair[0].abs_diff(pair[1]).min(CAP));
        }
        if let Some(above) = above {
            rows[y - 1] = row.iter().zip(above).map(|(a, b)| u32::from(a.abs_diff(*b).min(CAP))).sum();
        }
        above = Some(row);
    }
    Some((ratio(&columns, plane.height) * ratio(&rows, plane.width)).sqrt())
}

/// Mean of the steps on the best of eight phases over the mean of the others.
fn ratio(steps: &[u32], lines: usize) -> f64 {
    let (mut sums, mut counts) = ([0.0f64; 8], [0.0f64; 8]);
    for (i, &step) in steps.iter().enumerate() {
        sums[i % 8] += f64::from(step) / lines as f64;
        counts[i % 8] += 1.0;
    }
    let (all, n): (f64, f64) = (sums.iter().sum(), counts.iter().sum());
    (0..8)
        // A third of a level keeps a noise-free surface from making faint blocks look strong.
        .map(|phase| (sums[phase] / counts[phase] + 0.33) / ((all - sums[phase]) / (n - counts[phase]) + 0.33))
        .fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(f: impl Fn(usize, usize) -> u8) -> Plane {
        Plane { width: 160, height: 120, data: (0..160 * 120).map(|i| f(i % 160, i / 160)).collect() }
    }

    #[test]
    fn blocks_show_at_any_phase() {
        for phase in [0, 3, 7] {
            let blocks = plane(|x, y| 100 + ((((x + phase) / 8) * 5 + ((y + phase) / 8) * 3) % 11) as u8);
            assert!(blocking(&blocks).expect("large enough") > 5.0, "phase {phase}");
        }
    }

    #[test]
    fn texture_and_a_single_edge_are_no_blocks() {
        let texture = plane(|x, y| ((x * 37 + y * 91 + x * y) % 50) as u8 + 80);
        assert!(blocking(&texture).expect("large enough") < 1.2);
        let edge = plane(|x, y| if x < 64 { 40 } else { 200 } + ((x * 7 + y * 3) % 4) as u8);
        assert!(blocking(&edge).expect("large enough") < 1.6);
    }

    #[test]
    fn too_small_is_not_measured() {
        assert_eq!(blocking(&Plane { width: 20, height: 20, data: vec![0; 400] }), None);
    }
}
