//! The words of PDF (ISO 32000-1, 7.3): numbers, names, strings, arrays, dictionaries, references, streams.

use std::ops::Range;

/// Deepest nesting that is read.
const DEEPEST: usize = 32;

/// Most values of one object that are read.
const MOST_VALUES: usize = 100_000;

/// A value. Texts are passed over: nothing here is told by them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    /// A truth value, a string, or a number that is not whole.
    Other,
    Integer(i64),
    Name(String),
    Array(Vec<Value>),
    Dict(Dict),
    /// The number of an object.
    Reference(u32),
    /// A dictionary, and the range of the file with its data.
    Stream(Dict, Range<usize>),
}

/// A dictionary in the order written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Dict(pub(super) Vec<(String, Value)>);

impl Dict {
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn name(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

/// Where `needle` begins.
pub(super) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// All objects of a file with their numbers, in the order of the file, and the dictionaries of its trailers. Data of
/// streams are not looked into.
pub(super) fn objects(bytes: &[u8]) -> (Vec<(u32, Value)>, Vec<Dict>) {
    let (mut found, mut trailers) = (Vec::new(), Vec::new());
    let (mut at, mut ends) = (0, Ends { bytes, next: Some(0) });
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"trailer") {
            let mut words = Words { bytes, at: at + 7, values: 0 };
            if let Some(Value::Dict(dict)) = words.value(0) {
                trailers.push(dict);
            }
            at = words.at.max(at + 7);
            continue;
        }
        let begins = at == 0 || !is_regular(bytes[at - 1]);
        let head = if begins && rest[0].is_ascii_digit() { object_head(rest) } else { None };
        let Some((number, length)) = head else {
            at += 1;
            continue;
        };
        let mut words = Words { bytes, at: at + length, values: 0 };
        let value = words.value(0);
        at = words.at.max(at + length);
        match value {
            Some(Value::Dict(dict)) => match data(bytes, words, &dict, &mut ends) {
                Some(range) => {
                    at = range.end;
                    found.push((number, Value::Stream(dict, range)));
                }
                None => found.push((number, Value::Dict(dict))),
            },
            Some(value) => found.push((number, value)),
            None => {}
        }
    }
    (found, trailers)
}

/// The number in `12 0 obj`, and the length of these words.
fn object_head(bytes: &[u8]) -> Option<(u32, usize)> {
    // Numbers of ten digits at most.
    let mut words = Words { bytes: bytes.get(..bytes.len().min(40))?, at: 0, values: 0 };
    let number = u32::try_from(words.integer()?).ok()?;
    words.integer()?;
    words.blank();
    words.rest().starts_with(b"obj").then_some((number, words.at + 3))
}

/// Where data end, remembered: a file without ends is looked through once.
struct Ends<'a> {
    bytes: &'a [u8],
    next: Option<usize>,
}

impl Ends<'_> {
    /// The next place at or behind `start`; those before were asked for earlier.
    fn after(&mut self, start: usize) -> Option<usize> {
        const END: &[u8] = b"endstream";
        let is_there = |at: &usize| self.bytes.get(*at..).is_some_and(|rest| rest.starts_with(END));
        if self.next.is_some_and(|next| next < start || !is_there(&next)) {
            self.next = find(self.bytes.get(start..)?, END).map(|at| start + at);
        }
        self.next
    }
}

/// The range of the data behind the dictionary of a stream: as long as it says where that fits, else up to the word that ends
/// it.
fn data(bytes: &[u8], mut words: Words<'_>, dict: &Dict, ends: &mut Ends<'_>) -> Option<Range<usize>> {
    words.blank();
    let rest = words.rest().strip_prefix(b"stream")?;
    let skipped = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\n' | b'\r', ..] => 1,
        _ => 0,
    };
    let start = words.at + 6 + skipped;
    let stated = dict.number("Length").and_then(|length| start.checked_add(usize::try_from(length).ok()?));
    let fits = |end: &usize| {
        let behind = bytes.get(*end..).unwrap_or_default();
        let blanks = behind.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        behind[blanks..].starts_with(b"endstream")
    };
    let end = stated.filter(fits).or_else(|| ends.after(start))?;
    Some(start..end)
}

/// The first value of some bytes, and how many of them were read for it.
pub(super) fn value(bytes: &[u8]) -> (Option<Value>, usize) {
    let mut words = Words { bytes, at: 0, values: 0 };
    (words.value(0), words.at)
}

/// Up to `most` whole numbers at the beginning.
pub(super) fn integers(bytes: &[u8], most: usize) -> Vec<i64> {
    let mut words = Words { bytes, at: 0, values: 0 };
    std::iter::from_fn(|| words.integer()).take(most).collect()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn is_regular(byte: u8) -> bool {
    !is_blank(byte) && !is_delimiter(byte)
}

/// A place in the file.
#[derive(Debug, Clone, Copy)]
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Values read so far.
    values: usize,
}

impl<'a> Words<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Goes past white space and comments.
    fn blank(&mut self) {
        while let Some(&byte) = self.rest().first() {
            if byte == b'%' {
                self.at += self.rest().iter().take_while(|&&byte| byte != b'\n' && byte != b'\r').count();
            } else if is_blank(byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    /// A run of regular characters.
    fn word(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().take_while(|&&byte| is_regular(byte)).count();
        self.at += length;
        &rest[..length]
    }

    fn integer(&mut self) -> Option<i64> {
        let before = self.at;
        self.blank();
        let number = std::str::from_utf8(self.word()).ok().and_then(|word| word.parse().ok());
        if number.is_none() {
            self.at = before;
        }
        number
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.values += 1;
        if depth > DEEPEST || self.values > MOST_VALUES {
            return None;
        }
        self.blank();
        let rest = self.rest();
        match rest {
            [b'<', b'<', ..] => {
                self.at += 2;
                self.dict(depth)
            }
            [b'<', ..] => {
                let end = rest.iter().position(|&byte| byte == b'>');
                self.at += end.map_or(rest.len(), |end| end + 1);
                end.map(|_| Value::Other)
            }
            [b'(', ..] => self.text(),
            [b'[', ..] => {
                self.at += 1;
                let mut values = Vec::new();
                loop {
                    self.blank();
                    if self.rest().first() == Some(&b']') {
                        self.at += 1;
                        return Some(Value::Array(values));
                    }
                    values.push(self.value(depth + 1)?);
                }
            }
            [b'/', ..] => self.name().map(Value::Name),
            [byte, ..] if is_regular(*byte) => Some(self.plain()),
            _ => None,
        }
    }

    fn dict(&mut self, depth: usize) -> Option<Value> {
        let mut dict = Dict::default();
        loop {
            self.blank();
            match self.rest() {
                [b'>', b'>', ..] => {
                    self.at += 2;
                    return Some(Value::Dict(dict));
                }
                [b'/', ..] => {
                    let name = self.name()?;
                    let value = self.value(depth + 1)?;
                    dict.0.push((name, value));
                }
                _ => return None,
            }
        }
    }

    /// A name, with what is written by its code as `#41`.
    fn name(&mut self) -> Option<String> {
        self.at += 1;
        let mut word = self.word();
        let mut name = Vec::with_capacity(word.len());
        while let [byte, rest @ ..] = word {
            let coded = if *byte == b'#' { rest.get(..2) } else { None };
            let coded = coded.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
            name.push(coded.unwrap_or(*byte));
            word = if coded.is_some() { &rest[2..] } else { rest };
        }
        Some(String::from_utf8_lossy(&name).into_owned())
    }

    /// A string in parentheses, which may hold further ones.
    fn text(&mut self) -> Option<Value> {
        let (mut open, mut escaped) = (0usize, false);
        for (i, &byte) in self.rest().iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        self.at += i + 1;
                        return Some(Value::Other);
                    }
                }
                _ => {}
            }
        }
        // What was looked through in vain is not looked through again.
        self.at = self.bytes.len();
        None
    }

    /// A number, a reference, or a word.
    fn plain(&mut self) -> Value {
        if let Some(number) = self.integer() {
            let mut ahead = *self;
            let reference = ahead.integer().is_some_and(|generation| generation >= 0) && {
                ahead.blank();
                ahead.word() == b"R"
            };
            return match u32::try_from(number) {
                Ok(number) if reference => {
                    self.at = ahead.at;
                    Value::Reference(number)
                }
                _ => Value::Integer(number),
            };
        }
        if self.word() == b"null" { Value::Null } else { Value::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_written() {
        let text =
            b"<< /Type /Page % a comment\n/Kids [1 0 R 22 0 R] /N 3 /S (a (b\\) ) c) /H <41> /X#41 null /F 1.5 >> tail";
        let (Some(Value::Dict(dict)), _) = value(text) else { panic!("a dictionary") };
        assert_eq!(dict.name("Type"), Some("Page"));
        assert_eq!(dict.get("Kids"), Some(&Value::Array(vec![Value::Reference(1), Value::Reference(22)])));
        assert_eq!(
            (dict.number("N"), dict.get("XA"), dict.get("F")),
            (Some(3), Some(&Value::Null), Some(&Value::Other))
        );
    }

    #[test]
    fn data_are_found_with_a_right_and_with_a_wrong_length() {
        for length in ["5", "9999", "2", "7 0 R"] {
            let text = format!("3 0 obj\n<</Length {length}>>stream\nhello\nendstream endobj 4 0 obj 12 endobj");
            let (found, _) = objects(text.as_bytes());
            let Some((3, Value::Stream(_, range))) = found.first() else { panic!("{length}: {found:?}") };
            assert!(text[range.clone()].starts_with("hello"), "{length}");
            assert_eq!(found.get(1), Some(&(4, Value::Integer(12))));
        }
    }

    #[test]
    fn nesting_has_an_end() {
        assert_eq!(value(&b"[".repeat(5000)).0, None);
        assert_eq!(value(&b"<</A".repeat(5000)).0, None);
        assert_eq!(value(b"((((").0, None);
    }
}
