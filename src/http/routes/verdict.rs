//! The verdict in headers: for who gets the JPEG and no report, and for proxies that read no bodies.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::check::Status;
use crate::report::{Report, Verdict};

/// The headers, in the order of the OpenAPI document.
pub const NAMES: [&str; 8] = [VERDICT, FIXABLE, FAILING, WARNING, UNDETERMINED, ACTIONS, PROFILE, REPORT];

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
