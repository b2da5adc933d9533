//! Compares what gradphoto could use to find faces: detectors, landmark nets, runtimes. Prints Markdown tables, and on
//! stderr the photos in which a detector counts other faces than a person does.
//!
//! `cargo run --release --manifest-path tools/compare-nets/Cargo.toml -- ../shared`, where `../shared` holds `photos/` and
//! `models/` (the nets that are compared and not shipped). Times are of one thread; run it on a machine that does nothing
//! else.

mod data;
mod detection;
mod landmarks;
mod runtimes;
mod seeta;
mod stats;

use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let shared = std::env::args_os().nth(1).map(PathBuf::from).context("usage: compare-nets FOLDER")?;
    let models = shared.join("models");
    let photos = shared.join("photos");
    detection::compare(&models, &photos)?;
    landmarks::compare(&models, &photos)?;
    runtimes::compare(&models, &photos)
}
