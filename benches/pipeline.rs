//! Time of each stage and of a whole check, on a 480x640 sample photo. `cargo bench`.

#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use gradphoto::face::net::Nets;
use gradphoto::face::parser::HeadMap;
use gradphoto::face::{Faces, cheeks, landmarks};
use gradphoto::limits::Limits;
use gradphoto::profile::builtin;
use gradphoto::scene::Scene;
use gradphoto::units::Rect;
use gradphoto::{Engine, Input, photo};

fn stages(c: &mut Criterion) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-photos/样例-蓝底.jpg");
    let bytes = std::fs::read(path).unwrap();
    let limits = Limits::default();
    let nets = Nets::embedded().unwrap();
    let (_, photo) = photo::decode(&bytes, None, &limits);
    let photo = photo.unwrap();
    let faces = Faces::find(&photo, &nets).unwrap();

    c.bench_function("photo", |b| b.iter(|| photo::decode(&bytes, None, &limits)));
    c.bench_function("face", |b| b.iter(|| Faces::find(&photo, &nets).unwrap()));
    c.bench_function("scene", |b| b.iter(|| Scene::of(&photo, faces.main.as_ref(), &nets).unwrap()));

    let face = faces.main.as_ref().unwrap();
    let whole = Rect::from_edges(0.0, 0.0, f64::from(photo.rgb.width()), f64::from(photo.rgb.height()));
    c.bench_function("detector", |b| b.iter(|| nets.detector.detect(&photo.rgb, whole).unwrap()));
    let mesh = nets.landmarks.as_ref();
    c.bench_function("face mesh", |b| b.iter(|| landmarks::locate(&photo.rgb, &face.detection, mesh).unwrap()));

    // What runs only when a check asks for it.
    c.bench_function("head parser", |b| b.iter(|| HeadMap::of(&photo.rgb, face, nets.parser.as_ref()).unwrap()));
    let fine = nets.fine_landmarks.as_ref();
    c.bench_function("fine mesh", |b| b.iter(|| landmarks::locate_fine(&photo.rgb, &face.detection, fine).unwrap()));
    c.bench_function("cheeks", |b| {
        b.iter(|| cheeks::locate(&photo.rgb, &face.mesh, nets.cheek_edge.as_ref()).unwrap());
    });

    let engine = Engine::new().unwrap();
    let profile = builtin("zikao-graduation").unwrap();
    c.bench_function("check", |b| {
        b.iter(|| engine.check(Input { bytes: &bytes, name: None, captured_before: None }, &profile))
    });
    c.bench_function("start", |b| b.iter(|| Engine::new().unwrap()));
}

criterion_group!(benches, stages);
criterion_main!(benches);
