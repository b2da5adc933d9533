//! Pure functions from facts to numbers with units; no thresholds, no messages.

pub mod artifacts;
pub mod border;
pub mod clothes;
pub mod cover;
pub mod glasses;
pub mod jewelry;
pub mod light;
pub mod plane;
pub mod sharpness;
pub mod skin;
pub mod text;
