//! By how much the signature is tilted: a ruled line says it best; else the strokes, where they agree with themselves.

use serde::{Deserialize, Serialize};

use super::ink::Ink;
use super::lines::Line;

/// Largest tilt that is mended, in degrees. Beyond that it is not known which way is up.
const MOST: f64 = 20.0;

/// Tilt, in degrees, that is left as it is.
const LEAST: f64 = 0.3;

/// Length over height of the strokes' spread from which their direction is clear.
const ELONGATED: f64 = 2.2;

/// The same from which it needs no second witness.
const SLENDER: f64 = 3.5;

/// Degrees by which the axis and the clearest rows may differ where it does.
const AGREE: f64 = 4.0;

/// Pixels that are looked at; more say nothing more.
const SAMPLE: usize = 12_000;

/// What told the tilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkewBy {
    /// A ruled line of the paper.
    Line,
    /// The strokes themselves: the axis of their spread, and the direction in which their rows are clearest.
    Strokes,
    /// Nothing clear enough: the picture is not turned.
    Nothing,
}

/// The tilt in degrees, positive when the signature falls to the right, and what told it.
pub(super) fn skew(pixels: &[usize], ink: &Ink, lines: &[Line]) -> (f64, SkewBy) {
    let flat = lines.iter().filter(|line| !line.steep);
    if let Some(line) = flat.max_by(|a, b| a.length.total_cmp(&b.length)) {
        return settled(line.degrees, SkewBy::Line);
    }
    let step = pixels.len().div_ceil(SAMPLE).max(1);
    let points: Vec<(f64, f64)> =
        pixels.iter().step_by(step).map(|&at| ((at % ink.width) as f64, (at / ink.width) as f64)).collect();
    let (axis, elongation) = axis(&points);
    let agrees = || (axis - clearest_rows(&points)).abs() <= AGREE;
    if elongation < ELONGATED || axis.abs() > MOST || !(elongation >= SLENDER || agrees()) {
        return (0.0, SkewBy::Nothing);
    }
    settled(axis, SkewBy::Strokes)
}

fn settled(degrees: f64, by: SkewBy) -> (f64, SkewBy) {
    if degrees.abs() > MOST {
        (0.0, SkewBy::Nothing)
    } else if degrees.abs() < LEAST {
        (0.0, by)
    } else {
        (degrees, by)
    }
}

/// Direction of the greatest spread in degrees, -90 to 90, and the spread along it over that across it.
fn axis(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len().max(1) as f64;
    let (mx, my) = points.iter().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x / n, sy + y / n));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        let (dx, dy) = (x - mx, y - my);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    let (middle, half) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
    let degrees = 0.5 * (2.0 * xy).atan2(xx - yy).to_degrees();
    (degrees, ((middle + half) / (middle - half).max(1e-9)).sqrt())
}

/// The angle within the range at which the counts of the rows differ most.
fn clearest_rows(points: &[(f64, f64)]) -> f64 {
    let sharpness = |degrees: f64| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let across = |&(x, y): &(f64, f64)| y * cos - x * sin;
        let lowest = points.iter().map(across).fold(f64::MAX, f64::min);
        let mut rows = vec![0u32; 1];
        for point in points {
            let row = ((across(point) - lowest) / 3.0) as usize;
            if row >= rows.len() {
                rows.resize(row + 1, 0);
            }
            rows[row] += 1;
        }
        rows.iter().map(|&count| f64::from(count).powi(2)).sum::<f64>()
    };
    let steps = (2.0 * (MOST + AGREE)) as i32;
    let tried = (0..=steps).map(|step| f64::from(step) - MOST - AGREE);
    tried.map(|degrees| (degrees, sharpness(degrees))).max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0.0, |(d, _)| d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_turns_with_the_points() {
        for turn in [-18.0f64, -5.0, 0.0, 7.5, 16.0] {
            let (sin, cos) = turn.to_radians().sin_cos();
            let flat = (0..400).map(|i| (f64::from(i), 20.0 * (f64::from(i) * 0.37).sin()));
            let points: Vec<_> = flat.map(|(x, y)| (x * cos - y * sin, x * sin + y * cos)).collect();
            let (degrees, elongation) = axis(&points);
            assert!((degrees - turn).abs() < 0.5 && elongation > 5.0, "{turn}: {degrees} {elongation}");
            assert!((clearest_rows(&points) - turn).abs() <= 2.0, "{turn}: {}", clearest_rows(&points));
        }
    }

    #[test]
    fn what_has_no_direction_is_not_turned() {
        let points: Vec<_> = (0..400).map(|i| (f64::from(i % 20), f64::from(i / 20))).collect();
        assert!(axis(&points).1 < ELONGATED);
    }
}
