//! The legend: verdict and reasons, in both languages.

use super::super::text::{fix_text, status_text, verdict_text, wrap};
use super::color;
use super::svg::{Canvas, Color};
use crate::check::Status;
use crate::report::{CheckResult, Report, Verdict};
use crate::units::Text;

/// SVG units a column of text takes at size 13; a Chinese character takes two.
const COLUMN: f64 = 7.0;

/// Draws the legend at `x`, and returns its height.
pub(super) fn draw(
    drawing: &mut Canvas,
    report: &Report,
    x: f64,
    width: f64,
    notes: &[Text],
    reasons: &[&CheckResult],
) -> f64 {
    let mut pen = Pen { drawing, x, y: 24.0, columns: (width / COLUMN) as usize };
    let verdict = verdict_text(report.verdict);
    let tint = match report.verdict {
        Verdict::Accept => Color::Good,
        Verdict::Review => Color::Doubt,
        Verdict::Reject => Color::Bad,
    };
    pen.line(24.0, true, tint, &format!("{} / {}", verdict.zh, verdict.en));
    if let Some(name) = &report.file.name {
        pen.paragraph(13.0, true, Color::Ink, name);
    }
    let size = report.file.width.zip(report.file.height).map(|(w, h)| format!(", {w} x {h} px")).unwrap_or_default();
    let kib = report.file.bytes as f64 / 1024.0;
    pen.paragraph(12.0, false, Color::Faint, &format!("{}{size}, {kib:.1} KB", report.file.format));
    let canvas = report.profile.canvas;
    let profile = &report.profile;
    let mut line = format!("{} {}", profile.id, profile.version);
    if !canvas.is_none() {
        line += &format!(", {} x {} px", canvas.width, canvas.height);
    }
    pen.paragraph(12.0, false, Color::Faint, &line);
    for check in reasons {
        pen.y += 10.0;
        let status = status_text(check.status);
        let head = format!("{} / {}: {} / {}", check.title.zh, check.title.en, status.zh, status.en);
        pen.paragraph(13.0, true, color(check.status), &head);
        pen.both(Color::Ink, &check.message);
        if let Some(hint) = &check.hint {
            pen.both(Color::Ink, hint);
        }
        if let Some(fix) = check.fix {
            let fix = fix_text(fix);
            pen.paragraph(12.0, false, Color::Faint, &format!("{} / {}", fix.zh, fix.en));
        }
    }
    pen.y += 10.0;
    let passes = report.checks.iter().filter(|check| check.status == Status::Pass).count();
    pen.paragraph(12.0, false, Color::Good, &format!("{passes} 项合格 / {passes} checks pass"));
    for note in notes {
        pen.both(Color::Faint, note);
    }
    pen.y
}

struct Pen<'a> {
    drawing: &'a mut Canvas,
    x: f64,
    y: f64,
    columns: usize,
}

impl Pen<'_> {
    fn line(&mut self, size: f64, bold: bool, color: Color, text: &str) {
        self.drawing.text(self.x, self.y, size, bold, color, text);
        self.y += size * 1.45;
    }

    fn paragraph(&mut self, size: f64, bold: bool, color: Color, text: &str) {
        for line in wrap(text, Some(self.columns), "", "") {
            self.line(size, bold, color, &line);
        }
    }

    fn both(&mut self, color: Color, text: &Text) {
        self.paragraph(13.0, false, color, &text.zh);
        self.paragraph(12.0, false, if color == Color::Ink { Color::Faint } else { color }, &text.en);
    }
}
