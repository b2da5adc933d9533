//! A report from facts and judged checks.

use super::{ExifSummary, FaceSummary, FileSummary, ProfileRef, Report, SCHEMA, Timings};
use crate::facts::Facts;
use crate::judge::{self, Judged};
use crate::measure::skin;
use crate::profile::Profile;

use crate::face::Face;
use crate::photo::FileFacts;
use crate::units::{Point, Unit};

/// Puts a report together. Coordinates are rounded to a hundredth of a pixel: finer digits are noise.
pub fn build(facts: &Facts<'_>, profile: &Profile, judged: Judged, timings: Timings) -> Report {
    let Judged { checks, mut not_checked } = judged;
    not_checked.extend(judge::not_checked(profile));
    let digest = facts.file.sha256.get(..16).unwrap_or_default();
    Report {
        schema: SCHEMA,
        id: format!("{digest}-{}-{}", profile.id, profile.version),
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        profile: ProfileRef { id: profile.id.clone(), version: profile.version.clone(), canvas: profile.canvas },
        verdict: judge::verdict(&checks),
        fixable: judge::fixable(&checks),
        file: file_summary(facts.file),
        face: facts.face().ok().map(|face| face_summary(face, facts)),
        checks,
        not_checked,
        actions: Vec::new(),
        timings_ms: timings,
    }
}

fn file_summary(file: &FileFacts) -> FileSummary {
    let container = &file.container;
    let size = container.upright_size();
    FileSummary {
        name: file.name.clone(),
        sha256: file.sha256.clone(),
        bytes: file.bytes,
        format: container.format.name().to_owned(),
        width: size.map(|(w, _)| w),
        height: size.map(|(_, h)| h),
        dpi: container.density.map(|density| Unit::Dpi.round(density.x)),
        jpeg_quality: container.jpeg.as_ref().and_then(|jpeg| jpeg.quality).map(|q| Unit::Px.round(q.quality)),
        exif: ExifSummary {
            orientation: container.exif.orientation,
            captured: container.exif.captured.clone(),
            software: container.exif.software.clone(),
        },
    }
}

fn face_summary(face: &Face, facts: &Facts<'_>) -> FaceSummary {
    let scene = facts.scene.ok();
    let mut bounds = face.bounds();
    for side in [&mut bounds.x, &mut bounds.y, &mut bounds.width, &mut bounds.height] {
        *side = hundredth(*side);
    }
    FaceSummary {
        bounds,
        eye_left: point(face.pupils[0]),
        eye_right: point(face.pupils[1]),
        head_top_y: scene.and_then(|scene| scene.head_top.ok()).map(hundredth),
        hairline_y: scene.and_then(|scene| scene.hairline.ok()).map(hundredth),
        chin_y: hundredth(face.chin.y),
        width: hundredth(face.width()),
        center_x: hundredth(face.cheeks[0].midpoint(face.cheeks[1]).x),
        yaw_degrees: hundredth(face.pose.yaw),
        pitch_degrees: hundredth(face.pose.pitch),
        roll_degrees: hundredth(face.pose.roll),
        skin_lightness: facts.photo.ok().and_then(|photo| skin::lightness(&photo.rgb, face)).map(hundredth),
    }
}

fn hundredth(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn point(p: Point) -> Point {
    Point::new(hundredth(p.x), hundredth(p.y))
}
