//! The `cover.*` checks: what covers head, brows, eyes and face.

use super::{Check, Fix, Measured, When, say};
use crate::facts::Missing;
use crate::measure::cover;
use crate::units::Unit;

/// The family, in report order.
pub static CHECKS: &[Check] = &[HEAD, HAIR, FACE];

const HEAD: Check = Check {
    id: "cover.head",
    title_zh: "头部覆盖物",
    title_en: "Head covering",
    standard: "不得使用头部覆盖物",
    method: "Share of the region above the forehead, or of the forehead, that the head parser takes for a covering (hat, \
        scarf, hood) and not for hair or scalp.",
    blind: "A dark plain cap can pass for hair; hairbands and clips are too small to be seen.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "头部没有覆盖物", "nothing covers the head", "", ""),
        say(
            When::High,
            "头部疑有帽子、头巾等覆盖物，占头顶部 {value}（上限 {max}）",
            "a hat, scarf or other covering seems to be on the head: {value} of its upper part (at most {max})",
            "请摘除帽子、头巾、发带等覆盖物后重新拍摄",
            "take off hats, scarves and hairbands, and retake it",
        ),
    ],
    measure: |facts, _| {
        let found = cover::head(facts.head()?, facts.face()?).ok_or(Missing::OutOfView)?;
        Ok(Measured::number(100.0 * found.share).within(found.region))
    },
};

const HAIR: Check = Check {
    id: "cover.hair",
    title_zh: "头发遮挡",
    title_en: "Hair over brows and eyes",
    standard: "头发不得遮挡眉毛、眼睛和耳朵",
    method: "Share of the brows, and of the eye openings counted threefold, that the head parser takes for the hair of \
        the head; whichever is more. Ears are judged by face.ears.",
    blind: "Thin strands; a fringe that ends just above the brows is fine and can be taken for one over them.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &["cover.head"],
    says: &[
        say(When::Ok, "头发没有遮挡眉毛和眼睛", "hair leaves brows and eyes free", "", ""),
        say(
            When::High,
            "头发遮挡{part_zh}（{value}，上限 {max}）",
            "hair covers the {part} ({value}, at most {max})",
            "请将头发梳理到眉毛以上、耳后，露出眉毛、眼睛和耳朵后重新拍摄",
            "comb the hair back so that brows, eyes and ears are free, and retake it",
        ),
    ],
    measure: |facts, _| {
        let found = cover::hair(facts.head()?, facts.face()?).ok_or(Missing::OutOfView)?;
        let eyes = 3.0 * found.eyes;
        let (part_zh, part) = if eyes > found.brows { ("眼睛", "eyes") } else { ("眉毛", "brows") };
        let measured = Measured::number(100.0 * eyes.max(found.brows).min(1.0));
        Ok(measured.detail("part_zh", part_zh).detail("part", part).within(found.region))
    },
};

const FACE: Check = Check {
    id: "cover.face",
    title_zh: "面部遮挡",
    title_en: "Covered face",
    standard: "",
    method: "Share of the face below the nose, or between eyes and nose, that the head parser takes for a covering \
        (mask, hand, scarf) and not for skin or beard.",
    blind: "Make-up, plasters and things smaller than a twentieth of the face.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "面部没有遮挡", "nothing covers the face", "", ""),
        say(
            When::High,
            "面部有遮挡（口罩、手或围巾等），遮住 {value}（上限 {max}）",
            "something covers the face (a mask, a hand, a scarf): {value} of it (at most {max})",
            "请露出完整面部后重新拍摄",
            "show the whole face and retake it",
        ),
    ],
    measure: |facts, _| {
        let found = cover::face(facts.head()?, facts.face()?).ok_or(Missing::OutOfView)?;
        Ok(Measured::number(100.0 * found.share).within(found.region))
    },
};
