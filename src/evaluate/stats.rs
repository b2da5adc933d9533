//! Percentiles and errors.

use schemars::JsonSchema;
use serde::Serialize;

/// How many of the worst files a measurement lists.
pub const WORST: usize = 3;

/// Percentile of `sorted` (ascending) by linear interpolation between the closest ranks, as numpy's default: the value
/// at rank `q / 100 * (n - 1)`. `None` when there is no value. `q` is 0 to 100.
pub fn percentile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = q.clamp(0.0, 100.0) / 100.0 * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    Some(low + (high - low) * rank.fract())
}

/// The error of one measurement over many photos: measured minus truth.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ErrorStats {
    /// What is measured, such as `eye-line`.
    pub name: String,
    /// `px` at the profile's scale, or `degrees`.
    pub unit: String,
    /// Photos with a truth and a measurement.
    pub count: usize,
    /// Photos with a truth but without a measurement; they are in no other number.
    pub unmeasured: usize,
    /// Mean error, with its sign.
    pub bias: Option<f64>,
    /// Median of the absolute error.
    pub median: Option<f64>,
    /// 95th percentile of the absolute error, linear between ranks.
    pub p95: Option<f64>,
    /// Largest absolute error.
    pub max: Option<f64>,
    /// The files with the largest errors, with the sign of the error.
    pub worst: Vec<FileError>,
}

/// The error on one file.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FileError {
    /// The file as labelled.
    pub file: String,
    /// Measured minus truth.
    pub error: f64,
}

/// Collects the errors of one measurement.
#[derive(Debug, Default)]
pub(super) struct Errors {
    measured: Vec<FileError>,
    unmeasured: usize,
}

impl Errors {
    pub(super) fn add(&mut self, file: &str, error: Option<f64>) {
        match error.filter(|error| error.is_finite()) {
            Some(error) => self.measured.push(FileError { file: file.to_owned(), error }),
            None => self.unmeasured += 1,
        }
    }

    /// `None` when no photo has a truth.
    pub(super) fn finish(mut self, name: &str, unit: &str) -> Option<ErrorStats> {
        if self.measured.is_empty() && self.unmeasured == 0 {
            return None;
        }
        self.measured.sort_by(|a, b| b.error.abs().total_cmp(&a.error.abs()));
        let absolute: Vec<f64> = self.measured.iter().rev().map(|file| file.error.abs()).collect();
        let sum: f64 = self.measured.iter().map(|file| file.error).sum();
        let count = self.measured.len();
        self.measured.truncate(WORST);
        Some(ErrorStats {
            name: name.to_owned(),
            unit: unit.to_owned(),
            count,
            unmeasured: self.unmeasured,
            bias: (count > 0).then(|| sum / count as f64),
            median: percentile(&absolute, 50.0),
            p95: percentile(&absolute, 95.0),
            max: absolute.last().copied(),
            worst: self.measured,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy.percentile([1, 2, 3, 4], [0, 25, 50, 95, 100]).
    #[test]
    fn percentiles_are_those_of_numpy() {
        let sorted = [1.0, 2.0, 3.0, 4.0];
        for (q, expected) in [(0.0, 1.0), (25.0, 1.75), (50.0, 2.5), (95.0, 3.85), (100.0, 4.0)] {
            let got = percentile(&sorted, q).expect("values");
            assert!((got - expected).abs() < 1e-12, "{q}: {got}");
        }
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(percentile(&[7.0], 95.0), Some(7.0));
    }

    #[test]
    fn bias_keeps_its_sign_and_the_worst_come_first() {
        let mut errors = Errors::default();
        for (file, error) in [("a", 1.0), ("b", -5.0), ("c", 2.0), ("d", -2.5)] {
            errors.add(file, Some(error));
        }
        errors.add("e", None);
        let stats = errors.finish("eye-line", "px").expect("truths");
        assert_eq!((stats.count, stats.unmeasured), (4, 1));
        assert_eq!((stats.bias, stats.median, stats.max), (Some(-1.125), Some(2.25), Some(5.0)));
        assert_eq!(stats.worst.iter().map(|f| f.file.as_str()).collect::<Vec<_>>(), ["b", "d", "c"]);
        assert_eq!(stats.worst[0].error, -5.0);
    }
}
