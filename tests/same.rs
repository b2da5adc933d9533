//! How far apart the pictures of different people are, and those of one picture, by the perceptual hash.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use gradphoto::batch::look::{Hash, SAME_BITS};
use gradphoto::limits::Limits;
use gradphoto::photo;
use image::RgbImage;
use image::imageops::{FilterType, resize};
use jpeg_encoder::{ColorType, Encoder};

fn decoded(bytes: &[u8]) -> RgbImage {
    photo::decode(bytes, None, &Limits::default()).1.unwrap().into_rgb()
}

fn saved(rgb: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::new();
    let encoder = Encoder::new(&mut bytes, quality);
    encoder.encode(rgb.as_raw(), rgb.width() as u16, rgb.height() as u16, ColorType::Rgb).unwrap();
    decoded(&bytes)
}

/// What becomes of a photo on its way: saved anew, made smaller and larger, made lighter.
fn copies(rgb: &RgbImage) -> Vec<RgbImage> {
    let scaled = |by: f64| {
        let side = |length: u32| (f64::from(length) * by).round() as u32;
        resize(rgb, side(rgb.width()), side(rgb.height()), FilterType::Lanczos3)
    };
    let mut lighter = rgb.clone();
    lighter.iter_mut().for_each(|value| *value = (f64::from(*value) * 1.05 + 4.0).min(255.0) as u8);
    vec![saved(rgb, 60), saved(rgb, 30), saved(&scaled(0.5), 85), saved(&scaled(1.5), 90), lighter]
}

fn photos(folder: &Path) -> Vec<RgbImage> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file() && path.extension().is_some_and(|end| end == "jpg" || end == "png"));
    paths.sort();
    paths.iter().map(|path| decoded(&fs::read(path).unwrap())).collect()
}

/// The nearest two different photos, and the farthest copy of every `step`-th one.
fn distances(photos: &[RgbImage], step: usize) -> (u32, u32) {
    let hashes: Vec<Hash> = photos.iter().map(|photo| Hash::of(photo).unwrap()).collect();
    let pairs = hashes.iter().enumerate().flat_map(|(n, a)| hashes[n + 1..].iter().map(move |b| a.distance(b)));
    let farthest =
        photos.iter().zip(&hashes).step_by(step).flat_map(|(photo, hash)| {
            copies(photo).into_iter().map(move |copy| hash.distance(&Hash::of(&copy).unwrap()))
        });
    (pairs.min().unwrap(), farthest.max().unwrap())
}

#[test]
fn people_are_told_apart_and_copies_are_not() {
    let Some(shared) = common::shared() else { return };
    for folder in ["portraits", "bases"] {
        let photos = photos(&shared.join(folder));
        let (nearest, farthest) = distances(&photos, 5);
        let count = photos.len();
        println!(
            "{folder}: of {count} people the nearest two differ in {nearest} of 256 bits, copies in {farthest} at most"
        );
        assert!(farthest <= SAME_BITS, "{folder}: a copy was not found: {farthest}");
        assert!(nearest > SAME_BITS, "{folder}: two people were taken for one: {nearest}");
    }
}

#[test]
fn the_samples_and_their_copies() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-photos");
    let names = ["astronaut.png", "grace_hopper.jpg", "collins-derived-gray.jpg"];
    let photos: Vec<_> = names.map(|name| decoded(&fs::read(folder.join(name)).unwrap())).into();
    let (nearest, farthest) = distances(&photos, 1);
    assert!(farthest <= SAME_BITS && nearest > SAME_BITS, "{farthest} {nearest}");
}
