//! Where a file comes from: the day its photo was taken, and the program that wrote it.

use jiff::Unit as Calendar;
use jiff::civil::Date;

use crate::check::{Check, Fix, Measured, Status, When, say};
use crate::facts::{Facts, Missing};
use crate::photo::Container;
use crate::profile::Rule;
use crate::units::Unit;

pub(super) const CAPTURED: Check = Check {
    id: "file.captured",
    title_zh: "拍摄时间",
    title_en: "Date of capture",
    standard: "近期（毕业前一年以内）",
    method: "Calendar months from the day of EXIF DateTimeOriginal to the day the caller gives (of graduation, say), days \
             over as 31sts of a month. A day of capture after the given one, or one that is no date, warns: clocks of \
             cameras are often wrong.",
    blind: "A clock that was set wrong, a date that was removed or changed; a scan has the date of the scan. Not checked \
            when the file has no date or the caller gives none.",
    unit: Unit::Months,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "拍摄于{captured}，距{before}有{value}", "taken on {captured}, {value} before {before}", "", ""),
        say(
            When::High,
            "照片过旧：拍摄于{captured}，距{before}已有{value}（要求不超过{max}）",
            "the photo is too old: taken on {captured}, {value} before {before} (at most {max})",
            "请使用近期照片或重新拍摄",
            "use a recent photo or take a new one",
        ),
        say(
            When::Case("later"),
            "拍摄时间{captured}晚于{before}，相机时钟可能不准",
            "the date of capture, {captured}, lies after {before}: the camera's clock may be wrong",
            "请核实拍摄时间",
            "find out when the photo was taken",
        ),
        say(
            When::Case("no-date"),
            "拍摄时间无法识别：{captured}",
            "the date of capture is no date: {captured}",
            "请核实拍摄时间",
            "find out when the photo was taken",
        ),
    ],
    measure: captured,
};

fn captured(facts: &Facts<'_>, _: &Rule) -> Result<Measured, Missing> {
    let exif = &facts.file.container.exif;
    let before = facts.captured_before.ok_or(Missing::NotStated)?;
    let Some(captured) = exif.capture_day().ok_or(Missing::NotStated)? else {
        let written = exif.captured.clone().unwrap_or_default();
        return Ok(Measured::word("no-date").case("no-date").status(Status::Warn).detail("captured", written));
    };
    let measured = Measured::number(months(captured, before)).detail("captured", captured).detail("before", before);
    Ok(if captured > before { measured.case("later").status(Status::Warn) } else { measured })
}

/// Calendar months counted back from `to`; days over whole months count as 31sts, so that a day over a limit is over it.
fn months(from: Date, to: Date) -> f64 {
    // Between two valid days there is always a span.
    to.since((Calendar::Month, from))
        .map_or(f64::INFINITY, |span| f64::from(span.get_months()) + f64::from(span.get_days()) / 31.0)
}

pub(super) const EDITED: Check = Check {
    id: "file.edited",
    title_zh: "图像处理软件",
    title_en: "Image editor",
    standard: "不得…技术处理",
    method: "The name of an editor in EXIF Software or in XMP CreatorTool, against a list of known ones; or settings that \
             Photoshop alone writes (APP13 resources other than captions, APP12 \"Ducky\"). It warns at most: cropping in \
             an editor leaves the same trace as retouching.",
    blind: "Editors that leave no trace, and traces removed by saving again; what was changed, if anything.",
    unit: Unit::Word,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "文件中没有图像处理软件的记录", "the file names no image editor", "", ""),
        say(
            When::High,
            "照片经图像处理软件保存（{value}），可能经过修饰",
            "the file was written by an image editor ({value}) and may be retouched",
            "请使用相机或照相馆提供的原图，只裁剪、不修饰",
            "use the camera's or the studio's original; crop it, but do not retouch it",
        ),
    ],
    measure: edited,
};

fn edited(facts: &Facts<'_>, _: &Rule) -> Result<Measured, Missing> {
    let container = &facts.file.container;
    if !container.format.is_decoded() {
        return Err(Missing::Unreadable);
    }
    Ok(Measured::word(editor(container).unwrap_or("none")).unsure_if(true))
}

fn editor(container: &Container) -> Option<&'static str> {
    let jpeg = container.jpeg.as_ref();
    let names = [container.exif.software.as_deref(), jpeg.and_then(|jpeg| jpeg.creator_tool.as_deref())];
    let named = names.into_iter().flatten().find_map(editor_in);
    named.or_else(|| jpeg.filter(|jpeg| jpeg.photoshop_settings).map(|_| "Photoshop"))
}

/// Programs that retouch, by the names they write. Programs that only convert or catalogue are not among them.
const EDITORS: &[&str] = &[
    "Photoshop",
    "Lightroom",
    "GIMP",
    "Snapseed",
    "Meitu",
    "美图",
    "美颜相机",
    "醒图",
    "Xingtu",
    "Hypic",
    "剪映",
    "CapCut",
    "轻颜",
    "Faceu",
    "无他相机",
    "天天P图",
    "Pitu",
    "黄油相机",
    "光影魔术手",
    "可牛",
    "B612",
    "PicsArt",
    "Facetune",
    "BeautyPlus",
    "BeautyCam",
    "AirBrush",
    "FaceApp",
    "YouCam",
    "PhotoDirector",
    "PortraitPro",
    "Remini",
    "Canva",
    "Fotor",
    "Pixlr",
    "Polarr",
    "VSCO",
    "Photopea",
    "Pixelmator",
    "Affinity Photo",
    "PaintShop",
    "PhotoScape",
    "Paint.NET",
    "Krita",
    "Luminar",
    "Capture One",
    "darktable",
    "RawTherapee",
];

/// The editor a program's name speaks of. The name has to begin a word and not to go on in small letters, so that
/// "Canvas" is not Canva.
fn editor_in(software: &str) -> Option<&'static str> {
    let lower = software.to_ascii_lowercase();
    EDITORS.iter().copied().find(|name| {
        lower.match_indices(&name.to_ascii_lowercase()).any(|(at, found)| {
            let (before, after) = (&software[..at], &software[at + found.len()..]);
            let inside = |c: char| c.is_ascii_alphanumeric();
            !before.ends_with(inside) && !after.starts_with(|c: char| c.is_ascii_lowercase()) || !name.is_ascii()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Value;
    use crate::check::file::tests::{jpeg, measure_at, word};

    fn day(text: &str) -> Date {
        text.parse().expect("a day")
    }

    #[test]
    fn months_are_the_calendars() {
        for (from, to, expected) in [
            ("2025-06-30", "2026-06-30", 12.0),
            ("2025-06-29", "2026-06-30", 12.0 + 1.0 / 31.0),
            ("2026-01-31", "2026-02-28", 28.0 / 31.0),
            ("2024-02-29", "2025-02-28", 11.0 + 28.0 / 31.0),
            ("2026-07-01", "2026-06-01", -1.0),
        ] {
            assert!(
                (months(day(from), day(to)) - expected).abs() < 1e-9,
                "{from} {to}: {}",
                months(day(from), day(to))
            );
        }
    }

    #[test]
    fn months_grow_with_every_day() {
        let end = day("2026-06-30");
        let spans: Vec<f64> = (0..800).map(|n| months(end - jiff::Span::new().days(n), end)).collect();
        assert!(spans.windows(2).all(|pair| pair[0] < pair[1]), "an older photo has to be older by more");
    }

    #[test]
    fn the_day_of_capture_is_judged_against_the_callers() {
        let before = Some(day("2026-06-30"));
        let of = |written: Option<&str>, before| {
            let mut file = jpeg();
            file.container.exif.captured = written.map(str::to_owned);
            measure_at(&CAPTURED, &file, &Rule::default(), before)
        };
        let year = of(Some("2025:06:30 08:00:00"), before).expect("measured");
        assert_eq!((year.value, year.case), (Value::Number(12.0), None));
        assert!(year.details.contains(&("captured", "2025-06-30".to_owned())));
        let later = of(Some("2026:07:01 08:00:00"), before).expect("measured");
        assert_eq!((later.case, later.status), (Some("later"), Some(Status::Warn)));
        let odd = of(Some("2026:13:45 99:00:00"), before).expect("measured");
        assert_eq!((odd.case, odd.status), (Some("no-date"), Some(Status::Warn)));
        // EXIF writes an unknown date as zeros or blanks.
        for unknown in [None, Some("0000:00:00 00:00:00"), Some("    :  :     :  :  ")] {
            assert_eq!(of(unknown, before), Err(Missing::NotStated), "{unknown:?}");
        }
        assert_eq!(of(Some("2025:06:30 08:00:00"), None), Err(Missing::NotStated));
    }

    #[test]
    fn editors_are_told_from_cameras() {
        for (software, expected) in [
            ("Adobe Photoshop 25.1 (Windows)", Some("Photoshop")),
            ("Adobe Photoshop Lightroom Classic 13.0", Some("Photoshop")),
            ("GIMP 2.10.34", Some("GIMP")),
            ("com.meitu.meitupic", Some("Meitu")),
            ("美图秀秀 10.2", Some("美图")),
            ("来自醒图", Some("醒图")),
            ("PICSART", Some("PicsArt")),
            ("Facetune2", Some("Facetune")),
            ("Canvas Camera 2", None),
            ("Ver.1.00", None),
            ("Canon EOS R5 Firmware 1.8.1", None),
            ("HDR+ 1.0.345618096zd", None),
            ("17.4.1", None),
            ("MIUI Camera", None),
            ("NIKON D850 Ver.1.20", None),
            ("Microsoft Windows Photo Viewer 10.0", None),
        ] {
            assert_eq!(editor_in(software), expected, "{software}");
        }
    }

    #[test]
    fn every_trace_counts_and_can_only_warn() {
        let rule = Rule { allowed: vec!["none".to_owned()], ..Rule::default() };
        let of = |file: &crate::photo::FileFacts| measure_at(&EDITED, file, &rule, None).expect("measured");
        assert_eq!(word(&of(&jpeg())), "none");
        let mut named = jpeg();
        named.container.exif.software = Some("Snapseed 2.0".to_owned());
        let mut by_xmp = jpeg();
        by_xmp.container.jpeg.as_mut().expect("a frame").creator_tool = Some("GIMP 2.10".to_owned());
        let mut by_settings = jpeg();
        by_settings.container.jpeg.as_mut().expect("a frame").photoshop_settings = true;
        for (file, expected) in [(&named, "Snapseed"), (&by_xmp, "GIMP"), (&by_settings, "Photoshop")] {
            let measured = of(file);
            assert_eq!((word(&measured), measured.unsure), (expected, true));
        }
    }
}
