//! Pictures made smaller by averaging, through `fast_image_resize`.

use std::cell::Cell;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

pub(crate) use fast_image_resize::FilterType;

use crate::units::Rect;

/// A part of a picture, at `width` x `height` pixels. `None` when the part is empty or not inside of the picture.
pub(crate) fn resized(rgb: &RgbImage, part: Rect, size: (u32, u32), filter: FilterType) -> Option<RgbImage> {
    RgbImage::from_raw(size.0, size.1, convolved::<U8x3>(rgb.as_raw(), rgb.dimensions(), part, size, filter)?)
}

/// A plane of bytes of `from` (width, height) at the size `to`. `None` when either is empty or `plane` is too short.
pub(crate) fn resized_plane(plane: &[u8], from: (u32, u32), to: (u32, u32), filter: FilterType) -> Option<Vec<u8>> {
    let whole = Rect::from_edges(0.0, 0.0, f64::from(from.0), f64::from(from.1));
    convolved::<U8>(plane, from, whole, to, filter)
}

/// For one kind of pixel: the library's way for any kind takes all of its kernels into the program, in every crate that
/// calls it.
fn convolved<P: PixelTrait>(
    samples: &[u8],
    (width, height): (u32, u32),
    part: Rect,
    size: (u32, u32),
    filter: FilterType,
) -> Option<Vec<u8>> {
    let source = TypedImageRef::<P>::from_buffer(width, height, samples).ok()?;
    let mut out = vec![0; size.0 as usize * size.1 as usize * P::size()];
    let mut target = TypedImage::<P>::from_buffer(size.0, size.1, &mut out).ok()?;
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(part.x, part.y, part.width, part.height);
    let mut resizer = RESIZER.take();
    let resized = resizer.resize_typed(&source, &mut target, &options);
    if resizer.size_of_internal_buffers() <= KEPT {
        RESIZER.set(resizer);
    }
    resized.ok()?;
    Some(out)
}

/// Bytes between its two passes that a resizer may keep for the next picture.
const KEPT: usize = 4 << 20;

thread_local! {
    /// Of each thread, with the memory of the last picture: to take new memory for each costs as much as a pass.
    static RESIZER: Cell<Resizer> = Cell::new(Resizer::new());
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
