//! Why no signature could be cut out.

use crate::normalize::NormalizeError;
use crate::photo::{DecodeError, Incomplete};
use crate::units::Text;

/// Why there is no signature. Each has a stable [`code`](SignatureError::code) and says what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The file gives no pixels.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// A part of the picture is missing.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// There is no light sheet to be seen, or hardly any of it.
    #[error(
        "{dark_percent:.0} % of the picture is dark: sign in black or blue on white paper, and photograph the paper alone"
    )]
    NotPaper {
        /// Share of the picture that is dark, in percent.
        dark_percent: f64,
    },
    /// The paper is blank, as far as can be told.
    #[error("no ink was found: sign in black or blue, in good light, and photograph it from nearby")]
    NoInk,
    /// More than a signature.
    #[error(
        "there is more than a signature on the picture ({strokes} strokes in {rows} rows, {ink_percent:.1} % of the paper): \
         photograph the signature alone"
    )]
    TooMuch {
        /// Connected strokes that lie together.
        strokes: usize,
        /// Rows they stand in.
        rows: usize,
        /// Share of the paper that they cover, in percent.
        ink_percent: f64,
    },
    /// The edge of the picture, or of the paper, cuts through the signature.
    #[error("the signature is cut by the edge of the picture or of the paper: photograph it again with room around it")]
    CutOff,
    /// Too few pixels to be legible.
    #[error(
        "the signature is {width:.0}x{height:.0} pixels in the picture, at least {least:.0} are needed for the longer side: \
         photograph it from nearby"
    )]
    TooSmall {
        /// Width of the ink, in pixels of the picture.
        width: f64,
        /// Height of the ink, in pixels of the picture.
        height: f64,
        /// Length of the longer side that is needed, in pixels of the picture.
        least: f64,
    },
    /// No file of it is short enough.
    #[error(
        "the smallest legible file has {bytes} bytes, more than the {limit} allowed: allow more, or a smaller --size"
    )]
    Bytes {
        /// Length of that file.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A fault of ours.
    #[error("an internal fault ({0}); please report it")]
    Internal(String),
}

impl SignatureError {
    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Incomplete(_) => Incomplete::CODE,
            Self::NotPaper { .. } => "not-paper",
            Self::NoInk => "no-ink",
            Self::TooMuch { .. } => "too-much-ink",
            Self::CutOff => "cut-off",
            Self::TooSmall { .. } => "too-small",
            Self::Bytes { .. } => "bytes",
            Self::Internal(_) => "internal",
        }
    }

    /// What happened and what to do, in both languages.
    pub fn text(&self) -> Text {
        let zh = match self {
            Self::Unreadable(error) => return error.text(),
            Self::Incomplete(error) => return error.text(),
            Self::NotPaper { dark_percent } => {
                format!("画面有{dark_percent:.0}%过暗，请用黑色或蓝色笔在白纸上签名，只拍摄纸面")
            }
            Self::NoInk => "没有找到笔迹，请用黑色或蓝色笔签名，在光线充足处靠近拍摄".to_owned(),
            Self::TooMuch { strokes, rows, ink_percent } => {
                format!("画面中不只有签名（{strokes}个笔画，{rows}行，占纸面{ink_percent:.1}%），请只拍摄签名部分")
            }
            Self::CutOff => "签名被画面或纸张边沿截断，请在签名四周留出空白后重新拍摄".to_owned(),
            Self::TooSmall { width, height, least } => {
                format!("签名过小（{width:.0}×{height:.0}像素，较长一边至少{least:.0}像素），请靠近拍摄")
            }
            Self::Bytes { bytes, limit } => {
                format!("清晰可辨的最小文件有{bytes}字节，超过{limit}字节，请放宽大小限制或缩小尺寸（--size）")
            }
            Self::Internal(what) => format!("程序内部错误（{what}），请报告"),
        };
        Text::new(zh, self.to_string())
    }
}

impl From<NormalizeError> for SignatureError {
    /// What the shared steps report: reading the file, and coding it.
    fn from(error: NormalizeError) -> Self {
        match error {
            NormalizeError::Unreadable(error) => Self::Unreadable(error),
            NormalizeError::Incomplete(error) => Self::Incomplete(error),
            NormalizeError::Bytes { bytes, limit, .. } => Self::Bytes { bytes, limit },
            other => Self::Internal(other.to_string()),
        }
    }
}
