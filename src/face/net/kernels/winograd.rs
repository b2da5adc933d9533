//! Convolutions of size 3 with fewer multiplications: Winograd's, as Lavin and Gray take it up (arXiv 1509.09308).
//!
//! A tile of 2x2 places of the result depends on 4x4 places of the input. Sums and differences of these, multiplied by
//! 16 values made of the 9 weights, give it with 16 multiplications instead of 36; each of the 16 for many tiles is a
//! convolution of size 1.

use fearless_simd::{Level, Simd, SimdFloat, dispatch, f32x8, f32x16};

use super::convolution::widest;
use super::{Convolution, End, Finish, Function, Kernel, Layout, Pictures, WIDEST, Window, load};
use crate::face::net::onnx::Shape;

/// Values of a tile of the input, and how many products its result is made of.
const PARTS: usize = 16;

/// The product that all four places of a tile take up once: it holds the bias.
const COMMON: usize = 5;

/// Tiles that are worked on together at least, if the picture has them: enough to make it worth to fetch the weights,
/// few enough that their products stay near.
const BAND: usize = 64;

/// A convolution of size 3 over all channels.
#[derive(Debug)]
pub(in crate::face::net) struct Winograd {
    products: Convolution,
    finish: Finish,
    pictures: Pictures,
    /// Where the first tile is read.
    start: usize,
    /// Tiles of a column and of a row, and rows of tiles of a band.
    down: usize,
    across: usize,
    rows: usize,
    /// The tiles of a band: what is multiplied, and the products.
    factors: Layout,
    made: Layout,
    wide: bool,
}

impl Winograd {
    /// Whether it is faster than the sums one by one.
    pub(in crate::face::net) fn pays(window: &Window, kernel: &Kernel, made: Shape) -> bool {
        let square = window.size == [3, 3] && window.stride == [1, 1];
        square && kernel.channels.iter().all(|&channels| channels >= WIDEST) && made.height.min(made.width) >= 4
    }

    /// Places that are read around the picture: tiles are whole, where the result has half of one too.
    pub(in crate::face::net) fn pads(window: &Window, made: Shape) -> [usize; 4] {
        let [above, left, below, right] = window.pads;
        [above, left, below + made.height % 2, right + made.width % 2]
    }

    /// A convolution by `window`, of size 3 and stride 1.
    pub(in crate::face::net) fn new(
        level: Level,
        window: Window,
        kernel: &Kernel,
        finish: Finish,
        pictures: Pictures,
    ) -> Self {
        let Pictures { input, output, .. } = pictures;
        let lanes = widest(level);
        let (down, across) = (output.height.div_ceil(2), output.width.div_ceil(2));
        // Bands of the same size, or nearly.
        let rows = down.div_ceil(down.div_ceil(BAND.div_ceil(across)));
        let tiles = |depth: usize| Layout { height: 1, width: rows * across, depth, margin: [0; 4] };
        let (factors, made) = (tiles(input.depth), tiles(output.depth));
        let mut bias = vec![0.0; PARTS * made.depth];
        bias[COMMON * made.depth..][..output.depth].copy_from_slice(&finish.bias);
        let of_products = Finish { bias, function: Function::Nothing };
        let kernel = transformed(kernel, made.depth);
        Self {
            products: Convolution::each(level, PARTS, &kernel, of_products, factors, made),
            finish,
            pictures,
            start: input.before(window.pads[0], window.pads[1]),
            down,
            across,
            rows,
            factors,
            made,
            wide: lanes == WIDEST,
        }
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
        let lens = [PARTS * self.factors.len(), PARTS * self.made.len()];
        // What is there from before is written over.
        if scratch.len() < lens[0] + lens[1] {
            scratch.resize(lens[0] + lens[1], 0.0);
        }
        let (factors, products) = scratch.split_at_mut(lens[0]);
        for first in (0..self.down).step_by(self.rows) {
            let rows = self.rows.min(self.down - first);
            for row in 0..rows {
                let input = &input[self.start + 2 * (first + row) * self.pictures.input.pitch()..];
                if self.wide {
                    dispatch!(level, simd => self.apart::<_, f32x16<_>>(simd, input, row, factors));
                } else {
                    dispatch!(level, simd => self.apart::<_, f32x8<_>>(simd, input, row, factors));
                }
            }
            self.products.first(level, rows * self.across, factors, products);
            for row in 0..rows {
                let at = [row, first + row];
                if self.wide {
                    dispatch!(level, simd => self.together::<_, f32x16<_>>(simd, products, at, other, output));
                } else {
                    dispatch!(level, simd => self.together::<_, f32x8<_>>(simd, products, at, other, output));
                }
            }
        }
    }

    /// The factors of a row of tiles, whose input begins at `input`. Columns stay in registers for the tile after.
    #[inline(always)]
    fn apart<S: Simd, F: SimdFloat<S, Element = f32>>(&self, simd: S, input: &[f32], row: usize, factors: &mut [f32]) {
        let Layout { depth, .. } = self.factors;
        let pitch = self.pictures.input.pitch();
        let rows: [&[f32]; 4] = std::array::from_fn(|row| &input[row * pitch..][..(2 * self.across + 2) * depth]);
        let length = self.across * depth;
        let mut parts = factors.chunks_exact_mut(self.factors.len());
        let parts: [&mut [f32]; PARTS] =
            std::array::from_fn(|_| &mut parts.next().unwrap_or_default()[row * length..][..length]);
        for channel in (0..depth).step_by(F::LEN) {
            // The last vector reaches back over channels before.
            let channel = channel.min(depth - F::LEN);
            let column = |x: usize| -> [F; 4] {
                let [a, b, c, d] = std::array::from_fn(|row| load::<S, F>(simd, &rows[row][x * depth + channel..]));
                [a - c, b + c, c - b, b - d]
            };
            let (mut a, mut b) = (column(0), column(1));
            for x in 0..self.across {
                let (c, d) = (column(2 * x + 2), column(2 * x + 3));
                let at = x * depth + channel;
                for row in 0..4 {
                    (a[row] - c[row]).store_slice(&mut parts[4 * row][at..][..F::LEN]);
                    (b[row] + c[row]).store_slice(&mut parts[4 * row + 1][at..][..F::LEN]);
                    (c[row] - b[row]).store_slice(&mut parts[4 * row + 2][at..][..F::LEN]);
                    (b[row] - d[row]).store_slice(&mut parts[4 * row + 3][at..][..F::LEN]);
                }
                (a, b) = (c, d);
            }
        }
    }

    /// The places of a row of tiles, from their products; `row` is that of the band, and that of the picture.
    #[inline(always)]
    fn together<S: Simd, F: SimdFloat<S, Element = f32>>(
        &self,
        simd: S,
        products: &[f32],
        row: [usize; 2],
        other: Option<&[f32]>,
        output: &mut [f32],
    ) {
        let to = self.pictures.output;
        let beside = self.pictures.other.unwrap_or(to);
        let length = self.across * self.made.depth;
        let parts: [&[f32]; PARTS] =
            std::array::from_fn(|part| &products[part * self.made.len() + row[0] * length..][..length]);
        // Of half a tile, what is beyond the picture is written first, to where the other half belongs.
        let rows = [2 * row[1], (2 * row[1] + 1).min(to.height - 1)];
        let to_rows = rows.map(|y| to.before(0, 0) + y * to.pitch());
        let other_rows = rows.map(|y| beside.before(0, 0) + y * beside.pitch());
        for channel in (0..to.depth).step_by(F::LEN) {
            let channel = channel.min(to.depth - F::LEN);
            let end: End<F> = self.finish.end(simd, channel);
            for x in 0..self.across {
                let mut upper = [F::splat(simd, 0.0); 4];
                let mut lower = upper;
                for column in 0..4 {
                    let at = x * self.made.depth + channel;
                    let [a, b, c, d] = std::array::from_fn(|row| load::<S, F>(simd, &parts[4 * row + column][at..]));
                    upper[column] = a + b + c;
                    lower[column] = b - c - d;
                }
                let mut places = [[upper[0]; 2]; 2];
                for (places, [a, b, c, d]) in places.iter_mut().zip([upper, lower]) {
                    *places = [a + b + c, b - c - d];
                }
                let columns = [2 * x, (2 * x + 1).min(to.width - 1)];
                if let Some(other) = other {
                    for row in 0..2 {
                        for column in 0..2 {
                            let at = other_rows[row] + columns[column] * beside.depth;
                            places[row][column] += beside_of::<S, F>(simd, &other[at..][..beside.depth], channel);
                        }
                    }
                }
                for row in [1, 0] {
                    for column in [1, 0] {
                        let at = to_rows[row] + columns[column] * to.depth + channel;
                        end.of(simd, places[row][column]).store_slice(&mut output[at..][..F::LEN]);
                    }
                }
            }
        }
    }
}

/// Channels of a place of the other operand, zeros where it has fewer.
#[inline(always)]
fn beside_of<S: Simd, F: SimdFloat<S, Element = f32>>(simd: S, place: &[f32], channel: usize) -> F {
    if channel + F::LEN <= place.len() {
        return load(simd, &place[channel..]);
    }
    let mut values = [0.0; WIDEST];
    if channel < place.len() {
        values[..place.len() - channel].copy_from_slice(&place[channel..]);
    }
    load(simd, &values)
}

/// The weights of the products, output channels in groups of `depth`.
fn transformed(kernel: &Kernel, depth: usize) -> Kernel {
    let [channels_out, channels_in] = kernel.channels;
    let along = |[a, b, c]: [f32; 3]| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    let size = depth * channels_in;
    let mut values = vec![0.0; PARTS * size];
    for (i, weights) in kernel.values.as_chunks::<9>().0.iter().take(channels_out * channels_in).enumerate() {
        let columns: [[f32; 4]; 3] = std::array::from_fn(|x| along([weights[x], weights[3 + x], weights[6 + x]]));
        for row in 0..4 {
            for (column, value) in along(columns.map(|column| column[row])).into_iter().enumerate() {
                values[(4 * row + column) * size + i] = value;
            }
        }
    }
    Kernel { values, channels: [PARTS * depth, channels_in] }
}
