//! The visible skin of a face as a sampled map: the mesh's oval without eyes, brows, lips and nostrils.

use std::cell::OnceCell;

use image::RgbImage;

use crate::face::{Face, LANDMARKS};
use crate::scene::lab::{Lab, luminances};
use crate::units::Point;

/// Contour of the face, indices into the mesh of [`LANDMARKS`] points (MediaPipe's `FACEMESH_FACE_OVAL`).
pub const OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];
/// Openings of the eyes, left and right of the picture.
pub const EYES: [[usize; 16]; 2] = [
    [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246],
    [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466],
];
/// Brows, left and right of the picture.
pub const BROWS: [[usize; 10]; 2] =
    [[70, 63, 105, 66, 107, 55, 65, 52, 53, 46], [300, 293, 334, 296, 336, 285, 295, 282, 283, 276]];
pub(super) const LIPS: [usize; 20] =
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185];
pub(super) const NOSTRILS: [usize; 8] = [64, 98, 97, 2, 326, 327, 294, 19];

/// What a sample of the face shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Outside of the face.
    Outside,
    /// Plain skin.
    Skin,
    /// Brows and nostrils: skin around them, but not to be measured as skin.
    Feature,
    /// Lips, and the lids around the eye opening.
    Soft,
    /// The eye opening.
    Eye,
}

/// The parts of a face on a grid of every `step`-th pixel, so that a large photo costs what a small one does.
#[derive(Debug, Clone)]
pub struct SkinMap {
    /// Left-most pixel column of the grid.
    pub left: usize,
    /// Top-most pixel row of the grid.
    pub top: usize,
    /// Pixels between samples.
    pub step: usize,
    /// Samples in a row.
    pub width: usize,
    /// Rows of samples.
    pub height: usize,
    /// Row-major parts.
    pub parts: Vec<Part>,
    /// Colours of the samples, in the same order.
    pub colors: Vec<[u8; 3]>,
    /// Their luminance, for the measures of light.
    luminance: OnceCell<Vec<f32>>,
}

/// Mesh points on the cheeks, where skin is bare on most faces.
const CHEEKS: [usize; 6] = [50, 280, 205, 425, 117, 346];

/// Lightness of the skin: median CIELAB L* over squares of a tenth of the pupils' distance at six points of the cheeks.
/// It groups photos by skin tone in `evaluate`; no check uses it. `None` when the cheeks lie outside the photo.
pub fn lightness(rgb: &RgbImage, face: &Face) -> Option<f64> {
    let half = (face.inter_eye_distance() * 0.05).max(1.0);
    let mut values: Vec<f32> = Vec::new();
    for p in CHEEKS.iter().filter_map(|&i| face.mesh.get(i)) {
        let columns = (p.x - half).max(0.0) as u32..((p.x + half).max(0.0) as u32).min(rgb.width());
        for y in (p.y - half).max(0.0) as u32..((p.y + half).max(0.0) as u32).min(rgb.height()) {
            values.extend(columns.clone().map(|x| Lab::from_srgb(rgb.get_pixel(x, y).0).l));
        }
    }
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| f64::from(*values.select_nth_unstable_by(middle, f32::total_cmp).1))
}

impl SkinMap {
    /// The map of `face`, with about `across` samples over the face's width. `None` when too little of the face lies
    /// inside the photo, or the mesh is not whole.
    pub fn of(rgb: &RgbImage, face: &Face, across: f64) -> Option<Self> {
        if face.mesh.len() < LANDMARKS {
            return None;
        }
        let bounds = face.bounds();
        let edge = |v: f64, max: u32| if v.is_finite() { v.clamp(0.0, f64::from(max)) as usize } else { 0 };
        let (left, right) = (edge(bounds.x, rgb.width()), edge(bounds.right().ceil(), rgb.width()));
        let (top, bottom) = (edge(bounds.y, rgb.height()), edge(bounds.bottom().ceil(), rgb.height()));
        let step = ((bounds.width / across).round() as usize).max(1);
        let (width, height) = (right.saturating_sub(left) / step, bottom.saturating_sub(top) / step);
        if width == 0 || height == 0 {
            return None;
        }
        let mut map = Self {
            left,
            top,
            step,
            width,
            height,
            parts: vec![Part::Outside; width * height],
            colors: Vec::with_capacity(width * height),
            luminance: OnceCell::new(),
        };
        let pixels = rgb.as_raw().as_chunks::<3>().0;
        for row in 0..height {
            let from = map.y(row) * rgb.width() as usize + map.x(0);
            match step {
                1 => map.colors.extend_from_slice(&pixels[from..from + width]),
                _ => map.colors.extend(pixels[from..].chunks(step).take(width).map(|samples| samples[0])),
            }
        }
        // Slightly inside of the contour, where the mesh's error cannot let in background or hair.
        map.fill(&face.mesh, &OVAL, 0.94, Part::Skin);
        for brow in &BROWS {
            map.fill(&face.mesh, brow, 1.25, Part::Feature);
        }
        map.fill(&face.mesh, &NOSTRILS, 1.15, Part::Feature);
        map.fill(&face.mesh, &LIPS, 1.15, Part::Soft);
        for eye in &EYES {
            map.fill(&face.mesh, eye, 1.5, Part::Soft);
            map.fill(&face.mesh, eye, 1.0, Part::Eye);
        }
        let skin = map.parts.iter().filter(|&&part| part == Part::Skin).count();
        (skin >= 200).then_some(map)
    }

    /// Linear luminance of every sample, 0 to 1.
    pub fn luminance(&self) -> &[f32] {
        self.luminance.get_or_init(|| luminances(&self.colors))
    }

    /// Colours of the samples that show a part.
    pub fn colors_of(&self, part: Part) -> Vec<[u8; 3]> {
        self.parts.iter().zip(&self.colors).filter(|(p, _)| **p == part).map(|(_, &color)| color).collect()
    }

    /// Centre of a sample's pixel, in original pixels.
    pub fn point(&self, row: usize, column: usize) -> Point {
        Point::new(self.x(column) as f64 + 0.5, self.y(row) as f64 + 0.5)
    }

    /// Colours of plain skin among every fifth sample of the face: enough for medians.
    pub fn some_skin(&self) -> Vec<[u8; 3]> {
        let mut skin = Vec::with_capacity(self.parts.len() / 5);
        let mut inside = 0usize;
        for (row, colors) in self.parts.chunks_exact(self.width).zip(self.colors.chunks_exact(self.width)) {
            let first = row.iter().position(|&part| part != Part::Outside).unwrap_or(row.len());
            let end = row.iter().rposition(|&part| part != Part::Outside).map_or(first, |last| last + 1);
            // A row of the face has no gaps.
            let from = first + (5 - inside % 5) % 5;
            inside += end - first;
            let fifths = (from..end).step_by(5);
            skin.extend(fifths.filter(|&i| row[i] == Part::Skin).map(|i| colors[i]));
        }
        skin
    }

    /// Samples inside the face.
    pub fn area(&self) -> usize {
        self.parts.iter().filter(|&&part| part != Part::Outside).count()
    }

    /// Pixel column of a column of samples.
    pub fn x(&self, column: usize) -> usize {
        self.left + column * self.step + self.step / 2
    }

    /// Pixel row of a row of samples.
    pub fn y(&self, row: usize) -> usize {
        self.top + row * self.step + self.step / 2
    }

    /// Row of samples at or above a height in pixels.
    fn row(&self, y: f64) -> usize {
        ((y - self.top as f64) / self.step as f64).max(0.0) as usize
    }

    /// Fills the outline of mesh points, blown up by `grow` about its centre; only inside of the face once that is
    /// drawn. Rows are filled between their outermost crossings, which suits outlines convex along rows.
    fn fill(&mut self, mesh: &[Point], outline: &[usize], grow: f64, part: Part) {
        let n = outline.len() as f64;
        let (cx, cy) = outline.iter().fold((0.0, 0.0), |(x, y), &i| (x + mesh[i].x / n, y + mesh[i].y / n));
        let corner = |&i: &usize| Point::new(cx + (mesh[i].x - cx) * grow, cy + (mesh[i].y - cy) * grow);
        // The first once more behind the last, so that each two neighbours are an edge.
        let corners: Vec<Point> = outline.iter().chain(outline.first()).map(corner).collect();
        let reach = corners.iter().fold((f64::MAX, f64::MIN), |(a, b), p| (a.min(p.y), b.max(p.y)));
        let (first, last) = (self.row(reach.0), self.row(reach.1) + 1);
        for row in first..last.min(self.height) {
            let y = self.y(row) as f64 + 0.5;
            let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
            for edge in corners.windows(2) {
                let (a, b) = (edge[0], edge[1]);
                if (a.y <= y) != (b.y <= y) {
                    let x = a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y);
                    (from, to) = (from.min(x), to.max(x));
                }
            }
            if from > to {
                continue;
            }
            // The first sample whose centre is not left of `from`, and the first right of `to`.
            let column = |x: f64| {
                let c = (x - 0.5 - (self.left + self.step / 2) as f64) / self.step as f64;
                c.clamp(0.0, self.width as f64)
            };
            let (from, to) = (column(from).ceil() as usize, (column(to).floor() as usize + 1).min(self.width));
            for cell in self.parts[row * self.width..][..self.width].get_mut(from..to).unwrap_or_default() {
                if part == Part::Skin || *cell != Part::Outside {
                    *cell = part;
                }
            }
        }
    }
}
