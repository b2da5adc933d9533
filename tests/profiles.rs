//! The built-in profiles and the page of checks, as a user of the library sees them.

#![allow(clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;

use gradphoto::check;
use gradphoto::profile::{self, Band, Canvas, Confidence, Edge, Kind, Of, Profile};

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
        assert_eq!(profile.canvas.is_none(), profile.kind == Kind::Document, "{}", profile.id);
        for (check, rule) in &profile.rules {
            assert!(check::find(check).is_some(), "{}: {check}", profile.id);
            let from = &profile.provenance[check];
            let set = [!rule.fail.is_open(), !rule.warn.is_open(), !rule.allowed.is_empty(), !rule.colors.is_empty()];
            let read = usize::from(rule.of != Of::default()) + usize::from(rule.from != Edge::default());
            let sized = [rule.width, rule.height, rule.ratio].iter().filter(|band| !band.is_open()).count();
            let fields = set.iter().filter(|set| **set).count() + sized + read + usize::from(rule.info);
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
    assert_eq!(national.extends, ["portrait"]);
    assert_eq!(national.canvas, Canvas { width: 480, height: 640 });
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
        assert_eq!(profile.extends, ["zikao-graduation", "portrait"], "{id}");
        assert_eq!(profile.canvas, national.canvas, "{id}");
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

/// A limit as a table states it: check, field, lower and upper end, how it is read, how sure it is.
type Row = (&'static str, &'static str, Option<f64>, Option<f64>, Of, Edge, Confidence);

/// The numbers of the other authorities' standards, against slips of the keyboard.
#[test]
fn the_other_authorities_say_what_their_standards_say() {
    use Confidence::{Calibrated, High, Low, Medium};
    const PX: Of = Of::Pixels;
    const H: Of = Of::HeightPercent;
    const W: Of = Of::WidthPercent;
    const TOP: Edge = Edge::Top;
    let size = |width, height| Canvas { width, height };
    let profiles: [(&str, Canvas, &[&str], &[Row]); 8] = [
        (
            "id-card-ga461",
            size(358, 441),
            &["white"],
            &[
                ("file.bytes", "fail", Some(14.0), Some(20.0), PX, TOP, High),
                ("file.density", "fail", Some(349.5), Some(350.5), PX, TOP, High),
                ("file.jpeg-quality", "fail", Some(70.0), None, PX, TOP, High),
                ("file.dimensions", "width", Some(358.0), Some(358.0), PX, TOP, High),
                ("file.dimensions", "height", Some(441.0), Some(441.0), PX, TOP, High),
                ("face.width", "fail", Some(207.0 - 14.0), Some(207.0 + 14.0), PX, TOP, High),
                ("face.head-top", "warn", Some(7.0), Some(21.0), PX, TOP, High),
                ("face.head-top", "fail", None, Some(21.0), PX, TOP, High),
                ("face.eye-line", "fail", Some(207.0), None, PX, Edge::Bottom, High),
            ],
        ),
        (
            "exit-entry",
            size(480, 640),
            &["white", "light-grey", "light-blue"],
            &[
                ("file.bytes", "fail", Some(20.0), Some(80.0), PX, TOP, High),
                ("file.density", "fail", Some(299.5), Some(600.5), PX, TOP, High),
                ("file.jpeg-quality", "fail", Some(85.0), None, PX, TOP, High),
                ("file.dimensions", "width", Some(354.0), Some(480.0), PX, TOP, High),
                ("file.dimensions", "height", Some(472.0), Some(640.0), PX, TOP, High),
                ("file.dimensions", "ratio", Some(0.745), Some(0.755), PX, TOP, High),
                ("face.width", "fail", Some(53.0), Some(80.0), W, TOP, High),
                ("face.eye-distance", "fail", Some(23.0), Some(33.0), W, TOP, High),
            ],
        ),
        (
            "us-visa",
            size(600, 600),
            &["white"],
            &[
                ("file.bytes", "fail", None, Some(240.0), PX, TOP, High),
                ("file.dimensions", "width", Some(600.0), Some(1200.0), PX, TOP, High),
                ("file.dimensions", "height", Some(600.0), Some(1200.0), PX, TOP, High),
                ("file.dimensions", "ratio", Some(1.0), Some(1.0), PX, TOP, High),
                ("face.head-height", "fail", Some(50.0), Some(69.0), H, TOP, High),
                ("face.eye-line", "fail", Some(56.0), Some(69.0), H, Edge::Bottom, High),
                ("glasses.worn", "warn", None, Some(5.0), PX, TOP, Calibrated),
            ],
        ),
        (
            "yanzhao-postgraduate",
            size(480, 640),
            &["white"],
            &[
                ("file.bytes", "fail", None, Some(10240.0), PX, TOP, High),
                ("file.captured", "fail", None, Some(3.0), PX, TOP, High),
                ("file.dimensions", "ratio", Some(0.745), Some(0.755), PX, TOP, High),
                ("face.roll", "fail", Some(-10.0), Some(10.0), PX, TOP, High),
                ("face.yaw", "fail", Some(-10.0), Some(10.0), PX, TOP, High),
                ("face.pitch", "warn", Some(-10.0), Some(10.0), PX, TOP, High),
                ("face.eye-line", "fail", Some(30.0), Some(50.0), H, TOP, High),
                ("face.head-top", "warn", None, Some(33.3), H, TOP, Low),
                ("glasses.worn", "warn", None, Some(5.0), PX, TOP, Calibrated),
            ],
        ),
        (
            "ntce-teacher",
            size(480, 640),
            &["white"],
            &[
                ("file.bytes", "fail", None, Some(200.0), PX, TOP, High),
                ("file.captured", "fail", None, Some(6.0), PX, TOP, High),
                ("file.dimensions", "ratio", Some(0.7425), Some(0.7575), PX, TOP, High),
            ],
        ),
        (
            "cet",
            size(480, 640),
            &["blue", "light-blue", "white"],
            &[
                ("file.bytes", "fail", Some(20.0), Some(200.0), PX, TOP, High),
                ("file.dimensions", "width", Some(144.0), None, PX, TOP, High),
                ("file.dimensions", "height", Some(192.0), None, PX, TOP, High),
                ("file.dimensions", "ratio", Some(0.74), Some(0.76), PX, TOP, Medium),
            ],
        ),
        (
            "hubei-print",
            size(413, 579),
            &["blue", "light-blue"],
            &[
                ("file.density", "fail", Some(299.5), Some(300.5), PX, TOP, Medium),
                ("face.head-top", "warn", Some(7.8), Some(17.2), H, TOP, Low),
                ("face.eye-line", "warn", Some(31.0), Some(47.0), H, TOP, Low),
                ("face.width", "warn", Some(37.5), Some(62.5), W, TOP, Low),
            ],
        ),
        ("hubei-print-35x53", size(413, 626), &["blue", "light-blue"], &[]),
    ];
    for (id, canvas, backgrounds, rows) in profiles {
        let profile = builtin(id);
        assert_eq!(profile.canvas, canvas, "{id}");
        assert!(profile.extends.iter().any(|base| base == "portrait"), "{id}");
        assert_eq!(colors(&profile).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), backgrounds, "{id}");
        for &(check, field, min, max, of, from, confidence) in rows {
            let rule = profile.rule(check).unwrap_or_else(|| panic!("{id} asks for {check}"));
            let band = match field {
                "fail" => rule.fail,
                "warn" => rule.warn,
                "width" => rule.width,
                "height" => rule.height,
                _ => rule.ratio,
            };
            assert_eq!(band, Band { min, max }, "{id}: {check} {field}");
            assert_eq!((rule.of, rule.from), (of, from), "{id}: {check}");
            assert_eq!(profile.provenance[check][field].confidence, confidence, "{id}: {check} {field}");
        }
    }
    let cet = builtin("cet");
    assert_eq!(cet.names.map(|names| names.rule), Some(profile::NameRule::IdNumber));
}

/// What every portrait shares is the same everywhere, but for what a standard states otherwise.
#[test]
fn calibrated_limits_are_written_once() {
    let portrait = builtin("portrait");
    let own =
        ["background.color", "face.centering", "face.count", "face.pitch", "face.roll", "face.yaw", "file.integrity"];
    for profile in all().filter(|profile| profile.extends.iter().any(|base| base == "portrait")) {
        for (check, rule) in portrait.rules.iter().filter(|(check, _)| !own.contains(&check.as_str())) {
            assert_eq!(profile.rule(check), Some(rule), "{}: {check}", profile.id);
            assert!(
                profile.provenance[check].values().all(|from| from.profile == "portrait"),
                "{}: {check}",
                profile.id
            );
        }
        let near = |profile: &Profile| profile.rule("background.color").map(|rule| (rule.fail, rule.warn));
        assert_eq!(near(&profile), near(&portrait), "{}", profile.id);
    }
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
    assert_eq!(profile.extends, ["anhui-graduation", "zikao-graduation", "portrait"]);
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
