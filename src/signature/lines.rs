//! Ruled and printed lines: found by their straightness over a long stretch, and taken out of the mask where nothing
//! crosses them.

use std::ops::RangeInclusive;

use super::ink::Ink;

/// Steepest line that is looked for, in degrees off the horizontal or the vertical.
const STEEPEST: f64 = 20.0;

/// Step of the angles tried, in degrees: a line half as long as the picture strays by less than a pixel.
const STEP: f64 = 0.125;

/// Shortest line, as a share of the picture's longest side.
const SHORTEST: f64 = 0.25;

/// Share of its stretch that a line has ink on.
const FULL: f64 = 0.8;

/// Thickest line, as a share of the picture's longest side.
const THICKEST: f64 = 0.01;

/// Farthest that a point lies from its line, in pixels.
const ASTRAY: f64 = 2.0;

/// Most lines of one picture; a page of squared paper has fewer.
const MOST: usize = 120;

/// A line of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Off the horizontal, in degrees, positive when it falls to the right; of a steep line off the vertical, in the same
    /// sense of turning.
    pub degrees: f64,
    /// Whether it is nearer to the vertical.
    pub steep: bool,
    /// In pixels of the mask.
    pub length: f64,
}

/// Takes the lines out of the mask. The second result marks their pixels.
pub(super) fn remove(ink: &mut Ink) -> (Vec<Line>, Vec<bool>) {
    let (width, height) = (ink.width, ink.height);
    let mut removed = vec![false; ink.mask.len()];
    let mut lines = Vec::new();
    for steep in [false, true] {
        // A steep line is a flat one of the picture with rows and columns exchanged.
        let size = if steep { (height, width) } else { (width, height) };
        let index = |x: usize, y: usize| if steep { x * width + y } else { y * width + x };
        let mut runs = Runs::of(size, |x, y| ink.mask[index(x, y)]);
        while lines.len() < MOST {
            let Some(found) = runs.line() else { break };
            for run in &found.runs {
                (run.top..run.bottom).for_each(|y| {
                    ink.mask[index(run.x, y)] = false;
                    removed[index(run.x, y)] = true;
                });
            }
            let degrees = found.slope.atan().to_degrees();
            lines.push(Line { degrees: if steep { -degrees } else { degrees }, steep, length: found.length });
        }
    }
    (lines, removed)
}

/// A stretch of ink in one column.
#[derive(Debug, Clone, Copy)]
struct Run {
    x: usize,
    top: usize,
    /// One past the last.
    bottom: usize,
}

impl Run {
    fn middle(&self) -> f64 {
        (self.top + self.bottom) as f64 / 2.0
    }

    fn thickness(&self) -> usize {
        self.bottom - self.top
    }
}

/// A line with the runs that are nothing but it.
struct Found {
    slope: f64,
    length: f64,
    runs: Vec<Run>,
}

/// All thin runs of a mask, from left to right, with what remains of each line's votes.
struct Runs {
    size: (usize, usize),
    runs: Vec<Run>,
    shortest: f64,
    votes: Vec<u16>,
    bins: usize,
}

const ANGLES: usize = (2.0 * STEEPEST / STEP) as usize + 1;

/// Pixels of height of one bin of votes.
const BIN: f64 = 2.0;

fn slope(angle: usize) -> f64 {
    (angle as f64 * STEP - STEEPEST).to_radians().tan()
}

impl Runs {
    fn of(size: (usize, usize), is_ink: impl Fn(usize, usize) -> bool) -> Self {
        let (width, height) = size;
        let longest = width.max(height) as f64;
        let thickest = ((THICKEST * longest).round() as usize).max(3);
        let mut runs = Vec::new();
        for x in 0..width {
            let mut y = 0;
            while y < height {
                if !is_ink(x, y) {
                    y += 1;
                    continue;
                }
                let top = y;
                while y < height && is_ink(x, y) {
                    y += 1;
                }
                if y - top <= thickest {
                    runs.push(Run { x, top, bottom: y });
                }
            }
        }
        let half = width as f64 / 2.0 * STEEPEST.to_radians().tan();
        let bins = ((height as f64 + 2.0 * half) / BIN) as usize + 2;
        let mut all =
            Self { size, runs: Vec::new(), shortest: SHORTEST * longest, votes: vec![0; ANGLES * bins], bins };
        runs.iter().for_each(|run| all.vote(run, true));
        all.runs = runs;
        all
    }

    fn vote(&mut self, run: &Run, cast: bool) {
        let (width, height) = self.size;
        let across = run.x as f64 + 0.5 - width as f64 / 2.0;
        let half = (self.bins as f64 * BIN - height as f64) / 2.0;
        for angle in 0..ANGLES {
            let bin = ((run.middle() - across * slope(angle) + half) / BIN).max(0.0) as usize;
            let vote = &mut self.votes[angle * self.bins + bin.min(self.bins - 1)];
            *vote = if cast { vote.saturating_add(1) } else { vote.saturating_sub(1) };
        }
    }

    /// The line of most votes that keeps what is asked of a line; its runs are taken out.
    fn line(&mut self) -> Option<Found> {
        // What looked like a line and is none loses its votes: each turn ends with fewer.
        for _ in 0..MOST {
            let pair =
                |at: usize| u32::from(self.votes[at]) + self.votes.get(at + 1).map_or(0, |&vote| u32::from(vote));
            let best = (0..self.votes.len()).max_by_key(|&at| pair(at))?;
            if f64::from(pair(best)) < FULL * self.shortest {
                return None;
            }
            let (width, height) = self.size;
            let half = (self.bins as f64 * BIN - height as f64) / 2.0;
            let slope = slope(best / self.bins);
            let level = (best % self.bins + 1) as f64 * BIN - half - slope * width as f64 / 2.0;
            let line = self.fitted(slope, level);
            let near = |run: &Run, (slope, level): (f64, f64)| {
                (run.middle() - level - slope * (run.x as f64 + 0.5)).abs() <= ASTRAY + 1.0
            };
            let found = line.and_then(|line| self.stretch(line));
            let taken: Vec<bool> = match (&found, line) {
                (Some((_, ends)), Some(line)) => {
                    self.runs.iter().map(|run| ends.contains(&run.x) && near(run, line)).collect()
                }
                _ => self.runs.iter().map(|run| near(run, (slope, level))).collect(),
            };
            let gone: Vec<Run> =
                self.runs.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(run, _)| *run).collect();
            gone.iter().for_each(|run| self.vote(run, false));
            let mut taken = taken.iter();
            self.runs.retain(|_| !taken.next().copied().unwrap_or(false));
            if gone.is_empty() {
                return None;
            }
            if let Some((found, _)) = found {
                return Some(found);
            }
        }
        None
    }

    /// The line through the middles near to one, by least squares, twice.
    fn fitted(&self, mut slope: f64, mut level: f64) -> Option<(f64, f64)> {
        for reach in [2.0 * ASTRAY, ASTRAY, ASTRAY] {
            let near = self.runs.iter().map(|run| (run.x as f64 + 0.5, run.middle()));
            let near = near.filter(|(x, y)| (y - level - slope * x).abs() <= reach);
            let (mut n, mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for (x, y) in near {
                n += 1.0;
                sx += x;
                sy += y;
                sxx += x * x;
                sxy += x * y;
            }
            let spread = n * sxx - sx * sx;
            if n < 8.0 || spread < 1.0 {
                return None;
            }
            slope = (n * sxy - sx * sy) / spread;
            level = (sy - slope * sx) / n;
        }
        (slope.abs() <= STEEPEST.to_radians().tan() * 1.05).then_some((slope, level))
    }

    /// The longest stretch of a line that is full of ink, when it is long enough and as thin all along.
    fn stretch(&self, (slope, level): (f64, f64)) -> Option<(Found, RangeInclusive<usize>)> {
        let gap = (0.012 * self.shortest / SHORTEST).max(4.0) as usize;
        let near = |run: &&Run| (run.middle() - level - slope * (run.x as f64 + 0.5)).abs() <= ASTRAY;
        let near: Vec<Run> = self.runs.iter().filter(near).copied().collect();
        let mut stretches: Vec<&[Run]> = Vec::new();
        let mut start = 0;
        for i in 1..=near.len() {
            if i == near.len() || near[i].x > near[i - 1].x + gap {
                stretches.push(&near[start..i]);
                start = i;
            }
        }
        let reach = |part: &[Run]| part.last().zip(part.first()).map_or(0, |(b, a)| b.x - a.x + 1);
        let best: &[Run] = stretches.iter().copied().max_by_key(|part| reach(part))?;
        let (from, to) = (best.first()?.x, best.last()?.x);
        let columns = (to - from + 1) as f64;
        let mut filled = best.iter().map(|run| run.x).collect::<Vec<_>>();
        filled.dedup();
        let length = columns * slope.hypot(1.0);
        if length < self.shortest || (filled.len() as f64) < FULL * columns {
            return None;
        }
        // Handwriting wavers; what is printed does not.
        let stray: f64 = best.iter().map(|run| (run.middle() - level - slope * (run.x as f64 + 0.5)).powi(2)).sum();
        if (stray / best.len() as f64).sqrt() > ASTRAY / 2.0 {
            return None;
        }
        let mut thick: Vec<usize> = best.iter().map(Run::thickness).collect();
        thick.sort_unstable();
        let most = (thick[thick.len() / 2] as f64 * 1.6).ceil() as usize + 1;
        // Strokes that run along a line part it; its shorter stretches go with it. Where a stroke crosses, the run is
        // thicker and stays.
        let parts = stretches.iter().filter(|part| reach(part) > gap).flat_map(|part| part.iter());
        let runs: Vec<Run> = parts.filter(|run| run.thickness() <= most).copied().collect();
        let ends = runs.first().map_or(from, |run| run.x)..=runs.last().map_or(to, |run| run.x);
        Some((Found { slope, length, runs }, ends))
    }
}
