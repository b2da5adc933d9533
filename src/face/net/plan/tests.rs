//! Plans against the operations of their graphs, one by one.

use proptest::prelude::*;

use super::*;
use crate::face::net::kernels::Window;
use crate::face::net::onnx::{Node, Operation, Output};
use crate::face::net::rows_of;

/// Numbers without a pattern, the same each time.
fn numbers(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i + 31 * seed) * 7919 % 211) as f32 / 100.0 - 1.0).collect()
}

/// What a graph says, operation by operation, written to be read.
fn said(graph: &Graph, input: &[f32]) -> Vec<Vec<f32>> {
    let mut made: Vec<Vec<f32>> = Vec::new();
    for node in &graph.nodes {
        let Shape { height, width, channels } = node.shape;
        let picture = |of: usize| {
            let (shape, values) = (graph.nodes[of].shape, &made[of]);
            move |y: isize, x: isize, c: usize| {
                let inside = y >= 0 && x >= 0 && y < shape.height as isize && x < shape.width as isize;
                let at = (y * shape.width as isize + x) * shape.channels as isize + c as isize;
                if inside && c < shape.channels { values[at as usize] } else { 0.0 }
            }
        };
        let each = |value: &dyn Fn(usize, usize, usize) -> f32| -> Vec<f32> {
            let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
            places.flat_map(|(y, x)| (0..channels).map(move |c| value(y, x, c))).collect()
        };
        let convolved = |of: usize, window: &Window, kernel: &Kernel, y: usize, x: usize, to: usize, alone: bool| {
            let at = picture(of);
            let [rows, columns] = window.size;
            let mut sum = 0.0;
            for from in 0..kernel.channels[1] {
                for tap in 0..rows * columns {
                    let y = (y * window.stride[0] + tap / columns) as isize - window.pads[0] as isize;
                    let x = (x * window.stride[1] + tap % columns) as isize - window.pads[1] as isize;
                    let weight = kernel.values[(to * kernel.channels[1] + from) * rows * columns + tap];
                    sum += weight * at(y, x, if alone { to } else { from });
                }
            }
            sum
        };
        let values = match &node.operation {
            Operation::Input => input.to_vec(),
            Operation::Convolution { input, window, kernel, bias, doubled: false } => {
                each(&|y, x, c| bias[c] + convolved(*input, window, kernel, y, x, c, false))
            }
            Operation::Convolution { input, window, kernel, bias, doubled: true } => each(&|y, x, c| {
                let to = (y % 2 * 2 + x % 2) * channels + c;
                bias[to] + convolved(*input, window, kernel, y / 2, x / 2, to, false)
            }),
            Operation::Depthwise { input, window, kernel, bias } => {
                each(&|y, x, c| bias[c] + convolved(*input, window, kernel, y, x, c, true))
            }
            Operation::Leak { input, slopes } => {
                let at = picture(*input);
                each(&|y, x, c| {
                    let value = at(y as isize, x as isize, c);
                    value.max(0.0) + slopes[c] * value.min(0.0)
                })
            }
            Operation::HardSwish { input } => {
                let at = picture(*input);
                each(&|y, x, c| {
                    let value = at(y as isize, x as isize, c);
                    value * (value + 3.0).clamp(0.0, 6.0) / 6.0
                })
            }
            Operation::Sigmoid { input } => made[*input].iter().map(|&value| sigmoid(value)).collect(),
            Operation::Combine { how, input, other } => {
                let (at, beside) = (picture(*input), picture(*other));
                let one = graph.nodes[*other].shape.is_place();
                each(&|y, x, c| {
                    let (y, x) = (y as isize, x as isize);
                    let (a, b) = (at(y, x, c), if one { beside(0, 0, c) } else { beside(y, x, c) });
                    if *how == Combination::Sum { a + b } else { a * b }
                })
            }
            Operation::Widen { input } => {
                let at = picture(*input);
                each(&|y, x, c| at(y as isize, x as isize, c))
            }
            Operation::MaxPool { input } => {
                let at = picture(*input);
                let four = |y: usize, x: usize, c: usize| {
                    let places = [(0, 0), (0, 1), (1, 0), (1, 1)];
                    places.map(|(dy, dx)| at((2 * y + dy) as isize, (2 * x + dx) as isize, c))
                };
                each(&|y, x, c| four(y, x, c).into_iter().fold(f32::MIN, f32::max))
            }
            Operation::Mean { input } => {
                let places = made[*input].chunks(channels);
                let n = places.len() as f32;
                (0..channels).map(|c| places.clone().map(|place| place[c]).sum::<f32>() / n).collect()
            }
            Operation::Double { input } => {
                let at = picture(*input);
                let shape = graph.nodes[*input].shape;
                let along = |i: usize, n: usize| {
                    let place = ((i as f32 + 0.5) / 2.0 - 0.5).clamp(0.0, (n - 1) as f32);
                    let first = (place as usize).min(n.saturating_sub(2));
                    (first as isize, (first + 1).min(n - 1) as isize, place - first as f32)
                };
                each(&|y, x, c| {
                    let ((y0, y1, v), (x0, x1, u)) = (along(y, shape.height), along(x, shape.width));
                    let row = |y: isize| at(y, x0, c) * (1.0 - u) + at(y, x1, c) * u;
                    row(y0) * (1.0 - v) + row(y1) * v
                })
            }
        };
        made.push(values);
    }
    graph.outputs.iter().map(|output| output.parts.iter().flat_map(|&part| made[part].clone()).collect()).collect()
}

/// A graph that grows by one operation or a few that belong together.
struct Growing(Graph);

impl Growing {
    fn new(input: Shape) -> Self {
        let nodes = vec![Node { operation: Operation::Input, shape: input }];
        Self(Graph { nodes, outputs: Vec::new() })
    }

    fn push(&mut self, operation: Operation, shape: Shape) -> usize {
        self.0.nodes.push(Node { operation, shape });
        self.0.nodes.len() - 1
    }

    fn shape(&self, node: usize) -> Shape {
        self.0.nodes[node].shape
    }

    fn convolution(&mut self, input: usize, channels: usize, window: Window, doubled: bool) -> usize {
        let shape = self.shape(input);
        let groups = if doubled { 4 } else { 1 };
        let (height, width) = window.over(shape.height, shape.width).expect("a window that fits");
        let scale = if doubled { 2 } else { 1 };
        let kernel = Kernel {
            values: numbers(groups * channels * shape.channels * window.size[0] * window.size[1], channels),
            channels: [groups * channels, shape.channels],
        };
        let bias = numbers(groups * channels, 3);
        let made = Shape { height: scale * height, width: scale * width, channels };
        self.push(Operation::Convolution { input, window, kernel, bias, doubled }, made)
    }

    fn depthwise(&mut self, input: usize, size: usize, stride: usize) -> usize {
        let shape = self.shape(input);
        let window = Window { size: [size; 2], stride: [stride; 2], pads: [size / 2; 4] };
        let (height, width) = window.over(shape.height, shape.width).expect("a window that fits");
        let kernel = Kernel { values: numbers(shape.channels * size * size, 5), channels: [shape.channels, 1] };
        let bias = numbers(shape.channels, 2);
        self.push(Operation::Depthwise { input, window, kernel, bias }, Shape { height, width, ..shape })
    }

    fn leak(&mut self, input: usize) -> usize {
        let shape = self.shape(input);
        self.push(Operation::Leak { input, slopes: numbers(shape.channels, 7) }, shape)
    }

    fn sum(&mut self, input: usize, other: usize) -> usize {
        self.push(Operation::Combine { how: Combination::Sum, input, other }, self.shape(input))
    }
}

/// What this processor can do, and less of it.
fn levels() -> Vec<Level> {
    #[allow(unused_mut)]
    let mut levels = vec![Level::new(), Level::baseline()];
    #[cfg(target_arch = "x86_64")]
    levels.extend(Level::new().as_avx2().map(Level::Avx2));
    levels
}

const POINT: Window = Window { size: [1, 1], stride: [1, 1], pads: [0; 4] };

/// Adds what nets are made of, by a number.
fn grown(graph: &mut Growing, kind: usize, channels: usize, stride: usize) -> usize {
    let last = graph.0.nodes.len() - 1;
    let shape = graph.shape(last);
    let window = Window { size: [3, 3], stride: [stride; 2], pads: [1, 1, 1, 1] };
    match kind {
        // Sizes and pads that differ by direction.
        0 => graph.convolution(last, channels, Window { size: [3, 5], stride: [stride, 1], pads: [0, 1, 2, 3] }, false),
        1 => {
            let convolution = graph.convolution(last, channels, window, false);
            graph.leak(convolution)
        }
        // A sum with one place is no step of a convolution, and cannot take up zeros.
        2 | 6 if shape.is_place() => graph.convolution(last, channels, POINT, false),
        // A residual block that grows, as in the detector.
        2 => {
            let depthwise = graph.depthwise(last, 3, 1);
            let point = graph.convolution(depthwise, shape.channels + channels, POINT, false);
            let widened = Shape { channels: shape.channels + channels, ..shape };
            let wide = graph.push(Operation::Widen { input: last }, widened);
            let sum = graph.sum(wide, point);
            graph.leak(sum)
        }
        // One with a pool beside a stride.
        3 => {
            let depthwise = graph.depthwise(last, 3, 2);
            let point = graph.convolution(depthwise, shape.channels, POINT, false);
            let pooled = Shape { height: shape.height / 2, width: shape.width / 2, ..shape };
            if graph.shape(point) != pooled || pooled.height * pooled.width == 0 {
                return point;
            }
            let pool = graph.push(Operation::MaxPool { input: last }, pooled);
            graph.sum(point, pool)
        }
        // A gate by the mean.
        4 => {
            let depthwise = graph.depthwise(last, 5, stride);
            let swish = graph.push(Operation::HardSwish { input: depthwise }, graph.shape(depthwise));
            let place = Shape { height: 1, width: 1, ..shape };
            let mean = graph.push(Operation::Mean { input: swish }, place);
            let gate = graph.push(Operation::Sigmoid { input: mean }, place);
            let shape = graph.shape(swish);
            graph.push(Operation::Combine { how: Combination::Product, input: swish, other: gate }, shape)
        }
        5 => {
            let doubled = Shape { height: 2 * shape.height, width: 2 * shape.width, ..shape };
            let double = graph.push(Operation::Double { input: last }, doubled);
            graph.convolution(double, channels, POINT, false)
        }
        // A residual block of convolutions over all channels that grows, with pads that differ by direction.
        6 => {
            let window = Window { size: [3, 3], stride: [1, 1], pads: [0, 2, 2, 0] };
            let first = graph.convolution(last, channels + 8, window, false);
            let leak = graph.leak(first);
            let window = Window { pads: [1; 4], ..window };
            let second = graph.convolution(leak, shape.channels + channels, window, false);
            let widened = Shape { channels: shape.channels + channels, ..shape };
            let wide = graph.push(Operation::Widen { input: last }, widened);
            let sum = graph.sum(wide, second);
            graph.push(Operation::HardSwish { input: sum }, widened)
        }
        // A transposed convolution, with a sum and a function behind it.
        _ => {
            let convolution = graph.convolution(last, channels, POINT, true);
            let again = graph.convolution(last, channels, POINT, true);
            let sum = graph.sum(convolution, again);
            graph.leak(sum)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is merged and laid out how, the values are those of the operations one by one; and a second run, in buffers
    /// that were used, gives the same.
    #[test]
    fn a_plan_says_what_its_graph_says(
        (height, width) in (2usize..14, 2usize..14),
        input_channels in 1usize..5,
        kinds in prop::collection::vec((0usize..8, 1usize..40, 1usize..3), 1..4),
    ) {
        let mut graph = Growing::new(Shape { height, width, channels: input_channels });
        // The input's places are not filled up: only convolutions read it.
        let mut last = graph.convolution(0, 20, Window { size: [3, 3], stride: [1, 1], pads: [1; 4] }, false);
        let first = last;
        for (kind, channels, stride) in kinds {
            last = grown(&mut graph, kind, channels, stride);
        }
        let parts = if last == first { vec![last] } else { vec![last, first] };
        graph.0.outputs = vec![Output { parts, plus: Vec::new(), end: OutputEnd::None }];
        let input = numbers(height * width * input_channels, 1);
        let wanted = said(&graph.0, &input);
        for level in levels() {
            let plan = Plan::of_graph(level, graph.0.clone()).expect("a plan");
            for _ in 0..2 {
                let values = plan.run(&mut rows_of(&input));
                prop_assert_eq!(values[0].len(), wanted[0].len());
                let largest = wanted[0].iter().fold(1.0f32, |most, value| most.max(value.abs()));
                for (i, (value, wanted)) in values[0].iter().zip(&wanted[0]).enumerate() {
                    let off = (value - wanted).abs();
                    prop_assert!(off <= 2e-5 * largest, "{level:?}: {value} is not {wanted} at {i}");
                }
            }
        }
    }
}

#[test]
fn channels_of_zeros_that_nothing_takes_up_are_refused() {
    let shape = Shape { height: 4, width: 4, channels: 8 };
    for kind in 0..4 {
        let mut graph = Growing::new(Shape { channels: 3, ..shape });
        let first = graph.convolution(0, 8, POINT, false);
        let wide = graph.push(Operation::Widen { input: first }, Shape { channels: 16, ..shape });
        let last = match kind {
            0 => graph.push(Operation::MaxPool { input: wide }, Shape { height: 2, width: 2, channels: 16 }),
            1 => graph.leak(wide),
            2 => graph.sum(wide, wide),
            _ => wide,
        };
        graph.0.outputs = vec![Output { parts: vec![last], plus: Vec::new(), end: OutputEnd::None }];
        let error = Plan::of_graph(Level::new(), graph.0).expect_err("zeros that are not there");
        assert!(error.to_string().starts_with("channels of zeros"), "{error}");
    }
}

#[test]
fn an_input_that_no_convolution_reads_is_refused() {
    let mut graph = Growing::new(Shape { height: 4, width: 4, channels: 3 });
    let last = graph.push(Operation::MaxPool { input: 0 }, Shape { height: 2, width: 2, channels: 3 });
    graph.0.outputs = vec![Output { parts: vec![last], plus: Vec::new(), end: OutputEnd::None }];
    let error = Plan::of_graph(Level::new(), graph.0).expect_err("places that are not filled up");
    assert!(error.to_string().starts_with("an input"), "{error}");
}

#[test]
fn probabilities_of_an_output_sum_to_one() {
    let mut graph = Growing::new(Shape { height: 1, width: 4, channels: 1 });
    let last = graph.convolution(0, 1, POINT, false);
    let plus = vec![0.0, 1.0, 2.0, 3.0];
    graph.0.outputs = vec![Output { parts: vec![last], plus, end: OutputEnd::Softmax }];
    let values = Plan::of_graph(Level::new(), graph.0).expect("a plan").run(&mut rows_of(&[1.0; 4])).remove(0);
    assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{values:?}");
    assert!(values.is_sorted(), "{values:?}");
}
