//! What covers head and face, and whether the ears are free, by the parsed head.
//!
//! All regions are in the frame of [`HeadMap`]: distances of the pupils from their midpoint.

use crate::face::Face;
use crate::face::parser::{Class, HeadMap, Outline, around};
use crate::measure::skin::{BROWS, EYES, OVAL};
use crate::units::{Point, Rect};

/// Share of a region and where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cover {
    /// Share of the region, 0 to 1.
    pub share: f64,
    /// Box around what was found, in original pixels.
    pub region: Option<Rect>,
}

/// Half of the width and the height of the region above the forehead in which a hat sits.
const HAT: [f64; 2] = [0.7, 0.9];

/// The contour drawn in a little, where hair and background cannot be taken for what covers the face.
const INSIDE: f64 = 0.97;

/// Covering above and on the forehead: hats, scarves, hoods. `None` when that part lies outside of the photo.
pub fn head(map: &HeadMap, face: &Face) -> Option<Cover> {
    let top = map.to_face(face.mesh[10]);
    let brow = map.to_face(face.mesh[9]);
    let oval = oval(map, face);
    let above = |p: Point| (p.x - top.x).abs() < HAT[0] && p.y < top.y && p.y > top.y - HAT[1];
    let around = Rect::from_edges(top.x - HAT[0], top.y - HAT[1], top.x + HAT[0], top.y);
    let forehead = |p: Point| p.y < brow.y - 0.1 && oval.contains(p);
    // A hat pulled low covers the forehead as well; either is enough.
    let covered =
        [map.share(around, above, &[Class::Covering]), map.share(oval.bounds(), forehead, &[Class::Covering])];
    let share = covered.into_iter().flatten().fold(None, |most: Option<f64>, s| Some(most.map_or(s, |m| m.max(s))))?;
    Some(Cover { share, region: map.bounds(|p| above(p) || forehead(p), &[Class::Covering]) })
}

/// Covering of the face below the nose, or of the face as a whole, whichever is more: masks, hands, scarves.
pub fn face(map: &HeadMap, face: &Face) -> Option<Cover> {
    let nose = map.to_face(face.mesh[2]);
    let oval = oval(map, face);
    let lower = |p: Point| p.y > nose.y + 0.05 && oval.contains(p);
    let middle = |p: Point| p.y > 0.15 && p.y <= nose.y + 0.05 && oval.contains(p);
    let around = oval.bounds();
    let share = map.share(around, lower, &[Class::Covering])?.max(map.share(around, middle, &[Class::Covering])?);
    Some(Cover { share, region: map.bounds(|p| lower(p) || middle(p), &[Class::Covering]) })
}

/// Hair over the eyes and over the brows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HairCover {
    /// Share of the eye openings, 0 to 1.
    pub eyes: f64,
    /// Share of the brows, 0 to 1.
    pub brows: f64,
    /// Box around the hair that was found there, in original pixels.
    pub region: Option<Rect>,
}

/// Hair over eyes and brows. The brows are hair themselves: only what the net takes for the hair of the head counts.
pub fn hair(map: &HeadMap, face: &Face) -> Option<HairCover> {
    let eyes = EYES.map(|eye| Outline::of_mesh(map, &face.mesh, &eye, 1.3));
    let brows = BROWS.map(|brow| Outline::of_mesh(map, &face.mesh, &brow, 1.0));
    let on_eyes = |p: Point| eyes.iter().any(|eye| eye.contains(p));
    let on_brows = |p: Point| brows.iter().any(|brow| brow.contains(p));
    Some(HairCover {
        eyes: map.share(around(&eyes), on_eyes, &[Class::Hair])?,
        brows: map.share(around(&brows), on_brows, &[Class::Hair])?,
        region: map.bounds(|p| on_eyes(p) || on_brows(p), &[Class::Hair]),
    })
}

/// Width of the strip beside the face in which an ear shows, and the gap that keeps the cheek out of it.
const EAR: [f64; 2] = [0.25, 0.03];

/// Share of the place of each ear, left and right in the picture, that shows skin. `None` for one that lies outside of
/// the photo.
pub fn ears(map: &HeadMap, face: &Face) -> [Option<f64>; 2] {
    let nose = map.to_face(face.mesh[2]).y;
    [(234, -1.0), (454, 1.0)].map(|(edge, side)| {
        let edge = map.to_face(face.mesh[edge]);
        let strip = |p: Point| {
            let out = (p.x - edge.x) * side;
            out > EAR[1] && out < EAR[0] && p.y > -0.1 && p.y < nose + 0.1
        };
        let (near, far) = (edge.x + side * EAR[1], edge.x + side * EAR[0]);
        let around = Rect::from_edges(near.min(far), -0.1, near.max(far), nose + 0.1);
        map.share(around, strip, &[Class::Skin, Class::Face])
    })
}

fn oval(map: &HeadMap, face: &Face) -> Outline {
    Outline::of_mesh(map, &face.mesh, &OVAL, INSIDE)
}
