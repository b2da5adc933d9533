//! What the nets spend their time on, in vector code for the processor at hand: safe SIMD (`fearless_simd`), chosen at run time.
//!
//! Values lie in rows of places, the channels of a place together (channels last), filled up with zeros to whole vectors. A
//! vector is channels of one place, so that no kernel has to know how wide a row is, and a convolution of any size and
//! stride is the same loop: for each value of the rows of its window, one broadcast and as many multiplications as there are
//! vectors of output.

mod convolution;
mod depthwise;
mod places;

use fearless_simd::{Simd, SimdFloat};

pub(super) use convolution::{Convolution, Pictures};
pub(super) use depthwise::Depthwise;
pub(super) use places::{Combination, combine, double, max_pool, mean};

/// The depth of a place is a multiple of this many channels.
pub(super) const LANES: usize = 8;

/// Lanes of the widest vectors that are used.
const WIDEST: usize = 16;

/// How the values of a picture lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Rows of places.
    pub height: usize,
    /// Places of a row.
    pub width: usize,
    /// Values from one place to the next: its channels and what fills the last vector.
    pub depth: usize,
    /// Places of zeros around: above, left, below, right.
    pub margin: [usize; 4],
}

impl Layout {
    /// Values from one row to the next.
    pub(super) fn pitch(&self) -> usize {
        let [_, left, _, right] = self.margin;
        (left + self.width + right) * self.depth
    }

    /// All values, margin included.
    pub(super) fn len(&self) -> usize {
        let [above, _, below, _] = self.margin;
        (above + self.height + below) * self.pitch()
    }

    /// Index of the first value of the place that lies `above` rows and `left` places before the first one.
    pub(super) fn before(&self, above: usize, left: usize) -> usize {
        (self.margin[0] - above) * self.pitch() + (self.margin[1] - left) * self.depth
    }
}

/// The shape of a window: rows, columns, step down and across, rows of zeros above and places of zeros to the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Zeros above, left, below, right of the picture.
    pub pads: [usize; 4],
}

impl Window {
    /// Rows and columns of the result on a picture of this size; `None` when the window is larger.
    pub(super) fn over(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let [above, left, below, right] = self.pads;
        let along = |n: usize, k: usize, step: usize| Some(n.checked_sub(k)? / step + 1);
        Some((
            along(above + height + below, self.size[0], self.stride[0])?,
            along(left + width + right, self.size[1], self.stride[1])?,
        ))
    }
}

/// Weights of a convolution as ONNX has them: output, input, row, column.
#[derive(Debug, Clone)]
pub(super) struct Kernel {
    /// Values in that order.
    pub values: Vec<f32>,
    /// Output and input channels.
    pub channels: [usize; 2],
}

/// What is done with a sum before it is stored.
#[derive(Debug, Clone)]
pub(super) enum Function {
    /// Nothing.
    Nothing,
    /// `max(x, 0) + slope * min(x, 0)` with a slope for each channel: PReLU; with slopes of 0 ReLU.
    Leak(Vec<f32>),
    /// `x * clamp(x + 3, 0, 6) / 6`.
    HardSwish,
}

/// How a value is finished: with the bias of its channel and a function.
#[derive(Debug, Clone)]
pub(super) struct Finish {
    /// A value for each channel, filled up.
    pub bias: Vec<f32>,
    /// What is done with the sum; slopes are filled up too.
    pub function: Function,
}

#[inline(always)]
fn load<S: Simd, F: SimdFloat<S, Element = f32>>(simd: S, values: &[f32]) -> F {
    F::from_slice(simd, &values[..F::LEN])
}

/// A function with the slopes of the channels of one vector at hand.
#[derive(Clone, Copy)]
enum End<F> {
    Nothing,
    /// With these slopes.
    Leak(F),
    HardSwish,
}

impl Finish {
    /// The end of the channels from `channel` on.
    #[inline(always)]
    fn end<S: Simd, F: SimdFloat<S, Element = f32>>(&self, simd: S, channel: usize) -> End<F> {
        match &self.function {
            Function::Nothing => End::Nothing,
            Function::Leak(slopes) => End::Leak(load(simd, &slopes[channel..])),
            Function::HardSwish => End::HardSwish,
        }
    }
}

impl<F> End<F> {
    /// The function of a sum that holds the bias already.
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, sum: F) -> F
    where
        F: SimdFloat<S, Element = f32>,
    {
        let zero = F::splat(simd, 0.0);
        match *self {
            Self::Nothing => sum,
            Self::Leak(slopes) => slopes.mul_add(sum.min(zero), sum.max(zero)),
            Self::HardSwish => {
                let gate = (sum + F::splat(simd, 3.0)).max(zero).min(F::splat(simd, 6.0));
                sum * gate * F::splat(simd, 1.0 / 6.0)
            }
        }
    }
}
