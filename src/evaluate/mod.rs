//! Error rates on labelled photos: what is caught, what is wrongly rejected, how far measurements are off, and whether
//! the answers depend on the tone of the skin.
//!
//! [`Evaluator`] takes labels with their rows one by one and keeps only counts and file names. It works on reports
//! alone, so anything that makes reports can be evaluated. `docs/evaluate.md` defines every number.

mod labels;
mod model;
mod stats;
mod text;

use std::collections::BTreeMap;

pub use labels::{Label, LabelError, Truth, parse_labels, read_labels, resolve};
pub use model::{Caught, Clean, Decisions, Evaluation, FalseAlarm, Fault, Group, Missed, NotJudged, Time};
pub use stats::{ErrorStats, FileError, WORST, percentile};
pub use text::write_text;

use crate::check::Status;
use crate::profile::Profile;
use crate::report::{Report, Row, Verdict};
use stats::Errors;

/// Lightness that parts skin tones, CIELAB L*: dark below the first, light from the second on.
pub const SKIN_BOUNDS: [f64; 2] = [50.0, 65.0];

/// Takes labelled rows one by one.
#[derive(Debug)]
pub struct Evaluator<'a> {
    profile: &'a Profile,
    skin_bounds: [f64; 2],
    photos: usize,
    errors: Vec<String>,
    other_shape: usize,
    faults: BTreeMap<(String, String), Fault>,
    not_judged: BTreeMap<String, usize>,
    clean: Clean,
    alarms: BTreeMap<String, FalseAlarm>,
    measurements: [Errors; MEASUREMENTS.len()],
    times: Vec<f64>,
    by_skin: BTreeMap<SkinTone, Group>,
    by_group: BTreeMap<String, Group>,
    decisions: Option<Decisions>,
}

/// Tones in the order they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SkinTone {
    Light,
    Medium,
    Dark,
    Unknown,
}

/// A measurement compared with a truth: name, unit, measured and true value in the photo's own pixels or degrees.
struct Measurement {
    name: &'static str,
    unit: &'static str,
    truth: fn(&Truth) -> Option<f64>,
    measured: fn(&crate::report::FaceSummary) -> Option<f64>,
}

static MEASUREMENTS: [Measurement; 7] = [
    Measurement {
        name: "eye-line",
        unit: "px",
        truth: |truth| truth.eye_y,
        measured: |face| Some(face.eye_left.midpoint(face.eye_right).y),
    },
    Measurement { name: "head-top", unit: "px", truth: |truth| truth.head_top, measured: |face| face.head_top_y },
    Measurement { name: "face-width", unit: "px", truth: |truth| truth.face_width, measured: |face| Some(face.width) },
    Measurement {
        name: "face-width-max",
        unit: "px",
        truth: |truth| truth.face_width_max,
        measured: |face| Some(face.width),
    },
    Measurement { name: "hairline", unit: "px", truth: |truth| truth.hairline, measured: |face| face.hairline_y },
    Measurement { name: "chin", unit: "px", truth: |truth| truth.chin, measured: |face| Some(face.chin_y) },
    Measurement { name: "roll", unit: "degrees", truth: |truth| truth.roll, measured: |face| Some(face.roll_degrees) },
];

impl<'a> Evaluator<'a> {
    /// An evaluator of reports by `profile`; `skin_bounds` as [`SKIN_BOUNDS`].
    pub fn new(profile: &'a Profile, skin_bounds: [f64; 2]) -> Self {
        Self {
            profile,
            skin_bounds,
            photos: 0,
            errors: Vec::new(),
            other_shape: 0,
            faults: BTreeMap::new(),
            not_judged: BTreeMap::new(),
            clean: Clean::default(),
            alarms: BTreeMap::new(),
            measurements: Default::default(),
            times: Vec::new(),
            by_skin: BTreeMap::new(),
            by_group: BTreeMap::new(),
            decisions: None,
        }
    }

    /// Counts one photo. `skin` gives the L* of the person's skin, 0 to 100: that of a photo in plain light where the
    /// labelled photo is a case with altered light.
    pub fn add(&mut self, label: &Label, row: &Row, skin: impl FnOnce(&Label, &Row) -> Option<f64>) {
        self.photos += 1;
        let caught = self.fault(label, row.report.as_ref());
        let Some(report) = &row.report else {
            self.errors.push(label.file.clone());
            return;
        };
        self.times.push(report.timings_ms.total);
        if label.is_clean() {
            self.clean(&label.file, report);
        }
        self.measure(label, report);
        self.decide(label, report);
        let tone = self.tone(skin(label, row));
        let skin = self.by_skin.entry(tone).or_insert_with(|| Group { name: tone.name().into(), ..Group::default() });
        skin.add(label, report, caught);
        if let Some(name) = &label.group {
            let group =
                self.by_group.entry(name.clone()).or_insert_with(|| Group { name: name.clone(), ..Group::default() });
            group.add(label, report, caught);
        }
    }

    /// Counts the fault of a photo; whether it was caught, `None` without a fault the profile asks about.
    fn fault(&mut self, label: &Label, report: Option<&Report>) -> Option<bool> {
        if label.must_fail.is_empty() {
            return None;
        }
        let must_fail = label.must_fail.join("|");
        if !label.must_fail.iter().any(|id| self.profile.rule(id).is_some_and(|rule| !rule.info)) {
            *self.not_judged.entry(must_fail).or_default() += 1;
            return None;
        }
        let status = report.map(|report| {
            let found = label.must_fail.iter().filter_map(|id| report.check(id)).map(|check| check.status);
            found.max().unwrap_or(Status::Undetermined)
        });
        let key = (must_fail.clone(), label.severity.clone());
        let fault = self.faults.entry(key).or_insert_with(|| Fault::new(must_fail, label.severity.clone()));
        fault.photos += 1;
        *match status {
            Some(Status::Fail) => &mut fault.caught,
            Some(Status::Warn) => &mut fault.warned,
            Some(Status::Undetermined) => &mut fault.undetermined,
            Some(Status::Pass) => &mut fault.passed,
            None => &mut fault.unread,
        } += 1;
        let caught = status == Some(Status::Fail);
        if !caught {
            fault.missed.push(Missed { file: label.file.clone(), status });
            fault.rejected_otherwise += usize::from(report.is_some_and(|r| r.verdict == Verdict::Reject));
        }
        Some(caught)
    }

    fn clean(&mut self, file: &str, report: &Report) {
        self.clean.photos += 1;
        self.clean.with_fail += usize::from(has(report, Status::Fail));
        self.clean.with_warn += usize::from(has(report, Status::Warn));
        self.clean.with_undetermined += usize::from(has(report, Status::Undetermined));
        for check in &report.checks {
            let list = |alarm: &mut FalseAlarm| match check.status {
                Status::Fail => alarm.fail.push(file.to_owned()),
                Status::Warn => alarm.warn.push(file.to_owned()),
                Status::Undetermined | Status::Pass => alarm.undetermined.push(file.to_owned()),
            };
            if check.status != Status::Pass {
                list(self.alarms.entry(check.id.clone()).or_default());
            }
        }
    }

    fn measure(&mut self, label: &Label, report: &Report) {
        let canvas = self.profile.canvas;
        let size = report.file.width.zip(report.file.height).filter(|&(w, h)| w > 0 && h > 0);
        let Some((width, height)) = size.map(|(w, h)| (f64::from(w), f64::from(h))) else { return };
        let scale = f64::from(canvas.height) / height;
        let other_shape = (f64::from(canvas.width) / width / scale - 1.0).abs() > 0.01;
        let mut any = false;
        for (errors, what) in self.measurements.iter_mut().zip(&MEASUREMENTS) {
            let Some(truth) = (what.truth)(&label.truth) else { continue };
            any = true;
            let factor = if what.unit == "px" { scale } else { 1.0 };
            let measured = report.face.as_ref().and_then(what.measured);
            errors.add(&label.file, measured.map(|measured| (measured - truth) * factor));
        }
        self.other_shape += usize::from(any && other_shape);
    }

    fn decide(&mut self, label: &Label, report: &Report) {
        let Some(decision) = label.decision else { return };
        let all = self.decisions.get_or_insert_with(|| Decisions {
            matrix: [[0; 3]; 3],
            agree: 0,
            photos: 0,
            rejected_by_program_only: Vec::new(),
            accepted_by_program_only: Vec::new(),
        });
        all.photos += 1;
        all.matrix[place(decision)][place(report.verdict)] += 1;
        all.agree += usize::from(decision == report.verdict);
        match (decision, report.verdict) {
            (Verdict::Accept, Verdict::Reject) => all.rejected_by_program_only.push(label.file.clone()),
            (Verdict::Reject, Verdict::Accept) => all.accepted_by_program_only.push(label.file.clone()),
            _ => {}
        }
    }

    fn tone(&self, lightness: Option<f64>) -> SkinTone {
        match lightness {
            Some(l) if l >= self.skin_bounds[1] => SkinTone::Light,
            Some(l) if l >= self.skin_bounds[0] => SkinTone::Medium,
            Some(_) => SkinTone::Dark,
            None => SkinTone::Unknown,
        }
    }

    /// The numbers.
    pub fn finish(mut self) -> Evaluation {
        self.times.sort_by(f64::total_cmp);
        let mut checks: Vec<_> = self.alarms.into_iter().map(|(check, alarm)| FalseAlarm { check, ..alarm }).collect();
        checks.sort_by_key(|alarm| std::cmp::Reverse((alarm.fail.len(), alarm.warn.len(), alarm.undetermined.len())));
        let measurements =
            self.measurements.into_iter().zip(&MEASUREMENTS).filter_map(|(e, what)| e.finish(what.name, what.unit));
        Evaluation {
            profile: format!("{} {}", self.profile.id, self.profile.version),
            photos: self.photos,
            errors: self.errors,
            faults: self.faults.into_values().collect(),
            not_judged: self
                .not_judged
                .into_iter()
                .map(|(must_fail, photos)| NotJudged { must_fail, photos })
                .collect(),
            clean: Clean { checks, ..self.clean },
            measurements: measurements.collect(),
            other_shape: self.other_shape,
            time: Time {
                photos: self.times.len(),
                median_ms: percentile(&self.times, 50.0),
                p95_ms: percentile(&self.times, 95.0),
            },
            by_skin: self.by_skin.into_values().collect(),
            by_group: self.by_group.into_values().collect(),
            decisions: self.decisions,
        }
    }
}

impl SkinTone {
    fn name(self) -> &'static str {
        match self {
            SkinTone::Light => "light",
            SkinTone::Medium => "medium",
            SkinTone::Dark => "dark",
            SkinTone::Unknown => "unknown",
        }
    }
}

impl Group {
    fn add(&mut self, label: &Label, report: &Report, caught: Option<bool>) {
        self.photos += 1;
        if label.is_clean() {
            self.clean += 1;
            self.clean_with_fail += usize::from(has(report, Status::Fail));
            self.clean_with_warn += usize::from(has(report, Status::Warn));
        }
        if let Some(caught) = caught {
            let severity = self.severities.entry(label.severity.clone()).or_default();
            severity.photos += 1;
            severity.caught += usize::from(caught);
        }
    }
}

fn has(report: &Report, status: Status) -> bool {
    report.checks.iter().any(|check| check.status == status)
}

fn place(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Accept => 0,
        Verdict::Review => 1,
        Verdict::Reject => 2,
    }
}
