//! The `background.*` checks: colour, evenness, shadow, things.

use super::{Check, Fix, Measured, When, say};
use crate::facts::{Facts, Missing};
use crate::profile::Rule;
use crate::scene::Background;
use crate::scene::lab::Lab;
use crate::units::{Rect, Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[COLOR, GRADIENT, SHADOW, OBJECT];

fn background<'a>(facts: &Facts<'a>) -> Result<&'a Background, Missing> {
    facts.scene?.background.as_ref().map_err(|missing| *missing)
}

fn boxed(measured: Measured, place: Option<Rect>) -> Measured {
    match place {
        Some(place) => measured.at(Region::Rect(place)),
        None => measured,
    }
}

const COLOR: Check = Check {
    id: "background.color",
    title_zh: "背景颜色",
    title_en: "Background colour",
    standard: "背景应为单色，浅蓝色<100,197,255>或白色<255,255,255>",
    method: "CIEDE2000 difference between the median colour of the background, away from the person's outline, and the \
        nearest colour the profile allows.",
    blind: "What colour the backdrop really had under the light it was photographed in.",
    unit: Unit::DeltaE,
    fix: Fix::AutoIfAllowed,
    blocked_by: &[],
    says: &[
        say(When::Ok, "背景为{name_zh}（色差{value}）", "the background is {name} (off by {value})", "", ""),
        say(
            When::High,
            "背景色不符：背景为RGB<{rgb}>，与最接近的{name_zh}相差{value}（允许{max}）",
            "the background is RGB <{rgb}>, {value} from {name}, the nearest allowed colour ({max} allowed)",
            "请使用规定颜色的纯色背景重新拍摄，或在允许时更换背景",
            "take the photo before a plain background of an allowed colour, or have it replaced where that is allowed",
        ),
    ],
    measure: color,
};

fn color(facts: &Facts<'_>, rule: &Rule) -> Result<Measured, Missing> {
    let background = background(facts)?;
    let nearest = rule
        .colors
        .iter()
        .map(|color| (background.median.ciede2000(Lab::from_srgb(color.rgb)), color))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((difference, named)) = nearest else {
        return Ok(Measured::number(0.0));
    };
    let rgb = background.median.to_srgb().map(|v| v.to_string()).join(",");
    Ok(Measured::number(difference).detail("name", &named.name).detail("name_zh", &named.zh).detail("rgb", rgb))
}

const GRADIENT: Check = Check {
    id: "background.gradient",
    title_zh: "背景均匀",
    title_en: "Even background",
    standard: "背景均匀，无渐变",
    method: "Largest minus smallest L* of the quadratic colour surface fitted to the background's 4x4 block means, so \
        that noise does not count; before a background that is not plain, of the blocks themselves (2nd to 98th \
        percentile).",
    blind: "Steps smaller than the fit can follow; background.shadow and background.object look for those.",
    unit: Unit::Lightness,
    fix: Fix::AutoIfAllowed,
    blocked_by: &[],
    says: &[
        say(When::Ok, "背景均匀（明暗差{value}）", "the background is even (spread {value})", "", ""),
        say(
            When::High,
            "背景不均匀，有渐变：明暗差{value}（允许{max}）",
            "the background is uneven: its lightness spreads over {value} ({max} allowed)",
            "请均匀照亮背景，人与背景保持约1米距离，重新拍摄",
            "light the background evenly, stand about a metre before it, and take the photo again",
        ),
    ],
    measure: |facts, _| Ok(Measured::number(background(facts)?.gradient_l)),
};

const SHADOW: Check = Check {
    id: "background.shadow",
    title_zh: "背景阴影",
    title_en: "Shadow on the background",
    standard: "背景不得有阴影",
    method: "Share of the background, above the chin, that is darker than the fitted surface by more than 3 L* in the \
        surface's own hue and carries on from it without an edge.",
    blind: "Shadows with a hard edge look like things; shadows below the chin are left out, where clothes begin.",
    unit: Unit::Percent,
    fix: Fix::AutoIfAllowed,
    blocked_by: &[],
    says: &[
        say(When::Ok, "背景无阴影", "no shadow on the background", "", ""),
        say(
            When::High,
            "背景有阴影，占背景{value}（允许{max}）",
            "a shadow covers {value} of the background ({max} allowed)",
            "请远离背景站立，用两侧柔光消除阴影，重新拍摄",
            "stand farther from the background and light it from both sides, then take the photo again",
        ),
    ],
    measure: |facts, _| {
        let background = background(facts)?;
        if !background.plain {
            return Err(Missing::NoBackground);
        }
        Ok(boxed(Measured::number(background.shadow_share * 100.0), background.shadow_box))
    },
};

const OBJECT: Check = Check {
    id: "background.object",
    title_zh: "背景杂物",
    title_en: "Things in the background",
    standard: "背景中不得有其他人或物体",
    method: "Share of the background covered by the largest connected thing that is neither background nor connected with \
        the person; before a background that is not plain, the share that leaves the fitted surface by more than 12 Lab \
        units.",
    blind: "Things that touch the person's outline, and things of the background's colour.",
    unit: Unit::Percent,
    fix: Fix::AutoIfAllowed,
    blocked_by: &[],
    says: &[
        say(When::Ok, "背景无杂物", "nothing else in the background", "", ""),
        say(
            When::High,
            "背景中有其他物体或图案，占背景{value}（允许{max}）",
            "something else covers {value} of the background ({max} allowed)",
            "请在纯色、无杂物的背景前重新拍摄",
            "take the photo before a plain background with nothing in it",
        ),
    ],
    measure: |facts, _| {
        let background = background(facts)?;
        Ok(boxed(Measured::number(background.object_share * 100.0), background.object_box))
    },
};
