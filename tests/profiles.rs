//! The built-in profiles and the page of checks, as a user of the library sees them.

#![allow(clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;

use gradphoto::check;
use gradphoto::profile::{self, Band, Canvas, Confidence, Kind, Profile};

fn builtin(id: &str) -> Profile {
    profile::builtin(id).unwrap_or_else(|error| panic!("{error}"))
}

fn all() -> impl Iterator<Item = Profile> {
    profile::builtin_ids().map(builtin)
}

fn colors(profile: &Profile) -> Vec<(&str, [u8; 3])> {
    let rule = profile.rule("background.color").expect("asks for a background");
    rule.colors.iter().map(|color| (color.name.as_str(), color.rgb)).collect()
}

fn fail(profile: &Profile, check: &str) -> (Option<f64>, Option<f64>) {
    let band = profile.rule(check).unwrap_or_else(|| panic!("{} asks for {check}", profile.id)).fail;
    (band.min, band.max)
}

#[test]
fn every_built_in_profile_loads_whole() {
    let mut seen = BTreeSet::new();
    for profile in all() {
        assert!(seen.insert(profile.id.clone()), "{} is there twice", profile.id);
        assert!(profile.title.zh != profile.title.en, "{}: a title in both languages", profile.id);
        match profile.kind {
            Kind::Portrait => assert_eq!(profile.canvas, Canvas { width: 480, height: 640 }, "{}", profile.id),
            Kind::Document => assert!(profile.canvas.is_none(), "{}", profile.id),
        }
        for (check, rule) in &profile.rules {
            assert!(check::find(check).is_some(), "{}: {check}", profile.id);
            let from = &profile.provenance[check];
            let set = [!rule.fail.is_open(), !rule.warn.is_open(), !rule.allowed.is_empty(), !rule.colors.is_empty()];
            let sized = [rule.width, rule.height, rule.ratio].iter().filter(|band| !band.is_open()).count();
            let fields = set.iter().filter(|set| **set).count() + sized + usize::from(rule.info);
            assert_eq!(from.len(), fields, "{}: {check}: every field has a source, and no other", profile.id);
        }
    }
    assert_eq!(seen.len(), profile::builtin_ids().count());
}

#[test]
fn every_file_of_profiles_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let files = std::fs::read_dir(folder).expect("the folder of profiles").flatten();
    let names: BTreeSet<String> =
        files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned())).collect();
    assert_eq!(names, profile::builtin_ids().map(str::to_owned).collect());
}

/// The numbers of the standard, against slips of the keyboard.
#[test]
fn the_national_profile_says_what_the_standard_says() {
    let national = builtin("zikao-graduation");
    assert!(national.extends.is_empty());
    for (check, min, max) in [
        ("file.bytes", Some(20.0), Some(40.0)),
        ("file.density", Some(299.5), Some(300.5)),
        ("file.jpeg-quality", Some(60.0), None),
        ("file.captured", None, Some(12.0)),
        ("face.count", Some(1.0), Some(1.0)),
        ("face.head-top", Some(50.0), Some(110.0)),
        ("face.eye-line", Some(200.0), Some(300.0)),
        ("face.width", Some(180.0), Some(300.0)),
    ] {
        assert_eq!(fail(&national, check), (min, max), "{check}");
        assert_eq!(national.provenance[check]["fail"].confidence, Confidence::High, "{check}");
    }
    let dimensions = national.rule("file.dimensions").expect("asks for a size");
    let exactly = |px| Band { min: Some(px), max: Some(px) };
    assert_eq!((dimensions.width, dimensions.height), (exactly(480.0), exactly(640.0)));
    assert_eq!(colors(&national), [("light-blue", [100, 197, 255]), ("white", [255, 255, 255])]);
    for (check, word) in [
        ("file.format", "jpeg"),
        ("file.extension", ".jpg"),
        ("file.integrity", "whole"),
        ("file.color-depth", "rgb24"),
    ] {
        assert_eq!(national.rule(check).expect(check).allowed, [word]);
    }
    assert!(national.rule("face.hairline").expect("measures the hairline").info);
}

#[test]
fn the_others_differ_where_they_should_and_nowhere_else() {
    let national = builtin("zikao-graduation");
    for (id, differs) in [
        ("anhui-graduation", &[][..]),
        ("jiangsu-graduation", &["background.color"]),
        ("tianjin-graduation", &["background.color"]),
        ("xinjiang-graduation", &["background.color", "file.captured"]),
        ("xinhua-graduation", &["background.color", "file.bytes"]),
        ("gaokao", &["background.color", "file.captured"]),
        (
            "shanxi-graduation",
            &[
                "background.color",
                "file.bytes",
                "file.color-depth",
                "file.density",
                "file.dimensions",
                "file.extension",
                "file.format",
                "file.jpeg-quality",
            ],
        ),
    ] {
        let profile = builtin(id);
        assert_eq!(profile.extends, ["zikao-graduation"], "{id}");
        let ids = profile.rules.keys().chain(national.rules.keys()).collect::<BTreeSet<_>>();
        let found: Vec<&String> = ids.into_iter().filter(|id| profile.rule(id) != national.rule(id)).collect();
        assert_eq!(found, differs, "{id}");
    }
    assert_eq!(colors(&builtin("tianjin-graduation")), [("light-blue", [100, 197, 255])]);
    assert_eq!(colors(&builtin("xinjiang-graduation")), [("white", [255, 255, 255])]);
    assert_eq!(fail(&builtin("xinjiang-graduation"), "file.captured"), (None, Some(6.0)));
    assert_eq!(colors(&builtin("jiangsu-graduation"))[2], ("light-grey", [240, 240, 240]));

    // An upper end of 60 KB rests on one page: it warns and never rejects.
    let xinhua = builtin("xinhua-graduation");
    assert_eq!(fail(&xinhua, "file.bytes"), (Some(30.0), None));
    assert_eq!(xinhua.provenance["file.bytes"]["warn"].confidence, Confidence::Low);

    // Anhui's own annex stands behind the number it shares with the national rule.
    let anhui = builtin("anhui-graduation");
    assert_eq!(anhui.provenance["file.bytes"]["fail"].profile, "anhui-graduation");
}

#[test]
fn a_profile_of_a_user_extends_a_built_in_one() {
    let text = r#"
        id = "county"
        version = "1"
        title = { zh = "某县", en = "A county" }
        extends = "anhui-graduation"
        source = "a letter of the county"
        confidence = "M"
        [check."file.bytes"]
        fail = { max = 100 }
    "#;
    let profile = profile::parse(text).expect("loads");
    assert_eq!(profile.extends, ["anhui-graduation", "zikao-graduation"]);
    assert_eq!(fail(&profile, "file.bytes"), (None, Some(100.0)));
    assert_eq!(fail(&profile, "face.eye-line"), (Some(200.0), Some(300.0)));
}

/// The example of the documentation is a profile that loads.
#[test]
fn the_documented_example_loads() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profiles.md")).expect("the page");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    profile::parse(example).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_page_of_checks_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md");
    let page = check::explain::docs_page();
    if std::env::var_os("GRADPHOTO_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&path, &page).expect("writes docs/checks.md");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(committed == page, "docs/checks.md is not what the checks say; GRADPHOTO_BLESS=1 cargo test writes it");
}
