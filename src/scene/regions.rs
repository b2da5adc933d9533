//! Connected regions of a set of cells, found by the runs of its rows: a run is a few numbers, however long it is.

use crate::units::Rect;

/// Cells of a row side by side.
#[derive(Debug, Clone, Copy)]
struct Run {
    row: usize,
    start: usize,
    end: usize,
}

/// The regions of a set of cells: cells hang together that are left and right of each other, or above and below.
#[derive(Debug)]
pub(crate) struct Regions {
    width: usize,
    cells: usize,
    runs: Vec<Run>,
    /// For each run the first one of its region.
    first: Vec<usize>,
}

/// One region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Region {
    /// Number of its cells.
    pub area: usize,
    /// Box around them, in cells.
    pub bounds: Rect,
    /// Whether all of them lie within the margin asked for along the edges of the set.
    pub hugs_edge: bool,
}

impl Regions {
    /// The regions of a set, row-major, `width` cells a row.
    pub(crate) fn of(set: &[bool], width: usize) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        let mut parent: Vec<usize> = Vec::new();
        // Runs of the row above.
        let mut above = 0..0;
        for (row, cells) in set.chunks_exact(width.max(1)).enumerate() {
            let from = runs.len();
            let mut next = above.start;
            let mut x = 0;
            while let Some(start) = position(cells, x, true) {
                let end = position(cells, start, false).unwrap_or(width);
                x = end;
                let this = runs.len();
                runs.push(Run { row, start, end });
                parent.push(this);
                // Those above that end left of this one end left of all that follow.
                while next < above.end && runs[next].end <= start {
                    next += 1;
                }
                for other in (next..above.end).take_while(|&other| runs[other].start < end) {
                    let (a, b) = (root(&mut parent, other), root(&mut parent, this));
                    parent[a.max(b)] = a.min(b);
                }
            }
            above = from..runs.len();
        }
        let first = (0..runs.len()).map(|run| root(&mut parent, run)).collect();
        Self { width, cells: set.len(), runs, first }
    }

    /// The cells of all regions in which any cell is a start.
    pub(crate) fn containing(&self, is_start: &[bool]) -> Vec<bool> {
        let mut wanted = vec![false; self.runs.len()];
        for (run, &first) in self.runs.iter().zip(&self.first) {
            wanted[first] |= is_start[self.range(run)].contains(&true);
        }
        self.cells_of(&wanted)
    }

    /// The cells of the regions whose first runs are wanted.
    fn cells_of(&self, wanted: &[bool]) -> Vec<bool> {
        let mut cells = vec![false; self.cells];
        for (run, _) in self.runs.iter().zip(&self.first).filter(|(_, first)| wanted[**first]) {
            cells[self.range(run)].fill(true);
        }
        cells
    }

    /// The cells of all regions that these cells belong to.
    pub(crate) fn around(&self, starts: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut wanted = vec![false; self.runs.len()];
        for start in starts {
            let at = self.runs.partition_point(|run| self.range(run).end <= start);
            if self.runs.get(at).is_some_and(|run| self.range(run).contains(&start)) {
                wanted[self.first[at]] = true;
            }
        }
        self.cells_of(&wanted)
    }

    /// Every region, in the order of their first cells; `margin` is what hugging an edge means.
    pub(crate) fn each(&self, margin: usize) -> impl Iterator<Item = Region> {
        let height = self.cells / self.width.max(1);
        let mut regions = vec![None::<(usize, [usize; 4], bool)>; self.runs.len()];
        for (run, &first) in self.runs.iter().zip(&self.first) {
            let at_edge = |at: usize, length: usize| at < margin || at + margin >= length;
            let hugs = at_edge(run.row, height) || (run.start..run.end).all(|x| at_edge(x, self.width));
            let empty = (0, [usize::MAX, usize::MAX, 0, 0], true);
            let (area, [left, top, right, bottom], all_hug) = regions[first].unwrap_or(empty);
            let bounds = [left.min(run.start), top.min(run.row), right.max(run.end), bottom.max(run.row + 1)];
            regions[first] = Some((area + run.end - run.start, bounds, all_hug && hugs));
        }
        regions.into_iter().flatten().map(|(area, bounds, hugs_edge)| {
            let [left, top, right, bottom] = bounds.map(|v| v as f64);
            Region { area, bounds: Rect::from_edges(left, top, right, bottom), hugs_edge }
        })
    }

    fn range(&self, run: &Run) -> std::ops::Range<usize> {
        run.row * self.width + run.start..run.row * self.width + run.end
    }
}

/// The first cell from `from` on that is as wanted.
fn position(cells: &[bool], from: usize, wanted: bool) -> Option<usize> {
    // Eight at a time: rows are mostly long runs.
    const MANY: usize = 8;
    let rest = &cells[from..];
    let other = rest.chunks_exact(MANY).take_while(|cells| **cells == [!wanted; MANY]).count() * MANY;
    rest[other..].iter().position(|&cell| cell == wanted).map(|at| from + other + at)
}

/// The first run of a region, and a shorter way to it for the next time.
fn root(parent: &mut [usize], mut run: usize) -> usize {
    while parent[run] != run {
        parent[run] = parent[parent[run]];
        run = parent[run];
    }
    run
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cell by cell: each takes the least number of its neighbours until nothing changes.
    fn labels(set: &[bool], width: usize) -> Vec<Option<usize>> {
        let mut labels: Vec<Option<usize>> = set.iter().enumerate().map(|(i, &set)| set.then_some(i)).collect();
        loop {
            let before = labels.clone();
            for i in 0..set.len() {
                let left = (!i.is_multiple_of(width)).then(|| i - 1);
                for j in [left, i.checked_sub(width)].into_iter().flatten() {
                    if let (Some(a), Some(b)) = (labels[i], labels[j]) {
                        (labels[i], labels[j]) = (Some(a.min(b)), Some(a.min(b)));
                    }
                }
            }
            if labels == before {
                return labels;
            }
        }
    }

    proptest! {
        #[test]
        fn regions_are_what_hangs_together(
            width in 1usize..24, mut set in prop::collection::vec(any::<bool>(), 0..200), start in any::<prop::sample::Index>(),
        ) {
            set.truncate(set.len() / width * width);
            let labels = labels(&set, width);
            let regions = Regions::of(&set, width);
            let mut expected: Vec<usize> = labels.iter().flatten().copied().collect();
            expected.sort_unstable();
            let areas: Vec<usize> = expected.chunk_by(|a, b| a == b).map(<[usize]>::len).collect();
            prop_assert_eq!(regions.each(0).map(|region| region.area).collect::<Vec<_>>(), areas);
            if !set.is_empty() {
                let start = start.index(set.len());
                let is_start: Vec<bool> = (0..set.len()).map(|i| i == start).collect();
                let same: Vec<bool> = labels.iter().map(|label| label.is_some() && *label == labels[start]).collect();
                prop_assert_eq!(&regions.containing(&is_start), &same);
                prop_assert_eq!(&regions.around([start]), &same);
            }
        }
    }

    #[test]
    fn boxes_and_edges() {
        let set: Vec<bool> = ["#....", "#..##", "#..#.", "....."].concat().bytes().map(|b| b == b'#').collect();
        let regions: Vec<Region> = Regions::of(&set, 5).each(1).collect();
        let of = |area, (l, t, r, b): (f64, f64, f64, f64), hugs_edge| Region {
            area,
            bounds: Rect::from_edges(l, t, r, b),
            hugs_edge,
        };
        assert_eq!(regions, [of(3, (0.0, 0.0, 1.0, 3.0), true), of(3, (3.0, 1.0, 5.0, 3.0), false)]);
        assert_eq!(Regions::of(&[], 5).each(1).count(), 0);
    }
}
