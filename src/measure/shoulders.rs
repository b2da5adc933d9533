//! Whether the shoulders are level, read from the outline of the person.

use image::GrayImage;

use crate::face::Face;
use crate::facts::Missing;
use crate::units::Point;

/// Where the shoulders are looked at, in face widths left and right of the face's middle: beside the neck, up to where
/// arms begin.
const OFFSETS: [f64; 2] = [0.55, 1.10];
/// Distance between the columns looked at, in face widths.
const STEP: f64 = 0.02;
/// How far above the chin the outline can lie and still be a shoulder's, in face widths. Hair begins higher.
const ABOVE_CHIN: f64 = 0.10;
/// Largest step of a shoulder's outline from one column to the next, in face widths: the end of a lock is a cliff.
const CLIFF: f64 = 0.06;
/// Pairs of columns that have to show both shoulders.
const ENOUGH: usize = 5;

/// The line of the shoulders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shoulders {
    /// Degrees against the horizontal; positive: the right of the picture is lower.
    pub angle: f64,
    /// A place on each shoulder, left and right of the picture, in original pixels.
    pub ends: [Point; 2],
}

/// Compares the height of the outline at equal distances left and right of the face's middle; the median over the pairs.
/// `scale` is original pixels per pixel of `person`.
///
/// # Errors
/// [`Missing::OutOfView`] when the photo ends before the shoulders, [`Missing::Hidden`] when hair or a gap in the outline
/// leaves too few pairs.
pub fn line(person: &GrayImage, scale: f64, face: &Face) -> Result<Shoulders, Missing> {
    let (width, chin) = (face.width() / scale, face.chin.y / scale);
    let middle = face.cheeks[0].midpoint(face.cheeks[1]).x / scale;
    let steps = ((OFFSETS[1] - OFFSETS[0]) / STEP) as usize + 1;
    let offset = |i: usize| (OFFSETS[0] + i as f64 * STEP) * width;
    let [left, right] = [-1.0, 1.0].map(|side| {
        let tops: Vec<Column> = (0..steps).map(|i| column(person, middle + side * offset(i))).collect();
        let steady = |a: f64, b: Option<&Column>| match b {
            Some(Column::Top(b)) => (a - b).abs() < CLIFF * width,
            Some(Column::Open) => false,
            Some(Column::Outside) | None => true,
        };
        let shoulder = |i: usize| match tops[i] {
            Column::Top(y) if y > chin - ABOVE_CHIN * width => {
                let before = i.checked_sub(1).and_then(|i| tops.get(i));
                (steady(y, before) && steady(y, tops.get(i + 1))).then_some(y)
            }
            _ => None,
        };
        let in_view = tops.iter().filter(|top| !matches!(top, Column::Outside)).count();
        (in_view, (0..steps).map(shoulder).collect::<Vec<_>>())
    });
    if left.0.min(right.0) < ENOUGH || f64::from(person.height()) < chin + ABOVE_CHIN * width {
        return Err(Missing::OutOfView);
    }
    let mut pairs: Vec<(f64, f64, f64)> = left
        .1
        .into_iter()
        .zip(right.1)
        .enumerate()
        .filter_map(|(i, (left, right))| Some((offset(i), left?, right?)))
        .collect();
    if pairs.len() < ENOUGH {
        return Err(Missing::Hidden);
    }
    let angle = |&(offset, left, right): &(f64, f64, f64)| (right - left).atan2(2.0 * offset).to_degrees();
    let half = pairs.len() / 2;
    let (_, &mut median, _) = pairs.select_nth_unstable_by(half, |a, b| angle(a).total_cmp(&angle(b)));
    let (offset, left, right) = median;
    let place = |x: f64, y: f64| Point::new((middle + x) * scale, y * scale);
    Ok(Shoulders { angle: angle(&median), ends: [place(-offset, left), place(offset, right)] })
}

/// What a column of the mask shows from the bottom edge up.
enum Column {
    /// It lies outside the photo, or at its very edge.
    Outside,
    /// Background at the bottom.
    Open,
    /// The person up to this height.
    Top(f64),
}

fn column(person: &GrayImage, x: f64) -> Column {
    let x = x.floor();
    if x < 2.0 || x + 2.0 >= f64::from(person.width()) {
        return Column::Outside;
    }
    let x = x as u32;
    let empty = (0..person.height()).rev().find(|&y| person.get_pixel(x, y).0[0] < 128);
    match empty {
        Some(y) if y + 1 == person.height() => Column::Open,
        Some(y) => Column::Top(f64::from(y + 1)),
        None => Column::Top(0.0),
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;
    use crate::measure::fake;

    /// Shoulders that fall away from the neck and are tilted by `angle` degrees about the middle.
    fn tilted(angle: f64) -> GrayImage {
        let slope = angle.to_radians().tan();
        GrayImage::from_fn(480, 640, |x, y| {
            let dx = f64::from(x) + 0.5 - 240.0;
            let top = 500.0 + 0.35 * (dx.abs() - 60.0).max(0.0) + slope * dx;
            Luma([if dx.abs() < 60.0 || f64::from(y) >= top { 255 } else { 0 }])
        })
    }

    #[test]
    fn the_tilt_is_measured_whatever_the_shoulders_fall() {
        for angle in [-12.0, -4.0, 0.0, 3.0, 9.0] {
            let found = line(&tilted(angle), 1.0, &fake::face()).expect("both shoulders are in view");
            assert!((found.angle - angle).abs() < 0.5, "{angle} measured as {}", found.angle);
            assert!(found.ends[0].x < 240.0 && found.ends[1].x > 240.0);
        }
    }

    #[test]
    fn the_scale_of_the_mask_does_not_count() {
        let mut face = fake::face();
        let double = |p: Point| Point::new(2.0 * p.x, 2.0 * p.y);
        (face.chin, face.cheeks) = (double(face.chin), face.cheeks.map(double));
        let found = line(&tilted(6.0), 2.0, &face).expect("both shoulders are in view");
        let plain = line(&tilted(6.0), 1.0, &fake::face()).expect("both shoulders are in view");
        assert!((found.angle - plain.angle).abs() < 1e-9);
        assert!(found.ends[1].distance(double(plain.ends[1])) < 1e-9);
    }

    #[test]
    fn hair_over_a_shoulder_hides_it() {
        let mut hair = tilted(0.0);
        for y in 300..640 {
            (330..480).for_each(|x| hair.put_pixel(x, y, Luma([255])));
        }
        assert_eq!(line(&hair, 1.0, &fake::face()), Err(Missing::Hidden));
    }

    #[test]
    fn a_photo_without_shoulders_says_so() {
        let mut face = fake::face();
        face.chin.y = 630.0;
        assert_eq!(line(&tilted(0.0), 1.0, &face), Err(Missing::OutOfView));
        let wide = fake::face_at(Point::new(240.0, 290.0), 460.0);
        assert_eq!(line(&tilted(0.0), 1.0, &wide), Err(Missing::OutOfView));
        // No person at the bottom at all.
        assert_eq!(line(&GrayImage::new(480, 640), 1.0, &fake::face()), Err(Missing::Hidden));
    }
}
