//! What makes a matte unfit for use.

use fearless_simd::{Level, dispatch};

use super::error::Flaw;
use super::frame::Frame;
use super::light::LANES;
use super::matte::Head;
use crate::scene::MaskSource;

/// Share of the head's outline that may run where person and background have nearly the same colour.
const MOST_AMBIGUOUS: f32 = 0.25;

/// The same where the net found the outline: its pixels are coarse, and where colours say nothing, nothing corrects
/// them.
const MOST_AMBIGUOUS_BY_NET: f32 = 0.08;

/// Mean width of the soft outline, in face widths, from which it is no outline.
const SOFTEST: f32 = 0.06;

/// One part in this many of the inner face may be missing at most.
const MOST_TORN: usize = 200;

/// Area of the head that may be missing, in squares of the face's width.
const MOST_LOST: f32 = 0.03;

/// Refuses a matte that cannot be good. `alike`: where person and background have nearly the same colour.
///
/// # Errors
/// [`Flaw::Ambiguous`] or [`Flaw::Unclear`].
pub(super) fn judge(alpha: &[f32], alike: &[bool], frame: &Frame, head: Head, source: MaskSource) -> Result<(), Flaw> {
    let chin = head.chin_y.max(0.0).ceil() as usize;
    let counts = dispatch!(Level::new(), _simd => Counts::of(alpha, alike, frame.width, chin));
    let most = if source == MaskSource::Net { MOST_AMBIGUOUS_BY_NET } else { MOST_AMBIGUOUS };
    let torn = in_face(frame, head).filter(|&i| alpha[i] < 0.5).count() > in_face(frame, head).count() / MOST_TORN;
    if counts.of_head == 0 || torn || counts.ambiguous as f32 > most * counts.of_head as f32 {
        return Err(Flaw::Ambiguous);
    }
    if counts.soft > SOFTEST * head.face_width * counts.outline as f32 {
        return Err(Flaw::Unclear);
    }
    Ok(())
}

/// Refuses a matte that misses what the net takes for the person: before a dark background, dark hair looks like it.
///
/// # Errors
/// [`Flaw::Ambiguous`].
pub(super) fn agrees(alpha: &[f32], net: &[f32], frame: &Frame, head: Head) -> Result<(), Flaw> {
    let above = (head.chin_y.max(0.0) as usize).min(frame.height) * frame.width;
    let lost = alpha[..above].iter().zip(net).filter(|(a, net)| **a < 0.2 && **net > 0.9).count() as f32;
    if lost > MOST_LOST * head.face_width * head.face_width { Err(Flaw::Ambiguous) } else { Ok(()) }
}

/// Pixels of the outline, which has one more pixel of person at every side.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Counts {
    outline: u32,
    /// Those above the chin, and of these the ones where colours do not tell.
    of_head: u32,
    ambiguous: u32,
    /// How soft all pixels are: 1 where one is half person, half background.
    soft: f32,
}

impl Counts {
    /// Of the rows above `chin` as the head's.
    #[inline(always)]
    fn of(alpha: &[f32], alike: &[bool], width: usize, chin: usize) -> Self {
        let mut counts = Self::default();
        let mut soft = [0.0f32; LANES];
        let height = alpha.len() / width.max(1);
        let Some(inner) = width.checked_sub(2) else { return counts };
        for y in 1..height.saturating_sub(1) {
            let at = |y: usize, x: usize| &alpha[y * width + x..][..inner];
            let (own, alike) = (at(y, 1), &alike[y * width + 1..][..inner]);
            for own in own.chunks(LANES) {
                for (soft, own) in soft.iter_mut().zip(own) {
                    *soft += 4.0 * own * (1.0 - own);
                }
            }
            let (left, right, above, below) = (at(y, 0), at(y, 2), at(y - 1, 1), at(y + 1, 1));
            let (mut outline, mut ambiguous) = (0, 0);
            for x in 0..inner {
                let beside = (left[x] < 0.5) | (right[x] < 0.5) | (above[x] < 0.5) | (below[x] < 0.5);
                let edge = (own[x] >= 0.5) & beside;
                outline += u32::from(edge);
                ambiguous += u32::from(edge & alike[x]);
            }
            counts.outline += outline;
            if y < chin {
                counts.of_head += outline;
                counts.ambiguous += ambiguous;
            }
        }
        counts.soft = soft.iter().sum();
        counts
    }
}

/// The pixels of the inner face, an ellipse from the brows to the chin. Below it a narrow jaw would leave background in it.
fn in_face(frame: &Frame, head: Head) -> impl Iterator<Item = usize> {
    let w = frame.width;
    let brow_y = head.eye_y - 0.1 * head.face_width;
    let (middle, ry) = ((brow_y + head.chin_y) / 2.0, (head.chin_y - brow_y) / 2.0);
    let rx = 0.42 * head.face_width;
    let within = |low: f32, high: f32, n: usize| (low.max(0.0) as usize)..(high.max(0.0).ceil() as usize).min(n);
    let columns = within(head.center_x - rx, head.center_x + rx, w);
    within(middle - ry, middle + ry, frame.height).flat_map(move |y| {
        let down = ((y as f32 - middle) / ry).powi(2);
        let inside = move |x: &usize| ((*x as f32 - head.center_x) / rx).powi(2) + down < 1.0;
        columns.clone().filter(inside).map(move |x| y * w + x)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_is_counted_without_the_frames_edges() {
        // A block of person, 20 wide and 10 high from row 3 on, with one soft pixel beside it.
        let (w, h) = (40, 20);
        let inside = |i: usize| (10..30).contains(&(i % w)) && (3..13).contains(&(i / w));
        let mut alpha: Vec<f32> = (0..w * h).map(|i| if inside(i) { 1.0 } else { 0.0 }).collect();
        alpha[5 * w + 9] = 0.25;
        let alike: Vec<bool> = (0..w * h).map(|i| i % w == 10).collect();
        let counts = Counts::of(&alpha, &alike, w, 8);
        assert_eq!(counts, Counts { outline: 56, of_head: 20 + 4 * 2, ambiguous: 5, soft: 0.75 });
        assert_eq!(Counts::of(&[1.0], &[false], 1, 1), Counts::default());
    }

    #[test]
    fn a_clean_head_is_accepted_and_a_torn_face_is_not() {
        let frame = Frame::empty(100, 120);
        let head = Head { eye_y: 40.0, chin_y: 70.0, center_x: 50.0, face_width: 40.0 };
        let inside = |i: usize| (25..75).contains(&(i % 100)) && i / 100 > 10;
        let alpha: Vec<f32> = (0..12_000).map(|i| if inside(i) { 1.0 } else { 0.0 }).collect();
        let clear = vec![false; alpha.len()];
        assert_eq!(judge(&alpha, &clear, &frame, head, MaskSource::Color), Ok(()));
        assert_eq!(judge(&alpha, &vec![true; 12_000], &frame, head, MaskSource::Color), Err(Flaw::Ambiguous));
        let torn: Vec<f32> = alpha.iter().enumerate().map(|(i, &a)| if i / 100 == 55 { 0.0 } else { a }).collect();
        assert_eq!(judge(&torn, &clear, &frame, head, MaskSource::Color), Err(Flaw::Ambiguous));
        let soft = vec![0.5; alpha.len()];
        assert!(judge(&soft, &clear, &frame, head, MaskSource::Color).is_err());
        assert_eq!(agrees(&alpha, &alpha, &frame, head), Ok(()));
        assert_eq!(agrees(&vec![0.0; 12_000], &alpha, &frame, head), Err(Flaw::Ambiguous));
    }
}
