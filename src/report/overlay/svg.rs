//! A small writer of well-formed SVG.

use std::fmt::Write as _;

use super::super::harmless;

/// Colours with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Good,
    Doubt,
    Bad,
    /// A measured line that nothing is wrong with.
    Line,
    /// Ordinary text.
    Ink,
    /// Text of less weight.
    Faint,
}

impl Color {
    pub(super) fn css(self) -> &'static str {
        match self {
            Color::Good => "#15803d",
            Color::Doubt => "#b45309",
            Color::Bad => "#c81e1e",
            Color::Line => "#1d4ed8",
            Color::Ink => "#1f2328",
            Color::Faint => "#656d76",
        }
    }
}

/// `text` harmless, and safe inside XML text and attribute values.
pub(super) fn escape(text: &str) -> String {
    let text = harmless(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A number as SVG wants it: never `NaN` or `inf`, at most two decimals.
fn n(value: f64) -> f64 {
    let rounded = (value * 100.0).round() / 100.0;
    if rounded.is_finite() { rounded.clamp(-1e6, 1e6) } else { 0.0 }
}

/// Collects elements; the size of the document is known only at the end.
#[derive(Debug)]
pub(super) struct Canvas {
    body: String,
    left: f64,
    top: f64,
}

impl Canvas {
    /// A canvas whose origin lies `left` and `top` inside the document.
    pub(super) fn new(left: f64, top: f64) -> Self {
        Self { body: String::new(), left, top }
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }

    pub(super) fn rect(&mut self, x: f64, y: f64, w: f64, h: f64, style: &str) {
        let (w, h) = (n(w).max(0.0), n(h).max(0.0));
        self.put(format_args!("<rect x=\"{}\" y=\"{}\" width=\"{w}\" height=\"{h}\" {style}/>", n(x), n(y)));
    }

    pub(super) fn line(&mut self, x1: f64, y1: f64, x2: f64, y2: f64, style: &str) {
        let (x1, y1, x2, y2) = (n(x1), n(y1), n(x2), n(y2));
        self.put(format_args!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {style}/>"));
    }

    pub(super) fn circle(&mut self, x: f64, y: f64, r: f64, style: &str) {
        self.put(format_args!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {style}/>", n(x), n(y), n(r)));
    }

    pub(super) fn polygon(&mut self, points: &[(f64, f64)], style: &str) {
        let points: Vec<_> = points.iter().map(|&(x, y)| format!("{},{}", n(x), n(y))).collect();
        self.put(format_args!("<polygon points=\"{}\" {style}/>", points.join(" ")));
    }

    pub(super) fn image(&mut self, width: f64, height: f64, href: &str) {
        self.put(format_args!(
            "<image x=\"0\" y=\"0\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" xlink:href=\"{}\"/>",
            n(width),
            n(height),
            escape(href)
        ));
    }

    /// Text with its baseline at `y`.
    pub(super) fn text(&mut self, x: f64, y: f64, size: f64, bold: bool, color: Color, text: &str) {
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        self.put(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{size}\"{weight} fill=\"{}\">{}</text>",
            n(x),
            n(y),
            color.css(),
            escape(text)
        ));
    }

    /// Text legible on any photo: in colour, with a white edge.
    pub(super) fn tag(&mut self, x: f64, y: f64, text: &str, color: Color) {
        self.put(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"14\" font-weight=\"bold\" fill=\"{}\" stroke=\"#fff\" stroke-width=\"3\" \
             paint-order=\"stroke\">{}</text>",
            n(x),
            n(y),
            color.css(),
            escape(text)
        ));
    }

    /// Opens a group that shows nothing outside of `width` x `height` at the origin.
    pub(super) fn open_clip(&mut self, width: f64, height: f64) {
        self.put(format_args!(
            "<clipPath id=\"photo\"><rect width=\"{}\" height=\"{}\"/></clipPath><g clip-path=\"url(#photo)\">",
            n(width),
            n(height)
        ));
    }

    /// Closes the group.
    pub(super) fn close(&mut self) {
        self.put(format_args!("</g>"));
    }

    /// An element for an HTML page, which clips it to its size.
    pub(super) fn finish_element(self, width: f64, height: f64) -> String {
        format!(
            "<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{}</svg>",
            n(width),
            n(height),
            self.body
        )
    }

    /// The document.
    pub(super) fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (w, h) = (n(width.ceil()), n(height.ceil()));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
             width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"'Noto Sans CJK SC', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif\">\n\
             <title>{}</title>\n<rect width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>\n\
             <g transform=\"translate({},{})\">\n{}</g>\n</svg>\n",
            escape(title),
            n(self.left),
            n(self.top),
            self.body
        )
    }
}
