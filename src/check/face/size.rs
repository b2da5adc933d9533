//! How large head and face are, for standards that do not go by the width of the face.

use super::reading;
use crate::check::{Check, Fix, Measured, When, say};
use crate::units::{Point, Region, Unit};

pub(super) const HEAD_HEIGHT: Check = Check {
    id: "face.head-height",
    title_zh: "头部高度",
    title_en: "Height of the head",
    standard: "",
    method: "From the top of the hair (see face.head-top) down to the lowest point of the chin of the face mesh.",
    blind: "Hair of the background's colour; a beard hides where the chin ends.",
    unit: Unit::Px,
    fix: Fix::Auto,
    blocked_by: &["cover.head"],
    says: &[
        say(When::Ok, "头部高度（头顶至下巴）{value}", "the head is {value} high, top of the hair to chin", "", ""),
        say(
            When::Low,
            "头部过小：头顶至下巴{value}（要求{min}至{max}，差{by}）",
            "the head is too small: {value} from the top of the hair to the chin (wanted {min} to {max}, {by} short)",
            "请放大人像后重新裁剪，或靠近镜头重新拍摄",
            "crop again at a larger scale, or take the photo from nearer",
        ),
        say(
            When::High,
            "头部过大：头顶至下巴{value}（要求{min}至{max}，超{by}）",
            "the head is too large: {value} from the top of the hair to the chin (wanted {min} to {max}, {by} over)",
            "请缩小人像后重新裁剪，或远离镜头重新拍摄",
            "crop again at a smaller scale, or take the photo from farther away",
        ),
    ],
    measure: |facts, rule| {
        let (reading, face) = (reading(facts, rule)?, facts.face()?);
        let top = facts.scene?.head_top?;
        let chin = face.chin;
        let line = Region::Line { from: Point::new(chin.x, top), to: chin };
        Ok(Measured::number(reading(chin.y - top)).at(line))
    },
};

pub(super) const EYE_DISTANCE: Check = Check {
    id: "face.eye-distance",
    title_zh: "瞳孔间距",
    title_en: "Distance of the eyes",
    standard: "",
    method: "Distance of the pupil centres (see face.eye-line).",
    blind: "Behind dark lenses and closed lids the pupils are where the mesh supposes them.",
    unit: Unit::Px,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "瞳孔间距{value}", "the pupils are {value} apart", "", ""),
        say(
            When::Low,
            "头部过小：瞳孔间距{value}（要求{min}至{max}，差{by}）",
            "the head is too small: the pupils are {value} apart (wanted {min} to {max}, {by} short)",
            "请放大人像后重新裁剪，或靠近镜头重新拍摄",
            "crop again at a larger scale, or take the photo from nearer",
        ),
        say(
            When::High,
            "头部过大：瞳孔间距{value}（要求{min}至{max}，超{by}）",
            "the head is too large: the pupils are {value} apart (wanted {min} to {max}, {by} over)",
            "请缩小人像后重新裁剪，或远离镜头重新拍摄",
            "crop again at a smaller scale, or take the photo from farther away",
        ),
    ],
    measure: |facts, rule| {
        let (reading, face) = (reading(facts, rule)?, facts.face()?);
        let [from, to] = face.pupils;
        Ok(Measured::number(reading(face.inter_eye_distance())).at(Region::Line { from, to }))
    },
};
