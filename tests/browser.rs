//! The page of the service and the report for reviewers in a real browser, without a window.
//!
//! `GRADPHOTO_SCREENSHOTS=FOLDER` keeps pictures of what was seen.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(all(feature = "server", unix))]

#[path = "common/browser.rs"]
mod browser;
#[path = "common/server.rs"]
mod server;

use browser::Browser;
use serde_json::Value;
use server::{Server, gradphoto};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-photos");

/// Texts of all elements that match.
fn texts(browser: &Browser, selector: &str) -> Vec<String> {
    let all = browser.run(&format!("return [...document.querySelectorAll('{selector}')].map((e) => e.innerText)"));
    all.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_page_checks_and_mends_a_photo_in_both_languages() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(&[]);
    browser.open(&format!("http://{}/", server.address));
    browser.until("return document.getElementById('parameter-profile')?.value === 'zikao-graduation'");
    browser.shot("try-empty");

    browser.type_into("#photo", &format!("{SAMPLES}/collins-derived-gray.jpg"));
    browser.click("button[type=submit]");
    let said = "const v = document.getElementById('verdict'); return v.className !== 'wait' && v.innerText";
    assert_eq!(browser.until(said), "不合格");
    browser.shot("try-check-zh");
    let zh = texts(&browser, "#checks .fail");
    assert!(zh.iter().any(|text| text.starts_with("嘴唇闭合")), "{zh:?}");
    assert!(zh.iter().all(|text| text.lines().count() == 2), "each says what to do: {zh:?}");
    let interface = "return document.querySelector('form').innerText + document.querySelector('summary').innerText";
    let words = browser.run(interface);
    browser.click("#language");
    assert_eq!(browser.until(said), "reject");
    let en = texts(&browser, "#checks .fail");
    assert_eq!(en.len(), zh.len());
    assert!(en.iter().any(|text| text.starts_with("Lips closed")) && en.iter().all(|text| text.is_ascii()), "{en:?}");
    assert_ne!(browser.run(interface), words);
    assert!(browser.run(interface).as_str().unwrap().is_ascii(), "{}", browser.run(interface));
    browser.shot("try-check-en");

    browser.click("#operation option[data-path='/v1/normalize']");
    browser.click("#parameter-background option[value=auto]");
    browser.type_into("#photo", &format!("{SAMPLES}/collins-derived-blue-too-many-kb.jpg"));
    browser.click("button[type=submit]");
    let size = browser.until("const m = document.getElementById('made'); return m.complete && m.naturalWidth && [m.naturalWidth, m.naturalHeight]");
    assert_eq!(size, serde_json::json!([480, 640]));
    assert!(browser.run("return document.getElementById('made').checkVisibility()").as_bool().unwrap());
    browser.shot("try-normalize-en");

    let strangers = "return performance.getEntriesByType('resource').map((e) => e.name)\
        .filter((name) => !name.startsWith(location.origin + '/') && !/^(blob|data):/.test(name))";
    assert_eq!(browser.run(strangers), serde_json::json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());

    // What is no photo is answered in words: as a problem here, and as a report where it is judged.
    browser.type_into("#photo", &format!("{SAMPLES}/README.md"));
    browser.click("button[type=submit]");
    browser.until("return document.getElementById('verdict').className === 'problem'");
    browser.shot("try-no-photo-en");
    let detail = texts(&browser, "#detail").concat();
    assert!(texts(&browser, "#verdict").concat().contains("no compliant photo can be made"));
    assert!(detail.contains("not a photo") || detail.contains("not decoded"), "{detail}");
    assert!(!browser.run("return document.getElementById('after').checkVisibility()").as_bool().unwrap());
    let complaints = browser.complaints();
    assert!(complaints.len() == 1 && complaints[0].contains("422"), "{complaints:?}");
    browser.click("#language");
    browser.click("#operation option[data-path='/v1/check']");
    browser.click("button[type=submit]");
    assert_eq!(browser.until("return document.getElementById('verdict').className === 'reject' && document.getElementById('verdict').innerText"), "不合格");
    browser.shot("try-no-photo-zh");
    assert!(texts(&browser, "#checks .fail").concat().contains("不是照片"), "{:?}", texts(&browser, "#checks .fail"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_report_shows_filters_and_prints() {
    let Some(browser) = Browser::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("report.html");
    let out = gradphoto(&["check", SAMPLES, "--lang", "zh", "--format", "summary", "--report", page.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    browser.open(&format!("file://{}", page.display()));
    let photos =
        std::fs::read_dir(SAMPLES).unwrap().filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() != "md");
    let photos = photos.count();
    browser.shot("report");
    let cards = texts(&browser, "article");
    assert_eq!(cards.len(), photos, "{cards:?}");
    // They are loaded when they come into view.
    browser.run("for (const image of document.images) image.loading = 'eager'");
    browser.until(&format!(
        "return [...document.images].filter((i) => i.complete && i.naturalWidth > 0).length === {photos}"
    ));

    let shown = "return [...document.querySelectorAll('article')].filter((a) => a.checkVisibility()).map((a) => a.dataset.reasons)";
    browser.click("select[name=reason] option[value='mouth.closed']");
    let with: Vec<Value> = browser.run(shown).as_array().unwrap().clone();
    assert!((1..photos).contains(&with.len()), "{with:?}");
    assert!(with.iter().all(|reasons| reasons.as_str().unwrap().split(' ').any(|id| id == "mouth.closed")), "{with:?}");
    assert_eq!(texts(&browser, ".filter output"), [format!("{} / {photos}", with.len())]);
    browser.shot("report-filtered");
    browser.click("select[name=reason] option[value='']");
    browser.type_into("input[type=search]", "astronaut");
    assert_eq!(browser.run(shown).as_array().unwrap().len(), 1);
    browser.run("document.querySelector('input[type=search]').value = ''; document.querySelector('.filter').dispatchEvent(new Event('input'))");
    assert_eq!(browser.run(shown).as_array().unwrap().len(), photos);

    // What was measured is drawn over the photo under the mouse, and large after a click.
    let opacity = "return getComputedStyle(document.querySelector('.photo svg')).opacity";
    assert_eq!(browser.run(opacity), "0");
    browser.point_at(".photo");
    browser.until(&format!("{opacity} === '1'"));
    browser.shot("report-hover");
    browser.click(".photo");
    let large = "const l = document.querySelector('dialog[open] .large'), s = l?.querySelector('svg'), i = l?.querySelector('img');\
        if (!s || !i?.naturalWidth) return null; const a = i.getBoundingClientRect(), b = s.getBoundingClientRect();\
        return [a.width > 200, Math.abs(a.width / a.height - i.naturalWidth / i.naturalHeight) < 0.02, a.width === b.width && a.height === b.height, a.bottom <= innerHeight]";
    assert_eq!(browser.until(large), serde_json::json!([true, true, true, true]));
    browser.shot("report-large");
    browser.click("dialog button");
    assert_eq!(browser.run("return document.querySelector('dialog').open"), false);

    assert_eq!(texts(&browser, "h1"), ["照片检查报告"]);
    browser.click("#lang");
    assert_eq!(texts(&browser, "h1"), ["Photo report"]);
    let chinese = |text: &String| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let reasons = texts(&browser, "article li");
    assert!(!reasons.iter().any(chinese), "{reasons:?}");
    browser.click("#theme");
    browser.shot("report-dark-en");

    browser.on_paper(true);
    let hidden = "return ['.filter', 'header nav', 'footer'].map((s) => document.querySelector(s).checkVisibility())";
    assert_eq!(browser.run(hidden), serde_json::json!([false, false, false]));
    assert_eq!(browser.run(opacity), "1", "paper has no mouse");
    assert_eq!(browser.run("return getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
    browser.shot("report-paper");
    browser.on_paper(false);

    let loads = "return performance.getEntriesByType('resource').map((e) => e.name).filter((name) => !name.startsWith('data:'))";
    assert_eq!(browser.run(loads), serde_json::json!([]), "it stands alone");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
