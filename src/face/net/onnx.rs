//! Reads an ONNX file into a list of operations on pictures of values, one for each operator, nothing merged yet.
//!
//! ONNX keeps channels outside (NCHW), here they are inside: what only moves axes falls away.

use std::collections::HashMap;

use rten_onnx::onnx::{AttributeProto, ModelProto, NodeProto, TensorProto};
use rten_onnx::protobuf::ProtobufError;

use super::kernels::{Combination, Kernel, Window};
use super::merge::operands;

/// Why a file cannot be used as a net.
#[derive(Debug, thiserror::Error)]
pub(super) enum OnnxError {
    /// It is no ONNX file.
    #[error("not an ONNX file: {0:?}")]
    Format(ProtobufError),
    /// It holds no graph, or one whose inputs or outputs are not what they should be.
    #[error("{0}")]
    Graph(&'static str),
    /// An operator is none that can be run, or not in this form.
    #[error("operator {operator} that makes {output}: {reason}")]
    Operator {
        /// ONNX's name of it.
        operator: String,
        /// Name of what it makes.
        output: String,
        /// What about it.
        reason: &'static str,
    },
}

/// Rows, columns and channels of a picture of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Shape {
    /// Whether it is one place.
    pub(super) fn is_place(&self) -> bool {
        self.height * self.width == 1
    }
}

/// An operation; operands are indices of the operations that make them.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// What goes into the net.
    Input,
    /// A convolution over all channels. `doubled` is a transposed one of size and stride 2: the kernel's output channels come in
    /// four groups for the four places each place becomes.
    Convolution { input: usize, window: Window, kernel: Kernel, bias: Vec<f32>, doubled: bool },
    /// A convolution of each channel alone.
    Depthwise { input: usize, window: Window, kernel: Kernel, bias: Vec<f32> },
    /// PReLU with a slope for each channel; ReLU with slopes of 0.
    Leak { input: usize, slopes: Vec<f32> },
    /// `x * clamp(x + 3, 0, 6) / 6`.
    HardSwish { input: usize },
    /// `1 / (1 + exp(-x))`.
    Sigmoid { input: usize },
    /// Two pictures place by place; the second may be one place, which then meets every place.
    Combine { how: Combination, input: usize, other: usize },
    /// Channels of zeros behind those there are.
    Widen { input: usize },
    /// The largest of each 2x2 places.
    MaxPool { input: usize },
    /// The mean of all places.
    Mean { input: usize },
    /// Twice the size by linear interpolation.
    Double { input: usize },
}

/// One operation and the shape of what it makes.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub operation: Operation,
    pub shape: Shape,
}

/// An output of the net: the values of one or more pictures, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Output {
    /// Nodes.
    pub parts: Vec<usize>,
    /// Added value by value, where there is any.
    pub plus: Vec<f32>,
    /// What is done to the values in the end.
    pub end: OutputEnd,
}

/// What is done to the values of an output in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputEnd {
    /// Nothing.
    None,
    /// Each is made into a probability of its own.
    Sigmoid,
    /// They are made into probabilities that sum to 1.
    Softmax,
}

/// A net as the file has it.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub outputs: Vec<Output>,
}

/// What a name in the file stands for.
#[derive(Debug, Clone)]
enum Named {
    Picture(usize),
    Flat(Output),
    Constant(Vec<i64>, Vec<f32>),
    Integers(Vec<i64>),
}

/// Reads the graph of a file, whose input is a picture of this shape. An input with channels outside is taken with channels inside.
pub(super) fn read(bytes: &[u8], input: Shape) -> Result<Graph, OnnxError> {
    let model = ModelProto::parse_buf(bytes).map_err(OnnxError::Format)?;
    let graph = model.graph.ok_or(OnnxError::Graph("a file without a graph"))?;
    let mut reader = Reader { nodes: Vec::new(), names: HashMap::new() };
    for tensor in &graph.initializer {
        if let Some(name) = &tensor.name {
            reader.names.insert(name.clone(), constant(tensor)?);
        }
    }
    let [value] = graph.input.as_slice() else { return Err(OnnxError::Graph("not one input")) };
    let start = reader.push(Operation::Input, input);
    reader.names.insert(value.name.clone().unwrap_or_default(), start);
    for node in &graph.node {
        let made = reader.operator(node).map_err(|reason| OnnxError::Operator {
            operator: node.op_type.clone().unwrap_or_default(),
            output: node.output.first().cloned().unwrap_or_default(),
            reason,
        })?;
        if let Some(name) = node.output.first() {
            reader.names.insert(name.clone(), made);
        }
    }
    let outputs =
        graph.output.iter().map(|output| match reader.names.get(output.name.as_deref().unwrap_or_default()) {
            Some(Named::Picture(part)) => Ok(flat(*part)),
            Some(Named::Flat(output)) => Ok(output.clone()),
            _ => Err(OnnxError::Graph("an output that nothing makes")),
        });
    Ok(Graph { outputs: outputs.collect::<Result<_, _>>()?, nodes: reader.nodes })
}

impl Graph {
    /// Leaves only some values of an output that is one place, in this order: what nobody reads need not be worked out.
    pub(super) fn keep(&mut self, output: usize, values: &[usize]) -> Result<(), OnnxError> {
        let unfit = || OnnxError::Graph("an output of which some values cannot be left out");
        let readers = |part: usize| {
            let outputs = self.outputs.iter().flat_map(|output| &output.parts);
            let nodes = self.nodes.iter().flat_map(|node| operands(&node.operation)).flatten();
            outputs.copied().chain(nodes).filter(|&read| read == part).count()
        };
        let wanted = self.outputs.get(output).ok_or_else(unfit)?;
        let (&[part], OutputEnd::None) = (&wanted.parts[..], wanted.end) else { return Err(unfit()) };
        if readers(part) != 1 {
            return Err(unfit());
        }
        let (output, Node { operation, shape }) = (&mut self.outputs[output], &mut self.nodes[part]);
        let Operation::Convolution { kernel, bias, doubled: false, .. } = operation else { return Err(unfit()) };
        let size = kernel.values.len() / kernel.channels[0].max(1);
        if !shape.is_place() || values.iter().any(|&value| value >= kernel.channels[0]) {
            return Err(unfit());
        }
        kernel.values = values.iter().flat_map(|&v| &kernel.values[v * size..][..size]).copied().collect();
        kernel.channels[0] = values.len();
        shape.channels = values.len();
        let some = |all: &mut Vec<f32>| *all = values.iter().filter_map(|&value| all.get(value).copied()).collect();
        some(bias);
        some(&mut output.plus);
        Ok(())
    }
}

fn flat(part: usize) -> Output {
    Output { parts: vec![part], plus: Vec::new(), end: OutputEnd::None }
}

/// Type numbers of ONNX: 32-bit floats and 64-bit integers.
const FLOAT: i32 = 1;
const INT64: i32 = 7;

fn constant(tensor: &TensorProto) -> Result<Named, OnnxError> {
    let raw = tensor.raw_data.as_ref().map(|raw| raw.borrow());
    let raw = raw.as_ref().map(|raw| raw.as_slice()).unwrap_or_default();
    match tensor.data_type.map(|kind| kind.0) {
        Some(FLOAT) if raw.is_empty() => Ok(Named::Constant(tensor.dims.clone(), tensor.float_data.clone())),
        Some(FLOAT) => {
            let values = raw.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
            Ok(Named::Constant(tensor.dims.clone(), values.collect()))
        }
        Some(INT64) if raw.is_empty() => Ok(Named::Integers(tensor.int64_data.clone())),
        Some(INT64) => Ok(Named::Integers(raw.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect())),
        _ => Err(OnnxError::Graph("a constant that is neither f32 nor i64")),
    }
}

/// The nodes so far and what names stand for.
struct Reader {
    nodes: Vec<Node>,
    names: HashMap<String, Named>,
}

type Made = Result<Named, &'static str>;

impl Reader {
    fn push(&mut self, operation: Operation, shape: Shape) -> Named {
        self.nodes.push(Node { operation, shape });
        Named::Picture(self.nodes.len() - 1)
    }

    fn named(&self, node: &NodeProto, operand: usize) -> Result<&Named, &'static str> {
        let name = node.input.get(operand).ok_or("an operand is missing")?;
        self.names.get(name).ok_or("an operand that nothing makes")
    }

    fn picture(&self, node: &NodeProto, operand: usize) -> Result<(usize, Shape), &'static str> {
        match self.named(node, operand)? {
            &Named::Picture(index) => Ok((index, self.nodes[index].shape)),
            _ => Err("an operand is no picture"),
        }
    }

    fn constant(&self, node: &NodeProto, operand: usize) -> Result<(&[i64], &[f32]), &'static str> {
        match self.named(node, operand)? {
            Named::Constant(shape, values) => Ok((shape, values)),
            _ => Err("an operand is no constant"),
        }
    }

    fn integers(&self, node: &NodeProto, operand: usize) -> Result<&[i64], &'static str> {
        match self.named(node, operand)? {
            Named::Integers(values) => Ok(values),
            _ => Err("an operand is no list of integers"),
        }
    }

    fn operator(&mut self, node: &NodeProto) -> Made {
        let name = node.op_type.as_deref().unwrap_or_default();
        match name {
            // Channels are inside whatever the file's order of axes.
            "Transpose" => Ok(Named::Picture(self.picture(node, 0)?.0)),
            "Conv" => self.convolution(node),
            "ConvTranspose" => self.transposed_convolution(node),
            "DepthToSpace" => self.depth_to_space(node),
            "Relu" => {
                let (input, shape) = self.picture(node, 0)?;
                Ok(self.push(Operation::Leak { input, slopes: vec![0.0; shape.channels] }, shape))
            }
            "PRelu" => {
                let (input, shape) = self.picture(node, 0)?;
                let (_, slopes) = self.constant(node, 1)?;
                let slopes = each(slopes, shape.channels)?;
                Ok(self.push(Operation::Leak { input, slopes }, shape))
            }
            "HardSwish" => {
                let (input, shape) = self.picture(node, 0)?;
                Ok(self.push(Operation::HardSwish { input }, shape))
            }
            "Sigmoid" => {
                let (input, shape) = self.picture(node, 0)?;
                Ok(self.push(Operation::Sigmoid { input }, shape))
            }
            "Add" => match (self.named(node, 0)?, self.named(node, 1)?) {
                (Named::Flat(output), Named::Constant(_, plus)) => {
                    Ok(Named::Flat(Output { plus: plus.clone(), ..output.clone() }))
                }
                _ => self.combination(node, Combination::Sum),
            },
            "Mul" => self.combination(node, Combination::Product),
            "Pad" => self.pad(node),
            "MaxPool" => {
                let (input, shape) = self.picture(node, 0)?;
                let window = window(node, &[2, 2])?;
                if window != (Window { size: [2, 2], stride: [2, 2], pads: [0; 4] }) {
                    return Err("a pool of another size than 2");
                }
                let shape = Shape { height: shape.height / 2, width: shape.width / 2, ..shape };
                Ok(self.push(Operation::MaxPool { input }, shape))
            }
            "GlobalAveragePool" => self.mean(node),
            "AveragePool" => {
                let (_, shape) = self.picture(node, 0)?;
                let window = window(node, &[])?;
                if window.size != [shape.height, shape.width] || window.pads != [0; 4] {
                    return Err("a mean of less than the whole picture");
                }
                self.mean(node)
            }
            "Resize" => self.resize(node),
            "Reshape" => self.reshape(node),
            "Concat" => self.concatenation(node),
            "Softmax" => match self.named(node, 0)? {
                Named::Flat(output) => Ok(Named::Flat(Output { end: OutputEnd::Softmax, ..output.clone() })),
                _ => Err("of a picture"),
            },
            _ => Err("is none that is known here"),
        }
    }

    fn convolution(&mut self, node: &NodeProto) -> Made {
        let (input, shape) = self.picture(node, 0)?;
        let (dims, values) = self.constant(node, 1)?;
        let &[output, per_group, rows, columns] = dims else { return Err("a kernel without two dimensions") };
        let window = window(node, &[rows, columns])?;
        let kernel = Kernel { values: values.to_vec(), channels: [output as usize, per_group as usize] };
        let channels = kernel.channels[0];
        let bias = self.bias(node, channels)?;
        let (height, width) = window.over(shape.height, shape.width).ok_or("a window larger than the picture")?;
        let made = Shape { height, width, channels };
        match integer(node, "group").unwrap_or(1) as usize {
            1 if kernel.channels[1] == shape.channels => {
                let operation = Operation::Convolution { input, window, kernel, bias, doubled: false };
                Ok(self.push(operation, made))
            }
            group if group == shape.channels && channels == group => {
                Ok(self.push(Operation::Depthwise { input, window, kernel, bias }, made))
            }
            _ => Err("groups of channels"),
        }
    }

    fn bias(&self, node: &NodeProto, channels: usize) -> Result<Vec<f32>, &'static str> {
        match node.input.get(2) {
            Some(name) if !name.is_empty() => each(self.constant(node, 2)?.1, channels),
            _ => Ok(vec![0.0; channels]),
        }
    }

    /// A transposed convolution of size and stride 2: each place becomes four, each by a kernel of its own.
    fn transposed_convolution(&mut self, node: &NodeProto) -> Made {
        let (input, shape) = self.picture(node, 0)?;
        let (dims, values) = self.constant(node, 1)?;
        let &[from, to, 2, 2] = dims else { return Err("of another size than 2") };
        let (from, to) = (from as usize, to as usize);
        if window(node, &[2, 2])? != (Window { size: [2, 2], stride: [2, 2], pads: [0; 4] }) || from != shape.channels {
            return Err("of another stride than 2");
        }
        let mut kernel = Kernel { values: Vec::with_capacity(values.len()), channels: [4 * to, from] };
        for group in 0..4 {
            for to_channel in 0..to {
                kernel.values.extend((0..from).map(|channel| values[(channel * to + to_channel) * 4 + group]));
            }
        }
        let bias = self.bias(node, to)?.repeat(4);
        let made = Shape { height: 2 * shape.height, width: 2 * shape.width, channels: to };
        let operation = Operation::Convolution { input, window: POINT, kernel, bias, doubled: true };
        Ok(self.push(operation, made))
    }

    /// Channels that are places: taken into the convolution that makes them.
    fn depth_to_space(&mut self, node: &NodeProto) -> Made {
        let (index, shape) = self.picture(node, 0)?;
        let outside = attribute(node, "mode").and_then(|a| a.s.as_deref()) == Some("CRD");
        if integer(node, "blocksize") != Some(2) || !outside {
            return Err("of another kind than CRD by 2");
        }
        let Operation::Convolution { input, window, kernel, bias, doubled: false } = &self.nodes[index].operation
        else {
            return Err("of what no convolution makes");
        };
        let channels = shape.channels / 4;
        // From channel by channel, four places each, to place by place.
        let order: Vec<usize> =
            (0..4).flat_map(|group| (0..channels).map(move |channel| channel * 4 + group)).collect();
        let size = kernel.values.len() / shape.channels;
        let values = order.iter().flat_map(|&from| &kernel.values[from * size..][..size]).copied().collect();
        let operation = Operation::Convolution {
            input: *input,
            window: *window,
            kernel: Kernel { values, channels: kernel.channels },
            bias: order.iter().map(|&from| bias[from]).collect(),
            doubled: true,
        };
        let made = Shape { height: 2 * shape.height, width: 2 * shape.width, channels };
        Ok(self.push(operation, made))
    }

    fn combination(&mut self, node: &NodeProto, how: Combination) -> Made {
        let ((a, shape_a), (b, shape_b)) = (self.picture(node, 0)?, self.picture(node, 1)?);
        let ((input, shape), (other, beside)) =
            if shape_a.is_place() { ((b, shape_b), (a, shape_a)) } else { ((a, shape_a), (b, shape_b)) };
        if beside != shape && !(beside.is_place() && beside.channels == shape.channels) {
            return Err("of pictures of different shapes");
        }
        Ok(self.push(Operation::Combine { how, input, other }, shape))
    }

    fn pad(&mut self, node: &NodeProto) -> Made {
        let (input, shape) = self.picture(node, 0)?;
        let &[0, 0, 0, 0, 0, channels, 0, 0] = self.integers(node, 1)? else { return Err("of other than channels") };
        if node.input.get(2).is_some_and(|name| !name.is_empty()) {
            let (_, value) = self.constant(node, 2)?;
            if value != [0.0] {
                return Err("with other than zeros");
            }
        }
        let made = Shape { channels: shape.channels + channels as usize, ..shape };
        Ok(self.push(Operation::Widen { input }, made))
    }

    fn mean(&mut self, node: &NodeProto) -> Made {
        let (input, shape) = self.picture(node, 0)?;
        Ok(self.push(Operation::Mean { input }, Shape { height: 1, width: 1, ..shape }))
    }

    fn resize(&mut self, node: &NodeProto) -> Made {
        let (input, shape) = self.picture(node, 0)?;
        let (_, scales) = self.constant(node, 2)?;
        let text = |name| attribute(node, name).and_then(|a| a.s.as_deref());
        let halves = matches!(text("coordinate_transformation_mode"), None | Some("half_pixel"));
        if scales != [1.0, 1.0, 2.0, 2.0] || text("mode") != Some("linear") || !halves {
            return Err("other than to twice the size by linear interpolation");
        }
        let made = Shape { height: 2 * shape.height, width: 2 * shape.width, ..shape };
        Ok(self.push(Operation::Double { input }, made))
    }

    /// One place stays one as long as it has four axes; all else becomes a list of values.
    fn reshape(&mut self, node: &NodeProto) -> Made {
        let (input, shape) = self.picture(node, 0)?;
        let axes = self.integers(node, 1)?.len();
        Ok(if shape.is_place() && axes == 4 { Named::Picture(input) } else { Named::Flat(flat(input)) })
    }

    fn concatenation(&mut self, node: &NodeProto) -> Made {
        let mut parts = Vec::new();
        for operand in 0..node.input.len() {
            match self.named(node, operand)? {
                Named::Flat(Output { parts: more, plus, end: OutputEnd::None }) if plus.is_empty() => {
                    parts.extend(more)
                }
                _ => return Err("of other than lists"),
            }
        }
        Ok(Named::Flat(Output { parts, plus: Vec::new(), end: OutputEnd::None }))
    }
}

/// A convolution place by place.
const POINT: Window = Window { size: [1, 1], stride: [1, 1], pads: [0; 4] };

fn attribute<'n>(node: &'n NodeProto, name: &str) -> Option<&'n AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(name))
}

fn integer(node: &NodeProto, name: &str) -> Option<i64> {
    attribute(node, name)?.i
}

/// The window of an operator, whose size is in its attributes or else that of its kernel.
fn window(node: &NodeProto, kernel: &[i64]) -> Result<Window, &'static str> {
    let list = |name: &str| attribute(node, name).map(|a| a.ints.as_slice()).filter(|ints| !ints.is_empty());
    let numbers = |ints: &[i64]| ints.iter().map(|&i| usize::try_from(i).ok()).collect::<Option<Vec<_>>>();
    let pair = |ints: &[i64]| numbers(ints).and_then(|n| <[usize; 2]>::try_from(n).ok());
    let size = pair(list("kernel_shape").unwrap_or(kernel)).ok_or("a window without rows and columns")?;
    let stride = pair(list("strides").unwrap_or(&[1, 1])).ok_or("strides that are not two")?;
    let pads = numbers(list("pads").unwrap_or(&[0; 4])).and_then(|n| <[usize; 4]>::try_from(n).ok());
    if list("dilations").is_some_and(|d| d != [1, 1]) || list("output_padding").is_some() {
        return Err("a window with gaps");
    }
    if attribute(node, "auto_pad").and_then(|a| a.s.as_deref()).is_some_and(|mode| mode != "NOTSET") {
        return Err("padding that is not written out");
    }
    if size.contains(&0) || stride.contains(&0) {
        return Err("a window of nothing");
    }
    Ok(Window { size, stride, pads: pads.ok_or("pads that are not four")? })
}

/// One value for each channel, where there may be one for all.
fn each(values: &[f32], channels: usize) -> Result<Vec<f32>, &'static str> {
    match values.len() {
        1 => Ok(vec![values[0]; channels]),
        n if n == channels => Ok(values.to_vec()),
        _ => Err("not a value for each channel"),
    }
}
