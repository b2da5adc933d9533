//! The `eyes.*` checks.
//!
//! The face's own mesh and the iris ring in the pixels settle most photos. Where they leave a doubt the fine mesh decides,
//! once for all checks that ask: the coarse mesh is drawn to open eyes, and the ring to the middle of the eye.

use super::{Check, Fix, Measured, Say, When};
use crate::face::IRISES;
use crate::facts::{Facts, Missing};
use crate::measure::eyes::{self, Gaze};
use crate::profile::Rule;
use crate::units::{Point, Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[OPEN, GAZE, RED];

const OPEN: Check = Check {
    id: "eyes.open",
    title_zh: "双眼睁开",
    title_en: "Eyes open",
    standard: "双眼自然睁开",
    method: "Gap of the lids over the width of the eye (eye aspect ratio), the smaller of both eyes: from the face mesh \
        where that says 0.28 or more and the iris ring stands out, else from the fine mesh of 478 points. A fine mesh that \
        sees lids where the face mesh sees an open eye and the pixels a clear ring can only warn.",
    blind: "Eyes that look down are closed eyes when the lids follow; lids hidden by a spectacle frame or by hair are where \
        the mesh supposes them.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &["glasses.tint"],
    says: &[
        Say {
            when: When::Ok,
            zh: "双眼睁开（睁开度{value}）",
            en: "both eyes are open (opening {value})",
            hint_zh: "",
            hint_en: "",
        },
        Say {
            when: When::Low,
            zh: "眼睛未完全睁开：画面{side_zh}侧的眼睛睁开度{value}（至少{min}）",
            en: "the eye on the {side} of the picture is not fully open: opening {value} (at least {min} wanted)",
            hint_zh: "请双眼自然睁开、平视镜头，避免眨眼和眯眼，重新拍摄",
            hint_en: "open both eyes naturally, look into the camera, do not blink or squint, and take the photo again",
        },
    ],
    measure: open,
};

const GAZE: Check = Check {
    id: "eyes.gaze",
    title_zh: "平视镜头",
    title_en: "Look into the camera",
    standard: "平视",
    method: "Shift of the iris centres between the corners of the eyes, over the eyes' width, mean of both eyes, less what \
        the turn of the head explains; up and down count 0.8. From the iris ring where that is under half the limit, else \
        from the fine mesh.",
    blind: "Shifts under about 12 degrees; a look up or down as far as the lids hide it; squint.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &["glasses.tint"],
    says: &[
        Say {
            when: When::Ok,
            zh: "目光平视镜头（偏移{value}）",
            en: "the eyes look into the camera (off by {value})",
            hint_zh: "",
            hint_en: "",
        },
        Say {
            when: When::High,
            zh: "目光未平视镜头：视线偏向画面{side_zh}方（偏移{value}，应不超过{max}）",
            en: "the eyes do not look into the camera but {side} (off by {value}, at most {max})",
            hint_zh: "请双眼平视镜头重新拍摄",
            hint_en: "look straight into the camera and take the photo again",
        },
    ],
    measure: gaze,
};

const RED: Check = Check {
    id: "eyes.red",
    title_zh: "红眼",
    title_en: "Red eyes",
    standard: "无红眼",
    method: "Share of the disc about each pupil (radius 0.11 of the eye's width) that shines crimson: red over the larger of \
        green and blue above 1.7 and above 1.35 times that of the face's own skin; the redder eye counts.",
    blind: "Faint red in dim pupils; a flash that comes back white or golden; pupils of eyes that look aside.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &["glasses.tint"],
    says: &[
        Say { when: When::Ok, zh: "没有红眼", en: "no red eyes", hint_zh: "", hint_en: "" },
        Say {
            when: When::High,
            zh: "有红眼：发红部分占瞳孔区{value}（应不超过{max}）",
            en: "red eyes: {value} of a pupil shines red (at most {max})",
            hint_zh: "请关闭闪光灯或改用正面柔光重新拍摄，不要用软件修改",
            hint_en: "switch off the flash or use soft light from the front and take the photo again; do not retouch it",
        },
    ],
    measure: red,
};

/// Opening from which the coarse mesh is believed, together with a clear ring. Of 51 frontal portraits nine in ten pass;
/// of the same with the lids drawn shut none, and drawn four fifths shut one in fifty.
const CLEARLY_OPEN: f64 = 0.28;

/// Rise of the iris ring over the skin's red from which it is an iris: lids drawn shut stay below 0.045.
const CLEAR_RING: f64 = 0.05;

/// Rise of the ring and opening of the coarse mesh that together contradict a fine mesh that sees closed lids. The ring
/// alone does not: wrinkled lids of a laughing face have lines that pass for one.
const CONTRADICTING_RING: f64 = 0.06;
const CONTRADICTING_OPENING: f64 = 0.25;

/// Opening below which there is no iris to tell a gaze by.
const NO_IRIS: f64 = 0.13;

/// Height of the irises over the line of the corners when eyes look straight ahead, over the width of the eyes: medians
/// of 51 portraits. The ring stops short of the mesh because its search is tied to the middle of the lids.
const LEVEL_FINE: f64 = -0.082;
const LEVEL_RING: f64 = -0.063;

/// Shifts of the ring up to which the gaze is settled: the ring moves about half as far as the iris.
const SETTLED_ACROSS: f64 = 0.03;
const SETTLED_DOWN: f64 = 0.06;

/// Weight of up and down, where frontal portraits scatter more than across.
const DOWN: f64 = 0.8;

/// Centre of the iris ring and its rise over the red of the skin, for each eye where one stands out. Without skin to
/// compare with none does, and the fine mesh decides.
fn rings(facts: &Facts<'_>) -> Result<[Option<(Point, f64)>; 2], Missing> {
    let face = facts.face()?;
    let Ok(skin) = facts.skin_color() else { return Ok([None; 2]) };
    let skin = f64::from(skin[0]).max(1.0);
    Ok(face.irises.map(|iris| iris.map(|iris| (iris.center, iris.rise / skin))))
}

fn clear(ring: Option<(Point, f64)>, least: f64) -> bool {
    ring.is_some_and(|(_, rise)| rise >= least)
}

fn open(facts: &Facts<'_>, _: &Rule) -> Result<Measured, Missing> {
    let face = facts.face()?;
    let rings = rings(facts)?;
    let rough = eyes::openings(&face.mesh);
    let settled = rough.iter().all(|&opening| opening >= CLEARLY_OPEN) && rings.iter().all(|&r| clear(r, CLEAR_RING));
    let openings = if settled { rough } else { eyes::openings(&facts.fine_mesh()?.points) };
    let worse = usize::from(openings[1] < openings[0]);
    let (zh, en) = if worse == 0 { ("左", "left") } else { ("右", "right") };
    Ok(Measured::number(openings[worse])
        .detail("side_zh", zh)
        .detail("side", en)
        .at(Region::Rect(eyes::bounds(&face.mesh)[worse]))
        .unsure_if(clear(rings[worse], CONTRADICTING_RING) && rough[worse] >= CONTRADICTING_OPENING))
}

fn gaze(facts: &Facts<'_>, _: &Rule) -> Result<Measured, Missing> {
    let face = facts.face()?;
    let aim = match rings(facts)? {
        [Some((left, a)), Some((right, b))] if a.min(b) >= CLEAR_RING => {
            Some(off_level(eyes::gaze(&face.mesh, [left, right], face.pose.yaw), LEVEL_RING))
        }
        _ => None,
    };
    let settled = aim.filter(|aim| aim.across.abs() < SETTLED_ACROSS && aim.down.abs() < SETTLED_DOWN);
    let aim = match settled {
        Some(aim) => aim,
        None => {
            let mesh = &facts.fine_mesh()?.points;
            if eyes::openings(mesh).iter().any(|&opening| opening < NO_IRIS) {
                return Err(Missing::Hidden);
            }
            off_level(eyes::gaze(mesh, IRISES.map(|i| mesh[i]), face.pose.yaw), LEVEL_FINE)
        }
    };
    let (across, down) = (aim.across, aim.down * DOWN);
    let (zh, en) = match (across.abs() >= down.abs(), across < 0.0, down < 0.0) {
        (true, true, _) => ("左", "to the left of the picture"),
        (true, false, _) => ("右", "to the right of the picture"),
        (false, _, true) => ("上", "up"),
        (false, _, false) => ("下", "down"),
    };
    let [left, right] = face.pupils;
    Ok(Measured::number(across.abs().max(down.abs()))
        .detail("side_zh", zh)
        .detail("side", en)
        .at(Region::Line { from: left, to: right }))
}

fn off_level(gaze: Gaze, level: f64) -> Gaze {
    Gaze { down: gaze.down - level, ..gaze }
}

fn red(facts: &Facts<'_>, _: &Rule) -> Result<Measured, Missing> {
    let (photo, face) = (facts.photo?, facts.face()?);
    let skin = facts.skin_color()?;
    let shares = eyes::red(&photo.rgb, &face.mesh, face.pupils, skin);
    let redder = usize::from(shares[1] > shares[0]);
    Ok(Measured::number(100.0 * shares[redder]).at(Region::Rect(eyes::bounds(&face.mesh)[redder])))
}
