//! What has to be done to a photo, as data, before a pixel is touched.

use super::error::{NormalizeError, Shortfall};
use super::size::Sizes;
use super::solve::{self, Limit, Row, Solution, Wall};
use super::subject::Subject;
use crate::facts::Missing;
use crate::profile::{Band, Canvas, Operation, Permission, Profile};
use crate::units::{Point, Rect};

/// Where the frame lies on the picture, and what is done beyond cropping.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Size of the result in pixels: the profile's canvas, or a smaller one that needs no enlarging.
    pub canvas: Canvas,
    /// Pixels of the result per pixel of the picture.
    pub scale: f64,
    /// Place of the levelled picture's origin in the result, in pixels of the result.
    pub offset: Point,
    /// Clockwise turn of the levelled picture's rows in the picture, in radians; 0 when nothing is turned.
    pub turn: f64,
    /// Background added at the left, the top and the right, in pixels of the result.
    pub padding: [f64; 3],
    /// Share of every measurement's error (its 95th percentile) that the limits leave room for, 0 to 1.
    pub safety: f64,
}

/// How far a measurement may be off, in pixels at 480x640: 95th percentiles of `docs/coverage.md`, rounded up.
const GUARDS: [(&str, f64); 7] = [
    ("face.head-top", 4.5),
    ("face.hairline", 8.0),
    ("face.eye-line", 2.0),
    ("face.width", 6.5),
    ("face.head-height", 13.0),
    ("face.eye-distance", 2.5),
    ("face.centering", 3.0),
];

/// Height the guards were measured at, in pixels.
const GUARD_HEIGHT: f64 = 640.0;

/// What safety is given up for keeping one side as it is, or for not enlarging.
const COST_OF_CHANGE: f64 = 0.25;

/// The sides background can be added at. The lower one is never among them: there the person goes on.
const SIDES: [Side; 3] = [Side::Left, Side::Top, Side::Right];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Top,
    Right,
}

/// A limit with the name it has in messages.
struct Named {
    name: &'static str,
    limit: Limit,
}

/// A freedom of the plan: which sides are extended, and whether the picture is enlarged.
#[derive(Debug, Clone, Copy)]
struct Choice {
    extended: [bool; 3],
    enlarged: bool,
}

impl Plan {
    /// Finds the placement that keeps the profile's limits with the most room, by cropping alone when that does.
    /// `replaced`: whether the background is to be replaced. `reduction`: pixels of the file per pixel of the picture, by which
    /// enlarging is told.
    ///
    /// # Errors
    /// [`NormalizeError::HeadCutOff`], [`NormalizeError::NotMeasured`], or [`NormalizeError::Conflict`].
    pub(super) fn make(
        subject: &Subject<'_>,
        profile: &Profile,
        replaced: bool,
        reduction: u32,
    ) -> Result<Self, NormalizeError> {
        let canvas = profile.canvas;
        let sizes = Sizes::of(profile, reduction);
        let allowed = |operation| profile.permission(operation) == Permission::Allow;
        // A background that is to be replaced can be carried on whatever it is.
        let pad = allowed(Operation::Pad) && (subject.plain || replaced);
        let choices: Vec<Choice> = (0..16u8)
            .map(|bits| Choice { extended: std::array::from_fn(|i| bits >> i & 1 == 1), enlarged: bits >> 3 & 1 == 1 })
            .filter(|choice| pad || choice.extended == [false; 3])
            .filter(|choice| !(choice.extended[1] && subject.reaches_top))
            .filter(|choice| allowed(Operation::Enlarge) || !choice.enlarged)
            .collect();

        // Limits that warn are kept too, as long as that is possible.
        let mut best = None;
        for keep_warnings in [true, false] {
            let named = limits(subject, profile, keep_warnings)?;
            best = choose(&named, &choices, subject, &sizes);
            if best.is_some_and(|(_, solution)| solution.safety >= 0.0) {
                break;
            }
        }
        let named = limits(subject, profile, false)?;
        match best {
            Some((_, solution)) if solution.safety >= 0.0 => {
                let plan = Self::of(subject, canvas, solution);
                let size = sizes.without_enlarging(plan.scale, allowed(Operation::Enlarge));
                Ok(plan.at(size))
            }
            _ if subject.reaches_top => Err(NormalizeError::HeadCutOff),
            best => {
                let freest = best.map_or(Choice { extended: [pad; 3], enlarged: true }, |(choice, _)| choice);
                Err(NormalizeError::Conflict { shortfalls: shortfalls(&named, freest, subject, &sizes) })
            }
        }
    }

    fn of(subject: &Subject<'_>, canvas: Canvas, solution: Solution) -> Self {
        let [scale, x, y] = solution.unknowns;
        let mut plan = Self {
            canvas,
            scale,
            offset: Point::new(x, y),
            turn: subject.turn,
            padding: [0.0; 3],
            safety: solution.safety,
        };
        let (w, h) = (f64::from(canvas.width), f64::from(canvas.height));
        let corners = [(0.0, 0.0), (w, 0.0), (0.0, h), (w, h)].map(|(x, y)| plan.to_picture(subject, Point::new(x, y)));
        let beyond = |past: fn(Point, &Rect) -> f64| {
            let most = corners.iter().map(|&corner| past(corner, &subject.inner)).fold(0.0, f64::max) * scale;
            // Less than a hundredth of a pixel is rounding.
            if most < 0.01 { 0.0 } else { most }
        };
        plan.padding = [
            beyond(|corner, inner| inner.x - corner.x),
            beyond(|corner, inner| inner.y - corner.y),
            beyond(|corner, inner| corner.x - inner.right()),
        ];
        plan
    }

    /// The same placement in a frame of another size and the same shape.
    fn at(self, canvas: Canvas) -> Self {
        if canvas == self.canvas {
            return self;
        }
        let k = f64::from(canvas.width) / f64::from(self.canvas.width);
        Self {
            canvas,
            scale: self.scale * k,
            offset: Point::new(self.offset.x * k, self.offset.y * k),
            padding: self.padding.map(|pixels| pixels * k),
            ..self
        }
    }

    /// From the result's pixels to the picture's.
    pub(super) fn to_picture(&self, subject: &Subject<'_>, p: Point) -> Point {
        subject.to_picture(Point::new((p.x - self.offset.x) / self.scale, (p.y - self.offset.y) / self.scale))
    }

    /// From the levelled picture's pixels to the result's.
    pub fn to_result(&self, p: Point) -> Point {
        Point::new(p.x * self.scale + self.offset.x, p.y * self.scale + self.offset.y)
    }
}

/// The best of all choices: the most safety, less what each change costs. A choice that breaks a limit is taken only when
/// all do.
fn choose(named: &[Named], choices: &[Choice], subject: &Subject<'_>, sizes: &Sizes) -> Option<(Choice, Solution)> {
    let limits: Vec<Limit> = named.iter().map(|one| one.limit.clone()).collect();
    let mut best: Option<(f64, Choice, Solution)> = None;
    for &choice in choices {
        let Some(solution) = solve::solve(&limits, &walls(subject, sizes, choice)) else { continue };
        let changes = choice.extended.iter().filter(|&&side| side).count() + usize::from(choice.enlarged);
        let broken = if solution.safety < 0.0 { 1e3 } else { 0.0 };
        let score = solution.safety - COST_OF_CHANGE * changes as f64 - broken;
        if best.is_none_or(|(most, ..)| score > most) {
            best = Some((score, choice, solution));
        }
        // Choices come with the unchanged picture first: nothing beats full safety without a change.
        if changes == 0 && solution.safety >= 1.0 {
            break;
        }
    }
    best.map(|(_, choice, solution)| (choice, solution))
}

/// The limits a profile sets on positions, for what was measured on the subject.
fn limits(subject: &Subject<'_>, profile: &Profile, keep_warnings: bool) -> Result<Vec<Named>, NormalizeError> {
    let vertical = |y: f64| [y, 0.0, 1.0];
    let mut named = Vec::new();
    for (name, guard) in GUARDS {
        let Some(rule) = profile.rule(name).filter(|rule| !rule.info) else { continue };
        let band = if keep_warnings { both(rule.fail, rule.warn) } else { rule.fail };
        let band = rule.ruler().band(band, profile.canvas);
        let guard = guard * f64::from(profile.canvas.height) / GUARD_HEIGHT;
        let mut push = |row: Row, min, max| named.push(Named { name, limit: Limit { row, min, max, guard } });
        let measured =
            |value: Result<f64, Missing>| value.map_err(|missing| NormalizeError::NotMeasured { check: name, missing });
        match name {
            "face.head-top" => push(vertical(measured(subject.head_top)?), band.min, band.max),
            "face.hairline" => push(vertical(measured(subject.hairline)?), band.min, band.max),
            "face.width" => push([subject.face_width, 0.0, 0.0], band.min, band.max),
            "face.head-height" => {
                push([subject.chin_y - measured(subject.head_top)?, 0.0, 0.0], band.min, band.max);
            }
            "face.eye-distance" => push([subject.eyes[0].distance(subject.eyes[1]), 0.0, 0.0], band.min, band.max),
            "face.centering" => {
                let middle = f64::from(profile.canvas.width) / 2.0;
                push([subject.center_x, 1.0, 0.0], band.min.map(|v| v + middle), band.max.map(|v| v + middle));
            }
            _ => {
                // The mean and each eye are judged; the ends of the band bind the higher and the lower one.
                let [a, b] = subject.eyes.map(|eye| eye.y);
                push(vertical((a + b) / 2.0), band.min, band.max);
                push(vertical(a.min(b)), band.min, None);
                push(vertical(a.max(b)), None, band.max);
            }
        }
    }
    Ok(named)
}

fn both(a: Band, b: Band) -> Band {
    let pick = |a: Option<f64>, b: Option<f64>, better: fn(f64, f64) -> f64| match (a, b) {
        (Some(a), Some(b)) => Some(better(a, b)),
        (a, b) => a.or(b),
    };
    Band { min: pick(a.min, b.min, f64::max), max: pick(a.max, b.max, f64::min) }
}

/// The walls of a choice. A side that is not extended keeps the frame inside of the picture; one that is extended keeps
/// the frame above the row where the person first touches that side, so that nobody is cut by the former edge.
fn walls(subject: &Subject<'_>, sizes: &Sizes, choice: Choice) -> Vec<Wall> {
    named_walls(subject, sizes, choice).into_iter().map(|(_, wall)| wall).collect()
}

fn named_walls(subject: &Subject<'_>, sizes: &Sizes, choice: Choice) -> Vec<(&'static str, Wall)> {
    let (inner, canvas) = (subject.inner, sizes.preferred());
    let mut walls = vec![("edge.bottom", inside(subject, canvas, (0.0, -1.0), -inner.bottom()))];
    for (side, extended) in SIDES.into_iter().zip(choice.extended) {
        let (name, normal, distance, reach) = match side {
            Side::Left => ("edge.left", (1.0, 0.0), inner.x, subject.reaches[0]),
            Side::Top => ("edge.top", (0.0, 1.0), inner.y, None),
            Side::Right => ("edge.right", (-1.0, 0.0), -inner.right(), subject.reaches[1]),
        };
        match (extended, reach) {
            (false, _) => walls.push((name, inside(subject, canvas, normal, distance))),
            (true, Some(row)) => {
                // The frame's lower edge lies above that row.
                walls.push((name, Wall { row: [row, 0.0, 1.0], bound: f64::from(canvas.height) }));
            }
            (true, None) => {}
        }
    }
    if !choice.enlarged {
        walls.push(("scale", Wall { row: [-1.0, 0.0, 0.0], bound: -sizes.most_scale() }));
    }
    walls
}

/// The frame lies on the side of a line of the picture that `normal` points to: `normal · p >= distance` for all its
/// corners, of which the farthest against the normal decides.
fn inside(subject: &Subject<'_>, canvas: Canvas, normal: (f64, f64), distance: f64) -> Wall {
    let (sin, cos) = subject.turn.sin_cos();
    let turned = (normal.0 * cos + normal.1 * sin, normal.1 * cos - normal.0 * sin);
    let (w, h) = (f64::from(canvas.width), f64::from(canvas.height));
    let along = |n: (f64, f64), p: (f64, f64)| n.0 * p.0 + n.1 * p.1;
    let corner = [(0.0, 0.0), (w, 0.0), (0.0, h), (w, h)].map(|corner| along(turned, corner));
    let farthest = corner.into_iter().fold(f64::INFINITY, f64::min);
    // p = to + R((corner - offset) / scale - from); times the scale, which is positive, this is linear.
    let constant =
        along(normal, (subject.to.x, subject.to.y)) - along(turned, (subject.from.x, subject.from.y)) - distance;
    Wall { row: [constant, -turned.0, -turned.1], bound: -farthest }
}

/// For each limit and edge: by how much it is missed at best when all others hold. Only those that are missed.
fn shortfalls(named: &[Named], choice: Choice, subject: &Subject<'_>, sizes: &Sizes) -> Vec<Shortfall> {
    let strict = |limit: &Limit| Limit { guard: 0.0, ..limit.clone() };
    let edges = named_walls(subject, sizes, choice);
    let mut names: Vec<&'static str> = named.iter().map(|one| one.name).collect();
    names.dedup();
    let of_limits = names.into_iter().filter_map(|name| {
        // A guard of one pixel makes the safety of these limits the pixels they are missed by.
        let limits: Vec<Limit> = named
            .iter()
            .map(|one| if one.name == name { Limit { guard: 1.0, ..one.limit.clone() } } else { strict(&one.limit) })
            .collect();
        let walls: Vec<Wall> = edges.iter().map(|(_, wall)| *wall).collect();
        missed(name, solve::safest(&limits, &walls, 1.0))
    });
    let of_edges = edges.iter().filter(|(name, _)| name.starts_with("edge.")).filter_map(|&(name, wall)| {
        let mut limits: Vec<Limit> = named.iter().map(|one| strict(&one.limit)).collect();
        limits.push(Limit { row: wall.row, min: Some(wall.bound), max: None, guard: 1.0 });
        let others: Vec<Wall> = edges.iter().filter(|(other, _)| *other != name).map(|(_, wall)| *wall).collect();
        missed(name, solve::safest(&limits, &others, 1.0))
    });
    let single: Vec<Shortfall> = of_limits.chain(of_edges).collect();
    if single.is_empty() { least_bad(named, &edges) } else { single }
}

/// What the least bad placement misses, when no single limit stands in the way of all others.
fn least_bad(named: &[Named], edges: &[(&'static str, Wall)]) -> Vec<Shortfall> {
    let limits: Vec<Limit> = named.iter().map(|one| Limit { guard: 1.0, ..one.limit.clone() }).collect();
    let walls: Vec<Wall> = edges.iter().map(|(_, wall)| *wall).collect();
    let Some(solution) = solve::solve(&limits, &walls) else { return Vec::new() };
    let missed = |one: &Named| {
        let pixels = -one.limit.room(solution.unknowns);
        (pixels > 0.05).then_some(Shortfall { what: one.name, pixels })
    };
    let mut all: Vec<Shortfall> = named.iter().filter_map(missed).collect();
    all.dedup_by(|a, b| a.what == b.what);
    all
}

fn missed(what: &'static str, safety: Option<f64>) -> Option<Shortfall> {
    safety.filter(|&safety| safety < 0.0).map(|safety| Shortfall { what, pixels: -safety })
}
