//! How hard a file is compressed, by its own tables.

use crate::check::{Check, Fix, Measured, When, say};
use crate::facts::{Facts, Missing};
use crate::photo::Format;
use crate::profile::Rule;
use crate::units::Unit;

pub(super) const JPEG_QUALITY: Check = Check {
    id: "file.jpeg-quality",
    title_zh: "JPEG压缩品质",
    title_en: "JPEG quality",
    standard: "压缩品质系数不低于60",
    method: "The quality from 1 to 100 whose Annex K tables, scaled as the Independent JPEG Group's library does, lie \
             nearest to the file's by least squares of the relative difference. Tables that no quality gives are marked \
             and placed by quantiser energy.",
    blind: "A photo compressed harder before and saved again at a high quality; image.artifacts looks at the pixels.",
    unit: Unit::Quality,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "压缩品质 {value}", "the quality is {value}", "", ""),
        say(
            When::Low,
            "压缩品质为 {value}，低于 {min}",
            "the quality is {value}, below {min}",
            "从原始大图以更高品质重新导出；把这张照片再存一次不能找回细节",
            "export it again from the original at a higher quality; saving this file again brings no detail back",
        ),
        say(
            When::High,
            "压缩品质为 {value}，高于 {max}",
            "the quality is {value}, above {max}",
            "以较低品质重新导出",
            "export it again at a lower quality",
        ),
        say(
            When::Case("non-standard"),
            "压缩品质约 {value}（量化表非标准，偏差 {misfit}）",
            "the quality is about {value} (the tables are not the standard ones, off by {misfit})",
            "",
            "",
        ),
        say(
            When::Case("non-standard-low"),
            "压缩品质约 {value}，低于 {min}（量化表非标准，偏差 {misfit}）",
            "the quality is about {value}, below {min} (the tables are not the standard ones, off by {misfit})",
            "从原始大图以更高品质重新导出；把这张照片再存一次不能找回细节",
            "export it again from the original at a higher quality; saving this file again brings no detail back",
        ),
    ],
    measure: jpeg_quality,
};

fn jpeg_quality(facts: &Facts<'_>, rule: &Rule) -> Result<Measured, Missing> {
    let container = &facts.file.container;
    if container.format != Format::Jpeg {
        return Err(Missing::NotInFormat);
    }
    let estimate = container.jpeg.as_ref().and_then(|jpeg| jpeg.quality).ok_or(Missing::Unreadable)?;
    let misfit = Unit::Percent.format(100.0 * estimate.misfit) + Unit::Percent.symbol();
    let measured = Measured::number(estimate.quality).detail("misfit", misfit);
    let low = [rule.fail, rule.warn].iter().any(|band| band.min.is_some_and(|min| estimate.quality < min));
    Ok(match (estimate.standard, low) {
        (true, _) => measured,
        (false, true) => measured.case("non-standard-low"),
        (false, false) => measured.case("non-standard"),
    })
}
