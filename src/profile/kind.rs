//! What a profile judges: portraits, or pictures of documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Canvas;
use super::error::Problem;

/// What a profile judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A photo of a person.
    #[default]
    Portrait,
    /// A picture of a document: an identity card, a diploma, a form.
    Document,
}

impl Kind {
    /// Its name in profiles.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portrait => "portrait",
            Self::Document => "document",
        }
    }

    /// Whether profiles of this kind may ask for a check: a document has no face, a portrait no text.
    pub fn takes(self, check: &str) -> bool {
        match self {
            Self::Portrait => !check.starts_with("document."),
            Self::Document => check.starts_with("document.") || check.starts_with("file."),
        }
    }

    /// The canvas of a profile that states none.
    ///
    /// # Errors
    /// [`Problem::NoCanvas`] for portraits, whose positions are judged at it.
    pub(super) fn canvas(self) -> Result<Canvas, Problem> {
        match self {
            Self::Portrait => Err(Problem::NoCanvas),
            Self::Document => Ok(Canvas::NONE),
        }
    }

    /// Refuses a check that profiles of this kind do not have.
    ///
    /// # Errors
    /// [`Problem::OtherKind`].
    pub(super) fn admit(self, check: &str) -> Result<(), Problem> {
        if self.takes(check) { Ok(()) } else { Err(Problem::OtherKind { check: check.to_owned(), kind: self.name() }) }
    }
}

#[cfg(test)]
mod tests {
    use crate::profile::{self, Kind, Problem};

    fn parsed(rest: &str) -> Result<profile::Profile, profile::ProfileError> {
        let head = r#"
            id = "form"
            version = "1"
            title = { zh = "表格", en = "form" }
            source = "test"
            confidence = "M"
        "#;
        profile::parse(&format!("{head}\n{rest}"))
    }

    #[test]
    fn a_document_needs_no_canvas_and_takes_no_face() {
        let bytes = "[check.\"file.bytes\"]\nfail = { max = 50 }\n";
        let form = parsed(&format!("kind = \"document\"\n{bytes}")).expect("loads");
        assert_eq!((form.kind, form.canvas.is_none()), (Kind::Document, true));
        let canvas = "canvas = { width = 480, height = 640 }\n";
        assert!(matches!(parsed(bytes).expect_err("no canvas").problem(), Problem::NoCanvas));
        for (kind, check) in
            [("document", "face.width"), ("document", "image.sharpness"), ("portrait", "document.filled")]
        {
            let text = format!("kind = \"{kind}\"\n{canvas}{bytes}[check.\"{check}\"]\nwarn = {{ min = 1 }}\n");
            let error = parsed(&text).expect_err(check);
            assert!(matches!(error.problem(), Problem::OtherKind { check: named, .. } if named == check), "{error}");
            assert!(error.to_string().contains(kind) && error.line().is_some(), "{error}");
        }
        assert!(
            parsed(&format!("kind = \"documents\"\n{bytes}")).expect_err("unknown").to_string().contains("document")
        );
    }

    #[test]
    fn what_extends_a_profile_is_of_its_kind() {
        let error = parsed("kind = \"document\"\nextends = \"zikao-graduation\"\n").expect_err("another kind");
        assert!(matches!(error.problem(), Problem::OtherKind { .. }), "{error}");
        assert_eq!(parsed("extends = \"chongqing-attachment\"\n").expect("loads").kind, Kind::Document);
    }
}
