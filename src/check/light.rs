//! The `light.*` checks.

use super::{Check, Fix, Measured, Say, When};
use crate::facts::Missing;
use crate::measure::light;
use crate::measure::skin::SkinMap;
use crate::units::{Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[EXPOSURE, EVENNESS, HOTSPOT, CAST];

const EXPOSURE: Check = Check {
    id: "light.exposure",
    title_zh: "曝光",
    title_en: "Exposure",
    standard: "脸部曝光均匀",
    method: "Index of lost detail, -1 and 1 being the limits. Above 0, the largest of: skin burnt to white over 4 %, \
             skin with clipped red over 30 %, eye-whites burnt to white over 3.5 %. Below 0, the largest of: skin lost in \
             black over 14 %, a highlight of the face (98th percentile of linear luminance, eyes included) of 0.095 over \
             the measured one, and, only when the plain background is dark too, 0.281 over the highlight. The level of \
             the skin itself is not used, so dark skin is never underexposed.",
    blind: "A dark photo of a fair face before a dark background cannot be told from a dark face in good light.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say { when: When::Ok, zh: "曝光正常", en: "exposure is fine", hint_zh: "", hint_en: "" },
        Say {
            when: When::Low,
            zh: "照片曝光不足，面部过暗（曝光指数 {value}，下限 {min}）",
            en: "underexposed: the face is too dark (exposure index {value}, at least {min})",
            hint_zh: "请在明亮、均匀的正面光线下重新拍摄，避免逆光",
            hint_en: "retake it in bright, even light from the front, with no light behind you",
        },
        Say {
            when: When::High,
            zh: "照片曝光过度，面部发白失去细节（曝光指数 {value}，上限 {max}）",
            en: "overexposed: parts of the face are burnt to white (exposure index {value}, at most {max})",
            hint_zh: "请减弱灯光或降低曝光后重新拍摄",
            hint_en: "retake it with less light or a shorter exposure",
        },
    ],
    measure: |facts, _| {
        let (map, face) = (facts.skin()?, facts.face()?);
        let e = light::exposure(map);
        let over = (e.burnt / 0.04).max(e.clipped / 0.30).max(e.burnt_eyes / 0.035);
        // L* of a background known to be plain; the lightest it may be and still count as dark is L* 51: 1.4 stops
        // under light blue, the darkest background that is asked for.
        let background = facts.scene.ok().and_then(|scene| scene.background.as_ref().ok()).filter(|b| b.plain);
        let both = background.map_or(0.0, |b| {
            let y = ((f64::from(b.median.l) + 16.0) / 116.0).powi(3);
            (0.19 / y.max(1e-3)).min(0.281 / e.highlight.max(1e-3))
        });
        let under = (e.crushed / 0.14).max(0.095 / e.highlight.max(1e-3)).max(both);
        let index = if over >= under { over } else { -under };
        // Beyond five times a limit a larger number says nothing.
        Ok(Measured::number(index.clamp(-5.0, 5.0)).at(Region::Rect(face.bounds())))
    },
};

const EVENNESS: Check = Check {
    id: "light.evenness",
    title_zh: "光线均匀",
    title_en: "Evenness of light",
    standard: "光线均匀，脸部曝光均匀",
    method: "Linear luminance of the brighter side of the face over the darker: medians of the skin more than a quarter \
             of the eye distance from the nose, or means of the two cheek zones of ISO/IEC 39794-5 (side 0.3 of the eye \
             distance), whichever differ more. A ratio, so the same for every skin.",
    blind: "Light from above or below; hair or a beard on one side only counts as shade.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say { when: When::Ok, zh: "面部光线均匀", en: "the face is evenly lit", hint_zh: "", hint_en: "" },
        Say {
            when: When::High,
            zh: "面部光线不均（阴阳脸）：画面{side_zh}侧偏暗，两侧亮度相差 {value} 倍，应不超过 {max} 倍",
            en: "unevenly lit: the {side} side of the picture is darker, by a factor of {value} (at most {max})",
            hint_zh: "请面对光源，或在偏暗一侧补光后重新拍摄",
            hint_en: "face the light, or add light on the darker side, and retake it",
        },
    ],
    measure: |facts, _| {
        let (map, face) = (facts.skin()?, facts.face()?);
        let e = light::evenness(map, face).ok_or(Missing::OutOfView)?;
        let (zh, en) = if e.dark_left { ("左", "left") } else { ("右", "right") };
        Ok(Measured::number(e.ratio).detail("side_zh", zh).detail("side", en).at(Region::Rect(e.dark_side)))
    },
};

const HOTSPOT: Check = Check {
    id: "light.hotspot",
    title_zh: "面部高光",
    title_en: "Highlights on the face",
    standard: "无高光、光斑",
    method: "Spots in the skin that are bright (V > 0.9) and nearly white (S < 0.2 and under half the median of the \
             face's own skin): the largest, or a third of all together, in percent of the face.",
    blind: "Sheen that keeps the colour of the skin; spots on lips and eyes.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say {
            when: When::Ok, zh: "面部无高光光斑", en: "no bright spots on the face", hint_zh: "", hint_en: ""
        },
        Say {
            when: When::High,
            zh: "面部高光：有反光或光斑，占面部 {value}，应不超过 {max}",
            en: "a bright spot on the face covers {value} of it (at most {max})",
            hint_zh: "请擦去面部油光、关闭闪光灯或调整灯光方向后重新拍摄",
            hint_en: "dab the skin dry, switch off the flash or move the light, and retake it",
        },
    ],
    measure: |facts, _| {
        let (photo, face) = (facts.photo?, facts.face()?);
        let map = SkinMap::of(&photo.rgb, face, 240.0).ok_or(Missing::OutOfView)?;
        let spots = light::hotspots(&map);
        let measured = Measured::number(100.0 * spots.largest.max(spots.total / 3.0));
        Ok(match spots.region {
            Some(region) => measured.at(Region::Rect(region)),
            None => measured,
        })
    },
};

const CAST: Check = Check {
    id: "light.cast",
    title_zh: "偏色",
    title_en: "Colour cast",
    standard: "色彩真实",
    method: "Gain of the strongest colour channel over the weakest that skin and eye-whites have in common against \
             neutral light: medians of log2 R/G and B/G in linear light, per channel the smaller of the two deviations \
             when they agree (von Kries). 1 is neutral.",
    blind: "Casts under one third of a stop; with the eye-whites hidden only strong casts are seen.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say { when: When::Ok, zh: "色彩正常，无偏色", en: "colours are natural", hint_zh: "", hint_en: "" },
        Say {
            when: When::High,
            zh: "照片偏色：肤色与眼白同时偏离自然色（偏色倍数 {value}，应不超过 {max}）",
            en: "colour cast: skin and eye-whites are both off by a factor of {value} between channels (at most {max})",
            hint_zh: "请在自然光或白光下拍摄，并使用自动白平衡，不要使用滤镜",
            hint_en: "use daylight or white lamps with automatic white balance, and no filter",
        },
    ],
    measure: |facts, _| {
        if super::image::chroma(facts)? < super::image::COLORLESS {
            return Err(Missing::Monochrome);
        }
        let (map, face) = (facts.skin()?, facts.face()?);
        Ok(Measured::number(light::cast(map).min(9.0)).at(Region::Rect(face.bounds())))
    },
};

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::check::drawn::{measure, tells};
    use crate::measure::fake;

    fn portrait() -> RgbImage {
        fake::portrait(|_, _| Rgb([60, 20, 30]))
    }

    /// The portrait with each pixel's channels changed.
    fn changed(change: impl Fn(u32, u32, [f64; 3]) -> [f64; 3]) -> RgbImage {
        let mut rgb = portrait();
        for (x, y, pixel) in rgb.enumerate_pixels_mut() {
            pixel.0 = change(x, y, pixel.0.map(f64::from)).map(|v| v.clamp(0.0, 255.0) as u8);
        }
        rgb
    }

    #[test]
    fn too_much_and_too_little_light_are_told() {
        tells(&EXPOSURE, &portrait(), &changed(|_, _, color| color.map(|v| v * 1.8)));
        tells(&EXPOSURE, &portrait(), &changed(|_, _, color| color.map(|v| v * 0.2)));
    }

    #[test]
    fn light_from_a_side_is_told_with_the_darker_side() {
        let shaded = changed(|x, _, color| color.map(|v| if x < 240 { v * 0.5 } else { v }));
        tells(&EVENNESS, &portrait(), &shaded);
        let measured = measure(&EVENNESS, &shaded).expect("the skin is in view");
        assert!(measured.details.contains(&("side", "left".to_owned())), "{measured:?}");
    }

    #[test]
    fn a_white_spot_on_the_forehead_is_told() {
        let spot = changed(|x, y, color| if x.abs_diff(240) < 12 && y.abs_diff(225) < 8 { [255.0; 3] } else { color });
        tells(&HOTSPOT, &portrait(), &spot);
    }

    #[test]
    fn a_cast_is_told_and_a_grey_photo_has_none() {
        tells(&CAST, &portrait(), &changed(|_, _, [r, g, b]| [r, g * 0.8, b * 0.45]));
        let grey = changed(|_, _, color| [color[1]; 3]);
        assert_eq!(measure(&CAST, &grey), Err(Missing::Monochrome));
    }
}
