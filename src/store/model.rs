//! What is kept: submissions, decisions, and what happened to them.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Report, Verdict};

/// Longest reference and file name, in characters.
pub const NAME_MAX: usize = 200;
/// Longest note of a decision, in characters.
pub const NOTE_MAX: usize = 2000;

/// Words that are written to the database, to JSON and to labels of metrics: one name for each value, everywhere.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $value:ident = $word:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[doc = $doc])+ $value,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$value),+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $($name::$value => $word),+ }
            }

            /// The one with this name.
            pub fn of(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

words! {
    /// Where a submission stands.
    State {
        /// The machine accepted it, and nobody needs to look.
        Accepted = "accepted",
        /// The machine rejected it, and nobody needs to look.
        Rejected = "rejected",
        /// A reviewer has to look.
        Waiting = "waiting",
        /// A reviewer decided.
        Decided = "decided",
    }
}

words! {
    /// What a reviewer decides.
    Outcome {
        /// The photo is good.
        Accept = "accept",
        /// It is not.
        Reject = "reject",
    }
}

words! {
    /// What happened to a submission.
    Event {
        /// It came.
        Submitted = "submitted",
        /// A reviewer decided for the first time.
        Decided = "decided",
        /// A later decision superseded the one before.
        Reconsidered = "reconsidered",
        /// Somebody deleted it.
        Deleted = "deleted",
        /// It was older than photos are kept.
        Expired = "expired",
    }
}

words! {
    /// Which submissions wait for a reviewer.
    Waits {
        /// Those with the verdict `review`.
        Review = "review",
        /// Those, and those that the machine rejects.
        Rejected = "rejected",
        /// All.
        All = "all",
    }
}

impl Waits {
    /// The state of a new submission with this verdict.
    pub fn state(self, verdict: Verdict) -> State {
        match (verdict, self) {
            (Verdict::Review, _) | (_, Waits::All) | (Verdict::Reject, Waits::Rejected) => State::Waiting,
            (Verdict::Accept, _) => State::Accepted,
            (Verdict::Reject, _) => State::Rejected,
        }
    }
}

/// The id of a submission.
pub type SubmissionId = RandomId;

/// An id of 128 random bits, so that nobody guesses one, as 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RandomId(String);

impl RandomId {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex(&bytes)))
    }

    /// The id written as `text`, if it can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.to_owned()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RandomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who does something, and when. Given by the caller, so that the store needs no clock.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Name of the key, or of a part of the program.
    pub by: &'a str,
    /// The time.
    pub at: Timestamp,
}

/// A photo that was judged and is to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewSubmission<'a> {
    /// The file.
    pub photo: &'a [u8],
    /// What was found.
    pub report: &'a Report,
    /// What the client calls it; at most [`NAME_MAX`] characters.
    pub reference: Option<&'a str>,
    /// What the file was called; at most [`NAME_MAX`] characters. No path is made of it.
    pub file_name: Option<&'a str>,
    /// Where it stands.
    pub state: State,
}

/// A submission, without its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its id.
    pub id: SubmissionId,
    /// Its place in the order of arrival, from 1; places of deleted ones are not given again.
    pub seq: i64,
    /// When it came.
    pub received_at: Timestamp,
    /// Name of the key that sent it.
    pub submitted_by: String,
    /// Id of the profile it was judged by.
    pub profile: String,
    /// Version of the profile.
    pub profile_version: String,
    /// What the client calls it.
    pub reference: Option<String>,
    /// What the file was called.
    pub file_name: Option<String>,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Format by content, as in the report.
    pub format: String,
    /// Path of the file below the folder of photos.
    pub photo: String,
    /// The machine's verdict.
    pub verdict: Verdict,
    /// Where it stands.
    pub state: State,
    /// How many decisions there are.
    pub decisions: u32,
    /// The last decision's outcome.
    pub outcome: Option<Outcome>,
}

/// A submission with its report and decisions.
#[derive(Debug, Clone, PartialEq)]
pub struct Full {
    /// The submission.
    pub submission: Submission,
    /// The report's JSON, as it was.
    pub report: String,
    /// All decisions, the last one in force.
    pub decisions: Vec<Decision>,
}

/// What a reviewer wants to decide.
#[derive(Debug, Clone, Copy)]
pub struct NewDecision<'a> {
    /// Accept or reject.
    pub outcome: Outcome,
    /// Ids of checks.
    pub reasons: &'a [String],
    /// In the reviewer's words; at most [`NOTE_MAX`] characters.
    pub note: &'a str,
    /// How many decisions the reviewer saw: one that came since is not overruled unseen.
    pub after: u32,
}

/// What a reviewer decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// From 1; the highest is in force.
    pub number: u32,
    /// Accept or reject.
    pub outcome: Outcome,
    /// Ids of checks.
    pub reasons: Vec<String>,
    /// In the reviewer's words.
    pub note: String,
    /// Name of the reviewer's key.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place, from 1.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Name of the key, or `retention`.
    pub who: String,
    /// What happened.
    pub event: Event,
    /// Id of the submission, which may be deleted.
    pub submission: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// The machine's verdict, or the outcome of a decision; `None` for a deletion.
    pub verdict: Option<Verdict>,
}

/// Which submissions are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Those in this state.
    pub state: Option<State>,
    /// Those judged by this profile.
    pub profile: Option<String>,
    /// Those with exactly this reference.
    pub reference: Option<String>,
    /// The newest first, instead of the oldest.
    pub newest_first: bool,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins, when there is one: the `after` of the next call.
    pub next: Option<i64>,
}

impl<T> Page<T> {
    /// The page of `rows`, of which one more than `limit` was asked for to learn whether others follow.
    pub(super) fn cut(mut rows: Vec<T>, limit: usize, seq: impl Fn(&T) -> i64) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        Self { next: rows.last().filter(|_| more).map(seq), rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_nothing_else_is_one() {
        let (a, b) = (SubmissionId::random().expect("random"), SubmissionId::random().expect("random"));
        assert_ne!(a, b);
        assert_eq!(SubmissionId::parse(a.as_str()), Some(a));
        for odd in ["", "../../../../../../../etc/passwd__", &"A".repeat(32), &"a".repeat(31), &"a".repeat(33)] {
            assert_eq!(SubmissionId::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn words_are_written_and_read_the_same() {
        for state in State::ALL {
            assert_eq!(State::of(state.name()), Some(*state));
            assert_eq!(serde_json::to_value(state).expect("a word"), state.name());
        }
        assert_eq!(Event::of("forged"), None);
    }

    #[test]
    fn what_waits_is_as_the_office_wants() {
        use Verdict::{Accept, Reject, Review};
        for (waits, states) in [
            (Waits::Review, [State::Accepted, State::Waiting, State::Rejected]),
            (Waits::Rejected, [State::Accepted, State::Waiting, State::Waiting]),
            (Waits::All, [State::Waiting; 3]),
        ] {
            assert_eq!([Accept, Review, Reject].map(|verdict| waits.state(verdict)), states, "{waits:?}");
        }
    }
}
