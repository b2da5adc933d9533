//! SVG overlay: the photo with what was measured, what was asked for, and why it fails, drawn on it.
//!
//! The picture has three columns: the photo with bands and lines, the labels of the lines beside it, and a legend with
//! the verdict and the reasons in Chinese and English. All text from outside is made [harmless](super::harmless()) and escaped, so the
//! document is well-formed whatever a file is called.

mod legend;
mod lines;
mod svg;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{CheckResult, Report, text};
use crate::check::Status;
use crate::units::{Lang, Region, Text};
use svg::{Canvas, Color};

/// The photo to draw on.
#[derive(Debug, Clone, Copy)]
pub struct PhotoForOverlay<'a> {
    /// The file's bytes; embedded, so that the SVG stands alone.
    pub bytes: &'a [u8],
}

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Height of the photo in the picture, in SVG units (CSS pixels at 100 %).
    pub photo_height: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { photo_height: 800.0 }
    }
}

/// Height of the photo that [`marks`] are drawn for, SVG units: that of a page of many photos, so that lines are not thin.
const MARKS_HEIGHT: f64 = 480.0;
/// Width of the column of labels, SVG units.
const LABELS: f64 = 170.0;
/// Width of the legend, SVG units.
const LEGEND: f64 = 480.0;
/// Space around everything, SVG units.
const MARGIN: f64 = 16.0;

/// Where the photo lies in the picture, and the factors between pixels.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Width of the drawn photo, SVG units.
    width: f64,
    /// Height of the drawn photo, SVG units.
    height: f64,
    /// SVG units per original pixel.
    scale: f64,
    /// Original pixels per pixel of the profile; `None` when the photo has another shape, and so no common scale.
    profile: Option<f64>,
}

impl Frame {
    fn of(report: &Report, options: &Options) -> Self {
        let canvas = report.profile.canvas;
        let size = report.file.width.zip(report.file.height).filter(|&(w, h)| w > 0 && h > 0);
        let (w, h) = size.unwrap_or((canvas.width.max(1), canvas.height.max(1)));
        let (w, h) = (f64::from(w), f64::from(h));
        // A very wide photo is bounded by its width, so that the picture stays a size one can look at.
        let scale = (options.photo_height / h).min(options.photo_height * 2.0 / w);
        let (sx, sy) = (w / f64::from(canvas.width), h / f64::from(canvas.height));
        let same_shape = sx.is_finite() && sy.is_finite() && (sx / sy - 1.0).abs() <= 0.01;
        Self { width: w * scale, height: h * scale, scale, profile: same_shape.then_some((sx + sy) / 2.0) }
    }
}

/// Draws `report` over its photo as an SVG 1.1 document.
pub fn svg(report: &Report, photo: &PhotoForOverlay<'_>, options: &Options) -> String {
    let frame = Frame::of(report, options);
    let mut notes = Vec::new();
    let mut drawing = Canvas::new(MARGIN, MARGIN);
    draw_photo(&mut drawing, report, photo, &frame, &mut notes);
    drawing.open_clip(frame.width, frame.height);
    lines::bands(&mut drawing, report, &frame, &mut notes);
    for check in shown(report) {
        draw_region(&mut drawing, check, &frame, Lang::Zh);
    }
    lines::measured(&mut drawing, report, &frame);
    drawing.close();
    drawing.rect(0.0, 0.0, frame.width, frame.height, "fill=\"none\" stroke=\"#8c959f\"");
    lines::labels(&mut drawing, report, &frame);
    let legend_height =
        legend::draw(&mut drawing, report, frame.width + LABELS + MARGIN, LEGEND, &notes, &shown(report));
    let width = frame.width + LABELS + LEGEND + 3.0 * MARGIN;
    let height = frame.height.max(legend_height) + 2.0 * MARGIN;
    drawing.finish(width, height, &title(report))
}

/// What is drawn on the photo of `report`, without the photo, as an SVG element to lay over it. It takes the size of what
/// it is laid over.
pub fn marks(report: &Report) -> String {
    marks_in(report, Lang::Zh)
}

fn marks_in(report: &Report, lang: Lang) -> String {
    let frame = Frame::of(report, &Options { photo_height: MARKS_HEIGHT });
    let mut drawing = Canvas::new(0.0, 0.0);
    lines::bands(&mut drawing, report, &frame, &mut Vec::new());
    for check in shown(report) {
        draw_region(&mut drawing, check, &frame, lang);
    }
    lines::measured(&mut drawing, report, &frame);
    drawing.finish_element(frame.width, frame.height)
}

/// The same marks as an SVG document of their own, for a page that may not put them into itself, with titles in `lang`.
pub fn layer(report: &Report, lang: Lang) -> String {
    let element = marks_in(report, lang);
    element.replacen("<svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\"", 1)
}

/// Checks worth drawing: those that do not pass, the worst first.
fn shown(report: &Report) -> Vec<&CheckResult> {
    let mut checks: Vec<_> = report.checks.iter().filter(|check| check.status != Status::Pass).collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.status));
    checks
}

fn title(report: &Report) -> String {
    let verdict = text::verdict_text(report.verdict);
    format!("{} {} / {}", report.file.name.as_deref().unwrap_or(&report.id), verdict.zh, verdict.en)
}

fn color(status: Status) -> Color {
    match status {
        Status::Pass => Color::Good,
        Status::Fail => Color::Bad,
        Status::Warn | Status::Undetermined => Color::Doubt,
    }
}

/// The photo, or a plain area where no browser would show it.
fn draw_photo(
    drawing: &mut Canvas,
    report: &Report,
    photo: &PhotoForOverlay<'_>,
    frame: &Frame,
    notes: &mut Vec<Text>,
) {
    let mime = match report.file.format.as_str() {
        "jpeg" => Some("image/jpeg"),
        "png" => Some("image/png"),
        "webp" => Some("image/webp"),
        "bmp" => Some("image/bmp"),
        "gif" => Some("image/gif"),
        _ => None,
    };
    let Some(mime) = mime.filter(|_| report.file.width.is_some()) else {
        drawing.rect(0.0, 0.0, frame.width, frame.height, "fill=\"#d9d9d9\"");
        notes.push(Text::new(
            "浏览器无法显示此格式，故不显示照片",
            "browsers do not show this format; the photo is left out",
        ));
        return;
    };
    // Browsers turn an image in SVG by its EXIF orientation as they do in HTML; coordinates here are upright already.
    if report.file.exif.orientation.is_some_and(|orientation| orientation > 1) {
        notes.push(Text::new(
            "照片带有 EXIF 旋转标记，请用浏览器打开；其他软件可能显示方向不正",
            "the photo has an EXIF rotation: open this picture in a browser, other viewers may show it on its side",
        ));
    }
    let href = format!("data:{mime};base64,{}", STANDARD.encode(photo.bytes));
    drawing.image(frame.width, frame.height, &href);
}

/// The outline of what a check is about, with the check's title.
fn draw_region(drawing: &mut Canvas, check: &CheckResult, frame: &Frame, lang: Lang) {
    let Some(region) = &check.region else { return };
    let (s, color) = (frame.scale, color(check.status));
    let style = format!("fill=\"none\" stroke=\"{}\" stroke-width=\"2\"", color.css());
    let (x, y) = match region {
        Region::Rect(r) => {
            drawing.rect(r.x * s, r.y * s, r.width * s, r.height * s, &style);
            (r.x * s, r.y * s)
        }
        Region::Polygon { points } => {
            let points: Vec<_> = points.iter().map(|p| (p.x * s, p.y * s)).collect();
            drawing.polygon(&points, &style);
            let left = points.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
            (left, points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min))
        }
        Region::Line { from, to } => {
            drawing.line(from.x * s, from.y * s, to.x * s, to.y * s, &style);
            (from.x.min(to.x) * s, from.y.min(to.y) * s)
        }
    };
    if x.is_finite() && y.is_finite() {
        let label = check.title.get(lang);
        // Kept inside of the photo, where a region reaches the edge.
        drawing.tag(
            x.clamp(0.0, (frame.width - 60.0).max(0.0)),
            (y - 4.0).clamp(14.0, frame.height.max(14.0)),
            label,
            color,
        );
    }
}
