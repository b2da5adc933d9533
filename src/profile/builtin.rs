//! The profiles inside the program: the files of `profiles/`, parsed once.

use std::sync::LazyLock;

use super::error::{Problem, ProfileError};
use super::load::{Library, assemble};
use super::raw::{Catalog, Document};
use super::suggest::closest;
use super::{Profile, load_file};

macro_rules! embed {
    ($($id:literal),+ $(,)?) => {
        /// Ids and texts, in the order they are listed to people.
        static TEXTS: &[(&str, &str)] = &[
            $(($id, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/", $id, ".toml")))),+
        ];
    };
}

embed![
    "zikao-graduation",
    "anhui-graduation",
    "shanxi-graduation",
    "jiangsu-graduation",
    "tianjin-graduation",
    "xinjiang-graduation",
    "xinhua-graduation",
    "gaokao",
    "hubei-print",
    "hubei-print-35x53",
    "ntce-teacher",
    "yanzhao-postgraduate",
    "id-card-ga461",
    "exit-entry",
    "cet",
    "us-visa",
    "chongqing-attachment",
    "anhui-attachment",
    "portrait",
];

/// Ids of the built-in profiles; the national one first, the one all portraits extend last.
pub fn builtin_ids() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|(id, _)| *id)
}

/// The built-in profile named `id`.
///
/// # Errors
/// When there is none, with the nearest id. Every built-in profile is tested to load.
pub fn builtin(id: &str) -> Result<Profile, ProfileError> {
    static PARSED: LazyLock<Vec<Result<Profile, ProfileError>>> = LazyLock::new(|| {
        let catalog = Catalog::of_program();
        builtin_ids().filter_map(document).map(|text| assemble(&text, &Library::BuiltIn, &catalog)).collect()
    });
    builtin_ids()
        .position(|known| known == id)
        .and_then(|at| PARSED.get(at).cloned())
        .unwrap_or_else(|| Err(ProfileError::new("profile", None, unknown(id, &[]))))
}

/// The profile a user names: a built-in id, or the path of a file.
///
/// # Errors
/// When it is neither (with the nearest id), or the file is refused.
pub fn resolve(name: &std::ffi::OsStr) -> Result<Profile, ProfileError> {
    let path = std::path::Path::new(name);
    match name.to_str() {
        Some(id) if builtin_ids().any(|known| known == id) => builtin(id),
        // What looks like a path is meant as one: "no such file" then helps more than "unknown profile".
        Some(id) if !path.exists() && !id.contains(['/', '\\']) && !id.ends_with(".toml") => builtin(id),
        _ => load_file(path),
    }
}

/// The text of a built-in profile.
pub(super) fn document(id: &str) -> Option<Document> {
    let (id, text) = TEXTS.iter().find(|(known, _)| *known == id)?;
    Some(Document { label: format!("profiles/{id}.toml (built in)"), text: (*text).into() })
}

/// The problem of an id that is neither built in nor among `beside`.
pub(super) fn unknown(id: &str, beside: &[String]) -> Problem {
    let built_in = TEXTS.iter().map(|(id, _)| *id);
    let candidates: Vec<&str> = built_in.chain(beside.iter().map(String::as_str)).collect();
    let suggestion = closest(id, candidates).map(str::to_owned);
    Problem::UnknownProfile { id: id.to_owned(), suggestion, known: builtin_ids().map(str::to_owned).collect() }
}
