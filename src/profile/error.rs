//! Why a profile was refused: what is wrong, in which file, on which line, and what was probably meant.

use std::fmt;
use std::io;
use std::sync::Arc;

/// A profile that was refused. Displays as `file:line: problem`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ProfileError {
    place: Place,
    problem: Box<Problem>,
}

impl ProfileError {
    pub(super) fn new(file: impl Into<String>, line: Option<usize>, problem: Problem) -> Self {
        Self { place: Place { file: file.into(), line }, problem: Box::new(problem) }
    }

    /// The file as the caller named it, or a name for what was no file.
    pub fn file(&self) -> &str {
        &self.place.file
    }

    /// The line the problem is on, from 1, when it is on one.
    pub fn line(&self) -> Option<usize> {
        self.place.line
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

#[derive(Debug, Clone)]
struct Place {
    file: String,
    line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// What is wrong with a profile.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(Arc<io::Error>),
    /// The file is larger than any profile.
    #[error("larger than {limit} bytes, so it is no profile")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is not text in UTF-8.
    #[error("not UTF-8 text; save the file as UTF-8")]
    NotUtf8,
    /// Not TOML, or a value of the wrong type.
    #[error("{0}")]
    Malformed(String),
    /// A key that does not exist.
    #[error("unknown key `{key}`{}; the keys here are {}", did_you_mean(.suggestion), .known.join(", "))]
    UnknownKey {
        /// The key.
        key: String,
        /// The nearest key that exists.
        suggestion: Option<String>,
        /// All keys that exist there.
        known: Vec<String>,
    },
    /// A key of the profile written below a `[check...]` line, which makes it a key of that check.
    #[error("`{key}` belongs to the profile, not to a check: move it above the first [check] line")]
    MisplacedKey {
        /// The key.
        key: String,
    },
    /// A word out of a fixed set that is not in the set.
    #[error("unknown value `{value}`{}; the values are {}", did_you_mean(.suggestion), .known.join(", "))]
    UnknownValue {
        /// The value.
        value: String,
        /// The nearest value that exists.
        suggestion: Option<String>,
        /// All values that exist.
        known: Vec<String>,
    },
    /// A check that does not exist.
    #[error("unknown check `{id}`{}", did_you_mean(.suggestion))]
    UnknownCheck {
        /// The id.
        id: String,
        /// The nearest id that exists.
        suggestion: Option<String>,
    },
    /// A check id without quotes, which TOML reads as a table inside a table.
    #[error("a check id has a dot and needs quotes: [check.\"{id}\"]")]
    UnquotedCheck {
        /// The id that was meant.
        id: String,
    },
    /// A profile that does not exist.
    #[error("unknown profile `{id}`{}; built in are {}", did_you_mean(.suggestion), .known.join(", "))]
    UnknownProfile {
        /// The id.
        id: String,
        /// The nearest id that exists.
        suggestion: Option<String>,
        /// The built-in profiles.
        known: Vec<String>,
    },
    /// Profiles that extend each other.
    #[error("profiles extend each other in a circle: {}", .chain.join(" -> "))]
    Cycle {
        /// The ids in the order they extend each other; the last is in the chain already.
        chain: Vec<String>,
    },
    /// A file whose id is not its name, so that `extends` would be ambiguous.
    #[error("the id is `{id}`, but the file is extended as `{name}`; make them equal")]
    IdIsNotName {
        /// The id inside.
        id: String,
        /// The name it was looked up by.
        name: String,
    },
    /// An id with other characters than lower-case letters, digits and hyphens.
    #[error("`{id}` is no id: use lower-case letters, digits and hyphens, such as `anhui-graduation`")]
    BadId {
        /// The id.
        id: String,
    },
    /// A text that must not be empty.
    #[error("`{key}` is empty")]
    Blank {
        /// The key.
        key: &'static str,
    },
    /// A profile without base and without canvas.
    #[error("no `canvas`: write canvas = {{ width = 480, height = 640 }}, or extend a profile that has one")]
    NoCanvas,
    /// A check that profiles of this kind do not have.
    #[error(
        "`{check}` has no meaning in a profile of kind `{kind}`: documents are judged by `file.*` and `document.*`, portraits by all but `document.*`"
    )]
    OtherKind {
        /// The check.
        check: String,
        /// The profile's kind.
        kind: &'static str,
    },
    /// A canvas no photo can have.
    #[error("a canvas of {width}x{height} px makes no sense: each side must be 1 to {limit} px")]
    BadCanvas {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Largest side in pixels.
        limit: u32,
    },
    /// A canvas that `file.dimensions` refuses.
    #[error("the canvas of {width}x{height} px is outside of what `file.dimensions` accepts; change both together")]
    CanvasRefused {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A `[names]` table that says nothing one could test.
    #[error("[names]: {why}")]
    BadNames {
        /// What is wrong with it.
        why: String,
    },
    /// A profile that asks for nothing.
    #[error("the profile asks for no check at all")]
    NoChecks,
    /// A check to remove that the base does not ask for.
    #[error("`remove` names `{id}`, which the base does not ask for{}", did_you_mean(.suggestion))]
    NothingToRemove {
        /// The id.
        id: String,
        /// The nearest id the base asks for.
        suggestion: Option<String>,
    },
    /// A value without source or confidence.
    #[error("`{check}`: {field} has no {lacking}; write one for the check or for the whole file")]
    NoProvenance {
        /// The check.
        check: String,
        /// The field.
        field: &'static str,
        /// `source` or `confidence`.
        lacking: &'static str,
    },
    /// An `origin` of a field that this file does not set.
    #[error("`{check}`: origin.{field} says where a value comes from that is not set here")]
    StrayOrigin {
        /// The check.
        check: String,
        /// The field.
        field: &'static str,
    },
    /// A band nothing fits into.
    #[error("`{check}`: {field} has min {min} above max {max}")]
    EmptyBand {
        /// The check.
        check: String,
        /// The field.
        field: &'static str,
        /// Lower end.
        min: f64,
        /// Upper end.
        max: f64,
    },
    /// A limit that is infinite or not a number.
    #[error("`{check}`: {field} needs finite numbers; leave an end out to keep it open")]
    NotFinite {
        /// The check.
        check: String,
        /// The field.
        field: &'static str,
    },
    /// A warning that can never come, because the check fails first.
    #[error("`{check}`: the warn band reaches outside the fail band; a warning comes before a failure")]
    WarnOutsideFail {
        /// The check.
        check: String,
    },
    /// `of` or `from` changed under limits that were written for what it was.
    #[error(
        "`{check}`: `of` or `from` differs from the base's, and {field} was written for the base's; write it here too"
    )]
    OtherRuler {
        /// The check.
        check: String,
        /// The field that is inherited.
        field: &'static str,
    },
    /// A check with nothing to judge by.
    #[error("`{check}` sets no limits; give it some, set info = true, or drop it with remove = [\"{check}\"]")]
    NoLimits {
        /// The check.
        check: String,
    },
    /// `background.color` without colours.
    #[error("`{check}` needs at least one colour in `colors`")]
    NoColors {
        /// The check.
        check: String,
    },
    /// A field that this check does not read.
    #[error("`{check}` does not use `{field}`; it uses {}", .uses.join(", "))]
    FieldNotUsed {
        /// The check.
        check: String,
        /// The field.
        field: &'static str,
        /// Fields the check reads.
        uses: &'static [&'static str],
    },
    /// A value of low confidence that would reject photos.
    #[error("`{check}`: {field} has confidence L, and such a value may only warn: write it as warn = {{ ... }}")]
    WeakValueRejects {
        /// The check.
        check: String,
        /// The field.
        field: String,
    },
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}
