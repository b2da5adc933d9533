//! The verdict in headers: for who gets the JPEG and no report, and for proxies that read no bodies.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::check::Status;
use crate::report::{Report, Verdict};

/// A header of an answer about a photo.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// Its name, in small letters.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
    /// Whether only a normalized photo has it.
    pub normalized: bool,
}

/// Every such header, in the order of the OpenAPI document.
pub const HEADERS: [Header; 9] = [
    of(VERDICT, "accept, review or reject"),
    of(FIXABLE, "true when software can mend everything that fails"),
    of(FAILING, "Ids of the checks that fail, separated by commas; absent when none does"),
    of(WARNING, "Ids of the checks that warn"),
    of(UNDETERMINED, "Ids of the checks that could not be determined"),
    Header { normalized: true, ..of(ACTIONS, "Ids of what was done to the photo") },
    Header { normalized: true, ..of(ALREADY_COMPLIANT, "true when the input came back unchanged") },
    of(PROFILE, "Id of the profile"),
    of(REPORT, "Id of the report"),
];

const fn of(name: &'static str, about: &'static str) -> Header {
    Header { name, about, normalized: false }
}

/// `accept`, `review` or `reject`.
pub const VERDICT: &str = "gradphoto-verdict";
/// Whether software can mend everything that fails.
pub const FIXABLE: &str = "gradphoto-fixable";
/// Ids of the checks that fail.
pub const FAILING: &str = "gradphoto-failing";
/// Ids of the checks that warn.
pub const WARNING: &str = "gradphoto-warning";
/// Ids of the checks that could not be determined.
pub const UNDETERMINED: &str = "gradphoto-undetermined";
/// Ids of what a normalization did.
pub const ACTIONS: &str = "gradphoto-actions";
/// Whether the file came back unchanged because it was compliant.
pub const ALREADY_COMPLIANT: &str = "gradphoto-already-compliant";
/// Id of the profile.
pub const PROFILE: &str = "gradphoto-profile";
/// Id of the report.
pub const REPORT: &str = "gradphoto-report";

/// The headers of a report. Lists are separated by commas; an empty list has no header.
pub fn headers(report: &Report) -> HeaderMap {
    let of = |status| {
        let ids = report.checks.iter().filter(move |check| check.status == status).map(|check| check.id.as_str());
        ids.collect::<Vec<_>>().join(", ")
    };
    let actions: Vec<&str> = report.actions.iter().map(|action| action.id.as_str()).collect();
    let values = [
        (VERDICT, name(report.verdict).to_owned()),
        (FIXABLE, report.fixable.to_string()),
        (FAILING, of(Status::Fail)),
        (WARNING, of(Status::Warn)),
        (UNDETERMINED, of(Status::Undetermined)),
        (ACTIONS, actions.join(", ")),
        (PROFILE, report.profile.id.clone()),
        (REPORT, report.id.clone()),
    ];
    // Ids are plain; what is not cannot be a header, and stands in the report.
    let fits = |(name, value): (&'static str, String)| {
        let value = HeaderValue::from_str(&value).ok().filter(|value| !value.is_empty())?;
        Some((HeaderName::from_static(name), value))
    };
    values.into_iter().filter_map(fits).collect()
}

/// The verdict's name, as in the report.
pub fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Review => "review",
        Verdict::Reject => "reject",
    }
}
