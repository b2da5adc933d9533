//! Connected groups of samples: strokes of writing, spots on skin, reflections.

/// A connected group of samples of a mask, in its columns and rows, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Last column.
    pub right: usize,
    /// Last row.
    pub bottom: usize,
    /// Samples in it.
    pub area: usize,
}

impl Component {
    /// Its columns.
    pub fn width(&self) -> usize {
        self.right - self.left + 1
    }

    /// Its rows.
    pub fn height(&self) -> usize {
        self.bottom - self.top + 1
    }
}

/// The groups of `true` samples that touch each other, corners included. Clears the mask.
pub fn components(mask: &mut [bool], width: usize) -> Vec<Component> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    let mut from = 0;
    while let Some(start) = next_set(mask, from) {
        from = start + 1;
        mask[start] = false;
        found.push(component_at(start, mask, width, &mut open));
    }
    found
}

/// Samples that are set or not.
pub(super) trait Mask {
    /// Whether a sample was set; it is not any more. None are set beyond the last.
    fn take(&mut self, at: usize) -> bool;
}

impl Mask for [bool] {
    fn take(&mut self, at: usize) -> bool {
        self.get_mut(at).is_some_and(std::mem::take)
    }
}

/// A bit for each sample.
impl Mask for Vec<u64> {
    fn take(&mut self, at: usize) -> bool {
        let Some(bits) = self.get_mut(at / 64) else { return false };
        let bit = 1 << (at % 64);
        let set = *bits & bit != 0;
        *bits &= !bit;
        set
    }
}

/// The group of a sample that was taken from the mask, with all that touch it. `open` is empty before and after.
pub(super) fn component_at(
    start: usize,
    mask: &mut (impl Mask + ?Sized),
    width: usize,
    open: &mut Vec<usize>,
) -> Component {
    open.push(start);
    let (x, y) = (start % width, start / width);
    let mut group = Component { left: x, top: y, right: x, bottom: y, area: 0 };
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        group.area += 1;
        group.left = group.left.min(x);
        group.right = group.right.max(x);
        group.bottom = group.bottom.max(y);
        for row in y.saturating_sub(1)..=y + 1 {
            for column in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                let next = row * width + column;
                if mask.take(next) {
                    open.push(next);
                }
            }
        }
    }
    group
}

/// The first set sample from `from` on. Masks are mostly empty: whole runs are turned away at once.
pub(super) fn next_set<T: Copy + Default + PartialEq>(mask: &[T], from: usize) -> Option<usize> {
    const RUN: usize = 64;
    let set = |value: T| value != T::default();
    let rest = mask.get(from..)?;
    let empty =
        rest.chunks_exact(RUN).take_while(|run| !run.iter().fold(false, |any, &value| any | set(value))).count();
    let rest = &rest[empty * RUN..];
    rest.iter().position(|&value| set(value)).map(|at| from + empty * RUN + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_touch_at_corners() {
        let mut mask = vec![true, false, false, false, true, false, true, false, false];
        let found = components(&mut mask, 3);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].area, found[0].right, found[0].bottom), (3, 1, 2));
    }

    #[test]
    fn bits_are_a_mask_too() {
        let mut bits = vec![0u64; 2];
        bits[1] = 1 << 5;
        assert!(!bits.take(68) && bits.take(69) && !bits.take(69) && !bits.take(128));
    }
}
