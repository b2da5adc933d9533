//! Whether the proportions of a face are a face's: a photo that was stretched has them all wrong in one direction.

use crate::face::Face;
use crate::units::Point;

/// Mesh points whose distances are compared: top of the forehead and chin against the temples and the outer eye corners.
/// Of 81 pairs of a height and a width these vary least from person to person, and smiling does not move them.
const HEIGHT: [usize; 2] = [10, 152];
const WIDTHS: [[usize; 2]; 2] = [[127, 356], [33, 263]];

/// Height over the geometric mean of the widths: geometric mean over the 51 delineated portraits, whose logarithms spread
/// by 0.034.
const POPULATION: f64 = 1.4697;

/// Height over width against the population's: 1 for its mean, 1.1 for a face a tenth too tall. The net sees part of a
/// stretch as a person's own face, so a photo stretched by 1.2 shows about 1.15.
///
/// `None` when the mesh is not whole.
pub fn stretch(face: &Face) -> Option<f64> {
    let (sin, cos) = face.pose.roll.to_radians().sin_cos();
    let level = |i: usize| face.mesh.get(i).map(|p| Point::new(cos * p.x + sin * p.y, cos * p.y - sin * p.x));
    let distance = |[a, b]: [usize; 2]| Some(level(a)?.distance(level(b)?));
    let mut width = 1.0;
    for ends in WIDTHS {
        width *= distance(ends)?;
    }
    let ratio = distance(HEIGHT)? / width.sqrt() / POPULATION;
    (ratio.is_finite() && ratio > 0.0).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::fake;

    /// The fake face with its mesh stretched in one direction and turned.
    fn stretched(down: f64, roll: f64) -> f64 {
        let mut face = fake::face();
        let (sin, cos) = roll.to_radians().sin_cos();
        for p in &mut face.mesh {
            let (x, y) = (p.x, p.y * down);
            *p = Point::new(cos * x - sin * y, sin * x + cos * y);
        }
        face.pose.roll = roll;
        stretch(&face).expect("a whole mesh")
    }

    #[test]
    fn stretching_shows_as_its_factor_however_the_head_is_held() {
        let plain = stretched(1.0, 0.0);
        assert!((0.8..1.25).contains(&plain), "{plain}");
        for down in [0.8, 0.95, 1.1, 1.3] {
            for roll in [-12.0, 0.0, 7.0] {
                assert!((stretched(down, roll) / plain - down).abs() < 1e-9, "{down} {roll}");
            }
        }
    }

    #[test]
    fn a_mesh_without_size_has_no_proportions() {
        let mut face = fake::face();
        face.mesh.truncate(100);
        assert_eq!(stretch(&face), None);
        face.mesh = vec![Point::default(); 468];
        assert_eq!(stretch(&face), None);
    }
}
