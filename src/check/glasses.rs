//! The `glasses.*` checks.

use super::{Check, Fix, Measured, When, say};
use crate::facts::Missing;
use crate::measure::glasses;
use crate::units::Unit;

/// The family, in report order.
pub static CHECKS: &[Check] = &[WORN, TINT, GLARE, FRAME];

/// Luminance of the lenses' place over that of the cheeks from which no lens there is dark, and above which it is not
/// certain. Bare eyes with their brows and lashes have 0.42 to 0.85, sunglasses under 0.1.
const CLEAR: f64 = 0.6;
const CERTAIN: f64 = 0.35;

const WORN: Check = Check {
    id: "glasses.worn",
    title_zh: "佩戴眼镜",
    title_en: "Glasses worn",
    standard: "",
    method: "Share of the place of both lenses that the head parser takes for a frame or a dark lens.",
    blind: "Rimless spectacles and rims as thin as a hair; contact lenses.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "没有佩戴眼镜", "no glasses are worn", "", ""),
        say(
            When::High,
            "疑佩戴眼镜：眼部周围有 {value} 为镜框或深色镜片（上限 {max}）",
            "glasses seem to be worn: {value} of the eyes' surroundings are frame or dark lens (at most {max})",
            "此标准要求不戴眼镜，请摘下眼镜后重新拍摄",
            "this standard wants none: take the glasses off and retake it",
        ),
    ],
    measure: |facts, _| {
        let (share, region) = glasses::worn_share(facts.head()?).ok_or(Missing::OutOfView)?;
        Ok(Measured::number(100.0 * share).within(region))
    },
};

const TINT: Check = Check {
    id: "glasses.tint",
    title_zh: "有色眼镜",
    title_en: "Tinted glasses",
    standard: "不得戴有色眼镜",
    method: "Share of the place of both lenses that the head parser takes for dark lens; none where the median luminance \
        there is 0.6 of the cheeks' or more, and it can only warn from 0.35.",
    blind: "Lightly tinted and photochromic lenses.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "没有戴有色眼镜", "no tinted glasses", "", ""),
        say(
            When::High,
            "疑戴有色眼镜：镜片部位有 {value} 为深色（上限 {max}）",
            "tinted or dark glasses: {value} of the lenses' place is dark (at most {max})",
            "请摘下有色眼镜后重新拍摄",
            "take off the tinted glasses and retake it",
        ),
    ],
    measure: |facts, _| {
        let (photo, face) = (facts.photo?, facts.face()?);
        let found = glasses::tint(&photo.rgb, facts.head()?, face).ok_or(Missing::OutOfView)?;
        let share = if found.light < CLEAR { found.share } else { 0.0 };
        Ok(Measured::number(100.0 * share).within(found.region).unsure_if(!(found.light < CERTAIN)))
    },
};

const GLARE: Check = Check {
    id: "glasses.glare",
    title_zh: "眼镜反光",
    title_en: "Reflections on glasses",
    standard: "眼镜不能有反光",
    method: "Where spectacles are worn: the largest bright (V > 0.9), nearly colourless (S < 0.25) spot in front of an \
        eye, in percent of the lens's place.",
    blind: "Faint reflections that let the eye show through; reflections with a colour.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "眼镜没有反光", "no reflections on glasses", "", ""),
        say(
            When::High,
            "眼镜反光：镜片上的光斑占 {value}（上限 {max}）",
            "a reflection covers {value} of a lens (at most {max})",
            "请调整灯光或稍低镜架，或摘下眼镜后重新拍摄",
            "move the light or tilt the glasses a little down, or take them off, and retake it",
        ),
    ],
    measure: |facts, _| {
        let (photo, face) = (facts.photo?, facts.face()?);
        if !glasses::worn(facts.head()?).ok_or(Missing::OutOfView)? {
            return Ok(Measured::number(0.0));
        }
        let found = glasses::glare(&photo.rgb, face);
        Ok(Measured::number(100.0 * found.share).within(found.region))
    },
};

const FRAME: Check = Check {
    id: "glasses.frame",
    title_zh: "镜框遮挡",
    title_en: "Frame over the eyes",
    standard: "镜框不得遮挡眼睛",
    method: "Share of the eye openings, blown up by a tenth, that the head parser takes for a frame of spectacles, at a \
        resolution of a fifteenth of the pupils' distance.",
    blind: "Rims thinner than a tenth of the eye's width; it warns only, because thick lashes and deep shade look alike.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "镜框没有遮挡眼睛", "no frame covers the eyes", "", ""),
        say(
            When::High,
            "镜框疑遮挡眼睛：遮住 {value}（上限 {max}）",
            "the frame of the glasses seems to cover the eyes: {value} of them (at most {max})",
            "请调整眼镜位置，使镜框不遮挡眼睛，或摘下眼镜后重新拍摄",
            "push the glasses up so that the frame leaves the eyes free, or take them off, and retake it",
        ),
    ],
    measure: |facts, _| {
        let (share, region) = glasses::frame(facts.head()?, facts.face()?).ok_or(Missing::OutOfView)?;
        Ok(Measured::number(100.0 * share).within(region))
    },
};
