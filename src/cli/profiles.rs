//! `gradphoto profiles [ID|FILE]`: which rules there are, what they ask for, and what each value rests on.

use std::ffi::OsStr;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::check;
use crate::profile::{self, Confidence, Operation, Permission, Profile, ProfileError, Rule, pick, words};
use crate::units::Lang;

/// Why no profile could be shown.
#[derive(Debug, thiserror::Error)]
pub enum ProfilesError {
    /// The profile is unknown or refused.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Shows the profile `id`, a built-in id or the path of a file, in `lang`; without an id, lists the built-in profiles.
///
/// # Errors
/// When the profile is unknown or refused, or `out` fails.
pub fn run(id: Option<&str>, lang: Lang, out: &mut dyn Write) -> Result<(), ProfilesError> {
    match id {
        Some(id) => Ok(show(&profile::resolve(OsStr::new(id))?, lang, out)?),
        None => list(lang, out),
    }
}

fn list(lang: Lang, out: &mut dyn Write) -> Result<(), ProfilesError> {
    let profiles = profile::builtin_ids().map(profile::builtin).collect::<Result<Vec<_>, _>>()?;
    let ids = profiles.iter().map(|profile| profile.id.width()).max().unwrap_or(0);
    let titles = profiles.iter().map(|profile| profile.title.get(lang).width()).max().unwrap_or(0);
    for profile in &profiles {
        let difference = match profile.extends.first() {
            Some(base) => difference(profile, &profile::builtin(base)?, lang),
            None => pick(lang, "基础标准", "base").to_owned(),
        };
        writeln!(out, "{}  {}  {difference}", pad(&profile.id, ids), pad(profile.title.get(lang), titles))?;
    }
    Ok(())
}

/// Differences that fit on a line of the list.
const MOST_DIFFERENCES: usize = 8;

/// In one line, what `profile` asks for otherwise than `base`.
fn difference(profile: &Profile, base: &Profile, lang: Lang) -> String {
    let mut parts = Vec::new();
    for check in check::all() {
        let title = check.title();
        let name = title.get(lang);
        match (profile.rule(check.id), base.rule(check.id)) {
            (Some(own), theirs) if theirs != Some(own) => {
                let old = theirs.map_or_else(Vec::new, |rule| words(rule, check.unit, lang));
                let new = words(own, check.unit, lang).into_iter().filter(|field| !old.contains(field));
                let changed: Vec<String> = new.map(|field| field.to_string()).collect();
                parts.push(format!("{name} {}", changed.join(pick(lang, "，", ", "))).trim_end().to_owned());
            }
            (None, Some(_)) => parts.push(format!("{}{name}", pick(lang, "不检查", "no "))),
            _ => {}
        }
    }
    match parts.len() {
        0 => format!("{}{}", pick(lang, "与基础标准相同：", "the same limits as "), base.id),
        // A line of all of them would say nothing.
        n if n > MOST_DIFFERENCES => match lang {
            Lang::Zh => format!("在 {} 之上另有 {n} 项要求", base.id),
            Lang::En => format!("{n} rules of its own on top of {}", base.id),
        },
        _ => parts.join(pick(lang, "；", "; ")),
    }
}

fn show(profile: &Profile, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}  {}", profile.id, profile.title.get(lang))?;
    writeln!(out, "{}{}", pick(lang, "版本：", "version: "), profile.version)?;
    if !profile.extends.is_empty() {
        writeln!(out, "{}{}", pick(lang, "基于：", "extends: "), profile.extends.join(" < "))?;
    }
    let canvas = profile.canvas;
    if canvas.is_none() {
        writeln!(out, "{}", pick(lang, "对象：证件图片（无成品尺寸）", "for pictures of documents, of any size"))?;
    } else {
        writeln!(out, "{}{}x{} px", pick(lang, "成品尺寸：", "canvas: "), canvas.width, canvas.height)?;
    }

    writeln!(out, "\n{}", pick(lang, "规范化处理", "normalizing"))?;
    let from = profile.provenance.get(profile::NORMALIZE);
    for operation in Operation::ALL {
        let said = permission(profile.permission(operation), lang);
        let name = operation.name();
        let shown = pad(&format!("{}{}{said}", name.get(lang), pick(lang, "：", ": ")), 46);
        match from.and_then(|fields| fields.get(operation.key())) {
            Some(from) => {
                writeln!(out, "  {shown}  [{}, {}] {}", from.profile, confidence(from.confidence, lang), from.source)?;
            }
            None => writeln!(out, "  {}", shown.trim_end())?,
        }
    }

    let asked: Vec<_> = check::all().filter_map(|check| Some((check, profile.rule(check.id)?))).collect();
    let fields = |check: &check::Check, rule: &Rule| words(rule, check.unit, lang);
    let width = asked.iter().flat_map(|(check, rule)| fields(check, rule)).map(|field| field.to_string().width()).max();
    for (check, rule) in asked {
        writeln!(out, "\n{}  {}", check.id, check.title().get(lang))?;
        let from = profile.provenance.get(check.id);
        for field in fields(check, rule) {
            let shown = pad(&field.to_string(), width.unwrap_or(0));
            match from.and_then(|fields| fields.get(field.field)) {
                Some(from) => {
                    let sure = confidence(from.confidence, lang);
                    writeln!(out, "  {shown}  [{}, {sure}] {}", from.profile, from.source)?;
                }
                None => writeln!(out, "  {}", shown.trim_end())?,
            }
        }
    }
    let legend = pick(
        lang,
        "可信度：H 多个一致的官方页面；M 一个注明机构或标准的页面；L 依据较弱，只提醒不判不合格；实测 由本程序在照片上标定。",
        "confidence: H several agreeing official pages; M one page naming an office or standard; L weak, warns only; \
         calibrated: ours, measured on photos.",
    );
    writeln!(out, "\n{legend}")
}

fn permission(permission: Permission, lang: Lang) -> &'static str {
    match permission {
        Permission::Allow => pick(lang, "允许", "allowed"),
        Permission::Ask => pick(lang, "需调用方要求", "where the caller asks for it"),
        Permission::Forbid => pick(lang, "禁止", "forbidden"),
    }
}

fn confidence(confidence: Confidence, lang: Lang) -> &'static str {
    match confidence {
        Confidence::High => "H",
        Confidence::Medium => "M",
        Confidence::Low => "L",
        Confidence::Calibrated => pick(lang, "实测", "calibrated"),
    }
}

/// `text` filled with spaces to `width` columns of a terminal, where a Chinese character takes two.
fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: Option<&str>, lang: Lang) -> String {
        let mut out = Vec::new();
        run(id, lang, &mut out).expect("shows");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn columns_line_up_with_chinese() {
        assert_eq!(pad("照片", 6), "照片  ");
        assert_eq!(pad("photo", 6), "photo ");
        assert_eq!(pad("照片照片", 6), "照片照片");
    }

    #[test]
    fn every_built_in_profile_has_one_line() {
        for lang in [Lang::Zh, Lang::En] {
            let list = said(None, lang);
            assert_eq!(list.lines().count(), profile::builtin_ids().count());
            assert!(profile::builtin_ids().zip(list.lines()).all(|(id, line)| line.starts_with(id)), "{list}");
        }
    }

    #[test]
    fn a_profile_is_shown_with_the_source_of_every_value() {
        let text = said(Some("tianjin-graduation"), Lang::En);
        let colors = text.lines().find(|line| line.contains("colours")).expect("background.color is asked for");
        assert!(colors.contains("light-blue <100,197,255>") && colors.contains("[tianjin-graduation, M]"), "{colors}");
        assert!(text.contains("[zikao-graduation, calibrated]"), "{text}");
    }

    #[test]
    fn an_unknown_profile_is_named_with_the_nearest() {
        let error = run(Some("tianjin-graduate"), Lang::Zh, &mut Vec::new()).expect_err("there is none");
        assert!(error.to_string().contains("did you mean `tianjin-graduation`?"), "{error}");
    }
}
