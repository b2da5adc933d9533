//! The `accessories.*` checks.

use super::{Check, Fix, Measured, When, say};
use crate::facts::Missing;
use crate::measure::jewelry;
use crate::units::Unit;

/// The family, in report order.
pub static CHECKS: &[Check] = &[JEWELRY];

const JEWELRY: Check = Check {
    id: "accessories.jewelry",
    title_zh: "耳环、项链",
    title_en: "Earrings and necklaces",
    standard: "不得佩戴耳环、项链等饰品",
    method: "Spots on the skin of neck and lobes that are 22 L* lighter than it and nearly without colour, or far from it \
        in a* and b*; their area in percent of the square of the pupils' distance.",
    blind: "Gold of the skin's own colour, jewellery over hair or clothes, fine chains; it only ever warns.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "未见耳环、项链", "no earrings or necklace were seen", "", ""),
        say(
            When::High,
            "颈部或耳垂处疑有项链、耳环（面积 {value}，上限 {max}）",
            "there seems to be jewellery on the neck or the ears (area {value}, at most {max})",
            "请摘下耳环、项链等饰品后重新拍摄",
            "take off earrings and necklaces, and retake it",
        ),
    ],
    measure: |facts, _| {
        let (photo, face) = (facts.photo?, facts.face()?);
        let found = jewelry::jewelry(&photo.rgb, facts.head()?, face).ok_or(Missing::OutOfView)?;
        Ok(Measured::number(found.area).within(found.region))
    },
};
