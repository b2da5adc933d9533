//! What no profile may say: limits that contradict each other, or that would reject on weak evidence.

use std::collections::BTreeMap;

use super::error::Problem;
use super::{Band, Canvas, Confidence, Edge, Of, Provenance, Rule, ruler};
use crate::limits::Limits;
use crate::units::Unit;

/// Fields that a value of low confidence may set: none of them can reject a photo.
const HARMLESS: [&str; 4] = ["warn", "info", "of", "from"];

/// Tests the merged rule of one check.
pub(super) fn rule(
    check: &str,
    unit: Unit,
    rule: &Rule,
    provenance: &BTreeMap<String, Provenance>,
) -> Result<(), Problem> {
    let named = || check.to_owned();
    for (field, band) in bands(rule) {
        let ends = [band.min, band.max];
        if ends.into_iter().flatten().any(|end| !end.is_finite()) {
            return Err(Problem::NotFinite { check: named(), field });
        }
        if let [Some(min), Some(max)] = ends
            && min > max
        {
            return Err(Problem::EmptyBand { check: named(), field, min, max });
        }
    }
    let uses = fields_of(check, unit);
    if let Some(field) = fields_set(rule).find(|field| *field != "info" && !uses.contains(field)) {
        return Err(Problem::FieldNotUsed { check: named(), field, uses });
    }
    let earlier = |fail: Option<f64>, warn: Option<f64>| fail.zip(warn).is_some_and(|(fail, warn)| warn < fail);
    let later = |fail: Option<f64>, warn: Option<f64>| fail.zip(warn).is_some_and(|(fail, warn)| warn > fail);
    if earlier(rule.fail.min, rule.warn.min) || later(rule.fail.max, rule.warn.max) {
        return Err(Problem::WarnOutsideFail { check: named() });
    }
    if check == "background.color" && rule.colors.is_empty() {
        return Err(Problem::NoColors { check: named() });
    }
    if fields_set(rule).all(|field| ["of", "from"].contains(&field)) {
        return Err(Problem::NoLimits { check: named() });
    }
    let weak = provenance
        .iter()
        .find(|(field, from)| from.confidence == Confidence::Low && !HARMLESS.contains(&field.as_str()));
    match weak {
        Some((field, _)) if !rule.info => Err(Problem::WeakValueRejects { check: named(), field: field.clone() }),
        _ => Ok(()),
    }
}

/// Tests the canvas against itself and against the sizes the profile accepts.
pub(super) fn canvas(canvas: Canvas, dimensions: Option<&Rule>) -> Result<(), Problem> {
    if canvas.is_none() {
        return Ok(());
    }
    let Canvas { width, height } = canvas;
    let limit = Limits::default().max_side;
    if [width, height].iter().any(|side| !(1..=limit).contains(side)) {
        return Err(Problem::BadCanvas { width, height, limit });
    }
    let fits = |rule: &Rule| {
        let (w, h) = (f64::from(width), f64::from(height));
        rule.width.contains(w) && rule.height.contains(h) && rule.ratio.contains(w / h)
    };
    if dimensions.is_none_or(|rule| rule.info || fits(rule)) {
        Ok(())
    } else {
        Err(Problem::CanvasRefused { width, height })
    }
}

fn bands(rule: &Rule) -> [(&'static str, Band); 5] {
    [("fail", rule.fail), ("warn", rule.warn), ("width", rule.width), ("height", rule.height), ("ratio", rule.ratio)]
}

/// The fields a rule sets.
fn fields_set(rule: &Rule) -> impl Iterator<Item = &'static str> {
    let bands = bands(rule).into_iter().filter(|(_, band)| !band.is_open()).map(|(field, _)| field);
    let others = [
        ("allowed", !rule.allowed.is_empty()),
        ("colors", !rule.colors.is_empty()),
        ("info", rule.info),
        ("of", rule.of != Of::default()),
        ("from", rule.from != Edge::default()),
    ];
    bands.chain(others.into_iter().filter(|(_, set)| *set).map(|(field, _)| field))
}

/// The fields a check reads.
fn fields_of(check: &str, unit: Unit) -> &'static [&'static str] {
    match (check, unit) {
        ("file.dimensions", _) => &["width", "height", "ratio"],
        ("background.color", _) => &["colors", "fail", "warn"],
        (_, Unit::Word) => &["allowed"],
        _ => ruler::fields_of(check).unwrap_or(&["fail", "warn"]),
    }
}
