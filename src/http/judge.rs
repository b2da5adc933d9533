//! What judges and mends photos, as the service sees it. Tests put fakes behind it.

use crate::engine::{Engine, Input};
use crate::normalize::{Normalized, Options};
use crate::profile::Profile;
use crate::report::Report;
use crate::units::Text;

/// Why no compliant photo can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code.
    pub code: &'static str,
    /// What happened and what to do.
    pub text: Text,
}

/// Judges and mends photos, each on the thread it is called on.
pub trait Judge: Send + Sync + 'static {
    /// The report of a photo.
    fn check(&self, input: Input<'_>, profile: &Profile) -> Report;

    /// A compliant photo made of `input`.
    ///
    /// # Errors
    /// When none can be made.
    fn normalize(&self, input: Input<'_>, profile: &Profile, options: &Options) -> Result<Normalized, Refusal>;
}

impl Judge for Engine {
    fn check(&self, input: Input<'_>, profile: &Profile) -> Report {
        Engine::check(self, input, profile)
    }

    fn normalize(&self, input: Input<'_>, profile: &Profile, options: &Options) -> Result<Normalized, Refusal> {
        Engine::normalize(self, input, profile, options)
            .map_err(|error| Refusal { code: error.code(), text: error.text() })
    }
}
