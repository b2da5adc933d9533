//! The head's parts: hair, skin, clothes, coverings, spectacles, told apart by a small net of our own.
//!
//! `models/head_parser/README.md` has the training and the measured quality. The net sees the head framed by the pupils;
//! places in its answer are given in the *face's frame*: origin between the pupils, x along them to the right of the
//! picture, y down, in distances of the pupils. So a region is written once and fits every photo.

use std::ops::Range;
use std::sync::LazyLock;

use image::RgbImage;

use super::Face;
use super::net::{Net, NetError};
use crate::photo::crop::{Crop, Outside};
use crate::units::{Point, Rect};

/// What a cell of the map shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nothing of the person.
    Background,
    /// Hair; the scalp of a bald head too.
    Hair,
    /// The face.
    Face,
    /// Ears, neck, shoulders.
    Skin,
    /// Clothes.
    Clothes,
    /// Hat, scarf, mask, hand.
    Covering,
    /// Frame of spectacles.
    Frame,
    /// Dark lens.
    DarkLens,
}

/// In the order of the net's channels.
const CLASSES: [Class; 8] = [
    Class::Background,
    Class::Hair,
    Class::Face,
    Class::Skin,
    Class::Clothes,
    Class::Covering,
    Class::Frame,
    Class::DarkLens,
];

/// Cells of the net's answer; each is two pixels of its input.
const WIDTH: usize = 72;
const HEIGHT: usize = 96;

/// Distance of the pupils and place of their midpoint in the input, in its pixels: the framing it was trained with.
const IED: f64 = 144.0 / 4.6;
const MIDDLE: Point = Point { x: 72.5, y: 85.9 };

/// Cells a region needs inside the photo to be judged, and the least share of it.
const MIN_CELLS: usize = 8;
const MIN_VISIBLE: f64 = 0.6;

/// One cell: its place in the face's frame and what it shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Centre in the face's frame.
    pub at: Point,
    /// The likeliest class.
    pub class: Class,
}

/// The parsed head of one photo.
#[derive(Debug, Clone)]
pub struct HeadMap {
    crop: Crop,
    /// Row-major; `None` where the cell lies outside of the photo.
    classes: Vec<Option<Class>>,
}

impl HeadMap {
    /// Parses the head of `face`.
    ///
    /// # Errors
    /// When the net cannot be run or answers in another shape.
    pub fn of(rgb: &RgbImage, face: &Face, net: &dyn Net) -> Result<Self, NetError> {
        let [left, right] = face.pupils;
        let crop = Crop {
            center: face.eye_midpoint(),
            anchor: MIDDLE,
            scale: face.inter_eye_distance().max(1.0) / IED,
            angle: (right.y - left.y).atan2(right.x - left.x),
        };
        let outputs = net.run(&mut crop.input(rgb, 2 * WIDTH, 2 * HEIGHT, Outside::Repeated))?;
        let logits = outputs.into_iter().next().unwrap_or_default();
        if logits.len() != CLASSES.len() * WIDTH * HEIGHT {
            let expected = CLASSES.len() * WIDTH * HEIGHT;
            return Err(NetError {
                net: "head_parser",
                reason: format!("gave {} values, not {expected}", logits.len()),
            });
        }
        let (w, h) = (f64::from(rgb.width()), f64::from(rgb.height()));
        let [origin, right, down] = [0, 1, WIDTH].map(|i| crop.to_picture(center_of(i)));
        let classes = logits.as_chunks().0.iter().enumerate().map(|(i, logits)| {
            let (u, v) = ((i % WIDTH) as f64, (i / WIDTH) as f64);
            let x = origin.x + u * (right.x - origin.x) + v * (down.x - origin.x);
            let y = origin.y + u * (right.y - origin.y) + v * (down.y - origin.y);
            let inside = x >= 0.0 && y >= 0.0 && x <= w && y <= h;
            inside.then(|| likeliest(logits))
        });
        Ok(Self { crop, classes: classes.collect() })
    }

    /// The cells inside the photo.
    pub fn cells(&self) -> impl Iterator<Item = Cell> + '_ {
        CENTERS.iter().zip(&self.classes).filter_map(|(&at, class)| Some(Cell { at, class: (*class)? }))
    }

    /// Share, 0 to 1, of the cells of a region that show one of `classes`. The region lies inside of `around`, a box in the face's
    /// frame. `None` when too little of the region lies inside the photo.
    pub fn share(&self, around: Rect, region: impl Fn(Point) -> bool, classes: &[Class]) -> Option<f64> {
        let (mut all, mut visible, mut matching) = (0usize, 0usize, 0usize);
        let columns = cells_between(around.x, around.right(), MIDDLE.x, WIDTH);
        for row in cells_between(around.y, around.bottom(), MIDDLE.y, HEIGHT) {
            let cells = row * WIDTH + columns.start..row * WIDTH + columns.end;
            for (&at, class) in CENTERS[cells.clone()].iter().zip(&self.classes[cells]) {
                if !region(at) {
                    continue;
                }
                all += 1;
                if let Some(class) = class {
                    visible += 1;
                    matching += usize::from(classes.contains(class));
                }
            }
        }
        let enough = visible >= MIN_CELLS && visible as f64 >= MIN_VISIBLE * all as f64;
        enough.then(|| matching as f64 / visible as f64)
    }

    /// Box in original pixels around the cells of a region that show one of `classes`.
    pub fn bounds(&self, region: impl Fn(Point) -> bool, classes: &[Class]) -> Option<Rect> {
        let found = self.cells().filter(|cell| classes.contains(&cell.class) && region(cell.at));
        let corners = found.map(|cell| self.to_picture(cell.at));
        let ends = corners.fold(None, |ends: Option<[f64; 4]>, p| {
            let [l, t, r, b] = ends.unwrap_or([p.x, p.y, p.x, p.y]);
            Some([l.min(p.x), t.min(p.y), r.max(p.x), b.max(p.y)])
        });
        let half = self.crop.scale;
        ends.map(|[l, t, r, b]| Rect::from_edges(l - half, t - half, r + half, b + half))
    }

    /// What the cell around a place in the face's frame shows; `None` outside of map or photo.
    pub fn class_at(&self, p: Point) -> Option<Class> {
        let (x, y) = ((MIDDLE.x + p.x * IED) / 2.0, (MIDDLE.y + p.y * IED) / 2.0);
        let inside = x >= 0.0 && y >= 0.0 && x < WIDTH as f64 && y < HEIGHT as f64;
        if inside { self.classes[y as usize * WIDTH + x as usize] } else { None }
    }

    /// Side of a cell in the face's frame.
    pub fn cell_size(&self) -> f64 {
        2.0 / IED
    }

    /// From original pixels to the face's frame.
    pub fn to_face(&self, p: Point) -> Point {
        framed(self.crop.from_picture(p))
    }

    /// From the face's frame to original pixels.
    pub fn to_picture(&self, p: Point) -> Point {
        self.crop.to_picture(Point::new(MIDDLE.x + p.x * IED, MIDDLE.y + p.y * IED))
    }
}

/// The class with the highest logit, the first of equals.
fn likeliest(logits: &[f32; CLASSES.len()]) -> Class {
    let (mut best, mut highest) = (CLASSES[0], logits[0]);
    for (&class, &logit) in CLASSES.iter().zip(logits) {
        if logit > highest {
            (best, highest) = (class, logit);
        }
    }
    best
}

/// Centres of all cells in the face's frame.
static CENTERS: LazyLock<Vec<Point>> = LazyLock::new(|| (0..WIDTH * HEIGHT).map(|i| framed(center_of(i))).collect());

/// The rows or columns of cells whose centres lie between two places in the face's frame, and perhaps one more on either side.
fn cells_between(from: f64, to: f64, middle: f64, cells: usize) -> Range<usize> {
    let cell = |place: f64| (middle + place * IED) / 2.0;
    // A negative number becomes 0.
    let (first, end) = ((cell(from) - 1.0) as usize, (cell(to) + 1.0) as usize);
    first.min(cells)..end.clamp(first.min(cells), cells)
}

/// Centre of a cell in the input.
fn center_of(i: usize) -> Point {
    Point::new((2 * (i % WIDTH) + 1) as f64, (2 * (i / WIDTH) + 1) as f64)
}

fn framed(p: Point) -> Point {
    Point::new((p.x - MIDDLE.x) / IED, (p.y - MIDDLE.y) / IED)
}

/// A closed outline in the face's frame.
#[derive(Debug, Clone)]
pub struct Outline {
    corners: Vec<Point>,
    /// Left, top, right, bottom: most points are turned away by them.
    ends: [f64; 4],
}

impl Outline {
    /// The outline through mesh points, blown up by `grow` about its centre.
    pub fn of_mesh(map: &HeadMap, mesh: &[Point], indices: &[usize], grow: f64) -> Self {
        let corners: Vec<Point> = indices.iter().filter_map(|&i| mesh.get(i)).map(|&p| map.to_face(p)).collect();
        let n = corners.len().max(1) as f64;
        let (x, y) = corners.iter().fold((0.0, 0.0), |(x, y), p| (x + p.x / n, y + p.y / n));
        Self::through(corners.iter().map(|p| Point::new(x + (p.x - x) * grow, y + (p.y - y) * grow)).collect())
    }

    fn through(corners: Vec<Point>) -> Self {
        let start = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        let ends = corners.iter().fold(start, |[l, t, r, b], p| [l.min(p.x), t.min(p.y), r.max(p.x), b.max(p.y)]);
        Self { corners, ends }
    }

    /// The box around it.
    pub fn bounds(&self) -> Rect {
        let [left, top, right, bottom] = self.ends;
        Rect::from_edges(left, top, right, bottom)
    }

    /// Whether a point lies inside (even-odd rule).
    pub fn contains(&self, p: Point) -> bool {
        let [left, top, right, bottom] = self.ends;
        if !(p.x >= left && p.x <= right && p.y >= top && p.y <= bottom) {
            return false;
        }
        let mut inside = false;
        let Some(&(mut before)) = self.corners.last() else { return false };
        for &corner in &self.corners {
            if (corner.y > p.y) != (before.y > p.y) {
                let x = before.x + (corner.x - before.x) * (p.y - before.y) / (corner.y - before.y);
                inside ^= p.x < x;
            }
            before = corner;
        }
        inside
    }
}

/// The box around outlines.
pub fn around(outlines: &[Outline]) -> Rect {
    let start = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    let wider =
        |[l, t, r, b]: [f64; 4], o: &Outline| [l.min(o.ends[0]), t.min(o.ends[1]), r.max(o.ends[2]), b.max(o.ends[3])];
    let [left, top, right, bottom] = outlines.iter().fold(start, wider);
    Rect::from_edges(left, top, right, bottom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::LANDMARKS;
    use crate::face::Pose;
    use crate::face::net::Rows;

    /// Says face inside of a disc about the eyes, background elsewhere.
    struct Disc;

    impl Net for Disc {
        fn input_shape(&self) -> [usize; 4] {
            [1, 2 * HEIGHT, 2 * WIDTH, 3]
        }

        fn run(&self, _: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError> {
            let mut logits = vec![0.0; CLASSES.len() * WIDTH * HEIGHT];
            for i in 0..WIDTH * HEIGHT {
                let p = framed(center_of(i));
                logits[CLASSES.len() * i + 2] = if p.x.hypot(p.y) < 1.0 { 1.0 } else { -1.0 };
            }
            Ok(vec![logits])
        }
    }

    const EVERYWHERE: Rect = Rect { x: -9.0, y: -9.0, width: 18.0, height: 18.0 };

    fn face(left: Point, right: Point) -> Face {
        let detection = crate::face::Detection {
            bounds: Rect::from_edges(0.0, 0.0, 1.0, 1.0),
            score: 1.0,
            keypoints: [Point::default(); 6],
        };
        Face {
            detection,
            mesh: vec![Point::default(); LANDMARKS],
            depth: vec![0.0; LANDMARKS],
            score: 1.0,
            pupils: [left, right],
            cheeks: [left, right],
            chin: left,
            pose: Pose::default(),
            irises: [None; 2],
        }
    }

    #[test]
    fn the_frame_follows_the_pupils() {
        let face = face(Point::new(100.0, 200.0), Point::new(160.0, 230.0));
        let map = HeadMap::of(&RgbImage::new(400, 400), &face, &Disc).expect("a fake net");
        let right = map.to_face(face.pupils[1]);
        assert!((right.x - 0.5).abs() < 1e-9 && right.y.abs() < 1e-9, "{right:?}");
        assert!(map.to_picture(right).distance(face.pupils[1]) < 1e-9);
        let inside = map.share(EVERYWHERE, |p| p.x.hypot(p.y) < 0.9, &[Class::Face]);
        assert!(inside.is_some_and(|share| share > 0.99), "{inside:?}");
        let bounds = map.bounds(|_| true, &[Class::Face]).expect("the disc");
        let ied = face.inter_eye_distance();
        assert!((bounds.width - 2.0 * ied).abs() < 0.3 * ied, "{bounds:?}");
    }

    #[test]
    fn what_lies_outside_of_the_photo_is_not_counted() {
        let face = face(Point::new(10.0, 20.0), Point::new(60.0, 20.0));
        let map = HeadMap::of(&RgbImage::new(80, 80), &face, &Disc).expect("a fake net");
        assert_eq!(map.share(EVERYWHERE, |p| p.y < -1.0, &[Class::Face]), None);
        assert!(map.share(EVERYWHERE, |p| p.y.abs() < 0.3 && p.x.abs() < 0.4, &[Class::Face]).is_some());
        assert_eq!(map.class_at(Point::new(0.1, 0.1)), Some(Class::Face));
        assert_eq!((map.class_at(Point::new(0.0, -1.0)), map.class_at(Point::new(9.0, 0.0))), (None, None));
    }

    #[test]
    fn a_box_around_a_region_leaves_none_of_its_cells_out() {
        let face = face(Point::new(100.0, 200.0), Point::new(160.0, 200.0));
        let map = HeadMap::of(&RgbImage::new(400, 400), &face, &Disc).expect("a fake net");
        for around in [[-0.3, -0.2, 0.7, 1.1], [0.0, 0.0, 0.4, 0.3], [-5.0, 0.9, 5.0, 4.0]] {
            let [left, top, right, bottom] = around;
            let region = |p: Point| p.x > left && p.x < right && p.y > top && p.y < bottom;
            let near = map.share(Rect::from_edges(left, top, right, bottom), region, &[Class::Face]);
            assert_eq!(near, map.share(EVERYWHERE, region, &[Class::Face]), "{around:?}");
        }
        let elsewhere = Rect::from_edges(7.0, 7.0, 8.0, 8.0);
        assert_eq!(map.share(elsewhere, |_| true, &[Class::Face]), None);
    }

    #[test]
    fn outlines_contain_what_they_surround() {
        let square = Outline::through(vec![
            Point::new(0.0, 0.0),
            Point::new(2.0, 0.0),
            Point::new(2.0, 2.0),
            Point::new(0.0, 2.0),
        ]);
        assert!(square.contains(Point::new(1.0, 1.0)));
        assert!(!square.contains(Point::new(3.0, 1.0)));
        assert!(!Outline::through(Vec::new()).contains(Point::new(0.0, 0.0)));
    }
}
