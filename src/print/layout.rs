//! Where prints lie on a sheet: whole pixels, as many as fit, in the middle of the paper, with marks to cut by.

/// A rectangle of whole pixels of the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Area {
    /// The column behind the last one.
    pub fn right(&self) -> u32 {
        self.x + self.width
    }

    /// The row below the last one.
    pub fn bottom(&self) -> u32 {
        self.y + self.height
    }
}

/// Room around prints, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing {
    /// Between two prints.
    pub gap: u32,
    /// Between prints and the edge of the paper, at least.
    pub margin: u32,
}

/// A sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Width of the paper as it lies.
    pub width: u32,
    /// Height of the paper as it lies.
    pub height: u32,
    /// Where prints lie, row by row.
    pub cells: Vec<Area>,
    /// Thin lines to cut by, none of them on a print.
    pub marks: Vec<Area>,
}

/// Longest mark, in pixels: 3 mm.
const MARK: u32 = 35;

impl Layout {
    /// The layout that holds the most prints: the paper lies or stands, prints are never turned. `None` when not even one
    /// fits.
    pub fn of(paper: (u32, u32), print: (u32, u32), spacing: Spacing) -> Option<Self> {
        let (lying, standing) = (grid(paper, print, spacing), grid((paper.1, paper.0), print, spacing));
        let count = |grid: (u32, u32)| u64::from(grid.0) * u64::from(grid.1);
        let (paper, (columns, rows)) =
            if count(lying) >= count(standing) { (paper, lying) } else { ((paper.1, paper.0), standing) };
        if columns == 0 || rows == 0 {
            return None;
        }
        let xs = places(paper.0, print.0, spacing.gap, columns);
        let ys = places(paper.1, print.1, spacing.gap, rows);
        let cells =
            ys.iter().flat_map(|&y| xs.iter().map(move |&x| Area { x, y, width: print.0, height: print.1 })).collect();
        let marks = marks(paper, print, &xs, &ys);
        Some(Self { width: paper.0, height: paper.1, cells, marks })
    }
}

/// Columns and rows that fit.
fn grid(paper: (u32, u32), print: (u32, u32), spacing: Spacing) -> (u32, u32) {
    let fit = |paper: u32, print: u32| {
        let room = paper.saturating_sub(spacing.margin.saturating_mul(2));
        if print == 0 || room < print { 0 } else { 1 + (room - print) / print.saturating_add(spacing.gap) }
    };
    (fit(paper.0, print.0), fit(paper.1, print.1))
}

/// First pixels of `n` prints in the middle of a side.
fn places(paper: u32, print: u32, gap: u32, n: u32) -> Vec<u32> {
    let taken = n * print + (n - 1) * gap;
    let first = (paper - taken) / 2;
    (0..n).map(|i| first + i * (print + gap)).collect()
}

/// Lines of one pixel beside the edges of prints, in the rows and columns that hold none.
fn marks(paper: (u32, u32), print: (u32, u32), xs: &[u32], ys: &[u32]) -> Vec<Area> {
    let upright = strips(paper.1, print.1, ys);
    let level = strips(paper.0, print.0, xs);
    let vertical = lines(paper.0, print.0, xs)
        .flat_map(|x| upright.iter().map(move |&(y, height)| Area { x, y, width: 1, height }).collect::<Vec<_>>());
    let horizontal = lines(paper.1, print.1, ys)
        .flat_map(|y| level.iter().map(move |&(x, width)| Area { x, y, width, height: 1 }).collect::<Vec<_>>());
    vertical.chain(horizontal).collect()
}

/// The pixels just outside of every print along a side.
fn lines(paper: u32, print: u32, places: &[u32]) -> impl Iterator<Item = u32> {
    places.iter().flat_map(move |&at| [at.checked_sub(1), Some(at + print).filter(|&end| end < paper)]).flatten()
}

/// First pixel and length of what holds no print along a side: the ends next to the outer prints, and the gaps.
fn strips(paper: u32, print: u32, places: &[u32]) -> Vec<(u32, u32)> {
    let (Some(&first), Some(&last)) = (places.first(), places.last()) else { return Vec::new() };
    let mut strips = vec![(first - first.min(MARK), first.min(MARK))];
    strips.extend(places.windows(2).map(|pair| (pair[0] + print, pair[1] - pair[0] - print)));
    strips.push((last + print, (paper - last - print).min(MARK)));
    strips.retain(|&(_, length)| length > 0);
    strips
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Paper;
    use super::*;

    fn overlap(a: &Area, b: &Area) -> bool {
        a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
    }

    const MILLIMETRE: Spacing = Spacing { gap: 12, margin: 12 };

    #[test]
    fn paper_holds_what_studios_print_on_it() {
        for (paper, print, copies, lies) in [
            (Paper::FiveInch, (413, 579), 4, false),
            (Paper::SixInch, (413, 579), 8, true),
            (Paper::FiveInch, (295, 413), 9, false),
            (Paper::SixInch, (295, 413), 12, false),
        ] {
            let layout = Layout::of(paper.pixels(), print, MILLIMETRE).expect("fits");
            assert_eq!((layout.cells.len(), layout.width > layout.height), (copies, lies), "{paper:?} {print:?}");
        }
        assert_eq!(Layout::of(Paper::FiveInch.pixels(), (1100, 1100), MILLIMETRE), None);
    }

    proptest! {
        /// Whatever the sizes: prints of the exact size, inside of the paper, apart from each other, as many as fit, and marks
        /// beside them, never on them.
        #[test]
        fn prints_lie_apart_inside_of_the_paper(
            paper in (1u32..2000, 1u32..2000), print in (1u32..900, 1u32..900), gap in 0u32..80, margin in 0u32..120,
        ) {
            // Few prints are enough: tiny ones on large paper only take time.
            prop_assume!(u64::from(paper.0) * u64::from(paper.1) < 400 * u64::from(print.0) * u64::from(print.1));
            let spacing = Spacing { gap, margin };
            let fits = |room: (u32, u32)| print.0 + 2 * margin <= room.0 && print.1 + 2 * margin <= room.1;
            let layout = match Layout::of(paper, print, spacing) {
                Some(layout) => layout,
                None => {
                    prop_assert!(!fits(paper) && !fits((paper.1, paper.0)));
                    return Ok(());
                }
            };
            let (w, h) = (layout.width, layout.height);
            prop_assert!((w, h) == paper || (h, w) == paper);
            for (i, cell) in layout.cells.iter().enumerate() {
                prop_assert_eq!((cell.width, cell.height), print);
                prop_assert!(cell.x >= margin && cell.y >= margin && cell.right() + margin <= w && cell.bottom() + margin <= h);
                let around = Area { x: cell.x, y: cell.y, width: cell.width + gap, height: cell.height + gap };
                prop_assert!(layout.cells[i + 1..].iter().all(|other| !overlap(&around, other)));
                prop_assert!(layout.marks.iter().all(|mark| !overlap(mark, cell)), "{:?} {:?}", cell, layout.marks);
            }
            prop_assert!(layout.marks.iter().all(|mark| mark.right() <= w && mark.bottom() <= h && mark.width.min(mark.height) == 1));
            // Neither way of laying the paper holds more.
            let most = |room: (u32, u32)| {
                let along = |room: u32, print: u32| (0..).take_while(|n| (n + 1) * print + n * gap + 2 * margin <= room).count();
                along(room.0, print.0) * along(room.1, print.1)
            };
            prop_assert_eq!(layout.cells.len(), most(paper).max(most((paper.1, paper.0))));
        }
    }
}
