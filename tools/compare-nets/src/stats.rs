//! Order statistics and clocks.

use std::time::Instant;

/// Milliseconds that `work` takes, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e3, result)
}

/// The value below which a share `q` of the values lies; NaN of none.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = q * sorted.len().saturating_sub(1) as f64;
    let value = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
    let (low, high) = (value(at.floor() as usize), value(at.ceil() as usize));
    low + (high - low) * at.fract()
}

/// `min / median` of times.
pub fn times(values: &[f64]) -> String {
    format!("{:.1} / {:.1}", quantile(values, 0.0), quantile(values, 0.5))
}

/// `bias / median / 95th percentile` of errors: the signed median, then the sizes.
pub fn errors(values: &[f64]) -> String {
    let sizes: Vec<f64> = values.iter().map(|v| v.abs()).collect();
    format!("{:+.1} / {:.1} / {:.1}", quantile(values, 0.5), quantile(&sizes, 0.5), quantile(&sizes, 0.95))
}
