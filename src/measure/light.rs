//! How a face is lit: exposure, evenness, highlights and colour cast, all over its own skin.
//!
//! Brightness of skin is never judged by itself, because skin differs: exposure looks at lost detail (clipping) and at
//! the brightest parts of face and eyes, evenness at the *ratio* of light on the two sides, which is the same for every
//! skin, and the cast at what skin and eye-whites have in common.

use fearless_simd::{Level, dispatch};

use super::components::{components, next_set};
use super::plane::{byte_quantile, quantile};
use super::skin::{Part, SkinMap};
use crate::face::Face;
use crate::scene::lab::{linear, luminance};
use crate::units::{Point, Rect};

/// What exposure is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Exposure {
    /// Linear luminance, 0 to 1, that 98 % of face and eyes stay below: the face's own highlights.
    pub highlight: f64,
    /// Share of skin, 0 to 1, whose luminance is lost in black (Y at most 4 of 255).
    pub crushed: f64,
    /// Share of skin, 0 to 1, burnt out to white (green at least 247 of 255).
    pub burnt: f64,
    /// Share of skin, 0 to 1, whose red is clipped (at least 250 of 255): the first sign on skin.
    pub clipped: f64,
    /// Share of the eye openings, 0 to 1, burnt out to white. A catchlight is far under 1 %.
    pub burnt_eyes: f64,
}

/// Measures exposure.
pub fn exposure(map: &SkinMap) -> Exposure {
    let (mut skin, mut eyes, mut crushed, mut burnt, mut clipped, mut burnt_eyes) =
        (0u32, 0u32, 0u32, 0u32, 0u32, 0u32);
    let mut levels = Vec::with_capacity(map.parts.len());
    for ((&part, &y), color) in map.parts.iter().zip(map.luminance()).zip(&map.colors) {
        if part == Part::Outside {
            continue;
        }
        levels.push(y);
        let (is_skin, is_eye) = (u32::from(part == Part::Skin), u32::from(part == Part::Eye));
        let is_burnt = u32::from(color[1] >= 247);
        skin += is_skin;
        crushed += is_skin & u32::from(y <= 4.0 / 255.0);
        burnt += is_skin & is_burnt;
        clipped += is_skin & u32::from(color[0] >= 250);
        eyes += is_eye;
        burnt_eyes += is_eye & is_burnt;
    }
    let share = |n: u32, of: u32| f64::from(n) / f64::from(of.max(1));
    Exposure {
        highlight: f64::from(quantile(&mut levels, 0.98)),
        crushed: share(crushed, skin),
        burnt: share(burnt, skin),
        clipped: share(clipped, skin),
        burnt_eyes: share(burnt_eyes, eyes),
    }
}

/// Light on the two sides of the face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evenness {
    /// Light on the brighter side over light on the darker, 1 or more, in linear luminance.
    pub ratio: f64,
    /// Whether the side left in the picture is the darker.
    pub dark_left: bool,
    /// Box around the darker side's skin, in original pixels.
    pub dark_side: Rect,
}

/// Measures evenness by the skin's median either side of the nose, and by the two cheeks alone.
///
/// The zones of ISO/IEC 39794-5 (forehead, chin, two cheeks) are not compared top to bottom: beards and the natural
/// sheen of a dark forehead make that ratio 3 in perfectly even light, which would reject people for their skin.
pub fn evenness(map: &SkinMap, face: &Face) -> Option<Evenness> {
    let ied = face.inter_eye_distance();
    if !(ied > 1.0) {
        return None;
    }
    let across = Point::new((face.pupils[1].x - face.pupils[0].x) / ied, (face.pupils[1].y - face.pupils[0].y) / ied);
    let bridge = [168, 6, 197, 195, 5, 4].map(|i| face.mesh[i]);
    let middle = bridge.iter().fold(Point::default(), |m, p| Point::new(m.x + p.x / 6.0, m.y + p.y / 6.0));
    let cheeks = [face.mesh[50].midpoint(face.mesh[205]), face.mesh[280].midpoint(face.mesh[425])];
    let mut sides = [Vec::new(), Vec::new()];
    let mut zones = [(0.0f64, 0u32); 2];
    let mut boxes = [(f64::MAX, f64::MAX, f64::MIN, f64::MIN); 2];
    let samples = map.parts.chunks_exact(map.width).zip(map.luminance().chunks_exact(map.width));
    let samples = samples.enumerate().flat_map(|(row, (parts, luminance))| {
        let skin = parts.iter().zip(luminance).enumerate().filter(|(_, (part, _))| **part == Part::Skin);
        skin.map(move |(column, (_, &y))| (map.point(row, column), y))
    });
    samples.for_each(|(at, y)| {
        let u = ((at.x - middle.x) * across.x + (at.y - middle.y) * across.y) / ied;
        let side = usize::from(u > 0.0);
        if u.abs() > 0.25 {
            sides[side].push(y);
            let b = &mut boxes[side];
            *b = (b.0.min(at.x), b.1.min(at.y), b.2.max(at.x), b.3.max(at.y));
        }
        if (at.x - cheeks[side].x).abs() < 0.15 * ied && (at.y - cheeks[side].y).abs() < 0.15 * ied {
            zones[side].0 += f64::from(y);
            zones[side].1 += 1;
        }
    });
    if sides.iter().any(|side| side.len() < 50) {
        return None;
    }
    // A floor of one 8-bit step keeps black on black from being a ratio.
    let floor = |y: f64| y + 0.004;
    let [left, right] = sides.each_mut().map(|side| floor(f64::from(quantile(side, 0.5))));
    let mut stops = (left / right).log2();
    if zones.iter().all(|zone| zone.1 >= 9) {
        let [l, r] = zones.map(|(sum, n)| floor(sum / f64::from(n)));
        let cheeks = (l / r).log2();
        stops = if cheeks.abs() > stops.abs() { cheeks } else { stops };
    }
    let dark_left = stops < 0.0;
    let b = boxes[usize::from(!dark_left)];
    Some(Evenness { ratio: stops.abs().exp2(), dark_left, dark_side: Rect::from_edges(b.0, b.1, b.2, b.3) })
}

/// Burnt-out spots on the skin.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hotspots {
    /// Share of the face, 0 to 1, of the largest spot.
    pub largest: f64,
    /// Share of the face, 0 to 1, of all spots.
    pub total: f64,
    /// Box around the largest, in original pixels.
    pub region: Option<Rect>,
}

/// Finds spots that are bright (V > 0.9) and nearly without colour, by themselves (S < 0.2) and against the face's own
/// skin (S under half its median): fair skin in bright light is bright too, but has its colour.
pub fn hotspots(map: &SkinMap) -> Hotspots {
    let saturation = |[r, g, b]: [u8; 3]| {
        let (max, min) = (r.max(g).max(b), r.min(g).min(b));
        f32::from(max - min) / f32::from(max.max(1))
    };
    let mut of_skin: Vec<f32> = map.some_skin().into_iter().map(saturation).collect();
    let median = quantile(&mut of_skin, 0.5);
    // A photo without colour: only what is white can be told from bright skin.
    let hot = |color: [u8; 3]| {
        let [r, g, b] = color;
        if median < 0.04 { r.min(g).min(b) >= 247 } else { saturation(color) < 0.2f32.min(median / 2.0) }
    };
    let mut mask = vec![false; map.parts.len()];
    dispatch!(Level::new(), _simd => bright_skin(map, &mut mask));
    // Most skin is not bright.
    let mut from = 0;
    while let Some(place) = next_set(&mask, from) {
        mask[place] = hot(map.colors[place]);
        from = place + 1;
    }
    let (mut largest, mut total, mut region) = (0, 0, None);
    for spot in components(&mut mask, map.width) {
        // Single glints of pores and glasses' rims are not spots.
        if spot.area < 6 {
            continue;
        }
        total += spot.area;
        if spot.area > largest {
            largest = spot.area;
            let (x, y) = (|c: usize| (map.left + c * map.step) as f64, |r: usize| (map.top + r * map.step) as f64);
            region = Some(Rect::from_edges(x(spot.left), y(spot.top), x(spot.right + 1), y(spot.bottom + 1)));
        }
    }
    let area = map.area().max(1) as f64;
    Hotspots { largest: largest as f64 / area, total: total as f64 / area, region }
}

/// Where skin, brows and nostrils are bright.
#[inline(always)]
fn bright_skin(map: &SkinMap, mask: &mut [bool]) {
    for ((bright, part), [r, g, b]) in mask.iter_mut().zip(&map.parts).zip(&map.colors) {
        let is_skin = (*part == Part::Skin) | (*part == Part::Feature);
        *bright = is_skin & (*r.max(g).max(b) >= 230);
    }
}

/// Log-chromaticity of a colour: log2 of red over green and of blue over green, in linear light. A cast shifts it by
/// the same amount for every surface (von Kries), however dark the surface is.
type Chromaticity = [f64; 2];

/// Chromaticity of skin and of eye-whites in neutral light: means over people of all skin tones. Skin varies about
/// them by 0.25 (standard studio light), eye-whites by 0.2.
const NEUTRAL_SKIN: Chromaticity = [0.71, -0.36];
const NEUTRAL_EYE: Chromaticity = [0.30, -0.03];
/// How far skin strays from its mean without a cast; used when there are no eye-whites to agree with it.
const SKIN_SPREAD: f64 = 0.35;

/// Strength of the colour cast: the strongest channel's gain over the weakest's, 1 for none.
///
/// A cast is what skin *and* eye-whites have in common: in each of red and blue against green, the smaller of the two
/// deviations when they have the same sign, else none. So neither tanned skin nor reddened eyes are a cast.
pub fn cast(map: &SkinMap) -> f64 {
    let (skin, mut eyes) = (map.colors_of(Part::Skin), map.colors_of(Part::Eye));
    let of_skin = deviation(&skin, NEUTRAL_SKIN);
    let mut levels: Vec<f32> = eyes.iter().map(|&color| luminance(color)).collect();
    let (low, high) = (quantile(&mut levels, 0.75), quantile(&mut levels, 0.97));
    // The bright quarter is eye-white, the very brightest the catchlight, which has the lamp's colour.
    eyes.retain(|&color| (low..high).contains(&luminance(color)));
    let shared = if eyes.len() >= 8 && low > 0.02 {
        let of_eyes = deviation(&eyes, NEUTRAL_EYE);
        [0, 1].map(|i| {
            if of_skin[i] * of_eyes[i] > 0.0 {
                of_skin[i].signum() * of_skin[i].abs().min(of_eyes[i].abs())
            } else {
                0.0
            }
        })
    } else {
        of_skin.map(|d| d.signum() * (d.abs() - SKIN_SPREAD).max(0.0))
    };
    let (max, min) = (shared[0].max(shared[1]).max(0.0), shared[0].min(shared[1]).min(0.0));
    (max - min).exp2()
}

fn deviation(colors: &[[u8; 3]], neutral: Chromaticity) -> Chromaticity {
    // Of bytes: linear light grows with them.
    let median = |c: usize| byte_quantile(colors.iter().map(|color| color[c]), 0.5);
    let [r, g, b] = [0, 1, 2].map(|c| f64::from(linear(median(c))) + 0.002);
    [(r / g).log2() - neutral[0], (b / g).log2() - neutral[1]]
}
