//! Photos against the list of candidates.

use std::collections::HashMap;

use super::{Candidate, Reading, Roster};
use crate::report::{Finding, FindingKind};
use crate::units::Text;

/// Lays photos against a list as they come. Holds paths, never photos.
#[derive(Debug)]
pub struct Matcher {
    candidates: Vec<Candidate>,
    by_number: HashMap<String, usize>,
    /// By name; several may share one.
    by_name: HashMap<String, Vec<usize>>,
    /// Paths of each candidate's photos.
    photos: Vec<Vec<String>>,
    findings: Vec<Finding>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// Candidates of the list.
    pub candidates: u64,
    /// Candidates with a photo.
    pub with_photo: u64,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Matcher {
    /// Begins with a list. A number that stands in it twice is a finding.
    pub fn new(roster: Roster) -> Self {
        let candidates = roster.candidates;
        let mut matcher = Self {
            photos: vec![Vec::new(); candidates.len()],
            by_number: HashMap::with_capacity(candidates.len()),
            by_name: HashMap::new(),
            findings: Vec::new(),
            candidates: Vec::new(),
        };
        for (at, candidate) in candidates.iter().enumerate() {
            for number in &candidate.numbers {
                if let Some(&first) = matcher.by_number.get(number) {
                    let (first, row) = (candidates[first].row, candidate.row);
                    let text = Text::new(
                        format!("名单第 {first} 行与第 {row} 行号码相同"),
                        format!("rows {first} and {row} of the list have the same number"),
                    );
                    matcher.findings.push(finding(FindingKind::RepeatedCandidate, Vec::new(), candidate, text));
                } else {
                    matcher.by_number.insert(number.clone(), at);
                }
            }
            if let Some(name) = &candidate.name {
                matcher.by_name.entry(name.clone()).or_default().push(at);
            }
        }
        matcher.candidates = candidates;
        matcher
    }

    /// Counts the photo at `path`, whose name says `reading`.
    pub fn photo(&mut self, path: &str, reading: &Reading) {
        let by_number = reading.number.as_ref().and_then(|number| self.by_number.get(number)).copied();
        let found = match (by_number, &reading.number, &reading.name) {
            (Some(at), ..) => Ok(at),
            // A number that nobody has is not mended by a name that somebody has.
            (None, Some(_), _) | (None, None, None) => Err(None),
            (None, None, Some(name)) => match self.by_name.get(name).map(Vec::as_slice) {
                Some(&[at]) => Ok(at),
                Some(several) => Err(Some(several.len())),
                None => Err(None),
            },
        };
        let unmatched = |text| Finding {
            kind: FindingKind::NoCandidate,
            paths: vec![path.to_owned()],
            number: reading.number.clone(),
            name: reading.name.clone(),
            text,
        };
        match found {
            Ok(at) => {
                let candidate = &self.candidates[at];
                self.photos[at].push(path.to_owned());
                if let (Some(there), Some(here)) = (&candidate.name, &reading.name)
                    && there != here
                {
                    let text = Text::new(
                        format!("文件名中的姓名是“{here}”，名单中是“{there}”"),
                        format!("the file's name says {here}, the list {there}"),
                    );
                    self.findings.push(finding(FindingKind::OtherName, vec![path.to_owned()], candidate, text));
                }
            }
            Err(Some(several)) => self.findings.push(unmatched(Text::new(
                format!("名单中有 {several} 人同名，无法确定是谁的照片"),
                format!("{several} candidates have this name, so it is not known whose photo this is"),
            ))),
            Err(None) => self.findings.push(unmatched(Text::new(
                "照片在名单中没有对应考生",
                "no candidate of the list goes with this photo",
            ))),
        }
    }

    /// What came of it: faults of the list first, then photos in the order of the run, then candidates in that of the
    /// list.
    pub fn finish(mut self) -> Matches {
        for (candidate, photos) in self.candidates.iter().zip(&mut self.photos) {
            let found = match photos.len() {
                0 => finding(
                    FindingKind::MissingPhoto,
                    Vec::new(),
                    candidate,
                    Text::new("名单中的考生没有照片", "no photo of this candidate"),
                ),
                1 => continue,
                count => finding(
                    FindingKind::DuplicatePhoto,
                    photos.clone(),
                    candidate,
                    Text::new(format!("一名考生有 {count} 张照片"), format!("{count} photos of one candidate")),
                ),
            };
            self.findings.push(found);
        }
        Matches {
            candidates: self.candidates.len() as u64,
            with_photo: self.photos.iter().filter(|photos| !photos.is_empty()).count() as u64,
            findings: self.findings,
        }
    }
}

fn finding(kind: FindingKind, paths: Vec<String>, candidate: &Candidate, text: Text) -> Finding {
    Finding { kind, paths, number: candidate.numbers.first().cloned(), name: candidate.name.clone(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(number: &str, name: &str) -> Reading {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Reading { number: some(number), name: some(name), problem: None }
    }

    fn candidate(row: usize, number: &str, name: &str) -> Candidate {
        Candidate { numbers: vec![number.to_owned()], name: Some(name.to_owned()), row }
    }

    #[test]
    fn every_photo_and_every_candidate_is_accounted_for() {
        let candidates = [(2, "1", "张三"), (3, "2", "李四"), (4, "3", "王五"), (5, "4", "王五"), (6, "1", "赵六")];
        let candidates = candidates.map(|(row, number, name)| candidate(row, number, name)).to_vec();
        let mut matcher = Matcher::new(Roster { candidates });
        matcher.photo("1.jpg", &reading("1", "张三"));
        matcher.photo("1b.jpg", &reading("1", "张叁"));
        matcher.photo("李四.jpg", &reading("", "李四"));
        matcher.photo("王五.jpg", &reading("", "王五"));
        matcher.photo("9张三.jpg", &reading("9", "张三"));
        matcher.photo("IMG.jpg", &reading("", ""));
        let matches = matcher.finish();
        assert_eq!((matches.candidates, matches.with_photo), (5, 2));
        let found: Vec<_> = matches.findings.iter().map(|f| (f.kind, f.paths.join(" "))).collect();
        let expected = [
            (FindingKind::RepeatedCandidate, ""),
            (FindingKind::OtherName, "1b.jpg"),
            (FindingKind::NoCandidate, "王五.jpg"),
            (FindingKind::NoCandidate, "9张三.jpg"),
            (FindingKind::NoCandidate, "IMG.jpg"),
            (FindingKind::DuplicatePhoto, "1.jpg 1b.jpg"),
            (FindingKind::MissingPhoto, ""),
            (FindingKind::MissingPhoto, ""),
            (FindingKind::MissingPhoto, ""),
        ];
        assert_eq!(found, expected.map(|(kind, path)| (kind, path.to_owned())));
    }
}
