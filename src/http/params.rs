//! The parameters of a request, out of its query or its form.

use jiff::civil::Date;

use super::problem::{Code, Problem};
use crate::normalize::Background;
use crate::profile::closest;
use crate::store::NAME_MAX;
use crate::units::{Lang, Text};

/// What `/v1/check` takes.
pub const CHECK: &[&str] = &["profile", "lang", "captured-before"];
/// What `/v1/normalize` takes.
pub const NORMALIZE: &[&str] = &["profile", "lang", "captured-before", "background", "rotate"];
/// What `/v1/submissions` takes with a photo.
pub const SUBMIT: &[&str] = &["profile", "lang", "captured-before", "reference"];
/// What `/v1/batches` takes with photos.
pub const BATCH: &[&str] = &["profile", "lang", "captured-before", "normalize", "background", "rotate"];
/// What the other addresses take.
pub const READ: &[&str] = &["lang"];

/// The parameters that were given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params {
    /// Id of a profile.
    pub profile: Option<String>,
    /// Language of problems.
    pub lang: Option<Lang>,
    /// The day the photo's age is judged against.
    pub captured_before: Option<Date>,
    /// What happens to the background.
    pub background: Option<String>,
    /// Whether the photo may be turned.
    pub rotate: Option<bool>,
    /// What the client calls the photo.
    pub reference: Option<String>,
    /// Whether the photos of a batch are normalized.
    pub normalize: Option<bool>,
}

impl Params {
    /// The parameters of a query string, of which `known` are taken.
    ///
    /// # Errors
    /// When one is unknown, given twice, or has a wrong value.
    pub fn of_query(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut params = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            params.set(&name, &value, known)?;
        }
        Ok(params)
    }

    /// Sets one parameter.
    ///
    /// # Errors
    /// When it is not among `known`, set before, or has a wrong value.
    pub fn set(&mut self, name: &str, value: &str, known: &[&str]) -> Result<(), Problem> {
        if !known.contains(&name) {
            return Err(unknown("参数", "parameter", name, known));
        }
        let fresh = match name {
            "profile" => self.profile.replace(value.to_owned()).is_none(),
            "lang" => self.lang.replace(lang(value).ok_or_else(|| wrong(name, value, "zh, en"))?).is_none(),
            "captured-before" => {
                let date = Date::strptime("%Y-%m-%d", value);
                self.captured_before.replace(date.map_err(|_| wrong(name, value, "YYYY-MM-DD"))?).is_none()
            }
            "reference" => {
                let fits = value.chars().count() <= NAME_MAX && crate::report::harmless(value) == value;
                let takes = format!("at most {NAME_MAX} characters, none of them a control character");
                self.reference
                    .replace(fits.then(|| value.to_owned()).ok_or_else(|| wrong(name, value, &takes))?)
                    .is_none()
            }
            "background" => self.background.replace(value.to_owned()).is_none(),
            _ => {
                let switch = if name == "normalize" { &mut self.normalize } else { &mut self.rotate };
                switch.replace(value.parse().map_err(|_| wrong(name, value, "true, false"))?).is_none()
            }
        };
        let twice = || Text::new(format!("参数 {name} 重复"), format!("the parameter `{name}` is given twice"));
        if fresh { Ok(()) } else { Err(Problem::new(Code::BadParameter, twice())) }
    }

    /// These parameters, and where one was not given that of `under`: a field of a form wins over the query.
    pub fn over(self, under: Self) -> Self {
        Self {
            profile: self.profile.or(under.profile),
            lang: self.lang.or(under.lang),
            captured_before: self.captured_before.or(under.captured_before),
            background: self.background.or(under.background),
            rotate: self.rotate.or(under.rotate),
            reference: self.reference.or(under.reference),
            normalize: self.normalize.or(under.normalize),
        }
    }

    /// The background: `keep`, `auto` or a colour's name. Whether the profile accepts the colour is said by the answer.
    ///
    /// # Errors
    /// When it is no name.
    pub fn background(&self) -> Result<Background, Problem> {
        let Some(value) = &self.background else { return Ok(Background::default()) };
        let is_name = !value.is_empty()
            && value.len() <= MAX_COLOR
            && value.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()));
        if !is_name {
            return Err(wrong("background", value, "keep, auto, or a colour of the profile, such as light-blue"));
        }
        // Parsing cannot fail: every other word is a colour's name.
        Ok(value.parse().unwrap_or_default())
    }
}

/// Longest name of a colour, in bytes.
pub const MAX_COLOR: usize = 32;

/// What names of colours look like, as a regular expression.
pub const COLOR: &str = "^[a-z]+(-[a-z]+)*$";

/// The language named by a parameter's value.
pub(super) fn lang(value: &str) -> Option<Lang> {
    match value {
        "zh" => Some(Lang::Zh),
        "en" => Some(Lang::En),
        _ => None,
    }
}

/// The language a query asks for, as far as it can be told; errors in the query are reported in it.
pub(super) fn lang_of_query(query: Option<&str>) -> Option<Lang> {
    form_urlencoded::parse(query?.as_bytes()).find_map(|(name, value)| lang(&value).filter(|_| name == "lang"))
}

pub(super) fn unknown(zh: &str, en: &str, name: &str, known: &[&str]) -> Problem {
    let near = closest(name, known.iter().copied());
    let (near_zh, near_en) =
        near.map_or_else(Default::default, |near| (format!("，是否为 {near}？"), format!(" (did you mean `{near}`?)")));
    let (name, all) = (shown(name), known.join(", "));
    let text = Text::new(
        format!("没有{zh} {name}{near_zh}；可用的是 {all}"),
        format!("unknown {en} `{name}`{near_en}; what can be used here: {all}"),
    );
    Problem::new(Code::BadParameter, text)
}

pub(super) fn wrong(name: &str, value: &str, takes: &str) -> Problem {
    let value = shown(value);
    let text = Text::new(
        format!("参数 {name} 不能是“{value}”；可用的值：{takes}"),
        format!("the parameter `{name}` cannot be `{value}`; it takes {takes}"),
    );
    Problem::new(Code::BadParameter, text)
}

/// A word of a stranger, made short and safe to repeat.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(64).collect();
    crate::report::harmless(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parameters_are_read() {
        let query = "profile=gaokao&lang=en&captured-before=2026-06-30&background=light%2Dblue&rotate=true";
        let params = Params::of_query(Some(query), NORMALIZE).expect("reads");
        assert_eq!(
            (params.profile.as_deref(), params.lang, params.rotate),
            (Some("gaokao"), Some(Lang::En), Some(true))
        );
        assert_eq!(params.captured_before, Some(jiff::civil::date(2026, 6, 30)));
        assert_eq!(Params::of_query(None, CHECK).expect("reads"), Params::default());
    }

    #[test]
    fn slips_are_refused() {
        for (query, known) in [
            ("profil=x", CHECK),
            ("background=auto", CHECK),
            ("lang=fr", CHECK),
            ("lang=en&lang=zh", CHECK),
            ("captured-before=30.6.2026", CHECK),
            ("rotate=yes", NORMALIZE),
            ("normalize=1", BATCH),
            ("reference=a", CHECK),
            ("reference=a%0Ab", SUBMIT),
            ("=", READ),
        ] {
            let problem = Params::of_query(Some(query), known).expect_err(query);
            assert_eq!(problem.code(), Code::BadParameter);
        }
    }

    #[test]
    fn a_background_is_a_name() {
        let of = |value: &str| Params { background: Some(value.into()), ..Params::default() }.background();
        assert_eq!(of("keep").expect("fine"), Background::Keep);
        assert_eq!(of("blue").expect("fine"), Background::Color("light-blue".into()));
        for odd in ["", "Blue", "light--blue", "-", "蓝", "a b"] {
            assert_eq!(of(odd).expect_err("refused").code(), Code::BadParameter, "{odd}");
        }
    }
}
