//! Which memory the picture of each step is written to.
//!
//! Pictures that are never needed at the same time share it, whatever their shapes: what was written a moment ago is still near
//! the processor, and a net runs as fast as its pictures and weights come from there.

use crate::face::net::kernels::Layout;

/// Where a picture lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    /// Which piece of memory.
    pub piece: usize,
    pub layout: Layout,
    /// Whether something laid out otherwise is left where its margin has to be.
    pub clear: bool,
}

/// Values of each piece of memory, and the picture of each step that is `live`. A picture is needed up to the step `last`, that
/// of an output for ever.
pub(super) fn assigned(layouts: &[Layout], live: &[bool], last: &[usize]) -> (Vec<usize>, Vec<Option<Picture>>) {
    let mut pieces: Vec<usize> = Vec::new();
    let mut pictures: Vec<Option<Picture>> = vec![None; layouts.len()];
    let mut free: Vec<usize> = Vec::new();
    for (index, &layout) in layouts.iter().enumerate().filter(|&(index, _)| live[index]) {
        // The smallest that holds it, of equals the one that was read last.
        let fits = |&(_, &piece): &(usize, &usize)| pieces[piece] >= layout.len();
        let best = free.iter().enumerate().rev().filter(fits).min_by_key(|&(_, &piece)| pieces[piece]);
        let piece = match best.map(|(at, _)| at) {
            Some(at) => free.remove(at),
            None => {
                pieces.push(layout.len());
                pieces.len() - 1
            }
        };
        pictures[index] = Some(Picture { piece, layout, clear: false });
        // What this step reads last may be written again from the next one on.
        let over = (0..=index).filter(|&i| last[i] == index).filter_map(|i| pictures[i]);
        free.extend(over.map(|picture| picture.piece));
    }
    for piece in 0..pieces.len() {
        let mut users: Vec<&mut Picture> =
            pictures.iter_mut().flatten().filter(|picture| picture.piece == piece).collect();
        // Before the first one comes the last one of the run before.
        let mut before = users.last().map(|picture| picture.layout);
        for picture in &mut users {
            picture.clear = before.replace(picture.layout) != Some(picture.layout);
        }
    }
    (pieces, pictures)
}

impl Picture {
    /// Makes sure that its margin is zeros.
    pub(super) fn cleared(self, values: &mut [f32]) {
        if !self.clear {
            return;
        }
        let Layout { height, width, depth, margin: [above, left, below, right] } = self.layout;
        let pitch = self.layout.pitch();
        values[..above * pitch].fill(0.0);
        values[(above + height) * pitch..][..below * pitch].fill(0.0);
        if left + right == 0 {
            return;
        }
        for row in values[above * pitch..][..height * pitch].chunks_exact_mut(pitch) {
            row[..left * depth].fill(0.0);
            row[(left + width) * depth..].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pictures_that_are_needed_at_once_share_nothing(
            pictures in prop::collection::vec((1usize..6, 1usize..6, 0usize..2, 0usize..4), 1..12),
        ) {
            let layouts: Vec<Layout> = pictures
                .iter()
                .map(|&(height, width, margin, _)| Layout { height, width, depth: 8, margin: [margin; 4] })
                .collect();
            // The last is an output; one that nobody reads is needed while it is written.
            let end = layouts.len() - 1;
            let last = pictures.iter().enumerate().map(|(i, picture)| if i == end { usize::MAX } else { (i + picture.3).min(end) });
            let last: Vec<usize> = last.collect();
            let (pieces, places) = assigned(&layouts, &vec![true; layouts.len()], &last);
            let places: Vec<Picture> = places.into_iter().flatten().collect();
            for (i, picture) in places.iter().enumerate() {
                prop_assert!(picture.layout.len() <= pieces[picture.piece]);
                let both = |j: &usize| *j <= last[i] && places[*j].piece == picture.piece;
                prop_assert_eq!((i + 1..places.len()).find(both), None, "while picture {} is needed", i);
            }
            // Whatever is written to the inner places, margins are zeros, in a second run too.
            let mut memory: Vec<Vec<f32>> = pieces.iter().map(|&len| vec![0.0; len]).collect();
            for picture in places.iter().chain(&places) {
                let Layout { height, width, depth, .. } = picture.layout;
                let values = &mut memory[picture.piece];
                picture.cleared(values);
                let values = &mut values[..picture.layout.len()];
                for row in values[picture.layout.before(0, 0)..].chunks_mut(picture.layout.pitch()).take(height) {
                    row[..width * depth].fill(1.0);
                }
                prop_assert_eq!(values.iter().sum::<f32>(), (height * width * depth) as f32);
            }
        }
    }
}
