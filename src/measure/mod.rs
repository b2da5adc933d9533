//! Pure functions from facts to numbers with units; no thresholds, no messages.

pub mod artifacts;
pub mod border;
pub mod clothes;
pub mod eyes;
pub mod light;
pub mod mouth;
pub mod plane;
pub mod sharpness;
pub mod skin;
pub mod text;
