//! The `clothes.*` checks.

use super::{Check, Fix, Measured, Say, When};
use crate::facts::{Facts, Missing};
use crate::measure::clothes;
use crate::profile::Rule;
use crate::units::Unit;

/// The family, in report order.
pub static CHECKS: &[Check] = &[CONTRAST];

/// Room below the chin, in face widths, from which the shoulders are in view.
const SHOULDERS: f64 = 0.5;

const CONTRAST: Check = Check {
    id: "clothes.contrast",
    title_zh: "衣着与背景的区分",
    title_en: "Clothes against the background",
    standard: "衣着应与背景色区分明显，避免复杂图案、条纹",
    method: "CIEDE2000 difference between the background's median colour and the clothes in the lower corners and along \
        the bottom edge below the chin; the 30th percentile over the blocks there, because part of them may still be \
        background or hair.",
    blind: "Clothes that only touch the background where they differ; bare shoulders count as clothes.",
    unit: Unit::DeltaE,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say {
            when: When::Ok,
            zh: "衣着与背景区分明显（色差{value}）",
            en: "the clothes stand out from the background (difference {value})",
            hint_zh: "",
            hint_en: "",
        },
        Say {
            when: When::Low,
            zh: "黑边检测不合格：衣着与背景颜色相近，色差{value}（至少{min}）",
            en: "the clothes are like the background: difference {value} (at least {min} wanted)",
            hint_zh: "请换穿与背景颜色区分明显的衣服重新拍摄",
            hint_en: "wear clothes that stand out from the background and take the photo again",
        },
    ],
    measure: contrast,
};

fn contrast(facts: &Facts<'_>, _: &Rule) -> Result<Measured, Missing> {
    let (face, scene) = (facts.face()?, facts.scene?);
    let background = scene.background.as_ref().map_err(|missing| *missing)?;
    let difference = clothes::contrast(&scene.work, background.median, face)?;
    // A tight crop shows the neck's sides, not the shoulders: what lies there may well be background.
    let room = f64::from(facts.photo?.height()) - face.chin.y;
    Ok(Measured::number(difference).unsure_if(room < SHOULDERS * face.width()))
}
