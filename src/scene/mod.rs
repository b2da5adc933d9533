//! From pixels and a face to the scene: what is background, what is the person, where the head ends.
//!
//! The scene is worked out on a copy of at most [`WORK_SIDE`] pixels a side (a 480x640 photo is its own copy), so that
//! the cost is bounded; every length and place it gives is in original pixels.

pub mod background;
pub mod head;
pub mod lab;
pub mod mask;
pub(crate) mod regions;

mod surface;

use std::ops::Range;
use std::sync::Arc;

use image::{GrayImage, RgbImage};

use crate::face::Face;
use crate::face::net::{NetError, Nets};
use crate::facts::Missing;
use crate::measure::border::{self, Border};
use crate::photo::Photo;
use crate::photo::resize::{FilterType, resized};
use crate::units::Rect;
use lab::{Lab, LabImage};

/// Longest side of the working copy, in pixels.
pub const WORK_SIDE: u32 = 800;

/// The working copy and its scale.
#[derive(Debug, Clone)]
pub struct Work {
    /// 8-bit sRGB.
    pub rgb: Arc<RgbImage>,
    /// CIELAB (D65) of the means of its blocks of [`lab::BLOCK`] pixels.
    pub blocks: LabImage,
    /// Original pixels per working pixel, 1 or more.
    pub scale: f64,
}

/// How the person was told from the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskSource {
    /// By the colours of a plain background.
    Color,
    /// By the segmentation net.
    Net,
}

/// The background of the photo.
#[derive(Debug, Clone)]
pub struct Background {
    /// Median colour of the eroded background.
    pub median: Lab,
    /// Share of the photo that is background, 0 to 1.
    pub share: f64,
    /// Largest minus smallest fitted L* over the background, after low-pass.
    pub gradient_l: f64,
    /// Largest colour difference the fitted a*, b* reach over the background.
    pub gradient_ab: f64,
    /// Share of the background, 0 to 1, that is a soft dark residual touching the person's outline.
    pub shadow_share: f64,
    /// Box around the darkest shadow, in original pixels.
    pub shadow_box: Option<Rect>,
    /// Share of the background, 0 to 1, covered by the largest thing that is neither background nor person.
    pub object_share: f64,
    /// Box around it, in original pixels.
    pub object_box: Option<Rect>,
    /// Root mean square of the residual against the model in L*, noise included.
    pub noise_l: f64,
    /// Whether one smooth colour surface explains it.
    pub plain: bool,
}

/// The scene of a photo.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Working copy.
    pub work: Work,
    /// Person mask at working size: 255 person, 0 background, between at the soft edge.
    pub person: GrayImage,
    /// Borders added around the photo: left, top, right, bottom. What lies behind them is the photo.
    pub borders: [Option<Border>; 4],
    /// Where the mask comes from.
    pub source: MaskSource,
    /// The background, or why there is none.
    pub background: Result<Background, Missing>,
    /// Top of hair or head: original pixels from the top edge.
    pub head_top: Result<f64, Missing>,
    /// Forehead hairline: original pixels from the top edge.
    pub hairline: Result<f64, Missing>,
}

impl Scene {
    /// Works out the scene of a photo around its main face.
    ///
    /// # Errors
    /// When the segmentation net is needed and cannot be run.
    pub fn of(photo: &Photo, face: Option<&Face>, nets: &Nets) -> Result<Self, NetError> {
        let work = Work::of(&photo.rgb);
        let borders = border::borders(&photo.rgb);
        if let Some(plain) = mask::plain(&work, face, &borders) {
            let chin_row = face
                .map_or(plain.blocks.height, |face| (face.chin.y / work.scale / lab::BLOCK as f64).max(0.0) as usize);
            let shade = background::shade(&plain, chin_row);
            let person = mask::person_by_color(&work.rgb, &plain, &shade);
            let background = background::of_plain(&plain, &shade, face, work.scale);
            return Ok(Self::with(work, borders, person, MaskSource::Color, background, face));
        }
        let mask::ByNet { person, seen } = mask::person_by_net(&work, face, nets.segmenter.as_ref())?;
        let background = background::of_mask(&work, &person, seen);
        Ok(Self::with(work, borders, person, MaskSource::Net, background, face))
    }

    fn with(
        work: Work,
        borders: [Option<Border>; 4],
        person: GrayImage,
        source: MaskSource,
        background: Result<Background, Missing>,
        face: Option<&Face>,
    ) -> Self {
        let of_face = |measure: fn(&Work, &GrayImage, &Face) -> Result<f64, Missing>| {
            face.ok_or(Missing::NoFace).and_then(|face| measure(&work, &person, face))
        };
        let head_top = of_face(head::top);
        let hairline = of_face(head::hairline);
        Self { work, person, borders, source, background, head_top, hairline }
    }
}

impl Work {
    fn of(rgb: &Arc<RgbImage>) -> Self {
        let longer = rgb.width().max(rgb.height());
        let scale = (f64::from(longer) / f64::from(WORK_SIDE)).max(1.0);
        let small = (scale > 1.0).then(|| reduced(rgb, scale)).flatten();
        let (rgb, scale) = match small {
            Some(small) => (Arc::new(small), scale),
            None => (Arc::clone(rgb), 1.0),
        };
        Self { blocks: LabImage::of_blocks(&rgb), rgb, scale }
    }

    /// CIELAB of a part of a row of pixels.
    pub(crate) fn row(&self, columns: Range<u32>, y: u32) -> Vec<Lab> {
        let row = &self.rgb.as_raw()[3 * (y as usize * self.rgb.width() as usize)..];
        lab::of_pixels(row[3 * columns.start as usize..3 * columns.end as usize].as_chunks().0)
    }

    /// CIELAB of a pixel.
    pub fn lab(&self, x: u32, y: u32) -> Lab {
        Lab::of_pixel(self.rgb.get_pixel(x, y).0)
    }
}

/// The picture made smaller by `scale` with a filter that averages, so that nothing aliases.
fn reduced(rgb: &RgbImage, scale: f64) -> Option<RgbImage> {
    let side = |n: u32| ((f64::from(n) / scale).round() as u32).max(1);
    let (w, h) = (side(rgb.width()), side(rgb.height()));
    let whole = Rect::from_edges(0.0, 0.0, f64::from(rgb.width()), f64::from(rgb.height()));
    resized(rgb, whole, (w, h), FilterType::Bilinear)
}
