//! Signatures drawn by a pen of our own, on paper with the faults of phone pictures, with the truth beside them.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use gradphoto::units::Point;
use image::{Rgb, RgbImage};

/// Numbers that look like chance, the same on every run.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// 0 to 1.
    pub fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// About normal, mean 0, deviation 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// A stroke: a cubic curve and the pen's half width at both ends and in the middle.
#[derive(Debug, Clone, Copy)]
pub struct Stroke {
    pub curve: [Point; 4],
    pub half: [f64; 3],
}

impl Stroke {
    fn at(&self, t: f64) -> (Point, f64) {
        let u = 1.0 - t;
        let weights = [u * u * u, 3.0 * u * u * t, 3.0 * u * t * t, t * t * t];
        let sum = |of: fn(&Point) -> f64| weights.iter().zip(&self.curve).map(|(w, p)| w * of(p)).sum();
        let [a, b, c] = self.half;
        let half = if t < 0.5 { a + (b - a) * 2.0 * t } else { b + (c - b) * (2.0 * t - 1.0) };
        (Point::new(sum(|p| p.x), sum(|p| p.y)), half)
    }
}

/// How a signature looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Joined loops, about four times as wide as high.
    Cursive,
    /// Three characters of separate strokes.
    Characters,
}

/// The strokes of a signature around the origin, `height` pixels high, with its rows level.
pub fn signature(hand: Hand, seed: u64, height: f64) -> Vec<Stroke> {
    let mut chance = Chance::new(seed + 17);
    let mut strokes = Vec::new();
    let pen = height / 26.0;
    match hand {
        Hand::Cursive => {
            let letters = 8;
            let step = height * 0.5;
            let mut from = Point::new(-step * f64::from(letters) / 2.0, 0.2 * height);
            for letter in 0..letters {
                let tall = if letter == 0 || chance.share() < 0.3 { 0.85 } else { chance.between(0.3, 0.5) };
                let to = Point::new(from.x + step * chance.between(0.85, 1.15), 0.2 * height);
                let top = 0.2 * height - tall * height * 1.25;
                let half = [pen * 0.5, pen * chance.between(0.7, 1.0), pen * 0.4];
                strokes.push(Stroke {
                    curve: [from, Point::new(from.x + 1.3 * step, top), Point::new(from.x - 0.4 * step, top), to],
                    half,
                });
                if chance.share() < 0.35 {
                    let low = Point::new(to.x - 0.3 * step, 0.5 * height);
                    strokes.push(Stroke { curve: [to, Point::new(to.x, 0.5 * height), low, to], half });
                }
                from = to;
            }
        }
        Hand::Characters => {
            for character in 0..3 {
                let center = (f64::from(character) - 1.0) * height * 1.25;
                let point = |chance: &mut Chance| {
                    Point::new(center + chance.between(-0.45, 0.45) * height, chance.between(-0.5, 0.5) * height)
                };
                for stroke in 0..8 {
                    let a = point(&mut chance);
                    // Level and falling strokes in turn, as characters have them.
                    let (dx, dy) = match stroke % 4 {
                        0 => (0.7, -0.05),
                        1 => (0.05, 0.7),
                        2 => (-0.4, 0.5),
                        _ => (0.4, 0.45),
                    };
                    let b = Point::new(
                        (a.x + dx * height).clamp(center - 0.5 * height, center + 0.5 * height),
                        (a.y + dy * height).clamp(-0.5 * height, 0.5 * height),
                    );
                    let bend = chance.between(-0.08, 0.08) * height;
                    let third = |t: f64| Point::new(a.x + (b.x - a.x) * t + bend, a.y + (b.y - a.y) * t - bend);
                    let half = [pen * 0.9, pen * 0.8, pen * 0.35];
                    strokes.push(Stroke { curve: [a, third(0.33), third(0.66), b], half });
                }
            }
        }
    }
    strokes
}

/// Turned by degrees (positive: falls to the right) and moved.
pub fn placed(strokes: &[Stroke], degrees: f64, to: Point) -> Vec<Stroke> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let place = |p: Point| Point::new(to.x + p.x * cos - p.y * sin, to.y + p.x * sin + p.y * cos);
    strokes.iter().map(|stroke| Stroke { curve: stroke.curve.map(place), ..*stroke }).collect()
}

/// How much of every pixel is covered, 0 to 1.
#[derive(Debug, Clone)]
pub struct Coverage {
    pub width: u32,
    pub height: u32,
    pub share: Vec<f32>,
}

impl Coverage {
    pub fn empty(width: u32, height: u32) -> Self {
        Self { width, height, share: vec![0.0; (width * height) as usize] }
    }

    pub fn draw(&mut self, strokes: &[Stroke]) {
        for stroke in strokes {
            let length: f64 = stroke.curve.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
            let steps = (length * 2.0).ceil().max(2.0) as u32;
            for step in 0..=steps {
                let (p, half) = stroke.at(f64::from(step) / f64::from(steps));
                self.disc(p, half);
            }
        }
    }

    pub fn disc(&mut self, p: Point, half: f64) {
        let range = |v: f64, n: u32| {
            let low = (v - half - 1.0).floor().max(0.0) as u32;
            low..((v + half + 2.0).max(0.0) as u32).min(n)
        };
        for y in range(p.y, self.height) {
            for x in range(p.x, self.width) {
                let away = p.distance(Point::new(f64::from(x) + 0.5, f64::from(y) + 0.5));
                let share = (half + 0.5 - away).clamp(0.0, 1.0) as f32;
                let at = (y * self.width + x) as usize;
                self.share[at] = self.share[at].max(share);
            }
        }
    }

    /// A straight line.
    pub fn line(&mut self, from: Point, to: Point, half: f64) {
        let mid = |t: f64| Point::new(from.x + (to.x - from.x) * t, from.y + (to.y - from.y) * t);
        self.draw(&[Stroke { curve: [from, mid(0.33), mid(0.66), to], half: [half; 3] }]);
    }

    /// Left, top, right and bottom of what is covered by half and more.
    pub fn bounds(&self) -> [f64; 4] {
        let mut bounds = [f64::MAX, f64::MAX, 0.0, 0.0];
        for (at, _) in self.share.iter().enumerate().filter(|(_, share)| **share >= 0.5) {
            let (x, y) = (f64::from(at as u32 % self.width), f64::from(at as u32 / self.width));
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x + 1.0), bounds[3].max(y + 1.0)];
        }
        bounds
    }

    /// The share at a place, of the nearest pixel; 0 outside.
    pub fn at(&self, p: Point) -> f32 {
        let inside = p.x >= 0.0 && p.y >= 0.0 && p.x < f64::from(self.width) && p.y < f64::from(self.height);
        if inside { self.share[(p.y as u32 * self.width + p.x as u32) as usize] } else { 0.0 }
    }
}

/// Paper, light and camera. Colours are in linear light.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    pub paper: [f64; 3],
    /// Light at the right and lower edge over that at the left and upper edge.
    pub gradient: f64,
    /// Light left in the shadow, and the width of its edge in pixels; 1 is no shadow.
    pub shadow: (f64, f64),
    /// Deviation of the noise, in steps of 8 bits.
    pub noise: f64,
}

pub const PLAIN: Scene = Scene { paper: [0.85, 0.85, 0.82], gradient: 1.0, shadow: (1.0, 1.0), noise: 1.0 };

/// Inks in linear light.
pub const BLACK: [f64; 3] = [0.015, 0.015, 0.018];
pub const BLUE: [f64; 3] = [0.03, 0.06, 0.30];
pub const RED: [f64; 3] = [0.62, 0.03, 0.04];

impl Scene {
    /// The picture of what is covered by inks.
    pub fn picture(&self, inks: &[(&Coverage, [f64; 3])], seed: u64) -> RgbImage {
        let (width, height) = (inks[0].0.width, inks[0].0.height);
        let mut chance = Chance::new(seed + 3);
        RgbImage::from_fn(width, height, |x, y| {
            let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            // The shadow of a phone: its edge runs slantwise over the picture.
            let edge = (f64::from(x) + 0.4 * f64::from(y) - 0.55 * f64::from(width)) / self.shadow.1;
            let lit = self.shadow.0 + (1.0 - self.shadow.0) / (1.0 + (-edge).exp());
            let light = (1.0 + (self.gradient - 1.0) * (u + v) / 2.0) * lit;
            let at = (y * width + x) as usize;
            let noise = chance.normal() * self.noise;
            Rgb([0, 1, 2].map(|c| {
                let mut seen = self.paper[c];
                for (coverage, ink) in inks {
                    let share = f64::from(coverage.share[at]);
                    seen *= 1.0 - share + share * ink[c] / self.paper[c].max(ink[c]);
                }
                (encoded(seen * light) + noise).round().clamp(0.0, 255.0) as u8
            }))
        })
    }
}

fn encoded(v: f64) -> f64 {
    let v = v.clamp(0.0, 1.0);
    255.0 * if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

/// A byte in linear light.
pub fn linear(v: u8) -> f64 {
    let v = f64::from(v) / 255.0;
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// Rows of small marks like those of printed text, `height` pixels high each, with so many glyphs a row.
pub fn text(coverage: &mut Coverage, origin: Point, rows: usize, glyphs: usize, height: f64, seed: u64) {
    let mut chance = Chance::new(seed + 5);
    for row in 0..rows {
        for glyph in 0..glyphs {
            let left = origin.x + glyph as f64 * height * 1.15;
            let top = origin.y + row as f64 * height * 1.8;
            for stroke in 0..4 {
                let (x, y) = (left + chance.between(0.0, 0.3) * height, top + chance.between(0.0, 0.3) * height);
                let (dx, dy) = if stroke % 2 == 0 { (0.6, 0.05) } else { (0.05, 0.65) };
                let to = Point::new(x + dx * height, y + dy * height);
                coverage.line(Point::new(x, y), to, (height / 18.0).max(0.7));
            }
        }
    }
}
