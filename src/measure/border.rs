//! Borders around a photo: strips of one colour along an edge that end in a step.

use image::RgbImage;

use crate::units::Rect;

/// A border along one edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Border {
    /// Width of the strip, in original pixels.
    pub width: u32,
    /// The strip, in original pixels.
    pub region: Rect,
}

/// Widest border looked for, as a share of the side it lies across.
const MAX_SHARE: f64 = 0.12;
/// Share of a line that has to have the strip's colour. The rest may be text, or another border's corners.
const UNIFORM: f64 = 0.9;
/// Share of the line behind the strip that has to differ.
const DIFFERENT: f64 = 0.6;
/// Largest sum of channel differences within one colour.
const SAME: i32 = 48;
/// Smallest sum of channel differences, on the mean over the step, that is a step and not shading.
const STEP: i32 = 30;
/// Points a line is sampled at.
const SAMPLES: u32 = 160;

/// The border along each edge: left, top, right, bottom.
///
/// A plain background reaches the edge too, but goes on behind it; clothes at the lower edge do not keep one colour
/// over the whole width and then end along one row.
pub fn borders(rgb: &RgbImage) -> [Option<Border>; 4] {
    [0, 1, 2, 3].map(|edge| along(rgb, edge))
}

fn along(rgb: &RgbImage, edge: usize) -> Option<Border> {
    let (w, h) = rgb.dimensions();
    let (length, depth) = if edge.is_multiple_of(2) { (h, w) } else { (w, h) };
    if w < 32 || h < 32 {
        return None;
    }
    // Colours of the line `deep` pixels inside of the edge. Averaged over two neighbours along the line: noise and
    // chroma subsampling are finer than any border.
    let points = SAMPLES.min(length / 2);
    let at = |i: u32| (u64::from(i) * u64::from(length - 1) / u64::from(points)) as u32;
    let at: Vec<u32> = (0..points).map(at).collect();
    let pixels = rgb.as_raw().as_chunks::<3>().0;
    let row = |y: u32| &pixels[y as usize * w as usize..][..w as usize];
    let mean = |a: [u8; 3], b: [u8; 3]| [0, 1, 2].map(|c| (i32::from(a[c]) + i32::from(b[c])) / 2);
    let line = |deep: u32| -> Vec<[i32; 3]> {
        let (x, y) = (if edge == 0 { deep } else { w - 1 - deep }, if edge == 1 { deep } else { h - 1 - deep });
        if edge.is_multiple_of(2) {
            at.iter().map(|&at| mean(row(at)[x as usize], row(at + 1)[x as usize])).collect()
        } else {
            let row = row(y);
            at.iter().map(|&at| mean(row[at as usize], row[at as usize + 1])).collect()
        }
    };
    let max = (f64::from(depth) * MAX_SHARE) as u32;
    // The outermost line may be a resampling fringe.
    let second = line(1);
    let color = median(&second);
    let uniform = |line: &[[i32; 3]]| share(line, |p| distance(*p, color) <= SAME) >= UNIFORM;
    if !uniform(&second) {
        return None;
    }
    let mut deep = 2;
    while deep <= max && uniform(&line(deep)) {
        deep += 1;
    }
    step_behind(&line, deep, max).map(|width| Border {
        width,
        region: match edge {
            0 => Rect::from_edges(0.0, 0.0, f64::from(width), f64::from(h)),
            1 => Rect::from_edges(0.0, 0.0, f64::from(w), f64::from(width)),
            2 => Rect::from_edges(f64::from(w - width), 0.0, f64::from(w), f64::from(h)),
            _ => Rect::from_edges(0.0, f64::from(h - width), f64::from(w), f64::from(h)),
        },
    })
}

/// Width of the border that ends at about `deep`, when it ends in a step.
fn step_behind(line: &impl Fn(u32) -> Vec<[i32; 3]>, deep: u32, max: u32) -> Option<u32> {
    if deep <= max {
        // The strip ended where its colour did: in a step, past the fringe, and not in shading.
        let (before, behind) = (line(deep.saturating_sub(2).max(1)), line(deep + 2));
        let steps: Vec<bool> = before.iter().zip(&behind).map(|(a, b)| distance(*a, *b) > STEP).collect();
        return (share(&steps, |step| *step) >= DIFFERENT).then_some(deep);
    }
    // The colour goes on: a border of nearly the background's colour shows only in the step itself, at the same depth
    // all along the edge and stronger than the lines before and after.
    let means: Vec<[i32; 3]> = (1..=max).map(|deep| median(&line(deep))).collect();
    let step = |i: usize| distance(means[i + 3], means[i]);
    (0..means.len().saturating_sub(3)).map(|i| (step(i), i)).max().and_then(|(size, i)| {
        let sharp =
            size >= STEP && i >= 1 && (0..means.len() - 3).filter(|&j| j.abs_diff(i) > 3).all(|j| step(j) * 3 <= size);
        // Line `i` is at depth `i + 1`; the step lies in the middle of the three lines behind it.
        let (before, after) = (line(i as u32 + 1), line(i as u32 + 4));
        let all_along =
            before.iter().zip(&after).filter(|(a, b)| distance(**a, **b) * 2 > size).count() * 10 >= before.len() * 7;
        (sharp && all_along).then_some(i as u32 + 2)
    })
}

fn distance(a: [i32; 3], b: [i32; 3]) -> i32 {
    (0..3).map(|c| (a[c] - b[c]).abs()).sum()
}

fn share<T>(items: &[T], is: impl Fn(&T) -> bool) -> f64 {
    items.iter().filter(|item| is(item)).count() as f64 / items.len().max(1) as f64
}

/// Of bytes, by counting.
fn median(line: &[[i32; 3]]) -> [i32; 3] {
    let mut counts = [[0u16; 256]; 3];
    for color in line {
        for (counts, &value) in counts.iter_mut().zip(color) {
            counts[(value & 255) as usize] += 1;
        }
    }
    counts.map(|counts| {
        let mut below = 0;
        let at = |count: u16| {
            below += usize::from(count);
            below > line.len() / 2
        };
        counts.into_iter().position(at).unwrap_or(0) as i32
    })
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    /// A plain background with dark clothes in the lower third and a little shading.
    fn portrait(background: [u8; 3]) -> RgbImage {
        RgbImage::from_fn(480, 640, |x, y| {
            if y > 520 && x.abs_diff(240) < 200 {
                Rgb([60, 58, 66])
            } else {
                Rgb(background.map(|v| v - (y / 80) as u8))
            }
        })
    }

    fn framed(mut photo: RgbImage, width: u32, color: [u8; 3]) -> RgbImage {
        let (w, h) = photo.dimensions();
        for (x, y, p) in photo.enumerate_pixels_mut() {
            if x < width || y < width || x >= w - width || y >= h - width {
                *p = Rgb(color);
            }
        }
        photo
    }

    #[test]
    fn plain_photos_have_no_border() {
        for background in [[255, 255, 255], [100, 197, 255], [240, 240, 240]] {
            assert_eq!(borders(&portrait(background)), [None; 4]);
        }
        assert_eq!(borders(&RgbImage::from_pixel(200, 200, Rgb([255; 3]))), [None; 4]);
    }

    #[test]
    fn borders_are_found_with_their_width() {
        for (width, color) in [(3, [178, 0, 48]), (8, [0, 0, 0]), (20, [255, 255, 255]), (6, [85, 180, 235])] {
            for border in borders(&framed(portrait([100, 197, 255]), width, color)) {
                let found = border.expect("all four sides are framed").width;
                assert!(found.abs_diff(width) <= 1, "{width} px of {color:?} measured as {found}");
            }
        }
    }

    #[test]
    fn a_border_on_one_side_is_found() {
        let mut photo = portrait([100, 197, 255]);
        for (_, y, p) in photo.enumerate_pixels_mut() {
            if y >= 610 {
                *p = Rgb([255, 255, 255]);
            }
        }
        let found = borders(&photo);
        assert_eq!(found[..3], [None; 3]);
        assert!(found[3].is_some_and(|b| b.width.abs_diff(30) <= 1), "{found:?}");
    }

    #[test]
    fn a_shaded_background_is_no_border() {
        let shaded = RgbImage::from_fn(480, 640, |_, y| Rgb([(200 - y / 8) as u8; 3]));
        assert_eq!(borders(&shaded), [None; 4]);
    }
}
