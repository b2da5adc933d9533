//! The weights in `models/` are the ones `models/MANIFEST.toml` describes, byte for byte, and no others.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Files of the folder that are neither weights nor licences.
const TOOLS: [&str; 3] = ["MANIFEST.toml", "convert.py", "reference.py"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    file: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    package: String,
    version: String,
    path: String,
    original_sha256: String,
    sha256: String,
    licence: String,
    licence_file: String,
    input: String,
    output: String,
    conversion: String,
    /// Folder with what trains a net of our own.
    kit: Option<String>,
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

fn manifest() -> Manifest {
    let text = fs::read_to_string(models().join("MANIFEST.toml")).expect("models/MANIFEST.toml is readable");
    toml::from_str(&text).expect("every entry of models/MANIFEST.toml has all fields and no unknown one")
}

fn sha256(path: &Path) -> String {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display())).expect("a listed file exists");
    Sha256::digest(&bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string never fails");
        hex
    })
}

/// Files below `dir`, as paths relative to `root` with forward slashes.
fn files(root: &Path, dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).expect("a folder of models/ is readable") {
        let path = entry.expect("an entry of models/ is readable").path();
        if path.is_dir() {
            files(root, &path, found);
        } else {
            let relative = path.strip_prefix(root).expect("found below the root").to_string_lossy().replace('\\', "/");
            found.insert(relative);
        }
    }
}

#[test]
fn every_file_is_the_one_described() {
    for entry in manifest().file {
        assert_eq!(sha256(&models().join(&entry.name)), entry.sha256, "{} is not the file described", entry.name);
        if entry.conversion == "none" {
            assert_eq!(entry.sha256, entry.original_sha256, "{} is said to be unconverted", entry.name);
        }
    }
}

#[test]
fn every_entry_says_everything() {
    for entry in manifest().file {
        let fields = [
            ("package", &entry.package),
            ("version", &entry.version),
            ("path", &entry.path),
            ("licence", &entry.licence),
            ("input", &entry.input),
            ("output", &entry.output),
            ("conversion", &entry.conversion),
        ];
        for (field, text) in fields {
            assert!(!text.trim().is_empty(), "{}: {field} is empty", entry.name);
        }
        let (registry, _) = entry.package.split_once(':').expect("a package is `registry:name`");
        assert!(["pypi", "crates.io", "own"].contains(&registry), "{}: unknown registry {registry}", entry.name);
        assert_eq!(entry.kit.is_some(), registry == "own", "{}: its own kit, or somebody else's package", entry.name);
        for sum in [&entry.sha256, &entry.original_sha256] {
            assert!(sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()), "{}: {sum} is no sum", entry.name);
        }
    }
}

#[test]
fn nothing_is_unlisted() {
    let mut expected: BTreeSet<String> = TOOLS.map(String::from).into();
    for entry in manifest().file {
        expected.insert(entry.licence_file);
        if let Some(kit) = &entry.kit {
            let before = expected.len();
            files(&models(), &models().join(kit), &mut expected);
            assert!(
                expected.contains(&entry.path) && expected.len() > before,
                "{}: {kit} lacks its scripts",
                entry.name
            );
        }
        assert!(expected.insert(entry.name.clone()), "{} is listed twice", entry.name);
    }
    let mut found = BTreeSet::new();
    files(&models(), &models(), &mut found);
    assert_eq!(found, expected, "left: files of models/, right: files that models/MANIFEST.toml and this test know");
}
