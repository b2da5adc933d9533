//! Convolutions of each channel alone.

use fearless_simd::{Level, Simd, SimdFloat, dispatch, f32x8, f32x16};

use super::{Finish, Kernel, Layout, WIDEST, Window, load};

/// A convolution of each channel alone.
#[derive(Debug, Clone)]
pub(in crate::face::net) struct Depthwise {
    window: Window,
    /// Row by row, column by column of the window, a value for each channel, filled up.
    weights: Vec<f32>,
    finish: Finish,
    /// Values from one place to the next, of input and output.
    pub(super) depth: usize,
    /// Values between rows of the input, and where its first window begins.
    pitch: usize,
    origin: usize,
    /// Columns of the output.
    width: usize,
}

impl Depthwise {
    /// `kernel` has one input channel for each output channel. Its window is square: 3 or 5, with a stride of 1 or 2.
    pub(in crate::face::net) fn new(
        window: Window,
        kernel: &Kernel,
        finish: Finish,
        input: Layout,
        width: usize,
    ) -> Self {
        let taps = window.size[0] * window.size[1];
        let mut weights = Vec::with_capacity(taps * input.depth);
        for tap in 0..taps {
            for channel in 0..input.depth {
                weights.push(if channel < kernel.channels[0] { kernel.values[channel * taps + tap] } else { 0.0 });
            }
        }
        Self {
            window,
            weights,
            finish,
            depth: input.depth,
            pitch: input.pitch(),
            origin: input.before(window.pads[0], window.pads[1]),
            width,
        }
    }

    /// Whether there is a kernel for this window.
    pub(in crate::face::net) fn fits(window: &Window) -> bool {
        matches!((window.size, window.stride), ([3, 3] | [5, 5], [1, 1] | [2, 2]))
    }

    /// Convolves `input` and writes to the inner places of `output`.
    pub(in crate::face::net) fn run(&self, level: Level, input: &[f32], output: &mut [f32], layout: Layout) {
        let output = &mut output[layout.before(0, 0)..];
        dispatch!(level, simd => self.rows(simd, input, 0, layout.height, output, layout.pitch()));
    }

    /// Rows `first..first + rows` of the result, `pitch` values apart.
    #[inline(always)]
    pub(super) fn rows<S: Simd>(
        &self,
        simd: S,
        input: &[f32],
        first: usize,
        rows: usize,
        output: &mut [f32],
        pitch: usize,
    ) {
        for row in 0..rows {
            let input = &input[self.origin + (first + row) * self.window.stride[0] * self.pitch..];
            let output = &mut output[row * pitch..][..self.width * self.depth];
            let wide = self.depth.is_multiple_of(WIDEST);
            match (self.window.size[0], self.window.stride[0], wide) {
                (3, 1, true) => self.slide::<S, f32x16<S>, 1>(simd, input, output),
                (3, 1, false) => self.slide::<S, f32x8<S>, 1>(simd, input, output),
                (3, _, true) => self.slide::<S, f32x16<S>, 2>(simd, input, output),
                (3, _, false) => self.slide::<S, f32x8<S>, 2>(simd, input, output),
                (_, 1, true) => self.stand::<S, f32x16<S>, 5, 1>(simd, input, output),
                (_, 1, false) => self.stand::<S, f32x8<S>, 5, 1>(simd, input, output),
                (.., true) => self.stand::<S, f32x16<S>, 5, 2>(simd, input, output),
                (.., false) => self.stand::<S, f32x8<S>, 5, 2>(simd, input, output),
            }
        }
    }

    /// A row by a window of 3, whose columns stay in registers while it slides along.
    #[inline(always)]
    fn slide<S: Simd, F: SimdFloat<S, Element = f32>, const STRIDE: usize>(
        &self,
        simd: S,
        input: &[f32],
        output: &mut [f32],
    ) {
        let depth = self.depth;
        let length = ((self.width - 1) * STRIDE + 3) * depth;
        let rows: [&[f32]; 3] = std::array::from_fn(|row| &input[row * self.pitch..][..length]);
        for channel in (0..depth).step_by(F::LEN) {
            let weights: [[F; 3]; 3] = std::array::from_fn(|row| {
                std::array::from_fn(|column| load(simd, &self.weights[(row * 3 + column) * depth + channel..]))
            });
            let bias: F = load(simd, &self.finish.bias[channel..]);
            let end = self.finish.end::<S, F>(simd, channel);
            let column =
                |x: usize| -> [F; 3] { std::array::from_fn(|row| load(simd, &rows[row][x * depth + channel..])) };
            let mut left = column(0);
            let mut middle = column(1);
            for (x, to) in output.chunks_exact_mut(depth).enumerate() {
                let right = column(STRIDE * x + 2);
                // A sum for each row: three short chains run beside each other.
                let mut sums = [bias, F::splat(simd, 0.0), F::splat(simd, 0.0)];
                for row in 0..3 {
                    sums[row] = weights[row][0].mul_add(left[row], sums[row]);
                    sums[row] = weights[row][1].mul_add(middle[row], sums[row]);
                    sums[row] = weights[row][2].mul_add(right[row], sums[row]);
                }
                let [a, b, c] = sums;
                end.of(simd, a + b + c).store_slice(&mut to[channel..][..F::LEN]);
                if STRIDE == 1 {
                    (left, middle) = (middle, right);
                } else if x + 1 < self.width {
                    (left, middle) = (right, column(STRIDE * x + 3));
                }
            }
        }
    }

    /// A row by a larger window, four places at a time.
    #[inline(always)]
    fn stand<S: Simd, F: SimdFloat<S, Element = f32>, const K: usize, const STRIDE: usize>(
        &self,
        simd: S,
        input: &[f32],
        output: &mut [f32],
    ) {
        for channel in (0..self.depth).step_by(F::LEN) {
            if self.width < 4 {
                for x in 0..self.width {
                    self.places::<S, F, K, STRIDE, 1>(simd, input, output, channel, x);
                }
                continue;
            }
            let mut x = 0;
            while x < self.width {
                // The last ones reach back over those before.
                self.places::<S, F, K, STRIDE, 4>(simd, input, output, channel, x.min(self.width - 4));
                x += 4;
            }
        }
    }

    #[inline(always)]
    fn places<S: Simd, F: SimdFloat<S, Element = f32>, const K: usize, const STRIDE: usize, const P: usize>(
        &self,
        simd: S,
        input: &[f32],
        output: &mut [f32],
        channel: usize,
        x: usize,
    ) {
        let bias: F = load(simd, &self.finish.bias[channel..]);
        let mut sums = [bias; P];
        for row in 0..K {
            let input = &input[row * self.pitch + x * STRIDE * self.depth + channel..];
            // The most that is read: five columns of windows that are two apart.
            let mut values = [bias; 11];
            for (i, value) in values.iter_mut().take((P - 1) * STRIDE + K).enumerate() {
                *value = load(simd, &input[i * self.depth..]);
            }
            for column in 0..K {
                let weights: F = load(simd, &self.weights[(row * K + column) * self.depth + channel..]);
                for p in 0..P {
                    sums[p] = weights.mul_add(values[p * STRIDE + column], sums[p]);
                }
            }
        }
        let end = self.finish.end::<S, F>(simd, channel);
        for p in 0..P {
            let value = end.of(simd, sums[p]);
            value.store_slice(&mut output[(x + p) * self.depth + channel..][..F::LEN]);
        }
    }
}
