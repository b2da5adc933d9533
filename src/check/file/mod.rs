//! The `file.*` checks: what a portal's first gate looks at, read from the file's own markers.

mod origin;
mod quality;
#[cfg(test)]
mod tests;

use super::{Check, Fix, Measured, Status, When, say};
use crate::facts::{Facts, Missing};
use crate::photo::pdf::{PdfFacts, PdfState};
use crate::photo::{Container, Format, Integrity};
use crate::profile::{Band, Rule};
use crate::units::Unit;

/// The family, in report order.
pub static CHECKS: &[Check] = &[
    FORMAT,
    EXTENSION,
    INTEGRITY,
    BYTES,
    DIMENSIONS,
    DENSITY,
    COLOR_DEPTH,
    quality::JPEG_QUALITY,
    origin::CAPTURED,
    origin::EDITED,
];

/// Bytes behind the end of an image that are no reason to doubt the file: some programs pad.
const TRAILING_SLACK: u64 = 64;

const FORMAT: Check = Check {
    id: "file.format",
    title_zh: "文件格式",
    title_en: "File format",
    standard: "符合JPEG标准",
    method: "The format by the content's signature, never by the name. A JPEG has to be coded in the way every program \
             reads (Huffman, baseline, extended or progressive); the file has to hold one image, and at most 64 bytes \
             behind its end.",
    blind: "A file that is made to be two formats at once is seen only by its trailing data.",
    unit: Unit::Word,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "文件格式为 {value}", "the file is {value}", "", ""),
        say(
            When::Case("pdf"),
            "文件格式为 pdf（版本 {version}，{pages} 页）",
            "the file is a pdf (version {version}, {pages_en})",
            "",
            "",
        ),
        say(
            When::High,
            "照片文件不规范：内容是 {value}，要求 {allowed}",
            "the content is {value}; {allowed} is wanted",
            "用看图软件打开后另存为 {allowed} 格式；只改扩展名无效",
            "open it in an image program and save it as {allowed}; renaming the file does not help",
        ),
        say(
            When::Case("unknown"),
            "照片文件不规范：内容不是照片",
            "the content is no image",
            "请选择照片文件上传",
            "choose a photo",
        ),
        say(
            When::Case("trailing"),
            "照片文件不规范：图像结束后还有 {trailing} 字节多余数据",
            "{trailing} bytes follow the end of the image",
            "用看图软件打开后重新另存一次",
            "open it in an image program and save it again",
        ),
        say(
            When::Case("several"),
            "照片文件不规范：文件内有 {images} 幅图像",
            "the file holds {images} images",
            "只保留一幅照片，另存为单幅图像",
            "keep one photo and save it alone",
        ),
        say(
            When::Case("rare-coding"),
            "照片文件不规范：JPEG编码方式（{coding}）多数软件无法读取",
            "the JPEG is coded in a way ({coding}) that most programs do not read",
            "用看图软件打开后另存为普通JPEG格式",
            "save it as a plain JPEG",
        ),
    ],
    measure: format,
};

fn format(facts: &Facts<'_>, rule: &Rule) -> Result<Measured, Missing> {
    let container = &facts.file.container;
    let measured = Measured::word(container.format.name());
    if container.format == Format::Unknown {
        return Ok(measured.case("unknown"));
    }
    if !rule.allowed.is_empty() && !rule.allowed.iter().any(|allowed| allowed == container.format.name()) {
        return Ok(measured);
    }
    if let Some(PdfFacts { version: Some((major, minor)), pages: Some(pages), .. }) = container.pdf {
        let pages_en = if pages == 1 { "1 page".to_owned() } else { format!("{pages} pages") };
        let measured = measured.case("pdf").detail("version", format!("{major}.{minor}"));
        return Ok(measured.detail("pages", pages).detail("pages_en", pages_en));
    }
    Ok(match &container.jpeg {
        Some(jpeg) if !jpeg.is_common() => {
            measured.case("rare-coding").detail("coding", format!("SOF{}", jpeg.sof & 0x0F)).status(Status::Fail)
        }
        _ if container.images > 1 => measured.case("several").detail("images", container.images).status(Status::Fail),
        _ if container.trailing_bytes > TRAILING_SLACK => {
            measured.case("trailing").detail("trailing", container.trailing_bytes).status(Status::Fail)
        }
        _ => measured,
    })
}

const EXTENSION: Check = Check {
    id: "file.extension",
    title_zh: "文件扩展名",
    title_en: "File name extension",
    standard: "扩展名应为JPG",
    method: "What follows the last dot of the name, in lower case, against the profile's list.",
    blind: "Says nothing of the content; file.format does.",
    unit: Unit::Word,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "扩展名为 {value}", "the extension is {value}", "", ""),
        say(
            When::High,
            "扩展名为 {value}，要求 {allowed}",
            "the extension is {value}; {allowed} is wanted",
            "内容确为JPEG时改扩展名即可，否则请另存为JPEG格式",
            "rename the file when its content is JPEG, else save it as JPEG",
        ),
        say(
            When::Case("none"),
            "文件名没有扩展名，要求 {allowed}",
            "the name has no extension; {allowed} is wanted",
            "在文件名后加上扩展名",
            "add the extension to the name",
        ),
    ],
    measure: extension,
};

fn extension(facts: &Facts<'_>, _rule: &Rule) -> Result<Measured, Missing> {
    let name = facts.file.name.as_deref().ok_or(Missing::NoName)?;
    Ok(match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && !extension.is_empty() => {
            Measured::word(format!(".{}", extension.to_lowercase()))
        }
        _ => Measured::word("").case("none"),
    })
}

const INTEGRITY: Check = Check {
    id: "file.integrity",
    title_zh: "文件完整性",
    title_en: "File integrity",
    standard: "",
    method: "JPEG: every Huffman symbol is walked (T.81 annex F and G), so that data that end early, do not decode, or \
             do not end with the last block are seen; the missing share is that of the blocks, in progressive files \
             that of the coefficients' bits. PNG, WebP, BMP, TIFF: chunk and strip ends and checksums; the missing \
             share is that of the rows. PDF: the end marker and a page tree that can be walked, neither locked nor larger than \
             what is unpacked.",
    blind: "Data exchanged for other well-formed data. A change inside a JPEG that happens to end on the last block.",
    unit: Unit::Word,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        say(When::Ok, "文件完整", "the file is whole", "", ""),
        say(
            When::Case("truncated"),
            "文件不完整：缺少 {missing} 的画面",
            "the file is cut off: {missing} of the picture is missing",
            "从原件重新复制或上传；原件也不完整时请重新拍摄",
            "copy or upload it again from the original; take a new photo when that is cut too",
        ),
        say(
            When::Case("end-missing"),
            "文件不完整：画面齐全，但缺少结束标记",
            "the picture is there but the file's end marker is missing",
            "从原件重新复制或上传",
            "copy or upload it again from the original",
        ),
        say(
            When::Case("damaged"),
            "文件已损坏：图像数据有错误",
            "the file is damaged: its image data contain errors",
            "从原件重新复制或上传；原件也损坏时请重新拍摄",
            "copy or upload it again from the original; take a new photo when that is damaged too",
        ),
        say(
            When::Case("undecodable"),
            "照片无法解码",
            "the photo cannot be decoded",
            "请上传能用看图软件打开的JPEG照片",
            "upload a JPEG that opens in an image program",
        ),
        say(
            When::Case("too-large"),
            "图片过大，超出可读取的上限",
            "the photo is larger than what is read",
            "缩小尺寸后重新上传",
            "scale it down and upload it again",
        ),
        say(
            When::Case("pdf-cut"),
            "文件不完整：PDF缺少结尾",
            "the file is cut off: the end of the PDF is missing",
            "从原件重新复制或上传",
            "copy or upload it again from the original",
        ),
        say(
            When::Case("pdf-damaged"),
            "文件已损坏：PDF中没有可读的页面",
            "the file is damaged: no pages can be read in the PDF",
            "请重新导出PDF后上传",
            "export the PDF again and upload it",
        ),
        say(
            When::Case("pdf-encrypted"),
            "PDF已加密或设有权限密码，无法读取",
            "the PDF is locked with a password or permissions",
            "请取消密码后重新导出并上传",
            "export it again without a password and upload it",
        ),
        say(
            When::Case("pdf-bomb"),
            "PDF解压后超出可读取的上限",
            "the PDF unpacks to more than is read",
            "请重新导出PDF后上传",
            "export the PDF again and upload it",
        ),
        say(When::Case("empty"), "文件为空", "the file is empty", "请重新上传", "upload it again"),
    ],
    measure: integrity,
};

fn integrity(facts: &Facts<'_>, _rule: &Rule) -> Result<Measured, Missing> {
    let named = |word: &'static str| Measured::word(word).case(word);
    if let Some(pdf) = &facts.file.container.pdf {
        return Ok(match pdf.state {
            PdfState::Whole => Measured::word("whole"),
            PdfState::Cut => named("pdf-cut"),
            PdfState::Damaged => named("pdf-damaged"),
            PdfState::Encrypted => named("pdf-encrypted"),
            PdfState::Bomb => named("pdf-bomb"),
        });
    }
    Ok(match facts.file.integrity {
        Integrity::Whole => Measured::word("whole"),
        Integrity::Truncated { missing } if missing <= 0.0 => Measured::word("truncated").case("end-missing"),
        Integrity::Truncated { missing } => {
            // A share that rounds to nothing is still missing.
            let percent = (missing * 100.0).max(0.1);
            named("truncated").detail("missing", Unit::Percent.format(percent) + Unit::Percent.symbol())
        }
        Integrity::Damaged => named("damaged"),
        Integrity::Undecodable => named("undecodable"),
        Integrity::TooLarge => named("too-large"),
        Integrity::Empty => named("empty"),
    })
}

const BYTES: Check = Check {
    id: "file.bytes",
    title_zh: "文件大小",
    title_en: "File size",
    standard: "20KB至40KB",
    method: "The length of the file; 1 KB is 1024 bytes.",
    blind: "",
    unit: Unit::Kib,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "文件大小 {value}（1 KB = 1024 字节）", "the file has {value} (1 KB = 1024 bytes)", "", ""),
        say(
            When::Low,
            "图片过小：{value}，至少 {min}（1 KB = 1024 字节）",
            "the file has {value}, at least {min} is wanted (1 KB = 1024 bytes)",
            "从原始大图重新导出，提高压缩品质",
            "export it again from the original at a higher quality",
        ),
        say(
            When::High,
            "图片过大：{value}，至多 {max}（1 KB = 1024 字节）",
            "the file has {value}, at most {max} is allowed (1 KB = 1024 bytes)",
            "按要求的像素尺寸导出，适当降低压缩品质",
            "export it at the size in pixels that is asked for, with a lower quality",
        ),
    ],
    measure: |facts, _| Ok(Measured::number(facts.file.bytes as f64 / 1024.0)),
};

const DIMENSIONS: Check = Check {
    id: "file.dimensions",
    title_zh: "像素尺寸",
    title_en: "Size in pixels",
    standard: "宽480*高640",
    method: "Width and height of the header, after the EXIF orientation.",
    blind: "Says nothing of detail: an enlarged photo has its pixels too; image.sharpness looks for that.",
    unit: Unit::Word,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "像素尺寸 {value}", "the photo has {value} pixels", "", ""),
        say(
            When::High,
            "像素尺寸为 {value}，要求{wanted_zh}",
            "the photo has {value} pixels; {wanted_en} is wanted",
            "裁剪并缩放到要求的尺寸，不要拉伸变形",
            "crop and scale it to the size asked for, without stretching",
        ),
        say(
            When::Case("small"),
            "图片过小：{value} 像素，要求{wanted_zh}",
            "the photo has {value} pixels, too few; {wanted_en} is wanted",
            "从原始大图重新裁剪，不要放大小图",
            "crop it again from the original; do not enlarge a small photo",
        ),
        say(
            When::Case("large"),
            "图片过大：{value} 像素，要求{wanted_zh}",
            "the photo has {value} pixels, too many; {wanted_en} is wanted",
            "裁剪并缩放到要求的尺寸，不要拉伸变形",
            "crop and scale it to the size asked for, without stretching",
        ),
        say(
            When::Case("ratio"),
            "照片宽高比不符：{value} 像素，要求{wanted_zh}",
            "the photo's {value} pixels have the wrong aspect ratio; {wanted_en} is wanted",
            "按要求的比例裁剪，不要拉伸变形",
            "crop it to the ratio asked for, without stretching",
        ),
    ],
    measure: dimensions,
};

fn dimensions(facts: &Facts<'_>, rule: &Rule) -> Result<Measured, Missing> {
    let (width, height) = facts.file.container.upright_size().ok_or(Missing::Unreadable)?;
    let (w, h) = (f64::from(width), f64::from(height));
    let below = |band: Band, value: f64| band.min.is_some_and(|min| value < min);
    let above = |band: Band, value: f64| band.max.is_some_and(|max| value > max);
    let small = below(rule.width, w) || below(rule.height, h);
    let large = above(rule.width, w) || above(rule.height, h);
    let case = match (small, large) {
        (true, true) => Some("ratio"),
        (true, false) => Some("small"),
        (false, true) => Some("large"),
        (false, false) => (!rule.ratio.contains(w / h)).then_some("ratio"),
    };
    let (zh, en) = wanted(rule);
    let measured = Measured::word(format!("{width}x{height}")).detail("wanted_zh", zh).detail("wanted_en", en);
    Ok(match case {
        Some(case) => measured.case(case).status(Status::Fail),
        None => measured.status(Status::Pass),
    })
}

/// The size a rule asks for, in Chinese and English.
fn wanted(rule: &Rule) -> (String, String) {
    let exact = |band: Band| band.min.filter(|_| band.min == band.max);
    if let (Some(width), Some(height)) = (exact(rule.width), exact(rule.height)) {
        return (format!(" {width}x{height}"), format!("{width}x{height}"));
    }
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for (band, name_zh, name_en) in
        [(rule.width, "宽", "width"), (rule.height, "高", "height"), (rule.ratio, "宽高比", "width over height")]
    {
        let number = |value: f64| Unit::Ratio.format(value);
        let (range_zh, range_en) = match (band.min, band.max) {
            (None, None) => continue,
            (Some(min), Some(max)) if min == max => (number(min), number(min)),
            (Some(min), Some(max)) => {
                (format!("{} 至 {}", number(min), number(max)), format!("{} to {}", number(min), number(max)))
            }
            (Some(min), None) => (format!("至少 {}", number(min)), format!("at least {}", number(min))),
            (None, Some(max)) => (format!("至多 {}", number(max)), format!("at most {}", number(max))),
        };
        zh.push(format!("{name_zh} {range_zh}"));
        en.push(format!("{name_en} {range_en}"));
    }
    (zh.join("，"), en.join(", "))
}

const DENSITY: Check = Check {
    id: "file.density",
    title_zh: "分辨率",
    title_en: "Density",
    standard: "300dpi",
    method: "JFIF density in dots per inch, or per centimetre times 2.54; else EXIF XResolution, YResolution and \
             ResolutionUnit; PNG, BMP and TIFF by their headers. Both axes have to hold. A file that states no density \
             has none; 72 is not assumed.",
    blind: "The number is a label: it says nothing of detail.",
    unit: Unit::Dpi,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "分辨率 {value}", "the density is {value}", "", ""),
        say(
            When::Low,
            "分辨率为 {value}，低于 {min}",
            "the density is {value}, below {min}",
            "导出时把分辨率设为要求的值；像素尺寸不变",
            "set the density when exporting; the size in pixels stays",
        ),
        say(
            When::High,
            "分辨率为 {value}，高于 {max}",
            "the density is {value}, above {max}",
            "导出时把分辨率设为要求的值；像素尺寸不变",
            "set the density when exporting; the size in pixels stays",
        ),
        say(
            When::Case("missing"),
            "文件没有写明分辨率",
            "the file states no density",
            "导出时把分辨率设为要求的值；像素尺寸不变",
            "set the density when exporting; the size in pixels stays",
        ),
    ],
    measure: density,
};

fn density(facts: &Facts<'_>, _rule: &Rule) -> Result<Measured, Missing> {
    Ok(match facts.file.container.density {
        Some(density) => Measured::number(density.x).and([density.y]),
        None if facts.file.container.format.is_decoded() => Measured::word("none").case("missing").status(Status::Fail),
        None => return Err(Missing::Unreadable),
    })
}

const COLOR_DEPTH: Check = Check {
    id: "file.color-depth",
    title_zh: "颜色位数",
    title_en: "Colour depth",
    standard: "24位真彩色",
    method: "Bits a sample and number of components of the frame header; CMYK and YCCK are told apart by Adobe's APP14 \
             marker. The word is the colour model and its bits a pixel.",
    blind: "A gray photo stored in three components; image.monochrome looks at the pixels.",
    unit: Unit::Word,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        say(When::Ok, "颜色为 {value}", "the colours are {value}", "", ""),
        say(
            When::High,
            "颜色为 {value}，要求 {allowed}（24位真彩色）",
            "the colours are {value}; {allowed} (24 bit true colour) is wanted",
            "另存为24位RGB真彩色JPEG",
            "save it as a 24 bit RGB JPEG",
        ),
        say(
            When::Case("gray"),
            "照片是黑白（{value}），要求24位真彩色",
            "the photo is gray ({value}); 24 bit true colour is wanted",
            "请用彩色原图，没有时重新拍摄；黑白照片无法变回彩色",
            "use the colour original or take a new photo; a gray photo cannot be made colour again",
        ),
        say(
            When::Case("inks"),
            "照片是印刷用的 {value}，要求24位真彩色",
            "the photo is {value}, made for print; 24 bit true colour is wanted",
            "转换为sRGB后另存为JPEG",
            "convert it to sRGB and save it as JPEG",
        ),
    ],
    measure: color_depth,
};

fn color_depth(facts: &Facts<'_>, rule: &Rule) -> Result<Measured, Missing> {
    let word = color_word(&facts.file.container).ok_or(Missing::Unreadable)?;
    let case = match facts.file.container.channels {
        _ if rule.allowed.contains(&word) => None,
        Some(1 | 2) => Some("gray"),
        Some(4) if !facts.file.container.has_alpha => Some("inks"),
        _ => None,
    };
    let measured = Measured::word(word);
    Ok(match case {
        Some(case) => measured.case(case),
        None => measured,
    })
}

/// The colour model with its bits a pixel: `rgb24`, `gray8`, `cmyk32`, `ycck32`, `rgb48`, `palette`, `rgba32`.
fn color_word(container: &Container) -> Option<String> {
    if container.palette {
        return Some("palette".to_owned());
    }
    let channels = container.channels?;
    let bits = u32::from(container.bit_depth?) * u32::from(channels);
    let ycck = container.jpeg.as_ref().is_some_and(|jpeg| jpeg.adobe_transform == Some(2));
    let model = match channels {
        1 => "gray",
        2 => "graya",
        3 => "rgb",
        4 if container.has_alpha => "rgba",
        4 if ycck => "ycck",
        4 => "cmyk",
        _ => "other",
    };
    Some(format!("{model}{bits}"))
}
