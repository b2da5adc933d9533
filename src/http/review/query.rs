//! The query of addresses that list what is kept.

use crate::http::params::{lang, unknown, wrong};
use crate::http::problem::{Code, Problem};
use crate::units::Text;

/// Rows of a page when the query does not say.
pub const LIMIT: usize = 50;
/// Most rows of a page.
pub const LIMIT_MAX: usize = 200;

/// Parameters that were given, each of them known and given once.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The parameters of a query string, of which `known` are taken.
    ///
    /// # Errors
    /// When one is unknown, given twice, or `lang` is no language.
    pub fn of(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut given = Self(Vec::new());
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&&*name) {
                return Err(unknown("参数", "parameter", &name, known));
            }
            if given.text(&name).is_some() {
                let text = Text::new(format!("参数 {name} 重复"), format!("the parameter `{name}` is given twice"));
                return Err(Problem::new(Code::BadParameter, text));
            }
            given.0.push((name.into_owned(), value.into_owned()));
        }
        given.word("lang", lang, "zh, en")?;
        Ok(given)
    }

    /// The value of a parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that `takes` what `of` reads.
    ///
    /// # Errors
    /// When it has another value.
    pub fn word<T>(&self, name: &str, of: impl Fn(&str) -> Option<T>, takes: &str) -> Result<Option<T>, Problem> {
        self.text(name).map(|value| of(value).ok_or_else(|| wrong(name, value, takes))).transpose()
    }

    /// The place a page begins after: what the page before gave as `next`.
    ///
    /// # Errors
    /// When it is no place.
    pub fn after(&self) -> Result<Option<i64>, Problem> {
        let place = |text: &str| text.parse().ok().filter(|place| *place >= 0);
        self.word("after", place, "the `next` of the page before")
    }

    /// The rows of a page.
    ///
    /// # Errors
    /// When it is no number from 1 to [`LIMIT_MAX`].
    pub fn limit(&self) -> Result<usize, Problem> {
        let rows = |text: &str| text.parse().ok().filter(|rows| (1..=LIMIT_MAX).contains(rows));
        Ok(self.word("limit", rows, &format!("1 to {LIMIT_MAX}"))?.unwrap_or(LIMIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["lang", "after", "limit", "reference"];

    #[test]
    fn what_is_given_is_read() {
        let query = Query::of(Some("after=7&limit=200&reference=a%26b"), KNOWN).expect("reads");
        assert_eq!(query.after().expect("a place"), Some(7));
        assert_eq!((query.limit().expect("rows"), query.text("reference")), (200, Some("a&b")));
        let none = Query::of(None, KNOWN).expect("reads");
        assert_eq!((none.after().expect("none"), none.limit().expect("rows")), (None, LIMIT));
    }

    #[test]
    fn slips_are_refused() {
        for query in ["lang=fr", "befor=1", "after=1&after=2"] {
            assert_eq!(Query::of(Some(query), KNOWN).expect_err(query).code(), Code::BadParameter);
        }
        for query in ["after=-1&limit=0", "after=x&limit=201", "after=99999999999999999999&limit=-1"] {
            let query = Query::of(Some(query), KNOWN).expect("known");
            assert!(query.after().is_err() && query.limit().is_err(), "{query:?}");
        }
    }
}
