//! Operators that the nets spend most of their time in beside products of matrices, written for the one layout the runtime
//! brings them to: planes of rows, the channel outside (NCHW), one picture at a time.
//!
//! The runtime's own operators of these kinds take any layout and any sizes, and are compiled for the oldest processors. These
//! use what the processor has, and touch memory once for what the runtime takes three passes for. What does not fit their
//! shapes keeps the runtime's operators.

use std::sync::Arc;

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

/// Planes of one picture.
struct Planes<'a> {
    values: &'a [f32],
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> Planes<'a> {
    /// The planes of a tensor CxHxW or 1xCxHxW.
    fn of(view: &'a PlainView<'_>, shape: &[usize]) -> TractResult<Self> {
        let (channels, height, width) = known_dimensions(shape)?;
        Ok(Self { values: view.as_slice::<f32>()?, channels, height, width })
    }

    fn plane(&self, channel: usize) -> &'a [f32] {
        &self.values[channel * self.height * self.width..][..self.height * self.width]
    }
}

/// Channels, height and width of a shape CxHxW or 1xCxHxW.
pub(super) fn dimensions(shape: &[usize]) -> Option<(usize, usize, usize)> {
    match *shape {
        [channels, height, width] | [1, channels, height, width] => Some((channels, height, width)),
        _ => None,
    }
}

fn known_dimensions(shape: &[usize]) -> TractResult<(usize, usize, usize)> {
    dimensions(shape).with_context(|| format!("not the planes of one picture: {shape:?}"))
}

/// The shape of the same kind with other dimensions.
fn like(shape: &[usize], (channels, height, width): (usize, usize, usize)) -> TVec<usize> {
    if shape.len() == 4 { tvec!(1, channels, height, width) } else { tvec!(channels, height, width) }
}

/// A tensor of this shape that `fill` writes into.
fn filled(shape: &[usize], fill: impl FnOnce(&mut [f32]) -> TractResult<()>) -> TractResult<TVec<TValue>> {
    let mut tensor = Tensor::zero::<f32>(shape)?;
    fill(tensor.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?)?;
    Ok(tvec!(tensor.into_tvalue()))
}

/// Convolves each plane with a kernel of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Depthwise {
    /// Channels x K x K.
    pub kernel: Arc<Tensor>,
    /// A value for each channel.
    pub bias: Arc<Tensor>,
    /// K: 3 or 5.
    pub size: usize,
    /// Rows and columns from one value to the next: 1 or 2.
    pub stride: usize,
    /// Rows above and columns to the left that count as zero.
    pub before: [usize; 2],
    /// Rows below and columns to the right that count as zero.
    pub after: [usize; 2],
}

impl Depthwise {
    fn output(&self, (channels, height, width): (usize, usize, usize)) -> (usize, usize, usize) {
        let along = |n: usize, axis: usize| (self.before[axis] + n + self.after[axis] - self.size) / self.stride + 1;
        (channels, along(height, 0), along(width, 1))
    }
}

impl Op for Depthwise {
    fn name(&self) -> StaticName {
        "Depthwise".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Depthwise {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let view = input.try_as_plain_ram()?;
        let planes = Planes::of(&view, input.shape())?;
        let (kernel, bias) = (self.kernel.try_as_plain_ram()?, self.bias.try_as_plain_ram()?);
        let (kernel, bias) = (kernel.as_slice::<f32>()?, bias.as_slice::<f32>()?);
        let (_, height, width) = self.output((planes.channels, planes.height, planes.width));
        let mut padded = Padded::new(self, (planes.height, planes.width), (height, width));
        let level = Level::new();
        let taps = self.size * self.size;
        filled(&like(input.shape(), (planes.channels, height, width)), |output| {
            for (channel, out) in output.chunks_exact_mut(height * width).enumerate() {
                padded.fill(planes.plane(channel), planes.width);
                let kernel = &kernel[channel * taps..][..taps];
                let bias = bias[channel];
                match (self.size, self.stride) {
                    (3, 1) => dispatch!(level, simd => convolve::<_, 3, 1>(simd, &mut padded, kernel, bias)),
                    (3, 2) => dispatch!(level, simd => convolve::<_, 3, 2>(simd, &mut padded, kernel, bias)),
                    (5, 1) => dispatch!(level, simd => convolve::<_, 5, 1>(simd, &mut padded, kernel, bias)),
                    (5, 2) => dispatch!(level, simd => convolve::<_, 5, 2>(simd, &mut padded, kernel, bias)),
                    (size, stride) => bail!("no kernel for size {size}, stride {stride}"),
                }
                for (out, row) in out.chunks_exact_mut(width).zip(padded.sums.chunks_exact(padded.pitch)) {
                    out.copy_from_slice(&row[..width]);
                }
            }
            Ok(())
        })
    }
}

impl TypedOp for Depthwise {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = concrete(inputs[0])?;
        Ok(tvec!(f32::fact(like(&shape, self.output(known_dimensions(&shape)?)))))
    }

    as_op!();
}

fn concrete(fact: &TypedFact) -> TractResult<TVec<usize>> {
    match fact.shape.as_concrete() {
        Some(shape) => Ok(shape.into()),
        None => bail!("a shape that is not known: {:?}", fact.shape),
    }
}

/// One plane with its margin of zeros, taken apart by the stride: phase (p, q) holds every value whose row is p and whose
/// column is q beyond a multiple of it. A tap of the kernel then reads one phase, shifted, for all places at once, across
/// the ends of rows: the sums that begin in one row and end in the next are computed and left out.
struct Padded {
    stride: usize,
    before: [usize; 2],
    /// Length of a row of a phase, and of the sums.
    pitch: usize,
    /// Stride x stride phases, each of `phase` values.
    phases: Vec<f32>,
    phase: usize,
    /// What [`convolve`] makes: a row of `pitch` for each row of the output.
    sums: Vec<f32>,
}

/// Places that are summed at once, in as many vectors as the processor needs for them.
const BLOCK: usize = 32;

impl Padded {
    fn new(op: &Depthwise, input: (usize, usize), (height, width): (usize, usize)) -> Self {
        let padded = |n: usize, axis: usize| op.before[axis] + n + op.after[axis];
        let pitch = padded(input.1, 1).div_ceil(op.stride).max(width);
        let rows = padded(input.0, 0).div_ceil(op.stride);
        let sums = (height * pitch).next_multiple_of(BLOCK);
        // The last block reads beyond the last row.
        let phase = (rows * pitch).max(sums + (op.size - 1) / op.stride * (pitch + 1));
        Self {
            stride: op.stride,
            before: op.before,
            pitch,
            phases: vec![0.0; op.stride * op.stride * phase],
            phase,
            sums: vec![0.0; sums],
        }
    }

    fn fill(&mut self, plane: &[f32], width: usize) {
        let [top, left] = self.before;
        for (y, row) in plane.chunks_exact(width).enumerate() {
            let (y, p) = ((y + top) / self.stride, (y + top) % self.stride);
            if self.stride == 1 {
                self.phases[y * self.pitch + left..][..width].copy_from_slice(row);
                continue;
            }
            for q in 0..2 {
                let start = (p * 2 + q) * self.phase + y * self.pitch;
                // The first column of the picture that falls in this phase, and where it goes.
                let first = (q + left) % 2;
                let to = &mut self.phases[start + (first + left) / 2..];
                for (to, from) in to.iter_mut().zip(row[first.min(width)..].chunks(2)) {
                    *to = from[0];
                }
            }
        }
    }
}

/// Sums of the kernel's taps at all places.
#[inline(always)]
fn convolve<S: Simd, const K: usize, const STRIDE: usize>(simd: S, padded: &mut Padded, kernel: &[f32], bias: f32) {
    let lanes = S::f32s::LEN;
    let (pitch, phase) = (padded.pitch, padded.phase);
    let weights: [[S::f32s; K]; K] =
        std::array::from_fn(|ky| std::array::from_fn(|kx| S::f32s::splat(simd, kernel[ky * K + kx])));
    let rows: [[&[f32]; STRIDE]; K] = std::array::from_fn(|ky| {
        std::array::from_fn(|q| &padded.phases[(ky % STRIDE * STRIDE + q) * phase..][ky / STRIDE * pitch..])
    });
    let mut at = 0;
    for to in padded.sums.as_chunks_mut::<BLOCK>().0 {
        // The most vectors a block takes; of wider ones only the first are used.
        let mut sums = [S::f32s::splat(simd, bias); BLOCK / 4];
        for (row, weights) in rows.iter().zip(&weights) {
            for (q, values) in row.iter().enumerate() {
                let values = &values[at..][..BLOCK + (K - 1) / STRIDE];
                for kx in (q..K).step_by(STRIDE) {
                    for (i, sum) in sums.iter_mut().take(BLOCK / lanes).enumerate() {
                        let values = S::f32s::from_slice(simd, &values[i * lanes + kx / STRIDE..][..lanes]);
                        *sum = weights[kx].mul_add(values, *sum);
                    }
                }
            }
        }
        for (sum, to) in sums.iter().zip(to.chunks_exact_mut(lanes)) {
            sum.store_slice(to);
        }
        at += BLOCK;
    }
}

/// `max(x, 0) + slope * min(x, 0)`, with a slope for each channel (PReLU), of one input or of the sum of two. The second may have
/// fewer channels; those it lacks count as zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AddPRelu {
    /// A value for each channel.
    pub slope: Arc<Tensor>,
}

impl Op for AddPRelu {
    fn name(&self) -> StaticName {
        "AddPRelu".into()
    }

    op_as_typed_op!();
}

impl EvalOp for AddPRelu {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let slope = self.slope.try_as_plain_ram()?;
        let slope = slope.as_slice::<f32>()?;
        let other = if inputs.len() > 1 { inputs.pop() } else { None };
        // The first input is not used again as a rule, and then takes the result.
        let mut tensor = args_1!(inputs).into_tensor();
        let shape: TVec<usize> = tensor.shape().into();
        let (_, height, width) = known_dimensions(&shape)?;
        let other = other.as_ref().map(|other| other.try_as_plain_ram()).transpose()?;
        let other = other.as_ref().map(|other| other.as_slice::<f32>()).transpose()?.unwrap_or_default();
        let level = Level::new();
        {
            let mut view = tensor.try_as_plain_ram_mut()?;
            let size = height * width;
            let mut other = other.chunks_exact(size);
            for (plane, &slope) in view.as_slice_mut::<f32>()?.chunks_exact_mut(size).zip(slope) {
                match other.next() {
                    Some(other) => dispatch!(level, _simd => add_prelu(plane, other, slope)),
                    None => dispatch!(level, _simd => prelu(plane, slope)),
                }
            }
        }
        Ok(tvec!(tensor.into_tvalue()))
    }
}

impl TypedOp for AddPRelu {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(concrete(inputs[0])?)))
    }

    as_op!();
}

#[inline(always)]
fn leak(x: f32, slope: f32) -> f32 {
    if x > 0.0 { x } else { slope * x }
}

#[inline(always)]
fn prelu(plane: &mut [f32], slope: f32) {
    for x in plane {
        *x = leak(*x, slope);
    }
}

#[inline(always)]
fn add_prelu(plane: &mut [f32], other: &[f32], slope: f32) {
    for (x, y) in plane.iter_mut().zip(other) {
        *x = leak(*x + y, slope);
    }
}

/// The largest of each 2x2 values. An odd row or column at the end is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MaxPool2;

impl Op for MaxPool2 {
    fn name(&self) -> StaticName {
        "MaxPool2".into()
    }

    op_as_typed_op!();
}

impl EvalOp for MaxPool2 {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let view = input.try_as_plain_ram()?;
        let planes = Planes::of(&view, input.shape())?;
        let (height, width) = (planes.height / 2, planes.width / 2);
        let level = Level::new();
        filled(&like(input.shape(), (planes.channels, height, width)), |output| {
            // Rows of all planes follow each other; where their number is odd, planes do not begin on a pair.
            if planes.height.is_multiple_of(2) {
                dispatch!(level, _simd => max_pool(planes.values, planes.width, output));
            } else {
                for (channel, out) in output.chunks_exact_mut(height * width).enumerate() {
                    dispatch!(level, _simd => max_pool(planes.plane(channel), planes.width, out));
                }
            }
            Ok(())
        })
    }
}

impl TypedOp for MaxPool2 {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = concrete(inputs[0])?;
        let (channels, height, width) = known_dimensions(&shape)?;
        Ok(tvec!(f32::fact(like(&shape, (channels, height / 2, width / 2)))))
    }

    as_op!();
}

#[inline(always)]
fn max_pool(values: &[f32], width: usize, output: &mut [f32]) {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    for (rows, out) in values.chunks_exact(2 * width).zip(output.chunks_exact_mut(width / 2)) {
        let (upper, lower) = rows.split_at(width);
        for ((out, upper), lower) in out.iter_mut().zip(upper.chunks_exact(2)).zip(lower.chunks_exact(2)) {
            *out = larger(larger(upper[0], lower[0]), larger(upper[1], lower[1]));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(
        op: &dyn EvalOp,
        shape: &[usize],
        values: &[f32],
        other: Option<(&[usize], &[f32])>,
    ) -> (Vec<usize>, Vec<f32>) {
        let value =
            |shape: &[usize], values: &[f32]| Tensor::from_shape(shape, values).expect("a tensor").into_tvalue();
        let inputs = std::iter::once(value(shape, values)).chain(other.map(|(shape, values)| value(shape, values)));
        let output = op.eval_out_of_plan(inputs.collect()).expect("a result").expect("a result").remove(0);
        let values = output.to_plain_array_view::<f32>().expect("numbers").iter().copied().collect();
        (output.shape().to_vec(), values)
    }

    /// Numbers without a pattern, the same each time.
    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i * 7919 % 211) as f32 / 100.0 - 1.0).collect()
    }

    proptest! {
        #[test]
        fn a_depthwise_convolution_is_the_sum_of_its_taps(
            size in prop::sample::select(vec![3usize, 5]),
            stride in 1usize..=2,
            (height, width) in (5usize..40, 5usize..40),
            (before, after) in (0usize..=2, 0usize..=2),
            batch in any::<bool>(),
        ) {
            let channels = 3;
            let (input, kernel) = (numbers(channels * height * width), numbers(channels * size * size));
            let bias = numbers(channels);
            let op = Depthwise {
                kernel: tensor1(&kernel).into_arc_tensor(),
                bias: tensor1(&bias).into_arc_tensor(),
                size,
                stride,
                before: [before, after],
                after: [after, before],
            };
            let shape = if batch { vec![1, channels, height, width] } else { vec![channels, height, width] };
            let (made, values) = run(&op, &shape, &input, None);
            let (_, rows, columns) = op.output((channels, height, width));
            prop_assert_eq!(&made[made.len() - 3..], &[channels, rows, columns]);
            let at = |c: usize, y: usize, x: usize| -> f32 {
                let (y, x) = (y.wrapping_sub(before), x.wrapping_sub(after));
                if y < height && x < width { input[(c * height + y) * width + x] } else { 0.0 }
            };
            for (i, value) in values.iter().enumerate() {
                let (c, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
                let taps = (0..size * size).map(|k| {
                    kernel[c * size * size + k] * at(c, y * stride + k / size, x * stride + k % size)
                });
                let wanted = bias[c] + taps.sum::<f32>();
                prop_assert!((value - wanted).abs() < 1e-4, "{value} is not {wanted} at {c} {y} {x}");
            }
        }
    }

    #[test]
    fn prelu_of_a_sum_with_channels_missing() {
        let op = AddPRelu { slope: tensor1(&[0.5f32, 0.25]).into_arc_tensor() };
        let input = [1.0, -2.0, 3.0, -4.0];
        assert_eq!(run(&op, &[1, 2, 1, 2], &input, None).1, [1.0, -1.0, 3.0, -1.0]);
        let less: (&[usize], &[f32]) = (&[1, 1, 1, 2], &[-2.0, 8.0]);
        assert_eq!(run(&op, &[1, 2, 1, 2], &input, Some(less)).1, [-0.5, 6.0, 3.0, -1.0]);
    }

    #[test]
    fn the_largest_of_four_leaves_odd_ends_out() {
        let (shape, values) = run(&MaxPool2, &[2, 3, 5], &numbers(30), None);
        assert_eq!(shape, [2, 1, 2]);
        let input = numbers(30);
        let wanted =
            |c: usize, x: usize| [0, 1, 5, 6].map(|d| input[c * 15 + 2 * x + d]).into_iter().fold(f32::MIN, f32::max);
        assert_eq!(values, [wanted(0, 0), wanted(0, 1), wanted(1, 0), wanted(1, 1)]);
    }
}
