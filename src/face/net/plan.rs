//! A net made ready to run: memory laid out, weights in the order they are read in.

mod memory;

use std::sync::{Mutex, PoisonError};

use fearless_simd::Level;

use super::Rows;
use super::kernels::{self, Combination, Convolution, Depthwise, Finish, Function, Kernel, LANES, Layout, Pictures};
use super::merge::{Ending, Gathering, Step, Taps, Work, merged};
use super::onnx::{self, Graph, OnnxError, OutputEnd, Shape};
use memory::Picture;

/// A step ready to run, and the pictures it reads and writes.
#[derive(Debug)]
struct Run {
    kernel: Ready,
    input: usize,
    other: Option<usize>,
    output: usize,
}

/// What a step runs.
#[derive(Debug)]
enum Ready {
    Convolution(Box<Convolution>),
    Depthwise(Box<Depthwise>),
    Combine(Combination, Finish),
    /// Of so many channels of a place.
    Sigmoid(usize),
    MaxPool,
    Mean,
    Double,
}

/// A net ready to run.
#[derive(Debug)]
pub(super) struct Plan {
    level: Level,
    steps: Vec<Run>,
    /// What steps read and write; the first is the input.
    pictures: Vec<Picture>,
    /// Values of each piece of memory.
    pieces: Vec<usize>,
    outputs: Vec<Gathering>,
    /// Memory of runs that are over, for the next ones.
    idle: Mutex<Vec<Memory>>,
}

#[derive(Debug)]
struct Memory {
    pieces: Vec<Vec<f32>>,
    scratch: Vec<f32>,
}

impl Plan {
    /// Reads an ONNX file whose input is a picture of this shape. Of its first output only `values` are worked out, if there are any.
    pub(super) fn of(bytes: &[u8], input: Shape, values: &[usize]) -> Result<Self, OnnxError> {
        let mut graph = onnx::read(bytes, input)?;
        if !values.is_empty() {
            graph.keep(0, values)?;
        }
        Self::of_graph(Level::new(), graph)
    }

    fn of_graph(level: Level, graph: Graph) -> Result<Self, OnnxError> {
        let (steps, outputs) = merged(graph)?;
        Self::laid_out(level, &steps, &outputs)
    }

    fn laid_out(level: Level, steps: &[Step], outputs: &[Gathering]) -> Result<Self, OnnxError> {
        let live = live(steps, outputs);
        let layouts = layouts(steps, &live);
        let (pieces, places) = memory::assigned(&layouts, &live, &last_uses(steps, outputs, &live));
        // Pictures by their step, without those nobody needs.
        let (mut pictures, mut ready) = (Vec::new(), Vec::new());
        let mut picture_of = vec![usize::MAX; steps.len()];
        for (index, (step, place)) in steps.iter().zip(places).enumerate() {
            let Some(place) = place else { continue };
            picture_of[index] = pictures.len();
            pictures.push(place);
            if let Some(kernel) = kernel(level, step, index, &layouts)? {
                let other = step.other.map(|other| picture_of[other]);
                ready.push(Run { kernel, input: picture_of[step.input], other, output: picture_of[index] });
            }
        }
        let mut outputs = outputs.to_vec();
        for part in outputs.iter_mut().flat_map(|output| &mut output.parts) {
            part.from = picture_of[part.from];
        }
        Ok(Self { level, steps: ready, pictures, pieces, outputs, idle: Mutex::new(Vec::new()) })
    }

    /// Runs the net on one picture, channels inside. Each output comes the same way, row by row.
    pub(super) fn run(&self, input: &mut Rows<'_>) -> Vec<Vec<f32>> {
        let mut memory = self.memory();
        let first = self.pictures[0];
        first.cleared(&mut memory.pieces[first.piece]);
        let (layout, inner) = (first.layout, &mut memory.pieces[first.piece][first.layout.before(0, 0)..]);
        for (y, row) in inner.chunks_mut(layout.pitch()).take(layout.height).enumerate() {
            input(y, &mut row[..layout.width * layout.depth]);
        }
        for step in &self.steps {
            self.step(step, &mut memory);
        }
        let outputs = self.outputs.iter().map(|output| self.gathered(output, &memory.pieces)).collect();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        outputs
    }

    fn memory(&self) -> Memory {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Memory {
            pieces: self.pieces.iter().map(|&len| vec![0.0; len]).collect(),
            scratch: Vec::new(),
        })
    }

    fn step(&self, step: &Run, memory: &mut Memory) {
        let made = self.pictures[step.output];
        let mut output = std::mem::take(&mut memory.pieces[made.piece]);
        made.cleared(&mut output);
        let to = made.layout;
        let Memory { pieces, scratch } = memory;
        let picture = |picture: usize| {
            let Picture { piece, layout, .. } = self.pictures[picture];
            (&pieces[piece][..layout.len()], layout)
        };
        let from = picture(step.input);
        let other = step.other.map(picture);
        match &step.kernel {
            Ready::Convolution(kernel) => {
                kernel.run(self.level, from.0, other.map(|other| other.0), &mut output, scratch);
            }
            Ready::Depthwise(kernel) => kernel.run(self.level, from.0, &mut output, to),
            Ready::Combine(how, finish) => {
                let other = other.unwrap_or(from);
                kernels::combine(self.level, *how, finish, from, other, (&mut output, to));
            }
            Ready::Sigmoid(channels) => sigmoids(*channels, from, (&mut output, to)),
            Ready::MaxPool => kernels::max_pool(self.level, from, (&mut output, to)),
            Ready::Mean => kernels::mean(self.level, from, (&mut output, to)),
            Ready::Double => kernels::double(self.level, from, (&mut output, to)),
        }
        memory.pieces[made.piece] = output;
    }

    fn gathered(&self, output: &Gathering, pieces: &[Vec<f32>]) -> Vec<f32> {
        let mut values = Vec::new();
        for part in &output.parts {
            let Picture { piece, layout, .. } = self.pictures[part.from];
            let picture = &pieces[piece];
            for y in 0..layout.height {
                let row = &picture[layout.before(0, 0) + y * layout.pitch()..][..layout.width * layout.depth];
                let mut take = |channels: std::ops::Range<usize>| {
                    if channels.len() == layout.depth {
                        values.extend_from_slice(row);
                        return;
                    }
                    for place in row.chunks_exact(layout.depth) {
                        values.extend_from_slice(&place[channels.clone()]);
                    }
                };
                if part.doubled {
                    let pair = part.channels / 2;
                    take(0..pair);
                    take(pair..2 * pair);
                } else {
                    take(0..part.channels);
                }
            }
        }
        for (value, plus) in values.iter_mut().zip(&output.plus) {
            *value += plus;
        }
        match output.end {
            OutputEnd::None => {}
            OutputEnd::Sigmoid => values.iter_mut().for_each(|value| *value = sigmoid(*value)),
            OutputEnd::Softmax => {
                let most = values.iter().copied().fold(f32::MIN, f32::max);
                values.iter_mut().for_each(|value| *value = (*value - most).exp());
                let sum: f32 = values.iter().sum();
                values.iter_mut().for_each(|value| *value /= sum);
            }
        }
        values
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Of the channels there are; what fills a place stays zero.
fn sigmoids(channels: usize, (input, from): (&[f32], Layout), (output, to): (&mut [f32], Layout)) {
    for y in 0..to.height {
        let input = &input[from.before(0, 0) + y * from.pitch()..][..from.width * from.depth];
        let output = &mut output[to.before(0, 0) + y * to.pitch()..][..to.width * to.depth];
        for (output, input) in output.chunks_exact_mut(to.depth).zip(input.chunks_exact(from.depth)) {
            output.fill(0.0);
            output[..channels].iter_mut().zip(input).for_each(|(to, from)| *to = sigmoid(*from));
        }
    }
}

/// Which steps anything reads.
fn live(steps: &[Step], outputs: &[Gathering]) -> Vec<bool> {
    let mut live = vec![false; steps.len()];
    for part in outputs.iter().flat_map(|output| &output.parts) {
        live[part.from] = true;
    }
    for index in (0..steps.len()).rev() {
        if live[index] && !matches!(steps[index].work, Work::Input) {
            live[steps[index].input] = true;
            if let Some(other) = steps[index].other {
                live[other] = true;
            }
        }
    }
    // The input is the first picture in any case.
    if let Some(first) = live.first_mut() {
        *first = true;
    }
    live
}

/// The last step that reads each step's picture; outputs are read after all.
fn last_uses(steps: &[Step], outputs: &[Gathering], live: &[bool]) -> Vec<usize> {
    let mut last = vec![usize::MAX; steps.len()];
    for (index, step) in steps.iter().enumerate().filter(|&(index, _)| live[index]) {
        if !matches!(step.work, Work::Input) {
            last[step.input] = index;
        }
        if let Some(other) = step.other {
            last[other] = index;
        }
    }
    for part in outputs.iter().flat_map(|output| &output.parts) {
        last[part.from] = usize::MAX;
    }
    last
}

/// How the picture of each step is laid out: with the margin that those who read it need.
fn layouts(steps: &[Step], live: &[bool]) -> Vec<Layout> {
    let mut layouts: Vec<Layout> = steps
        .iter()
        .map(|step| {
            let Shape { height, width, channels } = step.shape;
            let depth = if matches!(step.work, Work::Input) { channels } else { channels.next_multiple_of(LANES) };
            Layout { height, width, depth, margin: [0; 4] }
        })
        .collect();
    for (_, step) in steps.iter().enumerate().filter(|&(index, _)| live[index]) {
        let window = match &step.work {
            Work::Convolution { depthwise: Some((taps, _)), .. }
            | Work::Convolution { depthwise: None, taps, .. }
            | Work::Depthwise { taps, .. } => taps.window,
            _ => continue,
        };
        let margin = &mut layouts[step.input].margin;
        margin.iter_mut().zip(window.pads).for_each(|(margin, pad)| *margin = pad.max(*margin));
    }
    layouts
}

fn filled(values: &[f32], depth: usize) -> Vec<f32> {
    let mut values = values.to_vec();
    values.resize(depth, 0.0);
    values
}

/// `groups` groups of `depth` values, of as many as there are.
fn finish(bias: &[f32], ending: &Ending, depth: usize, groups: usize) -> Finish {
    let each = |values: &[f32]| -> Vec<f32> {
        values.chunks((values.len() / groups).max(1)).flat_map(|group| filled(group, depth)).collect()
    };
    let function = match ending {
        None | Some(Function::Nothing) => Function::Nothing,
        Some(Function::Leak(slopes)) => Function::Leak(filled(slopes, depth).repeat(groups)),
        Some(Function::HardSwish) => Function::HardSwish,
    };
    Finish { bias: each(bias), function }
}

fn kernel(level: Level, step: &Step, index: usize, layouts: &[Layout]) -> Result<Option<Ready>, OnnxError> {
    let output = layouts[index];
    let input = layouts[step.input];
    Ok(Some(match &step.work {
        Work::Input => return Ok(None),
        Work::Convolution { depthwise, taps, ending, doubled } => {
            let groups = if *doubled { 4 } else { 1 };
            let finish_of = finish(&taps.bias, ending, output.depth, groups);
            // Channels of a group are filled up to whole vectors, as the place they are written to.
            let kernel = grouped(&taps.kernel, output.depth, groups);
            let other = step.other.map(|other| layouts[other]);
            let convolution = match depthwise {
                None => {
                    let pictures = Pictures { input, other, output };
                    Convolution::new(level, taps.window, &kernel, finish_of, *doubled, pictures)
                }
                Some((first, ending_of_first)) => {
                    let end = finish(&first.bias, ending_of_first, input.depth, 1);
                    let between = Layout { depth: input.depth, margin: [0; 4], ..output };
                    let pictures = Pictures { input: between, other, output };
                    let depthwise = depthwise_of(first, end, input, output.width)?;
                    Convolution::new(level, taps.window, &kernel, finish_of, false, pictures).after(depthwise)
                }
            };
            Ready::Convolution(Box::new(convolution))
        }
        Work::Depthwise { taps, ending } => {
            let end = finish(&taps.bias, ending, input.depth, 1);
            Ready::Depthwise(Box::new(depthwise_of(taps, end, input, output.width)?))
        }
        Work::Combine { how, ending } => {
            Ready::Combine(*how, finish(&vec![0.0; output.depth], ending, output.depth, 1))
        }
        Work::Sigmoid => Ready::Sigmoid(step.shape.channels),
        Work::MaxPool => Ready::MaxPool,
        Work::Mean => Ready::Mean,
        Work::Double => Ready::Double,
    }))
}

fn depthwise_of(taps: &Taps, finish: Finish, input: Layout, width: usize) -> Result<Depthwise, OnnxError> {
    if !Depthwise::fits(&taps.window) {
        return Err(OnnxError::Graph("a convolution of each channel of a size or stride there is no kernel for"));
    }
    Ok(Depthwise::new(taps.window, &taps.kernel, finish, input, width))
}

/// The same kernel with the channels of each group filled up to `depth`.
fn grouped(kernel: &Kernel, depth: usize, groups: usize) -> Kernel {
    let [channels, from] = kernel.channels;
    if groups == 1 {
        return kernel.clone();
    }
    let size = kernel.values.len() / groups;
    let filled_size = size / (channels / groups) * depth;
    let values = kernel.values.chunks(size).flat_map(|group| filled(group, filled_size)).collect();
    Kernel { values, channels: [groups * depth, from] }
}

#[cfg(test)]
mod tests;
