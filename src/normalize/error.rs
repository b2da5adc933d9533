//! Why no compliant photo can be made.

use std::fmt::Write as _;

use crate::check;
use crate::face::net::NetError;
use crate::facts::Missing;
use crate::photo::{DecodeError, Incomplete};
use crate::profile::Operation;
use crate::units::{Text, Unit};

/// Why no photo could be made. Each has a stable [`code`](NormalizeError::code) and says what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NormalizeError {
    /// The file gives no pixels.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// A part of the picture is missing.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// No face was found.
    #[error("no face was found; face the camera with the whole face visible, and take the photo again")]
    NoFace,
    /// A position the profile judges could not be measured, so that no crop can be planned for it.
    #[error("{check} could not be measured ({}); take the photo again before a plain background", .missing.text().en)]
    NotMeasured {
        /// The check.
        check: &'static str,
        /// Why.
        missing: Missing,
    },
    /// The head reaches the photo's upper edge: what is cut off cannot be added.
    #[error("the head is cut off by the upper edge of the photo; take it again with room above the hair")]
    HeadCutOff,
    /// No crop keeps all limits.
    #[error("no crop keeps all limits: {}; take the photo again", listed(.shortfalls))]
    Conflict {
        /// The limits that exclude each other.
        shortfalls: Vec<Shortfall>,
    },
    /// The profile forbids what the caller asks for.
    #[error("profile {profile} forbids {}", .what.name().en)]
    Forbidden {
        /// What was asked for.
        what: Operation,
        /// The profile.
        profile: String,
    },
    /// The profile does not accept this background colour.
    #[error("profile {profile} accepts no background `{name}`; it accepts {}", if .known.is_empty() { "any".to_owned() } else { .known.join(", ") })]
    UnknownColor {
        /// What was asked for.
        name: String,
        /// What is accepted.
        known: Vec<String>,
        /// The profile.
        profile: String,
    },
    /// The person could not be cut out of the background well enough.
    #[error("the background cannot be replaced well: {}; take the photo again before a plain background that differs from hair and clothes", .0.text().en)]
    Cutout(Flaw),
    /// The picture does not fit the band of bytes at any allowed quality.
    #[error("at quality {quality} the file has {bytes} bytes, {}", if .bytes < .limit { format!("fewer than the {limit} required: the photo has too little detail; take a sharper one") } else { format!("more than the {limit} allowed: the photo has too much noise or pattern; take it in better light before a plain background") })]
    Bytes {
        /// The last quality that is allowed.
        quality: u8,
        /// Length of the file at that quality.
        bytes: u64,
        /// The end of the band that is missed.
        limit: u64,
    },
    /// Within the limit of bytes the text of the document cannot be read any more.
    #[error(
        "within the limit on bytes the text would not stay legible (characters {steps:.1} steps high, at least {least}): crop what lies around the document, or photograph it in even light so that less noise has to be kept"
    )]
    Illegible {
        /// Height of a character in widths of its edges.
        steps: f64,
        /// What is needed.
        least: f64,
    },
    /// A PDF, which is never changed.
    #[error("a PDF is not changed: use it as it is where it meets the profile, else export it again")]
    Pdf,
    /// A fault of ours.
    #[error("an internal fault ({0}); please report it")]
    Internal(String),
}

/// A limit that fails when all others hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Shortfall {
    /// A check's id, or an edge of the photo (`edge.bottom`).
    pub what: &'static str,
    /// By how much it is missed at best, in pixels of the profile's canvas.
    pub pixels: f64,
}

/// What is wrong with a cut-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// There is no background to be told from the person.
    NoBackground,
    /// Clothes or hair have the background's colour.
    Ambiguous,
    /// The outline is soft over long stretches.
    Unclear,
    /// The new background does not pass its own check.
    Leftover(&'static str),
}

impl Flaw {
    /// The flaw in words.
    pub fn text(self) -> Text {
        match self {
            Self::NoBackground => Text::new("无法区分人像与背景", "the person cannot be told from the background"),
            Self::Ambiguous => {
                Text::new("衣着或头发与背景颜色相近", "clothes or hair have nearly the background's colour")
            }
            Self::Unclear => Text::new("人像轮廓不清晰", "the person's outline is not clear"),
            Self::Leftover(check) => {
                let title = title(check);
                Text::new(
                    format!("更换后“{}”一项仍不合格", title.zh),
                    format!("afterwards {} ({check}) still does not pass", title.en.to_lowercase()),
                )
            }
        }
    }
}

impl NormalizeError {
    /// Whether the same photo with more pixels could be made into a result all the same: one whose outline or bytes are at
    /// fault. Where the head lies is measured in a copy no larger than any reduced photo, and planned in pixels of the file.
    pub(crate) fn may_be_for_want_of_pixels(&self) -> bool {
        matches!(self, Self::Cutout(_) | Self::Bytes { .. } | Self::Internal(_))
    }

    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Incomplete(_) => Incomplete::CODE,
            Self::NoFace => "no-face",
            Self::NotMeasured { .. } => "not-measured",
            Self::HeadCutOff => "head-cut-off",
            Self::Conflict { .. } => "no-feasible-crop",
            Self::Forbidden { .. } => "forbidden",
            Self::UnknownColor { .. } => "unknown-background",
            Self::Cutout(_) => "cut-out",
            Self::Bytes { .. } => "bytes",
            Self::Illegible { .. } => "illegible",
            Self::Pdf => "pdf",
            Self::Internal(_) => "internal",
        }
    }

    /// What happened and what to do, in both languages.
    pub fn text(&self) -> Text {
        let zh = match self {
            Self::Unreadable(error) => return error.text(),
            Self::Incomplete(error) => return error.text(),
            Self::NoFace => "没有检测到人脸，请正对镜头、露出完整面部后重新拍摄".to_owned(),
            Self::NotMeasured { check, missing } => {
                format!("无法测量“{}”（{}），请在纯色背景前重新拍摄", title(check).zh, missing.text().zh)
            }
            Self::HeadCutOff => "头顶被照片上边沿截断，请在头顶上方留出空间后重新拍摄".to_owned(),
            Self::Conflict { shortfalls } => {
                let parts: Vec<String> = shortfalls
                    .iter()
                    .map(|one| format!("{}差{}像素", title(one.what).zh, Unit::Px.format(one.pixels)))
                    .collect();
                format!("无论如何裁剪都不能同时满足要求（其余各项满足时：{}），请重新拍摄", parts.join("，或"))
            }
            Self::Forbidden { what, profile } => format!("标准“{profile}”不允许{}", what.name().zh),
            Self::UnknownColor { name, known, profile } => {
                format!("标准“{profile}”不接受背景“{name}”，可用：{}", known.join("、"))
            }
            Self::Cutout(flaw) => {
                format!("无法可靠地更换背景：{}，请在与头发、衣着区分明显的纯色背景前重新拍摄", flaw.text().zh)
            }
            Self::Bytes { quality, bytes, limit } if bytes < limit => {
                format!("照片细节过少：品质{quality}时仅{bytes}字节，低于要求的{limit}字节，请重新拍摄更清晰的照片")
            }
            Self::Bytes { quality, bytes, limit } => format!(
                "照片噪点或花纹过多：品质{quality}时仍有{bytes}字节，超过{limit}字节，请在光线充足的纯色背景前重新拍摄"
            ),
            Self::Illegible { steps, least } => format!(
                "压缩到字节数上限以内后文字将难以辨认（字高为笔画边缘宽度的{steps:.1}倍，至少{least}倍），请裁去证件以外的部分，或在均匀光线下重新拍摄"
            ),
            Self::Pdf => "PDF文件不作修改：符合要求的可直接使用，否则请重新导出".to_owned(),
            Self::Internal(what) => format!("程序内部错误（{what}），请报告"),
        };
        Text::new(zh, self.to_string())
    }
}

impl From<NetError> for NormalizeError {
    fn from(error: NetError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// The name of a check, or of an edge of the photo.
fn title(what: &str) -> Text {
    let of_check = check::all().find(|check| check.id == what).map(check::Check::title);
    of_check.unwrap_or_else(|| match what {
        "edge.left" => Text::new("照片左边沿", "left edge of the photo"),
        "edge.top" => Text::new("照片上边沿", "upper edge of the photo"),
        "edge.right" => Text::new("照片右边沿", "right edge of the photo"),
        "edge.bottom" => Text::new("照片下边沿", "lower edge of the photo"),
        other => Text::new(other, other),
    })
}

fn listed(shortfalls: &[Shortfall]) -> String {
    let mut out = String::new();
    for (i, one) in shortfalls.iter().enumerate() {
        let joint = if i == 0 { "with all else kept, " } else { ", or " };
        // Writing to a string does not fail.
        let _ =
            write!(out, "{joint}{} misses by {} px", title(one.what).en.to_lowercase(), Unit::Px.format(one.pixels));
    }
    out
}
