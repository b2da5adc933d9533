//! An evaluation as text.

use std::io::{self, Write};

use super::{Evaluation, Fault, Group};
use crate::check::Status;
use crate::report::harmless;
use crate::report::text::status_text;
use crate::units::Lang;

/// Writes the numbers for people, in one language.
pub fn write_text(evaluation: &Evaluation, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    Page { lang, out }.all(evaluation)
}

struct Page<'a> {
    lang: Lang,
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        if self.lang == Lang::Zh { zh } else { en }
    }

    fn head(&mut self, zh: &'static str, en: &'static str) -> io::Result<()> {
        let head = self.t(zh, en);
        writeln!(self.out, "\n# {head}")
    }

    fn all(&mut self, e: &Evaluation) -> io::Result<()> {
        let (profile, photos) = (self.t("标准", "profile"), self.t("照片", "photos"));
        writeln!(self.out, "{profile} {}, {photos} {}", e.profile, e.photos)?;
        self.files(self.t("无法检查", "without a report"), &e.errors)?;
        self.faults(e)?;
        self.clean(e)?;
        self.measurements(e)?;
        if e.time.photos > 0 {
            self.head("耗时（每张，毫秒）", "Time a photo, ms")?;
            let (median, p95) = (number(e.time.median_ms), number(e.time.p95_ms));
            writeln!(self.out, "{} {median}, p95 {p95}, n {}", self.t("中位数", "median"), e.time.photos)?;
        }
        self.groups("按肤色", "By skin tone", &e.by_skin)?;
        self.groups("按组", "By group", &e.by_group)?;
        self.decisions(e)
    }

    fn faults(&mut self, e: &Evaluation) -> io::Result<()> {
        if !e.faults.is_empty() {
            self.head("应查出的问题", "Faults to catch")?;
            let header = ["check", "severity", "n", "caught", "warn", "undet.", "pass", "unread", "other"];
            writeln!(self.out, "{}", columns(&header.map(str::to_owned)))?;
        }
        for fault in &e.faults {
            let Fault { photos, caught, warned, undetermined, passed, unread, rejected_otherwise, .. } = fault;
            let counts = [photos, caught, warned, undetermined, passed, unread, rejected_otherwise];
            let names = [harmless(&fault.must_fail).into_owned(), harmless(&fault.severity).into_owned()];
            let cells: Vec<_> = names.into_iter().chain(counts.map(usize::to_string)).collect();
            writeln!(self.out, "{}", columns(&cells))?;
            for missed in &fault.missed {
                let status = missed.status.map_or_else(
                    || self.t("无法检查", "no report").to_owned(),
                    |status: Status| status_text(status).get(self.lang).to_owned(),
                );
                writeln!(self.out, "    {} {}: {status}", self.t("漏检", "missed"), harmless(&missed.file))?;
            }
        }
        let mut severities = std::collections::BTreeMap::<&str, (usize, usize)>::new();
        for fault in &e.faults {
            let sum = severities.entry(&fault.severity).or_default();
            *sum = (sum.0 + fault.caught, sum.1 + fault.photos);
        }
        for (severity, (caught, photos)) in severities {
            let rate = rate(caught, photos);
            writeln!(self.out, "{} {}: {rate}", self.t("查出", "caught"), harmless(severity))?;
        }
        if !e.not_judged.is_empty() {
            self.head("标准未要求，不计入", "Not judged: the profile does not ask for it")?;
            for fault in &e.not_judged {
                writeln!(self.out, "{} ({})", harmless(&fault.must_fail), fault.photos)?;
            }
        }
        Ok(())
    }

    fn clean(&mut self, e: &Evaluation) -> io::Result<()> {
        let clean = &e.clean;
        if clean.photos == 0 {
            return Ok(());
        }
        self.head("合格照片上的误报", "False alarms on clean photos")?;
        for (zh, en, n) in [
            ("误判不合格", "with a false fail", clean.with_fail),
            ("有警告", "with a warning", clean.with_warn),
            ("有未判定项", "with something undetermined", clean.with_undetermined),
        ] {
            writeln!(self.out, "{}: {}", self.t(zh, en), rate(n, clean.photos))?;
        }
        for alarm in &clean.checks {
            writeln!(self.out, "{}", harmless(&alarm.check))?;
            self.files(self.t("不合格", "fail"), &alarm.fail)?;
            self.files(self.t("警告", "warn"), &alarm.warn)?;
            self.files(self.t("未判定", "undetermined"), &alarm.undetermined)?;
        }
        Ok(())
    }

    fn measurements(&mut self, e: &Evaluation) -> io::Result<()> {
        if e.measurements.is_empty() {
            return Ok(());
        }
        self.head(
            "测量误差（测得减真值，标准尺寸下的像素）",
            "Measurement error (measured minus truth, profile pixels)",
        )?;
        for m in &e.measurements {
            let [bias, median, p95, max] = [m.bias, m.median, m.p95, m.max].map(number);
            let unmeasured = match m.unmeasured {
                0 => String::new(),
                n => format!(", {} {n}", self.t("未测得", "unmeasured")),
            };
            writeln!(
                self.out,
                "{} ({}): n {}, bias {bias}, median {median}, p95 {p95}, max {max}{unmeasured}",
                m.name, m.unit, m.count
            )?;
            for file in &m.worst {
                writeln!(self.out, "    {} {}", number(Some(file.error)), harmless(&file.file))?;
            }
        }
        if e.other_shape > 0 {
            let text = self.t(
                "张照片宽高比与标准不同，按高度换算",
                "photos have another shape than the profile's; scaled by canvas height / photo height",
            );
            writeln!(self.out, "{} {text}", e.other_shape)?;
        }
        Ok(())
    }

    fn groups(&mut self, zh: &'static str, en: &'static str, groups: &[Group]) -> io::Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        self.head(zh, en)?;
        for group in groups {
            write!(
                self.out,
                "{} (n {}): {} {}, {} {}",
                harmless(&group.name),
                group.photos,
                self.t("误判不合格", "false fail"),
                rate(group.clean_with_fail, group.clean),
                self.t("误报警告", "false warning"),
                rate(group.clean_with_warn, group.clean)
            )?;
            for (severity, caught) in &group.severities {
                let rate = rate(caught.caught, caught.photos);
                write!(self.out, ", {} {} {rate}", self.t("查出", "caught"), harmless(severity))?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn decisions(&mut self, e: &Evaluation) -> io::Result<()> {
        let Some(d) = &e.decisions else { return Ok(()) };
        self.head("与人工审核比较", "Against reviewers' decisions")?;
        writeln!(self.out, "{}: {}", self.t("一致", "agreement"), rate(d.agree, d.photos))?;
        let words = ["accept", "review", "reject"];
        writeln!(self.out, "{:<18}{:>8}{:>8}{:>8}", "reviewer \\ program", words[0], words[1], words[2])?;
        for (word, row) in words.iter().zip(d.matrix) {
            writeln!(self.out, "{word:<18}{:>8}{:>8}{:>8}", row[0], row[1], row[2])?;
        }
        self.files(self.t("仅程序判不合格", "rejected by the program only"), &d.rejected_by_program_only)?;
        self.files(self.t("仅程序判合格", "accepted by the program only"), &d.accepted_by_program_only)
    }

    fn files(&mut self, what: &str, files: &[String]) -> io::Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = files.iter().map(|file| harmless(file)).collect();
        writeln!(self.out, "    {what} ({}): {}", files.len(), names.join(", "))
    }
}

fn columns(cells: &[String]) -> String {
    let mut line = String::new();
    for (place, cell) in cells.iter().enumerate() {
        match place {
            0 => line.push_str(&format!("{cell:<28}")),
            1 => line.push_str(&format!("{cell:<10}")),
            _ => line.push_str(&format!("{cell:>8}")),
        }
    }
    line
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

fn rate(part: usize, all: usize) -> String {
    match all {
        0 => "- (0/0)".to_owned(),
        _ => format!("{:.1} % ({part}/{all})", part as f64 / all as f64 * 100.0),
    }
}
