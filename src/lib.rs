//! gradphoto judges certificate photos against a registry's standard: which rule a photo breaks, by how much, and what
//! mends it, in Chinese and English.
//!
//! The modules in the order a photo walks through them: [`photo`] reads the bytes, [`face`] finds the face and its
//! landmarks, [`scene`] tells person from background, [`facts`] gathers what is known, [`check`] measures,
//! [`judge`] compares with a [`profile`], [`report`] says it. [`normalize`] makes a photo that keeps the rules. [`Engine`] holds the weights and runs the walk.
//! Beside that walk, [`signature`] cuts a signature out of a picture of it.

pub mod check;
pub mod engine;
pub mod face;
pub mod facts;
pub mod judge;
pub mod limits;
mod linear;
pub mod measure;
pub mod normalize;
pub mod photo;
pub mod profile;
pub mod report;
pub mod scene;
pub mod signature;
pub mod units;

#[cfg(feature = "batch")]
pub mod batch;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod evaluate;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "cli")]
pub mod print;
#[cfg(feature = "cli")]
pub mod roster;
#[cfg(feature = "server")]
pub mod store;

pub use engine::{Engine, EngineError, Input};
pub use profile::Profile;
pub use report::{Report, Verdict};
pub use units::Lang;

/// The code in the read-me is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadMe;
