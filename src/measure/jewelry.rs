//! Jewellery: small bright or strongly coloured spots on the neck and at the lobes of the ears.

use image::RgbImage;

use super::components::components;
use super::plane::quantile;
use crate::face::Face;
use crate::face::parser::{Class, HeadMap};
use crate::scene::lab::{self, Lab};
use crate::units::{Point, Rect};

/// Samples along the distance of the pupils: a chain is about a hundredth of it.
const FINE: f64 = 96.0;

/// The neck, below the chin: half of its width and how far down, in distances of the pupils.
const NECK: [f64; 2] = [0.8, 0.9];

/// A lobe, outside of the face's contour at the height of the nose's base: width, up and down.
const LOBE: [f64; 3] = [0.3, 0.1, 0.35];

/// How much lighter than the skin around it metal shines, in L*, and the chroma it has at most there.
const SHINE: f32 = 22.0;
const METAL: f32 = 25.0;

/// How far in a* and b* beads and stones lie from the skin.
const COLOR: f32 = 38.0;

/// Samples the largest spot may have: more is a collar or a lamp, not jewellery.
const LARGEST: usize = 700;
/// Samples the smallest spot has.
const SMALLEST: usize = 6;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jewelry {
    /// Area of all spots in percent of the square of the pupils' distance.
    pub area: f64,
    /// Box around the largest spot, in original pixels.
    pub region: Option<Rect>,
}

/// Looks at the skin of neck and lobes. `None` when neither shows.
pub fn jewelry(rgb: &RgbImage, map: &HeadMap, face: &Face) -> Option<Jewelry> {
    let chin = map.to_face(face.chin);
    let nose = map.to_face(face.mesh[2]).y;
    let lobes = [(234usize, -1.0), (454, 1.0)].map(|(edge, side)| {
        let edge = map.to_face(face.mesh[edge]).x;
        let (a, b) = (edge, edge + side * LOBE[0]);
        Rect::from_edges(a.min(b), nose - LOBE[1], a.max(b), nose + LOBE[2])
    });
    let neck = Rect::from_edges(chin.x - NECK[0], chin.y + 0.08, chin.x + NECK[0], chin.y + NECK[1]);
    let mut found = Jewelry { area: 0.0, region: None };
    let mut seen = false;
    for region in [neck, lobes[0], lobes[1]] {
        let Some(spots) = spots(rgb, map, region) else { continue };
        seen = true;
        found.area += spots.area;
        found.region = found.region.or(spots.region);
    }
    seen.then_some(found)
}

fn spots(rgb: &RgbImage, map: &HeadMap, region: Rect) -> Option<Jewelry> {
    // Cells of skin with skin above and below: at the edge of a collar or of hair anything may shine.
    let cell = map.cell_size();
    let is_skin = |p: Point, dy: f64| map.class_at(Point::new(p.x, p.y + dy)) == Some(Class::Skin);
    let inside: Vec<Point> = map
        .cells()
        .filter(|cell| cell.class == Class::Skin)
        .map(|cell| cell.at)
        .filter(|p| p.x >= region.x && p.x <= region.right() && p.y >= region.y && p.y <= region.bottom())
        .filter(|&p| is_skin(p, -cell) && is_skin(p, cell))
        .collect();
    if inside.len() < 12 {
        return None;
    }
    let (width, height) = ((region.width * FINE) as usize, (region.height * FINE) as usize);
    // Samples by their place in the region, and their pixels. Cells may share samples.
    let mut taken = vec![false; width * height];
    let (mut places, mut pixels) = (Vec::new(), Vec::new());
    // One sample to the right and one down, in the photo.
    let [origin, right, down] = [(0.0, 0.0), (1.0 / FINE, 0.0), (0.0, 1.0 / FINE)]
        .map(|(x, y)| map.to_picture(Point::new(region.x + x, region.y + y)));
    let step = |p: Point| Point::new(p.x - origin.x, p.y - origin.y);
    let (right, down) = (step(right), step(down));
    for p in &inside {
        let column = |x: f64| (((x - region.x) * FINE).max(0.0) as usize).min(width);
        let row = |y: f64| (((y - region.y) * FINE).max(0.0) as usize).min(height);
        for v in row(p.y - cell / 2.0)..row(p.y + cell / 2.0) {
            for u in column(p.x - cell / 2.0)..column(p.x + cell / 2.0) {
                let index = v * width + u;
                let (u, v) = (u as f64 + 0.5, v as f64 + 0.5);
                let at = Point::new(origin.x + u * right.x + v * down.x, origin.y + u * right.y + v * down.y);
                let inside =
                    at.x >= 0.0 && at.y >= 0.0 && at.x < f64::from(rgb.width()) && at.y < f64::from(rgb.height());
                if inside && !std::mem::replace(&mut taken[index], true) {
                    places.push(index);
                    pixels.push(rgb.get_pixel(at.x as u32, at.y as u32).0);
                }
            }
        }
    }
    let colors = lab::of_pixels(&pixels);
    let median = |channel: fn(Lab) -> f32| {
        let mut values: Vec<f32> = colors.iter().map(|&lab| channel(lab)).collect();
        quantile(&mut values, 0.5)
    };
    let usual = Lab { l: median(|c| c.l), a: median(|c| c.a), b: median(|c| c.b) };
    let mut mask = vec![false; width * height];
    for (place, color) in places.into_iter().zip(colors) {
        mask[place] = jewel(color, usual);
    }
    let spots = components(&mut mask, width);
    let spots: Vec<_> = spots.into_iter().filter(|spot| (SMALLEST..=LARGEST).contains(&spot.area)).collect();
    let area: usize = spots.iter().map(|spot| spot.area).sum();
    let largest = spots.iter().max_by_key(|spot| spot.area);
    let region = largest.map(|spot| {
        let corner =
            |x: usize, y: usize| map.to_picture(Point::new(region.x + x as f64 / FINE, region.y + y as f64 / FINE));
        let (a, b) = (corner(spot.left, spot.top), corner(spot.right + 1, spot.bottom + 1));
        Rect::from_edges(a.x.min(b.x), a.y.min(b.y), a.x.max(b.x), a.y.max(b.y))
    });
    Some(Jewelry { area: 100.0 * area as f64 / (FINE * FINE), region })
}

fn jewel(color: Lab, skin: Lab) -> bool {
    let shines = color.l - skin.l > SHINE && color.chroma() < METAL;
    let colored = (color.a - skin.a).powi(2) + (color.b - skin.b).powi(2) > COLOR * COLOR;
    shines || colored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metal_and_beads_are_not_skin() {
        let skin = Lab { l: 60.0, a: 15.0, b: 18.0 };
        assert!(!jewel(Lab { l: 70.0, a: 14.0, b: 20.0 }, skin), "a sheen of skin");
        assert!(!jewel(Lab { l: 30.0, a: 12.0, b: 14.0 }, skin), "shade");
        assert!(jewel(Lab { l: 92.0, a: 1.0, b: 4.0 }, skin), "silver");
        assert!(jewel(Lab { l: 45.0, a: 5.0, b: -30.0 }, skin), "a blue bead");
    }
}
