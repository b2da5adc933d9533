//! "Did you mean ...?" for ids and keys.

/// Likeness from which a candidate is worth naming, 0 to 1.
const ALIKE: f64 = 0.75;

/// The candidate most like `word`, when one is like enough. Ids are compared whole and by the part behind their dot, so
/// that `eye-line` and `eyes.line` both find `face.eye-line`.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (likeness(&word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn likeness(word: &str, candidate: &str) -> f64 {
    let tail = |id: &str| id.rsplit_once('.').map_or_else(|| id.to_owned(), |(_, tail)| tail.to_owned());
    // The whole id counts a little more: `face.width` is nearer to `face.with` than `file.width` is.
    strsim::jaro(word, candidate).max(0.95 * strsim::jaro(&tail(word), &tail(candidate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_what_was_meant() {
        let ids = ["file.bytes", "face.eye-line", "face.width", "background.color"];
        for (slip, meant) in [
            ("face.eyeline", "face.eye-line"),
            ("eye-line", "face.eye-line"),
            ("background.colour", "background.color"),
            ("File.Bytes", "file.bytes"),
        ] {
            assert_eq!(closest(slip, ids), Some(meant), "{slip}");
        }
        assert_eq!(closest("zzz", ids), None);
        assert_eq!(closest("", ids), None);
    }
}
