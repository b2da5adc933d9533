//! Where the head ends: the top of the hair, and the hairline on the forehead.

use image::GrayImage;

use super::Work;
use super::lab::{self, BLOCK, Lab};
use super::regions::Regions;
use crate::face::Face;
use crate::facts::Missing;

/// Solid head needed in a row, as a share of the face's width: single wisps of hair do not make the top. The hand-made
/// truth counts 30 pixels where faces are about 420 wide.
const SOLID: f64 = 0.07;

/// How far to each side of the face's middle the head is looked for, in face widths.
const REACH: f64 = 0.75;

/// Cover at which a pixel counts as head. Below one half, because the outermost hair is thin: at 0.28 the mean error over
/// the delineated portraits is half a pixel downwards, over the labelled cases a quarter of a pixel upwards.
const SOLID_COVER: f32 = 0.28;

/// Top of hair or head: original pixels from the top edge, sub-pixel.
///
/// The person mask says roughly where the head begins; there, each pixel's cover is read from its colour, between the
/// background above and the hair below. The first row with enough cover is refined by the row above it. What shines
/// through (a cover below half) is not solid.
///
/// # Errors
/// [`Missing::Hidden`] when nothing solid is found above the eyes: the mask has lost the head.
pub(super) fn top(work: &Work, person: &GrayImage, face: &Face) -> Result<f64, Missing> {
    let eyes = face.eye_midpoint();
    let center = eyes.x / work.scale;
    let width = face.width() / work.scale;
    let needed = (SOLID * width).max(2.0);
    let left = (center - REACH * width).max(0.0) as u32;
    let right = ((center + REACH * width).max(0.0) as u32).min(person.width());
    let eye_row = ((eyes.y / work.scale).max(0.0) as u32).min(person.height());
    // Several starts, because the mask may have a hole in bright skin.
    let starts = [10, 151, 9, 6, 4, 50, 280].map(|i| (face.mesh[i].x / work.scale, face.mesh[i].y / work.scale));
    let head = &connected(person, &starts);
    let solid = |y: u32| {
        let blocks = &head.blocks[(y as usize / BLOCK).min(head.height - 1) * head.width..][..head.width];
        let row = &person.as_raw()[y as usize * person.width() as usize..][..right as usize];
        // Block by block: the head takes part of them only.
        let of_block = |(i, row): (usize, &[u8])| {
            let first = (left as usize).saturating_sub(i * BLOCK).min(row.len());
            if blocks[i] { row[first..].iter().filter(|&&person| person >= 128).count() } else { 0 }
        };
        row.chunks(BLOCK).enumerate().skip(left as usize / BLOCK).map(of_block).sum::<usize>() as f64
    };
    // A thing above the head (a lamp, a stamp) ends again before the hair begins: the head carries on to the eyes.
    let rough = (0..eye_row)
        .find(|&y| solid(y) >= needed && (y..eye_row).step_by(4).all(|y| solid(y) >= needed * 0.5))
        .ok_or(Missing::Hidden)?;
    if rough == 0 {
        return Ok(0.0);
    }
    // The columns of the head near its top, and a little beside them for loose hair.
    let below = rough as usize / BLOCK..((rough as usize + (0.12 * width) as usize) / BLOCK + 1).min(head.height);
    let columns = below.flat_map(|y| (0..head.width).filter(move |&x| head.blocks[y * head.width + x]));
    let (first, last) = columns.fold((usize::MAX, 0), |(a, b), x| (a.min(x), b.max(x)));
    let reach = (0.05 * width) as u32;
    let left = left.max(((first.min(head.width) * BLOCK) as u32).saturating_sub(reach));
    let right = right.min(((last + 1) * BLOCK) as u32 + reach);
    let cover = Cover::at(work, person, left..right, rough, width);
    let covered = |y: u32| cover.of(&work.row(left..right, y));
    let start = rough.saturating_sub((0.03 * width) as u32);
    let mut before = 0.0;
    for y in start..eye_row {
        let here = covered(y);
        if here >= needed {
            let fraction = ((here - needed) / (here - before).max(1e-6)).clamp(0.0, 1.0);
            return Ok((f64::from(y) + 1.0 - fraction) * work.scale);
        }
        before = here;
    }
    Ok(f64::from(rough) * work.scale)
}

/// The blocks of a person mask that hang together with the face.
struct Connected {
    width: usize,
    height: usize,
    blocks: Vec<bool>,
}

/// What hangs together with points of the face, in working pixels: a thing beside the head is not the head.
fn connected(person: &GrayImage, face: &[(f64, f64)]) -> Connected {
    let (w, h) = (person.width() as usize, person.height() as usize);
    let (width, height) = (w.div_ceil(BLOCK), h.div_ceil(BLOCK));
    let middle = |i: usize, n: usize| (i * BLOCK + BLOCK / 2).min(n - 1);
    let mut solid = Vec::with_capacity(width * height);
    for y in 0..height {
        let row = &person.as_raw()[middle(y, h) * w..][..w];
        solid.extend((0..width).map(|x| row[middle(x, w)] >= 128));
    }
    let cell = |v: f64, n: usize| (v.max(0.0) as usize / BLOCK).min(n - 1);
    let starts = face.iter().map(|&(x, y)| cell(y, height) * width + cell(x, width));
    Connected { width, height, blocks: Regions::of(&solid, width).around(starts) }
}

/// Background and hair colour at the top of the head.
struct Cover {
    background: Lab,
    hair: Lab,
}

impl Cover {
    fn at(work: &Work, person: &GrayImage, columns: std::ops::Range<u32>, rough: u32, width: f64) -> Self {
        let is_person = |x: u32, y: u32| person.get_pixel(x, y).0[0] >= 128;
        let (near, far) = ((0.04 * width) as u32, (0.10 * width) as u32);
        let above = rough.saturating_sub(far.max(4))..rough.saturating_sub(2).max(1);
        let below = rough + near.max(3)..(rough + far.max(6)).min(person.height());
        let pick = |rows: std::ops::Range<u32>, wanted: bool| {
            let columns = columns.clone();
            let picked: Vec<[u8; 3]> = rows
                .step_by(2)
                .flat_map(|y| columns.clone().step_by(2).map(move |x| (x, y)))
                .filter(|&(x, y)| is_person(x, y) == wanted)
                .map(|(x, y)| work.rgb.get_pixel(x, y).0)
                .collect();
            (!picked.is_empty()).then(|| median(lab::of_pixels(&picked).into_iter()))
        };
        let background = pick(above, false).unwrap_or_else(|| work.lab(columns.start, 0));
        let hair = pick(below, true).unwrap_or_default();
        Self { background, hair }
    }

    /// How many of these pixels are covered, by a soft step around [`SOLID_COVER`], so that a row's count moves smoothly.
    fn of(&self, colors: &[Lab]) -> f64 {
        let way = weighed(self.hair, self.background);
        let full = dot(way, way).max(1.0);
        // Along the way from background to hair: what JPEG adds around an edge goes either way on it, and mostly beside it.
        let of_color = |&color: &Lab| {
            let cover = dot(weighed(color, self.background), way) / full;
            f64::from(((cover - SOLID_COVER) * 4.0 + 0.5).clamp(0.0, 1.0))
        };
        colors.iter().map(of_color).sum()
    }
}

/// Difference `a - b` in which lightness counts twice: JPEG keeps it at full resolution, while the hair's hue bleeds over
/// whole blocks above the head.
fn weighed(a: Lab, b: Lab) -> [f32; 3] {
    [a.l - b.l, 0.5 * (a.a - b.a), 0.5 * (a.b - b.b)]
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Difference from the forehead's skin at which a pixel is hair, in Lab units.
const HAIR: f32 = 14.0;

/// Forehead hairline: original pixels from the top edge.
///
/// Walks up from the forehead on the columns around its middle until the colour leaves the skin's for good; the median
/// over the columns is the answer.
///
/// # Errors
/// [`Missing::Hidden`] under a fringe, on a bald head, or when the columns disagree.
pub(super) fn hairline(work: &Work, _person: &GrayImage, face: &Face) -> Result<f64, Missing> {
    // Mesh points 151 (middle of the forehead) and 9 (between the brows).
    let (forehead, glabella) = (face.mesh[151], face.mesh[9]);
    let ied = face.inter_eye_distance() / work.scale;
    let (cx, from) = (forehead.x / work.scale, glabella.y / work.scale);
    let (w, h) = (f64::from(work.rgb.width()), f64::from(work.rgb.height()));
    if cx < ied || cx + ied >= w || from < 1.0 || from >= h {
        return Err(Missing::OutOfView);
    }
    let skin = median((0..40).map(|i| {
        let x = cx + (f64::from(i % 8) - 3.5) / 8.0 * 0.5 * ied;
        let y = from - (f64::from(i / 8)) / 5.0 * 0.25 * ied;
        work.lab(x as u32, (y.max(0.0) as u32).min(work.rgb.height() - 1))
    }));
    // The forehead itself must look like the cheeks, or it is a fringe.
    let cheek = |i: usize| face.mesh[i];
    let cheeks = median([50usize, 280, 205, 425].into_iter().map(|i| {
        let p = cheek(i);
        let at = |v: f64, n: u32| ((v / work.scale).max(0.0) as u32).min(n - 1);
        work.lab(at(p.x, work.rgb.width()), at(p.y, work.rgb.height()))
    }));
    if skin.distance(cheeks) > 30.0 {
        return Err(Missing::Hidden);
    }
    let limit = (from - 1.6 * ied).max(0.0) as usize;
    let mut ends: Vec<f64> = (-4i32..=4)
        .filter_map(|k| {
            let x = (cx + f64::from(k) * ied * 0.05) as u32;
            let colors: Vec<[u8; 3]> = (limit..from as usize).map(|y| work.rgb.get_pixel(x, y as u32).0).collect();
            let is_hair: Vec<bool> =
                lab::of_pixels(&colors).into_iter().map(|color| color.distance(skin) > HAIR).collect();
            let run = (ied * 0.06).ceil() as usize;
            let all_hair = |y: usize| is_hair[y - run - limit..=y - limit].iter().all(|&hair| hair);
            (limit + run..from as usize).rev().find(|&y| all_hair(y)).map(|y| y as f64 + 1.0)
        })
        .collect();
    if ends.len() < 6 {
        return Err(Missing::Hidden);
    }
    ends.sort_by(f64::total_cmp);
    let spread = ends[ends.len() * 3 / 4] - ends[ends.len() / 4];
    if spread > 0.25 * ied || from - ends[ends.len() / 2] < 0.3 * ied {
        return Err(Missing::Hidden);
    }
    Ok(ends[ends.len() / 2] * work.scale)
}

fn median(colors: impl Iterator<Item = Lab>) -> Lab {
    let colors: Vec<Lab> = colors.collect();
    let of = |channel: fn(&Lab) -> f32| {
        let mut values: Vec<f32> = colors.iter().map(channel).collect();
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    };
    Lab { l: of(|c| c.l), a: of(|c| c.a), b: of(|c| c.b) }
}
