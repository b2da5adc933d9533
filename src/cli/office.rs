//! What an office asks of all photos together: names by their rule, the list of candidates, one picture under several
//! names, and photos sorted into folders.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::CliError;
use crate::batch::look::Look;
use crate::batch::same::{Seen, groups};
use crate::batch::sort::{Method, Sorter};
use crate::batch::{Entry, names};
use crate::profile::Profile;
use crate::report::{Finding, FindingKind, Findings, Row};
use crate::roster::{Columns, Matcher, Reader, Roster};
use crate::units::Text;

/// Arguments of the office.
#[derive(Debug, Clone, Default, Args)]
pub struct OfficeArgs {
    /// Copy photos to the folders accept, review, reject and unreadable of this folder, or of this ZIP
    #[arg(long, value_name = "DIR|FILE.zip")]
    pub sort_into: Option<PathBuf>,
    /// How photos get there
    #[arg(long, value_enum, default_value_t = SortBy::Copy, requires = "sort_into")]
    pub sort_by: SortBy,
    /// Check file names by the profile's rule, or by one given as --names=RULE: id-number, admission-number, number-name,
    /// or a regular expression with the groups `number` and `name`
    #[arg(long, value_name = "RULE", num_args = 0..=1, require_equals = true)]
    #[allow(clippy::option_option, reason = "absent, without a value, with one")]
    pub names: Option<Option<String>>,
    /// List of candidates (CSV or workbook): tells missing photos, photos without a candidate, and duplicates
    #[arg(long, value_name = "FILE")]
    pub roster: Option<PathBuf>,
    /// Columns of the list, by their headings, when they are not found
    #[arg(long, value_name = "number=..,id=..,name=..", requires = "roster")]
    pub roster_columns: Option<Columns>,
    /// Find the same picture under several names; always done with a list of candidates
    #[arg(long)]
    pub find_same: bool,
}

/// How photos get into their folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SortBy {
    /// Copies
    #[default]
    Copy,
    /// Hard links: second names of the same files
    Hardlink,
    /// Symbolic links
    Symlink,
}

impl From<SortBy> for Method {
    fn from(by: SortBy) -> Self {
        match by {
            SortBy::Copy => Method::Copy,
            SortBy::Hardlink => Method::Hardlink,
            SortBy::Symlink => Method::Symlink,
        }
    }
}

/// What is wrong with a rule for names.
#[derive(Debug, thiserror::Error)]
enum NamesError {
    #[error("the profile {0} has no [names] table; name the rule: --names=id-number, admission-number or number-name")]
    NoRule(String),
    #[error("--names: `{rule}` is neither a known rule nor a pattern: {why}")]
    Pattern { rule: String, why: String },
}

impl OfficeArgs {
    /// Files and folders of the office that are no photos.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.sort_into, &self.roster].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Reads the list and the rule.
    ///
    /// # Errors
    /// When either is unusable.
    pub fn office(&self, profile: &Profile) -> Result<Office, CliError> {
        let named = |rule: &str| {
            Reader::named(rule).map_err(|why| CliError::other(NamesError::Pattern { rule: rule.to_owned(), why }))
        };
        let rule = match &self.names {
            None => None,
            Some(Some(rule)) => Some(named(rule)?),
            Some(None) => {
                let format = profile.names.as_ref().ok_or_else(|| NamesError::NoRule(profile.id.clone()));
                let format = format.map_err(CliError::other)?;
                let refuse = |why| CliError::other(NamesError::Pattern { rule: profile.id.clone(), why });
                Some(Reader::of(format).map_err(refuse)?)
            }
        };
        let columns = self.roster_columns.clone().unwrap_or_default();
        let roster = self.roster.as_deref().map(|path| Roster::read(path, &columns).map_err(CliError::other));
        let matcher = roster.transpose()?.map(Matcher::new);
        let loose = matcher.is_some() && rule.is_none();
        let reader = if loose { Some(named_loose()?) } else { rule };
        let seen = (self.find_same || matcher.is_some()).then(Vec::new);
        Ok(Office { reader, matcher, seen, found: Vec::new(), asked: self.names.is_some() || self.sort_into.is_some() })
    }

    /// Makes ready the folders photos are sorted into. `again` says that a run goes on.
    ///
    /// # Errors
    /// When they cannot be had.
    pub fn sorter(&self, entries: &[Entry], again: bool, max_bytes: u64) -> Result<Option<Sorter>, CliError> {
        let sorter = |path| Sorter::create(path, self.sort_by.into(), entries, again, max_bytes);
        self.sort_into.as_deref().map(sorter).transpose().map_err(CliError::other)
    }
}

fn named_loose() -> Result<Reader, CliError> {
    Reader::loose().map_err(|why| CliError::other(NamesError::Pattern { rule: String::new(), why }))
}

/// Gathers what is asked of all photos together. It holds a few bytes for each photo.
#[derive(Debug, Default)]
pub struct Office {
    reader: Option<Reader>,
    matcher: Option<Matcher>,
    seen: Option<Vec<Seen>>,
    found: Vec<Finding>,
    asked: bool,
}

impl Office {
    /// Whether it needs hashes of pictures.
    pub fn compares_pictures(&self) -> bool {
        self.seen.is_some()
    }

    pub(super) fn row(&mut self, place: usize, entry: &Entry, row: &Row, look: Option<&Look>) {
        if let Some(reader) = &self.reader {
            let name = entry.name().unwrap_or_default();
            let stem = Path::new(&name).file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
            let reading = reader.read(&stem);
            if let Some(problem) = &reading.problem {
                self.found.push(Finding {
                    kind: FindingKind::FileName,
                    paths: vec![row.path.clone()],
                    number: reading.number.clone(),
                    name: reading.name.clone(),
                    text: problem.clone(),
                });
            }
            if let Some(matcher) = &mut self.matcher {
                matcher.photo(&row.path, &reading);
            }
        }
        if let (Some(seen), Some(report)) = (&mut self.seen, &row.report)
            && let Some(sha256) = digest(&report.file.sha256)
        {
            seen.push(Seen { place, sha256, hash: look.and_then(|look| look.hash) });
        }
    }

    /// Notes a photo that was not sorted.
    pub(super) fn left(&mut self, row: &Row) {
        self.found.push(Finding {
            kind: FindingKind::NotSorted,
            paths: vec![row.path.clone()],
            number: None,
            name: None,
            text: Text::new(
                "无法读取，或检查后被改动，未复制",
                "not readable, or changed after it was checked; not copied",
            ),
        });
    }

    /// The findings; `None` when none were asked for.
    pub(super) fn finish(self, entries: &[Entry]) -> Option<Findings> {
        let asked = self.asked || self.matcher.is_some() || self.seen.is_some();
        let mut findings = Findings { list: self.found, ..Findings::default() };
        if let Some(matches) = self.matcher.map(Matcher::finish) {
            findings.candidates = Some(matches.candidates);
            findings.with_photo = Some(matches.with_photo);
            findings.list.extend(matches.findings);
        }
        for group in self.seen.iter().flat_map(|seen| groups(seen)) {
            let (kind, text) = match group.distance {
                None => (FindingKind::SameBytes, Text::new("内容完全相同的文件", "files with the same bytes")),
                Some(bits) => (
                    FindingKind::SamePicture,
                    Text::new(
                        format!("同一画面，另存或缩放过（相差 {bits}/256）"),
                        format!("the same picture, saved anew or resized ({bits} of 256 bits differ)"),
                    ),
                ),
            };
            let entries = group.places.iter().filter_map(|&place| entries.get(place));
            let paths = entries.map(|entry| names::shown(&entry.path).into_owned()).collect();
            findings.list.push(Finding { kind, paths, number: None, name: None, text });
        }
        findings.sort();
        asked.then_some(findings)
    }
}

/// The bytes of a SHA-256 in hexadecimal digits.
fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
