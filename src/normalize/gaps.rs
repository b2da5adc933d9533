//! Gaps between locks of hair, where the background shows.

use super::alpha::TELLING;
use super::backdrop::Backdrop;
use super::cells::Cells;
use super::frame::{Frame, any, difference};
use super::light::encoded_color;
use super::matte::{Bands, INSIDE};

/// Smallest gap between locks of hair that is opened, in pixels.
const SMALLEST: usize = 12;

/// Takes out of the mask what shows the background between locks of hair: connected pixels of the background's own
/// colour where hair is, and where hair differs from the background. Returns whether there was something.
pub(super) fn open(mask: &mut [f32], bands: &Bands, frame: &Frame, backdrop: &Backdrop, inside: &Cells) -> bool {
    let (w, h) = (frame.width, frame.height);
    let near = 2.5 * backdrop.noise + 4.0;
    let hair = bands.hair(mask);
    let mut like_background = backdrop.near(frame, near, &hair);
    let differs = |i: usize| {
        let (x, y) = (i % w, i / w);
        let cell = y / INSIDE * inside.width + x / INSIDE;
        let person = inside.colors.each_ref().map(|plane| plane[cell]);
        difference(encoded_color(person), backdrop.code(x, y)) > TELLING.1
    };
    // Most rows have none.
    let mut rows = Vec::new();
    for (y, row) in like_background.chunks_exact_mut(w).enumerate().filter(|(_, row)| any(row)) {
        for (x, like) in row.iter_mut().enumerate().filter(|(_, like)| **like) {
            *like = differs(y * w + x);
        }
        rows.push(y * w..(y + 1) * w);
    }
    let mut opened = false;
    for start in rows.into_iter().flatten() {
        if !like_background[start] {
            continue;
        }
        let gap = take_connected(start, w, h, &mut like_background);
        if gap.len() >= SMALLEST {
            gap.into_iter().for_each(|i| mask[i] = 0.0);
            opened = true;
        }
    }
    opened
}

/// The connected pixels of a set around `start`, which are taken out of it.
fn take_connected(start: usize, w: usize, h: usize, set: &mut [bool]) -> Vec<usize> {
    let mut part = vec![start];
    set[start] = false;
    let mut next = 0;
    while let Some(&i) = part.get(next) {
        next += 1;
        let x = i % w;
        let neighbours =
            [(x > 0).then(|| i - 1), (x + 1 < w).then_some(i + 1), i.checked_sub(w), (i + w < w * h).then_some(i + w)];
        for j in neighbours.into_iter().flatten() {
            if std::mem::replace(&mut set[j], false) {
                part.push(j);
            }
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_together_is_taken_at_once() {
        let picture = "##..#
                       .#..#
                       ....#";
        let mut set: Vec<bool> = picture.split_whitespace().flat_map(str::chars).map(|c| c == '#').collect();
        let mut part = take_connected(1, 5, 3, &mut set);
        part.sort_unstable();
        assert_eq!(part, [0, 1, 6]);
        assert_eq!(take_connected(14, 5, 3, &mut set).len(), 3, "not around the picture's edge");
        assert!(!set.contains(&true));
    }
}
