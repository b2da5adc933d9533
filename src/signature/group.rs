//! Which strokes are the signature: connected strokes, without specks and what belongs to the edge, gathered by nearness.

use super::ink::{Ink, around};
use super::paper::Paper;
use super::{Dropped, SignatureError};
use crate::units::Rect;

/// Area, in squares of the stroke's width, below which a connected stroke is a speck.
const SPECK: f64 = 0.5;

/// Gap that is bridged, as a share of the smaller side of the larger part: characters of a name stand closer than that.
const GAP: f64 = 0.7;

/// Gap that is always bridged, in widths of the stroke: strokes of one character.
const STROKES_APART: f64 = 4.0;

/// Length along the edge, in widths of the stroke, from which something lies along the edge rather than being cut by it.
const ALONG: f64 = 5.0;

/// Share of the signature's ink, in parts cut by the edge, from which it is refused.
const CUT: f64 = 0.02;

/// Smaller side, in widths of the stroke, from which a filled shape is no stroke, and the share of its box that is filled.
const BLOB: (f64, f64) = (6.0, 0.6);

/// Most connected strokes of a signature. A name of four characters in print hand has about forty.
const MOST_STROKES: usize = 140;

/// Share of all strokes' ink that the signature holds at least: less, and it is one line among others.
const LEAST_WEIGHT: f64 = 0.4;

/// Rows of strokes, and strokes in each, from which there is a text.
const TEXT: (usize, usize) = (4, 7);

/// Share of the paper from which ink is more than a signature.
const MOST_INK: f64 = 0.2;

/// Most connected strokes on the whole picture that are looked at.
const MOST_PARTS: usize = 4000;

/// A connected stroke.
#[derive(Debug, Clone)]
struct Part {
    pixels: Vec<usize>,
    /// Sum of darkness.
    ink: f64,
    /// Left, top, right, bottom; the last two are one past the last pixel.
    bounds: [usize; 4],
    /// Pixels on the picture's or the sheet's edge.
    on_edge: usize,
    /// Sides of the picture it touches.
    sides: usize,
}

/// The signature's pixels.
#[derive(Debug)]
pub(super) struct Kept {
    /// Indices of the mask's pixels.
    pub pixels: Vec<usize>,
    /// Connected strokes.
    pub strokes: usize,
    /// Width of the stroke, in pixels of the mask.
    pub stroke_width: f64,
    /// Share of the paper's pixels that all ink covers.
    pub ink_share: f64,
    pub dropped: Dropped,
}

/// Finds the heaviest group of strokes.
///
/// # Errors
/// When nothing is left, the edge cuts it, or it is more than a signature.
pub(super) fn heaviest(ink: &Ink, paper: &Paper) -> Result<Kept, SignatureError> {
    let mut dropped = Dropped::default();
    let parts = parts(ink, paper);
    let sheet = (0..ink.mask.len()).step_by(7).filter(|&at| paper.is_sheet(ink.place(at))).count() * 7;
    let covered: usize = parts.iter().map(|part| part.pixels.len()).sum();
    let ink_share = covered as f64 / sheet.max(1) as f64;
    let stroke_width = stroke_width(&parts, ink);
    let before = parts.len();
    let parts: Vec<Part> =
        parts.into_iter().filter(|part| part.pixels.len() as f64 >= (SPECK * stroke_width.powi(2)).max(4.0)).collect();
    dropped.specks = before - parts.len();
    if ink_share > MOST_INK || parts.len() > MOST_PARTS {
        return Err(SignatureError::TooMuch {
            strokes: parts.len(),
            rows: rows(&parts),
            ink_percent: 100.0 * ink_share,
        });
    }
    let mut strokes = Vec::new();
    for part in parts {
        if part.sides > 1 || part.on_edge as f64 > ALONG * stroke_width {
            dropped.at_edge += 1;
        } else if part.is_blob(stroke_width) {
            dropped.blobs += 1;
        } else {
            strokes.push(part);
        }
    }
    let (all, all_rows, all_ink) = (strokes.len(), rows(&strokes), weight(&strokes));
    let groups = grouped(strokes, stroke_width);
    dropped.apart = groups.iter().skip(1).map(Vec::len).sum();
    let group = groups.into_iter().next().ok_or(SignatureError::NoInk)?;
    let group_rows = rows(&group);
    if group.len() > MOST_STROKES || (group_rows >= TEXT.0 && group.len() >= group_rows * TEXT.1) {
        return Err(SignatureError::TooMuch { strokes: group.len(), rows: group_rows, ink_percent: 100.0 * ink_share });
    }
    let ink = weight(&group);
    if ink < LEAST_WEIGHT * all_ink {
        return Err(SignatureError::TooMuch { strokes: all, rows: all_rows, ink_percent: 100.0 * ink_share });
    }
    let cut: f64 = group.iter().filter(|part| part.on_edge > 0).map(|part| part.ink).sum();
    if cut > CUT * ink {
        return Err(SignatureError::CutOff);
    }
    let before = group.len();
    let group: Vec<Part> = group.into_iter().filter(|part| part.on_edge == 0).collect();
    dropped.at_edge += before - group.len();
    let strokes = group.len();
    let pixels = group.into_iter().flat_map(|part| part.pixels).collect();
    Ok(Kept { pixels, strokes, stroke_width, ink_share, dropped })
}

/// The connected strokes of a mask.
fn parts(ink: &Ink, paper: &Paper) -> Vec<Part> {
    let (width, height) = (ink.width, ink.height);
    let mut seen = vec![false; ink.mask.len()];
    let mut parts = Vec::new();
    for start in 0..ink.mask.len() {
        if !ink.mask[start] || seen[start] {
            continue;
        }
        seen[start] = true;
        let mut pixels = vec![start];
        let mut next = 0;
        while let Some(&at) = pixels.get(next) {
            next += 1;
            for to in around(at, width, height) {
                if ink.mask[to] && !seen[to] {
                    seen[to] = true;
                    pixels.push(to);
                }
            }
        }
        let mut bounds = [width, height, 0, 0];
        let mut on_edge = 0;
        for &at in &pixels {
            let (x, y) = (at % width, at / width);
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x + 1), bounds[3].max(y + 1)];
            let on_border = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
            on_edge += usize::from(on_border || !paper.is_inside(ink.place(at)));
        }
        let sides = [bounds[0] == 0, bounds[1] == 0, bounds[2] == width, bounds[3] == height];
        let sides = sides.into_iter().filter(|&touched| touched).count();
        let dark = pixels.iter().map(|&at| f64::from(ink.dark[at])).sum();
        parts.push(Part { pixels, ink: dark, bounds, on_edge, sides });
    }
    parts
}

/// Width of the strokes: twice the area over the outline, of the large parts.
fn stroke_width(parts: &[Part], ink: &Ink) -> f64 {
    let largest = parts.iter().map(|part| part.pixels.len()).max().unwrap_or(0);
    let (mut area, mut outline) = (0usize, 0usize);
    for part in parts.iter().filter(|part| part.pixels.len() * 10 >= largest) {
        area += part.pixels.len();
        let inside = |at: usize| around(at, ink.width, ink.height).all(|to| ink.mask[to]);
        outline += part.pixels.iter().filter(|&&at| !inside(at)).count();
    }
    (2.0 * area as f64 / outline.max(1) as f64).max(1.0)
}

impl Part {
    fn is_blob(&self, stroke_width: f64) -> bool {
        let [left, top, right, bottom] = self.bounds;
        let (width, height) = ((right - left) as f64, (bottom - top) as f64);
        width.min(height) > BLOB.0 * stroke_width && self.pixels.len() as f64 > BLOB.1 * width * height
    }
}

/// The ink of some parts.
fn weight(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.ink).sum()
}

/// A set of parts on its way to a group.
struct Group {
    parts: Vec<Part>,
    bounds: [usize; 4],
}

impl Group {
    /// The smaller side.
    fn size(&self) -> usize {
        let [left, top, right, bottom] = self.bounds;
        (right - left).min(bottom - top)
    }

    fn ink(&self) -> f64 {
        weight(&self.parts)
    }

    /// Distance between the boxes.
    fn distance(&self, other: &Self) -> f64 {
        let apart = |low: usize, high: usize| {
            (self.bounds[low].max(other.bounds[low]) as f64 - self.bounds[high].min(other.bounds[high]) as f64).max(0.0)
        };
        apart(0, 2).hypot(apart(1, 3))
    }
}

/// Groups of parts that lie near one another for their size, the one with the most ink first.
fn grouped(parts: Vec<Part>, stroke_width: f64) -> Vec<Vec<Part>> {
    let mut groups: Vec<Group> =
        parts.into_iter().map(|part| Group { bounds: part.bounds, parts: vec![part] }).collect();
    groups.sort_by(|a, b| b.ink().total_cmp(&a.ink()));
    // A group that grows may reach further: until nothing more is joined.
    let mut at = 0;
    while at < groups.len() {
        let near = |other: &Group| {
            let size = groups[at].size().max(other.size()) as f64;
            groups[at].distance(other) <= (GAP * size).max(STROKES_APART * stroke_width)
        };
        match (0..groups.len()).find(|&other| other != at && near(&groups[other])) {
            Some(other) => {
                let joined = groups.swap_remove(other.max(at));
                let group = &mut groups[other.min(at)];
                let (a, b) = (group.bounds, joined.bounds);
                group.bounds = [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
                group.parts.extend(joined.parts);
                // Only what is joined has new neighbours.
                at = other.min(at);
            }
            None => at += 1,
        }
    }
    groups.sort_by(|a, b| b.ink().total_cmp(&a.ink()));
    groups.into_iter().map(|group| group.parts).collect()
}

/// Rows that the parts stand in: bands of height that no part reaches over.
fn rows(parts: &[Part]) -> usize {
    let mut spans: Vec<(usize, usize)> = parts.iter().map(|part| (part.bounds[1], part.bounds[3])).collect();
    spans.sort_unstable();
    let mut rows = 0;
    let mut reached = 0;
    for (top, bottom) in spans {
        if rows == 0 || top >= reached {
            rows += 1;
        }
        reached = reached.max(bottom);
    }
    rows
}

/// The box of the kept pixels, in pixels of the picture.
pub(super) fn bounds(kept: &Kept, ink: &Ink) -> Rect {
    let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
    for &at in &kept.pixels {
        let (x, y) = (at % ink.width, at / ink.width);
        (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1));
    }
    let [left, top, right, bottom] = [left, top, right, bottom].map(|v| v as f64 / ink.scale);
    Rect::from_edges(left, top, right, bottom)
}
