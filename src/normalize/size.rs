//! In which sizes a photo may be made: the profile's canvas, or a smaller one where `file.dimensions` accepts it and the
//! source has no more detail.

use crate::profile::{Canvas, Profile, Rule};

/// Enlargement that nobody sees, and that is not worth an odd size: a photo of the canvas's size, laid half a per cent larger,
/// stays of that size.
const UNSEEN: f64 = 1.01;

/// The sizes a result may have: whole multiples of the canvas's smallest shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    /// Smallest whole width and height of the canvas's shape.
    step: (u32, u32),
    /// Steps of the smallest size that is accepted.
    least: u32,
    /// Steps of the canvas.
    most: u32,
    /// Pixels of the file per pixel of the picture that scales are of: more than 1 where it was decoded smaller.
    reduction: f64,
}

impl Sizes {
    /// The sizes of a profile's canvas and shape, from the smallest that `file.dimensions` accepts. Without that check there
    /// is only the canvas. `reduction`: pixels of the file per pixel of the picture.
    pub(super) fn of(profile: &Profile, reduction: u32) -> Self {
        let Canvas { width, height } = profile.canvas;
        let most = divisor(width, height).max(1);
        let step = (width / most, height / most);
        let accepts = |rule: &Rule, steps: u32| {
            let (w, h) = (f64::from(step.0 * steps), f64::from(step.1 * steps));
            rule.width.contains(w) && rule.height.contains(h) && rule.ratio.contains(w / h)
        };
        let judged = profile.rule("file.dimensions").filter(|rule| !rule.info);
        let least = judged.and_then(|rule| (1..=most).find(|&steps| accepts(rule, steps)));
        Self { step, least: least.unwrap_or(most), most, reduction: reduction.into() }
    }

    /// The canvas.
    pub(super) fn preferred(&self) -> Canvas {
        self.size(self.most)
    }

    /// The largest scale onto the canvas that the smallest size turns into no enlargement.
    pub(super) fn most_scale(&self) -> f64 {
        f64::from(self.most) / f64::from(self.least) * self.reduction
    }

    /// The size for a picture that is scaled by `scale` onto the canvas: the largest at which it is not enlarged, else the
    /// smallest. Where enlarging is allowed, a little of it is overlooked.
    pub(super) fn without_enlarging(&self, scale: f64, may_enlarge: bool) -> Canvas {
        let steps =
            (f64::from(self.most) / scale * self.reduction * if may_enlarge { UNSEEN } else { 1.0 + 1e-9 }).floor();
        self.size(steps.clamp(f64::from(self.least), f64::from(self.most)) as u32)
    }

    fn size(&self, steps: u32) -> Canvas {
        Canvas { width: self.step.0 * steps, height: self.step.1 * steps }
    }
}

/// Greatest common divisor.
fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    /// A profile with this canvas and rule of dimensions.
    fn sizes(canvas: &str, dimensions: &str) -> Sizes {
        let text = format!(
            "id = \"office\"\nversion = \"1\"\ntitle = {{ zh = \"办\", en = \"office\" }}\nsource = \"letter\"\nconfidence = \"H\"\n\
             canvas = {canvas}\n[check.\"face.count\"]\nfail = {{ min = 1, max = 1 }}\n{dimensions}"
        );
        Sizes::of(&parse(&text).expect("a profile"), 1)
    }

    const RANGE: &str = "[check.\"file.dimensions\"]\nwidth = { min = 354, max = 480 }\nheight = { min = 472, max = 640 }\n\
        ratio = { min = 0.75, max = 0.75 }";

    #[test]
    fn a_source_without_more_detail_gets_the_largest_size_that_enlarges_nothing() {
        let sizes = sizes("{ width = 480, height = 640 }", RANGE);
        let at = |scale| sizes.without_enlarging(scale, true).width;
        assert_eq!((at(0.5), at(1.0)), (480, 480));
        // 480 / 1.2 = 400, and a per cent of it; 402 is the next multiple of three.
        assert_eq!(sizes.without_enlarging(1.2, true), Canvas { width: 402, height: 536 });
        assert_eq!(sizes.without_enlarging(1.2, false), Canvas { width: 399, height: 532 });
        assert_eq!((at(1.009), at(1.02)), (480, 474));
        assert_eq!((at(480.0 / 354.0), at(9.0)), (357, 354));
        assert!((sizes.most_scale() - 480.0 / 354.0).abs() < 1e-12);
    }

    #[test]
    fn what_was_decoded_smaller_counts_as_the_file_it_is_of() {
        let whole = sizes("{ width = 480, height = 640 }", RANGE);
        let half = Sizes { reduction: 2.0, ..whole };
        for scale in [0.7, 1.0, 1.2, 1.5] {
            assert_eq!(half.without_enlarging(2.0 * scale, false), whole.without_enlarging(scale, false));
        }
        assert!((half.most_scale() - 2.0 * whole.most_scale()).abs() < 1e-12);
    }

    #[test]
    fn one_size_is_the_only_size() {
        for dimensions in
            ["", "[check.\"file.dimensions\"]\nwidth = { min = 358, max = 358 }\nheight = { min = 441, max = 441 }"]
        {
            let sizes = sizes("{ width = 358, height = 441 }", dimensions);
            assert_eq!(
                (sizes.most_scale(), sizes.without_enlarging(3.0, true)),
                (1.0, sizes.preferred()),
                "{dimensions}"
            );
        }
    }

    /// Whatever the scale, the size is accepted, has the shape, and enlarges only when it is the smallest.
    #[test]
    fn every_scale_gets_an_accepted_size() {
        let sizes = sizes("{ width = 480, height = 640 }", RANGE);
        for i in 1..400 {
            let scale = f64::from(i) / 100.0;
            let Canvas { width, height } = sizes.without_enlarging(scale, true);
            assert!((354..=480).contains(&width) && (472..=640).contains(&height) && width * 4 == height * 3);
            let kept = scale * f64::from(width) / 480.0;
            assert!(kept <= UNSEEN + 1e-6 || width == 354, "{scale}: {width}");
        }
    }
}
