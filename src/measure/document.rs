//! Photographed documents: whether the text can be read, which way it stands, and how much of the picture is paper.
//!
//! The paper's own light is divided out and what is darker is taken for text, as for a [signature](crate::signature).

use image::RgbImage;

use super::components::{Component, components};
use crate::signature::SignatureError;
use crate::signature::ink::Ink;
use crate::signature::paper::Paper;

/// What is seen of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Share of the picture that the sheet covers, in percent.
    pub sheet_percent: f64,
    /// The text; `None` when none is found.
    pub text: Option<TextLook>,
}

/// What is seen of its text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLook {
    /// Groups of strokes about as large as a character.
    pub characters: usize,
    /// Height of a usual character in pixels of the picture.
    pub height: f64,
    /// Height of a usual character in widths of its own edges: how many steps from top to bottom can be told apart.
    pub steps: f64,
    /// Darkness of the text against the paper, 0 to 1.
    pub contrast: f64,
    /// Which way the rows stand; `None` when that is not clear.
    pub stand: Option<Stand>,
}

/// Which way text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Rows are level, and nothing says that they stand on their head.
    Upright,
    /// Rows stand upright: the picture has to be turned by a quarter, to the one or the other side.
    Sideways,
    /// Rows are level and end, instead of beginning, at one line.
    UpsideDown,
}

/// Fewest characters that are a text.
const FEWEST: usize = 12;

/// Smallest height of a character, in pixels, and the largest as a share of the picture's longest side.
const SMALLEST: usize = 4;
const LARGEST: f64 = 0.12;

/// The look of a document.
pub fn look(rgb: &RgbImage) -> Look {
    let paper = match Paper::of(rgb) {
        Ok(paper) => paper,
        Err(SignatureError::NotPaper { dark_percent }) => {
            return Look { sheet_percent: 100.0 - dark_percent, text: None };
        }
        Err(_) => return Look { sheet_percent: 0.0, text: None },
    };
    let text = Ink::of(rgb, &paper).ok().and_then(|ink| text(&ink));
    Look { sheet_percent: 100.0 * paper.share(), text }
}

fn text(ink: &Ink) -> Option<TextLook> {
    let largest = LARGEST * ink.width.max(ink.height) as f64;
    let is_stroke = |part: &Component| {
        let (width, height) = (part.right - part.left + 1, part.bottom - part.top + 1);
        width.max(height) >= SMALLEST && (width.max(height) as f64) <= largest && part.area >= 6
    };
    let strokes: Vec<Component> = components(&mut ink.mask.clone(), ink.width).into_iter().filter(is_stroke).collect();
    if strokes.len() < FEWEST {
        return None;
    }
    // Strokes of one character lie closer than a third of its size.
    let size = |part: &Component| (part.right - part.left).max(part.bottom - part.top) as f64 + 1.0;
    // Where blur has run them together to words, a stroke's size says nothing; the tallest are still as high as a row.
    let row = quantile(strokes.iter().map(|part| (part.bottom - part.top) as f64 + 1.0).collect(), 0.9)?;
    let usual = median(strokes.iter().map(size).collect())?.min(row);
    let near = ((usual / 4.0).round() as usize).max(1);
    let mut joined = vec![false; ink.mask.len()];
    for part in &strokes {
        for y in part.top.saturating_sub(near / 2)..=(part.bottom + near / 2).min(ink.height - 1) {
            let (left, right) = (part.left.saturating_sub(near / 2), (part.right + near / 2).min(ink.width - 1));
            joined[y * ink.width + left..=y * ink.width + right].fill(true);
        }
    }
    let characters = components(&mut joined, ink.width);
    let height = |part: &Component| (part.bottom - part.top + 1).saturating_sub(2 * (near / 2)) as f64;
    let tall = median(characters.iter().map(height).collect())?;
    let edges: Vec<(f64, f64)> = strokes.iter().filter_map(|part| edge(ink, part)).collect();
    let width = median(edges.iter().map(|(width, _)| *width).collect())?;
    let contrast = median(edges.iter().map(|(_, contrast)| *contrast).collect())?;
    Some(TextLook {
        characters: characters.len(),
        height: tall / ink.scale,
        steps: tall / width,
        contrast,
        stand: stand(&strokes, ink),
    })
}

/// Width of a stroke's edge in pixels of the mask (its darkness over the steepest step to a neighbour, 1 at least), and its
/// darkness.
fn edge(ink: &Ink, part: &Component) -> Option<(f64, f64)> {
    let (mut most, mut steepest) = (0.0f32, 0.0f32);
    for y in part.top..=part.bottom {
        for x in part.left.saturating_sub(1)..=part.right {
            let at = y * ink.width + x;
            let dark = ink.dark[at];
            let right = ink.dark.get(at + 1).copied().filter(|_| x + 1 < ink.width).unwrap_or(dark);
            let below = ink.dark.get(at + ink.width).copied().unwrap_or(dark);
            most = most.max(dark);
            steepest = steepest.max((right - dark).abs()).max((below - dark).abs());
        }
    }
    (steepest > 0.0).then(|| (f64::from(most / steepest).max(1.0), f64::from(most)))
}

fn median(values: Vec<f64>) -> Option<f64> {
    quantile(values, 0.5)
}

fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    let at = (values.len() as f64 * share) as usize;
    (at < values.len()).then(|| *values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Largest tilt of the rows that is looked for, in degrees, and the step.
const TILT: i32 = 6;

/// Ratio of the sharpness of rows to that of columns from which the one or the other is clear.
const CLEAR: f64 = 1.15;

/// Rows that have to begin or end at one line, and how much straighter the one margin has to be than the other.
const ROWS: usize = 5;
const STRAIGHTER: f64 = 4.0;

/// Which way the rows stand, by the gaps between them.
fn stand(strokes: &[Component], ink: &Ink) -> Option<Stand> {
    let boxes: Vec<[f64; 4]> = strokes
        .iter()
        .map(|part| [part.left as f64, part.top as f64, part.right as f64 + 1.0, part.bottom as f64 + 1.0])
        .collect();
    let best = |across: bool| {
        (-TILT..=TILT)
            .map(|degrees| sharpness(&boxes, f64::from(degrees).to_radians().tan(), across))
            .fold(0.0, f64::max)
    };
    let (rows, columns) = (best(false), best(true));
    if columns > CLEAR * rows {
        return Some(Stand::Sideways);
    }
    if rows <= CLEAR * columns {
        return None;
    }
    Some(if on_its_head(&boxes, ink.width) { Stand::UpsideDown } else { Stand::Upright })
}

/// How much the boxes gather in rows (or columns) and leave gaps between them: the sum of squares of the profile over the
/// square of its sum, times its length, which is 1 for an even one.
fn sharpness(boxes: &[[f64; 4]], slope: f64, columns: bool) -> f64 {
    let spans = boxes.iter().map(|[left, top, right, bottom]| {
        let shift = slope * if columns { -(top + bottom) / 2.0 } else { (left + right) / 2.0 };
        let (from, to, weight) = if columns {
            (left - shift, right - shift, bottom - top)
        } else {
            (top - shift, bottom - shift, right - left)
        };
        // The inner part of the box: rows touch at ascenders.
        let inner = (to - from) / 5.0;
        (from + inner, to - inner, weight)
    });
    let spans: Vec<(f64, f64, f64)> = spans.collect();
    let low = spans.iter().fold(f64::MAX, |low, span| low.min(span.0));
    let high = spans.iter().fold(f64::MIN, |high, span| high.max(span.1));
    let mut profile = vec![0.0f64; (high - low).max(1.0) as usize + 2];
    for (from, to, weight) in spans {
        let range = (from - low).max(0.0) as usize..=((to - low) as usize).min(profile.len() - 1);
        profile[range].iter_mut().for_each(|place| *place += weight);
    }
    let sum: f64 = profile.iter().sum();
    let squares: f64 = profile.iter().map(|place| place * place).sum();
    squares * profile.len() as f64 / (sum * sum).max(f64::MIN_POSITIVE)
}

/// Whether rows end at one line and begin at many: a text that begins its rows at one line stands on its head.
fn on_its_head(boxes: &[[f64; 4]], width: usize) -> bool {
    let mut sorted = boxes.to_vec();
    sorted.sort_by(|a, b| (a[1] + a[3]).total_cmp(&(b[1] + b[3])));
    let usual = median(sorted.iter().map(|part| part[3] - part[1]).collect()).unwrap_or(0.0);
    let mut rows: Vec<([f64; 2], f64)> = Vec::new();
    for [left, top, right, bottom] in sorted {
        let middle = (top + bottom) / 2.0;
        match rows.last_mut() {
            Some((ends, at)) if middle - *at < 0.6 * usual => {
                *ends = [ends[0].min(left), ends[1].max(right)];
                *at = middle;
            }
            _ => rows.push(([left, right], middle)),
        }
    }
    let rows: Vec<[f64; 2]> =
        rows.into_iter().map(|(ends, _)| ends).filter(|ends| ends[1] - ends[0] > 0.15 * width as f64).collect();
    if rows.len() < ROWS {
        return false;
    }
    let spread = |side: usize| {
        let middle = median(rows.iter().map(|ends| ends[side]).collect()).unwrap_or(0.0);
        median(rows.iter().map(|ends| (ends[side] - middle).abs()).collect()).unwrap_or(0.0)
    };
    spread(0) > STRAIGHTER * spread(1).max(usual / 4.0)
}
