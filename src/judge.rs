//! From measurements and a profile to statuses, messages and the verdict.
//!
//! The rules are few and hold for every check: outside the `fail` band it fails, outside the `warn` band it warns, a
//! missing fact makes it undetermined, and undetermined never passes. A measurement that knows it is unsure, and a
//! profile value of low confidence, can only warn.

use crate::check::{self, Check, Fix, Measured, NEVER_CHECKED, NEVER_CHECKED_OF_DOCUMENTS, Status, Value, When};
use crate::facts::{Facts, Missing};
use crate::profile::{Band, Edge, Kind, Profile, Rule, Ruler};
use crate::report::{CheckResult, Limit, NotChecked, Report, ReportValue, Verdict};
use crate::units::{Lang, Text, Unit};

/// What came of the checks of one photo.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// Every check that was judged, in report order.
    pub checks: Vec<CheckResult>,
    /// Checks that the profile asks for, but that had nothing to be judged against.
    pub not_checked: Vec<NotChecked>,
}

/// Measures and judges every check the profile asks for, in report order.
pub fn judge(facts: &Facts<'_>, profile: &Profile) -> Judged {
    let asked: Vec<(&'static Check, &Rule)> =
        check::all().filter_map(|check| Some((check, profile.rule(check.id)?))).collect();
    // What hides others is judged before them, wherever it stands in the report.
    let (first, then): (Vec<usize>, Vec<usize>) = (0..asked.len()).partition(|&i| asked[i].0.blocked_by.is_empty());
    let mut results: Vec<Option<CheckResult>> = vec![None; asked.len()];
    let mut not_checked = Vec::new();
    for i in first.into_iter().chain(then) {
        let (check, rule) = asked[i];
        let hides = |r: &&CheckResult| check.blocked_by.contains(&r.id.as_str()) && r.status >= Status::Warn;
        let blocker = results.iter().flatten().find(hides);
        results[i] = match blocker {
            Some(blocker) => Some(blocked(check, blocker, rule)),
            None => match (check.measure)(facts, rule) {
                Ok(measured) => Some(decided(check, measured, rule)),
                Err(missing @ Missing::NotStated) => {
                    not_checked.push(NotChecked { id: check.id.to_owned(), reason: missing.text() });
                    None
                }
                Err(missing) => Some(undetermined(check, missing, rule)),
            },
        };
    }
    Judged { checks: results.into_iter().flatten().collect(), not_checked }
}

/// The result of one check, `None` when the profile does not ask for it or nothing is there to judge it against.
pub fn one(facts: &Facts<'_>, profile: &Profile, id: &str) -> Option<CheckResult> {
    let check = check::all().find(|check| check.id == id)?;
    let rule = profile.rule(id)?;
    match (check.measure)(facts, rule) {
        Ok(measured) => Some(decided(check, measured, rule)),
        Err(Missing::NotStated) => None,
        Err(missing) => Some(undetermined(check, missing, rule)),
    }
}

/// Checks of what a normalized file no longer tells, because its metadata are gone.
const OF_ORIGINAL: [&str; 2] = ["file.captured", "file.edited"];

/// Puts into the report of a normalized photo what only its original tells, so that stripping metadata hides nothing.
pub fn keep_of_original(report: &mut Report, original: &Facts<'_>, profile: &Profile) {
    for id in OF_ORIGINAL {
        let Some(result) = one(original, profile, id) else { continue };
        report.not_checked.retain(|entry| entry.id != id);
        match report.checks.iter_mut().find(|check| check.id == id) {
            Some(check) => *check = result,
            None => {
                let place = |id: &str| check::all().position(|check| check.id == id);
                let before = report.checks.iter().position(|check| place(&check.id) > place(id));
                report.checks.insert(before.unwrap_or(report.checks.len()), result);
            }
        }
    }
    report.verdict = verdict(&report.checks);
    report.fixable = fixable(&report.checks);
}

/// What the profile did not ask for, and what no software can know.
pub fn not_checked(profile: &Profile) -> Vec<NotChecked> {
    let kind = profile.kind;
    let unasked =
        check::all().filter(|check| kind.takes(check.id) && profile.rule(check.id).is_none()).map(|check| NotChecked {
            id: check.id.to_owned(),
            reason: Text::new("所选标准没有此项要求", "the profile does not ask for it"),
        });
    let never = match kind {
        Kind::Portrait => NEVER_CHECKED,
        Kind::Document => NEVER_CHECKED_OF_DOCUMENTS,
    };
    let unknowable = never.iter().map(|&(id, zh, en)| NotChecked { id: id.to_owned(), reason: Text::new(zh, en) });
    unasked.chain(unknowable).collect()
}

/// The verdict over all results.
pub fn verdict(results: &[CheckResult]) -> Verdict {
    match results.iter().map(|result| result.status).max() {
        Some(Status::Fail) => Verdict::Reject,
        Some(Status::Warn | Status::Undetermined) => Verdict::Review,
        _ => Verdict::Accept,
    }
}

/// Whether something fails and all that fails can be mended by software without further leave.
pub fn fixable(results: &[CheckResult]) -> bool {
    let mut failing = results.iter().filter(|result| result.status == Status::Fail).peekable();
    failing.peek().is_some() && failing.all(|result| result.fix == Some(Fix::Auto))
}

fn undetermined(check: &'static Check, missing: Missing, rule: &Rule) -> CheckResult {
    // A rule for information asks nobody to look when the fact is missing.
    let harmless = rule.info || matches!(missing, Missing::NotInFormat | Missing::NoName);
    unmeasured(check, rule, if harmless { Status::Pass } else { Status::Undetermined }, missing.text(), None)
}

/// What `blocker` found hides what `check` measures: a person has to look, whatever the number would have been.
fn blocked(check: &'static Check, blocker: &CheckResult, rule: &Rule) -> CheckResult {
    let title = &blocker.title;
    let reason = Text::new(
        format!("因“{}”一项不符合要求（{}）", title.zh, blocker.id),
        format!("because of {} ({})", title.en.to_lowercase(), blocker.id),
    );
    let status = if rule.info { Status::Pass } else { Status::Undetermined };
    CheckResult { region: blocker.region.clone(), ..unmeasured(check, rule, status, reason, Some(blocker.id.clone())) }
}

fn unmeasured(
    check: &'static Check,
    rule: &Rule,
    status: Status,
    reason: Text,
    because_of: Option<String>,
) -> CheckResult {
    CheckResult {
        id: check.id.to_owned(),
        title: check.title(),
        status,
        value: None,
        unit: rule.ruler().unit(check.unit),
        ruler: reported(rule.ruler()),
        limit: None,
        margin: None,
        message: Text::new(format!("未能判定：{}", reason.zh), format!("not determined: {}", reason.en)),
        hint: None,
        fix: None,
        region: None,
        because_of,
    }
}

/// How a number is read, where that has to be said.
fn reported(ruler: Ruler) -> Option<Ruler> {
    (!ruler.is_plain()).then_some(ruler)
}

fn decided(check: &'static Check, measured: Measured, rule: &Rule) -> CheckResult {
    let ruler = rule.ruler();
    let unit = ruler.unit(check.unit);
    let numbers: Vec<f64> = match measured.value {
        Value::Number(value) => std::iter::once(value).chain(measured.others.iter().copied()).collect(),
        Value::Word(_) => Vec::new(),
    };
    let worst = |band: Band| numbers.iter().map(|&n| band.margin(n)).fold(f64::INFINITY, f64::min);
    let by_limits = match &measured.value {
        Value::Word(word) if !rule.allowed.is_empty() && !rule.allowed.contains(word) => Status::Fail,
        Value::Word(_) => Status::Pass,
        Value::Number(_) if worst(rule.fail) < 0.0 => Status::Fail,
        Value::Number(_) if worst(rule.warn) < 0.0 => Status::Warn,
        Value::Number(_) => Status::Pass,
    };
    let mut status = measured.status.unwrap_or(by_limits);
    if measured.unsure {
        status = status.min(Status::Warn);
    }
    if rule.info {
        status = Status::Pass;
    }
    // The band that decided, for the report and the message.
    let band = match status {
        Status::Warn if worst(rule.fail) >= 0.0 && !rule.warn.is_open() => rule.warn,
        _ if rule.fail.is_open() => rule.warn,
        _ => rule.fail,
    };
    let margin = Some(worst(band)).filter(|margin| margin.is_finite());
    let off = numbers.iter().copied().min_by(|a, b| band.margin(*a).total_cmp(&band.margin(*b)));
    let when = match (measured.case, status) {
        (Some(case), _) => When::Case(case),
        (None, Status::Pass) => When::Ok,
        // Messages speak of the photo from above: what is too little from the bottom is too far down.
        _ if off.zip(band.min).is_some_and(|(value, min)| value < min) == (ruler.from == Edge::Top) => When::Low,
        _ => When::High,
    };
    let say = check.say(when);
    let blanks = Blanks { measured: &measured, unit, ruler, off, band, margin, allowed: &rule.allowed };
    let text = |zh, en| Text::new(blanks.fill(Lang::Zh, zh), blanks.fill(Lang::En, en));
    let hint = (status > Status::Pass && !say.hint_en.is_empty()).then(|| text(say.hint_zh, say.hint_en));
    CheckResult {
        id: check.id.to_owned(),
        title: check.title(),
        status,
        value: Some(match &measured.value {
            Value::Number(value) => ReportValue::Number(unit.round(*value)),
            Value::Word(word) => ReportValue::Word(word.clone()),
        }),
        unit,
        ruler: reported(ruler),
        limit: (!band.is_open()).then(|| Limit::from(band)),
        margin: margin.map(|margin| unit.round(margin)),
        message: text(say.zh, say.en),
        hint,
        fix: (status > Status::Pass).then_some(check.fix),
        region: measured.region,
        because_of: None,
    }
}

/// What stands in the blanks of a message: numbers, limits and details.
struct Blanks<'a> {
    measured: &'a Measured,
    unit: Unit,
    ruler: Ruler,
    /// The number that decided.
    off: Option<f64>,
    band: Band,
    margin: Option<f64>,
    allowed: &'a [String],
}

impl Blanks<'_> {
    fn fill(&self, lang: Lang, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 16);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                out.push('{');
                rest = after;
                continue;
            };
            out.push_str(&self.blank(name, lang));
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn blank(&self, name: &str, lang: Lang) -> String {
        let write = |value: f64| self.unit.format(value) + self.unit.symbol_in(lang);
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), write);
        match (name, &self.measured.value) {
            ("value", Value::Word(word)) => word.clone(),
            ("value", Value::Number(value)) => self.ruler.share(&write(self.off.unwrap_or(*value)), lang),
            ("size", Value::Number(value)) => self.ruler.share(&write(self.off.unwrap_or(*value).abs()), lang),
            ("min", _) => number(self.band.min),
            ("max", _) => number(self.band.max),
            ("by", _) => number(self.margin.map(f64::abs)),
            ("edge", _) => self.ruler.from.name(lang).to_owned(),
            ("allowed", _) => self.allowed.join(", "),
            _ => {
                let detail = self.measured.details.iter().find(|(key, _)| *key == name);
                detail.map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
            }
        }
    }
}
