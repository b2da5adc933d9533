//! What judges and mends photos, as the service sees it. Tests put fakes behind it.

use std::path::Path;

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
    /// Bytes of memory that checking this photo takes, or normalizing it, told by its headers. Called on the event loop, so it
    /// is quick.
    fn memory(&self, bytes: &[u8], normalize: bool) -> u64;

    /// The report of a photo.
    fn check(&self, input: Input<'_>, profile: &Profile) -> Report;

    /// A compliant photo made of `input`.
    ///
    /// # Errors
    /// When none can be made.
    fn normalize(&self, input: Input<'_>, profile: &Profile, options: &Options) -> Result<Normalized, Refusal>;
}

impl Judge for Engine {
    fn memory(&self, bytes: &[u8], normalize: bool) -> u64 {
        Engine::memory(self, bytes, normalize)
    }

    fn check(&self, input: Input<'_>, profile: &Profile) -> Report {
        Engine::check(self, input, profile)
    }

    fn normalize(&self, input: Input<'_>, profile: &Profile, options: &Options) -> Result<Normalized, Refusal> {
        // The photo that goes back is a JPEG, whatever was sent.
        let name = input.name.map(|name| Path::new(name).with_extension("jpg"));
        let name = name.as_deref().map(Path::to_string_lossy);
        Engine::normalize(self, Input { name: name.as_deref(), ..input }, profile, options)
            .map_err(|error| Refusal { code: error.code(), text: error.text() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::builtin;

    #[test]
    fn a_photo_sent_as_png_comes_back_under_the_name_of_a_jpeg() {
        let bytes = include_bytes!("../../sample-photos/astronaut.png");
        let (engine, profile) = (Engine::new().expect("weights"), builtin("zikao-graduation").expect("built in"));
        let input = Input { bytes, name: Some("张三.PNG"), captured_before: None };
        let options = Options { background: "blue".parse().expect("a name"), rotate: false };
        let made = Judge::normalize(&engine, input, &profile, &options).expect("possible");
        assert_eq!(made.report.file.name.as_deref(), Some("张三.jpg"));
        assert!(!made.still_failing().any(|id| id == "file.extension"));
    }
}
