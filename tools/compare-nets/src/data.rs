//! The photos and what is known about them.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use gradphoto::face::net::OnnxNet;
use gradphoto::units::Point;
use image::{ImageReader, RgbImage};

/// One net as gradphoto runs it. Its weights live as long as the program, as embedded ones do.
pub fn net(models: &Path, name: &'static str, side: usize) -> Result<OnnxNet> {
    Ok(OnnxNet::new(name, [1, side, side, 3], weights(models, name)?))
}

/// The bytes of an ONNX file.
pub fn weights(models: &Path, name: &str) -> Result<&'static [u8]> {
    let path = models.join(name).with_extension("onnx");
    Ok(fs::read(&path).with_context(|| path.display().to_string())?.leak())
}

/// A photo as 8-bit RGB. Its content names the format, not its name.
pub fn open(path: &Path) -> Result<RgbImage> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    Ok(reader.decode().with_context(|| path.display().to_string())?.into_rgb8())
}

/// A 480x640 photo with a matte as alpha, over the registry's light blue.
pub fn open_over_blue(path: &Path) -> Result<RgbImage> {
    let image = image::open(path).with_context(|| path.display().to_string())?.into_rgba8();
    Ok(RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, a] = image.get_pixel(x, y).0;
        let over = |c: u8, blue: u32| ((u32::from(c) * u32::from(a) + blue * (255 - u32::from(a)) + 127) / 255) as u8;
        image::Rgb([over(r, 100), over(g, 197), over(b, 255)])
    }))
}

/// Rows of a CSV file, by column name.
pub struct Table {
    headers: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    pub fn read(path: &Path) -> Result<Self> {
        let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
        Ok(Self { headers: reader.headers()?.clone(), rows: reader.records().collect::<Result<_, _>>()? })
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|row| Row { headers: &self.headers, row })
    }
}

/// One row.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    headers: &'a csv::StringRecord,
    row: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    pub fn text(&self, column: &str) -> Result<&'a str> {
        let at = self.headers.iter().position(|header| header == column);
        at.and_then(|at| self.row.get(at)).ok_or_else(|| anyhow!("no column {column}"))
    }

    pub fn number(&self, column: &str) -> Result<f64> {
        let text = self.text(column)?;
        text.parse().with_context(|| format!("{column}: {text}"))
    }

    pub fn point(&self, name: &str) -> Result<Point> {
        Ok(Point::new(self.number(&format!("{name}_x"))?, self.number(&format!("{name}_y"))?))
    }
}
