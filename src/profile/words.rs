//! Limits in words, for the terminal and the documentation.

use super::{Band, Rule};
use crate::units::{Lang, Unit};

/// One field of a rule in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldWords {
    /// The field's key in a profile, such as `fail`.
    pub field: &'static str,
    /// What the field means.
    pub label: &'static str,
    /// Its value with the unit; empty when the label says it all.
    pub value: String,
}

impl std::fmt::Display for FieldWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.label)?;
        if self.value.is_empty() { Ok(()) } else { write!(f, " {}", self.value) }
    }
}

/// The fields that `rule` sets, in words; `unit` is the check's.
pub fn words(rule: &Rule, unit: Unit, lang: Lang) -> Vec<FieldWords> {
    let mut out = Vec::new();
    for (field, label, band, unit) in [
        ("fail", pick(lang, "必须", "must be"), rule.fail, rule.ruler().unit(unit)),
        ("warn", pick(lang, "宜", "should be"), rule.warn, rule.ruler().unit(unit)),
        ("width", pick(lang, "宽", "width"), rule.width, Unit::Px),
        ("height", pick(lang, "高", "height"), rule.height, Unit::Px),
        ("ratio", pick(lang, "宽高比", "width over height"), rule.ratio, Unit::Ratio),
    ] {
        if !band.is_open() {
            let value = band_words(band, unit, lang) + &rule.ruler().remark(lang);
            out.push(FieldWords { field, label, value });
        }
    }
    if !rule.allowed.is_empty() {
        let value = rule.allowed.join(pick(lang, "、", ", "));
        out.push(FieldWords { field: "allowed", label: pick(lang, "允许", "allowed"), value });
    }
    if !rule.colors.is_empty() {
        let names = rule.colors.iter().map(|color| {
            let [r, g, b] = color.rgb;
            format!("{} <{r},{g},{b}>", pick(lang, color.zh.as_str(), color.name.as_str()))
        });
        let value = names.collect::<Vec<_>>().join(pick(lang, "、", ", "));
        out.push(FieldWords { field: "colors", label: pick(lang, "颜色", "colours"), value });
    }
    if rule.info {
        let label = pick(lang, "仅供参考，不作判定", "for information, not judged");
        out.push(FieldWords { field: "info", label, value: String::new() });
    }
    out
}

/// The wording in `lang`.
pub(crate) fn pick<'a>(lang: Lang, zh: &'a str, en: &'a str) -> &'a str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

/// A band with its unit: `50 to 110 px`, `≥ 60`, `±3°`. Limits are written in full, not rounded as measured values are.
fn band_words(band: Band, unit: Unit, lang: Lang) -> String {
    let symbol = unit.symbol_in(lang);
    match (band.min, band.max) {
        (Some(min), Some(max)) if min == max => format!("{min}{symbol}"),
        (Some(min), Some(max)) if min == -max => format!("±{max}{symbol}"),
        (Some(min), Some(max)) => match lang {
            Lang::Zh => format!("{min} 至 {max}{symbol}"),
            Lang::En => format!("{min} to {max}{symbol}"),
        },
        (Some(min), None) => format!("≥ {min}{symbol}"),
        (None, Some(max)) => format!("≤ {max}{symbol}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Edge, NamedColor, Of};

    #[test]
    fn bands_read_as_people_write_them() {
        let say = |min, max, unit| band_words(Band { min, max }, unit, Lang::En);
        assert_eq!(say(Some(50.0), Some(110.0), Unit::Px), "50 to 110 px");
        assert_eq!(say(Some(60.0), None, Unit::Quality), "≥ 60");
        assert_eq!(say(None, Some(0.05), Unit::Percent), "≤ 0.05 %");
        assert_eq!(say(Some(-3.0), Some(3.0), Unit::Degrees), "±3°");
        assert_eq!(say(Some(480.0), Some(480.0), Unit::Px), "480 px");
    }

    #[test]
    fn every_field_has_words_in_both_languages() {
        let band = Band { min: Some(1.0), max: Some(2.0) };
        let rule = Rule {
            fail: band,
            warn: band,
            allowed: vec!["jpeg".into(), "png".into()],
            colors: vec![NamedColor { name: "white".into(), zh: "白色".into(), rgb: [255; 3] }],
            width: band,
            height: band,
            ratio: band,
            info: true,
            ..Rule::default()
        };
        let zh = words(&rule, Unit::Px, Lang::Zh);
        let en = words(&rule, Unit::Px, Lang::En);
        assert_eq!(en.len(), 8);
        assert!(zh.iter().zip(&en).all(|(zh, en)| zh.field == en.field && zh.label != en.label));
        assert_eq!(zh[6].to_string(), "颜色 白色 <255,255,255>");
        assert_eq!(en[5].to_string(), "allowed jpeg, png");
    }

    #[test]
    fn limits_say_what_they_are_shares_of_and_from_where() {
        let fail = Band { min: Some(56.0), max: Some(69.0) };
        let rule = Rule { fail, of: Of::HeightPercent, from: Edge::Bottom, ..Rule::default() };
        let said = |lang| words(&rule, Unit::Px, lang)[0].to_string();
        assert_eq!(said(Lang::En), "must be 56 to 69 % of the height, from the bottom edge");
        assert_eq!(said(Lang::Zh), "必须 56 至 69 %（占照片高度，距下边沿）");
    }
}
