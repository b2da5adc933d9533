//! Pictures made smaller by averaging, through `fast_image_resize`.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

pub(crate) use fast_image_resize::FilterType;

use crate::units::Rect;

/// A part of a picture, at `width` x `height` pixels. `None` when the part is empty or not inside of the picture.
pub(crate) fn resized(rgb: &RgbImage, part: Rect, (width, height): (u32, u32), filter: FilterType) -> Option<RgbImage> {
    let source = ImageRef::new(rgb.width(), rgb.height(), rgb.as_raw(), PixelType::U8x3).ok()?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(part.x, part.y, part.width, part.height);
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    RgbImage::from_raw(width, height, target.into_vec())
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn a_part_is_averaged_and_nothing_outside_is_taken() {
        let rgb = RgbImage::from_fn(8, 8, |x, _| if x < 4 { Rgb([10, 20, 30]) } else { Rgb([200, 200, 200]) });
        let left = resized(&rgb, Rect::from_edges(0.0, 0.0, 4.0, 8.0), (2, 2), FilterType::Box).expect("inside");
        assert!(left.pixels().all(|pixel| pixel.0 == [10, 20, 30]));
        assert!(resized(&rgb, Rect::from_edges(4.0, 0.0, 12.0, 8.0), (2, 2), FilterType::Box).is_none());
    }
}
