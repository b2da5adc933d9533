//! Where results go: names made by a pattern, files that are whole or absent, inputs that are never written over.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::batch::{Entry, names, whole};
use crate::profile::closest;
use crate::units::Text;

/// What stands for a part of a name.
const PLACEHOLDERS: [&str; 3] = ["stem", "id", "n"];

/// Fewest digits that make a number worth naming a file by.
const SHORTEST_NUMBER: usize = 6;

/// How results are named, such as `{stem}.jpg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// The input's name without its extension.
    Stem,
    /// The longest number in the input's name: an identity card's or an admission's.
    Id,
    /// The input's place in the run, from 1.
    Number,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A placeholder that does not exist.
    #[error("unknown placeholder {{{name}}}{}; there are {{stem}}, {{id}} and {{n}}", suggestion.as_ref().map_or_else(String::new, |s| format!(": did you mean {{{s}}}?")))]
    Unknown {
        /// What was written.
        name: String,
        /// The nearest that exists.
        suggestion: Option<String>,
    },
    /// A brace without its partner.
    #[error("a brace without its partner; write {{stem}}.jpg, say")]
    Unbalanced,
    /// All results would have the same name.
    #[error("no placeholder, so that all results would have one name; write {{stem}}.jpg, say")]
    Constant,
    /// A name that leaves the folder, or of another kind of file.
    #[error("not the name of a {0} in a folder; write {{stem}}.jpg, say")]
    NotAName(&'static str),
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, &JPEG, "JPEG")
    }
}

/// Endings of JPEG files.
const JPEG: [&str; 2] = [".jpg", ".jpeg"];

impl Pattern {
    /// A pattern whose results are JPEG or PNG.
    ///
    /// # Errors
    /// As for those that are JPEG.
    pub fn of_picture(text: &str) -> Result<Self, PatternError> {
        Self::parse(text, &[JPEG[0], JPEG[1], ".png"], "JPEG or PNG")
    }

    /// The name of the only result.
    pub(super) fn constant(name: &str) -> Self {
        Self(vec![Part::Literal(name.to_owned())])
    }

    /// Whether all results have one name.
    pub(super) fn is_constant(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// What every name ends in.
    pub(super) fn ending(&self) -> &str {
        match self.0.last() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    fn parse(text: &str, endings: &[&str], kind: &'static str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or(PatternError::Unbalanced)?;
            parts.push(Part::Literal(before.to_owned()));
            parts.push(match name {
                "stem" => Part::Stem,
                "id" => Part::Id,
                "n" => Part::Number,
                other => {
                    let suggestion = closest(other, PLACEHOLDERS).map(str::to_owned);
                    return Err(PatternError::Unknown { name: other.to_owned(), suggestion });
                }
            });
            rest = tail;
        }
        if rest.contains('}') {
            return Err(PatternError::Unbalanced);
        }
        if parts.is_empty() {
            return Err(PatternError::Constant);
        }
        let lower = rest.to_ascii_lowercase();
        if !endings.iter().any(|ending| lower.ends_with(ending)) || text.contains(['/', '\\']) {
            return Err(PatternError::NotAName(kind));
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The name of the result of `entry`, the `place`th of its run from 0. `None` when its name has no number to take.
    fn name(&self, entry: &Entry, place: usize) -> Option<String> {
        let stem = entry.relative.file_stem().map(Path::new).unwrap_or(&entry.relative);
        let stem = names::shown(stem);
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Stem => out.push_str(&stem),
                Part::Id => out.push_str(number(&stem)?),
                Part::Number => out.push_str(&(place + 1).to_string()),
            }
        }
        Some(names::safe(&out, &entry.relative))
    }
}

/// The longest run of digits, with a last X as identity cards have it.
fn number(stem: &str) -> Option<&str> {
    let mut best: Option<&str> = None;
    let mut rest = stem;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let x = digits == 17 && rest[start + digits..].starts_with(['X', 'x']);
        let end = start + digits + usize::from(x);
        if digits >= SHORTEST_NUMBER && best.is_none_or(|best| best.len() < end - start) {
            best = Some(&rest[start..end]);
        }
        rest = &rest[end..];
    }
    best
}

/// Why nothing can be written.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be written: {source}", path = path.display())]
pub struct OutputError {
    path: PathBuf,
    source: io::Error,
}

impl OutputError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source }
    }
}

/// A folder that results are written to, in the same folders below it as their inputs have.
#[derive(Debug)]
pub struct Outputs {
    folder: PathBuf,
    /// By place in the run: where its result goes, or why it cannot.
    paths: Vec<Result<PathBuf, Text>>,
    overwrite: bool,
}

impl Outputs {
    /// Makes the folder, and tries whether it can be written to.
    ///
    /// # Errors
    /// When it cannot.
    pub fn create(folder: &Path, overwrite: bool) -> Result<Self, OutputError> {
        let ready = fs::create_dir_all(folder)
            .and_then(|()| folder.canonicalize())
            .and_then(|folder| tempfile::tempfile_in(&folder).map(|_| folder));
        let folder = ready.map_err(|source| OutputError { path: folder.to_owned(), source })?;
        Ok(Self { folder, paths: Vec::new(), overwrite })
    }

    /// The folder in canonical form.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives every entry its place. Two results never share a name, and none has that of an input.
    pub fn name_all(&mut self, entries: &[Entry], pattern: &Pattern) {
        let inputs: HashSet<PathBuf> = entries.iter().filter_map(|entry| entry.path.canonicalize().ok()).collect();
        // Compared in lower case: the folder may lie on a file system that tells no difference.
        let mut taken: HashMap<String, &Path> = HashMap::new();
        let place_of = |place: usize, entry: &Entry| -> Result<PathBuf, Text> {
            let name = pattern.name(entry, place).ok_or_else(|| {
                Text::new(
                    "文件名中没有可用于命名的号码",
                    "the file's name has no number to name the result by; use another --name",
                )
            })?;
            let mut path = self.folder.clone();
            let parent = entry.relative.parent().unwrap_or(Path::new(""));
            path.extend(parent.components().filter(|part| matches!(part, Component::Normal(_))));
            path.push(&name);
            if inputs.contains(&path) || path.canonicalize().is_ok_and(|path| inputs.contains(&path)) {
                return Err(Text::new(
                    "结果会覆盖一个输入文件；请使用其他输出文件夹或命名方式",
                    "the result would be written over an input; use another --out or --name",
                ));
            }
            Ok(path)
        };
        let placed: Vec<Result<PathBuf, Text>> =
            entries.iter().enumerate().map(|(place, entry)| place_of(place, entry)).collect();
        self.paths = placed
            .into_iter()
            .zip(entries)
            .map(|(path, entry)| {
                let path = path?;
                let key = path.to_string_lossy().to_lowercase();
                if let Some(first) = taken.get(&key) {
                    let first = first.display();
                    return Err(Text::new(
                        format!("与{first}的结果重名，未写入"),
                        format!("the result would have the same name as that of {first}; use another --name"),
                    ));
                }
                taken.insert(key, &entry.path);
                Ok(path)
            })
            .collect();
    }

    /// Where the result of the entry at `place` goes.
    ///
    /// # Errors
    /// In words, why it cannot go anywhere.
    pub fn path(&self, place: usize) -> Result<&Path, Text> {
        let path = match self.paths.get(place) {
            Some(Ok(path)) => path,
            Some(Err(why)) => return Err(why.clone()),
            None => return Err(Text::new("没有输出位置", "there is no place for the result")),
        };
        if !self.overwrite && path.symlink_metadata().is_ok() {
            return Err(Text::new(
                format!("{}已存在；如需覆盖请使用 --overwrite", path.display()),
                format!("{} exists; --overwrite replaces it", path.display()),
            ));
        }
        Ok(path)
    }

    /// Writes a result.
    ///
    /// # Errors
    /// When the folder cannot be made or the file not written: a full disk, say.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)
            .and_then(|()| whole::write(path, bytes))
            .map_err(|source| OutputError { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn patterns_name_by_stem_number_and_place() {
        let entry = Entry::file("下载/张三_11010519491231002X(1).png");
        let named = |pattern: &str| pattern.parse::<Pattern>().unwrap().name(&entry, 4);
        assert_eq!(named("{stem}.jpg").unwrap(), "张三_11010519491231002X(1).jpg");
        assert_eq!(named("{id}.jpg").unwrap(), "11010519491231002X.jpg");
        assert_eq!(named("photo-{n}.jpg").unwrap(), "photo-5.jpg");
        assert_eq!("{id}.jpg".parse::<Pattern>().unwrap().name(&Entry::file("照片3.jpg"), 0), None);
    }

    #[test]
    fn odd_patterns_are_refused_with_a_remedy() {
        let error = |pattern: &str| pattern.parse::<Pattern>().unwrap_err().to_string();
        assert!(error("{stme}.jpg").contains("did you mean {stem}?"));
        assert!(error("{stem.jpg").contains("brace") && error("stem}.jpg").contains("brace"));
        assert!(error("photo.jpg").contains("one name"));
        assert!(error("../{stem}.jpg").contains("folder") && error("{stem}.png").contains("JPEG"));
    }

    #[test]
    fn no_result_takes_the_name_of_an_input_or_of_another_result() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().canonicalize().unwrap();
        for name in ["a.jpg", "b.png", "B.webp"] {
            fs::write(folder.join(name), b"x").unwrap();
        }
        let entries: Vec<Entry> =
            ["a.jpg", "b.png", "B.webp"].iter().map(|name| Entry::file(folder.join(name))).collect();
        let mut outputs = Outputs::create(&folder, true).unwrap();
        outputs.name_all(&entries, &"{stem}.jpg".parse().unwrap());
        assert!(outputs.path(0).unwrap_err().en.contains("over an input"));
        assert_eq!(outputs.path(1).unwrap(), folder.join("b.jpg"));
        assert!(outputs.path(2).unwrap_err().en.contains("same name"));
    }

    #[test]
    fn folders_below_are_kept_and_what_exists_is_not_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let mut entry = Entry::file("in/一班/x.png");
        entry.relative = PathBuf::from("../一班/x.png");
        let mut outputs = Outputs::create(dir.path(), false).unwrap();
        outputs.name_all(std::slice::from_ref(&entry), &"{stem}.jpg".parse().unwrap());
        let path = outputs.path(0).unwrap().to_owned();
        assert_eq!(path, dir.path().canonicalize().unwrap().join("一班/x.jpg"));
        outputs.write(&path, b"photo").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"photo");
        assert!(outputs.path(0).unwrap_err().en.contains("--overwrite"));
    }
}
