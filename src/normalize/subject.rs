//! What a plan has to know of a photo: where the head is, and where the picture ends.

use std::borrow::Cow;

use image::GrayImage;

use crate::face::net::{NetError, Nets};
use crate::face::{Face, Faces};
use crate::facts::Missing;
use crate::photo::Photo;
use crate::photo::crop::{Crop, Outside};
use crate::scene::{Scene, WORK_SIDE};
use crate::units::{Point, Rect};

/// Measurements of one photo, in pixels of the *levelled picture*: the picture itself, or the picture turned about its
/// middle until the eyes are level.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    /// The scene of the levelled picture, and its main face in the pixels of that scene's picture.
    pub scene: Cow<'a, Scene>,
    face: Cow<'a, Face>,
    /// Pixels of the levelled picture per pixel of the scene's working copy.
    pub work_scale: f64,
    /// Clockwise turn of the levelled picture's rows in the picture, in radians.
    pub turn: f64,
    /// The middle of the levelled picture, in its pixels.
    pub from: Point,
    /// The middle of the picture, in its pixels.
    pub to: Point,
    /// The part of the picture inside of borders that were added to it, in the picture's pixels.
    pub inner: Rect,
    /// Top of the hair.
    pub head_top: Result<f64, Missing>,
    /// Forehead hairline.
    pub hairline: Result<f64, Missing>,
    /// Pupils, left and right of the picture.
    pub eyes: [Point; 2],
    /// Cheek to cheek.
    pub face_width: f64,
    /// Middle between the cheeks.
    pub center_x: f64,
    /// Row from which on the person touches the left and the right edge.
    pub reaches: [Option<f64>; 2],
    /// Whether the head touches the upper edge.
    pub reaches_top: bool,
    /// Lowest point of the chin.
    pub chin_y: f64,
    /// Whether the background is one smooth colour, so that it can be carried on.
    pub plain: bool,
}

/// L* of a background below which hair may look like it.
const DARK: f32 = 45.0;

/// Head top, in pixels of the working copy, from which on the head may go on beyond the edge.
const CUT: f64 = 1.5;

/// Rows of person at an edge before it counts as touched, as a share of the picture's side: less is a wisp.
const TOUCH: f64 = 0.01;

impl<'a> Subject<'a> {
    /// From what was found on the picture itself.
    pub(super) fn of(photo: &Photo, face: &'a Face, scene: &'a Scene) -> Self {
        let middle = Point::new(f64::from(photo.width()) / 2.0, f64::from(photo.height()) / 2.0);
        Self::measured(Cow::Borrowed(face), Cow::Borrowed(scene), 1.0, 0.0, middle, middle, inner(photo, scene))
    }

    /// From a small copy of the picture, turned about its middle so that the eyes of `face` are level.
    ///
    /// # Errors
    /// When a net cannot be run. `None` when no face is found on the turned copy.
    pub(super) fn levelled(photo: &Photo, face: &Face, scene: &Scene, nets: &Nets) -> Result<Option<Self>, NetError> {
        let (w, h) = (f64::from(photo.width()), f64::from(photo.height()));
        let scale = (w.max(h) / f64::from(WORK_SIDE)).max(1.0);
        let (width, height) = ((w / scale).round().max(1.0), (h / scale).round().max(1.0));
        let middle = Point::new(w / 2.0, h / 2.0);
        let turn = face.pose.roll.to_radians();
        let crop = Crop { center: middle, anchor: Point::new(width / 2.0, height / 2.0), scale, angle: turn };
        let samples = crop.sampled(&photo.rgb, width as usize, height as usize, Outside::Repeated);
        let bytes = samples.iter().flatten().map(|v| v.round().clamp(0.0, 255.0) as u8).collect();
        let Some(rgb) = image::RgbImage::from_raw(width as u32, height as u32, bytes) else { return Ok(None) };
        let small = Photo { rgb: rgb.into(), complete: 1.0 };
        let faces = Faces::find(&small, nets)?;
        let Some(face) = faces.main else { return Ok(None) };
        let level = Scene::of(&small, Some(&face), nets)?;
        let from = Point::new(width * scale / 2.0, height * scale / 2.0);
        let inner = inner(photo, scene);
        Ok(Some(Self::measured(Cow::Owned(face), Cow::Owned(level), scale, turn, from, middle, inner)))
    }

    /// `scale`: pixels of the levelled picture per pixel of what was measured.
    fn measured(
        face: Cow<'a, Face>,
        scene: Cow<'a, Scene>,
        scale: f64,
        turn: f64,
        from: Point,
        to: Point,
        inner: Rect,
    ) -> Self {
        let touched = |edge: Edge| touch(&scene.person, edge).map(|at| at * scene.work.scale * scale);
        Self {
            turn,
            from,
            to,
            inner,
            head_top: scene.head_top.map(|y| y * scale),
            hairline: scene.hairline.map(|y| y * scale),
            eyes: face.pupils.map(|p| Point::new(p.x * scale, p.y * scale)),
            face_width: face.width() * scale,
            center_x: face.cheeks[0].midpoint(face.cheeks[1]).x * scale,
            reaches: [touched(Edge::Left), touched(Edge::Right)],
            reaches_top: scene.head_top.is_ok_and(|y| y < CUT * scene.work.scale),
            chin_y: face.chin.y * scale,
            plain: scene.background.as_ref().is_ok_and(|background| background.plain),
            work_scale: scene.work.scale * scale,
            face,
            scene,
        }
    }

    /// The main face, in the pixels of the scene's picture.
    pub(super) fn face(&self) -> &Face {
        &self.face
    }

    /// Whether the background is so dark that hair may look like it.
    pub(super) fn is_dark(&self) -> bool {
        self.scene.background.as_ref().is_ok_and(|background| background.median.l < DARK)
    }

    /// From the levelled picture's pixels to the picture's.
    pub(super) fn to_picture(&self, p: Point) -> Point {
        let (sin, cos) = self.turn.sin_cos();
        let (dx, dy) = (p.x - self.from.x, p.y - self.from.y);
        Point::new(self.to.x + dx * cos - dy * sin, self.to.y + dx * sin + dy * cos)
    }
}

/// The picture without borders added around it.
fn inner(photo: &Photo, scene: &Scene) -> Rect {
    let width = |side: usize| scene.borders[side].map_or(0.0, |border| f64::from(border.width));
    let (w, h) = (f64::from(photo.width()), f64::from(photo.height()));
    Rect::from_edges(width(0), width(1), w - width(2), h - width(3))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Left,
    Right,
}

/// The first row from which on the person touches an edge, in pixels of the mask.
fn touch(person: &GrayImage, edge: Edge) -> Option<f64> {
    let (w, h) = person.dimensions();
    let needed = (f64::from(h) * TOUCH).ceil() as u32;
    let x = if edge == Edge::Left { 1.min(w - 1) } else { w.saturating_sub(2) };
    let mut run = 0;
    for i in 0..h {
        run = if person.get_pixel(x, i).0[0] >= 128 { run + 1 } else { 0 };
        if run >= needed {
            return Some(f64::from(i + 1 - run));
        }
    }
    None
}
