//! Landmark nets: how far eyes and cheeks are from the hand-made delineation, and what a face costs.

use std::path::Path;

use anyhow::{Context, Result};
use gradphoto::face::Detection;
use gradphoto::face::detect::{Detector, ShortRange};
use gradphoto::face::landmarks::{self, Mesh};
use gradphoto::face::net::{Net, NetError, OnnxNet, Rows};
use gradphoto::face::{geometry, pupil};
use gradphoto::units::{Point, Rect};
use image::RgbImage;

use crate::data::{self, Row, Table};
use crate::stats::{errors, timed, times};

/// Face contour at the cheeks.
const CHEEKS: [usize; 2] = [234, 454];

/// The 478-point net, its two iris centres (468 and 473) in the place of points 0 and 1, which nothing here reads:
/// so it fits behind the code for 468 points.
struct IrisesFirst(OnnxNet);

impl Net for IrisesFirst {
    fn input_shape(&self) -> [usize; 4] {
        self.0.input_shape()
    }

    fn run(&self, input: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError> {
        let mut outputs = self.0.run(input)?;
        if let Some(points) = outputs.first_mut().filter(|points| points.len() == 478 * 3) {
            points.copy_within(3 * 468..3 * 469, 0);
            points.copy_within(3 * 473..3 * 474, 3);
        }
        Ok(outputs)
    }
}

/// Truth of one photo, in its pixels.
struct Truth {
    pupils: [Point; 2],
    /// Face contour at cheek height, and its widest row.
    widths: [f64; 2],
    /// Pixels of a 480x640 photo per pixel of this one.
    scale: f64,
}

/// Errors of one way to measure, in pixels of a 480x640 photo.
#[derive(Default)]
struct Errors {
    eye_line: Vec<f64>,
    pupils: Vec<f64>,
    cheek_width: Vec<f64>,
    widest: Vec<f64>,
    ms: Vec<f64>,
}

/// How eyes and cheeks are read off a photo and its mesh.
type Read = fn(&RgbImage, &Mesh) -> ([Point; 2], [Point; 2]);

/// Prints the table.
pub fn compare(models: &Path, photos: &Path) -> Result<()> {
    let detector = ShortRange::new(Box::new(data::net(models, "face_detection_short_range", 128)?));
    let small = data::net(models, "face_landmark", 192)?;
    let large = IrisesFirst(data::net(models, "face_landmarks_detector", 256)?);
    let ways: [(&str, &dyn Net, Read); 3] = [
        ("468 points, middle of the lids", &small, |_, mesh| (lids(mesh), raw_cheeks(mesh))),
        ("468 points, as gradphoto measures", &small, |rgb, mesh| {
            (pupil::locate(&mesh.points, &pupil::irises(rgb, &mesh.points)), geometry::cheeks(&mesh.points))
        }),
        ("478 points, iris centres", &large, |_, mesh| ([mesh.points[0], mesh.points[1]], raw_cheeks(mesh))),
    ];

    println!("\n## Landmarks\n");
    println!("Errors in pixels of a 480x640 photo: bias / median / 95th percentile. ms a face, smallest / median.\n");
    println!("| net | photos | eye line | pupil distance | width at the cheeks | widest row | ms |");
    println!("|---|---|---|---|---|---|---|");
    for (set, faces) in [("cut to 480x640", cut(photos)?), ("1350x1350", portraits(photos)?)] {
        for (name, net, read) in &ways {
            let mut all = Errors::default();
            for (photo, truth) in &faces {
                let whole = Rect::from_edges(0.0, 0.0, f64::from(photo.width()), f64::from(photo.height()));
                let detections = detector.detect(photo, whole)?;
                let face = detections.first().context("a portrait without a face")?;
                all.add(photo, face, *net, *read, truth)?;
            }
            let Errors { eye_line, pupils, cheek_width, widest, ms } = &all;
            let [line, distance, cheeks, widest] = [eye_line, pupils, cheek_width, widest].map(|e| errors(e));
            println!("| {name} | {set} | {line} | {distance} | {cheeks} | {widest} | {} |", times(ms));
        }
    }
    Ok(())
}

impl Errors {
    fn add(&mut self, photo: &RgbImage, face: &Detection, net: &dyn Net, read: Read, truth: &Truth) -> Result<()> {
        landmarks::locate(photo, face, net)?;
        let (ms, measured) = timed(|| landmarks::locate(photo, face, net).map(|mesh| read(photo, &mesh)));
        let (pupils, cheeks) = measured?;
        let [left, right] = truth.pupils;
        let width = cheeks[0].distance(cheeks[1]);
        self.eye_line.push((pupils[0].midpoint(pupils[1]).y - left.midpoint(right).y) * truth.scale);
        self.pupils.push((pupils[0].distance(pupils[1]) - left.distance(right)) * truth.scale);
        self.cheek_width.push((width - truth.widths[0]) * truth.scale);
        self.widest.push((width - truth.widths[1]) * truth.scale);
        self.ms.push(ms);
        Ok(())
    }
}

/// Mean of corners and lids of each eye.
fn lids(mesh: &Mesh) -> [Point; 2] {
    [[33, 133, 159, 145], [362, 263, 386, 374]].map(|eye: [usize; 4]| {
        let mean = |value: fn(Point) -> f64| eye.iter().map(|&i| value(mesh.points[i])).sum::<f64>() / 4.0;
        Point::new(mean(|p| p.x), mean(|p| p.y))
    })
}

fn raw_cheeks(mesh: &Mesh) -> [Point; 2] {
    CHEEKS.map(|i| mesh.points[i])
}

fn widths(row: Row<'_>) -> Result<[f64; 2]> {
    Ok([row.number("face_w_cheek")?, row.number("face_w_max")?])
}

fn cut(photos: &Path) -> Result<Vec<(RgbImage, Truth)>> {
    let folder = photos.join("bases");
    let table = Table::read(&folder.join("bases.csv"))?;
    let load = |row: Row<'_>| {
        let photo = data::open_over_blue(&folder.join(row.text("id")?).with_extension("png"))?;
        let pupils = [row.point("eye_l")?, row.point("eye_r")?];
        Ok((photo, Truth { pupils, widths: widths(row)?, scale: 1.0 }))
    };
    table.rows().map(load).collect()
}

fn portraits(photos: &Path) -> Result<Vec<(RgbImage, Truth)>> {
    let cut = Table::read(&photos.join("bases/bases.csv"))?;
    let table = Table::read(&photos.join("portraits.csv"))?;
    let load = |row: Row<'_>| {
        let file = row.text("file")?;
        let id = Path::new(file).file_stem().and_then(|stem| stem.to_str()).context("a portrait has a name")?;
        let of_cut = cut.rows().find(|row| row.text("id").is_ok_and(|other| other == id));
        let of_cut = of_cut.with_context(|| format!("{id} is not among the cut photos"))?;
        let pupils = [row.point("pupil_l")?, row.point("pupil_r")?];
        let scale = of_cut.point("eye_l")?.distance(of_cut.point("eye_r")?) / pupils[0].distance(pupils[1]);
        Ok((data::open(&photos.join(file))?, Truth { pupils, widths: widths(row)?, scale }))
    };
    table.rows().map(load).collect()
}
