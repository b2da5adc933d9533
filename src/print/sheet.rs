//! Sheets: photos brought to the size of a print and laid on paper.

use image::{Rgb, RgbImage, imageops};

use super::layout::Layout;
use super::{DPI, Size};
use crate::normalize::{self, NormalizeError};
use crate::photo::resize::{FilterType, resized};
use crate::profile;
use crate::units::{Rect, Text};

/// IJG quality of sheets: far above what paper shows.
const QUALITY: u8 = 95;

const WHITE: Rgb<u8> = Rgb([255; 3]);

/// Marks to cut by: light enough not to be seen where a cut is off by a hair.
const MARK: Rgb<u8> = Rgb([150; 3]);

/// How far the sides of a photo, brought to the height of a print, may be off its width, in pixels: what rounding to whole
/// pixels explains.
const ROUNDING: f64 = 1.0;

/// Why nothing can be printed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrintError {
    /// The photo has another shape than the print.
    #[error(
        "{width}x{height} px has another shape than a print of {size}; photos are not stretched or cropped to fit: make one with `gradphoto normalize --profile {profile}`"
    )]
    Shape {
        /// Width of the photo in pixels.
        width: u32,
        /// Height of the photo in pixels.
        height: u32,
        /// The print.
        size: Size,
        /// A profile that makes photos of the print's shape.
        profile: String,
    },
    /// Not one print fits on the paper.
    #[error("a print of {size} does not fit on the paper with its margins; take larger paper or smaller margins")]
    TooLarge {
        /// The print.
        size: Size,
    },
    /// A sheet could not be coded.
    #[error(transparent)]
    Coding(#[from] NormalizeError),
}

impl PrintError {
    /// What happened and what to do, in both languages.
    pub fn text(&self) -> Text {
        let zh = match self {
            Self::Shape { width, height, size, profile } => format!(
                "照片{width}×{height}像素，宽高比与{size}的纸质照片不符；不拉伸也不裁剪，请先用 gradphoto normalize --profile {profile} 制作"
            ),
            Self::TooLarge { size } => format!("{size}的照片连同边距放不进相纸，请换大一号相纸或减小边距"),
            Self::Coding(error) => return error.text(),
        };
        Text::new(zh, self.to_string())
    }
}

/// A photo at the size of a print.
#[derive(Debug, Clone)]
pub struct Printable {
    rgb: RgbImage,
    /// Pixels of the print per pixel of the photo; above 1 the photo was enlarged.
    pub scale: f64,
}

impl Printable {
    /// Brings a photo to the size of a print by one uniform scale.
    ///
    /// # Errors
    /// [`PrintError::Shape`] when the photo has another shape.
    pub fn of(rgb: &RgbImage, size: Size) -> Result<Self, PrintError> {
        let (width, height) = size.pixels();
        let (w, h) = (f64::from(rgb.width()), f64::from(rgb.height()));
        let scale = f64::from(height) / h;
        let print = (rgb.width() > 0 && (w * scale - f64::from(width)).abs() <= ROUNDING).then(|| {
            if rgb.dimensions() == (width, height) {
                return Some(rgb.clone());
            }
            resized(rgb, Rect::from_edges(0.0, 0.0, w, h), (width, height), FilterType::CatmullRom)
        });
        match print.flatten() {
            Some(rgb) => Ok(Self { rgb, scale }),
            None => {
                Err(PrintError::Shape { width: rgb.width(), height: rgb.height(), size, profile: profile_for(size) })
            }
        }
    }
}

/// A built-in profile that makes photos of the print's shape, or what to write where there is none.
fn profile_for(size: Size) -> String {
    let fits = |id: &&str| profile::builtin(id).is_ok_and(|profile| Size::of_profile(&profile) == size);
    profile::builtin_ids().find(fits).unwrap_or("FILE").to_owned()
}

/// Fills sheets one after the other.
#[derive(Debug)]
pub struct Press {
    layout: Layout,
    sheet: Option<(RgbImage, usize)>,
}

impl Press {
    /// A press for sheets of this layout.
    pub fn new(layout: Layout) -> Self {
        Self { layout, sheet: None }
    }

    /// Prints that fit on a sheet.
    pub fn per_sheet(&self) -> usize {
        self.layout.cells.len()
    }

    /// Lays one print on the next free place, and gives back the sheet that is full with it, as JPEG.
    ///
    /// # Errors
    /// [`PrintError::Coding`].
    pub fn lay(&mut self, photo: &Printable) -> Result<Option<Vec<u8>>, PrintError> {
        let (mut sheet, used) = self.sheet.take().unwrap_or_else(|| (self.blank(), 0));
        if let Some(cell) = self.layout.cells.get(used) {
            imageops::replace(&mut sheet, &photo.rgb, i64::from(cell.x), i64::from(cell.y));
        }
        self.sheet = Some((sheet, used + 1));
        if used + 1 < self.per_sheet() { Ok(None) } else { self.finish() }
    }

    /// The sheet that is not full yet, as JPEG, when there is one.
    ///
    /// # Errors
    /// [`PrintError::Coding`].
    pub fn finish(&mut self) -> Result<Option<Vec<u8>>, PrintError> {
        let Some((sheet, _)) = self.sheet.take() else { return Ok(None) };
        Ok(Some(normalize::full_color(&sheet, QUALITY, DPI)?))
    }

    /// Paper with its marks.
    fn blank(&self) -> RgbImage {
        let mut sheet = RgbImage::from_pixel(self.layout.width, self.layout.height, WHITE);
        for mark in &self.layout.marks {
            for y in mark.y..mark.bottom() {
                for x in mark.x..mark.right() {
                    sheet.put_pixel(x, y, MARK);
                }
            }
        }
        sheet
    }
}
