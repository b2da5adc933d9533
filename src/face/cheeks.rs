//! Left and right end of the face at cheekbone height, sub-pixel.
//!
//! The mesh's outline regresses to the average face: its width misses the hand-made one by 2 to 3 pixels in the median,
//! and by 8 in one face of twenty. So a small net of our own looks at the pixels around the outline at that height and
//! says where the face ends, and its width and the mesh's are mixed. `models/cheek_edge/README.md` has the training, the
//! formula and what was measured on people the net had not seen.

use image::RgbImage;

use super::geometry;
use super::net::{Net, NetError, rows_of};
use crate::photo::crop::{Crop, Outside};
use crate::units::Point;

/// Rows and columns of a patch.
const ROWS: usize = 10;
const COLUMNS: usize = 48;

/// Width of a patch's cells, in distances of the eyes; they are four times as high.
const COLUMN: f64 = 0.0125;

/// Samples a cell is averaged from, down and across: cells are four times as high as wide, samples are square.
const TAPS: [usize; 2] = [8, 2];

/// The height of the cheekbones below the eyes of the mesh, in distances of the eyes.
const CHEEKBONES: f64 = 0.436;

/// A head tilted by more is turned upright, to within this many degrees: the hand-made widths are level in the picture.
const FREE_ROLL: f64 = 5.0;

/// Weights of the distance of the eyes, of the net's width and of the mesh's in the width.
const MIX: [f64; 3] = [-0.085_042_612, 0.602_368_125, 0.446_458_512];

/// Farthest the width may lie from the mesh's, in distances of the eyes; the labelled photos reach 0.115.
const TRUST: f64 = 0.14;

/// Outline of the mesh from above the cheekbones to the jaw, on both sides.
const OUTLINES: [[usize; 6]; 2] = [[127, 234, 93, 132, 58, 172], [356, 454, 323, 361, 288, 397]];

/// Corners and lids of the eyes.
const EYES: [[usize; 4]; 2] = [[33, 133, 159, 145], [362, 263, 386, 374]];

/// Finds both ends of the face.
///
/// # Errors
/// When the net cannot be run or answers in another shape.
pub fn locate(rgb: &RgbImage, mesh: &[Point], net: &dyn Net) -> Result<[Point; 2], NetError> {
    let Some(frame) = Frame::of(mesh) else { return Ok(geometry::cheeks(mesh)) };
    let mut input = Vec::with_capacity(2 * ROWS * COLUMNS * 3);
    for side in [-1.0, 1.0] {
        input.extend(normalized(&frame.patch(rgb, side)).into_iter().flatten());
    }
    let outputs = net.run(&mut rows_of(&input))?;
    let found = outputs.into_iter().next().unwrap_or_default();
    if found.len() != 2 * COLUMNS {
        return Err(NetError {
            net: "cheek_edge",
            reason: format!("gave {} values, not {}", found.len(), 2 * COLUMNS),
        });
    }
    let [left, right] = [0, 1].map(|side| expected(&found[side * COLUMNS..][..COLUMNS]));
    Ok(frame.mixed(left, right))
}

/// The level line through the cheekbones, in pixels of the upright picture turned about the eyes' midpoint.
struct Frame {
    middle: Point,
    /// Distance of the eyes.
    ied: f64,
    /// Tilt that is taken out, in radians.
    turn: f64,
    /// Height of the cheekbones.
    y: f64,
    /// The mesh's outline there, left and right.
    outline: [f64; 2],
    /// Width of the face by the mesh's outline a little lower.
    mesh_width: f64,
}

impl Frame {
    fn of(mesh: &[Point]) -> Option<Self> {
        let [left, right] = EYES.map(|points| mean(points.map(|i| mesh[i])));
        let (middle, ied) = (left.midpoint(right), left.distance(right));
        let roll = (right.y - left.y).atan2(right.x - left.x);
        let free = FREE_ROLL.to_radians();
        let turn = roll - roll.clamp(-free, free);
        let y = middle.y + CHEEKBONES * ied;
        let level = level(middle, turn);
        let outline = OUTLINES.map(|points| crossing(&points.map(|i| level.from_picture(mesh[i])), y));
        let frame = Self { middle, ied, turn, y, outline, mesh_width: geometry::outline_width(mesh) };
        (ied > 1.0 && outline.iter().all(|x| x.is_finite())).then_some(frame)
    }

    fn level(&self) -> Crop {
        level(self.middle, self.turn)
    }

    /// Mean colours of the cells around the outline; column 0 lies towards the nose, `side` is -1 left and 1 right.
    fn patch(&self, rgb: &RgbImage, side: f64) -> Vec<[f32; 3]> {
        let x = self.outline[usize::from(side > 0.0)];
        let center = self.level().to_picture(Point::new(x, self.y));
        // The crop's pixels are the cells' samples, because cells are oblong and the left side is mirrored.
        let (wide, high) = (COLUMNS * TAPS[1], ROWS * TAPS[0]);
        let crop = Crop {
            center,
            anchor: Point::new(wide as f64 / 2.0, high as f64 / 2.0),
            scale: COLUMN * self.ied / TAPS[1] as f64,
            angle: self.turn,
        };
        let samples = crop.sampled(rgb, wide, high, Outside::Repeated);
        let mut cells = vec![[0.0f32; 3]; ROWS * COLUMNS];
        let weight = 1.0 / (TAPS[0] * TAPS[1]) as f32;
        for (row, line) in samples.chunks_exact(wide).enumerate() {
            for (column, color) in line.iter().enumerate() {
                let column = if side < 0.0 { wide - 1 - column } else { column };
                let cell = &mut cells[row / TAPS[0] * COLUMNS + column / TAPS[1]];
                cell.iter_mut().zip(color).for_each(|(sum, value)| *sum += value * weight);
            }
        }
        cells
    }

    /// Both ends of the face from how far outside of the mesh's outline the net sees them, in distances of the eyes.
    fn mixed(&self, left: f64, right: f64) -> [Point; 2] {
        let edges = [self.outline[0] - left * self.ied, self.outline[1] + right * self.ied];
        let width = MIX[0] * self.ied + MIX[1] * (edges[1] - edges[0]) + MIX[2] * self.mesh_width;
        let by_mesh = geometry::TO_CHEEKBONES * self.mesh_width;
        let width = width.clamp(by_mesh - TRUST * self.ied, by_mesh + TRUST * self.ied);
        let middle = (edges[0] + edges[1]) / 2.0;
        [middle - width / 2.0, middle + width / 2.0].map(|x| self.level().to_picture(Point::new(x, self.y)))
    }
}

/// The picture turned about a point of it.
fn level(about: Point, turn: f64) -> Crop {
    Crop { center: about, anchor: about, scale: 1.0, angle: turn }
}

/// Logarithms of the light and of red and blue against green, against the face's own skin: the columns towards the nose.
fn normalized(cells: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let mut values: Vec<[f32; 3]> = cells
        .iter()
        .map(|cell| {
            let [r, g, b] = cell.map(|v| ((v + 8.0) / 264.0).ln());
            [(r + g + b) / 2.0, 4.0 * (r - g), 4.0 * (b - g)]
        })
        .collect();
    let skin = 2..14;
    let mut means = [0.0f32; 3];
    for row in values.chunks_exact(COLUMNS) {
        for value in &row[skin.clone()] {
            means.iter_mut().zip(value).for_each(|(sum, v)| *sum += v / (ROWS * skin.len()) as f32);
        }
    }
    for value in &mut values {
        *value = std::array::from_fn(|k| (value[k] - means[k]).clamp(-2.0, 2.0));
    }
    values
}

/// Mean place of the edge, in distances of the eyes outside of the patch's middle, from the probability of each column.
fn expected(probabilities: &[f32]) -> f64 {
    let place = |k: usize| (k as f64 + 0.5 - COLUMNS as f64 / 2.0) * COLUMN;
    probabilities.iter().enumerate().map(|(k, &p)| f64::from(p) * place(k)).sum()
}

/// Where a line of points, from the top down, crosses the height `y`; its end where it does not reach.
fn crossing(line: &[Point; 6], y: f64) -> f64 {
    if y <= line[0].y {
        return line[0].x;
    }
    let step = line.windows(2).find(|pair| y <= pair[1].y && pair[1].y > pair[0].y);
    step.map_or(line[5].x, |pair| pair[0].x + (pair[1].x - pair[0].x) * (y - pair[0].y) / (pair[1].y - pair[0].y))
}

fn mean<const N: usize>(points: [Point; N]) -> Point {
    let n = N as f64;
    points.iter().fold(Point::default(), |sum, p| Point::new(sum.x + p.x / n, sum.y + p.y / n))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::face::LANDMARKS;
    use crate::face::net::{Rows, values_of};

    /// Puts the edge where the drawn face ends: at the column of the first dark cell.
    struct FirstDark;

    impl Net for FirstDark {
        fn input_shape(&self) -> [usize; 4] {
            [2, ROWS, COLUMNS, 3]
        }

        fn run(&self, input: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError> {
            let input = values_of(self.input_shape(), input);
            let mut out = vec![0.0; 2 * COLUMNS];
            for side in 0..2 {
                let row = &input[(side * ROWS + ROWS / 2) * COLUMNS * 3..][..COLUMNS * 3];
                let first = row.chunks_exact(3).position(|cell| cell[0] < -0.5).unwrap_or(COLUMNS - 1);
                out[side * COLUMNS + first] = 1.0;
            }
            Ok(vec![out])
        }
    }

    /// A face 300 px wide about (320, 300) whose mesh is `mesh_width` wide, turned by `angle`; eyes 130 px apart.
    fn drawn(mesh_width: f64, angle: f64) -> (RgbImage, Vec<Point>) {
        let turn = Crop { center: Point::new(320.0, 300.0), anchor: Point::default(), scale: 1.0, angle };
        let photo = RgbImage::from_fn(640, 640, |x, y| {
            let p = turn.from_picture(Point::new(f64::from(x) + 0.5, f64::from(y) + 0.5));
            if p.x.abs() < 150.0 && p.y.abs() < 200.0 { Rgb([200, 160, 140]) } else { Rgb([30, 30, 30]) }
        });
        let mut mesh = vec![Point::default(); LANDMARKS];
        for (outline, side) in OUTLINES.iter().zip([-0.5, 0.5]) {
            for (k, &i) in outline.iter().enumerate() {
                mesh[i] = Point::new(side * mesh_width, -40.0 + 30.0 * k as f64);
            }
        }
        for (eye, side) in EYES.iter().zip([-65.0, 65.0]) {
            eye.iter().for_each(|&i| mesh[i] = Point::new(side, -40.0));
        }
        (photo, mesh.into_iter().map(|p| turn.to_picture(p)).collect())
    }

    #[test]
    fn both_ends_move_towards_what_the_pixels_show() {
        for (mesh_width, angle) in [(292.0, 0.0), (310.0, 0.05), (292.0, 0.4)] {
            let (photo, mesh) = drawn(mesh_width, angle);
            let frame = Frame::of(&mesh).expect("a whole mesh");
            let seen =
                MIX[0] * frame.ied + MIX[1] * 300.0 / angle.min(FREE_ROLL.to_radians()).cos() + MIX[2] * mesh_width;
            let [left, right] = locate(&photo, &mesh, &FirstDark).expect("a fake net");
            assert!((left.distance(right) - seen).abs() < 3.0, "{mesh_width} {angle}: {left:?} {right:?}, not {seen}");
            assert!(left.midpoint(right).distance(Point::new(320.0, 300.0)) < 60.0);
        }
    }

    #[test]
    fn the_width_stays_near_the_mesh() {
        let (photo, mesh) = drawn(220.0, 0.0);
        let [left, right] = locate(&photo, &mesh, &FirstDark).expect("a fake net");
        let most = geometry::TO_CHEEKBONES * 220.0 + TRUST * 130.0;
        assert!(left.distance(right) <= most + 1e-9, "{left:?} {right:?}");
    }

    #[test]
    fn the_embedded_net_answers_as_in_training() {
        // Means by another runtime; models/cheek_edge/README.md.
        let nets = crate::face::net::for_tests();
        let wave: Vec<f32> = (0..2 * ROWS * COLUMNS * 3).map(|i| 1.5 * (i as f32 * 0.37).sin()).collect();
        let step = (0..2 * ROWS * COLUMNS * 3).map(|i| match (i / (ROWS * COLUMNS * 3), i / 3 % COLUMNS) {
            (0, 30..) => -1.5,
            (1, 20..) => 1.5,
            _ => 0.0,
        });
        for (input, means) in [(wave, [0.001_534, 0.000_807]), (step.collect(), [0.011_705, -0.069_843])] {
            let out: Vec<Vec<f32>> = nets.cheek_edge.run(&mut rows_of(&input)).expect("runs");
            for side in 0..2 {
                let mean = expected(&out[0][side * COLUMNS..][..COLUMNS]);
                assert!((mean - means[side]).abs() < 1e-4, "{mean}, not {}", means[side]);
            }
        }
    }

    #[test]
    fn a_mesh_of_one_point_is_left_to_the_mesh() {
        let photo = RgbImage::new(10, 10);
        let mesh = vec![Point::new(3.0, 3.0); LANDMARKS];
        assert_eq!(locate(&photo, &mesh, &FirstDark).expect("no net is run"), geometry::cheeks(&mesh));
    }
}
