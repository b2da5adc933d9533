//! Merges the operations of a net: a function into what makes its operand, a sum into the convolution of one of its operands, a
//! convolution of each channel alone into the convolution of size 1 after it. Each saves writing a picture and reading it again.

use super::kernels::{Combination, Function, Kernel, Window};
use super::onnx::{Graph, Node, OnnxError, Operation, Output, OutputEnd, Shape};

/// A step of a net. Operands are indices of the steps that make them.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// What is done.
    pub work: Work,
    /// To what; the input's own is meaningless.
    pub input: usize,
    /// What is added or combined.
    pub other: Option<usize>,
    /// What it makes.
    pub shape: Shape,
}

/// What a step does; names as in [`Operation`].
#[derive(Debug, Clone)]
pub(super) enum Work {
    Input,
    /// A convolution over all channels, of what one of each channel alone makes where there is one.
    Convolution {
        depthwise: Option<(Taps, Ending)>,
        taps: Taps,
        ending: Ending,
        doubled: bool,
    },
    Depthwise {
        taps: Taps,
        ending: Ending,
    },
    Combine {
        how: Combination,
        ending: Ending,
    },
    Sigmoid,
    MaxPool,
    Mean,
    Double,
}

/// The kernel of a convolution and how it moves.
#[derive(Debug, Clone)]
pub(super) struct Taps {
    pub window: Window,
    pub kernel: Kernel,
    pub bias: Vec<f32>,
}

/// The function after a sum; `None` where there is none.
pub(super) type Ending = Option<Function>;

struct Merger {
    /// Some of them taken over by later ones, and read by nothing.
    steps: Vec<Step>,
    /// How often each node is read.
    uses: Vec<usize>,
    /// Which step makes a node.
    step_of: Vec<usize>,
    /// Channels of each node.
    channels: Vec<usize>,
}

pub(super) fn operands(operation: &Operation) -> [Option<usize>; 2] {
    match *operation {
        Operation::Input => [None, None],
        Operation::Convolution { input, .. }
        | Operation::Depthwise { input, .. }
        | Operation::Leak { input, .. }
        | Operation::HardSwish { input }
        | Operation::Sigmoid { input }
        | Operation::Widen { input }
        | Operation::MaxPool { input }
        | Operation::Mean { input }
        | Operation::Double { input } => [Some(input), None],
        Operation::Combine { input, other, .. } => [Some(input), Some(other)],
    }
}

/// The steps of a net in the order they can run in, and what its outputs are gathered from.
pub(super) fn merged(mut graph: Graph) -> Result<(Vec<Step>, Vec<Gathering>), OnnxError> {
    let mut uses = vec![0; graph.nodes.len()];
    graph.outputs.iter().flat_map(|output| &output.parts).for_each(|&part| uses[part] += 1);
    // From behind: what nothing reads, such as a convolution that was taken over in another form, reads nothing.
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if uses[index] > 0 {
            operands(&node.operation).into_iter().flatten().for_each(|read| uses[read] += 1);
        }
    }
    let outputs = std::mem::take(&mut graph.outputs);
    let mut outputs: Vec<Gathering> =
        outputs.into_iter().map(|output| gathering(&mut graph.nodes, &mut uses, output)).collect();
    let channels = graph.nodes.iter().map(|node| node.shape.channels).collect();
    let mut merger = Merger { steps: Vec::new(), uses, step_of: Vec::new(), channels };
    for (index, node) in graph.nodes.iter().enumerate() {
        // What nothing reads, such as a convolution that was taken over in another form, is left out.
        let step = if merger.uses[index] == 0 { usize::MAX } else { merger.add(node)? };
        merger.step_of.push(step);
    }
    for part in outputs.iter_mut().flat_map(|output| &mut output.parts) {
        part.from = merger.step_of[part.from];
        if merger.steps[part.from].shape.channels != part.channels {
            return Err(OnnxError::Graph("channels of zeros in an output"));
        }
    }
    Ok((merger.steps, outputs))
}

/// How an output is gathered. What only rearranges its values, or is done to each of them alone, is left to the gathering, which
/// touches them in any case and touches no filling.
fn gathering(nodes: &mut [Node], uses: &mut [usize], output: Output) -> Gathering {
    let Output { mut parts, plus, mut end } = output;
    if let [node] = parts.as_mut_slice()
        && let Operation::Sigmoid { input } = nodes[*node].operation
        && (end, plus.is_empty(), uses[*node]) == (OutputEnd::None, true, 1)
    {
        uses[*node] = 0;
        *node = input;
        end = OutputEnd::Sigmoid;
    }
    let part = |node: usize| {
        let Node { operation, shape } = &mut nodes[node];
        let mut doubled = false;
        if let Operation::Convolution { doubled: spread @ true, .. } = operation
            && uses[node] == 1
        {
            *spread = false;
            doubled = true;
            *shape = Shape { height: shape.height / 2, width: shape.width / 2, channels: 4 * shape.channels };
        }
        Part { from: node, channels: shape.channels, doubled }
    };
    Gathering { parts: parts.into_iter().map(part).collect(), plus, end }
}

/// What an output is gathered from.
#[derive(Debug, Clone)]
pub(super) struct Gathering {
    /// Pictures, one after the other.
    pub parts: Vec<Part>,
    /// Added value by value, where there is any.
    pub plus: Vec<f32>,
    /// What is done to the values in the end.
    pub end: OutputEnd,
}

/// A picture whose values go into an output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Which step makes it; in a plan, which buffer holds it.
    pub from: usize,
    /// Its channels.
    pub channels: usize,
    /// Whether these are four groups, for the four places that each place becomes.
    pub doubled: bool,
}

impl Merger {
    fn push(&mut self, work: Work, input: usize, other: Option<usize>, shape: Shape) -> usize {
        self.steps.push(Step { work, input, other, shape });
        self.steps.len() - 1
    }

    /// The step of a node that is read once, so that it may be merged into its reader.
    fn once(&self, node: usize) -> Option<usize> {
        (self.uses[node] == 1).then(|| self.step_of[node])
    }

    fn add(&mut self, node: &Node) -> Result<usize, OnnxError> {
        let shape = node.shape;
        let step = |index: &usize| self.step_of[*index];
        // What a picture was widened by is not there, and only a sum can do without.
        let widened = |&node: &usize| self.steps[self.step_of[node]].shape.channels != self.channels[node];
        if !matches!(node.operation, Operation::Combine { .. })
            && operands(&node.operation).iter().flatten().any(widened)
        {
            return Err(OnnxError::Graph("channels of zeros that are read by other than a sum"));
        }
        // Its places are not filled up to whole vectors.
        let of_input = |&node: &usize| matches!(self.steps[self.step_of[node]].work, Work::Input);
        if !matches!(node.operation, Operation::Convolution { .. })
            && operands(&node.operation).iter().flatten().any(of_input)
        {
            return Err(OnnxError::Graph("an input that is read by other than a convolution over all channels"));
        }
        Ok(match &node.operation {
            Operation::Input => self.push(Work::Input, 0, None, shape),
            Operation::Convolution { input, window, kernel, bias, doubled } => {
                let taps = Taps { window: *window, kernel: kernel.clone(), bias: bias.clone() };
                let point = window.size == [1, 1] && window.stride == [1, 1];
                // A convolution of size 1 of a picture at twice its size is the same picture of the convolution at twice its
                // size: weights of an interpolation sum to 1.
                if let Some(before) = self.once(*input)
                    && matches!(self.steps[before].work, Work::Double)
                    && point
                    && !doubled
                {
                    let small = self.steps[before].input;
                    let shape_small = Shape { channels: shape.channels, ..self.steps[small].shape };
                    let work = Work::Convolution { depthwise: None, taps, ending: None, doubled: false };
                    self.steps[before] = Step { work, input: small, other: None, shape: shape_small };
                    return Ok(self.push(Work::Double, before, None, shape));
                }
                if let Some(before) = self.once(*input)
                    && let Work::Depthwise { taps: depthwise, ending } = &self.steps[before].work
                    && point
                    && !doubled
                {
                    let depthwise = Some((depthwise.clone(), ending.clone()));
                    let work = Work::Convolution { depthwise, taps, ending: None, doubled: false };
                    self.steps[before] = Step { work, input: self.steps[before].input, other: None, shape };
                    return Ok(before);
                }
                let work = Work::Convolution { depthwise: None, taps, ending: None, doubled: *doubled };
                self.push(work, step(input), None, shape)
            }
            Operation::Depthwise { input, window, kernel, bias } => {
                let taps = Taps { window: *window, kernel: kernel.clone(), bias: bias.clone() };
                self.push(Work::Depthwise { taps, ending: None }, step(input), None, shape)
            }
            Operation::Leak { input, slopes } => self.end(*input, Function::Leak(slopes.clone()))?,
            Operation::HardSwish { input } => self.end(*input, Function::HardSwish)?,
            Operation::Sigmoid { input } => self.push(Work::Sigmoid, step(input), None, shape),
            Operation::Combine { how, input, other } => self.combine(*how, *input, *other, shape)?,
            // Zeros are read behind the channels there are, and a sum with fewer channels takes what there is.
            Operation::Widen { input } => step(input),
            Operation::MaxPool { input } => self.push(Work::MaxPool, step(input), None, shape),
            Operation::Mean { input } => self.push(Work::Mean, step(input), None, shape),
            Operation::Double { input } => self.push(Work::Double, step(input), None, shape),
        })
    }

    /// Puts a function after the sum it is of.
    fn end(&mut self, input: usize, end: Function) -> Result<usize, OnnxError> {
        if let Some(before) = self.once(input)
            && let Work::Convolution { ending, .. } | Work::Depthwise { ending, .. } | Work::Combine { ending, .. } =
                &mut self.steps[before].work
            && ending.is_none()
        {
            *ending = Some(end);
            return Ok(before);
        }
        Err(OnnxError::Graph("a function of what is no sum, or is read elsewhere too"))
    }

    fn combine(&mut self, how: Combination, input: usize, other: usize, shape: Shape) -> Result<usize, OnnxError> {
        let steps = [input, other].map(|node| self.step_of[node]);
        // A convolution can take up the other operand if nothing is done to its sum in between. It then runs here, where both
        // are there.
        let takes = |node: usize, step: usize, beside: usize| {
            how == Combination::Sum
                && self.uses[node] == 1
                && self.steps[step].shape == shape
                && self.steps[step].other.is_none()
                && !self.steps[beside].shape.is_place()
                && matches!(self.steps[step].work, Work::Convolution { ending: None, .. })
        };
        for (node, step, beside) in [(other, steps[1], steps[0]), (input, steps[0], steps[1])] {
            if takes(node, step, beside) {
                let mut taken = self.steps[step].clone();
                taken.other = Some(beside);
                self.steps.push(taken);
                return Ok(self.steps.len() - 1);
            }
        }
        if steps.iter().any(|&step| self.steps[step].shape.channels != shape.channels) {
            return Err(OnnxError::Graph("channels of zeros in a sum without a convolution"));
        }
        Ok(self.push(Work::Combine { how, ending: None }, steps[0], Some(steps[1]), shape))
    }
}
