//! The words of the checks, for `explain` and `docs/checks.md`.

use super::{Check, FAMILIES, Fix, When};
use crate::profile::{self, pick, words};
use crate::units::{Lang, Unit};

/// A check explained for the terminal, in each of `langs` in turn.
pub fn text(check: &Check, langs: &[Lang]) -> String {
    let parts: Vec<String> = langs.iter().map(|lang| in_language(check, *lang)).collect();
    parts.join("\n")
}

fn in_language(check: &Check, lang: Lang) -> String {
    let own = |zh, en| pick(lang, zh, en);
    let mut out = format!("{}  {}\n\n", check.id, own(check.title_zh, check.title_en));
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            out.push_str(&format!("{label}{value}\n"));
        }
    };
    line(own("标准原文：", "Standard: "), check.standard);
    line(own("单位：", "Unit: "), unit_name(check.unit, lang));
    line(own("如何改正：", "Fix: "), fix_name(check.fix, lang));
    line(own("测量方法（英文）：", "Method: "), check.method);
    line(own("无法识别（英文）：", "Cannot see: "), check.blind);
    out.push_str(own("\n各标准的要求：\n", "\nLimits:\n"));
    for (ids, limits) in limits(check, lang) {
        out.push_str(&format!("  {}: {limits}\n", ids.join(", ")));
    }
    out.push_str(own("\n提示语：\n", "\nMessages:\n"));
    for say in check.says {
        out.push_str(&format!("  [{}] {}\n", when_name(say.when, lang), own(say.zh, say.en)));
        let hint = own(say.hint_zh, say.hint_en);
        if !hint.is_empty() {
            out.push_str(&format!("      {hint}\n"));
        }
    }
    out
}

/// The page `docs/checks.md`: every check with its limits in the built-in profiles and all its messages.
pub fn docs_page() -> String {
    let mut page = String::from(
        "# Checks\n\n\
         <!-- Made from src/check and profiles/ by the test `the_page_of_checks_is_current`; \
         GRADPHOTO_BLESS=1 cargo test writes it anew. -->\n\n\
         Every check the program knows, in the order reports list them. A profile decides which of them are asked for \
         and where their limits lie; see [profiles.md](profiles.md). In messages, `{value}`, `{size}` (the value without \
         its sign), `{min}`, `{max}` and `{by}` (distance to the limit) stand for numbers with their unit, and `{edge}` for \
         the edge of the photo that a position is counted from.\n\n",
    );
    for check in FAMILIES.iter().copied().flatten() {
        let anchor = check.id.replace('.', "");
        page.push_str(&format!("- [`{}`](#{anchor}) {} / {}\n", check.id, check.title_zh, check.title_en));
    }
    for check in FAMILIES.iter().copied().flatten() {
        section(check, &mut page);
    }
    page
}

fn section(check: &Check, page: &mut String) {
    // The heading is the id alone, so that links to it survive a better title.
    page.push_str(&format!("\n## {}\n\n**{} / {}**\n\n", check.id, check.title_zh, check.title_en));
    if !check.standard.is_empty() {
        page.push_str(&format!("> {}\n\n", check.standard));
    }
    page.push_str(&format!("- Unit: {}\n", unit_name(check.unit, Lang::En)));
    page.push_str(&format!("- Fix: {}\n", fix_name(check.fix, Lang::En)));
    page.push_str(&format!("- Method: {}\n", check.method));
    if !check.blind.is_empty() {
        page.push_str(&format!("- Cannot see: {}\n", check.blind));
    }
    page.push_str("\n| Profile | Limits |\n|---|---|\n");
    for (ids, limits) in limits(check, Lang::En) {
        page.push_str(&format!("| {} | {} |\n", ids.join(", "), cell(&limits)));
    }
    page.push_str("\n| When | Message | Hint |\n|---|---|---|\n");
    for say in check.says {
        let both = |zh: &str, en: &str| match (zh, en) {
            ("", "") => String::new(),
            _ => format!("{}<br>{}", cell(zh), cell(en)),
        };
        let when = when_name(say.when, Lang::En);
        page.push_str(&format!("| {when} | {} | {} |\n", both(say.zh, say.en), both(say.hint_zh, say.hint_en)));
    }
}

/// The limits of a check in the built-in profiles, profiles that agree together.
fn limits(check: &Check, lang: Lang) -> Vec<(Vec<&'static str>, String)> {
    let mut groups: Vec<(Vec<&'static str>, String)> = Vec::new();
    // A built-in profile that does not load is an error of the tests, not of this page.
    let loaded = profile::builtin_ids().filter_map(|id| Some((id, profile::builtin(id).ok()?)));
    // Of documents nobody asks for a face, nor of portraits for text.
    for (id, profile) in loaded.filter(|(_, profile)| profile.kind.takes(check.id)) {
        let said = profile.rule(check.id).map_or_else(
            || pick(lang, "不检查", "not asked for").to_owned(),
            |rule| {
                let fields: Vec<String> = words(rule, check.unit, lang).iter().map(ToString::to_string).collect();
                fields.join(pick(lang, "；", "; "))
            },
        );
        match groups.iter_mut().find(|(_, limits)| *limits == said) {
            Some((ids, _)) => ids.push(id),
            None => groups.push((vec![id], said)),
        }
    }
    groups
}

/// Text for a cell of a Markdown table: bars and angle brackets are not markup.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

fn when_name(when: When, lang: Lang) -> &'static str {
    match when {
        When::Ok => pick(lang, "合格", "fine"),
        When::Low => pick(lang, "低于界限", "below a limit"),
        When::High => pick(lang, "高于界限", "above a limit"),
        When::Case(name) => name,
    }
}

fn fix_name(fix: Fix, lang: Lang) -> &'static str {
    match fix {
        Fix::Auto => pick(lang, "软件可自动改正", "automatic"),
        Fix::AutoIfAllowed => pick(lang, "经允许后软件可改正", "automatic where the profile or the caller allows it"),
        Fix::Retake => pick(lang, "需重新拍摄", "take a new photo"),
    }
}

fn unit_name(unit: Unit, lang: Lang) -> &'static str {
    match unit {
        Unit::Px => pick(lang, "像素 (px)", "pixels (px)"),
        Unit::Degrees => pick(lang, "度 (°)", "degrees (°)"),
        Unit::Percent => pick(lang, "百分比 (%)", "percent (%)"),
        Unit::Kib => pick(lang, "KB (1024 字节)", "KB (1024 bytes)"),
        Unit::Dpi => pick(lang, "每英寸点数 (dpi)", "dots per inch (dpi)"),
        Unit::Quality => pick(lang, "JPEG 品质系数 (1 至 100)", "JPEG quality (1 to 100)"),
        Unit::DeltaE => pick(lang, "色差 CIEDE2000 (ΔE)", "colour difference CIEDE2000 (ΔE)"),
        Unit::Lightness => pick(lang, "明度 L* (0 至 100)", "lightness L* (0 to 100)"),
        Unit::Ratio => pick(lang, "比值", "ratio"),
        Unit::Months => pick(lang, "月", "months"),
        Unit::Count => pick(lang, "个数", "count"),
        Unit::Word => pick(lang, "文字", "word"),
    }
}
