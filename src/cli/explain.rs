//! `gradphoto explain [CHECK]`: what a check asks for, how it measures, and what it says.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::check::{self, explain};
use crate::profile::closest;
use crate::units::Lang;

/// Why nothing could be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is no such check.
    #[error("unknown check `{id}`{}; `gradphoto explain` lists all", did_you_mean(*.suggestion))]
    UnknownCheck {
        /// The id.
        id: String,
        /// The nearest id that exists.
        suggestion: Option<&'static str>,
    },
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

/// Explains the check `id` in `lang`; without an id, lists all checks with their titles.
///
/// # Errors
/// When there is no such check, or `out` fails.
pub fn run(id: Option<&str>, lang: Lang, out: &mut dyn Write) -> Result<(), ExplainError> {
    let Some(id) = id else { return Ok(list(lang, out)?) };
    let check = check::find(id).ok_or_else(|| ExplainError::UnknownCheck {
        id: id.to_owned(),
        suggestion: closest(id, check::all().map(|check| check.id)),
    })?;
    Ok(out.write_all(explain::text(check, &[lang]).as_bytes())?)
}

fn list(lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    let width = check::all().map(|check| check.id.width()).max().unwrap_or(0);
    for check in check::all() {
        writeln!(out, "{:width$}  {}", check.id, check.title().get(lang))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: Option<&str>, lang: Lang) -> String {
        let mut out = Vec::new();
        run(id, lang, &mut out).expect("explains");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn every_check_is_listed_and_explained() {
        for lang in [Lang::Zh, Lang::En] {
            let list = said(None, lang);
            for check in check::all() {
                assert!(list.lines().any(|line| line.starts_with(check.id)), "{}", check.id);
                let text = said(Some(check.id), lang);
                assert!(text.contains(check.title().get(lang)) && text.contains(check.method), "{text}");
            }
        }
    }

    #[test]
    fn an_unknown_check_is_an_error() {
        let error = run(Some("no.such-thing"), Lang::En, &mut Vec::new()).expect_err("there is none");
        assert!(error.to_string().contains("unknown check `no.such-thing`"), "{error}");
    }
}
