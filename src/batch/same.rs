//! The same picture under several names, among a hundred thousand.
//!
//! Equal bytes are found by their SHA-256. Pictures that look the same are found by their [hashes](super::look::Hash):
//! two hashes that differ in at most `SAME_BITS` bits agree in at least one of `SAME_BITS + 1` bands of bits, so only
//! those that share a band are compared, not all with all.

use std::collections::HashMap;

use super::look::{Hash, SAME_BITS};

/// One photo as it was seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Its place in the run.
    pub place: usize,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Hash of its looks.
    pub hash: Option<Hash>,
}

/// Photos that are one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Their places in the run, ascending.
    pub places: Vec<usize>,
    /// Bits their hashes differ by at most, where they look the same; `None` for equal bytes.
    pub distance: Option<u32>,
}

/// The groups of two and more, those of equal bytes first, each kind in the order of the run. A group of looks has one
/// photo for each content.
pub fn groups(seen: &[Seen]) -> Vec<Group> {
    let mut contents: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    for photo in seen {
        contents.entry(photo.sha256).or_default().push(photo.place);
    }
    let mut equal: Vec<Group> = contents
        .into_values()
        .filter(|places| places.len() > 1)
        .map(|places| Group { places, distance: None })
        .collect();
    equal.sort_unstable_by_key(|group| group.places.first().copied());
    equal.extend(alike(seen));
    equal
}

fn alike(seen: &[Seen]) -> Vec<Group> {
    // One photo for each content, gathered by hash: a thousand copies of one picture must not be compared in pairs.
    let mut known = std::collections::HashSet::new();
    let mut by_hash: HashMap<Hash, Vec<usize>> = HashMap::new();
    for photo in seen.iter().filter(|photo| known.insert(photo.sha256)) {
        if let Some(hash) = photo.hash {
            by_hash.entry(hash).or_default().push(photo.place);
        }
    }
    let mut hashes: Vec<(Hash, Vec<usize>)> = by_hash.into_iter().collect();
    hashes.sort_unstable_by(|a, b| a.1.cmp(&b.1));

    let mut sets = Sets::new(hashes.len());
    let bands = SAME_BITS as usize + 1;
    for first in 0..bands {
        let mut sharing: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, (hash, _)) in hashes.iter().enumerate() {
            let others = sharing.entry(hash.every(first, bands)).or_default();
            for &other in others.iter() {
                let distance = hash.distance(&hashes[other].0);
                if distance <= SAME_BITS {
                    sets.join(at, other, distance);
                }
            }
            others.push(at);
        }
    }

    let mut groups: HashMap<usize, Group> = HashMap::new();
    for (at, (_, places)) in hashes.into_iter().enumerate() {
        let root = sets.root(at);
        let group = groups.entry(root).or_insert(Group { places: Vec::new(), distance: Some(sets.widest[root]) });
        group.places.extend(places);
    }
    let mut groups: Vec<Group> = groups.into_values().filter(|group| group.places.len() > 1).collect();
    groups.iter_mut().for_each(|group| group.places.sort_unstable());
    groups.sort_unstable_by_key(|group| group.places.first().copied());
    groups
}

/// Disjoint sets, each with the widest distance it was joined over.
struct Sets {
    parent: Vec<usize>,
    widest: Vec<u32>,
}

impl Sets {
    fn new(count: usize) -> Self {
        Self { parent: (0..count).collect(), widest: vec![0; count] }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize, distance: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high] = low;
        self.widest[low] = self.widest[low].max(self.widest[high]).max(distance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(place: usize, content: u8, hash: Option<Hash>) -> Seen {
        Seen { place, sha256: [content; 32], hash }
    }

    /// A hash with the bits that are named set.
    fn hash(bits: impl IntoIterator<Item = usize>) -> Option<Hash> {
        let mut words = [0u64; 4];
        bits.into_iter().for_each(|bit| words[bit / 64] |= 1 << (bit % 64));
        serde_json::from_value(serde_json::json!(words)).ok()
    }

    #[test]
    fn equal_bytes_and_equal_looks_are_told_apart() {
        let near: Vec<usize> = (0..SAME_BITS as usize).map(|n| n * 10).collect();
        let photos = [
            seen(0, 1, hash([])),
            seen(1, 2, hash(100..200)),
            seen(2, 1, hash([])),
            seen(3, 3, hash(near)),
            seen(4, 4, None),
            seen(5, 5, None),
        ];
        let expected =
            [Group { places: vec![0, 2], distance: None }, Group { places: vec![0, 3], distance: Some(SAME_BITS) }];
        assert_eq!(groups(&photos), expected);
    }

    #[test]
    fn one_bit_more_is_another_picture() {
        let far = hash((0..=SAME_BITS as usize).map(|n| n * 10));
        assert_eq!(groups(&[seen(0, 1, hash([])), seen(1, 2, far)]), []);
    }
}
