//! One photo on a page.

use askama::Template;

use crate::batch::look::Thumbnail;
use crate::check::Status;
use crate::report::render::Item;
use crate::report::table::error_word;
use crate::report::{Verdict, harmless, overlay, text};
use crate::units::Text;

/// A photo with its verdict and reasons.
#[derive(Template)]
#[template(path = "report-card.html")]
pub(super) struct Card<'a> {
    number: usize,
    path: String,
    verdict: Text,
    /// Word for styles and filters.
    kind: &'static str,
    fixable: bool,
    thumbnail: Option<&'a Thumbnail>,
    /// What is drawn over the thumbnail; the program's own markup, escaped where text comes from outside.
    marks: String,
    reasons: Vec<Reason>,
    /// Ids of the reasons, for filters.
    ids: String,
}

struct Reason {
    /// Id of the check; empty where none was reached.
    id: String,
    kind: &'static str,
    word: Text,
    title: Text,
    message: Text,
    hint: Option<Text>,
}

impl<'a> Card<'a> {
    pub(super) fn of(item: &Item<'a>) -> Self {
        let thumbnail = item.look.and_then(|look| look.thumbnail.as_ref());
        let base = Self {
            number: item.place + 1,
            path: harmless(&item.row.path).into_owned(),
            verdict: error_word(),
            kind: "error",
            fixable: false,
            thumbnail,
            marks: String::new(),
            reasons: Vec::new(),
            ids: String::new(),
        };
        let Some(report) = &item.row.report else {
            let message = item.row.error.clone().unwrap_or_default();
            let reason = Reason {
                id: String::new(),
                kind: "fail",
                word: error_word(),
                title: Text::default(),
                message,
                hint: None,
            };
            return Self { reasons: vec![reason], ..base };
        };
        let mut open: Vec<_> = report.checks.iter().filter(|check| check.status != Status::Pass).collect();
        open.sort_by_key(|check| std::cmp::Reverse(check.status));
        let ids: Vec<&str> = open.iter().map(|check| check.id.as_str()).collect();
        Self {
            verdict: text::verdict_text(report.verdict),
            kind: match report.verdict {
                Verdict::Accept => "accept",
                Verdict::Review => "review",
                Verdict::Reject => "reject",
            },
            fixable: report.fixable,
            marks: thumbnail.map(|_| overlay::marks(report)).unwrap_or_default(),
            ids: ids.join(" "),
            reasons: open
                .into_iter()
                .map(|check| Reason {
                    id: check.id.clone(),
                    kind: match check.status {
                        Status::Fail => "fail",
                        Status::Warn => "warn",
                        Status::Undetermined | Status::Pass => "open",
                    },
                    word: text::status_text(check.status),
                    title: safe(&check.title),
                    message: safe(&check.message),
                    hint: check.hint.as_ref().map(safe),
                })
                .collect(),
            ..base
        }
    }
}

fn safe(text: &Text) -> Text {
    Text::new(harmless(&text.zh), harmless(&text.en))
}
