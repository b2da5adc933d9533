//! Pure functions from facts to numbers with units; no thresholds, no messages.

pub mod artifacts;
pub mod border;
pub mod clothes;
pub mod components;
pub mod cover;
pub mod document;
pub mod eyes;
pub mod glasses;
pub mod jewelry;
pub mod light;
pub mod mouth;
pub mod plane;
pub mod proportion;
pub mod sharpness;
pub mod shoulders;
pub mod skin;
pub mod text;
pub mod texture;

#[cfg(test)]
pub(crate) mod fake;
