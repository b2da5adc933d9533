//! The `document.*` checks: of photographed documents, not of portraits.

use super::{Check, Fix, Measured, When, say};
use crate::facts::{Facts, Missing};
use crate::measure::document::{Stand, TextLook};
use crate::units::Unit;

/// The family, in report order.
pub static CHECKS: &[Check] = &[LEGIBILITY, ORIENTATION, FILLED];

/// Contrast of text, 0 to 1, below which faintness is named as the reason.
const FAINT: f64 = 0.25;

fn text<'a>(facts: &'a Facts<'_>) -> Result<&'a TextLook, Missing> {
    facts.document()?.text.as_ref().ok_or(Missing::NoText)
}

const LEGIBILITY: Check = Check {
    id: "document.legibility",
    title_zh: "文字清晰度",
    title_en: "Legibility",
    standard: "",
    method: "Height of a usual character over the width of the edges of its strokes (darkness over the steepest step to a \
             neighbour), median over the strokes, at most 1600 px: how many steps of it can be told apart from top to bottom. \
             The paper's own light is divided out first. docs/documents.md has the figures for drawn pages of known blur.",
    blind: "It reads nothing: whether the words are the right ones, and whether a single line is smeared, it cannot tell. \
            Coloured grounds with a pattern pass for strokes.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(
            When::Ok,
            "文字清晰（字高约为笔画边缘宽度的{value}倍）",
            "the text is sharp (characters are {value} steps high)",
            "",
            "",
        ),
        say(
            When::Low,
            "文字可能难以辨认：字高仅为笔画边缘宽度的{value}倍，宜不低于{min}",
            "the text may be hard to read: characters are {value} steps high (at least {min})",
            "请对准文字对焦、靠近拍摄，不要使用缩小或多次转发的图片",
            "focus on the text and photograph it from nearby; use the original, not a picture made smaller or sent on",
        ),
        say(
            When::Case("faint"),
            "文字过淡：深浅差仅{contrast}%，字高为笔画边缘宽度的{value}倍",
            "the text is faint: its contrast is {contrast} %, and characters are {value} steps high",
            "请在光线充足处重新拍摄，或使用字迹更清楚的原件",
            "photograph it again in good light, or use an original with darker print",
        ),
    ],
    measure: |facts, _| {
        let text = text(facts)?;
        let measured = Measured::number((10.0 * text.steps.min(99.0)).round() / 10.0).unsure_if(true);
        let percent = Unit::Count.format(100.0 * text.contrast);
        Ok(if text.contrast < FAINT {
            measured.case("faint").detail("contrast", percent).status(super::Status::Warn)
        } else {
            measured
        })
    },
};

const ORIENTATION: Check = Check {
    id: "document.orientation",
    title_zh: "文字方向",
    title_en: "Orientation",
    standard: "",
    method: "The gaps between rows against those between columns of strokes, at tilts up to 6 degrees; of level rows, whether \
             they all end at one line and begin at many, as rows do that stand on their head.",
    blind: "Text that stands on its head is seen only where at least five rows have one straight margin; forms and cards \
            seldom have. Text written from top to bottom passes for sideways. Which way a sideways picture has to be turned \
            is not told.",
    unit: Unit::Word,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "文字方向正确", "the text stands upright, as far as can be told", "", ""),
        say(
            When::Case("sideways"),
            "文字可能横置，需旋转90度",
            "the text seems to lie on its side",
            "请将图片转正后上传",
            "turn the picture upright and upload it again",
        ),
        say(
            When::Case("upside-down"),
            "文字可能上下颠倒",
            "the text seems to stand on its head",
            "请将图片转正后上传",
            "turn the picture upright and upload it again",
        ),
    ],
    measure: |facts, _| {
        let stand = text(facts)?.stand.ok_or(Missing::NotVisible)?;
        Ok(match stand {
            Stand::Upright => Measured::word("upright"),
            Stand::Sideways => Measured::word("sideways").case("sideways").unsure_if(true),
            Stand::UpsideDown => Measured::word("upside-down").case("upside-down").unsure_if(true),
        })
    },
};

const FILLED: Check = Check {
    id: "document.filled",
    title_zh: "画面占比",
    title_en: "Share of the picture",
    standard: "",
    method: "The largest connected light region (brighter than 55 % of the brightest paper, in encoded values) over the picture.",
    blind: "A table as light as the paper counts as paper; a dark document is not told from a dark table.",
    unit: Unit::Percent,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "证件占画面{value}", "the document covers {value} of the picture", "", ""),
        say(
            When::Low,
            "证件只占画面{value}，宜不低于{min}",
            "the document covers only {value} of the picture (at least {min})",
            "请靠近拍摄，或裁去证件以外的部分",
            "photograph it from nearby, or crop what lies around it",
        ),
    ],
    measure: |facts, _| Ok(Measured::number(facts.document()?.sheet_percent).unsure_if(true)),
};
