//! The mouth: how far the lips are apart, and what shows between them.

use image::RgbImage;

use super::plane::quantile;
use crate::photo::crop::{Crop, Outside};
use crate::scene::lab::Lab;
use crate::units::{Point, Rect};

/// Corners of the mouth, left and right of the picture.
const CORNERS: [usize; 2] = [61, 291];
/// On the mid-line: upper edge of the upper lip, its lower edge, the lower lip's upper edge, its lower edge.
const LIPS: [usize; 4] = [0, 13, 14, 17];

/// Gap between the lips on the mid-line of a mesh, over `t`, the distance from eye midpoint to chin.
pub fn gap(mesh: &[Point], t: f64) -> f64 {
    mesh[LIPS[1]].distance(mesh[LIPS[2]]) / t.max(1e-6)
}

/// Box around the mouth.
pub fn bounds(mesh: &[Point]) -> Rect {
    let [left, right] = CORNERS.map(|i| mesh[i]);
    let [top, .., bottom] = LIPS.map(|i| mesh[i]);
    Rect::from_edges(left.x, top.y.min(left.y).min(right.y), right.x, bottom.y.max(left.y).max(right.y))
}

/// What the pixels show between the lips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slit {
    /// Teeth are lighter and less red than both lips: over the columns of the middle of the mouth, the median of the
    /// whitest pixel, 1 for every 10 of L* above the lighter lip and every 5 of a* under the paler one. Gloss on closed
    /// lips stays below 2.1, teeth begin at 2.8.
    pub whiteness: f64,
    /// Height of what is darker than 0.55 of the darker lip's L*, median over the columns, over `t`: the hollow of an open
    /// mouth. The shade between closed lips stays below 0.017.
    pub hollow: f64,
}

/// Samples over `t`, so that photos of all sizes are measured alike; about one a pixel at 480x640.
const SAMPLES: f64 = 120.0;
/// Size of the crop in samples.
const WIDTH: usize = 80;
const HEIGHT: usize = 64;

/// Looks between the lips that `mesh` places. `None` when it places them on one spot.
pub fn slit(rgb: &RgbImage, mesh: &[Point], t: f64) -> Option<Slit> {
    let [left, right] = CORNERS.map(|i| mesh[i]);
    let crop = Crop {
        center: mesh[LIPS[1]].midpoint(mesh[LIPS[2]]),
        anchor: Point::new(WIDTH as f64 / 2.0, HEIGHT as f64 / 2.0),
        scale: t / SAMPLES,
        angle: (right.y - left.y).atan2(right.x - left.x),
    };
    // Also refuses what is not a number.
    if !(crop.scale > 0.0) {
        return None;
    }
    let pixels = crop.sampled(rgb, WIDTH, HEIGHT, Outside::Repeated);
    let column = |share: f64| {
        let (from, to) = (crop.from_picture(left).x, crop.from_picture(right).x);
        (from + (to - from) * share).clamp(0.0, WIDTH as f64) as usize
    };
    let columns = column(0.3)..column(0.7);
    let [top, inner_top, inner_bottom, bottom] = LIPS.map(|i| crop.from_picture(mesh[i]).y);
    let row = |edge: f64, inner: f64, share: f64| (edge + (inner - edge) * share).clamp(0.0, HEIGHT as f64) as usize;
    let of_rows = |first: usize, last: usize| -> Vec<Lab> {
        let rows = first..(last + 1).min(HEIGHT);
        let cells = rows.flat_map(|row| columns.clone().map(move |column| row * WIDTH + column));
        cells.map(|cell| Lab::of_pixel(pixels[cell].map(|v| v.round() as u8))).collect()
    };
    let upper = median(&of_rows(row(top, inner_top, 0.25), row(top, inner_top, 0.75)))?;
    let lower = median(&of_rows(row(bottom, inner_bottom, 0.75), row(bottom, inner_bottom, 0.25)))?;
    let (lighter, darker, paler) = (upper.l.max(lower.l), upper.l.min(lower.l), upper.a.min(lower.a));

    let between = of_rows(row(top, inner_top, 0.55), row(bottom, inner_bottom, 0.55));
    let n = columns.len();
    let (mut white, mut dark) = (vec![f32::MIN; n], vec![0.0f32; n]);
    for line in between.chunks_exact(n.max(1)) {
        for ((white, dark), pixel) in white.iter_mut().zip(&mut dark).zip(line) {
            *white = white.max((pixel.l - lighter) / 10.0 + (paler - pixel.a) / 5.0);
            *dark += f32::from(u8::from(pixel.l < 0.55 * darker));
        }
    }
    (!between.is_empty()).then(|| Slit {
        whiteness: f64::from(quantile(&mut white, 0.5)),
        hollow: f64::from(quantile(&mut dark, 0.5)) / SAMPLES,
    })
}

/// Smallest number of pixels a lip's colour is taken from.
const MIN_LIP: usize = 8;

fn median(colors: &[Lab]) -> Option<Lab> {
    let of = |channel: fn(&Lab) -> f32| {
        let mut values: Vec<f32> = colors.iter().map(channel).collect();
        quantile(&mut values, 0.5)
    };
    (colors.len() >= MIN_LIP).then(|| Lab { l: of(|c| c.l), a: of(|c| c.a), b: of(|c| c.b) })
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::face::FINE_LANDMARKS;

    const T: f64 = 120.0;
    const SKIN: [u8; 3] = [224, 180, 150];
    const LIP: [u8; 3] = [190, 110, 105];
    const DARK_LIP: [u8; 3] = [92, 62, 58];
    const TOOTH: [u8; 3] = [225, 215, 200];
    const YELLOW_TOOTH: [u8; 3] = [190, 170, 130];
    const HOLLOW: [u8; 3] = [40, 15, 15];

    /// A mouth 60 wide about (100, 100), lips 10 high, `gap` between them.
    fn mesh(gap: f64) -> Vec<Point> {
        let mut mesh = vec![Point::new(100.0, 60.0); FINE_LANDMARKS];
        mesh[CORNERS[0]] = Point::new(70.0, 100.0);
        mesh[CORNERS[1]] = Point::new(130.0, 100.0);
        for (i, y) in LIPS.into_iter().zip([-10.0 - gap / 2.0, -gap / 2.0, gap / 2.0, 10.0 + gap / 2.0]) {
            mesh[i] = Point::new(100.0, 100.0 + y);
        }
        mesh
    }

    fn draw(lip: [u8; 3], gap: f64, between: [u8; 3]) -> Slit {
        let rgb = RgbImage::from_fn(200, 200, |_, y| {
            let off = (f64::from(y) + 0.5 - 100.0).abs();
            Rgb(if off < gap / 2.0 {
                between
            } else if off < 10.0 + gap / 2.0 {
                lip
            } else {
                SKIN
            })
        });
        slit(&rgb, &mesh(gap), T).unwrap()
    }

    #[test]
    fn the_fine_net_is_asked_for_all_that_is_measured() {
        for point in CORNERS.into_iter().chain(LIPS) {
            assert!(crate::face::FINE_POINTS.contains(&point), "{point}");
        }
    }

    #[test]
    fn the_gap_is_a_share_of_the_face() {
        assert!((gap(&mesh(6.0), T) - 0.05).abs() < 1e-9);
        assert_eq!(gap(&mesh(0.0), T), 0.0);
    }

    #[test]
    fn teeth_are_white_between_lips_of_any_colour() {
        for lip in [LIP, DARK_LIP] {
            for tooth in [TOOTH, YELLOW_TOOTH] {
                let slit = draw(lip, 6.0, tooth);
                assert!(slit.whiteness > 3.0, "{tooth:?} between {lip:?}: {slit:?}");
            }
        }
    }

    #[test]
    fn closed_lips_show_neither_teeth_nor_a_hollow() {
        for lip in [LIP, DARK_LIP] {
            // A dark line two pixels high where the lips meet.
            for slit in [draw(lip, 0.0, lip), draw(lip, 2.0, HOLLOW)] {
                assert!(slit.whiteness < 1.0 && slit.hollow < 0.018, "{lip:?}: {slit:?}");
            }
        }
    }

    #[test]
    fn an_open_mouth_is_a_hollow() {
        let slit = draw(LIP, 12.0, HOLLOW);
        assert!(slit.hollow > 0.08, "{slit:?}");
        assert!(slit.whiteness < 1.0, "{slit:?}");
    }

    #[test]
    fn a_mouth_on_one_spot_is_not_measured() {
        assert_eq!(slit(&RgbImage::new(9, 9), &vec![Point::new(3.0, 3.0); FINE_LANDMARKS], T), None);
        assert_eq!(slit(&RgbImage::new(9, 9), &mesh(4.0), 0.0), None);
        assert_eq!(slit(&RgbImage::new(9, 9), &mesh(4.0), f64::NAN), None);
    }
}
