#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::profile::{Band, Edge, Of, builtin_ids};
use crate::units::Unit;

/// A catalogue of its own, so that these tests say the same whatever checks the program has.
fn catalog() -> Catalog {
    Catalog::of(&[
        ("file.format", Unit::Word),
        ("file.bytes", Unit::Kib),
        ("file.dimensions", Unit::Px),
        ("face.eye-line", Unit::Px),
        ("background.color", Unit::DeltaE),
    ])
}

const HEAD: &str = r#"
id = "office"
version = "1"
title = { zh = "某办", en = "An office" }
source = "A letter"
confidence = "H"
calibrated-source = "our photos"
canvas = { width = 480, height = 640 }
"#;

fn document(label: &str, text: impl Into<String>) -> Document {
    Document { label: label.to_owned(), text: text.into().into() }
}

fn load(text: &str) -> Result<Profile, ProfileError> {
    assemble(&document("office.toml", text), &Library::BuiltIn, &catalog())
}

/// A whole file of `HEAD` and `body`.
fn with(body: &str) -> Result<Profile, ProfileError> {
    load(&format!("{HEAD}{body}"))
}

fn message(result: Result<Profile, ProfileError>) -> String {
    result.expect_err("has to be refused").to_string()
}

fn band(min: impl Into<Option<f64>>, max: impl Into<Option<f64>>) -> Band {
    Band { min: min.into(), max: max.into() }
}

#[test]
fn a_plain_file_loads_with_the_origin_of_every_field() {
    let profile = with(
        r#"
        [check."face.eye-line"]
        fail = { min = 200, max = 300 }
        warn = { min = 210, max = 290 }
        quote = "200至300"
        origin.warn = { confidence = "calibrated" }
        "#,
    )
    .unwrap();
    let rule = profile.rule("face.eye-line").unwrap();
    assert_eq!((rule.fail, rule.warn), (band(200.0, 300.0), band(210.0, 290.0)));
    let from = &profile.provenance["face.eye-line"];
    assert_eq!(from["fail"].source, "A letter：“200至300”");
    assert_eq!(from["fail"].confidence, Confidence::High);
    assert_eq!(from["warn"].source, "our photos");
    assert_eq!(from["warn"].confidence, Confidence::Calibrated);
    assert_eq!(from.len(), 2);
}

#[test]
fn a_child_replaces_fields_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let base = format!(
        "{}\n[check.\"file.bytes\"]\nfail = {{ min = 20, max = 40 }}\nwarn = {{ min = 21, max = 39 }}\n\
         [check.\"file.format\"]\nallowed = [\"jpeg\"]\n",
        HEAD.replace("office", "base")
    );
    std::fs::write(folder.path().join("base.toml"), base).unwrap();
    let child = r#"
        id = "child"
        version = "2"
        title = { zh = "子", en = "Child" }
        extends = "base"
        source = "Another letter"
        confidence = "M"
        remove = ["file.format"]
        check."file.bytes" = { fail = { min = 30 }, warn = {} }
        check."file.dimensions" = { width = { min = 480, max = 480 } }
    "#;
    let library = Library::BesideOf(folder.path().to_owned());
    let profile = assemble(&document("child.toml", child), &library, &catalog()).unwrap();

    assert_eq!(profile.extends, ["base"]);
    assert_eq!((profile.canvas.width, profile.canvas.height), (480, 640));
    assert!(profile.rule("file.format").is_none() && !profile.provenance.contains_key("file.format"));
    let bytes = profile.rule("file.bytes").unwrap();
    assert_eq!((bytes.fail, bytes.warn), (band(30.0, None), Band::default()));
    assert_eq!(profile.provenance["file.bytes"].keys().collect::<Vec<_>>(), ["fail"]);
    assert_eq!(profile.provenance["file.bytes"]["fail"].profile, "child");
    assert_eq!(profile.provenance["file.bytes"]["fail"].confidence, Confidence::Medium);
}

#[test]
fn unknown_names_are_refused_with_line_and_suggestion() {
    for (body, line, wanted) in [
        ("[check.\"face.eyeline\"]\n", 9, "unknown check `face.eyeline` (did you mean `face.eye-line`?"),
        ("[check.\"file.bytes\"]\nfial = { max = 1 }", 10, "unknown key `fial` (did you mean `fail`?"),
        ("[check.\"file.bytes\"]\nfail = { maximum = 1 }", 10, "unknown key `maximum` (did you mean `max`?"),
        ("canvass = 1", 9, "unknown key `canvass` (did you mean `canvas`?"),
        ("[check.\"file.bytes\"]\nconfidence = \"Calibrated\"", 10, "did you mean `calibrated`?"),
        ("extends = \"zikao-graduate\"", 9, "unknown profile `zikao-graduate` (did you mean `zikao-graduation`?"),
        ("[check.file.bytes]\nfail = { max = 1 }", 9, "needs quotes: [check.\"file.bytes\"]"),
        ("[check.\"file.bytes\"]\nremove = []", 10, "move it above the first [check] line"),
        ("check = 3", 9, "expected a map"),
        ("remove = [\n\"file.bites\"]", 10, "`remove` names `file.bites`"),
    ] {
        let error = with(body).expect_err(body);
        assert!(error.to_string().contains(wanted), "{body}: {error}");
        assert_eq!((error.file(), error.line()), ("office.toml", Some(line)), "{body}: {error}");
    }
}

#[test]
fn nonsense_is_refused() {
    for (body, wanted) in [
        ("[check.\"file.bytes\"]\nfail = { min = 40, max = 20 }", "min 40 above max 20"),
        ("[check.\"file.bytes\"]\nfail = { max = 40 }\nwarn = { max = 50 }", "outside the fail band"),
        ("[check.\"file.bytes\"]\nfail = { min = 40 }\nwarn = { min = 30 }", "outside the fail band"),
        ("[check.\"file.bytes\"]\nfail = { max = nan }", "finite numbers"),
        ("[check.\"file.bytes\"]\nfail = { max = inf }", "finite numbers"),
        ("[check.\"file.bytes\"]\n", "sets no limits"),
        ("[check.\"file.bytes\"]\nfail = {}", "sets no limits"),
        ("[check.\"file.bytes\"]\nallowed = [\"jpeg\"]", "does not use `allowed`; it uses fail, warn"),
        ("[check.\"file.format\"]\nfail = { max = 1 }", "does not use `fail`; it uses allowed"),
        ("[check.\"file.bytes\"]\ncolors = [{ name = \"a\", zh = \"b\", rgb = [1, 2, 3] }]", "does not use `colors`"),
        ("[check.\"background.color\"]\nfail = { max = 10 }\ncolors = []", "at least one colour"),
        ("[check.\"background.color\"]\ncolors = [{ name = \"a\", zh = \"b\", rgb = [1, 2, 300] }]", "300"),
        ("[check.\"file.bytes\"]\nconfidence = \"L\"\nfail = { max = 1 }", "fail has confidence L"),
        ("[check.\"file.format\"]\nconfidence = \"L\"\nallowed = [\"jpeg\"]", "allowed has confidence L"),
        ("[check.\"file.bytes\"]\nfail = { max = 1 }\norigin.warn = { confidence = \"M\" }", "origin.warn"),
        ("[check.\"file.dimensions\"]\nwidth = { min = 600, max = 600 }", "outside of what `file.dimensions` accepts"),
        ("", "asks for no check"),
    ] {
        let said = message(with(body));
        assert!(said.contains(wanted), "{body}: {said}");
    }
    for (from, to, wanted) in [
        ("width = 480", "width = 0", "canvas of 0x640"),
        ("width = 480", "width = -1", "invalid value"),
        ("\"office\"", "\"Büro\"", "is no id"),
        ("\"某办\"", "\" \"", "`title.zh` is empty"),
        ("canvas = { width = 480, height = 640 }", "", "no `canvas`"),
        ("source = \"A letter\"", "source = \" \"", "has no source"),
        ("confidence = \"H\"", "", "has no confidence"),
        ("id = \"office\"", "", "missing field `id`"),
        ("version = \"1\"", "version = 1", "invalid type"),
    ] {
        let text = format!("{}[check.\"file.bytes\"]\nfail = {{ max = 1 }}", HEAD.replacen(from, to, 1));
        let said = message(load(&text));
        assert!(said.contains(wanted), "{to}: {said}");
    }
}

#[test]
fn low_confidence_may_warn_and_inform() {
    let body = "[check.\"file.bytes\"]\nfail = { min = 30 }\nwarn = { max = 60 }\norigin.warn = { confidence = \"L\" }";
    assert_eq!(with(body).unwrap().provenance["file.bytes"]["warn"].confidence, Confidence::Low);
    with("[check.\"file.bytes\"]\nconfidence = \"L\"\nfail = { min = 30 }\ninfo = true").unwrap();
}

#[test]
fn limits_may_be_shares_and_count_from_below() {
    let profile =
        with("[check.\"face.eye-line\"]\nof = \"height-percent\"\nfrom = \"bottom\"\nfail = { min = 56, max = 69 }");
    let profile = profile.unwrap();
    let ruler = profile.rule("face.eye-line").unwrap().ruler();
    assert_eq!((ruler.of, ruler.from), (Of::HeightPercent, Edge::Bottom));
    let from = &profile.provenance["face.eye-line"];
    assert_eq!(from.keys().collect::<Vec<_>>(), ["fail", "from", "of"]);

    for (body, wanted) in [
        ("[check.\"face.eye-line\"]\nof = \"height-procent\"", "did you mean `height-percent`?"),
        ("[check.\"face.eye-line\"]\nfrom = \"botom\"", "did you mean `bottom`?"),
        ("[check.\"face.eye-line\"]\nform = \"bottom\"", "did you mean `from`?"),
        (
            "[check.\"file.bytes\"]\nof = \"height-percent\"\nfail = { max = 40 }",
            "does not use `of`; it uses fail, warn",
        ),
        ("[check.\"face.eye-line\"]\nof = \"height-percent\"", "sets no limits"),
    ] {
        let said = message(with(body));
        assert!(said.contains(wanted), "{body}: {said}");
    }
}

/// Limits of the base would otherwise silently mean percent where they meant pixels.
#[test]
fn a_child_that_reads_otherwise_writes_its_own_limits() {
    let child = |body: &str| {
        let head = HEAD.replace("canvas =", "extends = \"zikao-graduation\"\ncanvas =");
        assemble(&document("child.toml", format!("{head}{body}")), &Library::BuiltIn, &Catalog::of_program())
    };
    let said = message(child("[check.\"face.eye-line\"]\nof = \"height-percent\""));
    assert!(said.contains("fail was written for the base's"), "{said}");
    let said = message(child("[check.\"face.width\"]\nfrom = \"bottom\"\nfail = { min = 1 }"));
    assert!(said.contains("does not use `from`; it uses fail, warn, of"), "{said}");
    let profile = child("[check.\"face.eye-line\"]\nof = \"height-percent\"\nfail = { min = 30, max = 50 }").unwrap();
    assert_eq!(profile.rule("face.eye-line").unwrap().fail, band(30.0, 50.0));
    // Back to pixels, against a base in percent.
    let back = child("[check.\"face.centering\"]\nof = \"pixels\"\nfail = { max = 20 }").unwrap();
    assert!(back.rule("face.centering").unwrap().ruler().is_plain());
}

#[test]
fn circles_are_refused() {
    let own = HEAD.replace("canvas =", "extends = \"office\"\ncanvas =");
    assert!(message(load(&own)).ends_with("in a circle: office -> office"));

    let folder = tempfile::tempdir().unwrap();
    let file = |id: &str, extends: &str| {
        let text = HEAD.replace("office", id).replace("canvas =", &format!("extends = \"{extends}\"\ncanvas ="));
        let path = folder.path().join(format!("{id}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    };
    file("b", "c");
    file("c", "b");
    let error = load_file(&file("a", "b")).unwrap_err();
    assert!(matches!(error.problem(), Problem::Cycle { chain } if chain == &["a", "b", "c", "b"]), "{error}");
    assert!(error.file().ends_with("c.toml"));
}

#[test]
fn a_base_is_looked_up_beside_the_file_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let extending = |id: &str| {
        let path = folder.path().join("child.toml");
        std::fs::write(&path, HEAD.replace("canvas =", &format!("extends = '{id}'\ncanvas ="))).unwrap();
        load_file(&path).unwrap_err()
    };
    std::fs::write(folder.path().join("county.toml"), HEAD.replace("office", "city")).unwrap();
    let error = extending("county");
    assert!(
        matches!(error.problem(), Problem::IdIsNotName { id, name } if id == "city" && name == "county"),
        "{error}"
    );
    assert!(extending("countty").to_string().contains("did you mean `county`?"));
    assert!(matches!(extending("../county").problem(), Problem::UnknownProfile { .. }));
}

#[test]
fn hostile_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let load_bytes = |bytes: &[u8]| {
        let path = folder.path().join("hostile.toml");
        std::fs::write(&path, bytes).unwrap();
        load_file(&path).unwrap_err()
    };
    assert!(matches!(load_bytes(b"id = \"\xff\"").problem(), Problem::NotUtf8));
    assert!(matches!(load_bytes(&vec![b'#'; 2 << 20]).problem(), Problem::TooLarge { .. }));
    assert!(matches!(load_bytes(b"").problem(), Problem::Malformed(_)));
    assert!(matches!(
        load_bytes(&b"a = ".iter().chain(&[b'['; 100_000]).copied().collect::<Vec<_>>()).problem(),
        Problem::Malformed(_)
    ));
    assert!(matches!(load_bytes(b"id = \"a\"\nid = \"b\"").problem(), Problem::Malformed(_)));
    assert!(matches!(load_file(folder.path()).unwrap_err().problem(), Problem::Read(_)));
    assert!(matches!(load_file(&folder.path().join("none.toml")).unwrap_err().problem(), Problem::Read(_)));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let text = format!("{HEAD}[check.\"file.bytes\"]\nfail = {{ max = 1 }}\n").replace('\n', "\r\n");
    assert!(load(&format!("\u{feff}{text}")).is_ok());
    let error = load(&format!("\u{feff}{text}oops = 1\r\n")).unwrap_err();
    assert_eq!(error.line(), Some(11), "{error}");
}

#[test]
fn every_prefix_of_a_file_is_loaded_or_refused() {
    let text = format!("{HEAD}[check.\"file.bytes\"]\nfail = {{ max = 1 }}\norigin.fail = {{ confidence = \"M\" }}\n");
    for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
        if let Err(error) = load(&text[..end]) {
            assert!(error.line().is_none_or(|line| line <= 12), "{error}");
        }
    }
}

#[test]
fn built_in_files_are_named_as_their_ids() {
    for id in builtin_ids() {
        let text = builtin::document(id).unwrap().text;
        assert!(text.lines().any(|line| line == format!("id = \"{id}\"")), "{id}");
    }
}
