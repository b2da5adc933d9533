//! What the program is willing to read: every limit is tested before memory is taken.

use serde::{Deserialize, Serialize};

/// Bounds on one input photo. Photos are hostile until decoded; these hold before anything is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Largest width and largest height, in pixels.
    pub max_side: u32,
    /// Largest width times height, in pixels.
    pub max_pixels: u64,
}

impl Default for Limits {
    /// 32 MiB, 16384 px a side, 64 megapixels: above every phone and studio camera in use, and below 300 MB of memory.
    fn default() -> Self {
        Self { max_bytes: 32 << 20, max_side: 16_384, max_pixels: 64_000_000 }
    }
}
