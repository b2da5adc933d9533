//! The `clothes.*` checks.

use super::{Check, Fix, Measured, Say, When};
use crate::facts::{Facts, Missing};
use crate::measure::clothes;
use crate::profile::Rule;
use crate::units::{Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[CONTRAST, PATTERN];

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

const PATTERN: Check = Check {
    id: "clothes.pattern",
    title_zh: "衣着图案",
    title_en: "Pattern of the clothes",
    standard: "避免复杂图案、条纹",
    method: "Changes of tone (turning points of the luma, smoothed over 3x3 pixels, at least 8 of 255 apart) along a line \
        as long as the face is wide, at the 40th percentile of the lines across the clothes off the neck; the larger of \
        rows and columns.",
    blind: "Patterns of one tone in several colours, stripes wider than half a face, a single picture on the chest; long \
        hair over the clothes counts.",
    unit: Unit::Count,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say {
            when: When::Ok, zh: "衣着无复杂图案、条纹", en: "the clothes are plain", hint_zh: "", hint_en: ""
        },
        Say {
            when: When::High,
            zh: "衣着有复杂图案或条纹（每一脸宽内明暗变化{value}次，宜不超过{max}次）",
            en: "the clothes are striped or patterned ({value} changes of tone over the width of the face, at most {max})",
            hint_zh: "请换穿纯色、有领的衣服重新拍摄；长发遮住衣服时请把头发放到身后",
            hint_en: "wear clothes of one colour and take the photo again; put long hair behind the shoulders",
        },
    ],
    measure: |facts, _| {
        let (face, scene) = (facts.face()?, facts.scene?);
        let pattern = clothes::pattern(&scene.work, &scene.person, face)?;
        Ok(Measured::number(pattern.changes).at(Region::Rect(pattern.region)))
    },
};

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::check::drawn::{measure_face, tells};
    use crate::measure::fake;

    #[test]
    fn clothes_are_told_from_the_background() {
        tells(&CONTRAST, &fake::portrait(|_, _| Rgb([40, 40, 60])), &fake::portrait(|_, _| Rgb([105, 190, 250])));
    }

    #[test]
    fn stripes_are_told_from_plain_cloth() {
        let striped = fake::portrait(|x, _| Rgb([if x / 7 % 2 == 0 { 70 } else { 110 }; 3]));
        tells(&PATTERN, &fake::portrait(|_, _| Rgb([40, 40, 60])), &striped);
        let mut low = fake::face();
        low.chin.y = 630.0;
        assert_eq!(measure_face(&PATTERN, &striped, low), Err(Missing::OutOfView));
    }
}
