//! Text from outside made safe to show.

use std::borrow::Cow;

/// `text` without characters that act on the reader's screen or break a document: control characters, marks that
/// reverse the direction of writing, and code points that XML forbids become U+FFFD. File names and metadata are
/// written by strangers; an escape sequence in one must not reach a terminal.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().any(acts) {
        Cow::Owned(text.chars().map(|c| if acts(c) { char::REPLACEMENT_CHARACTER } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_borrowed() {
        assert!(matches!(harmless("张三 a.jpg"), Cow::Borrowed("张三 a.jpg")));
    }

    #[test]
    fn escapes_and_direction_marks_are_replaced() {
        assert_eq!(harmless("\u{1b}[31mred\n"), "\u{fffd}[31mred\u{fffd}");
        assert_eq!(harmless("a\u{202e}gpj.exe"), "a\u{fffd}gpj.exe");
    }
}
