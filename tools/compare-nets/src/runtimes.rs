//! Runtimes: gradphoto's own kernels against tract and rten, on the same input.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use gradphoto::face::net::{Net, OnnxNet, rows_of};
use image::imageops::{self, FilterType};
use rten::{Model, ModelOptions, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};
use tract_onnx::prelude::{DatumExt, Framework, InferenceModelExt, IntoRunnable, TypedRunnableModel, tvec};

use crate::data::{self, Table};
use crate::stats::{timed, times};

/// Net, side of its input, and the range its input is scaled to.
const NETS: [(&str, usize, [f32; 2]); 4] = [
    ("face_detection_short_range", 128, [-1.0, 1.0]),
    ("face_landmark", 192, [0.0, 1.0]),
    ("face_landmarks_detector", 256, [0.0, 1.0]),
    ("selfie_segmenter", 256, [0.0, 1.0]),
];

/// Inferences that are timed, taken in turns so that a slow moment of the machine hits both.
const ROUNDS: usize = 60;

/// Prints the table.
pub fn compare(models: &Path, photos: &Path) -> Result<()> {
    let table = Table::read(&photos.join("portraits.csv"))?;
    let row = table.rows().next().context("no portraits")?;
    let photo = data::open(&photos.join(row.text("file")?))?;
    let one = Arc::new(ThreadPool::with_num_threads(1));

    println!("\n## Runtimes\n");
    println!(
        "ms an inference on one thread, smallest / median. Ready: ms to make the net ready and run it once. Difference: the largest of \
         gradphoto's answer from either.\n"
    );
    println!("| net | gradphoto | tract | rten | ready: gradphoto | tract | rten | difference | on values up to |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, side, [low, high]) in NETS {
        let small = imageops::resize(&photo, side as u32, side as u32, FilterType::Triangle);
        let input: Vec<f32> = small.as_raw().iter().map(|&v| low + f32::from(v) / 255.0 * (high - low)).collect();
        let shape = [1, side, side, 3];
        let bytes = data::weights(models, name)?;

        let (own_ready, own) = timed(|| ready(Own(data::net(models, name, side)?), &input));
        let (tract_ready, tract) = timed(|| ready(Tract::new(bytes, shape)?, &input));
        let (rten_ready, rten) = timed(|| ready(Rten::new(bytes, shape, one.clone())?, &input));
        let ((own, ours), (tract, of_tract), (rten, of_rten)) = (own?, tract?, rten?);
        let runtimes: [&dyn Runtime; 3] = [&own, &tract, &rten];

        let mut spent = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            for (runtime, spent) in runtimes.iter().zip(&mut spent) {
                let (ms, result) = timed(|| runtime.run(&input));
                result?;
                spent.push(ms);
            }
        }
        let (from_tract, largest) = difference(&ours, &of_tract).with_context(|| name.to_string())?;
        let (from_rten, _) = difference(&ours, &of_rten).with_context(|| name.to_string())?;
        let [own_ms, tract_ms, rten_ms] = spent.map(|spent| times(&spent));
        println!(
            "| {name} | {own_ms} | {tract_ms} | {rten_ms} | {own_ready:.0} | {tract_ready:.0} | {rten_ready:.0} | {:.1e} | {largest:.0} |",
            from_tract.max(from_rten)
        );
    }
    Ok(())
}

/// Something that runs one net.
trait Runtime {
    fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>>;
}

/// A runtime after its first answer.
fn ready<R: Runtime>(runtime: R, input: &[f32]) -> Result<(R, Vec<Vec<f32>>)> {
    let answer = runtime.run(input)?;
    Ok((runtime, answer))
}

/// A net run by gradphoto.
struct Own(OnnxNet);

impl Runtime for Own {
    fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>> {
        Ok(self.0.run(&mut rows_of(input))?)
    }
}

/// A net run by tract.
struct Tract {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
}

impl Tract {
    fn new(mut bytes: &[u8], shape: [usize; 4]) -> Result<Self> {
        let model = tract_onnx::onnx().model_for_read(&mut bytes)?.with_input_fact(0, f32::fact(shape).into())?;
        Ok(Self { plan: model.into_optimized()?.into_runnable()?, shape })
    }
}

impl Runtime for Tract {
    fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>> {
        let tensor = tract_onnx::prelude::Tensor::from_shape(&self.shape, input)?;
        let outputs = self.plan.run(tvec!(tensor.into()))?;
        outputs.iter().map(|value| Ok(value.to_plain_array_view::<f32>()?.iter().copied().collect())).collect()
    }
}

/// Largest difference of two answers and the largest value of the first. Answers of other shapes, and values that are
/// not finite, are errors: `f32::max` would pass over them and call the answers equal.
fn difference(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> Result<(f32, f32)> {
    let lengths = |outputs: &[Vec<f32>]| outputs.iter().map(Vec::len).collect::<Vec<_>>();
    ensure!(lengths(ours) == lengths(theirs), "outputs of {:?} and {:?} values", lengths(ours), lengths(theirs));
    let (mut apart, mut largest) = (0.0f32, 0.0f32);
    for (output, (a, b)) in ours.iter().zip(theirs).enumerate() {
        for (&a, &b) in a.iter().zip(b) {
            ensure!(a.is_finite() && b.is_finite(), "output {output}: gradphoto says {a}, another runtime {b}");
            apart = apart.max((a - b).abs());
            largest = largest.max(a.abs());
        }
    }
    Ok((apart, largest))
}

/// A net run by rten on one thread.
struct Rten {
    model: Model,
    shape: [usize; 4],
    pool: Arc<ThreadPool>,
}

impl Rten {
    fn new(bytes: &'static [u8], shape: [usize; 4], pool: Arc<ThreadPool>) -> Result<Self> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        Ok(Self { model: options.load_static_slice(bytes)?, shape, pool })
    }
}

impl Runtime for Rten {
    fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>> {
        let view = TensorView::from_data(&self.shape[..], input);
        let id = *self.model.input_ids().first().context("a net without input")?;
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        let outputs = self.model.run(vec![(id, ValueOrView::from(view))], self.model.output_ids(), Some(options))?;
        outputs
            .into_iter()
            .map(|value| {
                let tensor: Tensor<f32> = value.try_into()?;
                Ok(tensor.to_vec())
            })
            .collect()
    }
}
