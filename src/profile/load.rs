//! From a file to a profile: reading, following `extends`, merging check by check and field by field.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Problem, ProfileError};
use super::names::{self, NameFormat, NameRule, RawNames};
use super::raw::{Catalog, Document, RawNormalize, RawProfile, RawRule, read};
use super::suggest::closest;
use super::{Band, Confidence, Profile, Provenance, Rule, builtin, validate};
use crate::units::Text;

/// Largest profile file, in bytes: a hundred times the largest that ships.
const MAX_BYTES: u64 = 1 << 20;

/// Loads a profile from a file. It may extend a built-in profile, or `other.toml` beside it as `extends = "other"`.
///
/// # Errors
/// When the file or one it extends cannot be read or is refused; the error names file, line and remedy.
pub fn load_file(path: &Path) -> Result<Profile, ProfileError> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    assemble(&read_file(path)?, &Library::BesideOf(folder), &Catalog::of_program())
}

/// Loads a profile from the text of a file. It may extend a built-in profile.
///
/// # Errors
/// When the text is refused; the error names line and remedy.
pub fn parse(text: &str) -> Result<Profile, ProfileError> {
    let document = Document { label: "profile".to_owned(), text: text.to_owned().into() };
    assemble(&document, &Library::BuiltIn, &Catalog::of_program())
}

/// Name of the table of permissions, in files and in the provenance.
pub(crate) const NORMALIZE: &str = "normalize";

/// Where the profiles named by `extends` are looked up.
pub(super) enum Library {
    /// The program.
    BuiltIn,
    /// The program, then this folder.
    BesideOf(PathBuf),
}

impl Library {
    fn find(&self, id: &str) -> Result<Option<Document>, ProfileError> {
        if let Some(document) = builtin::document(id) {
            return Ok(Some(document));
        }
        match self {
            // An id holds no separators, so that no file outside of the folder can be named.
            Self::BesideOf(folder) if is_id(id) => {
                let path = folder.join(format!("{id}.toml"));
                path.is_file().then(|| read_file(&path)).transpose()
            }
            _ => Ok(None),
        }
    }

    /// Ids of the files in the folder, for suggestions.
    fn beside(&self) -> Vec<String> {
        let Self::BesideOf(folder) = self else { return Vec::new() };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let profiles = entries.filter(|path| path.extension().is_some_and(|ext| ext == "toml"));
        profiles.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
    }
}

fn read_file(path: &Path) -> Result<Document, ProfileError> {
    let label = path.display().to_string();
    let refuse = |problem| ProfileError::new(label.clone(), None, problem);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(Problem::Read(Arc::new(error))))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(Problem::TooLarge { limit: MAX_BYTES }));
    }
    let text = String::from_utf8(bytes).map_err(|_| refuse(Problem::NotUtf8))?;
    Ok(Document { label, text: text.into() })
}

/// Reads a document and all it extends, and merges them.
pub(super) fn assemble(document: &Document, library: &Library, catalog: &Catalog) -> Result<Profile, ProfileError> {
    let mut files = vec![(document.clone(), read(document, catalog)?)];
    while let Some((child, raw)) = files.last()
        && let Some(extends) = &raw.extends
    {
        let id = extends.get_ref();
        let refuse = |problem| child.refuse(Some(extends.span()), problem);
        let mut chain: Vec<String> = files.iter().map(|(_, raw)| raw.id.get_ref().clone()).collect();
        if chain.contains(id) {
            chain.push(id.clone());
            return Err(refuse(Problem::Cycle { chain }));
        }
        let parent = library.find(id)?.ok_or_else(|| refuse(builtin::unknown(id, &library.beside())))?;
        let raw = read(&parent, catalog)?;
        // Ids stand for files in the search for cycles, so a file found by name must have that id.
        if raw.id.get_ref() != id {
            let problem = Problem::IdIsNotName { id: raw.id.get_ref().clone(), name: id.clone() };
            return Err(parent.refuse(Some(raw.id.span()), problem));
        }
        files.push((parent, raw));
    }
    let mut base = None;
    while let Some((document, raw)) = files.pop() {
        base = Some(merge(base, &raw, &document, catalog)?);
    }
    base.ok_or_else(|| document.refuse(None, Problem::NoChecks))
}

/// Lays one file over its base.
fn merge(
    base: Option<Profile>,
    raw: &RawProfile,
    document: &Document,
    catalog: &Catalog,
) -> Result<Profile, ProfileError> {
    let id = raw.id.get_ref();
    if !is_id(id) {
        return Err(document.refuse(Some(raw.id.span()), Problem::BadId { id: id.clone() }));
    }
    for (key, text) in [("version", &raw.version), ("title.zh", &raw.title.zh), ("title.en", &raw.title.en)] {
        if text.get_ref().trim().is_empty() {
            return Err(document.refuse(Some(text.span()), Problem::Blank { key }));
        }
    }
    let at_canvas = raw.canvas.as_ref().map(|canvas| canvas.span());
    let own_canvas = raw.canvas.as_ref().map(|canvas| *canvas.get_ref());
    let kind = raw.kind.or(base.as_ref().map(|base| base.kind)).unwrap_or_default();
    let canvas = match own_canvas.or(base.as_ref().map(|base| base.canvas)) {
        Some(canvas) => canvas,
        None => kind.canvas().map_err(|problem| document.refuse(None, problem))?,
    };

    let mut profile = Profile {
        id: id.clone(),
        version: raw.version.get_ref().clone(),
        title: Text::new(raw.title.zh.get_ref().trim(), raw.title.en.get_ref().trim()),
        extends: base.iter().flat_map(|base| std::iter::once(&base.id).chain(&base.extends)).cloned().collect(),
        kind,
        canvas,
        normalize: BTreeMap::new(),
        names: base.as_ref().and_then(|base| base.names.clone()),
        rules: BTreeMap::new(),
        provenance: BTreeMap::new(),
    };
    if let Some(base) = base {
        (profile.normalize, profile.rules, profile.provenance) = (base.normalize, base.rules, base.provenance);
    }
    if let Some(own) = &raw.normalize {
        permit(&mut profile, own.get_ref(), raw).map_err(|problem| document.refuse(Some(own.span()), problem))?;
    }
    if let Some(own) = &raw.names {
        let names = name_format(own.get_ref(), raw).map_err(|problem| document.refuse(Some(own.span()), problem))?;
        profile.names = Some(names);
    }
    for removed in &raw.remove {
        let id = removed.get_ref();
        profile.provenance.remove(id);
        if profile.rules.remove(id).is_none() {
            let suggestion = closest(id, profile.rules.keys().map(String::as_str)).map(str::to_owned);
            let problem = Problem::NothingToRemove { id: id.clone(), suggestion };
            return Err(document.refuse(Some(removed.span()), problem));
        }
    }
    for (key, own) in &raw.check {
        let check = key.get_ref();
        let refuse = |problem| document.refuse(Some(key.span()), problem);
        let unit = catalog.unit(check).ok_or_else(|| refuse(catalog.unknown(check)))?;
        kind.admit(check).map_err(refuse)?;
        let rule = profile.rules.entry(check.clone()).or_default();
        let provenance = profile.provenance.entry(check.clone()).or_default();
        lay_over(rule, provenance, check, own, raw).map_err(refuse)?;
        validate::rule(check, unit, rule, provenance).map_err(refuse)?;
    }
    if profile.rules.is_empty() {
        return Err(document.refuse(None, Problem::NoChecks));
    }
    profile.rules.keys().try_for_each(|check| kind.admit(check)).map_err(|problem| document.refuse(None, problem))?;
    validate::canvas(canvas, profile.rule("file.dimensions")).map_err(|problem| document.refuse(at_canvas, problem))?;
    Ok(profile)
}

/// Lays the permissions that `own` sets over those of the profile.
fn permit(profile: &mut Profile, own: &RawNormalize, file: &RawProfile) -> Result<(), Problem> {
    let provenance = profile.provenance.entry(NORMALIZE.to_owned()).or_default();
    for (operation, permission) in own.set() {
        let field = operation.key();
        let levels = [(own.source.clone(), own.confidence), (file.source.clone(), file.confidence)];
        let from = first_of(levels, own.quote.as_deref(), NORMALIZE, field, file)?;
        provenance.insert(field.to_owned(), from);
        profile.normalize.insert(operation, permission);
    }
    Ok(())
}

/// The `[names]` table of a file; it replaces that of the base as a whole.
fn name_format(own: &RawNames, file: &RawProfile) -> Result<NameFormat, Problem> {
    let refuse = |why: &str| Problem::BadNames { why: why.to_owned() };
    match (&own.rule, &own.pattern) {
        (NameRule::Pattern, None) => return Err(refuse("rule = \"pattern\" needs a `pattern`")),
        (NameRule::Pattern, Some(pattern)) => drop(names::compile(pattern).map_err(|why| refuse(&why))?),
        (_, Some(_)) => return Err(refuse("a `pattern` needs rule = \"pattern\"")),
        (_, None) => {}
    }
    let source = own.source.clone().or_else(|| file.source.clone()).ok_or_else(|| refuse("it has no source"))?;
    let confidence = own.confidence.or(file.confidence).ok_or_else(|| refuse("it has no confidence"))?;
    Ok(NameFormat { rule: own.rule.clone(), pattern: own.pattern.clone(), source, confidence })
}

/// Replaces the fields of `rule` that `own` sets. An empty value (`warn = {}`, `allowed = []`) clears a field.
fn lay_over(
    rule: &mut Rule,
    provenance: &mut BTreeMap<String, Provenance>,
    check: &str,
    own: &RawRule,
    file: &RawProfile,
) -> Result<(), Problem> {
    fn put<T: Clone + Default + PartialEq>(slot: &mut T, own: &Option<T>) -> Option<bool> {
        let value = own.as_ref()?;
        slot.clone_from(value);
        Some(*value != T::default())
    }
    let before = rule.ruler();
    // None: not set here; false: cleared here.
    let set = [
        ("fail", put(&mut rule.fail, &own.fail)),
        ("warn", put(&mut rule.warn, &own.warn)),
        ("allowed", put(&mut rule.allowed, &own.allowed)),
        ("colors", put(&mut rule.colors, &own.colors)),
        ("width", put(&mut rule.width, &own.width)),
        ("height", put(&mut rule.height, &own.height)),
        ("ratio", put(&mut rule.ratio, &own.ratio)),
        ("info", put(&mut rule.info, &own.info)),
        ("of", put(&mut rule.of, &own.of)),
        ("from", put(&mut rule.from, &own.from)),
    ];
    // Limits of the base would silently mean something else.
    let inherited =
        |field: &str, band: &Band| !band.is_open() && set.iter().any(|(name, set)| *name == field && set.is_none());
    if rule.ruler() != before
        && let Some((field, _)) =
            [("fail", &rule.fail), ("warn", &rule.warn)].into_iter().find(|(field, band)| inherited(field, band))
    {
        return Err(Problem::OtherRuler { check: check.to_owned(), field });
    }
    for (field, _) in own.origin.set() {
        if set.contains(&(field, None)) {
            return Err(Problem::StrayOrigin { check: check.to_owned(), field });
        }
    }
    for (field, set) in set {
        match set {
            Some(true) => drop(provenance.insert(field.to_owned(), origin_of(check, field, own, file)?)),
            Some(false) => drop(provenance.remove(field)),
            None => {}
        }
    }
    Ok(())
}

/// Where a field set in `file` comes from: what its `origin` says, else its check, else the file. The confidence
/// `calibrated` brings the file's `calibrated-source` with it.
fn origin_of(check: &str, field: &'static str, own: &RawRule, file: &RawProfile) -> Result<Provenance, Problem> {
    let origin = own.origin.set().find(|(name, _)| *name == field).map(|(_, origin)| origin);
    if let Some(source) = origin.and_then(|origin| origin.source.clone()) {
        // A field's own source is not quoted by the check's sentence.
        let levels = [
            (Some(source), origin.and_then(|origin| origin.confidence)),
            (None, own.confidence),
            (None, file.confidence),
        ];
        return first_of(levels, None, check, field, file);
    }
    let levels = [
        (None, origin.and_then(|origin| origin.confidence)),
        (own.source.clone(), own.confidence),
        (file.source.clone(), file.confidence),
    ];
    first_of(levels, own.quote.as_deref(), check, field, file)
}

/// The first source and the first confidence that some level states, nearest level first.
fn first_of<const N: usize>(
    levels: [(Option<String>, Option<Confidence>); N],
    quote: Option<&str>,
    check: &str,
    field: &'static str,
    file: &RawProfile,
) -> Result<Provenance, Problem> {
    let lacking = |lacking| Problem::NoProvenance { check: check.to_owned(), field, lacking };
    let quoting = |source: String| match quote {
        Some(quote) => format!("{source}：“{quote}”"),
        None => source,
    };
    let confidence = levels.iter().find_map(|(_, confidence)| *confidence).ok_or_else(|| lacking("confidence"))?;
    let source = levels
        .into_iter()
        .find_map(|(source, level)| {
            let ours = confidence == Confidence::Calibrated && level == Some(Confidence::Calibrated);
            source.map(quoting).or_else(|| file.calibrated_source.clone().filter(|_| ours))
        })
        .filter(|source| !source.trim().is_empty())
        .ok_or_else(|| lacking("source"))?;
    Ok(Provenance { profile: file.id.get_ref().clone(), source, confidence })
}

/// Whether `id` is one: lower-case letters, digits and hyphens.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
