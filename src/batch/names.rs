//! Names of files: how they are shown, and names for what the run writes.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use encoding_rs::GB18030;
use sha2::{Digest, Sha256};

use super::Entry;

/// Longest name that is given to a file, in bytes; file systems take 255, and some space is left for an ending and a
/// number.
const MAX_NAME: usize = 200;

/// A path for people and reports. Names written by an old Chinese Windows are bytes of GBK, not of UTF-8; they are read
/// as such. What is neither is shown as U+FFFD. Files are always opened by the path itself.
pub fn shown(path: &Path) -> Cow<'_, str> {
    match path.to_str() {
        Some(path) => Cow::Borrowed(path),
        // On systems whose paths are not bytes, these bytes are not GBK either and come out as U+FFFD.
        None => decoded(path.as_os_str().as_encoded_bytes()).into_owned().into(),
    }
}

/// Bytes of a name as text: UTF-8, or else GBK (read as its superset GB18030), or else with U+FFFD for what is neither.
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => GB18030
            .decode_without_bom_handling_and_without_replacement(bytes)
            .unwrap_or_else(|| String::from_utf8_lossy(bytes)),
    }
}

/// Where a new file's name may collide with one that is there.
pub type Taken = HashSet<String>;

/// Gives every entry a name of its own that ends in `ending`, in the order of the run: the same input gives the same
/// names. Names in `taken`, in lower case, are not given. Compared in lower case, because the folder may lie on a file
/// system that tells no difference.
pub fn assign(entries: &[Entry], mut taken: Taken, name: impl Fn(&Entry) -> (String, String)) -> Vec<String> {
    let mut names = Vec::with_capacity(entries.len());
    // The last number each name was given: a hundred thousand files of one name must not be counted through each time.
    let mut numbers: HashMap<String, u64> = HashMap::new();
    for entry in entries {
        let (stem, ending) = name(entry);
        let mut name = format!("{stem}{ending}");
        let number = numbers.entry(name.to_lowercase()).or_insert(1);
        while !taken.insert(name.to_lowercase()) {
            *number += 1;
            name = format!("{stem}-{number}{ending}");
        }
        names.push(name);
    }
    names
}

/// A relative path as one file name: folders are joined with `__`; what some file system refuses becomes `_`.
pub fn flat(relative: &Path) -> String {
    let shown = shown(relative);
    let parts: Vec<_> = Path::new(shown.as_ref()).components().map(|part| part.as_os_str().to_string_lossy()).collect();
    safe(&parts.join("__"), relative)
}

/// The last part of a path as a file name every file system takes, split before its ending.
pub fn last(relative: &Path) -> (String, String) {
    let name = relative.file_name().map(Path::new).unwrap_or(relative);
    let name = safe(&shown(name), relative);
    match name.rfind('.').filter(|&dot| dot > 0 && name.len() - dot <= 10) {
        Some(dot) => (name[..dot].to_owned(), name[dot..].to_owned()),
        None => (name, String::new()),
    }
}

/// A name every file system takes, made from `name`; a long one ends in a sum of the `whole` path it stands for.
pub fn safe(name: &str, whole: &Path) -> String {
    let name: String =
        name.chars().map(|c| if c.is_control() || r#"<>:"/\|?*"#.contains(c) { '_' } else { c }).collect();
    // Never hidden, never empty, never `..`.
    let name = if name.is_empty() || name.starts_with('.') { format!("_{name}") } else { name };
    if name.len() <= MAX_NAME {
        return name;
    }
    let digest = Sha256::digest(whole.as_os_str().as_encoded_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{digest}", &name[..name.floor_char_boundary(MAX_NAME)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_flat_distinct_and_short() {
        assert_eq!(flat(Path::new("2025/一班/a:b.jpg")), "2025__一班__a_b.jpg");
        assert_eq!(flat(Path::new("../.x")), "_..__.x");
        let long = "长".repeat(200);
        let (a, b) = (flat(Path::new(&format!("{long}/a"))), flat(Path::new(&format!("{long}/b"))));
        assert!(a.len() <= 217 && a != b, "{a} {b}");
    }

    #[test]
    fn the_last_part_keeps_its_ending() {
        assert_eq!(last(Path::new("班/张三.tar.jpg")), ("张三.tar".into(), ".jpg".into()));
        assert_eq!(last(Path::new("a\nb")), ("a_b".into(), String::new()));
        assert_eq!(last(Path::new(".jpg")), ("_".into(), ".jpg".into()));
    }

    #[test]
    fn old_chinese_names_are_read() {
        assert_eq!(decoded(b"\xd5\xc5\xc8\xfd.jpg"), "张三.jpg");
        assert_eq!(decoded("张三.jpg".as_bytes()), "张三.jpg");
        assert_eq!(decoded(b"\xff\xff.jpg"), "\u{fffd}\u{fffd}.jpg");
    }

    #[test]
    fn clashes_get_numbers_whatever_the_case() {
        let entries = ["a.jpg", "x/A.jpg", "a-2.jpg", "a.jpg"].map(Entry::file);
        let names = assign(&entries, Taken::default(), |entry| last(&entry.relative));
        assert_eq!(names, ["a.jpg", "A-2.jpg", "a-2-2.jpg", "a-3.jpg"]);
    }
}
