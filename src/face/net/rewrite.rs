//! Puts our operators where a net's graph has what they are for.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Pad, PadMode};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::ops::{AddPRelu, Depthwise, MaxPool2, dimensions};

/// A net in the form that is looked for operators, decluttered and not yet optimised. `shape` is its one input, batch first.
pub(super) fn decluttered(mut onnx: &[u8], shape: [usize; 4]) -> TractResult<TypedModel> {
    tract_onnx::onnx()
        .model_for_read(&mut onnx)?
        .with_input_fact(0, f32::fact(shape).into())?
        .into_typed()?
        .into_decluttered()
}

/// The same net with our operators in place of what they stand for.
pub(super) fn with_own_operators(mut model: TypedModel) -> TractResult<TypedModel> {
    Rewriter::default()
        .with_rule_for("own depthwise", depthwise)
        .with_rule_for("own max pool", max_pool)
        .with_rule_for("own prelu", prelu)
        .rewrite(&(), &mut model)?;
    Ok(model)
}

type Patch = TractResult<Option<TypedModelPatch>>;

fn constant(model: &TypedModel, outlet: OutletId) -> Option<Arc<Tensor>> {
    model.outlet_fact(outlet).ok()?.konst.clone()
}

/// The shape of an outlet that holds the planes of one picture in f32.
fn planes(model: &TypedModel, outlet: OutletId) -> Option<TVec<usize>> {
    let fact = model.outlet_fact(outlet).ok()?;
    let shape = fact.shape.as_concrete()?;
    (fact.datum_type == f32::datum_type() && dimensions(shape).is_some()).then(|| shape.into())
}

/// One value for each channel, where there may be one for all.
fn for_each_channel(values: &Tensor, channels: usize) -> TractResult<Arc<Tensor>> {
    let view = values.try_as_plain_ram()?;
    let values = view.as_slice::<f32>()?;
    let each: Vec<f32> = values.iter().copied().cycle().take(channels).collect();
    Ok(tensor1(&each).into_arc_tensor())
}

fn channel_outside(pool: &PoolSpec) -> bool {
    matches!(pool.data_format, DataFormat::NCHW | DataFormat::CHW)
        && pool.dilations.as_ref().is_none_or(|dilations| dilations.iter().all(|&d| d == 1))
}

fn depthwise(_: &(), model: &TypedModel, node: &TypedNode, _: &str, conv: &Conv) -> Patch {
    let pool = &conv.pool_spec;
    let channels = pool.input_channels;
    if !channel_outside(pool) || conv.q_params.is_some() || conv.group != channels || pool.output_channels != channels {
        return Ok(None);
    }
    let (&[size, other], Some(shape)) = (&*pool.kernel_shape, planes(model, node.inputs[0])) else { return Ok(None) };
    let strides = pool.strides.as_deref().unwrap_or(&[1, 1]);
    if size != other || ![3, 5].contains(&size) || (strides != [1, 1] && strides != [2, 2]) {
        return Ok(None);
    }
    let (Some(kernel), Some(bias)) = (constant(model, node.inputs[1]), constant(model, node.inputs[2])) else {
        return Ok(None);
    };
    if bias.len() != channels && bias.len() != 1 {
        return Ok(None);
    }
    let (_, height, width) = dimensions(&shape).unwrap_or_default();
    let computed = pool.padding.compute(&[height, width], &[size, size], &[1, 1], strides);
    let [rows, columns] = [&computed[0], &computed[1]];
    let op = Depthwise {
        kernel: Arc::new(conv.kernel_fmt.kernel_as_group_o_ihw(&kernel, channels)?),
        bias: for_each_channel(&bias, channels)?,
        size,
        stride: strides[0],
        before: [rows.pad_before, columns.pad_before],
        after: [rows.pad_after, columns.pad_after],
    };
    TypedModelPatch::replace_single_op(model, node, &node.inputs[..1], op).map(Some)
}

fn max_pool(_: &(), model: &TypedModel, node: &TypedNode, _: &str, op: &MaxPool) -> Patch {
    let pool = &op.pool_spec;
    let fits = channel_outside(pool)
        && op.with_index_outputs.is_none()
        && *pool.kernel_shape == [2, 2]
        && pool.strides.as_deref() == Some(&[2, 2])
        && planes(model, node.inputs[0]).is_some_and(|shape| {
            let (_, height, width) = dimensions(&shape).unwrap_or_default();
            let sides = pool.padding.compute(&[height, width], &[2, 2], &[1, 1], &[2, 2]);
            sides.iter().all(|side| side.pad_before == 0 && side.pad_after == 0)
        });
    if !fits {
        return Ok(None);
    }
    TypedModelPatch::replace_single_op(model, node, &node.inputs, MaxPool2).map(Some)
}

/// The operands of a binary operator of this name that makes `outlet`.
fn operands<'m>(model: &'m TypedModel, outlet: OutletId, name: &str) -> Option<&'m [OutletId]> {
    let node = model.node(outlet.node);
    is(node.op_as::<TypedBinOp>()?, name).then_some(&*node.inputs)
}

fn is(op: &TypedBinOp, name: &str) -> bool {
    op.0.name() == name
}

/// The operand beside a constant that passes `wanted`, and the constant.
fn beside_constant(
    model: &TypedModel,
    operands: &[OutletId],
    wanted: impl Fn(&Tensor) -> bool,
) -> Option<(OutletId, Arc<Tensor>)> {
    let &[a, b] = operands else { return None };
    let with = |value: OutletId, other: OutletId| Some((value, constant(model, other).filter(|c| wanted(c))?));
    with(a, b).or_else(|| with(b, a))
}

fn is_zero(tensor: &Tensor) -> bool {
    tensor.len() == 1 && tensor.cast_to_scalar::<f32>().is_ok_and(|value| value == 0.0)
}

/// `x` and the slopes where `outlet` is a PReLU of `x` spelled out as max(x, 0) + slope * min(x, 0).
fn spelled_out(model: &TypedModel, operands_of_sum: &[OutletId]) -> Option<(OutletId, Arc<Tensor>)> {
    let &[a, b] = operands_of_sum else { return None };
    let read = |positive: OutletId, negative: OutletId| {
        let (x, _) = beside_constant(model, operands(model, positive, "Max")?, is_zero)?;
        let (least, slope) = beside_constant(model, operands(model, negative, "Mul")?, |_| true)?;
        let (same, _) = beside_constant(model, operands(model, least, "Min")?, is_zero)?;
        (same == x).then_some((x, slope))
    };
    read(a, b).or_else(|| read(b, a))
}

/// Finds PReLU, spelled out, and the ReLU of a sum; takes in the sum before, and the missing channels of one of its sides.
fn prelu(_: &(), model: &TypedModel, node: &TypedNode, _: &str, op: &TypedBinOp) -> Patch {
    // What the function is of, its slopes, and how often it reads that.
    let found = if is(op, "Add") {
        spelled_out(model, &node.inputs).map(|(x, slope)| (x, slope, 2))
    } else if is(op, "Max") {
        let sum = beside_constant(model, &node.inputs, is_zero).map(|(x, _)| x);
        // Alone, it is cheap where it is; and where the sum is read again, it may be half of a PReLU.
        sum.filter(|&x| operands(model, x, "Add").is_some() && model.outlet_successors(x).len() == 1)
            .map(|x| (x, Arc::new(Tensor::from(0.0f32)), 1))
    } else {
        None
    };
    let Some((x, slope, readers)) = found else { return Ok(None) };
    let Some(shape) = planes(model, x) else { return Ok(None) };
    let (channels, ..) = dimensions(&shape).unwrap_or_default();
    // One for each channel, or one for all: nothing else broadcasts to planes the same way.
    let by_channel = slope.len() == channels && slope.shape().iter().rev().nth(2) == Some(&channels);
    if !by_channel && slope.len() != 1 {
        return Ok(None);
    }
    let op = AddPRelu { slope: for_each_channel(&slope, channels)? };
    let sum = operands(model, x, "Add").filter(|_| model.outlet_successors(x).len() == readers);
    let inputs = match sum {
        Some(&[a, b]) if planes(model, a).as_ref() == Some(&shape) && planes(model, b).as_ref() == Some(&shape) => {
            match (without_pad(model, a, &shape), without_pad(model, b, &shape)) {
                (None, b_less) => vec![a, b_less.unwrap_or(b)],
                (Some(a_less), _) => vec![b, a_less],
            }
        }
        _ => vec![x],
    };
    TypedModelPatch::replace_single_op(model, node, &inputs, op).map(Some)
}

/// What `outlet` is without the channels of zeros that were added behind it.
fn without_pad(model: &TypedModel, outlet: OutletId, shape: &[usize]) -> Option<OutletId> {
    let node = model.node(outlet.node);
    let pad = node.op_as::<Pad>()?;
    let PadMode::Constant(value) = &pad.mode else { return None };
    let channel = shape.len() - 3;
    let only_channels =
        pad.pads.iter().enumerate().all(|(axis, &(before, after))| before == 0 && (after == 0 || axis == channel));
    (is_zero(value) && only_channels).then(|| node.inputs[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::photo;
    use crate::photo::resize::{FilterType, resized};
    use crate::units::Rect;

    fn run(model: TypedModel, shape: &[usize], input: &[f32]) -> Vec<Vec<f32>> {
        let plan = model.into_optimized().and_then(|model| model.into_runnable()).expect("a net that runs");
        let tensor = Tensor::from_shape(shape, input).expect("a tensor");
        let outputs = plan.run(tvec!(tensor.into())).expect("outputs");
        let values = |value: &TValue| value.to_plain_array_view::<f32>().expect("numbers").iter().copied().collect();
        outputs.iter().map(values).collect()
    }

    /// Our operators give what the runtime's give, but for the rounding of sums, which grows from layer to layer; and none of
    /// those they are for is left.
    #[test]
    fn the_nets_answer_the_same() {
        use super::super::weights::{DETECTOR, FINE_LANDMARKS, LANDMARKS, SEGMENTER};
        let nets: [(&str, &[u8], [usize; 4]); 4] = [
            ("detector", DETECTOR, [1, 128, 128, 3]),
            ("landmarks", LANDMARKS, [1, 192, 192, 3]),
            ("fine landmarks", FINE_LANDMARKS, [1, 256, 256, 3]),
            ("segmenter", SEGMENTER, [1, 256, 256, 3]),
        ];
        // A photo, not noise: on noise the segmenter says nothing but zeros.
        let photo =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/sample-photos/样例-蓝底.jpg")).expect("a photo");
        let rgb = photo::decode(&photo, None, &Limits::default()).1.expect("a photo").rgb;
        let whole = Rect::from_edges(0.0, 0.0, f64::from(rgb.width()), f64::from(rgb.height()));
        for (name, bytes, shape) in nets {
            let side = shape[1] as u32;
            let small = resized(&rgb, whole, (side, side), FilterType::Bilinear).expect("a size");
            let input: Vec<f32> = small.as_raw().iter().map(|&value| f32::from(value) / 255.0).collect();
            let plain = decluttered(bytes, shape).expect("embedded weights");
            let own = with_own_operators(plain.clone()).expect("a net with our operators");
            let left = |op: &dyn Fn(&TypedNode) -> bool| own.nodes().iter().filter(|node| op(node)).count();
            assert_eq!(left(&|node| node.op_is::<MaxPool>()), 0, "{name}");
            let by_plane = |conv: &Conv| conv.group > 1 && conv.group == conv.pool_spec.output_channels;
            assert_eq!(left(&|node| node.op_as::<Conv>().is_some_and(by_plane)), 0, "{name}");
            let plain = run(plain, &shape, &input);
            let spread = |values: &[f32]| values.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
            let (least, most) = spread(&plain[0]);
            assert!(most - least > 0.5, "{name} tells nothing apart: {least} to {most}");
            for (plain, own) in plain.iter().zip(run(own, &shape, &input)) {
                let largest = plain.iter().fold(1.0f32, |most, v| most.max(v.abs()));
                let off = plain.iter().zip(&own).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
                assert!(off <= 1e-4 * largest, "{name}: {off} of {largest}");
            }
        }
    }
}
