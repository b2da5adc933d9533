//! Makes a large folder of photos out of a few: shifted, brightened, saved anew, and one in a hundred broken in some way.
//! The same arguments make the same folder.
//!
//! ```sh
//! cargo run --release --example make_folder -- OUT --from ../shared/photos/cases --count 20000
//! ```

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use gradphoto::limits::Limits;
use gradphoto::photo;
use image::{Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder, PixelDensity};

/// Photos in a folder below OUT.
const PER_FOLDER: u64 = 1000;

#[derive(Debug, Parser)]
struct Args {
    /// Folder to make; it must not be there yet
    out: PathBuf,
    /// Folder of the photos to vary
    #[arg(long, value_name = "DIR", default_value = "sample-photos")]
    from: PathBuf,
    /// Files to make
    #[arg(long, value_name = "N", default_value_t = 2000)]
    count: u64,
    /// Broken files among a hundred
    #[arg(long, value_name = "PERCENT", default_value_t = 1)]
    broken: u64,
    /// Begins the sequence of chances
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let photos = photos(&args.from)?;
    if photos.is_empty() {
        return Err(format!("no photos in {}", args.from.display()).into());
    }
    fs::create_dir(&args.out)?;
    let mut chance = Chance(args.seed);
    let mut broken = 0;
    for number in 0..args.count {
        let folder = args.out.join(format!("class-{:03}", number / PER_FOLDER + 1));
        if number % PER_FOLDER == 0 {
            fs::create_dir(&folder)?;
        }
        let photo = &photos[chance.below(photos.len() as u64) as usize];
        let mut bytes = save(&vary(photo, &mut chance), &mut chance)?;
        // Every so many, not by chance: a small folder has its share too.
        if args.broken > 0 && number % (100 / args.broken.min(100)) == 0 {
            bytes = spoil(bytes, &mut chance);
            broken += 1;
        }
        fs::write(folder.join(format!("{number:06}.jpg")), bytes)?;
    }
    println!("{} files in {}, {broken} of them broken", args.count, args.out.display());
    Ok(())
}

/// All photos of a folder that can be decoded, by name.
fn photos(folder: &Path) -> Result<Vec<RgbImage>, Box<dyn Error>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    let mut photos = Vec::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        if let (_, Ok(photo)) = photo::decode(&fs::read(path)?, None, &Limits::default()) {
            photos.push(photo.into_rgb());
        }
    }
    Ok(photos)
}

/// The photo moved by a few pixels, its edges drawn out, and a little lighter or darker.
fn vary(photo: &RgbImage, chance: &mut Chance) -> RgbImage {
    let (width, height) = photo.dimensions();
    let (dx, dy) = (chance.below(13) as i64 - 6, chance.below(13) as i64 - 6);
    let gain = 0.97 + chance.below(61) as f64 / 1000.0;
    RgbImage::from_fn(width, height, |x, y| {
        let x = (i64::from(x) + dx).clamp(0, i64::from(width) - 1) as u32;
        let y = (i64::from(y) + dy).clamp(0, i64::from(height) - 1) as u32;
        Rgb(photo.get_pixel(x, y).0.map(|value| (f64::from(value) * gain).round().min(255.0) as u8))
    })
}

fn save(photo: &RgbImage, chance: &mut Chance) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 75 + chance.below(20) as u8);
    encoder.set_density(PixelDensity::dpi(300));
    let (width, height) = photo.dimensions();
    encoder.encode(photo.as_raw(), u16::try_from(width)?, u16::try_from(height)?, ColorType::Rgb)?;
    Ok(bytes)
}

/// The file as transfers, disks and people break files.
fn spoil(mut bytes: Vec<u8>, chance: &mut Chance) -> Vec<u8> {
    let length = bytes.len() as u64;
    match chance.below(6) {
        0 => Vec::new(),
        1 => {
            bytes.truncate(1 + chance.below(length) as usize);
            bytes
        }
        2 => {
            let at = chance.below(length) as usize;
            let end = (at + 512).min(bytes.len());
            bytes[at..end].fill(0);
            bytes
        }
        3 => "这不是照片".as_bytes().to_vec(),
        4 => (0..length).map(|_| chance.below(256) as u8).collect(),
        _ => [b"\x89PNG\r\n\x1a\n".as_slice(), &bytes].concat(),
    }
}

/// A sequence of chances (SplitMix64): the same on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}
