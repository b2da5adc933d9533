//! The pages of the service and the report for reviewers in a real browser, without a window.
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

/// The queue as it stands: what is asked for by its query.
fn submissions(server: &Server, query: &str) -> Value {
    let answer = server.get(&format!("/v1/submissions?{query}"), "");
    serde_json::from_str::<Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()["submissions"].take()
}

#[test]
fn reviewers_decide_on_the_page() {
    let Some(browser) = Browser::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&["--review", dir.path().to_str().unwrap(), "--review-what", "all"]);
    let hostile = "<img src=x onerror=document.title='caught'>";
    for (reference, photo) in [
        ("%3Cimg%20src%3Dx%20onerror%3Ddocument.title%3D%27caught%27%3E", "collins-derived-gray.jpg"),
        ("second", "collins-derived-blue-too-many-kb.jpg"),
        ("third", "样例-蓝底.jpg"),
    ] {
        let photo = std::fs::read(format!("{SAMPLES}/{photo}")).unwrap();
        let answer = server.post(&format!("/v1/submissions?reference={reference}"), &photo);
        assert_eq!(server::status(&answer), Some(201), "{answer}");
    }
    browser.open(&format!("http://{}/review", server.address));
    let current = |text: &str| {
        browser.until(&format!(
        "const c = document.querySelector('#queue [aria-current]'), p = document.getElementById('photo'), d = document.getElementById('case');\
         return c && c.innerText.startsWith({text:?}) && !d.hidden && p.complete && p.naturalWidth > 0"
    ))
    };
    current(hostile);
    assert_eq!(texts(&browser, "#queue button").len(), 3);
    assert_eq!(texts(&browser, "#name"), [hostile]);
    assert_eq!(browser.run("return document.querySelectorAll('#name *, #queue img').length"), 0);
    assert_eq!(browser.run("return document.title"), "gradphoto");
    // The marks lie on the photo, to a part of a pixel.
    browser.until("return document.getElementById('marks').complete");
    let same = "const [a, b] = ['photo', 'marks'].map((id) => document.getElementById(id).getBoundingClientRect());\
        return [a.width > 200, ['left', 'top', 'width', 'height'].every((side) => Math.abs(a[side] - b[side]) < 0.1)]";
    assert_eq!(browser.run(same), serde_json::json!([true, true]));
    browser.shot("review-zh");
    // What fails or warns is chosen; what is only not known is not.
    let chosen = "return [...document.querySelectorAll('#reasons li, #passing li')].map((li) => [li.className, li.querySelector('input').checked])";
    for pair in browser.run(chosen).as_array().unwrap() {
        assert_eq!(pair[1], pair[0] == "fail" || pair[0] == "warn", "{pair}");
    }
    let measured = texts(&browser, "#reasons .measured").concat();
    assert!(measured.contains("测得") && measured.contains("要求 ≤ 0.03"), "{measured}");

    // Words in a note are no decisions; the same keys outside of it are.
    browser.type_into("#note", "a rare area");
    assert_eq!(submissions(&server, "state=waiting").as_array().unwrap().len(), 3);
    browser.run("document.activeElement.blur()");
    browser.type_into("body", "r");
    current("second");
    let decided = submissions(&server, "state=decided");
    assert_eq!((&decided[0]["reference"], &decided[0]["outcome"]), (&hostile.into(), &"reject".into()));
    browser.type_into("body", "\u{E015}");
    current("third");
    browser.type_into("body", "\u{E013}");
    current("second");
    assert_eq!(texts(&browser, "#history"), [""]);
    browser.type_into("body", "a");
    current("third");
    assert_eq!(submissions(&server, "state=decided&reference=second")[0]["outcome"], "accept");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    // Somebody else is first: the page says so, shows what they decided, and keeps the note.
    let id = submissions(&server, "reference=third")[0]["id"].as_str().unwrap().to_owned();
    let body = br#"{"outcome": "accept", "note": "fine", "after": 0}"#;
    let uri = format!("/v1/submissions/{id}/decisions");
    let answer = server.send(&server::request(&uri, "Content-Type: application/json\r\n", body));
    assert_eq!(server::status(&answer), Some(201), "{answer}");
    browser.type_into("#note", "my words");
    browser.click("#reject");
    browser.until("const p = document.getElementById('problem'); return !p.hidden && p.innerText.includes('1 个决定')");
    browser.until("return document.getElementById('history').innerText.includes('fine')");
    assert_eq!(browser.run("return document.getElementById('note').value"), "my words");
    browser.shot("review-raced-zh");
    let complaints = browser.complaints();
    assert!(complaints.len() == 1 && complaints[0].contains("409"), "{complaints:?}");

    browser.click("#language");
    browser.until("return document.documentElement.lang === 'en' && document.querySelector('#reasons b, #passing b')");
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let words = "return ['header', 'nav', '#decision', '#earlier'].map((s) => document.querySelector(s).innerText.replace('中文', '')).join()";
    assert!(!chinese(browser.run(words).as_str().unwrap()), "{}", browser.run(words));
    assert_eq!(browser.run("return document.getElementById('note').value"), "my words");
    browser.shot("review-en");
    browser.click("#reject");
    browser.until("return !document.getElementById('empty').hidden && document.getElementById('case').hidden");
    browser.shot("review-empty-en");
    browser.click("#state option[value=decided]");
    browser.until("return document.querySelectorAll('#queue button').length === 3");
    assert_eq!(submissions(&server, "reference=third")[0]["decision_count"], 2);

    current(hostile);
    browser.dark(true);
    browser.shot("review-dark-en");
    let strangers = "return performance.getEntriesByType('resource').map((e) => e.name)\
        .filter((name) => !name.startsWith(location.origin + '/') && !/^(blob|data):/.test(name))";
    assert_eq!(browser.run(strangers), serde_json::json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_reviewers_page_asks_for_a_key_and_takes_it() {
    let Some(browser) = Browser::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys.toml");
    let out = gradphoto(&["keys", "--file", keys.to_str().unwrap(), "add", "reviewer", "one"]).output().unwrap();
    let key = String::from_utf8(out.stdout).unwrap();
    let folder = dir.path().join("reviews");
    let server = Server::start(&["--review", folder.to_str().unwrap(), "--keys", keys.to_str().unwrap()]);
    browser.open(&format!("http://{}/review", server.address));
    browser.until("const p = document.getElementById('problem'); return !p.hidden && p.innerText.includes('密钥')");
    browser.type_into("#key", &format!("{}\n", key.trim()));
    browser.until("return document.getElementById('problem').hidden && !document.getElementById('empty').hidden");
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("401")), "{complaints:?}");
}
