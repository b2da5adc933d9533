//! PDF: what its structure says. Pages are counted by walking the page tree, and never rendered.
//!
//! Nothing here grows with what a file claims, only with what it holds: streams are unpacked up to one limit for the whole
//! file, trees are walked up to one number of nodes, and every node once. Of all streams only those are unpacked that hold
//! objects.

mod syntax;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::ops::Range;

use flate2::read::ZlibDecoder;
use image::DynamicImage;
use syntax::{Dict, Value, objects};

use super::{FileFacts, Photo, decode};
use crate::limits::Limits;

/// Bytes that all streams with objects of one file may unpack to together.
const MOST_UNPACKED: u64 = 32 << 20;

/// Most nodes of the page tree that are visited.
const MOST_NODES: usize = 20_000;

/// Bytes from the end in which the end marker is looked for, as readers do.
const TAIL: usize = 1024;

/// Whether the file can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PdfState {
    /// It has its end, and a page tree.
    Whole,
    /// The end is missing.
    Cut,
    /// Its parts do not fit together.
    Damaged,
    /// A password or a permission locks it.
    Encrypted,
    /// It unpacks to more than is read.
    Bomb,
}

/// What a PDF says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfFacts {
    /// Major and minor version in the header.
    pub version: Option<(u8, u8)>,
    /// Pages of the page tree; `None` when it cannot be read.
    pub pages: Option<usize>,
    /// Whether it can be read.
    pub state: PdfState,
    /// The JPEG inside, as a range of the file, where the only page holds one picture, in this format, and no fonts.
    pub picture: Option<Range<usize>>,
    /// Quarter turns clockwise at which that page is shown.
    pub turns: u8,
}

/// Reads the structure of a file that begins as a PDF does.
pub(super) fn read(bytes: &[u8]) -> PdfFacts {
    let facts = |state| PdfFacts { version: version(bytes), pages: None, state, picture: None, turns: 0 };
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let ended = syntax::find(tail, b"%%EOF").is_some() && syntax::find(tail, b"startxref").is_some();
    if !ended {
        return facts(PdfState::Cut);
    }
    let file = match File::of(bytes) {
        Ok(file) => file,
        Err(state) => return facts(state),
    };
    if file.encrypted {
        return facts(PdfState::Encrypted);
    }
    match file.pages() {
        Some(pages) if !pages.is_empty() => {
            let only = if pages.len() == 1 { pages.first() } else { None };
            let (picture, turns) = only.map_or((None, 0), |page| (file.picture(page), page.turns));
            PdfFacts { pages: Some(pages.len()), picture, turns, ..facts(PdfState::Whole) }
        }
        _ => facts(PdfState::Damaged),
    }
}

/// The picture that is the only page of a PDF, turned as the page shows it; `None` when the file is none, or its page is
/// more than one JPEG.
pub fn picture(bytes: &[u8], facts: &FileFacts, limits: &Limits) -> Option<Photo> {
    let pdf = facts.container.pdf.as_ref()?;
    let photo = decode(bytes.get(pdf.picture.clone()?)?, None, limits).1.ok()?;
    let complete = photo.complete;
    let turned = DynamicImage::ImageRgb8(photo.into_rgb());
    let turned = match pdf.turns {
        1 => turned.rotate90(),
        2 => turned.rotate180(),
        3 => turned.rotate270(),
        _ => turned,
    };
    Some(Photo { rgb: turned.into_rgb8().into(), complete })
}

fn version(bytes: &[u8]) -> Option<(u8, u8)> {
    match bytes.get(5..8)? {
        &[major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => Some((major - b'0', minor - b'0')),
        _ => None,
    }
}

/// A page with what it takes over from the nodes above.
struct Page<'a> {
    resources: Option<&'a Value>,
    turns: u8,
}

/// The objects of a file by number. What stands later replaces what stands before, as in files that were changed.
struct File {
    objects: HashMap<u32, Value>,
    root: Option<u32>,
    encrypted: bool,
}

impl File {
    fn of(bytes: &[u8]) -> Result<Self, PdfState> {
        let mut file = Self { objects: HashMap::new(), root: None, encrypted: false };
        let mut budget = MOST_UNPACKED;
        let (found, trailers) = objects(bytes);
        for trailer in &trailers {
            file.trailer(trailer);
        }
        for (number, value) in found {
            if let Value::Stream(dict, range) = &value {
                match dict.name("Type") {
                    Some("XRef") => file.trailer(dict),
                    Some("ObjStm") => {
                        let unpacked = unpacked(dict, bytes.get(range.clone()).unwrap_or_default(), &mut budget)?;
                        if let Some(unpacked) = unpacked {
                            file.packed(dict, &unpacked);
                        }
                    }
                    _ => {}
                }
            }
            file.objects.insert(number, value);
        }
        Ok(file)
    }

    fn trailer(&mut self, dict: &Dict) {
        self.encrypted |= dict.get("Encrypt").is_some_and(|value| *value != Value::Null);
        if let Some(Value::Reference(root)) = dict.get("Root") {
            self.root = Some(*root);
        }
    }

    /// Takes the objects out of an unpacked stream.
    fn packed(&mut self, dict: &Dict, data: &[u8]) {
        let (Some(count), Some(first)) = (dict.number("N"), dict.number("First")) else { return };
        let (Ok(count), Ok(first)) = (usize::try_from(count), usize::try_from(first)) else { return };
        let head = data.get(..first).unwrap_or_default();
        let numbers = syntax::integers(head, count.saturating_mul(2));
        // Objects lie side by side: more is read only where they are made to overlap.
        let mut left = 2 * data.len();
        for pair in numbers.chunks_exact(2) {
            let place = usize::try_from(pair[1]).ok().and_then(|offset| first.checked_add(offset));
            let (Ok(number), Some(body)) = (u32::try_from(pair[0]), place.and_then(|place| data.get(place..))) else {
                continue;
            };
            let (value, length) = syntax::value(body);
            self.objects.extend(value.map(|value| (number, value)));
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }

    /// The value itself, behind at most a few references.
    fn resolved<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..8 {
            let Value::Reference(number) = value else { return value };
            value = self.objects.get(number).unwrap_or(&Value::Null);
        }
        &Value::Null
    }

    fn dict<'a>(&'a self, value: &'a Value) -> Option<&'a Dict> {
        match self.resolved(value) {
            Value::Dict(dict) | Value::Stream(dict, _) => Some(dict),
            _ => None,
        }
    }

    /// The pages in order. `None` when there is no tree.
    fn pages(&self) -> Option<Vec<Page<'_>>> {
        let root = self.root.or_else(|| {
            let is_root = |value: &Value| self.dict(value).is_some_and(|dict| dict.name("Type") == Some("Catalog"));
            self.objects.iter().filter(|(_, value)| is_root(value)).map(|(number, _)| *number).max()
        })?;
        let tree = self.dict(self.objects.get(&root)?)?.get("Pages")?;
        let (mut pages, mut seen, mut visits) = (Vec::new(), HashSet::new(), 0);
        let mut open = vec![(tree, None, 0u8)];
        while let Some((node, resources, turns)) = open.pop() {
            visits += 1;
            if visits > MOST_NODES || open.len() > MOST_NODES {
                return None;
            }
            // A node that stands below itself is visited once.
            if let Value::Reference(number) = node
                && !seen.insert(*number)
            {
                continue;
            }
            let Some(dict) = self.dict(node) else { continue };
            let resources = dict.get("Resources").or(resources);
            let turns = dict.number("Rotate").map_or(turns, |degrees| (degrees.rem_euclid(360) / 90) as u8);
            match dict.get("Kids").map(|kids| self.resolved(kids)) {
                Some(Value::Array(kids)) if dict.name("Type") != Some("Page") => {
                    open.extend(kids.iter().take(MOST_NODES + 1).rev().map(|kid| (kid, resources, turns)));
                }
                _ if dict.name("Type") == Some("Page") => pages.push(Page { resources, turns }),
                _ => {}
            }
        }
        Some(pages)
    }

    /// The JPEG of a page that holds nothing else.
    fn picture(&self, page: &Page<'_>) -> Option<Range<usize>> {
        let resources = self.dict(page.resources?)?;
        let fonts = resources.get("Font").and_then(|fonts| self.dict(fonts)).is_some_and(|fonts| !fonts.0.is_empty());
        let objects = self.dict(resources.get("XObject")?)?;
        let [(_, only)] = objects.0.as_slice() else { return None };
        let Value::Stream(dict, range) = self.resolved(only) else { return None };
        let is_jpeg = match self.resolved(dict.get("Filter")?) {
            Value::Name(name) => name == "DCTDecode",
            Value::Array(filters) => matches!(filters.as_slice(), [Value::Name(name)] if name == "DCTDecode"),
            _ => false,
        };
        (!fonts && is_jpeg && dict.name("Subtype") == Some("Image")).then(|| range.clone())
    }
}

/// The bytes of a stream with objects; `None` when it is packed in another way than PDF writers pack them.
fn unpacked(dict: &Dict, data: &[u8], budget: &mut u64) -> Result<Option<Vec<u8>>, PdfState> {
    let packed = match dict.get("Filter") {
        None => false,
        Some(Value::Name(name)) if name == "FlateDecode" => true,
        Some(Value::Array(filters)) => match filters.as_slice() {
            [] => false,
            [Value::Name(name)] if name == "FlateDecode" => true,
            _ => return Ok(None),
        },
        Some(_) => return Ok(None),
    };
    let mut out = Vec::new();
    // What is damaged further on still gives what stands before.
    let _ = if packed {
        ZlibDecoder::new(data).take(*budget + 1).read_to_end(&mut out)
    } else {
        data.take(*budget + 1).read_to_end(&mut out)
    };
    let length = out.len() as u64;
    if length > *budget {
        return Err(PdfState::Bomb);
    }
    *budget -= length;
    Ok(Some(out))
}
