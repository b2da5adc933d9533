//! Bands the profile asks for and lines that were measured.

use super::svg::{Canvas, Color};
use super::{Frame, color};
use crate::check::Status;
use crate::profile::{Band, Edge, Ruler};
use crate::report::{FaceSummary, Report};
use crate::units::{Lang, Text, Unit};

/// Strips the profile allows, drawn where the photo has the profile's shape.
pub(super) fn bands(drawing: &mut Canvas, report: &Report, frame: &Frame, notes: &mut Vec<Text>) {
    let Some(profile) = frame.profile else {
        notes.push(Text::new(
            "照片宽高比与标准不符，不画标准区间",
            "the photo's shape is not the profile's, so the profile's bands are not drawn",
        ));
        return;
    };
    let unit = profile * frame.scale;
    for (id, fill) in [("face.head-top", "#7c3aed"), ("face.hairline", "#0891b2"), ("face.eye-line", "#15803d")] {
        let Some(limit) = band(report, id) else { continue };
        let top = limit.min.map_or(0.0, |min| min * unit);
        let bottom = limit.max.map_or(frame.height, |max| max * unit);
        let style = format!("fill=\"{fill}\" fill-opacity=\"0.14\" stroke=\"{fill}\" stroke-opacity=\"0.6\"");
        drawing.rect(0.0, top, frame.width, bottom - top, &style);
    }
    let middle = frame.width / 2.0;
    if let Some(max) = band(report, "face.centering").and_then(|limit| limit.max) {
        let style = "fill=\"#ca8a04\" fill-opacity=\"0.16\"";
        drawing.rect(middle - max * unit, 0.0, 2.0 * max * unit, frame.height, style);
    }
    drawing.line(middle, 0.0, middle, frame.height, "stroke=\"#ca8a04\" stroke-dasharray=\"2 5\"");
    if let (Some(face), Some(limit)) = (&report.face, band(report, "face.width")) {
        // Brackets of the narrowest and the widest face allowed, about the middle of this face.
        let (center, y) = (face.center_x * frame.scale, width_y(face) * frame.scale);
        for half in [limit.min, limit.max].into_iter().flatten().map(|width| width * unit / 2.0) {
            for x in [center - half, center + half] {
                drawing.line(
                    x,
                    y - 14.0,
                    x,
                    y + 14.0,
                    "stroke=\"#7c2d12\" stroke-width=\"2\" stroke-dasharray=\"4 2\"",
                );
            }
        }
    }
}

/// The measured lines themselves.
pub(super) fn measured(drawing: &mut Canvas, report: &Report, frame: &Frame) {
    let Some(face) = &report.face else { return };
    let s = frame.scale;
    for line in horizontal(report, face) {
        let style = format!("stroke=\"{}\" stroke-width=\"1.5\" stroke-dasharray=\"7 4\"", line.color.css());
        drawing.line(0.0, line.y * s, frame.width, line.y * s, &style);
    }
    for eye in [face.eye_left, face.eye_right] {
        drawing.circle(eye.x * s, eye.y * s, 4.0, "fill=\"none\" stroke=\"#fff\" stroke-width=\"3\"");
        drawing.circle(eye.x * s, eye.y * s, 4.0, "fill=\"none\" stroke=\"#1d4ed8\" stroke-width=\"1.5\"");
    }
    let (left, right) = (face.center_x - face.width / 2.0, face.center_x + face.width / 2.0);
    let (y, style) = (width_y(face) * s, stroke(report, "face.width"));
    drawing.line(left * s, y, right * s, y, &style);
    for x in [left * s, right * s] {
        drawing.line(x, y - 8.0, x, y + 8.0, &style);
    }
    drawing.line(face.center_x * s, 0.0, face.center_x * s, frame.height, &stroke(report, "face.centering"));
}

/// The labels beside the photo, moved apart where lines are close.
pub(super) fn labels(drawing: &mut Canvas, report: &Report, frame: &Frame) {
    const STEP: f64 = 32.0;
    let Some(face) = &report.face else { return };
    let mut lines = horizontal(report, face);
    lines.push(Line::new(report, "face.width", "脸宽", "face width", width_y(face), face.width));
    lines.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut floor = f64::NEG_INFINITY;
    for line in lines {
        let y = (line.y * frame.scale).clamp(0.0, frame.height);
        let place = y.max(floor);
        floor = place + STEP;
        let style = format!("stroke=\"{}\"", line.color.css());
        drawing.line(frame.width, y, frame.width + 14.0, place, &style);
        let ruler = report.check(line.check).and_then(|check| check.ruler).unwrap_or_default();
        let value = match frame.profile {
            Some(profile) => {
                let unit = ruler.unit(Unit::Px);
                unit.format(ruler.reading(line.value / profile, report.profile.canvas)) + unit.symbol()
            }
            None => format!("{} px (原图 original)", Unit::Px.format(line.value)),
        };
        let from = |lang| match frame.profile {
            Some(_) if ruler.from == Edge::Bottom => ruler.from.name(lang),
            _ => "",
        };
        let x = frame.width + 18.0;
        let zh = match from(Lang::Zh) {
            "" => format!("{} {value}", line.zh),
            edge => format!("{} {value} 距{edge}", line.zh),
        };
        drawing.text(x, place + 2.0, 13.0, true, line.color, &zh);
        let en = match from(Lang::En) {
            "" => line.en.to_owned(),
            edge => format!("{}, from the {edge}", line.en),
        };
        drawing.text(x, place + 15.0, 11.0, false, Color::Faint, &en);
    }
}

/// A measured line with its label.
struct Line {
    check: &'static str,
    zh: &'static str,
    en: &'static str,
    y: f64,
    value: f64,
    color: Color,
}

impl Line {
    fn new(report: &Report, check: &'static str, zh: &'static str, en: &'static str, y: f64, value: f64) -> Self {
        let status = report.check(check).map_or(Status::Pass, |check| check.status);
        let color = if status == Status::Pass { Color::Line } else { color(status) };
        Self { check, zh, en, y, value, color }
    }
}

fn horizontal(report: &Report, face: &FaceSummary) -> Vec<Line> {
    let line = |check, zh, en, y| Line::new(report, check, zh, en, y, y);
    let mut lines = Vec::with_capacity(5);
    lines.extend(face.head_top_y.map(|y| line("face.head-top", "头顶", "top of the head", y)));
    lines.extend(face.hairline_y.map(|y| line("face.hairline", "发际线", "hairline", y)));
    lines.push(line("face.eye-line", "双眼", "eye line", face.eye_left.midpoint(face.eye_right).y));
    lines.push(line("", "下巴", "chin", face.chin_y));
    lines
}

/// Height the width of the face is drawn at: between eyes and chin, about the cheekbones.
fn width_y(face: &FaceSummary) -> f64 {
    let eyes = face.eye_left.midpoint(face.eye_right).y;
    eyes + (face.chin_y - eyes) * 0.3
}

fn stroke(report: &Report, id: &str) -> String {
    let color = match report.check(id).map(|check| check.status) {
        Some(status) if status != Status::Pass => color(status),
        _ => Color::Line,
    };
    format!("stroke=\"{}\" stroke-width=\"1.5\"", color.css())
}

/// The limits of a position or a length in pixels of the profile, from its top edge.
fn band(report: &Report, id: &str) -> Option<Band> {
    let check = report.check(id)?;
    let ruler = check.ruler.or((check.unit == Unit::Px).then(Ruler::default))?;
    Some(ruler.band(check.limit?.into(), report.profile.canvas))
}
