//! The `shoulders.*` checks.

use super::{Check, Fix, Measured, Say, When};
use crate::facts::{Facts, Missing};
use crate::measure::shoulders;
use crate::profile::Rule;
use crate::units::{Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[LEVEL];

const LEVEL: Check = Check {
    id: "shoulders.level",
    title_zh: "肩膀平衡",
    title_en: "Level shoulders",
    standard: "左右肩膀平衡",
    method: "Angle between the heights of the person's outline at equal distances (0.55 to 1.1 face widths) left and right \
             of the face's middle, median of the pairs of columns that show a shoulder on both sides; positive: lower on \
             the right of the picture.",
    blind: "A body that is turned, or shifted under the head, tilts the measure by a degree or two; people's own shoulders \
            are uneven by up to 9 degrees. Under long hair the shoulders cannot be seen.",
    unit: Unit::Degrees,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say {
            when: When::Ok,
            zh: "左右肩膀平衡（倾斜{value}）",
            en: "the shoulders are level (tilted {value})",
            hint_zh: "",
            hint_en: "",
        },
        Say {
            when: When::Low,
            zh: "左右肩膀不平衡：画面左侧低（倾斜{value}，允许{min}至{max}）",
            en: "the shoulders are not level: lower on the left of the picture ({value}; {min} to {max} allowed)",
            hint_zh: "请坐正、双肩放平后重新拍摄",
            hint_en: "sit straight with both shoulders level and take the photo again",
        },
        Say {
            when: When::High,
            zh: "左右肩膀不平衡：画面右侧低（倾斜{value}，允许{min}至{max}）",
            en: "the shoulders are not level: lower on the right of the picture ({value}; {min} to {max} allowed)",
            hint_zh: "请坐正、双肩放平后重新拍摄",
            hint_en: "sit straight with both shoulders level and take the photo again",
        },
    ],
    measure: level,
};

fn level(facts: &Facts<'_>, _: &Rule) -> Result<Measured, Missing> {
    let (face, scene) = (facts.face()?, facts.scene?);
    let line = shoulders::line(&scene.person, scene.work.scale, face)?;
    Ok(Measured::number(line.angle).at(Region::Line { from: line.ends[0], to: line.ends[1] }))
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb};

    use super::*;
    use crate::check::Value;
    use crate::check::drawn::{measure_scene, passes};
    use crate::measure::fake;

    #[test]
    fn level_shoulders_are_told_from_tilted_ones() {
        let rgb = fake::portrait(|_, _| Rgb([60, 20, 30]));
        for (slope, good) in [(0.0, true), (0.05, true), (0.3, false), (-0.3, false)] {
            let mut scene = fake::scene(&rgb);
            let level = scene.person.clone();
            scene.person = GrayImage::from_fn(480, 640, |x, y| {
                let from = f64::from(y) - slope * (f64::from(x) - 240.0);
                Luma([if from >= 0.0 && level.get_pixel(x, (from as u32).min(639)).0[0] > 0 { 255 } else { 0 }])
            });
            let measured = measure_scene(&LEVEL, &rgb, fake::face(), &scene).expect("both shoulders are in view");
            assert_eq!(passes(&LEVEL, &measured), good, "{slope}: {measured:?}");
            assert!(matches!(measured.value, Value::Number(angle) if angle * slope >= 0.0), "{slope}: {measured:?}");
        }
    }
}
