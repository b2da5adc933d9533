//! Runtimes: tract, which gradphoto uses, against rten, on the same input.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use gradphoto::face::net::Net;
use image::imageops::{self, FilterType};
use rten::{Model, ModelOptions, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};

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
        "ms an inference on one thread, smallest / median. Ready: ms to make the net ready for its first inference.\n"
    );
    println!("| net | tract | rten | tract ready | rten ready | largest difference | on values up to |");
    println!("|---|---|---|---|---|---|---|");
    for (name, side, [low, high]) in NETS {
        let small = imageops::resize(&photo, side as u32, side as u32, FilterType::Triangle);
        let input: Vec<f32> = small.as_raw().iter().map(|&v| low + f32::from(v) / 255.0 * (high - low)).collect();

        let tract = data::net(models, name, side)?;
        let (tract_ready, first) = timed(|| tract.run(input.clone()));
        let ours = first?;
        let bytes = data::weights(models, name)?;
        let (rten_ready, rten) = timed(|| Rten::new(bytes, [1, side, side, 3], one.clone()));
        let rten = rten?;
        let theirs = rten.run(&input)?;

        let (mut tract_ms, mut rten_ms) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let fresh = input.clone();
            let (ms, result) = timed(|| tract.run(fresh));
            result?;
            tract_ms.push(ms);
            let (ms, result) = timed(|| rten.run(&input));
            result?;
            rten_ms.push(ms);
        }
        let (apart, largest) = difference(&ours, &theirs).with_context(|| name.to_string())?;
        let (tract_ms, rten_ms) = (times(&tract_ms), times(&rten_ms));
        println!(
            "| {name} | {tract_ms} | {rten_ms} | {tract_ready:.0} | {rten_ready:.0} | {apart:.1e} | {largest:.0} |"
        );
    }
    Ok(())
}

/// Largest difference of two answers and the largest value of the first. Answers of other shapes, and values that are
/// not finite, are errors: `f32::max` would pass over them and call the answers equal.
fn difference(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> Result<(f32, f32)> {
    let lengths = |outputs: &[Vec<f32>]| outputs.iter().map(Vec::len).collect::<Vec<_>>();
    ensure!(lengths(ours) == lengths(theirs), "outputs of {:?} and {:?} values", lengths(ours), lengths(theirs));
    let (mut apart, mut largest) = (0.0f32, 0.0f32);
    for (output, (a, b)) in ours.iter().zip(theirs).enumerate() {
        for (&a, &b) in a.iter().zip(b) {
            ensure!(a.is_finite() && b.is_finite(), "output {output}: tract says {a}, rten says {b}");
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
