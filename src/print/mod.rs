//! Prints: photos laid on sheets of photo paper at their exact size, for offices that ask for paper.
//!
//! A photo is laid as it is: never stretched, never cropped. One of another shape than the print is refused, and
//! [`normalize`](crate::normalize) makes one of the right shape.

pub mod layout;
pub mod pdf;
pub mod sheet;
pub mod size;

pub use layout::{Area, Layout, Spacing};
pub use sheet::{Press, PrintError, Printable};
pub use size::{Paper, Size, SizeError};

/// Pixels per inch of everything that is laid on a sheet.
pub const DPI: u16 = 300;

/// Millimetres per inch.
const INCH: f64 = 25.4;

/// Millimetres in whole pixels at [`DPI`].
pub fn pixels(millimetres: f64) -> u32 {
    // The cast of a float saturates.
    (millimetres * f64::from(DPI) / INCH).round() as u32
}
