//! What the client wants back: the form by `Accept`, the language by `lang` or `Accept-Language`.

use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderMap, HeaderName};

use super::problem::{Code, Problem};
use crate::units::{Lang, Text};

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/json`.
    Json,
    /// `image/jpeg`.
    Jpeg,
    /// A JSON object a line.
    JsonLines,
    /// A table.
    Csv,
    /// A workbook.
    Xlsx,
}

impl Form {
    /// Its media type.
    pub const fn mime(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Jpeg => "image/jpeg",
            Form::JsonLines => "application/x-ndjson",
            Form::Csv => "text/csv",
            Form::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// The form among `offered` the client likes best; the first of them when it says nothing.
pub fn form(headers: &HeaderMap, offered: &[Form]) -> Result<Form, Problem> {
    let wishes = wishes(headers, &ACCEPT);
    let Some(first) = offered.first().filter(|_| wishes.is_empty()) else {
        let liking = |form: &Form| -> f32 {
            let family = form.mime().split('/').next().unwrap_or_default();
            // The most exact range that covers it counts (RFC 9110, 12.5.1).
            let ranges = [form.mime().to_owned(), format!("{family}/*"), "*/*".to_owned()];
            ranges.iter().find_map(|range| wishes.iter().find(|(name, _)| name == range)).map_or(0.0, |(_, q)| *q)
        };
        let best = offered.iter().map(|form| (liking(form), form)).filter(|(q, _)| *q > 0.0);
        // Of equals the one offered first.
        return best.reduce(|a, b| if b.0 > a.0 { b } else { a }).map(|(_, form)| *form).ok_or_else(|| {
            let all: Vec<&str> = offered.iter().map(|form| form.mime()).collect();
            let all = all.join(", ");
            let text = Text::new(format!("此处可应答的格式：{all}"), format!("what can be sent here is {all}"));
            Problem::new(Code::NotAcceptable, text)
        });
    };
    Ok(*first)
}

/// The language of the header `Accept-Language`; Chinese when it names neither.
pub fn language(headers: &HeaderMap) -> Lang {
    let known = wishes(headers, &ACCEPT_LANGUAGE).into_iter().filter_map(|(range, q)| {
        let lang = match range.split('-').next() {
            Some("zh") => Lang::Zh,
            Some("en") => Lang::En,
            _ => return None,
        };
        (q > 0.0).then_some((lang, q))
    });
    known.reduce(|a, b| if b.1 > a.1 { b } else { a }).map_or_else(Lang::default, |(lang, _)| lang)
}

/// The ranges of a header with their weights, in lower case and without parameters.
fn wishes(headers: &HeaderMap, name: &HeaderName) -> Vec<(String, f32)> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().filter(|range| !range.is_empty())?.to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((range, weight.map_or(1.0, |q| q.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0))))
    });
    // A head of a few kilobytes holds thousands of ranges; nobody needs so many.
    ranges.take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a value"))])
    }

    #[test]
    fn the_form_is_what_is_liked_best() {
        let both = [Form::Json, Form::Jpeg];
        for (accept, form_) in [
            ("image/jpeg", Some(Form::Jpeg)),
            ("*/*", Some(Form::Json)),
            ("image/*", Some(Form::Jpeg)),
            ("application/json;q=0.5, IMAGE/jpeg", Some(Form::Jpeg)),
            ("image/jpeg;q=0, */*", Some(Form::Json)),
            ("image/jpeg;q=2, application/json;q=0.1", Some(Form::Json)),
            ("text/html", None),
        ] {
            assert_eq!(form(&headers(ACCEPT, accept), &both).ok(), form_, "{accept}");
        }
        assert_eq!(form(&HeaderMap::new(), &both).ok(), Some(Form::Json));
    }

    #[test]
    fn the_language_is_the_first_that_is_spoken() {
        for (accept, lang) in [
            ("en", Lang::En),
            ("fr, en-GB;q=0.8, zh-CN;q=0.9", Lang::Zh),
            ("zh;q=0, en;q=0.1", Lang::En),
            ("de", Lang::Zh),
            ("EN-us,zh", Lang::En),
        ] {
            assert_eq!(language(&headers(ACCEPT_LANGUAGE, accept)), lang, "{accept}");
        }
        assert_eq!(language(&HeaderMap::new()), Lang::Zh);
    }
}
