//! The `face.*` checks: how many faces, and where the face is. Positions are judged at the profile's size.

mod size;

use size::{EYE_DISTANCE, HEAD_HEIGHT};

use super::{Check, Fix, Measured, When, say};
use crate::facts::{Facts, Missing};
use crate::measure::{cover, proportion};
use crate::profile::Rule;
use crate::units::{Point, Rect, Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[
    COUNT,
    HEAD_TOP,
    HAIRLINE,
    EYE_LINE,
    WIDTH,
    HEAD_HEIGHT,
    EYE_DISTANCE,
    CENTERING,
    ROLL,
    YAW,
    PITCH,
    EARS,
    PROPORTION,
];

const COUNT: Check = Check {
    id: "face.count",
    title_zh: "人脸数量",
    title_en: "Number of faces",
    standard: "照片中不得有其他人",
    method: "Faces found by the short-range detector on the whole photo, after suppression of doubles; the landmark net \
        has to agree that the largest is a face.",
    blind: "Faces smaller than about an eighth of the photo's longer side and faces turned away; faces on clothes or \
        pictures are counted when they look like a face.",
    unit: Unit::Count,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "检测到一张人脸", "one face was found", "", ""),
        say(
            When::Low,
            "没有检测到人脸",
            "no face was found",
            "请正对镜头，露出完整面部，避免过暗、过小、遮挡或侧脸",
            "face the camera with the whole face visible; common causes are a dark or very small face, a cover, a turned head",
        ),
        say(
            When::High,
            "检测到{value}张人脸，只允许一张",
            "{value} faces were found, one is allowed",
            "照片中不得有其他人，也不得有人像装饰；请重新拍摄",
            "nobody else and no picture of a face may be in the photo; take it again",
        ),
    ],
    measure: |facts, _| {
        let faces = facts.faces?;
        let count = if faces.main.is_none() { 0 } else { faces.detections.len() };
        let measured = Measured::number(count as f64);
        Ok(match faces.detections.get(1) {
            Some(second) if count > 1 => measured.at(Region::Rect(second.bounds)),
            _ => measured,
        })
    },
};

const HEAD_TOP: Check = Check {
    id: "face.head-top",
    title_zh: "头顶位置",
    title_en: "Top of the head",
    standard: "头顶发际距上边沿50至110像素",
    method: "First row, over the columns of the head, in which 7 % of the face's width is solid hair or head; each pixel's \
        cover is read between the colours of the background above and the hair below, refined between rows. Where the \
        background is not plain, the segmentation net's mask stands in.",
    blind: "Hair of the background's colour; single wisps are ignored on purpose; a hat counts as the head's top.",
    unit: Unit::Px,
    fix: Fix::Auto,
    blocked_by: &["cover.head"],
    says: &[
        say(When::Ok, "头顶距{edge}{value}", "the top of the hair is {value} from the {edge}", "", ""),
        say(
            When::Low,
            "头顶过高：距{edge}{value}（要求{min}至{max}，差{by}）",
            "the top of the hair is too high: {value} from the {edge} (wanted {min} to {max}, off by {by})",
            "请在头顶上方多留空间，或缩小人像后重新裁剪",
            "leave more room above the head, or crop again at a smaller scale",
        ),
        say(
            When::High,
            "头顶过低：距{edge}{value}（要求{min}至{max}，差{by}）",
            "the top of the hair is too low: {value} from the {edge} (wanted {min} to {max}, off by {by})",
            "请裁去头顶上方多余部分，或放大人像后重新裁剪",
            "crop the space above the head, or crop again at a larger scale",
        ),
    ],
    measure: |facts, rule| {
        let reading = reading(facts, rule)?;
        facts.face()?;
        let y = facts.scene?.head_top?;
        Ok(Measured::number(reading(y)).at(across(facts, y)?))
    },
};

const HAIRLINE: Check = Check {
    id: "face.hairline",
    title_zh: "前额发际线位置",
    title_en: "Forehead hairline",
    standard: "头顶发际距上边沿50至110像素（另一种理解：前额发际线）",
    method: "Walking up from between the brows on nine columns, the row where the colour leaves the forehead's skin for \
        good (Lab distance over 14); median of the columns.",
    blind: "Under a fringe and on a bald head there is no hairline: undetermined. Hair of the skin's colour.",
    unit: Unit::Px,
    fix: Fix::Auto,
    blocked_by: &["cover.head"],
    says: &[
        say(When::Ok, "前额发际线距{edge}{value}", "the forehead hairline is {value} from the {edge}", "", ""),
        say(
            When::Low,
            "前额发际线过高：距{edge}{value}（要求{min}至{max}，差{by}）",
            "the forehead hairline is too high: {value} from the {edge} (wanted {min} to {max}, off by {by})",
            "请重新裁剪",
            "crop again",
        ),
        say(
            When::High,
            "前额发际线过低：距{edge}{value}（要求{min}至{max}，差{by}）",
            "the forehead hairline is too low: {value} from the {edge} (wanted {min} to {max}, off by {by})",
            "请重新裁剪",
            "crop again",
        ),
    ],
    measure: |facts, rule| {
        let reading = reading(facts, rule)?;
        facts.face()?;
        let y = facts.scene?.hairline?;
        Ok(Measured::number(reading(y)).at(across(facts, y)?))
    },
};

const EYE_LINE: Check = Check {
    id: "face.eye-line",
    title_zh: "眼睛位置",
    title_en: "Eye line",
    standard: "眼睛距上边沿200至300像素",
    method: "Pupil centres from the face mesh's lids and the iris ring (integro-differential operator, Daugman 1993); \
        their mean and each of them must be inside the band.",
    blind: "Behind dark lenses and closed lids the pupils are where the mesh supposes them.",
    unit: Unit::Px,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "眼睛距{edge}{value}", "the eyes are {value} from the {edge}", "", ""),
        say(
            When::Low,
            "眼睛过高：距{edge}{value}（要求{min}至{max}，差{by}）",
            "the eyes are too high: {value} from the {edge} (wanted {min} to {max}, off by {by})",
            "请将人像下移或重新裁剪，使双眼位于规定范围",
            "move the person down in the crop until both eyes are inside the band",
        ),
        say(
            When::High,
            "眼睛过低：距{edge}{value}（要求{min}至{max}，差{by}）",
            "the eyes are too low: {value} from the {edge} (wanted {min} to {max}, off by {by})",
            "请将人像上移或重新裁剪，使双眼位于规定范围",
            "move the person up in the crop until both eyes are inside the band",
        ),
    ],
    measure: |facts, rule| {
        let (reading, face) = (reading(facts, rule)?, facts.face()?);
        let [left, right] = face.pupils;
        Ok(Measured::number(reading(face.eye_midpoint().y))
            .and([reading(left.y), reading(right.y)])
            .at(Region::Line { from: left, to: right }))
    },
};

const WIDTH: Check = Check {
    id: "face.width",
    title_zh: "脸部宽度",
    title_en: "Face width",
    standard: "脸部宽度（两脸颊之间）180至300像素",
    method: "Distance of the face's outline in front of the ears, left to right, from the face mesh, scaled to hand-made \
        delineations.",
    blind: "Beards and hair over the cheeks: the mesh supposes the outline under them.",
    unit: Unit::Px,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "脸部宽度{value}", "the face is {value} wide", "", ""),
        say(
            When::Low,
            "头部过小：脸部宽度{value}（要求{min}至{max}，差{by}）",
            "the head is too small: the face is {value} wide (wanted {min} to {max}, {by} short)",
            "请放大人像后重新裁剪，或靠近镜头重新拍摄",
            "crop again at a larger scale, or take the photo from nearer",
        ),
        say(
            When::High,
            "头部过大：脸部宽度{value}（要求{min}至{max}，超{by}）",
            "the head is too large: the face is {value} wide (wanted {min} to {max}, {by} over)",
            "请缩小人像后重新裁剪，或远离镜头重新拍摄",
            "crop again at a smaller scale, or take the photo from farther away",
        ),
    ],
    measure: |facts, rule| {
        let (reading, face) = (reading(facts, rule)?, facts.face()?);
        let [from, to] = face.cheeks;
        Ok(Measured::number(reading(face.width())).at(Region::Line { from, to }))
    },
};

const CENTERING: Check = Check {
    id: "face.centering",
    title_zh: "人像居中",
    title_en: "Centring",
    standard: "人像在图像矩形框内水平居中",
    method: "Middle of the face's outline minus the middle of the photo; positive: too far right.",
    blind: "A face turned aside moves its outline's middle.",
    unit: Unit::Px,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "人像水平居中（偏差{value}）", "the face is centred (off by {value})", "", ""),
        say(
            When::Low,
            "人像偏左{size}（允许{max}）",
            "the face is {size} too far left ({max} allowed)",
            "请重新裁剪，使面部位于水平中央",
            "crop again with the face in the middle",
        ),
        say(
            When::High,
            "人像偏右{size}（允许{max}）",
            "the face is {size} too far right ({max} allowed)",
            "请重新裁剪，使面部位于水平中央",
            "crop again with the face in the middle",
        ),
    ],
    measure: |facts, rule| {
        let (reading, face) = (reading(facts, rule)?, facts.face()?);
        let center = face.cheeks[0].midpoint(face.cheeks[1]);
        let off = center.x - f64::from(facts.photo?.width()) / 2.0;
        let height = f64::from(facts.photo?.height());
        Ok(Measured::number(reading(off))
            .at(Region::Line { from: Point::new(center.x, 0.0), to: Point::new(center.x, height) }))
    },
};

const ROLL: Check = Check {
    id: "face.roll",
    title_zh: "双眼水平",
    title_en: "Level eyes",
    standard: "坐姿端正，双眼平视，左右对称",
    method: "Angle of the line through both pupils against the horizontal; positive: clockwise in the picture.",
    blind: "Eyes that are not level in a level head.",
    unit: Unit::Degrees,
    fix: Fix::AutoIfAllowed,
    blocked_by: &[],
    says: &[
        say(When::Ok, "双眼水平（倾斜{value}）", "the eyes are level (tilted {value})", "", ""),
        say(
            When::Low,
            "瞳孔平行角度不合格：双眼倾斜{value}（允许{min}至{max}）",
            "the eyes are tilted by {value} ({min} to {max} allowed)",
            "请摆正头部，双眼保持水平，重新拍摄；标准不允许旋转照片",
            "hold the head straight and take the photo again; the standard does not allow rotating it",
        ),
        say(
            When::High,
            "瞳孔平行角度不合格：双眼倾斜{value}（允许{min}至{max}）",
            "the eyes are tilted by {value} ({min} to {max} allowed)",
            "请摆正头部，双眼保持水平，重新拍摄；标准不允许旋转照片",
            "hold the head straight and take the photo again; the standard does not allow rotating it",
        ),
    ],
    measure: |facts, _| {
        let face = facts.face()?;
        let [from, to] = face.pupils;
        Ok(Measured::number(face.pose.roll).at(Region::Line { from, to }))
    },
};

const YAW: Check = Check {
    id: "face.yaw",
    title_zh: "面部朝向（左右）",
    title_en: "Head turned",
    standard: "正面免冠，平视镜头，左右对称",
    method: "Slope of depth over width that best fits nine left-right pairs of the 3-D face mesh (least squares); \
        positive: turned to the right of the picture.",
    blind: "Faces that are themselves uneven; the net's depth is an estimate, good to about 3 degrees.",
    unit: Unit::Degrees,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "面部正对镜头（左右{value}）", "the head is straight (turned {value})", "", ""),
        say(
            When::Low,
            "面部向左侧转（测得{value}，允许{min}至{max}）",
            "the head is turned to the left of the picture: {value} ({min} to {max} allowed)",
            "请正对镜头重新拍摄",
            "face the camera and take the photo again",
        ),
        say(
            When::High,
            "面部向右侧转（测得{value}，允许{min}至{max}）",
            "the head is turned to the right of the picture: {value} ({min} to {max} allowed)",
            "请正对镜头重新拍摄",
            "face the camera and take the photo again",
        ),
    ],
    measure: |facts, _| pose(facts, |face| face.pose.yaw),
};

const PITCH: Check = Check {
    id: "face.pitch",
    title_zh: "面部俯仰",
    title_en: "Head tilted up or down",
    standard: "坐姿端正，平视镜头",
    method: "Slope of depth over height that best fits seven forehead-chin pairs of the 3-D face mesh (least squares).",
    blind: "Receding foreheads and strong chins look like a tilt; over frontal portraits the standard deviation is 5 \
        degrees, so the limits are wide.",
    unit: Unit::Degrees,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "面部平视（俯仰{value}）", "the head is level (tilted {value})", "", ""),
        say(
            When::Low,
            "低头或仰头（测得{value}，允许{min}至{max}）",
            "the head is tilted: {value} ({min} to {max} allowed)",
            "请平视镜头，镜头与眼睛同高，重新拍摄",
            "look straight ahead with the camera at eye height and take the photo again",
        ),
        say(
            When::High,
            "低头或仰头（测得{value}，允许{min}至{max}）",
            "the head is tilted: {value} ({min} to {max} allowed)",
            "请平视镜头，镜头与眼睛同高，重新拍摄",
            "look straight ahead with the camera at eye height and take the photo again",
        ),
    ],
    measure: |facts, _| pose(facts, |face| face.pose.pitch),
};

const PROPORTION: Check = Check {
    id: "face.proportion",
    title_zh: "面部比例",
    title_en: "Proportions of the face",
    standard: "无明显畸变",
    method: "Forehead to chin over the geometric mean of the widths at the temples and at the outer eye corners, against \
        the mean of the 51 delineated portraits: 1 is the mean, above it the face is tall. The logarithm spreads by 0.034 \
        over people; the limits lie at 3.3 and 4.3 of that.",
    blind: "A photo stretched by less than about 1.15; the net takes a part of a stretch for the person's own face. \
        Children, wide-open mouths and lenses very near the face come near the limits.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &["face.yaw", "face.pitch"],
    says: &[
        say(When::Ok, "面部比例正常", "the proportions of the face are natural", "", ""),
        say(
            When::Low,
            "比例失调：照片可能被横向拉宽（脸部高宽比为常见值的{value}倍，应为{min}至{max}）",
            "the photo may have been stretched sideways: height over width of the face is {value} of the usual ({min} to {max})",
            "请使用原图，裁剪或等比例缩放，不要拉伸",
            "use the original; crop it or scale both sides alike, never one alone",
        ),
        say(
            When::High,
            "比例失调：照片可能被纵向拉长（脸部高宽比为常见值的{value}倍，应为{min}至{max}）",
            "the photo may have been stretched in height: height over width of the face is {value} of the usual ({min} to {max})",
            "请使用原图，裁剪或等比例缩放，不要拉伸",
            "use the original; crop it or scale both sides alike, never one alone",
        ),
    ],
    measure: |facts, _| {
        let face = facts.face()?;
        let stretch = proportion::stretch(face).ok_or(Missing::OutOfView)?;
        Ok(Measured::number(stretch).at(Region::Rect(face.bounds())))
    },
};

fn pose(facts: &Facts<'_>, angle: fn(&crate::face::Face) -> f64) -> Result<Measured, Missing> {
    let face = facts.face()?;
    let bounds: Rect = face.bounds();
    Ok(Measured::number(angle(face)).at(Region::Rect(bounds)))
}

/// From heights and lengths in original pixels to the numbers that `rule` sets limits for.
///
/// # Errors
/// [`Missing::WrongShape`] where the photo has another shape than the profile's canvas.
fn reading(facts: &Facts<'_>, rule: &Rule) -> Result<impl Fn(f64) -> f64 + use<>, Missing> {
    let (scale, ruler, canvas) = (facts.scale()?, rule.ruler(), facts.canvas);
    Ok(move |pixels: f64| ruler.reading(pixels * scale, canvas))
}

/// A line across the photo at a height in original pixels.
fn across(facts: &Facts<'_>, y: f64) -> Result<Region, Missing> {
    let width = f64::from(facts.photo?.width());
    Ok(Region::Line { from: Point::new(0.0, y), to: Point::new(width, y) })
}

const EARS: Check = Check {
    id: "face.ears",
    title_zh: "耳朵",
    title_en: "Ears",
    standard: "耳朵对称；头发不得遮挡眉毛、眼睛和耳朵",
    method: "Share of the place of each ear (a strip of a quarter of the pupils' distance outside of the face's contour, \
        between eyes and nose) that the head parser takes for skin; the lesser of the two sides.",
    blind: "Ears that lie close to the head show little from the front.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &["cover.head"],
    says: &[
        say(When::Ok, "双耳可见", "both ears are visible", "", ""),
        say(
            When::Low,
            "画面{side_zh}侧耳朵未完全露出（可见 {value}，应至少 {min}）",
            "the ear on the {side} of the picture is hidden ({value} visible, at least {min} wanted)",
            "请正对镜头，将头发梳到耳后，露出双耳后重新拍摄",
            "face the camera, comb the hair behind the ears so that both show, and retake it",
        ),
        say(
            When::Case("both"),
            "双耳未露出（可见 {value}，应至少 {min}）",
            "both ears are hidden ({value} visible, at least {min} wanted)",
            "请将头发梳到耳后，露出双耳后重新拍摄",
            "comb the hair behind the ears so that both show, and retake it",
        ),
    ],
    measure: |facts, rule| {
        let [left, right] = cover::ears(facts.head()?, facts.face()?).map(|share| share.map(|share| 100.0 * share));
        let (Some(left), Some(right)) = (left, right) else { return Err(Missing::OutOfView) };
        let (side_zh, side) = if left < right { ("左", "left") } else { ("右", "right") };
        let measured = Measured::number(left.min(right)).detail("side_zh", side_zh).detail("side", side);
        let hidden = |share: f64| !rule.fail.contains(share) || !rule.warn.contains(share);
        Ok(if hidden(left) && hidden(right) { measured.case("both") } else { measured })
    },
};

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::check::drawn::{measure_face, passes};
    use crate::measure::fake;

    #[test]
    fn a_stretched_face_is_told_from_a_natural_one() {
        let rgb = fake::portrait(|_, _| Rgb([60, 20, 30]));
        // The drawn face, given the height of a real one.
        let natural = 1.0 / proportion::stretch(&fake::face()).expect("a whole mesh");
        for (factor, good) in [(1.0, true), (1.05, true), (0.95, true), (0.8, false), (1.25, false)] {
            let mut face = fake::face();
            face.mesh.iter_mut().for_each(|p| p.y *= natural * factor);
            let measured = measure_face(&PROPORTION, &rgb, face).expect("a whole mesh");
            assert_eq!(passes(&PROPORTION, &measured), good, "{factor}: {measured:?}");
        }
    }
}
