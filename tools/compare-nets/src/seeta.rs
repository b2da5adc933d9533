//! SeetaFace (rustface) on a picture that is reduced first.

use std::io::Cursor;

use anyhow::Result;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use gradphoto::units::Rect;
use image::RgbImage;
use rustface::{Detector, ImageData};

/// The cascade's window, in pixels: no smaller face is found.
const WINDOW: u32 = 20;

/// The cascade scans the whole picture at its own size before it looks for larger faces, so its cost is set by `height`.
pub struct Seeta {
    cascade: Box<dyn Detector>,
    height: u32,
}

impl Seeta {
    /// `height`: pixels the picture is reduced to. `score`: smallest score that counts. The rest is as rustface's
    /// README has it.
    pub fn new(weights: &[u8], height: u32, score: f64) -> Result<Self> {
        let mut cascade = rustface::create_detector_with_model(rustface::read_model(Cursor::new(weights))?);
        cascade.set_min_face_size(WINDOW);
        cascade.set_score_thresh(score);
        cascade.set_pyramid_scale_factor(0.8);
        cascade.set_slide_window_step(4, 4);
        Ok(Self { cascade, height })
    }

    /// Faces in pixels of the picture.
    pub fn detect(&mut self, rgb: &RgbImage) -> Result<Vec<Rect>> {
        let scale = f64::from(rgb.height()) / f64::from(self.height);
        let width = (f64::from(rgb.width()) / scale).round().max(f64::from(WINDOW)) as u32;
        let source = ImageRef::new(rgb.width(), rgb.height(), rgb.as_raw(), PixelType::U8x3)?;
        let mut small = Image::new(width, self.height, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize(&source, &mut small, &options)?;
        let luma: Vec<u8> = small
            .buffer()
            .chunks_exact(3)
            .map(|p| ((299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2]) + 500) / 1000) as u8)
            .collect();
        let faces = self.cascade.detect(&ImageData::new(&luma, width, self.height));
        Ok(faces
            .iter()
            .map(|face| {
                let b = face.bbox();
                Rect {
                    x: f64::from(b.x()) * scale,
                    y: f64::from(b.y()) * scale,
                    width: f64::from(b.width()) * scale,
                    height: f64::from(b.height()) * scale,
                }
            })
            .collect())
    }
}
