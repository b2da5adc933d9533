//! Text for people: what is wrong with a photo, and what to do about it.
//!
//! Lines are wrapped at the width of the terminal by the line-breaking rules of Unicode, counting a Chinese character as
//! two columns. Text from outside is made [harmless] first.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{CheckResult, Findings, Report, Row, Summary, Verdict, harmless};
use crate::check::{Fix, Status};
use crate::units::{Lang, Text};

/// How to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Languages, each message in all of them; an empty list writes Chinese.
    pub langs: Vec<Lang>,
    /// Columns to wrap at; `None` never wraps (for pipes and files, where one message is one line).
    pub width: Option<usize>,
    /// Whether to write ANSI colours.
    pub color: bool,
    /// Whether marks are plain ASCII, for where a terminal's font cannot be counted on.
    pub ascii: bool,
    /// Whether checks that pass are listed too.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { langs: vec![Lang::Zh], width: None, color: false, ascii: true, verbose: false }
    }
}

/// Reasons a summary lists.
const MOST_FREQUENT: usize = 10;

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Writes one file's result: a header, then each check that does not pass with its message, hint and fix.
pub fn write_row(row: &Row, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { options, out };
    match (&row.report, &row.error) {
        (Some(report), error) => {
            page.report(&row.path, report)?;
            page.made(report, row.output.as_deref(), error.as_ref())
        }
        (None, error) => {
            let unknown = Text::new("没有结果", "no result");
            page.header(&row.path, RED, &Text::new("无法检查", "ERROR"), "")?;
            page.message(error.as_ref().unwrap_or(&unknown), "    ", "    ", Style::new())
        }
    }
}

/// Writes the counts of a run over several files.
pub fn write_summary(summary: &Summary, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { options, out };
    let Summary { files, accept, review, reject, errors, skipped, .. } = *summary;
    writeln!(page.out)?;
    page.message(
        &Text::new(
            format!("共 {files} 个文件：合格 {accept}，待人工审核 {review}，不合格 {reject}，无法检查 {errors}"),
            format!("{files} files: {accept} accepted, {review} to review, {reject} rejected, {errors} with errors"),
        ),
        "",
        "    ",
        BOLD,
    )?;
    if skipped > 0 {
        page.message(
            &Text::new(
                format!("另有 {skipped} 个隐藏文件或系统文件未检查"),
                format!("{skipped} hidden or system entries passed over"),
            ),
            "",
            "    ",
            DIM,
        )?;
    }
    let not_reached = summary.not_reached;
    if not_reached > 0 {
        page.message(
            &Text::new(
                format!("检查提前结束，还有 {not_reached} 个文件未检查"),
                format!("the run was ended early: {not_reached} files were not reached"),
            ),
            "",
            "    ",
            YELLOW,
        )?;
    }
    if summary.reasons.is_empty() {
        return Ok(());
    }
    page.message(&Text::new("最常见的原因：", "Most frequent reasons:"), "", "    ", Style::new())?;
    for reason in summary.reasons.iter().take(MOST_FREQUENT) {
        let counts = page.words(
            &Text::new(
                format!("不合格 {}，警告 {}，未判定 {}", reason.fail, reason.warn, reason.undetermined),
                format!("{} fail, {} warn, {} undetermined", reason.fail, reason.warn, reason.undetermined),
            ),
            " / ",
        );
        let title = page.words(&reason.title, " / ");
        page.paragraph(&format!("{title} ({}): {counts}", reason.id), "  ", "      ", Style::new())?;
    }
    let more = summary.reasons.len().saturating_sub(MOST_FREQUENT);
    if more > 0 {
        page.message(&Text::new(format!("另有 {more} 项"), format!("and {more} more checks")), "  ", "      ", DIM)?;
    }
    Ok(())
}

/// Writes the findings of a run over all its photos.
pub fn write_findings(findings: &Findings, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { options, out };
    writeln!(page.out)?;
    if let (Some(all), Some(with)) = (findings.candidates, findings.with_photo) {
        let text = Text::new(
            format!("名单共 {all} 人，{with} 人有照片"),
            format!("{all} candidates in the list, {with} with a photo"),
        );
        page.message(&text, "", "    ", BOLD)?;
    }
    if findings.list.is_empty() {
        return page.message(&Text::new("核对无问题", "nothing amiss among the photos"), "", "    ", GREEN);
    }
    for finding in &findings.list {
        let who: Vec<_> = [&finding.number, &finding.name].into_iter().flatten().map(String::as_str).collect();
        let kind = page.words(&finding.kind.text(), " / ");
        let text = page.words(&finding.text, " / ");
        let who = if who.is_empty() { String::new() } else { format!("  {}", who.join(" ")) };
        page.paragraph(&format!("{kind}: {text}{who}"), "", "    ", YELLOW)?;
        for path in &finding.paths {
            page.paragraph(path, "    ", "      ", Style::new())?;
        }
    }
    Ok(())
}

/// The word for a verdict.
pub fn verdict_text(verdict: Verdict) -> Text {
    match verdict {
        Verdict::Accept => Text::new("合格", "ACCEPT"),
        Verdict::Review => Text::new("待人工审核", "REVIEW"),
        Verdict::Reject => Text::new("不合格", "REJECT"),
    }
}

/// The words for a status.
pub fn status_text(status: Status) -> Text {
    match status {
        Status::Pass => Text::new("合格", "pass"),
        Status::Undetermined => Text::new("未能判定", "undetermined"),
        Status::Warn => Text::new("警告", "warn"),
        Status::Fail => Text::new("不合格", "fail"),
    }
}

/// The words for what mends a failing check.
pub fn fix_text(fix: Fix) -> Text {
    match fix {
        Fix::Auto => Text::new("可由软件自动处理", "software can mend this"),
        Fix::AutoIfAllowed => {
            Text::new("在标准允许时可由软件处理", "software can mend this where the standard allows it")
        }
        Fix::Retake => Text::new("需重新拍摄", "a new photo has to be taken"),
    }
}

/// Somewhere to write, and how.
struct Page<'a> {
    options: &'a Options,
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn report(&mut self, path: &str, report: &Report) -> io::Result<()> {
        let count = |status| report.checks.iter().filter(|check| check.status == status).count();
        let (fail, warn, open) = (count(Status::Fail), count(Status::Warn), count(Status::Undetermined));
        let mut counts = Vec::new();
        for (n, zh, en) in [(fail, "项不合格", "fail"), (warn, "项警告", "warn"), (open, "项未判定", "undetermined")]
        {
            if n > 0 {
                counts.push(Text::new(format!("{n} {zh}"), format!("{n} {en}")));
            }
        }
        if report.fixable {
            counts.push(Text::new("可自动修复", "fixable"));
        }
        let counts: Vec<_> = counts.iter().map(|text| self.words(text, " / ")).collect();
        let style = match report.verdict {
            Verdict::Accept => GREEN,
            Verdict::Review => YELLOW,
            Verdict::Reject => RED,
        };
        self.header(path, style, &verdict_text(report.verdict), &counts.join(", "))?;
        for status in [Status::Fail, Status::Warn, Status::Undetermined] {
            for check in report.checks.iter().filter(|check| check.status == status) {
                self.check(check)?;
            }
        }
        if self.options.verbose {
            for check in report.checks.iter().filter(|check| check.status == Status::Pass) {
                self.check(check)?;
            }
        } else {
            let passes = count(Status::Pass);
            let text = Text::new(format!("{passes} 项合格"), format!("{passes} checks pass"));
            let line = self.words(&text, " / ");
            self.paragraph(&line, "  ", "    ", DIM)?;
        }
        Ok(())
    }

    /// What a normalization did, and what came of it.
    fn made(&mut self, report: &Report, output: Option<&str>, error: Option<&Text>) -> io::Result<()> {
        for action in &report.actions {
            self.message(&action.text, "  * ", "    ", DIM)?;
        }
        if let Some(path) = output {
            let path = harmless(path);
            self.message(&Text::new(format!("已写入 {path}"), format!("written to {path}")), "  => ", "     ", BOLD)?;
        }
        match error {
            Some(error) => self.message(error, "  => ", "     ", BOLD),
            None => Ok(()),
        }
    }

    fn header(&mut self, path: &str, style: Style, verdict: &Text, counts: &str) -> io::Result<()> {
        let verdict = self.words(verdict, " / ");
        let (bold, style) = if self.options.color { (BOLD, style) } else { (Style::new(), Style::new()) };
        let gap = if counts.is_empty() { "" } else { "  " };
        writeln!(self.out, "{bold}{}{bold:#}  {style}{verdict}{style:#}{gap}{counts}", harmless(path))
    }

    fn check(&mut self, check: &CheckResult) -> io::Result<()> {
        let (mark, ascii, style) = match check.status {
            Status::Fail => ("✗", "x", RED),
            Status::Warn => ("!", "!", YELLOW),
            Status::Undetermined => ("?", "?", YELLOW),
            Status::Pass => ("✓", "+", GREEN),
        };
        let mark = if self.options.ascii { ascii } else { mark };
        let title = self.words(&check.title, " / ");
        self.paragraph(&format!("{mark} {title} ({})", check.id), "  ", "    ", style)?;
        self.message(&check.message, "    ", "    ", Style::new())?;
        if let Some(hint) = &check.hint {
            let arrow = if self.options.ascii { "    -> " } else { "    → " };
            self.message(hint, arrow, "       ", Style::new())?;
        }
        match check.fix {
            Some(fix) => self.message(&fix_text(fix), "    ", "    ", DIM),
            None => Ok(()),
        }
    }

    /// A message, a paragraph for each language.
    fn message(&mut self, text: &Text, first: &str, then: &str, style: Style) -> io::Result<()> {
        for lang in self.langs() {
            self.paragraph(text.get(lang), first, then, style)?;
        }
        Ok(())
    }

    fn paragraph(&mut self, text: &str, first: &str, then: &str, style: Style) -> io::Result<()> {
        let style = if self.options.color { style } else { Style::new() };
        let text = harmless(text);
        for line in wrap(&text, self.options.width, first, then) {
            // Indents stay outside of the style: an underlined or coloured margin looks broken.
            let body = line.trim_start_matches(' ');
            let indent = &line[..line.len() - body.len()];
            writeln!(self.out, "{indent}{style}{body}{style:#}")?;
        }
        Ok(())
    }

    /// Short words on one line, the languages side by side.
    fn words(&self, text: &Text, between: &str) -> String {
        self.langs().iter().map(|lang| text.get(*lang)).collect::<Vec<_>>().join(between)
    }

    fn langs(&self) -> Vec<Lang> {
        if self.options.langs.is_empty() { vec![Lang::Zh] } else { self.options.langs.clone() }
    }
}

/// Lines of at most `width` columns, with indents. A line is never narrower than a wide character needs.
pub(super) fn wrap(text: &str, width: Option<usize>, first: &str, then: &str) -> Vec<String> {
    let Some(width) = width else { return vec![format!("{first}{text}")] };
    let room = first.len().max(then.len()) + 8;
    let options = textwrap::Options::new(width.max(room)).initial_indent(first).subsequent_indent(then);
    textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn wrapped_lines_fit_whatever_the_script() {
        let text = "头顶距上边沿 131.5 px，要求 50 px 至 110 px，请在拍摄时将相机上移 or move the camera a little";
        for width in 12..60 {
            let lines = wrap(text, Some(width), "  ", "    ");
            assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:?}");
            let joined: String = lines.concat().chars().filter(|c| !c.is_whitespace()).collect();
            assert_eq!(joined, text.chars().filter(|c| !c.is_whitespace()).collect::<String>());
        }
    }

    #[test]
    fn punctuation_never_starts_a_line() {
        let text = "照片宽高比不符，裁剪后才能判断位置，请重新裁剪。";
        for width in 12..40 {
            let lines = wrap(text, Some(width), "", "");
            assert!(lines.iter().all(|line| !line.starts_with(['，', '。'])), "{width}: {lines:?}");
        }
    }

    #[test]
    fn without_a_width_a_message_is_one_line() {
        assert_eq!(wrap(&"很长".repeat(100), None, "  ", "").len(), 1);
    }
}
