//! The `mouth.*` checks.

use super::{Check, Fix, Measured, Say, When};
use crate::facts::{Facts, Missing};
use crate::measure::mouth::{self, Slit};
use crate::profile::Rule;
use crate::units::{Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[CLOSED];

const CLOSED: Check = Check {
    id: "mouth.closed",
    title_zh: "嘴唇闭合",
    title_en: "Lips closed",
    standard: "嘴唇自然闭合",
    method: "Gap between the lips over the distance from eyes to chin: from the fine mesh of 478 points, unless the face mesh \
        says under 0.03 and the pixels show neither teeth nor a hollow. Teeth between the lips (lighter and less red than \
        both lips) add 0.015. A gap that no teeth, no hollow and not both meshes bear out counts half and can only warn.",
    blind: "A tongue or gums of the lips' colour in a narrow slit; single teeth at the corner of the mouth; whatever a \
        moustache hangs over.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &["cover.face"],
    says: &[
        Say {
            when: When::Ok,
            zh: "嘴唇闭合（张开度{value}）",
            en: "the lips are closed (opening {value})",
            hint_zh: "",
            hint_en: "",
        },
        Say {
            when: When::High,
            zh: "嘴唇未闭合{teeth_zh}（张开度{value}，应不超过{max}）",
            en: "the lips are not closed{teeth} (opening {value}, at most {max})",
            hint_zh: "请嘴唇自然闭合、不露齿，表情自然，重新拍摄",
            hint_en: "close your lips naturally, show no teeth, and take the photo again with a neutral expression",
        },
    ],
    measure: closed,
};

/// Gap of the coarse mesh, whiteness and hollow below all of which lips are closed: six of seven frontal portraits. The
/// coarse mesh alone says up to 0.1 of closed lips on dark skin, and as little as 0.024 where teeth show; but teeth in so narrow
/// a gap are whiter than 3, and of lips below all three the fine mesh says 0.044 at most, half of which passes.
const CLOSED_GAP: f64 = 0.03;
const CLOSED_WHITENESS: f64 = 2.0;
const CLOSED_HOLLOW: f64 = 0.012;

/// Whiteness from which it is teeth: gloss stays below 2.1, teeth begin at 2.8.
const TEETH: f64 = 2.5;

/// Height of a hollow that is no shade between closed lips.
const HOLLOW: f64 = 0.03;

/// Gap that is there when both meshes see it.
const AGREED_GAP: f64 = 0.06;

/// What teeth add: a slit too narrow to be called an open mouth still shows them.
const TEETH_ADD: f64 = 0.015;

fn closed(facts: &Facts<'_>, _: &Rule) -> Result<Measured, Missing> {
    let (photo, face) = (facts.photo?, facts.face()?);
    let t = face.eye_to_chin();
    let rough = mouth::gap(&face.mesh, t);
    let slit = mouth::slit(&photo.rgb, &face.mesh, t).ok_or(Missing::OutOfView)?;
    let opening = if rough < CLOSED_GAP && slit.whiteness < CLOSED_WHITENESS && slit.hollow < CLOSED_HOLLOW {
        Opening { value: rough / 2.0, teeth: false, borne_out: false }
    } else {
        let mesh = &facts.fine_mesh()?.points;
        weigh(rough, mouth::gap(mesh, t), mouth::slit(&photo.rgb, mesh, t).ok_or(Missing::OutOfView)?)
    };
    let (zh, en) = if opening.teeth { ("，露出牙齿", " and show teeth") } else { ("", "") };
    Ok(Measured::number(opening.value)
        .detail("teeth_zh", zh)
        .detail("teeth", en)
        .at(Region::Rect(mouth::bounds(&face.mesh)))
        .unsure_if(!opening.borne_out))
}

#[derive(Debug, PartialEq)]
struct Opening {
    value: f64,
    teeth: bool,
    borne_out: bool,
}

/// The opening from the gaps of both meshes and what the pixels show in the fine one's.
fn weigh(rough: f64, fine: f64, slit: Slit) -> Opening {
    let teeth = slit.whiteness >= TEETH;
    let borne_out = teeth || slit.hollow >= HOLLOW || rough.min(fine) >= AGREED_GAP;
    let value = if borne_out { fine + if teeth { TEETH_ADD } else { 0.0 } } else { fine / 2.0 };
    Opening { value, teeth, borne_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIPS: Slit = Slit { whiteness: 0.5, hollow: 0.0 };

    #[test]
    fn teeth_widen_a_narrow_slit() {
        let shown = weigh(0.03, 0.021, Slit { whiteness: 4.5, ..LIPS });
        assert!(shown.teeth && shown.borne_out && (shown.value - 0.036).abs() < 1e-9, "{shown:?}");
    }

    #[test]
    fn a_gap_that_only_the_fine_mesh_sees_is_unsure() {
        // A strongly blurred photo of closed lips.
        let blurred = weigh(0.04, 0.14, LIPS);
        assert!(!blurred.borne_out && (blurred.value - 0.07).abs() < 1e-9, "{blurred:?}");
    }

    #[test]
    fn a_gap_that_only_the_coarse_mesh_sees_is_none() {
        assert!(weigh(0.1, 0.02, LIPS).value <= 0.01);
    }

    #[test]
    fn an_open_mouth_needs_no_teeth() {
        for open in [weigh(0.1, 0.09, LIPS), weigh(0.02, 0.09, Slit { hollow: 0.06, ..LIPS })] {
            assert!(open.borne_out && open.value >= 0.09 && !open.teeth, "{open:?}");
        }
    }
}
