//! A page for reviewers that stands alone: thumbnails with what was measured drawn on them, reasons, filters, a chart.
//!
//! A large run is split into pages of a few hundred photos, `FILE.html`, `FILE-2.html` and so on, so that a browser opens
//! each. The first has the chart, with links to the pages each reason is on. Photos go to disk as they come; memory
//! holds one.

mod card;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use askama::Template;
use tempfile::TempPath;

use super::render::{End, Item, Output, Renderer};
use super::{Findings, Summary, harmless};
use crate::batch::WholeFile;
use crate::batch::whole::folder_of;
use crate::check::Status;
use crate::units::{Lang, Text};
use card::Card;

/// Photos on a page.
pub const PER_PAGE: usize = 200;
/// Findings on the first page; the other forms of the report have them all.
const FINDINGS: usize = 2000;

/// Writes pages for reviewers.
#[derive(Debug)]
pub struct HtmlReport<W: Write> {
    out: W,
    /// The first page's photos: its head has the counts, which are known at the end.
    first: BufWriter<File>,
    /// The page that is being written, when it is not the first.
    later: Option<WholeFile>,
    /// Pages that are whole, from the second on.
    whole: Vec<TempPath>,
    /// Where the first page will be; later ones are beside it. Without a path there is one page only.
    path: Option<PathBuf>,
    per_page: usize,
    lang: Lang,
    rows: usize,
    /// The pages a check does not pass on.
    pages_of: BTreeMap<String, BTreeSet<usize>>,
}

/// The path of a page, from 1.
pub fn page_path(first: &Path, page: usize) -> PathBuf {
    match page {
        1 => first.to_owned(),
        page => first.with_file_name(page_name(first, page)),
    }
}

/// The pages of an earlier report at `first` that are there.
pub fn pages_there(first: &Path) -> Vec<PathBuf> {
    (1..).map(|page| page_path(first, page)).take_while(|path| path.exists()).collect()
}

fn page_name(first: &Path, page: usize) -> String {
    let stem = first.file_stem().unwrap_or_default().to_string_lossy();
    match page {
        1 => first.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        page => format!("{stem}-{page}.html"),
    }
}

impl HtmlReport<WholeFile> {
    /// Begins pages at `path`.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn create(path: &Path, lang: Lang, per_page: usize) -> io::Result<Self> {
        let out = WholeFile::create(path)?;
        Self::with(out, Some(path), folder_of(path), lang, per_page)
    }
}

impl<W: Output> HtmlReport<W> {
    /// One page of any length to `out`; photos wait in a temporary file.
    ///
    /// # Errors
    /// When there is no space for temporary files.
    pub fn single(out: W, lang: Lang) -> io::Result<Self> {
        Self::with(out, None, &std::env::temp_dir(), lang, usize::MAX)
    }

    fn with(out: W, path: Option<&Path>, folder: &Path, lang: Lang, per_page: usize) -> io::Result<Self> {
        Ok(Self {
            out,
            first: BufWriter::new(tempfile::tempfile_in(folder)?),
            later: None,
            whole: Vec::new(),
            path: path.map(Path::to_owned),
            per_page: per_page.max(1),
            lang,
            rows: 0,
            pages_of: BTreeMap::new(),
        })
    }

    /// Begins the next page, after ending the one before.
    fn turn(&mut self, page: usize) -> io::Result<()> {
        self.close_later(page - 1, true)?;
        let Some(path) = &self.path else { return Ok(()) };
        let mut file = WholeFile::create(&page_path(path, page))?;
        let head = Head { lang: tag(self.lang), page, front: None, links: self.links(page, false) };
        file.write_all(head.render().map_err(io::Error::other)?.as_bytes())?;
        self.later = Some(file);
        Ok(())
    }

    fn close_later(&mut self, page: usize, more: bool) -> io::Result<()> {
        let tail = self.tail(page, more)?;
        if let Some(mut file) = self.later.take() {
            file.write_all(tail.as_bytes())?;
            self.whole.push(file.close()?);
        }
        Ok(())
    }

    fn tail(&self, page: usize, more: bool) -> io::Result<String> {
        Tail { links: self.links(page, more) }.render().map_err(io::Error::other)
    }

    fn links(&self, page: usize, more: bool) -> Links {
        let name = |page| self.path.as_deref().map(|path| page_name(path, page)).unwrap_or_default();
        Links {
            first: (page > 1).then(|| name(1)),
            previous: (page > 1).then(|| name(page - 1)),
            next: more.then(|| name(page + 1)),
        }
    }
}

impl<W: Output> Renderer for HtmlReport<W> {
    fn row(&mut self, item: &Item<'_>) -> io::Result<()> {
        let page = self.rows / self.per_page + 1;
        if page > 1 && self.rows.is_multiple_of(self.per_page) {
            self.turn(page)?;
        }
        self.rows += 1;
        if let Some(report) = &item.row.report {
            for check in report.checks.iter().filter(|check| check.status != Status::Pass) {
                self.pages_of.entry(check.id.clone()).or_default().insert(page);
            }
        }
        let card = Card::of(item).render().map_err(io::Error::other)?;
        match &mut self.later {
            Some(file) => file.write_all(card.as_bytes()),
            None => self.first.write_all(card.as_bytes()),
        }
    }

    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        let pages = self.rows.div_ceil(self.per_page).max(1);
        self.close_later(pages, false)?;
        let head =
            Head { lang: tag(self.lang), page: 1, front: Some(self.front(end)), links: self.links(1, pages > 1) };
        self.out.write_all(head.render().map_err(io::Error::other)?.as_bytes())?;
        let tail = self.tail(1, pages > 1)?;
        self.first.rewind()?;
        io::copy(self.first.get_mut(), &mut self.out)?;
        self.out.write_all(tail.as_bytes())?;
        // The first page is the one that people open: it comes last, when all it links to is there.
        for (page, whole) in (2..).zip(std::mem::take(&mut self.whole)) {
            if let Some(path) = &self.path {
                whole.persist(page_path(path, page)).map_err(|error| error.error)?;
            }
        }
        self.out.finish()
    }
}

impl<W: Output> HtmlReport<W> {
    fn front<'a>(&self, end: &End<'a>) -> Front<'a> {
        let most = end.summary.reasons.iter().map(|reason| reason.fail + reason.warn + reason.undetermined).max();
        let most = most.unwrap_or(0).max(1) as f64;
        let percent = |count: u64| format!("{:.2}", count as f64 / most * 100.0);
        let bars = end.summary.reasons.iter().map(|reason| Bar {
            id: reason.id.clone(),
            title: reason.title.clone(),
            counts: [reason.fail, reason.warn, reason.undetermined],
            widths: [percent(reason.fail), percent(reason.warn), percent(reason.undetermined)],
            pages: self
                .pages_of
                .get(&reason.id)
                .filter(|_| self.rows > self.per_page)
                .into_iter()
                .flatten()
                .map(|&page| (page, self.path.as_deref().map(|path| page_name(path, page)).unwrap_or_default()))
                .collect(),
        });
        Front { summary: end.summary, bars: bars.collect(), findings: end.findings, lines: finding_lines(end.findings) }
    }
}

fn finding_lines(findings: Option<&Findings>) -> Vec<FindingLine> {
    let list = findings.iter().flat_map(|findings| &findings.list).take(FINDINGS);
    list.map(|finding| FindingLine {
        kind: finding.kind.text(),
        text: finding.text.clone(),
        who: [&finding.number, &finding.name].into_iter().flatten().cloned().collect::<Vec<_>>().join(" "),
        paths: finding.paths.iter().map(|path| harmless(path).into_owned()).collect(),
    })
    .collect()
}

fn tag(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "zh",
        Lang::En => "en",
    }
}

/// From the top of a page to its first photo.
#[derive(Template)]
#[template(path = "report-head.html")]
struct Head<'a> {
    lang: &'static str,
    page: usize,
    front: Option<Front<'a>>,
    links: Links,
}

/// What only the first page has.
struct Front<'a> {
    summary: &'a Summary,
    bars: Vec<Bar>,
    findings: Option<&'a Findings>,
    lines: Vec<FindingLine>,
}

/// A reason in the chart.
struct Bar {
    id: String,
    title: Text,
    counts: [u64; 3],
    widths: [String; 3],
    pages: Vec<(usize, String)>,
}

struct FindingLine {
    kind: Text,
    text: Text,
    who: String,
    paths: Vec<String>,
}

/// From the last photo of a page to its end.
#[derive(Template)]
#[template(path = "report-tail.html")]
struct Tail {
    links: Links,
}

/// Names of other pages.
struct Links {
    first: Option<String>,
    previous: Option<String>,
    next: Option<String>,
}
