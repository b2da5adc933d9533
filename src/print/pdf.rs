//! Sheets as a PDF: one page a sheet, of the paper's size, with the sheet's JPEG in it byte for byte.

use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};

use super::DPI;

/// Points of PDF per inch.
const POINTS: f32 = 72.0;

/// Most sheets of one document: it is made in memory.
pub const MOST_PAGES: usize = 400;

/// A document of sheets.
#[derive(Debug, Clone, Default)]
pub struct Sheets(Vec<Sheet>);

#[derive(Debug, Clone)]
struct Sheet {
    jpeg: Vec<u8>,
    width: u32,
    height: u32,
}

/// Numbers of objects: the first two are those of the document, each sheet has three.
fn numbers(place: usize) -> [Ref; 3] {
    // At most `MOST_PAGES` sheets: no overflow.
    let first = 3 + 3 * place as i32;
    [Ref::new(first), Ref::new(first + 1), Ref::new(first + 2)]
}

impl Sheets {
    /// Adds a sheet of `width` x `height` pixels. False when the document is full.
    pub fn push(&mut self, jpeg: Vec<u8>, width: u32, height: u32) -> bool {
        let room = self.0.len() < MOST_PAGES;
        if room {
            self.0.push(Sheet { jpeg, width, height });
        }
        room
    }

    /// Whether there is no sheet yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The document. The same sheets give the same bytes: it holds no date and no name.
    pub fn to_pdf(&self) -> Vec<u8> {
        let (catalog, tree) = (Ref::new(1), Ref::new(2));
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(tree);
        let pages = (0..self.0.len()).map(|place| numbers(place)[0]);
        // At most `MOST_PAGES`: no overflow.
        pdf.pages(tree).kids(pages).count(self.0.len() as i32);
        for (place, sheet) in self.0.iter().enumerate() {
            let [page_id, image_id, content_id] = numbers(place);
            let points = |pixels: u32| pixels as f32 * POINTS / f32::from(DPI);
            let (width, height) = (points(sheet.width), points(sheet.height));
            let name = Name(b"Sheet");
            let mut page = pdf.page(page_id);
            page.parent(tree).media_box(Rect::new(0.0, 0.0, width, height)).contents(content_id);
            page.resources().x_objects().pair(name, image_id);
            page.finish();
            let mut image = pdf.image_xobject(image_id, &sheet.jpeg);
            // Sides of paper: no overflow.
            image.filter(Filter::DctDecode);
            image.width(sheet.width as i32);
            image.height(sheet.height as i32);
            image.color_space().device_rgb();
            image.bits_per_component(8);
            image.finish();
            let mut content = Content::new();
            content.save_state().transform([width, 0.0, 0.0, height, 0.0, 0.0]).x_object(name).restore_state();
            pdf.stream(content_id, &content.finish());
        }
        pdf.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(haystack: &[u8], needle: &[u8]) -> usize {
        haystack.windows(needle.len()).filter(|window| *window == needle).count()
    }

    #[test]
    fn pages_have_the_size_of_the_paper_and_hold_the_jpeg_itself() {
        let mut sheets = Sheets::default();
        assert!(sheets.push(b"\xff\xd8 first \xff\xd9".to_vec(), 1500, 1050));
        assert!(sheets.push(b"\xff\xd8 second \xff\xd9".to_vec(), 1800, 1200));
        let pdf = sheets.to_pdf();
        assert_eq!(pdf, sheets.to_pdf());
        assert!(pdf.starts_with(b"%PDF-"));
        for part in [
            &b"/MediaBox [0 0 360 252]"[..],
            b"/MediaBox [0 0 432 288]",
            b"stream\n\xff\xd8 first \xff\xd9\nendstream",
            b"stream\n\xff\xd8 second \xff\xd9\nendstream",
            b"/Count 2",
        ] {
            assert_eq!(count(&pdf, part), 1, "{}", String::from_utf8_lossy(part));
        }
        assert_eq!(count(&pdf, b"/DCTDecode"), 2);
    }

    #[test]
    fn a_document_takes_no_more_than_it_can_hold() {
        let mut sheets = Sheets::default();
        assert!((0..MOST_PAGES).all(|_| sheets.push(Vec::new(), 1, 1)));
        assert!(!sheets.push(Vec::new(), 1, 1));
    }
}
