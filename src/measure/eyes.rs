//! The eyes: how far they are open, where they look, and whether a flash made them red.

use image::RgbImage;

use super::plane::byte_quantile;
use super::skin::SkinMap;
use crate::photo::crop::{Crop, Outside};
use crate::units::{Point, Rect};

/// Mesh points of an eye: corners from left to right in the picture, then upper and lower lid, one above the other.
struct Eye {
    corners: [usize; 2],
    upper: [usize; 3],
    lower: [usize; 3],
}

/// Left and right of the picture.
const EYES: [Eye; 2] = [
    Eye { corners: [33, 133], upper: [160, 159, 158], lower: [144, 145, 153] },
    Eye { corners: [362, 263], upper: [385, 386, 387], lower: [380, 374, 373] },
];

/// Mean gap of the lids over the middle of each eye, over the distance of its corners: the eye aspect ratio of Soukupova
/// and Cech 2016 with three pairs. A ratio within one eye, so it is the same at every distance, and an eye that is small
/// by nature is narrow too.
pub fn openings(mesh: &[Point]) -> [f64; 2] {
    EYES.map(|eye| {
        let gap = eye.upper.iter().zip(eye.lower).map(|(&up, low)| mesh[up].distance(mesh[low])).sum::<f64>() / 3.0;
        gap / width(&eye, mesh)
    })
}

fn width(eye: &Eye, mesh: &[Point]) -> f64 {
    mesh[eye.corners[0]].distance(mesh[eye.corners[1]]).max(1e-6)
}

/// Boxes around the eyes, left and right of the picture.
pub fn bounds(mesh: &[Point]) -> [Rect; 2] {
    EYES.map(|eye| {
        let (center, w) = (mesh[eye.corners[0]].midpoint(mesh[eye.corners[1]]), width(&eye, mesh));
        Rect::from_edges(center.x - 0.6 * w, center.y - 0.4 * w, center.x + 0.6 * w, center.y + 0.4 * w)
    })
}

/// Where the irises sit between the corners of the eyes: mean of both eyes, over the width of the eyes. The mean cancels
/// what the two differ in, which is squint, and the angle at which each eye is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaze {
    /// Towards the right of the picture; 0 for a look straight ahead.
    pub across: f64,
    /// Downwards from the line of the corners; a look straight ahead is above it.
    pub down: f64,
}

/// Shift of the irises per degree of yaw for eyes that stay on the camera: least squares over 90 frontal portraits.
const PER_DEGREE_OF_YAW: f64 = 0.0045;

/// Yaw beyond which it is not allowed for: whoever turns further no longer looks straight ahead, whatever the eyes do.
const MAX_YAW: f64 = 10.0;

/// Measures the gaze from the centres of both irises; `yaw` is the head's, in degrees.
pub fn gaze(mesh: &[Point], irises: [Point; 2], yaw: f64) -> Gaze {
    let (mut across, mut down) = (0.0, 0.0);
    for (eye, iris) in EYES.iter().zip(irises) {
        let [left, right] = eye.corners.map(|i| mesh[i]);
        let (middle, w) = (left.midpoint(right), width(eye, mesh));
        let (ux, uy) = ((right.x - left.x) / w, (right.y - left.y) / w);
        let (dx, dy) = ((iris.x - middle.x) / w, (iris.y - middle.y) / w);
        across += (dx * ux + dy * uy) / 2.0;
        down += (dy * ux - dx * uy) / 2.0;
    }
    Gaze { across: across + PER_DEGREE_OF_YAW * yaw.clamp(-MAX_YAW, MAX_YAW), down }
}

/// Colour of the face's skin: medians of red, green and blue, 0 to 255.
pub fn skin_color(map: &SkinMap) -> [f32; 3] {
    let skin = map.some_skin();
    std::array::from_fn(|c| f32::from(byte_quantile(skin.iter().map(|color| color[c]), 0.5)))
}

/// Radius of the disc that is searched for red over the width of the eye: a pupil wide enough for a flash to come back
/// from. Farther out lie the shaded edges of the lids, where skin is as red.
const DISC: f64 = 0.11;

/// Side of the square of samples around a disc, so that photos of all sizes are measured alike.
const SIDE: usize = 40;

/// Share of each pupil's disc, 0 to 1, that shines red.
///
/// Red means: red over the larger of green and blue above 1.7 and 1.35 times that of the face's own skin, so that warm
/// light and dark skin are no red eyes; bright, above 70 and 0.4 of the skin's red; and blue near green, because the
/// blood of a lit retina is crimson while brown irises lean to orange.
pub fn red(rgb: &RgbImage, mesh: &[Point], pupils: [Point; 2], skin: [f32; 3]) -> [f64; 2] {
    let redness = |[r, g, b]: [f32; 3]| r / (g.max(b) + 1.0);
    let (least, bright) = ((1.35 * redness(skin)).max(1.7), (0.4 * skin[0]).max(70.0));
    let shines = |color: [f32; 3]| color[0] > bright && redness(color) > least && color[2] > 0.55 * color[1] - 6.0;
    let half = SIDE as f64 / 2.0;
    let mut shares = [0.0; 2];
    for ((share, eye), center) in shares.iter_mut().zip(&EYES).zip(pupils) {
        let scale = DISC * width(eye, mesh) / half;
        let crop = Crop { center, anchor: Point::new(half, half), scale, angle: 0.0 };
        let pixels = crop.sampled(rgb, SIDE, SIDE, Outside::Repeated);
        let disc: Vec<[f32; 3]> = pixels
            .into_iter()
            .enumerate()
            .filter(|(i, _)| {
                let (x, y) = ((i % SIDE) as f64 + 0.5 - half, (i / SIDE) as f64 + 0.5 - half);
                x.hypot(y) <= half
            })
            .map(|(_, color)| color)
            .collect();
        *share = disc.iter().filter(|color| shines(**color)).count() as f64 / disc.len().max(1) as f64;
    }
    shares
}

#[cfg(test)]
pub(crate) mod tests {
    use image::Rgb;

    use super::*;
    use crate::face::FINE_LANDMARKS;

    /// Eyes 40 pixels wide at (60, 80) and (140, 80), lids `gap` apart, turned by `angle` about the left eye.
    pub(crate) fn mesh(gap: f64, angle: f64) -> Vec<Point> {
        let mut mesh = vec![Point::new(100.0, 100.0); FINE_LANDMARKS];
        let (sin, cos) = angle.sin_cos();
        for (eye, cx) in EYES.iter().zip([0.0, 80.0]) {
            let mut put = |i: usize, x: f64, y: f64| {
                mesh[i] = Point::new(60.0 + (cx + x) * cos - y * sin, 80.0 + (cx + x) * sin + y * cos);
            };
            put(eye.corners[0], -20.0, 0.0);
            put(eye.corners[1], 20.0, 0.0);
            for (k, x) in [-8.0, 0.0, 8.0].into_iter().enumerate() {
                put(eye.upper[k], x, -gap / 2.0);
                put(eye.lower[k], x, gap / 2.0);
            }
        }
        mesh
    }

    #[test]
    fn the_fine_net_is_asked_for_all_that_is_measured() {
        let of_eyes = EYES.iter().flat_map(|eye| eye.corners.into_iter().chain(eye.upper).chain(eye.lower));
        for point in of_eyes.chain(crate::face::IRISES) {
            assert!(crate::face::FINE_POINTS.contains(&point), "{point}");
        }
    }

    #[test]
    fn the_opening_is_the_gap_over_the_width() {
        for (gap, angle) in [(0.0, 0.0), (4.0, 0.0), (12.0, 0.3)] {
            for opening in openings(&mesh(gap, angle)) {
                assert!((opening - gap / 40.0).abs() < 1e-9, "{opening} for {gap} of 40 pixels");
            }
        }
    }

    #[test]
    fn each_eye_has_its_own_opening() {
        let mut winking = mesh(12.0, 0.0);
        for i in EYES[1].upper.into_iter().chain(EYES[1].lower) {
            winking[i].y = 80.0;
        }
        let [left, right] = openings(&winking);
        assert!(left > 0.29 && right < 0.01, "{left} {right}");
    }

    #[test]
    fn gaze_is_the_shift_of_both_irises_along_the_eyes() {
        let angle = 0.2f64;
        let at = |cx: f64, x: f64, y: f64| {
            Point::new(60.0 + (cx + x) * angle.cos() - y * angle.sin(), 80.0 + (cx + x) * angle.sin() + y * angle.cos())
        };
        let both = gaze(&mesh(12.0, angle), [at(0.0, 4.0, -2.0), at(80.0, 4.0, -2.0)], 0.0);
        assert!((both.across - 0.1).abs() < 1e-9 && (both.down + 0.05).abs() < 1e-9, "{both:?}");
        let squint = gaze(&mesh(12.0, angle), [at(0.0, 4.0, 0.0), at(80.0, -4.0, 0.0)], 0.0);
        assert!(squint.across.abs() < 1e-9, "{squint:?}");
    }

    #[test]
    fn a_turned_head_that_looks_at_the_camera_looks_ahead() {
        // Turned to the right of the picture by 8 degrees, the irises stay behind to the left.
        let center = |cx: f64| Point::new(60.0 + cx - 0.036 * 40.0, 80.0);
        let turned = gaze(&mesh(12.0, 0.0), [center(0.0), center(80.0)], 8.0);
        assert!(turned.across.abs() < 1e-9, "{turned:?}");
        let far = gaze(&mesh(12.0, 0.0), [center(0.0), center(80.0)], 80.0);
        assert!(far.across < 0.02, "a profile must not count as a look aside by its yaw alone: {far:?}");
    }

    fn share(skin: [u8; 3], iris: [u8; 3]) -> f64 {
        let pupils = [Point::new(60.0, 80.0), Point::new(140.0, 80.0)];
        let rgb = RgbImage::from_fn(200, 160, |x, y| {
            let near = pupils.iter().any(|p| (p.x - f64::from(x) - 0.5).hypot(p.y - f64::from(y) - 0.5) < 4.0);
            Rgb(if near { iris } else { skin })
        });
        let [left, right] = red(&rgb, &mesh(12.0, 0.0), pupils, skin.map(f32::from));
        assert!((left - right).abs() < 0.05, "the eyes are alike: {left} {right}");
        left.max(right)
    }

    #[test]
    fn red_pupils_are_red() {
        assert!(share([224, 180, 150], [200, 40, 40]) > 0.6);
        assert!(share([90, 60, 45], [190, 70, 60]) > 0.6, "on dark skin");
    }

    #[test]
    fn dark_brown_and_warm_eyes_are_not() {
        for (skin, iris) in [
            ([224, 180, 150], [60, 30, 15]),
            ([224, 180, 150], [120, 70, 30]),
            ([90, 60, 45], [50, 25, 20]),
            // Under a filament lamp everything is red, the skin too.
            ([250, 150, 80], [140, 75, 45]),
            ([224, 180, 150], [90, 110, 140]),
        ] {
            assert!(share(skin, iris) < 0.01, "{iris:?} on {skin:?}");
        }
    }

    #[test]
    fn eyes_outside_of_the_photo_are_no_fault() {
        let rgb = RgbImage::new(8, 8);
        let shares = red(&rgb, &mesh(12.0, 0.0), [Point::new(-50.0, 900.0), Point::new(1e6, 3.0)], [0.0; 3]);
        assert_eq!(shares, [0.0; 2]);
    }
}
