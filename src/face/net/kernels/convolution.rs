//! Convolutions over all channels.

use std::ops::Range;

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch, f32x8, f32x16};

use super::{Depthwise, End, Finish, Kernel, LANES, Layout, WIDEST, Window, load};

/// A convolution over all channels; of what a convolution of each channel alone gives, where there is one before.
#[derive(Debug)]
pub(in crate::face::net) struct Convolution {
    window: Window,
    /// Values of a row of the window.
    run: usize,
    /// Block by block, for each value of the window the weights of the block's channels.
    weights: Vec<f32>,
    blocks: Vec<Block>,
    finish: Finish,
    before: Option<Depthwise>,
    band: Band,
}

/// What the sums of a block are made of.
#[derive(Clone, Copy)]
struct Work<'a> {
    block: &'a Block,
    start: Place,
    places: &'a [Place],
    input: &'a [f32],
    other: Option<&'a [f32]>,
}

/// Where one place is read and written, relative to the band of rows it belongs to.
#[derive(Debug, Clone, Copy)]
struct Place {
    input: usize,
    other: usize,
    output: usize,
}

/// Output channels that are summed at once.
#[derive(Debug, Clone, Copy)]
struct Block {
    cut: Cut,
    /// First of its channels, for bias and slopes.
    channel: usize,
    /// Where its weights begin.
    weights: usize,
    /// What it adds to where a place is written.
    output: usize,
    /// What it adds to where a place of the other operand is read, and how many of its channels that has.
    other: usize,
    shared: usize,
}

/// How many output channels are summed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    /// Vectors, 1 to 3, and lanes of each, 8 or 16.
    vectors: usize,
    lanes: usize,
    /// Whether half a vector of 16 lanes stands behind them.
    half: bool,
}

impl Cut {
    fn channels(self) -> usize {
        self.vectors * self.lanes + if self.half { LANES } else { 0 }
    }
}

/// The places that are worked on together: as many rows as make it worth to fetch the weights.
#[derive(Debug, Clone)]
struct Band {
    /// Rows of all bands, before they are doubled, and of one.
    height: usize,
    rows: usize,
    places: Vec<Place>,
    /// From one band to the next.
    step: Place,
    /// Where the first band begins.
    start: Place,
    /// Between rows of the window.
    input_pitch: usize,
}

/// Places that a band has at least, if the picture has them.
const BAND: usize = 48;

/// Vectors of the largest block.
const MOST: usize = 3;

/// How `depth` channels are cut into blocks. Two vectors and as many places as fill the registers with sums. The last three stay
/// together where they are whole, there are registers for them and nothing is added: one vector alone multiplies too little for
/// what it reads. Half a vector is added to others, so that no lane multiplies what is not there.
fn cut(depth: usize, widest: usize, alone: bool) -> Vec<Cut> {
    let lanes = widest.min(depth);
    let mut blocks = Vec::new();
    let mut left = depth;
    while left > 0 {
        let three = alone && lanes == WIDEST && left == MOST * lanes;
        let vectors = if three { MOST } else { (left / lanes).min(2) };
        let half = left - vectors * lanes < lanes && !left.is_multiple_of(lanes);
        let block = Cut { vectors, lanes, half };
        blocks.push(block);
        left -= block.channels();
    }
    blocks
}

/// Lanes of the widest vectors the processor multiplies at once, if not fewer than [`LANES`] nor more than [`WIDEST`].
fn widest(level: Level) -> usize {
    dispatch!(level, simd => native(simd)).clamp(LANES, WIDEST)
}

#[inline(always)]
fn native<S: Simd>(_: S) -> usize {
    S::f32s::LEN
}

/// Pictures a convolution reads and writes.
#[derive(Debug, Clone, Copy)]
pub(in crate::face::net) struct Pictures {
    /// What is convolved.
    pub input: Layout,
    /// What is added to the sums; it may have fewer channels.
    pub other: Option<Layout>,
    /// What is written.
    pub output: Layout,
}

/// Appends the weights of a block in the order they are read in: value by value of the window, its output channels of each,
/// zeros for those there are not.
fn pack(weights: &mut Vec<f32>, window: Window, kernel: &Kernel, depth: usize, block: Range<usize>) {
    let [channels_out, channels_in] = kernel.channels;
    let [rows, columns] = window.size;
    let lanes = block.len();
    let block = block.start..block.end.min(channels_out);
    for tap in 0..rows * columns {
        for from in 0..depth {
            let start = weights.len();
            if from < channels_in {
                weights.extend(block.clone().map(|to| kernel.values[(to * channels_in + from) * rows * columns + tap]));
            }
            weights.resize(start + lanes, 0.0);
        }
    }
}

impl Band {
    /// The bands of pictures; of the output and what is added, every `scale`th row and place.
    fn over(window: Window, pictures: Pictures, scale: usize) -> Self {
        let Pictures { input, other, output } = pictures;
        let other = other.unwrap_or(output);
        let (height, width) = (output.height / scale, output.width / scale);
        let rows = BAND.div_ceil(width).min(height);
        let place = |y: usize, x: usize| Place {
            input: y * window.stride[0] * input.pitch() + x * window.stride[1] * input.depth,
            other: scale * (y * other.pitch() + x * other.depth),
            output: scale * (y * output.pitch() + x * output.depth),
        };
        Self {
            height,
            rows,
            places: (0..rows * width).map(|i| place(i / width, i % width)).collect(),
            step: place(rows, 0),
            start: Place {
                input: input.before(window.pads[0], window.pads[1]),
                other: other.before(0, 0),
                output: output.before(0, 0),
            },
            input_pitch: input.pitch(),
        }
    }
}

impl Convolution {
    /// A convolution by `window`. With `spread`, output channels come in four groups of the output's depth, which are written
    /// to the four places that a place becomes when a picture is doubled: a transposed convolution of size and stride 2.
    pub(in crate::face::net) fn new(
        level: Level,
        window: Window,
        kernel: &Kernel,
        finish: Finish,
        spread: bool,
        pictures: Pictures,
    ) -> Self {
        let Pictures { input, other, output } = pictures;
        let beside = other.unwrap_or(output);
        let band = Band::over(window, pictures, if spread { 2 } else { 1 });
        let (mut blocks, mut weights) = (Vec::new(), Vec::new());
        for group in 0..if spread { 4 } else { 1 } {
            let place = |layout: Layout| group / 2 * layout.pitch() + group % 2 * layout.depth;
            let mut lane = 0;
            for cut in cut(output.depth, widest(level), other.is_none()) {
                let (channel, channels) = (group * output.depth + lane, cut.channels());
                blocks.push(Block {
                    cut,
                    channel,
                    weights: weights.len(),
                    output: place(output) + lane,
                    other: place(beside) + lane,
                    shared: other.map_or(0, |other| other.depth.saturating_sub(lane).min(channels)),
                });
                pack(&mut weights, window, kernel, input.depth, channel..channel + channels);
                lane += channels;
            }
        }
        let run = window.size[1] * input.depth;
        Self { window, run, weights, blocks, finish, before: None, band }
    }

    /// The same of what `depthwise` makes of its input; this must be a convolution of size 1 of a picture without margin.
    pub(in crate::face::net) fn after(mut self, depthwise: Depthwise) -> Self {
        self.band.step.input = 0;
        self.band.start.input = 0;
        self.before = Some(depthwise);
        self
    }

    /// Convolves `input`, adds `other` and writes to the inner places of `output`.
    pub(in crate::face::net) fn run(
        &self,
        level: Level,
        input: &[f32],
        other: Option<&[f32]>,
        output: &mut [f32],
        scratch: &mut Vec<f32>,
    ) {
        let band = &self.band;
        let per_row = band.places.len() / band.rows;
        let mut start = band.start;
        for first in (0..band.height).step_by(band.rows) {
            let rows = band.rows.min(band.height - first);
            let places = &band.places[..rows * per_row];
            let input = match &self.before {
                Some(depthwise) => {
                    scratch.resize(places.len() * depthwise.depth, 0.0);
                    let pitch = per_row * depthwise.depth;
                    dispatch!(level, simd => depthwise.rows(simd, input, first, rows, scratch, pitch));
                    scratch.as_slice()
                }
                None => input,
            };
            self.sums(level, (start, places), (input, other), output);
            start.input += band.step.input;
            start.other += band.step.other;
            start.output += band.step.output;
        }
    }

    /// The sums of all blocks at some places.
    fn sums(
        &self,
        level: Level,
        (start, places): (Place, &[Place]),
        (input, other): (&[f32], Option<&[f32]>),
        output: &mut [f32],
    ) {
        for block in &self.blocks {
            let work = Work { block, start, places, input, other };
            // Each is compiled by itself: together they would share too few registers.
            match (block.cut.lanes, block.cut.vectors, block.cut.half) {
                (16, 3, _) => dispatch!(level, simd => self.block::<_, f32x16<_>, 8, 3, 0>(simd, &work, output)),
                (16, 2, true) => dispatch!(level, simd => self.block::<_, f32x16<_>, 8, 2, 1>(simd, &work, output)),
                (16, 2, _) => dispatch!(level, simd => self.block::<_, f32x16<_>, 8, 2, 0>(simd, &work, output)),
                (16, _, true) => dispatch!(level, simd => self.block::<_, f32x16<_>, 8, 1, 1>(simd, &work, output)),
                (16, ..) => dispatch!(level, simd => self.block::<_, f32x16<_>, 8, 1, 0>(simd, &work, output)),
                (_, 2, _) => dispatch!(level, simd => self.block::<_, f32x8<_>, 6, 2, 0>(simd, &work, output)),
                _ => dispatch!(level, simd => self.block::<_, f32x8<_>, 8, 1, 0>(simd, &work, output)),
            }
        }
    }

    /// The sums of `V` vectors of output channels, and of `H` of half their width, at all places of a band, `P` places at a time.
    /// Where fewer are left, the last is summed again.
    #[inline(always)]
    fn block<S: Simd, F: SimdFloat<S, Element = f32>, const P: usize, const V: usize, const H: usize>(
        &self,
        simd: S,
        work: &Work<'_>,
        output: &mut [f32],
    ) {
        let Work { block, start, places, input, other } = *work;
        let vectors = V * F::LEN;
        let lanes = vectors + H * LANES;
        let size = self.run * lanes;
        let weights = &self.weights[block.weights..][..self.window.size[0] * size];
        let (full, half) = (|v: usize| v * F::LEN, |h: usize| vectors + h * LANES);
        let bias: [F; V] = std::array::from_fn(|v| load(simd, &self.finish.bias[block.channel + full(v)..]));
        let half_bias: [f32x8<S>; H] =
            std::array::from_fn(|h| load(simd, &self.finish.bias[block.channel + half(h)..]));
        let ends: [End<F>; V] = std::array::from_fn(|v| self.finish.end(simd, block.channel + full(v)));
        let half_ends: [End<f32x8<S>>; H] = std::array::from_fn(|h| self.finish.end(simd, block.channel + half(h)));
        let other = other.filter(|_| block.shared > 0);
        let (to, from) = (start.output + block.output, start.other + block.other);
        let (tiles, rest) = places.as_chunks::<P>();
        let filled = rest.last().map(|&last| {
            let mut at = [last; P];
            at[..rest.len()].copy_from_slice(rest);
            at
        });
        for at in tiles.iter().chain(&filled) {
            let mut sums = [bias; P];
            let mut half_sums = [half_bias; P];
            for row in 0..self.window.size[0] {
                let above = start.input + row * self.band.input_pitch;
                let values: [&[f32]; P] = std::array::from_fn(|p| &input[above + at[p].input..][..self.run]);
                // Cut once more to one length, which is then compared with once and not for each of them.
                let run = values[0].len();
                let values: [&[f32]; P] = std::array::from_fn(|p| &values[p][..run]);
                let weights = &weights[row * size..][..size];
                for (i, weights) in (0..run).zip(weights.chunks_exact(lanes)) {
                    let of_half: [f32x8<S>; H] = std::array::from_fn(|h| load(simd, &weights[half(h)..]));
                    let weights: [F; V] = std::array::from_fn(|v| load(simd, &weights[full(v)..]));
                    for p in 0..P {
                        let value = F::splat(simd, values[p][i]);
                        for v in 0..V {
                            sums[p][v] = value.mul_add(weights[v], sums[p][v]);
                        }
                        for h in 0..H {
                            let value = f32x8::splat(simd, values[p][i]);
                            half_sums[p][h] = value.mul_add(of_half[h], half_sums[p][h]);
                        }
                    }
                }
            }
            // Each loop is short enough to be unrolled, so that the sums need no address and stay in registers.
            match other {
                Some(other) if block.shared == lanes => {
                    for p in 0..P {
                        let other = &other[from + at[p].other..][..lanes];
                        for v in 0..V {
                            sums[p][v] += load::<S, F>(simd, &other[full(v)..]);
                        }
                        for h in 0..H {
                            half_sums[p][h] += load::<S, f32x8<S>>(simd, &other[half(h)..]);
                        }
                    }
                }
                Some(other) => {
                    for p in 0..P {
                        // Zeros stand for the channels there are not.
                        let mut filled = [0.0f32; MOST * WIDEST];
                        let other = &other[from + at[p].other..][..block.shared];
                        for (to, from) in filled.as_chunks_mut::<LANES>().0.iter_mut().zip(other.as_chunks().0) {
                            *to = *from;
                        }
                        for v in 0..V {
                            sums[p][v] += load::<S, F>(simd, &filled[full(v)..]);
                        }
                        for h in 0..H {
                            half_sums[p][h] += load::<S, f32x8<S>>(simd, &filled[half(h)..]);
                        }
                    }
                }
                None => {}
            }
            for sums in &mut sums {
                for v in 0..V {
                    sums[v] = ends[v].of(simd, sums[v]);
                }
            }
            for sums in &mut half_sums {
                for h in 0..H {
                    sums[h] = half_ends[h].of(simd, sums[h]);
                }
            }
            for p in 0..P {
                let to = &mut output[to + at[p].output..][..lanes];
                for v in 0..V {
                    sums[p][v].store_slice(&mut to[full(v)..][..F::LEN]);
                }
                for h in 0..H {
                    half_sums[p][h].store_slice(&mut to[half(h)..][..LANES]);
                }
            }
        }
    }
}
