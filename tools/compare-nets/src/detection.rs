//! Detectors: faces found, missed and made up, and what a photo costs.

use std::path::Path;

use anyhow::{Context, Result};
use gradphoto::face::detect::{Detector, ShortRange};
use gradphoto::units::Rect;
use image::RgbImage;

use crate::data::{self, Table};
use crate::seeta::Seeta;
use crate::stats::{timed, times};

/// Photos with a number of faces other than one, counted by eye.
const COUNTS: [(&str, usize); 4] =
    [("vladmandic_human_group-2", 3), ("azure_detection5", 3), ("dlib_dogs", 0), ("dlib_2008_001322", 3)];

/// Photos of one kind.
struct Set {
    name: &'static str,
    photos: Vec<Photo>,
}

/// A photo, its name, and how many faces a person counts in it.
type Photo = (RgbImage, String, usize);

/// A detector of any make.
type Detect = Box<dyn FnMut(&RgbImage) -> Result<Vec<Rect>>>;

/// Prints the table.
pub fn compare(models: &Path, photos: &Path) -> Result<()> {
    let sets = sets(photos)?;
    println!("\n## Detection\n");
    println!(
        "Faces in all, of which found, missed, and detections beyond them, by count alone; ms a photo, smallest / median.\n"
    );
    println!("| detector | set | photos | faces | found | missed | extra | ms |\n|---|---|---|---|---|---|---|---|");
    for (name, mut detect) in detectors(models)? {
        for set in &sets {
            let (mut faces, mut found, mut extra, mut ms) = (0, 0, 0, Vec::new());
            for (photo, file, truth) in &set.photos {
                // Twice: the first run warms the caches for the second.
                detect(photo)?;
                let (time, result) = timed(|| detect(photo));
                let count = result?.len();
                if count != *truth {
                    eprintln!("{name}: {count} instead of {truth} in {file}");
                }
                faces += truth;
                found += count.min(*truth);
                extra += count.saturating_sub(*truth);
                ms.push(time);
            }
            let (photos, missed) = (set.photos.len(), faces - found);
            println!("| {name} | {} | {photos} | {faces} | {found} | {missed} | {extra} | {} |", set.name, times(&ms));
        }
    }
    Ok(())
}

fn detectors(models: &Path) -> Result<Vec<(String, Detect)>> {
    let net = data::net(models, "face_detection_short_range", 128)?;
    let short_range = ShortRange::new(Box::new(net));
    let mut all: Vec<(String, Detect)> = vec![(
        "short-range net, whole photo".into(),
        Box::new(move |rgb| {
            let whole = Rect::from_edges(0.0, 0.0, f64::from(rgb.width()), f64::from(rgb.height()));
            Ok(short_range.detect(rgb, whole)?.into_iter().map(|face| face.bounds).collect())
        }),
    )];
    let cascade = include_bytes!("../../../models/seeta_fd_frontal_v1.0.bin");
    for (height, score) in [(160, 2.0), (160, 5.0), (320, 2.0), (320, 5.0), (640, 5.0)] {
        let mut seeta = Seeta::new(cascade, height, score)?;
        let name = format!("SeetaFace, {height} px tall, score {score}");
        all.push((name, Box::new(move |rgb| seeta.detect(rgb))));
    }
    Ok(all)
}

fn sets(photos: &Path) -> Result<Vec<Set>> {
    let mut portraits = Vec::new();
    for row in Table::read(&photos.join("portraits.csv"))?.rows() {
        let file = row.text("file")?;
        portraits.push((data::open(&photos.join(file))?, file.to_owned(), 1));
    }
    let (mut single, mut double) = (Vec::new(), Vec::new());
    for row in Table::read(&photos.join("cases/cases.csv"))?.rows() {
        let file = row.text("file")?;
        let photo = data::open(&photos.join("cases").join(file));
        match (photo, row.text("kind")?) {
            (Ok(photo), "face.count") => double.push((photo, file.to_owned(), 2)),
            (Ok(photo), _) => single.push((photo, file.to_owned(), 1)),
            (Err(error), _) => eprintln!("skipped: {error:#}"),
        }
    }
    let mut wild = Vec::new();
    for row in Table::read(&photos.join("wild.csv"))?.rows() {
        let file = row.text("file")?;
        let stem = Path::new(file).file_stem().context("a photo has a name")?;
        let count = COUNTS.iter().find(|(name, _)| stem == *name).map_or(1, |(_, count)| *count);
        wild.push((data::open(&photos.join(file))?, file.to_owned(), count));
    }
    Ok(vec![
        Set { name: "portraits", photos: portraits },
        Set { name: "cases, one person", photos: single },
        Set { name: "cases, a second person behind", photos: double },
        Set { name: "wild", photos: wild },
    ])
}
